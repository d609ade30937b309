//! The agent: the five verbs, and what can be asked of it.

mod answers;
mod commands;
mod consent;
mod gathering;
mod nomination;
mod requests;
mod schedule;
mod state;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nomagic_stun::{Class as MessageClass, Message, Method};
use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, Rng, SeedableRng};

use crate::candidate::Candidate;
use crate::config::{Config, DEFAULT_TA, MIN_TA, Role};
use crate::credentials::Credentials;
use crate::demux::{self, Class};
use crate::event::{Event, Events, State};
use crate::local::Locals;
use crate::pair::{Nominated, Pair, PairStats};
use crate::report::Diagnosis;
use crate::route::{Endpoint, Input, Route, SelectedPair, Transmit};
use crate::session::Session;
use crate::stats::Stats;
use crate::transaction::{Purpose, Transactions};

use gathering::Server;

/// A full ICE agent for one component; RFC 8445.
///
/// See the crate page for how to drive it. Every method may be called at any time and in any order.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    role: Role,
    tie_breaker: u64,
    /// The peer's `a=ice-pacing`.
    remote_ta: Option<Duration>,
    locals: Locals,
    servers: Vec<Server>,
    gathering_complete: bool,
    session: Session,
    /// The generation before, while data still goes on its pair; RFC 8445 section 9.
    previous: Option<Session>,
    /// When the generation before is forgotten: set once the one in force has a selected pair.
    previous_ends: Option<Instant>,
    next_pair: u64,
    transactions: Transactions,
    responses: VecDeque<Response>,
    /// When the next paced request may be sent.
    next_slot: Option<Instant>,
    deadline: Option<Instant>,
    events: Events,
    state: State,
    stats: Stats,
}

/// An answer that waits to be polled.
#[derive(Debug)]
struct Response {
    route: Route,
    bytes: Vec<u8>,
}

/// Answers that may wait; more are not made, and the peer asks again.
const MAX_RESPONSES: usize = 64;

impl Agent {
    /// An agent with credentials of its own and nothing else. `rng` seeds its own generator.
    pub fn new(config: Config, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let own = Credentials::random(&mut rng);
        Self {
            role: config.role,
            config,
            tie_breaker: rng.next_u64(),
            rng,
            now: None,
            remote_ta: None,
            locals: Locals::default(),
            servers: Vec::new(),
            gathering_complete: false,
            session: Session::new(0, own),
            previous: None,
            previous_ends: None,
            next_pair: 0,
            transactions: Transactions::default(),
            responses: VecDeque::new(),
            next_slot: None,
            deadline: None,
            events: Events::default(),
            state: State::New,
            stats: Stats::default(),
        }
    }

    /// A datagram arrived on the base `route.local` from `route.remote`.
    pub fn handle_input<'a>(&mut self, now: Instant, route: Route, datagram: &'a mut [u8]) -> Input<'a> {
        let now = self.advance(now);
        if self.is_closed() {
            return Input::Consumed;
        }
        let route = route.canonical();
        match demux::classify(datagram) {
            Class::Stun => self.handle_stun(now, route, datagram),
            Class::Unknown => {
                self.stats.dropped_unknown += 1;
                Input::Consumed
            }
            // Whoever sends without having proved that he is the peer is not heard; what he sends costs one look-up.
            _ if !self.accepts(route) => {
                self.stats.dropped_unauthenticated += 1;
                Input::Consumed
            }
            class => {
                self.stats.payloads += 1;
                Input::Payload { class, payload: datagram }
            }
        }
    }

    /// Time has passed. Early, late and repeated calls do no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        self.run(now);
    }

    /// Appends the next datagram to `out`, if one is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let at = out.len();
        let route = match self.responses.pop_front() {
            Some(response) => {
                out.extend_from_slice(&response.bytes);
                self.transactions.recycle(response.bytes);
                self.stats.responses += 1;
                response.route
            }
            None => self.send_request(now, out)?,
        };
        let (source, destination) = (route.local, route.remote);
        Some(Transmit { len: out.len() - at, source, destination, ecn: 0, dscp: self.config.dscp & 63 })
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Ends it all at once; ICE has no goodbye. Nothing comes out afterwards.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.state = State::Closed;
        self.previous = None;
        self.session.active = None;
        self.session.selected = None;
        self.transactions.clear();
        self.responses.clear();
        self.servers.clear();
        self.events.clear();
        self.deadline = None;
    }

    /// When to call [`Agent::handle_timeout`]; `None` while nothing waits for time to pass.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether [`Agent::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// How far the generation in force has come.
    pub fn state(&self) -> State {
        self.state
    }

    /// The role, which a conflict can have changed.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Counts restarts, from 0.
    pub fn generation(&self) -> u32 {
        self.session.generation
    }

    /// What to signal as `a=ice-ufrag` and `a=ice-pwd`.
    pub fn local_credentials(&self) -> &Credentials {
        &self.session.own
    }

    /// The peer's credentials, once they are set.
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        self.session.peer.as_ref().map(|peer| &peer.credentials)
    }

    /// All candidates of ours, in the order in which they were found.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.locals.candidates()
    }

    /// Where to send data to, and from where: the selected pair, before there is one the best valid pair, during a restart
    /// the pair of the generation before. `None`: nothing may be sent; RFC 8445 section 12.1.
    //= rfc8445#12.1-2
    pub fn route(&self) -> Option<Route> {
        let sessions = [Some(&self.session), self.previous.as_ref()];
        sessions.into_iter().flatten().find_map(Session::active_pair).map(|pair| pair.route)
    }

    /// The selected pair; during a restart still that of the generation before.
    pub fn selected_pair(&self) -> Option<SelectedPair> {
        let sessions = [Some(&self.session), self.previous.as_ref()];
        let mut sessions = sessions.into_iter().flatten().filter(|session| session.failed.is_none());
        sessions.find_map(|session| session.selected.and_then(|id| self.describe(session, id)))
    }

    /// Every pair of the generation in force, in the order of their making.
    pub fn pairs(&self) -> impl Iterator<Item = PairStats> {
        self.session.list.iter().map(|pair| self.pair_stats(pair))
    }

    /// Why there is no pair to send on yet, in figures and words; `None` when there is one.
    pub fn why_not_connected(&self) -> Option<Diagnosis> {
        Diagnosis::new(self.state, self.role, &self.session, &self.locals, self.pairs())
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }

    fn handle_stun(&mut self, now: Instant, route: Route, datagram: &[u8]) -> Input<'static> {
        let Ok(message) = Message::parse(datagram) else {
            self.stats.dropped_malformed += 1;
            return Input::Consumed;
        };
        if message.method() != Method::BINDING {
            return Input::NotMine;
        }
        let input = match message.class() {
            //= rfc8445#7.3-8
            MessageClass::Request if !message.has_fingerprint() => {
                self.stats.dropped_malformed += 1;
                return Input::Consumed;
            }
            MessageClass::Request => self.handle_request(now, route, &message),
            MessageClass::Indication => {
                self.stats.indications += 1;
                return Input::Consumed;
            }
            MessageClass::Success | MessageClass::Error => self.handle_response(now, route, &message),
        };
        self.run(now);
        input
    }

    /// RFC 8445 section 12.2, with the rule that the sender must have proved himself by a check.
    fn accepts(&self, route: Route) -> bool {
        self.session.accepts(route) || self.previous.as_ref().is_some_and(|session| session.accepts(route))
    }

    fn session_of(&mut self, generation: u32) -> Option<&mut Session> {
        if self.session.generation == generation {
            return Some(&mut self.session);
        }
        self.previous.as_mut().filter(|session| session.generation == generation)
    }

    /// Ta as both sides have agreed on; RFC 8445 section 14.2.
    //= rfc8445#14.2-3
    fn ta(&self) -> Duration {
        self.config.ta.max(self.remote_ta.unwrap_or(DEFAULT_TA)).max(MIN_TA)
    }

    fn endpoints(&self, session: &Session, pair: &Pair) -> (Endpoint, Endpoint) {
        let base = pair.route.local;
        let mapped = pair.mapped.unwrap_or(base);
        let local = Endpoint { kind: self.locals.kind_of(mapped, base), address: mapped };
        let kind = session.remotes.entries().get(pair.remote).map(|remote| remote.kind);
        let kind = kind.unwrap_or(crate::CandidateKind::PeerReflexive);
        (local, Endpoint { kind, address: pair.route.remote })
    }

    fn describe(&self, session: &Session, id: crate::PairId) -> Option<SelectedPair> {
        let pair = session.list.get(id)?;
        let (local, remote) = self.endpoints(session, pair);
        let (generation, priority) = (session.generation, pair.priority);
        Some(SelectedPair { id, generation, route: pair.route, local, remote, priority })
    }

    fn pair_stats(&self, pair: &Pair) -> PairStats {
        let (local, remote) = self.endpoints(&self.session, pair);
        PairStats {
            id: pair.id,
            route: pair.route,
            local,
            remote,
            priority: pair.priority,
            state: pair.state,
            nominated: pair.nominated == Nominated::Yes,
            receives: pair.authenticated,
            round_trip: pair.round_trip,
            requests_sent: pair.requests_sent,
            requests_received: pair.requests_received,
            answers_received: pair.answers_received,
            trouble: pair.trouble,
        }
    }

    fn send_request(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Route> {
        let transaction = self.transactions.send(now, out)?;
        let (purpose, generation, sent) = (transaction.purpose, transaction.generation, transaction.sent);
        let route = transaction.route;
        match purpose {
            _ if sent > 1 => self.stats.retransmissions += 1,
            Purpose::Check(_) | Purpose::Nominate(_) => self.stats.checks += 1,
            Purpose::Consent(_) => self.stats.consent_checks += 1,
            Purpose::Gather(_) => self.stats.gathering_requests += 1,
        }
        if purpose.is_paced() && sent == 1 {
            self.next_slot = now.checked_add(self.ta());
        }
        let session = self.session_of(generation);
        if let Some(pair) = purpose.pair().zip(session).and_then(|(id, session)| session.list.get_mut(id)) {
            pair.requests_sent += 1;
            if sent > 1 && pair.state == crate::PairState::InProgress {
                pair.trouble = Some(crate::Trouble::NoAnswerYet(sent - 1));
            }
        }
        self.deadline = self.next_deadline(now);
        Some(route)
    }
}
