//! Two agents, a network with loss and NATs between them, and a virtual clock.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a failed test explains itself")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nomagic_ice::{Agent, Candidate, Config, Credentials, Event, Input, Role, Route, State};
use nomagic_stun::attribute::{IceControlling, Priority, UseCandidate, Username, XorMappedAddress};
use nomagic_stun::{IntegrityKey, Message, MessageBuilder, MessageType, TransactionId};
use nomagic_testkit::clock::origin;
use rand::RngExt;
use rand::rngs::ChaCha20Rng;

pub(crate) const A: usize = 0;
pub(crate) const Z: usize = 1;
pub(crate) const STUN_SERVER: &str = "198.51.100.1:3478";

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A datagram on its way.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// Hides an agent's addresses behind one public address.
#[derive(Debug, Clone)]
pub(crate) struct Nat {
    pub(crate) public: IpAddr,
    /// Another port for each destination.
    pub(crate) symmetric: bool,
    /// Lets in only from addresses that were sent to.
    pub(crate) filters: bool,
    bindings: Vec<(SocketAddr, Option<SocketAddr>, SocketAddr)>,
    sent_to: Vec<(SocketAddr, SocketAddr)>,
}

impl Nat {
    pub(crate) fn new(public: &str, symmetric: bool, filters: bool) -> Self {
        let public = public.parse().unwrap();
        Self { public, symmetric, filters, bindings: Vec::new(), sent_to: Vec::new() }
    }

    fn outward(&mut self, source: SocketAddr, destination: SocketAddr) -> SocketAddr {
        let key = self.symmetric.then_some(destination);
        let known = self.bindings.iter().find(|(inner, to, _)| *inner == source && *to == key);
        let mapped = if let Some((.., outer)) = known {
            *outer
        } else {
            let port = 40000 + u16::try_from(self.bindings.len()).unwrap();
            let outer = SocketAddr::new(self.public, port);
            self.bindings.push((source, key, outer));
            outer
        };
        self.sent_to.push((mapped, destination));
        mapped
    }

    fn inward(&self, source: SocketAddr, destination: SocketAddr) -> Option<SocketAddr> {
        let (inner, ..) = self.bindings.iter().find(|(.., outer)| *outer == destination)?;
        let open = !self.filters || self.sent_to.contains(&(destination, source));
        open.then_some(*inner)
    }
}

type Judge = Box<dyn FnMut(Duration, &Packet) -> bool>;

/// Both agents and all between them.
pub(crate) struct World {
    pub(crate) agents: [Agent; 2],
    pub(crate) hosts: [Vec<SocketAddr>; 2],
    pub(crate) nats: [Option<Nat>; 2],
    pub(crate) now: Instant,
    pub(crate) latency: Duration,
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    /// Decides whether a datagram gets through.
    pub(crate) judge: Judge,
    /// Signal candidates as they are found.
    pub(crate) trickle: bool,
    pub(crate) events: [Vec<(Duration, Event)>; 2],
    pub(crate) payloads: [Vec<Vec<u8>>; 2],
    /// When each agent could first send, and when it had selected.
    pub(crate) valid: [Option<Duration>; 2],
    pub(crate) selected: [Option<Duration>; 2],
    pub(crate) sent: Vec<(Duration, usize, Packet)>,
    queue: BTreeMap<(Instant, u64), Packet>,
    number: u64,
    rng: ChaCha20Rng,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, Config::new(Role::Controlling), Config::new(Role::Controlled))
    }

    pub(crate) fn with(seed: u64, a: Config, z: Config) -> Self {
        let mut rng = nomagic_testkit::rng(seed);
        let agents = [Agent::new(a, &mut rng), Agent::new(z, &mut rng)];
        Self {
            agents,
            hosts: [Vec::new(), Vec::new()],
            nats: [None, None],
            now: origin(),
            latency: ms(20),
            loss: 0.0,
            duplication: 0.0,
            judge: Box::new(|_, _| true),
            trickle: true,
            events: [Vec::new(), Vec::new()],
            payloads: [Vec::new(), Vec::new()],
            valid: [None; 2],
            selected: [None; 2],
            sent: Vec::new(),
            queue: BTreeMap::new(),
            number: 0,
            rng,
        }
    }

    /// Two agents with these hosts each, all signalled.
    pub(crate) fn hosts(seed: u64, a: &[&str], z: &[&str]) -> Self {
        let mut world = Self::new(seed);
        world.add_hosts(A, a);
        world.add_hosts(Z, z);
        world.exchange_credentials();
        world
    }

    pub(crate) fn pair(seed: u64) -> Self {
        Self::hosts(seed, &["10.0.0.1:1000"], &["10.0.0.2:2000"])
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(origin())
    }

    pub(crate) fn add_hosts(&mut self, who: usize, addresses: &[&str]) {
        for address in addresses {
            self.hosts[who].push(addr(address));
            self.agents[who].add_local_host(self.now, addr(address)).unwrap();
        }
    }

    pub(crate) fn exchange_credentials(&mut self) {
        for who in [A, Z] {
            let credentials = self.agents[who].local_credentials().clone();
            self.agents[1 - who].set_remote_credentials(self.now, credentials).unwrap();
        }
        self.drain();
    }

    /// Takes all outputs: datagrams to the network, events to the list, candidates to the peer.
    pub(crate) fn drain(&mut self) {
        loop {
            let mut idle = true;
            for who in [A, Z] {
                let mut out = Vec::new();
                while let Some(transmit) = self.agents[who].poll_transmit(self.now, &mut out) {
                    assert_eq!(transmit.len, out.len());
                    let (source, destination) = (transmit.source, transmit.destination);
                    self.send(who, Packet { source, destination, bytes: std::mem::take(&mut out) });
                    idle = false;
                }
                while let Some(event) = self.agents[who].poll_event() {
                    if let (true, Event::LocalCandidate { candidate, .. }) = (self.trickle, &event) {
                        let _ = self.agents[1 - who].add_remote_candidate(self.now, candidate);
                    }
                    self.events[who].push((self.elapsed(), event));
                    idle = false;
                }
                let elapsed = self.elapsed();
                if self.agents[who].route().is_some() {
                    self.valid[who].get_or_insert(elapsed);
                }
                if self.agents[who].state() == State::Completed {
                    self.selected[who].get_or_insert(elapsed);
                }
            }
            if idle {
                return;
            }
        }
    }

    pub(crate) fn send(&mut self, who: usize, mut packet: Packet) {
        self.sent.push((self.elapsed(), who, packet.clone()));
        if let Some(nat) = &mut self.nats[who] {
            packet.source = nat.outward(packet.source, packet.destination);
        }
        self.transport(&packet);
    }

    pub(crate) fn transport(&mut self, packet: &Packet) {
        let elapsed = self.elapsed();
        let times = 1 + usize::from(self.rng.random_bool(self.duplication));
        for _ in 0..times {
            if (self.judge)(elapsed, packet) && !self.rng.random_bool(self.loss) {
                self.number += 1;
                self.queue.insert((self.now + self.latency, self.number), packet.clone());
            }
        }
    }

    fn deliver(&mut self, packet: Packet) {
        let Packet { source, mut destination, mut bytes } = packet;
        if destination == addr(STUN_SERVER) {
            let request = Message::parse(&bytes).unwrap();
            let mut answer = Vec::new();
            let message = MessageBuilder::success(&mut answer, &request);
            message.attribute(&XorMappedAddress(source)).fingerprint().finish().unwrap();
            return self.transport(&Packet { source: destination, destination: source, bytes: answer });
        }
        for who in [A, Z] {
            match &self.nats[who] {
                Some(nat) => match nat.inward(source, destination) {
                    Some(inner) => destination = inner,
                    None => continue,
                },
                None if self.hosts[who].contains(&destination) => {}
                None => continue,
            }
            let route = Route::new(destination, source);
            if let Input::Payload { payload, .. } = self.agents[who].handle_input(self.now, route, &mut bytes)
            {
                self.payloads[who].push(payload.to_vec());
            }
            return;
        }
    }

    /// Handles exactly one thing; false when nothing is left to happen.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        let packet = self.queue.keys().next().map(|(at, _)| *at);
        let deadlines = [A, Z].map(|who| self.agents[who].poll_timeout());
        let next = [packet, deadlines[A], deadlines[Z]].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= until) else { return false };
        self.now = self.now.max(next);
        if packet == Some(next) {
            let (_, packet) = self.queue.pop_first().unwrap();
            self.deliver(packet);
        } else {
            let who = if deadlines[A] == Some(next) { A } else { Z };
            self.agents[who].handle_timeout(self.now);
        }
        self.drain();
        true
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        let mut steps = 0;
        while self.step(until) {
            steps += 1;
            assert!(steps < 200_000, "it spins");
        }
        self.now = until;
    }

    /// Runs until the predicate holds; panics with a diagnosis when it does not within `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let until = self.now + limit;
        while !done(self) {
            if !self.step(until) {
                for who in [A, Z] {
                    let agent = &self.agents[who];
                    eprintln!("{who}: {} {} {:?}", agent.state(), agent.role(), agent.stats());
                    agent.pairs().for_each(|pair| eprintln!("  {pair}"));
                }
                panic!("not done within {limit:?}");
            }
        }
    }

    pub(crate) fn completed(&self) -> bool {
        self.agents.iter().all(|agent| agent.state() == State::Completed)
    }

    pub(crate) fn connect(&mut self) {
        self.run_until(Duration::from_secs(60), Self::completed);
        let routes = [A, Z].map(|who| self.agents[who].selected_pair().unwrap().route);
        if self.nats.iter().all(Option::is_none) {
            assert_eq!((routes[A].local, routes[A].remote), (routes[Z].remote, routes[Z].local));
        }
    }

    pub(crate) fn data(&mut self, who: usize, payload: &[u8]) {
        let route = self.agents[who].route().expect("a route to send on");
        self.send(who, Packet { source: route.local, destination: route.remote, bytes: payload.to_vec() });
    }

    pub(crate) fn saw(&self, who: usize, wanted: impl Fn(&Event) -> bool) -> Option<Duration> {
        self.events[who].iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }
}

pub(crate) fn signal(world: &mut World, from: usize, candidates: &[Candidate]) {
    for candidate in candidates {
        world.agents[1 - from].add_remote_candidate(world.now, candidate).unwrap();
    }
    world.drain();
}

pub(crate) fn candidate(text: &str) -> Candidate {
    Candidate::parse(text).unwrap()
}

pub(crate) fn is_request(packet: &Packet) -> bool {
    packet.bytes.starts_with(&[0, 1])
}

/// A check to the owner of `own`, from the peer whose fragment is `peer`.
pub(crate) fn signed_check(own: &Credentials, peer: &str, number: u32, nominates: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut id = [0; 12];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let username = format!("{}:{peer}", own.ufrag());
    let mut message = MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId(id))
        .attribute(&Username::new(&username).unwrap())
        .attribute(&IceControlling(u64::MAX))
        .attribute(&Priority(number));
    if nominates {
        message = message.attribute(&UseCandidate);
    }
    message.integrity(&IntegrityKey::short_term(own.password())).fingerprint().finish().unwrap();
    out
}
