//! Keys and certificates from files: PEM (RFC 7468) and DER; PKCS#8 (RFC 5958), SEC 1 (RFC 5915), PKCS#1 (RFC 8017).

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::der::{EC_PUBLIC_KEY, ED25519, PeerKey, RSA_ENCRYPTION, SECP256R1, SECP384R1, peer_key, sequence};
use super::{CertificateError, Identity};
use crate::crypto::NamedGroup;
use crate::crypto::provider::Signer;
use crate::crypto::signature::PublicKey;
use crate::crypto::signing::{Plugged, SigningKey};

/// Why a certificate and its key make no [`Identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A block of PEM is not closed, or is no Base64.
    #[error("not PEM")]
    Pem,
    /// There is no certificate.
    #[error("no certificate")]
    NoCertificate,
    /// There is no private key, or only one behind a password.
    #[error("no private key that is not encrypted")]
    NoKey,
    /// A certificate is not X.509.
    #[error("a certificate is malformed")]
    Certificate,
    /// The certificate, or the private key, is not for an algorithm that we sign with.
    #[error("a key of a kind that cannot sign here")]
    UnsupportedKey,
    /// RSA signs only with the feature `aws-lc-rs`: the implementation without it leaks through its timing.
    #[error("RSA keys sign only with the feature aws-lc-rs")]
    RsaSigning,
    /// The private key breaks its format.
    #[error("the private key is malformed")]
    Key,
    /// The private key is not that of the first certificate.
    #[error("the private key is not that of the certificate")]
    Mismatch,
    /// The chain does not fit a message: 2^24 octets.
    #[error("the chain is too long")]
    TooLong,
}

impl Identity {
    /// Takes a chain of certificates, one's own first, and its private key, each as PEM. What else the texts have is stepped
    /// over; both may be the same text. Keys on P-256 and P-384, of Ed25519, and with the feature `aws-lc-rs` of RSA; as
    /// `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self, IdentityError> {
        let mut chain = Vec::new();
        for block in blocks(certificates).filter(|block| block.label == "CERTIFICATE") {
            chain.push(block.decode()?);
        }
        let is_key =
            |block: &Block<'_>| matches!(block.label, "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY");
        let key = blocks(key).find(is_key).ok_or(IdentityError::NoKey)?;
        Self::from_der(chain.iter().map(|certificate| &certificate[..]), &key.decode()?)
    }

    /// Takes a chain of certificates, one's own first, and its private key, each as DER.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn from_der<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
        key: &[u8],
    ) -> Result<Self, IdentityError> {
        let chain: Vec<_> = certificates.into_iter().collect();
        let public = leaf_key(&chain)?;
        let key = private_key(key)?;
        if key.public_key() != public.bytes {
            return Err(IdentityError::Mismatch);
        }
        Ok(Self::new(key, &chain))
    }

    /// Takes a chain of certificates as DER, one's own first, whose key somebody else holds. That `signer` has the right
    /// one shows only when it signs.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn with_signer<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
        signer: Box<dyn Signer>,
    ) -> Result<Self, IdentityError> {
        let chain: Vec<_> = certificates.into_iter().collect();
        let key = leaf_key(&chain)?.key;
        let curve = match key {
            PublicKey::P256(_) => Some(NamedGroup::SECP256R1),
            PublicKey::P384(_) => Some(NamedGroup::SECP384R1),
            PublicKey::Ed25519(_) | PublicKey::Rsa { .. } => None,
        };
        let plugged = Plugged { signer, authentication: key.authentication(), curve };
        Ok(Self::new(SigningKey::Plugged(plugged), &chain))
    }
}

/// The public key of the first certificate of a chain that fits a message.
fn leaf_key<'a>(chain: &[&'a [u8]]) -> Result<PeerKey<'a>, IdentityError> {
    let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
    if chain.iter().map(|certificate| 3 + certificate.len()).sum::<usize>() >= 1 << 24 {
        return Err(IdentityError::TooLong);
    }
    peer_key(leaf).map_err(|fault| match fault {
        CertificateError::Malformed => IdentityError::Certificate,
        CertificateError::UnsupportedKey => IdentityError::UnsupportedKey,
    })
}

/// A block of PEM.
struct Block<'a> {
    label: &'a str,
    text: &'a str,
}

impl Block<'_> {
    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let decoded = pem_rfc7468::decode_vec(self.text.as_bytes());
        decoded.map(|(_, bytes)| Zeroizing::new(bytes)).map_err(|_| IdentityError::Pem)
    }
}

/// The blocks of a text.
fn blocks(mut text: &str) -> impl Iterator<Item = Block<'_>> {
    const BEGIN: &str = "-----BEGIN ";
    std::iter::from_fn(move || {
        let start = text.find(BEGIN)?;
        let (label, _) = text[start + BEGIN.len()..].split_once("-----")?;
        let end = format!("-----END {label}-----");
        let behind = start + text[start..].find(&end)? + end.len();
        let block = Block { label, text: &text[start..behind] };
        text = &text[behind..];
        Some(block)
    })
}

/// A private key in any of its formats: they cannot be taken for each other.
fn private_key(der: &[u8]) -> Result<SigningKey, IdentityError> {
    pkcs8(der).or_else(|_| sec1(der, None)).or_else(|_| rsa(der)).map_err(|_| IdentityError::Key)?
}

/// What a format makes of a key that it can read. The outer result says whether the key has this format at all.
type Loaded = der::Result<Result<SigningKey, IdentityError>>;

/// PrivateKeyInfo: version, algorithm, key, and what may follow.
fn pkcs8(der: &[u8]) -> Loaded {
    let mut fields = SliceReader::new(sequence(AnyRef::from_der(der)?)?)?;
    let version = u8::decode(&mut fields)?;
    let algorithm = AlgorithmIdentifierRef::decode(&mut fields)?;
    let key = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
    if version > 1 {
        return Err(der::ErrorKind::Failed.into());
    }
    Ok(match algorithm.oid {
        EC_PUBLIC_KEY => {
            let curve = algorithm.parameters.and_then(|named| named.decode_as().ok());
            sec1(key, curve)?
        }
        ED25519 => {
            let seed = <&OctetStringRef>::from_der(key)?.as_bytes();
            let key = seed.try_into().map(ed25519_dalek::SigningKey::from_bytes);
            key.map(SigningKey::Ed25519).map_err(|_| IdentityError::Key)
        }
        RSA_ENCRYPTION => rsa(key)?,
        _ => Err(IdentityError::UnsupportedKey),
    })
}

/// ECPrivateKey: version 1, the key, and the curve, unless it was named before.
fn sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Loaded {
    let mut fields = SliceReader::new(sequence(AnyRef::from_der(der)?)?)?;
    if u8::decode(&mut fields)? != 1 {
        return Err(der::ErrorKind::Failed.into());
    }
    let key = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
    let curve = match curve {
        Some(curve) => curve,
        None => ObjectIdentifier::from_der(AnyRef::decode(&mut fields)?.value())?,
    };
    Ok(match curve {
        SECP256R1 => p256::ecdsa::SigningKey::from_slice(key).ok().map(SigningKey::p256),
        SECP384R1 => p384::ecdsa::SigningKey::from_slice(key).ok().map(SigningKey::p384),
        _ => return Ok(Err(IdentityError::UnsupportedKey)),
    }
    .ok_or(IdentityError::Key))
}

/// RSAPrivateKey: version 0 and eight numbers.
fn rsa(der: &[u8]) -> Loaded {
    let mut fields = SliceReader::new(sequence(AnyRef::from_der(der)?)?)?;
    if u8::decode(&mut fields)? != 0 {
        return Err(der::ErrorKind::Failed.into());
    }
    for _ in 0..8 {
        der::asn1::UintRef::decode(&mut fields)?;
    }
    fields.finish()?;
    Ok(SigningKey::rsa(der))
}

#[cfg(test)]
mod tests;
