//! Code points of the cryptography, and what we have of it. Primitives come from libraries; nothing here knows a message.

pub(crate) mod aead;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
pub(crate) mod key_exchange;
pub(crate) mod prf;
pub(crate) mod provider;
pub(crate) mod signature;
pub(crate) mod signing;
pub(crate) mod suite;

use std::fmt;

/// A cipher suite by its number in the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

macro_rules! code_points {
    ($type:ident, $unknown:literal: $($(#[doc = $doc:literal])+ $name:ident = $value:literal, $text:literal;)+) => {
        impl $type {
            $($(#[doc = $doc])+ pub const $name: Self = Self($value);)+
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match *self {
                    $(Self::$name => $text,)+
                    Self(other) => return write!(f, $unknown, other),
                })
            }
        }
    };
}

code_points! { CipherSuite, "suite {:#06x}":
    /// Ephemeral Diffie-Hellman on curves, signed with ECDSA; AES-128-GCM; SHA-256. RFC 5289.
    ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    /// The same with AES-256-GCM and SHA-384. RFC 5289.
    ECDHE_ECDSA_AES_256_GCM_SHA384 = 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    /// The same with ChaCha20-Poly1305 and SHA-256. RFC 7905.
    ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 = 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    /// Ephemeral Diffie-Hellman on curves, signed with RSA; AES-128-GCM; SHA-256. RFC 5289.
    ECDHE_RSA_AES_128_GCM_SHA256 = 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    /// The same with AES-256-GCM and SHA-384. RFC 5289.
    ECDHE_RSA_AES_256_GCM_SHA384 = 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    /// The same with ChaCha20-Poly1305 and SHA-256. RFC 7905.
    ECDHE_RSA_CHACHA20_POLY1305_SHA256 = 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
    /// The same as the first with AES-128-CCM and a tag of eight octets, for small devices. RFC 7251.
    ECDHE_ECDSA_AES_128_CCM_8 = 0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
    /// A key that both have, mixed with ephemeral Diffie-Hellman on curves; AES-128-GCM; SHA-256. RFC 8442.
    ECDHE_PSK_AES_128_GCM_SHA256 = 0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256";
    /// The same with AES-256-GCM and SHA-384. RFC 8442.
    ECDHE_PSK_AES_256_GCM_SHA384 = 0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384";
    /// The same with ChaCha20-Poly1305 and SHA-256. RFC 7905.
    ECDHE_PSK_CHACHA20_POLY1305_SHA256 = 0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
    /// The same with AES-128-CCM and a tag of eight octets, for small devices. RFC 8442.
    ECDHE_PSK_AES_128_CCM_8_SHA256 = 0xd003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256";
    /// A key that both have and nothing else; AES-128-GCM; SHA-256. RFC 5487.
    PSK_AES_128_GCM_SHA256 = 0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256";
    /// The same with AES-256-GCM and SHA-384. RFC 5487.
    PSK_AES_256_GCM_SHA384 = 0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384";
    /// The same with ChaCha20-Poly1305 and SHA-256. RFC 7905.
    PSK_CHACHA20_POLY1305_SHA256 = 0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256";
    /// The same with AES-128-CCM and a tag of eight octets, for small devices. RFC 6655.
    PSK_AES_128_CCM_8 = 0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8";
    /// Not a suite: the client says that it knows secure renegotiation; RFC 5746 section 3.3.
    EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
}

impl CipherSuite {
    /// The suites with certificates that are implemented, the first choice first.
    pub const SUPPORTED: [Self; 6] = [
        Self::ECDHE_ECDSA_AES_128_GCM_SHA256,
        Self::ECDHE_ECDSA_AES_256_GCM_SHA384,
        Self::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        Self::ECDHE_RSA_AES_128_GCM_SHA256,
        Self::ECDHE_RSA_AES_256_GCM_SHA384,
        Self::ECDHE_RSA_CHACHA20_POLY1305_SHA256,
    ];

    /// The suites with keys that both ends have, the first choice first: those with ephemeral keys, whose connections stay
    /// secret when the key gets known, before those without. They are used only where there is such a key.
    pub const PRE_SHARED: [Self; 6] = [
        Self::ECDHE_PSK_AES_128_GCM_SHA256,
        Self::ECDHE_PSK_AES_256_GCM_SHA384,
        Self::ECDHE_PSK_CHACHA20_POLY1305_SHA256,
        Self::PSK_AES_128_GCM_SHA256,
        Self::PSK_AES_256_GCM_SHA384,
        Self::PSK_CHACHA20_POLY1305_SHA256,
    ];

    /// Suites that are implemented for small devices, and used only if [`crate::Config::suites`] has them: one in 2^64 forged
    /// records passes their short tags.
    pub const CONSTRAINED: [Self; 3] =
        [Self::ECDHE_ECDSA_AES_128_CCM_8, Self::ECDHE_PSK_AES_128_CCM_8_SHA256, Self::PSK_AES_128_CCM_8];
}

/// A group for the key exchange by its number in the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedGroup(pub u16);

code_points! { NamedGroup, "group {:#06x}":
    /// NIST P-256.
    SECP256R1 = 23, "secp256r1";
    /// NIST P-384.
    SECP384R1 = 24, "secp384r1";
    /// Curve25519; RFC 7748.
    X25519 = 29, "x25519";
}

impl NamedGroup {
    /// The groups that are implemented, the first choice first.
    pub const SUPPORTED: [Self; 3] = [Self::X25519, Self::SECP256R1, Self::SECP384R1];
}

/// A signature algorithm together with its hash: the pair of octets of RFC 5246 section 7.4.1.4.1, in which later
/// versions see one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignatureScheme(pub u16);

code_points! { SignatureScheme, "signature {:#06x}":
    /// ECDSA with SHA-256. In DTLS 1.2 the curve is that of the key, whatever the name says; RFC 8422 section 5.10.
    ECDSA_SECP256R1_SHA256 = 0x0403, "ecdsa_secp256r1_sha256";
    /// ECDSA with SHA-384.
    ECDSA_SECP384R1_SHA384 = 0x0503, "ecdsa_secp384r1_sha384";
    /// ECDSA with SHA-512.
    ECDSA_SECP521R1_SHA512 = 0x0603, "ecdsa_secp521r1_sha512";
    /// EdDSA on Curve25519; RFC 8422 section 5.10.
    ED25519 = 0x0807, "ed25519";
    /// RSA with the padding of PKCS#1 1.5, and SHA-256.
    RSA_PKCS1_SHA256 = 0x0401, "rsa_pkcs1_sha256";
    /// RSA with the padding of PKCS#1 1.5, and SHA-384.
    RSA_PKCS1_SHA384 = 0x0501, "rsa_pkcs1_sha384";
    /// RSA with the padding of PKCS#1 1.5, and SHA-512.
    RSA_PKCS1_SHA512 = 0x0601, "rsa_pkcs1_sha512";
    /// RSA-PSS with SHA-256 and a key for any padding; RFC 8446 section 4.2.3.
    RSA_PSS_RSAE_SHA256 = 0x0804, "rsa_pss_rsae_sha256";
    /// RSA-PSS with SHA-384 and a key for any padding.
    RSA_PSS_RSAE_SHA384 = 0x0805, "rsa_pss_rsae_sha384";
    /// RSA-PSS with SHA-512 and a key for any padding.
    RSA_PSS_RSAE_SHA512 = 0x0806, "rsa_pss_rsae_sha512";
    /// RSA-PSS with SHA-256 and a key for nothing else.
    RSA_PSS_PSS_SHA256 = 0x0809, "rsa_pss_pss_sha256";
    /// RSA-PSS with SHA-384 and a key for nothing else.
    RSA_PSS_PSS_SHA384 = 0x080a, "rsa_pss_pss_sha384";
    /// RSA-PSS with SHA-512 and a key for nothing else.
    RSA_PSS_PSS_SHA512 = 0x080b, "rsa_pss_pss_sha512";
}

impl SignatureScheme {
    /// What can be verified, the first choice first. Nothing else is advertised.
    pub const SUPPORTED: [Self; 13] = [
        Self::ECDSA_SECP256R1_SHA256,
        Self::ECDSA_SECP384R1_SHA384,
        Self::ED25519,
        Self::ECDSA_SECP521R1_SHA512,
        Self::RSA_PSS_RSAE_SHA256,
        Self::RSA_PSS_RSAE_SHA384,
        Self::RSA_PSS_RSAE_SHA512,
        Self::RSA_PSS_PSS_SHA256,
        Self::RSA_PSS_PSS_SHA384,
        Self::RSA_PSS_PSS_SHA512,
        Self::RSA_PKCS1_SHA256,
        Self::RSA_PKCS1_SHA384,
        Self::RSA_PKCS1_SHA512,
    ];

    /// Whether it belongs to RSA rather than to a curve.
    pub(crate) const fn is_rsa(self) -> bool {
        matches!(self.0, 0x0401 | 0x0501 | 0x0601 | 0x0804..=0x0806 | 0x0809..=0x080b)
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
