//! Consent and restart: what happens to a connection that exists.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_ice::{Event, FailReason, RemoteCredentialsError, Route, State, Trouble};

const SECOND: Duration = Duration::from_secs(1);

fn last_answer_to(world: &World, who: usize) -> Duration {
    let answers = world.sent.iter().filter(|(_, from, p)| *from != who && p.bytes.starts_with(&[1, 1]));
    answers.map(|(at, ..)| *at).max().unwrap() + world.latency
}

//= rfc7675#5.1-3 test
//= rfc7675#5.1-4 test
//= rfc7675#5.1-5 test
//= rfc7675#5.1-6 test
//= rfc8445#11-4 test
#[test]
fn consent_is_asked_for_every_four_to_six_seconds_with_a_new_id_each_time() {
    let mut world = World::pair(1);
    world.connect();
    world.sent.clear();
    world.run_for(200 * SECOND);
    assert!(world.completed());
    let mut ids = std::collections::BTreeSet::new();
    let asked = world.sent.iter().filter(|(_, who, packet)| *who == A && is_request(packet));
    let times: Vec<Duration> =
        asked.inspect(|(.., p)| assert!(ids.insert(p.bytes[8..20].to_vec()))).map(|(at, ..)| *at).collect();
    let gaps: Vec<Duration> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps.iter().all(|gap| (4 * SECOND..=6 * SECOND).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "they are randomised");
    assert!(times.len() > 30);
}

//= rfc7675#5.1-1 test
//= rfc7675#5.1-2 test
//= rfc7675#5.1-8 test
//= rfc7675#5.1-13 test
#[test]
fn consent_ends_exactly_30_s_after_the_last_valid_answer() {
    let mut world = World::pair(2);
    world.connect();
    world.run_for(60 * SECOND);
    world.judge = Box::new(|_, _| false);
    let last = [A, Z].map(|who| last_answer_to(&world, who));
    world.run_for(40 * SECOND);
    for who in [A, Z] {
        let silent = world.saw(who, |event| *event == Event::StateChanged(State::Disconnected));
        assert_eq!(silent, Some(last[who] + 15 * SECOND));
        let lost = world
            .saw(who, |event| matches!(event, Event::ConsentLost { reason: Trouble::ConsentExpired, .. }));
        assert_eq!(lost, Some(last[who] + 30 * SECOND));
        let failed =
            world.saw(who, |event| matches!(event, Event::Failed { reason: FailReason::ConsentLost }));
        assert_eq!(failed, lost);
        assert_eq!((world.agents[who].route(), world.agents[who].poll_timeout()), (None, None));
    }
    // The network is back, and the same credentials are not used on that path again.
    world.judge = Box::new(|_, _| true);
    let (from, to) = (world.hosts[Z][0], world.hosts[A][0]);
    let check =
        world.sent.iter().rev().find(|(_, who, p)| *who == Z && is_request(p)).unwrap().2.bytes.clone();
    let mut bytes = check;
    world.agents[A].handle_input(world.now, Route::new(to, from), &mut bytes);
    assert_eq!(world.agents[A].stats().dropped_consent, 1);
    assert_eq!(world.agents[A].poll_transmit(world.now, &mut Vec::new()), None);
}

#[test]
fn a_silence_that_ends_in_time_does_no_harm() {
    let mut world = World::pair(3);
    world.connect();
    let cut = world.elapsed() + 10 * SECOND;
    world.judge = Box::new(move |at, _| !(cut..cut + 20 * SECOND).contains(&at));
    world.run_for(60 * SECOND);
    assert!(world.completed());
    assert!(world.saw(A, |event| *event == Event::StateChanged(State::Disconnected)).is_some());
    assert_eq!(world.saw(A, |event| matches!(event, Event::ConsentLost { .. })), None);
}

#[test]
fn consent_survives_an_hour_at_five_percent_loss() {
    let mut world = World::pair(4);
    world.connect();
    world.loss = 0.05;
    world.run_for(3600 * SECOND);
    assert!(world.completed());
}

fn restart(world: &mut World) {
    for who in [A, Z] {
        world.agents[who].restart(world.now);
    }
    for who in [A, Z] {
        let candidates: Vec<_> = world.agents[who].local_candidates().cloned().collect();
        signal(world, who, &candidates);
    }
    world.exchange_credentials();
}

//= rfc8445#9-3 test
//= rfc7675#5.1-10 test
#[test]
fn a_restart_changes_the_credentials_and_data_flows_all_the_while() {
    let mut world = World::pair(5);
    world.connect();
    let before = [A, Z].map(|who| world.agents[who].local_credentials().clone());
    let old = world.agents[A].selected_pair().unwrap();
    world.agents[A].restart(world.now);
    let during = world.agents[A].local_credentials();
    assert_ne!((during.ufrag(), during.password()), (before[A].ufrag(), before[A].password()));
    assert_eq!(world.agents[A].state(), State::New);
    assert_eq!(world.agents[A].selected_pair(), Some(old), "the old pair carries on");
    // The answer takes its time: consent goes on in the old generation, on both sides.
    world.run_for(50 * SECOND);
    world.data(A, &[128, 0, 1]);
    world.data(Z, &[128, 0, 2]);
    world.run_for(SECOND);
    assert_eq!(world.payloads.each_ref().map(Vec::len), [1, 1]);
    world.agents[Z].restart(world.now);
    for who in [A, Z] {
        let candidates: Vec<_> = world.agents[who].local_candidates().cloned().collect();
        signal(&mut world, who, &candidates);
    }
    world.exchange_credentials();
    world.data(A, &[128, 0, 3]);
    world.connect();
    for who in [A, Z] {
        assert_eq!(world.agents[who].generation(), 1);
        assert_eq!(world.agents[who].selected_pair().unwrap().generation, 1);
    }
    world.run_for(10 * SECOND);
    world.data(Z, &[128, 0, 4]);
    world.run_for(SECOND);
    assert_eq!(world.payloads.each_ref().map(Vec::len), [2, 2]);
    assert!(world.completed());
}

/// A browser that restarts checks with its new fragment and our old one, until our answer has come.
#[test]
fn a_check_across_generations_is_refused_for_good() {
    let mut world = World::pair(5);
    world.connect();
    let old = world.agents[A].local_credentials().clone();
    let theirs = world.agents[Z].local_credentials().ufrag().to_owned();
    let base = world.hosts[A][0];
    let ask = |world: &mut World, route: Route, ufrag: &str| {
        let mut check = signed_check(&old, ufrag, 1, true);
        world.agents[A].handle_input(world.now, route, &mut check);
        let mut out = Vec::new();
        world.agents[A].poll_transmit(world.now, &mut out).unwrap();
        let answer = nomagic_stun::Message::parse(&out).unwrap();
        answer.verify(&nomagic_stun::IntegrityKey::short_term(old.password())).unwrap();
        answer.to_string()
    };
    let selected = world.agents[A].selected_pair();
    for generation in 0..2 {
        let route = Route::new(base, addr(&format!("10.0.0.2:444{generation}")));
        assert!(ask(&mut world, route, "theirnext").contains("400"), "generation {generation}");
        assert_eq!(world.agents[A].stats().refused_crossed, generation + 1);
        let mut data = [128, 0, 1];
        let input = world.agents[A].handle_input(world.now, route, &mut data);
        assert!(matches!(input, nomagic_ice::Input::Consumed), "such a path is not the peer's");
        assert_eq!(world.agents[A].selected_pair(), selected);
        // Those of its own generation are answered, after our restart too.
        assert!(!ask(&mut world, route, &theirs).contains("400"));
        world.agents[A].restart(world.now);
    }
}

#[test]
fn a_restart_rescues_a_connection_that_was_lost() {
    let mut world = World::pair(6);
    world.connect();
    world.judge = Box::new(|_, _| false);
    world.run_for(60 * SECOND);
    assert_eq!(world.agents[A].state(), State::Failed);
    world.judge = Box::new(|_, _| true);
    restart(&mut world);
    world.connect();
}

#[test]
fn a_restart_while_checking_and_a_second_one_at_once_are_harmless() {
    let mut world = World::pair(7);
    world.run_for(ms(25));
    restart(&mut world);
    world.run_for(ms(25));
    restart(&mut world);
    world.connect();
    restart(&mut world);
    world.run_for(ms(10));
    restart(&mut world);
    assert!(world.agents[A].route().is_some(), "the generation that worked is kept");
    world.connect();
    assert_eq!(world.agents[A].generation(), 4);
}

#[test]
fn checks_of_an_old_generation_change_nothing_after_the_switch() {
    let mut world = World::pair(8);
    world.connect();
    let check = world.sent.iter().find(|(_, who, p)| *who == Z && is_request(p)).unwrap().2.clone();
    restart(&mut world);
    world.connect();
    world.run_for(10 * SECOND);
    let before = world.agents[A].stats();
    let mut bytes = check.bytes;
    let input =
        world.agents[A].handle_input(world.now, Route::new(check.destination, check.source), &mut bytes);
    assert_eq!(input, nomagic_ice::Input::NotMine);
    assert_eq!(world.agents[A].stats(), before);
}

#[test]
fn other_credentials_without_a_restart_are_refused() {
    let mut world = World::pair(9);
    let other = nomagic_ice::Credentials::new("othr", "0123456789012345678901").unwrap();
    let fault = world.agents[A].set_remote_credentials(world.now, other);
    assert_eq!(fault, Err(RemoteCredentialsError::InForce));
    let same = world.agents[Z].local_credentials().clone();
    assert_eq!(world.agents[A].set_remote_credentials(world.now, same), Ok(()));
    let own = world.agents[A].local_credentials().clone();
    assert_eq!(world.agents[A].set_remote_credentials(world.now, own), Err(RemoteCredentialsError::OwnEcho));
}
