//! Who nominates: role conflicts, lite peers, peers that nominate aggressively.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_ice::{Agent, Config, Event, Input, Nomination, Role, Route, SelectionReason, State};
use nomagic_stun::attribute::{
    IceControlled, IceControlling, Priority, UseCandidate, Username, XorMappedAddress,
};
use nomagic_stun::{AttributeType, Class, IntegrityKey, Message, MessageBuilder, MessageType, TransactionId};

//= rfc8445#7.2.5.1-1 test
//= rfc8445#7.2.5.1-2 test
//= rfc8445#7.2.5.1-3 test
//= rfc8445#7.3.1.1-2 test
#[test]
fn two_agents_with_one_role_settle_it_and_connect() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..20 {
            for loss in [0.0, 0.2] {
                let mut world = World::with(seed, Config::new(role), Config::new(role));
                world.loss = loss;
                world.add_hosts(A, &["10.0.0.1:1"]);
                world.add_hosts(Z, &["10.0.0.2:2"]);
                world.exchange_credentials();
                world.connect();
                assert_ne!(world.agents[A].role(), world.agents[Z].role(), "{role} seed {seed}");
                let conflicts: u64 = world.agents.iter().map(|agent| agent.stats().role_conflicts).sum();
                assert!(conflicts > 0);
            }
        }
    }
}

/// The other side, written by hand: it knows the credentials and says what the test wants.
struct Peer {
    agent: Agent,
    world: World,
    own: &'static str,
    key: IntegrityKey,
    number: u8,
}

const HOST: &str = "10.0.0.1:1";
const REMOTE: &str = "10.0.0.2:2";
const PASSWORD: &str = "peerpeerpeerpeerpeerpeer";

impl Peer {
    fn new(config: Config, candidates: &[&str]) -> Self {
        let world = World::new(1);
        let mut agent = Agent::new(config, &mut nomagic_testkit::rng(9));
        agent.add_local_host(world.now, addr(HOST)).unwrap();
        for text in candidates {
            agent.add_remote_candidate(world.now, &candidate(text)).unwrap();
        }
        let credentials = nomagic_ice::Credentials::new("peer", PASSWORD).unwrap();
        agent.set_remote_credentials(world.now, credentials).unwrap();
        Self { agent, world, own: "peer", key: IntegrityKey::short_term(PASSWORD), number: 0 }
    }

    fn with_host(config: Config) -> Self {
        Self::new(config, &["1 1 udp 2130706431 10.0.0.2 2 typ host"])
    }

    /// Requests that the agent wants to send, as (destination, bytes).
    fn sent(&mut self) -> Vec<Packet> {
        let mut sent = Vec::new();
        let mut out = Vec::new();
        while let Some(transmit) = self.agent.poll_transmit(self.world.now, &mut out) {
            let (source, destination) = (transmit.source, transmit.destination);
            sent.push(Packet { source, destination, bytes: std::mem::take(&mut out) });
        }
        sent
    }

    /// Waits until the agent sends something.
    fn next(&mut self) -> Vec<Packet> {
        for _ in 0..100 {
            let sent = self.sent();
            if !sent.is_empty() {
                return sent;
            }
            self.world.now = self.agent.poll_timeout().expect("something to wait for").max(self.world.now);
            self.agent.handle_timeout(self.world.now);
        }
        panic!("nothing is sent");
    }

    fn input(&mut self, source: &str, bytes: &[u8]) {
        let route = Route::new(addr(HOST), addr(source));
        let mut bytes = bytes.to_vec();
        let input = self.agent.handle_input(self.world.now, route, &mut bytes);
        assert!(!matches!(input, Input::Payload { .. }));
    }

    fn answer(&mut self, packet: &Packet) {
        let request = Message::parse(&packet.bytes).unwrap();
        assert!(request.verify(&self.key).is_ok());
        let mut out = Vec::new();
        let message = MessageBuilder::success(&mut out, &request).attribute(&XorMappedAddress(packet.source));
        message.integrity(&self.key).fingerprint().finish().unwrap();
        self.input(&packet.destination.to_string(), &out);
    }

    fn refuse(&mut self, packet: &Packet, code: u16) {
        let request = Message::parse(&packet.bytes).unwrap();
        let mut out = Vec::new();
        let error = nomagic_stun::attribute::ErrorReason::bare(nomagic_stun::ErrorCode::new(code).unwrap());
        let message = MessageBuilder::error(&mut out, &request).attribute(&error);
        message.integrity(&self.key).fingerprint().finish().unwrap();
        self.input(&packet.destination.to_string(), &out);
    }

    fn check(&mut self, source: &str, role: Role, nominates: bool) {
        let tie_breaker = if role == Role::Controlling { u64::MAX } else { 0 };
        self.check_as(source, role, tie_breaker, nominates);
    }

    fn check_as(&mut self, source: &str, role: Role, tie_breaker: u64, nominates: bool) {
        self.number = self.number.wrapping_add(1);
        let own = self.agent.local_credentials();
        let (username, key) =
            (format!("{}:{}", own.ufrag(), self.own), IntegrityKey::short_term(own.password()));
        let mut out = Vec::new();
        let id = TransactionId([self.number; 12]);
        let username = Username::new(&username).unwrap();
        let mut message =
            MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, id).attribute(&username);
        message = match role {
            Role::Controlling => message.attribute(&IceControlling(tie_breaker)),
            Role::Controlled => message.attribute(&IceControlled(tie_breaker)),
        };
        message = message.attribute(&Priority(0x6e00_00ff));
        if nominates {
            message = message.attribute(&UseCandidate);
        }
        message.integrity(&key).fingerprint().finish().unwrap();
        self.input(source, &out);
    }

    fn selection(&mut self) -> Option<(String, SelectionReason)> {
        let mut found = None;
        while let Some(event) = self.agent.poll_event() {
            if let Event::SelectedPair { pair, reason } = event {
                found = Some((pair.route.remote.to_string(), reason));
            }
        }
        found
    }
}

fn class(packet: &Packet) -> Class {
    Message::parse(&packet.bytes).unwrap().class()
}

fn has(packet: &Packet, kind: AttributeType) -> bool {
    Message::parse(&packet.bytes).unwrap().attributes().any(|raw| raw.attribute_type == kind)
}

//= rfc8445#7.1.1-1 test
//= rfc8445#7.1.3-1 test
//= rfc8445#7.1.3-2 test
//= rfc8445#7.1.2-2 test
//= rfc8445#7.2.2-1 test
//= rfc8445#7.2.4-2 test
#[test]
fn a_check_carries_what_the_rfc_asks_for() {
    for role in [Role::Controlling, Role::Controlled] {
        let mut peer = Peer::with_host(Config::new(role));
        let packet = peer.next().remove(0);
        let check = Message::parse(&packet.bytes).unwrap();
        let username = check.attribute::<Username<'_>>().unwrap().unwrap();
        assert_eq!(username.as_str(), format!("peer:{}", peer.agent.local_credentials().ufrag()));
        assert_eq!(check.attribute::<Priority>().unwrap().unwrap().0, 110 << 24 | 65535 << 8 | 255);
        assert_eq!(check.attribute::<IceControlling>().unwrap().is_some(), role == Role::Controlling);
        assert_eq!(check.attribute::<IceControlled>().unwrap().is_some(), role == Role::Controlled);
        assert!(!has(&packet, AttributeType::USE_CANDIDATE));
        assert!(check.verify(&peer.key).is_ok() && check.has_fingerprint());
    }
}

//= rfc8445#7.1.2-1 test
//= rfc8445#8.1.1-3 test
#[test]
fn a_peer_that_never_checks_is_served_by_regular_nomination() {
    let mut peer = Peer::with_host(Config::new(Role::Controlled));
    peer.agent.set_remote_lite(peer.world.now);
    assert_eq!(peer.agent.role(), Role::Controlling, "a lite agent cannot control");
    let check = peer.next().remove(0);
    peer.answer(&check);
    assert_eq!(peer.agent.state(), State::Connected);
    let nomination = peer.next().remove(0);
    assert!(has(&nomination, AttributeType::USE_CANDIDATE));
    peer.answer(&nomination);
    assert_eq!(peer.agent.state(), State::Completed);
    assert_eq!(peer.selection(), Some((REMOTE.to_owned(), SelectionReason::Nominated)));
    let consent = peer.next().remove(0);
    assert!(!has(&consent, AttributeType::USE_CANDIDATE));
}

#[test]
fn a_nomination_that_is_lost_is_sent_again() {
    let mut peer = Peer::with_host(Config::new(Role::Controlling));
    let check = peer.next().remove(0);
    peer.answer(&check);
    let first = peer.next().remove(0);
    let second = peer.next().remove(0);
    assert_eq!(first.bytes, second.bytes);
    peer.answer(&second);
    assert_eq!(peer.agent.state(), State::Completed);
    peer.answer(&first);
}

//= rfc8445#7.2.5.3.4-1 test
#[test]
fn a_nomination_that_is_refused_ends_in_failure_when_patience_does() {
    let mut config = Config::new(Role::Controlling);
    config.nomination = Nomination::FirstValid;
    let mut peer = Peer::with_host(config);
    let check = peer.next().remove(0);
    peer.answer(&check);
    let nomination = peer.next().remove(0);
    peer.refuse(&nomination, 400);
    assert_eq!(peer.agent.route(), None, "the pair is not valid any more");
    assert_ne!(peer.agent.state(), State::Failed, "patience is not over");
    peer.world.now += Duration::from_secs(40);
    peer.agent.handle_timeout(peer.world.now);
    assert_eq!(peer.agent.state(), State::Failed);
}

#[test]
fn a_browser_that_nominates_with_its_first_check_gets_the_pair_once_ours_is_answered() {
    let mut peer = Peer::with_host(Config::new(Role::Controlled));
    peer.check(REMOTE, Role::Controlling, true);
    assert_eq!(peer.agent.selected_pair(), None, "not before our own check is answered");
    let route = Route::new(addr(HOST), addr(REMOTE));
    let mut hello = [22, 254, 253];
    let input = peer.agent.handle_input(peer.world.now, route, &mut hello);
    assert!(matches!(input, Input::Payload { .. }), "data may come in already");
    assert_eq!(peer.agent.route(), None, "and none may go out");
    let sent = peer.next();
    let check = sent.iter().find(|packet| class(packet) == Class::Request).unwrap().clone();
    peer.answer(&check);
    assert_eq!(peer.selection(), Some((REMOTE.to_owned(), SelectionReason::NominatedByPeer)));
}

//= rfc8445#8.1.1-4 test
#[test]
fn of_several_nominations_the_best_counts_while_it_answers() {
    let candidates = ["1 1 udp 100 10.0.0.2 2 typ host", "2 1 udp 900 10.0.0.2 3 typ host"];
    let mut peer = Peer::new(Config::new(Role::Controlled), &candidates);
    let settle = |peer: &mut Peer, source: &str| {
        peer.check(source, Role::Controlling, true);
        for _ in 0..4 {
            let sent = if peer.agent.poll_timeout().is_some() { peer.next() } else { peer.sent() };
            for packet in sent.iter().filter(|packet| class(packet) == Class::Request) {
                if packet.destination == addr(source) {
                    peer.answer(packet);
                }
            }
        }
        peer.selection()
    };
    assert_eq!(settle(&mut peer, "10.0.0.2:2").unwrap().1, SelectionReason::NominatedByPeer);
    let better = Some(("10.0.0.2:3".to_owned(), SelectionReason::Replaced));
    assert_eq!(settle(&mut peer, "10.0.0.2:3"), better);
    peer.check("10.0.0.2:2", Role::Controlling, true);
    assert_eq!(peer.selection(), None, "the worse one does not come back");
    // Unless the better one has fallen silent.
    let before = peer.world.now;
    while peer.world.now < before + Duration::from_secs(16) {
        peer.world.now = peer.agent.poll_timeout().unwrap();
        peer.agent.handle_timeout(peer.world.now);
        peer.sent();
    }
    assert_eq!(peer.agent.state(), State::Disconnected);
    let back = Some(("10.0.0.2:2".to_owned(), SelectionReason::Replaced));
    assert_eq!(settle(&mut peer, "10.0.0.2:2"), back);
    assert_eq!(peer.agent.route().unwrap().remote, addr("10.0.0.2:2"));
}

//= rfc8445#7.2.5.1-4 test
#[test]
fn a_role_conflict_answer_changes_role_and_number_once() {
    let mut peer = Peer::with_host(Config::new(Role::Controlling));
    let check = peer.next().remove(0);
    let number = |packet: &Packet| {
        let message = Message::parse(&packet.bytes).unwrap();
        let controlling = message.attribute::<IceControlling>().unwrap().map(|own| own.0);
        controlling.or(message.attribute::<IceControlled>().unwrap().map(|own| own.0)).unwrap()
    };
    peer.refuse(&check, 487);
    assert_eq!(peer.agent.role(), Role::Controlled);
    let again = peer.next().remove(0);
    assert!(has(&again, AttributeType::ICE_CONTROLLED));
    assert_ne!(number(&check), number(&again));
    peer.refuse(&check, 487);
    assert_eq!(peer.agent.role(), Role::Controlled, "an answer counts once");
}

//= rfc8445#7.3.1.1-3 test
#[test]
fn of_two_with_one_role_the_greater_number_controls() {
    for (role, number, ends_as, refused) in [
        (Role::Controlling, u64::MAX, Role::Controlled, false),
        (Role::Controlling, 0, Role::Controlling, true),
        (Role::Controlled, u64::MAX, Role::Controlled, true),
        (Role::Controlled, 0, Role::Controlling, false),
    ] {
        let mut peer = Peer::with_host(Config::new(role));
        let _ = peer.next();
        peer.check_as(REMOTE, role, number, false);
        assert_eq!(peer.agent.role(), ends_as, "{role} against {number}");
        let answer = peer.sent().remove(0);
        let answer = Message::parse(&answer.bytes).unwrap();
        assert_eq!(answer.to_string().contains("487"), refused, "{answer}");
        let own = IntegrityKey::short_term(peer.agent.local_credentials().password());
        assert!(answer.verify(&own).is_ok() && answer.has_fingerprint());
        let authenticated = peer.agent.pairs().next().unwrap().receives;
        assert_eq!(authenticated, !refused, "a refused check does not count");
    }
}

#[test]
fn a_peer_that_asks_and_never_answers_gets_few_checks_at_once() {
    let mut peer = Peer::with_host(Config::new(Role::Controlled));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..300 {
        peer.check(REMOTE, Role::Controlling, false);
        peer.world.now += ms(100);
        peer.agent.handle_timeout(peer.world.now);
        for packet in peer.sent().iter().filter(|packet| class(packet) == Class::Request) {
            ids.insert(packet.bytes[8..20].to_vec());
        }
    }
    assert_eq!(ids.len(), 4);
}

//= rfc8445#7.2.5.2.1-3 test
#[test]
fn an_answer_from_elsewhere_fails_the_pair() {
    let mut peer = Peer::with_host(Config::new(Role::Controlling));
    let mut check = peer.next().remove(0);
    check.destination = addr("10.0.0.66:2");
    peer.answer(&check);
    let pair = peer.agent.pairs().next().unwrap();
    assert_eq!(pair.state, nomagic_ice::PairState::Failed);
    assert_eq!(pair.trouble.unwrap().to_string(), "the answer came from 10.0.0.66:2 to 10.0.0.1:1");
}

//= rfc8445#7.2.5.2.4-1 test
#[test]
fn an_error_answer_fails_the_pair_until_the_peer_checks_it() {
    let mut peer = Peer::with_host(Config::new(Role::Controlled));
    let check = peer.next().remove(0);
    peer.refuse(&check, 500);
    assert_eq!(peer.agent.pairs().next().unwrap().state, nomagic_ice::PairState::Failed);
    peer.check(REMOTE, Role::Controlling, false);
    assert_eq!(class(&peer.sent().remove(0)), Class::Success);
    let check = peer.next().remove(0);
    peer.answer(&check);
    assert_eq!(peer.agent.state(), State::Connected);
}

//= rfc7675#5.2-1 test
#[test]
fn a_403_takes_consent_back_at_once() {
    let mut peer = Peer::with_host(Config::new(Role::Controlling));
    for _ in 0..2 {
        let packet = peer.next().remove(0);
        peer.answer(&packet);
    }
    assert_eq!(peer.agent.state(), State::Completed);
    let consent = peer.next().remove(0);
    peer.refuse(&consent, 403);
    assert_eq!((peer.agent.state(), peer.agent.route()), (State::Failed, None));
    assert_eq!(peer.agent.poll_timeout(), None);
}

#[test]
fn unknown_attributes_that_must_be_understood_are_refused_with_a_list() {
    let mut peer = Peer::with_host(Config::new(Role::Controlled));
    let _ = peer.next();
    let own = peer.agent.local_credentials();
    let (username, key) = (format!("{}:peer", own.ufrag()), IntegrityKey::short_term(own.password()));
    let mut out = Vec::new();
    let opaque = nomagic_stun::attribute::Opaque { attribute_type: AttributeType(0x7fff), value: &[1] };
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId([1; 12]))
        .attribute(&Username::new(&username).unwrap())
        .attribute(&opaque)
        .integrity(&key)
        .fingerprint()
        .finish()
        .unwrap();
    peer.input(REMOTE, &out);
    let answer = peer.sent().remove(0);
    let answer = Message::parse(&answer.bytes).unwrap();
    assert!(answer.verify(&key).is_ok());
    let text = answer.to_string();
    assert!(text.contains("420") && text.contains("UNKNOWN-ATTRIBUTES"), "{text}");
}
