//! Ephemeral Diffie-Hellman; RFC 8422 sections 5.10 and 5.11.

use p256::elliptic_curve::Generate;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{CryptoError, NamedGroup};

/// The premaster secret; its length is that of the group.
pub(crate) type Premaster = Zeroizing<Vec<u8>>;

/// Our half of a key exchange; used once.
pub(crate) enum EphemeralKey {
    X25519(x25519_dalek::StaticSecret),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

impl EphemeralKey {
    /// A new key; `None` if the group is not one of ours.
    pub(crate) fn generate(group: NamedGroup, rng: &mut impl CryptoRng) -> Option<Self> {
        match group {
            NamedGroup::X25519 => Some(Self::X25519(x25519_dalek::StaticSecret::random_from_rng(rng))),
            NamedGroup::SECP256R1 => Some(Self::P256(p256::SecretKey::generate_from_rng(rng))),
            NamedGroup::SECP384R1 => Some(Self::P384(p384::SecretKey::generate_from_rng(rng))),
            _ => None,
        }
    }

    pub(crate) const fn group(&self) -> NamedGroup {
        match self {
            Self::X25519(_) => NamedGroup::X25519,
            Self::P256(_) => NamedGroup::SECP256R1,
            Self::P384(_) => NamedGroup::SECP384R1,
        }
    }

    /// Appends our public key as it goes on the wire.
    pub(crate) fn put_public_key(&self, out: &mut Vec<u8>) {
        match self {
            Self::X25519(secret) => out.extend_from_slice(x25519_dalek::PublicKey::from(secret).as_bytes()),
            Self::P256(secret) => {
                let point = p256::Sec1Point::from(secret.public_key());
                out.extend_from_slice(point.as_bytes());
            }
            Self::P384(secret) => {
                let point = p384::Sec1Point::from(secret.public_key());
                out.extend_from_slice(point.as_bytes());
            }
        }
    }

    /// The secret that only the two of us know. A key that is not on the curve, or that would make the secret known to
    /// everybody, is refused.
    pub(crate) fn agree(self, peer: &[u8]) -> Result<Premaster, CryptoError> {
        match self {
            Self::X25519(secret) => {
                let peer: [u8; 32] = peer.try_into().map_err(|_| CryptoError::PublicKey)?;
                let shared = secret.diffie_hellman(&peer.into());
                if !shared.was_contributory() {
                    return Err(CryptoError::PublicKey);
                }
                Ok(Zeroizing::new(shared.to_bytes().to_vec()))
            }
            Self::P256(secret) => {
                let peer = p256::PublicKey::from_sec1_bytes(uncompressed::<65>(peer)?);
                let peer = peer.map_err(|_| CryptoError::PublicKey)?;
                let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
                Ok(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
            }
            Self::P384(secret) => {
                let peer = p384::PublicKey::from_sec1_bytes(uncompressed::<97>(peer)?);
                let peer = peer.map_err(|_| CryptoError::PublicKey)?;
                let shared = p384::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
                Ok(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
            }
        }
    }
}

/// A point in the uncompressed form, the only one that is negotiated; RFC 8422 section 5.1.2.
fn uncompressed<const LEN: usize>(bytes: &[u8]) -> Result<&[u8], CryptoError> {
    if bytes.len() == LEN && bytes[0] == 4 { Ok(bytes) } else { Err(CryptoError::PublicKey) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::rng;
    use nomagic_testkit::vectors::{hex, json};

    #[test]
    fn both_ends_agree_in_every_group() {
        for group in NamedGroup::SUPPORTED {
            let [ours, theirs] = [1, 2].map(|seed| EphemeralKey::generate(group, &mut rng(seed)).unwrap());
            let (mut our_public, mut their_public) = (Vec::new(), Vec::new());
            ours.put_public_key(&mut our_public);
            theirs.put_public_key(&mut their_public);
            let secret = ours.agree(&their_public).unwrap();
            assert_eq!(*secret, *theirs.agree(&our_public).unwrap());
        }
        assert!(EphemeralKey::generate(NamedGroup(0x11ec), &mut rng(1)).is_none());
    }

    // D38
    /// Points that are not on the curve, at infinity, or compressed; a result that is zero.
    #[test]
    fn keys_that_are_no_points_are_refused() {
        let p256 = || EphemeralKey::generate(NamedGroup::SECP256R1, &mut rng(1)).unwrap();
        let mut public = Vec::new();
        p256().put_public_key(&mut public);
        assert!(p256().agree(&public).is_ok());
        let mut off_curve = public.clone();
        off_curve[64] ^= 1;
        let mut compressed = public[..33].to_vec();
        compressed[0] = 2 | public[64] & 1;
        assert!(p256::PublicKey::from_sec1_bytes(&compressed).is_ok(), "it is a point");
        for bad in [&off_curve[..], &compressed, &[0], &[], &public[..64]] {
            assert_eq!(p256().agree(bad), Err(CryptoError::PublicKey));
        }
        let p384 = || EphemeralKey::generate(NamedGroup::SECP384R1, &mut rng(1)).unwrap();
        let mut public = Vec::new();
        p384().put_public_key(&mut public);
        assert!(p384().agree(&public).is_ok());
        let mut off_curve = public.clone();
        off_curve[96] ^= 1;
        let mut compressed = public[..49].to_vec();
        compressed[0] = 2 | public[96] & 1;
        assert!(p384::PublicKey::from_sec1_bytes(&compressed).is_ok(), "it is a point");
        for bad in [&off_curve[..], &compressed, &[0], &[], &public[..96]] {
            assert_eq!(p384().agree(bad), Err(CryptoError::PublicKey));
        }
        let x25519 = || EphemeralKey::generate(NamedGroup::X25519, &mut rng(1)).unwrap();
        for bad in [&[0; 32][..], &[9; 31], &[9; 33], &[]] {
            assert_eq!(x25519().agree(bad), Err(CryptoError::PublicKey));
        }
    }

    #[test]
    fn x25519_agrees_with_wycheproof() {
        let Some(file) = json("crypto/wycheproof-x25519_test.json") else { return };
        for case in file["testGroups"].as_array().unwrap().iter().flat_map(|g| g["tests"].as_array().unwrap())
        {
            let field = |name: &str| hex(case[name].as_str().unwrap());
            let private: [u8; 32] = field("private").try_into().unwrap();
            let agreed = EphemeralKey::X25519(private.into()).agree(&field("public"));
            if field("shared") == [0; 32] {
                assert_eq!(agreed, Err(CryptoError::PublicKey), "{case}");
            } else {
                assert_eq!(agreed.unwrap().to_vec(), field("shared"), "{case}");
            }
        }
    }

    #[test]
    fn p256_agrees_with_wycheproof() {
        let Some(file) = json("crypto/wycheproof-ecdh_secp256r1_ecpoint_test.json") else { return };
        for case in file["testGroups"].as_array().unwrap().iter().flat_map(|g| g["tests"].as_array().unwrap())
        {
            let field = |name: &str| hex(case[name].as_str().unwrap());
            let private = field("private");
            let private = &private[private.len().saturating_sub(32)..];
            let mut padded = [0; 32];
            padded[32 - private.len()..].copy_from_slice(private);
            let Ok(secret) = p256::SecretKey::from_bytes(&padded.into()) else { continue };
            let agreed = EphemeralKey::P256(secret).agree(&field("public"));
            let uncompressed = field("public").first() == Some(&4);
            assert_eq!(agreed.is_ok(), case["result"] == "valid" && uncompressed, "{case}");
            if let Ok(agreed) = agreed {
                assert_eq!(agreed.to_vec(), field("shared"), "{case}");
            }
        }
    }
}
