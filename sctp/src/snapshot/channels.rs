//! Data channels at rest: the association below them, and what channels there are. Their ids stay the same.

use std::sync::Arc;
use std::time::Instant;

use rand::CryptoRng;

use super::wire::{Input, Output};
use super::{Kind, Snapshot, SnapshotError, SnapshotRefusal, begin, open};
use crate::association::Reliability;
use crate::channel::rest::Parts;
use crate::channel::{ChannelInfo, ChannelOptions, ChannelState, ChannelStats, Channels, Role};
use crate::config::Config;

impl Channels {
    /// Takes the association and its channels down, idle or in the middle of a transfer. They can go on once.
    ///
    /// # Errors
    /// See [`SnapshotRefusal`]; everything comes back unchanged.
    pub fn into_snapshot(mut self, now: Instant) -> Result<Snapshot, (Box<Self>, SnapshotRefusal)> {
        let now = self.association_mut().tick(now);
        let closing = self.iter().any(|(_, info)| info.state == ChannelState::Closing);
        let refusal = self.association().refuses_snapshot();
        let refusal = refusal.or(closing.then_some(SnapshotRefusal::Resetting));
        if let Some(refusal) = refusal.or((!self.has_role()).then_some(SnapshotRefusal::NotConnected)) {
            return Err((Box::new(self), refusal));
        }
        let mut out = begin(Kind::Channels);
        self.association().write(&mut out, now);
        write_parts(&self.parts(), &mut out);
        Ok(Snapshot(out.finish()))
    }

    /// Sets channels up again, with settings like those they had.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(
        config: impl Into<Arc<Config>>,
        now: Instant,
        snapshot: &Snapshot,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SnapshotError> {
        let mut input = open(snapshot, Kind::Channels)?;
        let mut channels = Self::new(config, rng);
        channels.association_mut().read(&mut input, now)?;
        let parts = read_parts(&mut input)?;
        input.finish()?;
        if channels.resume(parts) { Ok(channels) } else { Err(input.damaged()) }
    }
}

fn write_parts(parts: &Parts, out: &mut Output) {
    out.flag(parts.role == Role::Server);
    out.u32(parts.next_id);
    out.u64(parts.totals.data_channels_opened);
    out.u64(parts.totals.data_channels_closed);
    out.size(parts.channels.len());
    for one in &parts.channels {
        out.u32(one.id);
        write_info(&one.info, out);
        out.u32(one.epoch);
        out.flag(one.acknowledged);
        out.flag(one.by_peer);
        out.size(one.low_threshold);
        let ChannelStats { messages_sent, bytes_sent, messages_received, bytes_received } = one.stats;
        [messages_sent, bytes_sent, messages_received, bytes_received].into_iter().for_each(|n| out.u64(n));
    }
    out.size(parts.burned.len());
    parts.burned.iter().for_each(|&stream| out.u16(stream));
    out.size(parts.draining.len());
    for &(stream, epoch, id) in &parts.draining {
        out.u16(stream);
        out.u32(epoch);
        out.u32(id);
    }
}

fn read_parts(input: &mut Input<'_>) -> Result<Parts, SnapshotError> {
    let role = if input.flag()? { Role::Server } else { Role::Client };
    let mut parts = Parts::new(role, input.u32()?);
    parts.totals.data_channels_opened = input.u64()?;
    parts.totals.data_channels_closed = input.u64()?;
    for _ in 0..input.size()? {
        let id = input.u32()?;
        let info = read_info(input)?;
        let mut one = crate::channel::rest::Part::new(id, info);
        (one.epoch, one.acknowledged, one.by_peer) = (input.u32()?, input.flag()?, input.flag()?);
        one.low_threshold = input.size()?;
        let ChannelStats { messages_sent, bytes_sent, messages_received, bytes_received } = &mut one.stats;
        for number in [messages_sent, bytes_sent, messages_received, bytes_received] {
            *number = input.u64()?;
        }
        parts.channels.push(one);
    }
    for _ in 0..input.size()? {
        parts.burned.push(input.u16()?);
    }
    for _ in 0..input.size()? {
        parts.draining.push((input.u16()?, input.u32()?, input.u32()?));
    }
    Ok(parts)
}

fn write_info(info: &ChannelInfo, out: &mut Output) {
    let ChannelOptions { ordered, reliability, protocol, negotiated, priority } = &info.options;
    out.octets(info.label.as_bytes());
    out.octets(protocol.as_bytes());
    out.option(info.stream, Output::u16);
    out.flag(info.state == ChannelState::Open);
    out.flag(*ordered);
    match *reliability {
        Reliability::Reliable => out.u8(0),
        Reliability::MaxRetransmits(most) => {
            out.u8(1);
            out.u16(most);
        }
        Reliability::Lifetime(life) => {
            out.u8(2);
            out.duration(life);
        }
        Reliability::Priority(rank) => {
            out.u8(3);
            out.u32(rank);
        }
    }
    out.option(*negotiated, Output::u16);
    out.u16(*priority);
}

fn read_info(input: &mut Input<'_>) -> Result<ChannelInfo, SnapshotError> {
    let label = read_text(input)?;
    let protocol = read_text(input)?;
    let stream = input.option(Input::u16)?;
    let state = if input.flag()? { ChannelState::Open } else { ChannelState::Connecting };
    let ordered = input.flag()?;
    let reliability = match input.u8()? {
        0 => Reliability::Reliable,
        1 => Reliability::MaxRetransmits(input.u16()?),
        2 => Reliability::Lifetime(input.duration()?),
        3 => Reliability::Priority(input.u32()?),
        _ => return Err(input.damaged()),
    };
    let (negotiated, priority) = (input.option(Input::u16)?, input.u16()?);
    let options = ChannelOptions { ordered, reliability, protocol, negotiated, priority };
    Ok(ChannelInfo { label, stream, state, options })
}

fn read_text(input: &mut Input<'_>) -> Result<String, SnapshotError> {
    let octets = input.octets()?.to_vec();
    String::from_utf8(octets).map_err(|_| input.damaged())
}
