//! Our own keys, and what is signed with them.

use p256::ecdsa::signature::hazmat::RandomizedPrehashSigner;
use p256::elliptic_curve::Generate;
use rand::CryptoRng;

use super::signature::SignatureHash;
use super::suite::Authentication;
use super::{NamedGroup, SignatureScheme};
use crate::certificate::IdentityError;

/// A private key. Its types wipe themselves when dropped.
pub(crate) enum SigningKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl SigningKey {
    /// A new key on P-256.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::P256(p256::ecdsa::SigningKey::generate_from_rng(rng))
    }

    /// A key of RSA: RSAPrivateKey as DER.
    pub(crate) fn rsa(_der: &[u8]) -> Result<Self, IdentityError> {
        Err(IdentityError::RsaSigning)
    }

    /// What the key can sign with, the first choice first.
    pub(crate) const fn schemes(&self) -> &'static [SignatureScheme] {
        use SignatureScheme as Scheme;
        match self {
            Self::P256(_) => &[
                Scheme::ECDSA_SECP256R1_SHA256,
                Scheme::ECDSA_SECP384R1_SHA384,
                Scheme::ECDSA_SECP521R1_SHA512,
            ],
            Self::P384(_) => &[
                Scheme::ECDSA_SECP384R1_SHA384,
                Scheme::ECDSA_SECP256R1_SHA256,
                Scheme::ECDSA_SECP521R1_SHA512,
            ],
            Self::Ed25519(_) => &[Scheme::ED25519],
        }
    }

    /// Which suites the key can sign for.
    pub(crate) const fn authentication(&self) -> Authentication {
        match self {
            Self::P256(_) | Self::P384(_) | Self::Ed25519(_) => Authentication::Ecdsa,
        }
    }

    /// The curve of an ECDSA key, which the peer must know; RFC 8422 section 5.1.1.
    pub(crate) const fn curve(&self) -> Option<NamedGroup> {
        match self {
            Self::P256(_) => Some(NamedGroup::SECP256R1),
            Self::P384(_) => Some(NamedGroup::SECP384R1),
            Self::Ed25519(_) => None,
        }
    }

    /// The public key as a certificate has it: a point, or whatever the algorithm says.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
        }
    }

    /// Signs `message` with one of [`SigningKey::schemes`]. The nonce of ECDSA is that of RFC 6979 with octets of the generator
    /// mixed in, so that neither a weak generator nor a fault in computation gives the key away.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let hash = SignatureHash::of(scheme).unwrap_or(SignatureHash::Sha256);
        match self {
            Self::P256(key) => {
                let signed: Result<p256::ecdsa::Signature, _> =
                    key.sign_prehash_with_rng(rng, hash.digest(message).as_ref());
                signed.map(|signature| signature.to_der().as_bytes().to_vec()).unwrap_or_default()
            }
            Self::P384(key) => {
                let signed: Result<p384::ecdsa::Signature, _> =
                    key.sign_prehash_with_rng(rng, hash.digest(message).as_ref());
                signed.map(|signature| signature.to_der().as_bytes().to_vec()).unwrap_or_default()
            }
            Self::Ed25519(key) => {
                use p256::ecdsa::signature::Signer;
                key.sign(message).to_bytes().to_vec()
            }
        }
    }
}
