//! Fragments to messages, messages into order, within a bound.
//!
//! User data is copied once, behind the fragment before it. A hole in a message costs one more copy when it is filled.
//! What the bound is: a window of octets of user data, and the same again for book-keeping; data that fills a hole
//! may exceed it by a reserve, and data that is next in line is taken whenever there is nothing the application could
//! read to make room. So nothing can wait for itself.

mod interleaved;
mod parts;
mod rest;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::chunk::{Data, DataFlags};
use crate::config::Config;
use crate::lazy::{Lazy, blank};
use crate::receive::window::{Pace, Window};
use crate::table::Table;
use parts::{Key, Parts};

pub use parts::{Part, PartEnd};

/// Octets that small messages are copied into together, so that not each of them is an allocation. There are two such
/// buffers in turn: by the time that one is full, the application has dropped what lies in the other, which is filled again.
const SLAB: usize = 16 * 1024;

/// Book-keeping of one stored message or run of fragments, octets.
const OVERHEAD: usize = 160;

/// How many of the largest messages there is room for side by side, none of them whole, if `receive_window` allows.
const UNFINISHED: usize = 8;

/// A message from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Stream it came on.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// Whether it was sent without order.
    pub unordered: bool,
    /// User data, at least one octet.
    pub payload: Bytes,
    /// How many times the peer had reset the stream before.
    pub(crate) epoch: u32,
}

blank!(VecDeque<Received>, VecDeque::new());

/// Why DATA was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No room; the peer will send it again.
    Window,
    /// The message passes `max_receive_message`.
    TooLarge,
    /// Fragments of different messages have consecutive TSNs.
    Violation,
}

/// Consecutive fragments of one message.
#[derive(Debug)]
struct Run {
    last: u64,
    begins: bool,
    ends: bool,
    stream: u16,
    ssn: u16,
    ppid: u32,
    unordered: bool,
    /// The fragments from its first one on.
    head: BytesMut,
    /// Those that came before what is in front of them, in order.
    pieces: VecDeque<BytesMut>,
    length: usize,
    /// Octets handed over already, if it is open.
    taken: Option<usize>,
}

impl Run {
    /// Octets of the message so far.
    fn total(&self) -> usize {
        self.length + self.taken.unwrap_or_default()
    }

    fn take_chunks(&mut self) -> Vec<Bytes> {
        self.taken = self.taken.map(|taken| taken + self.length);
        self.length = 0;
        let head = (!self.head.is_empty()).then(|| self.head.split());
        head.into_iter().chain(self.pieces.drain(..)).map(BytesMut::freeze).collect()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// The ordered message that is handed over next: stream sequence number, or message identifier.
    next: u32,
    epoch: u32,
    /// Something of it came or was skipped since it began.
    used: bool,
}

/// A reset that waits for data sent before it.
#[derive(Debug)]
struct Deferred {
    last_tsn: u64,
    /// None: all.
    streams: Option<Vec<u16>>,
    held: Vec<(Received, u32)>,
}

/// What is used again and again while data flows.
#[derive(Debug, Default)]
struct Buffers {
    slabs: [BytesMut; 2],
    /// What the last message of several fragments was put together in.
    spare: BytesMut,
    pace: Pace,
}

/// Everything received and not yet pulled.
#[derive(Debug)]
pub(crate) struct Reassembly {
    window: Window,
    max_message: usize,
    /// Messages with this identifier overtake those the application has not pulled yet.
    control_ppid: Option<NonZeroU32>,
    /// Which bits of a message's number count: 16 of an SSN, 32 of a message identifier.
    mask: u32,
    runs: BTreeMap<u64, Run>,
    partials: interleaved::Partials,
    /// If messages are handed over before they are whole.
    parts: Option<Box<Parts>>,
    streams: Table<Stream>,
    waiting: BTreeMap<(u16, u32), Received>,
    deferred: Option<Box<Deferred>>,
    ready: VecDeque<Received>,
    control: Lazy<VecDeque<Received>>,
    buffers: Option<Box<Buffers>>,
    payload: usize,
    overhead: usize,
    pub(crate) orphans: u64,
}

impl Reassembly {
    pub(crate) fn new(config: &Config, control_ppid: Option<NonZeroU32>, interleaved: bool) -> Self {
        Self {
            window: Window::new(usize::try_from(config.receive_window).unwrap_or(usize::MAX / 4)),
            max_message: config.max_receive_message,
            control_ppid,
            mask: if interleaved { u32::MAX } else { 0xffff },
            partials: BTreeMap::new(),
            parts: config.partial_delivery_point.map(|point| Box::new(Parts::new(point))),
            runs: BTreeMap::new(),
            streams: Table::default(),
            waiting: BTreeMap::new(),
            deferred: None,
            ready: VecDeque::new(),
            control: Lazy::default(),
            buffers: None,
            payload: 0,
            overhead: 0,
            orphans: 0,
        }
    }

    /// Octets of user data that there is room for.
    pub(crate) fn a_rwnd(&self) -> u32 {
        let window = self.window.octets();
        let payload = window.saturating_sub(self.payload);
        let all = (2 * window).saturating_sub(self.payload + self.overhead);
        u32::try_from(payload.min(all)).unwrap_or(u32::MAX)
    }

    /// Octets that the window has, those in it included.
    pub(crate) fn window(&self) -> usize {
        self.window.octets()
    }

    /// The application has pulled this much.
    pub(crate) fn on_pulled(&mut self, now: Instant, octets: usize) {
        let pace = &mut self.buffers.get_or_insert_default().pace;
        self.window.on_pulled(now, octets, pace);
    }

    /// Whether there is room for a chunk with this TSN; see the top of this file.
    fn make_room(&mut self, tsn: u64, cumulative: u64, highest: u64, length: usize) -> Result<(), Refusal> {
        if (self.a_rwnd() as usize) < length && !self.is_readable() && self.control.is_empty() {
            // Unfinished messages fill it, and nothing is pulled that would let it grow: it must, or it stays full.
            self.window.reach(UNFINISHED * self.max_message);
        }
        let room = self.a_rwnd() as usize;
        if room >= length {
            return Ok(());
        }
        let window = self.window.octets();
        let reserve = (window / 8).max(32 * 1024);
        let within = |extra: usize| {
            self.payload + length <= window + reserve + extra
                && self.payload + self.overhead <= 2 * (window + reserve) + extra
        };
        if tsn == cumulative + 1 && !self.is_readable() && self.control.is_empty() {
            // Nothing that the application could do would make room. Where messages come in parts, it is the turn of
            // another soon.
            let most = if self.parts.is_some() { window.min(self.max_message) } else { self.max_message };
            return if within(most) { Ok(()) } else { Err(Refusal::TooLarge) };
        }
        let fills = tsn < highest || (room > 0 && tsn == cumulative + 1);
        if fills && within(0) { Ok(()) } else { Err(Refusal::Window) }
    }

    /// Takes a new DATA chunk or refuses it without a trace.
    pub(crate) fn offer(
        &mut self,
        tsn: u64,
        data: &Data<'_>,
        cumulative: u64,
        highest: u64,
    ) -> Result<(), Refusal> {
        let length = data.payload.len();
        self.make_room(tsn, cumulative, highest, length)?;
        if length > self.max_message {
            return Err(Refusal::TooLarge);
        }
        let (begins, ends) = (data.flags.has(DataFlags::BEGIN), data.flags.has(DataFlags::END));
        if begins && ends {
            let (number, unordered) = (u32::from(data.ssn), data.flags.has(DataFlags::UNORDERED));
            let in_line = self.goes_in_line(tsn, data.stream, number, data.ppid, unordered);
            let payload = self.copy(data.payload, in_line);
            self.store(length);
            self.complete(tsn, data.stream, number, data.ppid, unordered, payload);
            return Ok(());
        }
        self.fragment(tsn, data, cumulative)
    }

    /// Nothing has come for long: gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        self.buffers = None;
        self.ready.shrink_to_fit();
        if self.control.is_empty() {
            self.control.rest();
        }
        if self.runs.is_empty() {
            self.runs = BTreeMap::new();
        }
        if self.partials.is_empty() {
            self.partials = BTreeMap::new();
        }
        if self.waiting.is_empty() {
            self.waiting = BTreeMap::new();
        }
        self.streams.rest();
    }

    /// Whether a message goes to the end of the line of those to be pulled. Only such messages may share a buffer: they
    /// leave in the order in which they lie there, so none keeps alive a buffer whose rest is long gone.
    fn goes_in_line(&self, tsn: u64, stream: u16, number: u32, ppid: u32, unordered: bool) -> bool {
        let its_turn = unordered || self.streams.get(stream).map_or(0, |s| s.next) == number;
        its_turn && !self.is_control(ppid) && !self.is_held(tsn, stream)
    }

    fn is_control(&self, ppid: u32) -> bool {
        self.control_ppid.is_some_and(|control| control.get() == ppid)
    }

    /// Room for a message of several fragments: that of the last one, once the application has dropped it. Not for each
    /// of many: a message that is never finished would keep the room of a large one.
    fn take_spare(&mut self) -> BytesMut {
        if self.runs.len() + self.partials.len() > 1 {
            return BytesMut::new();
        }
        self.buffers.as_mut().map(|buffers| std::mem::take(&mut buffers.spare)).unwrap_or_default()
    }

    /// A message is whole; what is behind it in its buffer serves for the next, if it goes in line.
    fn finish_spare(&mut self, mut whole: BytesMut, in_line: bool) -> Bytes {
        if !in_line {
            return Bytes::copy_from_slice(&whole);
        }
        let payload = whole.split();
        self.buffers.get_or_insert_default().spare = whole;
        payload.freeze()
    }

    /// The octets of a whole message, out of the packet's buffer.
    fn copy(&mut self, octets: &[u8], in_line: bool) -> Bytes {
        if octets.len() > SLAB / 4 || !in_line {
            return Bytes::copy_from_slice(octets);
        }
        let [slab, other] = &mut self.buffers.get_or_insert_default().slabs;
        if slab.capacity() < octets.len() {
            std::mem::swap(slab, other);
            slab.reserve(SLAB);
        }
        slab.extend_from_slice(octets);
        slab.split().freeze()
    }

    fn store(&mut self, length: usize) {
        self.payload += length;
        self.overhead += OVERHEAD;
    }

    fn release(&mut self, length: usize) {
        self.payload -= length;
        self.overhead -= OVERHEAD;
    }

    fn release_run(&mut self, run: &Run) {
        self.release(run.length);
        self.overhead -= OVERHEAD * run.pieces.len();
    }

    /// A piece of a message: joins the run before it, the run after it, both, or begins one.
    fn fragment(&mut self, tsn: u64, data: &Data<'_>, cumulative: u64) -> Result<(), Refusal> {
        let (begins, ends) = (data.flags.has(DataFlags::BEGIN), data.flags.has(DataFlags::END));
        let unordered = data.flags.has(DataFlags::UNORDERED);
        let length = data.payload.len();
        let same = |run: &Run| run.stream == data.stream && run.ssn == data.ssn && run.unordered == unordered;
        let before = self.runs.range(..tsn).next_back().filter(|(_, run)| run.last + 1 == tsn && !run.ends);
        let before = before.filter(|_| !begins).map(|(&start, run)| (start, same(run), run.total()));
        let after =
            self.runs.get(&(tsn + 1)).filter(|run| !run.begins && !ends).map(|run| (same(run), run.length));
        if before.is_some_and(|b| !b.1) || after.is_some_and(|a| !a.0) {
            return Err(Refusal::Violation);
        }
        let total = before.map_or(0, |b| b.2) + length + after.map_or(0, |a| a.1);
        if total > self.max_message {
            return Err(Refusal::TooLarge);
        }
        if before.is_none() && !begins && tsn <= cumulative + 1 {
            // Its beginning was skipped (RFC 3758): the rest is of no use.
            self.orphans += 1;
            self.drop_headless(tsn + 1);
            return Ok(());
        }
        let start = before.map_or(tsn, |b| b.0);
        if before.is_none() {
            self.overhead += OVERHEAD;
        }
        self.payload += length;
        let after = after.and_then(|_| self.runs.remove(&(tsn + 1)));
        let mut spare = if before.is_none() { self.take_spare() } else { BytesMut::new() };
        let run = self.runs.entry(start).or_insert_with(|| Run {
            last: tsn,
            begins,
            ends,
            stream: data.stream,
            ssn: data.ssn,
            ppid: data.ppid,
            unordered,
            head: std::mem::take(&mut spare),
            pieces: VecDeque::new(),
            length: 0,
            taken: None,
        });
        run.pieces.back_mut().unwrap_or(&mut run.head).extend_from_slice(data.payload);
        let before = run.length;
        (run.last, run.ends, run.length) = (tsn, ends, run.length + length);
        if let Some(mut after) = after {
            // Its first buffer is a piece from now on, charged as before. The longer list stays where it is.
            after.pieces.push_front(after.head);
            if run.pieces.len() < after.pieces.len() {
                std::mem::swap(&mut run.pieces, &mut after.pieces);
                after.pieces.into_iter().rev().for_each(|piece| run.pieces.push_front(piece));
            } else {
                run.pieces.append(&mut after.pieces);
            }
            (run.last, run.ends, run.length) = (after.last, after.ends, run.length + after.length);
        }
        let (grown, whole) = (run.length - before, run.begins && run.ends);
        if !whole || run.taken.is_some() {
            self.on_growth(Key::Run(start), grown);
        }
        if whole {
            self.assemble(start);
        }
        Ok(())
    }

    /// A run has become a message.
    fn assemble(&mut self, start: u64) {
        let Some(mut run) = self.runs.remove(&start) else { return };
        self.overhead -= OVERHEAD * run.pieces.len();
        self.unblock(run.stream, u32::from(run.ssn), Key::Run(start));
        if run.taken.is_some() {
            let mut chunks = run.take_chunks();
            if chunks.len() > 1 {
                // Charged as one from now on.
                chunks = vec![chunks.concat().into()];
            }
            self.end_open(Key::Run(start), chunks, PartEnd::Complete);
            self.pass(run.stream, u32::from(run.ssn), run.unordered);
            return;
        }
        run.head.reserve(run.length - run.head.len());
        run.pieces.iter().for_each(|piece| run.head.extend_from_slice(piece));
        let Run { stream, ppid, unordered, .. } = run;
        let number = u32::from(run.ssn);
        let in_line = self.goes_in_line(start, stream, number, ppid, unordered);
        let payload = self.finish_spare(run.head, in_line);
        self.complete(start, stream, number, ppid, unordered, payload);
    }

    /// How far `number` is ahead of `from`.
    fn ahead(&self, number: u32, from: u32) -> u32 {
        number.wrapping_sub(from) & self.mask
    }

    fn is_after(&self, number: u32, from: u32) -> bool {
        let ahead = self.ahead(number, from);
        ahead != 0 && ahead <= self.mask / 2
    }

    /// Whether a new message with this number can be one to come. Of 65,535 SSNs all but the next one are: a sender may
    /// have as many under way (RFC 9260 section 6.1), and what has been handed over has a TSN that is a duplicate.
    fn may_wait(&self, number: u32, next: u32) -> bool {
        self.mask == 0xffff || self.is_after(number, next)
    }

    /// Whether a message with this TSN waits for the reset of its stream.
    fn is_held(&self, tsn: u64, stream: u16) -> bool {
        self.deferred.as_ref().is_some_and(|deferred| {
            tsn > deferred.last_tsn && deferred.streams.as_ref().is_none_or(|s| s.contains(&stream))
        })
    }

    fn complete(&mut self, tsn: u64, stream: u16, number: u32, ppid: u32, unordered: bool, payload: Bytes) {
        let mut message = Received { stream, ppid, unordered, payload, epoch: 0 };
        if self.is_held(tsn, stream)
            && let Some(deferred) = &mut self.deferred
        {
            deferred.held.push((message, number));
            return;
        }
        let Stream { next, epoch, .. } = *self.use_stream(stream);
        message.epoch = epoch;
        if unordered {
            self.hand_over(message);
        } else if number == next {
            self.hand_over(message);
            self.pass(stream, number, unordered);
        } else if self.may_wait(number, next) && !self.waiting.contains_key(&(stream, number)) {
            self.waiting.insert((stream, number), message);
        } else {
            self.orphans += 1;
            self.release(message.payload.len());
        }
    }

    /// A message is over: those after it on its stream may follow.
    fn pass(&mut self, stream: u16, number: u32, unordered: bool) {
        if !unordered {
            self.advance(stream, number);
            self.follow(stream);
            self.reconsider_next(stream);
        }
    }

    /// The message after `number` is next.
    fn advance(&mut self, stream: u16, number: u32) {
        let next = number.wrapping_add(1) & self.mask;
        self.use_stream(stream).next = next;
    }

    fn use_stream(&mut self, stream: u16) -> &mut Stream {
        let state = self.streams.entry(stream);
        state.used = true;
        state
    }

    /// Hands over messages that waited for the one before them.
    fn follow(&mut self, stream: u16) {
        loop {
            let next = self.streams.entry(stream).next;
            let Some(message) = self.waiting.remove(&(stream, next)) else { return };
            self.advance(stream, next);
            self.hand_over(message);
        }
    }

    fn hand_over(&mut self, message: Received) {
        if self.is_control(message.ppid) {
            self.control.push_back(message);
        } else {
            self.ready.push_back(message);
        }
    }

    /// The peer gave up everything up to `cumulative`, and of `streams` the messages up to a number: of the ordered ones,
    /// or with I-DATA of the unordered ones.
    pub(crate) fn skip(&mut self, cumulative: u64, streams: impl Iterator<Item = (u16, bool, u32)>) {
        let keep = self.runs.split_off(&(cumulative + 1));
        for (start, run) in std::mem::replace(&mut self.runs, keep) {
            self.orphans += 1;
            self.release_run(&run);
            if run.taken.is_some() {
                self.abandon_open(Key::Run(start), run.length);
            }
            self.drop_headless(run.last + 1);
        }
        self.drop_headless(cumulative + 1);
        for (stream, unordered, number) in streams {
            self.drop_partials(stream, unordered, number);
            let first = self.streams.entry(stream).next;
            if unordered || self.is_after(first, number) {
                continue;
            }
            self.advance(stream, number);
            for (from, to) in laps(first, number) {
                let whole: Vec<_> =
                    self.waiting.range((stream, from)..=(stream, to)).map(|(&key, _)| key).collect();
                for key in whole {
                    if let Some(message) = self.waiting.remove(&key) {
                        self.hand_over(message);
                    }
                }
            }
            self.follow(stream);
        }
        self.reconsider();
    }

    /// Drops the run at `tsn` if the fragment before it will never come.
    fn drop_headless(&mut self, tsn: u64) {
        if self.runs.get(&tsn).is_some_and(|run| !run.begins)
            && let Some(run) = self.runs.remove(&tsn)
        {
            self.orphans += 1;
            self.release_run(&run);
        }
    }

    /// Streams (`None`: all) begin again at SSN 0 once everything up to `last_tsn` has arrived.
    pub(crate) fn defer_reset(&mut self, last_tsn: u64, streams: Option<Vec<u16>>) {
        self.deferred = Some(Box::new(Deferred { last_tsn, streams, held: Vec::new() }));
    }

    /// The TSN that a reset waits for.
    pub(crate) fn deferred_until(&self) -> Option<u64> {
        self.deferred.as_ref().map(|d| d.last_tsn)
    }

    /// Performs the reset that waits and returns its streams. Of all, those are left out that have begun and not been used:
    /// a peer that resets all again and again is not worth more than a look.
    pub(crate) fn finish_reset(&mut self) -> Vec<u16> {
        let Some(deferred) = self.deferred.take() else { return Vec::new() };
        let used = || self.streams.iter().filter(|(_, state)| state.used).map(|(id, _)| id).collect();
        let streams = deferred.streams.unwrap_or_else(used);
        for &stream in &streams {
            let state = self.streams.entry(stream);
            *state = Stream { next: 0, epoch: state.epoch.wrapping_add(1), used: false };
            self.drop_stale_partials(stream);
            let stale: Vec<_> =
                self.waiting.range((stream, 0)..=(stream, u32::MAX)).map(|(&k, _)| k).collect();
            for key in stale {
                if let Some(message) = self.waiting.remove(&key) {
                    self.orphans += 1;
                    self.release(message.payload.len());
                }
            }
        }
        for (message, ssn) in deferred.held {
            let Received { stream, ppid, unordered, payload, .. } = message;
            self.complete(u64::MAX, stream, ssn, ppid, unordered, payload);
        }
        self.reconsider();
        streams
    }

    /// How many times the peer has reset the stream.
    pub(crate) fn epoch(&self, stream: u16) -> u32 {
        self.streams.get(stream).map_or(0, |s| s.epoch)
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<Received> {
        let message = self.ready.pop_front()?;
        self.release(message.payload.len());
        self.parts.iter_mut().for_each(|parts| parts.count_pulled());
        Some(message)
    }

    /// The next message with the control identifier.
    pub(crate) fn pop_control(&mut self) -> Option<Received> {
        if self.control.is_empty() {
            return None;
        }
        let message = self.control.pop_front()?;
        self.release(message.payload.len());
        Some(message)
    }

    pub(crate) fn is_readable(&self) -> bool {
        !self.ready.is_empty() || self.has_part()
    }
}

/// The numbers from one to another as ranges that do not wrap, in the order of sending.
fn laps(from: u32, to: u32) -> impl Iterator<Item = (u32, u32)> {
    let (first, second) = if from <= to { ((from, to), None) } else { ((from, u32::MAX), Some((0, to))) };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests;
