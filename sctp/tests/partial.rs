//! Messages that are given up (RFC 3758), under each policy of RFC 7496.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use bytes::Bytes;
use common::*;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Association, Config, Event, Reliability, Scheduling, SendError, SendOptions};

/// Without I-DATA, so that skips are FORWARD-TSN, and with TSNs in the order of `send`.
fn config() -> Config {
    let mut config = Config::default();
    config.interleaving = false;
    config.scheduling = Scheduling::FirstComeFirstServed;
    config
}

fn options(reliability: Reliability) -> SendOptions {
    SendOptions { ppid: 53, unordered: false, reliability }
}

const ONCE: SendOptions =
    SendOptions { ppid: 53, unordered: false, reliability: Reliability::MaxRetransmits(0) };
const RELIABLE: SendOptions = SendOptions { ppid: 53, unordered: false, reliability: Reliability::Reliable };

/// TSNs of the DATA chunks, counted from the first.
fn sent(played: &Played, packets: &[Vec<u8>]) -> Vec<u32> {
    let mut all = Vec::new();
    for packet in packets {
        for chunk in Packet::parse(packet).unwrap().chunks() {
            if let Ok(Chunk::Data(data)) = Chunk::parse(chunk) {
                all.push(data.tsn.wrapping_sub(played.tsn));
            }
        }
    }
    all
}

/// The last FORWARD-TSN: the TSN counted from the first, streams and sequence numbers.
fn skip(played: &Played, packets: &[Vec<u8>]) -> Option<(u32, Vec<(u16, u16)>)> {
    let (_, _, value) = chunks(packets).into_iter().rfind(|c| c.0 == 192)?;
    let short = |at: &[u8]| u16::from_be_bytes([at[0], at[1]]);
    let streams = value[4..].chunks(4).map(|entry| (short(entry), short(&entry[2..]))).collect();
    Some((be32(&value).wrapping_sub(played.tsn), streams))
}

/// Messages of a packet each: of which stream and how.
fn sending(messages: &[(u16, SendOptions)]) -> Played {
    let mut played = Played::up(config());
    for (k, (stream, options)) in messages.iter().enumerate() {
        played.end.send(played.now, *stream, pattern(1100, k as u8), *options).unwrap();
    }
    let packets = played.hear();
    assert_eq!(sent(&played, &packets), (0..messages.len() as u32).collect::<Vec<_>>());
    played
}

/// A SACK up to `cumulative`, counted from the first TSN.
fn acknowledge(played: &mut Played, cumulative: u32, blocks: &[(u16, u16)]) -> Vec<Vec<u8>> {
    played.now += 50 * MS;
    let first = played.tsn;
    played.tell(&sack(first.wrapping_add(cumulative), 100_000, blocks))
}

const NONE_YET: u32 = u32::MAX;

//= rfc3758#3.5-7 test
//= rfc3758#3.5-10 test
//= rfc3758#3.5-11 test
//= rfc3758#3.2-4 test
//= rfc3758#4.3-3 test
//= rfc7496#3.1-1 test
#[test]
fn what_may_not_be_sent_again_is_skipped_and_its_stream_named() {
    let unordered = SendOptions { unordered: true, ..ONCE };
    let mut played = sending(&[
        (3, ONCE),
        (3, ONCE),
        (7, unordered),
        (5, ONCE),
        (1, RELIABLE),
        (1, RELIABLE),
        (1, RELIABLE),
    ]);
    let said = acknowledge(&mut played, NONE_YET, &[(5, 7)]);
    assert!(sent(&played, &said).is_empty(), "nothing is sent again");
    assert_eq!(
        skip(&played, &said),
        Some((3, vec![(3, 1), (5, 0)])),
        "the last of each stream, no unordered one"
    );
}

//= rfc3758#3.2-3 test
#[test]
fn a_skip_over_unordered_messages_names_no_stream() {
    let unordered = SendOptions { unordered: true, ..ONCE };
    let mut played = sending(&[(7, unordered), (1, RELIABLE), (1, RELIABLE), (1, RELIABLE)]);
    let said = acknowledge(&mut played, NONE_YET, &[(2, 4)]);
    assert_eq!(skip(&played, &said), Some((0, vec![])));
}

// Case 29.
//= rfc3758#3.5-2 test
//= rfc3758#3.5-4 test
#[test]
fn all_pieces_of_a_message_are_given_up_together_and_count_as_arrived() {
    let mut played = Played::up(config());
    played.end.send(played.now, 2, pattern(14_000, 1), ONCE).unwrap();
    let packets = played.hear();
    assert_eq!(sent(&played, &packets), (0..10).collect::<Vec<_>>());
    // The first piece is lost, three have arrived, of the others nothing is known, and the rest is not sent yet.
    let said = acknowledge(&mut played, NONE_YET, &[(2, 4)]);
    assert!(sent(&played, &said).is_empty());
    assert_eq!(skip(&played, &said), Some((10, vec![(2, 0)])));
    assert_eq!(played.end.buffered_amount(2), 0);
    assert_eq!(played.end.stats().flight, 0);
    assert_eq!(
        (played.end.stats().exhausted, played.end.stats().messages_abandoned()),
        (1, 1),
        "one message"
    );
}

//= rfc3758#3.5-5 test
//= rfc3758#3.5-6 test
//= rfc3758#3.5-21 test
#[test]
fn a_skip_follows_what_the_sack_says_and_later_sacks_are_measured_by_their_own() {
    let mut played = sending(&[(3, ONCE), (3, RELIABLE), (3, RELIABLE), (3, RELIABLE), (3, RELIABLE)]);
    // The SACK acknowledges the first after all, with the last three: nothing is given up, the second goes again.
    let said = acknowledge(&mut played, 0, &[(2, 4)]);
    assert_eq!((sent(&played, &said), skip(&played, &said)), (vec![1], None));
    assert_eq!(played.end.stats().messages_abandoned(), 0);
    // The peer's cumulative TSN is behind what was skipped, and none of its SACKs is old.
    let mut played = sending(&[(3, RELIABLE), (3, ONCE), (3, RELIABLE), (3, RELIABLE), (3, RELIABLE)]);
    let said = acknowledge(&mut played, 0, &[(2, 4)]);
    assert_eq!(skip(&played, &said).unwrap().0, 1);
    acknowledge(&mut played, 0, &[(2, 4)]);
    assert_eq!(played.end.stats().dropped_sack, 0);
    acknowledge(&mut played, NONE_YET, &[]);
    assert_eq!(played.end.stats().dropped_sack, 1, "older than the newest");
    acknowledge(&mut played, 4, &[]);
    assert_eq!(played.end.stats().outstanding, 0);
}

//= rfc3758#3.5-14 test
//= rfc3758#3.5-19 test
//= rfc3758#3.5-20 test
#[test]
fn a_skip_goes_out_at_once_and_again_until_it_is_confirmed() {
    let mut played = sending(&[(3, ONCE), (3, ONCE), (3, ONCE), (3, RELIABLE)]);
    let said = acknowledge(&mut played, NONE_YET, &[(2, 4)]);
    assert_eq!(skip(&played, &said), Some((0, vec![(3, 0)])), "without delay");
    // Nothing is in flight: only T3 guards the skip.
    let begin = played.now;
    let again = (0..10).find_map(|_| {
        let packets = played.wait();
        skip(&played, &packets)
    });
    assert_eq!(again.unwrap().0, 0);
    assert!(played.now - begin <= SECOND);
    acknowledge(&mut played, 3, &[]);
    assert_eq!(played.end.stats().outstanding, 0);
    let packets = (0..3).flat_map(|_| played.wait()).collect::<Vec<_>>();
    assert_eq!(skip(&played, &packets), None, "confirmed");
}

//= rfc3758#3.5-3 test
//= rfc3758#3.5-22 test
//= rfc7496#3.1-2 test
#[test]
fn what_is_given_up_reduces_the_window_like_any_loss_and_never_lets_it_grow() {
    let messages: Vec<_> = (0..8).map(|k| (3, if k < 4 { ONCE } else { RELIABLE })).collect();
    let mut played = sending(&messages);
    let before = played.end.stats().congestion_window;
    acknowledge(&mut played, NONE_YET, &[(5, 8)]);
    let reduced = played.end.stats();
    assert!(reduced.congestion_window < before && reduced.recoveries == 1, "{reduced:?}");
    assert_eq!(reduced.octets_acknowledged, 4 * 1116);
    // What was given up is now said to have arrived: no credit.
    acknowledge(&mut played, 7, &[]);
    assert_eq!(played.end.stats().congestion_window, reduced.congestion_window);
    // By T3 too.
    let mut played = sending(&messages[..3]);
    let before = played.end.stats().congestion_window;
    while played.end.stats().timeouts == 0 {
        played.wait();
    }
    let after = played.end.stats();
    assert!(after.congestion_window < before && after.exhausted == 3, "{after:?}");
}

//= rfc3758#3.3.3-2 test
//= rfc3758#3.3.3-3 test
//= rfc3758#3.3.2-5 test
//= rfc3758#3.5-16 test
#[test]
fn a_peer_that_cannot_skip_gets_everything() {
    for error in [false, true] {
        let mut played = Played::up_with(config(), &[]);
        if error {
            // Unrecognized parameter: that we can skip.
            played.tell(&raw(9, 0, &[0, 8, 0, 8, 0xc0, 0, 0, 4]));
        }
        for k in 0..4 {
            played.end.send(played.now, 3, pattern(1100, k), ONCE).unwrap();
        }
        let mut said = played.hear();
        said.extend(acknowledge(&mut played, NONE_YET, &[(2, 4)]));
        for _ in 0..5 {
            said.extend(played.wait());
        }
        assert!(!kinds(&said).contains(&192));
        assert!(sent(&played, &said).iter().filter(|&&tsn| tsn == 0).count() >= 3, "sent again and again");
        assert_eq!(played.end.stats().messages_abandoned(), 0);
    }
}

// Case 35.
//= rfc3758#4.1-2 test
//= rfc3758#4.1-3 test
//= rfc3758#4.1-4 test
#[test]
fn a_lifetime_over_before_anything_is_sent_costs_no_tsn() {
    let mut played = Played::up(config());
    for k in 0..12 {
        played.end.send(played.now, 3, pattern(1100, k), RELIABLE).unwrap();
    }
    let life = options(Reliability::Lifetime(100 * MS));
    played.end.send(played.now, 3, pattern(1100, 99), life).unwrap();
    played.end.send(played.now, 3, Bytes::from_static(b"last"), RELIABLE).unwrap();
    let mut all = played.hear();
    played.now += 200 * MS;
    all.extend(played.tell(&sack(played.tsn.wrapping_add(9), 100_000, &[])));
    all.extend((0..3).flat_map(|_| played.wait()).collect::<Vec<_>>());
    assert!(
        sent(&played, &all).contains(&12) && !sent(&played, &all).contains(&13),
        "{:?}",
        sent(&played, &all)
    );
    assert_eq!(skip(&played, &all), None);
    let stats = played.end.stats();
    assert_eq!((stats.expired_unsent, stats.messages_abandoned()), (1, 1));
    assert_eq!(played.end.buffered_amount(3), 0);
}

// Case 35.
//= rfc3758#4.1-5 test
//= rfc3758#4.1-6 test
#[test]
fn a_lifetime_over_after_the_first_transmission_is_skipped_and_not_before() {
    let life = options(Reliability::Lifetime(200 * MS));
    let messages = [(3, life), (3, RELIABLE), (3, RELIABLE), (3, RELIABLE)];
    // Lost and found so within its life: it is sent again.
    let mut played = sending(&messages);
    let said = acknowledge(&mut played, NONE_YET, &[(2, 4)]);
    assert_eq!((sent(&played, &said), skip(&played, &said)), (vec![0], None));
    // Found out after it: it is skipped.
    let mut played = sending(&messages);
    played.now += 200 * MS;
    let said = acknowledge(&mut played, NONE_YET, &[(2, 4)]);
    assert_eq!((sent(&played, &said), skip(&played, &said)), (vec![], Some((0, vec![(3, 0)]))));
    let stats = played.end.stats();
    assert_eq!((stats.expired_sent, stats.messages_abandoned()), (1, 1));
}

/// A send buffer for four messages of 1,000 octets, all of which wait.
fn full(ranks: [u32; 4]) -> Played {
    let mut config = config();
    config.send_buffer = 4 * 1064;
    let mut played = Played::closed(config);
    for (k, rank) in ranks.into_iter().enumerate() {
        let sent = played.end.send(played.now, k as u16, message(rank), options(Reliability::Priority(rank)));
        assert_eq!(sent, Ok(()));
    }
    played
}

fn message(rank: u32) -> Bytes {
    vec![rank as u8; 1000].into()
}

/// Octets that wait on each stream.
fn waiting(played: &Played) -> [usize; 4] {
    [0, 1, 2, 3].map(|stream| played.end.buffered_amount(stream))
}

//= rfc7496#3.2-1 test
#[test]
fn what_matters_least_makes_room_the_oldest_first() {
    let mut played = full([5, 9, 9, 2]);
    let send = |played: &mut Played, rank| {
        played.end.send(played.now, 3, message(rank), options(Reliability::Priority(rank)))
    };
    assert_eq!(send(&mut played, 8), Ok(()));
    assert_eq!(waiting(&played), [1000, 0, 1000, 2000]);
    assert_eq!(send(&mut played, 8), Ok(()));
    assert_eq!(waiting(&played), [1000, 0, 0, 3000]);
    assert!(matches!(send(&mut played, 8), Err(SendError::WouldBlock { .. })), "what matters as much stays");
    assert_eq!(waiting(&played), [1000, 0, 0, 3000]);
    // The second and third of a stream go before its first; one that matters more than all, before none.
    assert_eq!(send(&mut played, 2), Ok(()));
    assert_eq!(send(&mut played, 2), Ok(()));
    assert_eq!(send(&mut played, 2), Ok(()));
    assert_eq!(waiting(&played), [0, 0, 0, 4000]);
    assert!(matches!(send(&mut played, 2), Err(SendError::WouldBlock { .. })));
    // Reliable messages matter more than any.
    assert_eq!(played.end.send(played.now, 0, message(0), RELIABLE), Ok(()));
    let stats = played.end.stats();
    assert_eq!((stats.displaced, stats.messages_abandoned()), (6, 6));
}

#[test]
fn nothing_is_given_up_where_it_would_not_be_enough() {
    let mut played = full([0, 9, 0, 0]);
    let large = Bytes::from(vec![1; 2000]);
    let sent = played.end.send(played.now, 0, large, options(Reliability::Priority(1)));
    assert!(matches!(sent, Err(SendError::WouldBlock { .. })));
    assert_eq!((waiting(&played), played.end.stats().messages_abandoned()), ([1000; 4], 0));
}

#[test]
fn what_was_begun_is_finished_and_the_rest_arrives_in_order() {
    let mut config = config();
    config.send_buffer = 40_000;
    let mut p = connected(&config, || link(20).loss(0.05), 3);
    let mut wanted = Vec::new();
    for k in 0..400u32 {
        let now = p.now();
        let rank = k % 4;
        let mut payload = pattern(3000, 1).to_vec();
        payload[..4].copy_from_slice(&k.to_be_bytes());
        let sent = p.a.send(now, (k % 2) as u16, payload.into(), options(Reliability::Priority(rank)));
        wanted.extend(sent.is_ok().then_some((rank, k)));
        p.run_for(2 * MS);
    }
    p.must(30 * SECOND, |p| p.a.stats().outstanding == 0 && p.a.buffered_amount_total() == 0);
    let now = p.now();
    let got: Vec<(u32, u16)> = drain(&mut p.z, now)
        .iter()
        .inspect(|m| assert_eq!(m.payload[4..], pattern(3000, 1)[4..]))
        .map(|m| (be32(&m.payload), m.stream))
        .collect();
    let abandoned = p.a.stats().displaced;
    assert!(abandoned > 30 && p.a.stats().messages_abandoned() == abandoned, "{abandoned}");
    assert_eq!(got.len() as u64 + abandoned, wanted.len() as u64);
    for stream in [0, 1] {
        assert!(got.iter().filter(|m| m.1 == stream).is_sorted());
    }
    let arrived = |rank| got.iter().filter(|m| m.0 % 4 == rank).count();
    assert!(arrived(0) > arrived(2) && arrived(1) > arrived(3), "what matters more arrives more often");
    assert!(!events(&mut p.a).iter().any(|event| matches!(event, Event::Closed(_))));
}

//= rfc3758#3.2-2 test
//= rfc3758#3.6-1 test
//= rfc3758#3.6-2 test
//= rfc3758#3.6-3 test
//= rfc3758#3.6-7 test
#[test]
fn a_skip_moves_the_cumulative_tsn_and_over_what_follows_and_lets_wait_nothing() {
    let mut played = Played::up(config());
    played.tell(&data(PEER_TSN, 3, 0, 0, b"first"));
    // 1 and 3 are missing; 2, of the same stream, waits for 1, and 4 for 3.
    played.tell(&data(PEER_TSN + 2, 3, 0, 2, b"third"));
    played.tell(&data(PEER_TSN + 4, 3, 0, 4, b"fifth"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "first");
    assert!(played.end.receive(played.now).is_none());
    let value = [(PEER_TSN + 1).to_be_bytes(), [0, 0, 0, 1]].concat();
    let answer = text(&played.tell(&raw(192, 0, &value)));
    assert!(answer.contains(&format!("cum={} gaps=[2-2]", PEER_TSN + 2)), "{answer}");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "third");
    assert!(played.end.receive(played.now).is_none());
    let value = [(PEER_TSN + 3).to_be_bytes(), [0, 0, 0, 3]].concat();
    let answer = text(&played.tell(&raw(192, 0, &value)));
    assert!(answer.contains(&format!("cum={} ", PEER_TSN + 4)) && !answer.contains("gaps=[2"), "{answer}");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "fifth");
    // What was skipped and comes after all is a duplicate.
    played.tell(&data(PEER_TSN + 1, 3, 0, 1, b"second"));
    assert_eq!(played.end.stats().duplicates, 1);
    assert!(played.end.receive(played.now).is_none());
}

//= rfc3758#3.6-4 test
//= rfc3758#3.6-6 test
#[test]
fn an_old_skip_changes_nothing_and_is_acknowledged() {
    let mut played = Played::up(config());
    played.tell(&data(PEER_TSN, 3, 0, 0, b"first"));
    played.tell(&data(PEER_TSN + 1, 3, 0, 1, b"second"));
    while played.end.receive(played.now).is_some() {}
    for old in [PEER_TSN + 1, PEER_TSN, PEER_TSN.wrapping_sub(1 << 30)] {
        // A stream number far ahead must not count either.
        let value = [old.to_be_bytes(), [0, 0, 0, 200]].concat();
        let answer = text(&played.tell(&raw(192, 0, &value)));
        assert!(answer.contains(&format!("cum={} ", PEER_TSN + 1)), "{answer}");
    }
    played.tell(&data(PEER_TSN + 2, 3, 0, 2, b"third"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "third");
}

//= rfc3758#3.6-9 test
//= rfc3758#3.6-10 test
#[test]
fn a_message_half_put_together_goes_and_one_that_lies_beyond_stays() {
    let mut played = Played::up(config());
    played.tell(&data(PEER_TSN, 2, 0, 0, b"never "));
    played.tell(&data(PEER_TSN + 2, 6, 5, 0, b"goes "));
    let value = [(PEER_TSN + 1).to_be_bytes(), [0, 0, 0, 0]].concat();
    played.tell(&raw(192, 0, &value));
    assert_eq!(played.end.stats().dropped_orphans, 1);
    played.tell(&data(PEER_TSN + 3, 5, 5, 0, b"on"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "goes on");
    played.tell(&data(PEER_TSN + 4, 3, 0, 1, b"next"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "next");
}

#[test]
fn what_may_go_is_known_after_a_move_to_another_process() {
    let mut config = config();
    config.send_buffer = 64_000;
    let mut played = Played::up(config.clone());
    let mut taken = 0;
    while played.end.send(played.now, 1, message(7), options(Reliability::Priority(7))).is_ok() {
        taken += 1;
    }
    let packets = played.hear();
    let begun = sent(&played, &packets).len();
    assert!(begun > 5 && taken > begun);
    let snapshot = played.end.into_snapshot(played.now).map_err(|e| e.1).unwrap();
    let mut end = Association::restore(config, played.now, &snapshot, &mut nomagic_testkit::rng(1)).unwrap();
    for _ in begun..taken {
        end.send(played.now, 2, message(1), options(Reliability::Priority(1))).unwrap();
    }
    assert_eq!(end.buffered_amount(1), 0);
    let refused = end.send(played.now, 2, message(1), options(Reliability::Priority(1)));
    assert!(matches!(refused, Err(SendError::WouldBlock { .. })));
}
