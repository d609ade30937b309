//! Channels as plain values, for a snapshot.

use std::collections::BTreeSet;

use super::{Channel, ChannelId, ChannelInfo, ChannelState, ChannelStats, ChannelTotals, Channels, Role};
use crate::association::Association;

/// All that channels add to their association.
pub(crate) struct Parts {
    pub(crate) role: Role,
    pub(crate) next_id: u32,
    pub(crate) totals: ChannelTotals,
    pub(crate) channels: Vec<Part>,
    pub(crate) burned: Vec<u16>,
    /// Stream, epoch and channel of messages not yet pulled.
    pub(crate) draining: Vec<(u16, u32, u32)>,
}

impl Parts {
    pub(crate) fn new(role: Role, next_id: u32) -> Self {
        let totals = ChannelTotals::default();
        Self { role, next_id, totals, channels: Vec::new(), burned: Vec::new(), draining: Vec::new() }
    }
}

/// One channel; none that is being closed.
pub(crate) struct Part {
    pub(crate) id: u32,
    pub(crate) info: ChannelInfo,
    pub(crate) epoch: u32,
    pub(crate) acknowledged: bool,
    pub(crate) by_peer: bool,
    pub(crate) low_threshold: usize,
    pub(crate) stats: ChannelStats,
}

impl Part {
    pub(crate) fn new(id: u32, info: ChannelInfo) -> Self {
        let stats = ChannelStats::default();
        Self { id, info, epoch: 0, acknowledged: false, by_peer: false, low_threshold: 0, stats }
    }
}

impl Channels {
    pub(crate) fn association_mut(&mut self) -> &mut Association {
        &mut self.association
    }

    /// Whether `connect` was called.
    pub(crate) fn has_role(&self) -> bool {
        self.role.is_some()
    }

    pub(crate) fn parts(&self) -> Parts {
        // Without a role no snapshot is taken.
        let mut parts = Parts::new(self.role.unwrap_or(Role::Client), self.next_id);
        parts.totals = self.totals;
        for (id, channel) in &self.channels {
            let Channel { info, epoch, acknowledged, by_peer, low_threshold, stats, .. } = channel;
            parts.channels.push(Part {
                id: id.0,
                info: info.clone(),
                epoch: *epoch,
                acknowledged: *acknowledged,
                by_peer: *by_peer,
                low_threshold: *low_threshold,
                stats: *stats,
            });
        }
        parts.burned.extend(&self.burned);
        parts.draining.extend(self.draining.iter().map(|(&(stream, epoch), id)| (stream, epoch, id.0)));
        parts
    }

    /// Goes on with these; says whether they can be: every open channel has a stream, and each stream one channel.
    pub(crate) fn resume(&mut self, parts: Parts) -> bool {
        (self.role, self.connected, self.totals) = (Some(parts.role), true, parts.totals);
        for part in parts.channels {
            let Part { id, info, epoch, acknowledged, by_peer, low_threshold, stats } = part;
            let sound = info.stream.is_some() && info.state == ChannelState::Open && id < parts.next_id;
            if !sound || info.stream.is_some_and(|stream| self.streams.contains_key(&stream)) {
                return false;
            }
            self.next_id = id;
            let id = self.insert(info, epoch, by_peer);
            if by_peer {
                self.peer_names += self.channels.get(&id).map_or(0, |c| c.info.names_len());
            }
            if let Some(channel) = self.channels.get_mut(&id) {
                (channel.acknowledged, channel.low_threshold, channel.stats) =
                    (acknowledged, low_threshold, stats);
            }
        }
        (self.totals, self.next_id) = (parts.totals, parts.next_id);
        self.burned = parts.burned.into_iter().collect::<BTreeSet<u16>>();
        self.draining =
            parts.draining.into_iter().map(|(s, epoch, id)| ((s, epoch), ChannelId(id))).collect();
        self.readable = self.association.is_readable();
        true
    }
}
