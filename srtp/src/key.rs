//! Master keys: secrets from outside, from which the session keys are derived.

use zeroize::Zeroize;

use crate::error::KeyError;
use crate::profile::Profile;

/// A master key and its salt. Wiped when dropped; shown by nothing.
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    key: [u8; 32],
    /// Left-aligned in the 112 bits that key derivation works with; RFC 7714 section 11.
    salt: [u8; 14],
}

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
        let mut own = Self { profile, key: [0; 32], salt: [0; 14] };
        own.key[..key.len()].copy_from_slice(key);
        own.salt[..salt.len()].copy_from_slice(salt);
        Ok(own)
    }

    /// The profile that the key is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key[..self.profile.key_len()]
    }

    pub(crate) fn salt(&self) -> &[u8; 14] {
        &self.salt
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
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
