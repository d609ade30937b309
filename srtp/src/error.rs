//! What can go wrong, by command.

use crate::profile::Profile;

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
    /// The master key identifier: 1 to 128 octets.
    #[error("master key identifier has {found} octets, expected 1 to 128")]
    IdentifierLength {
        /// What was given.
        found: usize,
    },
    /// The key derivation rate: 0, or a power of two up to 2^24.
    #[error("key derivation rate {found} is neither 0 nor a power of two up to 2^24")]
    DerivationRate {
        /// What was given.
        found: u32,
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

/// Why a context did not take another master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddKeyError {
    /// The key is for another profile; a context has one.
    #[error("the context's profile is {expected}")]
    Profile {
        /// The context's.
        expected: Profile,
    },
    /// Keys side by side need identifiers of one length; RFC 3711 section 3.1.
    #[error("key identifiers have {expected} octets here, found {found}; several keys need one each")]
    Identifier {
        /// Octets of the identifiers in use.
        expected: usize,
        /// What the key has.
        found: usize,
    },
    /// Another key has this identifier.
    #[error("another key has this identifier")]
    IdentifierInUse,
    /// The same secret is in use already: its key stream would repeat. RFC 3711 section 9.2.
    #[error("this key has been in use before")]
    UsedBefore,
    /// Remove one that is no longer needed.
    #[error("{limit} keys are in use; remove one")]
    TooManyKeys {
        /// The limit.
        limit: usize,
    },
}

/// Why the roll-over counter is not sent along: with tags of 32 bits nothing of the tag would be left; RFC 4771 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no room for a roll-over counter in its tag")]
pub struct UnsuitedProfile(pub Profile);

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
    /// The cipher counts 2^16 blocks of 16 octets a packet, and would repeat itself beyond; RFC 3711 section 4.1.1.
    #[error("{len} octets are more than a packet may have")]
    TooLong {
        /// Octets given.
        len: usize,
    },
    /// With cryptex: the header extension is not of one of the two forms that can be encrypted.
    #[error("a header extension with profile {profile:#06x} cannot be encrypted")]
    HeaderExtension {
        /// What the extension says it is.
        profile: u16,
    },
    /// 2^48 RTP or 2^31 RTCP packets have been sealed, or as many as the key's lifetime allows; a new key is needed. RFC
    /// 3711 section 9.2.
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
    /// Too short or too long, of another version, or with a header that does not fit.
    #[error("not a whole packet of version 2: {len} octets")]
    Malformed {
        /// Octets given.
        len: usize,
    },
    /// No key has the identifier that the packet carries.
    #[error("no key has the packet's identifier")]
    UnknownKey,
    /// Cryptex is required, and the header is readable.
    #[error("the header is not encrypted")]
    ReadableHeader,
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
