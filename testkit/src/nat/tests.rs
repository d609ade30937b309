use std::collections::BTreeMap;

use super::*;
use crate::clock::origin;
use crate::net::Network;

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(30);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn inside() -> SocketAddr {
    address("10.0.0.1:5000")
}

fn nat(mapping: Dependence, filtering: Dependence) -> Nat {
    Nat::new(address("203.0.113.1:0").ip(), mapping, filtering).lifetime(LIFETIME)
}

/// One far end, the same host at another port, and another host.
fn far_ends() -> [SocketAddr; 3] {
    [address("192.0.2.1:3478"), address("192.0.2.1:3479"), address("192.0.2.2:3478")]
}

fn combinations() -> impl Iterator<Item = (Dependence, Dependence)> {
    Dependence::ALL.into_iter().flat_map(|mapping| Dependence::ALL.map(|filtering| (mapping, filtering)))
}

#[test]
fn each_kind_of_mapping_shows_its_far_ends_the_addresses_it_should() {
    for (mapping, filtering) in combinations() {
        let mut nat = nat(mapping, filtering);
        let [one, other_port, other_host] =
            far_ends().map(|to| nat.outward(origin(), (inside(), to)).unwrap().0);
        assert_eq!(one == other_port, mapping <= Dependence::Address, "{mapping:?}");
        assert_eq!(one == other_host, mapping == Dependence::Endpoint, "{mapping:?}");
        let again = nat.outward(origin() + SECOND, (inside(), far_ends()[0])).unwrap().0;
        assert_eq!(again, one);
    }
}

#[test]
fn each_kind_of_filter_admits_whom_it_should() {
    for (mapping, filtering) in combinations() {
        let mut nat = nat(mapping, filtering);
        let [asked, other_port, other_host] = far_ends();
        let (outside, _) = nat.outward(origin(), (inside(), asked)).unwrap();
        let mut admits = |from| match nat.inward(origin(), (from, outside)) {
            Some(ends) => ends == (from, inside()),
            None => false,
        };
        assert!(admits(asked));
        assert_eq!(admits(other_port), filtering <= Dependence::Address, "{filtering:?}");
        assert_eq!(admits(other_host), filtering == Dependence::Endpoint, "{filtering:?}");
        assert_eq!(nat.inward(origin(), (asked, SocketAddr::new(outside.ip(), 9))), None, "nobody's port");
    }
}

#[test]
fn firewalls_filter_and_do_not_translate() {
    for (host, far) in [
        (address("[2001:db8::1]:5000"), ["[2001:db8:2::1]:1", "[2001:db8:2::1]:2", "[2001:db8:3::1]:1"]),
        (address("198.51.100.1:5000"), ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"]),
    ] {
        for filtering in Dependence::ALL {
            let mut network = Network::new(1);
            let far = far.map(address);
            far.iter().for_each(|far| network.add_host(far.ip()));
            network.add_hosts_behind(&[host.ip()], Firewall::new(&[host.ip()], filtering).lifetime(LIFETIME));
            network.send(origin(), far[0], host, b"too early");
            assert_eq!(network.deliver(origin()), None);
            network.send(origin(), host, far[0], b"out");
            assert_eq!(network.deliver(origin()).unwrap().source, host);
            let admitted = far.map(|far| {
                network.send(origin(), far, host, b"in");
                network.deliver(origin()).is_some_and(|datagram| datagram.destination == host)
            });
            assert_eq!(admitted, [true, filtering <= Dependence::Address, filtering == Dependence::Endpoint]);
            let late = origin() + LIFETIME;
            network.send(late, far[0], host, b"too late");
            assert_eq!(network.deliver(late), None);
        }
    }
}

#[test]
fn hosts_reach_each_other_from_outside_only_where_hairpinning_is_on() {
    for hairpinning in [true, false] {
        let (one, two) = (inside(), address("10.0.0.2:6000"));
        let far = far_ends()[0];
        let mut network = Network::new(1);
        let nat = nat(Dependence::Endpoint, Dependence::AddressAndPort).hairpinning(hairpinning);
        network.add_hosts_behind(&[one.ip(), two.ip()], nat);
        network.add_host(far.ip());
        let mut outside = |host| {
            network.send(origin(), host, far, b"who am I");
            network.deliver(origin()).unwrap().source
        };
        let (outside_one, outside_two) = (outside(one), outside(two));
        // Each has to send first, since the filter looks at the address outside.
        network.send(origin(), two, outside_one, b"opens");
        assert_eq!(network.deliver(origin()), None);
        network.send(origin(), one, outside_two, b"hello");
        let heard = network.deliver(origin());
        assert_eq!(
            heard.map(|datagram| (datagram.source, datagram.destination)),
            hairpinning.then_some((outside_one, two))
        );
    }
}

#[test]
fn mappings_last_until_nothing_has_gone_out_for_their_lifetime() {
    let (far, last) = (far_ends()[0], LIFETIME - Duration::from_millis(1));
    let mut nat = nat(Dependence::Endpoint, Dependence::AddressAndPort).ports(Ports::Random, 3);
    let (outside, _) = nat.outward(origin(), (inside(), far)).unwrap();
    assert!(nat.inward(origin() + last, (far, outside)).is_some());
    assert!(nat.inward(origin() + LIFETIME, (far, outside)).is_none(), "what comes in refreshes nothing");
    let mut refreshed = origin() + last;
    for _ in 0..3 {
        assert_eq!(nat.outward(refreshed, (inside(), far)).unwrap().0, outside);
        refreshed += last;
    }
    assert!(nat.inward(refreshed, (far, outside)).is_some());
    let (anew, _) = nat.outward(refreshed + SECOND, (inside(), far)).unwrap();
    assert_ne!(anew, outside);
}

#[test]
fn what_comes_in_refreshes_where_it_is_told_to() {
    let (far, last) = (far_ends()[0], LIFETIME - Duration::from_millis(1));
    let mut nat = nat(Dependence::Address, Dependence::Address).refreshed_inward();
    let (outside, _) = nat.outward(origin(), (inside(), far)).unwrap();
    for times in 1..5 {
        assert!(nat.inward(origin() + times * last, (far, outside)).is_some());
    }
    assert!(nat.inward(origin() + 4 * last + LIFETIME, (far, outside)).is_none());
}

#[test]
fn a_rule_of_the_filter_dies_while_the_mapping_lives_on() {
    let [quiet, busy, _] = far_ends();
    let mut nat = nat(Dependence::Endpoint, Dependence::AddressAndPort);
    let (outside, _) = nat.outward(origin(), (inside(), quiet)).unwrap();
    for at in 0..4 {
        assert_eq!(nat.outward(origin() + at * LIFETIME / 3, (inside(), busy)).unwrap().0, outside);
    }
    assert!(nat.inward(origin() + LIFETIME, (busy, outside)).is_some());
    assert!(nat.inward(origin() + LIFETIME, (quiet, outside)).is_none());
}

#[test]
fn ports_are_preserved_keep_their_parity_or_come_at_random() {
    let hosts = || {
        (0..200_u8).map(|host| SocketAddr::new(IpAddr::from([10, 0, 0, host]), 5000 + u16::from(host) / 2))
    };
    let ports = |ports| -> Vec<_> {
        let mut nat = nat(Dependence::Endpoint, Dependence::Endpoint).ports(ports, 1);
        hosts().map(|host| nat.outward(origin(), (host, far_ends()[0])).unwrap().0.port()).collect()
    };
    let inside: Vec<_> = hosts().map(|host| host.port()).collect();
    let shared = |ports: &[u16]| (1..ports.len()).any(|at| ports[..at].contains(&ports[at]));
    let alike = |ports: &[u16], law: fn(u16, u16) -> bool| {
        ports.iter().zip(&inside).filter(|(a, b)| law(**a, **b)).count()
    };
    let (preserved, parity, random) = (ports(Ports::Preserved), ports(Ports::Parity), ports(Ports::Random));
    assert!(![&preserved, &parity, &random].into_iter().any(|ports| shared(ports)));
    // Of two hosts with the same port the first keeps it.
    assert!(alike(&preserved, |outside, inside| outside == inside) >= 100);
    assert_eq!(alike(&parity, |outside, inside| outside % 2 == inside % 2), 200);
    assert!(alike(&random, |outside, inside| outside == inside) < 5);
    assert!((50..150).contains(&alike(&random, |outside, inside| outside % 2 == inside % 2)));
}

#[test]
fn a_box_without_a_free_port_drops() {
    let mut nat = nat(Dependence::Endpoint, Dependence::Endpoint);
    nat.mappings = (0..=u16::MAX)
        .map(|port| Mapping {
            inside: inside(),
            remote: (None, None),
            port,
            refreshed: origin(),
            sent_to: BTreeMap::new(),
        })
        .collect();
    assert_eq!(nat.outward(origin(), (address("10.0.0.2:1"), far_ends()[0])), None);
}

/// Everything that went out: when, from whom, to whom, and what the far end saw.
type History = Vec<(Duration, SocketAddr, SocketAddr, SocketAddr)>;

/// The box as RFC 4787 describes it, computed from the whole history instead of from tables.
fn admitted(
    history: &History,
    now: Duration,
    filtering: Dependence,
    from: SocketAddr,
    to: SocketAddr,
) -> Option<SocketAddr> {
    let (_, host, _, _) =
        history.iter().rev().find(|(time, _, _, outside)| *outside == to && now - *time < LIFETIME)?;
    let sent = |(time, inside, remote, outside): &(Duration, SocketAddr, SocketAddr, SocketAddr)| {
        (inside, *outside) == (host, to)
            && now - *time < LIFETIME
            && filtering.of(*remote) == filtering.of(from)
    };
    history.iter().any(sent).then_some(*host)
}

#[test]
fn random_traffic_meets_a_box_that_agrees_with_its_history() {
    for (number, (mapping, filtering)) in combinations().enumerate() {
        let mut rng = rng(number as u64);
        let ports = [Ports::Preserved, Ports::Parity, Ports::Random][number % 3];
        let mut nat = nat(mapping, filtering).ports(ports, 5);
        let (mut history, mut now) = (History::new(), Duration::ZERO);
        let mut delivered = 0;
        for _ in 0..2000 {
            now += Duration::from_millis(rng.random_range(0..2000));
            let far = SocketAddr::new([192, 0, 2, rng.random_range(1..4)].into(), rng.random_range(1..4));
            if rng.random() {
                let host = SocketAddr::new([10, 0, 0, rng.random_range(1..4)].into(), 5000);
                let (outside, to) = nat.outward(origin() + now, (host, far)).unwrap();
                assert_eq!(to, far);
                let fresh = |time: &Duration| now - *time < LIFETIME;
                let same = |(time, inside, remote, _): &&(Duration, SocketAddr, SocketAddr, SocketAddr)| {
                    fresh(time) && *inside == host && mapping.of(*remote) == mapping.of(far)
                };
                if let Some((.., before)) = history.iter().rev().find(same) {
                    assert_eq!(outside, *before, "a mapping changed while it was in use");
                }
                assert!(
                    !history
                        .iter()
                        .any(|(time, inside, _, other)| fresh(time) && *other == outside && *inside != host)
                );
                history.push((now, host, far, outside));
            } else if !history.is_empty() {
                let (.., outside) = history[history.len() - 1 - rng.random_range(0..history.len().min(20))];
                let seen = nat.inward(origin() + now, (far, outside));
                let expected = admitted(&history, now, filtering, far, outside);
                assert_eq!(seen, expected.map(|host| (far, host)), "{mapping:?} {filtering:?}");
                delivered += usize::from(seen.is_some());
            }
        }
        assert!(delivered > 50, "{mapping:?} {filtering:?}: {delivered}");
    }
}
