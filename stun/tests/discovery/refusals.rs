//! Servers that cannot help, or not with everything, and answers that are not to be believed.

use std::time::Duration;

use nomagic_stun::attribute::*;
use nomagic_stun::discovery::{DiscoveryEvent, Finding, NatDiscovery, NatFiltering, NatMapping, Socket};
use nomagic_stun::*;
use nomagic_testkit::clock::Clock;
use nomagic_testkit::link::Link;
use nomagic_testkit::nat::{Dependence, Nat};
use nomagic_testkit::rng;

use crate::world::*;

fn link() -> Link {
    Link::latency(LATENCY)
}

fn nat() -> Box<Nat> {
    Box::new(Nat::new(V4.outer.parse().unwrap(), Dependence::Address, Dependence::Address))
}

/// A plain server answers with an address and knows nothing of the rest.
//= rfc5780#5-1 test
//= rfc5780#5-3 test
#[test]
fn a_plain_server_leaves_mapping_and_filtering_unknown() {
    let mut asking = asking(V4);
    asking.lifetime = Some(Duration::from_secs(60));
    let mut world = World::new(V4, Some(nat()), asking, BindingServerConfig::default(), link);
    let report = world.run();
    assert!(report.translated && report.mapped.is_some());
    assert_eq!((report.mapping, report.filtering), (Finding::Unsupported, Finding::Unsupported));
    assert_eq!((report.fragments, report.lifetime), (Finding::Unsupported, Finding::Unsupported));
    assert_eq!(report.rewriting, Finding::Untested);
}

#[test]
fn silence_and_refusals_end_the_discovery() {
    let mut world = World::new(V4, Some(nat()), asking(V4), serving(V4), || Link::new().loss(1.0));
    let report = world.run();
    assert_eq!(report.contact, Some(BindingOutcome::TimedOut));
    assert_eq!(world.clock.elapsed(), Duration::from_millis(39_500));
    assert_eq!(world.events, [DiscoveryEvent::Contact, DiscoveryEvent::Done]);

    let mut locked = serving(V4);
    locked.admission = Admission::ShortTerm(Vec::new());
    let mut world = World::new(V4, Some(nat()), asking(V4), locked, link);
    let refused = BindingOutcome::Refused { code: ErrorCode::BAD_REQUEST, alternate: None };
    assert_eq!(world.run().contact, Some(refused));
}

#[test]
fn with_a_credential_a_locked_server_helps() {
    let mut locked = serving(V4);
    let mut users = Users::new("example.org").unwrap();
    users.add("alice", "secret").unwrap();
    locked.admission = Admission::LongTerm(users);
    let mut asking = asking(V4);
    asking.credential = Some(LongTermCredential::new("alice", "secret").unwrap().into());
    let mut world = World::new(V4, Some(nat()), asking, locked, link);
    let report = world.run();
    assert_eq!(report.mapping, Finding::Known(NatMapping::AddressDependent));
    assert_eq!(report.filtering, Finding::Known(NatFiltering::AddressDependent));
}

/// Section 5: nobody is to be sent elsewhere unasked.
//= rfc5780#5-6 test
#[test]
fn a_redirection_is_not_followed() {
    let mut clock = Clock::new();
    let mut discovery = NatDiscovery::new(asking(V4), &mut rng(1));
    discovery.start(clock.now());
    let mut out = Vec::new();
    discovery.poll_transmit(clock.now(), &mut out).unwrap();
    let request = Message::parse(&out).unwrap();
    let mut answer = Vec::new();
    MessageBuilder::error(&mut answer, &request)
        .attribute(&ErrorReason::bare(ErrorCode::TRY_ALTERNATE))
        .attribute(&AlternateServer(address("192.0.2.99:3478")))
        .finish()
        .unwrap();
    clock.advance(Duration::from_millis(40));
    discovery.handle_input(clock.now(), Socket::First, address(V4.server), &mut answer);
    assert_eq!(discovery.poll_transmit(clock.now(), &mut Vec::new()), None);
    assert_eq!(discovery.poll_event(), Some(DiscoveryEvent::Contact));
    assert_eq!(discovery.poll_event(), Some(DiscoveryEvent::Done));
}

/// A server that announces another address and answers from its own all the same cannot tell the filter.
#[test]
fn a_server_that_answers_from_the_wrong_address_is_not_taken_for_a_filter() {
    let (mut clock, server) = (Clock::new(), address(V4.server));
    let mut discovery = NatDiscovery::new(asking(V4), &mut rng(1));
    discovery.start(clock.now());
    let mut out = Vec::new();
    for _ in 0..100 {
        out.clear();
        if discovery.poll_transmit(clock.now(), &mut out).is_some() {
            let request = Message::parse(&out).unwrap();
            let mut answer = Vec::new();
            MessageBuilder::success(&mut answer, &request)
                .attribute(&XorMappedAddress(address("203.0.113.1:9")))
                .attribute(&MappedAddress(address("203.0.113.1:10")))
                .attribute(&OtherAddress(address(V4.other)))
                .finish()
                .unwrap();
            // From an address that nobody was asked to answer from it never came.
            let stranger = address("192.0.2.66:1");
            discovery.handle_input(clock.now(), Socket::First, stranger, &mut answer.clone());
            discovery.handle_input(clock.now(), Socket::First, server, &mut answer);
        }
        let Some(due) = discovery.poll_timeout() else { break };
        clock.advance_to(due);
        discovery.handle_timeout(due);
        if discovery.report().filtering != Finding::Untested {
            break;
        }
    }
    assert_eq!(discovery.report().filtering, Finding::Unsupported);
    assert_eq!(discovery.report().rewriting, Finding::Known(true), "the plain address was rewritten");
}

/// An announced address that is no other one is none.
#[test]
fn an_other_address_that_is_none_is_not_believed() {
    for other in [
        "192.0.2.7:3479",
        "192.0.2.8:3478",
        "192.0.2.8:0",
        "[2001:db8::8]:3479",
        "0.0.0.0:3479",
        "127.0.0.1:3479",
        "224.0.0.1:3479",
        "255.255.255.255:3479",
    ] {
        let clock = Clock::new();
        let mut discovery = NatDiscovery::new(asking(V4), &mut rng(1));
        discovery.start(clock.now());
        let mut out = Vec::new();
        discovery.poll_transmit(clock.now(), &mut out).unwrap();
        let mut answer = Vec::new();
        MessageBuilder::success(&mut answer, &Message::parse(&out).unwrap())
            .attribute(&XorMappedAddress(address("203.0.113.1:9")))
            .attribute(&OtherAddress(address(other)))
            .finish()
            .unwrap();
        discovery.handle_input(clock.now(), Socket::First, address(V4.server), &mut answer);
        assert_eq!(discovery.report().other, None, "{other}");
        assert_eq!(discovery.report().mapping, Finding::Unsupported);
    }
}
