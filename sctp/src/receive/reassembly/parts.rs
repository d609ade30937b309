//! Messages handed over in parts, before they are whole (RFC 9260 section 6.9).
//!
//! A message is opened once enough of its beginning is there and, if it is ordered, its turn has come. From then on what
//! arrives of it without a hole can be pulled, which makes room in the window: so a message may be larger than the window,
//! and several may be open side by side without one waiting for another.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::{OVERHEAD, Reassembly, Received, interleaved};

/// Whether more of a message follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartEnd {
    /// Another part will come, with the same `message`.
    More,
    /// This was the last part.
    Complete,
    /// No more comes: the peer gave the message up (RFC 3758 section 3.6), or the association is over.
    Abandoned,
}

/// A message, or a part of one, as a list of octets that lie apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Stream it came on.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// Whether it was sent without order.
    pub unordered: bool,
    /// The same in all parts of a message, and in no other message of the association.
    pub message: u64,
    /// Whether this is the beginning of the message.
    pub begins: bool,
    /// Whether this is its end.
    pub end: PartEnd,
    /// User data in order; none if the message was given up.
    pub chunks: Vec<Bytes>,
    pub(super) epoch: u32,
}

impl Part {
    /// The message, if this is all of it.
    pub(crate) fn whole(&self) -> Option<Received> {
        if !self.begins || self.end != PartEnd::Complete {
            return None;
        }
        let payload = match self.chunks.as_slice() {
            [only] => only.clone(),
            many => many.concat().into(),
        };
        let Part { stream, ppid, unordered, epoch, .. } = *self;
        Some(Received { stream, ppid, unordered, payload, epoch })
    }
}

/// Where the fragments of a message stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The TSN of the first, of a message in DATA chunks.
    Run(u64),
    /// Of a message in I-DATA chunks.
    Partial(interleaved::Key),
}

/// A message not yet whole.
struct Unfinished {
    stream: u16,
    number: u32,
    ppid: u32,
    unordered: bool,
    /// It waits for the reset of its stream.
    held: bool,
    open: bool,
    /// Octets from its beginning, or behind what was pulled, up to the first hole.
    available: usize,
}

#[derive(Debug)]
struct Open {
    key: Key,
    /// How many messages stand before it.
    after: u64,
    /// What the next part says. Its chunks are those of a message that has ended.
    next: Part,
}

/// The messages that are handed over in parts.
#[derive(Debug)]
pub(super) struct Parts {
    /// Octets that open a message.
    point: usize,
    open: VecDeque<Open>,
    /// Large enough, but it is not their turn: stream, number, fragments.
    blocked: BTreeSet<(u16, u32, Key)>,
    /// Octets in open messages that can be pulled.
    available: usize,
    /// Open messages that have ended.
    ended: usize,
    messages: u64,
    /// Whole messages pulled so far.
    pulled: u64,
}

impl Parts {
    pub(super) fn new(point: usize) -> Self {
        let (open, blocked) = (VecDeque::new(), BTreeSet::new());
        Self { point, open, blocked, available: 0, ended: 0, messages: 0, pulled: 0 }
    }

    /// A whole message was pulled.
    pub(super) fn count_pulled(&mut self) {
        self.pulled += 1;
    }

    fn identify(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }
}

impl Reassembly {
    /// Whether a part of a message that is or was not whole can be pulled.
    pub(super) fn has_part(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.available > 0 || parts.ended > 0)
    }

    /// Whether messages are half handed over.
    pub(crate) fn has_open(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| !parts.open.is_empty())
    }

    /// The next whole message, or what there is of one that is open.
    pub(crate) fn pop_part(&mut self) -> Option<Part> {
        if self.has_part()
            && let Some(part) = self.pop_open()
        {
            return Some(part);
        }
        let Received { stream, ppid, unordered, payload, epoch } = self.pop()?;
        let message = self.parts.as_mut().map_or(0, |parts| parts.identify());
        let (begins, end, chunks) = (true, PartEnd::Complete, vec![payload]);
        Some(Part { stream, ppid, unordered, message, begins, end, chunks, epoch })
    }

    /// Open messages take turns.
    fn pop_open(&mut self) -> Option<Part> {
        for _ in 0..self.parts.as_ref()?.open.len() {
            let parts = self.parts.as_mut()?;
            let mut open = parts.open.pop_front()?;
            if open.after > parts.pulled {
                parts.open.push_back(open);
                continue;
            }
            let ended = open.next.end != PartEnd::More;
            let chunks =
                if ended { std::mem::take(&mut open.next.chunks) } else { self.take_chunks(open.key) };
            let octets: usize = chunks.iter().map(Bytes::len).sum();
            let part = Part { chunks, ..open.next.clone() };
            let parts = self.parts.as_mut()?;
            parts.available -= octets;
            self.payload -= octets;
            if ended {
                parts.ended -= 1;
                self.overhead -= OVERHEAD;
                return Some(part);
            }
            open.next.begins &= octets == 0;
            parts.open.push_back(open);
            if octets > 0 {
                return Some(part);
            }
        }
        None
    }

    /// An unfinished message has grown by so many octets without a hole.
    pub(super) fn on_growth(&mut self, key: Key, octets: usize) {
        let Some(point) = self.parts.as_ref().map(|parts| parts.point) else { return };
        let Some(message) = self.unfinished(key) else { return };
        if message.open {
            self.parts.iter_mut().for_each(|parts| parts.available += octets);
        } else if message.available >= point && message.available - octets < point {
            self.consider(key);
        }
    }

    /// Opens a message if it may be handed over, else notes that it waits.
    fn consider(&mut self, key: Key) {
        let Some(message) = self.unfinished(key) else { return };
        let state = self.streams.get(message.stream).copied().unwrap_or_default();
        let its_turn = !message.held && (message.unordered || message.number == state.next);
        let Some(parts) = &mut self.parts else { return };
        if !its_turn {
            parts.blocked.insert((message.stream, message.number, key));
            return;
        }
        let Unfinished { stream, ppid, unordered, available, .. } = message;
        let (begins, end, chunks, epoch) = (true, PartEnd::More, Vec::new(), state.epoch);
        let next = Part { stream, ppid, unordered, message: parts.identify(), begins, end, chunks, epoch };
        let after = parts.pulled + self.ready.len() as u64;
        parts.open.push_back(Open { key, after, next });
        parts.available += available;
        match key {
            Key::Run(start) => self.runs.get_mut(&start).into_iter().for_each(|run| run.taken = Some(0)),
            Key::Partial(key) => {
                self.partials.get_mut(&key).into_iter().for_each(|partial| partial.taken = Some(0));
            }
        }
    }

    /// It may be the turn of any of those that wait.
    pub(super) fn reconsider(&mut self) {
        let Some(parts) = &mut self.parts else { return };
        for (_, _, key) in std::mem::take(&mut parts.blocked) {
            self.consider(key);
        }
    }

    /// It is another message's turn on this stream.
    pub(super) fn reconsider_next(&mut self, stream: u16) {
        let Some(parts) = &mut self.parts else { return };
        let next = self.streams.get(stream).map_or(0, |state| state.next);
        let first = parts
            .blocked
            .range((stream, next, Key::Run(0))..)
            .map_while(|&(of, number, key)| (of == stream && number == next).then_some(key));
        let keys: Vec<Key> = first.collect();
        for key in keys {
            self.unblock(stream, next, key);
            self.consider(key);
        }
    }

    /// The message waits no more.
    pub(super) fn unblock(&mut self, stream: u16, number: u32, key: Key) {
        self.parts.iter_mut().for_each(|parts| {
            parts.blocked.remove(&(stream, number, key));
        });
    }

    /// The last fragments of an open message are here; it is not unfinished any more.
    pub(super) fn end_open(&mut self, key: Key, chunks: Vec<Bytes>, end: PartEnd) {
        let Some(parts) = &mut self.parts else { return };
        let Some(at) = parts.open.iter().position(|open| open.key == key) else { return };
        if let Some(open) = parts.open.get_mut(at) {
            (open.next.chunks, open.next.end) = (chunks, end);
            parts.ended += 1;
        }
    }

    /// The rest of an open message, `available` octets of it at hand, is dropped; the caller lets go of their room.
    pub(super) fn abandon_open(&mut self, key: Key, available: usize) {
        let Some(parts) = &mut self.parts else { return };
        parts.available -= available;
        let untouched = |open: &Open| open.key == key && open.next.begins;
        if let Some(at) = parts.open.iter().position(untouched) {
            parts.open.remove(at);
        } else {
            // The verdict takes the place of what was dropped.
            self.overhead += OVERHEAD;
            self.end_open(key, Vec::new(), PartEnd::Abandoned);
        }
    }

    /// Nothing more will arrive: what there is of open messages is all.
    pub(crate) fn close_parts(&mut self) {
        let Some(parts) = &self.parts else { return };
        let keys: Vec<Key> =
            parts.open.iter().filter(|open| open.next.end == PartEnd::More).map(|open| open.key).collect();
        for key in keys {
            let chunks = self.take_chunks(key);
            self.end_open(key, chunks, PartEnd::Abandoned);
        }
    }

    fn unfinished(&self, key: Key) -> Option<Unfinished> {
        match key {
            Key::Run(start) => self.runs.get(&start).map(|run| Unfinished {
                stream: run.stream,
                number: u32::from(run.ssn),
                ppid: run.ppid,
                unordered: run.unordered,
                held: self.is_held(start, run.stream),
                open: run.taken.is_some(),
                available: if run.begins { run.length } else { 0 },
            }),
            Key::Partial(key) => self.partials.get(&key).map(|partial| Unfinished {
                stream: key.0,
                number: key.3,
                ppid: partial.ppid,
                unordered: key.2,
                held: key.1 != self.epoch(key.0),
                open: partial.taken.is_some(),
                available: partial.head.len(),
            }),
        }
    }

    fn take_chunks(&mut self, key: Key) -> Vec<Bytes> {
        match key {
            Key::Run(start) => self.runs.get_mut(&start).map(|run| {
                self.overhead -= OVERHEAD * run.pieces.len();
                run.take_chunks()
            }),
            Key::Partial(key) => self.partials.get_mut(&key).map(interleaved::Partial::take_chunks),
        }
        .unwrap_or_default()
    }
}
