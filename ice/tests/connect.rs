//! Two agents find each other: time, loss, trickle, NATs, reflexive candidates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_ice::{
    AddRemoteError, CandidateKind, Config, Event, FailReason, Nomination, PairState, Role, State,
};

fn config(role: Role, ta: u64) -> Config {
    let mut config = Config::new(role);
    config.ta = ms(ta);
    config
}

fn paced(seed: u64, ta: u64) -> World {
    let mut world = World::with(seed, config(Role::Controlling, ta), config(Role::Controlled, ta));
    for who in [A, Z] {
        world.agents[who].set_remote_pacing(Some(ms(ta)));
    }
    world
}

#[test]
fn one_host_each_is_valid_after_a_round_trip_and_selected_after_the_next() {
    for (ta, nominated) in [(50, 90), (10, 80)] {
        let mut world = paced(1, ta);
        world.add_hosts(A, &["10.0.0.1:1000"]);
        world.add_hosts(Z, &["10.0.0.2:2000"]);
        world.exchange_credentials();
        world.connect();
        assert_eq!(world.valid, [Some(ms(40)); 2], "ta {ta}");
        assert!(world.selected[A].unwrap() <= ms(nominated), "{:?} ta {ta}", world.selected);
        assert!(world.selected[Z].unwrap() <= ms(nominated - 20), "{:?} ta {ta}", world.selected);
        assert!(world.sent.len() <= 10, "{} datagrams", world.sent.len());
        world.data(A, &[22, 1, 2]);
        world.data(Z, &[128, 96, 3]);
        world.run_for(ms(50));
        assert_eq!(world.payloads, [vec![vec![128, 96, 3]], vec![vec![22, 1, 2]]]);
    }
}

#[test]
fn losses_delay_and_do_not_prevent() {
    for (loss, median_limit) in [(0.0, 100), (0.05, 200), (0.2, 1000), (0.3, 1000), (0.4, 2500)] {
        let mut times: Vec<Duration> = (0..31)
            .map(|seed| {
                let mut world = World::new(seed);
                world.loss = loss;
                world.duplication = 0.05;
                world.add_hosts(A, &["10.0.0.1:1", "10.1.0.1:1"]);
                world.add_hosts(Z, &["10.0.0.2:2", "10.1.0.2:2"]);
                world.exchange_credentials();
                world.run_until(Duration::from_secs(60), |world| world.valid.iter().all(Option::is_some));
                let valid = world.valid[A].max(world.valid[Z]).unwrap();
                // Consent itself does not survive more: six requests in 30 s, each lost or its answer.
                if loss <= 0.3 {
                    world.connect();
                }
                valid
            })
            .collect();
        times.sort();
        assert!(times[15] <= ms(median_limit), "loss {loss}: median {:?}, worst {:?}", times[15], times[30]);
    }
}

//= rfc8445#14.2-4 test
#[test]
fn of_a_hundred_pairs_only_the_last_works_and_no_two_checks_are_nearer_than_ta() {
    for (ta, limit) in [(10, 1500), (50, 5100)] {
        let mut world = paced(7, ta);
        let a: Vec<String> = (1..=10).map(|n| format!("10.0.{n}.1:1000")).collect();
        let z: Vec<String> = (1..=10).map(|n| format!("10.1.{n}.1:2000")).collect();
        world.add_hosts(A, &a.iter().map(String::as_str).collect::<Vec<_>>());
        world.add_hosts(Z, &z.iter().map(String::as_str).collect::<Vec<_>>());
        let (last_a, last_z) = (addr(&a[9]), addr(&z[9]));
        world.judge = Box::new(move |_, packet| {
            [packet.source, packet.destination].iter().all(|end| *end == last_a || *end == last_z)
        });
        world.exchange_credentials();
        world.run_until(Duration::from_secs(20), |world| world.valid.iter().all(Option::is_some));
        assert!(world.valid.iter().all(|at| at.unwrap() <= ms(limit)), "{:?} ta {ta}", world.valid);
        for who in [A, Z] {
            let mut seen = std::collections::BTreeSet::new();
            let first = world.sent.iter().filter(|(_, from, packet)| {
                *from == who && is_request(packet) && seen.insert(packet.bytes[8..20].to_vec())
            });
            let times: Vec<Duration> = first.map(|(at, ..)| *at).collect();
            assert!(times.windows(2).all(|two| two[1] - two[0] >= ms(ta)), "{times:?}");
        }
        world.connect();
    }
}

//= rfc8445#14.2-3 test
#[test]
fn the_slower_pacing_of_the_two_counts() {
    let mut world = World::with(1, config(Role::Controlling, 10), config(Role::Controlled, 10));
    world.add_hosts(A, &["10.0.0.1:1", "10.0.1.1:1", "10.0.2.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    world.judge = Box::new(|_, _| false);
    world.exchange_credentials();
    world.run_for(ms(400));
    let times: Vec<Duration> =
        world.sent.iter().filter(|(_, who, _)| *who == A).map(|(at, ..)| *at).collect();
    assert_eq!(times, [ms(0), ms(50), ms(100)], "the peer said nothing, which means 50 ms");
}

#[test]
fn the_best_pair_is_nominated_when_it_answers_within_the_budget() {
    let mut config = Config::new(Role::Controlling);
    config.nomination = Nomination::BestWithin(ms(900));
    let mut world = World::with(3, config, Config::new(Role::Controlled));
    world.add_hosts(A, &["10.0.0.1:1", "10.1.0.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    // The better path loses its packets for a while.
    world.judge = Box::new(|at, p| {
        at > ms(400) || p.source != addr("10.0.0.1:1") && p.destination != addr("10.0.0.1:1")
    });
    world.exchange_credentials();
    world.connect();
    assert!(world.valid[A].unwrap() < ms(200));
    assert_eq!(world.agents[A].selected_pair().unwrap().route.local, addr("10.0.0.1:1"));
    let all_succeeded = world.agents[A].pairs().all(|pair| pair.state == PairState::Succeeded);
    assert!(all_succeeded);
}

#[test]
fn candidates_that_trickle_in_late_are_checked_at_once() {
    let mut world = World::new(1);
    world.trickle = false;
    world.add_hosts(A, &["10.0.0.1:1"]);
    world.exchange_credentials();
    world.run_for(Duration::from_secs(20));
    assert_eq!(world.agents[A].state(), State::Checking);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    let late: Vec<_> = world.agents[Z].local_candidates().cloned().collect();
    signal(&mut world, Z, &late);
    world.connect();
    assert!(world.selected[A].unwrap() < Duration::from_secs(20) + ms(200));
}

//= rfc8838#14-2 test
#[test]
fn after_the_end_of_candidates_none_is_taken() {
    let mut world = World::pair(1);
    world.agents[A].end_of_remote_candidates(world.now);
    let late = candidate("1 1 udp 1 10.0.0.9 9 typ host");
    assert_eq!(world.agents[A].add_remote_candidate(world.now, &late), Err(AddRemoteError::Ended));
}

#[test]
fn candidates_may_come_before_the_credentials_and_those_of_another_generation_are_left_out() {
    let mut world = World::new(1);
    world.trickle = false;
    world.add_hosts(A, &["10.0.0.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    let ufrag = world.agents[Z].local_credentials().ufrag().to_owned();
    let right = candidate("1 1 udp 2130706431 10.0.0.2 2 typ host").with_extension("ufrag", &ufrag);
    let wrong = candidate("1 1 udp 2130706431 10.0.0.3 3 typ host").with_extension("ufrag", "old0");
    signal(&mut world, Z, &[wrong.clone(), right]);
    assert_eq!(world.agents[A].pairs().count(), 0);
    world.exchange_credentials();
    assert_eq!(world.agents[A].pairs().count(), 1);
    assert_eq!(world.agents[A].add_remote_candidate(world.now, &wrong), Err(AddRemoteError::Generation));
    world.connect();
}

#[test]
fn useless_candidates_are_named_and_ignored() {
    let mut world = World::pair(1);
    let mut fault =
        |text: &str| world.agents[A].add_remote_candidate(world.now, &candidate(text)).unwrap_err();
    assert_eq!(fault("1 1 udp 1 3fe1.local 9 typ host"), AddRemoteError::Name);
    assert_eq!(fault("1 1 tcp 1 10.0.0.2 9 typ host tcptype active"), AddRemoteError::Transport);
    assert_eq!(fault("1 2 udp 1 10.0.0.2 9 typ host"), AddRemoteError::Component(2));
    assert_eq!(fault("1 1 udp 1 10.0.0.2 9 typ new"), AddRemoteError::Kind);
    assert!(matches!(fault("1 1 udp 1 10.0.0.2 0 typ host"), AddRemoteError::Unusable(_)));
    assert!(matches!(fault("1 1 udp 1 224.0.0.1 9 typ host"), AddRemoteError::Unusable(_)));
}

#[test]
fn a_peer_that_signals_nothing_is_learnt_from_its_checks_and_named_later() {
    let mut world = World::new(1);
    world.trickle = false;
    world.add_hosts(A, &["10.0.0.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    let known: Vec<_> = world.agents[A].local_candidates().cloned().collect();
    world.exchange_credentials();
    signal(&mut world, A, &known);
    world.connect();
    let before = world.agents[A].selected_pair().unwrap();
    assert_eq!(before.remote.kind, CandidateKind::PeerReflexive);
    // The signalled candidate replaces what was learnt, and the pair stays as it is.
    let late: Vec<_> = world.agents[Z].local_candidates().cloned().collect();
    signal(&mut world, Z, &late);
    let after = world.agents[A].selected_pair().unwrap();
    assert_eq!((after.id, after.remote.kind), (before.id, CandidateKind::Host));
    assert_eq!(world.agents[A].pairs().count(), 1);
    assert!(world.completed());
    assert_eq!(world.saw(A, |event| matches!(event, Event::ConsentLost { .. })), None);
}

//= rfc8445#7.3-5 test
//= rfc8445#7.3-6 test
#[test]
fn checks_that_come_before_the_answer_are_answered_and_used_later() {
    let mut world = World::new(1);
    world.trickle = false;
    world.add_hosts(A, &["10.0.0.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    // Only the controlled side knows the other; its answer is still on the way.
    let (credentials, known) = (
        world.agents[A].local_credentials().clone(),
        world.agents[A].local_candidates().cloned().collect::<Vec<_>>(),
    );
    world.agents[Z].set_remote_credentials(world.now, credentials).unwrap();
    signal(&mut world, A, &known);
    world.run_for(ms(100));
    assert_eq!(world.agents[Z].state(), State::Connected, "it is answered");
    assert_eq!(world.agents[A].state(), State::New);
    assert_eq!(world.agents[A].pairs().count(), 0);
    let credentials = world.agents[Z].local_credentials().clone();
    world.agents[A].set_remote_credentials(world.now, credentials).unwrap();
    assert_eq!(world.agents[A].pairs().count(), 1, "the early check has become a pair");
    world.drain();
    world.connect();
}

//= rfc8445#7.2.5.3.1-1 test
#[test]
fn server_reflexive_candidates_lead_through_nats() {
    for (symmetric, kind) in [(false, CandidateKind::ServerReflexive), (true, CandidateKind::PeerReflexive)] {
        let mut world = World::new(5);
        world.nats =
            [Some(Nat::new("203.0.113.1", symmetric, true)), Some(Nat::new("203.0.113.2", false, true))];
        world.add_hosts(A, &["10.0.0.1:1000"]);
        world.add_hosts(Z, &["10.0.0.1:2000"]);
        for (who, base) in [(A, "10.0.0.1:1000"), (Z, "10.0.0.1:2000")] {
            world.agents[who].add_stun_server(world.now, addr(STUN_SERVER), addr(base)).unwrap();
        }
        // The unfiltered side must be reachable for the symmetric one.
        world.nats[Z].as_mut().unwrap().filters = !symmetric;
        world.exchange_credentials();
        world.connect();
        let pair = world.agents[A].selected_pair().unwrap();
        assert_eq!(pair.local.kind, kind, "{pair}");
        assert_eq!(pair.route.local, addr("10.0.0.1:1000"), "packets go from the base");
        assert_eq!(pair.local.address.ip().to_string(), "203.0.113.1");
        assert!(world.saw(A, |event| *event == Event::GatheringComplete).is_some());
        let gathered = world.agents[A].local_candidates().nth(1).unwrap().to_string();
        assert!(gathered.ends_with("typ srflx raddr 10.0.0.1 rport 1000"), "{gathered}");
    }
}

#[test]
fn a_dead_stun_server_does_not_hold_anything_up_and_is_given_up() {
    let mut world = World::new(5);
    world.add_hosts(A, &["10.0.0.1:1"]);
    world.add_hosts(Z, &["10.0.0.2:2"]);
    world.agents[A].add_stun_server(world.now, addr("198.51.100.99:3478"), addr("10.0.0.1:1")).unwrap();
    world.exchange_credentials();
    world.connect();
    assert!(world.selected[A].unwrap() < ms(200));
    world.run_for(Duration::from_secs(60));
    let given_up = world.saw(A, |event| *event == Event::GatheringComplete).unwrap();
    assert_eq!(given_up, ms(39_500));
}

//= rfc8863#4-3 test
//= rfc8863#4-4 test
//= rfc8445#7.2.5.2.3-1 test
#[test]
fn an_unreachable_peer_fails_after_the_patience_and_not_before() {
    let mut world = World::pair(1);
    world.judge = Box::new(|_, _| false);
    world.run_for(ms(39_499));
    assert_eq!(world.agents[A].state(), State::Checking);
    world.run_for(Duration::from_secs(30));
    let failed = world
        .saw(A, |event| matches!(event, Event::Failed { reason: FailReason::AllPairsFailed { pairs: 1 } }));
    assert!(failed.is_some_and(|at| at >= ms(39_500)), "{failed:?}");
    assert_eq!(world.agents[A].poll_timeout(), None);
    let words = world.agents[A].why_not_connected().unwrap().to_string();
    assert!(words.starts_with("failed, controlling: all 1 pairs failed"), "{words}");
    assert!(words.contains("no answer to our check"), "{words}");
}

//= rfc8863#4-1 test
//= rfc8863#5-1 test
#[test]
fn an_empty_list_waits_for_the_peer_as_long_as_a_full_one() {
    let mut world = World::new(1);
    world.exchange_credentials();
    for who in [A, Z] {
        world.agents[who].end_of_remote_candidates(world.now);
    }
    world.run_for(Duration::from_secs(60));
    let failed = world.saw(A, |event| matches!(event, Event::Failed { reason: FailReason::NoPairs }));
    assert_eq!(failed, Some(ms(39_500)));
}

#[test]
fn why_not_connected_follows_the_course_of_events() {
    let mut world = World::new(1);
    let why = |world: &World| world.agents[A].why_not_connected().map(|diagnosis| diagnosis.to_string());
    assert_eq!(why(&world).unwrap(), "new, controlling: the peer's credentials have not been set");
    world.exchange_credentials();
    assert_eq!(why(&world).unwrap(), "checking, controlling: no local candidate has been added");
    world.add_hosts(A, &["10.0.0.1:1"]);
    assert_eq!(why(&world).unwrap(), "checking, controlling: no candidate of the peer's has come");
    signal(&mut world, Z, &[candidate("1 1 udp 1 2001:db8::1 9 typ host")]);
    assert!(why(&world).unwrap().contains("no local candidate fits"));
    world.add_hosts(Z, &["10.0.0.2:2"]);
    world.drain();
    assert!(why(&world).unwrap().contains("1 pairs, none answered yet\n  pair "));
    world.connect();
    assert_eq!(why(&world), None);
}

#[test]
fn ipv6_connects_and_loopback_needs_permission() {
    let mut world = World::hosts(1, &["[2001:db8::1]:1"], &["[2001:db8::2]:2"]);
    world.connect();
    let mut config = Config::new(Role::Controlling);
    config.loopback = true;
    let mut world = World::with(1, config.clone(), config);
    world.add_hosts(A, &["127.0.0.1:1"]);
    world.add_hosts(Z, &["127.0.0.1:2"]);
    world.exchange_credentials();
    world.connect();
}
