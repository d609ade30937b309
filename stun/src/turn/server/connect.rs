//! TCP to peers; RFC 6062 sections 5.2 to 5.5.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;

use super::allocate::read;
use super::allocation::Slot;
use super::answer::Asked;
use super::{Deadline, Event, Server};
use crate::attribute::{AddressFamily, ConnectionId, XorPeerAddress};
use crate::build::MessageBuilder;
use crate::kind::{Class, ErrorCode, MessageType, Method, TransactionId};
use crate::message::Message;
use crate::turn::{FiveTuple, Protocol, family};

/// How long connecting may take, and how long a connection waits for its client.
const WAIT: Duration = Duration::from_secs(30);

/// Events that may wait for the caller before there are no more connections: each brings some.
const UNHEARD: usize = 4096;

/// A connection between a relayed address and a peer.
pub(super) struct Connection {
    pub(super) slot: Slot,
    peer: SocketAddr,
    state: State,
}

enum State {
    /// The caller is at it; the client waits for an answer.
    Connecting { asked: Box<Asked>, until: Instant },
    /// Waits for a client's connection.
    Waiting { until: Instant },
    /// Carries data.
    Joined { client: FiveTuple },
}

impl State {
    fn until(&self) -> Option<Instant> {
        match self {
            Self::Connecting { until, .. } | Self::Waiting { until } => Some(*until),
            Self::Joined { .. } => None,
        }
    }
}

impl Server {
    /// Connect: asks the caller for a connection; the answer comes with it.
    pub(super) fn connect(&mut self, now: Instant, asked: Asked, request: &Message<'_>) {
        match self.may_connect(&asked, request) {
            Ok((slot, peer, relayed)) => {
                let until = now + WAIT;
                let state = State::Connecting { asked: Box::new(asked), until };
                let connection = self.add_connection(Connection { slot, peer, state });
                self.events.push_back(Event::Connect { connection, relayed, peer });
            }
            Err(code) => self.refuse(now, &asked, code),
        }
    }

    fn may_connect(
        &self,
        asked: &Asked,
        request: &Message<'_>,
    ) -> Result<(Slot, SocketAddr, SocketAddr), ErrorCode> {
        let slot = self.own(asked)?;
        let peer = read::<XorPeerAddress>(request)?.ok_or(ErrorCode::BAD_REQUEST)?.0;
        let allocation = self.allocations.get(slot).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if peer.port() == 0 || allocation.protocol != Protocol::Tcp {
            return Err(ErrorCode::BAD_REQUEST);
        }
        self.check_peer(slot, peer)?;
        if self.connections.of(slot).any(|(_, connection)| connection.peer == peer) {
            return Err(ErrorCode::CONNECTION_ALREADY_EXISTS);
        }
        self.check_connections(slot)?;
        let relay = allocation.relay(family(peer)).ok_or(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH)?;
        Ok((slot, peer, relay.address))
    }

    fn check_connections(&self, slot: Slot) -> Result<(), ErrorCode> {
        if self.events.len() < UNHEARD && self.connections.of(slot).count() < self.config.connections {
            Ok(())
        } else {
            Err(ErrorCode::INSUFFICIENT_CAPACITY)
        }
    }

    fn add_connection(&mut self, connection: Connection) -> ConnectionId {
        let mut id = ConnectionId(self.rng.next_u32());
        while self.connections.get(id).is_some() {
            id = ConnectionId(self.rng.next_u32());
        }
        if let Some(until) = connection.state.until() {
            self.deadlines.insert((until, Deadline::Connection(id)));
        }
        self.connections.insert(id, connection);
        id
    }

    /// Whether the connection that [`Event::Connect`] asked for came about.
    pub fn connected(&mut self, now: Instant, connection: ConnectionId, success: bool) {
        let now = self.advance(now);
        let Some(found) = self.connections.get_mut(connection) else { return };
        let State::Connecting { until, .. } = &found.state else { return };
        self.deadlines.remove(&(*until, Deadline::Connection(connection)));
        let until = now + WAIT;
        let before = std::mem::replace(&mut found.state, State::Waiting { until });
        let State::Connecting { asked, .. } = before else { return };
        if success {
            self.deadlines.insert((until, Deadline::Connection(connection)));
            self.grant(now, &asked, |builder| builder.attribute(&connection));
        } else {
            self.connections.remove(connection);
            self.refuse(now, &asked, ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE);
        }
    }

    /// A peer has connected to a relayed address: the connection's name, or `None` if it is to be closed at once. Read
    /// nothing from it before [`Event::Join`].
    pub fn handle_connection(
        &mut self,
        now: Instant,
        relayed: SocketAddr,
        peer: SocketAddr,
    ) -> Option<ConnectionId> {
        let now = self.advance(now);
        let slot = self.allocations.relayed.get(&(Protocol::Tcp, relayed)).copied()?;
        let allocation = self.allocations.get(slot)?;
        let to = allocation.client;
        if !allocation.permits(now, peer.ip()) || self.check_connections(slot).is_err() {
            self.stats.dropped_permission += 1;
            return None;
        }
        let until = now + WAIT;
        let connection = self.add_connection(Connection { slot, peer, state: State::Waiting { until } });
        let id = TransactionId::random(&mut self.rng);
        let write = |out: &mut Vec<u8>| {
            let message_type = MessageType::new(Method::CONNECTION_ATTEMPT, Class::Indication);
            let builder = MessageBuilder::new(out, message_type, id);
            let finished = builder.attribute(&connection).attribute(&XorPeerAddress(peer)).finish();
            debug_assert!(finished.is_ok(), "two short attributes fit");
        };
        if !self.answers.push(to, write, |_| true) {
            self.stats.dropped_answers += 1;
        }
        Some(connection)
    }

    /// ConnectionBind: this connection of the client's is to carry a peer's data.
    pub(super) fn bind_connection(&mut self, now: Instant, asked: &Asked, request: &Message<'_>) {
        match self.may_bind(asked, request) {
            Ok(connection) => {
                let client = asked.from;
                if let Some(found) = self.connections.get_mut(connection) {
                    if let Some(until) = found.state.until() {
                        self.deadlines.remove(&(until, Deadline::Connection(connection)));
                    }
                    found.state = State::Joined { client };
                }
                self.carriers.insert(client, connection);
                self.grant(now, asked, |builder| builder);
                self.events.push_back(Event::Join { connection, client });
            }
            Err(code) => self.refuse(now, asked, code),
        }
    }

    fn may_bind(&self, asked: &Asked, request: &Message<'_>) -> Result<ConnectionId, ErrorCode> {
        const BAD: ErrorCode = ErrorCode::BAD_REQUEST;
        let used =
            self.allocations.clients.contains_key(&asked.from) || self.carriers.contains_key(&asked.from);
        if used || !asked.from.transport.is_reliable() {
            return Err(BAD);
        }
        let connection = read::<ConnectionId>(request)?.ok_or(BAD)?;
        let found = self.connections.get(connection).ok_or(BAD)?;
        if !matches!(found.state, State::Waiting { .. }) {
            return Err(BAD);
        }
        match self.allocations.get(found.slot) {
            Some(own) if Some(&own.user) == asked.user() => Ok(connection),
            _ => Err(ErrorCode::WRONG_CREDENTIALS),
        }
    }

    /// The peer's connection is gone.
    pub fn handle_peer_disconnect(&mut self, now: Instant, connection: ConnectionId) {
        self.advance(now);
        let Some(found) = self.connections.remove(connection) else { return };
        if let Some(until) = found.state.until() {
            self.deadlines.remove(&(until, Deadline::Connection(connection)));
        }
        if let State::Joined { client } = found.state {
            self.carriers.remove(&client);
            self.events.push_back(Event::Hangup { client });
        }
    }

    pub(super) fn connection_timed_out(&mut self, now: Instant, connection: ConnectionId) {
        let Some(found) = self.connections.remove(connection) else { return };
        self.events.push_back(Event::Disconnect { connection });
        if let State::Connecting { asked, .. } = found.state {
            self.refuse(now, &asked, ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE);
        }
    }

    /// The client's side of a connection is gone: so is the peer's.
    pub(super) fn drop_connection(&mut self, connection: ConnectionId) {
        let Some(found) = self.connections.remove(connection) else { return };
        if let Some(until) = found.state.until() {
            self.deadlines.remove(&(until, Deadline::Connection(connection)));
        }
        self.events.push_back(Event::Disconnect { connection });
    }

    /// The allocation, or one of its addresses, has ended: so have its connections.
    pub(super) fn drop_connections(&mut self, slot: Slot, only: Option<AddressFamily>) {
        let meant = |found: &Connection| only.is_none_or(|only| only == family(found.peer));
        let own = self.connections.of(slot).filter(|(_, found)| meant(found));
        let ends: Vec<ConnectionId> = own.map(|(id, _)| id).collect();
        for connection in ends {
            if let Some(State::Joined { client }) = self.connections.get(connection).map(|found| &found.state)
            {
                let client = *client;
                self.carriers.remove(&client);
                self.events.push_back(Event::Hangup { client });
            }
            self.drop_connection(connection);
        }
    }
}
