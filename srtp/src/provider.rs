//! Who does the cryptography.
//!
//! What is built in is called without indirection; others can be plugged in through [`Provider`], and
//! [`check_known_answers`] says whether what they compute is right.

use alloc::boxed::Box;
use alloc::sync::Arc;

#[cfg(feature = "aws-lc-rs")]
pub(crate) mod aws_lc;
mod known_answers;

pub use known_answers::{KnownAnswerError, check_known_answers};

/// Makes keyed primitives. Everything it makes should wipe its key when dropped.
pub trait Provider: Send + Sync {
    /// AES in counter mode with a key of 16, 24 or 32 octets; `None` where it cannot, and the built-in one serves.
    fn counter_mode(&self, key: &[u8]) -> Option<Box<dyn CounterModeKey>>;

    /// HMAC-SHA1 with a key of 20 octets; `None` where it cannot, and the built-in one serves.
    fn hmac_sha1(&self, key: &[u8]) -> Option<Box<dyn HmacSha1Key>>;

    /// AES in Galois counter mode with a key of 16 or 32 octets; `None` where it cannot, and the built-in one serves.
    fn gcm(&self, key: &[u8]) -> Option<Box<dyn GcmKey>>;
}

/// A keyed counter mode.
pub trait CounterModeKey: Send + Sync {
    /// XORs onto `data` the key stream that begins with the encryption of `counter`; the last 32 bits count up, and never
    /// wrap here.
    fn apply(&self, counter: &[u8; 16], data: &mut [u8]);
}

/// A keyed HMAC-SHA1.
pub trait HmacSha1Key: Send + Sync {
    /// The code over both parts, one behind the other.
    fn tag(&self, first: &[u8], second: &[u8]) -> [u8; 20];
}

/// A keyed AES-GCM.
pub trait GcmKey: Send + Sync {
    /// Encrypts in place and returns the tag.
    fn seal(&mut self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8]) -> [u8; 16];

    /// Compares the tag in constant time, and decrypts in place if it is right. If it is not, `data` stays as it is.
    fn open(&mut self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8], tag: &[u8; 16]) -> bool;
}

/// Which implementation of the ciphers a context uses.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The fastest that is built in: with the feature `aws-lc-rs` its AES-GCM, and RustCrypto for the rest.
    #[default]
    BuiltIn,
    /// RustCrypto for everything, whatever the features.
    RustCrypto,
    /// Somebody else's; RustCrypto for what it leaves out.
    Plugged(Arc<dyn Provider>),
}

impl core::fmt::Debug for Backend {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "BuiltIn",
            Self::RustCrypto => "RustCrypto",
            Self::Plugged(_) => "Plugged(..)",
        })
    }
}
