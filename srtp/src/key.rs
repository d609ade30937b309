//! Master keys: secrets from outside, from which the session keys are derived.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::error::KeyError;
use crate::index::{RTCP_END, RTP_END};
use crate::profile::Profile;

/// A master key and its salt. Wiped when dropped; shown by nothing.
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    key: [u8; 32],
    /// Left-aligned in the 112 bits that key derivation works with; RFC 7714 section 11.
    salt: [u8; 14],
    identifier: Vec<u8>,
    derivation_rate: u32,
    lifetime: Lifetime,
}

/// How many packets a master key may protect; RFC 3711 section 9.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// RTP packets; 1 to 2^48, default 2^48.
    pub rtp: u64,
    /// RTCP packets; 1 to 2^31, default 2^31.
    pub rtcp: u64,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self { rtp: RTP_END, rtcp: RTCP_END }
    }
}

/// The longest identifier of a master key, in octets.
const IDENTIFIER_LIMIT: usize = 128;

impl MasterKey {
    /// Takes a key of [`Profile::key_len`] and a salt of [`Profile::salt_len`] octets.
    ///
    /// # Errors
    /// A length is wrong.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        if key.len() != profile.key_len() {
            return Err(KeyError::KeyLength { expected: profile.key_len(), found: key.len() });
        }
        if salt.len() != profile.salt_len() {
            return Err(KeyError::SaltLength { expected: profile.salt_len(), found: salt.len() });
        }
        let mut own = Self {
            profile,
            key: [0; 32],
            salt: [0; 14],
            identifier: Vec::new(),
            derivation_rate: 0,
            lifetime: Lifetime::default(),
        };
        own.key[..key.len()].copy_from_slice(key);
        own.salt[..salt.len()].copy_from_slice(salt);
        Ok(own)
    }

    /// Names the key: each packet carries this master key identifier (MKI), 1 to 128 octets, behind its payload;
    /// RFC 3711 section 3.1.
    ///
    /// # Errors
    /// The length is wrong.
    pub fn with_identifier(mut self, identifier: &[u8]) -> Result<Self, KeyError> {
        if identifier.is_empty() || identifier.len() > IDENTIFIER_LIMIT {
            return Err(KeyError::IdentifierLength { found: identifier.len() });
        }
        self.identifier = identifier.to_vec();
        Ok(self)
    }

    /// Derives fresh session keys every `rate` packets of a source; 0, the default, for once and for all, else a power
    /// of two up to 2^24; RFC 3711 section 4.3.1. Such a context keeps the keys of one period at a time, so sources
    /// should be about as far as each other.
    ///
    /// # Errors
    /// The rate is not one of these.
    pub fn with_derivation_rate(mut self, rate: u32) -> Result<Self, KeyError> {
        if rate != 0 && (!rate.is_power_of_two() || rate > 1 << 24) {
            return Err(KeyError::DerivationRate { found: rate });
        }
        self.derivation_rate = rate;
        Ok(self)
    }

    /// Limits how many packets the key may protect, as key management agreed; what is beyond the default's range is
    /// cut to it.
    pub fn with_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime =
            Lifetime { rtp: lifetime.rtp.clamp(1, RTP_END), rtcp: lifetime.rtcp.clamp(1, RTCP_END) };
        self
    }

    /// The profile that the key is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The master key identifier; empty where packets carry none.
    pub fn identifier(&self) -> &[u8] {
        &self.identifier
    }

    /// Packets of a source between two derivations of session keys; 0 for never.
    pub fn derivation_rate(&self) -> u32 {
        self.derivation_rate
    }

    /// How many packets the key may protect.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key[..self.profile.key_len()]
    }

    pub(crate) fn salt(&self) -> &[u8; 14] {
        &self.salt
    }

    /// Whether both would derive the same session keys; in constant time.
    pub(crate) fn is_same_secret(&self, other: &Self) -> bool {
        self.profile == other.profile
            && (self.key[..].ct_eq(&other.key[..]) & self.salt[..].ct_eq(&other.salt[..])).into()
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        //= rfc7714#13.1-3
        //= rfc7714#13.1-1
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl core::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MasterKey({}, ..)", self.profile)
    }
}

/// Splits what the exporter of a DTLS handshake gives under `EXTRACTOR-dtls_srtp` into the key with which the client
/// sends and the one with which the server sends; RFC 5764 section 4.2.
///
/// `material` has two keys and two salts: `2 * (key_len + salt_len)` octets, in that order, the client's first.
///
/// # Errors
/// The length is wrong.
pub fn split_keying_material(profile: Profile, material: &[u8]) -> Result<(MasterKey, MasterKey), KeyError> {
    let (key, salt) = (profile.key_len(), profile.salt_len());
    let expected = 2 * (key + salt);
    if material.len() != expected {
        return Err(KeyError::MaterialLength { expected, found: material.len() });
    }
    let (keys, salts) = material.split_at(2 * key);
    let client = MasterKey::new(profile, &keys[..key], &salts[..salt])?;
    let server = MasterKey::new(profile, &keys[key..], &salts[salt..])?;
    Ok((client, server))
}
