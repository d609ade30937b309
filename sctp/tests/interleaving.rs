//! Messages that interleave (RFC 8260): agreed upon, cut, put together, skipped and shared out by priority.
//!
//! What packetdrill can say of I-DATA and I-FORWARD-TSN, in both roles, and where it stands:
//!
//! | case | as sender | as receiver |
//! |---|---|---|
//! | offered by neither, one, both | `both_must_offer_it_...` | the same |
//! | the other kind of chunk where it was agreed upon, or not | never sent: `both_must_offer_it_...` | `chunks_of_the_other_kind_...` |
//! | a message in one chunk, and in several | `fragments_are_numbered_...` | `messages_are_put_together_...` |
//! | ordered and unordered count for themselves | `a_reset_begins_both_numbers_...` | `messages_are_put_together_...` |
//! | two messages at once, on two streams | `fragments_are_numbered_...` | `messages_are_put_together_...` |
//! | fragments out of order, twice, without beginning or end | | `messages_are_put_together_...`, `nonsense_of_fragments_...` |
//! | numbers across the wrap | case 17: `src/association/tests.rs`, `src/receive` | the same |
//! | given up: ordered, unordered, partly sent | `what_is_given_up_is_named_...` | `a_skip_drops_the_messages_...` |
//! | reset of a stream | `a_reset_begins_both_numbers_...` | the same |
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::*;
use nomagic_sctp::channel::{ChannelOptions, Channels, Role};
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Association, CloseReason, Config, Event, Reliability, Scheduling, SendOptions};
use nomagic_testkit::link::Link;
use nomagic_testkit::rng;
use rand::Rng;

const OPTIONS: SendOptions = SendOptions { ppid: 53, unordered: false, reliability: Reliability::Reliable };
/// RE-CONFIG, FORWARD-TSN, I-DATA, I-FORWARD-TSN.
const ALL: [u8; 12] = [0xc0, 0, 0, 4, 0x80, 8, 0, 8, 130, 192, 64, 194];

fn up(config: Config) -> Played {
    Played::up_with(config, &ALL)
}

/// An I-DATA chunk; flags: 1 end, 2 begin, 4 unordered, 8 at once.
fn idata(tsn: u32, flags: u8, stream: u16, mid: u32, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&u32::from(stream).rotate_left(16).to_be_bytes());
    value.extend_from_slice(&mid.to_be_bytes());
    value.extend_from_slice(&number.to_be_bytes());
    value.extend_from_slice(payload);
    raw(64, flags, &value)
}

/// A fragment: TSN, flags, stream, message identifier, ppid or fragment number.
type Piece = (u32, u8, u16, u32, u32);

fn pieces(packets: &[Vec<u8>]) -> Vec<Piece> {
    let mut all = Vec::new();
    for packet in packets {
        for raw in Packet::parse(packet).unwrap().chunks() {
            match Chunk::parse(raw) {
                Ok(Chunk::IData(d)) => {
                    assert_eq!((raw.flags & 0xf0, &raw.value[6..8]), (0, &[0, 0][..]), "reserved bits");
                    all.push((d.tsn, raw.flags & 7, d.stream, d.mid, d.ppid_or_fsn));
                }
                Ok(Chunk::Data(_)) => panic!("DATA"),
                _ => {}
            }
        }
    }
    all
}

//= rfc8260#2-1 test
//= rfc8260#2.2.1-1 test
//= rfc8260#2.2.1-2 test
#[test]
fn both_must_offer_it_and_then_nothing_else_is_used() {
    for (ours, theirs) in [(false, false), (false, true), (true, false), (true, true)] {
        let configs = [ours, theirs].map(|on| {
            let mut config = Config::default();
            config.interleaving = on;
            config
        });
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let watch = || {
            let seen = std::sync::Arc::clone(&seen);
            link(5).script(move |_, datagram| {
                let packet = Packet::parse(datagram).unwrap();
                seen.lock()
                    .unwrap()
                    .extend(packet.chunks().map(|c| c.kind.0).filter(|k| matches!(k, 0 | 64)));
                nomagic_testkit::link::Verdict::Deliver
            })
        };
        let [a, z] = [0, 1].map(|k| End(Association::new(configs[k].clone(), &mut rng(k as u64))));
        let mut p = nomagic_testkit::pair::Pair::new(a, z, watch, 1);
        let now = p.now();
        p.a.connect(now);
        p.must(SECOND, |p| both_up(p));
        let now = p.now();
        p.a.send(now, 0, pattern(5000, 1), OPTIONS).unwrap();
        p.z.send(now, 0, pattern(5000, 2), OPTIONS).unwrap();
        p.run_for(SECOND);
        let now = p.now();
        assert_eq!((drain(&mut p.a, now).len(), drain(&mut p.z, now).len()), (1, 1));
        let expected = if ours && theirs { 64 } else { 0 };
        assert!(seen.lock().unwrap().iter().all(|k| *k == expected), "{ours} {theirs}");
    }
}

// Case 30.
//= rfc8260#2.2.3-3 test
//= rfc8260#2.3.1-6 test
#[test]
fn chunks_of_the_other_kind_end_the_association() {
    let skip = PEER_TSN.to_be_bytes();
    for (interleaved, chunk) in [
        (true, data(PEER_TSN, 3, 0, 0, b"x")),
        (true, raw(192, 0, &skip)),
        (false, idata(PEER_TSN, 3, 0, 0, 53, b"x")),
        (false, raw(194, 0, &skip)),
    ] {
        let mut played = if interleaved { up(Config::default()) } else { Played::up(Config::default()) };
        let said = played.tell(&chunk);
        assert_eq!((kinds(&said), causes(&said)), (vec![6], vec![13]));
        assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
    }
}

//= rfc8260#2.1-1 test
//= rfc8260#2.1-3 test
//= rfc8260#2.1-5 test
//= rfc8260#2.2.2-1 test
//= rfc8260#2.2.2-2 test
//= rfc8260#2.2.2-3 test
//= rfc8260#2.2.2-5 test
//= rfc8260#2.2.2-7 test
#[test]
fn fragments_are_numbered_and_streams_take_turns_but_never_two_messages_of_one() {
    let mut config = Config::default();
    config.initial_window = 40;
    let mut played = up(config);
    for (stream, unordered) in [(1, false), (1, true), (1, false), (2, false)] {
        played.end.send(played.now, stream, pattern(5000, 1), SendOptions { unordered, ..OPTIONS }).unwrap();
    }
    let mut packets = played.hear();
    for _ in 0..200 {
        played.now += MS;
        played.end.handle_timeout(played.now);
        packets.extend(played.hear());
    }
    let all = pieces(&packets);
    let mut messages: BTreeMap<(u16, bool, u32), Vec<(u8, u32)>> = BTreeMap::new();
    let mut open: BTreeMap<u16, (bool, u32)> = BTreeMap::new();
    for (k, (tsn, flags, stream, mid, number)) in all.iter().copied().enumerate() {
        assert_eq!(tsn, played.tsn.wrapping_add(k as u32));
        let key = (flags & 4 != 0, mid);
        if flags & 2 != 0 {
            assert_eq!(open.insert(stream, key), None, "one message of a stream at a time");
        }
        assert_eq!(open.get(&stream), Some(&key));
        if flags & 1 != 0 {
            open.remove(&stream);
        }
        messages.entry((stream, key.0, mid)).or_default().push((flags & 3, number));
    }
    // Ordered and unordered messages are numbered apart.
    assert_eq!(
        messages.keys().copied().collect::<Vec<_>>(),
        [(1, false, 0), (1, false, 1), (1, true, 0), (2, false, 0)]
    );
    for pieces in messages.values() {
        let count = pieces.len();
        for (k, (flags, number)) in pieces.iter().copied().enumerate() {
            assert_eq!(flags, u8::from(k == 0) * 2 + u8::from(k + 1 == count));
            assert_eq!(number, if k == 0 { 53 } else { k as u32 });
        }
    }
    let turns: Vec<u16> = all.iter().take(8).map(|piece| piece.2).collect();
    assert!(turns.windows(2).all(|w| w[0] != w[1]), "{turns:?}");
}

//= rfc8260#2.2.3-1 test
//= rfc8260#2.2.3-2 test
#[test]
fn messages_are_put_together_from_fragments_in_any_order_of_tsns() {
    for seed in 0..200 {
        let mut rng = rng(seed);
        let mut dice = |n: usize| rng.next_u32() as usize % n;
        let mut played = up(Config::default());
        // Twelve messages on three streams, in pieces whose TSNs have nothing to do with their order.
        let mut all = Vec::new();
        let mut expected: BTreeMap<(u16, bool), Vec<Vec<u8>>> = BTreeMap::new();
        let mut mids: BTreeMap<(u16, bool), u32> = BTreeMap::new();
        for k in 0..12u8 {
            let (stream, unordered, count) = (dice(3) as u16, dice(3) == 0, 1 + dice(6));
            let mid = mids.entry((stream, unordered)).or_default();
            let mut whole = Vec::new();
            for piece in 0..count {
                let flags = u8::from(piece == 0) * 2 + u8::from(piece + 1 == count) + u8::from(unordered) * 4;
                let payload = vec![k * 16 + piece as u8; 1 + dice(20)];
                let number = if piece == 0 { 53 } else { piece as u32 };
                all.push((flags, stream, *mid, number, payload.clone()));
                whole.extend(payload);
            }
            *mid += 1;
            expected.entry((stream, unordered)).or_default().push(whole);
        }
        let mut tsns: Vec<u32> = (0..all.len() as u32).map(|k| PEER_TSN + k).collect();
        for k in (1..all.len()).rev() {
            tsns.swap(k, dice(k + 1));
            all.swap(k, dice(k + 1));
        }
        for ((flags, stream, mid, number, payload), tsn) in all.into_iter().zip(tsns) {
            let chunk = idata(tsn, flags, stream, mid, number, &payload);
            played.tell(&chunk);
            // Twice is once.
            played.tell(&chunk);
        }
        let mut got: BTreeMap<(u16, bool), Vec<Vec<u8>>> = BTreeMap::new();
        for message in drain(&mut played.end, played.now) {
            assert_eq!(message.ppid, 53);
            got.entry((message.stream, message.unordered)).or_default().push(message.payload.to_vec());
        }
        // Unordered ones as they became whole.
        for ((_, unordered), messages) in got.iter_mut().chain(expected.iter_mut()) {
            if *unordered {
                messages.sort();
            }
        }
        assert_eq!(got, expected, "seed {seed}");
        assert_eq!(played.end.state(), nomagic_sctp::AssociationState::Established);
    }
}

// Case 31: message identifiers and fragment numbers as nobody in their right mind sends them.
#[test]
fn nonsense_of_fragments_is_dropped_or_ends_the_association_and_never_panics() {
    let violations: [&[Vec<u8>]; 5] = [
        // A first number without the bit; one number twice; two ends; one behind the end; an end before what is there.
        &[idata(PEER_TSN, 0, 0, 0, 0, b"x")],
        &[idata(PEER_TSN, 2, 0, 0, 53, b"x"), idata(PEER_TSN + 1, 2, 0, 0, 53, b"y")],
        &[idata(PEER_TSN, 1, 0, 0, 5, b"x"), idata(PEER_TSN + 1, 1, 0, 0, 6, b"y")],
        &[idata(PEER_TSN, 1, 0, 0, 5, b"x"), idata(PEER_TSN + 1, 0, 0, 0, 6, b"y")],
        &[idata(PEER_TSN, 0, 0, 0, 6, b"x"), idata(PEER_TSN + 1, 1, 0, 0, 5, b"y")],
    ];
    for chunks in violations {
        let mut played = up(Config::default());
        chunks.iter().for_each(|chunk| drop(played.tell(chunk)));
        assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation), "{chunks:?}");
    }
    let mut played = up(Config::default());
    for (k, mid) in [u32::MAX, 1 << 31, (1 << 31) - 1, 0].into_iter().enumerate() {
        for (j, number) in [u32::MAX - 1, 1 << 31, 7].into_iter().enumerate() {
            let tsn = PEER_TSN + 1 + (k * 3 + j) as u32;
            played.tell(&idata(tsn, 4, 9, mid, number, b"x"));
            played.tell(&idata(tsn + 100, 0, 9, mid, number, b"x"));
        }
    }
    assert_eq!(played.end.state(), nomagic_sctp::AssociationState::Established);
    assert!(played.end.receive(played.now).is_none());
}

// Case 27: one octet each, of messages that never end, over all streams and identifiers.
#[test]
fn a_flood_of_fragments_that_belong_nowhere_is_bounded() {
    let mut config = Config::default();
    (config.receive_window, config.max_receive_message) = (100_000, 10_000);
    let mut played = up(config);
    let held = nomagic_testkit::alloc::count(|| {
        for k in 0..60_000u32 {
            let chunk = idata(PEER_TSN + 2 * k + 1, 4 * (k % 2) as u8, k as u16, k, 9 + k % 7, b"x");
            let mut crumb = packet(played.tag, &chunk);
            played.end.handle_input(played.now, &mut crumb);
            let mut out = Vec::new();
            while played.end.poll_transmit(played.now, &mut out).is_some() {}
        }
    });
    assert!(played.end.stats().dropped_window > 50_000);
    assert!(held.peak < 600_000, "{held:?}");
}

//= rfc8260#2.3.2-1 test
#[test]
fn a_reset_begins_both_numbers_anew_and_old_fragments_reach_no_new_message() {
    let mut played = up(Config::default());
    for unordered in [false, true, false] {
        played.end.send(played.now, 3, pattern(10, 1), SendOptions { unordered, ..OPTIONS }).unwrap();
    }
    let mids: Vec<_> = pieces(&played.hear()).iter().map(|p| (p.1 & 4, p.3)).collect();
    assert_eq!(mids, [(0, 0), (4, 0), (0, 1)]);
    played.tell(&sack(played.tsn.wrapping_add(2), 100_000, &[]));
    played.end.reset_streams(played.now, &[3]).unwrap();
    played.hear();
    played.tell(&raw(
        130,
        0,
        &[&[0, 16, 0, 12][..], &played.tsn.to_be_bytes(), &1u32.to_be_bytes()].concat(),
    ));
    for unordered in [false, true] {
        played.end.send(played.now, 3, pattern(10, 1), SendOptions { unordered, ..OPTIONS }).unwrap();
    }
    let mids: Vec<_> = pieces(&played.hear()).iter().map(|p| (p.1 & 4, p.3)).collect();
    assert_eq!(mids, [(0, 0), (4, 0)]);
    // The peer's half: the last fragment of the old message 0 comes after the first of the new one.
    played.tell(&idata(PEER_TSN, 2, 5, 0, 53, b"old "));
    let request = [PEER_TSN, 0, PEER_TSN + 1].map(u32::to_be_bytes).concat();
    played.tell(&raw(130, 0, &[&[0, 13, 0, 18][..], &request, &[0, 5]].concat()));
    played.tell(&idata(PEER_TSN + 2, 2, 5, 0, 53, b"new "));
    played.tell(&idata(PEER_TSN + 3, 1, 5, 0, 1, b"end"));
    assert!(played.end.receive(played.now).is_none());
    played.tell(&idata(PEER_TSN + 1, 1, 5, 0, 1, b"end"));
    let got: Vec<_> = drain(&mut played.end, played.now).into_iter().map(|m| m.payload).collect();
    assert_eq!(got, ["old end", "new end"]);
    assert!(events(&mut played.end).contains(&Event::IncomingReset { stream: 5 }));
}

//= rfc8260#2-2 test
//= rfc8260#2.3.1-1 test
//= rfc8260#2.3.1-2 test
//= rfc8260#2.3.1-3 test
//= rfc8260#2.3.1-4 test
//= rfc8260#2.3.1-5 test
#[test]
fn what_is_given_up_is_named_by_stream_order_and_message() {
    let mut played = up(Config::default());
    let reliability = Reliability::MaxRetransmits(0);
    for (stream, unordered) in [(1, false), (1, true), (2, false)] {
        let options = SendOptions { unordered, reliability, ..OPTIONS };
        played.end.send(played.now, stream, pattern(10, 1), options).unwrap();
    }
    played.end.send(played.now, 4, pattern(10, 1), OPTIONS).unwrap();
    let streams: Vec<u16> = pieces(&played.hear()).iter().map(|piece| piece.2).collect();
    assert_eq!(streams, [1, 2, 4, 1]);
    // Only the reliable one has arrived.
    let all = played.tsn.wrapping_add(3);
    let value = loop {
        let mut said = played.tell(&sack(played.tsn.wrapping_sub(1), 100_000, &[(3, 3)]));
        said.extend(played.wait());
        assert!(!kinds(&said).contains(&192));
        let skips = chunks(&said).into_iter().filter(|c| c.0 == 194);
        if let Some((_, _, value)) = skips.into_iter().find(|c| be32(&c.2) == all) {
            break value;
        }
    };
    let entries: Vec<_> = value[4..].chunks(8).map(<[u8]>::to_vec).collect();
    assert_eq!(entries, [[0, 1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0, 0, 0]]);
}

// Cases 28 and 29, with message identifiers.
#[test]
fn a_skip_drops_the_messages_it_names_and_no_others() {
    let mut played = up(Config::default());
    played.tell(&idata(PEER_TSN, 2, 1, 0, 53, b"given up"));
    played.tell(&idata(PEER_TSN + 1, 2, 2, 0, 53, b"goes "));
    played.tell(&idata(PEER_TSN + 2, 6, 1, 0, 53, b"given up"));
    played.tell(&idata(PEER_TSN + 3, 6, 1, 1, 53, b"unordered "));
    played.tell(&idata(PEER_TSN + 5, 3, 1, 1, 53, b"next"));
    let mut skip = (PEER_TSN + 4).to_be_bytes().to_vec();
    // Named twice, and one far ahead on a stream that there is not.
    for entry in [[0, 1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 0, 0, 0]] {
        skip.extend_from_slice(&entry);
    }
    played.tell(&raw(194, 0, &skip));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "next");
    played.tell(&idata(PEER_TSN + 6, 1, 2, 0, 1, b"on"));
    played.tell(&idata(PEER_TSN + 7, 5, 1, 1, 1, b"too"));
    let got: Vec<_> = drain(&mut played.end, played.now).into_iter().map(|m| m.payload).collect();
    assert_eq!(got, ["goes on", "unordered too"]);
    for k in 1..40u32 {
        let to = PEER_TSN.wrapping_add(k.wrapping_mul((1 << 31) - 1));
        played.tell(&raw(194, 0, &[&to.to_be_bytes()[..], &[0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat()));
    }
    assert_eq!(played.end.state(), nomagic_sctp::AssociationState::Established);
}

#[test]
fn large_and_small_messages_of_every_reliability_survive_a_bad_link() {
    for seed in 0..30 {
        let bad = || link(15).loss(0.1).duplication(0.05).reordering(0.1, 20 * MS);
        let mut p = connected(&Config::default(), bad, seed);
        let mut rng = rng(seed + 9);
        let mut dice = move |n: u32| rng.next_u32() % n;
        let (mut sent, mut got) = ([0u32; 6], [0u32; 6]);
        for _ in 0..60 {
            let now = p.now();
            let stream = dice(6) as u16;
            let mut body = pattern(4 + dice(30_000) as usize, 3).to_vec();
            body[..4].copy_from_slice(&sent[usize::from(stream)].to_be_bytes());
            sent[usize::from(stream)] += 1;
            p.a.send(now, stream, body.into(), OPTIONS).unwrap();
            let reliability = match dice(2) {
                0 => Reliability::MaxRetransmits(dice(2) as u16),
                _ => Reliability::Lifetime(MS * dice(100)),
            };
            let options = SendOptions { unordered: dice(2) == 0, reliability, ..OPTIONS };
            p.a.send(now, 6 + dice(3) as u16, pattern(1 + dice(20_000) as usize, 1), options).unwrap();
            p.run_for(MS * dice(20));
        }
        p.must(120 * SECOND, |p| {
            let now = p.now();
            for message in drain(&mut p.z, now) {
                if let Some(next) = got.get_mut(usize::from(message.stream)) {
                    assert_eq!(be32(&message.payload), *next);
                    *next += 1;
                }
            }
            got == sent
        });
        p.must(60 * SECOND, |p| p.a.stats().outstanding == 0 && p.a.buffered_amount_total() == 0);
    }
}

/// Sends 256 KiB messages without end on one stream and a ping every 100 ms on another; the time of each ping.
fn pings(interleaving: bool) -> Vec<Duration> {
    let mut config = Config::default();
    (config.interleaving, config.send_buffer) = (interleaving, 8 << 20);
    let wire = || Link::latency(25 * MS).rate(100_000_000, 625_000);
    let mut p = connected(&config, wire, 3).ladder_lines(0);
    let (mut times, mut waiting, mut next) = (Vec::new(), None, p.now() + 2 * SECOND);
    let end = p.now() + 8 * SECOND;
    while p.now() < end {
        let now = p.now();
        while p.a.buffered_amount(1) < 1 << 20 {
            p.a.send(now, 1, pattern(256 << 10, 1), OPTIONS).unwrap();
        }
        if waiting.is_none() && now >= next {
            p.a.send(now, 2, pattern(8, 1), OPTIONS).unwrap();
            (waiting, next) = (Some(now), now + 100 * MS);
        }
        for message in drain(&mut p.z, now) {
            if message.stream == 2 {
                p.z.send(now, 2, message.payload, OPTIONS).unwrap();
            }
        }
        if drain(&mut p.a, now).iter().any(|message| message.stream == 2) {
            times.extend(waiting.take().map(|at| now - at));
        }
        p.run_for(MS);
    }
    times.sort();
    times
}

#[test]
fn a_ping_does_not_wait_behind_large_messages() {
    let (with, without) = (pings(true), pings(false));
    let p95 = |times: &[Duration]| times[times.len() * 95 / 100];
    assert!(with.len() > 40, "{}", with.len());
    // The queue of the link itself is a whole round trip long when it is full.
    assert!(p95(&with) <= 110 * MS, "{:?}", p95(&with));
    assert!(p95(&without) > p95(&with), "{:?} {:?}", p95(&without), p95(&with));
}

//= rfc8831#6.4-1 test
#[test]
fn channels_share_by_their_priorities() {
    for interleaving in [true, false] {
        let mut config = Config::default();
        config.interleaving = interleaving;
        let [a, z] = [1, 2].map(|seed| End(Channels::new(config.clone(), &mut rng(seed))));
        let slow = || link(20).rate(2_000_000, 60_000);
        let mut p = nomagic_testkit::pair::Pair::new(a, z, slow, 1).ladder_lines(0);
        let now = p.now();
        p.a.connect(now, Role::Client);
        p.z.connect(now, Role::Server);
        p.run_for(SECOND);
        let now = p.now();
        let open = |p: &mut Channels, priority| {
            p.open(now, "", ChannelOptions { priority, ..ChannelOptions::default() }).unwrap()
        };
        let (low, high) = (open(&mut p.a, 128), open(&mut p.a, 512));
        for _ in 0..100 {
            p.a.send_binary(now, low, pattern(8000, 1)).unwrap();
            p.a.send_binary(now, high, pattern(8000, 1)).unwrap();
        }
        p.must(20 * SECOND, |p| p.a.buffered_amount(high) < 200_000);
        let (gone_low, gone_high) = (800_000 - p.a.buffered_amount(low), 800_000 - p.a.buffered_amount(high));
        let ratio = gone_high as f64 / gone_low as f64;
        assert!((3.2..4.8).contains(&ratio), "{ratio} with interleaving {interleaving}");
    }
}

#[test]
fn other_schedulers_can_be_chosen() {
    let order = |scheduling| {
        let mut config = Config::default();
        (config.scheduling, config.initial_window) = (scheduling, 40);
        let mut played = up(config);
        played.end.set_priority(2, 512);
        for stream in [1, 2] {
            played.end.send(played.now, stream, pattern(3300, 1), OPTIONS).unwrap();
        }
        let mut packets = played.hear();
        for _ in 0..100 {
            played.now += MS;
            played.end.handle_timeout(played.now);
            packets.extend(played.hear());
        }
        let mut streams: Vec<u16> = pieces(&packets).iter().map(|p| p.2).collect();
        streams.truncate(6);
        streams
    };
    assert_eq!(order(Scheduling::FirstComeFirstServed)[..4], [1, 1, 1, 2]);
    assert_eq!(order(Scheduling::RoundRobin)[..4], [1, 1, 1, 2]);
    assert_eq!(order(Scheduling::RoundRobinPacket)[..4], [1, 2, 1, 2]);
    assert_eq!(order(Scheduling::Fair)[..4], [1, 2, 1, 2]);
    assert_eq!(order(Scheduling::Priority)[..4], [2, 2, 2, 1]);
}

// Case 25, with message identifiers: nothing can be pulled before more has come than the window began with.
#[test]
fn large_messages_of_several_streams_come_at_once() {
    for (window, streams) in [(4 << 20, 3), (Config::default().receive_window, 8)] {
        let mut config = Config::default();
        config.receive_window = window;
        let mut p = connected(&config, || link(10), 1);
        let now = p.now();
        for stream in 0..streams {
            p.a.send(now, stream, pattern(1 << 20, stream as u8), OPTIONS).unwrap();
        }
        let mut got = 0;
        p.must(20 * SECOND, |p| {
            let now = p.now();
            got += drain(&mut p.z, now).len();
            got == usize::from(streams)
        });
    }
}
