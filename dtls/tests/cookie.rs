//! The cookie exchange: at the gate, before there is a connection, and inside one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_dtls::handshake::{ClientHello, FragmentHeader, HelloVerifyRequest, MessageType};
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, Version};
use nomagic_dtls::{CloseReason, Connection, CookieGate, GateConfig, SessionCache, Summary, Verdict};
use nomagic_testkit::alloc::assert_none;
use nomagic_testkit::clock::origin;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;
use nomagic_testkit::rng;
use rand::Rng;

const HERE: &[u8] = b"192.0.2.1:4433";

fn gate() -> CookieGate {
    CookieGate::new(GateConfig::default(), &mut rng(50))
}

fn keeping(kept_hellos: usize) -> GateConfig {
    let mut config = GateConfig::default();
    config.kept_hellos = kept_hellos;
    config
}

fn hello() -> Vec<u8> {
    flight(&mut Peer::new(client_config(), 1), origin()).remove(0)
}

/// What the gate answers with.
fn request(gate: &mut CookieGate, source: &[u8], datagram: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(matches!(gate.check(origin(), source, datagram, &mut out), Verdict::Verify));
    out
}

/// A client's first hello, and the second one that answers the gate's request.
fn both_hellos(gate: &mut CookieGate, source: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut client = Peer::new(client_config(), 1);
    let first = flight(&mut client, origin()).remove(0);
    deliver(&mut client, origin(), &[request(gate, source, &first)]);
    (first, flight(&mut client, origin()).remove(0))
}

/// The body of the hello in a datagram.
fn body(datagram: &[u8]) -> Vec<u8> {
    FragmentHeader::parse(&datagram[HEADER_LEN..]).unwrap().1.to_vec()
}

/// A hello in fragments of these octets of its body, one in a datagram.
fn fragmented(datagram: &[u8], size: usize) -> Vec<Vec<u8>> {
    let record = Header::parse(datagram).unwrap();
    let (message, body, _) = FragmentHeader::parse(&datagram[HEADER_LEN..]).unwrap();
    let parts = body.chunks(size).enumerate().map(|(index, part)| {
        let (offset, length) = (u32::try_from(index * size).unwrap(), u32::try_from(part.len()).unwrap());
        let mut out = Vec::new();
        let sequence = record.sequence + index as u64;
        Header { sequence, length: u16::try_from(part.len() + 12).unwrap(), ..record }.encode(&mut out);
        FragmentHeader { offset, length, ..message }.encode(&mut out);
        out.extend(part);
        out
    });
    parts.collect()
}

/// RFC 6347 section 4.2.1: the request has the numbers of the hello that it answers, since nothing is remembered, and is
/// shorter. D46.
//= rfc6347#4.2.1-3 test
//= rfc6347#4.2.1-10 test
//= rfc6347#4.2.1-11 test
#[test]
fn the_gate_asks_for_a_cookie_and_remembers_nothing() {
    let mut gate = gate();
    for (record_sequence, message_sequence) in [(0, 0), (7, 0), (1 << 40, 1)] {
        let mut hello = hello();
        hello[5..11].copy_from_slice(&u64::to_be_bytes(record_sequence)[2..]);
        hello[HEADER_LEN + 5] = message_sequence;
        let answer = request(&mut gate, HERE, &hello);
        assert!(answer.len() < hello.len() && answer.len() == CookieGate::REQUEST_LEN);
        let (record, content) = Records::new(&answer).next().unwrap().unwrap();
        assert_eq!((record.sequence, record.version), (record_sequence, Version::DTLS_1_0));
        let (message, body, _) = FragmentHeader::parse(content).unwrap();
        assert_eq!(message.kind, MessageType::HELLO_VERIFY_REQUEST);
        assert_eq!(message.sequence, u16::from(message_sequence));
        let asked = HelloVerifyRequest::parse(body).unwrap();
        assert_eq!((asked.version, asked.cookie.len()), (Version::DTLS_1_0, 32));
    }
    assert_eq!((gate.stats().verify_requests, gate.stats().accepted), (3, 0));
}

/// A handshake through the gate: one round trip more, and the server goes on with the client's numbers.
//= rfc6347#4.2.1-12 test
//= rfc6347#4.2.1-13 test
#[test]
fn a_handshake_through_the_gate_completes() {
    let door = Door::new(GateConfig::default(), server_config());
    let client = Peer::new(client_config(), 1);
    let mut pair = Pair::new(client, door, || Link::latency(10 * MS), 3);
    pair.run_until(|pair| pair.a.connected.is_some());
    assert_eq!(pair.elapsed(), 60 * MS);
    assert!(pair.z.peer.as_ref().unwrap().connected.is_some());
    let back: Vec<_> = pair
        .ladder()
        .rungs()
        .filter(|rung| rung.way == nomagic_testkit::ladder::Way::Back)
        .flat_map(|rung| records(std::slice::from_ref(&rung.datagram)))
        .map(|record| (Header::parse(&record).unwrap(), record.get(HEADER_LEN + 5).copied().unwrap_or(0)))
        .collect();
    let numbers: Vec<_> = back.iter().map(|(header, _)| (header.epoch, header.sequence)).collect();
    assert_eq!(numbers[..3], [(0, 0), (0, 1), (0, 2)], "request, ServerHello, Certificate");
    assert_eq!((back[0].1, back[1].1, back[2].1), (0, 1, 2), "and so do the messages");
    assert_eq!(pair.z.gate.stats().accepted, 1);
}

/// D30: a cookie is for one address and one hello; a wrong one is as good as none, and changes nothing.
//= rfc6347#4.2.1-7 test
//= rfc6347#4.2.1-19 test
#[test]
fn a_cookie_opens_the_gate_from_its_own_address_only() {
    let mut gate = gate();
    let (_, second) = both_hellos(&mut gate, HERE);
    let mut out = Vec::new();
    assert!(matches!(gate.check(origin(), b"192.0.2.2:4433", &second, &mut out), Verdict::Verify));
    assert!(matches!(gate.check(origin(), b"192.0.2.1:4434", &second, &mut out), Verdict::Verify));
    let mut changed = second.clone();
    // The last octet of the random.
    changed[HEADER_LEN + 12 + 33] ^= 1;
    assert!(matches!(gate.check(origin(), HERE, &changed, &mut out), Verdict::Verify));
    assert_eq!(gate.stats().wrong_cookies, 3);
    assert!(matches!(gate.check(origin(), HERE, &second, &mut out), Verdict::Accept(_)));
    let mut other = CookieGate::new(GateConfig::default(), &mut rng(51));
    assert!(matches!(other.check(origin(), HERE, &second, &mut out), Verdict::Verify));
}

/// D30: extensions may differ between the hellos.
#[test]
fn a_cookie_is_not_bound_to_extensions() {
    let mut gate = gate();
    let (_, second) = both_hellos(&mut gate, HERE);
    let body = body(&second);
    let hello = ClientHello::parse(&body).unwrap();
    let without = ClientHello { extensions: nomagic_dtls::extension::Extensions::NONE, ..hello };
    let mut message = Vec::new();
    let total = u32::try_from(without.encoded_len()).unwrap();
    FragmentHeader::whole(MessageType::CLIENT_HELLO, 1, total).encode(&mut message);
    without.encode(&mut message);
    let mut datagram = Vec::new();
    let length = u16::try_from(message.len()).unwrap();
    Header { length, ..Header::parse(&second).unwrap() }.encode(&mut datagram);
    datagram.extend(message);
    assert!(matches!(gate.check(origin(), HERE, &datagram, &mut Vec::new()), Verdict::Accept(_)));
}

/// D30: the secret before is good for one period more.
#[test]
fn secrets_change_and_cookies_live_for_one_to_two_periods() {
    for (age, opens) in [(0, true), (59, true), (61, true), (119, true), (121, false), (3600, false)] {
        for others_come in [true, false] {
            // The first period begins with the first hello.
            let mut gate = gate();
            let (_, second) = both_hellos(&mut gate, HERE);
            for seconds in (1..age).filter(|_| others_come) {
                let now = origin() + Duration::from_secs(seconds);
                gate.check(now, b"elsewhere", &hello(), &mut Vec::new());
            }
            let now = origin() + Duration::from_secs(age);
            let verdict = gate.check(now, HERE, &second, &mut Vec::new());
            assert_eq!(matches!(verdict, Verdict::Accept(_)), opens, "after {age} s, others {others_come}");
        }
    }
}

/// D31: a hello for another version has to show a cookie all the same.
#[test]
fn no_version_gets_past_the_gate_without_a_cookie() {
    let mut gate = gate();
    for version in [0xfeff_u16, 0xfefd, 0xfefc, 0x0100, 0x0303, 0xffff, 0] {
        let mut hello = hello();
        hello[HEADER_LEN + 12..][..2].copy_from_slice(&version.to_be_bytes());
        request(&mut gate, HERE, &hello);
    }
    assert_eq!(gate.stats().accepted, 0);
}

/// Nothing but a hello in plaintext gets an answer; D31, D32, D36.
#[test]
fn what_is_no_hello_gets_no_answer() {
    let mut gate = gate();
    let mut hears_nothing = |datagram: &[u8], why: &str| {
        let mut out = Vec::new();
        assert!(matches!(gate.check(origin(), HERE, datagram, &mut out), Verdict::Drop), "{why}");
        assert!(out.is_empty());
    };
    let hello = hello();
    for (at, value, why) in [
        (0, 23, "payload"),
        (0, 21, "an alert"),
        (4, 1, "another epoch"),
        (1, 3, "another protocol"),
        (HEADER_LEN, 2, "a ServerHello"),
        (HEADER_LEN + 4, 1, "the 256th message"),
        (HEADER_LEN + 1, 1, "a hello of 64 KB"),
        (HEADER_LEN + 12 + 34, 33, "a session of 33 octets"),
        (HEADER_LEN + 12 + 37, 3, "an odd list of suites"),
        (HEADER_LEN + 12 + 37, 0xff, "suites beyond the end"),
    ] {
        let mut changed = hello.clone();
        changed[at] = value;
        hears_nothing(&changed, why);
    }
    for cut in 0..hello.len() {
        hears_nothing(&hello[..cut], "cut");
    }
    let mut dice = rng(9);
    for length in 0..400 {
        let mut noise = vec![0; length];
        dice.fill_bytes(&mut noise);
        hears_nothing(&noise, "noise");
    }
}

/// Neither asking nor accepting nor dropping allocates anything.
#[test]
fn the_gate_allocates_nothing() {
    let mut gate = gate();
    let (first, second) = both_hellos(&mut gate, HERE);
    let mut out = Vec::with_capacity(CookieGate::REQUEST_LEN);
    let start = origin();
    assert_none(|| {
        for round in 0..200 {
            let now = start + Duration::from_secs(round);
            out.clear();
            gate.check(now, HERE, &first, &mut out);
            gate.check(now, HERE, &second[..second.len() - 1], &mut out);
            out.clear();
            gate.check(now, HERE, &second, &mut out);
        }
    });
    assert!(gate.stats().accepted > 50 && gate.stats().wrong_cookies > 50);
}

/// What browsers send: the start of a hello shows the cookie, however long the rest is, and nothing has to be kept.
#[test]
fn a_long_hello_passes_a_gate_that_keeps_nothing() {
    let door = Door::new(GateConfig::default(), server_config());
    let mut pair = Pair::new(Peer::new(wordy_client(), 1), door, || Link::latency(10 * MS), 3);
    pair.run_until(|pair| pair.a.connected.is_some());
    assert_eq!(pair.elapsed(), 60 * MS);
    let stats = pair.z.gate.stats();
    assert_eq!((stats.verify_requests, stats.accepted, stats.fragments_kept), (1, 1, 0));
}

/// D22: in any number of fragments, backwards and each twice, where fragments are kept.
#[test]
fn a_hello_in_any_number_of_fragments_passes_a_gate_that_keeps_them() {
    for size in [2, 3, 5, 10, 34, 40, 60, 100] {
        let mut door = Door::new(keeping(4), server_config());
        let mut client = Peer::new(client_config(), 1);
        for backwards in [true, false] {
            let mut parts = fragmented(&flight(&mut client, origin())[0], size);
            if backwards {
                parts.reverse();
            }
            for part in parts.iter().flat_map(|part| [part, part]) {
                door.handle_input(origin(), &mut part.clone());
            }
            let answers = outbox(&mut door, origin());
            deliver(&mut client, origin(), &answers);
        }
        let flight5 = flight(&mut client, origin());
        flight5.iter().for_each(|datagram| door.handle_input(origin(), &mut datagram.clone()));
        assert!(door.peer.unwrap().connected.is_some(), "fragments of {size} octets");
    }
}

/// Fragments of two hellos do not make one, though they are of the same length.
#[test]
fn fragments_of_different_hellos_stay_apart() {
    let mut gate = CookieGate::new(keeping(4), &mut rng(1));
    let parts = fragmented(&hello(), 34);
    let mut out = Vec::new();
    assert!(matches!(gate.check(origin(), HERE, &parts[1], &mut out), Verdict::Drop));
    let mut later = parts[0].clone();
    // The start of the next one, of which there is not enough yet.
    later[HEADER_LEN + 5] = 1;
    assert!(matches!(gate.check(origin(), HERE, &later, &mut out), Verdict::Drop));
    assert_eq!(gate.stats().fragments_kept, 2);
    // The same number: with the fragment before, it would be enough.
    let mut gate = CookieGate::new(keeping(4), &mut rng(1));
    gate.check(origin(), HERE, &parts[1], &mut out);
    assert!(matches!(gate.check(origin(), HERE, &parts[0], &mut out), Verdict::Verify));
}

/// What is kept is bounded in number and size, and a flood from other addresses does not keep a client out whose fragments
/// come one after the other.
#[test]
fn a_flood_of_fragments_is_bounded_and_keeps_nobody_out() {
    let part = |from: &Vec<Vec<u8>>, index: usize| from[index].clone();
    let mut gate = CookieGate::new(keeping(8), &mut rng(50));
    let mut client = Peer::new(client_config(), 1);
    // The start of a hello takes more than one of them.
    let hello = fragmented(&flight(&mut client, origin()).remove(0), 20);
    let peak = nomagic_testkit::alloc::count(|| {
        for number in 0..5000_u32 {
            gate.check(origin(), &number.to_be_bytes(), &part(&hello, 1), &mut Vec::new());
        }
    });
    assert!(peak.peak < 8 * 5000, "{peak:?}");
    let (mut out, mut now) = (Vec::new(), origin());
    for index in (0..hello.len()).rev() {
        for number in 0..6_u32 {
            now += MS;
            gate.check(now, &number.to_be_bytes(), &part(&hello, 1), &mut Vec::new());
        }
        gate.check(now, HERE, &hello[index], &mut out);
    }
    assert_eq!(out.len(), CookieGate::REQUEST_LEN);
}

/// Whoever sends fragments in a client's name does not spoil the hello that comes in one piece.
#[test]
fn a_whole_hello_needs_no_fragments_of_others() {
    let mut door = Door::new(keeping(4), server_config());
    let mut client = Peer::new(client_config(), 1);
    for _ in 0..2 {
        let hello = flight(&mut client, origin()).remove(0);
        let mut evil = fragmented(&hello, 20).remove(3);
        evil[HEADER_LEN + 12..].fill(0xee);
        door.handle_input(origin(), &mut evil);
        door.handle_input(origin(), &mut hello.clone());
        deliver(&mut client, origin(), &outbox(&mut door, origin()));
    }
    flight(&mut client, origin()).iter().for_each(|d| door.handle_input(origin(), &mut d.clone()));
    assert!(door.peer.unwrap().connected.is_some());
}

/// D33: a hello from another address, or for this one but forged, does not disturb a session.
#[test]
fn hellos_of_others_do_not_disturb_a_session() {
    let door = Door::new(GateConfig::default(), server_config());
    let mut pair = Pair::new(Peer::new(client_config(), 1), door, || Link::latency(10 * MS), 3);
    pair.run_until(|pair| pair.a.connected.is_some());
    let mut null_suites = hello();
    let at = HEADER_LEN + 12 + 38;
    null_suites[at..at + 2].copy_from_slice(&[0, 0]);
    for source in [HERE, b"203.0.113.9:1"] {
        let mut out = Vec::new();
        let verdict = pair.z.gate.check(pair.now(), source, &null_suites, &mut out);
        assert!(matches!(verdict, Verdict::Verify));
    }
    let now = pair.now();
    pair.a.send(now, b"still here");
    pair.run_for(MS * 100);
    assert_eq!(pair.z.peer.as_ref().unwrap().received, [b"still here"]);
}

/// D34: a client that begins anew from the same port. The old connection lives until the new one is complete; then it is
/// for the caller to drop it.
//= rfc6347#4.2.8-1 test
#[test]
fn a_client_that_begins_anew_does_not_end_the_old_connection_before_its_time() {
    let mut door = Door::new(GateConfig::default(), server_config());
    let exchange = |client: &mut Peer, door: &mut Door| {
        for _ in 0..4 {
            for datagram in flight(client, origin()) {
                door.handle_input(origin(), &mut datagram.clone());
            }
            let answers = outbox(door, origin());
            deliver(client, origin(), &answers);
        }
    };
    let mut old_client = Peer::new(client_config(), 1);
    exchange(&mut old_client, &mut door);
    let mut old = door.peer.take().unwrap();
    assert!(old.connected.is_some());

    // The same gate, the same address, another client. Only what is a hello goes through the gate.
    let mut new_client = Peer::new(client_config(), 77);
    let first = flight(&mut new_client, origin()).remove(0);
    old.handle_input(origin(), &mut first.clone());
    door.handle_input(origin(), &mut first.clone());
    assert!(door.peer.is_none(), "a first hello makes no connection");
    deliver(&mut new_client, origin(), &outbox(&mut door, origin()));
    let second = flight(&mut new_client, origin()).remove(0);
    door.handle_input(origin(), &mut second.clone());
    assert!(door.peer.is_some() && old.closed.is_none());
    let record = old_client.seal(origin(), b"the old one lives");
    deliver(&mut old, origin(), &[record]);
    assert_eq!(old.received, [b"the old one lives"]);
    deliver(&mut new_client, origin(), &outbox(&mut door, origin()));
    exchange(&mut new_client, &mut door);
    assert!(new_client.connected.is_some() && door.peer.unwrap().connected.is_some());
}

/// Without a gate and without ICE the connection itself asks.
//= rfc6347#4.2.1-14 test
//= rfc6347#4.2.1-16 test
#[test]
fn a_connection_asks_for_a_cookie_unless_the_address_is_proven() {
    for (address_validated, cookies, asks) in
        [(false, true, true), (true, true, false), (false, false, false), (true, false, false)]
    {
        let mut config = server_config();
        config.address_validated = address_validated;
        assert!(config.cookies, "it is the default");
        config.cookies = cookies;
        let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(config, 2));
        let first = flight(&mut client, origin());
        deliver(&mut server, origin(), &first);
        let answer = flight(&mut server, origin());
        let words = Summary(&answer[0]).to_string();
        assert_eq!(words == "HelloVerifyRequest cookie=32", asks, "{words}");
        if asks {
            assert_eq!(answer.len(), 1);
            deliver(&mut client, origin(), &answer);
            deliver(&mut server, origin(), &flight(&mut client, origin()));
            assert_eq!(records(&flight(&mut server, origin())).len(), 5);
            assert_eq!(
                server.poll_timeout(),
                Some(origin() + Duration::from_secs(1)),
                "flight 4 has a timer"
            );
        }
    }
}

/// The request is said again when the hello is, with its record's number; never by a timer of the server's.
#[test]
fn a_lost_request_for_a_cookie_comes_when_the_client_asks_again() {
    let mut config = server_config();
    config.address_validated = false;
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(config, 2));
    let mut now = origin();
    for round in 0..4 {
        deliver(&mut server, now, &flight(&mut client, now));
        let answer = flight(&mut server, now);
        assert_eq!(answer.len(), 1);
        assert_eq!(Header::parse(&answer[0]).unwrap().sequence, round);
        now = client.poll_timeout().unwrap();
        server.handle_timeout(now);
        assert!(flight(&mut server, now).is_empty());
        client.handle_timeout(now);
    }
    deliver(&mut server, now, &flight(&mut client, now));
    let request = flight(&mut server, now);
    deliver(&mut client, now, &request);
    deliver(&mut server, now, &flight(&mut client, now));
    deliver(&mut client, now, &flight(&mut server, now));
    deliver(&mut server, now, &flight(&mut client, now));
    assert!(server.connected.is_some());
}

/// A malformed hello is answered, and the server waits on for a better one, from whomever: before and after a cookie.
#[test]
fn a_malformed_hello_does_not_end_a_waiting_server() {
    for address_validated in [true, false] {
        let mut config = server_config();
        config.address_validated = address_validated;
        let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(config, 2));
        let (mut received, mut sent) = (0, 0);
        while client.connected.is_none() {
            for datagram in flight(&mut client, origin()) {
                if server.connected.is_none() && datagram[HEADER_LEN] == MessageType::CLIENT_HELLO.0 {
                    for _ in 0..3 {
                        let mut bad = datagram.clone();
                        // An odd list of suites.
                        let cookie = usize::from(bad[HEADER_LEN + 12 + 35]);
                        bad[HEADER_LEN + 12 + 37 + cookie] ^= 1;
                        received += bad.len();
                        server.handle_input(origin(), &mut bad);
                        let answer = flight(&mut server, origin());
                        sent += answer.concat().len();
                        assert_eq!(Summary(&answer[0]).to_string(), "Alert fatal decode_error");
                    }
                }
                received += datagram.len();
                server.handle_input(origin(), &mut datagram.clone());
            }
            let answers = flight(&mut server, origin());
            sent += answers.concat().len();
            assert!(sent <= 3 * received || address_validated);
            deliver(&mut client, origin(), &answers);
        }
        assert_eq!(server.closed, None::<CloseReason>);
        assert_eq!(server.connection.stats().refused_hellos, if address_validated { 3 } else { 6 });
    }
}

/// An admission is for servers; whoever hands it to a client has a client.
#[test]
fn an_admission_means_nothing_to_a_client() {
    let mut gate = gate();
    let (_, second) = both_hellos(&mut gate, HERE);
    let Verdict::Accept(admission) = gate.check(origin(), HERE, &second, &mut Vec::new()) else { panic!() };
    assert_eq!(format!("{admission:?}"), "Admission(message 1)");
    let mut client = Peer::of(Connection::admitted(client_config(), admission, &mut rng(1)));
    let (record, content) = (flight(&mut client, origin()), ContentType::HANDSHAKE);
    assert_eq!(Header::parse(&record[0]).unwrap().content_type, content);
    assert_eq!(record[0][HEADER_LEN + 5], 0, "its hello is message 0");
}

/// A hello of somebody else, in the name of the client's address.
fn rogue(sequence: u16, total: u32, offset: u32, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let length = u32::try_from(body.len()).unwrap();
    FragmentHeader { kind: MessageType::CLIENT_HELLO, total, sequence, offset, length }.encode(&mut content);
    content.extend(body);
    let mut datagram = Vec::new();
    let length = u16::try_from(content.len()).unwrap();
    let (content_type, version) = (ContentType::HANDSHAKE, Version::DTLS_1_0);
    Header { content_type, version, epoch: 0, sequence: 9, length }.encode(&mut datagram);
    datagram.extend(content);
    datagram
}

/// Who cannot show a cookie leaves nothing behind in a server that asks for one: not with the start of another hello, not
/// with many hellos, not with one that is far ahead. D33.
#[test]
fn strangers_do_not_keep_a_client_from_a_server_that_asks_for_cookies() {
    let whole = hello()[HEADER_LEN + 12..].to_vec();
    let total = u32::try_from(whole.len()).unwrap();
    let starts: Vec<_> = (0..3).map(|sequence| rogue(sequence, 5000, 0, &[0xfe; 40])).collect();
    let ends: Vec<_> = (0..3).map(|sequence| rogue(sequence, 5000, 400, &[0xfe; 40])).collect();
    let many: Vec<_> = (0..12).map(|sequence| rogue(sequence, total, 0, &whole)).collect();
    let far = vec![rogue(u16::MAX, total, 0, &whole)];
    // Suites that nobody has: the list begins behind version, random, session and cookie.
    let mut null = whole.clone();
    let suites = usize::from(u16::from_be_bytes([whole[36], whole[37]]));
    null[38..38 + suites].fill(0);
    let null = vec![rogue(0, total, 0, &null)];
    for (name, rogues) in [("starts", starts), ("ends", ends), ("many", many), ("far", far), ("null", null)] {
        for config in [client_config(), wordy_client()] {
            let mut server = server_config();
            server.address_validated = false;
            let mut server = Peer::new(server, 2);
            for datagram in &rogues {
                deliver(&mut server, origin(), std::slice::from_ref(datagram));
                flight(&mut server, origin());
            }
            let (mut client, mut now) = (Peer::new(config, 1), origin());
            while client.connected.is_none() {
                deliver(&mut server, now, &flight(&mut client, now));
                let answers = flight(&mut server, now);
                if answers.is_empty() {
                    now = client.poll_timeout().unwrap();
                    client.handle_timeout(now);
                    assert!(
                        now < origin() + Duration::from_secs(20),
                        "{name}: {:?}",
                        server.connection.stats()
                    );
                }
                deliver(&mut client, now, &answers);
            }
            assert!(server.connected.is_some());
        }
    }
}

/// Periods and time limits of any length: what is too long for the clock never ends.
#[test]
fn durations_without_end_are_allowed() {
    let mut config = GateConfig::default();
    config.secret_period = Duration::MAX;
    let mut gate = CookieGate::new(config, &mut rng(1));
    let (_, second) = both_hellos(&mut gate, HERE);
    assert!(matches!(gate.check(origin(), HERE, &second, &mut Vec::new()), Verdict::Accept(_)));
    let (mut client, mut server) = (client_config(), server_config());
    for config in [&mut client, &mut server] {
        (config.handshake_timeout, config.initial_timeout) = (Duration::MAX, Duration::MAX);
    }
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.a.connection.set_round_trip(pair.now(), Duration::MAX);
    pair.run_until(both_connected);
    let _ = SessionCache::new(1, Duration::MAX);
}
