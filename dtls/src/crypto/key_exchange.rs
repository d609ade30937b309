//! Ephemeral Diffie-Hellman; RFC 8422 sections 5.10 and 5.11.

use p256::elliptic_curve::Generate;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::provider::{Backend, KeyShare};
use super::{CryptoError, NamedGroup};

/// The premaster secret; its length is that of the group.
pub(crate) type Premaster = Zeroizing<Vec<u8>>;

/// Our half of a key exchange; used once.
pub(crate) enum EphemeralKey {
    X25519(x25519_dalek::StaticSecret),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(super::aws_lc::AwsLcShare),
    Plugged(NamedGroup, Box<dyn KeyShare>),
}

impl EphemeralKey {
    /// A new key; `None` if the group is not one of ours.
    pub(crate) fn generate(backend: &Backend, group: NamedGroup, rng: &mut impl CryptoRng) -> Option<Self> {
        if let Some(share) = backend.plugged().and_then(|provider| provider.key_share(group, rng)) {
            return Some(Self::Plugged(group, share));
        }
        #[cfg(feature = "aws-lc-rs")]
        if backend.takes_aws_lc()
            && let Some(share) = super::aws_lc::AwsLcShare::generate(group, rng)
        {
            return Some(Self::AwsLc(share));
        }
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
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(share) => share.group(),
            Self::Plugged(group, _) => *group,
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
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(share) => share.put_public_key(out),
            Self::Plugged(_, share) => out.extend_from_slice(share.public_key()),
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
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(share) => share.agree(well_formed(share.group(), peer)?),
            Self::Plugged(group, share) => {
                let secret = share.agree(well_formed(group, peer)?);
                secret.map(Zeroizing::new).ok_or(CryptoError::PublicKey)
            }
        }
    }
}

/// Our answer to the peer's half: our own half, and the secret.
pub(crate) fn answer(
    backend: &Backend,
    group: NamedGroup,
    peer: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Premaster), CryptoError> {
    if let Some(provider) = backend.plugged()
        && let Some((public_key, secret)) = provider.answer(group, well_formed(group, peer)?, rng)
    {
        return Ok((public_key, Zeroizing::new(secret)));
    }
    let key = EphemeralKey::generate(backend, group, rng).ok_or(CryptoError::PublicKey)?;
    let mut public_key = Vec::new();
    key.put_public_key(&mut public_key);
    Ok((public_key, key.agree(peer)?))
}

/// What has the form of a public key of the group, for implementations that may take others too.
fn well_formed(group: NamedGroup, peer: &[u8]) -> Result<&[u8], CryptoError> {
    match group {
        NamedGroup::SECP256R1 => uncompressed::<65>(peer),
        NamedGroup::SECP384R1 => uncompressed::<97>(peer),
        _ => Ok(peer),
    }
}

/// A point in the uncompressed form, the only one that is negotiated; RFC 8422 section 5.1.2.
fn uncompressed<const LEN: usize>(bytes: &[u8]) -> Result<&[u8], CryptoError> {
    if bytes.len() == LEN && bytes[0] == 4 { Ok(bytes) } else { Err(CryptoError::PublicKey) }
}

#[cfg(test)]
mod tests;
