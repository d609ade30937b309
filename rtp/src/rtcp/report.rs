//! Sender and receiver reports; RFC 3550 section 6.4.

use alloc::vec::Vec;
use core::fmt;

use super::{Header, RR, SR, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// What a sender says of its own stream; RFC 3550 section 6.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// Wall-clock time of the report, in units of 2^-32 s since 1900.
    pub ntp: u64,
    /// The same instant in units of the payload's clock.
    pub rtp_timestamp: u32,
    /// Packets sent since the stream began; wraps.
    pub packets: u32,
    /// Payload octets sent since the stream began; wraps.
    pub octets: u32,
}

/// How one source is received; RFC 3550 section 6.4.1.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                            SSRC                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | fraction lost |       cumulative number of packets lost       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           extended highest sequence number received           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      interarrival jitter                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         last SR (LSR)                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   delay since last SR (DLSR)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Share lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, -2^23 to 2^23 - 1; duplicates make it negative.
    pub cumulative_lost: i32,
    /// The highest sequence number received, cycles in the upper 16 bits.
    pub highest_sequence: u32,
    /// Variation of the packets' transit time, in units of the payload's clock.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time; 0 if there was none.
    pub last_sender_report: u32,
    /// From that report to this one, in units of 2^-16 s.
    pub delay_since_last: u32,
}

impl ReportBlock {
    /// Octets of a block.
    pub const LEN: usize = 24;

    fn parse(octets: &[u8; Self::LEN]) -> Self {
        let word =
            |at: usize| u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        Self {
            ssrc: word(0),
            fraction_lost: octets[4],
            // The sign is in the 24th bit.
            cumulative_lost: (word(4) << 8).cast_signed() >> 8,
            highest_sequence: word(8),
            jitter: word(12),
            last_sender_report: word(16),
            delay_since_last: word(20),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[self.fraction_lost, lost[1], lost[2], lost[3]]);
        for word in [self.highest_sequence, self.jitter, self.last_sender_report, self.delay_since_last] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// The blocks of a report, at most 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlocks<'a>(&'a [[u8; ReportBlock::LEN]]);

impl<'a> ReportBlocks<'a> {
    /// The blocks in the order of the packet.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.0.iter().map(ReportBlock::parse)
    }

    fn parse(header: Header, reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let count = usize::from(header.count);
        let octets =
            reader.take(count * ReportBlock::LEN).map_err(|_| reader.error(Kind::Count { count }))?;
        Ok(Self(octets.as_chunks().0))
    }
}

/// SR: what a sender has sent, and how it receives others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// The sender.
    pub ssrc: u32,
    /// What it has sent.
    pub info: SenderInfo,
    /// How it receives others.
    pub reports: ReportBlocks<'a>,
    /// What its profile adds behind the blocks.
    pub extension: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(header: Header, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let ssrc = reader.u32()?;
        let info = SenderInfo {
            ntp: reader.u64()?,
            rtp_timestamp: reader.u32()?,
            packets: reader.u32()?,
            octets: reader.u32()?,
        };
        let reports = ReportBlocks::parse(header, &mut reader)?;
        Ok(Self { ssrc, info, reports, extension: reader.rest() })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        Self::build(out, self.ssrc, &self.info, self.reports.iter());
        append_extension(out, start, self.extension);
    }

    /// Appends a sender report. Blocks beyond the 31st are left out.
    pub fn build(
        out: &mut Vec<u8>,
        ssrc: u32,
        info: &SenderInfo,
        reports: impl ExactSizeIterator<Item = ReportBlock>,
    ) {
        encode(out, SR, count(&reports), |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&info.ntp.to_be_bytes());
            for word in [info.rtp_timestamp, info.packets, info.octets] {
                out.extend_from_slice(&word.to_be_bytes());
            }
            reports.take(31).for_each(|block| block.encode(out));
        });
    }
}

/// RR: how others are received, from whoever sends nothing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// The reporter.
    pub ssrc: u32,
    /// How it receives others.
    pub reports: ReportBlocks<'a>,
    /// What its profile adds behind the blocks.
    pub extension: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(header: Header, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let ssrc = reader.u32()?;
        let reports = ReportBlocks::parse(header, &mut reader)?;
        Ok(Self { ssrc, reports, extension: reader.rest() })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        Self::build(out, self.ssrc, self.reports.iter());
        append_extension(out, start, self.extension);
    }

    /// Appends a receiver report. Blocks beyond the 31st are left out.
    pub fn build(out: &mut Vec<u8>, ssrc: u32, reports: impl ExactSizeIterator<Item = ReportBlock>) {
        encode(out, RR, count(&reports), |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            reports.take(31).for_each(|block| block.encode(out));
        });
    }
}

fn count(reports: &impl ExactSizeIterator) -> u8 {
    u8::try_from(reports.len().min(31)).unwrap_or(31)
}

/// A profile's extension is whole words, since it came out of a packet; the length counts it too.
fn append_extension(out: &mut Vec<u8>, start: usize, extension: &[u8]) {
    out.extend_from_slice(extension);
    let words = u16::try_from((out.len() - start) / 4 - 1).unwrap_or(u16::MAX);
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

impl fmt::Display for SenderReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SenderInfo { rtp_timestamp, packets, octets, .. } = self.info;
        write!(f, "SR ssrc={:08x} ts={rtp_timestamp} packets={packets} octets={octets}", self.ssrc)?;
        display_blocks(self.reports, f)
    }
}

impl fmt::Display for ReceiverReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RR ssrc={:08x}", self.ssrc)?;
        display_blocks(self.reports, f)
    }
}

fn display_blocks(reports: ReportBlocks<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    reports.iter().try_for_each(|block| {
        write!(f, " [{:08x} lost={} jitter={}]", block.ssrc, block.cumulative_lost, block.jitter)
    })
}
