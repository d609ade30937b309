//! What is found behind each kind of NAT, and without one.

use std::time::Duration;

use nomagic_stun::attribute::{ChangeRequest, Padding};
use nomagic_stun::discovery::{DiscoveryEvent, Finding, NatFiltering, NatMapping, NatReport};
use nomagic_stun::{BindingOutcome, Message};
use nomagic_testkit::link::Link;

use crate::nat::Nat;
use crate::world::*;

const MAPPINGS: [NatMapping; 3] =
    [NatMapping::EndpointIndependent, NatMapping::AddressDependent, NatMapping::AddressAndPortDependent];
const FILTERINGS: [NatFiltering; 3] = [
    NatFiltering::EndpointIndependent,
    NatFiltering::AddressDependent,
    NatFiltering::AddressAndPortDependent,
];

fn link() -> Link {
    Link::latency(LATENCY)
}

fn nat(place: Place, mapping: NatMapping, filtering: NatFiltering) -> Nat {
    Nat::new(mapping, filtering, &[place.outer])
}

fn discover(place: Place, nat: Option<Nat>, link: fn() -> Link) -> (NatReport, World) {
    let nat = nat.map(|nat| Box::new(nat) as Box<dyn nomagic_testkit::net::Middlebox>);
    let mut world = World::new(place, nat, asking(place), serving(place), link);
    (world.run(), world)
}

/// All nine combinations, IPv4 and IPv6, and again where every tenth datagram is lost.
#[test]
fn all_nine_kinds_of_nat_are_named_right() {
    let lossy = || Link::latency(LATENCY).loss(0.1);
    for (place, link) in [(V4, link as fn() -> Link), (V6, link), (V4, lossy), (V6, lossy)] {
        for mapping in MAPPINGS {
            for filtering in FILTERINGS {
                let (report, world) = discover(place, Some(nat(place, mapping, filtering)), link);
                let kind = format!("{mapping} mapping, {filtering} filtering: {report:?}");
                assert_eq!(report.mapping, Finding::Known(mapping), "{kind}");
                assert_eq!(report.filtering, Finding::Known(filtering), "{kind}");
                assert!(report.translated, "{kind}");
                assert_eq!(report.mapped.map(|own| own.ip().to_string()).as_deref(), Some(place.outer));
                assert_eq!(report.other, Some(address(place.other)));
                assert_eq!(report.rewriting, Finding::Known(false));
                assert_eq!(report.fragments, Finding::Known(true), "{kind}");
                assert_eq!(report.contact, report.mapped.map(BindingOutcome::Mapped));
                let events = [
                    DiscoveryEvent::Contact,
                    DiscoveryEvent::Filtering,
                    DiscoveryEvent::Mapping,
                    DiscoveryEvent::Fragments,
                    DiscoveryEvent::Hairpinning,
                    DiscoveryEvent::Done,
                ];
                assert_eq!(world.events, events);
                let seconds = world.clock.elapsed().as_secs();
                assert!(seconds < 60, "{kind} took {seconds} s");
            }
        }
    }
}

/// A NAT that hairpins is told from one that does not, whatever its filter, as long as both sockets keep one outer address.
#[test]
fn hairpinning_is_told_from_its_absence() {
    for filtering in FILTERINGS {
        for hairpins in [true, false] {
            let mut nat = nat(V4, NatMapping::EndpointIndependent, filtering);
            nat.hairpins = hairpins;
            let (report, _) = discover(V4, Some(nat), link);
            assert_eq!(report.hairpinning, Finding::Known(hairpins), "{filtering}");
        }
    }
}

#[test]
fn without_a_nat_there_is_nothing_to_map_or_hairpin() {
    let place = Place { first: "203.0.113.9:5000", second: "203.0.113.9:5001", ..V4 };
    let (report, world) = discover(place, None, link);
    assert!(!report.translated);
    assert_eq!(report.mapped, Some(address(place.first)));
    assert_eq!(report.mapping, Finding::Known(NatMapping::EndpointIndependent));
    assert_eq!(report.filtering, Finding::Known(NatFiltering::EndpointIndependent));
    assert_eq!(report.hairpinning, Finding::Untested);
    let asked_elsewhere = world.sent.iter().any(|(_, _, to, _)| *to != address(place.server));
    assert!(!asked_elsewhere, "the mapping is known without asking");
}

/// Filtering depends on what has been sent before, so nothing goes to the other address until it is known.
#[test]
fn filtering_is_found_before_anything_goes_to_the_other_address() {
    let nat = nat(V4, NatMapping::EndpointIndependent, NatFiltering::AddressAndPortDependent);
    let (_, world) = discover(V4, Some(nat), link);
    let last_change = world.sent.iter().rposition(|(.., bytes)| {
        Message::parse(bytes).unwrap().attribute::<ChangeRequest>().unwrap().is_some()
    });
    let first_elsewhere = world.sent.iter().position(|(_, _, to, _)| *to != address(V4.server));
    assert!(last_change.unwrap() < first_elsewhere.unwrap());
}

//= rfc5780#5-7 test
#[test]
fn no_more_than_ten_transactions_begin_in_a_second() {
    let nearby = || Link::latency(Duration::from_micros(100));
    let nat = nat(V4, NatMapping::AddressAndPortDependent, NatFiltering::EndpointIndependent);
    let (_, world) = discover(V4, Some(nat), nearby);
    let begun: Vec<Duration> = world.transactions().into_iter().map(|(at, _)| at).collect();
    assert!(begun.len() >= 7, "{begun:?}");
    for window in begun.windows(11) {
        assert!(window[10] - window[0] >= Duration::from_secs(1), "{begun:?}");
    }
    // Nor do two begin together, but for those that the sockets send to each other.
    let together = begun.windows(2).filter(|pair| pair[1] - pair[0] < Duration::from_millis(100)).count();
    assert!(together <= 1, "{begun:?}");
}

//= rfc5780#5-5 test
#[test]
fn padding_makes_a_datagram_longer_than_the_mtu() {
    let nat = nat(V4, NatMapping::EndpointIndependent, NatFiltering::EndpointIndependent);
    let (_, world) = discover(V4, Some(nat), link);
    let padded = world.sent.iter().filter(|(.., bytes)| {
        let padding = Message::parse(bytes).unwrap().attribute::<Padding<'_>>().unwrap();
        padding.is_some_and(|padding| padding.0.len() == 1500)
    });
    assert_eq!(padded.count(), 1);
    let fragile = || Link::latency(LATENCY).largest(1400);
    let nat = Nat::new(NatMapping::AddressDependent, NatFiltering::AddressDependent, &[V4.outer]);
    let (report, _) = discover(V4, Some(nat), fragile);
    assert_eq!(report.fragments, Finding::Known(false));
    assert_eq!(report.mapping, Finding::Known(NatMapping::AddressDependent), "all else goes on");
}

/// Section 4.6: bindings of different lifetimes, found to within five seconds, and one that outlasts the search.
#[test]
fn the_lifetime_of_a_binding_is_found() {
    for seconds in [17, 30, 65, 120, 301] {
        for filtering in FILTERINGS {
            let mut nat = nat(V4, NatMapping::EndpointIndependent, filtering);
            nat.lifetime = Duration::from_secs(seconds);
            let mut asking = asking(V4);
            asking.lifetime = Some(Duration::from_secs(600));
            let mut world = World::new(V4, Some(Box::new(nat)), asking, serving(V4), link);
            let found = world.run().lifetime.known().expect("a lifetime");
            let less_than = found.less_than.expect("an end");
            let lifetime = Duration::from_secs(seconds);
            let slack = Duration::from_millis(200);
            assert!(
                found.at_least <= lifetime + slack && lifetime <= less_than + slack,
                "{seconds}: {found:?}"
            );
            assert!(less_than - found.at_least <= Duration::from_secs(5), "{seconds}: {found:?}");
            let narrowed = world.events.iter().filter(|event| **event == DiscoveryEvent::Lifetime).count();
            assert!(narrowed >= 2);
        }
    }
    let mut nat = nat(V4, NatMapping::EndpointIndependent, NatFiltering::EndpointIndependent);
    nat.lifetime = Duration::from_secs(3600);
    let mut asking = asking(V4);
    asking.lifetime = Some(Duration::from_secs(100));
    let mut world = World::new(V4, Some(Box::new(nat)), asking, serving(V4), link);
    let found = world.run().lifetime.known().unwrap();
    assert_eq!((found.at_least, found.less_than), (Duration::from_secs(100), None));
}
