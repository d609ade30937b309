//! What is found behind each kind of NAT, and without one.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nomagic_stun::attribute::{ChangeRequest, Padding};
use nomagic_stun::discovery::{DiscoveryEvent, Finding, NatFiltering, NatMapping, NatReport};
use nomagic_stun::{BindingOutcome, Message};
use nomagic_testkit::link::Link;
use nomagic_testkit::nat::{Dependence, Firewall, Nat, Ports};
use nomagic_testkit::net::{Ends, Middlebox};

use crate::world::*;

/// What we should call a NAT that is made so.
fn mapping(dependence: Dependence) -> NatMapping {
    match dependence {
        Dependence::Endpoint => NatMapping::EndpointIndependent,
        Dependence::Address => NatMapping::AddressDependent,
        Dependence::AddressAndPort => NatMapping::AddressAndPortDependent,
    }
}

fn filtering(dependence: Dependence) -> NatFiltering {
    match dependence {
        Dependence::Endpoint => NatFiltering::EndpointIndependent,
        Dependence::Address => NatFiltering::AddressDependent,
        Dependence::AddressAndPort => NatFiltering::AddressAndPortDependent,
    }
}

fn link() -> Link {
    Link::latency(LATENCY)
}

fn combinations() -> impl Iterator<Item = (Dependence, Dependence)> {
    Dependence::ALL.into_iter().flat_map(|maps| Dependence::ALL.map(|filters| (maps, filters)))
}

fn nat(place: Place, mapping: Dependence, filtering: Dependence) -> Nat {
    Nat::new(place.outer.parse().unwrap(), mapping, filtering).ports(Ports::Random, 5)
}

fn discover(
    place: Place,
    middlebox: Option<impl Middlebox + 'static>,
    link: fn() -> Link,
) -> (NatReport, World) {
    let middlebox = middlebox.map(|own| Box::new(own) as Box<dyn Middlebox>);
    let mut world = World::new(place, middlebox, asking(place), serving(place), link);
    (world.run(), world)
}

/// All nine combinations, IPv4 and IPv6, and again where every tenth datagram is lost.
#[test]
fn all_nine_kinds_of_nat_are_named_right() {
    let lossy = || Link::latency(LATENCY).loss(0.1);
    for (place, link) in [(V4, link as fn() -> Link), (V6, link), (V4, lossy), (V6, lossy)] {
        for (maps, filters) in combinations() {
            let (report, world) = discover(place, Some(nat(place, maps, filters)), link);
            let (mapping, filtering) = (mapping(maps), filtering(filters));
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

/// What is asked, in which order, and what is made of it: behind the most open NAT, one in between, and the most closed.
#[test]
fn the_course_of_a_discovery() {
    let mut text = String::new();
    for dependence in Dependence::ALL {
        let (_, world) = discover(V4, Some(nat(V4, dependence, dependence)), link);
        text += &format!("{} mapping and filtering\n\n{}\n", mapping(dependence), world.ladder);
    }
    nomagic_testkit::golden!("discovery.txt", text);
}

/// A NAT that hairpins is told from one that does not, whatever its filter, as long as both sockets keep one outer address.
#[test]
fn hairpinning_is_told_from_its_absence() {
    for filters in Dependence::ALL {
        for hairpins in [true, false] {
            let nat = nat(V4, Dependence::Endpoint, filters).hairpinning(hairpins);
            let (report, _) = discover(V4, Some(nat), link);
            assert_eq!(report.hairpinning, Finding::Known(hairpins), "{filters:?}");
        }
    }
}

#[test]
fn without_a_nat_there_is_nothing_to_map_or_hairpin() {
    let place = Place { first: "203.0.113.9:5000", second: "203.0.113.9:5001", ..V4 };
    let (report, world) = discover(place, None::<Nat>, link);
    assert!(!report.translated);
    assert_eq!(report.mapped, Some(address(place.first)));
    assert_eq!(report.mapping, Finding::Known(NatMapping::EndpointIndependent));
    assert_eq!(report.filtering, Finding::Known(NatFiltering::EndpointIndependent));
    assert_eq!(report.hairpinning, Finding::Untested);
    let asked_elsewhere = world.sent.iter().any(|(_, _, to, _)| *to != address(place.server));
    assert!(!asked_elsewhere, "the mapping is known without asking");
}

/// A firewall filters and does not translate: the filter is named, and nothing is said of a NAT.
#[test]
fn a_firewall_is_told_from_a_nat() {
    for place in [V4, V6] {
        for filters in Dependence::ALL {
            let host = address(place.first).ip();
            let (report, _) = discover(place, Some(Firewall::new(&[host], filters)), link);
            assert!(!report.translated);
            assert_eq!(report.filtering, Finding::Known(filtering(filters)), "{filters:?}");
            assert_eq!(report.mapping, Finding::Known(NatMapping::EndpointIndependent));
            assert_eq!(report.hairpinning, Finding::Untested);
        }
    }
}

/// Filtering depends on what has been sent before, so nothing goes to the other address until it is known.
#[test]
fn filtering_is_found_before_anything_goes_to_the_other_address() {
    let nat = nat(V4, Dependence::Endpoint, Dependence::AddressAndPort);
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
    let nat = nat(V4, Dependence::AddressAndPort, Dependence::Endpoint);
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
    let (_, world) = discover(V4, Some(nat(V4, Dependence::Endpoint, Dependence::Endpoint)), link);
    let padded = world.sent.iter().filter(|(.., bytes)| {
        let padding = Message::parse(bytes).unwrap().attribute::<Padding<'_>>().unwrap();
        padding.is_some_and(|padding| padding.0.len() == 1500)
    });
    assert_eq!(padded.count(), 1);
    let fragile = || Link::latency(LATENCY).largest(1400);
    let (report, _) = discover(V4, Some(nat(V4, Dependence::Address, Dependence::Address)), fragile);
    assert_eq!(report.fragments, Finding::Known(false));
    assert_eq!(report.mapping, Finding::Known(NatMapping::AddressDependent), "all else goes on");
}

/// Section 4.6: bindings of different lifetimes, found to within five seconds, and one that outlasts the search.
#[test]
fn the_lifetime_of_a_binding_is_found() {
    for seconds in [17, 30, 65, 120, 301] {
        for filters in Dependence::ALL {
            let nat = nat(V4, Dependence::Endpoint, filters).lifetime(Duration::from_secs(seconds));
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
    let nat = nat(V4, Dependence::Endpoint, Dependence::Endpoint).lifetime(Duration::from_secs(3600));
    let mut asking = asking(V4);
    asking.lifetime = Some(Duration::from_secs(100));
    let mut world = World::new(V4, Some(Box::new(nat)), asking, serving(V4), link);
    let found = world.run().lifetime.known().unwrap();
    assert_eq!((found.at_least, found.less_than), (Duration::from_secs(100), None));
}

/// Gives each new binding the lowest port that is free, so that the second socket gets the first's as soon as it is.
struct LowestPort {
    lifetime: Duration,
    /// By outer port from 7: the inner address and when it last sent.
    bindings: Vec<(SocketAddr, Instant)>,
}

impl Middlebox for LowestPort {
    fn outward(&mut self, now: Instant, (inside, remote): Ends) -> Option<Ends> {
        let alive = |used: &Instant| now.saturating_duration_since(*used) < self.lifetime;
        let own = self.bindings.iter().position(|(own, used)| *own == inside && alive(used));
        let free = self.bindings.iter().position(|(_, used)| !alive(used));
        let index = own.or(free).unwrap_or(self.bindings.len());
        if index == self.bindings.len() {
            self.bindings.push((inside, now));
        }
        self.bindings[index] = (inside, now);
        Some((SocketAddr::new(self.addresses()[0], 7 + u16::try_from(index).unwrap()), remote))
    }

    fn inward(&mut self, now: Instant, (remote, to): Ends) -> Option<Ends> {
        let (inside, used) = self.bindings.get(usize::from(to.port().checked_sub(7)?))?;
        (now.saturating_duration_since(*used) < self.lifetime).then_some((remote, *inside))
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![V4.outer.parse().unwrap()]
    }
}

/// Section 4.6: an answer that arrives at the socket that asked says that the binding was gone, and its port given away.
#[test]
fn an_answer_at_the_wrong_socket_is_the_end_of_the_binding() {
    let nat = LowestPort { lifetime: Duration::from_secs(40), bindings: Vec::new() };
    let mut asking = asking(V4);
    asking.lifetime = Some(Duration::from_secs(600));
    let mut world = World::new(V4, Some(Box::new(nat)), asking, serving(V4), link);
    let found = world.run().lifetime.known().unwrap();
    let less_than = found.less_than.expect("an end");
    assert!(found.at_least <= Duration::from_secs(40) && less_than >= Duration::from_secs(40), "{found:?}");
    assert!(less_than <= Duration::from_secs(45), "{found:?}");
}
