//! What can go wrong, by command.

/// Keying material of the wrong size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The master key.
    #[error("master key has {found} octets, expected {expected}")]
    KeyLength {
        /// What the profile asks for.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The master salt.
    #[error("master salt has {found} octets, expected {expected}")]
    SaltLength {
        /// What the profile asks for.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The exporter's output.
    #[error("keying material has {found} octets, expected {expected}")]
    MaterialLength {
        /// What the profile asks for.
        expected: usize,
        /// What was given.
        found: usize,
    },
}

/// Why a packet was not protected. The buffer is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtectError {
    /// What stands in the buffer is not an RTP or RTCP packet of version 2 whose header is whole.
    #[error("not a whole packet of version 2: {len} octets")]
    Malformed {
        /// Octets given.
        len: usize,
    },
    /// This index has been sealed before, or lies so far back that nobody knows: sealing it again would use its key
    /// stream twice. RFC 3711 section 9.1.
    #[error("index {index} of source {ssrc:#010x} was sealed before or is too old to tell")]
    IndexUsed {
        /// The source.
        ssrc: u32,
        /// Roll-over counter and sequence number.
        index: u64,
    },
    /// 2^48 RTP or 2^31 RTCP packets have been sealed; a new key is needed. RFC 3711 section 9.2.
    #[error("the key has sealed all the packets it may; take a new one")]
    KeyExhausted,
    /// The limit on sources is reached; remove one that has ended.
    #[error("{limit} sources are in use; remove one")]
    TooManyStreams {
        /// The limit.
        limit: usize,
    },
}

/// Why a received packet was refused. No state has changed, and the packet's octets are as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnprotectError {
    /// Too short, of another version, or with a header that does not fit.
    #[error("not a whole packet of version 2: {len} octets")]
    Malformed {
        /// Octets given.
        len: usize,
    },
    /// The tag does not match: another key, another roll-over counter, or a forgery.
    #[error("the tag does not match")]
    Authentication,
    /// The index has been received before.
    #[error("index {index} was received before")]
    Replayed {
        /// Roll-over counter and sequence number, or RTCP index.
        index: u64,
    },
    /// The index lies behind the replay window.
    #[error("index {index} lies behind the replay window")]
    TooOld {
        /// Roll-over counter and sequence number, or RTCP index.
        index: u64,
    },
    /// An RTCP packet that is authentic and not encrypted, which the configuration does not take.
    #[error("the packet is authentic but not encrypted")]
    NotEncrypted,
    /// The limit on sources is reached.
    #[error("{limit} sources are in use; remove one")]
    TooManyStreams {
        /// The limit.
        limit: usize,
    },
}

/// Why a roll-over counter was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetIndexError {
    /// The source has sent or received under a later index already.
    #[error("the source is already at index {current}")]
    Backwards {
        /// The highest index in use.
        current: u64,
    },
    /// The limit on sources is reached.
    #[error("{limit} sources are in use; remove one")]
    TooManyStreams {
        /// The limit.
        limit: usize,
    },
}
