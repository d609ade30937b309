//! Code points of the cryptography, and what we have of it. Primitives come from libraries; nothing here knows a message.

pub(crate) mod aead;
pub(crate) mod key_exchange;
pub(crate) mod signature;

use std::fmt;

/// A cipher suite by its number in the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// Ephemeral Diffie-Hellman on curves, signed with ECDSA; AES-128-GCM; SHA-256. RFC 5289.
    pub const ECDHE_ECDSA_AES_128_GCM_SHA256: Self = Self(0xc02b);
    /// Not a suite: the client says that it knows secure renegotiation; RFC 5746 section 3.3.
    pub const EMPTY_RENEGOTIATION_INFO_SCSV: Self = Self(0x00ff);

    /// The suites that are implemented, the first choice first.
    pub const SUPPORTED: [Self; 1] = [Self::ECDHE_ECDSA_AES_128_GCM_SHA256];
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ECDHE_ECDSA_AES_128_GCM_SHA256 => f.write_str("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            Self::EMPTY_RENEGOTIATION_INFO_SCSV => f.write_str("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
            Self(other) => write!(f, "suite {other:#06x}"),
        }
    }
}

/// A group for the key exchange by its number in the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedGroup(pub u16);

impl NamedGroup {
    /// NIST P-256.
    pub const SECP256R1: Self = Self(23);
    /// Curve25519; RFC 7748.
    pub const X25519: Self = Self(29);

    /// The groups that are implemented, the first choice first.
    pub const SUPPORTED: [Self; 2] = [Self::X25519, Self::SECP256R1];
}

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SECP256R1 => f.write_str("secp256r1"),
            Self::X25519 => f.write_str("x25519"),
            Self(other) => write!(f, "group {other:#06x}"),
        }
    }
}

/// A signature algorithm together with its hash: the pair of octets of RFC 5246 section 7.4.1.4.1, in which later
/// versions see one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignatureScheme(pub u16);

impl SignatureScheme {
    /// ECDSA with SHA-256; here, on P-256 only.
    pub const ECDSA_SECP256R1_SHA256: Self = Self(0x0403);

    /// What can be verified, the first choice first. Nothing else is advertised.
    pub const SUPPORTED: [Self; 1] = [Self::ECDSA_SECP256R1_SHA256];
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ECDSA_SECP256R1_SHA256 => f.write_str("ecdsa_secp256r1_sha256"),
            Self(other) => write!(f, "signature {other:#06x}"),
        }
    }
}

/// Why an operation on the peer's data failed. All lead to the same end: the alert says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CryptoError {
    /// Not a public key of the group.
    PublicKey,
    /// A signature that does not verify, or an algorithm that we did not offer.
    Signature,
}
