//! The Data Channel Establishment Protocol (RFC 8832 section 5): two messages.

use std::fmt;

use super::options::{ChannelInfo, ChannelOptions, ChannelState};
use crate::association::Reliability;
use crate::error::{ParseError, ParseErrorKind};
use crate::wire::{Reader, length16};

/// Order and reliability of a channel (RFC 8832 section 5.1). The highest bit: unordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelType(pub u8);

impl ChannelType {
    /// Until it arrives.
    pub const RELIABLE: Self = Self(0);
    /// A number of retransmissions.
    pub const MAX_RETRANSMITS: Self = Self(1);
    /// A lifetime in milliseconds.
    pub const LIFETIME: Self = Self(2);
    /// The bit for unordered channels.
    pub const UNORDERED: u8 = 0x80;

    /// Whether messages keep their order.
    pub fn is_ordered(self) -> bool {
        self.0 & Self::UNORDERED == 0
    }

    pub(super) fn reliable(self) -> Kind {
        match Self(self.0 & !Self::UNORDERED) {
            Self::MAX_RETRANSMITS => Kind::Retransmits,
            Self::LIFETIME => Kind::Lifetime,
            _ => Kind::Reliable,
        }
    }
}

pub(super) enum Kind {
    Reliable,
    Retransmits,
    Lifetime,
}

/// DATA_CHANNEL_OPEN.
///
/// ```text
/// |  Message Type |  Channel Type |            Priority           |
/// |                    Reliability Parameter                      |
/// |         Label Length          |       Protocol Length         |
/// |                             Label                             |
/// |                            Protocol                           |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// Order and reliability.
    pub channel_type: ChannelType,
    /// Priority; higher is more urgent.
    pub priority: u16,
    /// Retransmissions or milliseconds; 0 for reliable channels.
    pub reliability: u32,
    /// Label.
    pub label: &'a str,
    /// Protocol.
    pub protocol: &'a str,
}

impl<'a> Open<'a> {
    pub(super) fn new(info: &'a ChannelInfo) -> Self {
        let options = &info.options;
        let (kind, reliability) = match options.reliability {
            // There is no word for a priority: the peer's own messages on the channel are reliable.
            Reliability::Reliable | Reliability::Priority(_) => (ChannelType::RELIABLE, 0),
            Reliability::MaxRetransmits(most) => (ChannelType::MAX_RETRANSMITS, u32::from(most)),
            Reliability::Lifetime(life) => {
                (ChannelType::LIFETIME, u32::try_from(life.as_millis()).unwrap_or(u32::MAX))
            }
        };
        let unordered = if options.ordered { 0 } else { ChannelType::UNORDERED };
        Self {
            channel_type: ChannelType(kind.0 | unordered),
            priority: options.priority,
            reliability,
            label: &info.label,
            protocol: &options.protocol,
        }
    }

    pub(super) fn info(&self, stream: u16) -> ChannelInfo {
        let options = ChannelOptions {
            ordered: self.channel_type.is_ordered(),
            reliability: super::reliability_of(self.channel_type, self.reliability),
            protocol: self.protocol.to_owned(),
            negotiated: None,
            priority: self.priority,
        };
        ChannelInfo { label: self.label.to_owned(), stream: Some(stream), state: ChannelState::Open, options }
    }
}

/// A message of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dcep<'a> {
    /// DATA_CHANNEL_OPEN, section 5.1.
    Open(Open<'a>),
    /// DATA_CHANNEL_ACK, section 5.2.
    Ack,
}

const ACK: u8 = 2;
const OPEN: u8 = 3;

impl<'a> Dcep<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// An unknown message type, lengths that do not fit, names that are not UTF-8.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(bytes);
        match r.u8()? {
            ACK => r.finish().map(|()| Self::Ack),
            OPEN => {
                let (channel_type, priority, reliability) = (ChannelType(r.u8()?), r.u16()?, r.u32()?);
                let (label, protocol) = (usize::from(r.u16()?), usize::from(r.u16()?));
                let label = text(&mut r, label)?;
                let protocol = text(&mut r, protocol)?;
                r.finish()?;
                Ok(Self::Open(Open { channel_type, priority, reliability, label, protocol }))
            }
            other => Err(ParseError { kind: ParseErrorKind::Value { value: u32::from(other) }, offset: 0 }),
        }
    }

    /// Octets of the message.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Ack => 1,
            Self::Open(open) => 12 + open.label.len() + open.protocol.len(),
        }
    }

    /// Appends the message. Names stay below 64 KiB each.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ack => out.push(ACK),
            Self::Open(open) => {
                out.extend_from_slice(&[OPEN, open.channel_type.0]);
                out.extend_from_slice(&open.priority.to_be_bytes());
                out.extend_from_slice(&open.reliability.to_be_bytes());
                out.extend_from_slice(&length16(open.label.len()).to_be_bytes());
                out.extend_from_slice(&length16(open.protocol.len()).to_be_bytes());
                out.extend_from_slice(open.label.as_bytes());
                out.extend_from_slice(open.protocol.as_bytes());
            }
        }
    }
}

/// `OPEN label="chat" protocol="" type=00 priority=256`, in one line, for the ladder.
impl fmt::Display for Dcep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ack => f.write_str("ACK"),
            Self::Open(Open { channel_type, priority, label, protocol, .. }) => {
                write!(
                    f,
                    "OPEN label={label:?} protocol={protocol:?} type={:02x} priority={priority}",
                    channel_type.0
                )
            }
        }
    }
}

fn text<'a>(r: &mut Reader<'a>, length: usize) -> Result<&'a str, ParseError> {
    let bytes = r.take(length)?;
    std::str::from_utf8(bytes).map_err(|_| r.error(ParseErrorKind::Text))
}
