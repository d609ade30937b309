//! A TURN server, RFC 8656: a machine that is told the time, the messages, and what becomes of its sockets.

mod allocate;
mod allocation;
mod answer;
mod authenticate;
mod bind;
mod config;
mod connect;
mod connections;
mod end;
mod event;
mod icmp;
mod mobility;
mod open;
mod permission;
mod ports;
mod refresh;
mod relay;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, Rng, SeedableRng};

pub use config::{RelayRange, ServerConfig};
pub use event::{Event, Input, Inward, Outward, Stats, Transmit};

use crate::attribute::{ConnectionId, ReservationToken, UnknownAttributes, XorMappedAddress};
use crate::kind::{AttributeType, Class, Method};
use crate::message::Message;
use crate::server::allowance::Allowance;
use crate::server::answers::Answers;
use crate::server::authenticate::LongTerm;
use crate::server::keyed::Keyed;
use crate::turn::{ChannelNumber, FiveTuple, is_channel_data};
use allocation::{Allocations, Slot};
use answer::{Asked, UNDERSTOOD};
use connections::Connections;
use ports::Ports;

/// Relays between clients and peers: told the time, the messages and what its sockets do, it says what to send and which
/// sockets to open and close.
///
/// Datagrams to and from peers go through [`Server::handle_input`] and [`Server::handle_peer_input`]; each is one look-up,
/// and the payload stays where it is.
pub struct Server {
    config: ServerConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    software: Arc<str>,
    keyed: Keyed,
    long_term: LongTerm,
    allowance: Allowance,
    answers: Answers,
    allocations: Allocations,
    ports: Ports,
    reservations: BTreeMap<ReservationToken, open::Reservation>,
    connections: Connections,
    /// Clients' connections that carry data.
    carriers: BTreeMap<FiveTuple, ConnectionId>,
    tickets: mobility::Tickets,
    users: BTreeMap<Arc<str>, usize>,
    addresses: BTreeMap<IpAddr, usize>,
    deadlines: BTreeSet<(Instant, Deadline)>,
    events: VecDeque<Event>,
    /// A header that is being written; kept, so that none is allocated.
    scratch: Vec<u8>,
    stats: Stats,
    closed: bool,
}

/// What ends at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    Relay(Slot, crate::attribute::AddressFamily),
    Reservation(ReservationToken),
    Connection(ConnectionId),
    OldTicket(Slot),
}

impl Server {
    /// A server without allocations. `rng` seeds the server's own generator.
    pub fn new(config: ServerConfig, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let keyed = Keyed::new(&mut rng);
        Self {
            now: None,
            software: config.software.as_str().into(),
            long_term: LongTerm::new(&config.users, config.nonce_lifetime, &mut rng),
            allowance: Allowance::new(config.unauthenticated),
            answers: Answers::new(config.waiting),
            allocations: Allocations::new(&keyed),
            ports: Ports::new(&config.relays),
            reservations: BTreeMap::new(),
            connections: Connections::default(),
            carriers: BTreeMap::new(),
            tickets: mobility::Tickets::new(&mut rng),
            users: BTreeMap::new(),
            addresses: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            events: VecDeque::new(),
            scratch: Vec::new(),
            stats: Stats::default(),
            closed: false,
            keyed,
            rng,
            config,
        }
    }

    /// Mixes fresh randomness into the generator and takes a new key for nonces; those given out stay good until the
    /// call after the next. A server that runs for long is told so every hour or so.
    pub fn reseed(&mut self, rng: &mut impl CryptoRng) {
        let (mut fresh, mut own) = ([0; 32], [0; 32]);
        rng.fill_bytes(&mut fresh);
        self.rng.fill_bytes(&mut own);
        fresh.iter_mut().zip(own).for_each(|(octet, own)| *octet ^= own);
        self.rng = ChaCha20Rng::from_seed(fresh);
        self.long_term.rotate(&mut self.rng);
    }

    /// Says what time it is by the calendar, in seconds since 1970: passwords made with a shared secret end by it.
    pub fn set_unix_time(&mut self, now: Instant, unix: u64) {
        let now = self.advance(now);
        self.long_term.set_unix_time(now, unix);
    }

    /// A message came in from a client: one datagram, or one message of a stream with its padding.
    pub fn handle_input<'d>(&mut self, now: Instant, from: FiveTuple, message: &'d mut [u8]) -> Input<'d> {
        let now = self.advance(now);
        if self.closed {
            return Input::Consumed;
        }
        if is_channel_data(message)
            || (self.config.rfc5766_channels && matches!(message.first(), Some(0x50..=0x7f)))
        {
            return self.relay_channel_data(now, from, message);
        }
        let Ok(parsed) = Message::parse(message) else { return Input::NotMine };
        match (parsed.class(), parsed.method()) {
            (Class::Request, Method::BINDING) => self.bind_address(now, from, &parsed),
            (Class::Request, method) if is_ours(method) => self.handle_request(now, from, &parsed),
            (Class::Indication, Method::SEND) => return self.relay_indication(now, from, message),
            // A keep-alive.
            (Class::Indication, Method::BINDING) => {}
            _ => return Input::NotMine,
        }
        Input::Consumed
    }

    fn handle_request(&mut self, now: Instant, from: FiveTuple, request: &Message<'_>) {
        let Some(asked) = self.authenticate(now, from, request) else { return };
        if let Some(unknown) = self.unknown(request) {
            self.refuse_attributes(now, &asked, &unknown);
            return;
        }
        match asked.method {
            Method::ALLOCATE => self.allocate(now, asked, request),
            Method::REFRESH => self.refresh(now, &asked, request),
            Method::CREATE_PERMISSION => self.create_permission(now, &asked, request),
            Method::CHANNEL_BIND => self.bind_channel(now, &asked, request),
            Method::CONNECT => self.connect(now, asked, request),
            _ => self.bind_connection(now, &asked, request),
        }
    }

    /// The plain STUN request, which needs no password; RFC 8489 section 3.
    fn bind_address(&mut self, now: Instant, from: FiveTuple, request: &Message<'_>) {
        let asked = Asked::new(from, request);
        match self.unknown(request) {
            Some(unknown) => self.refuse_attributes(now, &asked, &unknown),
            None => self.grant(now, &asked, |builder| builder.attribute(&XorMappedAddress(from.client))),
        }
    }

    /// What must be understood and is not.
    fn unknown(&self, request: &Message<'_>) -> Option<UnknownAttributes> {
        let unsettable = |kind| kind == AttributeType::DONT_FRAGMENT && !self.config.dont_fragment;
        let kinds = request.attributes().map(|raw| raw.attribute_type);
        let unknown = UnknownAttributes::new(kinds.filter(|kind| {
            kind.comprehension_required() && (!UNDERSTOOD.contains(kind) || unsettable(*kind))
        }));
        let some = unknown.iter().next().is_some();
        some.then_some(unknown)
    }

    /// Appends the next message for a client to `out`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        let (to, len) = self.answers.pop(out)?;
        Some(Transmit { len, to, ecn: 0, dscp: 0 })
    }

    /// What the caller is to do with its sockets. At most one event waits for each address, and where 4096 wait there are
    /// no new connections, so that an undrained queue does not grow for ever.
    ///
    /// Send what [`Server::poll_transmit`] has first: [`Event::Join`] follows an answer.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Close { relayed, protocol } = event {
            // Until now the socket may be open, so nobody else could have the address.
            self.ports.release(protocol, relayed);
        }
        Some(event)
    }

    /// When to call [`Server::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Forgets everything and falls silent; the caller closes its sockets.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.closed = true;
        self.answers.clear();
        self.allocations = Allocations::new(&self.keyed);
        self.reservations.clear();
        self.connections.clear();
        self.carriers.clear();
        self.tickets.clear();
        self.users.clear();
        self.addresses.clear();
        self.deadlines.clear();
        self.events.clear();
        self.ports = Ports::new(&self.config.relays);
    }

    /// Whether [`Server::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is an allocation on a five-tuple, or it carries a peer's data.
    pub fn has_allocation(&self, client: FiveTuple) -> bool {
        self.allocations.clients.contains_key(&client) || self.carriers.contains_key(&client)
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        Stats { allocations: self.allocations.len(), ..self.stats }
    }

    /// Which numbers channels may have.
    fn channel_numbers(&self) -> fn(u16) -> Option<ChannelNumber> {
        if self.config.rfc5766_channels { ChannelNumber::of_rfc_5766 } else { ChannelNumber::new }
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

fn is_ours(method: Method) -> bool {
    matches!(
        method,
        Method::ALLOCATE
            | Method::REFRESH
            | Method::CREATE_PERMISSION
            | Method::CHANNEL_BIND
            | Method::CONNECT
            | Method::CONNECTION_BIND
    )
}
