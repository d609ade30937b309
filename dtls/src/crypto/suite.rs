//! The cipher suites as a table: what each is made of; RFC 5289, RFC 7905, and those of [`crate::PreSharedKey`].

use super::CipherSuite;

/// What a suite is made of. Equal if its number is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) exchange: Exchange,
    pub(crate) bulk: Bulk,
    pub(crate) hash: Hash,
}

/// How the premaster secret comes about, and what proves who the ends are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// Ephemeral keys; a key of this kind signs the server's. RFC 8422.
    Signed(Authentication),
    /// Ephemeral keys, mixed with a key that both have; RFC 5489.
    EphemeralPreShared,
    /// A key that both have, and nothing else; RFC 4279 section 2.
    PreShared,
}

impl Exchange {
    /// Whether it takes a key that both have.
    pub(crate) const fn is_pre_shared(self) -> bool {
        matches!(self, Self::EphemeralPreShared | Self::PreShared)
    }

    /// Whether there are ephemeral keys, and so a group.
    pub(crate) const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Signed(_) | Self::EphemeralPreShared)
    }
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

const fn suite(id: CipherSuite, exchange: Exchange, bulk: Bulk) -> Suite {
    let hash = match bulk {
        Bulk::Aes256Gcm => Hash::Sha384,
        Bulk::Aes128Gcm | Bulk::ChaCha20Poly1305 | Bulk::Aes128Ccm8 => Hash::Sha256,
    };
    Suite { id, exchange, bulk, hash }
}

const ECDSA: Exchange = Exchange::Signed(Authentication::Ecdsa);
const RSA: Exchange = Exchange::Signed(Authentication::Rsa);
const ECDHE_PSK: Exchange = Exchange::EphemeralPreShared;
const PSK: Exchange = Exchange::PreShared;

/// All that are implemented, the first choice first; behind them those that have to be asked for.
static SUITES: [Suite;
    CipherSuite::SUPPORTED.len() + CipherSuite::PRE_SHARED.len() + CipherSuite::CONSTRAINED.len()] = [
    suite(CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256, ECDSA, Bulk::Aes128Gcm),
    suite(CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384, ECDSA, Bulk::Aes256Gcm),
    suite(CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, ECDSA, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256, RSA, Bulk::Aes128Gcm),
    suite(CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384, RSA, Bulk::Aes256Gcm),
    suite(CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256, RSA, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::ECDHE_PSK_AES_128_GCM_SHA256, ECDHE_PSK, Bulk::Aes128Gcm),
    suite(CipherSuite::ECDHE_PSK_AES_256_GCM_SHA384, ECDHE_PSK, Bulk::Aes256Gcm),
    suite(CipherSuite::ECDHE_PSK_CHACHA20_POLY1305_SHA256, ECDHE_PSK, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::PSK_AES_128_GCM_SHA256, PSK, Bulk::Aes128Gcm),
    suite(CipherSuite::PSK_AES_256_GCM_SHA384, PSK, Bulk::Aes256Gcm),
    suite(CipherSuite::PSK_CHACHA20_POLY1305_SHA256, PSK, Bulk::ChaCha20Poly1305),
    suite(CipherSuite::ECDHE_ECDSA_AES_128_CCM_8, ECDSA, Bulk::Aes128Ccm8),
    suite(CipherSuite::ECDHE_PSK_AES_128_CCM_8_SHA256, ECDHE_PSK, Bulk::Aes128Ccm8),
    suite(CipherSuite::PSK_AES_128_CCM_8, PSK, Bulk::Aes128Ccm8),
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
        let all = [&CipherSuite::SUPPORTED[..], &CipherSuite::PRE_SHARED, &CipherSuite::CONSTRAINED].concat();
        assert_eq!(SUITES.map(|suite| suite.id)[..], all);
        for suite in SUITES {
            let name = suite.id.to_string();
            assert_eq!(name.contains("ECDSA"), suite.exchange == ECDSA, "{name}");
            assert_eq!(name.contains("_RSA"), suite.exchange == RSA, "{name}");
            assert_eq!(name.contains("PSK"), suite.exchange.is_pre_shared(), "{name}");
            assert_eq!(name.contains("ECDHE"), suite.exchange.is_ephemeral(), "{name}");
            assert_eq!(name.ends_with("SHA384"), suite.hash == Hash::Sha384, "{name}");
            assert_eq!(name.contains("CHACHA20"), suite.bulk == Bulk::ChaCha20Poly1305, "{name}");
            assert_eq!(
                name.contains("AES_128"),
                matches!(suite.bulk, Bulk::Aes128Gcm | Bulk::Aes128Ccm8),
                "{name}"
            );
            assert_eq!(name.contains("CCM_8"), suite.bulk.tag_len() == 8, "{name}");
        }
        assert!(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV.suite().is_none());
    }
}
