//! Data, acknowledgements and what comes in one packet, purpose by purpose: ETSI TS 102 369 (`SCTP_BDC`, `SCTP_D`,
//! `SCTP_A`, `SCTP_M`, `SCTP_RT`) for one path, in our own words.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{AssociationState as State, Config, Controller, SendError, SendOptions};

const UNORDERED: SendOptions =
    SendOptions { ppid: 53, unordered: true, reliability: nomagic_sctp::Reliability::Reliable };

/// Fields of every DATA chunk: TSN, flags, stream, stream sequence number, octets.
fn sent(packets: &[Vec<u8>]) -> Vec<(u32, u8, u16, u16, usize)> {
    let mut all = Vec::new();
    for packet in packets {
        for chunk in Packet::parse(packet).unwrap().chunks() {
            if let Ok(Chunk::Data(data)) = Chunk::parse(chunk) {
                all.push((data.tsn, chunk.flags & 7, data.stream, data.ssn, data.payload.len()));
            }
        }
    }
    all
}

/// Everything that the machine sends in half a second without an answer, pacing included, without repetitions.
fn all_sent(played: &mut Played) -> Vec<Vec<u8>> {
    let mut packets = played.hear();
    for _ in 0..250 {
        played.now += MS;
        played.end.handle_timeout(played.now);
        packets.extend(played.hear());
    }
    packets
}

// BDC_I_7_1, BDC_I_7_2, BDC_I_7_3.
#[test]
fn init_init_ack_and_shutdown_complete_are_never_read_beside_others() {
    let data = data(PEER_TSN, 11, 0, 0, b"x");
    let mut played = Played::closed(Config::default());
    assert!(played.say(0, &[raw(1, 0, &init_value(&[])), data.clone()].concat()).is_empty());
    let mut played = Played::calling(Config::default());
    assert!(played.tell(&[raw(2, 0, &init_value(&COOKIE)), data.clone()].concat()).is_empty());
    assert_eq!(played.end.state(), State::CookieWait);
    let mut played = Played::up(Config::default());
    played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
    assert!(played.tell(&[raw(14, 0, &[]), data].concat()).is_empty());
    assert_eq!(played.end.state(), State::ShutdownAckSent);
}

// BDC_V_7_6, BDC_V_7_7, BDC_V_7_8.
//= rfc9260#6-5 test
//= rfc9260#6.10-6 test
#[test]
fn chunks_of_a_packet_are_taken_in_their_order() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    // SACK of everything, then SHUTDOWN: nothing is outstanding when it is read.
    let chunks = [sack(played.tsn, 9999, &[]), raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes())].concat();
    assert_eq!(kinds(&played.tell(&chunks)), [8]);
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    let chunks = [sack(played.tsn, 9999, &[]), data(PEER_TSN, 11, 0, 0, b"x")].concat();
    assert_eq!(kinds(&played.tell(&chunks)), [3]);
    assert_eq!(played.end.receive(played.now).unwrap().payload, "x");
    assert_eq!(played.end.stats().outstanding, 0);
    // SHUTDOWN ACK is the end; the DATA behind it comes too late.
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    played.hear();
    assert_eq!(kinds(&played.tell(&[raw(8, 0, &[]), data(PEER_TSN, 11, 0, 0, b"x")].concat())), [14]);
    assert!(played.end.receive(played.now).is_none());
    // A SACK counts while the peer ends, too.
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    played.end.shutdown(played.now);
    assert_eq!(kinds(&played.tell(&sack(played.tsn, 9999, &[]))), [7]);
}

// D_V_8_1, D_V_8_2: a message is cut, and how the pieces look.
//= rfc9260#3-3 test
//= rfc9260#3.2-1 test
//= rfc9260#3.2-2 test
//= rfc9260#3.2-3 test
//= rfc9260#3.3.1-1 test
//= rfc9260#3.3.1-6 test
//= rfc9260#3.3.1-7 test
//= rfc9260#3.3.1-8 test
//= rfc9260#3.3.1-9 test
//= rfc9260#3.3.1-10 test
//= rfc9260#3.3.1-11 test
//= rfc9260#3.3.1-12 test
//= rfc9260#3.3.1-13 test
//= rfc9260#6-9 test
//= rfc9260#6.5-4 test
//= rfc9260#6.9-2 test
//= rfc9260#6.9-8 test
//= rfc9260#6.9-10 test
//= rfc9260#6.9-12 test
//= rfc9260#6.9-14 test
//= rfc9260#6.10-5 test
#[test]
fn a_message_that_fits_is_one_chunk_and_a_larger_one_a_run_of_them() {
    for length in [1, 2, 3, 4, 1000, 1132, 1135, 1136, 3000, 5001] {
        let mut played = Played::up(Config::default());
        played.end.send(played.now, 3, pattern(length, 1), SendOptions::default()).unwrap();
        played.end.send(played.now, 3, pattern(5, 2), SendOptions::default()).unwrap();
        let packets = all_sent(&mut played);
        assert!(packets.iter().all(|p| p.len() <= Config::default().path_mtu && p.len() % 4 == 0));
        let all = sent(&packets);
        let (last, first) = all.split_last().unwrap();
        let count = first.len();
        assert_eq!(first.iter().map(|d| d.4).sum::<usize>(), length);
        for (k, &(tsn, flags, stream, ssn, octets)) in first.iter().enumerate() {
            assert_eq!((tsn, stream, ssn), (played.tsn.wrapping_add(k as u32), 3, 0));
            let (begin, end) = (u8::from(k == 0) * 2, u8::from(k + 1 == count));
            assert_eq!(flags, begin | end, "piece {k} of {count}");
            assert!(octets > 0);
        }
        assert_eq!(count > 1, length > 1132, "{length}");
        assert_eq!((last.0, last.1, last.3), (played.tsn.wrapping_add(count as u32), 3, 1));
        // Octet by octet: length without padding, padding of zeros, not more than three.
        if length < 5 {
            let packet = &packets[0];
            let padded = length.next_multiple_of(4);
            assert_eq!(packet[12..16], [0, 3, 0, 16 + length as u8]);
            assert_eq!(packet[16..20], played.tsn.to_be_bytes());
            assert_eq!(packet[20..24], [0, 3, 0, 0]);
            assert!(packet[28 + length..28 + padded].iter().all(|o| *o == 0));
            assert_eq!(packet[28 + padded..][..4], [0, 3, 0, 21]);
        }
    }
    let mut played = Played::up(Config::default());
    let nothing = played.end.send(played.now, 3, pattern(0, 1), SendOptions::default());
    assert_eq!((nothing, played.hear().len()), (Err(SendError::Empty), 0));
}

// D_V_8_3: unordered messages take no number of the stream.
//= rfc9260#3.3.1-5 test
//= rfc9260#6.5-7 test
//= rfc9260#6.9-13 test
#[test]
fn every_piece_of_an_unordered_message_says_so_and_takes_no_number() {
    let mut played = Played::up(Config::default());
    for (length, options) in [(10, SendOptions::default()), (3000, UNORDERED), (10, SendOptions::default())] {
        played.end.send(played.now, 3, pattern(length, 1), options).unwrap();
    }
    let all = sent(&all_sent(&mut played));
    let unordered: Vec<_> = all.iter().filter(|d| d.1 & 4 != 0).collect();
    assert_eq!(unordered.iter().map(|d| d.4).sum::<usize>(), 3000);
    assert!(unordered.len() == 3 && unordered.windows(2).all(|w| w[1].0 == w[0].0.wrapping_add(1)));
    let ordered: Vec<_> = all.iter().filter(|d| d.1 & 4 == 0).map(|d| d.3).collect();
    assert_eq!(ordered, [0, 1]);
}

// D_V_8_4, D_I_8_5.
//= rfc9260#6-13 test
//= rfc9260#6.6-1 test
//= rfc9260#6.6-2 test
//= rfc9260#6.9-1 test
//= rfc9260#6.9-15 test
#[test]
fn pieces_are_put_together_and_messages_wait_for_their_turn_within_their_stream() {
    let mut played = Played::up(Config::default());
    played.tell(&data(PEER_TSN + 3, 3, 1, 1, b"second"));
    played.tell(&data(PEER_TSN + 2, 1, 1, 0, b"st"));
    played.tell(&data(PEER_TSN + 4, 3, 2, 0, b"other"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "other");
    assert!(played.end.receive(played.now).is_none());
    played.tell(&[data(PEER_TSN, 2, 1, 0, b"fi"), data(PEER_TSN + 1, 0, 1, 0, b"r")].concat());
    assert_eq!(played.end.receive(played.now).unwrap().payload, "first");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "second");
}

// D_V_8_4: unordered messages do not wait, whatever number they carry.
//= rfc9260#3.3.1-3 test
//= rfc9260#3.3.1-4 test
//= rfc9260#6.6-4 test
#[test]
fn unordered_messages_are_handed_over_as_they_come() {
    let mut played = Played::up(Config::default());
    played.tell(&data(PEER_TSN + 2, 7, 1, 9999, b"b"));
    played.tell(&data(PEER_TSN + 4, 7, 1, 0, b"a"));
    played.tell(&data(PEER_TSN + 7, 5, 1, 77, b"d"));
    played.tell(&data(PEER_TSN + 6, 6, 1, 77, b"c"));
    let got: Vec<_> = drain(&mut played.end, played.now).into_iter().map(|m| m.payload).collect();
    assert_eq!(got, ["b", "a", "cd"]);
    played.tell(&data(PEER_TSN, 3, 1, 0, b"the number is still free"));
    assert!(played.end.receive(played.now).is_some());
}

// D_O_8_6: DATA where none is taken.
//= rfc9260#6-2 test
#[test]
fn data_is_taken_only_while_the_peer_may_send_some() {
    for make in [Played::calling as fn(Config) -> Played, Played::echoing] {
        let mut played = make(Config::default());
        assert!(played.tell(&data(PEER_TSN, 11, 0, 0, b"x")).is_empty());
        assert!(played.end.receive(played.now).is_none());
    }
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    played.end.shutdown(played.now);
    played.tell(&data(PEER_TSN, 11, 0, 0, b"pending"));
    played.tell(&sack(played.tsn, 9999, &[]));
    assert_eq!(played.end.state(), State::ShutdownSent);
    played.tell(&data(PEER_TSN + 1, 11, 0, 1, b"sent"));
    assert_eq!(drain(&mut played.end, played.now).len(), 2);
}

// D_O_8_7, D_O_8_8.
//= rfc9260#6.1-3 test
//= rfc9260#6.1-4 test
//= rfc9260#6.1-6 test
#[test]
fn a_closed_window_lets_one_probe_through_and_opens_again() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(1000, 1), SendOptions::default()).unwrap();
    played.hear();
    played.tell(&sack(played.tsn, 0, &[]));
    for k in 0..3 {
        played.end.send(played.now, 0, pattern(1000, k), SendOptions::default()).unwrap();
    }
    assert_eq!(sent(&played.hear()).len(), 1, "one probe");
    let mut probes = 0;
    for _ in 0..4 {
        probes += sent(&played.wait()).len();
    }
    assert!(probes >= 2, "the probe is repeated");
    assert_eq!(played.end.stats().outstanding, 1);
    let said = played.tell(&sack(played.tsn.wrapping_add(1), 1500, &[]));
    assert_eq!(sent(&said).iter().map(|d| d.0).collect::<Vec<_>>(), [played.tsn.wrapping_add(2)]);
    let said = played.tell(&sack(played.tsn.wrapping_add(2), 1500, &[]));
    assert_eq!(sent(&said).len(), 1);
}

// D_V_8_9: never more in flight than the window and one packet.
//= rfc9260#6.1-2 test
//= rfc9260#6.1-11 test
//= rfc9260#6.1-13 test
//= rfc9260#6.1-22 test
#[test]
fn the_congestion_window_is_passed_by_one_packet_at_most() {
    for (controller, initial) in [(Controller::NewReno, 4), (Controller::Cubic, 10)] {
        let mut config = Config::default();
        (config.controller, config.initial_window) = (controller, initial);
        let mut played = Played::up(config);
        played.end.send(played.now, 0, pattern(100_000, 1), SendOptions::default()).unwrap();
        all_sent(&mut played);
        let stats = played.end.stats();
        let packet = Config::default().path_mtu - 12;
        assert!(stats.congestion_window <= initial * packet + 4 * initial, "{stats:?}");
        assert!(initial > 4 || stats.congestion_window <= 4404.max(4 * packet), "{stats:?}");
        assert!(stats.flight < stats.congestion_window + packet, "{stats:?}");
        assert!(stats.flight + packet > stats.congestion_window, "{stats:?}");
        assert!(played.hear().is_empty());
        played.end.send(played.now, 1, pattern(10, 1), SendOptions::default()).unwrap();
        assert!(played.hear().is_empty(), "taken, and not sent");
    }
}

// RT_I_11_1: what is lost goes before what is new, and one packet after a time-out.
//= rfc9260#6.1-14 test
//= rfc9260#6.3.1-4 test
//= rfc9260#7.2.1-2 test
#[test]
fn after_a_time_out_one_packet_goes_and_the_oldest_first() {
    let mut config = Config::default();
    config.controller = Controller::NewReno;
    let mut played = Played::up(config);
    played.end.send(played.now, 0, pattern(20_000, 1), SendOptions::default()).unwrap();
    let first = all_sent(&mut played);
    assert!(first.len() >= 4);
    let mut again = Vec::new();
    while again.is_empty() {
        again = played.wait();
    }
    assert_eq!(played.end.stats().timeouts, 1);
    assert_eq!(sent(&again).iter().map(|d| d.0).collect::<Vec<_>>(), [played.tsn]);
    assert!(played.end.stats().congestion_window <= Config::default().path_mtu);
    played.now += 10 * MS;
    let said = played.tell(&sack(played.tsn, 1_000_000, &[]));
    assert_eq!(sent(&said)[0].0, played.tsn.wrapping_add(1), "lost before new");
    assert_eq!(played.end.stats().srtt, None, "what was sent twice measures nothing");
}

// Section 6.3.2: when T3 runs.
//= rfc9260#6.1-23 test
//= rfc9260#6.1-25 test
#[test]
fn the_retransmission_timer_starts_with_data_and_is_not_put_off_by_more() {
    let mut config = Config::default();
    config.controller = Controller::NewReno;
    let mut played = Played::up(config);
    played.end.send(played.now, 0, pattern(100, 1), SendOptions::default()).unwrap();
    let start = played.now;
    played.hear();
    for _ in 0..9 {
        played.now += 50 * MS;
        played.end.handle_timeout(played.now);
        played.end.send(played.now, 0, pattern(100, 1), SendOptions::default()).unwrap();
        assert_eq!(sent(&played.hear()).len(), 1);
    }
    while played.end.stats().timeouts == 0 {
        played.wait();
    }
    assert_eq!(played.now - start, Config::default().rto_initial);
}

// A_V_9_1, A_V_9_2.
//= rfc9260#6.2-1 test
//= rfc9260#6.2-9 test
//= rfc9260#6.2-10 test
//= rfc9260#6.2-14 test
//= rfc9260#6.2-15 test
//= rfc9260#6.2-16 test
//= rfc9260#6.2-17 test
#[test]
fn every_second_packet_is_acknowledged_and_none_waits_long() {
    let mut config = Config::default();
    config.sack_delay = 900 * MS;
    let mut played = Played::up(config);
    let tell = |played: &mut Played, k: u32| kinds(&played.tell(&data(PEER_TSN + k, 3, 0, k as u16, b"x")));
    assert_eq!(tell(&mut played, 0), [3], "the first of all at once");
    assert!(tell(&mut played, 1).is_empty());
    assert_eq!(tell(&mut played, 2), [3]);
    assert!(tell(&mut played, 3).is_empty());
    let before = played.now;
    let said = played.wait();
    assert_eq!((kinds(&said), played.now - before), (vec![3], 500 * MS), "never more than half a second");
    assert_eq!(be32(&value_of(&said, 3).unwrap()), PEER_TSN + 3);
    let two = [data(PEER_TSN + 4, 3, 0, 4, b"x"), data(PEER_TSN + 5, 3, 0, 5, b"x")].concat();
    assert!(played.tell(&two).is_empty(), "packets count, not chunks");
    let three = [
        data(PEER_TSN + 6, 3, 0, 6, b"x"),
        data(PEER_TSN + 8, 3, 0, 8, b"x"),
        data(PEER_TSN + 9, 3, 0, 9, b"x"),
    ];
    assert_eq!(kinds(&played.tell(&three.concat())), [3], "one SACK a packet at most");
}

// A_O_9_3, DM... duplicates (D_I_8_11).
//= rfc9260#3.3.4-1 test
//= rfc9260#3.3.4-3 test
//= rfc9260#6.2-21 test
#[test]
fn holes_and_duplicates_are_told_at_once() {
    let mut played = Played::up(Config::default());
    played.tell(&data(PEER_TSN, 3, 0, 0, b"a"));
    let said = played.tell(&data(PEER_TSN + 2, 3, 0, 2, b"c"));
    assert_eq!(value_of(&said, 3).unwrap()[8..16], [0, 1, 0, 0, 0, 2, 0, 2]);
    let said = played.tell(&data(PEER_TSN + 1, 3, 0, 1, b"b"));
    let value = value_of(&said, 3).unwrap();
    assert_eq!((be32(&value), &value[8..]), (PEER_TSN + 2, &[0, 0, 0, 0][..]));
    let said = played.tell(&data(PEER_TSN + 1, 3, 0, 1, b"b"));
    let value = value_of(&said, 3).unwrap();
    assert_eq!((&value[8..12], be32(&value[12..])), (&[0, 0, 0, 1][..], PEER_TSN + 1));
    assert_eq!(drain(&mut played.end, played.now).len(), 3);
}

// Section 6.2: a full window.
//= rfc9260#6.2-2 test
//= rfc9260#6.2-4 test
//= rfc9260#6.2-5 test
//= rfc9260#6.2-6 test
//= rfc9260#6.2-12 test
//= rfc9260#6.2-32 test
#[test]
fn what_does_not_fit_the_window_is_dropped_told_and_taken_when_it_comes_again() {
    let mut config = Config::default();
    (config.receive_window, config.max_receive_message) = (10_000, 5000);
    let mut played = Played::up(config);
    let (mut taken, mut dropped) = (0, None);
    for k in 0..100u32 {
        let said = played.tell(&data(PEER_TSN + k, 11, 0, k as u16, &[7; 1000]));
        let value = value_of(&said, 3).unwrap();
        if be32(&value) == PEER_TSN + k {
            taken = k;
        } else {
            assert_eq!(
                (be32(&value[4..]), &value[8..10]),
                (0, &[0, 0][..]),
                "no room, and not in a gap block"
            );
            dropped = Some(k);
            break;
        }
    }
    let dropped = dropped.expect("the window closes");
    assert!((9..14).contains(&taken), "{taken}");
    // One message read is no reason for a packet; half a window is, once.
    let mut updates = 0;
    for _ in 0..=taken {
        played.end.receive(played.now).unwrap();
        updates += kinds(&played.hear()).iter().filter(|k| **k == 3).count();
    }
    assert!((1..=2).contains(&updates), "{updates}");
    let said = played.tell(&data(PEER_TSN + dropped, 11, 0, dropped as u16, &[7; 1000]));
    assert_eq!(be32(&value_of(&said, 3).unwrap()), PEER_TSN + dropped);
}

// M_I_10_1 to M_I_10_4 stand in `hostile.rs`, case 6. Section 6.10: the order in our packets.
//= rfc9260#6-12 test
//= rfc9260#6.9-9 test
//= rfc9260#6.10-3 test
//= rfc9260#6.10-4 test
#[test]
fn control_chunks_come_first_and_tsns_rise() {
    let mut played = Played::up(Config::default());
    for k in 0..8 {
        played.end.send(played.now, k, pattern(100, 1), SendOptions::default()).unwrap();
    }
    // HEARTBEAT and DATA of the peer come before our data has gone.
    let mut datagram =
        packet(played.tag, &[raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]), data(PEER_TSN, 11, 0, 0, b"x")].concat());
    played.end.handle_input(played.now, &mut datagram);
    let packets = all_sent(&mut played);
    let first = kinds(&packets[..1]);
    assert_eq!(first[..2], [5, 3]);
    assert!(first[2..].iter().all(|k| *k == 0) && first.len() > 5);
    assert!(packets.iter().all(|p| p.len() <= Config::default().path_mtu));
    let tsns: Vec<_> = sent(&packets).iter().map(|d| d.0).collect();
    assert!(tsns.windows(2).all(|w| w[1] == w[0].wrapping_add(1)), "{tsns:?}");
}

// Section 6.10: a chunk cut off drops with its packet.
//= rfc9260#6.10-7 test
#[test]
fn half_a_chunk_is_none() {
    let mut played = Played::up(Config::default());
    let mut chunks = data(PEER_TSN, 11, 0, 0, &[1; 100]);
    chunks.truncate(60);
    assert!(played.tell(&chunks).is_empty());
    assert!(played.end.receive(played.now).is_none());
}

// Section 6.7 and case 15.
//= rfc9260#6.7-3 test
//= rfc9260#6.7-4 test
#[test]
fn acknowledged_chunks_are_forgotten_and_passed_ones_sent_again() {
    let mut played = Played::up(Config::default());
    for k in 0..6 {
        played.end.send(played.now, k, pattern(1000, 1), SendOptions::default()).unwrap();
    }
    assert_eq!(sent(&all_sent(&mut played)).len(), 6);
    let said = played.tell(&sack(played.tsn.wrapping_add(1), 100_000, &[(2, 4)]));
    assert_eq!(played.end.stats().outstanding, 4);
    let mut again = sent(&said);
    again.extend(sent(&all_sent(&mut played)));
    assert_eq!(again[0].0, played.tsn.wrapping_add(2));
    assert!(again.iter().all(|d| d.0 == played.tsn.wrapping_add(2)), "{again:?}");
}

// Section 12.4: answers to one packet are one packet.
//= rfc9260#12.4-2 test
#[test]
fn a_packet_full_of_questions_gets_one_packet_of_answers() {
    let mut played = Played::up(Config::default());
    let mut chunks = raw(4, 0, &[&[0, 1, 1, 44][..], &[9; 296]].concat());
    // Four reports of this size would leave too little for the SACK.
    for k in 0..9 {
        chunks.extend(raw(0xff, 0, &[k; 196]));
    }
    chunks.extend(data(PEER_TSN, 11, 0, 0, b"x"));
    let said = played.tell(&chunks);
    assert_eq!(said.len(), 1, "{}", text(&said));
    assert!(kinds(&said).starts_with(&[5, 9]) && kinds(&said).ends_with(&[3]));
}

// Section 7.2.5.2: another path.
//= rfc9260#7.2.5-1 test
//= rfc9260#7.2.5.2-2 test
#[test]
fn a_new_path_is_begun_like_a_new_association() {
    let mut played = Played::up(Config::default());
    let fresh = played.end.stats();
    for round in 0..6u32 {
        played.end.send(played.now, 0, pattern(4000, 1), SendOptions::default()).unwrap();
        let count = sent(&all_sent(&mut played)).len() as u32;
        played.tsn = played.tsn.wrapping_add(count);
        played.tell(&sack(played.tsn.wrapping_sub(1), 1_000_000, &[]));
        assert_eq!(played.end.stats().outstanding, 0, "{round}");
    }
    assert!(played.end.stats().srtt.is_some());
    played.end.path_changed(played.now);
    let now = played.end.stats();
    assert_eq!((now.congestion_window, now.srtt), (fresh.congestion_window, None));
    // And the peer is asked at once whether it is there.
    assert!(kinds(&played.wait()).contains(&4));
}

// A window that opens by crumbs is not answered with crumbs.
//= rfc9260#6.1-10 test
#[test]
fn a_little_room_is_not_filled_with_little_pieces() {
    let mut played = Played::up(Config::default());
    for _ in 0..4 {
        played.end.send(played.now, 0, pattern(1000, 1), SendOptions::default()).unwrap();
    }
    assert_eq!(sent(&played.hear()).len(), 4);
    for _ in 0..4 {
        played.end.send(played.now, 0, pattern(1000, 1), SendOptions::default()).unwrap();
    }
    all_sent(&mut played);
    let mut more = Vec::new();
    for room in (100..900).step_by(100) {
        // Seven in flight leave `room`.
        more.extend(played.tell(&sack(played.tsn, 7000 + room, &[])));
    }
    assert!(sent(&more).iter().all(|d| d.4 == 1000), "{:?}", sent(&more));
}

// Section 6.3.2, rule R1 for the earliest chunk: sent again, it gets its full time.
//= rfc9260#6.1-24 test
#[test]
fn the_timer_begins_anew_when_the_oldest_chunk_is_sent_again() {
    let mut played = Played::up(Config::default());
    for _ in 0..5 {
        played.end.send(played.now, 0, pattern(1000, 1), SendOptions::default()).unwrap();
    }
    let start = played.now;
    assert_eq!(sent(&played.hear()).len(), 5);
    played.now += 100 * MS;
    let mut again = played.tell(&sack(played.tsn.wrapping_sub(1), 100_000, &[(2, 5)]));
    while sent(&again).is_empty() {
        again = played.wait();
    }
    assert_eq!(sent(&again)[0].0, played.tsn);
    let at = played.now;
    assert!(at - start < 200 * MS);
    while played.end.stats().timeouts == 0 {
        played.wait();
    }
    assert_eq!(played.now - at, 300 * MS, "the time-out after a round trip of 100 ms is the least");
}

// Section 6.3.1: measured again and again.
//= rfc9260#6.3.1-1 test
#[test]
fn every_round_trip_is_measured() {
    let mut played = Played::up(Config::default());
    let mut measured = Vec::new();
    for rtt in [100, 100, 100, 100, 260, 260, 260, 260] {
        played.end.send(played.now, 0, pattern(100, 1), SendOptions::default()).unwrap();
        assert_eq!(sent(&played.hear()).len(), 1);
        played.now += rtt * MS;
        played.tell(&sack(played.tsn, 100_000, &[]));
        played.tsn = played.tsn.wrapping_add(1);
        measured.push(played.end.stats().srtt.unwrap());
    }
    assert_eq!(measured[..4], [100 * MS; 4]);
    assert!(measured[4..].windows(2).all(|w| w[0] < w[1]) && measured[4] > 110 * MS, "{measured:?}");
}

/// What NewReno does in rounds of 50 ms: the window before each, when everything is acknowledged in SACKs of two.
fn windows(played: &mut Played, rounds: usize, each: usize) -> Vec<usize> {
    let mut all = Vec::new();
    for _ in 0..rounds {
        all.push(played.end.stats().congestion_window);
        if each > 0 {
            played.end.send(played.now, 0, pattern(each, 1), SendOptions::default()).unwrap();
        }
        let mut count = sent(&played.hear()).len() as u32;
        played.now += 50 * MS;
        let mut flown = 0;
        while count > 0 {
            let step = count.min(2);
            played.tsn = played.tsn.wrapping_add(step);
            flown += sent(&played.tell(&sack(played.tsn.wrapping_sub(1), 10_000_000, &[]))).len();
            count -= step;
        }
        // What the SACKs let out is acknowledged one round later.
        played.now += 50 * MS;
        played.tsn = played.tsn.wrapping_add(flown as u32);
        played.tell(&sack(played.tsn.wrapping_sub(1), 10_000_000, &[]));
        played.hear();
    }
    all
}

// Section 7.2: slow start, and that an idle sender does not grow.
//= rfc9260#7.2-1 test
//= rfc9260#7.2.1-5 test
//= rfc9260#7.2.1-6 test
#[test]
fn the_window_grows_only_while_it_is_used() {
    let mut config = Config::default();
    (config.controller, config.initial_window) = (Controller::NewReno, 4);
    let mut played = Played::up(config.clone());
    let idle = windows(&mut played, 6, 1000);
    assert!(idle.windows(2).all(|w| w[0] == w[1]), "{idle:?}");
    let mut played = Played::up(config);
    played.end.send(played.now, 0, pattern(1_000_000, 1), SendOptions::default()).unwrap();
    let before = played.end.stats().congestion_window;
    let count = sent(&played.hear()).len() as u32;
    assert_eq!(count, 4);
    played.now += 50 * MS;
    played.tell(&sack(played.tsn.wrapping_add(1), 10_000_000, &[]));
    let after = played.end.stats().congestion_window;
    assert!(after > before && after - before <= 2 * 1148, "by what was acknowledged at most");
}

// Section 6.9: a path that has become smaller, and what was cut before.
//= rfc9260#6.9-7 test
#[test]
fn what_was_cut_for_a_larger_path_goes_again_as_it_was() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(1100, 1), SendOptions::default()).unwrap();
    played.hear();
    played.end.set_path_mtu(600);
    played.end.send(played.now, 0, pattern(1100, 1), SendOptions::default()).unwrap();
    let new = played.hear();
    assert!(new.iter().all(|p| p.len() <= 600));
    while played.end.stats().timeouts == 0 {
        let said = played.wait();
        if played.end.stats().timeouts == 1 {
            assert_eq!(sent(&said)[0], (played.tsn, 3, 0, 0, 1100), "whole, for the layer below to cut");
        }
    }
}

// Section 7.2.4: what a SACK acknowledges lets the window grow before what it shows as lost halves it.
//= rfc9260#7.2.4-6 test
#[test]
fn a_sack_counts_first_for_growth_and_then_for_loss() {
    let mut config = Config::default();
    (config.controller, config.initial_window) = (Controller::NewReno, 10);
    let mut played = Played::up(config);
    played.end.send(played.now, 0, pattern(6 * 1132, 1), SendOptions::default()).unwrap();
    assert_eq!(sent(&played.hear()).len(), 6);
    played.now += 50 * MS;
    played.end.send(played.now, 0, pattern(4 * 1132, 1), SendOptions::default()).unwrap();
    assert_eq!(sent(&played.hear()).len(), 4);
    played.now += 100 * MS;
    // The first two have arrived, and the four that were sent later; those between are lost by now.
    played.tell(&sack(played.tsn.wrapping_add(1), 1_000_000, &[(5, 8)]));
    assert_eq!(played.end.stats().recoveries, 1);
    assert_eq!(played.end.stats().congestion_window, (10 * 1148 + 2 * 1148) / 2);
}
