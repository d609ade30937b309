//! Client, server and discovery, put through the laws that every machine keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Instant;

use nomagic_stun::discovery::{DiscoveryConfig, NatDiscovery, Socket};
use nomagic_stun::{
    BindingClient, BindingConfig, BindingServer, BindingServerConfig, FiveTuple, Message, Transport,
    UnauthenticatedAnswers,
};
use nomagic_testkit::laws::Subject;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::{clock, rng};

fn address() -> SocketAddr {
    "192.0.2.7:3478".parse().unwrap()
}

fn describe(datagram: &[u8]) -> String {
    Message::parse(datagram).map_or_else(|error| error.to_string(), |message| message.to_string())
}

struct Client(BindingClient);

impl Machine for Client {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.0.handle_input(now, address(), datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_event()).map(|event| format!("{event:?}")).collect()
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}

struct Server(BindingServer);

impl Server {
    fn new(seed: u64) -> Self {
        let mut config = BindingServerConfig::default();
        config.waiting = 2048;
        config.unauthenticated = UnauthenticatedAnswers { burst: 1 << 20, per_second: 1 << 20 };
        Self(BindingServer::new(config, &mut rng(seed)))
    }
}

impl Machine for Server {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        let client = "198.51.100.9:40000".parse().unwrap();
        let from = FiveTuple { client, server: address(), transport: Transport::Udp };
        self.0.handle_input(now, from, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}

/// A discovery whose two sockets are one, which no law minds.
struct Discovery(NatDiscovery);

impl Machine for Discovery {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.0.handle_input(now, Socket::First, address(), datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_event()).map(|event| format!("{event:?}")).collect()
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}

#[test]
fn the_client_keeps_all_laws() {
    let make = |seed| {
        let mut client = BindingClient::new(BindingConfig::default(), &mut rng(seed));
        for _ in 0..3 {
            client.bind(clock::origin(), address()).unwrap();
        }
        (Client(client), Server::new(seed))
    };
    let done = |client: &Client, _: &Server| client.0.stats().answers == 3;
    Subject { make: &make, done: &done, memory: 16 << 10 }.keeps_all_laws();
}

#[test]
fn the_discovery_keeps_all_laws() {
    let make = |seed| {
        let own = "198.51.100.9:40000".parse().unwrap();
        let mut discovery = NatDiscovery::new(DiscoveryConfig::new(address(), own, own), &mut rng(seed));
        discovery.start(clock::origin());
        (Discovery(discovery), Server::new(seed))
    };
    let done = |discovery: &Discovery, _: &Server| discovery.0.report().mapped.is_some();
    Subject { make: &make, done: &done, memory: 16 << 10 }.keeps_all_laws();
}
