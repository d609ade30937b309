//! A peer, or someone with its keys, who says what it should not.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::{AssociationState, CloseReason, Config, Event, SendOptions};
use nomagic_testkit::rng;
use rand::Rng;

fn ended(played: &mut Played) -> Option<CloseReason> {
    events(&mut played.end).into_iter().find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}

// Cases 1 to 4: lengths that do not add up.
#[test]
fn lengths_that_do_not_add_up_drop_the_packet() {
    let mut played = Played::up(Config::default());
    for chunk in [
        &[0, 3, 0, 0][..],
        &[0, 3, 0, 3],
        &[0, 3, 0xff, 0xff, 1, 2, 3, 4],
        &[3, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        &[1, 0, 0, 22, 0, 0, 0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1, 0x80, 0],
    ] {
        let before = played.end.stats();
        assert!(played.tell(chunk).is_empty());
        let after = played.end.stats();
        assert_eq!(
            before.dropped_malformed + before.dropped_tag + 1,
            after.dropped_malformed + after.dropped_tag
        );
    }
    assert_eq!(played.end.state(), AssociationState::Established);
    assert!(
        text(&played.tell(&[data(PEER_TSN, 3, 0, 0, b"x"), data(PEER_TSN + 1, 11, 0, 1, b"y")].concat()))
            .contains("SACK")
    );
}

// Case 5.
#[test]
fn hundreds_of_tiny_chunks_in_one_packet_are_bounded_work() {
    let mut played = Played::up(Config::default());
    let answers = played.tell(&[0xff, 0, 0, 4].repeat(300));
    assert!(answers.len() <= 16, "{}", answers.len());
    assert!(played.end.stats().dropped_replies > 0);
    assert!(answers.iter().all(|a| a.len() <= Config::default().path_mtu));
}

// Case 6. RFC 9260 section 3.2.
#[test]
fn unknown_chunks_stop_or_skip_and_report_or_not_as_their_type_says() {
    for (kind, skips, reports) in
        [(0x3f, false, false), (0x7f, false, true), (0xbf, true, false), (0xff, true, true)]
    {
        let mut played = Played::up(Config::default());
        let chunks = [raw(kind, 0, b"abc"), data(PEER_TSN, 11, 0, 0, b"x")].concat();
        let answer = text(&played.tell(&chunks));
        assert_eq!(answer.contains("ERROR unrecognized-chunk"), reports, "{kind:#x} {answer}");
        assert_eq!(played.end.receive(played.now).is_some(), skips, "{kind:#x}");
    }
}

// Cases 7 and 14.
#[test]
fn only_the_nonce_that_was_sent_counts_as_an_answer_to_a_heartbeat() {
    let mut played = Played::up(Config::default());
    for round in 0..200 {
        if played.end.state() == AssociationState::Ended {
            assert!(round > 10);
            assert_eq!(ended(&mut played), Some(CloseReason::PeerUnreachable));
            return;
        }
        played.wait();
        played.tell(&raw(5, 0, &[0, 1, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
    }
    panic!("a wrong nonce kept the association alive");
}

// Case 7: never larger than the path.
#[test]
fn a_heartbeat_larger_than_a_packet_is_not_answered() {
    let mut played = Played::up(Config::default());
    let mut value = vec![0, 1, 0x20, 0];
    value.resize(0x2000, 7);
    assert!(played.tell(&raw(4, 0, &value)).is_empty());
    assert!(text(&played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]))).contains("HEARTBEAT-ACK"));
}

// Cases 8 and 9.
#[test]
fn cookies_that_are_not_ours_are_dropped() {
    let mut stranger = Played::up(Config::default());
    stranger.end = nomagic_sctp::Association::new(Config::default(), &mut rng(9));
    for cookie in [&[][..], &[0; 10], &[7; 73], &[1; 1000]] {
        assert!(stranger.tell(&raw(10, 0, cookie)).is_empty());
    }
    assert_eq!(stranger.end.state(), AssociationState::Closed);
    assert_eq!(stranger.end.stats().dropped_cookie, 4);
}

// Case 12.
//= rfc9260#8.5-2 test
//= rfc9260#8.5-3 test
#[test]
fn packets_with_a_wrong_tag_change_nothing() {
    let mut played = Played::up(Config::default());
    for chunk in
        [raw(6, 0, &[]), raw(6, 1, &[]), raw(14, 0, &[]), raw(14, 1, &[]), raw(7, 0, &[0; 4]), raw(8, 0, &[])]
    {
        assert!(played.say(played.tag ^ 1, &chunk).is_empty());
        assert_eq!(played.end.state(), AssociationState::Established);
    }
    // The T bit: the peer does not know our tag and reflects its own.
    played.say(PEER_TAG, &raw(6, 1, &[]));
    assert_eq!(ended(&mut played), Some(CloseReason::PeerAbort { cause: 0 }));
}

//= rfc9260#8.5.1-6 test
//= rfc9260#8.5.1-7 test
#[test]
fn an_abort_needs_the_right_tag_for_its_t_bit() {
    let mut played = Played::up(Config::default());
    played.say(PEER_TAG, &raw(6, 0, &[]));
    played.say(played.tag, &raw(6, 1, &[]));
    assert_eq!(played.end.state(), AssociationState::Established);
    played.say(played.tag, &raw(6, 0, &[0, 12, 0, 4]));
    assert_eq!(ended(&mut played), Some(CloseReason::PeerAbort { cause: 12 }));
}

// Case 13.
#[test]
fn zero_checksums_pass_only_where_they_were_offered_and_wrong_ones_never() {
    for offered in [true, false] {
        let mut config = Config::default();
        config.zero_checksum = offered;
        let mut played = Played::up(config);
        let mut zero = packet(played.tag, &data(PEER_TSN, 11, 0, 0, b"x"));
        zero[8..12].fill(0);
        played.end.handle_input(played.now, &mut zero);
        assert_eq!(played.end.receive(played.now).is_some(), offered);
        let mut wrong = packet(played.tag, &data(PEER_TSN + 1, 11, 0, 1, b"y"));
        wrong[8] ^= 1;
        played.end.handle_input(played.now, &mut wrong);
        assert!(played.end.receive(played.now).is_none());
        // The peer did not offer it, so ours carry one.
        let answers = played.tell(&data(PEER_TSN, 11, 0, 0, b"x"));
        let sent = nomagic_sctp::packet::Packet::parse(&answers[0]).unwrap();
        assert!(sent.checksum() != 0 && sent.checksum_is_valid());
    }
    let offer = [0xc0, 0, 0, 4, 0x80, 1, 0, 8, 0, 0, 0, 1];
    let mut played = Played::up_with(Config::default(), &offer);
    let answers = played.tell(&data(PEER_TSN, 11, 0, 0, b"x"));
    assert_eq!(nomagic_sctp::packet::Packet::parse(&answers[0]).unwrap().checksum(), 0);
}

fn sender() -> Played {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(8000, 1), SendOptions::default()).unwrap();
    assert_eq!(played.hear().len(), 8);
    played
}

// Cases 15 and 16.
#[test]
fn a_sack_of_what_was_never_sent_changes_nothing() {
    let mut played = sender();
    let (tsn, before) = (played.tsn, played.end.stats());
    for (cumulative, blocks) in [
        (tsn.wrapping_add(8), &[][..]),
        (tsn.wrapping_add(1 << 31), &[]),
        (tsn.wrapping_sub(2), &[]),
        (tsn, &[(65_535, 65_535)]),
        (tsn, &[(2, 8)]),
        (tsn, &[(0, 0)]),
        (tsn, &[(3, 2)]),
    ] {
        assert!(played.tell(&sack(cumulative, 100_000, blocks)).is_empty());
        assert_eq!(played.end.stats().flight, before.flight, "{cumulative} {blocks:?}");
    }
    assert!(played.end.stats().dropped_sack >= 5);
}

#[test]
fn overlapping_and_unsorted_gap_blocks_are_understood() {
    let mut played = sender();
    let tsn = played.tsn;
    let before = played.end.stats().flight;
    played.tell(&sack(tsn.wrapping_sub(1), 100_000, &[(6, 8), (3, 5), (4, 7)]));
    let two = 2 * (16 + 1132);
    assert!(before > two && played.end.stats().retransmissions == 2, "{:?}", played.end.stats());
    played.tell(&sack(tsn.wrapping_add(7), 100_000, &[]));
    assert_eq!(played.end.stats().flight, 0);
}

#[test]
fn a_peer_that_drops_what_it_had_acknowledged_gets_it_again() {
    let mut played = sender();
    let tsn = played.tsn;
    played.tell(&sack(tsn.wrapping_sub(1), 100_000, &[(2, 8)]));
    played.tell(&sack(tsn, 100_000, &[]));
    for _ in 0..20 {
        played.tell(&sack(tsn, 100_000, &[]));
        played.wait();
    }
    assert!(played.end.stats().retransmissions >= 8, "{:?}", played.end.stats());
    played.tell(&sack(tsn.wrapping_add(7), 100_000, &[]));
    assert_eq!(played.end.stats().flight, 0);
}

// Case 27, without interleaving: one octet each on every stream, never the one that is next in order.
#[test]
fn a_flood_of_crumbs_is_bounded() {
    let mut config = Config::default();
    (config.receive_window, config.max_receive_message) = (100_000, 10_000);
    let mut played = Played::up(config);
    let held = nomagic_testkit::alloc::count(|| {
        for k in 0..60_000u32 {
            let mut crumb = packet(played.tag, &data(PEER_TSN + k, 3, k as u16, 7, b"x"));
            played.end.handle_input(played.now, &mut crumb);
            let mut out = Vec::new();
            while played.end.poll_transmit(played.now, &mut out).is_some() {}
        }
    });
    assert_eq!(ended(&mut played), Some(CloseReason::MessageTooLarge));
    assert!(held.peak < 600_000, "{held:?}");
    // The same with holes between, so that nothing is next in line.
    let mut config = Config::default();
    config.receive_window = 100_000;
    let mut played = Played::up(config);
    let held = nomagic_testkit::alloc::count(|| {
        for k in 1..30_000u32 {
            let mut crumb = packet(played.tag, &data(PEER_TSN + 2 * k, 2, k as u16, 7, b"x"));
            played.end.handle_input(played.now, &mut crumb);
            let mut out = Vec::new();
            while played.end.poll_transmit(played.now, &mut out).is_some() {}
        }
    });
    assert_eq!(played.end.state(), AssociationState::Established);
    assert!(held.peak < 600_000, "{held:?}");
}

// Case 28.
#[test]
fn a_skip_of_two_thousand_million_tsns_costs_nothing() {
    let mut played = Played::up(Config::default());
    for k in 1..40u32 {
        let to = PEER_TSN.wrapping_add(k.wrapping_mul((1 << 31) - 1));
        let value = [to.to_be_bytes(), [0, 1, 0xff, 0xff]].concat();
        played.tell(&raw(192, 0, &value));
    }
    assert_eq!(played.end.state(), AssociationState::Established);
}

// Case 29.
#[test]
fn a_skip_into_the_middle_of_a_message_drops_the_rest_and_lets_the_next_through() {
    let mut played = Played::up(Config::default());
    played.tell(&data(PEER_TSN, 2, 0, 0, b"begin"));
    played.tell(&data(PEER_TSN + 3, 0, 0, 0, b"late"));
    let skip = [(PEER_TSN + 1).to_be_bytes(), [0, 0, 0, 0]].concat();
    played.tell(&raw(192, 0, &skip));
    played.tell(&data(PEER_TSN + 2, 0, 0, 0, b"middle"));
    played.tell(&data(PEER_TSN + 4, 1, 0, 0, b"end"));
    played.tell(&data(PEER_TSN + 5, 3, 0, 1, b"next"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "next");
    assert!(played.end.receive(played.now).is_none());
    let answer = text(&played.tell(&data(PEER_TSN + 5, 3, 0, 1, b"next")));
    assert!(answer.contains(&format!("cum={}", PEER_TSN + 5)), "{answer}");
}

// Case 30.
#[test]
fn chunks_that_were_not_agreed_upon_end_the_association() {
    let mut played = Played::up(Config::default());
    played.tell(&raw(64, 3, &[0, 0, 3, 232, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53, 1]));
    assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
    let mut played = Played::up_with(Config::default(), &[]);
    played.tell(&raw(192, 0, &PEER_TSN.to_be_bytes()));
    assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
}

#[test]
fn data_without_data_and_messages_without_end_end_the_association() {
    let mut played = Played::up(Config::default());
    let answer = text(&played.tell(&data(PEER_TSN, 3, 0, 0, b"")));
    assert!(answer.contains("ABORT no-user-data"), "{answer}");
    let mut config = Config::default();
    config.max_receive_message = 10_000;
    let mut played = Played::up(config);
    for k in 0..11 {
        played.tell(&data(PEER_TSN + k, u8::from(k == 0) * 2, 0, 0, &[0; 1000]));
    }
    assert_eq!(ended(&mut played), Some(CloseReason::MessageTooLarge));
}

// Case 32, the receiving half, and case 39.
#[test]
fn resets_wait_for_data_are_answered_alike_when_repeated_and_never_pile_up() {
    let mut played = Played::up(Config::default());
    let request = |sequence: u32, last: u32, streams: &[u8]| {
        let mut value = vec![0, 13, 0, (16 + streams.len()) as u8];
        for field in [sequence, 0, last] {
            value.extend_from_slice(&field.to_be_bytes());
        }
        value.extend_from_slice(streams);
        raw(130, 0, &value)
    };
    played.tell(&data(PEER_TSN, 3, 5, 0, b"first"));
    let early = text(&played.tell(&request(PEER_TSN, PEER_TSN + 1, &[0, 5])));
    assert!(early.contains(&format!("response seq={PEER_TSN} result=6")), "{early}");
    // Of the next use of the stream, and held until the reset is done.
    played.tell(&data(PEER_TSN + 2, 3, 5, 0, b"new"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "first");
    assert!(played.end.receive(played.now).is_none());
    let done = text(&played.tell(&data(PEER_TSN + 1, 3, 5, 1, b"last")));
    assert!(done.contains(&format!("response seq={PEER_TSN} result=1")), "{done}");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "last");
    assert_eq!(played.end.receive(played.now).unwrap().payload, "new");
    assert_eq!(
        events(&mut played.end).iter().filter(|e| **e == Event::IncomingReset { stream: 5 }).count(),
        1
    );
    let again = text(&played.tell(&request(PEER_TSN, PEER_TSN + 1, &[0, 5])));
    assert!(again.contains(&format!("response seq={PEER_TSN} result=1")), "{again}");
    assert!(events(&mut played.end).is_empty());
    for k in 0..1000 {
        let answer = text(&played.tell(&request(PEER_TSN + 50 + k, PEER_TSN, &[])));
        assert!(answer.contains("result=5"), "{answer}");
    }
    let all = text(&played.tell(&request(PEER_TSN + 1, PEER_TSN + 2, &[])));
    assert!(all.contains("result=1"), "{all}");
    assert!(events(&mut played.end).contains(&Event::IncomingReset { stream: 5 }));
}

// Chunks of every kind with random values, in every order, to an association that is up.
#[test]
fn random_chunks_never_panic() {
    let kinds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 64, 130, 192, 194, 0x3f, 0xff];
    for seed in 0..300 {
        let mut rng = rng(seed);
        let mut played = Played::up(Config::default());
        let mut small = |n: u32| rng.next_u32() % n;
        for _ in 0..60 {
            if played.end.state() == AssociationState::Ended {
                break;
            }
            if small(4) == 0 {
                let size = small(5000) as usize + 1;
                played.end.send(played.now, small(4) as u16, pattern(size, 0), SendOptions::default()).ok();
                played.end.reset_streams(played.now, &[small(4) as u16]).ok();
            }
            let mut chunks = Vec::new();
            for _ in 0..1 + small(3) {
                // Rarely what ends it at once.
                let kind = kinds[small(19) as usize];
                let kind = if matches!(kind, 6 | 64 | 194) && small(20) > 0 { 0 } else { kind };
                let mut value: Vec<u8> = (0..small(40)).map(|_| small(256) as u8).collect();
                if value.len() >= 4 && small(5) > 0 {
                    let base = if kind == 0 || kind == 192 || kind == 130 { PEER_TSN } else { played.tsn };
                    let tsn = base.wrapping_add(small(12)).wrapping_sub(2).to_be_bytes();
                    let at = if kind == 130 && value.len() >= 8 { 4 } else { 0 };
                    value[at..at + 4].copy_from_slice(&tsn);
                    if kind == 130 && small(3) > 0 {
                        let header = [0, 13 + small(6) as u8, 0, value.len() as u8];
                        value[..4].copy_from_slice(&header);
                    }
                }
                chunks.extend(raw(kind, small(16) as u8, &value));
            }
            played.tell(&chunks);
            if small(3) == 0 && played.end.poll_timeout().is_some() {
                played.wait();
            }
            if small(3) == 0 {
                played.end.receive(played.now);
            }
        }
    }
}

#[test]
fn packets_with_other_ports_are_of_another_association() {
    for at in [1, 3] {
        let mut played = Played::up(Config::default());
        let mut other = packet(played.tag, &data(PEER_TSN, 3, 0, 0, b"x"));
        other[at] ^= 1;
        other[8..12].fill(0);
        let crc = crc32c::crc32c(&other).to_le_bytes();
        other[8..12].copy_from_slice(&crc);
        played.end.handle_input(played.now, &mut other);
        assert!(played.end.receive(played.now).is_none());
        assert_eq!(played.end.stats().dropped_port, 1);
    }
}

#[test]
fn what_stands_alone_counts_for_nothing_behind_other_chunks() {
    let pad = raw(0x84, 0, &[]);
    let mut played = Played::calling(Config::default());
    let ack = raw(2, 0, &init_value(&COOKIE));
    assert!(played.tell(&[pad.clone(), ack.clone()].concat()).is_empty());
    assert_eq!(played.end.stats().dropped_malformed, 1);
    assert_eq!(kinds(&played.tell(&ack)), [10]);

    let mut played = Played::up(Config::default());
    let shutdown = raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes());
    assert_eq!(kinds(&played.tell(&shutdown)), [8]);
    let complete = raw(14, 0, &[]);
    played.tell(&[pad, complete.clone()].concat());
    assert_eq!(ended(&mut played), None);
    played.tell(&complete);
    assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
}

/// An answer to a HEARTBEAT that was repeated does not say how long the path is.
#[test]
fn a_repeated_heartbeat_is_no_measurement() {
    for repeated in [false, true] {
        let mut played = Played::up(Config::default());
        let mut asked = played.wait();
        while value_of(&asked, 4).is_none() {
            asked = played.wait();
        }
        if repeated {
            asked = played.wait();
        }
        let before = played.end.stats().srtt;
        played.now += 7 * MS;
        played.tell(&raw(5, 0, &value_of(&asked, 4).unwrap()));
        assert_eq!(played.end.stats().srtt == before, repeated);
    }
}
