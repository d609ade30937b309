//! What a chain of certificates says about itself: that all are in their time, and that each is signed by the next, which may do
//! so; RFC 5280 section 6.1. Whether the last one is to be trusted is for others to say.

use std::time::Duration;

use der::asn1::{
    AnyRef, BitStringRef, ContextSpecific, GeneralizedTime, ObjectIdentifier, OctetStringRef, UtcTime,
};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};
use spki::AlgorithmIdentifierRef;

use super::der::{ED25519, PeerKey, RSASSA_PSS, peer_key, pss_hash, sequence};
use super::verify::Rejection;
use crate::crypto::SignatureScheme;
use crate::crypto::signature::SignatureHash;
use crate::handshake::CertificateChain;

/// Certificates that are looked at; a longer chain is refused.
const MAX_CHAIN: usize = 8;

/// A point in time by the calendar: since the beginning of 1970, without leap seconds. Certificates have dates; nothing else
/// here does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub Duration);

/// The parts of a certificate that a chain is held together by.
struct Link<'a> {
    /// What is signed.
    signed: &'a [u8],
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: Duration,
    not_after: Duration,
    /// BasicConstraints says so, and KeyUsage does not contradict; how many certificates of others may be below.
    authority: Option<usize>,
    /// KeyUsage does not rule out that the key signs handshakes.
    may_prove: bool,
}

/// Checks a chain, the peer's own certificate first.
pub(super) fn check(chain: &CertificateChain<'_>, time: UnixTime) -> Result<(), Rejection> {
    let ders: Vec<_> = chain.iter().take(MAX_CHAIN + 1).collect();
    if ders.len() > MAX_CHAIN {
        return Err(Rejection::Issuer(MAX_CHAIN));
    }
    let mut below: Option<Link<'_>> = None;
    for (index, der) in ders.into_iter().enumerate() {
        let link = read(der).map_err(|_| Rejection::Malformed(index))?;
        if !(link.not_before..=link.not_after).contains(&time.0) {
            return Err(Rejection::Date(index));
        }
        //= rfc5246#7.4.2-10
        //= rfc5246#7.4.2-14
        if index == 0 && !link.may_prove {
            return Err(Rejection::KeyUsage);
        }
        if let Some(below) = &below {
            let issued = peer_key(der).is_ok_and(|issuer| is_issued_by(below, &link, &issuer));
            //= rfc5246#7.4.2-4
            if !issued || link.authority.is_none_or(|most| index > most.saturating_add(1)) {
                return Err(Rejection::Issuer(index));
            }
        }
        below = Some(link);
    }
    Ok(())
}

fn is_issued_by(below: &Link<'_>, issuer: &Link<'_>, key: &PeerKey<'_>) -> bool {
    let scheme = scheme(below.algorithm);
    below.issuer == issuer.subject
        && scheme.is_some_and(|scheme| {
            // A key for any padding signs certificates with PSS under the same number as a key for PSS alone.
            let schemes = [scheme, SignatureScheme(scheme.0 + 5)];
            let schemes = if scheme.is_pss() { &schemes[..] } else { &schemes[..1] };
            schemes.iter().any(|scheme| key.key.verify(*scheme, below.signed, below.signature).is_ok())
        })
}

/// The scheme of a certificate's signature; RFC 5758, RFC 4055, RFC 8410.
fn scheme(algorithm: AlgorithmIdentifierRef<'_>) -> Option<SignatureScheme> {
    const RSA: &str = "1.2.840.113549.1.1.";
    const ECDSA: &str = "1.2.840.10045.4.3.";
    match algorithm.oid {
        ED25519 => return Some(SignatureScheme::ED25519),
        RSASSA_PSS => {
            return Some(match pss_hash(algorithm).ok()?? {
                SignatureHash::Sha256 => SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureHash::Sha384 => SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureHash::Sha512 => SignatureScheme::RSA_PSS_RSAE_SHA512,
            });
        }
        _ => {}
    }
    let name = algorithm.oid.to_string();
    match (name.strip_prefix(RSA), name.strip_prefix(ECDSA)) {
        (Some("11"), _) => Some(SignatureScheme::RSA_PKCS1_SHA256),
        (Some("12"), _) => Some(SignatureScheme::RSA_PKCS1_SHA384),
        (Some("13"), _) => Some(SignatureScheme::RSA_PKCS1_SHA512),
        (_, Some("2")) => Some(SignatureScheme::ECDSA_SECP256R1_SHA256),
        (_, Some("3")) => Some(SignatureScheme::ECDSA_SECP384R1_SHA384),
        (_, Some("4")) => Some(SignatureScheme::ECDSA_SECP521R1_SHA512),
        _ => None,
    }
}

/// RFC 5280 section 4.1.
fn read(certificate: &[u8]) -> der::Result<Link<'_>> {
    let mut outer = SliceReader::new(sequence(AnyRef::from_der(certificate)?)?)?;
    let signed = outer.tlv_bytes()?;
    let algorithm = AlgorithmIdentifierRef::decode(&mut outer)?;
    let signature = BitStringRef::decode(&mut outer)?.as_bytes().ok_or(der::ErrorKind::Failed)?;
    outer.finish()?;
    let mut fields = SliceReader::new(sequence(AnyRef::from_der(signed)?)?)?;
    ContextSpecific::<u8>::decode_explicit(&mut fields, TagNumber(0))?;
    fields.tlv_bytes()?;
    // What is signed names the algorithm too: the name outside is not.
    if AlgorithmIdentifierRef::decode(&mut fields)? != algorithm {
        return Err(der::ErrorKind::Failed.into());
    }
    let issuer = fields.tlv_bytes()?;
    let mut dates = SliceReader::new(sequence(AnyRef::decode(&mut fields)?)?)?;
    let (not_before, not_after) = (date(&mut dates)?, date(&mut dates)?);
    let subject = fields.tlv_bytes()?;
    fields.tlv_bytes()?;
    let (mut authority, mut may_prove) = (None, true);
    while !fields.is_finished() {
        let part = AnyRef::decode(&mut fields)?;
        if (part.header().tag()) == (Tag::ContextSpecific { constructed: true, number: TagNumber(3) }) {
            (authority, may_prove) = extensions(part.value())?;
        }
    }
    Ok(Link { signed, algorithm, signature, issuer, subject, not_before, not_after, authority, may_prove })
}

fn date(reader: &mut SliceReader<'_>) -> der::Result<Duration> {
    if Tag::peek(reader)? == Tag::UtcTime {
        UtcTime::decode(reader).map(|time| time.to_unix_duration())
    } else {
        GeneralizedTime::decode(reader).map(|time| time.to_unix_duration())
    }
}

/// Whether the extensions make an authority, and of how many levels; and whether the key may sign handshakes. One that is
/// critical and unknown is a fault; RFC 5280 section 4.2.
fn extensions(list: &[u8]) -> der::Result<(Option<usize>, bool)> {
    const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
    const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
    /// The bit that lets a key sign other things than certificates.
    const DIGITAL_SIGNATURE: usize = 0;
    /// The bit that lets a key sign certificates.
    const KEY_CERT_SIGN: usize = 5;

    let mut list = SliceReader::new(sequence(AnyRef::from_der(list)?)?)?;
    let (mut levels, mut may_sign, mut may_prove) = (None, true, true);
    while !list.is_finished() {
        let mut fields = SliceReader::new(sequence(AnyRef::decode(&mut list)?)?)?;
        let kind = ObjectIdentifier::decode(&mut fields)?;
        let critical = Option::<bool>::decode(&mut fields)?.unwrap_or(false);
        let value = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
        match kind {
            BASIC_CONSTRAINTS => {
                let mut fields = SliceReader::new(sequence(AnyRef::from_der(value)?)?)?;
                let is_authority = Option::<bool>::decode(&mut fields)?.unwrap_or(false);
                let most = Option::<u8>::decode(&mut fields)?.map_or(MAX_CHAIN, usize::from);
                levels = is_authority.then_some(most);
            }
            KEY_USAGE => {
                let uses = BitStringRef::from_der(value)?;
                [may_prove, may_sign] =
                    [DIGITAL_SIGNATURE, KEY_CERT_SIGN].map(|bit| uses.get(bit).unwrap_or(false));
            }
            // Who may use it for what, and under which name, is for the callback to say.
            SUBJECT_ALTERNATIVE_NAME | EXTENDED_KEY_USAGE => {}
            _ if critical => return Err(der::ErrorKind::Failed.into()),
            _ => {}
        }
    }
    Ok((levels.filter(|_| may_sign), may_prove))
}

#[cfg(test)]
mod tests;
