//! From packets to frames: puts packets in order, and gives out frames that are whole.

use alloc::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::packet::Packet;
use crate::sequence;

/// What an assembler has to know of a payload format.
pub trait Format {
    /// Whether a frame begins with this payload.
    fn begins_frame(&self, payload: &[u8]) -> bool;

    /// Whether a frame ends with this payload, whose packet has this marker.
    fn ends_frame(&self, payload: &[u8], marker: bool) -> bool;

    /// The piece of the frame in this payload; `None` where the payload breaks its format.
    fn media<'p>(&self, payload: &'p [u8]) -> Option<&'p [u8]>;

    /// Whether the frame that begins with this payload can be decoded by itself.
    fn is_keyframe(&self, payload: &[u8]) -> bool;
}

/// A frame without a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The encoded frame.
    pub data: Bytes,
    /// Its time in units of the payload's clock.
    pub timestamp: u32,
    /// Whether it can be decoded by itself.
    pub keyframe: bool,
    /// Whether packets are missing between the frame given out before and this one.
    pub after_loss: bool,
}

/// What an assembler has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssemblerStats {
    /// Frames given out.
    pub frames: u64,
    /// Packets that came too late, or a second time.
    pub late: u64,
    /// Packets thrown away because their frame is not whole or their payload is malformed.
    pub discarded: u64,
}

/// Collects packets of one stream, in any order, and gives out whole frames in order.
///
/// A gap is waited for until `patience` packets beyond it have come. Then the frame around it is given up, and the next
/// one that begins behind the gap says `after_loss`. At most `patience` packets and one frame are kept, or 2 MiB.
#[derive(Debug)]
pub struct Assembler<F> {
    format: F,
    patience: u64,
    /// Payloads not given out yet, by extended sequence number.
    waiting: BTreeMap<u64, Waiting>,
    waiting_octets: usize,
    /// The highest extended number seen.
    highest: Option<u64>,
    /// The number with which the next frame must begin.
    next: u64,
    after_loss: bool,
    ready: VecDeque<Frame>,
    stats: AssemblerStats,
}

#[derive(Debug)]
struct Waiting {
    payload: Bytes,
    timestamp: u32,
    marker: bool,
}

/// Octets that wait at most.
const MAX_OCTETS: usize = 2 << 20;
/// Whole frames that wait to be taken at most; the oldest goes first.
const MAX_READY: usize = 64;

impl<F: Format> Assembler<F> {
    /// `patience`: packets that come behind a gap before it counts as lost, 1 to 4096; 64 suits a video call without
    /// retransmissions.
    pub fn new(format: F, patience: u16) -> Self {
        Self {
            format,
            patience: patience.clamp(1, 4096).into(),
            waiting: BTreeMap::new(),
            waiting_octets: 0,
            highest: None,
            next: 0,
            after_loss: false,
            ready: VecDeque::new(),
            stats: AssemblerStats::default(),
        }
    }

    /// Takes a packet of the stream. Packets without payload, as probes are, count for the order only.
    pub fn push(&mut self, packet: &Packet<'_>) {
        let number = self.extend(packet.sequence());
        if number < self.next || self.waiting.contains_key(&number) {
            self.stats.late += 1;
            return;
        }
        let payload = Bytes::copy_from_slice(packet.payload());
        self.waiting_octets += payload.len();
        let (timestamp, marker) = (packet.timestamp(), packet.marker());
        self.waiting.insert(number, Waiting { payload, timestamp, marker });
        self.assemble();
    }

    /// The next whole frame.
    pub fn pop(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    /// Gives up waiting for anything: frames that are whole come out, the rest is thrown away. For the stream's end.
    pub fn flush(&mut self) {
        while !self.waiting.is_empty() {
            if !self.take_frame() {
                self.skip();
            }
        }
    }

    /// Counters.
    pub fn stats(&self) -> AssemblerStats {
        self.stats
    }

    /// The packet's place among all packets of the stream.
    fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            // Room below, so that packets from before the first one have numbers too.
            let first = 0x1_0000 + u64::from(sequence);
            (self.highest, self.next) = (Some(first), first);
            return first;
        };
        #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are what is wanted")]
        let ahead = i64::from(sequence::distance(sequence, highest as u16));
        let number = highest.saturating_add_signed(ahead);
        self.highest = Some(highest.max(number));
        number
    }

    fn assemble(&mut self) {
        loop {
            while self.take_frame() {}
            let newest = self.highest.unwrap_or(self.next);
            let impatient = newest.saturating_sub(self.next) > self.patience;
            if self.waiting.is_empty() || !(impatient || self.waiting_octets > MAX_OCTETS) {
                return;
            }
            self.skip();
        }
    }

    /// Gives out the frame that begins at `next`, if it is whole.
    fn take_frame(&mut self) -> bool {
        let Some(first) = self.waiting.get(&self.next) else { return false };
        if first.payload.is_empty() {
            self.remove(self.next);
            self.next += 1;
            return true;
        }
        if !self.format.begins_frame(&first.payload) {
            return false;
        }
        let (timestamp, keyframe) = (first.timestamp, self.format.is_keyframe(&first.payload));
        let Some((last, len)) = self.frame_end(timestamp) else { return false };
        let data = self.join(last, len);
        let after_loss = core::mem::take(&mut self.after_loss);
        if self.ready.len() >= MAX_READY {
            self.ready.pop_front();
        }
        self.ready.push_back(Frame { data, timestamp, keyframe, after_loss });
        self.stats.frames += 1;
        true
    }

    /// The last packet of the frame that begins at `next`, and the frame's length, if every packet up to it is there,
    /// well formed and of the same time.
    fn frame_end(&self, timestamp: u32) -> Option<(u64, usize)> {
        let mut len = 0;
        for (expected, (number, waiting)) in (self.next..).zip(self.waiting.range(self.next..)) {
            if *number != expected || waiting.timestamp != timestamp {
                return None;
            }
            if expected != self.next && self.format.begins_frame(&waiting.payload) {
                return None;
            }
            len += self.format.media(&waiting.payload)?.len();
            if self.format.ends_frame(&waiting.payload, waiting.marker) {
                return Some((*number, len));
            }
        }
        None
    }

    fn join(&mut self, last: u64, len: usize) -> Bytes {
        let mut data = BytesMut::with_capacity(len);
        for number in self.next..=last {
            if let Some(waiting) = self.remove(number) {
                data.extend_from_slice(self.format.media(&waiting.payload).unwrap_or_default());
            }
        }
        self.next = last + 1;
        data.freeze()
    }

    /// Goes on to the next packet that begins a frame, behind the one that cannot be completed.
    fn skip(&mut self) {
        self.after_loss = true;
        let begins = |waiting: &Waiting| self.format.begins_frame(&waiting.payload);
        let later = self.waiting.range(self.next + 1..).find(|(_, waiting)| begins(waiting));
        let past_all = self.waiting.last_key_value().map_or(self.next, |(number, _)| number + 1);
        let next = later.map_or(past_all, |(number, _)| *number);
        while let Some(number) =
            self.waiting.first_key_value().map(|(number, _)| *number).filter(|n| *n < next)
        {
            self.remove(number);
            self.stats.discarded += 1;
        }
        self.next = next;
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        self.waiting_octets -= waiting.payload.len();
        Some(waiting)
    }
}
