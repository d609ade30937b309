//! Feedback about pictures, and the header that all feedback shares; RFC 4585 section 6.1.

use alloc::vec::Vec;
use core::fmt;

use super::{Header, Nack, PSFB, Packet, RTPFB, TransportFeedback, Unknown, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// Who gives feedback, and about whom; RFC 4585 section 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Who gives it.
    pub sender_ssrc: u32,
    /// The stream it is about; 0 where the format names streams itself.
    pub media_ssrc: u32,
}

impl Feedback {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { sender_ssrc: reader.u32()?, media_ssrc: reader.u32()? })
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sender_ssrc.to_be_bytes());
        out.extend_from_slice(&self.media_ssrc.to_be_bytes());
    }
}

/// Reads feedback of either type by its format.
pub(super) fn parse(
    header: Header,
    packet_type: u8,
    mut reader: Reader<'_>,
) -> Result<Packet<'_>, ParseError> {
    let body = reader.rest();
    let feedback = Feedback::parse(&mut reader)?;
    match (packet_type, header.count) {
        (RTPFB, 1) => Nack::parse(feedback, reader).map(Packet::Nack),
        (RTPFB, 15) => TransportFeedback::parse(feedback, reader).map(Packet::TransportFeedback),
        (PSFB, 1) => Ok(Packet::PictureLoss(PictureLoss(feedback))),
        (PSFB, 4) => FullIntraRequest::parse(feedback, reader).map(Packet::FullIntraRequest),
        (PSFB, 15) if reader.rest().starts_with(b"REMB") => {
            MaximumBitrate::parse(feedback, reader).map(Packet::MaximumBitrate)
        }
        (_, count) => Ok(Packet::Unknown(Unknown { packet_type, count, body })),
    }
}

/// PLI: some picture was lost, a keyframe would help; RFC 4585 section 6.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLoss(pub Feedback);

impl PictureLoss {
    /// Appends the packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(out, PSFB, 1, |out| self.0.encode(out));
    }
}

impl fmt::Display for PictureLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PLI {:08x}", self.0.media_ssrc)
    }
}

/// One request for a keyframe; RFC 5104 section 4.3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntraRequest {
    /// From which stream.
    pub ssrc: u32,
    /// The request's number: a repetition carries the same.
    pub number: u8,
}

/// FIR: a keyframe is wanted; RFC 5104 section 4.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullIntraRequest<'a> {
    /// Who asks; the media source is 0.
    pub feedback: Feedback,
    entries: &'a [[u8; 8]],
}

impl<'a> FullIntraRequest<'a> {
    fn parse(feedback: Feedback, reader: Reader<'a>) -> Result<Self, ParseError> {
        let (entries, rest) = reader.rest().as_chunks();
        if rest.is_empty() && !entries.is_empty() {
            Ok(Self { feedback, entries })
        } else {
            Err(reader.error(Kind::Truncated { needed: 8, available: rest.len() }))
        }
    }

    /// The requests in the order of the packet.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = IntraRequest> + use<'a> {
        self.entries.iter().map(|[a, b, c, d, number, ..]| IntraRequest {
            ssrc: u32::from_be_bytes([*a, *b, *c, *d]),
            number: *number,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        Self::build(out, self.feedback, self.requests());
    }

    /// Appends a packet with these requests.
    pub fn build(out: &mut Vec<u8>, feedback: Feedback, requests: impl IntoIterator<Item = IntraRequest>) {
        encode(out, PSFB, 4, |out| {
            feedback.encode(out);
            for request in requests.into_iter().take(1024) {
                out.extend_from_slice(&request.ssrc.to_be_bytes());
                out.extend_from_slice(&[request.number, 0, 0, 0]);
            }
        });
    }
}

impl fmt::Display for FullIntraRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FIR")?;
        self.requests().try_for_each(|request| write!(f, " {:08x}#{}", request.ssrc, request.number))
    }
}

/// REMB: the receiver's estimate of what the path carries; draft-alvestrand-rmcat-remb-03.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaximumBitrate<'a> {
    /// Who estimates; the media source is 0.
    pub feedback: Feedback,
    /// Bits per second for all streams together.
    pub bitrate: u64,
    ssrcs: &'a [[u8; 4]],
}

impl<'a> MaximumBitrate<'a> {
    fn parse(feedback: Feedback, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        reader.take(4)?;
        let count = usize::from(reader.u8()?);
        let coded = reader.u24()?;
        let (exponent, mantissa) = (coded >> 18, u64::from(coded & 0x3_ffff));
        // 18 bits moved by up to 63 places: what leaves the 64 bits at the top is no bitrate.
        if mantissa.leading_zeros() < exponent && mantissa != 0 {
            return Err(reader.error(Kind::Value(coded)));
        }
        let ssrcs = reader.take(4 * count).map_err(|_| reader.error(Kind::Count { count }))?;
        Ok(Self { feedback, bitrate: mantissa << exponent, ssrcs: ssrcs.as_chunks().0 })
    }

    /// The streams that share the estimate.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.ssrcs.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        Self::build(out, self.feedback, self.bitrate, self.ssrcs());
    }

    /// Appends a packet. The bitrate keeps its 18 leading bits; streams beyond the 255th are left out.
    pub fn build(
        out: &mut Vec<u8>,
        feedback: Feedback,
        bitrate: u64,
        ssrcs: impl ExactSizeIterator<Item = u32>,
    ) {
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
        // Moved so that 18 bits remain.
        let mantissa = u32::try_from(bitrate >> exponent).unwrap_or(0x3_ffff);
        let count = u8::try_from(ssrcs.len()).unwrap_or(u8::MAX);
        encode(out, PSFB, 15, |out| {
            feedback.encode(out);
            out.extend_from_slice(b"REMB");
            out.extend_from_slice(&(u32::from(count) << 24 | exponent << 18 | mantissa).to_be_bytes());
            ssrcs.take(count.into()).for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
        });
    }
}

impl fmt::Display for MaximumBitrate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "REMB {} bit/s", self.bitrate)
    }
}
