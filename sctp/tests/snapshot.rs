//! Associations and channels that are taken down and set up again, at rest and in the middle of everything.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::channel::{ChannelOptions, ChannelState, Channels, Message, Role};
use nomagic_sctp::{
    Association, Config, Event, Reliability, SendOptions, Snapshot, SnapshotError, SnapshotRefusal,
};
use nomagic_testkit::rng;
use rand::Rng;

const OPTIONS: SendOptions = SendOptions { ppid: 53, unordered: false, reliability: Reliability::Reliable };

/// Another process.
fn moved(end: &mut Association, now: std::time::Instant, seed: u64) -> usize {
    let old = std::mem::replace(end, Association::new(Config::default(), &mut rng(seed)));
    let snapshot = old.into_snapshot(now).map_err(|e| e.1).unwrap();
    let stored = Snapshot::from_bytes(snapshot.as_bytes());
    *end = Association::restore(Config::default(), now, &stored, &mut rng(seed)).unwrap();
    stored.as_bytes().len()
}

#[test]
fn an_idle_association_goes_on_where_it_was() {
    let mut p = connected(&Config::default(), || link(20), 1);
    let mut size = 0;
    for round in 0..6u8 {
        let now = p.now();
        p.a.send(now, 1, pattern(3000, round), OPTIONS).unwrap();
        p.z.send(now, 1, pattern(3000, !round), OPTIONS).unwrap();
        p.run_for(SECOND);
        let now = p.now();
        assert_eq!(p.a.receive(now).unwrap().payload, pattern(3000, !round));
        assert_eq!(p.z.receive(now).unwrap().payload, pattern(3000, round));
        p.run_for(SECOND);
        let now = p.now();
        size = moved(if round % 2 == 0 { &mut p.a } else { &mut p.z }, now, u64::from(round) + 50);
    }
    assert!(size < 400, "{size} octets");
    let now = p.now();
    p.a.reset_streams(now, &[1]).unwrap();
    p.must(5 * SECOND, |p| events(&mut p.a).contains(&Event::OutgoingReset { stream: 1, done: true }));
    let now = p.now();
    p.z.shutdown(now);
    p.must(5 * SECOND, |p| p.a.is_closed() && p.z.is_closed());
}

// Every few milliseconds one of the two moves, with all that is queued, in flight, half received and not yet pulled.
#[test]
fn in_the_middle_of_everything_nothing_is_lost_or_said_twice() {
    for seed in 0..40 {
        let bad = || link(15).loss(0.05).duplication(0.05).reordering(0.1, 20 * MS);
        let mut p = connected(&Config::default(), bad, seed);
        let mut dice_rng = rng(seed + 500);
        let mut dice = move |n: u32| dice_rng.next_u32() % n;
        let (mut sent, mut got) = ([0u32; 2], [0u32; 2]);
        for round in 0..60 {
            for (side, sent) in sent.iter_mut().enumerate() {
                let now = p.now();
                let end = if side == 0 { &mut p.a } else { &mut p.z };
                for _ in 0..dice(4) {
                    let mut body = pattern(4 + dice(20_000) as usize, 3).to_vec();
                    body[..4].copy_from_slice(&sent.to_be_bytes());
                    *sent += u32::from(end.send(now, 5, body.into(), OPTIONS).is_ok());
                    // And what may be lost, on other streams.
                    let reliability = Reliability::MaxRetransmits(dice(2) as u16);
                    let options = SendOptions { unordered: dice(2) == 0, reliability, ..OPTIONS };
                    end.send(now, 6 + dice(3) as u16, pattern(1 + dice(3000) as usize, 1), options).unwrap();
                }
            }
            p.run_for(MS * dice(30));
            let now = p.now();
            if dice(3) == 0 {
                moved(if dice(2) == 0 { &mut p.a } else { &mut p.z }, now, u64::from(dice(1 << 30)));
            }
            for (side, got) in got.iter_mut().enumerate() {
                if dice(2) == 0 || round == 59 {
                    let end = if side == 0 { &mut p.z } else { &mut p.a };
                    take(end, now, got);
                }
            }
        }
        p.must(120 * SECOND, |p| {
            let now = p.now();
            take(&mut p.z, now, &mut got[0]);
            take(&mut p.a, now, &mut got[1]);
            got == sent
        });
        p.must(60 * SECOND, |p| p.a.stats().outstanding == 0 && p.z.stats().outstanding == 0);
    }
}

fn take(end: &mut Association, now: std::time::Instant, next: &mut u32) {
    for message in drain(end, now) {
        if message.stream == 5 {
            assert_eq!(be32(&message.payload), *next);
            assert!(message.payload[4..] == pattern(message.payload.len(), 3)[4..]);
            *next += 1;
        }
    }
}

#[test]
fn where_it_cannot_be_it_is_refused_and_comes_back_unchanged() {
    let mut made: Vec<(Association, SnapshotRefusal)> = Vec::new();
    for make in [Played::closed as fn(Config) -> Played, Played::calling, Played::echoing] {
        let end = make(Config::default()).end;
        let state = end.state();
        made.push((end, SnapshotRefusal::NotEstablished { state }));
    }
    let mut ending = Played::up(Config::default());
    ending.end.shutdown(ending.now);
    let state = ending.end.state();
    made.push((ending.end, SnapshotRefusal::NotEstablished { state }));
    let mut resetting = Played::up(Config::default());
    resetting.end.reset_streams(resetting.now, &[1]).unwrap();
    made.push((resetting.end, SnapshotRefusal::Resetting));
    let mut waiting = Played::up(Config::default());
    let request = [PEER_TSN, 0, PEER_TSN + 5].map(u32::to_be_bytes).concat();
    waiting.tell(&raw(130, 0, &[&[0, 13, 0, 18][..], &request, &[0, 1]].concat()));
    made.push((waiting.end, SnapshotRefusal::Resetting));
    for (end, expected) in made {
        let state = end.state();
        let (back, refusal) = end.into_snapshot(nomagic_testkit::clock::origin()).unwrap_err();
        assert_eq!((refusal, back.state()), (expected, state));
    }
}

#[test]
fn other_octets_are_named_for_what_they_are_and_never_panic() {
    let mut p = connected(&Config::default(), || link(5).loss(0.3), 1);
    let now = p.now();
    for k in 0..20 {
        p.a.send(now, k, pattern(3000, 1), OPTIONS).unwrap();
        p.z.send(now, k, pattern(3000, 1), SendOptions { unordered: true, ..OPTIONS }).unwrap();
    }
    p.run_for(12 * MS);
    let now = p.now();
    let restore = |bytes: &[u8]| {
        Association::restore(Config::default(), now, &Snapshot::from_bytes(bytes), &mut rng(1))
    };
    let old = std::mem::replace(&mut p.a.0, Association::new(Config::default(), &mut rng(1)));
    let whole = old.into_snapshot(now).map_err(|e| e.1).unwrap();
    let bytes = whole.as_bytes();
    assert!(restore(bytes).is_ok());
    assert_eq!(format!("{whole:?}"), "Snapshot(..)");
    assert_eq!(restore(&[9, 1]).unwrap_err(), SnapshotError::Version { found: 9 });
    assert_eq!(restore(&[1, 2]).unwrap_err(), SnapshotError::OtherKind);
    assert_eq!(restore(&[bytes, &[0]].concat()).unwrap_err(), SnapshotError::Damaged { offset: bytes.len() });
    for cut in 0..bytes.len().min(4000) {
        assert!(restore(&bytes[..cut]).is_err(), "{cut}");
    }
    // A changed octet is noticed or makes another association; either way it can be driven.
    for at in (2..bytes.len()).step_by(7) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x21;
        if let Ok(mut end) = restore(&changed) {
            let mut now = now;
            for _ in 0..20 {
                let mut out = Vec::new();
                while end.poll_transmit(now, &mut out).is_some() && out.len() < 100_000 {}
                now = end.poll_timeout().unwrap_or(now).max(now);
                end.handle_timeout(now);
                while end.receive(now).is_some() {}
            }
        }
    }
}

#[test]
fn channels_move_with_their_names_and_messages() {
    let mut ends = [1, 2].map(|seed| End(Channels::new(Config::default(), &mut rng(seed))));
    let now = nomagic_testkit::clock::origin();
    ends[0].connect(now, Role::Client);
    ends[1].connect(now, Role::Server);
    let [a, z] = ends;
    let mut p = nomagic_testkit::pair::Pair::new(a, z, || link(10), 1);
    p.run_for(SECOND);
    let now = p.now();
    let options = ChannelOptions { ordered: false, protocol: "p".into(), ..ChannelOptions::default() };
    let id = p.a.open(now, "größer", options.clone()).unwrap();
    p.a.send_text(now, id, "one").unwrap();
    p.run_for(SECOND);
    let now = p.now();
    p.a.send_binary(now, id, pattern(100_000, 5)).unwrap();
    p.run_for(15 * MS);
    for side in 0..2 {
        let now = p.now();
        let end = if side == 0 { &mut p.a } else { &mut p.z };
        let old = std::mem::replace(&mut end.0, Channels::new(Config::default(), &mut rng(9)));
        let snapshot = old.into_snapshot(now).map_err(|e| e.1).unwrap();
        let other = Association::restore(Config::default(), now, &snapshot, &mut rng(9));
        assert_eq!(other.unwrap_err(), SnapshotError::OtherKind);
        end.0 = Channels::restore(Config::default(), now, &snapshot, &mut rng(9)).unwrap();
    }
    let info = p.a.info(id).unwrap().clone();
    assert_eq!((info.label.as_str(), info.state, &info.options), ("größer", ChannelState::Open, &options));
    let (theirs, _) = p.z.iter().next().map(|(id, info)| (id, info.clone())).unwrap();
    p.run_for(5 * SECOND);
    let now = p.now();
    let got: Vec<_> = std::iter::from_fn(|| p.z.receive(now)).collect();
    assert!(got == [(theirs, Message::text("one")), (theirs, Message::binary(pattern(100_000, 5)))]);
    assert_eq!(p.a.stats(id).unwrap().messages_sent, 2);
    // A new channel takes a new number and a new name; closing is refused as long as it lasts.
    let second = p.a.open(now, "second", ChannelOptions::default()).unwrap();
    assert!(second != id && p.a.info(second).unwrap().stream != info.stream);
    p.run_for(SECOND);
    let now = p.now();
    p.a.close_channel(now, second);
    let old = std::mem::replace(&mut p.a.0, Channels::new(Config::default(), &mut rng(9)));
    let (back, refusal) = old.into_snapshot(now).unwrap_err();
    assert_eq!(refusal, SnapshotRefusal::Resetting);
    p.a.0 = *back;
    p.must(5 * SECOND, |p| p.a.info(second).is_none());
}

/// The played peer's machine, in another process.
fn restarted(played: &mut Played) {
    let fresh = Association::new(Config::default(), &mut rng(8));
    let old = std::mem::replace(&mut played.end, fresh);
    let snapshot = old.into_snapshot(played.now).map_err(|e| e.1).unwrap();
    played.end = Association::restore(Config::default(), played.now, &snapshot, &mut rng(8)).unwrap();
}

#[test]
fn what_was_given_up_stays_so_and_retransmissions_are_counted_on() {
    for most in [0, 1] {
        let mut played = Played::up(Config::default());
        let options = SendOptions { reliability: Reliability::MaxRetransmits(most), ..OPTIONS };
        played.end.send(played.now, 1, pattern(10, 1), options).unwrap();
        played.hear();
        while played.end.stats().timeouts == 0 {
            played.wait();
        }
        restarted(&mut played);
        let mut said = played.hear();
        if most == 0 {
            // Given up before: the peer is told again at once.
            assert!(kinds(&said).contains(&192), "{}", text(&said));
        } else {
            while played.end.stats().timeouts == 0 {
                said.extend(played.wait());
            }
            assert!(kinds(&said).contains(&192), "{}", text(&said));
        }
        assert!(!kinds(&said).contains(&0), "sent once too often: {}", text(&said));
    }
}

// Without I-DATA a message that is begun must be finished before anything else, even an announcement.
#[test]
fn a_message_that_is_begun_is_finished_first_after_the_move_too() {
    let mut config = Config::default();
    config.interleaving = false;
    let mut ends = [1, 2].map(|seed| End(Channels::new(config.clone(), &mut rng(seed))));
    let now = nomagic_testkit::clock::origin();
    ends[0].connect(now, Role::Client);
    ends[1].connect(now, Role::Server);
    let [a, z] = ends;
    let mut p = nomagic_testkit::pair::Pair::new(a, z, || link(10), 1);
    p.run_for(SECOND);
    let now = p.now();
    let bulk = p.a.open(now, "bulk", ChannelOptions::default()).unwrap();
    p.run_for(SECOND);
    let now = p.now();
    p.a.send_binary(now, bulk, pattern(200_000, 5)).unwrap();
    p.run_for(5 * MS);
    let now = p.now();
    p.a.open(now, "late", ChannelOptions::default()).unwrap();
    let old = std::mem::replace(&mut p.a.0, Channels::new(config.clone(), &mut rng(9)));
    let snapshot = old.into_snapshot(now).map_err(|e| e.1).unwrap();
    p.a.0 = Channels::restore(config, now, &snapshot, &mut rng(9)).unwrap();
    p.run_for(5 * SECOND);
    let now = p.now();
    assert!(p.z.receive(now).unwrap().1 == Message::binary(pattern(200_000, 5)));
    assert_eq!(p.z.iter().count(), 2);
}

// Numbers at the end of their range, at every place: whatever is restored takes what its application and its peer say.
#[test]
fn numbers_at_their_ends_never_panic_whatever_is_done_then() {
    let mut p = connected(&Config::default(), || link(5).loss(0.3), 1);
    let now = p.now();
    for k in 0..6 {
        let reliability =
            [Reliability::Reliable, Reliability::MaxRetransmits(1), Reliability::Lifetime(SECOND)];
        let options = SendOptions { reliability: reliability[usize::from(k) % 3], ..OPTIONS };
        p.a.send(now, k, pattern(1200, 1), options).unwrap();
        p.a.send(now, k, pattern(20, 1), OPTIONS).unwrap();
        p.z.send(now, k, pattern(2500, 1), SendOptions { unordered: k % 2 == 0, ..OPTIONS }).unwrap();
    }
    p.run_for(12 * MS);
    let now = p.now();
    p.a.send(now, 9, pattern(2000, 1), OPTIONS).unwrap();
    let mut said = Vec::new();
    for k in 0..100u32 {
        let mut packet = Vec::new();
        p.z.handle_timeout(now + k * 50 * MS);
        if p.z.poll_transmit(now + k * 50 * MS, &mut packet).is_some() {
            said.push(packet);
        }
    }
    assert!(said.len() > 3, "{}", said.len());
    let old = std::mem::replace(&mut p.a.0, Association::new(Config::default(), &mut rng(1)));
    let whole = old.into_snapshot(now).map_err(|e| e.1).unwrap();
    let bytes = whole.as_bytes();
    let mut restored = 0;
    for at in 2..bytes.len() - 8 {
        for value in [[0xff; 8], [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            for width in [1, 4, 8] {
                let mut changed = bytes.to_vec();
                changed[at..at + width].copy_from_slice(&value[..width]);
                let snapshot = Snapshot::from_bytes(&changed);
                let Ok(mut end) = Association::restore(Config::default(), now, &snapshot, &mut rng(1)) else {
                    continue;
                };
                restored += 1;
                let mut now = now;
                for turn in 0..6u16 {
                    end.send(now, turn, pattern(3000, 1), OPTIONS).ok();
                    end.reset_streams(now, &[turn + 3]).ok();
                    for packet in &said[usize::from(turn) % 3..] {
                        end.handle_input(now, &mut packet.clone());
                    }
                    let mut out = Vec::new();
                    while end.poll_transmit(now, &mut out).is_some() && out.len() < 20_000 {}
                    now = end.poll_timeout().unwrap_or(now).max(now);
                    end.handle_timeout(now);
                    while end.receive(now).is_some() {}
                    end.poll_event();
                }
                if at % 5 == 0 {
                    let _ = end.into_snapshot(now);
                } else {
                    end.shutdown(now);
                }
            }
        }
    }
    assert!(restored > 1000, "{restored}");
}
