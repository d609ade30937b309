//! What a stranger or a hostile peer can do: nothing, or little.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_ice::{Agent, Config, Credentials, Input, Role, Route, State, Stats};
use nomagic_stun::{IntegrityKey, MessageBuilder};
use proptest::prelude::*;

fn picture(agent: &Agent) -> String {
    let pairs: Vec<String> = agent.pairs().map(|pair| format!("{pair:?}")).collect();
    format!("{:?} {:?} {:?} {pairs:?}", agent.state(), agent.role(), agent.selected_pair())
}

//= rfc8445#7.3-2 test
#[test]
fn a_datagram_with_one_flipped_bit_changes_nothing() {
    let mut world = World::pair(1);
    world.run_for(ms(15));
    let inbound: Vec<Packet> =
        world.sent.iter().filter(|(_, who, _)| *who == Z).map(|(.., packet)| packet.clone()).collect();
    world.run_for(ms(30));
    let later = world.sent.iter().filter(|(_, who, _)| *who == Z).map(|(.., packet)| packet.clone());
    let inbound: Vec<Packet> = inbound.into_iter().chain(later).collect();
    assert!(inbound.len() >= 2, "a check and an answer");
    let mut fresh = World::pair(1);
    fresh.run_for(ms(15));
    let before = picture(&fresh.agents[A]);
    for packet in &inbound {
        for bit in 0..packet.bytes.len() * 8 {
            let mut bytes = packet.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let route = Route::new(packet.destination, packet.source);
            let input = fresh.agents[A].handle_input(fresh.now, route, &mut bytes);
            assert!(!matches!(input, Input::Payload { .. }), "bit {bit}");
            assert_eq!(picture(&fresh.agents[A]), before, "bit {bit}");
        }
    }
    fresh.connect();
}

//= rfc8445#7.3-2 test
#[test]
fn a_check_signed_with_another_password_is_refused_and_changes_nothing() {
    let mut world = World::pair(1);
    let own = world.agents[A].local_credentials().clone();
    let forged = Credentials::new(own.ufrag(), "aaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let ufrag = world.agents[Z].local_credentials().ufrag().to_owned();
    let base = world.hosts[A][0];
    let before = picture(&world.agents[A]);
    for source in ["10.0.0.2:2000", "10.0.0.66:6"] {
        let mut check = signed_check(&forged, &ufrag, 1, true);
        let route = Route::new(base, addr(source));
        assert_eq!(world.agents[A].handle_input(world.now, route, &mut check), Input::Consumed);
        assert_eq!(picture(&world.agents[A]), before);
        let mut out = Vec::new();
        world.agents[A].poll_transmit(world.now, &mut out).unwrap();
        let refusal = nomagic_stun::Message::parse(&out).unwrap();
        assert!(refusal.to_string().contains("401") && !refusal.has_integrity(), "{refusal}");
        let mut stranger = signed_check(&Credentials::new("some", own.password()).unwrap(), "one", 1, true);
        assert_eq!(world.agents[A].handle_input(world.now, route, &mut stranger), Input::NotMine);
    }
    assert_eq!(world.agents[A].stats().dropped_integrity, 2);
}

#[test]
fn an_answer_from_someone_who_saw_the_check_but_not_the_password_is_dropped() {
    let mut world = World::pair(1);
    let check = world.sent.iter().find(|(_, who, _)| *who == A).unwrap().2.clone();
    let request = nomagic_stun::Message::parse(&check.bytes).unwrap();
    let key = IntegrityKey::short_term("a guess that is not right");
    for key in [None, Some(&key)] {
        for error in [true, false] {
            let mut out = Vec::new();
            let reason = nomagic_stun::attribute::ErrorReason::bare(nomagic_stun::ErrorCode::ROLE_CONFLICT);
            let mapped = nomagic_stun::attribute::XorMappedAddress(check.source);
            let message = match error {
                true => MessageBuilder::error(&mut out, &request).attribute(&reason),
                false => MessageBuilder::success(&mut out, &request).attribute(&mapped),
            };
            match key {
                Some(key) => message.integrity(key).fingerprint().finish().unwrap(),
                None => message.fingerprint().finish().unwrap(),
            };
            let before = picture(&world.agents[A]);
            let route = Route::new(check.source, check.destination);
            assert_eq!(world.agents[A].handle_input(world.now, route, &mut out), Input::Consumed);
            assert_eq!(picture(&world.agents[A]), before);
        }
    }
    assert_eq!(world.agents[A].stats().dropped_integrity, 4);
}

//= rfc8445#12.1-2 test
#[test]
fn data_is_taken_only_from_where_an_authentic_check_came() {
    let mut world = World::pair(1);
    world.connect();
    let base = world.hosts[A][0];
    for (source, taken) in [("10.0.0.2:2000", true), ("10.0.0.2:2001", false), ("10.0.0.66:2000", false)] {
        for first in [20u8, 63, 64, 128, 191, 192] {
            let mut bytes = [first, 0, 0];
            let input = world.agents[A].handle_input(world.now, Route::new(base, addr(source)), &mut bytes);
            assert_eq!(matches!(input, Input::Payload { .. }), taken, "{source} {first}");
        }
    }
    let mut unknown = [9, 9];
    let route = Route::new(base, addr("10.0.0.2:2000"));
    assert_eq!(world.agents[A].handle_input(world.now, route, &mut unknown), Input::Consumed);
    let stats = world.agents[A].stats();
    assert_eq!((stats.payloads, stats.dropped_unauthenticated, stats.dropped_unknown), (6, 12, 1));
}

//= rfc8445#6.1.2.5-1 test
//= rfc8445#19.5.1-1 test
#[test]
fn an_authentic_peer_with_a_thousand_addresses_is_held_to_the_limits() {
    let mut rng = nomagic_testkit::rng(1);
    let mut agent = Agent::new(Config::new(Role::Controlled), &mut rng);
    let mut now = nomagic_testkit::clock::origin();
    for n in 1..=8 {
        agent.add_local_host(now, addr(&format!("10.0.0.{n}:1"))).unwrap();
    }
    let peer = Credentials::new("peer", "peerpeerpeerpeerpeerpeer").unwrap();
    agent.set_remote_credentials(now, peer).unwrap();
    for n in 0..200u16 {
        let _ = agent.add_remote_candidate(
            now,
            &candidate(&format!("{n} 1 udp {} 10.1.0.1 {} typ host", n + 1, n + 1)),
        );
    }
    let own = agent.local_credentials().clone();
    let work = || {
        let mut out = Vec::new();
        for n in 0..20_000u32 {
            let local = addr(&format!("10.0.0.{}:1", n % 8 + 1));
            let remote = addr(&format!("10.{}.{}.1:{}", 2 + n % 5, n % 200, 1 + n % 60000));
            let mut check = signed_check(&own, "peer", n, n % 3 == 0);
            agent.handle_input(now, Route::new(local, remote), &mut check);
            now += ms(3);
            agent.handle_timeout(now);
            if n % 7 == 0 {
                out.clear();
                while agent.poll_transmit(now, &mut out).is_some() {}
            }
        }
    };
    let used = nomagic_testkit::alloc::count(work);
    assert!(agent.pairs().count() <= 100);
    assert!(used.peak < 512 * 1024, "{used:?}");
    assert!(agent.stats().dropped_limit > 0);
}

#[test]
fn without_draining_answers_do_not_pile_up() {
    let mut world = World::pair(1);
    let own = world.agents[A].local_credentials().clone();
    let ufrag = world.agents[Z].local_credentials().ufrag().to_owned();
    let route = Route::new(world.hosts[A][0], world.hosts[Z][0]);
    for n in 0..1000 {
        world.agents[A].handle_input(world.now, route, &mut signed_check(&own, &ufrag, n, false));
    }
    let (mut out, mut count) = (Vec::new(), 0);
    while world.agents[A].poll_transmit(world.now, &mut out).is_some() {
        count += 1;
    }
    assert!(count <= 65, "{count}");
    assert!(world.agents[A].stats().dropped_limit >= 900);
}

#[test]
fn a_closed_agent_is_deaf_and_mute() {
    let mut world = World::pair(1);
    world.connect();
    let agent = &mut world.agents[A];
    agent.close(world.now);
    assert!(agent.is_closed() && agent.state() == State::Closed);
    let stats: Stats = agent.stats();
    let mut bytes = [22, 0];
    let route = Route::new(world.hosts[A][0], world.hosts[Z][0]);
    for _ in 0..3 {
        assert_eq!(agent.handle_input(world.now, route, &mut bytes), Input::Consumed);
        agent.handle_timeout(world.now + Duration::from_secs(100));
        agent.restart(world.now);
        agent.end_of_remote_candidates(world.now);
        agent.set_remote_lite(world.now);
        assert!(agent.add_local_host(world.now, addr("10.9.9.9:9")).is_err());
        assert!(agent.add_stun_server(world.now, addr(STUN_SERVER), world.hosts[A][0]).is_err());
        assert!(agent.add_remote_candidate(world.now, &candidate("1 1 udp 1 10.0.0.9 9 typ host")).is_err());
        assert_eq!(agent.poll_transmit(world.now, &mut Vec::new()), None);
        assert_eq!((agent.poll_event(), agent.poll_timeout(), agent.route()), (None, None, None));
    }
    assert_eq!(agent.stats(), stats);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_from_anywhere_do_no_harm(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..40),
        stun in any::<bool>(),
    ) {
        let mut world = World::pair(1);
        world.connect();
        let before = picture(&world.agents[A]);
        for mut bytes in datagrams {
            if stun && bytes.len() >= 20 {
                bytes[0] &= 1;
                bytes[1] &= 0x11;
                let len = u16::try_from(bytes.len() - 20).unwrap() & !3;
                bytes.truncate(20 + usize::from(len));
                bytes[2..4].copy_from_slice(&len.to_be_bytes());
                bytes[4..8].copy_from_slice(&0x2112_a442u32.to_be_bytes());
            }
            let route = Route::new(world.hosts[A][0], addr("10.0.0.77:7"));
            let input = world.agents[A].handle_input(world.now, route, &mut bytes);
            let is_payload = matches!(input, Input::Payload { .. });
            prop_assert!(!is_payload);
        }
        prop_assert_eq!(picture(&world.agents[A]), before);
    }
}
