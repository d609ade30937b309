//! What a user of data channels names: options, states, events, errors.

use bytes::Bytes;

use crate::association::Reliability;
use crate::event::CloseReason;

/// Our part in the DTLS handshake. It decides whose stream numbers are even (RFC 8832 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sent the ClientHello: even numbers.
    Client,
    /// Answered it: odd numbers.
    Server,
}

impl Role {
    pub(super) fn first_stream(self) -> u16 {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// A channel of this machine; never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(super) u32);

/// How a channel is opened. Fields as in `RTCDataChannelInit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Messages arrive in the order of sending. Default true.
    pub ordered: bool,
    /// How hard to try; lifetimes count in milliseconds on the wire. Default until it arrives.
    pub reliability: Reliability,
    /// Name of the protocol spoken in the channel; at most 65,535 octets. Default empty.
    pub protocol: String,
    /// The stream number, if both sides agreed on the channel elsewhere; 0 to 65,534. Default none: announced in-band.
    pub negotiated: Option<u16>,
    /// Priority as announced to the peer (RFC 8831 section 6.4): 128, 256 (default), 512, 1024.
    pub priority: u16,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            ordered: true,
            reliability: Reliability::Reliable,
            protocol: String::new(),
            negotiated: None,
            priority: 256,
        }
    }
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelState {
    /// The association is not up.
    Connecting,
    /// Can be used.
    Open,
    /// Being reset.
    Closing,
    /// Over.
    Closed,
}

/// What went over a channel; names as in `RTCDataChannelStats`. Octets of the application, empty messages count as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// `messagesSent`: taken by `send`.
    pub messages_sent: u64,
    /// `bytesSent`.
    pub bytes_sent: u64,
    /// `messagesReceived`: handed out by `receive`.
    pub messages_received: u64,
    /// `bytesReceived`.
    pub bytes_received: u64,
}

/// Channels since the machine was made; names as in `RTCPeerConnectionStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelTotals {
    /// `dataChannelsOpened`: that could be used at some time.
    pub data_channels_opened: u64,
    /// `dataChannelsClosed`: of these, the ones that are over.
    pub data_channels_closed: u64,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// Its name; need not be unique.
    pub label: String,
    /// The stream number, once known.
    pub stream: Option<u16>,
    /// Where it stands.
    pub state: ChannelState,
    /// How it was opened.
    pub options: ChannelOptions,
}

/// Text or octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Sent as text; the peer need not have sent valid UTF-8.
    pub is_text: bool,
    /// What was sent; may be empty.
    pub payload: Bytes,
}

impl Message {
    /// A text message.
    pub fn text(text: &str) -> Self {
        Self { is_text: true, payload: Bytes::copy_from_slice(text.as_bytes()) }
    }

    /// A binary message.
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        Self { is_text: false, payload: payload.into() }
    }

    /// The text, if it is text and valid UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        self.is_text.then(|| std::str::from_utf8(&self.payload).ok()).flatten()
    }
}

/// A change of state. Undrained events of one kind and channel are merged, so the queue is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The association is up.
    Connected,
    /// The peer began anew: all channels are closed.
    Restarted,
    /// A channel can be used.
    Opened {
        /// Which.
        channel: ChannelId,
        /// Whether the peer opened it.
        by_peer: bool,
    },
    /// A channel is over, on both sides.
    Closed {
        /// Which.
        channel: ChannelId,
    },
    /// The amount buffered for a channel fell to its threshold or below.
    BufferedAmountLow {
        /// Which.
        channel: ChannelId,
    },
    /// `receive` has something to hand out, and had nothing before.
    Readable,
    /// The association is over, and all channels with it.
    Ended(CloseReason),
}

/// Why a channel is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The negotiated number belongs to another channel, or is 65,535.
    #[error("stream {stream} is in use or not a channel number")]
    IdInUse {
        /// The number.
        stream: u16,
    },
    /// All numbers of our parity are in use, or the negotiated number is beyond the streams that the two ends have agreed on.
    #[error("no stream number is left, or the association has not that many streams")]
    NoStreamLeft,
    /// Too many channels.
    #[error("more than {limit} channels")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// Label or protocol passes 65,535 octets.
    #[error("label or protocol of {length} octets, at most 65535 allowed")]
    NameTooLong {
        /// Octets of the longer one.
        length: usize,
    },
    /// The association is over.
    #[error("association is closed")]
    Closed,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelSendError {
    /// The channel is not open yet, closing or closed.
    #[error("channel is not open")]
    NotOpen,
    /// The send buffer is full; [`ChannelEvent::BufferedAmountLow`] or a later call tells when it is not.
    #[error("send buffer is full: {used} of {limit} octets")]
    WouldBlock {
        /// Octets in use.
        used: usize,
        /// `send_buffer` of the configuration.
        limit: usize,
    },
    /// The message is larger than the peer takes or the send buffer holds.
    #[error("message of {length} octets, at most {limit} allowed")]
    TooLarge {
        /// Octets of the message.
        length: usize,
        /// The largest that can be sent.
        limit: usize,
    },
}
