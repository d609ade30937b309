//! How things end: by time, by request, by a lost connection.

use std::sync::Arc;
use std::time::Instant;

use super::allocation::Slot;
use super::{Deadline, Event, Server};
use crate::attribute::AddressFamily;
use crate::turn::{FiveTuple, Protocol, family};

impl Server {
    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        while let Some((due, deadline)) = self.deadlines.first().copied().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&(due, deadline));
            match deadline {
                Deadline::Relay(slot, family) => self.end_relay(slot, family),
                Deadline::Reservation(token) => {
                    if let Some(reservation) = self.reservations.remove(&token) {
                        self.events.push_back(Event::Close {
                            relayed: reservation.address,
                            protocol: Protocol::Udp,
                        });
                        self.one_less(&reservation.user);
                    }
                }
                Deadline::Connection(connection) => self.connection_timed_out(now, connection),
                Deadline::OldTicket(slot) => self.forget_old_ticket(slot),
            }
        }
    }

    /// The client's connection is gone, and what was on it. An allocation that can move waits for its client.
    pub fn handle_disconnect(&mut self, now: Instant, client: FiveTuple) {
        self.advance(now);
        if let Some(connection) = self.carriers.remove(&client) {
            self.drop_connection(connection);
        }
        let Some(slot) = self.allocations.clients.get(&client).copied() else { return };
        let Some(allocation) = self.allocations.get(slot) else { return };
        match &allocation.mobile {
            Some(mobile) if mobile.moving.is_some() && allocation.client == client => {
                self.allocations.settle(slot);
            }
            Some(_) => {}
            None => self.end(slot),
        }
    }

    /// Ends one of an allocation's addresses, and with the last one the allocation.
    //= rfc8656#8.1-2
    pub(super) fn end_relay(&mut self, slot: Slot, ends: AddressFamily) {
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        let Some(at) = allocation.relays.iter().position(|relay| family(relay.address) == ends) else {
            return;
        };
        if allocation.relays.len() == 1 {
            self.end(slot);
            return;
        }
        self.allocations.unbind(slot, |channel| family(channel.peer) == ends);
        let Some(allocation) = self.allocations.get_mut(slot) else { return };
        allocation.permissions.retain(|ip, _| ip.is_ipv4() != (ends == AddressFamily::Ipv4));
        let (relay, protocol) = (allocation.relays.swap_remove(at), allocation.protocol);
        self.deadlines.remove(&(relay.until, Deadline::Relay(slot, ends)));
        self.allocations.relayed.remove(&(protocol, relay.address));
        self.events.push_back(Event::Close { relayed: relay.address, protocol });
        self.drop_connections(slot, Some(ends));
    }

    /// Ends an allocation and everything that hangs on it.
    pub(super) fn end(&mut self, slot: Slot) {
        self.drop_connections(slot, None);
        self.forget_old_ticket(slot);
        let Some(allocation) = self.allocations.remove(slot) else { return };
        for relay in &allocation.relays {
            self.deadlines.remove(&(relay.until, Deadline::Relay(slot, family(relay.address))));
            self.events.push_back(Event::Close { relayed: relay.address, protocol: allocation.protocol });
        }
        // The second of a pair that nobody has been promised yet.
        if let Some(relayed) = allocation.opening.as_ref().and_then(|opening| opening.second()) {
            self.events.push_back(Event::Close { relayed, protocol: allocation.protocol });
            self.one_less(&allocation.user);
        }
        if let Some(mobile) = &allocation.mobile {
            self.tickets.remove(&mobile.ticket);
        }
        self.one_less(&allocation.user);
        let ip = allocation.home;
        if let Some(count) = self.addresses.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&ip);
            }
        }
    }

    /// A user has one allocation or reservation less.
    pub(super) fn one_less(&mut self, user: &Arc<str>) {
        let account = self.config.users.account(user);
        if let Some(count) = self.users.get_mut(account) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(account);
            }
        }
    }
}
