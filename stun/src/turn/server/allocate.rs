//! Allocate; RFC 8656 sections 7.2 and RFC 6062 section 5.1. The checks stand in the RFC's order.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Server;
use super::allocation::Slot;
use super::answer::Asked;
use super::ports::Want;
use crate::attribute::{
    AdditionalAddressFamily, AddressErrorCode, AddressFamily, AlternateServer, Attribute, DontFragment,
    ErrorReason, EvenPort, Lifetime, MobilityTicket, RequestedAddressFamily, RequestedTransport,
    ReservationToken, XorMappedAddress, XorRelayedAddress,
};
use crate::kind::ErrorCode;
use crate::message::Message;
use crate::turn::{FiveTuple, Protocol};

/// What a request asks for, as far as it can be had.
pub(super) struct Wish {
    pub(super) protocol: Protocol,
    pub(super) families: Vec<AddressFamily>,
    pub(super) want: Want,
    pub(super) token: Option<ReservationToken>,
    pub(super) mobile: bool,
    pub(super) lifetime: Duration,
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
        let own = self.users.get(self.config.users.account(&access.user)).copied().unwrap_or(0);
        let wanted = if want == Want::Pair { 2 } else { 1 };
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

    pub(super) fn grant_allocation(&mut self, now: Instant, asked: &Asked, slot: Slot) {
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
