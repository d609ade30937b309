//! A TURN client, RFC 8656: one allocation on one server, kept alive until it is given back.

mod allocate;
mod bind;
mod config;
mod connect;
mod data;
mod event;
mod mobility;
mod peers;
mod permission;
mod refresh;
mod request;
mod response;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, RngExt, SeedableRng};

pub use config::{ClientConfig, Port, Wanted};
pub use data::Sealed;
pub use event::{
    Advice, AllocateError, Allocated, Event, Failure, Input, Loss, PeerError, Reason, SendError, Stats,
    Transmit,
};

use crate::attribute::ConnectionId;
use crate::estimate::RoundTrips;
use crate::session::Session;
use crate::transaction::Transactions;
use crate::turn::ChannelNumber;
use peers::{Channel, Permission};
use request::{Ask, Pending};

/// Holds an allocation on a server, and relays through it: a machine that is told the time and the messages.
///
/// Refreshes, permissions and channels are renewed by themselves. Messages of a stream are handed in and out one by one;
/// the caller finds their ends.
pub struct Client {
    config: ClientConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    /// Whom we ask; changes when the server sends us to another.
    server: SocketAddr,
    /// The name for which that server's certificate is to be checked, if a redirection has named one.
    domain: Option<String>,
    session: Session,
    transactions: Transactions<Pending>,
    round_trips: RoundTrips,
    state: State,
    /// Until when the server is to be left alone; without an end, for good.
    barred: Option<Option<Instant>>,
    permissions: BTreeMap<IpAddr, Permission>,
    channels: BTreeMap<ChannelNumber, Channel>,
    numbers: BTreeMap<SocketAddr, ChannelNumber>,
    next_number: ChannelNumber,
    /// Connections that are under way or can be joined: the peer, and until when.
    connections: BTreeMap<ConnectionId, (SocketAddr, Instant)>,
    /// Peers that could not be connected to, and until when they are left alone.
    unreachable: BTreeMap<SocketAddr, Instant>,
    events: VecDeque<Event>,
    /// The first deadline of all but the transactions; kept right by `reschedule`.
    next: Option<Instant>,
    scratch: Vec<u8>,
    stats: Stats,
}

/// RFC 8656 has no diagram: an allocation is asked for, there, given back.
enum State {
    /// Nothing was asked for, or it failed, or is gone.
    Idle,
    /// Asked for; the servers that have been asked.
    Allocating { visited: Vec<SocketAddr> },
    /// There.
    Allocated(Own),
    /// Given back; the answer is awaited. Then either everything ends, or only the allocation.
    Releasing { closing: bool },
    /// Nothing will ever come out again.
    Closed,
}

/// The allocation that we have.
struct Own {
    relayed: Vec<SocketAddr>,
    until: Instant,
    /// When to refresh it; none while that is under way.
    refresh: Option<Instant>,
    ticket: Option<Vec<u8>>,
    /// Waits for the server to accept our new address.
    moving: bool,
}

/// How long a goodbye is repeated.
const GOODBYES: u32 = 3;

impl Client {
    /// A client that has asked for nothing. `rng` seeds the client's own generator.
    pub fn new(config: ClientConfig, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let span = ChannelNumber::LAST.number() - ChannelNumber::FIRST.number() + 1;
        // Anywhere, so that a client that begins anew from the same port seldom meets its own old channels.
        let first = ChannelNumber::FIRST.number() + rng.random_range(0..span);
        Self {
            server: config.server,
            rng,
            now: None,
            domain: None,
            session: Session::Nothing,
            transactions: Transactions::new(),
            round_trips: RoundTrips::default(),
            state: State::Idle,
            barred: None,
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
            numbers: BTreeMap::new(),
            next_number: ChannelNumber::new(first).unwrap_or(ChannelNumber::FIRST),
            connections: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            events: VecDeque::new(),
            next: None,
            scratch: Vec::new(),
            stats: Stats::default(),
            config,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        while let Some((_, transaction)) = self.transactions.expire(now) {
            self.unanswered(now, transaction.tag);
        }
        if let State::Allocated(own) = &self.state {
            if own.until <= now {
                self.lose(Loss::TimedOut);
            } else if own.refresh.is_some_and(|due| due <= now) {
                self.start_refresh(now);
            }
        }
        self.renew_permissions(now);
        self.renew_channels(now);
        self.connections.retain(|_, (_, until)| now < *until);
        self.unreachable.retain(|_, until| now < *until);
        self.reschedule();
    }

    /// Appends the next message to `out`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let (pending, len, again) = self.transactions.send(now, out)?;
        self.stats.retransmissions += u64::from(again);
        let connection = if let Ask::Join(connection) = pending.ask { Some(connection) } else { None };
        Some(Transmit { len, destination: self.server, connection, ecn: 0, dscp: 0 })
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Client::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.transactions.next_deadline(), self.next].into_iter().flatten().min()
    }

    /// Gives the allocation back, and falls silent when the server has confirmed it or does not answer.
    //= rfc8656#8-2
    pub fn close(&mut self, now: Instant) {
        let now = self.advance(now);
        match &mut self.state {
            State::Allocated(_) => self.release(now, true),
            State::Releasing { closing } => *closing = true,
            State::Idle | State::Allocating { .. } | State::Closed => self.fall_silent(),
        }
        self.reschedule();
    }

    /// Whether nothing will ever come out again.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whom we ask.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The name for which the server's certificate is to be checked, if the redirection to it has named one; else it is the
    /// name for which the first server's was. For callers that carry the messages over TLS or DTLS.
    //= rfc8489#10-6
    pub fn alternate_domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Octets in front of a payload that always suffice for [`Client::seal`].
    pub const fn headroom(&self) -> usize {
        crate::turn::HEADROOM
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn fall_silent(&mut self) {
        self.forget();
        self.events.clear();
        self.state = State::Closed;
    }

    /// Everything that hangs on an allocation goes with it.
    fn forget(&mut self) {
        self.transactions.clear();
        self.permissions.clear();
        self.channels.clear();
        self.numbers.clear();
        self.connections.clear();
        self.unreachable.clear();
    }

    fn lose(&mut self, loss: Loss) {
        self.forget();
        self.state = State::Idle;
        self.tell(Event::Lost(loss));
    }

    /// Adds an event; one about the same thing that nobody has taken makes way. So the queue is bounded by the tables,
    /// and by the number of connections and peers of which the network speaks.
    fn tell(&mut self, event: Event) {
        let limit = self.config.permissions.max(16);
        let about = |event: &Event| matches!(event, Event::Icmp { .. });
        let connections = &self.connections;
        self.events.retain(|older| match older {
            // The server has hung up on those that nobody came for.
            Event::Connected { connection, .. } if !connections.contains_key(connection) => false,
            older => !event.replaces(older),
        });
        if about(&event) && self.events.iter().filter(|older| about(older)).count() >= limit {
            return;
        }
        self.events.push_back(event);
    }

    /// The first of all deadlines, but for those of the transactions.
    fn reschedule(&mut self) {
        let own = match &self.state {
            State::Allocated(own) => [Some(own.until), own.refresh],
            _ => [None, None],
        };
        let permissions = self.permissions.values().filter_map(Permission::deadline);
        let channels = self.channels.values().filter_map(Channel::deadline);
        let connections = self.connections.values().map(|(_, until)| *until);
        let unreachable = self.unreachable.values().copied();
        let peers = permissions.chain(channels).chain(connections).chain(unreachable);
        self.next = own.into_iter().flatten().chain(peers).min();
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// A moment far enough before the end of what lasts for `lifetime`: a minute, or half of what is short.
fn early(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(Duration::from_secs(60)).max(lifetime / 2)
}
