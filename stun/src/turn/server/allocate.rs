//! Allocate; RFC 8656 sections 7.2 and RFC 6062 section 5.1. The checks stand in the RFC's order.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::allocation::{Allocation, Bandwidth, Opening, Relay, Slot};
use super::answer::Asked;
use super::mobility::Reservation;
use super::ports::Want;
use super::{Deadline, Event, Server};
use crate::attribute::{
    AdditionalAddressFamily, AddressErrorCode, AddressFamily, AlternateServer, Attribute, DontFragment,
    ErrorReason, EvenPort, Lifetime, MobilityTicket, RequestedAddressFamily, RequestedTransport,
    ReservationToken, XorMappedAddress, XorRelayedAddress,
};
use crate::kind::ErrorCode;
use crate::message::Message;
use crate::turn::{FiveTuple, Protocol, family};

/// How long a port is held for the second of a pair; RFC 8656 section 7.2.
//= rfc8656#7.2-10
const RESERVATION: Duration = Duration::from_secs(30);
/// Ports that are tried if the caller cannot open the first.
const TRIES: u8 = 8;

/// What a request asks for, as far as it can be had.
struct Wish {
    protocol: Protocol,
    families: Vec<AddressFamily>,
    want: Want,
    token: Option<ReservationToken>,
    mobile: bool,
    lifetime: Duration,
}

impl Server {
    pub(super) fn allocate(&mut self, now: Instant, asked: Asked, request: &Message<'_>) {
        if let Some(slot) = self.allocations.clients.get(&asked.from).copied() {
            self.allocate_again(now, &asked, slot);
            return;
        }
        if self.carriers.contains_key(&asked.from) {
            self.refuse(now, &asked, ErrorCode::ALLOCATION_MISMATCH);
            return;
        }
        match self.wish(&asked, request) {
            Ok(wish) => self.fulfil(now, asked, &wish),
            Err(ErrorCode::TRY_ALTERNATE) => self.send_elsewhere(now, &asked),
            Err(code) => self.refuse(now, &asked, code),
        }
    }

    /// A repeated request gets the answer again; another one finds the five-tuple in use.
    fn allocate_again(&mut self, now: Instant, asked: &Asked, slot: Slot) {
        let Some(allocation) = self.allocations.get(slot) else { return };
        let same = allocation.transaction == asked.id && Some(&allocation.user) == asked.user();
        match (same, allocation.opening.is_some()) {
            // The answer comes with the socket.
            (true, true) => {}
            (true, false) => self.grant_allocation(now, asked, slot),
            (false, _) => self.refuse(now, asked, ErrorCode::ALLOCATION_MISMATCH),
        }
    }

    fn wish(&self, asked: &Asked, request: &Message<'_>) -> Result<Wish, ErrorCode> {
        const BAD: ErrorCode = ErrorCode::BAD_REQUEST;
        let transport = read::<RequestedTransport>(request)?.ok_or(BAD)?;
        let protocol = match transport {
            RequestedTransport::UDP => Protocol::Udp,
            RequestedTransport::TCP if self.config.tcp => Protocol::Tcp,
            _ => return Err(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL),
        };
        let token = read::<ReservationToken>(request)?;
        let even = read::<EvenPort>(request)?;
        let requested = read::<RequestedAddressFamily>(request)?;
        let additional = read::<AdditionalAddressFamily>(request)?;
        let ticket = read::<MobilityTicket<'_>>(request)?;
        let lifetime = read::<Lifetime>(request)?.map(|lifetime| lifetime.0);
        if protocol == Protocol::Tcp {
            let udp_only = token.is_some() || even.is_some() || read::<DontFragment>(request)?.is_some();
            if udp_only || !asked.from.transport.is_reliable() {
                return Err(BAD);
            }
        }
        if token.is_some() && (even.is_some() || requested.is_some() || additional.is_some()) {
            return Err(BAD);
        }
        if requested.is_some() && additional.is_some() {
            return Err(BAD);
        }
        let family = requested.map_or(AddressFamily::Ipv4, |requested| requested.0);
        let served = self.ports.serves(family);
        let want = match even {
            None => Want::Any,
            Some(EvenPort(false)) => Want::Even,
            Some(EvenPort(true)) => Want::Pair,
        };
        let families = match additional {
            Some(AdditionalAddressFamily(AddressFamily::Ipv4)) => return Err(BAD),
            Some(_) if want == Want::Pair => return Err(BAD),
            Some(_) => vec![AddressFamily::Ipv4, AddressFamily::Ipv6],
            None if served || token.is_some() => vec![family],
            //= rfc8656#7.2-4
            //= rfc8656#7.2-5
            None => return Err(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED),
        };
        let mobile = match ticket {
            Some(MobilityTicket(ticket)) if !ticket.is_empty() => return Err(BAD),
            Some(_) if !self.config.mobility => return Err(ErrorCode::MOBILITY_FORBIDDEN),
            ticket => ticket.is_some(),
        };
        self.check_quotas(asked, want)?;
        // Only one of the client's own family may be named.
        //= rfc8489#10-1
        if self.config.alternate.is_some_and(|other| other.is_ipv4() == asked.from.client.is_ipv4()) {
            return Err(ErrorCode::TRY_ALTERNATE);
        }
        Ok(Wish { protocol, families, want, token, mobile, lifetime: self.lifetime(lifetime) })
    }

    fn check_quotas(&self, asked: &Asked, want: Want) -> Result<(), ErrorCode> {
        let Some(access) = &asked.access else { return Err(ErrorCode::UNAUTHENTICATED) };
        if access.expired {
            return Err(ErrorCode::FORBIDDEN);
        }
        let (own, wanted) =
            (self.users.get(&access.user).copied().unwrap_or(0), if want == Want::Pair { 2 } else { 1 });
        let there = self.addresses.get(&asked.from.client.ip()).copied().unwrap_or(0);
        if own + wanted > self.config.allocations_per_user || there >= self.config.allocations_per_address {
            return Err(ErrorCode::ALLOCATION_QUOTA_REACHED);
        }
        if self.allocations.len() >= self.config.allocations {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        Ok(())
    }

    /// The RFC's arithmetic: more than the default on request, up to the maximum, and never less.
    pub(super) fn lifetime(&self, wanted: Option<u32>) -> Duration {
        let wanted = wanted.map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.into()));
        wanted.min(self.config.max_lifetime).max(self.config.default_lifetime)
    }

    fn send_elsewhere(&mut self, now: Instant, asked: &Asked) {
        let Some(alternate) = self.config.alternate else { return };
        self.stats.refused += 1;
        self.answer_elsewhere(now, asked, alternate);
    }

    fn answer_elsewhere(&mut self, now: Instant, asked: &Asked, alternate: SocketAddr) {
        self.answer(now, asked, crate::kind::Class::Error, |builder| {
            builder
                .attribute(&ErrorReason::bare(ErrorCode::TRY_ALTERNATE))
                .attribute(&AlternateServer(alternate))
        });
    }

    /// Takes addresses and asks the caller for sockets.
    fn fulfil(&mut self, now: Instant, asked: Asked, wish: &Wish) {
        let (mut relays, mut missing) = (Vec::with_capacity(wish.families.len()), None);
        for wanted in wish.families.iter().copied() {
            let address = match wish.token {
                Some(token) => self.redeem(token),
                None => self.ports.take(wish.protocol, wanted, wish.want, &mut self.rng),
            };
            match address {
                Some(address) => relays.push(Relay { address, until: now + wish.lifetime, open: false }),
                None if self.ports.serves(wanted) => {
                    missing = Some((wanted, ErrorCode::INSUFFICIENT_CAPACITY));
                }
                None => missing = Some((wanted, ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED)),
            }
        }
        let (Some(user), false) = (asked.user().cloned(), relays.is_empty()) else {
            self.refuse(now, &asked, ErrorCode::INSUFFICIENT_CAPACITY);
            return;
        };
        let token = (wish.want == Want::Pair).then(|| self.reserve(now, &relays, &user)).flatten();
        *self.users.entry(user.clone()).or_default() += 1;
        *self.addresses.entry(asked.from.client.ip()).or_default() += 1;
        for relay in &relays {
            self.events.push_back(Event::Open { relayed: relay.address, protocol: wish.protocol });
        }
        let (from, transaction) = (asked.from, asked.id);
        let opening = Opening { asked, want: wish.want, lifetime: wish.lifetime, tries: TRIES };
        let slot = self.allocations.insert(Allocation {
            client: from,
            home: from.client.ip(),
            user,
            transaction,
            protocol: wish.protocol,
            relays,
            missing,
            token,
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
    }

    /// Sets the deadlines of an allocation's addresses.
    fn watch_relays(&mut self, slot: Slot) {
        let Some(allocation) = self.allocations.get(slot) else { return };
        for relay in &allocation.relays {
            self.deadlines.insert((relay.until, Deadline::Relay(slot, family(relay.address))));
        }
    }

    /// Holds the port after the even one.
    fn reserve(
        &mut self,
        now: Instant,
        relays: &[Relay],
        user: &std::sync::Arc<str>,
    ) -> Option<ReservationToken> {
        let first = relays.first()?.address;
        let address = SocketAddr::new(first.ip(), first.port().checked_add(1)?);
        let mut token = ReservationToken([0; 8]);
        rand::Rng::fill_bytes(&mut self.rng, &mut token.0);
        let until = now + RESERVATION;
        *self.users.entry(user.clone()).or_default() += 1;
        self.reservations.insert(token, Reservation { address, until, user: user.clone() });
        self.deadlines.insert((until, Deadline::Reservation(token)));
        Some(token)
    }

    /// The reserved address, whoever asks for it.
    fn redeem(&mut self, token: ReservationToken) -> Option<SocketAddr> {
        let reservation = self.reservations.remove(&token)?;
        self.deadlines.remove(&(reservation.until, Deadline::Reservation(token)));
        self.one_less(&reservation.user);
        Some(reservation.address)
    }

    /// Whether the caller could open the socket that [`Event::Open`] asked for. If not, another port is tried; after
    /// eight the client is refused.
    pub fn relay_opened(&mut self, now: Instant, relayed: SocketAddr, protocol: Protocol, success: bool) {
        let now = self.advance(now);
        let Some(slot) = self.allocations.relayed.get(&(protocol, relayed)).copied() else { return };
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        if allocation.opening.is_none() {
            return;
        }
        if success {
            allocation
                .relays
                .iter_mut()
                .filter(|relay| relay.address == relayed)
                .for_each(|relay| relay.open = true);
        } else {
            self.try_another(slot, relayed);
        }
        self.finish_opening(now, slot);
    }

    fn try_another(&mut self, slot: Slot, failed: SocketAddr) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let Some(opening) = allocation.opening.as_mut() else { return };
        opening.tries = opening.tries.saturating_sub(1);
        // The second of a pair is promised already, so the first cannot move.
        let (protocol, want) = (allocation.protocol, opening.want);
        let again = opening.tries > 0 && want != Want::Pair;
        let next = again.then(|| self.ports.take(protocol, family(failed), want, &mut self.rng)).flatten();
        // Only now, so that the same port is not tried again at once.
        self.ports.release(protocol, failed);
        self.allocations.relayed.remove(&(protocol, failed));
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        match next {
            Some(next) => {
                allocation
                    .relays
                    .iter_mut()
                    .filter(|relay| relay.address == failed)
                    .for_each(|relay| relay.address = next);
                self.allocations.relayed.insert((protocol, next), slot);
                self.events.push_back(Event::Open { relayed: next, protocol });
            }
            None => {
                let lost = allocation.relays.iter().position(|relay| relay.address == failed);
                let lost = lost.map(|at| allocation.relays.swap_remove(at));
                allocation.missing = Some((family(failed), ErrorCode::INSUFFICIENT_CAPACITY));
                if let Some(relay) = lost {
                    self.deadlines.remove(&(relay.until, Deadline::Relay(slot, family(failed))));
                }
            }
        }
    }

    /// Answers once every socket is open or has failed.
    fn finish_opening(&mut self, now: Instant, slot: Slot) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        if allocation.relays.iter().any(|relay| !relay.open) {
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
        self.watch_relays(slot);
        self.stats.allocated += 1;
        self.grant_allocation(now, &opening.asked, slot);
    }

    fn grant_allocation(&mut self, now: Instant, asked: &Asked, slot: Slot) {
        let Some(allocation) = self.allocations.get(slot) else { return };
        let addresses: Vec<SocketAddr> = allocation.relays.iter().map(|relay| relay.address).collect();
        let (missing, token) = (allocation.missing, allocation.token);
        let ticket = allocation.mobile.as_ref().map(|mobile| mobile.ticket);
        let lifetime = seconds_left(now, allocation.relays.iter().map(|relay| relay.until).max());
        let FiveTuple { client, .. } = asked.from;
        self.grant(now, asked, |mut builder| {
            for address in addresses {
                builder = builder.attribute(&XorRelayedAddress(address));
            }
            builder = builder.attribute(&Lifetime(lifetime)).attribute(&XorMappedAddress(client));
            if let Some(token) = token {
                builder = builder.attribute(&token);
            }
            if let Some(missing) =
                missing.and_then(|(family, code)| AddressErrorCode::new(family, code, "").ok())
            {
                builder = builder.attribute(&missing);
            }
            match &ticket {
                Some(ticket) => builder.attribute(&MobilityTicket(ticket)),
                None => builder,
            }
        });
    }
}

/// Whole seconds, rounded down: a client must not think an allocation longer than it is.
pub(super) fn seconds_left(now: Instant, until: Option<Instant>) -> u32 {
    let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
    u32::try_from(left.as_secs()).unwrap_or(u32::MAX)
}

/// An attribute, if it is there; a malformed one makes a bad request.
pub(super) fn read<'m, A: Attribute<'m>>(request: &Message<'m>) -> Result<Option<A>, ErrorCode> {
    request.attribute::<A>().map_err(|_| ErrorCode::BAD_REQUEST)
}
