//! Signatures of the peer: ECDSA, EdDSA and RSA; RFC 8422 section 5.10, RFC 8446 section 4.2.3.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BoxedUint, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::provider::Backend;
use super::suite::Authentication;
use super::{CryptoError, SignatureScheme};

/// Sizes of RSA keys that are taken, in bits: smaller ones prove little, greater ones cost too much to look at.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A public key that we can verify with.
#[derive(Debug, Clone)]
pub(crate) enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
    Rsa {
        key: RsaPublicKey,
        /// The key is for PSS only, with this hash if one is named; RFC 4055 section 1.2.
        pss: Option<Option<SignatureHash>>,
    },
}

/// The hash function of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureHash {
    Sha256,
    Sha384,
    Sha512,
}

impl SignatureHash {
    /// The scheme's; `None` if it has none of its own.
    pub(crate) const fn of(scheme: SignatureScheme) -> Option<Self> {
        match scheme {
            SignatureScheme::ECDSA_SECP256R1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_PSS_SHA256 => Some(Self::Sha256),
            SignatureScheme::ECDSA_SECP384R1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_PSS_SHA384 => Some(Self::Sha384),
            SignatureScheme::ECDSA_SECP521R1_SHA512
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_RSAE_SHA512
            | SignatureScheme::RSA_PSS_PSS_SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The hash of a message.
    pub(crate) fn digest(self, message: &[u8]) -> SignedHash {
        let mut hash = SignedHash { bytes: [0; 64], len: 0 };
        let mut put = |value: &[u8]| {
            hash.bytes[..value.len()].copy_from_slice(value);
            hash.len = value.len();
        };
        match self {
            Self::Sha256 => put(&Sha256::digest(message)),
            Self::Sha384 => put(&Sha384::digest(message)),
            Self::Sha512 => put(&Sha512::digest(message)),
        }
        hash
    }
}

/// What is signed in the end: up to 64 octets.
pub(crate) struct SignedHash {
    bytes: [u8; 64],
    len: usize,
}

impl AsRef<[u8]> for SignedHash {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl PublicKey {
    /// An RSA key from its two numbers.
    pub(crate) fn rsa(
        modulus: &[u8],
        exponent: &[u8],
        pss: Option<Option<SignatureHash>>,
    ) -> Result<Self, CryptoError> {
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        let exponent = BoxedUint::from_be_slice_vartime(exponent);
        let key = RsaPublicKey::new_with_size_limits(modulus, exponent, RSA_BITS);
        Ok(Self::Rsa { key: key.map_err(|_| CryptoError::PublicKey)?, pss })
    }

    /// Which suites the key can sign for; RFC 8422 section 2.
    pub(crate) const fn authentication(&self) -> Authentication {
        match self {
            Self::P256(_) | Self::P384(_) | Self::Ed25519(_) => Authentication::Ecdsa,
            Self::Rsa { .. } => Authentication::Rsa,
        }
    }

    /// Whether such signatures are made with such a key: a curve goes with any hash function, a key for PSS with PSS only.
    fn suits(&self, scheme: SignatureScheme) -> bool {
        match (self, SignatureHash::of(scheme)) {
            (Self::Ed25519(_), None) => scheme == SignatureScheme::ED25519,
            (Self::P256(_) | Self::P384(_), Some(_)) => scheme.is_ecdsa(),
            (Self::Rsa { pss, .. }, Some(hash)) => scheme.suits_rsa(*pss, hash),
            _ => false,
        }
    }

    /// Checks a signature over `message`, by way of the backend. `spki` is the key as DER.
    pub(crate) fn verify_by(
        &self,
        backend: &Backend,
        spki: &[u8],
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let plugged = backend.plugged().filter(|_| self.suits(scheme));
        let verdict = plugged.and_then(|provider| provider.verify(scheme, spki, message, signature));
        #[cfg(feature = "aws-lc-rs")]
        let verdict = verdict.or_else(|| {
            let takes = backend.takes_aws_lc() && self.suits(scheme);
            takes.then(|| super::aws_lc::verify(self, scheme, message, signature)).flatten()
        });
        match verdict {
            Some(true) => Ok(()),
            Some(false) => Err(CryptoError::Signature),
            None => self.verify(scheme, message, signature),
        }
    }

    /// Checks a signature over `message`.
    pub(crate) fn verify(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        if !self.suits(scheme) {
            return Err(CryptoError::Signature);
        }
        let verified = match (self, SignatureHash::of(scheme)) {
            (Self::Ed25519(key), None) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(message, &signature))
                .is_ok(),
            (Self::P256(key), Some(hash)) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(hash.digest(message).as_ref(), &signature))
                .is_ok(),
            (Self::P384(key), Some(hash)) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(hash.digest(message).as_ref(), &signature))
                .is_ok(),
            (Self::Rsa { key, .. }, Some(hash)) => {
                let padding = if scheme.is_pss() { Padding::Pss } else { Padding::Pkcs1 };
                verify_rsa(key, padding, hash, message, signature)
            }
            _ => false,
        };
        if verified { Ok(()) } else { Err(CryptoError::Signature) }
    }
}

impl SignatureScheme {
    const fn is_ecdsa(self) -> bool {
        matches!(self.0, 0x0403 | 0x0503 | 0x0603)
    }

    pub(crate) const fn is_pss(self) -> bool {
        matches!(self.0, 0x0804..=0x0806 | 0x0809..=0x080b)
    }

    /// Whether a key of RSA may be used so: `pss` as in [`PublicKey::Rsa`].
    fn suits_rsa(self, pss: Option<Option<SignatureHash>>, hash: SignatureHash) -> bool {
        match pss {
            None => self.is_rsa() && !matches!(self.0, 0x0809..=0x080b),
            Some(named) => matches!(self.0, 0x0809..=0x080b) && named.is_none_or(|named| named == hash),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Padding {
    Pkcs1,
    Pss,
}

fn verify_rsa(
    key: &RsaPublicKey,
    padding: Padding,
    hash: SignatureHash,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let digest = hash.digest(message);
    let digest = digest.as_ref();
    let verified = match (padding, hash) {
        (Padding::Pkcs1, SignatureHash::Sha256) => {
            key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), digest, signature)
        }
        (Padding::Pkcs1, SignatureHash::Sha384) => {
            key.verify(rsa::Pkcs1v15Sign::new::<Sha384>(), digest, signature)
        }
        (Padding::Pkcs1, SignatureHash::Sha512) => {
            key.verify(rsa::Pkcs1v15Sign::new::<Sha512>(), digest, signature)
        }
        // The salt is as long as the hash; RFC 8446 section 4.2.3.
        (Padding::Pss, SignatureHash::Sha256) => key.verify(rsa::Pss::<Sha256>::new(), digest, signature),
        (Padding::Pss, SignatureHash::Sha384) => key.verify(rsa::Pss::<Sha384>::new(), digest, signature),
        (Padding::Pss, SignatureHash::Sha512) => key.verify(rsa::Pss::<Sha512>::new(), digest, signature),
    };
    verified.is_ok()
}

#[cfg(test)]
mod tests;
