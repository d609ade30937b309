//! What was received and not pulled, in a snapshot.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::{OVERHEAD, Part, Reassembly, Received, Run, Stream};
use crate::serial::{self, wire};
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

impl Reassembly {
    /// `unread`: messages that stand before all others, all of them whole.
    pub(crate) fn write(&self, out: &mut SnapshotOutput, unread: &VecDeque<Part>) {
        out.size(self.streams.len());
        for (id, stream) in self.streams.iter() {
            out.u16(id);
            out.u32(stream.next);
            out.u32(stream.epoch);
        }
        out.size(self.runs.len());
        for (&start, run) in &self.runs {
            out.u32(wire(start));
            out.u32(wire(run.last));
            out.flag(run.begins);
            out.flag(run.ends);
            out.u16(run.stream);
            out.u16(run.ssn);
            out.u32(run.ppid);
            out.flag(run.unordered);
            let pieces: Vec<&[u8]> =
                std::iter::once(&run.head).chain(&run.pieces).map(AsRef::as_ref).collect();
            out.octets(&pieces.concat());
        }
        self.write_partials(out);
        out.size(self.waiting.len());
        for (&(_, number), message) in &self.waiting {
            out.u32(number);
            write_message(out, message);
        }
        out.size(unread.len() + self.ready.len());
        unread.iter().filter_map(Part::whole).for_each(|message| write_message(out, &message));
        self.ready.iter().for_each(|message| write_message(out, message));
        out.size(self.control.len());
        self.control.iter().for_each(|message| write_message(out, message));
    }

    /// Fills an empty one.
    pub(crate) fn read(
        &mut self,
        input: &mut SnapshotInput<'_>,
        cumulative: u64,
    ) -> Result<(), SnapshotError> {
        self.window.open();
        for _ in 0..input.size()? {
            let id = input.u16()?;
            *self.streams.entry(id) = Stream { next: input.u32()?, epoch: input.u32()?, used: true };
        }
        for _ in 0..input.size()? {
            let start = serial::unwrap(input.u32()?, cumulative);
            let last = serial::unwrap(input.u32()?, cumulative);
            let mut run = Run {
                last,
                begins: input.flag()?,
                ends: input.flag()?,
                stream: input.u16()?,
                ssn: input.u16()?,
                ppid: input.u32()?,
                unordered: input.flag()?,
                head: BytesMut::new(),
                pieces: VecDeque::new(),
                length: 0,
                taken: None,
            };
            let octets = input.octets()?;
            run.length = octets.len();
            run.head = BytesMut::from(octets);
            if last < start || self.runs.contains_key(&start) {
                return Err(input.damaged());
            }
            self.store(run.length);
            self.runs.insert(start, run);
        }
        self.read_partials(input)?;
        for _ in 0..input.size()? {
            let number = input.u32()?;
            let message = read_message(input)?;
            self.store(message.payload.len());
            if self.waiting.insert((message.stream, number), message).is_some() {
                return Err(input.damaged());
            }
        }
        for _ in 0..input.size()? {
            let message = read_message(input)?;
            self.store(message.payload.len());
            self.ready.push_back(message);
        }
        for _ in 0..input.size()? {
            let message = read_message(input)?;
            self.store(message.payload.len());
            self.control.push_back(message);
        }
        debug_assert!(self.overhead.is_multiple_of(OVERHEAD), "each stored item is charged once");
        Ok(())
    }
}

fn write_message(out: &mut SnapshotOutput, message: &Received) {
    out.u16(message.stream);
    out.u32(message.ppid);
    out.flag(message.unordered);
    out.u32(message.epoch);
    out.octets(&message.payload);
}

fn read_message(input: &mut SnapshotInput<'_>) -> Result<Received, SnapshotError> {
    let (stream, ppid, unordered) = (input.u16()?, input.u32()?, input.flag()?);
    let epoch = input.u32()?;
    Ok(Received { stream, ppid, unordered, payload: input.bytes()?, epoch })
}
