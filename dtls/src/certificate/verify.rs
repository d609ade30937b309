//! How the peer is recognised: a gate that a handshake cannot pass by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::chain::{UnixTime, check};
use crate::handshake::CertificateChain;

/// A hash function for fingerprints; RFC 8122 section 5. In order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Its name in `a=fingerprint`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The function with this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    /// Octets of its output.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The hash of a certificate. Written as in `a=fingerprint`: `sha-256 AB:CD:...`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    algorithm: HashAlgorithm,
    bytes: [u8; 64],
}

impl Fingerprint {
    /// Takes the octets of a hash.
    ///
    /// # Errors
    /// Their number is not that of the hash function.
    pub fn new(algorithm: HashAlgorithm, hash: &[u8]) -> Result<Self, FingerprintError> {
        let expected = algorithm.output_len();
        if hash.len() != expected {
            return Err(FingerprintError::Length { expected, found: hash.len() });
        }
        let mut bytes = [0; 64];
        bytes[..expected].copy_from_slice(hash);
        Ok(Self { algorithm, bytes })
    }

    /// The fingerprint of a certificate as DER.
    pub fn of(algorithm: HashAlgorithm, certificate: &[u8]) -> Self {
        let mut bytes = [0; 64];
        match algorithm {
            HashAlgorithm::Sha256 => bytes[..32].copy_from_slice(&Sha256::digest(certificate)),
            HashAlgorithm::Sha384 => bytes[..48].copy_from_slice(&Sha384::digest(certificate)),
            HashAlgorithm::Sha512 => bytes.copy_from_slice(&Sha512::digest(certificate)),
        }
        Self { algorithm, bytes }
    }

    /// The hash function.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The octets of the hash.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.output_len()]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.name())?;
        for (index, octet) in self.bytes().iter().enumerate() {
            write!(f, "{}{octet:02X}", if index == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the value of `a=fingerprint`.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let (name, hash) = text.trim().split_once(' ').ok_or(FingerprintError::Syntax)?;
        let algorithm = HashAlgorithm::from_name(name).ok_or(FingerprintError::Algorithm)?;
        let octet = |pair: &str| match pair.as_bytes() {
            [b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', _] => u8::from_str_radix(pair, 16).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = hash.trim_start().split(':').map(octet).collect();
        Self::new(algorithm, &bytes.ok_or(FingerprintError::Syntax)?)
    }
}

/// What is wrong with a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The number of octets is not that of the hash function.
    #[error("expected {expected} octets, found {found}")]
    Length {
        /// Octets that the function gives.
        expected: usize,
        /// Octets that are there.
        found: usize,
    },
    /// A hash function that we do not have, or that is too weak (MD5, SHA-1).
    #[error("the hash function is none of sha-256, sha-384, sha-512")]
    Algorithm,
    /// Not a name, a space, and pairs of hexadecimal digits with colons between them.
    #[error("not a fingerprint")]
    Syntax,
}

/// The peer's certificates, the peer's own first.
#[derive(Debug, Clone, Copy)]
pub struct PeerCertificates<'a>(&'a CertificateChain<'a>);

impl<'a> PeerCertificates<'a> {
    /// The certificates as DER.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0.iter()
    }

    /// The peer's own certificate as DER.
    pub fn leaf(&self) -> &'a [u8] {
        self.0.leaf().unwrap_or_default()
    }
}

/// Why a peer was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// None of the fingerprints is that of the certificate.
    #[error("the certificate has none of the fingerprints")]
    Fingerprint,
    /// The certificate has another key than the pinned one.
    #[error("the certificate has another key")]
    PublicKey,
    /// This certificate of the chain, counted from 0, cannot be read, or has a critical extension that is not known; RFC
    /// 5280 section 4.2.
    #[error("certificate {0} of the chain is malformed")]
    Malformed(usize),
    /// This certificate of the chain is not valid yet, or no more; RFC 5280 section 4.1.2.5.
    #[error("certificate {0} of the chain is out of its time")]
    Date(usize),
    /// This certificate of the chain has not signed the one before it, or may not sign; RFC 5246 section 7.4.2.
    #[error("certificate {0} of the chain is not the issuer of the one before")]
    Issuer(usize),
    /// The peer's own certificate says that its key is not for signatures; RFC 5246 section 7.4.2.
    #[error("the certificate's key is not for signatures")]
    KeyUsage,
    /// The callback said no.
    #[error("the application rejected the certificate")]
    Application,
}

type ChainCallback = dyn Fn(&PeerCertificates<'_>, UnixTime) -> bool + Send + Sync;
type Callback = dyn Fn(&PeerCertificates<'_>) -> bool + Send + Sync;

#[derive(Clone)]
enum Rule {
    Fingerprints(Vec<Fingerprint>),
    PublicKey(Vec<u8>),
    Chain(UnixTime, Arc<ChainCallback>),
    Callback(Arc<Callback>),
}

/// Decides whether a certificate is the right one. It is given at construction: until it has said yes, and the peer has
/// shown that it holds the key, there is no application data, no exporter and no SRTP key.
#[derive(Clone)]
pub struct Verifier(Rule);

impl Verifier {
    /// The certificate has one of these fingerprints. Only those of the strongest hash function count, as RFC 8122
    /// section 5 has it; none at all lets nobody in.
    pub fn fingerprints(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        let mut fingerprints: Vec<_> = fingerprints.into_iter().collect();
        let strongest = fingerprints.iter().map(Fingerprint::algorithm).max();
        fingerprints.retain(|fingerprint| Some(fingerprint.algorithm()) == strongest);
        Self(Rule::Fingerprints(fingerprints))
    }

    /// The certificate has this key: SubjectPublicKeyInfo as DER.
    pub fn public_key(spki: impl Into<Vec<u8>>) -> Self {
        Self(Rule::PublicKey(spki.into()))
    }

    /// `accept` says yes. It is called once in a handshake, with at least one certificate; and before that with
    /// those of a session that could be taken up.
    pub fn callback(accept: impl Fn(&PeerCertificates<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Rule::Callback(Arc::new(accept)))
    }

    /// At `time`, all certificates are in their dates, each is signed by the next, which is an authority, the key of the first may
    /// sign handshakes, and `accept` says yes. That knows whom to trust, and under which name: it compares the last certificate
    /// with the roots that it has, and the names in the first with the one that was called. It gets the chain, of at most eight
    /// certificates, and the time.
    pub fn chain(
        time: UnixTime,
        accept: impl Fn(&PeerCertificates<'_>, UnixTime) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Rule::Chain(time, Arc::new(accept)))
    }

    pub(super) fn verify(&self, chain: &CertificateChain<'_>, spki: &[u8]) -> Result<(), Rejection> {
        match &self.0 {
            Rule::Fingerprints(known) => {
                let leaf = chain.leaf().unwrap_or_default();
                let is_of_leaf = |known: &Fingerprint| {
                    Fingerprint::of(known.algorithm, leaf).bytes.ct_eq(&known.bytes).into()
                };
                known.iter().any(is_of_leaf).then_some(()).ok_or(Rejection::Fingerprint)
            }
            Rule::PublicKey(known) => bool::from(spki.ct_eq(known)).then_some(()).ok_or(Rejection::PublicKey),
            Rule::Chain(time, accept) => {
                check(chain, *time)?;
                accept(&PeerCertificates(chain), *time).then_some(()).ok_or(Rejection::Application)
            }
            Rule::Callback(accept) => {
                accept(&PeerCertificates(chain)).then_some(()).ok_or(Rejection::Application)
            }
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Fingerprints(known) => f.debug_tuple("Verifier").field(known).finish(),
            Rule::PublicKey(_) => f.write_str("Verifier(public key)"),
            Rule::Chain(time, _) => write!(f, "Verifier(chain at {} s)", time.0.as_secs()),
            Rule::Callback(_) => f.write_str("Verifier(callback)"),
        }
    }
}
