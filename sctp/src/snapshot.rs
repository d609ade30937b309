//! An association that is up, taken down in one process and set up in another, with all that is on its way.
//!
//! What both sides agreed upon, every message queued, in flight or not yet pulled, and what is known of the round trip
//! goes along. The congestion window begins anew, since the path may be another; counters and events do not go along.

mod channels;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use rand::CryptoRng;
use zeroize::Zeroize;

use crate::association::Association;
use crate::config::Config;
use crate::state::{AssociationState, State};
use crate::tcb::{Capabilities, Local, Peer, Tcb};
use wire::{Input, Output};

pub(crate) use wire::{Input as SnapshotInput, Output as SnapshotOutput};

/// An association at rest. As secret as what it carried; wiped when dropped; shown by nothing.
pub struct Snapshot(Vec<u8>);

/// Why an association is not taken down now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotRefusal {
    /// It is being set up, coming to its end, or over.
    #[error("the association is {state:?}, not established")]
    NotEstablished {
        /// Where it stands.
        state: AssociationState,
    },
    /// The association is up, and `connect` of the channels has not been called yet.
    #[error("channels are not connected")]
    NotConnected,
    /// Streams are being reset, by either side; wait for the events that end it.
    #[error("streams are being reset")]
    Resetting,
    /// A message has been pulled in part; wait for its end.
    #[error("a message is being received in parts")]
    PartialDelivery,
}

/// Why a snapshot was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It was made by another version of this crate.
    #[error("version {found} is not known, expected {VERSION}")]
    Version {
        /// What it says.
        found: u8,
    },
    /// It is one of an association and should be one of channels, or the reverse.
    #[error("the snapshot is of another kind")]
    OtherKind,
    /// It is cut off or changed.
    #[error("the snapshot is damaged at octet {offset}")]
    Damaged {
        /// How far it made sense.
        offset: usize,
    },
}

const VERSION: u8 = 1;

/// What the snapshot holds.
#[derive(Clone, Copy)]
enum Kind {
    Association = 1,
    Channels = 2,
}

impl Snapshot {
    /// Takes octets that [`Snapshot::as_bytes`] gave. They are looked at when restored.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The octets, to be kept like the messages in them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

impl Association {
    /// Takes the association down, idle or in the middle of a transfer. It can go on once, wherever it is restored.
    ///
    /// # Errors
    /// See [`SnapshotRefusal`]; the association comes back unchanged.
    pub fn into_snapshot(mut self, now: Instant) -> Result<Snapshot, (Box<Self>, SnapshotRefusal)> {
        let now = self.tick(now);
        if let Some(refusal) = self.refuses_snapshot() {
            return Err((Box::new(self), refusal));
        }
        let mut out = begin(Kind::Association);
        self.write(&mut out, now);
        Ok(Snapshot(out.finish()))
    }

    /// Sets an association up again, with settings like those it had: what was agreed with the peer stays agreed.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(
        config: impl Into<Arc<Config>>,
        now: Instant,
        snapshot: &Snapshot,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SnapshotError> {
        let mut input = open(snapshot, Kind::Association)?;
        let mut association = Self::new(config, rng);
        association.read(&mut input, now)?;
        input.finish()?;
        Ok(association)
    }

    pub(crate) fn refuses_snapshot(&self) -> Option<SnapshotRefusal> {
        let State::Established { tcb } = &self.state else {
            return Some(SnapshotRefusal::NotEstablished { state: self.state() });
        };
        let resetting = tcb.reconfig.is_busy() || tcb.reassembly.deferred_until().is_some();
        if resetting {
            return Some(SnapshotRefusal::Resetting);
        }
        let in_parts = tcb.reassembly.has_open() || self.unread.iter().any(|part| part.whole().is_none());
        in_parts.then_some(SnapshotRefusal::PartialDelivery)
    }

    fn write(&self, out: &mut Output, now: Instant) {
        let State::Established { tcb } = &self.state else { return };
        let Peer { tag, initial_tsn, a_rwnd, outbound, inbound, capabilities } = tcb.peer;
        for field in [self.local.tag, self.local.initial_tsn, tag, initial_tsn, a_rwnd, tcb.tie.0, tcb.tie.1]
        {
            out.u32(field);
        }
        [outbound, inbound, tcb.outbound_streams].into_iter().for_each(|field| out.u16(field));
        out.u8(capabilities.bits());
        out.flag(tcb.interleaved);
        out.size(tcb.peer_window);
        tcb.rto.write(out);
        tcb.out.write(out, now);
        self.queue.write(out, now, tcb.out.base());
        tcb.tracker.write(out);
        tcb.reassembly.write(out, &self.unread);
        tcb.reconfig.write_rest(out);
    }

    fn read(&mut self, input: &mut Input<'_>, now: Instant) -> Result<(), SnapshotError> {
        let now = self.tick(now);
        let local = Local { tag: input.u32()?, initial_tsn: input.u32()? };
        let (tag, initial_tsn, a_rwnd) = (input.u32()?, input.u32()?, input.u32()?);
        let tie = (input.u32()?, input.u32()?);
        let (outbound, inbound, outbound_streams) = (input.u16()?, input.u16()?, input.u16()?);
        let capabilities = Capabilities::from_bits(input.u8()?);
        let peer = Peer { tag, initial_tsn, a_rwnd, outbound, inbound, capabilities };
        // What was agreed counts, whatever the settings are now.
        self.config.set_interleaving(input.flag()?);
        let mut tcb =
            Box::new(Tcb::new(&self.config, local, peer, self.control_ppid, &mut self.seed.generator()));
        (tcb.tie, tcb.outbound_streams) = (tie, outbound_streams);
        tcb.peer_window = input.size()?;
        tcb.rto.read(input)?;
        tcb.read_outstanding(input, now)?;
        if tcb.interleaved {
            self.queue.interleave();
        }
        self.queue.read(input, now, tcb.out.base())?;
        tcb.tracker.read(input)?;
        tcb.reassembly.read(input, tcb.tracker.cumulative())?;
        tcb.reconfig.read_rest(input)?;
        // The peer learns where we stand, and that we are there.
        tcb.tracker.ask_for_sack();
        tcb.heartbeat.postpone(now, &self.config);
        tcb.discovery.start(now);
        self.local = local;
        self.events.readable = tcb.reassembly.is_readable();
        self.state = State::Established { tcb };
        Ok(())
    }
}

impl Tcb {
    /// What was in flight is taken as in flight: it is acknowledged, or found lost like any other chunk.
    fn read_outstanding(&mut self, input: &mut Input<'_>, now: Instant) -> Result<(), SnapshotError> {
        self.out.read(input, self.recovery.packet(), now)?;
        for tsn in self.out.base()..self.out.next_tsn() {
            if self.out.is_in_flight(tsn)
                && let Some(sent) = self.out.get(tsn)
            {
                let octets = self.out.chunk_len(sent.fragment.payload.len());
                self.recovery.on_sent(tsn, octets, now, &self.rto, false);
            }
        }
        if !self.out.is_empty() {
            self.recovery.packet_done(now, &self.out, &self.rto);
            self.recovery.keep_t3(now, &self.rto);
        }
        self.recovery.measure_from_now();
        Ok(())
    }
}

fn begin(kind: Kind) -> Output {
    let mut out = Output::default();
    out.u8(VERSION);
    out.u8(kind as u8);
    out
}

fn open(snapshot: &Snapshot, kind: Kind) -> Result<Input<'_>, SnapshotError> {
    let mut input = Input::new(&snapshot.0);
    match input.u8()? {
        VERSION => {}
        found => return Err(SnapshotError::Version { found }),
    }
    if input.u8()? != kind as u8 {
        return Err(SnapshotError::OtherKind);
    }
    Ok(input)
}
