//! What waits to be sent, in a snapshot.

use std::time::Instant;

use super::{Outbound, Queue, Stream};
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

impl Queue {
    /// `base`: the first TSN not acknowledged, which TSNs are told relative to.
    pub(crate) fn write(&self, out: &mut SnapshotOutput, now: Instant, base: u64) {
        out.size(self.streams.len());
        for (id, stream) in self.streams.iter() {
            out.u16(id);
            out.u16(stream.next_ssn);
            stream.next_mid.iter().for_each(|&mid| out.u32(mid));
            out.u16(stream.weight);
            out.size(stream.low_threshold);
            // One more than the distance: 0 is "below the base".
            out.u64((stream.limited_until + 1).saturating_sub(base));
            out.size(stream.messages.len());
            for message in &stream.messages {
                out.octets(&message.payload);
                out.size(message.sent);
                out.u32(message.fragments);
                out.u64(message.arrival);
                out.u32(message.ppid);
                out.flag(message.unordered);
                out.flag(message.counted);
                out.deadline(message.expires, now);
                out.option(message.max_retransmits, SnapshotOutput::u16);
                out.option(message.rank, SnapshotOutput::u32);
            }
        }
        let (turns, begun) = self.scheduler.turns();
        out.flag(begun);
        out.size(turns.len());
        turns.for_each(|(stream, urgent)| {
            out.u16(stream);
            out.flag(urgent);
        });
        out.u64(self.arrivals);
    }

    /// Fills an empty queue.
    pub(crate) fn read(
        &mut self,
        input: &mut SnapshotInput<'_>,
        now: Instant,
        base: u64,
    ) -> Result<(), SnapshotError> {
        for _ in 0..input.size()? {
            let id = input.u16()?;
            if self.streams.get(id).is_some() {
                return Err(input.damaged());
            }
            let mut stream = Stream { next_ssn: input.u16()?, ..Stream::default() };
            stream.next_mid = [input.u32()?, input.u32()?];
            stream.weight = input.u16()?;
            stream.low_threshold = input.size()?;
            stream.limited_until = base.saturating_add(input.u64()?).saturating_sub(1);
            for _ in 0..input.size()? {
                let mut message = Outbound::new(input.bytes()?, 0);
                message.sent = input.size()?;
                (message.fragments, message.arrival) = (input.u32()?, input.u64()?);
                message.ppid = input.u32()?;
                message.unordered = input.flag()?;
                message.counted = input.flag()?;
                message.expires = input.deadline(now)?;
                message.max_retransmits = input.option(SnapshotInput::u16)?;
                message.rank = input.option(SnapshotInput::u32)?;
                let left = message.payload.len().checked_sub(message.sent);
                // Each fragment had an octet at least.
                let sound = usize::try_from(message.fragments).is_ok_and(|count| count <= message.sent);
                let Some(left) = left.filter(|&left| left > 0 && sound) else { return Err(input.damaged()) };
                stream.buffered += if message.counted { left } else { 0 };
                self.buffered += left;
                self.messages += 1;
                if message.sent == 0 {
                    self.note_rank(id, &message);
                }
                stream.messages.push_back(message);
            }
            *self.streams.entry(id) = stream;
        }
        let begun = input.flag()?;
        let mut first = None;
        let mut turns = Vec::new();
        for _ in 0..input.size()? {
            let (stream, urgent) = (input.u16()?, input.flag()?);
            // Whose turn it is has something to send, each once.
            let claim = self.streams.get(stream).and_then(Stream::claim);
            let Some(claim) = claim.filter(|_| !turns.contains(&stream)) else { return Err(input.damaged()) };
            self.scheduler.activate(stream, claim, urgent);
            first = first.or(Some(stream));
            turns.push(stream);
        }
        if turns.len() != self.streams.iter().filter(|(_, s)| !s.messages.is_empty()).count() {
            return Err(input.damaged());
        }
        self.scheduler.resume(first.filter(|_| begun));
        self.arrivals = input.u64()?;
        // More messages than that nobody has sent.
        if self.arrivals > u64::MAX / 2 { Err(input.damaged()) } else { Ok(()) }
    }
}
