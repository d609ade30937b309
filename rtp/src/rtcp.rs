//! RTCP: reports, descriptions, goodbyes and feedback.

mod description;
mod feedback;
mod goodbye;
mod nack;
mod report;
mod twcc;

use alloc::vec::Vec;
use core::fmt;

pub use description::{Chunk, Item, ItemKind, SourceDescription};
pub use feedback::{Feedback, FullIntraRequest, IntraRequest, MaximumBitrate, PictureLoss};
pub use goodbye::{Application, Goodbye};
pub use nack::{LostPackets, Nack};
pub use report::{ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport};
pub use twcc::{Arrival, Arrivals, TransportFeedback};

use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// Octets of the header that every packet begins with; RFC 3550 section 6.4.1.
const HEADER: usize = 4;

pub(crate) const SR: u8 = 200;
pub(crate) const RR: u8 = 201;
pub(crate) const SDES: u8 = 202;
pub(crate) const BYE: u8 = 203;
pub(crate) const APP: u8 = 204;
pub(crate) const RTPFB: u8 = 205;
pub(crate) const PSFB: u8 = 206;

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// SR, 200; RFC 3550 section 6.4.1.
    SenderReport(SenderReport<'a>),
    /// RR, 201; RFC 3550 section 6.4.2.
    ReceiverReport(ReceiverReport<'a>),
    /// SDES, 202; RFC 3550 section 6.5.
    SourceDescription(SourceDescription<'a>),
    /// BYE, 203; RFC 3550 section 6.6.
    Goodbye(Goodbye<'a>),
    /// APP, 204; RFC 3550 section 6.7.
    Application(Application<'a>),
    /// Generic NACK, 205/1; RFC 4585 section 6.2.1.
    Nack(Nack<'a>),
    /// Transport-wide congestion control feedback, 205/15.
    TransportFeedback(TransportFeedback<'a>),
    /// Picture loss indication, 206/1; RFC 4585 section 6.3.1.
    PictureLoss(PictureLoss),
    /// Full intra request, 206/4; RFC 5104 section 4.3.1.
    FullIntraRequest(FullIntraRequest<'a>),
    /// Receiver estimated maximum bitrate, 206/15.
    MaximumBitrate(MaximumBitrate<'a>),
    /// A type or a feedback format that this crate does not know.
    Unknown(Unknown<'a>),
}

/// A packet that is only octets to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// The packet type.
    pub packet_type: u8,
    /// The five bits beside the version: a count or a format.
    pub count: u8,
    /// What follows the first four octets, without padding.
    pub body: &'a [u8],
}

/// What stands in the first four octets; RFC 3550 section 6.4.1.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|  count  |  packet type  |             length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) count: u8,
    packet_type: u8,
}

/// Goes through the packets of a compound: good ones come out whole around bad ones.
///
/// An error names the octet of the datagram at which its packet breaks; the packets behind it still come, unless it is
/// the length itself that is wrong. Whether the compound as a whole is one that RFC 3550 section 6.1 or RFC 5506
/// allows is the caller's question.
#[derive(Debug, Clone)]
pub struct Compound<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Compound<'a> {
    /// Reads a datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, offset: 0 }
    }

    fn fail(&mut self, kind: Kind) -> ParseError {
        self.rest = &[];
        ParseError { kind, offset: self.offset }
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let available = self.rest.len();
        if available == 0 {
            return None;
        }
        let Some(head) = self.rest.first_chunk::<HEADER>() else {
            return Some(Err(self.fail(Kind::Truncated { needed: HEADER, available })));
        };
        if head[0] >> 6 != 2 {
            return Some(Err(self.fail(Kind::Version(head[0] >> 6))));
        }
        let len = HEADER + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some((packet, rest)) = self.rest.split_at_checked(len) else {
            return Some(Err(self.fail(Kind::Truncated { needed: len, available })));
        };
        let offset = self.offset;
        self.rest = rest;
        self.offset += len;
        Some(parse_packet(packet, offset, rest.is_empty()))
    }
}

/// Reads one packet, whose length has been checked. Only the last of a compound may be padded.
fn parse_packet(packet: &[u8], offset: usize, last: bool) -> Result<Packet<'_>, ParseError> {
    let header = Header { count: packet[0] & 0x1f, packet_type: packet[1] };
    let mut body = &packet[HEADER..];
    if packet[0] & 0x20 != 0 {
        let padding = body.last().map_or(0, |count| usize::from(*count));
        let available = if last { body.len() } else { 0 };
        if padding == 0 || !padding.is_multiple_of(4) || padding > available {
            return Err(ParseError {
                kind: Kind::Padding { padding, available },
                offset: offset + packet.len() - 1,
            });
        }
        body = &body[..body.len() - padding];
    }
    let reader = Reader::new(body, offset + HEADER);
    match header.packet_type {
        SR => SenderReport::parse(header, reader).map(Packet::SenderReport),
        RR => ReceiverReport::parse(header, reader).map(Packet::ReceiverReport),
        SDES => SourceDescription::parse(header, reader).map(Packet::SourceDescription),
        BYE => Goodbye::parse(header, reader).map(Packet::Goodbye),
        APP => Application::parse(header, reader).map(Packet::Application),
        RTPFB | PSFB => feedback::parse(header, header.packet_type, reader),
        packet_type => Ok(Packet::Unknown(Unknown { packet_type, count: header.count, body })),
    }
}

/// Writes a packet: the header, what `body` appends, and the length, which counts whole words.
pub(crate) fn encode(out: &mut Vec<u8>, packet_type: u8, count: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count & 0x1f, packet_type, 0, 0]);
    body(out);
    debug_assert!((out.len() - start).is_multiple_of(4), "an RTCP packet is whole words");
    // Every body is bounded far below the 65,535 words that fit.
    let words = u16::try_from((out.len() - start) / 4 - 1).unwrap_or(u16::MAX);
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

impl Packet<'_> {
    /// Appends the packet as it was read.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SenderReport(packet) => packet.encode(out),
            Self::ReceiverReport(packet) => packet.encode(out),
            Self::SourceDescription(packet) => packet.encode(out),
            Self::Goodbye(packet) => packet.encode(out),
            Self::Application(packet) => packet.encode(out),
            Self::Nack(packet) => packet.encode(out),
            Self::TransportFeedback(packet) => packet.encode(out),
            Self::PictureLoss(packet) => packet.encode(out),
            Self::FullIntraRequest(packet) => packet.encode(out),
            Self::MaximumBitrate(packet) => packet.encode(out),
            Self::Unknown(packet) => {
                encode(out, packet.packet_type, packet.count, |out| out.extend_from_slice(packet.body));
            }
        }
    }
}

impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SenderReport(packet) => packet.fmt(f),
            Self::ReceiverReport(packet) => packet.fmt(f),
            Self::SourceDescription(packet) => packet.fmt(f),
            Self::Goodbye(packet) => packet.fmt(f),
            Self::Application(packet) => packet.fmt(f),
            Self::Nack(packet) => packet.fmt(f),
            Self::TransportFeedback(packet) => packet.fmt(f),
            Self::PictureLoss(packet) => packet.fmt(f),
            Self::FullIntraRequest(packet) => packet.fmt(f),
            Self::MaximumBitrate(packet) => packet.fmt(f),
            Self::Unknown(packet) => {
                write!(f, "RTCP type {}/{} len={}", packet.packet_type, packet.count, packet.body.len())
            }
        }
    }
}
