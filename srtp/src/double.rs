//! Encrypted twice: end to end by those who speak, and hop by hop for a server between them that may change payload
//! type, sequence number and marker but hears nothing; RFC 8723.
//!
//! The server ("media distributor") needs nothing of this but [`OriginalHeader`]: it opens what comes with a
//! [`Receiver`] and the outer half of the sender's key, changes the header by [`OriginalHeader::rewrite`], and
//! protects it for each receiver with a [`Sender`] and the outer half of that receiver's key, which must be another
//! (RFC 8723 section 5.2).

mod original;
mod receive;
mod send;

use alloc::vec::Vec;
use core::fmt;

use crate::error::KeyError;
use crate::key::MasterKey;
use crate::profile::Profile;
use crate::receiver::Receiver;
use crate::sender::Sender;

pub use original::{Changes, OriginalHeader, RewriteError};
pub use receive::{DoubleUnprotectError, Opened};

/// Which cipher is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DoubleProfile {
    /// `DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM`; 0x0009.
    Aes128Gcm,
    /// `DOUBLE_AEAD_AES_256_GCM_AEAD_AES_256_GCM`; 0x000A.
    Aes256Gcm,
}

impl DoubleProfile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Aes128Gcm, Self::Aes256Gcm];

    /// The profile with this number in the registry from which `use_srtp` chooses; RFC 8723 section 10.1.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0009 => Some(Self::Aes128Gcm),
            0x000a => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    /// The number in that registry.
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128Gcm => 0x0009,
            Self::Aes256Gcm => 0x000a,
        }
    }

    /// What each half is.
    pub const fn half(self) -> Profile {
        match self {
            Self::Aes128Gcm => Profile::AeadAes128Gcm,
            Self::Aes256Gcm => Profile::AeadAes256Gcm,
        }
    }

    /// Octets of the master key: those of both halves.
    pub const fn key_len(self) -> usize {
        2 * self.half().key_len()
    }

    /// Octets of the master salt: those of both halves.
    pub const fn salt_len(self) -> usize {
        2 * self.half().salt_len()
    }
}

impl fmt::Display for DoubleProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = self.half();
        write!(f, "DOUBLE_{half}_{half}")
    }
}

/// Both halves of a master key. Only those who speak have both; the server between them has outer halves.
#[derive(Debug, Clone)]
pub struct DoubleKey {
    /// End to end.
    pub inner: MasterKey,
    /// Hop by hop.
    pub outer: MasterKey,
}

impl DoubleKey {
    /// Takes a key of [`DoubleProfile::key_len`] and a salt of [`DoubleProfile::salt_len`] octets: the inner half of
    /// each comes first; RFC 8723 section 3.
    ///
    /// # Errors
    /// A length is wrong.
    pub fn new(profile: DoubleProfile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        if key.len() != profile.key_len() {
            return Err(KeyError::KeyLength { expected: profile.key_len(), found: key.len() });
        }
        if salt.len() != profile.salt_len() {
            return Err(KeyError::SaltLength { expected: profile.salt_len(), found: salt.len() });
        }
        // Each half is derived from on its own, which is what RFC 8723 section 3.1 asks of the two together.
        let (inner_key, outer_key) = key.split_at(key.len() / 2);
        let (inner_salt, outer_salt) = salt.split_at(salt.len() / 2);
        Ok(Self {
            inner: MasterKey::new(profile.half(), inner_key, inner_salt)?,
            outer: MasterKey::new(profile.half(), outer_key, outer_salt)?,
        })
    }

    /// Splits what the exporter of a DTLS handshake gives under `EXTRACTOR-dtls_srtp`, as
    /// [`split_keying_material`](crate::split_keying_material) does: the client's key first.
    ///
    /// # Errors
    /// The length is wrong.
    pub fn split_keying_material(profile: DoubleProfile, material: &[u8]) -> Result<(Self, Self), KeyError> {
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let expected = 2 * (key + salt);
        if material.len() != expected {
            return Err(KeyError::MaterialLength { expected, found: material.len() });
        }
        let (keys, salts) = material.split_at(2 * key);
        let client = Self::new(profile, &keys[..key], &salts[..salt])?;
        let server = Self::new(profile, &keys[key..], &salts[salt..])?;
        Ok((client, server))
    }
}

/// Protects what one side sends, twice. The halves are contexts of their own: their numbers, keys and snapshots are got at
/// through the fields.
pub struct DoubleSender {
    /// End to end.
    pub inner: Sender,
    /// Hop by hop.
    pub outer: Sender,
}

/// Unprotects what one side receives, twice.
pub struct DoubleReceiver {
    /// End to end.
    pub inner: Receiver,
    /// Hop by hop.
    pub outer: Receiver,
}

impl fmt::Debug for DoubleSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoubleSender").finish_non_exhaustive()
    }
}

impl fmt::Debug for DoubleReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoubleReceiver").finish_non_exhaustive()
    }
}

/// Moves what stands between two places to the front of what comes before it, or back: an extension is out of the way while
/// the inner cipher sees the packet without it.
fn swap(packet: &mut [u8], front: usize) {
    packet.rotate_left(front);
}

/// Octets that protection adds to an RTP packet: two tags and the empty original header block.
pub const TAILROOM: usize = 16 + 1 + 16;

impl DoubleSender {
    /// Derives the session keys of both halves; the rest by default.
    pub fn new(key: &DoubleKey) -> Self {
        Self { inner: Sender::new(&key.inner), outer: Sender::new(&key.outer) }
    }

    /// Protects a packet that repairs others which are encrypted already (retransmissions, RFC 4588; FEC): hop by hop only.
    ///
    /// # Errors
    /// As [`Sender::protect_rtp`].
    pub fn protect_repair(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), crate::ProtectError> {
        self.outer.protect_rtp(out, at)
    }

    /// Protects a compound RTCP packet: hop by hop only; RFC 8723 section 6.
    ///
    /// # Errors
    /// As [`Sender::protect_rtcp`].
    pub fn protect_rtcp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), crate::ProtectError> {
        self.outer.protect_rtcp(out, at)
    }
}
