//! From what a request asks for to open sockets: addresses are taken, the caller opens them, and only then the client is
//! answered; RFC 8656 section 7.2.
//!
//! Both ports of a pair are opened at once, so that the second is there when its token comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;

use super::allocate::Wish;
use super::allocation::{Allocation, Bandwidth, Relay, Slot};
use super::answer::Asked;
use super::ports::Want;
use super::{Deadline, Event, Server};
use crate::attribute::ReservationToken;
use crate::kind::ErrorCode;
use crate::turn::{Protocol, family};

/// How long a port is held for the second of a pair; RFC 8656 section 7.2.
//= rfc8656#7.2-10
const RESERVATION: Duration = Duration::from_secs(30);
/// Addresses, or pairs of them, that are tried if the caller cannot open the first.
const TRIES: u8 = 8;

/// An allocation waits for the caller's sockets.
pub(super) struct Opening {
    asked: Asked,
    want: Want,
    lifetime: Duration,
    /// Addresses still to be tried, this one included.
    tries: u8,
    /// The second of a pair.
    second: Option<Second>,
}

#[derive(Clone, Copy)]
pub(super) struct Second {
    pub(super) address: SocketAddr,
    open: bool,
}

impl Second {
    /// The address after the first of a pair.
    fn of(first: SocketAddr) -> Self {
        // An even port is never the last.
        Self { address: SocketAddr::new(first.ip(), first.port() | 1), open: false }
    }
}

impl Opening {
    pub(super) fn second(&self) -> Option<SocketAddr> {
        self.second.map(|second| second.address)
    }
}

/// A port that is open and held for the second allocation of a pair.
pub(super) struct Reservation {
    pub(super) address: SocketAddr,
    pub(super) until: Instant,
    pub(super) user: Arc<str>,
}

impl Server {
    /// Takes addresses and asks the caller for sockets.
    pub(super) fn fulfil(&mut self, now: Instant, asked: Asked, wish: &Wish) {
        let (mut relays, mut missing) = (Vec::with_capacity(wish.families.len()), None);
        for wanted in wish.families.iter().copied() {
            let address = match wish.token {
                Some(token) => self.redeem(token),
                None => self.ports.take(wish.protocol, wanted, wish.want, &mut self.rng),
            };
            match address {
                Some(address) => {
                    relays.push(Relay { address, until: now + wish.lifetime, open: wish.token.is_some() });
                }
                None if self.ports.serves(wanted) => {
                    missing = Some((wanted, ErrorCode::INSUFFICIENT_CAPACITY));
                }
                None => missing = Some((wanted, ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED)),
            }
        }
        let (Some(user), Some(first)) = (asked.user().cloned(), relays.first()) else {
            self.refuse(now, &asked, ErrorCode::INSUFFICIENT_CAPACITY);
            return;
        };
        let second = (wish.want == Want::Pair).then(|| Second::of(first.address));
        let account = self.config.users.account(&user);
        *self.users.entry(account.into()).or_default() += if second.is_some() { 2 } else { 1 };
        *self.addresses.entry(asked.from.client.ip()).or_default() += 1;
        let closed = relays.iter().filter(|relay| !relay.open).map(|relay| relay.address);
        for relayed in closed.chain(second.map(|second| second.address)) {
            self.events.push_back(Event::Open { relayed, protocol: wish.protocol });
        }
        let (from, transaction) = (asked.from, asked.id);
        let opening = Opening { asked, want: wish.want, lifetime: wish.lifetime, tries: TRIES, second };
        let slot = self.allocations.insert(Allocation {
            client: from,
            home: from.client.ip(),
            user,
            transaction,
            protocol: wish.protocol,
            relays,
            missing,
            token: None,
            opening: Some(Box::new(opening)),
            permissions: Default::default(),
            channels: Default::default(),
            mobile: None,
            bandwidth: Bandwidth::default(),
        });
        if wish.mobile {
            self.make_mobile(slot);
        }
        self.watch_relays(slot);
        // What was held is open already.
        self.finish_opening(now, slot);
    }

    /// Sets the deadlines of an allocation's addresses.
    fn watch_relays(&mut self, slot: Slot) {
        let Some(allocation) = self.allocations.get(slot) else { return };
        for relay in &allocation.relays {
            self.deadlines.insert((relay.until, Deadline::Relay(slot, family(relay.address))));
        }
    }

    /// The held address, whoever asks for it.
    fn redeem(&mut self, token: ReservationToken) -> Option<SocketAddr> {
        let reservation = self.reservations.remove(&token)?;
        self.deadlines.remove(&(reservation.until, Deadline::Reservation(token)));
        self.one_less(&reservation.user);
        Some(reservation.address)
    }

    /// Whether the caller could open the socket that [`Event::Open`] asked for. If not, another port is tried, or another
    /// pair of them; after eight the client is refused.
    pub fn relay_opened(&mut self, now: Instant, relayed: SocketAddr, protocol: Protocol, success: bool) {
        let now = self.advance(now);
        let Some(slot) = self.opening_at(relayed, protocol) else { return };
        if success {
            self.note_open(slot, relayed);
        } else {
            self.try_another(slot, relayed);
        }
        self.finish_opening(now, slot);
    }

    /// The allocation that waits for this address, be it the second of its pair.
    fn opening_at(&self, relayed: SocketAddr, protocol: Protocol) -> Option<Slot> {
        let first = SocketAddr::new(relayed.ip(), relayed.port() & !1);
        [relayed, first].into_iter().find_map(|at| {
            let slot = *self.allocations.relayed.get(&(protocol, at))?;
            let opening = self.allocations.get(slot)?.opening.as_ref()?;
            (at == relayed || opening.second() == Some(relayed)).then_some(slot)
        })
    }

    fn note_open(&mut self, slot: Slot, relayed: SocketAddr) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let relays = allocation.relays.iter_mut().filter(|relay| relay.address == relayed);
        relays.for_each(|relay| relay.open = true);
        let second = allocation.opening.as_mut().and_then(|opening| opening.second.as_mut());
        if let Some(second) = second.filter(|second| second.address == relayed) {
            second.open = true;
        }
    }

    /// Takes another address for one that could not be opened. Of a pair both go.
    fn try_another(&mut self, slot: Slot, failed: SocketAddr) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let Some(opening) = allocation.opening.as_mut() else { return };
        opening.tries = opening.tries.saturating_sub(1);
        let second = opening.second.take().map(|second| second.address);
        let pair_first = allocation.relays.first().filter(|_| second.is_some()).map(|relay| relay.address);
        let first = pair_first.unwrap_or(failed);
        let (protocol, want, tries) = (allocation.protocol, opening.want, opening.tries);
        let next =
            (tries > 0).then(|| self.ports.take(protocol, family(failed), want, &mut self.rng)).flatten();
        // Only now, so that the same port is not tried again at once.
        self.ports.release(protocol, failed);
        [Some(first), second].into_iter().flatten().filter(|address| *address != failed).for_each(
            |address| {
                self.give_up(address, protocol);
            },
        );
        self.allocations.relayed.remove(&(protocol, first));
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let Some(at) = allocation.relays.iter().position(|relay| relay.address == first) else { return };
        match (next, allocation.relays.get_mut(at)) {
            (Some(next), Some(relay)) => {
                (relay.address, relay.open) = (next, false);
                let second = second.map(|_| Second::of(next));
                if let Some(opening) = &mut allocation.opening {
                    opening.second = second;
                }
                self.allocations.relayed.insert((protocol, next), slot);
                for relayed in [Some(next), second.map(|second| second.address)].into_iter().flatten() {
                    self.events.push_back(Event::Open { relayed, protocol });
                }
            }
            _ => {
                let lost = allocation.relays.swap_remove(at);
                allocation.missing = Some((family(failed), ErrorCode::INSUFFICIENT_CAPACITY));
                let user = allocation.user.clone();
                self.deadlines.remove(&(lost.until, Deadline::Relay(slot, family(failed))));
                if second.is_some() {
                    self.one_less(&user);
                }
            }
        }
    }

    /// Has the caller close what it may have opened; if it has not heard of it yet, there is nothing to close.
    fn give_up(&mut self, relayed: SocketAddr, protocol: Protocol) {
        let open = Event::Open { relayed, protocol };
        match self.events.iter().position(|event| *event == open) {
            Some(at) => {
                self.events.remove(at);
                self.ports.release(protocol, relayed);
            }
            None => self.events.push_back(Event::Close { relayed, protocol }),
        }
    }

    /// Answers once every socket is open or has failed.
    fn finish_opening(&mut self, now: Instant, slot: Slot) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let second = allocation.opening.as_ref().and_then(|opening| opening.second);
        if allocation.relays.iter().any(|relay| !relay.open) || second.is_some_and(|second| !second.open) {
            return;
        }
        let Some(opening) = allocation.opening.take() else { return };
        if allocation.relays.is_empty() {
            self.end(slot);
            self.refuse(now, &opening.asked, ErrorCode::INSUFFICIENT_CAPACITY);
            return;
        }
        // The time that the client is told begins now.
        for relay in &mut allocation.relays {
            self.deadlines.remove(&(relay.until, Deadline::Relay(slot, family(relay.address))));
            relay.until = now + opening.lifetime;
        }
        if let Some(second) = second {
            self.reserve(now, slot, second.address);
        }
        self.watch_relays(slot);
        self.stats.allocated += 1;
        self.grant_allocation(now, &opening.asked, slot);
    }

    /// Holds the second of a pair for whoever brings the token.
    fn reserve(&mut self, now: Instant, slot: Slot, address: SocketAddr) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let mut token = ReservationToken([0; 8]);
        self.rng.fill_bytes(&mut token.0);
        allocation.token = Some(token);
        let (until, user) = (now + RESERVATION, allocation.user.clone());
        self.reservations.insert(token, Reservation { address, until, user });
        self.deadlines.insert((until, Deadline::Reservation(token)));
    }
}
