//! Our own keys, and what is signed with them.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::RandomizedPrehashSigner;
use p256::elliptic_curve::Generate;
use rand::CryptoRng;

use super::provider::{Backend, Signer};
use super::signature::SignatureHash;
use super::suite::Authentication;
use super::{NamedGroup, SignatureScheme};
use crate::certificate::IdentityError;

/// A private key. Its types wipe themselves when dropped.
pub(crate) enum SigningKey {
    P256(Curve<p256::ecdsa::SigningKey>),
    P384(Curve<p384::ecdsa::SigningKey>),
    Ed25519(ed25519_dalek::SigningKey),
    #[cfg(feature = "aws-lc-rs")]
    Rsa(super::aws_lc::AwsLcRsa),
    Plugged(Plugged),
}

/// A key of ECDSA, with what the faster backend makes of it.
pub(crate) struct Curve<K> {
    pub(crate) key: K,
    #[cfg(feature = "aws-lc-rs")]
    fast: Option<super::aws_lc::AwsLcEcdsa>,
}

/// A key that somebody else holds, and what its certificate says of it.
pub(crate) struct Plugged {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) authentication: Authentication,
    pub(crate) curve: Option<NamedGroup>,
}

impl SigningKey {
    /// A new key on P-256.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::p256(p256::ecdsa::SigningKey::generate_from_rng(rng))
    }

    pub(crate) fn p256(key: p256::ecdsa::SigningKey) -> Self {
        Self::P256(Curve {
            #[cfg(feature = "aws-lc-rs")]
            fast: super::aws_lc::AwsLcEcdsa::p256(
                &zeroize::Zeroizing::new(key.to_bytes()),
                key.verifying_key().to_sec1_point(false).as_bytes(),
            ),
            key,
        })
    }

    pub(crate) fn p384(key: p384::ecdsa::SigningKey) -> Self {
        Self::P384(Curve {
            #[cfg(feature = "aws-lc-rs")]
            fast: super::aws_lc::AwsLcEcdsa::p384(
                &zeroize::Zeroizing::new(key.to_bytes()),
                key.verifying_key().to_sec1_point(false).as_bytes(),
            ),
            key,
        })
    }

    /// A key of RSA: RSAPrivateKey as DER.
    #[cfg(feature = "aws-lc-rs")]
    pub(crate) fn rsa(der: &[u8]) -> Result<Self, IdentityError> {
        super::aws_lc::AwsLcRsa::from_der(der).map(Self::Rsa).ok_or(IdentityError::Key)
    }

    /// A key of RSA: the implementation that is here without the feature does not sign.
    #[cfg(not(feature = "aws-lc-rs"))]
    pub(crate) const fn rsa(_der: &[u8]) -> Result<Self, IdentityError> {
        Err(IdentityError::RsaSigning)
    }

    /// What the key can sign with, the first choice first.
    pub(crate) fn schemes(&self) -> &[SignatureScheme] {
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
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(_) => &[
                Scheme::RSA_PSS_RSAE_SHA256,
                Scheme::RSA_PSS_RSAE_SHA384,
                Scheme::RSA_PSS_RSAE_SHA512,
                Scheme::RSA_PKCS1_SHA256,
                Scheme::RSA_PKCS1_SHA384,
                Scheme::RSA_PKCS1_SHA512,
            ],
            Self::Plugged(plugged) => plugged.signer.schemes(),
        }
    }

    /// Which suites the key can sign for.
    pub(crate) const fn authentication(&self) -> Authentication {
        match self {
            Self::P256(_) | Self::P384(_) | Self::Ed25519(_) => Authentication::Ecdsa,
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(_) => Authentication::Rsa,
            Self::Plugged(plugged) => plugged.authentication,
        }
    }

    /// The curve of an ECDSA key, which the peer must know; RFC 8422 section 5.1.
    pub(crate) const fn curve(&self) -> Option<NamedGroup> {
        match self {
            Self::P256(_) => Some(NamedGroup::SECP256R1),
            Self::P384(_) => Some(NamedGroup::SECP384R1),
            Self::Ed25519(_) => None,
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(_) => None,
            Self::Plugged(plugged) => plugged.curve,
        }
    }

    /// The public key as a certificate has it: a point, or whatever the algorithm says; nothing if somebody else has it.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::P256(curve) => curve.key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(curve) => curve.key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(key) => key.public_key(),
            Self::Plugged(_) => Vec::new(),
        }
    }

    /// Signs `message` with one of [`SigningKey::schemes`]; `None` if the holder of the key does not. The nonce of ECDSA is that of
    /// RFC 6979 with octets of the generator mixed in, so that neither a weak generator nor a fault in computation gives the
    /// key away; aws-lc-rs has its own way to the same end.
    pub(crate) fn sign(
        &self,
        backend: &Backend,
        scheme: SignatureScheme,
        message: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Option<Vec<u8>> {
        #[cfg(feature = "aws-lc-rs")]
        if backend.takes_aws_lc()
            && let Self::P256(Curve { fast: Some(fast), .. }) | Self::P384(Curve { fast: Some(fast), .. }) =
                self
            && let Some(signature) = fast.sign(scheme, message)
        {
            return Some(signature);
        }
        #[cfg(not(feature = "aws-lc-rs"))]
        let _ = backend;
        let digest = SignatureHash::of(scheme).map(|hash| hash.digest(message));
        match self {
            Self::P256(curve) => {
                let signed: p256::ecdsa::Signature =
                    curve.key.sign_prehash_with_rng(rng, digest?.as_ref()).ok()?;
                Some(signed.to_der().as_bytes().to_vec())
            }
            Self::P384(curve) => {
                let signed: p384::ecdsa::Signature =
                    curve.key.sign_prehash_with_rng(rng, digest?.as_ref()).ok()?;
                Some(signed.to_der().as_bytes().to_vec())
            }
            Self::Ed25519(key) => Some(key.sign(message).to_bytes().to_vec()),
            #[cfg(feature = "aws-lc-rs")]
            Self::Rsa(key) => key.sign(scheme, message),
            Self::Plugged(plugged) => plugged.signer.sign(scheme, message),
        }
    }
}
