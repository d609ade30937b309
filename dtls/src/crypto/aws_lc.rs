//! The cryptography of aws-lc-rs. Keys for the exchange are drawn from the machine's own generator; nonces of ECDSA are not: the
//! library draws them itself.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaPublicKeyComponents};
use rand::CryptoRng;
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use super::key_exchange::Premaster;
use super::signature::{PublicKey, SignatureHash};
use super::suite::Bulk;
use super::{CryptoError, NamedGroup, SignatureScheme};

/// The keys of one direction.
pub(crate) struct AwsLcAead(LessSafeKey);

impl AwsLcAead {
    pub(crate) fn new(bulk: Bulk, key: &[u8]) -> Option<Self> {
        let algorithm = match bulk {
            Bulk::Aes128Gcm => &AES_128_GCM,
            Bulk::Aes256Gcm => &AES_256_GCM,
            Bulk::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Bulk::Aes128Ccm8 => return None,
        };
        UnboundKey::new(algorithm, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    pub(crate) fn seal(&self, nonce: [u8; 12], bound: &[u8], content: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(bound), content).ok()?;
        tag.as_ref().first_chunk().copied()
    }

    /// Opens what ends with the tag. If it is not authentic, the library wipes it.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        bound: &[u8],
        content: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(bound), content).ok()
    }
}

/// Our half of a key exchange.
pub(crate) struct AwsLcShare {
    group: NamedGroup,
    key: PrivateKey,
}

impl AwsLcShare {
    pub(crate) fn generate(group: NamedGroup, rng: &mut impl CryptoRng) -> Option<Self> {
        /// A number below 2^256 or 2^384 is nearly always a key of the curve.
        const TRIES: usize = 16;
        let len = if group == NamedGroup::SECP384R1 { 48 } else { 32 };
        let mut secret = Zeroizing::new([0; 48]);
        (0..TRIES).find_map(|_| {
            rng.fill_bytes(&mut secret[..len]);
            Self::from_secret(group, &secret[..len])
        })
    }

    /// `None` if it is no secret of the group, or the group none of ours.
    pub(crate) fn from_secret(group: NamedGroup, secret: &[u8]) -> Option<Self> {
        let algorithm = match group {
            NamedGroup::X25519 => &X25519,
            NamedGroup::SECP256R1 => &ECDH_P256,
            NamedGroup::SECP384R1 => &ECDH_P384,
            _ => return None,
        };
        PrivateKey::from_private_key(algorithm, secret).ok().map(|key| Self { group, key })
    }

    pub(crate) const fn group(&self) -> NamedGroup {
        self.group
    }

    pub(crate) fn put_public_key(&self, out: &mut Vec<u8>) {
        if let Ok(public_key) = self.key.compute_public_key() {
            out.extend_from_slice(public_key.as_ref());
        }
    }

    /// The peer's point is known to be uncompressed.
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<Premaster, CryptoError> {
        let peer = UnparsedPublicKey::new(self.key.algorithm(), peer);
        let keep = |secret: &[u8]| Ok(Zeroizing::new(secret.to_vec()));
        agreement::agree(&self.key, peer, CryptoError::PublicKey, keep)
    }
}

/// A key that signs with ECDSA, and the one scheme in which this library does so for its curve.
pub(crate) struct AwsLcEcdsa(EcdsaKeyPair, SignatureScheme);

impl AwsLcEcdsa {
    pub(crate) fn p256(secret: &[u8], point: &[u8]) -> Option<Self> {
        let algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, point);
        pair.ok().map(|pair| Self(pair, SignatureScheme::ECDSA_SECP256R1_SHA256))
    }

    pub(crate) fn p384(secret: &[u8], point: &[u8]) -> Option<Self> {
        let algorithm = &signature::ECDSA_P384_SHA384_ASN1_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, point);
        pair.ok().map(|pair| Self(pair, SignatureScheme::ECDSA_SECP384R1_SHA384))
    }

    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        let signed = (scheme == self.1).then(|| self.0.sign(&SystemRandom::new(), message))?;
        signed.ok().map(|signature| signature.as_ref().to_vec())
    }
}

/// A key of RSA: the only implementation that may sign with one.
pub(crate) struct AwsLcRsa(KeyPair);

impl AwsLcRsa {
    /// Takes an RSAPrivateKey as DER.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        KeyPair::from_der(der).ok().map(Self)
    }

    /// RSAPublicKey as DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        let encoding = match scheme {
            SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
            _ => return None,
        };
        let mut out = vec![0; self.0.public_modulus_len()];
        self.0.sign(encoding, &SystemRandom::new(), message, &mut out).ok()?;
        Some(out)
    }
}

/// Whether a signature is right, its scheme being known to suit the key; `None` where this library cannot say.
pub(crate) fn verify(
    key: &PublicKey,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    use SignatureHash::{Sha256, Sha384, Sha512};
    use aws_lc_rs::signature as algorithms;
    let ecdsa = |algorithm: &'static dyn algorithms::VerificationAlgorithm, point: &[u8]| {
        algorithms::UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
    };
    let hash = SignatureHash::of(scheme);
    match key {
        PublicKey::P256(key) => Some(ecdsa(
            match hash? {
                Sha256 => &algorithms::ECDSA_P256_SHA256_ASN1,
                Sha384 => &algorithms::ECDSA_P256_SHA384_ASN1,
                Sha512 => &algorithms::ECDSA_P256_SHA512_ASN1,
            },
            key.to_sec1_point(false).as_bytes(),
        )),
        PublicKey::P384(key) => Some(ecdsa(
            match hash? {
                Sha256 => &algorithms::ECDSA_P384_SHA256_ASN1,
                Sha384 => &algorithms::ECDSA_P384_SHA384_ASN1,
                Sha512 => &algorithms::ECDSA_P384_SHA512_ASN1,
            },
            key.to_sec1_point(false).as_bytes(),
        )),
        // Its check of Ed25519 is the less strict one.
        PublicKey::Ed25519(_) => None,
        PublicKey::Rsa { key, .. } => {
            let parameters = match (scheme.is_pss(), hash?) {
                (false, Sha256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
                (false, Sha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
                (false, Sha512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
                (true, Sha256) => &algorithms::RSA_PSS_2048_8192_SHA256,
                (true, Sha384) => &algorithms::RSA_PSS_2048_8192_SHA384,
                (true, Sha512) => &algorithms::RSA_PSS_2048_8192_SHA512,
            };
            let (n, e) = (key.n().to_be_bytes_trimmed_vartime(), key.e().to_be_bytes_trimmed_vartime());
            Some(RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok())
        }
    }
}
