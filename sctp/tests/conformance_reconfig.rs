//! Re-configuration of streams (RFC 6525), request by request, in both roles: the cases that packetdrill's scripts for
//! RE-CONFIG cover (outgoing and incoming resets, SSN/TSN resets, added streams), in our own words.
//!
//! | parameter | we send it | the peer sends it |
//! |---|---|---|
//! | 13, outgoing reset | `reset_outgoing_ssn`: `our_request_names_streams_...` | `reset_outgoing_ssn_passiv`: `the_peers_request_...`, `a_reset_waits_...` |
//! | 14, incoming reset | never | `reset_incoming_ssn`, roles exchanged: `asked_to_reset_we_do_...` |
//! | 15, SSN/TSN reset | never | `reset_ssn_tsn_passiv`: `a_reset_of_all_numbers_...` |
//! | 16, response | to all of these | `our_request_...`, `each_result_...`, `a_peer_that_is_at_it_...` |
//! | 17, more of the sender's streams | never | `more_streams_of_the_peer_...` |
//! | 18, more of the receiver's streams | never | `add_incoming_streams`, roles exchanged: `more_streams_of_the_peer_...` |
//!
//! `sctp_reset_stream_event` is about what the application is told: the events in all of these. `sctp_enable_stream_reset`
//! is about options of a socket; here a peer that does not offer resets is refused, and not asked for any:
//! `resets_are_offered_...`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::{Config, Event, ResetError, SendError, SendOptions};

/// Every RE-CONFIG parameter in the packets: type and value; chunk by chunk.
fn params(packets: &[Vec<u8>]) -> Vec<Vec<(u16, Vec<u8>)>> {
    let read = |value: &[u8]| {
        let params = nomagic_sctp::param::Params::parse(value).unwrap();
        params.iter().map(|p| (p.kind.0, p.value.to_vec())).collect()
    };
    chunks(packets).iter().filter(|c| c.0 == 130).map(|c| read(&c.2)).collect()
}

fn words(fields: &[u32]) -> Vec<u8> {
    fields.iter().flat_map(|f| f.to_be_bytes()).collect()
}

/// One parameter, unpadded.
fn param(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend((value.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(value);
    out
}

fn outgoing(sequence: u32, last: u32, streams: &[u16]) -> Vec<u8> {
    let mut value = words(&[sequence, 0, last]);
    value.extend(streams.iter().flat_map(|s| s.to_be_bytes()));
    param(13, &value)
}

fn incoming(sequence: u32, streams: &[u16]) -> Vec<u8> {
    let mut value = words(&[sequence]);
    value.extend(streams.iter().flat_map(|s| s.to_be_bytes()));
    param(14, &value)
}

fn response(sequence: u32, result: u32) -> Vec<u8> {
    raw(130, 0, &param(16, &words(&[sequence, result])))
}

/// What a response says: sequence and result.
fn result_of(packets: &[Vec<u8>]) -> (u32, u32) {
    let all = params(packets);
    let (kind, value) = &all[0][0];
    assert_eq!(*kind, 16, "{all:?}");
    (be32(value), be32(&value[4..]))
}

/// An association with something sent and acknowledged on stream 3.
fn used() -> Played {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 3, pattern(10, 1), SendOptions::default()).unwrap();
    played.hear();
    played.tell(&sack(played.tsn, 100_000, &[]));
    events(&mut played.end);
    played
}

// reset_outgoing_ssn: we ask.
//= rfc6525#4.1-1 test
//= rfc6525#5.1.1-6 test
//= rfc6525#5.1.2-1 test
//= rfc6525#5.1.2-4 test
//= rfc6525#5.1.2-8 test
//= rfc6525#5.1.2-9 test
//= rfc6525#5.1.2-11 test
//= rfc6525#5.1.2-12 test
//= rfc6525#5.2.7-1 test
//= rfc6525#5.2.7-2 test
//= rfc6525#5.2.7-4 test
//= rfc8831#6.7-1 test
#[test]
fn our_request_names_streams_and_the_last_tsn_and_ends_with_its_answer() {
    let mut played = used();
    played.end.reset_streams(played.now, &[3, 5]).unwrap();
    assert_eq!(
        played.end.send(played.now, 3, pattern(1, 1), SendOptions::default()),
        Err(SendError::Resetting { stream: 3 })
    );
    let said = played.hear();
    let all = params(&said);
    assert_eq!((all.len(), all[0].len(), all[0][0].0), (1, 1, 13));
    let value = &all[0][0].1;
    // Sequence numbers begin with the initial TSN; the last TSN sent is that of the one message.
    assert_eq!((be32(value), be32(&value[8..])), (played.tsn, played.tsn));
    assert_eq!(value[12..], [0, 3, 0, 5]);
    assert_eq!(value.len() + 4, 16 + 2 * 2);
    let deadline = played.end.poll_timeout().unwrap();
    assert!(deadline <= played.now + Config::default().rto_initial);
    // Somebody else's answer, then the right one.
    played.tell(&response(played.tsn.wrapping_sub(1), 1));
    assert!(events(&mut played.end).is_empty());
    played.tell(&response(played.tsn, 1));
    let done = |stream| Event::OutgoingReset { stream, done: true };
    assert_eq!(events(&mut played.end), [done(3), done(5)]);
    assert!(played.end.poll_timeout().unwrap() > deadline, "no timer of the request is left");
    // The next message has number 0 again.
    played.end.send(played.now, 3, pattern(1, 1), SendOptions::default()).unwrap();
    assert!(text(&played.hear()).contains("stream=3 ssn=0"));
}

// One at a time.
//= rfc6525#5.1.1-4 test
//= rfc6525#5.1.1-5 test
#[test]
fn a_second_request_waits_for_the_answer_to_the_first() {
    let mut played = used();
    played.end.reset_streams(played.now, &[3]).unwrap();
    assert_eq!(params(&played.hear()).len(), 1);
    played.end.reset_streams(played.now, &[4]).unwrap();
    assert!(played.hear().is_empty());
    let next = played.tell(&response(played.tsn, 1));
    let all = params(&next);
    assert_eq!((be32(&all[0][0].1), &all[0][0].1[12..]), (played.tsn.wrapping_add(1), &[0, 4][..]));
}

// What is queued for a stream goes out before the request.
#[test]
fn a_request_waits_for_the_data_before_it() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 3, pattern(60_000, 1), SendOptions::default()).unwrap();
    played.end.reset_streams(played.now, &[3]).unwrap();
    assert!(params(&played.hear()).is_empty());
    for k in 0..400u32 {
        let mut said = played.tell(&sack(played.tsn.wrapping_add(k), 100_000, &[]));
        played.now += MS;
        played.end.handle_timeout(played.now);
        said.extend(played.hear());
        if let Some(request) = params(&said).first() {
            let last = be32(&request[0].1[8..]);
            assert!(last.wrapping_sub(played.tsn) >= 52, "every piece has been sent");
            return;
        }
    }
    panic!("no request");
}

//= rfc6525#5.1.1-1 test
//= rfc6525#5.1.1-2 test
//= rfc6525#5.1.1-3 test
//= rfc8831#6.1-3 test
//= rfc8831#6.1-4 test
#[test]
fn resets_are_offered_and_not_asked_of_a_peer_that_did_not_offer_them() {
    let mut played = Played::closed(Config::default());
    let answer = played.say(0, &raw(1, 0, &init_value(&[])));
    let ack = value_of(&answer, 2).unwrap();
    let offered = nomagic_sctp::param::Params::parse(&ack[16..]).unwrap();
    let extensions = offered.iter().find(|p| p.kind.0 == 0x8008).unwrap().value;
    assert!(extensions.contains(&130));
    let mut played = Played::up_with(Config::default(), &[0x80, 8, 0, 5, 192, 0, 0, 0]);
    assert_eq!(played.end.reset_streams(played.now, &[3]), Err(ResetError::Unsupported));
    assert!(played.hear().is_empty());
    // Nor is one of its own heard.
    assert!(played.tell(&raw(130, 0, &outgoing(PEER_TSN, PEER_TSN - 1, &[1]))).is_empty());
}

// reset_outgoing_ssn_passiv: the peer asks.
//= rfc6525#5.1.1-7 test
//= rfc6525#5.1.7-1 test
//= rfc6525#5.1.7-2 test
//= rfc6525#5.1.7-4 test
//= rfc6525#5.1.7-7 test
//= rfc6525#4.4-1 test
//= rfc6525#4.4-2 test
//= rfc6525#5.2.1-4 test
//= rfc6525#5.2.2-6 test
//= rfc6525#5.2.2-7 test
//= rfc6525#5.2.2-9 test
//= rfc6525#5.2.2-10 test
#[test]
fn the_peers_request_begins_the_named_streams_anew_or_all_of_them() {
    for all in [false, true] {
        let mut played = Played::up(Config::default());
        for stream in [1, 2] {
            played.tell(&data(PEER_TSN + u32::from(stream) - 1, 11, stream, 0, b"old"));
        }
        drain(&mut played.end, played.now);
        events(&mut played.end);
        let before = played.end.poll_timeout();
        let streams: &[u16] = if all { &[] } else { &[2] };
        let request = raw(130, 0, &outgoing(PEER_TSN, PEER_TSN + 1, streams));
        let said = played.tell(&request);
        assert_eq!(result_of(&said), (PEER_TSN, 1));
        assert_eq!(params(&said)[0][0].1.len() + 4, 12, "no TSNs");
        assert_eq!(played.end.poll_timeout(), before, "no timer runs for an answer");
        let reset = |stream| Event::IncomingReset { stream };
        assert_eq!(events(&mut played.end), if all { vec![reset(1), reset(2)] } else { vec![reset(2)] });
        // Asked again, told again, and nothing is done twice.
        assert_eq!(params(&played.tell(&request)), params(&said));
        assert!(events(&mut played.end).is_empty());
        played.tell(&data(PEER_TSN + 2, 11, 2, 0, b"new"));
        played.tell(&data(PEER_TSN + 3, 11, 1, if all { 0 } else { 1 }, b"next"));
        assert_eq!(drain(&mut played.end, played.now).len(), 2);
    }
}

//= rfc6525#5.2.2-3 test
//= rfc6525#5.2.2-4 test
//= rfc6525#5.2.2-5 test
//= rfc6525#5.2.2-8 test
#[test]
fn a_reset_waits_for_the_data_sent_before_it() {
    let mut played = Played::up(Config::default());
    played.tell(&data(PEER_TSN, 11, 2, 0, b"a"));
    let said = played.tell(&raw(130, 0, &outgoing(PEER_TSN, PEER_TSN + 1, &[2])));
    assert_eq!(result_of(&said), (PEER_TSN, 6), "in progress");
    played.tell(&data(PEER_TSN + 2, 11, 2, 0, b"new"));
    played.tell(&data(PEER_TSN + 3, 11, 4, 0, b"elsewhere"));
    let got: Vec<_> = drain(&mut played.end, played.now).into_iter().map(|m| m.payload).collect();
    assert_eq!(got, ["a", "elsewhere"]);
    let said = played.tell(&data(PEER_TSN + 1, 11, 2, 1, b"b"));
    assert_eq!(result_of(&said), (PEER_TSN, 1));
    let got: Vec<_> = drain(&mut played.end, played.now).into_iter().map(|m| m.payload).collect();
    assert_eq!(got, ["b", "new"]);
}

// reset_incoming_ssn: the peer asks that we reset.
//= rfc6525#5.1.2-5 test
//= rfc6525#5.1.2-6 test
//= rfc6525#5.2.3-1 test
//= rfc6525#5.2.3-2 test
//= rfc6525#5.2.3-3 test
//= rfc6525#5.2.3-4 test
#[test]
fn asked_to_reset_we_do_with_a_request_that_is_the_answer() {
    for (asked, named) in
        [(&[3u16][..], &[0, 3][..]), (&[], &[0, 3]), (&[7], &[0, 7]), (&[3, 7], &[0, 3, 0, 7])]
    {
        let mut played = used();
        let request = raw(130, 0, &incoming(PEER_TSN, asked));
        let said = played.tell(&request);
        let all = params(&said);
        assert_eq!((all.len(), all[0].len(), all[0][0].0), (1, 1, 13), "{asked:?}: {all:?}");
        let value = &all[0][0].1;
        assert_eq!((be32(value), be32(&value[4..])), (played.tsn, PEER_TSN));
        assert_eq!(&value[12..], named);
        // Asked again meanwhile: it is on its way. Afterwards: it is done.
        assert_eq!(result_of(&played.tell(&request)), (PEER_TSN, 6));
        played.tell(&response(played.tsn, 1));
        assert!(events(&mut played.end).iter().all(|e| matches!(e, Event::OutgoingReset { done: true, .. })));
        assert_eq!(result_of(&played.tell(&request)), (PEER_TSN, 1));
    }
}

// Our request may come later than the next one of the peer; it still answers the first.
#[test]
fn a_request_that_waited_names_the_one_it_answers() {
    let mut played = Played::up(Config::default());
    played.end.send(played.now, 3, pattern(60_000, 1), SendOptions::default()).unwrap();
    played.hear();
    assert!(params(&played.tell(&raw(130, 0, &incoming(PEER_TSN, &[3])))).is_empty(), "data goes first");
    let said = played.tell(&raw(130, 0, &outgoing(PEER_TSN + 1, PEER_TSN - 1, &[1])));
    assert!(params(&said)[0].iter().any(|p| p.0 == 16 && be32(&p.1) == PEER_TSN + 1));
    for k in 0..400u32 {
        let mut said = played.tell(&sack(played.tsn.wrapping_add(k), 100_000, &[]));
        played.now += MS;
        played.end.handle_timeout(played.now);
        said.extend(played.hear());
        if let Some(request) = params(&said).iter().flatten().find(|p| p.0 == 13) {
            assert_eq!((be32(&request.1[4..]), &request.1[12..]), (PEER_TSN, &[0, 3][..]));
            return;
        }
    }
    panic!("no request");
}

// Both at once, in one chunk, as RFC 6525 section 3.1 allows.
//= rfc6525#5.2.1-2 test
#[test]
fn two_requests_in_one_chunk_are_both_answered() {
    let mut played = used();
    played.tell(&data(PEER_TSN, 11, 2, 0, b"x"));
    let both = [outgoing(PEER_TSN, PEER_TSN, &[2]), vec![0, 0], incoming(PEER_TSN + 1, &[3])].concat();
    let said = played.tell(&raw(130, 0, &both));
    let all = params(&said);
    assert!(
        all.iter().any(|c| c.iter().any(|p| p.0 == 16 && be32(&p.1) == PEER_TSN && p.1[7] == 1)),
        "{all:?}"
    );
    let ours = all.iter().flatten().find(|p| p.0 == 13).unwrap();
    assert_eq!(be32(&ours.1[4..]), PEER_TSN + 1);
    // Two answers to one chunk stand in one chunk.
    let mut played = Played::up(Config::default());
    let both =
        [param(18, &words(&[PEER_TSN, 1 << 16])), param(17, &words(&[PEER_TSN + 1, 0xffff << 16]))].concat();
    let said = played.tell(&raw(130, 0, &both));
    assert_eq!(params(&said).iter().map(Vec::len).collect::<Vec<_>>(), [2]);
}

// reset_ssn_tsn_passiv: refused, and with both TSNs.
//= rfc6525#5.1.7-3 test
//= rfc6525#5.1.7-5 test
//= rfc6525#5.2.1-5 test
#[test]
fn a_reset_of_all_numbers_is_refused_with_the_numbers_that_stay() {
    let mut played = used();
    played.tell(&data(PEER_TSN, 11, 2, 0, b"x"));
    let said = played.tell(&raw(130, 0, &param(15, &words(&[PEER_TSN]))));
    let all = params(&said);
    let expected = words(&[PEER_TSN, 2, played.tsn.wrapping_add(1), PEER_TSN + 1]);
    assert_eq!(all[0][0], (16, expected));
}

// add_incoming_streams, and the other way.
//= rfc6525#5.2.5-1 test
//= rfc6525#5.2.5-2 test
//= rfc6525#5.2.6-1 test
#[test]
fn more_streams_of_the_peer_are_taken_up_to_what_we_said_and_more_of_ours_refused() {
    let mut config = Config::default();
    config.inbound_streams = 10;
    let mut played = Played::closed(config);
    let offer = [0x80, 8, 0, 6, 130, 192, 0, 0];
    let (tag, cookie) = played.cookie(&init_with([PEER_TAG, 9999, 0x0004_0004, PEER_TSN], &offer)).unwrap();
    played.tag = tag;
    played.say(tag, &raw(10, 0, &cookie));
    assert_eq!(causes(&played.tell(&data(PEER_TSN, 11, 5, 0, b"x"))), [1]);
    let add = |sequence, count: u32| raw(130, 0, &param(17, &words(&[sequence, count << 16])));
    assert_eq!(result_of(&played.tell(&add(PEER_TSN, 6))), (PEER_TSN, 1));
    assert_eq!(result_of(&played.tell(&add(PEER_TSN, 6))), (PEER_TSN, 1), "repeated, not added again");
    assert_eq!(result_of(&played.tell(&add(PEER_TSN + 1, 1))), (PEER_TSN + 1, 2));
    assert_eq!(kinds(&played.tell(&data(PEER_TSN + 1, 11, 9, 0, b"x"))), [3]);
    assert_eq!(played.end.receive(played.now).unwrap().stream, 9);
    let more_of_ours = raw(130, 0, &param(18, &words(&[PEER_TSN + 2, 4 << 16])));
    assert_eq!(result_of(&played.tell(&more_of_ours)), (PEER_TSN + 2, 2));
}

// Errors.
#[test]
fn requests_that_cannot_be_are_named_as_such() {
    let mut config = Config::default();
    config.inbound_streams = 10;
    config.outbound_streams = 10;
    let mut played = Played::up(config);
    assert_eq!(result_of(&played.tell(&raw(130, 0, &outgoing(PEER_TSN, PEER_TSN, &[10])))), (PEER_TSN, 3));
    assert_eq!(result_of(&played.tell(&raw(130, 0, &incoming(PEER_TSN + 1, &[10])))), (PEER_TSN + 1, 3));
    assert_eq!(result_of(&played.tell(&raw(130, 0, &incoming(PEER_TSN + 2, &[])))), (PEER_TSN + 2, 0));
    // A reset waits for data that does not come; another one meanwhile is refused.
    assert_eq!(
        result_of(&played.tell(&raw(130, 0, &outgoing(PEER_TSN + 3, PEER_TSN + 9, &[1])))),
        (PEER_TSN + 3, 6)
    );
    let said = played.tell(&raw(130, 0, &outgoing(PEER_TSN + 4, PEER_TSN + 9, &[2])));
    assert!(params(&said)[0].iter().any(|p| be32(&p.1) == PEER_TSN + 4 && p.1[7] == 4));
    let said = played.tell(&raw(130, 0, &outgoing(PEER_TSN + 77, PEER_TSN, &[1])));
    assert!(
        params(&said)[0].iter().any(|p| be32(&p.1) == PEER_TSN + 77 && p.1[7] == 5),
        "bad sequence number"
    );
}

// The peer says that it is at it: asking goes on, and does not count.
//= rfc6525#5.2.7-3 test
#[test]
fn a_peer_that_is_at_it_may_take_its_time() {
    let mut config = Config::default();
    config.max_retransmits = 3;
    let mut played = Played::up(config);
    played.end.reset_streams(played.now, &[3]).unwrap();
    let request = params(&played.hear());
    played.tell(&response(played.tsn, 6));
    let mut repeated = 0;
    for _ in 0..12 {
        let said = played.wait();
        repeated += usize::from(params(&said) == request);
        // It answers HEARTBEATs and nothing else.
        if let Some(value) = value_of(&said, 4) {
            played.tell(&raw(5, 0, &value));
        }
    }
    assert!(repeated > 5, "{repeated}");
    played.tell(&response(played.tsn, 1));
    assert!(events(&mut played.end).contains(&Event::OutgoingReset { stream: 3, done: true }));
}

// What the peer says to our request, result by result (RFC 6525 section 4.4). Those it does not know are failures.
#[test]
fn each_result_ends_our_request_as_it_says() {
    for (result, done) in
        [(0, true), (1, true), (2, false), (3, false), (4, false), (5, false), (7, false), (u32::MAX, false)]
    {
        let mut played = used();
        played.end.reset_streams(played.now, &[3]).unwrap();
        played.hear();
        played.tell(&response(played.tsn, result));
        assert_eq!(events(&mut played.end), [Event::OutgoingReset { stream: 3, done }], "{result}");
        // Said again it is about nothing, and the stream can be used: from 0 on, or as if nothing had been asked.
        played.tell(&response(played.tsn, result));
        assert!(events(&mut played.end).is_empty());
        played.end.send(played.now, 3, pattern(1, 1), SendOptions::default()).unwrap();
        let said = text(&played.hear());
        assert!(said.contains(if done { "stream=3 ssn=0" } else { "stream=3 ssn=1" }), "{result} {said}");
    }
}
