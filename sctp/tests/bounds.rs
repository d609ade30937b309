//! What a peer can make an association hold or do by sending what is legal one by one: memory stays near what is
//! charged to the window, and no order of arrival costs data.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::time::Duration;

use common::*;
use nomagic_sctp::{Association, AssociationState as State, Config, Event, Reliability, SendOptions};
use nomagic_testkit::{alloc, rng};

/// RE-CONFIG, FORWARD-TSN, I-DATA, I-FORWARD-TSN.
const ALL: [u8; 12] = [0xc0, 0, 0, 4, 0x80, 8, 0, 8, 130, 192, 64, 194];

/// A small window, so that little is enough to pass it.
fn small() -> Config {
    let mut config = Config::default();
    (config.receive_window, config.max_receive_message) = (200_000, 64 * 1024);
    config
}

/// What the crate page promises for `small`: 2.25 windows, one message, and the same again for what is being freed.
const SMALL: u64 = 1_200_000;

/// Takes one chunk; the answer is thrown away, and what can be read is read.
fn take(played: &mut Played, chunk: &[u8]) {
    let mut datagram = packet(played.tag, chunk);
    played.end.handle_input(played.now, &mut datagram);
    let mut out = Vec::new();
    while played.end.poll_transmit(played.now, &mut out).is_some() {
        out.clear();
    }
    while played.end.receive(played.now).is_some() {}
}

/// An I-DATA chunk.
fn idata(tsn: u32, flags: u8, stream: u16, mid: u32, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&stream.to_be_bytes());
    value.extend_from_slice(&[0, 0]);
    value.extend_from_slice(&mid.to_be_bytes());
    value.extend_from_slice(&number.to_be_bytes());
    value.extend_from_slice(payload);
    raw(64, flags, &value)
}

// RFC 9260 section 6.1 lets a sender have 65,535 ordered messages of a stream under way: all those behind a lost one are
// ahead of it, however far.
#[test]
fn sixty_thousand_messages_behind_a_hole_all_arrive() {
    let mut played = Played::up(Config::default());
    for k in 1..60_000u32 {
        let mut chunk = packet(played.tag, &data(PEER_TSN + k, 3, 0, k as u16, &k.to_be_bytes()));
        played.end.handle_input(played.now, &mut chunk);
        let mut out = Vec::new();
        while played.end.poll_transmit(played.now, &mut out).is_some() {}
    }
    played.tell(&data(PEER_TSN, 3, 0, 0, &[0; 4]));
    let got: Vec<u32> = drain(&mut played.end, played.now).iter().map(|m| be32(&m.payload)).collect();
    assert_eq!(got.len(), 60_000);
    assert!(got.iter().copied().eq(0..60_000));
}

// A small message that waits for the one before it must not keep alive the buffer in which others came and went.
#[test]
fn a_message_that_waits_holds_no_more_than_itself() {
    for pieces in [1, 2] {
        let mut played = Played::up(small());
        let (mut tsn, mut ssn) = (PEER_TSN, 0);
        let held = alloc::count(|| {
            for round in 1..300 {
                // On stream 1 the first message never comes.
                for piece in 0..pieces {
                    let flags = if pieces == 1 { 3 } else { 2 >> piece };
                    take(&mut played, &data(tsn, flags, 1, round, b"x"));
                    tsn += 1;
                }
                for k in 0..16 {
                    let flags = if pieces == 1 { 3 } else { (u8::from(k == 0) * 2) | u8::from(k == 15) };
                    take(&mut played, &data(tsn, flags, 0, ssn, &[7; 1000]));
                    tsn += 1;
                    ssn += if flags & 1 == 1 { 1 } else { 0 };
                }
            }
        });
        assert_eq!(played.end.state(), State::Established);
        assert_eq!(played.end.stats().messages_received, u64::from(ssn));
        assert!(held.peak < SMALL, "{pieces}: {held:?}");
    }
}

// The same of messages that are never whole.
#[test]
fn a_message_that_is_begun_holds_no_more_than_itself() {
    for interleaved in [false, true] {
        let mut played = if interleaved { Played::up_with(small(), &ALL) } else { Played::up(small()) };
        let mut tsn = PEER_TSN;
        let mut say =
            |played: &mut Played, flags: u8, stream: u16, message: u16, number: u32, octets: &[u8]| {
                let chunk = if interleaved {
                    idata(tsn, flags, stream, u32::from(message), number, octets)
                } else {
                    data(tsn, flags, stream, message, octets)
                };
                take(played, &chunk);
                tsn += 1;
            };
        let held = alloc::count(|| {
            for round in 0..200 {
                say(&mut played, 2, round + 1, 0, 53, b"x");
                for k in 0..60 {
                    let flags = (u8::from(k == 0) * 2) | u8::from(k == 59);
                    say(&mut played, flags, 0, round, k, &[7; 1000]);
                }
            }
        });
        assert_eq!(played.end.state(), State::Established);
        assert_eq!(played.end.stats().messages_received, 200, "{interleaved}");
        assert!(held.peak < SMALL, "{interleaved}: {held:?}");
    }
}

// Fragments of one octet, from the last one to the first: none can be put behind another.
#[test]
fn a_message_that_comes_backwards_is_charged_for_each_piece() {
    let mut played = Played::up(small());
    let held = alloc::count(|| {
        for k in (1..60_000u32).rev() {
            take(&mut played, &data(PEER_TSN + k, 0, 0, 0, b"x"));
        }
    });
    assert_eq!(played.end.state(), State::Established);
    assert!(held.peak < SMALL, "{held:?}");
    // Nor are all the pieces moved for each that comes: 26,000 of them fill the window.
    let mut played = Played::up(Config::default());
    let work = alloc::count(|| {
        for k in (1..26_000u32).rev() {
            take(&mut played, &data(PEER_TSN + k, 0, 0, 0, b"x"));
        }
    });
    assert_eq!(played.end.stats().dropped_window, 0);
    assert!(work.bytes < 200_000_000, "{work:?}");
    // What was taken is put together all the same.
    let mut played = Played::up(small());
    for k in (0..500u32).rev() {
        let flags = if k == 0 { 2 } else { u8::from(k == 499) };
        let mut chunk = packet(played.tag, &data(PEER_TSN + k, flags, 0, 0, &[k as u8]));
        played.end.handle_input(played.now, &mut chunk);
        played.hear();
    }
    let message = played.end.receive(played.now).unwrap().payload;
    assert!(message.iter().copied().eq((0..500u32).map(|k| k as u8)));
    assert!(text(&played.tell(&data(PEER_TSN + 500, 11, 0, 1, b"y"))).contains("rwnd=199999"));
}

/// The peer begins anew, out of an association that is up.
fn restart(played: &mut Played, peer_tag: u32) -> bool {
    let init = init_with([peer_tag, 100_000, 0xffff_ffff, PEER_TSN], &[0xc0, 0, 0, 4]);
    let Some((tag, cookie)) = played.cookie(&init) else { return false };
    let answer = played.say(tag, &raw(10, 0, &cookie));
    let done = kinds(&answer) == [11];
    if done {
        played.tag = tag;
    }
    done
}

// What was not pulled stays readable after a restart, and a peer that begins anew again and again piles up nothing.
#[test]
fn messages_not_pulled_do_not_pile_up_over_restarts() {
    let mut played = Played::up(small());
    let (mut restarts, mut sent) = (0, 0);
    let held = alloc::count(|| {
        for round in 0..40 {
            for k in 0..180u16 {
                let tsn = PEER_TSN + u32::from(k);
                let mut chunk = packet(played.tag, &data(tsn, 3, 0, k, &[7; 1000]));
                let before = played.end.stats().duplicates + played.end.stats().dropped_window;
                played.end.handle_input(played.now, &mut chunk);
                sent +=
                    u32::from(before == played.end.stats().duplicates + played.end.stats().dropped_window);
                played.hear();
            }
            restarts += u32::from(restart(&mut played, 1 + round));
        }
    });
    assert!(restarts >= 1, "a restart succeeds");
    assert!(held.peak < 2 * SMALL, "{restarts} {held:?}");
    // Nothing that was acknowledged is lost, and once it is pulled the peer can begin anew again.
    assert_eq!(drain(&mut played.end, played.now).len() as u32, sent);
    assert!(restart(&mut played, 100));
    played.tell(&data(PEER_TSN, 3, 0, 0, b"again"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "again");
}

// "Never" is a time that people write as the largest there is.
#[test]
fn durations_without_end_are_no_overflow() {
    let mut config = Config::default();
    for field in [
        &mut config.rto_initial,
        &mut config.rto_max,
        &mut config.heartbeat_interval,
        &mut config.sack_delay,
        &mut config.cookie_lifetime,
        &mut config.shutdown_timeout,
        &mut config.linger,
    ] {
        *field = Duration::MAX;
    }
    let mut pair = connected(&config, || link(10), 1);
    let now = pair.now();
    pair.a.send(now, 0, pattern(100_000, 1), SendOptions::default()).unwrap();
    pair.must(10 * SECOND, |p| {
        let now = p.now();
        p.z.receive(now).is_some()
    });
    let now = pair.now();
    pair.a.reset_streams(now, &[0]).unwrap();
    pair.must(10 * SECOND, |p| events(&mut p.a.0).contains(&Event::OutgoingReset { stream: 0, done: true }));
    let now = pair.now();
    pair.a.path_changed(now);
    pair.a.shutdown(now);
    pair.must(10 * SECOND, |p| p.a.state() == State::Ended && p.z.state() == State::Ended);
    config.rto_min = Duration::MAX;
    let mut lone = Association::new(config, &mut rng(3));
    lone.connect(now);
    let mut out = Vec::new();
    for _ in 0..20 {
        lone.poll_transmit(now, &mut out);
        let at = lone.poll_timeout().unwrap_or(now);
        lone.handle_timeout(at);
    }
}

// What was prepared for a larger path must not stand in the way of everything behind it.
#[test]
fn answers_too_large_for_a_path_that_shrank_hold_nothing_up() {
    let mut played = Played::up(Config::default());
    let mut value = vec![0, 1, 4, 0];
    value.resize(1024, 7);
    let mut large = packet(played.tag, &raw(4, 0, &value));
    played.end.handle_input(played.now, &mut large);
    played.end.set_path_mtu(600);
    assert!(played.hear().is_empty());
    assert_eq!(played.end.stats().dropped_replies, 1);
    let said = played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]));
    assert_eq!(value_of(&said, 5), Some(vec![0, 1, 0, 8, 1, 2, 3, 4]));
}

#[test]
fn a_request_for_many_streams_outlives_a_path_that_shrinks() {
    let mut played = Played::up(Config::default());
    let streams: Vec<u16> = (0..500).collect();
    played.end.reset_streams(played.now, &streams).unwrap();
    assert!(kinds(&played.hear()).contains(&130));
    // It was lost, as it was too large for the new path.
    played.end.set_path_mtu(600);
    let said = played.wait();
    assert!(kinds(&said).contains(&130), "{}", text(&said));
    // RFC 6525 section 4.4: request sequence numbers begin with the first TSN.
    let response = [&[0, 16, 0, 12][..], &played.tsn.to_be_bytes(), &[0, 0, 0, 1]].concat();
    played.tell(&raw(130, 0, &response));
    let done = events(&mut played.end)
        .iter()
        .filter(|e| matches!(e, Event::OutgoingReset { done: true, .. }))
        .count();
    assert_eq!(done, 500);
}

/// An association that has given up a message on each of so many streams, with nothing acknowledged.
fn given_up(streams: u16) -> Played {
    let mut config = Config::default();
    (config.initial_window, config.interleaving) = (1000, false);
    let mut played = Played::up(config);
    let limited = SendOptions { reliability: Reliability::MaxRetransmits(0), ..SendOptions::default() };
    for stream in 0..streams {
        played.end.send(played.now, stream, pattern(10, 1), limited).unwrap();
    }
    played.hear();
    played
}

#[test]
fn a_skip_of_many_streams_outlives_a_path_that_shrinks() {
    let mut played = given_up(200);
    let said = played.wait();
    assert!(kinds(&said).contains(&192), "{}", text(&said));
    played.end.set_path_mtu(300);
    let said = played.wait();
    assert!(kinds(&said).contains(&192), "{}", text(&said));
}

#[test]
fn a_skip_of_more_streams_than_a_packet_names_survives_a_snapshot() {
    let mut played = given_up(700);
    played.wait();
    let snapshot = played.end.into_snapshot(played.now).map_err(|(_, refusal)| refusal).unwrap();
    let mut config = Config::default();
    config.interleaving = false;
    played.end = Association::restore(config, played.now, &snapshot, &mut rng(5)).unwrap();
    let mut cumulative = played.tsn.wrapping_sub(1);
    let mut said = played.hear();
    for _ in 0..20 {
        assert!(said.iter().all(|packet| packet.len() <= Config::default().path_mtu));
        if let Some(value) = value_of(&said, 192) {
            cumulative = be32(&value);
        }
        if cumulative == played.tsn.wrapping_add(699) {
            return;
        }
        said = played.tell(&sack(cumulative, 1_000_000, &[]));
        if !kinds(&said).contains(&192) {
            said.extend(played.wait());
        }
    }
    panic!("stuck at {} of 700", cumulative.wrapping_sub(played.tsn));
}

// Before the association is up nobody knows how many streams there will be.
#[test]
fn messages_for_streams_that_the_peer_does_not_have_are_never_sent() {
    let mut played = Played::closed(Config::default());
    for stream in [0, 3, 4, 9] {
        played.end.send(played.now, stream, pattern(10, 1), SendOptions::default()).unwrap();
    }
    let (tag, cookie) = played.cookie(&init_with([PEER_TAG, 100_000, 0x0004_0004, PEER_TSN], &[])).unwrap();
    let said = played.say(tag, &raw(10, 0, &cookie));
    let sent = text(&said);
    assert!(sent.contains("stream=0") && sent.contains("stream=3"), "{sent}");
    assert!(!sent.contains("stream=4") && !sent.contains("stream=9"), "{sent}");
    assert_eq!(played.end.buffered_amount_total(), 0);
    assert_eq!((played.end.buffered_amount(4), played.end.buffered_amount(9)), (0, 0));
    assert_eq!(played.end.stats().no_such_stream, 2);
}

// One entry of a skip may not cost as much as all that waits.
#[test]
fn a_skip_that_names_one_stream_again_and_again_costs_what_it_releases() {
    for interleaved in [false, true] {
        let mut config = Config::default();
        config.max_receive_message = 4 << 20;
        let mut played = if interleaved { Played::up_with(config, &ALL) } else { Played::up(config) };
        // Nothing is next in line: half of the messages are whole and wait, the other half are begun.
        for k in 0..40_000u32 {
            let tsn = PEER_TSN + 2 + k;
            let chunk = if interleaved {
                idata(tsn, if k % 2 == 0 { 3 } else { 2 }, 0, k + 20_000, 53, b"x")
            } else {
                data(tsn, 3, 0, (k / 2 + 20_000) as u16, b"x")
            };
            let mut datagram = packet(played.tag, &chunk);
            played.end.handle_input(played.now, &mut datagram);
            let mut out = Vec::new();
            while played.end.poll_transmit(played.now, &mut out).is_some() {}
        }
        // With a look at all that waits for each entry this takes minutes.
        for round in 0..2u32 {
            let mut value = (PEER_TSN + round).to_be_bytes().to_vec();
            for k in 0..8000u32 {
                if interleaved {
                    value.extend_from_slice(&[0, 0, 0, 0]);
                    value.extend_from_slice(&(k + 8000 * round).to_be_bytes());
                } else {
                    value.extend_from_slice(&[0, 0]);
                    value.extend_from_slice(&((k + 8000 * round) as u16).to_be_bytes());
                }
            }
            played.tell(&raw(if interleaved { 194 } else { 192 }, 0, &value));
        }
        assert_eq!(played.end.state(), State::Established);
        assert!(played.end.receive(played.now).is_none());
    }
}

/// A request to reset streams that the peer sends on (13) or that we send on (14).
fn reset(kind: u8, sequence: u32, last: u32, streams: &[u16]) -> Vec<u8> {
    let mut value = sequence.to_be_bytes().to_vec();
    if kind == 13 {
        value.extend_from_slice(&[0; 4]);
        value.extend_from_slice(&last.to_be_bytes());
    }
    streams.iter().for_each(|stream| value.extend_from_slice(&stream.to_be_bytes()));
    let length = (value.len() as u16 + 4).to_be_bytes();
    raw(130, 0, &[&[0, kind, length[0], length[1]], &value[..]].concat())
}

/// Streams that the peer has reset, as the application is told.
fn resets(played: &mut Played) -> Vec<u16> {
    let of = |event| if let Event::IncomingReset { stream } = event { Some(stream) } else { None };
    events(&mut played.end).into_iter().filter_map(of).collect()
}

// Re-configuration as a flood: the crate page says 4 MiB for streams, whatever is asked for about all of them.
#[test]
fn requests_about_all_streams_are_bounded() {
    let mut played = Played::up(Config::default());
    let held = alloc::count(|| {
        for k in 0..65_535u32 {
            take(&mut played, &data(PEER_TSN + k, 3, k as u16, 0, b"x"));
        }
        let all: Vec<u16> = (0..u16::MAX).collect();
        for (k, part) in (0..).zip(all.chunks(2000)) {
            take(&mut played, &reset(14, PEER_TSN + k, 0, part));
        }
        take(&mut played, &reset(13, PEER_TSN + 33, PEER_TSN + 65_534, &[]));
    });
    assert_eq!(resets(&mut played).len(), 65_535);
    assert!(held.peak < 4 << 20, "{held:?}");
}

#[test]
fn all_streams_reset_again_and_again_cost_a_look() {
    let mut played = Played::up(Config::default());
    for k in 0..20_000u32 {
        take(&mut played, &data(PEER_TSN + k, 3, k as u16, 0, b"x"));
    }
    take(&mut played, &reset(13, PEER_TSN, PEER_TSN + 19_999, &[]));
    assert_eq!(resets(&mut played).len(), 20_000);
    let work = alloc::count(|| {
        for k in 1..100 {
            take(&mut played, &reset(13, PEER_TSN + k, PEER_TSN + 19_999, &[]));
            assert!(played.end.poll_event().is_none());
        }
    });
    assert!(work.count < 10_000, "{work:?}");
    // What has been used since, in whatever way, is reset.
    take(&mut played, &data(PEER_TSN + 20_000, 7, 7, 0, b"unordered"));
    take(&mut played, &raw(192, 0, &[&(PEER_TSN + 20_001).to_be_bytes()[..], &[0, 9, 0, 0]].concat()));
    take(&mut played, &reset(13, PEER_TSN + 100, PEER_TSN + 20_001, &[]));
    let named = reset(13, PEER_TSN, PEER_TSN - 1, &[5]);
    assert_eq!(resets(&mut played), [7, 9]);
    // Named, it is reset whether used or not.
    let mut played = Played::up(Config::default());
    take(&mut played, &named);
    assert_eq!(resets(&mut played), [5]);
}

// A message that may be handed over in parts and has to wait for its turn is not looked at for every other message.
#[test]
fn messages_that_wait_for_their_turn_are_not_in_each_others_way() {
    let mut config = Config::default();
    config.partial_delivery_point = Some(1);
    let mut played = Played::up_with(config, &ALL);
    // Begun, and behind a first message of their stream that does not come.
    for k in 0..20_000u32 {
        take(&mut played, &idata(PEER_TSN + k, 2, 1, k + 1, 53, b"x"));
    }
    // With a look at all of them for each message on another stream this takes minutes.
    for k in 0..60_000u32 {
        take(&mut played, &idata(PEER_TSN + 20_000 + k, 3, 2, k, 53, b"y"));
    }
    assert_eq!(played.end.stats().messages_received, 60_000);
    // Their turn comes, one by one, and the next one waits for the end of the one before.
    let mut tsn = PEER_TSN + 80_000;
    let mut say = |played: &mut Played, flags: u8, mid: u32, fsn: u32| {
        let mut chunk = packet(played.tag, &idata(tsn, flags, 1, mid, fsn, b"z"));
        played.end.handle_input(played.now, &mut chunk);
        played.hear();
        tsn += 1;
        std::iter::from_fn(|| played.end.receive_part(played.now))
            .map(|part| part.chunks.concat())
            .collect::<Vec<_>>()
    };
    assert_eq!(say(&mut played, 3, 0, 53), [b"z".to_vec(), b"x".to_vec()]);
    assert!(say(&mut played, 1, 2, 1).is_empty());
    assert_eq!(say(&mut played, 1, 1, 1), [b"z".to_vec(), b"xz".to_vec(), b"x".to_vec()]);
}
