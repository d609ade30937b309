//! Setting up, purpose by purpose: ETSI TS 102 369 (`SCTP_AS`, `SCTP_DM`, `SCTP_E`) for one path, in our own words.
//!
//! Purposes about several addresses (`AS_V_1_10`, `AS_V_1_11`, `IMH`) and about a limit to the number of associations
//! (`AS_I_1_4`) have no subject here.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{AssociationState as State, CloseReason, Config, Event, SendError, SendOptions};
use nomagic_testkit::rng;

// AS_V_1_1_1.
//= rfc9260#3.1-3 test
//= rfc9260#3.2.2-4 test
//= rfc9260#3.3.2-1 test
//= rfc9260#3.3.2-2 test
//= rfc9260#3.3.2-10 test
//= rfc9260#3.3.2-13 test
//= rfc9260#3.3.2-15 test
//= rfc9260#3.3.2.1.4-1 test
//= rfc9260#3.3.3-4 test
//= rfc9260#3.3.11-1 test
//= rfc9260#3.3.11-2 test
//= rfc9260#5-1 test
//= rfc9260#5.1-1 test
//= rfc9260#5.1-7 test
//= rfc9260#5.1-9 test
//= rfc9260#5.1-10 test
//= rfc9260#5.1.1-1 test
//= rfc9260#5.1.4-1 test
//= rfc9260#6-1 test
//= rfc9260#6.10-8 test
//= rfc9260#8.5-1 test
//= rfc9260#8.5.1-12 test
//= rfc8261#6.1-4 test
//= rfc8261#6.1-5 test
#[test]
fn our_init_is_answered_by_a_cookie_that_goes_back_as_it_came() {
    let mut config = Config::default();
    (config.outbound_streams, config.inbound_streams) = (300, 200);
    let mut played = Played::closed(config);
    played.end.connect(played.now);
    // Queued before there is an association: it waits.
    played.end.send(played.now, 0, pattern(100, 1), SendOptions::default()).unwrap();
    let sent = played.hear();
    assert_eq!((kinds(&sent), tag_of(&sent)), (vec![1], 0));
    let init = value_of(&sent, 1).unwrap();
    played.tag = be32(&init);
    assert!(played.tag != 0 && be32(&init[4..]) >= 1500);
    assert_eq!(init[8..12], [300u16.to_be_bytes(), 200u16.to_be_bytes()].concat());
    let params = nomagic_sctp::param::Params::parse(&init[16..]).unwrap();
    assert!(params.iter().all(|p| !matches!(p.kind.0, 5 | 6 | 11 | 12)), "{params:?}");
    let mut once: Vec<_> = params.iter().map(|p| p.kind).collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), params.iter().count(), "each parameter once");
    let said = played.tell(&raw(2, 0, &init_value(&COOKIE)));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![10], PEER_TAG));
    assert_eq!(value_of(&said, 10).unwrap(), COOKIE[4..]);
    assert_eq!(played.end.state(), State::CookieEchoed);
    assert!(played.hear().is_empty());
    assert!(!events(&mut played.end).contains(&Event::Connected));
    let said = played.tell(&raw(11, 0, &[]));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![0], PEER_TAG));
    assert_eq!((played.end.state(), events(&mut played.end)[0]), (State::Established, Event::Connected));
}

// AS_V_1_1_2, AS_V_1_5_1, AS_V_1_5_2: tags are not 0 and not guessed.
//= rfc9260#3.3.2-8 test
//= rfc9260#3.3.3-1 test
//= rfc9260#3.3.3-5 test
//= rfc9260#3.3.3-8 test
//= rfc9260#3.3.3-11 test
//= rfc9260#3.3.3-14 test
//= rfc9260#3.3.3.1-1 test
//= rfc9260#3.3.3.1.1-1 test
//= rfc9260#5.1-4 test
//= rfc9260#5.1-5 test
//= rfc9260#5.1.3-1 test
//= rfc9260#5.3.1-3 test
#[test]
fn an_init_is_answered_with_all_that_the_association_needs() {
    let mut tags = Vec::new();
    for seed in 0..50 {
        let mut played = Played::closed(Config::default());
        played.end = nomagic_sctp::Association::new(Config::default(), &mut rng(seed));
        let init = init_with([PEER_TAG, 1500, 0x0009_0007, PEER_TSN], &[]);
        let answer = played.say(0, &raw(1, 0, &init));
        assert_eq!((kinds(&answer), tag_of(&answer)), (vec![2], PEER_TAG));
        let ack = value_of(&answer, 2).unwrap();
        assert!(be32(&ack) != 0 && be32(&ack[4..]) >= 1500);
        assert_eq!(ack[8..10], 7u16.to_be_bytes(), "no more streams than the peer can take");
        assert_ne!(ack[10..12], [0, 0]);
        let params = nomagic_sctp::param::Params::parse(&ack[16..]).unwrap();
        assert!(params.find(nomagic_sctp::param::ParamType::STATE_COOKIE).is_some());
        assert!(params.iter().all(|p| !matches!(p.kind.0, 5 | 6 | 11 | 12)));
        let (tag, cookie) = played.cookie(&init).unwrap();
        let said = played.say(tag, &raw(10, 0, &cookie));
        assert_eq!((kinds(&said), tag_of(&said)), (vec![11], PEER_TAG));
        assert_eq!(events(&mut played.end), [Event::Connected]);
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 50);
}

// AS_V_1_1_2.
//= rfc9260#5.1-6 test
#[test]
fn nothing_is_remembered_of_an_init() {
    let mut played = Played::closed(Config::default());
    played.cookie(&init_value(&[]));
    let held = nomagic_testkit::alloc::count(|| {
        for k in 1..2000 {
            played.cookie(&init_with([k, 9999, 0x0001_0001, k], &[]));
        }
    });
    assert!(held.peak < 20_000, "{held:?}");
    assert_eq!(played.end.state(), State::Closed);
}

// AS_V_1_1_2, BDC_V_7_4, BDC_V_7_5.
//= rfc9260#3.3.12-1 test
//= rfc9260#5.1-8 test
//= rfc9260#5.1-18 test
//= rfc9260#5.1.5-6 test
//= rfc9260#5.1.5-8 test
//= rfc9260#8.4-5 test
#[test]
fn the_cookie_may_bring_data_and_its_answer_comes_before_the_sack() {
    let mut played = Played::closed(Config::default());
    let (tag, cookie) = played.cookie(&init_value(&[])).unwrap();
    let chunks = [raw(10, 0, &cookie), data(PEER_TSN, 3, 0, 0, b"early")].concat();
    let said = played.say(tag, &chunks);
    assert_eq!((kinds(&said), said.len()), (vec![11, 3], 1));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "early");
    // And ours is followed by data as soon as it is answered, whatever comes with it.
    let mut played = Played::echoing(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    assert!(played.hear().is_empty());
    let said = played.tell(&[raw(11, 0, &[]), data(PEER_TSN, 3, 0, 0, b"late")].concat());
    assert_eq!(kinds(&said), [3, 0]);
    assert_eq!(played.end.receive(played.now).unwrap().payload, "late");
}

// AS_I_1_3_1, AS_I_1_3_2.
//= rfc9260#4-3 test
//= rfc9260#4-4 test
//= rfc9260#4-5 test
//= rfc9260#4-6 test
//= rfc9260#5.1.4-3 test
//= rfc9260#5.1.4-4 test
//= rfc9260#5.1.6-1 test
#[test]
fn init_and_cookie_echo_are_repeated_ever_slower_and_not_for_ever() {
    for (mut played, kind) in
        [(Played::calling(Config::default()), 1), (Played::echoing(Config::default()), 10)]
    {
        let mut waits = Vec::new();
        while played.end.state() != State::Ended {
            let before = played.now;
            let said = played.wait();
            if played.end.state() != State::Ended {
                assert_eq!(kinds(&said), [kind]);
                waits.push(played.now - before);
            }
        }
        assert_eq!(waits.len() as u32, Config::default().max_init_retransmits);
        assert_eq!(waits[0], Config::default().rto_initial);
        assert!(waits.windows(2).all(|w| w[1] == (2 * w[0]).min(Config::default().rto_max)), "{waits:?}");
        assert_eq!(ended(&mut played), Some(CloseReason::SetupTimeout));
    }
}

// AS_I_1_7_2, AS_I_1_14_1.
//= rfc9260#3.3.2-9 test
//= rfc9260#3.3.2-11 test
//= rfc9260#3.3.2-14 test
//= rfc9260#3.3.2-16 test
//= rfc9260#5.1-17 test
//= rfc9260#8.4-4 test
#[test]
fn an_init_that_cannot_be_is_refused_and_touches_nothing() {
    let bad = [
        [PEER_TAG, 1499, 0x0001_0001, 1],
        [PEER_TAG, 9999, 0x0000_0001, 1],
        [PEER_TAG, 9999, 0x0001_0000, 1],
    ];
    for make in [Played::closed, Played::calling, Played::echoing, Played::up] {
        let mut played = make(Config::default());
        let state = played.end.state();
        for fields in bad {
            let answer = played.say(0, &raw(1, 0, &init_with(fields, &[])));
            assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![7]));
            assert_eq!(chunks(&answer)[0].1, 0, "the tag is not reflected");
        }
        assert!(played.say(0, &raw(1, 0, &init_with([0, 9999, 0x0001_0001, 1], &[]))).is_empty());
        assert_eq!(played.end.state(), state);
    }
}

// AS_I_1_7_4, AS_I_1_14_2.
//= rfc9260#3.3.3-6 test
//= rfc9260#3.3.3-9 test
//= rfc9260#3.3.3-12 test
//= rfc9260#3.3.3-15 test
#[test]
fn an_init_ack_that_cannot_be_ends_the_attempt_but_for_a_small_window() {
    for fields in [[PEER_TAG, 9999, 0x0000_0001, 1], [PEER_TAG, 9999, 0x0001_0000, 1]] {
        let mut played = Played::calling(Config::default());
        let answer = played.tell(&raw(2, 0, &init_with(fields, &COOKIE)));
        assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![7]));
        assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
    }
    let mut played = Played::calling(Config::default());
    let answer = played.tell(&raw(2, 0, &init_with([0, 9999, 0x0001_0001, 1], &COOKIE)));
    assert_eq!((chunks(&answer)[0].0, chunks(&answer)[0].1, tag_of(&answer)), (6, 1, played.tag));
    assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
    let mut played = Played::calling(Config::default());
    let answer = played.tell(&raw(2, 0, &init_with([PEER_TAG, 1499, 0x0001_0001, 1], &COOKIE)));
    assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![7]));
    assert_eq!(played.end.state(), State::CookieWait);
    assert_eq!(kinds(&played.tell(&raw(2, 0, &init_value(&COOKIE)))), [10]);
}

// AS_V_1_7_1, AS_V_1_7_3, AS_V_1_7_5: the smaller number counts. E_I_6_3.
//= rfc9260#5.1.1-2 test
//= rfc9260#5.1.1-3 test
//= rfc9260#6.5-1 test
#[test]
fn both_sides_use_the_streams_that_both_agreed_upon() {
    for (ours, theirs, agreed) in [(10, 3, 3), (3, 10, 3), (5, 5, 5)] {
        let mut config = Config::default();
        config.outbound_streams = ours;
        let init = init_with([PEER_TAG, 9999, 0x0004_0000 | theirs, PEER_TSN], &[]);
        let mut played = Played::closed(config);
        let (tag, cookie) = played.cookie(&init).unwrap();
        played.tag = tag;
        played.say(tag, &raw(10, 0, &cookie));
        let mut send = |stream| played.end.send(played.now, stream, pattern(1, 1), SendOptions::default());
        assert_eq!(send(agreed - 1), Ok(()));
        assert_eq!(send(agreed), Err(SendError::NoSuchStream { stream: agreed, streams: agreed }));
        played.hear();
        // The peer said four, so its fifth does not exist: acknowledged, dropped, and told.
        let said = played.tell(&data(PEER_TSN, 11, 4, 0, b"x"));
        assert_eq!((kinds(&said), causes(&said)), (vec![9, 3], vec![1]));
        assert_eq!(be32(&value_of(&said, 3).unwrap()), PEER_TSN);
        assert!(played.end.receive(played.now).is_none());
        played.tell(&data(PEER_TSN + 1, 11, 3, 0, b"y"));
        assert_eq!(played.end.receive(played.now).unwrap().payload, "y");
    }
}

/// Unknown parameters of the four kinds, and whether they are reported and what follows is read.
const UNKNOWN: [([u8; 2], bool, bool); 4] = [
    ([0x00, 0xcc], false, false),
    ([0x40, 0xcc], true, false),
    ([0x80, 0xcc], false, true),
    ([0xc0, 0xcc], true, true),
];

fn unknown(kind: [u8; 2]) -> Vec<u8> {
    [&kind[..], &[0, 5, 0xff, 0, 0, 0]].concat()
}

// AS_I_1_8_1 to AS_I_1_8_4.
//= rfc9260#3.2.1-1 test
//= rfc9260#3.2.1-2 test
//= rfc9260#3.2.2-1 test
#[test]
fn unknown_parameters_of_an_init_are_reported_or_not_and_end_the_reading_or_not() {
    for (kind, reported, read_on) in UNKNOWN {
        let mut played = Played::closed(Config::default());
        let init = init_value(&[unknown([0xc0, 0xcd]), unknown(kind), vec![0xc0, 0, 0, 4]].concat());
        let answer = played.say(0, &raw(1, 0, &init));
        let ack = value_of(&answer, 2).unwrap();
        let params = nomagic_sctp::param::Params::parse(&ack[16..]).unwrap();
        let told: Vec<_> = params.iter().filter(|p| p.kind.0 == 8).map(|p| p.value.to_vec()).collect();
        assert_eq!(
            (answer[0].len() % 4, ack.len() % 4),
            (0, 0),
            "parameters are padded, and with no more than it takes"
        );
        let mut expected = vec![unknown([0xc0, 0xcd])];
        expected.extend(reported.then(|| unknown(kind)));
        assert_eq!(told, expected, "{kind:x?}");
        // Forward-TSN-Supported stands behind it.
        let (tag, cookie) = played.cookie(&init).unwrap();
        played.tag = tag;
        played.say(tag, &raw(10, 0, &cookie));
        assert_eq!(played.end.state(), State::Established);
        played.tell(&raw(192, 0, &PEER_TSN.to_be_bytes()));
        assert_eq!(played.end.state() == State::Established, read_on, "{kind:x?}");
    }
}

// AS_V_1_6_1, E_I_6_5: the same of an INIT ACK, reported in an ERROR behind the cookie. E_I_6_6.
#[test]
fn unknown_parameters_of_an_init_ack_are_reported_beside_the_cookie() {
    for (kind, reported, read_on) in UNKNOWN {
        let mut played = Played::calling(Config::default());
        let params = [&COOKIE[..], &unknown(kind), &[0xc0, 0, 0, 4]].concat();
        let said = played.tell(&raw(2, 0, &init_value(&params)));
        assert_eq!(said.len(), 1);
        assert_eq!(kinds(&said), if reported { vec![10, 9] } else { vec![10] }, "{kind:x?}");
        if reported {
            assert_eq!(causes(&said), [8]);
            assert_eq!(value_of(&said, 9).unwrap()[4..9], unknown(kind)[..5]);
        }
        played.tell(&raw(11, 0, &[]));
        played.tell(&raw(192, 0, &PEER_TSN.to_be_bytes()));
        assert_eq!(played.end.state() == State::Established, read_on, "{kind:x?}");
    }
    // And a peer that reports ours with its cookie is no trouble.
    let mut played = Played::closed(Config::default());
    let (tag, cookie) = played.cookie(&init_value(&[])).unwrap();
    let report = raw(9, 0, &[0, 8, 0, 8, 0xc0, 0, 0, 4]);
    assert_eq!(kinds(&played.say(tag, &[raw(10, 0, &cookie), report].concat())), [11]);
    assert_eq!(played.end.state(), State::Established);
}

// AS_V_1_12_1, AS_I_1_12_2.
//= rfc9260#3.3.2-3 test
//= rfc9260#3.3.2.1.4-2 test
//= rfc9260#3.3.3-2 test
//= rfc9260#5.1.2-2 test
//= rfc9260#12.2.4.1-1 test
#[test]
fn host_names_are_refused_on_both_sides() {
    let name = [0, 11, 0, 8, b'h', b'o', b's', 0];
    let mut played = Played::closed(Config::default());
    let answer = played.say(0, &raw(1, 0, &init_value(&name)));
    assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![5]));
    let mut played = Played::calling(Config::default());
    let answer = played.tell(&raw(2, 0, &init_value(&[COOKIE, name].concat())));
    assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![5]));
    assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
}

// AS_V_1_13_1, AS_I_1_13_2, AS_V_1_6_2: parameters about addresses and cookies that mean nothing over DTLS.
//= rfc9260#3.3.2.1.5-1 test
#[test]
fn what_an_init_says_of_addresses_is_heard_and_changes_nothing() {
    for params in [
        &[0, 12, 0, 6, 0, 6, 0, 0][..],
        &[0, 12, 0, 8, 0, 5, 0, 11],
        &[0, 5, 0, 8, 127, 0, 0, 1],
        &[0, 9, 0, 8, 0, 0, 0, 1],
    ] {
        let mut played = Played::closed(Config::default());
        let (tag, cookie) = played.cookie(&init_value(params)).unwrap();
        assert_eq!(kinds(&played.say(tag, &raw(10, 0, &cookie))), [11]);
    }
}

// AS_V_1_1_1, with a cookie of the largest kind.
//= rfc9260#3.3.3-17 test
#[test]
fn an_init_ack_may_be_far_larger_than_a_packet_of_ours() {
    let mut played = Played::calling(Config::default());
    let mut cookie = vec![0, 7, 0x20, 4];
    cookie.resize(0x2004, 7);
    let said = played.tell(&raw(2, 0, &init_value(&cookie)));
    assert_eq!(value_of(&said, 10).unwrap(), cookie[4..]);
}

// E_I_6_4.
#[test]
fn an_init_ack_without_a_cookie_ends_the_attempt_and_names_what_is_missing() {
    let mut played = Played::calling(Config::default());
    let answer = played.tell(&raw(2, 0, &init_value(&[])));
    assert_eq!((kinds(&answer), tag_of(&answer), causes(&answer)), (vec![6], PEER_TAG, vec![2]));
    assert_eq!(value_of(&answer, 6).unwrap()[4..10], [0, 0, 0, 1, 0, 7]);
    assert_eq!(ended(&mut played), Some(CloseReason::ProtocolViolation));
}

// E_O_6_1, E_O_6_2.
#[test]
fn a_stale_cookie_begins_again_and_elsewhere_means_nothing() {
    let stale = raw(9, 0, &[0, 3, 0, 8, 0, 0, 1, 0]);
    let mut played = Played::echoing(Config::default());
    assert_eq!(kinds(&played.tell(&stale)), [1]);
    assert_eq!(played.end.state(), State::CookieWait);
    for make in [Played::calling, Played::up] {
        let mut played = make(Config::default());
        let state = played.end.state();
        assert!(played.tell(&stale).is_empty());
        assert_eq!(played.end.state(), state);
    }
}

// A peer for whom every cookie is stale is not asked for ever.
#[test]
fn stale_cookies_without_end_are_an_end() {
    let stale = raw(9, 0, &[0, 3, 0, 8, 0, 0, 1, 0]);
    let most = Config::default().max_init_retransmits;
    let (mut played, mut rounds) = (Played::echoing(Config::default()), 0);
    let again = [&COOKIE[..], &[0xc0, 0, 0, 4]].concat();
    while played.end.state() == State::CookieEchoed {
        rounds += 1;
        assert!(rounds <= most + 2, "it goes on");
        let answer = played.tell(&stale);
        if kinds(&answer) != [1] {
            break;
        }
        played.tell(&raw(2, 0, &init_value(&again)));
    }
    assert_eq!((rounds, ended(&mut played)), (most + 1, Some(CloseReason::SetupTimeout)));
}

// DM_O_4_1, and the same one state on.
//= rfc9260#5.2.1-1 test
//= rfc9260#5.2.1-6 test
//= rfc9260#5.2.1-10 test
//= rfc9260#5.2.1-11 test
#[test]
fn an_init_meanwhile_is_answered_with_our_own_tag_and_stops_nothing() {
    for (make, repeated) in [(Played::calling as fn(Config) -> Played, 1), (Played::echoing, 10)] {
        let mut played = make(Config::default());
        let (state, timer) = (played.end.state(), played.end.poll_timeout());
        let answer = played.say(0, &raw(1, 0, &init_with([99, 9999, 0x0001_0001, 5], &[])));
        assert_eq!((kinds(&answer), tag_of(&answer)), (vec![2], 99));
        let ack = value_of(&answer, 2).unwrap();
        assert_eq!((be32(&ack), be32(&ack[12..])), (played.tag, played.tsn));
        assert_eq!((played.end.state(), played.end.poll_timeout()), (state, timer));
        assert_eq!(kinds(&played.wait()), [repeated]);
    }
}

// DM_O_4_2_1, AS_O_1_9_1.
//= rfc9260#5.2.2-6 test
//= rfc9260#5.2.2-8 test
//= rfc9260#5.2.2-10 test
//= rfc9260#5.3.1-2 test
#[test]
fn an_init_once_up_is_answered_with_a_new_tag_and_changes_nothing() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    let before = (played.end.stats().outstanding, played.end.poll_timeout());
    let answer = played.say(0, &raw(1, 0, &init_with([99, 9999, 0x0001_0001, 5], &[])));
    assert_eq!((kinds(&answer), tag_of(&answer)), (vec![2], 99));
    assert_ne!(be32(&value_of(&answer, 2).unwrap()), played.tag);
    assert_eq!((played.end.stats().outstanding, played.end.poll_timeout()), before);
    // The association goes on under its tag.
    played.tell(&data(PEER_TSN, 11, 0, 0, b"still here"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "still here");
}

// DM_O_4_2_2.
#[test]
fn an_init_while_shutdown_ack_is_out_repeats_it() {
    let mut played = Played::up(Config::default());
    played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
    assert_eq!(kinds(&played.say(0, &raw(1, 0, &init_value(&[])))), [8]);
    assert_eq!(played.end.state(), State::ShutdownAckSent);
}

// DM_O_4_3, DM_O_4_4, DM_O_4_8.
#[test]
fn answers_that_nobody_waits_for_are_dropped() {
    let mut played = Played::echoing(Config::default());
    assert!(played.tell(&raw(2, 0, &init_with([99, 9999, 0x0001_0001, 5], &COOKIE))).is_empty());
    assert_eq!(played.end.state(), State::CookieEchoed);
    assert_eq!(value_of(&played.wait(), 10).unwrap(), COOKIE[4..]);
    let mut played = Played::up(Config::default());
    events(&mut played.end);
    assert!(played.tell(&raw(11, 0, &[])).is_empty());
    assert!(played.tell(&raw(10, 0, &[7; 73])).is_empty());
    assert_eq!((played.end.state(), events(&mut played.end)), (State::Established, vec![]));
    assert!(played.say(0, &raw(2, 0, &init_value(&COOKIE))).is_empty());
}

// Section 5.2.4, action A: both tags are new and the cookie knows the old association.
//= rfc9260#5.2.4-6 test
#[test]
fn a_peer_that_began_anew_gets_a_new_association_from_the_start() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 0, pattern(5000, 1), SendOptions::default()).unwrap();
    let first = played.hear();
    let window = played.end.stats().congestion_window;
    played.tell(&sack(played.tsn.wrapping_add(first.len() as u32 - 1), 100_000, &[]));
    assert!(played.end.stats().congestion_window > window);
    events(&mut played.end);
    let (tag, cookie) = played.cookie(&init_with([99, 9999, 0x0005_0005, 5], &[])).unwrap();
    let said = played.say(tag, &raw(10, 0, &cookie));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![11], 99));
    assert_eq!(events(&mut played.end), [Event::Restarted]);
    assert_eq!(played.end.stats().congestion_window, window);
    assert!(played.say(played.tag, &data(PEER_TSN, 11, 0, 0, b"old")).is_empty(), "the old tag is gone");
    played.say(tag, &data(5, 11, 0, 0, b"new"));
    assert_eq!(played.end.receive(played.now).unwrap().payload, "new");
}

// Section 5.2.4, action A in SHUTDOWN-ACK-SENT.
//= rfc9260#5.2.4-7 test
#[test]
fn a_peer_that_begins_anew_during_the_end_is_told_to_end_first() {
    let mut played = Played::up(Config::default());
    let (tag, cookie) = played.cookie(&init_with([99, 9999, 0x0005_0005, 5], &[])).unwrap();
    played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
    let said = played.say(tag, &raw(10, 0, &cookie));
    assert_eq!((kinds(&said), causes(&said)), (vec![9, 8], vec![10]));
    assert_eq!(played.end.state(), State::ShutdownAckSent);
}

// Section 5.2.4, action B: our tag is the same, the peer's is another.
//= rfc9260#5.2.4-8 test
#[test]
fn a_collision_that_changed_the_peers_tag_takes_the_newer_one() {
    for make in [Played::calling as fn(Config) -> Played, Played::echoing] {
        let mut played = make(Config::default());
        let (tag, cookie) = played.cookie(&init_with([99, 9999, 0x0005_0005, 5], &[])).unwrap();
        assert_eq!(tag, played.tag);
        let said = played.say(tag, &raw(10, 0, &cookie));
        assert_eq!((kinds(&said), tag_of(&said)), (vec![11], 99));
        assert_eq!(
            (played.end.state(), events(&mut played.end)),
            (State::Established, vec![Event::Connected])
        );
        // No timer of the set-up is left.
        let next = played.wait();
        assert_eq!(kinds(&next), [4]);
    }
}

// Section 5.2.4, action C: our tag is another and the cookie knows of no association. Action D: a COOKIE ACK was lost.
#[test]
fn an_old_cookie_is_dropped_and_a_repeated_one_answered() {
    let mut played = Played::closed(Config::default());
    let (tag, first) = played.cookie(&init_value(&[])).unwrap();
    played.tag = tag;
    assert_eq!(kinds(&played.say(tag, &raw(10, 0, &first))), [11]);
    events(&mut played.end);
    played.tell(&data(PEER_TSN, 11, 0, 0, b"x"));
    // Action C: a restart takes a new tag of ours; then the very first cookie comes again.
    let (new, cookie) = played.cookie(&init_with([99, 9999, 0x0005_0005, 5], &[])).unwrap();
    assert_eq!(kinds(&played.say(new, &raw(10, 0, &cookie))), [11]);
    assert!(played.say(tag, &raw(10, 0, &first)).is_empty());
    // Action D, and long after its life.
    events(&mut played.end);
    played.say(new, &data(5, 11, 0, 0, b"new"));
    played.now += 10 * Config::default().cookie_lifetime;
    assert_eq!(kinds(&played.say(new, &raw(10, 0, &cookie))), [11]);
    assert!(!events(&mut played.end).iter().any(|e| matches!(e, Event::Connected | Event::Restarted)));
    // The association has not begun again.
    assert_eq!(be32(&value_of(&played.say(new, &data(5, 11, 0, 0, b"new")), 3).unwrap()), 5);
    // The first one is too old for an answer of any other kind.
    assert_eq!(causes(&played.say(tag, &raw(10, 0, &first))), [3]);
}

// Every packet of a set-up carries a right checksum (E_I... of section 6.8), and one that does not is dropped.
//= rfc9260#6.8-1 test
//= rfc9260#6.8-2 test
//= rfc9260#6.8-3 test
//= rfc9260#6.8-4 test
#[test]
fn checksums_are_written_and_looked_at_first() {
    let mut config = Config::default();
    config.zero_checksum = false;
    let mut played = Played::closed(config);
    let mut wrong = packet(0, &raw(1, 0, &init_value(&[])));
    wrong[9] ^= 4;
    played.end.handle_input(played.now, &mut wrong);
    assert!(played.hear().is_empty());
    assert_eq!(played.end.stats().dropped_checksum, 1);
    let (tag, cookie) = played.cookie(&init_value(&[])).unwrap();
    played.tag = tag;
    let mut said = played.say(tag, &raw(10, 0, &cookie));
    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    said.extend(played.hear());
    said.extend(played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4])));
    assert_eq!(kinds(&said), [11, 0, 5]);
    assert!(said.iter().all(|p| Packet::parse(p).unwrap().checksum_is_valid()));
}

// Ports are never 0, whatever was asked for.
//= rfc9260#3.1-1 test
//= rfc9260#3.1-2 test
#[test]
fn no_packet_has_port_zero() {
    let mut config = Config::default();
    (config.local_port, config.remote_port) = (0, 0);
    let mut played = Played::closed(config);
    played.end.connect(played.now);
    let sent = played.hear();
    let packet = Packet::parse(&sent[0]).unwrap();
    assert!(packet.source_port() != 0 && packet.destination_port() != 0);
}
