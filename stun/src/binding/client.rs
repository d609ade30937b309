//! A client that asks servers for its own address.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};

use super::answer;
use super::event::{BindingAnswer, BindingEvent, BindingOutcome, Input, StartError, Stats, Transmit};
use super::request::BindingRequest;
use crate::attribute::AlternateDomain;
use crate::credential::Credential;
use crate::estimate::RoundTrips;
use crate::kind::{Class, Method, TransactionId};
use crate::message::Message;
use crate::rto::Schedule;
use crate::session::{Attempt, Choice, Session, Verdict, Who};
use crate::transaction::{Transaction, Transactions};

/// How a [`BindingClient`] asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BindingConfig {
    /// When requests are repeated and given up; default seven times within 39.5 s, RFC 8489 section 6.2.1. Where
    /// requests are repeated at all, the first wait is that for servers of which no round trip has been measured in
    /// the last ten minutes. Where they are not ([`Schedule::RELIABLE`]) the transport counts as a stream.
    pub schedule: Schedule,
    /// Who asks; RFC 8489 section 9. Default nobody in particular: requests are not signed, nor need answers be.
    pub credential: Option<Credential>,
    /// What we call ourselves in SOFTWARE, at most 127 characters; empty for nothing. Default nothing.
    pub software: String,
    /// Requests under way together with outcomes not yet taken, 1 or more, default 64. Bounds the memory: about
    /// 400 octets each, and PADDING.
    pub limit: usize,
}

impl Default for BindingConfig {
    fn default() -> Self {
        Self { schedule: Schedule::UDP, credential: None, software: String::new(), limit: 64 }
    }
}

/// Asks STUN servers which address they see (RFC 8489 section 3): a machine that is told the time and the datagrams.
pub struct BindingClient {
    config: BindingConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    transactions: Transactions<Pending>,
    round_trips: RoundTrips,
    /// What servers have told us of how to sign; at most [`SESSIONS`].
    sessions: BTreeMap<SocketAddr, Session>,
    /// Where the last redirection led that named a domain, and the name.
    domain: Option<(SocketAddr, String)>,
    events: VecDeque<BindingEvent>,
    stats: Stats,
    closed: bool,
}

/// A request under way.
#[derive(Debug)]
struct Pending {
    /// What the caller knows it by.
    id: TransactionId,
    /// Has had a transaction already.
    begun: bool,
    request: BindingRequest,
    /// As the caller wants it; the first wait may be another.
    schedule: Schedule,
    attempt: Attempt,
    /// Servers that have been asked, and when; RFC 8489 section 10.
    visited: Vec<(SocketAddr, Instant)>,
}

/// Servers that are asked in all.
const SERVERS: usize = 4;
/// How long a server counts as asked; RFC 8489 section 10.
const VISITED: Duration = Duration::from_secs(300);
/// Beyond this many servers all are forgotten, at the cost of one more round trip with each.
const SESSIONS: usize = 64;

impl BindingClient {
    /// A client without requests. `rng` seeds the client's own generator, from which transaction ids are drawn.
    pub fn new(config: BindingConfig, rng: &mut impl CryptoRng) -> Self {
        Self {
            config,
            rng: ChaCha20Rng::from_rng(rng),
            now: None,
            transactions: Transactions::new(),
            round_trips: RoundTrips::default(),
            sessions: BTreeMap::new(),
            domain: None,
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
        self.ask(now, BindingRequest::new(server))
    }

    /// Asks in a particular way.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn ask(&mut self, now: Instant, request: BindingRequest) -> Result<TransactionId, StartError> {
        let schedule = self.config.schedule;
        self.ask_with(now, request, schedule)
    }

    /// Asks on a schedule of its own: where silence is an answer too, one need not wait for it as long.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn ask_with(
        &mut self,
        now: Instant,
        request: BindingRequest,
        schedule: Schedule,
    ) -> Result<TransactionId, StartError> {
        let now = self.advance(now);
        if self.closed {
            return Err(StartError::Closed);
        }
        let limit = self.config.limit;
        if self.transactions.len() + self.events.len() >= limit {
            return Err(StartError::WouldBlock { limit });
        }
        if let Some(padding) = request.padding.filter(|padding| *padding > BindingRequest::MAX_PADDING) {
            return Err(StartError::Padding(padding));
        }
        let id = TransactionId::random(&mut self.rng);
        let visited = vec![(request.server, now)];
        let attempt = Attempt::default();
        self.start(now, Pending { id, begun: false, request, schedule, attempt, visited });
        Ok(id)
    }

    /// Forgets a request; no event will follow. Returns whether it was under way.
    pub fn cancel(&mut self, id: TransactionId) -> bool {
        let transaction = self.transactions.keys().find(|(_, pending)| pending.id == id).map(|(id, _)| id);
        transaction.is_some_and(|id| self.transactions.remove(id).is_some())
    }

    /// A message came in from `source`: a datagram, or one message of a stream ([`crate::turn::next_message`] finds its
    /// end).
    pub fn handle_input(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) -> Input {
        let now = self.advance(now);
        let Ok(message) = Message::parse(datagram) else { return Input::NotMine };
        let id = message.transaction_id();
        let answer = matches!(message.class(), Class::Success | Class::Error);
        let Some(transaction) = self.transactions.find_mut(id) else { return Input::NotMine };
        if !answer || message.method() != Method::BINDING {
            return Input::NotMine;
        }
        let Pending { request, attempt, .. } = &mut transaction.tag;
        // A response counts only from where the request went, or from where it asks to be answered.
        let asked = source == request.server || request.change.is_some_and(|(_, other)| source == other);
        if !asked {
            self.stats.dropped_source += 1;
            return Input::Consumed;
        }
        let session = self.sessions.entry(request.server).or_default();
        let verdict = session.judge(who(&self.config), attempt, &message);
        let believed = match verdict {
            Verdict::Ignored => false,
            //= rfc8489#9.1.4-4
            //= rfc8489#9.2.5-18
            Verdict::Distrusted => self.is_reliable(),
            _ => true,
        };
        self.stats.dropped_integrity += u64::from(matches!(verdict, Verdict::Ignored | Verdict::Distrusted));
        if believed && let Some(transaction) = self.transactions.remove(id) {
            self.stats.answers += u64::from(verdict != Verdict::Distrusted);
            self.answered(now, source, transaction, verdict, &message);
        }
        Input::Consumed
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        while let Some((_, transaction)) = self.transactions.expire(now) {
            //= rfc8489#9.1.4-3
            //= rfc8489#9.2.5-17
            let distrusted = transaction.tag.attempt.distrusted;
            let outcome = if distrusted { BindingOutcome::Distrusted } else { BindingOutcome::TimedOut };
            self.tell(&transaction.tag, outcome, None, None);
        }
    }

    /// Appends the next request to `out`, if one is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let (pending, len, again) = self.transactions.send(now, out)?;
        let transmit = Transmit { len, destination: pending.request.server, id: pending.id, ecn: 0, dscp: 0 };
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
        self.sessions.clear();
        self.events.clear();
    }

    /// When to call [`BindingClient::handle_timeout`]; `None` while nothing waits for an answer.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.next_deadline()
    }

    /// The name for which the certificate of `server` is to be checked, if a redirection to it has named one; else it is
    /// the name for which the first server's was. For callers that carry the requests over TLS or DTLS.
    //= rfc8489#10-6
    //= rfc8489#10-8
    pub fn alternate_domain(&self, server: SocketAddr) -> Option<&str> {
        self.domain.as_ref().filter(|(own, _)| *own == server).map(|(_, domain)| domain.as_str())
    }

    /// Whether [`BindingClient::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Sends a request, signed with what the server has told us by now. The first transaction has the request's own id.
    fn start(&mut self, now: Instant, mut pending: Pending) {
        const NOTHING: &Session = &Session::Nothing;
        let id = if pending.begun { TransactionId::random(&mut self.rng) } else { pending.id };
        pending.begun = true;
        let server = pending.request.server;
        let schedule = self.round_trips.schedule(now, server, pending.schedule);
        let session = self.sessions.get(&server).unwrap_or(NOTHING);
        let who = who(&self.config);
        let encoded = pending.request.encode(id, &self.config.software, session, who, &mut pending.attempt);
        debug_assert!(encoded.is_ok(), "padding is bounded, and all else is short");
        self.stats.requests += 1;
        self.transactions.start(id, encoded.unwrap_or_default(), schedule, pending);
    }

    /// An answer that counts.
    fn answered(
        &mut self,
        now: Instant,
        source: SocketAddr,
        transaction: Transaction<Pending>,
        verdict: Verdict,
        message: &Message<'_>,
    ) {
        let (round_trip, server) = (transaction.round_trip(now), transaction.tag.request.server);
        if verdict != Verdict::Distrusted {
            self.round_trips.take(now, server, &transaction);
        }
        let pending = transaction.tag;
        if verdict == Verdict::Again {
            self.start(now, pending);
            return;
        }
        let outcome = answer::outcome(verdict, server, message);
        if let BindingOutcome::Refused { alternate: Some(next), .. } = outcome
            && may_follow(now, &pending, next)
        {
            self.follow(now, pending, next, message);
            return;
        }
        let answer = matches!(outcome, BindingOutcome::Mapped(_)).then(|| answer::read(source, message));
        self.tell(&pending, outcome, round_trip, answer);
    }

    /// Asks another server the same.
    fn follow(&mut self, now: Instant, mut pending: Pending, next: SocketAddr, message: &Message<'_>) {
        let domain = message.attribute::<AlternateDomain<'_>>().ok().flatten();
        self.domain = domain.map(|domain| (next, domain.as_str().to_owned()));
        pending.request.server = next;
        pending.visited.push((next, now));
        pending.attempt = Attempt::default();
        self.start(now, pending);
    }

    fn tell(
        &mut self,
        pending: &Pending,
        outcome: BindingOutcome,
        round_trip: Option<Duration>,
        answer: Option<BindingAnswer>,
    ) {
        let (id, server) = (pending.id, pending.request.server);
        self.events.push_back(BindingEvent { id, server, outcome, round_trip, answer });
        if self.sessions.len() > SESSIONS {
            self.sessions.clear();
        }
    }

    /// Where requests are sent once, the transport is one that loses nothing, and on which nobody else can answer.
    fn is_reliable(&self) -> bool {
        self.config.schedule.attempts <= 1
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }
}

impl std::fmt::Debug for BindingClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindingClient").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// Whether a 300 is to be followed: only if it is signed, and the server was not asked in the last five minutes.
//= rfc8489#14.8-7
//= rfc8489#10-9
fn may_follow(now: Instant, pending: &Pending, next: SocketAddr) -> bool {
    let been = |(server, at): &(SocketAddr, Instant)| {
        *server == next && now.saturating_duration_since(*at) < VISITED
    };
    pending.attempt.is_signed() && pending.visited.len() < SERVERS && !pending.visited.iter().any(been)
}

fn who(config: &BindingConfig) -> Who<'_> {
    match &config.credential {
        None => Who::Anyone,
        Some(Credential::ShortTerm(own)) => Who::Short(own),
        Some(Credential::LongTerm(own)) => Who::Long(own, Choice::First),
    }
}
