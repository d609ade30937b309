//! The client against a server that answers everything, put through the laws that every machine keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use nomagic_stun::attribute::XorMappedAddress;
use nomagic_stun::{BindingClient, BindingConfig, Message, MessageBuilder, MessageType};
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

/// A server's whole work: answers, until it is closed.
#[derive(Default)]
struct Server {
    answers: VecDeque<Vec<u8>>,
    closed: bool,
}

impl Machine for Server {
    fn handle_input(&mut self, _: Instant, datagram: &mut [u8]) {
        let Ok(request) = Message::parse(datagram) else { return };
        if request.message_type() == MessageType::BINDING_REQUEST && !self.closed {
            let mut response = Vec::new();
            MessageBuilder::success(&mut response, &request)
                .attribute(&XorMappedAddress(address()))
                .fingerprint()
                .finish()
                .unwrap();
            self.answers.push_back(response);
            self.answers.truncate(16);
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_transmit(&mut self, _: Instant, out: &mut Vec<u8>) -> bool {
        self.answers.pop_front().map(|response| out.extend(response)).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn close(&mut self, _: Instant) {
        (self.closed, self.answers) = (true, VecDeque::new());
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
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
        (Client(client), Server::default())
    };
    let done = |client: &Client, _: &Server| client.0.stats().answers == 3;
    Subject { make: &make, done: &done, memory: 16 << 10 }.keeps_all_laws();
}
