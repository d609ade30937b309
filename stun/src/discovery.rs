//! The client's part in the discovery of a NAT's behaviour: RFC 5780 sections 3 to 5.
//!
//! The tests run one after another, since some depend on what the NAT has let through before:
//!
//! | test | asks | from | answer from | tells |
//! |---|---|---|---|---|
//! | contact | the server | first socket | the same | whether there is UDP, a NAT, something that rewrites addresses |
//! | filtering | the server | first | other address, other port; then other port | whom the NAT lets in |
//! | mapping | the other address; then its other port | first | the same | what others see of us |
//! | fragments | the server, with PADDING | first | the same | whether fragments pass |
//! | hairpinning | our own outer addresses | both | | whether hosts behind the NAT reach each other |
//! | lifetime | the server, after ever longer silence | second | the same, to the first | how long a binding lasts |
//!
//! Filtering comes before mapping, so that nothing has been sent to the server's other address. Silence is an answer to
//! some: a NAT that drops what it should let in now and then is told from one that filters by five repetitions. Three
//! whole discoveries stand in `tests/golden/discovery.txt`.
//!
//! ```
//! use nomagic_stun::discovery::{DiscoveryConfig, DiscoveryEvent, NatDiscovery, Socket};
//! # use rand::SeedableRng;
//! # let mut rng = rand::rngs::ChaCha20Rng::seed_from_u64(1); // in a program: the system's generator
//! # let mut now = nomagic_testkit::clock::origin(); // in a program: Instant::now()
//! let (server, first, second) = ("192.0.2.7:3478".parse()?, "10.0.0.1:50000".parse()?, "10.0.0.1:50001".parse()?);
//! let mut discovery = NatDiscovery::new(DiscoveryConfig::new(server, first, second), &mut rng);
//! discovery.start(now);
//! let mut out = Vec::new();
//! loop {
//!     while let Some(transmit) = discovery.poll_transmit(now, &mut out) {
//!         // sockets[transmit.from].send_to(&out, transmit.destination)
//!         out.clear();
//!     }
//!     if std::iter::from_fn(|| discovery.poll_event()).any(|event| event == DiscoveryEvent::Done) {
//!         break;
//!     }
//!     // Wait for a datagram at either socket (`handle_input`) or for the deadline, whichever comes first.
//!     now = discovery.poll_timeout().unwrap();
//!     discovery.handle_timeout(now);
//! }
//! assert_eq!(discovery.report().mapped, None, "nobody answers here");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod lifetime;
mod report;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::CryptoRng;

pub use config::DiscoveryConfig;
pub use report::{BindingLifetime, Finding, NatFiltering, NatMapping, NatReport};

use crate::attribute::ChangeRequest;
use crate::binding::{
    BindingAnswer, BindingClient, BindingConfig, BindingEvent, BindingOutcome, BindingRequest, Input,
};
use crate::kind::{Class, ErrorCode, Method, TransactionId};
use crate::message::Message;
use crate::rto::Schedule;
use lifetime::Search;

/// One of our sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Socket {
    /// The one whose NAT is found out about.
    First,
    /// Another one on the same host.
    Second,
}

/// A datagram to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscoveryTransmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// From which of our sockets.
    pub from: Socket,
    /// Whither.
    pub destination: SocketAddr,
    /// ECN codepoint, 0 to 3; always 0.
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0.
    pub dscp: u8,
}

/// Something has been found; [`NatDiscovery::report`] says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DiscoveryEvent {
    /// Whether there is a way to the server, and our address from outside.
    Contact,
    /// [`NatReport::filtering`].
    Filtering,
    /// [`NatReport::mapping`].
    Mapping,
    /// [`NatReport::fragments`].
    Fragments,
    /// [`NatReport::hairpinning`].
    Hairpinning,
    /// [`NatReport::lifetime`], which narrows down while the search goes on.
    Lifetime,
    /// There is nothing more to find.
    Done,
}

/// Finds out how a NAT maps, filters, hairpins and forgets: a machine that is told the time and the datagrams of two
/// sockets.
pub struct NatDiscovery {
    config: DiscoveryConfig,
    client: BindingClient,
    now: Option<Instant>,
    test: Test,
    /// Requests under way, and the socket of each.
    asked: Vec<(TransactionId, Socket)>,
    /// When the next test may begin; RFC 5780 section 5 has at most ten a second.
    pause: Option<Instant>,
    report: NatReport,
    events: VecDeque<DiscoveryEvent>,
}

/// What is being found out, in this order.
#[derive(Debug, Clone, Copy)]
enum Test {
    /// Not begun.
    Idle,
    Contact,
    /// Does an answer from the other address and port come through?
    FilteringByAddress,
    /// And one from the other port?
    FilteringByPort,
    /// What does the other address see?
    MappingByAddress,
    /// And its other port, where that is not what the first has seen?
    MappingByPort {
        seen: SocketAddr,
    },
    Fragments,
    /// What does the server see of our second socket?
    SecondContact,
    /// Do the sockets reach each other from outside?
    Hairpinning {
        second: SocketAddr,
    },
    Lifetime(Search),
    Done,
}

/// Between two requests; RFC 5780 section 5.
const PACE: Duration = Duration::from_millis(100);

impl NatDiscovery {
    /// A discovery that has not begun. `rng` seeds the generator from which transaction ids are drawn.
    pub fn new(config: DiscoveryConfig, rng: &mut impl CryptoRng) -> Self {
        let binding = BindingConfig {
            schedule: config.schedule,
            credential: config.credential.clone(),
            software: config.software.clone(),
            ..BindingConfig::default()
        };
        Self {
            client: BindingClient::new(binding, rng),
            config,
            now: None,
            test: Test::Idle,
            asked: Vec::new(),
            pause: None,
            report: NatReport::default(),
            events: VecDeque::new(),
        }
    }

    /// Begins; called again, it does nothing.
    pub fn start(&mut self, now: Instant) {
        let now = self.advance(now);
        if matches!(self.test, Test::Idle) {
            self.test = Test::Contact;
            self.run(now);
        }
    }

    /// A datagram came in at one of our sockets.
    pub fn handle_input(
        &mut self,
        now: Instant,
        at: Socket,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Input {
        let now = self.advance(now);
        if self.is_own_request(datagram) {
            self.hairpinning(now, Finding::Known(true));
            return Input::Consumed;
        }
        let input = self.client.handle_input(now, source, datagram);
        self.take_outcomes(now, Some(at));
        input
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        self.client.handle_timeout(now);
        self.take_outcomes(now, None);
        if self.pause.is_some_and(|pause| pause <= now) {
            self.pause = None;
            self.run(now);
        }
    }

    /// Appends the next datagram to `out`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<DiscoveryTransmit> {
        let now = self.advance(now);
        let transmit = self.client.poll_transmit(now, out)?;
        let own = self.asked.iter().find(|(id, _)| *id == transmit.id);
        Some(DiscoveryTransmit {
            len: transmit.len,
            from: own.map_or(Socket::First, |(_, socket)| *socket),
            destination: transmit.destination,
            ecn: 0,
            dscp: 0,
        })
    }

    /// The next event; of each kind at most one waits.
    pub fn poll_event(&mut self) -> Option<DiscoveryEvent> {
        self.events.pop_front()
    }

    /// When to call [`NatDiscovery::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.client.poll_timeout(), self.pause].into_iter().flatten().min()
    }

    /// What has been found so far.
    pub fn report(&self) -> NatReport {
        self.report
    }

    /// Ends the discovery with what has been found.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.client.close(now);
        (self.test, self.pause) = (Test::Done, None);
        self.asked.clear();
        self.events.clear();
    }

    /// Whether [`NatDiscovery::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }

    /// Sends what the present test asks.
    fn run(&mut self, now: Instant) {
        let (server, other) = (self.config.server, self.report.other);
        let plain = BindingRequest::new(server);
        let (normal, patient) = (self.config.schedule, self.config.silence);
        let from_elsewhere = |ip, port| {
            let other = other.unwrap_or(server);
            let ip_address = if ip { other.ip() } else { server.ip() };
            let source = SocketAddr::new(ip_address, other.port());
            let mut request = plain;
            request.change = Some((ChangeRequest { ip, port }, source));
            request
        };
        match self.test {
            Test::Contact => self.ask(now, Socket::First, plain, normal),
            Test::FilteringByAddress => self.ask(now, Socket::First, from_elsewhere(true, true), patient),
            Test::FilteringByPort => self.ask(now, Socket::First, from_elsewhere(false, true), patient),
            Test::MappingByAddress => {
                let ip = other.unwrap_or(server).ip();
                let request = BindingRequest::new(SocketAddr::new(ip, server.port()));
                self.ask(now, Socket::First, request, normal);
            }
            Test::MappingByPort { .. } => {
                self.ask(now, Socket::First, BindingRequest::new(other.unwrap_or(server)), normal);
            }
            Test::Fragments => {
                let mut request = plain;
                request.padding = self.config.padding.map(|len| len.min(BindingRequest::MAX_PADDING));
                self.ask(now, Socket::First, request, patient);
            }
            Test::SecondContact => self.ask(now, Socket::Second, plain, normal),
            Test::Hairpinning { second } => {
                // Both ways, so that each opens the door for the other's repetitions where the NAT filters them.
                let first = self.report.mapped.unwrap_or(second);
                self.ask(now, Socket::First, BindingRequest::new(second), patient);
                self.ask(now, Socket::Second, BindingRequest::new(first), patient);
            }
            Test::Lifetime(search) => self.start_lifetime(now, search, plain),
            Test::Idle | Test::Done => {}
        }
    }

    fn ask(&mut self, now: Instant, socket: Socket, request: BindingRequest, schedule: Schedule) {
        // At most two are ever under way, and outcomes are taken at once, so that the client has room.
        if let Ok(id) = self.client.ask_with(now, request, schedule) {
            self.asked.push((id, socket));
        }
    }

    /// Takes what has come of requests; `at`: the socket at which something has come in.
    fn take_outcomes(&mut self, now: Instant, at: Option<Socket>) {
        while let Some(event) = self.client.poll_event() {
            self.asked.retain(|(id, _)| *id != event.id);
            self.outcome(now, at, event);
        }
    }

    fn outcome(&mut self, now: Instant, at: Option<Socket>, event: BindingEvent) {
        match self.test {
            Test::Contact => self.contact(now, event),
            Test::FilteringByAddress => match self.came_from_elsewhere(event) {
                Finding::Known(true) => {
                    self.filtering(now, Finding::Known(NatFiltering::EndpointIndependent));
                }
                Finding::Known(false) => self.next(now, Test::FilteringByPort),
                _ => self.filtering(now, Finding::Unsupported),
            },
            Test::FilteringByPort => {
                let found = match self.came_from_elsewhere(event) {
                    Finding::Known(true) => Finding::Known(NatFiltering::AddressDependent),
                    Finding::Known(false) => Finding::Known(NatFiltering::AddressAndPortDependent),
                    _ => Finding::Unsupported,
                };
                self.filtering(now, found);
            }
            Test::MappingByAddress => match event.outcome {
                BindingOutcome::Mapped(seen) if Some(seen) == self.report.mapped => {
                    self.mapping(now, Finding::Known(NatMapping::EndpointIndependent));
                }
                BindingOutcome::Mapped(seen) => self.next(now, Test::MappingByPort { seen }),
                _ => self.mapping(now, Finding::Unanswered),
            },
            Test::MappingByPort { seen } => {
                let found = match event.outcome {
                    BindingOutcome::Mapped(again) if again == seen => {
                        Finding::Known(NatMapping::AddressDependent)
                    }
                    BindingOutcome::Mapped(_) => Finding::Known(NatMapping::AddressAndPortDependent),
                    _ => Finding::Unanswered,
                };
                self.mapping(now, found);
            }
            Test::Fragments => {
                self.report.fragments = match (event.outcome, event.answer) {
                    (BindingOutcome::Mapped(_), Some(BindingAnswer { padding: 1.., .. })) => {
                        Finding::Known(true)
                    }
                    (BindingOutcome::TimedOut, _) => Finding::Known(false),
                    _ => Finding::Unsupported,
                };
                self.tell(DiscoveryEvent::Fragments);
                self.next(now, Test::SecondContact);
            }
            Test::SecondContact => match event.outcome {
                BindingOutcome::Mapped(second) if self.report.translated => {
                    self.next(now, Test::Hairpinning { second });
                }
                BindingOutcome::Mapped(_) => self.hairpinning(now, Finding::Untested),
                _ => self.hairpinning(now, Finding::Unanswered),
            },
            Test::Hairpinning { .. } if self.asked.is_empty() => {
                self.hairpinning(now, Finding::Known(false));
            }
            Test::Lifetime(search) => self.lifetime_outcome(now, search, at, event),
            Test::Idle | Test::Hairpinning { .. } | Test::Done => {}
        }
    }

    fn contact(&mut self, now: Instant, event: BindingEvent) {
        self.report.contact = Some(event.outcome);
        self.tell(DiscoveryEvent::Contact);
        let (BindingOutcome::Mapped(mapped), Some(answer)) = (event.outcome, event.answer) else {
            self.next(now, Test::Done);
            return;
        };
        // Whom a signed redirection has led to.
        self.config.server = event.server;
        self.report.mapped = Some(mapped);
        self.report.translated = mapped != self.config.first;
        if let Some(plain) = answer.mapped_plain {
            self.report.rewriting = Finding::Known(plain != mapped);
        }
        self.report.other = answer.other.filter(|other| is_another(event.server, *other));
        if self.report.other.is_some() {
            self.next(now, Test::FilteringByAddress);
        } else {
            self.report.filtering = Finding::Unsupported;
            self.tell(DiscoveryEvent::Filtering);
            self.mapping(now, Finding::Unsupported);
        }
    }

    /// Whether an answer that was to come from elsewhere came; one that came from the server's own address says that the
    /// server cannot.
    //= rfc5780#5-3
    fn came_from_elsewhere(&self, event: BindingEvent) -> Finding<bool> {
        match (event.outcome, event.answer) {
            (BindingOutcome::TimedOut, _) => Finding::Known(false),
            (BindingOutcome::Mapped(_), Some(answer)) if answer.source != self.config.server => {
                Finding::Known(true)
            }
            _ => Finding::Unsupported,
        }
    }

    fn filtering(&mut self, now: Instant, found: Finding<NatFiltering>) {
        self.report.filtering = found;
        self.tell(DiscoveryEvent::Filtering);
        if self.report.translated {
            self.next(now, Test::MappingByAddress);
        } else {
            self.mapping(now, Finding::Known(NatMapping::EndpointIndependent));
        }
    }

    fn mapping(&mut self, now: Instant, found: Finding<NatMapping>) {
        self.report.mapping = found;
        self.tell(DiscoveryEvent::Mapping);
        self.next(now, if self.config.padding.is_some() { Test::Fragments } else { Test::SecondContact });
    }

    fn hairpinning(&mut self, now: Instant, found: Finding<bool>) {
        for (id, _) in std::mem::take(&mut self.asked) {
            self.client.cancel(id);
        }
        self.report.hairpinning = found;
        self.tell(DiscoveryEvent::Hairpinning);
        let search = self.config.lifetime.map(Search::new);
        self.next(now, search.map_or(Test::Done, Test::Lifetime));
    }

    /// Whether it is one of the requests that our sockets send to each other.
    fn is_own_request(&self, datagram: &[u8]) -> bool {
        if !matches!(self.test, Test::Hairpinning { .. }) {
            return false;
        }
        let Ok(message) = Message::parse(datagram) else { return false };
        message.class() == Class::Request
            && message.method() == Method::BINDING
            && self.asked.iter().any(|(id, _)| *id == message.transaction_id())
    }

    /// The next test begins after a pause.
    //= rfc5780#5-7
    fn next(&mut self, now: Instant, test: Test) {
        self.test = test;
        match test {
            Test::Done => {
                self.tell(DiscoveryEvent::Done);
                self.pause = None;
            }
            _ => self.pause = Some(now + PACE),
        }
    }

    fn tell(&mut self, event: DiscoveryEvent) {
        self.events.retain(|older| *older != event);
        self.events.push_back(event);
    }
}

/// Whether a server's other address is one: same family, other IP, other port; and no more private than the server's own,
/// since whoever forges the answer would have us knock at doors that it cannot reach.
fn is_another(server: SocketAddr, other: SocketAddr) -> bool {
    let (here, there) = (server.ip(), other.ip());
    let broadcast = matches!(there, IpAddr::V4(ip) if ip.is_broadcast());
    here.is_ipv4() == there.is_ipv4()
        && here != there
        && server.port() != other.port()
        && other.port() != 0
        && here.is_loopback() == there.is_loopback()
        && !(there.is_unspecified() || there.is_multicast() || broadcast)
}

/// Whether the server does not know what it was asked for.
fn is_unknown(outcome: BindingOutcome) -> bool {
    let unknown = ErrorCode::UNKNOWN_ATTRIBUTE;
    matches!(outcome, BindingOutcome::Refused { code, .. } if code == unknown)
}

impl fmt::Debug for NatDiscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatDiscovery")
            .field("test", &self.test)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
