//! Messages that wait to be sent, per stream; fragments are cut from the shared `Bytes` when a packet has room.

mod droppable;
mod rest;

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use droppable::GivenUp;

use super::outstanding::{Fragment, MessageKey};
use super::scheduler::{Claim, DEFAULT_WEIGHT, Scheduler};
use crate::chunk::DataFlags;
use crate::config::Scheduling;
use crate::lazy::Lazy;
use crate::table::Table;

/// Book-keeping per message, charged to the send buffer so that tiny messages are bounded too.
pub(crate) const MESSAGE_OVERHEAD: usize = 64;

/// A message given to `send`.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) payload: Bytes,
    pub(crate) ppid: u32,
    pub(crate) unordered: bool,
    pub(crate) expires: Option<Instant>,
    pub(crate) max_retransmits: Option<u16>,
    /// How little it matters; may be given up for those that matter more while nothing of it is sent.
    pub(crate) rank: Option<u32>,
    /// Part of the buffered amount that the application sees; announcements of channels are not.
    pub(crate) counted: bool,
    /// Octets already cut off, and in how many fragments.
    sent: usize,
    fragments: u32,
    /// Its number among all messages given to `send`.
    arrival: u64,
}

impl Outbound {
    pub(crate) fn new(payload: Bytes, ppid: u32) -> Self {
        Self {
            payload,
            ppid,
            unordered: false,
            expires: None,
            max_retransmits: None,
            rank: None,
            counted: true,
            sent: 0,
            fragments: 0,
            arrival: 0,
        }
    }
}

#[derive(Debug)]
struct Stream {
    messages: VecDeque<Outbound>,
    /// Octets not yet sent for the first time.
    buffered: usize,
    low_threshold: usize,
    next_ssn: u16,
    /// Message identifiers of RFC 8260: of ordered and of unordered messages.
    next_mid: [u32; 2],
    /// Highest TSN of a message that may be given up.
    limited_until: u64,
    /// Share or rank.
    weight: u16,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            messages: VecDeque::new(),
            buffered: 0,
            low_threshold: 0,
            next_ssn: 0,
            next_mid: [0; 2],
            limited_until: 0,
            weight: DEFAULT_WEIGHT,
        }
    }
}

impl Queue {
    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        self.streams.values_mut().for_each(|stream| stream.messages.shrink_to_fit());
        self.streams.rest();
        self.scheduler.rest();
        if self.given_up.is_empty() {
            self.given_up.rest();
        }
        if self.low.is_empty() {
            self.low.rest();
        }
        if self.resetting.is_empty() {
            self.resetting.rest();
        }
    }
}

impl Stream {
    /// What its first message claims, if it has one.
    fn claim(&self) -> Option<Claim> {
        self.messages.front().map(|front| Claim { weight: self.weight, arrival: front.arrival })
    }

    fn count(&mut self, unordered: bool) {
        if !unordered {
            self.next_ssn = self.next_ssn.wrapping_add(1);
        }
        let mid = &mut self.next_mid[usize::from(unordered)];
        *mid = mid.wrapping_add(1);
    }
}

/// All streams that were ever sent on, and who is next.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    streams: Table<Stream>,
    scheduler: Scheduler,
    buffered: usize,
    messages: usize,
    arrivals: u64,
    /// Streams whose buffered amount fell to the threshold.
    pub(crate) low: Lazy<BTreeSet<u16>>,
    /// Streams being reset, which need never have been sent on.
    resetting: Lazy<BTreeSet<u16>>,
    given_up: Lazy<GivenUp>,
}

impl Queue {
    pub(crate) fn new(policy: Scheduling) -> Self {
        Self { scheduler: Scheduler::new(policy), ..Self::default() }
    }

    /// Messages may interleave from now on.
    pub(crate) fn interleave(&mut self) {
        self.scheduler.interleave();
    }

    pub(crate) fn set_weight(&mut self, stream: u16, weight: u16) {
        self.streams.entry(stream).weight = weight;
    }

    pub(crate) fn push(&mut self, stream: u16, mut message: Outbound, urgent: bool) {
        let length = message.payload.len();
        let counted = if message.counted { length } else { 0 };
        self.arrivals += 1;
        message.arrival = self.arrivals;
        self.note_rank(stream, &message);
        let entry = self.streams.entry(stream);
        if entry.messages.is_empty() {
            let claim = Claim { weight: entry.weight, arrival: message.arrival };
            self.scheduler.activate(stream, claim, urgent);
        }
        entry.messages.push_back(message);
        entry.buffered += counted;
        self.buffered += length;
        self.messages += 1;
    }

    /// Octets of the next message not yet sent; drops messages whose time is over.
    pub(crate) fn peek(&mut self, now: Instant) -> Option<usize> {
        loop {
            let id = self.scheduler.current()?;
            let stream = self.streams.get_mut(id)?;
            let Some(front) = stream.messages.front() else {
                self.scheduler.remove(id);
                continue;
            };
            if front.sent > 0 || front.expires.is_none_or(|at| at > now) {
                return Some(front.payload.len() - front.sent);
            }
            self.drop_front(id);
            self.given_up.expired += 1;
        }
    }

    /// Cuts at most `room` octets off the message that [`Queue::peek`] saw.
    pub(crate) fn take(&mut self, room: usize) -> Option<Fragment> {
        let id = self.scheduler.current()?;
        let stream = self.streams.get_mut(id)?;
        let front = stream.messages.front_mut()?;
        if front.sent == 0 && front.rank.is_some() {
            self.given_up.droppable.remove(front);
        }
        let length = room.min(front.payload.len() - front.sent);
        let end = front.sent + length;
        let flags = DataFlags::default()
            .with(DataFlags::UNORDERED, front.unordered)
            .with(DataFlags::BEGIN, front.sent == 0)
            .with(DataFlags::END, end == front.payload.len());
        let fragment = Fragment {
            payload: front.payload.slice(front.sent..end),
            stream: id,
            ssn: if front.unordered { 0 } else { stream.next_ssn },
            mid: stream.next_mid[usize::from(front.unordered)],
            fsn: front.fragments,
            ppid: front.ppid,
            flags,
            expires: front.expires,
            max_retransmits: front.max_retransmits,
        };
        (front.sent, front.fragments) = (end, front.fragments + 1);
        let (counted, unordered) = (front.counted, front.unordered);
        if flags.has(DataFlags::END) {
            stream.count(unordered);
            stream.messages.pop_front();
            self.messages -= 1;
        }
        self.scheduler.took(length, flags.has(DataFlags::END), stream.claim());
        self.shrink(id, length, counted);
        Some(fragment)
    }

    /// Whether the message that is partly sent is past its time, and more is left of it than `window` octets: what can
    /// leave within a round trip is finished, or a sender under pressure would begin every message and end none.
    pub(crate) fn begun_is_hopeless(&self, now: Instant, window: usize) -> bool {
        self.begun()
            .is_some_and(|(_, m)| m.expires.is_some_and(|at| at <= now) && m.payload.len() - m.sent > window)
    }

    fn begun(&self) -> Option<(u16, &Outbound)> {
        let id = self.scheduler.current()?;
        let front = self.streams.get(id)?.messages.front()?;
        (front.sent > 0).then_some((id, front))
    }

    /// Gives up the message whose turn it is and that is partly sent; the fragment stands for what was left of it.
    pub(crate) fn drop_begun(&mut self) -> Option<Fragment> {
        let (id, message) = self.begun()?;
        let unordered = message.unordered;
        let mid = self.streams.get(id)?.next_mid[usize::from(unordered)];
        self.drop_rest((id, unordered, mid))
    }

    /// Gives up what is left of a message that is partly sent.
    pub(crate) fn drop_rest(&mut self, (id, unordered, mid): MessageKey) -> Option<Fragment> {
        let stream = self.streams.get_mut(id)?;
        let front = stream.messages.front()?;
        let is_it = front.sent > 0 && front.unordered == unordered;
        if !is_it || stream.next_mid[usize::from(unordered)] != mid {
            return None;
        }
        let (ppid, fsn) = (front.ppid, front.fragments);
        let ssn = if unordered { 0 } else { stream.next_ssn };
        stream.count(unordered);
        self.drop_front(id);
        let flags = DataFlags::END.with(DataFlags::UNORDERED, unordered);
        let payload = Bytes::new();
        Some(Fragment {
            payload,
            stream: id,
            ssn,
            mid,
            fsn,
            ppid,
            flags,
            expires: None,
            max_retransmits: None,
        })
    }

    /// There are only so many streams: messages for others are dropped. Says how many that were.
    pub(crate) fn drop_beyond(&mut self, streams: u16) -> u64 {
        let before = self.messages;
        let beyond: Vec<u16> = self.streams.iter().map(|(id, _)| id).filter(|&id| id >= streams).collect();
        for id in beyond {
            while self.streams.get(id).is_some_and(|stream| !stream.messages.is_empty()) {
                self.drop_front(id);
            }
        }
        u64::try_from(before - self.messages).unwrap_or_default()
    }

    fn drop_front(&mut self, id: u16) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let Some(message) = stream.messages.pop_front() else { return };
        self.messages -= 1;
        if message.rank.is_some() {
            self.given_up.droppable.remove(&message);
        }
        self.scheduler.remove(id);
        if let Some(claim) = stream.claim() {
            self.scheduler.activate(id, claim, false);
        }
        self.shrink(id, message.payload.len() - message.sent, message.counted);
    }

    fn shrink(&mut self, id: u16, octets: usize, counted: bool) {
        self.buffered -= octets;
        if let Some(stream) = self.streams.get_mut(id).filter(|_| counted) {
            let before = stream.buffered;
            stream.buffered -= octets;
            if before > stream.low_threshold && stream.buffered <= stream.low_threshold {
                self.low.insert(id);
            }
        }
    }

    /// A chunk of a message that may be given up got this TSN.
    pub(crate) fn note_limited(&mut self, stream: u16, tsn: u64) {
        if let Some(entry) = self.streams.get_mut(stream) {
            entry.limited_until = tsn;
        }
    }

    /// Everything of the stream is sent, and what may be given up lies below `base`, the first TSN not acknowledged. A
    /// reset before that could be overtaken by a FORWARD-TSN whose SSN the peer would take for the stream's next use.
    pub(crate) fn can_reset(&self, stream: u16, base: u64) -> bool {
        self.streams.get(stream).is_none_or(|s| s.messages.is_empty() && s.limited_until < base)
    }

    /// A reset of the stream was asked for: nothing more is taken for it.
    pub(crate) fn begin_reset(&mut self, stream: u16) {
        self.resetting.insert(stream);
    }

    /// The reset is over; `done`: SSNs start again at 0.
    pub(crate) fn end_reset(&mut self, stream: u16, done: bool) {
        self.resetting.remove(&stream);
        if done && let Some(entry) = self.streams.get_mut(stream) {
            (entry.next_ssn, entry.next_mid) = (0, [0; 2]);
        }
    }

    /// Forgets every message and all sequence numbers; thresholds stay.
    pub(crate) fn clear(&mut self) {
        for stream in self.streams.values_mut() {
            let Stream { low_threshold, weight, .. } = *stream;
            *stream = Stream { low_threshold, weight, ..Stream::default() };
        }
        self.scheduler.clear();
        self.given_up.rest();
        self.resetting.rest();
        (self.buffered, self.messages) = (0, 0);
    }

    pub(crate) fn set_low_threshold(&mut self, stream: u16, octets: usize) {
        self.streams.entry(stream).low_threshold = octets;
    }

    pub(crate) fn is_resetting(&self, stream: u16) -> bool {
        self.resetting.contains(&stream)
    }

    /// Streams that have sent something ordered since their last reset, or have something to send.
    pub(crate) fn used_streams(&self) -> impl Iterator<Item = u16> {
        self.streams.iter().filter(|(_, s)| s.next_mid != [0; 2] || !s.messages.is_empty()).map(|(id, _)| id)
    }

    pub(crate) fn buffered(&self, stream: u16) -> usize {
        self.streams.get(stream).map_or(0, |s| s.buffered)
    }

    pub(crate) fn buffered_total(&self) -> usize {
        self.buffered
    }

    /// What the queue weighs against the send buffer.
    pub(crate) fn weight(&self) -> usize {
        self.buffered + self.messages * MESSAGE_OVERHEAD
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 0
    }
}
