//! TCP to peers, from the client's side; RFC 6062 section 4.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::event::{Event, Input, PeerError};
use super::request::Ask;
use super::response::Outcome;
use super::{Client, State};
use crate::attribute::{ConnectionId, XorPeerAddress};
use crate::kind::Class;
use crate::message::Message;
use crate::turn::Protocol;

/// How long a connection waits for us at the server; RFC 6062 section 5.2.
const WAIT: Duration = Duration::from_secs(30);

impl Client {
    /// Asks the server to connect to a peer. What comes of it is [`Event::Connected`] or [`Event::NotConnected`].
    ///
    /// # Errors
    /// See [`PeerError`]; one request for the same peer at a time.
    pub fn connect(&mut self, now: Instant, peer: SocketAddr) -> Result<(), PeerError> {
        let now = self.advance(now);
        self.check_family(peer.ip())?;
        if self.protocol() != Protocol::Tcp {
            return Err(PeerError::NotAllocated);
        }
        let limit = self.config.connections;
        let under_way =
            self.transactions.tags().filter(|pending| matches!(pending.ask, Ask::Connect(_))).count();
        let same = self.transactions.tags().any(|pending| pending.ask == Ask::Connect(peer));
        if same || under_way + self.connections.len() >= limit {
            return Err(PeerError::WouldBlock { limit });
        }
        self.ask(now, Ask::Connect(peer));
        self.reschedule();
        Ok(())
    }

    /// The caller has connected to the server once more, from another port: that connection is to carry the peer's
    /// data. The request goes there ([`super::Transmit::connection`]), and what comes there goes to
    /// [`Client::handle_connection_input`] until [`Event::Joined`]. Returns whether the connection is known.
    pub fn bind_connection(&mut self, now: Instant, connection: ConnectionId) -> bool {
        let now = self.advance(now);
        let known =
            matches!(self.state, State::Allocated(_)) && self.connections.remove(&connection).is_some();
        if known {
            self.ask(now, Ask::Join(connection));
        }
        self.reschedule();
        known
    }

    /// A message came in on a connection that is to carry a peer's data.
    pub fn handle_connection_input<'d>(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        message: &'d mut [u8],
    ) -> Input<'d> {
        let now = self.advance(now);
        let Ok(parsed) = Message::parse(message) else { return Input::NotMine };
        let own = self.transactions.find(parsed.transaction_id());
        let meant = own.is_some_and(|own| own.tag.ask == Ask::Join(connection));
        if !meant || !matches!(parsed.class(), Class::Success | Class::Error) {
            return Input::NotMine;
        }
        self.handle_response(now, &parsed)
    }

    pub(super) fn connect_answered(&mut self, now: Instant, peer: SocketAddr, outcome: Outcome<'_>) {
        let connection = match &outcome {
            Outcome::Success(message) => message.attribute::<ConnectionId>().ok().flatten(),
            _ => None,
        };
        match connection {
            Some(connection) => {
                self.connections.insert(connection, (peer, now + WAIT));
                self.tell(Event::Connected { peer, connection });
            }
            None => self.tell(Event::NotConnected { peer, code: outcome.code() }),
        }
    }

    /// A peer has connected to our relayed address.
    pub(super) fn connection_attempted(&mut self, now: Instant, message: &Message<'_>) {
        let peer = message.attribute::<XorPeerAddress>().ok().flatten();
        let connection = message.attribute::<ConnectionId>().ok().flatten();
        let (Some(XorPeerAddress(peer)), Some(connection)) = (peer, connection) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let permitted = self.permissions.get(&peer.ip()).is_some_and(|own| own.holds(now) || own.pending);
        // Beyond the limit the peer waits in vain: the server hangs up after half a minute.
        if !permitted || self.connections.len() >= self.config.connections {
            self.stats.dropped_permission += 1;
            return;
        }
        self.connections.insert(connection, (peer, now + WAIT));
        self.tell(Event::Connected { peer, connection });
        self.reschedule();
    }

    pub(super) fn join_answered(&mut self, connection: ConnectionId, outcome: Outcome<'_>) {
        self.tell(match outcome {
            Outcome::Success(_) => Event::Joined(connection),
            outcome => Event::NotJoined { connection, code: outcome.code() },
        });
    }
}
