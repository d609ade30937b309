//! When each packet of the transport arrived; draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.

use alloc::vec::Vec;
use core::fmt;

use super::{Feedback, RTPFB, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// A packet of the transport, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The packet's transport-wide number.
    pub sequence: u16,
    /// When it came, in units of 250 us on the receiver's clock; `None` if it has not.
    pub time: Option<i64>,
}

/// Ticks of 250 us in the 64 ms that the reference time counts.
const REFERENCE: i64 = 256;

/// The packet. Its chunks and deltas are checked, so that going through them cannot fail.
///
/// ```text
/// |      base sequence number     |      packet status count      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 reference time                | fb pkt. count |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          packet chunks ...    |         recv deltas ...       |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// Who received, and some stream of the transport.
    pub feedback: Feedback,
    /// The number of the first packet reported on.
    pub base_sequence: u16,
    /// Packets reported on, received or not.
    pub status_count: u16,
    /// The clock from which the deltas count, in units of 64 ms; 24 bits, signed.
    pub reference_time: i32,
    /// The number of this report, which wraps.
    pub feedback_count: u8,
    chunks: &'a [[u8; 2]],
    deltas: &'a [u8],
    body: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(feedback: Feedback, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let body = reader.rest();
        let (base_sequence, status_count) = (reader.u16()?, reader.u16()?);
        let reference_time = (reader.u24()? << 8).cast_signed() >> 8;
        let feedback_count = reader.u8()?;
        let start = reader.rest();
        let (mut told, mut delta_len) = (0usize, 0usize);
        while told < usize::from(status_count) {
            let chunk = ChunkKind::parse(reader.array()?);
            for symbol in chunk.symbols().take(usize::from(status_count) - told) {
                delta_len += symbol.delta_len().ok_or_else(|| reader.error(Kind::Value(3)))?;
                told += 1;
            }
        }
        let chunks = start[..start.len() - reader.rest().len()].as_chunks().0;
        let deltas = reader.take(delta_len)?;
        Ok(Self {
            feedback,
            base_sequence,
            status_count,
            reference_time,
            feedback_count,
            chunks,
            deltas,
            body,
        })
    }

    /// What became of each packet, from the first to the last reported on.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            chunks: self.chunks,
            symbols: None,
            deltas: self.deltas,
            sequence: self.base_sequence,
            left: self.status_count,
            time: i64::from(self.reference_time) * REFERENCE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode(out, RTPFB, 15, |out| {
            self.feedback.encode(out);
            out.extend_from_slice(self.body);
        });
    }

    /// Appends a report on `arrivals`, which come in ascending order of their numbers, each number once; numbers left
    /// out between them are reported as not received. Times are in units of 250 us.
    ///
    /// Returns how many arrivals are in the packet: fewer than given where a gap in time is too wide for a delta, or
    /// where more than 8192 numbers would be spanned. Report the rest in another packet.
    pub fn build(out: &mut Vec<u8>, feedback: Feedback, feedback_count: u8, arrivals: &[Arrival]) -> usize {
        let Some(first) = arrivals.first() else { return 0 };
        let start = arrivals.iter().find_map(|arrival| arrival.time).unwrap_or(0);
        let reference = start.div_euclid(REFERENCE);
        let used = usable(arrivals, reference * REFERENCE);
        let arrivals = &arrivals[..used];
        let last = arrivals.last().map_or(first.sequence, |arrival| arrival.sequence);
        let status_count = last.wrapping_sub(first.sequence).wrapping_add(1);
        encode(out, RTPFB, 15, |out| {
            feedback.encode(out);
            let body = out.len();
            out.extend_from_slice(&first.sequence.to_be_bytes());
            out.extend_from_slice(&status_count.to_be_bytes());
            // 24 bits, which wrap after 12 days.
            out.extend_from_slice(&reference.to_be_bytes()[5..]);
            out.push(feedback_count);
            let symbols = Symbols { arrivals, next: first.sequence, clock: reference * REFERENCE };
            encode_chunks(out, symbols.clone());
            for (_, delta) in symbols {
                match delta.map(|delta| (u8::try_from(delta), delta)) {
                    Some((Ok(small), _)) => out.push(small),
                    Some((_, large)) => out.extend_from_slice(&large.to_be_bytes()),
                    None => {}
                }
            }
            let len = (out.len() - body).next_multiple_of(4);
            out.resize(body + len, 0);
        });
        used
    }
}

/// How many arrivals fit: each delta in 16 bits, all numbers within 8192.
fn usable(arrivals: &[Arrival], mut clock: i64) -> usize {
    let Some(first) = arrivals.first() else { return 0 };
    arrivals
        .iter()
        .take_while(|arrival| {
            let near = arrival.sequence.wrapping_sub(first.sequence) < 8192;
            let fits = arrival.time.is_none_or(|time| i16::try_from(time - clock).is_ok());
            clock = arrival.time.unwrap_or(clock);
            near && fits
        })
        .count()
}

/// What is said of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Missing = 0,
    Small = 1,
    Large = 2,
    Reserved = 3,
}

impl Symbol {
    fn new(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::Missing,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Reserved,
        }
    }

    fn delta_len(self) -> Option<usize> {
        match self {
            Self::Missing => Some(0),
            Self::Small => Some(1),
            Self::Large => Some(2),
            Self::Reserved => None,
        }
    }
}

/// A chunk: a run of one symbol, fourteen of one bit, or seven of two.
#[derive(Debug, Clone, Copy)]
enum ChunkKind {
    Run(Symbol, u16),
    OneBit(u16),
    TwoBits(u16),
}

impl ChunkKind {
    fn parse(octets: [u8; 2]) -> Self {
        let bits = u16::from_be_bytes(octets);
        match bits >> 14 {
            0 | 1 => Self::Run(Symbol::new(bits >> 13), bits & 0x1fff),
            2 => Self::OneBit(bits),
            _ => Self::TwoBits(bits),
        }
    }

    fn symbol(self, index: u16) -> Option<Symbol> {
        match self {
            Self::Run(symbol, length) => (index < length).then_some(symbol),
            Self::OneBit(bits) => (index < 14).then(|| Symbol::new(bits >> (13 - index) & 1)),
            Self::TwoBits(bits) => (index < 7).then(|| Symbol::new(bits >> (2 * (6 - index)))),
        }
    }

    fn symbols(self) -> impl Iterator<Item = Symbol> {
        (0..).map_while(move |index| self.symbol(index))
    }
}

/// Goes through the packets that a report is about.
#[derive(Debug, Clone)]
pub struct Arrivals<'a> {
    chunks: &'a [[u8; 2]],
    /// The chunk under way and the index of its next symbol.
    symbols: Option<(ChunkKind, u16)>,
    deltas: &'a [u8],
    sequence: u16,
    left: u16,
    time: i64,
}

impl Arrivals<'_> {
    fn next_symbol(&mut self) -> Option<Symbol> {
        loop {
            if let Some((chunk, index)) = &mut self.symbols
                && let Some(symbol) = chunk.symbol(*index)
            {
                *index += 1;
                return Some(symbol);
            }
            let (chunk, rest) = self.chunks.split_first()?;
            self.chunks = rest;
            self.symbols = Some((ChunkKind::parse(*chunk), 0));
        }
    }

    fn next_delta(&mut self, symbol: Symbol) -> Option<i64> {
        let (octets, rest) = self.deltas.split_at_checked(symbol.delta_len()?)?;
        self.deltas = rest;
        match octets {
            [small] => Some((*small).into()),
            [high, low] => Some(i16::from_be_bytes([*high, *low]).into()),
            _ => None,
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        let symbol = self.next_symbol()?;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let time = self.next_delta(symbol).map(|delta| {
            self.time += delta;
            self.time
        });
        Some(Arrival { sequence, time })
    }
}

/// One symbol for every number from the first to the last, and its delta.
#[derive(Clone)]
struct Symbols<'a> {
    arrivals: &'a [Arrival],
    next: u16,
    clock: i64,
}

impl Iterator for Symbols<'_> {
    type Item = (Symbol, Option<i16>);

    fn next(&mut self) -> Option<Self::Item> {
        let (arrival, rest) = self.arrivals.split_first()?;
        let sequence = self.next;
        self.next = sequence.wrapping_add(1);
        if arrival.sequence != sequence {
            return Some((Symbol::Missing, None));
        }
        self.arrivals = rest;
        let Some(time) = arrival.time else { return Some((Symbol::Missing, None)) };
        let delta = i16::try_from(time - self.clock).unwrap_or(i16::MAX);
        self.clock = time;
        let symbol = if (0..=255).contains(&delta) { Symbol::Small } else { Symbol::Large };
        Some((symbol, Some(delta)))
    }
}

/// Writes chunks: a run where at least seven symbols are alike, else as many single symbols as a chunk takes.
fn encode_chunks(out: &mut Vec<u8>, mut symbols: Symbols<'_>) {
    while let Some((first, _)) = symbols.clone().next() {
        let run = symbols.clone().take(0x1fff).take_while(|(symbol, _)| *symbol == first).count();
        let (chunk, taken) = if run >= 7 {
            // At most 0x1fff.
            let length = u16::try_from(run).unwrap_or(0x1fff);
            ((first as u16) << 13 | length, run)
        } else if symbols.clone().take(14).all(|(symbol, _)| symbol != Symbol::Large) {
            (vector(symbols.clone(), 14, 1) | 0x8000, 14)
        } else {
            (vector(symbols.clone(), 7, 2) | 0xc000, 7)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        for _ in 0..taken {
            symbols.next();
        }
    }
}

/// `count` symbols of `width` bits, the first one on top; what is not there is zero.
fn vector(symbols: Symbols<'_>, count: usize, width: u32) -> u16 {
    let padded = symbols.map(|(symbol, _)| symbol as u16).chain(core::iter::repeat(0));
    padded.take(count).fold(0, |bits, symbol| bits << width | symbol)
}

impl fmt::Display for TransportFeedback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.arrivals().filter(|arrival| arrival.time.is_some()).count();
        let last = self.base_sequence.wrapping_add(self.status_count).wrapping_sub(1);
        write!(f, "TWCC #{} {}-{last} received={received}", self.feedback_count, self.base_sequence)
    }
}
