//! Chunks (RFC 9260 section 3.2): one type for all of them, and the rules for unknown ones.
//!
//! ```text
//!  0                   1                   2                   3
//! |  Chunk Type   |  Chunk Flags  |        Chunk Length           |
//! |  Chunk Value (Length - 4 octets), padded to four octets       |
//! ```
//! Reserved flag bits are sent as zero and ignored on receipt; the codec carries them so that what was read can be
//! written again.

mod data;
mod forward;
mod init;
mod reconfig;
mod sack;

use std::fmt;

pub use data::{Data, DataFlags, IData};
pub use forward::{ForwardTsn, IForwardTsn};
pub use init::Init;
pub use reconfig::{OutgoingReset, Reconfig, ReconfigResult, Request, Response};
pub(crate) use sack::write_fixed as write_sack_fixed;
pub use sack::{GapBlock, Sack};

use crate::cause::Causes;
use crate::error::{ParseError, ParseErrorKind};
use crate::param::{ParamType, Params};
use crate::wire::{Reader, length16, pad, padded};

/// A chunk type. The two highest bits say what a receiver does that does not know it (RFC 9260 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkType(pub u8);

impl ChunkType {
    /// Payload Data, section 3.3.1.
    pub const DATA: Self = Self(0);
    /// Initiation, section 3.3.2.
    pub const INIT: Self = Self(1);
    /// Initiation Acknowledgement, section 3.3.3.
    pub const INIT_ACK: Self = Self(2);
    /// Selective Acknowledgement, section 3.3.4.
    pub const SACK: Self = Self(3);
    /// Heartbeat Request, section 3.3.5.
    pub const HEARTBEAT: Self = Self(4);
    /// Heartbeat Acknowledgement, section 3.3.6.
    pub const HEARTBEAT_ACK: Self = Self(5);
    /// Abort Association, section 3.3.7.
    pub const ABORT: Self = Self(6);
    /// Shutdown Association, section 3.3.8.
    pub const SHUTDOWN: Self = Self(7);
    /// Shutdown Acknowledgement, section 3.3.9.
    pub const SHUTDOWN_ACK: Self = Self(8);
    /// Operation Error, section 3.3.10.
    pub const ERROR: Self = Self(9);
    /// Cookie Echo, section 3.3.11.
    pub const COOKIE_ECHO: Self = Self(10);
    /// Cookie Acknowledgement, section 3.3.12.
    pub const COOKIE_ACK: Self = Self(11);
    /// Shutdown Complete, section 3.3.13.
    pub const SHUTDOWN_COMPLETE: Self = Self(14);
    /// I-DATA, RFC 8260 section 2.1.
    pub const I_DATA: Self = Self(64);
    /// RE-CONFIG, RFC 6525 section 3.1.
    pub const RECONFIG: Self = Self(130);
    /// PAD, RFC 4820 section 3.
    pub const PAD: Self = Self(132);
    /// FORWARD-TSN, RFC 3758 section 3.2.
    pub const FORWARD_TSN: Self = Self(192);
    /// I-FORWARD-TSN, RFC 8260 section 2.3.1.
    pub const I_FORWARD_TSN: Self = Self(194);

    /// Must be the only chunk of its packet (RFC 9260 section 6.10).
    pub(crate) fn stands_alone(self) -> bool {
        matches!(self, Self::INIT | Self::INIT_ACK | Self::SHUTDOWN_COMPLETE)
    }

    /// An unknown chunk of this type is stepped over; else the rest of the packet is not looked at.
    pub fn skip_if_unknown(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// An unknown chunk of this type is reported in an ERROR chunk.
    pub fn report_if_unknown(self) -> bool {
        self.0 & 0x40 != 0
    }
}

impl fmt::Display for ChunkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::DATA => "DATA",
            Self::INIT => "INIT",
            Self::INIT_ACK => "INIT-ACK",
            Self::SACK => "SACK",
            Self::HEARTBEAT => "HEARTBEAT",
            Self::HEARTBEAT_ACK => "HEARTBEAT-ACK",
            Self::ABORT => "ABORT",
            Self::SHUTDOWN => "SHUTDOWN",
            Self::SHUTDOWN_ACK => "SHUTDOWN-ACK",
            Self::ERROR => "ERROR",
            Self::COOKIE_ECHO => "COOKIE-ECHO",
            Self::COOKIE_ACK => "COOKIE-ACK",
            Self::SHUTDOWN_COMPLETE => "SHUTDOWN-COMPLETE",
            Self::I_DATA => "I-DATA",
            Self::RECONFIG => "RE-CONFIG",
            Self::PAD => "PAD",
            Self::FORWARD_TSN => "FORWARD-TSN",
            Self::I_FORWARD_TSN => "I-FORWARD-TSN",
            Self(other) => return write!(f, "CHUNK-{other:#04x}"),
        })
    }
}

/// A chunk cut out of a packet, its value not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawChunk<'a> {
    /// Its type.
    pub kind: ChunkType,
    /// Its flags.
    pub flags: u8,
    /// Its value without header and padding.
    pub value: &'a [u8],
}

impl RawChunk<'_> {
    /// Appends the chunk, as it was, without padding: what an ERROR chunk reports.
    pub(crate) fn write_unpadded(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind.0, self.flags]);
        out.extend_from_slice(&length16(self.value.len() + 4).to_be_bytes());
        out.extend_from_slice(self.value);
    }
}

/// Any chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chunk<'a> {
    /// A message or a piece of one.
    Data(Data<'a>),
    /// A message or a piece of one, where messages may interleave.
    IData(IData<'a>),
    /// Begins an association.
    Init(Init<'a>),
    /// Answers INIT, with the state cookie among its parameters.
    InitAck(Init<'a>),
    /// What has arrived.
    Sack(Sack<'a>),
    /// Asks whether the peer is there. The value: one Heartbeat Info parameter, opaque to the peer.
    Heartbeat(&'a [u8]),
    /// The value of the HEARTBEAT, unchanged.
    HeartbeatAck(&'a [u8]),
    /// Ends the association at once.
    Abort {
        /// T bit: the packet carries the sender's own idea of the receiver's peer tag (section 8.5.1).
        reflected: bool,
        /// Why.
        causes: Causes<'a>,
    },
    /// Nothing more to send; cumulative TSN received so far.
    Shutdown(u32),
    /// Answers SHUTDOWN.
    ShutdownAck,
    /// Answers SHUTDOWN ACK; the field is the T bit.
    ShutdownComplete {
        /// T bit, as in ABORT.
        reflected: bool,
    },
    /// Something was wrong, the association lives on.
    Error(Causes<'a>),
    /// The state cookie, sent back.
    CookieEcho(&'a [u8]),
    /// The association is up.
    CookieAck,
    /// Re-configuration of streams.
    Reconfig(Reconfig<'a>),
    /// Padding, for probing the path; the octets are ignored.
    Pad(&'a [u8]),
    /// Skips abandoned messages.
    ForwardTsn(ForwardTsn<'a>),
    /// Skips abandoned messages, where messages may interleave.
    IForwardTsn(IForwardTsn<'a>),
    /// A type this library does not know.
    Unknown(RawChunk<'a>),
}

impl<'a> Chunk<'a> {
    /// Reads the value of a chunk. Reserved flag bits are ignored.
    ///
    /// # Errors
    /// A value too short or too long for its type, or one that the RFC forbids; offsets count from the chunk's value.
    pub fn parse(raw: RawChunk<'a>) -> Result<Self, ParseError> {
        let RawChunk { kind, flags, value } = raw;
        let empty = |chunk| Reader::new(value).finish().map(|()| chunk);
        let reflected = flags & 1 != 0;
        Ok(match kind {
            ChunkType::DATA => Self::Data(Data::parse(flags, value)?),
            ChunkType::I_DATA => Self::IData(IData::parse(flags, value)?),
            ChunkType::INIT => Self::Init(Init::parse(value)?),
            ChunkType::INIT_ACK => Self::InitAck(Init::parse(value)?),
            ChunkType::SACK => Self::Sack(Sack::parse(value)?),
            ChunkType::HEARTBEAT => Self::Heartbeat(heartbeat(value)?),
            ChunkType::HEARTBEAT_ACK => Self::HeartbeatAck(heartbeat(value)?),
            ChunkType::ABORT => Self::Abort { reflected, causes: Causes::parse(value)? },
            ChunkType::SHUTDOWN => {
                let mut r = Reader::new(value);
                let cumulative = r.u32()?;
                r.finish()?;
                Self::Shutdown(cumulative)
            }
            ChunkType::SHUTDOWN_ACK => empty(Self::ShutdownAck)?,
            ChunkType::ERROR => Self::Error(Causes::parse(value)?),
            ChunkType::COOKIE_ECHO => Self::CookieEcho(value),
            ChunkType::COOKIE_ACK => empty(Self::CookieAck)?,
            ChunkType::SHUTDOWN_COMPLETE => empty(Self::ShutdownComplete { reflected })?,
            ChunkType::RECONFIG => Self::Reconfig(Reconfig::parse(value)?),
            ChunkType::PAD => Self::Pad(value),
            ChunkType::FORWARD_TSN => Self::ForwardTsn(ForwardTsn::parse(value)?),
            ChunkType::I_FORWARD_TSN => Self::IForwardTsn(IForwardTsn::parse(value)?),
            _ => Self::Unknown(raw),
        })
    }

    /// The chunk's type.
    pub fn kind(&self) -> ChunkType {
        match self {
            Self::Data(_) => ChunkType::DATA,
            Self::IData(_) => ChunkType::I_DATA,
            Self::Init(_) => ChunkType::INIT,
            Self::InitAck(_) => ChunkType::INIT_ACK,
            Self::Sack(_) => ChunkType::SACK,
            Self::Heartbeat(_) => ChunkType::HEARTBEAT,
            Self::HeartbeatAck(_) => ChunkType::HEARTBEAT_ACK,
            Self::Abort { .. } => ChunkType::ABORT,
            Self::Shutdown(_) => ChunkType::SHUTDOWN,
            Self::ShutdownAck => ChunkType::SHUTDOWN_ACK,
            Self::ShutdownComplete { .. } => ChunkType::SHUTDOWN_COMPLETE,
            Self::Error(_) => ChunkType::ERROR,
            Self::CookieEcho(_) => ChunkType::COOKIE_ECHO,
            Self::CookieAck => ChunkType::COOKIE_ACK,
            Self::Reconfig(_) => ChunkType::RECONFIG,
            Self::Pad(_) => ChunkType::PAD,
            Self::ForwardTsn(_) => ChunkType::FORWARD_TSN,
            Self::IForwardTsn(_) => ChunkType::I_FORWARD_TSN,
            Self::Unknown(raw) => raw.kind,
        }
    }

    fn flags(&self) -> u8 {
        match self {
            Self::Data(data) => data.flags.0,
            Self::IData(data) => data.flags.0,
            Self::Abort { reflected, .. } | Self::ShutdownComplete { reflected } => u8::from(*reflected),
            Self::Unknown(raw) => raw.flags,
            _ => 0,
        }
    }

    fn value_len(&self) -> usize {
        match self {
            Self::Data(data) => Data::HEADER + data.payload.len(),
            Self::IData(data) => IData::HEADER + data.payload.len(),
            Self::Init(init) | Self::InitAck(init) => Init::FIXED + init.params.as_bytes().len(),
            Self::Sack(sack) => sack.value_len(),
            Self::Heartbeat(value)
            | Self::HeartbeatAck(value)
            | Self::CookieEcho(value)
            | Self::Pad(value) => value.len(),
            Self::Abort { causes, .. } | Self::Error(causes) => causes.as_bytes().len(),
            Self::Shutdown(_) => 4,
            Self::ShutdownAck | Self::ShutdownComplete { .. } | Self::CookieAck => 0,
            Self::Reconfig(reconfig) => reconfig.params.as_bytes().len(),
            Self::ForwardTsn(forward) => forward.value_len(),
            Self::IForwardTsn(forward) => forward.value_len(),
            Self::Unknown(raw) => raw.value.len(),
        }
    }

    /// Octets on the wire, with header and padding.
    pub fn encoded_len(&self) -> usize {
        padded(4 + self.value_len())
    }

    /// Appends header, value and padding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[self.kind().0, self.flags()]);
        out.extend_from_slice(&length16(4 + self.value_len()).to_be_bytes());
        match self {
            Self::Data(data) => data.write(out),
            Self::IData(data) => data.write(out),
            Self::Init(init) | Self::InitAck(init) => init.write(out),
            Self::Sack(sack) => sack.write(out),
            Self::Heartbeat(value)
            | Self::HeartbeatAck(value)
            | Self::CookieEcho(value)
            | Self::Pad(value) => {
                out.extend_from_slice(value);
            }
            Self::Abort { causes, .. } | Self::Error(causes) => out.extend_from_slice(causes.as_bytes()),
            Self::Shutdown(cumulative) => out.extend_from_slice(&cumulative.to_be_bytes()),
            Self::ShutdownAck | Self::ShutdownComplete { .. } | Self::CookieAck => {}
            Self::Reconfig(reconfig) => out.extend_from_slice(reconfig.params.as_bytes()),
            Self::ForwardTsn(forward) => forward.write(out),
            Self::IForwardTsn(forward) => forward.write(out),
            Self::Unknown(raw) => out.extend_from_slice(raw.value),
        }
        pad(out, start);
    }
}

/// HEARTBEAT and HEARTBEAT ACK begin with their one parameter, Heartbeat Info.
fn heartbeat(value: &[u8]) -> Result<&[u8], ParseError> {
    let params = Params::parse(value)?;
    match params.iter().next() {
        Some(first) if first.kind == ParamType::HEARTBEAT_INFO => Ok(value),
        Some(first) => {
            let kind = ParseErrorKind::Value { value: u32::from(first.kind.0) };
            Err(ParseError { kind, offset: 0 })
        }
        None => Err(ParseError { kind: ParseErrorKind::Length { length: 4 }, offset: 0 }),
    }
}

/// `SACK cum=17 gaps=[2-3] rwnd=65536`, in one line, for the ladder.
impl fmt::Display for Chunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Data(data) => write!(f, " {data}"),
            Self::IData(data) => write!(f, " {data}"),
            Self::Init(init) | Self::InitAck(init) => write!(f, " {init}"),
            Self::Sack(sack) => write!(f, " {sack}"),
            Self::Heartbeat(value)
            | Self::HeartbeatAck(value)
            | Self::CookieEcho(value)
            | Self::Pad(value) => {
                write!(f, " len={}", value.len())
            }
            Self::Abort { causes, .. } | Self::Error(causes) => {
                causes.iter().try_for_each(|(code, _)| write!(f, " {}", code.name()))
            }
            Self::Shutdown(cumulative) => write!(f, " cum={cumulative}"),
            Self::ShutdownAck | Self::ShutdownComplete { .. } | Self::CookieAck => Ok(()),
            Self::Reconfig(reconfig) => write!(f, " {reconfig}"),
            Self::ForwardTsn(forward) => write!(f, " {forward}"),
            Self::IForwardTsn(forward) => write!(f, " {forward}"),
            Self::Unknown(raw) => write!(f, " len={}", raw.value.len()),
        }
    }
}
