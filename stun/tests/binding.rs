//! The client against a small server over the simulated network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_stun::attribute::{
    ErrorReason, MappedAddress, Nonce, Opaque, PasswordAlgorithms, Realm, XorMappedAddress,
};
use nomagic_stun::rto::Schedule;
use nomagic_stun::{
    AttributeType, BindingClient, BindingConfig, BindingOutcome, BindingRequest, ErrorCode, Input,
    IntegrityKey, LongTermCredential, Message, MessageBuilder, ShortTermCredential, StartError,
};
use nomagic_testkit::{clock, rng};

const MS: Duration = Duration::from_millis(1);

fn server() -> SocketAddr {
    "192.0.2.7:3478".parse().unwrap()
}

fn mapped() -> SocketAddr {
    "198.51.100.9:40000".parse().unwrap()
}

fn client(credential: Option<ShortTermCredential>) -> BindingClient {
    let mut config = BindingConfig::default();
    config.credential = credential.map(Into::into);
    BindingClient::new(config, &mut rng(1))
}

fn credential() -> ShortTermCredential {
    ShortTermCredential::new("evtj:h6vY", "secret").unwrap()
}

fn key() -> IntegrityKey {
    IntegrityKey::short_term("secret")
}

fn sent(client: &mut BindingClient, now: Instant) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    client.poll_transmit(now, &mut out).map(|transmit| {
        assert_eq!((transmit.len, transmit.destination), (out.len(), server()));
        out
    })
}

fn success(request: &[u8]) -> Vec<u8> {
    let (mut out, request) = (Vec::new(), Message::parse(request).unwrap());
    MessageBuilder::success(&mut out, &request).attribute(&XorMappedAddress(mapped())).finish().unwrap();
    out
}

//= rfc8489#6.2.1-1 test
//= rfc8489#6.2.1-11 test
#[test]
fn an_unanswered_request_goes_out_seven_times_and_ends_after_39500_ms() {
    let (mut client, start) = (client(None), clock::origin());
    client.bind(start, server()).unwrap();
    let (mut now, mut times, mut requests) = (start, Vec::new(), Vec::new());
    while client.poll_event().is_none_or(|event| {
        assert_eq!(event.outcome, BindingOutcome::TimedOut);
        false
    }) {
        if let Some(request) = sent(&mut client, now) {
            times.push((now - start).as_millis());
            requests.push(request);
        }
        now = client.poll_timeout().unwrap();
        client.handle_timeout(now);
    }
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!((now - start).as_millis(), 39_500);
    assert!(requests.iter().all(|request| *request == requests[0]), "a repetition is the same message");
    assert_eq!(client.poll_timeout(), None);
    assert_eq!((client.stats().requests, client.stats().retransmissions), (1, 6));
}

//= rfc8489#5-1 test
//= rfc8489#5-3 test
//= rfc8489#5-8 test
//= rfc8489#6.1-1 test
//= rfc8489#6.1-2 test
#[test]
fn a_request_has_the_header_of_section_5() {
    let (mut client, start) = (client(Some(credential())), clock::origin());
    let id = client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    assert_eq!(request[..2], [0, 1], "a Binding request");
    assert_eq!(usize::from(u16::from_be_bytes([request[2], request[3]])), request.len() - 20);
    assert_eq!(request[4..8], [0x21, 0x12, 0xa4, 0x42]);
    assert_eq!(request[8..20], id.0);
}

/// Ids come from the generator that the client was given, all 96 bits of them.
//= rfc8489#5-4 test
//= rfc8489#5-5 test
//= rfc8489#5-6 test
#[test]
fn every_transaction_has_a_new_random_id_and_a_repetition_the_same() {
    let (mut client, start) = (client(None), clock::origin());
    let (mut ids, mut ones) = (std::collections::BTreeSet::new(), [0u32; 96]);
    for _ in 0..1000 {
        let id = client.bind(start, server()).unwrap();
        let request = sent(&mut client, start).unwrap();
        assert_eq!(request[8..20], id.0);
        client.cancel(id);
        assert!(ids.insert(id), "an id came twice");
        let bits = u128::from_be_bytes([&[0; 4][..], &id.0].concat().try_into().unwrap());
        ones.iter_mut().enumerate().for_each(|(bit, ones)| *ones += u32::from(bits >> bit & 1 != 0));
    }
    // Six standard deviations either way.
    assert!(ones.iter().all(|ones| (405..595).contains(ones)), "{ones:?}");
    client.bind(start, server()).unwrap();
    let first = sent(&mut client, start).unwrap();
    let due = client.poll_timeout().unwrap();
    client.handle_timeout(due);
    assert_eq!(sent(&mut client, due), Some(first));
}

//= rfc8489#6.3.3-1 test
//= rfc8489#6.3.3-2 test
#[test]
fn an_address_of_another_family_is_taken_and_one_of_no_family_ignored() {
    let answer = |value: &[u8], plain: Option<SocketAddr>| {
        let (mut client, start) = (client(None), clock::origin());
        client.bind(start, server()).unwrap();
        let request = sent(&mut client, start).unwrap();
        let (mut out, request) = (Vec::new(), Message::parse(&request).unwrap());
        let attribute_type = AttributeType::XOR_MAPPED_ADDRESS;
        let mut builder =
            MessageBuilder::success(&mut out, &request).attribute(&Opaque { attribute_type, value });
        if let Some(plain) = plain {
            builder = builder.attribute(&MappedAddress(plain));
        }
        builder.finish().unwrap();
        client.handle_input(start, server(), &mut out);
        client.poll_event().unwrap().outcome
    };
    let (strange, short) = ([0, 9, 0, 0, 1, 2, 3, 4], [0, 1, 0, 0, 1, 2, 3]);
    assert_eq!(answer(&strange, Some(mapped())), BindingOutcome::Mapped(mapped()));
    assert_eq!(answer(&strange, None), BindingOutcome::Unusable);
    assert_eq!(answer(&short, Some(mapped())), BindingOutcome::Unusable, "malformed is not unknown");
    let six = [&[0, 2, 0, 0][..], &[0; 16]].concat();
    assert!(matches!(answer(&six, None), BindingOutcome::Mapped(SocketAddr::V6(_))));
}

//= rfc8489#6.3.4-2 test
#[test]
fn an_error_of_the_server_is_not_asked_about_again() {
    for code in [500, 508, 599, 600, 420, 487] {
        let (mut client, start) = (client(None), clock::origin());
        client.bind(start, server()).unwrap();
        let request = sent(&mut client, start).unwrap();
        let (mut out, request) = (Vec::new(), Message::parse(&request).unwrap());
        let code = ErrorCode::new(code).unwrap();
        MessageBuilder::error(&mut out, &request).attribute(&ErrorReason::bare(code)).finish().unwrap();
        client.handle_input(start, server(), &mut out);
        let refused = BindingOutcome::Refused { code, alternate: None };
        assert_eq!(client.poll_event().unwrap().outcome, refused);
        assert_eq!((sent(&mut client, start), client.poll_timeout()), (None, None));
    }
}

/// 548 octets leave room for the headers of IPv4 and UDP in 576.
//= rfc8489#6.1-6 test
//= rfc8489#6.1-8 test
#[test]
fn a_signed_request_with_the_longest_realm_and_nonce_fits_into_any_datagram() {
    let mut config = BindingConfig::default();
    config.software = "nomagic".to_owned();
    config.credential = Some(LongTermCredential::new(&"a".repeat(64), "secret").unwrap().into());
    let (mut client, start) = (BindingClient::new(config, &mut rng(1)), clock::origin());
    client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    let (mut out, request) = (Vec::new(), Message::parse(&request).unwrap());
    let (realm, nonce) = ("r".repeat(127), format!("obMatJos2AAAB{}", "n".repeat(114)));
    MessageBuilder::error(&mut out, &request)
        .attribute(&ErrorReason::bare(ErrorCode::UNAUTHENTICATED))
        .attribute(&Realm::new(&realm).unwrap())
        .attribute(&Nonce::new(&nonce).unwrap())
        .attribute(&PasswordAlgorithms::BOTH)
        .finish()
        .unwrap();
    client.handle_input(start, server(), &mut out);
    let request = sent(&mut client, start).unwrap();
    assert!(Message::parse(&request).unwrap().has_integrity_sha256());
    assert!(request.len() <= 548, "{} octets", request.len());
}

/// PADDING is for datagrams that are too long, but not for those that are none.
//= rfc5780#7.6-1 test
#[test]
fn padding_leaves_a_datagram_a_datagram() {
    let (mut client, start) = (client(None), clock::origin());
    let mut request = BindingRequest::new(server());
    request.padding = Some(BindingRequest::MAX_PADDING + 1);
    assert_eq!(client.ask(start, request), Err(StartError::Padding(60_001)));
    request.padding = Some(BindingRequest::MAX_PADDING);
    client.ask(start, request).unwrap();
    let sent = sent(&mut client, start).unwrap();
    assert!((60_000..65_507).contains(&sent.len()));
}

#[test]
fn an_answer_to_the_last_repetition_still_counts_just_before_the_end() {
    let (mut client, start) = (client(None), clock::origin());
    client.bind(start, server()).unwrap();
    let mut last = sent(&mut client, start).unwrap();
    for _ in 0..6 {
        let due = client.poll_timeout().unwrap();
        client.handle_timeout(due);
        last = sent(&mut client, due).unwrap();
    }
    client.handle_timeout(start + 39_499 * MS);
    assert_eq!(client.handle_input(start + 39_499 * MS, server(), &mut success(&last)), Input::Consumed);
    let event = client.poll_event().unwrap();
    assert_eq!(event.outcome, BindingOutcome::Mapped(mapped()));
    assert_eq!(event.round_trip, None, "nobody knows which sending was answered");
}

#[test]
fn a_first_answer_measures_the_round_trip() {
    let (mut client, start) = (client(None), clock::origin());
    let id = client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    client.handle_input(start + 30 * MS, server(), &mut success(&request));
    let event = client.poll_event().unwrap();
    assert_eq!((event.id, event.round_trip), (id, Some(30 * MS)));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn an_answer_from_elsewhere_changes_nothing() {
    let (mut client, start) = (client(None), clock::origin());
    client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    assert_eq!(client.handle_input(start, mapped(), &mut success(&request)), Input::Consumed);
    assert_eq!((client.poll_event(), client.stats().dropped_source), (None, 1));
    assert!(client.poll_timeout().is_some());
}

#[test]
fn unsigned_and_wrongly_signed_answers_do_not_end_a_signed_request() {
    let (mut client, start) = (client(Some(credential())), clock::origin());
    client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    assert_eq!(Message::parse(&request).unwrap().verify(&key()), Ok(()));
    client.handle_input(start, server(), &mut success(&request));
    for key in [IntegrityKey::short_term("wrong"), key()] {
        assert_eq!(client.poll_event(), None);
        let (mut out, request) = (Vec::new(), Message::parse(&request).unwrap());
        let builder = MessageBuilder::success(&mut out, &request).attribute(&XorMappedAddress(mapped()));
        builder.integrity(&key).finish().unwrap();
        client.handle_input(start, server(), &mut out);
    }
    assert_eq!(client.poll_event().unwrap().outcome, BindingOutcome::Mapped(mapped()));
    assert_eq!(client.stats().dropped_integrity, 2);
}

#[test]
fn refusals_and_answers_without_sense_are_told_apart() {
    let (mut client, start) = (client(None), clock::origin());
    let answer = |client: &mut BindingClient, attribute: Option<ErrorReason<'_>>, unknown: bool| {
        client.bind(start, server()).unwrap();
        let request = sent(client, start).unwrap();
        let (mut out, request) = (Vec::new(), Message::parse(&request).unwrap());
        let mut builder = MessageBuilder::error(&mut out, &request);
        if let Some(reason) = attribute {
            builder = builder.attribute(&reason);
        }
        if unknown {
            builder = builder.attribute(&Opaque { attribute_type: AttributeType(0x7ffe), value: b"" });
        }
        builder.finish().unwrap();
        client.handle_input(start, server(), &mut out);
        client.poll_event().unwrap().outcome
    };
    let code = ErrorCode::SERVER_ERROR;
    let refused = BindingOutcome::Refused { code, alternate: None };
    assert_eq!(answer(&mut client, Some(ErrorReason::new(code, "no").unwrap()), false), refused);
    assert_eq!(answer(&mut client, None, false), BindingOutcome::Unusable);
    assert_eq!(answer(&mut client, Some(ErrorReason::bare(code)), true), BindingOutcome::Unusable);
}

#[test]
fn other_peoples_datagrams_are_not_ours() {
    let (mut client, start) = (client(None), clock::origin());
    client.bind(start, server()).unwrap();
    let request = sent(&mut client, start).unwrap();
    assert_eq!(client.handle_input(start, server(), &mut b"\x80rtp".to_vec()), Input::NotMine);
    assert_eq!(client.handle_input(start, server(), &mut request.clone()), Input::NotMine, "our own request");
}

#[test]
fn the_limit_counts_outcomes_that_nobody_took() {
    let (mut client, start) = (client(None), clock::origin());
    for _ in 0..64 {
        client.bind(start, server()).unwrap();
    }
    assert_eq!(client.bind(start, server()), Err(StartError::WouldBlock { limit: 64 }));
    while sent(&mut client, start).is_some() {}
    for _ in 0..7 {
        let due = client.poll_timeout().unwrap();
        client.handle_timeout(due);
        while sent(&mut client, due).is_some() {}
    }
    assert_eq!(client.bind(start, server()), Err(StartError::WouldBlock { limit: 64 }));
    while client.poll_event().is_some() {}
    assert!(client.bind(start, server()).is_ok());
}

#[test]
fn a_cancelled_request_falls_silent_and_a_closed_client_too() {
    let (mut client, start) = (client(None), clock::origin());
    let id = client.bind(start, server()).unwrap();
    assert!(client.cancel(id) && !client.cancel(id));
    assert_eq!((sent(&mut client, start), client.poll_timeout()), (None, None));
    client.bind(start, server()).unwrap();
    client.close(start);
    client.handle_timeout(start + 60_000 * MS);
    assert_eq!((sent(&mut client, start), client.poll_event(), client.poll_timeout()), (None, None, None));
    assert_eq!(client.bind(start, server()), Err(StartError::Closed));
    assert!(client.is_closed());
}

#[test]
fn an_older_now_counts_as_the_newest_one_seen() {
    let (mut client, start) = (client(None), clock::origin());
    client.bind(start + 1000 * MS, server()).unwrap();
    assert!(sent(&mut client, start).is_some());
    assert_eq!(client.poll_timeout(), Some(start + 1500 * MS));
    client.handle_timeout(start);
    assert!(sent(&mut client, start).is_none());
}

/// T10: when a second request is repeated, after the first was answered `delay` after its last sending.
fn second_wait(schedule: Schedule, repeated: bool, delay: Duration) -> Duration {
    let mut config = BindingConfig::default();
    config.schedule = schedule;
    let (mut client, mut now) = (BindingClient::new(config, &mut rng(1)), clock::origin());
    client.bind(now, server()).unwrap();
    let mut request = sent(&mut client, now).unwrap();
    if repeated {
        now = client.poll_timeout().unwrap();
        client.handle_timeout(now);
        request = sent(&mut client, now).unwrap();
    }
    now += delay;
    client.handle_input(now, server(), &mut success(&request));
    assert!(client.poll_event().is_some());
    // Another port of the same server: what was measured belongs to the address.
    let other = SocketAddr::new(server().ip(), 3479);
    client.bind(now, other).unwrap();
    client.poll_transmit(now, &mut Vec::new()).unwrap();
    client.poll_timeout().unwrap() - now
}

//= rfc8489#6.2.1-8 test
#[test]
fn a_measured_round_trip_sets_the_next_first_wait() {
    let delay = Duration::from_millis(80);
    assert_eq!(second_wait(Schedule::UDP, false, delay), Duration::from_millis(80 + 4 * 40));
}

//= rfc8489#6.2.1-6 test
//= rfc8489#6.2.1-7 test
#[test]
fn an_answer_after_a_repetition_measures_nothing() {
    assert_eq!(second_wait(Schedule::UDP, true, Duration::from_millis(80)), Duration::from_millis(500));
}

#[test]
fn a_reliable_transport_keeps_its_39500_ms() {
    let waited = second_wait(Schedule::RELIABLE, false, Duration::from_millis(80));
    assert_eq!(waited, Duration::from_millis(39_500));
}
