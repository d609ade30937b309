//! The cipher suites as a table: what each is made of; RFC 5289, RFC 7905.

use super::CipherSuite;

/// What a suite is made of. Equal if its number is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) authentication: Authentication,
    pub(crate) bulk: Bulk,
    pub(crate) hash: Hash,
}

/// What kind of key the server signs its key share with; the client's key may be of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// ECDSA, and EdDSA too; RFC 8422 section 2.
    Ecdsa,
    /// RSA, of either padding.
    Rsa,
}

/// How records are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bulk {
    /// AES-128 in Galois counter mode; RFC 5288.
    Aes128Gcm,
    /// AES-256 in Galois counter mode; RFC 5288.
    Aes256Gcm,
    /// ChaCha20 with Poly1305; RFC 7905.
    ChaCha20Poly1305,
    /// AES-128 in CCM mode with a tag of 8 octets, for small devices; RFC 6655.
    Aes128Ccm8,
}

impl Bulk {
    /// Octets of the key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Octets of the nonce that the handshake gives.
    pub(crate) const fn fixed_nonce_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm | Self::Aes128Ccm8 => 4,
            Self::ChaCha20Poly1305 => 12,
        }
    }

    /// Octets of the nonce that each record carries.
    pub(crate) const fn explicit_nonce_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm | Self::Aes128Ccm8 => 8,
            Self::ChaCha20Poly1305 => 0,
        }
    }

    /// Octets of the tag.
    pub(crate) const fn tag_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305 => 16,
            Self::Aes128Ccm8 => 8,
        }
    }
}

/// The hash function of a suite: for the pseudorandom function and for the transcript; RFC 5246 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

const fn suite(id: CipherSuite, authentication: Authentication, bulk: Bulk) -> Suite {
    let hash = match bulk {
        Bulk::Aes256Gcm => Hash::Sha384,
        Bulk::Aes128Gcm | Bulk::ChaCha20Poly1305 | Bulk::Aes128Ccm8 => Hash::Sha256,
    };
    Suite { id, authentication, bulk, hash }
}

/// All that are implemented, the first choice first; behind them those that have to be asked for.
static SUITES: [Suite; CipherSuite::SUPPORTED.len() + CipherSuite::CONSTRAINED.len()] = [
    suite(CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256, Authentication::Ecdsa, Bulk::Aes128Gcm),
    suite(CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384, Authentication::Ecdsa, Bulk::Aes256Gcm),
    suite(CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, Authentication::Ecdsa, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256, Authentication::Rsa, Bulk::Aes128Gcm),
    suite(CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384, Authentication::Rsa, Bulk::Aes256Gcm),
    suite(CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256, Authentication::Rsa, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::ECDHE_ECDSA_AES_128_CCM_8, Authentication::Ecdsa, Bulk::Aes128Ccm8),
];

impl CipherSuite {
    /// What it is made of; `None` if it is not implemented.
    pub(crate) fn suite(self) -> Option<&'static Suite> {
        SUITES.iter().find(|suite| suite.id == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_supported_suites_in_their_order() {
        let all = [&CipherSuite::SUPPORTED[..], &CipherSuite::CONSTRAINED].concat();
        assert_eq!(SUITES.map(|suite| suite.id)[..], all);
        for suite in SUITES {
            let name = suite.id.to_string();
            assert_eq!(name.contains("ECDSA"), suite.authentication == Authentication::Ecdsa, "{name}");
            assert_eq!(name.ends_with("SHA384"), suite.hash == Hash::Sha384, "{name}");
            assert_eq!(name.contains("CHACHA20"), suite.bulk == Bulk::ChaCha20Poly1305, "{name}");
            assert_eq!(
                name.contains("AES_128"),
                matches!(suite.bulk, Bulk::Aes128Gcm | Bulk::Aes128Ccm8),
                "{name}"
            );
            assert_eq!(name.ends_with("CCM_8"), suite.bulk.tag_len() == 8, "{name}");
        }
        assert!(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV.suite().is_none());
    }
}
