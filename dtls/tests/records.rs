//! What records can and cannot do to a connection.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Version};
use nomagic_dtls::{Alert, AlertDescription, CloseReason, Input, SealError, Summary};
use nomagic_testkit::alloc::assert_none;
use nomagic_testkit::clock::origin;
use nomagic_testkit::ladder::Way;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;
use rand::Rng;

fn record(content_type: ContentType, epoch: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut out = Vec::new();
    Header { content_type, version: Version::DTLS_1_2, epoch, sequence: 77, length }.encode(&mut out);
    out.extend(content);
    out
}

fn fatal() -> Vec<u8> {
    record(ContentType::ALERT, 0, &Alert::fatal(AlertDescription::HANDSHAKE_FAILURE).to_bytes())
}

/// D1: payload in plaintext, before and after the handshake.
//= rfc6347#4.1-5 test
#[test]
fn plaintext_payload_is_never_handed_out() {
    let plain = record(ContentType::APPLICATION_DATA, 0, &[7; 100]);
    let mut pair = pair(nomagic_testkit::link::Link::new);
    pair.inject(Way::Out, &plain);
    pair.inject(Way::Back, &plain);
    pair.run_until(both_connected);
    pair.inject(Way::Out, &plain);
    pair.inject(Way::Back, &plain);
    assert!(pair.a.received.is_empty() && pair.z.received.is_empty());
    assert_eq!(pair.z.connection.stats().dropped_plaintext, 2);
    assert_talks(&mut pair);
}

/// D2: alerts in plaintext once there are keys.
#[test]
fn plaintext_alerts_change_nothing_once_there_are_keys() {
    let mut pair = connected_pair();
    for alert in [fatal(), record(ContentType::ALERT, 0, &Alert::CLOSE_NOTIFY.to_bytes())] {
        pair.inject(Way::Out, &alert);
        pair.inject(Way::Back, &alert);
    }
    assert_eq!(pair.a.connection.stats().unauthenticated_alerts, 2);
    assert_talks(&mut pair);

    // A client has keys as soon as it has answered; what an alert said is remembered, in case nothing else comes.
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    deliver(&mut client, origin(), &[fatal()]);
    assert_eq!(client.closed, None);
    while let Some(due) = client.poll_timeout() {
        client.handle_timeout(due);
        flight(&mut client, due);
    }
    let unauthenticated_alert = Some(AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(client.closed, Some(CloseReason::Timeout { unauthenticated_alert }));
}

#[test]
fn a_fatal_alert_before_there_are_keys_ends_the_handshake() {
    let mut client = Peer::new(client_config(), 1);
    flight(&mut client, origin());
    client.handle_input(origin(), &mut fatal());
    assert_eq!(client.closed, Some(CloseReason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE)));
    assert!(client.is_closed() && flight(&mut client, origin()).is_empty());
}

/// D3: content that is malformed or of an unknown type, in any epoch.
//= rfc6347#4.1.2.1-2 test
//= rfc6347#4.1.2.7-1 test
#[test]
fn malformed_records_are_dropped_without_an_answer() {
    let mut pair = connected_pair();
    let before = (pair.delivered(), pair.a.connection.stats());
    for epoch in [0, 1, 2, u16::MAX] {
        for content_type in [0, 19, 20, 21, 22, 23, 24, 25, 63] {
            for content in [&[][..], &[1], &[0xff; 30]] {
                pair.inject(Way::Back, &record(ContentType(content_type), epoch, content));
            }
        }
    }
    let mut dice = rng(5);
    for length in 0..300 {
        let mut noise = vec![0; length];
        dice.fill_bytes(&mut noise);
        pair.inject(Way::Back, &noise);
        let mut header = vec![23, 0xfe, 0xfd, 0, 1];
        header.extend(noise);
        pair.inject(Way::Back, &header);
    }
    assert!(flight(&mut pair.a, origin()).is_empty());
    assert_eq!((pair.delivered(), pair.a.closed), (before.0, None));
    assert!(pair.a.connection.stats().dropped_forged > before.1.dropped_forged);
    assert_talks(&mut pair);
}

/// D5: the next epoch does not exist, and takes no memory.
#[test]
fn records_of_other_epochs_are_dropped() {
    let mut pair = connected_pair();
    for epoch in 2..1000 {
        pair.inject(Way::Out, &record(ContentType::APPLICATION_DATA, epoch, &[0; 1000]));
    }
    assert_eq!(pair.z.connection.stats().dropped_epoch, 998);
    assert_talks(&mut pair);
}

/// D10: empty records are nothing, and records that are too long are none.
//= rfc5246#6.2.3-1 test
#[test]
fn empty_records_are_counted_and_long_ones_refused() {
    let mut pair = connected_pair();
    let now = pair.now();
    let empty = pair.a.seal(now, b"");
    pair.inject(Way::Out, &empty);
    assert_eq!(pair.z.connection.stats().empty_records, 1);
    let longest = pair.a.seal(now, &vec![5; 1 << 14]);
    pair.inject(Way::Out, &longest);
    assert_eq!(pair.z.received, [vec![5; 1 << 14]]);
    let (mut out, at) = (vec![0; 21 + (1 << 14) + 1], pair.a.connection.headroom());
    let too_large = SealError::TooLarge { found: (1 << 14) + 1, maximum: 1 << 14 };
    assert_eq!(pair.a.connection.seal(now, &mut out, at), Err(too_large));
    pair.inject(Way::Out, &record(ContentType::APPLICATION_DATA, 1, &vec![0; (1 << 14) + 2049]));
    assert_eq!(pair.z.connection.stats().dropped_malformed, 1);
}

/// D11: several records in a datagram, among them some that are not to be seen, and garbage behind them.
#[test]
fn each_record_of_a_datagram_counts_for_itself() {
    let mut pair = connected_pair();
    let now = pair.now();
    let mut forged = pair.a.seal(now, b"forged");
    forged[30] ^= 1;
    let (one, two, three) = (pair.a.seal(now, b"one"), pair.a.seal(now, b"two"), pair.a.seal(now, b"three"));
    let plain = record(ContentType::APPLICATION_DATA, 0, b"plain, and long enough to hold something");
    let datagram = [&one[..], &forged, &plain, &two, &one, &three[..three.len() - 1]].concat();
    pair.inject(Way::Out, &datagram);
    assert_eq!(pair.z.received, [b"one", b"two"]);
    let stats = pair.z.connection.stats();
    assert_eq!((stats.dropped_forged, stats.dropped_plaintext), (1, 1));
    assert_eq!((stats.dropped_replay, stats.dropped_malformed), (1, 1));
    pair.inject(Way::Out, &[&three[..], &[0xff; 40]].concat());
    assert_eq!(pair.z.received.len(), 3);
}

/// Payloads are slices of the very datagram, and may be changed there.
#[test]
fn payload_is_handed_out_where_it_lies() {
    let mut pair = connected_pair();
    let now = pair.now();
    let mut datagram = [pair.a.seal(now, b"first"), pair.a.seal(now, b"second")].concat();
    let Input::Payload(payloads) = pair.z.connection.handle_input(now, &mut datagram) else {
        panic!("there is payload");
    };
    payloads.for_each(|payload| payload.fill(b'!'));
    let second = HEADER_LEN + 8 + 5 + 16 + HEADER_LEN + 8;
    assert_eq!((&datagram[21..26], &datagram[second..second + 6]), (&b"!!!!!"[..], &b"!!!!!!"[..]));
}

/// RFC 7983: other protocols on the same port are handed back.
#[test]
fn what_is_not_dtls_is_not_ours() {
    let mut client = Peer::new(client_config(), 1).connection;
    for first in 0..=255u8 {
        let mut datagram = [first, 0, 0];
        let not_mine = matches!(client.handle_input(origin(), &mut datagram), Input::NotMine);
        assert_eq!(not_mine, !(20..=63).contains(&first));
    }
    assert!(matches!(client.handle_input(origin(), &mut []), Input::NotMine));
}

/// RFC 5246 section 7.2.1: a close is answered with a close.
//= rfc5246#7.2.1-1 test
#[test]
fn a_close_is_answered_and_both_end() {
    let mut pair = connected_pair();
    let now = pair.now();
    pair.a.close(now);
    assert_eq!(pair.a.closed, Some(CloseReason::Local));
    assert!(!pair.a.is_closed(), "the alert is still to be sent");
    pair.run_quiet();
    assert!(pair.a.is_closed() && pair.z.is_closed());
    assert_eq!(pair.z.closed, Some(CloseReason::Peer));
    let mut out = vec![0; 30];
    assert_eq!(pair.z.connection.seal(now, &mut out, 21), Err(SealError::Closed));
    assert!(pair.z.connection.export("EXPERIMENTAL", None, &mut out).is_err());
    assert!(pair.z.connection.srtp_keys().is_none() && pair.z.connection.connected().is_none());
}

/// D50: after the end everything is quiet, whatever comes.
#[test]
fn late_records_after_the_end_change_nothing() {
    let mut pair = connected_pair();
    let now = pair.now();
    let late = pair.z.seal(now, b"late");
    pair.a.close(now);
    let bye = flight(&mut pair.a, now);
    assert_eq!(bye.len(), 1);
    deliver(&mut pair.z, now, &[bye.concat(), bye.concat()]);
    let answer = flight(&mut pair.z, now);
    deliver(&mut pair.a, now, &[late, answer.concat(), answer.concat()]);
    deliver(&mut pair.z, now, &bye);
    assert!(flight(&mut pair.a, now).is_empty() && flight(&mut pair.z, now).is_empty());
    assert!(pair.a.received.is_empty());
}

/// Payload in front of a close in the same datagram is still handed out.
#[test]
fn payload_in_front_of_a_close_counts() {
    let mut pair = connected_pair();
    let now = pair.now();
    let last = pair.a.seal(now, b"last words");
    pair.a.close(now);
    let both = [last, flight(&mut pair.a, now).concat()].concat();
    pair.inject(Way::Out, &both);
    assert_eq!(pair.z.received, [b"last words"]);
    assert_eq!(pair.z.closed, Some(CloseReason::Peer));
}

#[test]
fn a_record_costs_no_allocation() {
    let mut pair = connected_pair();
    let now = pair.now();
    let (a, z) = (&mut pair.a.connection, &mut pair.z.connection);
    let at = a.headroom();
    let mut out = Vec::with_capacity(2000);
    assert_none(|| {
        for round in 0..100u8 {
            out.clear();
            out.resize(at, 0);
            out.resize(at + 1200, round);
            a.seal(now, &mut out, at).unwrap();
            let Input::Payload(payloads) = z.handle_input(now, &mut out) else { panic!("there is payload") };
            assert_eq!(payloads.map(|payload| payload.len()).sum::<usize>(), 1200);
        }
    });
}

/// D36: a hello that breaks its format is told so, once, and the server waits on for one that does not. What breaks its
/// format later on is the end.
#[test]
fn a_malformed_hello_is_answered_with_decode_error() {
    let mut server = Peer::new(server_config(), 2);
    let hello = flight(&mut Peer::new(client_config(), 1), origin()).remove(0);
    let mut bad = hello.clone();
    // Behind record header, fragment header, version, random, empty session and cookie: the length of the suites.
    bad[HEADER_LEN + 12 + 2 + 32 + 1 + 1 + 1] = 1;
    server.handle_input(origin(), &mut bad);
    let answer = flight(&mut server, origin());
    assert_eq!(answer.len(), 1);
    assert_eq!(Summary(&answer[0]).to_string(), "Alert fatal decode_error");
    assert_eq!((server.closed, server.connection.stats().refused_hellos), (None, 1));
    deliver(&mut server, origin(), &[hello]);
    let mut client = Peer::new(client_config(), 1);
    flight(&mut client, origin());
    let mut bad = flight(&mut server, origin()).remove(0);
    assert_eq!(records(&[bad.clone()]).len(), 5);
    // The session of a ServerHello has 32 octets at most.
    bad[HEADER_LEN + 12 + 2 + 32] = 33;
    client.handle_input(origin(), &mut bad);
    assert!(matches!(client.closed, Some(CloseReason::Malformed { .. })));
    let answer = flight(&mut client, origin());
    assert_eq!(Summary(&answer[0]).to_string(), "Alert fatal decode_error");
    assert!(client.is_closed());
}

/// A server that waits for a hello is ended by no other message and by no alert; and its client has all the time that a
/// handshake may take, however late it comes.
#[test]
fn a_waiting_server_is_not_ended_by_strays() {
    let mut server = Peer::new(server_config(), 2);
    let close = record(ContentType::ALERT, 0, &Alert::CLOSE_NOTIFY.to_bytes());
    let finished = record(ContentType::HANDSHAKE, 0, &[14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    deliver(&mut server, origin(), &[fatal(), close, finished]);
    let stats = server.connection.stats();
    assert_eq!((stats.unauthenticated_alerts, stats.refused_hellos, server.closed), (2, 1, None));
    assert_eq!(Summary(&flight(&mut server, origin())[0]).to_string(), "Alert fatal unexpected_message");
    let late = origin() + 59_000 * MS;
    server.handle_timeout(late);
    deliver(&mut server, late, &flight(&mut Peer::new(client_config(), 1), late));
    assert_eq!(records(&flight(&mut server, late)).len(), 5);
    server.handle_timeout(late + 59_000 * MS);
    assert_eq!(server.closed, None);
    server.handle_timeout(late + 60_000 * MS);
    assert_eq!(server.closed, Some(CloseReason::Timeout { unauthenticated_alert: None }));
}

/// D32: a hello that claims to be protected is none.
#[test]
fn a_hello_in_another_epoch_is_not_heard() {
    for epoch in [1, 2] {
        let mut server = Peer::new(server_config(), 2);
        let mut hello = flight(&mut Peer::new(client_config(), 1), origin()).remove(0);
        hello[4] = epoch;
        deliver(&mut server, origin(), &[hello.clone(), hello]);
        assert!(flight(&mut server, origin()).is_empty());
        assert_eq!(server.closed, None);
    }
}
