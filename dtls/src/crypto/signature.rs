//! Signatures: ECDSA on P-256 with SHA-256.

use p256::ecdsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::{CryptoError, SignatureScheme};

/// A public key that we can verify with.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey {
    P256(VerifyingKey),
}

impl PublicKey {
    /// Checks a signature over what has this SHA-256.
    pub(crate) fn verify(
        &self,
        scheme: SignatureScheme,
        digest: &[u8; 32],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        match (self, scheme) {
            (Self::P256(key), SignatureScheme::ECDSA_SECP256R1_SHA256) => {
                let signature = Signature::from_der(signature).map_err(|_| CryptoError::Signature)?;
                key.verify_prehash(digest, &signature).map_err(|_| CryptoError::Signature)
            }
            _ => Err(CryptoError::Signature),
        }
    }
}

/// Signs what has this SHA-256. The nonce is that of RFC 6979 with octets of the generator mixed in, so that
/// neither a weak generator nor a fault in computation gives the key away.
pub(crate) fn sign(key: &SigningKey, digest: &[u8; 32], rng: &mut impl CryptoRng) -> DerSignature {
    let signed: Result<Signature, _> = key.sign_prehash_with_rng(rng, digest);
    match signed {
        Ok(signature) => signature.to_der(),
        Err(_) => unreachable!("only a generator that fails makes signing fail"),
    }
}

/// The SHA-256 of a message that comes in parts.
pub(crate) fn digest(message: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    message.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::rng;
    use nomagic_testkit::vectors::{hex, json};
    use p256::elliptic_curve::Generate;

    const SCHEME: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;

    #[test]
    fn a_signature_verifies_for_its_message_only() {
        let key = SigningKey::generate_from_rng(&mut rng(1));
        let public = PublicKey::P256(*key.verifying_key());
        let signature = sign(&key, &digest(&[b"in ", b"parts"]), &mut rng(2));
        assert_eq!(public.verify(SCHEME, &digest(&[b"in parts"]), signature.as_bytes()), Ok(()));
        assert!(public.verify(SCHEME, &digest(&[b"in part"]), signature.as_bytes()).is_err());
        assert!(
            public.verify(SignatureScheme(0x0503), &digest(&[b"in parts"]), signature.as_bytes()).is_err()
        );
        let other = sign(&key, &digest(&[b"in parts"]), &mut rng(3));
        assert_ne!(signature.as_bytes(), other.as_bytes(), "the generator is mixed in");
    }

    /// D39: zero, out of range, negative, trailing octets and the like.
    #[test]
    fn ecdsa_agrees_with_wycheproof() {
        let Some(file) = json("crypto/wycheproof-ecdsa_secp256r1_sha256_test.json") else { return };
        for group in file["testGroups"].as_array().unwrap() {
            let point = hex(group["publicKey"]["uncompressed"].as_str().unwrap());
            let public = PublicKey::P256(VerifyingKey::from_sec1_bytes(&point).unwrap());
            for case in group["tests"].as_array().unwrap() {
                let field = |name: &str| hex(case[name].as_str().unwrap());
                let verified = public.verify(SCHEME, &digest(&[&field("msg")]), &field("sig"));
                assert_eq!(verified.is_ok(), case["result"] == "valid", "{case}");
            }
        }
    }
}
