//! What was sent and is not acknowledged, in a snapshot.

use std::time::Instant;

use super::{Fate, Fragment, Outstanding};
use crate::chunk::DataFlags;
use crate::serial::wire;
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

impl Outstanding {
    pub(crate) fn write(&self, out: &mut SnapshotOutput, now: Instant) {
        out.u32(wire(self.base));
        out.size(self.chunks.len());
        for sent in &self.chunks {
            let Fragment { payload, stream, ssn, mid, fsn, ppid, flags, expires, max_retransmits } =
                &sent.fragment;
            out.octets(payload);
            out.u16(*stream);
            out.u16(*ssn);
            out.u32(*mid);
            out.u32(*fsn);
            out.u32(*ppid);
            out.u8(flags.0);
            out.deadline(*expires, now);
            out.option(*max_retransmits, SnapshotOutput::u16);
            out.u16(sent.transmits);
            out.u8(match sent.fate {
                Fate::InFlight | Fate::Lost => 0,
                Fate::Acked => 1,
                Fate::Abandoned => 2,
            });
        }
    }

    /// Fills an empty ring. `packet`: the number of the packet that is taken to have carried all of it.
    pub(crate) fn read(
        &mut self,
        input: &mut SnapshotInput<'_>,
        packet: u64,
        now: Instant,
    ) -> Result<(), SnapshotError> {
        *self = Self::new(input.u32()?, self.interleaved);
        let count = input.size()?;
        let mut acked: Vec<(u64, u64)> = Vec::new();
        for _ in 0..count {
            let fragment = Fragment {
                payload: input.bytes()?,
                stream: input.u16()?,
                ssn: input.u16()?,
                mid: input.u32()?,
                fsn: input.u32()?,
                ppid: input.u32()?,
                flags: DataFlags(input.u8()?),
                expires: input.deadline(now)?,
                max_retransmits: input.option(SnapshotInput::u16)?,
            };
            let (transmits, fate) = (input.u16()?, input.u8()?);
            let tsn = self.push(fragment, packet, now);
            match fate {
                0 => {}
                1 => match acked.last_mut().filter(|last| last.1 + 1 == tsn) {
                    Some(last) => last.1 = tsn,
                    None => acked.push((tsn, tsn)),
                },
                2 => self.give_up_one(tsn),
                _ => return Err(input.damaged()),
            }
            if let Some(sent) = self.get_mut(tsn) {
                sent.transmits = transmits;
            }
        }
        self.on_blocks(&acked, &mut super::Progress::default());
        Ok(())
    }

    fn give_up_one(&mut self, tsn: u64) {
        let Some(sent) = self.get_mut(tsn) else { return };
        sent.fate = Fate::Abandoned;
        let (octets, payload) = (sent.wire_len(), sent.fragment.payload.len());
        self.flight -= octets;
        self.flight_payload -= payload;
    }

    pub(crate) fn is_in_flight(&self, tsn: u64) -> bool {
        self.get(tsn).is_some_and(|sent| sent.fate == Fate::InFlight)
    }
}
