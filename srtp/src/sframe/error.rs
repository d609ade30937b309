//! What can go wrong with frames.

/// Why a frame was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// 2^64 frames: take another key.
    #[error("the key has no counter left")]
    KeyExhausted,
}

/// Why a key was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The identifier has a key already.
    #[error("key identifier {key_id} is in use")]
    InUse {
        /// The identifier.
        key_id: u64,
    },
    /// Remove one that is no longer needed.
    #[error("{limit} keys are in use; remove one")]
    TooManyKeys {
        /// The limit.
        limit: usize,
    },
}

/// Why a frame was not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The header does not fit, or is not written in the shortest way.
    #[error("no whole SFrame header in {len} octets")]
    Malformed {
        /// Octets given.
        len: usize,
    },
    /// No key has this identifier.
    #[error("no key has identifier {key_id}")]
    UnknownKey {
        /// The identifier.
        key_id: u64,
    },
    /// The tag does not match.
    #[error("the tag does not match")]
    Authentication,
}
