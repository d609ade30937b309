//! Fragments of messages that may interleave (I-DATA, RFC 8260 section 2.2.3): put together by message identifier and
//! fragment number; TSNs say nothing about them.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::parts::{Key as PartKey, PartEnd};
use super::{OVERHEAD, Reassembly, Refusal, laps};
use crate::chunk::{DataFlags, IData};
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

/// Stream, its use, whether unordered, message identifier.
pub(super) type Key = (u16, u32, bool, u32);

pub(super) type Partials = BTreeMap<Key, Partial>;

/// A message of which something is missing.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The fragments from the first one on, as far as there is no hole.
    pub(super) head: BytesMut,
    /// How many these are.
    next: u32,
    /// Those behind a hole.
    later: BTreeMap<u32, Bytes>,
    pub(super) ppid: u32,
    /// Number of the last fragment, once known.
    last: Option<u32>,
    length: usize,
    /// Octets handed over already, if it is open.
    pub(super) taken: Option<usize>,
}

impl Partial {
    /// Whether a fragment with this number cannot belong here.
    fn forbids(&self, fsn: u32, ends: bool) -> bool {
        let highest = self.later.last_key_value().map_or(self.next, |(&fsn, _)| fsn + 1);
        fsn < self.next
            || self.later.contains_key(&fsn)
            || self.last.is_some_and(|last| fsn > last || ends)
            || (ends && fsn + 1 < highest)
    }

    fn is_whole(&self) -> bool {
        self.last.is_some_and(|last| self.next > last)
    }

    /// Octets of the message so far.
    fn total(&self) -> usize {
        self.length + self.taken.unwrap_or_default()
    }

    pub(super) fn take_chunks(&mut self) -> Vec<Bytes> {
        let octets = self.head.len();
        self.length -= octets;
        self.taken = self.taken.map(|taken| taken + octets);
        (octets > 0).then(|| self.head.split().freeze()).into_iter().collect()
    }
}

impl Reassembly {
    /// Takes a new I-DATA chunk or refuses it without a trace.
    pub(crate) fn offer_interleaved(
        &mut self,
        tsn: u64,
        data: &IData<'_>,
        cumulative: u64,
        highest: u64,
    ) -> Result<(), Refusal> {
        let IData { flags, stream, mid, ppid_or_fsn, payload, .. } = *data;
        self.make_room(tsn, cumulative, highest, payload.len())?;
        if payload.len() > self.max_message {
            return Err(Refusal::TooLarge);
        }
        let (begins, ends) = (flags.has(DataFlags::BEGIN), flags.has(DataFlags::END));
        let unordered = flags.has(DataFlags::UNORDERED);
        if begins && ends {
            self.store(payload.len());
            let in_line = self.goes_in_line(tsn, stream, mid, ppid_or_fsn, unordered);
            let payload = self.copy(payload, in_line);
            self.complete(tsn, stream, mid, ppid_or_fsn, unordered, payload);
            return Ok(());
        }
        let held = self.is_held(tsn, stream);
        let state = *self.use_stream(stream);
        if !unordered && !held && self.is_after(state.next, mid) {
            // Of a message that was skipped or has been handed over.
            self.orphans += 1;
            return Ok(());
        }
        let fsn = if begins { 0 } else { ppid_or_fsn };
        let key = (stream, state.epoch.wrapping_add(u32::from(held)), unordered, mid);
        let known = self.partials.get(&key);
        if fsn == u32::MAX || (fsn == 0 && !begins) || known.is_some_and(|partial| partial.forbids(fsn, ends))
        {
            return Err(Refusal::Violation);
        }
        if known.map_or(0, Partial::total) + payload.len() > self.max_message {
            return Err(Refusal::TooLarge);
        }
        let is_new = known.is_none();
        self.overhead += if is_new { OVERHEAD } else { 0 };
        self.payload += payload.len();
        let head = if is_new { self.take_spare() } else { BytesMut::new() };
        let partial = self.partials.entry(key).or_insert_with(|| Partial { head, ..Partial::default() });
        partial.length += payload.len();
        if begins {
            partial.ppid = ppid_or_fsn;
        }
        if ends {
            partial.last = Some(fsn);
        }
        let before = partial.head.len();
        if fsn == partial.next {
            partial.head.extend_from_slice(payload);
            partial.next += 1;
            while let Some(next) = partial.later.remove(&partial.next) {
                partial.head.extend_from_slice(&next);
                partial.next += 1;
                self.overhead -= OVERHEAD;
            }
        } else {
            partial.later.insert(fsn, Bytes::copy_from_slice(payload));
            self.overhead += OVERHEAD;
        }
        let (grown, whole) = (partial.head.len() - before, partial.is_whole());
        if !whole || partial.taken.is_some() {
            self.on_growth(PartKey::Partial(key), grown);
        }
        if whole {
            self.finish_partial(tsn, key);
        }
        Ok(())
    }

    /// Nothing is missing any more.
    fn finish_partial(&mut self, tsn: u64, key: Key) {
        let Some(mut partial) = self.partials.remove(&key) else { return };
        let (stream, _, unordered, mid) = key;
        self.unblock(stream, mid, PartKey::Partial(key));
        if partial.taken.is_some() {
            self.end_open(PartKey::Partial(key), partial.take_chunks(), PartEnd::Complete);
            self.pass(stream, mid, unordered);
            return;
        }
        let in_line = self.goes_in_line(tsn, stream, mid, partial.ppid, unordered);
        let payload = self.finish_spare(partial.head, in_line);
        self.complete(tsn, stream, mid, partial.ppid, unordered, payload);
    }

    /// Drops what the peer has given up of a stream: its messages up to this one.
    pub(super) fn drop_partials(&mut self, stream: u16, unordered: bool, mid: u32) {
        let epoch = self.epoch(stream);
        for (from, to) in laps(mid.wrapping_sub(1 << 31), mid) {
            let of = (stream, epoch, unordered, from)..=(stream, epoch, unordered, to);
            let gone: Vec<Key> = self.partials.range(of).map(|(&key, _)| key).collect();
            gone.into_iter().for_each(|key| self.drop_partial(key));
        }
    }

    /// The stream has been reset: what was not whole then never will be.
    pub(super) fn drop_stale_partials(&mut self, stream: u16) {
        let now = self.epoch(stream);
        let of = (stream, 0, false, 0)..=(stream, u32::MAX, true, u32::MAX);
        let gone: Vec<Key> =
            self.partials.range(of).map(|(&key, _)| key).filter(|key| key.1 != now).collect();
        gone.into_iter().for_each(|key| self.drop_partial(key));
    }

    fn drop_partial(&mut self, key: Key) {
        if let Some(partial) = self.partials.remove(&key) {
            self.unblock(key.0, key.3, PartKey::Partial(key));
            self.orphans += 1;
            self.overhead -= OVERHEAD * partial.later.len();
            self.release(partial.length);
            if partial.taken.is_some() {
                self.abandon_open(PartKey::Partial(key), partial.head.len());
            }
        }
    }

    pub(super) fn write_partials(&self, out: &mut SnapshotOutput) {
        out.size(self.partials.len());
        for (&(stream, epoch, unordered, mid), partial) in &self.partials {
            out.u16(stream);
            out.u32(epoch);
            out.flag(unordered);
            out.u32(mid);
            out.u32(partial.ppid);
            out.option(partial.last, SnapshotOutput::u32);
            out.u32(partial.next);
            out.octets(&partial.head);
            out.size(partial.later.len());
            for (&fsn, payload) in &partial.later {
                out.u32(fsn);
                out.octets(payload);
            }
        }
    }

    pub(super) fn read_partials(&mut self, input: &mut SnapshotInput<'_>) -> Result<(), SnapshotError> {
        for _ in 0..input.size()? {
            let key = (input.u16()?, input.u32()?, input.flag()?, input.u32()?);
            let mut partial = Partial { ppid: input.u32()?, ..Partial::default() };
            partial.last = input.option(SnapshotInput::u32)?;
            partial.next = input.u32()?;
            partial.head = BytesMut::from(input.octets()?);
            partial.length = partial.head.len();
            for _ in 0..input.size()? {
                let (fsn, payload) = (input.u32()?, input.bytes()?);
                let sound = fsn != u32::MAX && !partial.forbids(fsn, false) && fsn != partial.next;
                if !sound {
                    return Err(input.damaged());
                }
                partial.length += payload.len();
                self.overhead += OVERHEAD;
                partial.later.insert(fsn, payload);
            }
            if partial.is_whole() || partial.next == u32::MAX || self.partials.contains_key(&key) {
                return Err(input.damaged());
            }
            self.store(partial.length);
            self.partials.insert(key, partial);
        }
        Ok(())
    }
}
