//! Keys for MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::kind::PasswordAlgorithm;

/// A key with which messages are signed and checked; RFC 8489 section 9.
///
/// The two HMAC states are keyed once, here, and copied for each message: that saves two compressions of the hash a
/// message. The key is wiped when dropped.
#[derive(Clone)]
pub struct IntegrityKey {
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl IntegrityKey {
    /// The key of the short-term mechanism, which is the password itself; RFC 8489 section 9.1.1.
    ///
    /// `password` must have been prepared as OpaqueString (RFC 8265); ICE passwords are ASCII and already are.
    pub fn short_term(password: &str) -> Self {
        Self::from_octets(password.as_bytes())
    }

    /// The key of the long-term mechanism, a hash of user name, realm and password; RFC 8489 section 9.2.2 and 18.5.
    ///
    /// An algorithm that is neither MD5 nor SHA-256 gives `None`.
    pub fn long_term(
        username: &str,
        realm: &str,
        password: &str,
        algorithm: PasswordAlgorithm,
    ) -> Option<Self> {
        let parts = [username, ":", realm, ":", password];
        match algorithm {
            PasswordAlgorithm::MD5 => Some(Self::from_digest::<Md5>(&parts)),
            PasswordAlgorithm::SHA_256 => Some(Self::from_digest::<Sha256>(&parts)),
            _ => None,
        }
    }

    /// A key given as octets: one that was derived elsewhere, such as a stored hash of a long-term password.
    pub fn from_octets(key: &[u8]) -> Self {
        Self { sha1: keyed(key), sha256: keyed(key) }
    }

    fn from_digest<D: Digest>(parts: &[&str]) -> Self {
        let mut digest = D::new();
        parts.iter().for_each(|part| digest.update(part));
        let mut key = Zeroizing::new([0u8; 32]);
        let hash = digest.finalize();
        let key = &mut key[..hash.len()];
        key.copy_from_slice(&hash);
        Self::from_octets(key)
    }

    /// The tag over `message`, hashed as if its length field held `length`.
    pub(crate) fn sign_sha1(&self, message: &[u8], length: u16) -> [u8; 20] {
        sign(self.sha1.clone(), message, length).into()
    }

    /// The tag over `message`, hashed as if its length field held `length`.
    pub(crate) fn sign_sha256(&self, message: &[u8], length: u16) -> [u8; 32] {
        sign(self.sha256.clone(), message, length).into()
    }
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

/// Compares a received tag with the computed one, in time that does not depend on where they differ.
///
/// Tags have a multiple of four octets; by words it takes a quarter of the comparisons by octets.
pub(crate) fn equal(computed: &[u8], received: &[u8]) -> bool {
    let ((computed, []), (received, [])) = (computed.as_chunks::<4>(), received.as_chunks::<4>()) else {
        return false;
    };
    let words = computed.iter().zip(received);
    let same = words.fold(Choice::from(1), |same, (computed, received)| {
        same & u32::from_ne_bytes(*computed).ct_eq(&u32::from_ne_bytes(*received))
    });
    computed.len() == received.len() && same.into()
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    match M::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC hashes long keys and pads short ones, so every length is legal (RFC 2104 section 2).
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

fn sign<M: Mac>(mut mac: M, message: &[u8], length: u16) -> hmac::digest::Output<M> {
    // The length field stands in the hash's first block: that one is copied, and the others are hashed where they lie.
    if let Some((first, others)) = message.split_first_chunk::<BLOCK_LEN>() {
        let mut first = *first;
        first[2..4].copy_from_slice(&length.to_be_bytes());
        mac.update(&first);
        mac.update(others);
    } else {
        mac.update(&message[..2]);
        mac.update(&length.to_be_bytes());
        mac.update(&message[4..]);
    }
    mac.finalize().into_bytes()
}

/// Octets of a block of SHA-1 and of SHA-256.
const BLOCK_LEN: usize = 64;

/// Why a message is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// Neither MESSAGE-INTEGRITY nor MESSAGE-INTEGRITY-SHA256 is there.
    #[error("the message carries no integrity attribute")]
    Missing,
    /// The tag is not the one that the key gives.
    #[error("the integrity attribute does not match the key")]
    Mismatch,
}
