//! What senders and receivers can be told.

use crate::cryptex::Cryptex;
use crate::extensions::ExtensionIds;

/// How a [`Sender`](crate::Sender) protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderConfig {
    /// Indices behind the highest within which a packet may be sealed late: out of order, or never before; 64 to 8192,
    /// rounded up to a power of two, default 1024.
    pub window: usize,
    /// Sources at once, default 4096. With the default window each takes about 400 octets.
    pub stream_limit: usize,
    /// Whether RTCP is encrypted, default yes; it is authenticated always. RFC 3711 section 3.4.
    pub encrypt_rtcp: bool,
    /// Header extension elements whose data is encrypted, default none; RFC 6904. Not in packets that cryptex hides.
    pub encrypted_extensions: ExtensionIds,
    /// Whether header extensions and contributing sources are encrypted, default no; RFC 9335.
    pub cryptex: bool,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            window: 1024,
            stream_limit: 4096,
            encrypt_rtcp: true,
            encrypted_extensions: ExtensionIds::NONE,
            cryptex: false,
        }
    }
}

/// What a [`Receiver`](crate::Receiver) takes and how much it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// Indices behind the highest that are told apart from replays; 64 to 8192, rounded up to a power of two, default
    /// 1024. RFC 3711 section 3.3.2.
    pub replay_window: usize,
    /// Sources at once, default 1024. With the default window each takes about 400 octets.
    pub stream_limit: usize,
    /// What happens to the first authentic packet of one source more; default: it is refused.
    pub when_full: WhenFull,
    /// Whether RTCP that is authentic but not encrypted is taken; default no, and yes where the profile does not
    /// encrypt. RFC 3711 section 3.4.
    pub accept_unencrypted_rtcp: bool,
    /// Header extension elements whose data comes encrypted, default none; RFC 6904.
    pub encrypted_extensions: ExtensionIds,
    /// Whether header extensions and contributing sources come encrypted; default [`Cryptex::Off`]. RFC 9335.
    pub cryptex: Cryptex,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            replay_window: 1024,
            stream_limit: 1024,
            when_full: WhenFull::Refuse,
            accept_unencrypted_rtcp: false,
            encrypted_extensions: ExtensionIds::NONE,
            cryptex: Cryptex::Off,
        }
    }
}

/// What a receiver does with one source more than it may remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// It refuses the newcomer. The default: a source that is forgotten can be replayed.
    #[default]
    Refuse,
    /// Once the newcomer's packet is found authentic, it forgets the source heard longest ago, whose packets could be
    /// replayed from then on.
    EvictOldest,
}
