//! X.509 as DER: the one certificate that we write, and the way to the public key of any that we read.

use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Class, Decode, Reader, SliceReader, Tag};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::crypto::signature::{PublicKey, SignatureHash};

/// id-ecPublicKey; RFC 5480 section 2.1.1.
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve P-256; RFC 5480 section 2.1.1.1.
pub(super) const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// The curve P-384.
pub(super) const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// id-Ed25519; RFC 8410 section 3.
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// rsaEncryption: a key for any padding; RFC 3279 section 2.3.1.
pub(super) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS: a key for PSS only; RFC 4055 section 1.2.
pub(super) const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// The hash functions that a key for PSS may name; RFC 4055 section 2.1.
const HASHES: [(ObjectIdentifier, SignatureHash); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), SignatureHash::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), SignatureHash::Sha384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), SignatureHash::Sha512),
];

/// Why a certificate cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateError {
    /// It is not X.509, as far as it is read.
    Malformed,
    /// Its key is of a kind with which we cannot verify.
    UnsupportedKey,
}

/// The public key of a certificate.
pub(crate) struct PeerKey<'a> {
    /// SubjectPublicKeyInfo as DER.
    pub(crate) spki: &'a [u8],
    pub(crate) key: PublicKey,
    /// What the BIT STRING of it holds.
    pub(crate) bytes: &'a [u8],
}

/// Finds the public key in a certificate. Nothing else is looked at but the structure up to there: not names, dates,
/// extensions or the signature, which in a self-signed certificate prove nothing. So certificates that are unsigned (RFC
/// 9925), signed with any algorithm, or odd in other ways can be used.
pub(crate) fn peer_key(certificate: &[u8]) -> Result<PeerKey<'_>, CertificateError> {
    peer_key_of(subject_public_key_info(certificate).map_err(|_| CertificateError::Malformed)?)
}

/// The key of a SubjectPublicKeyInfo.
#[cfg(test)]
pub(crate) fn peer_key_of_spki(spki: &[u8]) -> Result<PublicKey, CertificateError> {
    peer_key_of(spki).map(|peer| peer.key)
}

fn peer_key_of(spki: &[u8]) -> Result<PeerKey<'_>, CertificateError> {
    let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| CertificateError::Malformed)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(CertificateError::Malformed)?;
    Ok(PeerKey { spki, key: public_key(info.algorithm, bytes)?, bytes })
}

fn public_key(algorithm: AlgorithmIdentifierRef<'_>, bytes: &[u8]) -> Result<PublicKey, CertificateError> {
    match algorithm.oid {
        EC_PUBLIC_KEY => match algorithm.parameters.and_then(|named| named.decode_as().ok()) {
            Some(SECP256R1) => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(PublicKey::P256),
            Some(SECP384R1) => p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(PublicKey::P384),
            _ => return Err(CertificateError::UnsupportedKey),
        },
        ED25519 if algorithm.parameters.is_none() => {
            let key = bytes.try_into().ok().and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
            key.map(PublicKey::Ed25519)
        }
        RSA_ENCRYPTION if algorithm.parameters == Some(AnyRef::NULL) => return rsa_key(bytes, None),
        RSASSA_PSS => return rsa_key(bytes, Some(pss_hash(algorithm)?)),
        ED25519 | RSA_ENCRYPTION => None,
        _ => return Err(CertificateError::UnsupportedKey),
    }
    .ok_or(CertificateError::Malformed)
}

/// RSAPublicKey: modulus and exponent; RFC 8017 appendix A.1.1.
fn rsa_key(bytes: &[u8], pss: Option<Option<SignatureHash>>) -> Result<PublicKey, CertificateError> {
    let numbers = || -> der::Result<_> {
        let mut fields = SliceReader::new(sequence(AnyRef::from_der(bytes)?)?)?;
        let (modulus, exponent) = (UintRef::decode(&mut fields)?, UintRef::decode(&mut fields)?);
        fields.finish()?;
        Ok((modulus, exponent))
    };
    let (modulus, exponent) = numbers().map_err(|_| CertificateError::Malformed)?;
    PublicKey::rsa(modulus.as_bytes(), exponent.as_bytes(), pss).map_err(|_| CertificateError::UnsupportedKey)
}

/// The hash function that a key for PSS is bound to, if it is to one. What else the parameters say is left to the signatures:
/// they use the same function for the mask, and a salt as long as its output.
pub(super) fn pss_hash(
    algorithm: AlgorithmIdentifierRef<'_>,
) -> Result<Option<SignatureHash>, CertificateError> {
    let Some(parameters) = algorithm.parameters else { return Ok(None) };
    let named = || -> der::Result<ObjectIdentifier> {
        let mut fields = SliceReader::new(sequence(parameters)?)?;
        let tagged = AnyRef::decode(&mut fields)?;
        let hash = AlgorithmIdentifierRef::from_der(tagged.value())?;
        Ok(hash.oid)
    };
    let named = named().map_err(|_| CertificateError::UnsupportedKey)?;
    let known = HASHES.into_iter().find(|(oid, _)| *oid == named);
    known.map(|(_, hash)| Some(hash)).ok_or(CertificateError::UnsupportedKey)
}

/// RFC 5280 section 4.1: version, serial number, signature algorithm, issuer, validity and subject come first.
fn subject_public_key_info(certificate: &[u8]) -> der::Result<&[u8]> {
    let certificate = sequence(AnyRef::from_der(certificate)?)?;
    let mut fields = SliceReader::new(sequence(AnyRef::decode(&mut SliceReader::new(certificate)?)?)?)?;
    if Tag::peek(&fields)?.class() == Class::ContextSpecific {
        fields.tlv_bytes()?;
    }
    for _ in 0..5 {
        fields.tlv_bytes()?;
    }
    fields.tlv_bytes()
}

pub(super) fn sequence(value: AnyRef<'_>) -> der::Result<&[u8]> {
    use der::Tagged;
    value.tag().assert_eq(Tag::Sequence)?;
    Ok(value.value())
}

/// AlgorithmIdentifier of ECDSA with SHA-256, which has no parameters; RFC 5758 section 3.2.
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// AlgorithmIdentifier of a key on P-256.
const P256_KEY: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
/// Version 3: `[0] { INTEGER 2 }`.
const VERSION_3: &[u8] = &[0xa0, 0x03, 0x02, 0x01, 0x02];
/// The object identifier of commonName.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// The part of our certificate that is signed. Its name is the one that browsers use, so that it tells nothing.
pub(super) fn to_be_signed(point: &[u8], mut serial: [u8; 16]) -> Vec<u8> {
    // Positive, and without leading zeros.
    serial[0] = serial[0] & 0x7f | 0x40;
    let common_name = [COMMON_NAME, &value(UTF8_STRING, &[b"WebRTC"])].concat();
    let name = value(SEQUENCE, &[&value(SET, &[&value(SEQUENCE, &[&common_name])])]);
    let validity = [value(UTC_TIME, &[b"000101000000Z"]), value(GENERALIZED_TIME, &[b"99991231235959Z"])];
    let public_key = value(SEQUENCE, &[P256_KEY, &value(BIT_STRING, &[&[0], point])]);
    value(
        SEQUENCE,
        &[
            VERSION_3,
            &value(INTEGER, &[&serial]),
            ECDSA_WITH_SHA256,
            &name,
            &value(SEQUENCE, &[&validity.concat()]),
            &name,
            &public_key,
        ],
    )
}

/// The whole certificate.
pub(super) fn signed(to_be_signed: &[u8], signature: &[u8]) -> Vec<u8> {
    value(SEQUENCE, &[to_be_signed, ECDSA_WITH_SHA256, &value(BIT_STRING, &[&[0], signature])])
}

/// Tag, length and content; our certificate has far fewer than 2^16 octets.
fn value(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let len: usize = content.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match len.to_be_bytes() {
        [.., 0, low @ 0..0x80] => out.push(low),
        [.., 0, low] => out.extend([0x81, low]),
        [.., high, low] => out.extend([0x82, high, low]),
    }
    content.iter().for_each(|part| out.extend_from_slice(part));
    out
}
