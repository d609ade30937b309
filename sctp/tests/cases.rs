//! The thirty-nine regressions of other implementations, by number; what is not here names its file.
//!
//! | case | where |
//! |---|---|
//! | 1 to 4, 7, 9, 12 to 14, 16, 21, 22, 24, 32, 33, 38, 39 | here |
//! | 5, 6, 8, 15, 27 to 30 | `hostile.rs` |
//! | 10, 11, 37 | `setup.rs` |
//! | 17 | `src/association/tests.rs`, `src/receive` |
//! | 18, 19, 20 | `transfer.rs`, `goodput.rs`; each means of recovery by itself in `recovery.rs` |
//! | 23, 25, 26 | `transfer.rs` |
//! | 29, 35: the sender's half | `partial.rs`, `transfer.rs` |
//! | 27, 28, 31: with I-DATA | `interleaving.rs` |
//! | 34, 36 | `channels.rs` |
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
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::param::ParamType;
use nomagic_sctp::{
    Association, AssociationState, CloseReason, Config, Event, Reliability, ResetError, SendError,
    SendOptions,
};
use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::rng;

const OPTIONS: SendOptions = SendOptions { ppid: 53, unordered: false, reliability: Reliability::Reliable };

fn init_value(params: &[u8]) -> Vec<u8> {
    let mut value: Vec<u8> =
        [PEER_TAG, 100_000, 0xffff_ffff, PEER_TSN].into_iter().flat_map(u32::to_be_bytes).collect();
    value.extend_from_slice(params);
    value
}

// Case 1.
#[test]
fn chunks_of_impossible_length_end_the_reading_and_the_packet() {
    for length in [0u16, 1, 2, 3, 21, 0x7fff, 0xffff] {
        let mut played = Played::up(Config::default());
        let mut chunks = data(PEER_TSN, 11, 0, 0, b"abcd");
        let second = chunks.len();
        chunks.extend(data(PEER_TSN + 1, 11, 0, 1, b""));
        chunks[second + 2..second + 4].copy_from_slice(&length.to_be_bytes());
        assert!(played.tell(&chunks).is_empty(), "length {length}");
        assert!(played.end.receive(played.now).is_none(), "length {length}: half of a packet was taken");
        assert_eq!(played.end.stats().dropped_malformed, 1, "length {length}");
    }
}

// Case 2.
#[test]
fn a_sack_that_counts_more_blocks_than_it_has_changes_nothing() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(3000, 1), OPTIONS).unwrap();
    played.hear();
    let before = played.end.stats();
    for (blocks, duplicates) in [(65_535u16, 65_535u16), (1, 0), (0, 1), (65_535, 0)] {
        let mut value = played.tsn.to_be_bytes().to_vec();
        value.extend_from_slice(&100_000u32.to_be_bytes());
        value.extend_from_slice(&blocks.to_be_bytes());
        value.extend_from_slice(&duplicates.to_be_bytes());
        assert!(played.tell(&raw(3, 0, &value)).is_empty());
        let after = played.end.stats();
        assert_eq!((after.flight, after.outstanding), (before.flight, before.outstanding));
    }
    assert_eq!(played.end.stats().dropped_malformed, 4);
}

// Case 3.
#[test]
fn the_last_parameter_of_an_init_may_have_no_value_but_must_have_its_length() {
    let answer = |params: &[u8], length_off: i32| {
        let mut played = Played::up(Config::default());
        played.end = Association::new(Config::default(), &mut rng(7));
        let mut chunk = raw(1, 0, &init_value(params));
        let length = u16::from_be_bytes([chunk[2], chunk[3]]);
        let length = u16::try_from(i32::from(length) + length_off).unwrap();
        chunk[2..4].copy_from_slice(&length.to_be_bytes());
        text(&played.say(0, &chunk))
    };
    assert!(answer(&[0xc0, 0, 0, 4], 0).contains("INIT-ACK"), "no value, no padding");
    assert!(answer(&[0x80, 8, 0, 5, 130, 0, 0, 0], 0).contains("INIT-ACK"), "padding counted");
    assert!(answer(&[0x80, 8, 0, 5, 130], 0).contains("INIT-ACK"), "padding not counted");
    for params in
        [&[0xc0, 0, 0, 3][..], &[0xc0, 0, 0, 0], &[0xc0, 0, 0, 5], &[0xc0, 0, 0xff, 0xff], &[0xc0, 0]]
    {
        assert_eq!(answer(params, 0), "", "{params:?}");
    }
    assert_eq!(answer(&[0xc0, 0, 0, 8, 1, 2, 3, 4], -2), "", "the parameter passes the chunk");
}

// Case 4.
//= rfc9260#3.2-4 test
//= rfc9260#3.2.1-3 test
#[test]
fn a_chunk_is_read_to_its_own_end_and_padding_is_not_looked_at() {
    let mut played = Played::up(Config::default());
    let mut chunks = data(PEER_TSN, 11, 0, 0, b"x");
    let end = chunks.len();
    chunks[end - 3..].copy_from_slice(&[0xff; 3]);
    chunks.extend(data(PEER_TSN + 1, 11, 0, 1, b"y"));
    played.tell(&chunks);
    assert_eq!(played.end.receive(played.now).unwrap().payload, "x");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "y");
    // The octets after the last chunk belong to nobody.
    let mut packet = packet(played.tag, &raw(4, 0, &[0, 1, 0, 5, 9, 0xaa, 0xbb, 0xcc]));
    played.end.handle_input(played.now, &mut packet);
    let answer = played.hear();
    let parsed = Packet::parse(&answer[0]).unwrap();
    assert!(
        parsed
            .chunks()
            .any(|c| Chunk::parse(c) == Ok(Chunk::HeartbeatAck(&[0, 1, 0, 5, 9, 0xaa, 0xbb, 0xcc])))
    );
}

// Case 7: a round trip is believed only with the nonce of ours.
//= rfc9260#3.3.5-3 test
#[test]
fn a_heartbeat_carries_a_fresh_nonce_and_only_its_echo_is_a_measurement() {
    let mut played = Played::up(Config::default());
    let mut seen = Vec::new();
    for _ in 0..4 {
        let sent = loop {
            if let Some(sent) =
                played.wait().into_iter().find(|p| text(std::slice::from_ref(p)).contains("HEARTBEAT"))
            {
                break sent;
            }
        };
        let parsed = Packet::parse(&sent).unwrap();
        let value = parsed.chunks().next().unwrap().value.to_vec();
        assert!(value.len() >= 4 + 8, "64 bits at least");
        assert!(!seen.contains(&value), "a nonce came twice");
        let before = played.end.stats().srtt;
        for old in &seen {
            played.tell(&raw(5, 0, old));
        }
        assert_eq!(played.end.stats().srtt, before, "an older echo was believed");
        played.now += 40 * MS;
        played.tell(&raw(5, 0, &value));
        assert!(played.end.stats().srtt.is_some_and(|rtt| rtt >= 39 * MS && rtt <= 41 * MS));
        seen.push(value);
    }
}

/// The answer to an INIT, and a cookie with the tag it asks for.
fn offered(end: &mut Played) -> (u32, Vec<u8>) {
    let answer = end.say(0, &raw(1, 0, &init_value(&[])));
    let packet = Packet::parse(&answer[0]).unwrap();
    let Ok(Chunk::InitAck(ack)) = Chunk::parse(packet.chunks().next().unwrap()) else { panic!("{packet}") };
    (ack.tag, ack.params.find(ParamType::STATE_COOKIE).unwrap().to_vec())
}

fn fresh() -> Played {
    let mut played = Played::up(Config::default());
    played.end = Association::new(Config::default(), &mut rng(7));
    played
}

// Case 9.
//= rfc9260#4-1 test
//= rfc9260#5.1.5-3 test
//= rfc9260#5.1.5-4 test
#[test]
fn a_cookie_with_any_octet_changed_or_under_another_tag_is_dropped_in_silence() {
    let mut played = fresh();
    let (tag, cookie) = offered(&mut played);
    for at in 0..cookie.len() {
        let mut forged = cookie.clone();
        forged[at] ^= 0x40;
        assert!(played.say(tag, &raw(10, 0, &forged)).is_empty(), "octet {at}");
    }
    assert!(played.say(tag ^ 1, &raw(10, 0, &cookie)).is_empty());
    assert_eq!(played.end.state(), AssociationState::Closed);
    // DATA behind a forged cookie goes with it.
    let mut forged = cookie.clone();
    forged[0] ^= 1;
    played.say(tag, &[raw(10, 0, &forged), data(PEER_TSN, 11, 0, 0, b"x")].concat());
    assert!(played.end.receive(played.now).is_none());
    assert!(text(&played.say(tag, &raw(10, 0, &cookie))).contains("COOKIE-ACK"));
}

// Case 9.
//= rfc9260#4-2 test
//= rfc9260#5.1.5-5 test
//= rfc9260#5.2.4-2 test
#[test]
fn a_cookie_past_its_life_is_answered_with_how_late_it_was_in_microseconds() {
    let mut played = fresh();
    let (tag, cookie) = offered(&mut played);
    played.now += Config::default().cookie_lifetime + 1500 * MS;
    let answer = played.say(tag, &[raw(10, 0, &cookie), data(PEER_TSN, 11, 0, 0, b"x")].concat());
    let parsed = Packet::parse(&answer[0]).unwrap();
    assert_eq!(parsed.tag(), PEER_TAG);
    let Ok(Chunk::Error(causes)) = Chunk::parse(parsed.chunks().next().unwrap()) else { panic!("{parsed}") };
    let (code, value) = causes.iter().next().unwrap();
    assert_eq!((code.0, value), (3, &1_500_000u32.to_be_bytes()[..]));
    assert_eq!(played.end.state(), AssociationState::Closed);
    assert!(played.end.receive(played.now).is_none());
}

// Case 12.
//= rfc9260#3-1 test
//= rfc9260#3.1-4 test
//= rfc9260#8.5.1-1 test
//= rfc9260#8.5.1-3 test
//= rfc9260#12.3-1 test
//= rfc9260#12.3-2 test
#[test]
fn an_init_comes_alone_and_with_tag_zero_or_not_at_all() {
    let mut played = fresh();
    let init = raw(1, 0, &init_value(&[]));
    assert!(played.say(5, &init).is_empty());
    assert!(played.say(0, &[init.clone(), data(PEER_TSN, 11, 0, 0, b"x")].concat()).is_empty());
    assert!(
        played
            .say(0, &[raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]), init.clone()].concat())
            .iter()
            .all(|p| !text(std::slice::from_ref(p)).contains("INIT-ACK"))
    );
    assert!(text(&played.say(0, &init)).contains("INIT-ACK"));
    played.end.connect(played.now);
    let ours = played.hear();
    let parsed = Packet::parse(&ours[0]).unwrap();
    assert_eq!((parsed.tag(), parsed.chunks().count()), (0, 1));
    // Tag 0 is for nothing else.
    assert!(
        fresh()
            .say(0, &data(PEER_TSN, 11, 0, 0, b"x"))
            .iter()
            .all(|p| text(std::slice::from_ref(p)).contains("ABORT"))
    );
    assert!(Played::up(Config::default()).say(0, &raw(6, 0, &[])).is_empty());
}

// Case 12.
//= rfc9260#3.1-5 test
//= rfc9260#3.3.13-2 test
//= rfc9260#8.4-7 test
//= rfc9260#8.5.1-8 test
//= rfc9260#8.5.1-9 test
//= rfc9260#8.5.1-10 test
//= rfc9260#8.5.1-11 test
#[test]
fn shutdown_complete_reflects_a_tag_only_where_no_association_is_known() {
    let stray = fresh().say(4711, &raw(8, 0, &[]));
    let parsed = Packet::parse(&stray[0]).unwrap();
    assert_eq!(parsed.tag(), 4711);
    let chunk = Chunk::parse(parsed.chunks().next().unwrap()).unwrap();
    assert_eq!(chunk, Chunk::ShutdownComplete { reflected: true });
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    played.hear();
    let answer = played.tell(&raw(8, 0, &[]));
    let parsed = Packet::parse(&answer[0]).unwrap();
    let chunk = Chunk::parse(parsed.chunks().next().unwrap()).unwrap();
    assert_eq!((parsed.tag(), chunk), (PEER_TAG, Chunk::ShutdownComplete { reflected: false }));
    // On receipt: our tag without the bit, the peer's with it, and only where it is waited for.
    for (tag_is_ours, flag, ends) in [(true, 0, true), (true, 1, false), (false, 0, false), (false, 1, true)]
    {
        let mut played = Played::up(Config::default());
        let tag = if tag_is_ours { played.tag } else { PEER_TAG };
        played.say(tag, &raw(14, flag, &[]));
        assert_eq!(played.end.state(), AssociationState::Established);
        played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
        assert_eq!(played.end.state(), AssociationState::ShutdownAckSent);
        played.say(tag, &raw(14, flag, &[]));
        assert_eq!(played.end.state() == AssociationState::Ended, ends, "{tag_is_ours} {flag}");
    }
}

// Case 13.
#[test]
fn zero_checksums_go_only_where_they_were_offered_and_never_begin_an_association() {
    for (a_offers, z_offers) in [(false, false), (true, false), (false, true), (true, true)] {
        let config = |offers: bool| {
            let mut config = Config::default();
            config.zero_checksum = offers;
            config
        };
        let watch = |to_offers: bool| {
            link(5).script(move |_, datagram| {
                let packet = Packet::parse(datagram).unwrap();
                let first = packet.chunks().next().unwrap().kind.0;
                let begins = matches!(first, 1 | 2 | 10);
                if begins || !to_offers {
                    assert!(packet.checksum() != 0 && packet.checksum_is_valid(), "{packet}");
                } else if matches!(first, 0 | 3) {
                    assert_eq!(packet.checksum(), 0, "{packet}");
                }
                Verdict::Deliver
            })
        };
        let mut p = nomagic_testkit::pair::Pair::with_links(
            End(Association::new(config(a_offers), &mut rng(1))),
            End(Association::new(config(z_offers), &mut rng(2))),
            watch(z_offers),
            watch(a_offers),
            1,
        );
        let now = p.now();
        p.a.connect(now);
        p.must(10 * SECOND, |p| both_up(p));
        let now = p.now();
        p.a.send(now, 0, pattern(5000, 1), OPTIONS).unwrap();
        p.z.send(now, 0, pattern(5000, 2), OPTIONS).unwrap();
        p.run_for(SECOND);
        let now = p.now();
        assert_eq!(p.z.receive(now).unwrap().payload, pattern(5000, 1));
        assert_eq!(p.a.receive(now).unwrap().payload, pattern(5000, 2));
    }
}

// Case 16: the state before is the state after.
#[test]
fn a_sack_is_taken_whole_or_not_at_all() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(8000, 1), OPTIONS).unwrap();
    assert_eq!(played.hear().len(), 8);
    let before = played.end.stats();
    let tsn = played.tsn;
    // The cumulative part alone would be right.
    played.tell(&sack(tsn.wrapping_add(2), 77, &[(2, 2), (5, 9)]));
    let after = played.end.stats();
    assert_eq!(
        (after.flight, after.outstanding, after.peer_window),
        (before.flight, before.outstanding, before.peer_window)
    );
    assert_eq!(after.dropped_sack, before.dropped_sack + 1);
}

/// Loses the first `times` packets that carry any of these TSNs, counted from the first.
fn lose(times: usize, of: std::ops::RangeInclusive<u32>) -> Link {
    let (mut first, mut lost) = (None, 0);
    link(25).script(move |_, datagram| {
        let packet = Packet::parse(datagram).unwrap();
        for chunk in packet.chunks() {
            let tsn = match Chunk::parse(chunk) {
                Ok(Chunk::Data(data)) => data.tsn,
                Ok(Chunk::IData(data)) => data.tsn,
                _ => continue,
            };
            let first = *first.get_or_insert(tsn);
            if of.contains(&tsn.wrapping_sub(first)) && lost < times {
                lost += 1;
                return Verdict::Drop;
            }
        }
        Verdict::Deliver
    })
}

// Case 21.
#[test]
fn a_lost_retransmission_is_found_and_a_lost_tail_probed_without_a_time_out() {
    // A retransmission twice lost; three packets at the end; the last alone, which waits for the peer's delayed SACK.
    for (times, of, most) in [(2, 4..=4, 400), (3, 57..=59, 400), (1, 59..=59, 600), (1, 0..=0, 300)] {
        let lone = of == (59..=59);
        let mut p = connected_over(&Config::default(), lose(times, of.clone()), link(25), 3);
        let now = p.now();
        for k in 0..60 {
            p.a.send(now, 0, pattern(1000, k), OPTIONS).unwrap();
        }
        let start = p.now();
        let mut got = 0;
        p.must(10 * SECOND, |p| {
            let now = p.now();
            got += drain(&mut p.z, now).len();
            got == 60
        });
        assert!(lone || p.a.stats().timeouts == 0, "{times} losses of {of:?}");
        let took = p.now() - start;
        assert!(took <= Duration::from_millis(most), "{times} losses of {of:?}: {took:?}");
    }
}

// Case 22.
//= rfc9260#6.2-18 test
//= rfc9260#6.7-6 test
//= rfc9260#6.7-7 test
#[test]
fn as_many_holes_are_reported_as_fit_a_packet_from_the_lowest_up() {
    let mut played = Played::up(Config::default());
    let mut answers = Vec::new();
    for k in 0..600 {
        answers = played.tell(&data(PEER_TSN + 1 + 2 * k, 11, 0, k as u16, b"x"));
    }
    assert_eq!(answers.len(), 1, "one SACK");
    assert!(
        answers[0].len() <= Config::default().path_mtu && answers[0].len() + 4 > Config::default().path_mtu
    );
    let parsed = Packet::parse(&answers[0]).unwrap();
    let Ok(Chunk::Sack(sack)) = Chunk::parse(parsed.chunks().next().unwrap()) else { panic!("{parsed}") };
    let blocks: Vec<_> = sack.blocks().collect();
    assert!(blocks.len() > 200);
    assert!(blocks.iter().enumerate().all(|(k, b)| (b.start, b.end) == (2 * k as u16 + 2, 2 * k as u16 + 2)));
}

// Case 22: the sender's half.
#[test]
fn what_a_gap_block_has_named_is_not_sent_again() {
    let mut config = Config::default();
    config.initial_window = 100;
    let mut played = Played::up(config);
    for k in 0..60 {
        played.end.send(played.now, 0, pattern(1000, k), OPTIONS).unwrap();
    }
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for _ in 0..200 {
        sent.extend(played.hear());
        played.now += MS;
        played.end.handle_timeout(played.now);
    }
    let tsn = played.tsn;
    let blocks: Vec<(u16, u16)> = (0..29).map(|k| (2 + 2 * k, 2 + 2 * k)).collect();
    let mut again: Vec<u32> = Vec::new();
    for _ in 0..40 {
        played.now += 10 * MS;
        let mut answers = played.tell(&sack(tsn.wrapping_sub(1), 1_000_000, &blocks));
        played.end.handle_timeout(played.now);
        answers.extend(played.hear());
        for packet in answers {
            for chunk in Packet::parse(&packet).unwrap().chunks() {
                if let Ok(Chunk::Data(data)) = Chunk::parse(chunk) {
                    again.push(data.tsn.wrapping_sub(tsn));
                }
            }
        }
    }
    assert!(again.contains(&0) && again.iter().all(|k| k % 2 == 0 || *k >= 58), "{again:?}");
}

// Case 24.
#[test]
fn both_ends_begin_with_the_same_window() {
    let mut windows = Vec::new();
    for a_connects in [true, false] {
        let mut p = pair(&Config::default(), || link(10), 5);
        let now = p.now();
        if a_connects {
            p.a.connect(now);
        } else {
            p.z.connect(now);
        }
        p.must(10 * SECOND, |p| both_up(p));
        windows.extend([p.a.stats().congestion_window, p.z.stats().congestion_window]);
    }
    assert!(windows[0] >= 4 * 1163 && windows.iter().all(|w| *w == windows[0]), "{windows:?}");
}

// Case 32: our half.
//= rfc6525#5.1.1-8 test
//= rfc6525#5.1.1-9 test
//= rfc6525#5.1.2-2 test
#[test]
fn a_request_that_is_not_answered_is_repeated_unchanged_and_ever_slower() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 3, pattern(10, 1), OPTIONS).unwrap();
    played.hear();
    played.tell(&sack(played.tsn, 100_000, &[]));
    played.end.reset_streams(played.now, &[3]).unwrap();
    let first = played.hear();
    assert_eq!(first.len(), 1);
    let mut waits = Vec::new();
    for _ in 0..100 {
        if played.end.state() == AssociationState::Ended {
            break;
        }
        let before = played.now;
        let said = played.wait();
        if text(&said).contains("RE-CONFIG") {
            assert!(text(&said).contains(&text(&first)[text(&first).find("RE-CONFIG").unwrap()..]));
            waits.push(played.now - before);
        }
    }
    assert!(waits.len() >= 6, "{waits:?}");
    assert!(waits[..4].windows(2).all(|w| w[1] == 2 * w[0]), "{waits:?}");
    assert!(events(&mut played.end).contains(&Event::Closed(CloseReason::PeerUnreachable)));
}

// Case 33: the layer below the channels.
#[test]
fn a_stream_cannot_be_sent_on_before_its_reset_is_over_and_begins_at_zero_then() {
    let mut p = connected(&Config::default(), || link(50), 9);
    let now = p.now();
    p.a.send(now, 3, pattern(100, 1), OPTIONS).unwrap();
    p.a.reset_streams(now, &[3]).unwrap();
    assert_eq!(p.a.send(now, 3, pattern(1, 1), OPTIONS), Err(SendError::Resetting { stream: 3 }));
    assert_eq!(p.a.reset_streams(now, &[3]), Ok(()), "asking twice is asking once");
    p.must(5 * SECOND, |p| events(&mut p.a).contains(&Event::OutgoingReset { stream: 3, done: true }));
    let now = p.now();
    assert!(events(&mut p.z).contains(&Event::IncomingReset { stream: 3 }));
    p.a.send(now, 3, pattern(100, 2), OPTIONS).unwrap();
    p.run_for(SECOND);
    let now = p.now();
    let got: Vec<_> = drain(&mut p.z, now);
    assert_eq!(got.iter().map(|m| m.payload.clone()).collect::<Vec<_>>(), [pattern(100, 1), pattern(100, 2)]);
}

// Case 38.
#[test]
fn a_day_without_a_word_keeps_the_association_and_costs_few_packets() {
    let mut p = pair(&Config::default(), || link(10), 5).limits(25 * 3600 * SECOND, 1_000_000);
    let now = p.now();
    p.a.connect(now);
    p.must(10 * SECOND, |p| both_up(p));
    let before = p.a.stats().packets_sent;
    for _ in 0..24 {
        p.run_for(3600 * SECOND);
    }
    assert!(both_up(&p));
    let sent = p.a.stats().packets_sent - before;
    assert!((2000..10_000).contains(&sent), "{sent}: a HEARTBEAT and an answer every 30 seconds");
}

// Case 39.
#[test]
fn a_thousand_resets_go_out_in_few_requests_one_at_a_time() {
    let mut p = connected(&Config::default(), || link(20), 5);
    let now = p.now();
    for stream in 0..1000 {
        p.a.send(now, stream, pattern(10, 1), OPTIONS).unwrap();
    }
    for stream in 0..1000 {
        p.a.reset_streams(now, &[stream]).unwrap();
    }
    let mut done = 0;
    p.must(20 * SECOND, |p| {
        done +=
            events(&mut p.a).iter().filter(|e| matches!(e, Event::OutgoingReset { done: true, .. })).count();
        done == 1000
    });
    assert!(p.a.stats().packets_sent < 1000, "{:?}", p.a.stats());
    let mut refused = Played::up_with(Config::default(), &[]);
    assert_eq!(refused.end.reset_streams(refused.now, &[1]), Err(ResetError::Unsupported));
    assert!(refused.hear().is_empty());
}
