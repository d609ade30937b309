//! Generic NACK: packets that did not come; RFC 4585 section 6.2.1.

use alloc::vec::Vec;
use core::fmt;

use super::{Feedback, RTPFB, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// A packet and those of the sixteen after it that are missing too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostPackets {
    /// The first missing packet.
    pub first: u16,
    /// Bit `i` stands for the packet `first + i + 1`.
    pub following: u16,
}

impl LostPackets {
    /// The sequence numbers, in order.
    pub fn sequences(self) -> impl Iterator<Item = u16> {
        let following = (0..16).filter(move |bit| self.following >> bit & 1 == 1);
        core::iter::once(self.first).chain(following.map(move |bit| self.first.wrapping_add(bit + 1)))
    }
}

/// The packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who misses them, and of which stream.
    pub feedback: Feedback,
    entries: &'a [[u8; 4]],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(feedback: Feedback, reader: Reader<'a>) -> Result<Self, ParseError> {
        let (entries, rest) = reader.rest().as_chunks();
        if rest.is_empty() && !entries.is_empty() {
            Ok(Self { feedback, entries })
        } else {
            Err(reader.error(Kind::Truncated { needed: 4, available: rest.len() }))
        }
    }

    /// The entries in the order of the packet.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = LostPackets> + use<'a> {
        self.entries.iter().map(|[a, b, c, d]| LostPackets {
            first: u16::from_be_bytes([*a, *b]),
            following: u16::from_be_bytes([*c, *d]),
        })
    }

    /// All missing sequence numbers.
    pub fn sequences(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries().flat_map(LostPackets::sequences)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode(out, RTPFB, 1, |out| {
            self.feedback.encode(out);
            self.entries.iter().for_each(|entry| out.extend_from_slice(entry));
        });
    }

    /// Appends a packet that names `lost`, in the order in which it is given; neighbours share an entry.
    pub fn build(out: &mut Vec<u8>, feedback: Feedback, lost: impl IntoIterator<Item = u16>) {
        encode(out, RTPFB, 1, |out| {
            feedback.encode(out);
            let mut open: Option<LostPackets> = None;
            let close = |entry: LostPackets, out: &mut Vec<u8>| {
                out.extend_from_slice(&entry.first.to_be_bytes());
                out.extend_from_slice(&entry.following.to_be_bytes());
            };
            for sequence in lost.into_iter().take(4096) {
                match &mut open {
                    Some(entry) if (1..=16).contains(&sequence.wrapping_sub(entry.first)) => {
                        entry.following |= 1 << (sequence.wrapping_sub(entry.first) - 1);
                    }
                    _ => {
                        if let Some(done) = open.replace(LostPackets { first: sequence, following: 0 }) {
                            close(done, out);
                        }
                    }
                }
            }
            if let Some(last) = open {
                close(last, out);
            }
        });
    }
}

impl fmt::Display for Nack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NACK {:08x} [", self.feedback.media_ssrc)?;
        for (index, sequence) in self.sequences().enumerate() {
            write!(f, "{}{sequence}", if index == 0 { "" } else { " " })?;
        }
        f.write_str("]")
    }
}
