//! Refresh; RFC 8656 section 8.2.

use std::time::Instant;

use super::allocate::{read, seconds_left};
use super::allocation::Slot;
use super::answer::Asked;
use super::{Deadline, Server};
use crate::attribute::{AddressFamily, Lifetime, MobilityTicket, RequestedAddressFamily};
use crate::kind::ErrorCode;
use crate::message::Message;
use crate::turn::family;

impl Server {
    pub(super) fn refresh(&mut self, now: Instant, asked: &Asked, request: &Message<'_>) {
        let moved = match read::<MobilityTicket<'_>>(request) {
            Ok(Some(MobilityTicket(ticket))) => self.move_client(now, asked, ticket).map(Some),
            Ok(None) => Ok(None),
            Err(code) => Err(code),
        };
        let refreshed = moved.and_then(|moved| {
            let slot = moved.map_or_else(|| self.own(asked), Ok)?;
            let only = read::<RequestedAddressFamily>(request)?.map(|only| only.0);
            let lifetime = read::<Lifetime>(request)?.map(|lifetime| lifetime.0);
            let left = self.refresh_relays(now, slot, only, lifetime)?;
            Ok((left, moved))
        });
        match refreshed {
            Ok((left, moved)) => {
                let ticket = moved.and_then(|slot| self.ticket(slot));
                self.grant(now, asked, |builder| {
                    let builder = builder.attribute(&Lifetime(left));
                    match &ticket {
                        Some(ticket) => builder.attribute(&MobilityTicket(ticket)),
                        None => builder,
                    }
                });
            }
            Err(code) => self.refuse(now, asked, code),
        }
    }

    /// The allocation on the request's five-tuple, if it is the asker's.
    //= rfc8656#5-5
    //= rfc8656#5-6
    pub(super) fn own(&self, asked: &Asked) -> Result<Slot, ErrorCode> {
        let slot = self.allocations.clients.get(&asked.from).copied();
        let open = |slot: &Slot| self.allocations.get(*slot).is_some_and(|own| own.opening.is_none());
        let slot = slot.filter(open).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        match self.allocations.get(slot) {
            Some(own) if Some(&own.user) == asked.user() => Ok(slot),
            _ => Err(ErrorCode::WRONG_CREDENTIALS),
        }
    }

    fn refresh_relays(
        &mut self,
        now: Instant,
        slot: Slot,
        only: Option<AddressFamily>,
        wanted: Option<u32>,
    ) -> Result<u32, ErrorCode> {
        let lifetime = self.lifetime(wanted);
        let Some(allocation) = self.allocations.get_mut(slot) else {
            return Err(ErrorCode::ALLOCATION_MISMATCH);
        };
        if only.is_some_and(|only| !allocation.has(only)) {
            return Err(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        let meant = |of: AddressFamily| only.is_none_or(|only| only == of);
        if wanted == Some(0) {
            for of in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
                if meant(of) {
                    self.end_relay(slot, of);
                }
            }
            return Ok(0);
        }
        let until = now + lifetime;
        for relay in allocation.relays.iter_mut().filter(|relay| meant(family(relay.address))) {
            let deadline = Deadline::Relay(slot, family(relay.address));
            self.deadlines.remove(&(relay.until, deadline));
            self.deadlines.insert((until, deadline));
            relay.until = until;
        }
        self.allocations.route(slot, |_| true);
        Ok(seconds_left(now, Some(until)))
    }
}
