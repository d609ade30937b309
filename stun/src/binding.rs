//! A client that asks servers for its own address.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};

use crate::attribute::{AlternateServer, ErrorReason, MappedAddress, Username, XorMappedAddress};
use crate::build::MessageBuilder;
use crate::estimate::RoundTrips;
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, Class, ErrorCode, MessageType, Method, TransactionId};
use crate::message::Message;
use crate::rto::Schedule;
use crate::transaction::Transactions;

/// How a [`BindingClient`] asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BindingConfig {
    /// When requests are repeated and given up; default seven times within 39.5 s, RFC 8489 section 6.2.1. Where
    /// requests are repeated at all, the first wait is that for servers of which no round trip has been measured in
    /// the last ten minutes.
    pub schedule: Schedule,
    /// With this, requests are signed and unsigned answers do not count; RFC 8489 section 9.1. Default none.
    pub credential: Option<ShortTermCredential>,
    /// Requests under way together with outcomes not yet taken, 1 or more, default 64. Bounds the memory: about
    /// 300 octets each.
    pub limit: usize,
}

impl Default for BindingConfig {
    fn default() -> Self {
        Self { schedule: Schedule::UDP, credential: None, limit: 64 }
    }
}

/// User name and key of the short-term mechanism; RFC 8489 section 9.1.
#[derive(Debug, Clone)]
pub struct ShortTermCredential {
    /// The user name, at most 508 octets; a longer one is not sent.
    pub username: String,
    /// The key made from the password.
    pub key: IntegrityKey,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It answered one of our requests, or tried to: outcomes come as events, faults are counted.
    Consumed,
    /// It is not an answer to any request of ours: another protocol's, or another agent's on the same port.
    NotMine,
}

/// A datagram to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// Whither.
    pub destination: SocketAddr,
    /// ECN codepoint, 0 to 3; always 0 (not ECN-capable).
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0 (default forwarding).
    pub dscp: u8,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingEvent {
    /// The request, as [`BindingClient::bind`] named it.
    pub id: TransactionId,
    /// The server asked.
    pub server: SocketAddr,
    /// How it ended.
    pub outcome: BindingOutcome,
    /// Time from request to answer, where only one sending can have been answered (Karn's rule).
    pub round_trip: Option<Duration>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingOutcome {
    /// The server saw the request come from this address.
    Mapped(SocketAddr),
    /// The server refused.
    Refused {
        /// Its error code.
        code: ErrorCode,
        /// With 300: the server to ask instead.
        alternate: Option<SocketAddr>,
    },
    /// Nobody answered in time; RFC 8489 section 6.2.1.
    TimedOut,
    /// The answer was authentic and made no sense: no address, no error code, or an attribute that must be understood
    /// and is not; RFC 8489 section 6.3.3.
    Unusable,
}

/// Why a request was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configured limit is reached: take events, or wait for requests to end.
    #[error("{limit} requests are under way or have outcomes to be taken; poll events first")]
    WouldBlock {
        /// [`BindingConfig::limit`].
        limit: usize,
    },
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// The user name is longer than USERNAME allows.
    #[error("the user name has {0} octets, at most 508 fit")]
    Username(usize),
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, repetitions not counted.
    pub requests: u64,
    /// Repetitions sent.
    pub retransmissions: u64,
    /// Answers that ended a request.
    pub answers: u64,
    /// Dropped: an answer from an address that was not asked.
    pub dropped_source: u64,
    /// Dropped: an answer whose integrity is missing or wrong.
    pub dropped_integrity: u64,
}

/// Asks STUN servers which address they see (RFC 8489 section 3): a machine that is told the time and the datagrams.
#[derive(Debug)]
pub struct BindingClient {
    config: BindingConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    transactions: Transactions<SocketAddr>,
    round_trips: RoundTrips,
    events: VecDeque<BindingEvent>,
    stats: Stats,
    closed: bool,
}

impl BindingClient {
    /// A client without requests. `rng` seeds the client's own generator, from which transaction ids are drawn.
    pub fn new(config: BindingConfig, rng: &mut impl CryptoRng) -> Self {
        Self {
            config,
            rng: ChaCha20Rng::from_rng(rng),
            now: None,
            transactions: Transactions::new(),
            round_trips: RoundTrips::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
            closed: false,
        }
    }

    /// Asks `server` for our address.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn bind(&mut self, now: Instant, server: SocketAddr) -> Result<TransactionId, StartError> {
        let now = self.advance(now);
        if self.closed {
            return Err(StartError::Closed);
        }
        let limit = self.config.limit;
        if self.transactions.len() + self.events.len() >= limit {
            return Err(StartError::WouldBlock { limit });
        }
        let id = TransactionId::random(&mut self.rng);
        let request = build_request(id, self.config.credential.as_ref())?;
        let schedule = self.schedule(now, server);
        self.transactions.start(id, request, schedule, server);
        self.stats.requests += 1;
        Ok(id)
    }

    /// Forgets a request; no event will follow. Returns whether it was under way.
    pub fn cancel(&mut self, id: TransactionId) -> bool {
        self.transactions.remove(id).is_some()
    }

    /// A datagram came in from `source`.
    pub fn handle_input(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) -> Input {
        let now = self.advance(now);
        let Ok(message) = Message::parse(datagram) else { return Input::NotMine };
        let id = message.transaction_id();
        let answer = matches!(message.class(), Class::Success | Class::Error);
        let Some(server) = self.transactions.find(id).map(|transaction| transaction.tag) else {
            return Input::NotMine;
        };
        if !answer || message.method() != Method::BINDING {
            return Input::NotMine;
        }
        // A response counts only from where the request went: RFC 8489 section 6.3.1.
        if source != server {
            self.stats.dropped_source += 1;
        } else if self.config.credential.as_ref().is_some_and(|own| message.verify(&own.key).is_err()) {
            // Discarded as if it had never come, so that a forger cannot end the request; RFC 8489 section 9.1.4.
            self.stats.dropped_integrity += 1;
        } else if let Some(transaction) = self.transactions.remove(id) {
            self.stats.answers += 1;
            let (outcome, round_trip) = (read_answer(&message), transaction.round_trip(now));
            //= rfc8489#6.2.1-7
            if let Some(sample) = round_trip {
                self.round_trips.measure(now, server.ip(), sample);
            }
            self.events.push_back(BindingEvent { id, server, outcome, round_trip });
        }
        Input::Consumed
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        while let Some((id, transaction)) = self.transactions.expire(now) {
            let (server, outcome) = (transaction.tag, BindingOutcome::TimedOut);
            self.events.push_back(BindingEvent { id, server, outcome, round_trip: None });
        }
    }

    /// Appends the next request to `out`, if one is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let (server, len, again) = self.transactions.send(now, out)?;
        let transmit = Transmit { len, destination: *server, ecn: 0, dscp: 0 };
        self.stats.retransmissions += u64::from(again);
        Some(transmit)
    }

    /// The next outcome, in the order in which requests ended.
    pub fn poll_event(&mut self) -> Option<BindingEvent> {
        self.events.pop_front()
    }

    /// Forgets everything; a client has nothing to say goodbye to.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.closed = true;
        self.transactions.clear();
        self.events.clear();
    }

    /// When to call [`BindingClient::handle_timeout`]; `None` while nothing waits for an answer.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.next_deadline()
    }

    /// Whether [`BindingClient::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The configured schedule, from the measured first wait where there is one.
    //= rfc8489#6.2.1-8
    fn schedule(&mut self, now: Instant, server: SocketAddr) -> Schedule {
        let configured = self.config.schedule;
        // Sent once, as on a reliable transport: there is nothing to pace.
        if configured.attempts <= 1 {
            return configured;
        }
        self.round_trips.rto(now, server.ip()).map_or(configured, |rto| configured.with_rto(rto))
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }
}

fn build_request(id: TransactionId, credential: Option<&ShortTermCredential>) -> Result<Vec<u8>, StartError> {
    let mut request = Vec::new();
    let builder = MessageBuilder::new(&mut request, MessageType::BINDING_REQUEST, id);
    let finished = match credential {
        Some(own) => {
            let username = Username::new(&own.username).map_err(|fault| StartError::Username(fault.found))?;
            builder.attribute(&username).integrity(&own.key).fingerprint().finish()
        }
        None => builder.fingerprint().finish(),
    };
    debug_assert!(finished.is_ok(), "a user name and two fixed attributes fit into a message");
    Ok(request)
}

/// What an authentic answer says.
fn read_answer(message: &Message<'_>) -> BindingOutcome {
    if message.unknown_required(UNDERSTOOD).next().is_some() {
        return BindingOutcome::Unusable;
    }
    let outcome = match message.class() {
        Class::Success => mapped_address(message).map(BindingOutcome::Mapped),
        _ => message.attribute::<ErrorReason<'_>>().ok().flatten().map(|error| BindingOutcome::Refused {
            code: error.code(),
            alternate: message.attribute::<AlternateServer>().ok().flatten().map(|server| server.0),
        }),
    };
    outcome.unwrap_or(BindingOutcome::Unusable)
}

/// XOR-MAPPED-ADDRESS, else what a server of RFC 3489 age sends.
fn mapped_address(message: &Message<'_>) -> Option<SocketAddr> {
    match message.attribute::<XorMappedAddress>() {
        Ok(Some(mapped)) => Some(mapped.0),
        Ok(None) => message.attribute::<MappedAddress>().ok().flatten().map(|mapped| mapped.0),
        Err(_) => None,
    }
}

const UNDERSTOOD: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::USERNAME,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::USERHASH,
    AttributeType::PASSWORD_ALGORITHM,
];
