//! What a server keeps for a client, and the tables in which it is found; RFC 8656 section 6.
//!
//! Laws: an allocation stands in `clients` under its five-tuple, and under a second one while it moves; each of its
//! relayed addresses stands in `relayed`; each of its channels that can be used at this moment or later stands in `out`
//! and in `back`, with the moment at which the first of channel, permission and allocation ends. So the fast path is
//! one look-up and one comparison.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::open::Opening;
use crate::attribute::{AddressFamily, ReservationToken};
use crate::kind::{ErrorCode, TransactionId};
use crate::server::keyed::{Keyed, Table};
use crate::turn::{ChannelNumber, FiveTuple, Protocol, family};

/// An allocation's place; used again after its end.
pub(super) type Slot = u32;

pub(super) struct Allocation {
    pub(super) client: FiveTuple,
    /// The address that it counts for, also after a move.
    pub(super) home: IpAddr,
    pub(super) user: Arc<str>,
    /// The request that made it: if it comes again, so does the answer.
    pub(super) transaction: TransactionId,
    pub(super) protocol: Protocol,
    /// At most one address of each family.
    pub(super) relays: Vec<Relay>,
    /// Of two wanted addresses, the one that could not be had.
    pub(super) missing: Option<(AddressFamily, ErrorCode)>,
    pub(super) token: Option<ReservationToken>,
    pub(super) opening: Option<Box<Opening>>,
    pub(super) permissions: BTreeMap<IpAddr, Instant>,
    pub(super) channels: BTreeMap<ChannelNumber, Channel>,
    pub(super) mobile: Option<Box<Mobile>>,
    pub(super) bandwidth: Bandwidth,
}

/// A relayed address.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    pub(super) until: Instant,
    pub(super) open: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Channel {
    pub(super) peer: SocketAddr,
    pub(super) until: Instant,
}

/// The state of RFC 8016.
pub(super) struct Mobile {
    pub(super) ticket: [u8; 32],
    /// The ticket before, good only for a repeated request, and until when.
    pub(super) old: Option<([u8; 32], TransactionId, Instant)>,
    /// Where the client says it has gone; it counts once data come from there.
    pub(super) moving: Option<FiveTuple>,
}

/// What may still be relayed in this second.
#[derive(Default)]
pub(super) struct Bandwidth {
    used: u64,
    at: Option<Instant>,
}

impl Bandwidth {
    /// Whether `octets` may pass at `rate` octets a second; a second's worth may pass at once.
    pub(super) fn spend(&mut self, now: Instant, rate: u64, octets: usize) -> bool {
        let since = now.saturating_duration_since(*self.at.get_or_insert(now));
        let gained = u64::try_from(since.as_micros() * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX);
        if gained > 0 {
            self.at = Some(now);
            self.used = self.used.saturating_sub(gained);
        }
        let used = self.used.saturating_add(octets as u64);
        let passes = used <= rate;
        if passes {
            self.used = used;
        }
        passes
    }
}

impl Allocation {
    /// The open relayed address of a family.
    pub(super) fn relay(&self, wanted: AddressFamily) -> Option<&Relay> {
        self.relays.iter().find(|relay| relay.open && family(relay.address) == wanted)
    }

    /// Whether a family is one that was allocated.
    pub(super) fn has(&self, wanted: AddressFamily) -> bool {
        self.relays.iter().any(|relay| family(relay.address) == wanted)
    }

    /// Whether data may pass to and from `ip`.
    pub(super) fn permits(&self, now: Instant, ip: IpAddr) -> bool {
        self.permissions.get(&ip).is_some_and(|until| now < *until)
    }
}

/// From a client's channel to the peer.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) relayed: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) until: Instant,
    pub(super) slot: Slot,
}

/// From a peer to the client's channel.
#[derive(Clone, Copy)]
pub(super) struct Back {
    pub(super) client: FiveTuple,
    pub(super) channel: ChannelNumber,
    pub(super) until: Instant,
    pub(super) slot: Slot,
}

pub(super) struct Allocations {
    slots: Vec<Option<Box<Allocation>>>,
    free: Vec<Slot>,
    pub(super) clients: Table<FiveTuple, Slot>,
    pub(super) relayed: Table<(Protocol, SocketAddr), Slot>,
    pub(super) out: Table<(FiveTuple, ChannelNumber), Out>,
    pub(super) back: Table<(SocketAddr, SocketAddr), Back>,
}

impl Allocations {
    pub(super) fn new(keyed: &Keyed) -> Self {
        let (slots, free) = (Vec::new(), Vec::new());
        let (clients, relayed) = (keyed.table(), keyed.table());
        Self { slots, free, clients, relayed, out: keyed.table(), back: keyed.table() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Allocation> {
        self.slots.get(slot as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Allocation> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    pub(super) fn insert(&mut self, allocation: Allocation) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // The configured limit is far below.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.clients.insert(allocation.client, slot);
        for relay in &allocation.relays {
            self.relayed.insert((allocation.protocol, relay.address), slot);
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(Box::new(allocation));
        }
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Box<Allocation>> {
        let allocation = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.clients.remove(&allocation.client);
        if let Some(moving) = allocation.mobile.as_ref().and_then(|mobile| mobile.moving) {
            self.clients.remove(&moving);
        }
        for relay in &allocation.relays {
            self.relayed.remove(&(allocation.protocol, relay.address));
        }
        for (number, channel) in &allocation.channels {
            self.out.remove(&(allocation.client, *number));
            for relay in &allocation.relays {
                self.back.remove(&(relay.address, channel.peer));
            }
        }
        Some(allocation)
    }

    /// Puts the channels for which `which` holds right in the tables of the fast path.
    pub(super) fn route(&mut self, slot: Slot, which: impl Fn(SocketAddr) -> bool) {
        let Some(Some(allocation)) = self.slots.get(slot as usize) else { return };
        for (number, channel) in allocation.channels.iter().filter(|(_, channel)| which(channel.peer)) {
            let Some(relay) = allocation.relay(family(channel.peer)) else { continue };
            let Some(permission) = allocation.permissions.get(&channel.peer.ip()) else { continue };
            let until = channel.until.min(*permission).min(relay.until);
            let (client, relayed, peer) = (allocation.client, relay.address, channel.peer);
            self.out.insert((client, *number), Out { relayed, peer, until, slot });
            self.back.insert((relayed, peer), Back { client, channel: *number, until, slot });
        }
    }

    /// Takes channels out, of the allocation and of the tables.
    pub(super) fn unbind(&mut self, slot: Slot, which: impl Fn(&Channel) -> bool) {
        let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { return };
        let Allocation { channels, relays, client, .. } = &mut **allocation;
        channels.retain(|number, channel| {
            let goes = which(channel);
            if goes {
                self.out.remove(&(*client, *number));
                for relay in relays.iter() {
                    self.back.remove(&(relay.address, channel.peer));
                }
            }
            !goes
        });
    }

    /// Forgets what has ended by itself.
    pub(super) fn purge(&mut self, now: Instant, slot: Slot) {
        self.unbind(slot, |channel| channel.until <= now);
        if let Some(allocation) = self.get_mut(slot) {
            allocation.permissions.retain(|_, until| now < *until);
        }
    }

    /// The client has moved: the new five-tuple replaces the old one.
    pub(super) fn settle(&mut self, slot: Slot) {
        let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { return };
        let moving = allocation.mobile.as_mut().and_then(|mobile| {
            // Whoever has moved no longer needs the old ticket.
            mobile.moving.take()
        });
        let Some(moving) = moving else { return };
        let left = std::mem::replace(&mut allocation.client, moving);
        self.clients.remove(&left);
        for number in allocation.channels.keys() {
            self.out.remove(&(left, *number));
        }
        self.route(slot, |_| true);
    }
}
