//! Allocations that follow their clients (RFC 8016).
//!
//! A ticket is 128 random bits and a tag that only the server can make. It says nothing to those who read it, since all
//! that it stands for is kept here; and whoever presents one must know the user's password besides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use rand::{CryptoRng, Rng};
use sha2::Sha256;

use super::allocation::{Mobile, Slot};
use super::answer::Asked;
use super::{Deadline, Server};
use crate::integrity;
use crate::kind::ErrorCode;
use crate::server::nonce;

/// How long the last ticket is good for a repeated request; RFC 8016 section 3.2.2.
const OLD_TICKET: Duration = Duration::from_secs(30);

/// Which ticket stands for which allocation.
pub(super) struct Tickets {
    key: Hmac<Sha256>,
    known: BTreeMap<[u8; 32], Slot>,
}

impl Tickets {
    pub(super) fn new(rng: &mut impl CryptoRng) -> Self {
        Self { key: nonce::new_key(rng), known: BTreeMap::new() }
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    pub(super) fn remove(&mut self, ticket: &[u8; 32]) {
        self.known.remove(ticket);
    }

    //= rfc8016#5-2
    fn make(&mut self, slot: Slot, rng: &mut impl Rng) -> [u8; 32] {
        let mut ticket = [0; 32];
        rng.fill_bytes(&mut ticket[..16]);
        let tag = self.tag(&ticket[..16]);
        ticket[16..].copy_from_slice(&tag);
        self.known.insert(ticket, slot);
        ticket
    }

    /// The allocation of a ticket; 400 if nobody here made it, 437 if the allocation has ended.
    fn find(&self, ticket: &[u8]) -> Result<([u8; 32], Slot), ErrorCode> {
        let ticket: [u8; 32] = ticket.try_into().map_err(|_| ErrorCode::BAD_REQUEST)?;
        if !integrity::equal(&self.tag(&ticket[..16]), &ticket[16..]) {
            return Err(ErrorCode::BAD_REQUEST);
        }
        let slot = self.known.get(&ticket).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        Ok((ticket, *slot))
    }

    fn tag(&self, random: &[u8]) -> [u8; 16] {
        let mut mac = self.key.clone();
        mac.update(random);
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        tag
    }
}

impl Server {
    pub(super) fn make_mobile(&mut self, slot: Slot) {
        let ticket = self.tickets.make(slot, &mut self.rng);
        if let Some(allocation) = self.allocations.get_mut(slot) {
            allocation.mobile = Some(Box::new(Mobile { ticket, old: None, moving: None }));
        }
    }

    pub(super) fn ticket(&self, slot: Slot) -> Option<[u8; 32]> {
        self.allocations.get(slot)?.mobile.as_ref().map(|mobile| mobile.ticket)
    }

    /// A Refresh with a ticket: notes the new five-tuple and changes the ticket. The old five-tuple stays until data come
    /// on the new one.
    pub(super) fn move_client(
        &mut self,
        now: Instant,
        asked: &Asked,
        ticket: &[u8],
    ) -> Result<Slot, ErrorCode> {
        if !self.config.mobility {
            return Err(ErrorCode::MOBILITY_FORBIDDEN);
        }
        let (ticket, slot) = self.tickets.find(ticket)?;
        let allocation = self.allocations.get(slot).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if Some(&allocation.user) != asked.user() {
            return Err(ErrorCode::WRONG_CREDENTIALS);
        }
        let mobile = allocation.mobile.as_ref().ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if let Some((old, transaction, _)) = mobile.old
            && old == ticket
        {
            // Only the request that changed it may use it again.
            let again = transaction == asked.id && mobile.moving == Some(asked.from);
            return if again { Ok(slot) } else { Err(ErrorCode::BAD_REQUEST) };
        }
        if allocation.client == asked.from {
            return Err(ErrorCode::BAD_REQUEST);
        }
        let taken = self.allocations.clients.get(&asked.from).is_some_and(|other| *other != slot);
        if taken || self.carriers.contains_key(&asked.from) {
            return Err(ErrorCode::ALLOCATION_MISMATCH);
        }
        self.forget_old_ticket(slot);
        let new = self.tickets.make(slot, &mut self.rng);
        let until = now + OLD_TICKET;
        self.deadlines.insert((until, Deadline::OldTicket(slot)));
        let mobile = self.allocations.get_mut(slot).and_then(|allocation| allocation.mobile.as_mut());
        if let Some(mobile) = mobile {
            mobile.old = Some((ticket, asked.id, until));
            mobile.ticket = new;
            if let Some(before) = mobile.moving.replace(asked.from) {
                self.allocations.clients.remove(&before);
            }
        }
        self.allocations.clients.insert(asked.from, slot);
        Ok(slot)
    }

    /// Data came from `from`: if a client said that it has gone there, it has now. Says whether so.
    //= rfc8016#3.2.2-5
    pub(super) fn arrives(&mut self, from: crate::turn::FiveTuple) -> bool {
        let Some(slot) = self.allocations.clients.get(&from).copied() else { return false };
        let mobile = self.allocations.get(slot).and_then(|allocation| allocation.mobile.as_ref());
        let moves = mobile.is_some_and(|mobile| mobile.moving == Some(from));
        if moves {
            self.allocations.settle(slot);
        }
        moves
    }

    pub(super) fn forget_old_ticket(&mut self, slot: Slot) {
        let mobile = self.allocations.get_mut(slot).and_then(|allocation| allocation.mobile.as_mut());
        if let Some((ticket, _, until)) = mobile.and_then(|mobile| mobile.old.take()) {
            self.tickets.remove(&ticket);
            self.deadlines.remove(&(until, Deadline::OldTicket(slot)));
        }
    }
}
