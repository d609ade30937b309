//! What needs a look inside, or a client that says more than ours does.

#[path = "../../tests/common/mod.rs"]
mod common;

use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;
use nomagic_testkit::rng;
use rand::Rng;

use self::common::*;
use super::*;
use crate::extension::{ExtensionType, put};
use crate::flight::Flight;
use crate::handshake::FragmentHeader;
use crate::keys::Transcript;
use crate::layer::RecordLayer;
use crate::record::Header;

/// The extensions of a browser's hello: a DTLS 1.3 offer with a hybrid key share, GREASE, and what else they have.
fn browser_extensions(config: &Config) -> Vec<u8> {
    let mut hybrid = [0; 1184 + 32];
    rng(9).fill_bytes(&mut hybrid);
    let mut out = Vec::new();
    put(&mut out, ExtensionType(0x2a2a), |_| ());
    out.extend(client::offered_extensions(config));
    put(&mut out, ExtensionType::SUPPORTED_VERSIONS, |out| {
        out.extend([6, 0x3a, 0x3a, 0xfe, 0xfc, 0xfe, 0xfd]);
    });
    put(&mut out, ExtensionType::KEY_SHARE, |out| {
        out.extend([0x04, 0xc9, 0x4a, 0x4a, 0, 1, 0, 0x11, 0xec, 0x04, 0xc0]);
        out.extend(hybrid);
    });
    put(&mut out, ExtensionType(45), |out| out.extend([1, 1]));
    put(&mut out, ExtensionType(35), |_| ());
    put(&mut out, ExtensionType(16), |out| out.extend(*b"\x00\x09\x06webrtc\x01h"));
    put(&mut out, ExtensionType(0xaaaa), |out| out.push(0));
    out
}

/// A client with a browser's hello, which does not fit one datagram.
fn browser() -> Peer {
    let mut connection = Connection::new(client_config(), &mut rng(1));
    let config = &connection.context.config;
    let extensions = browser_extensions(config);
    connection.context.flight = Flight::new(config.initial_timeout, config.path_mtu);
    connection.context.transcript = Transcript::default();
    let state = client::State::start_with(&mut connection.context, extensions);
    let Stage::Handshake(handshake) = &mut connection.stage else { panic!("it begins with a handshake") };
    handshake.state = Side::Client(state);
    Peer::of(connection)
}

fn browser_pair(link: impl Fn() -> Link) -> Pair<Peer, Peer> {
    Pair::new(browser(), Peer::new(server_config(), 2), link, 3)
}

/// What browsers send: the server puts the hello together, steps over versions, groups, shares and extensions that it
/// does not know, and answers with DTLS 1.2.
#[test]
fn a_browsers_hello_in_two_fragments_is_answered() {
    let hello = flight(&mut browser(), nomagic_testkit::clock::origin());
    assert_eq!(hello.len(), 2);
    let mut pair = browser_pair(|| Link::latency(10 * MS));
    pair.run_until(both_connected);
    assert_eq!(pair.elapsed(), 40 * MS);
    assert_talks(&mut pair);
}

/// D44 with a fragmented hello: every loss of one and of two datagrams of the first eight each way.
#[test]
fn a_browsers_handshake_survives_every_double_loss() {
    let both: Vec<(bool, usize)> = (0..8).flat_map(|number| [(true, number), (false, number)]).collect();
    for first in &both {
        for second in &both {
            let lost = |out| {
                let numbers: Vec<usize> =
                    [first, second].into_iter().filter(|l| l.0 == out).map(|l| l.1).collect();
                Link::latency(10 * MS).drop_numbers(numbers)
            };
            let z = Peer::new(server_config(), 2);
            let mut pair = Pair::with_links(browser(), z, lost(true), lost(false), 3);
            pair.run_until(both_connected);
            assert!(pair.elapsed() < Duration::from_secs(8), "{first:?} {second:?}: {:?}", pair.elapsed());
        }
    }
}

/// D7 at the border: the connection ends with a name, and the caller is told.
#[test]
fn used_up_keys_close_the_connection() {
    let mut pair = connected_pair();
    let now = pair.now();
    pair.a.connection.context.layer.skip_to(crate::record::MAX_SEQUENCE);
    pair.a.send(now, b"last");
    pair.run_for(MS * 100);
    assert_eq!(pair.z.received, [b"last"]);
    let (mut out, at) = (vec![0; 30], pair.a.connection.headroom());
    assert_eq!(pair.a.connection.seal(now, &mut out, at), Err(SealError::KeysExhausted));
    assert_eq!(pair.a.connection.seal(now, &mut out, at), Err(SealError::Closed));
    pair.a.handle_timeout(now);
    assert_eq!(pair.a.closed, Some(CloseReason::KeysExhausted));
    assert!(pair.a.is_closed());
}

/// Two ends after their handshake, and nothing else.
fn ends(client: Config, server: Config) -> [Connection; 2] {
    let mut client = Connection::new(client, &mut rng(1));
    let mut server = Connection::new(server, &mut rng(2));
    let (now, mut out) = (nomagic_testkit::clock::origin(), Vec::new());
    while client.connected().is_none() || server.connected().is_none() {
        while client.poll_transmit(now, &mut out).is_some() {
            server.handle_input(now, &mut out);
            out.clear();
        }
        while server.poll_transmit(now, &mut out).is_some() {
            client.handle_input(now, &mut out);
            out.clear();
        }
    }
    [client, server]
}

/// What an established connection holds, on the heap and by itself.
#[test]
fn an_established_connection_holds_less_than_four_kilobytes() {
    drop(ends(client_config(), server_config()));
    let mut kept = None;
    let held = nomagic_testkit::alloc::count(|| kept = Some(ends(client_config(), server_config()))).held;
    let each = usize::try_from(held).unwrap() / 2 + size_of::<Connection>();
    assert!((1000..4096).contains(&each), "{each} octets");
}

/// D28: what waited for a handshake is gone with it: fragments of messages that never became whole, records that never
/// could be opened.
#[test]
fn what_waited_is_freed_when_the_handshake_ends() {
    drop(ends(client_config(), server_config()));
    let held = |junk: bool| {
        let mut kept = None;
        let count = nomagic_testkit::alloc::count(|| {
            let mut server = Connection::new(server_config(), &mut rng(2));
            let mut client = Connection::new(client_config(), &mut rng(1));
            let (now, mut out) = (nomagic_testkit::clock::origin(), Vec::new());
            client.poll_transmit(now, &mut out);
            server.handle_input(now, &mut out);
            for sequence in 6..8 {
                let mut plain = RecordLayer::default();
                let mut fragment = Vec::new();
                plain.put(0, ContentType::HANDSHAKE, Version::DTLS_1_2, &mut fragment, |out| {
                    FragmentHeader { length: 8000, ..FragmentHeader::whole(MessageType(9), sequence, 9000) }
                        .encode(out);
                    out.resize(out.len() + 8000, 7);
                });
                if junk {
                    server.handle_input(now, &mut fragment);
                    // A record that claims to be protected.
                    let mut locked =
                        [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 3, 232][..], &[7; 1000]].concat();
                    server.handle_input(now, &mut locked);
                }
            }
            out.clear();
            while server.connected().is_none() {
                while server.poll_transmit(now, &mut out).is_some() {
                    client.handle_input(now, &mut out);
                    out.clear();
                }
                while client.poll_transmit(now, &mut out).is_some() {
                    server.handle_input(now, &mut out);
                    out.clear();
                }
            }
            kept = Some(server);
        });
        assert!(!junk || count.peak > 16_000, "{count:?}");
        count.held
    };
    assert_eq!(held(true), held(false));
}

/// The first reason counts, also within a datagram, and the answer to it is sent.
#[test]
fn what_follows_a_farewell_in_its_datagram_means_nothing() {
    let mut pair = connected_pair();
    let (now, mut out) = (pair.now(), Vec::new());
    for alert in [Alert::CLOSE_NOTIFY, Alert::fatal(AlertDescription::INTERNAL_ERROR)] {
        pair.z.connection.put_alert(alert, &mut out);
    }
    pair.a.handle_input(now, &mut out);
    assert_eq!(pair.a.closed, Some(CloseReason::Peer));
    assert_eq!(flight(&mut pair.a, now).len(), 1, "our own close_notify");
    assert!(pair.a.is_closed());
}

/// Numbers of records do not run out because a hello had the last one there is.
#[test]
fn a_hello_with_the_last_number_is_not_followed() {
    for (sequence, first) in [(1 << 40, 1 << 40), ((1 << 40) + 1, 0), (crate::record::MAX_SEQUENCE, 0)] {
        let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
        let now = nomagic_testkit::clock::origin();
        let mut hello = flight(&mut client, now).remove(0);
        hello[5..11].copy_from_slice(&u64::to_be_bytes(sequence)[2..]);
        server.handle_input(now, &mut hello);
        let answer = flight(&mut server, now);
        assert_eq!(Header::parse(&answer[0]).unwrap().sequence, first);
    }
}

/// Whoever shows the keys gets what is sent to its address: a server is not bound to three octets for one any more.
#[test]
fn keys_prove_an_address() {
    let mut config = server_config();
    (config.address_validated, config.cookies) = (false, false);
    let mut pair = pair_of(client_config(), config, || Link::latency(10 * MS));
    pair.run_until(|pair| pair.a.connection.context.layer.has_keys());
    assert!(matches!(pair.z.connection.context.allowance, Allowance::Octets(_)));
    pair.run_until(both_connected);
    assert!(matches!(pair.z.connection.context.allowance, Allowance::Unlimited));
}

/// So does a cookie.
#[test]
fn a_cookie_proves_an_address() {
    let mut config = server_config();
    config.address_validated = false;
    let mut pair = pair_of(client_config(), config, || Link::latency(10 * MS));
    pair.run_until(|pair| pair.z.connection.context.cookie_secret.is_none());
    assert!(matches!(pair.z.connection.context.allowance, Allowance::Unlimited));
}

/// A message of a client, in records of 1000 octets each.
fn tell(server: &mut Connection, kind: MessageType, sequence: u16, body: &[u8]) {
    let (now, total) = (nomagic_testkit::clock::origin(), u32::try_from(body.len()).unwrap());
    for (index, part) in body.chunks(1000).enumerate() {
        let offset = u32::try_from(1000 * index).unwrap();
        let length = u32::try_from(part.len()).unwrap();
        let (mut layer, mut out) = (RecordLayer::default(), Vec::new());
        layer.put(0, ContentType::HANDSHAKE, Version::DTLS_1_2, &mut out, |out| {
            FragmentHeader { kind, total, sequence, offset, length }.encode(out);
            out.extend_from_slice(part);
        });
        server.handle_input(now, &mut out);
        out.clear();
        server.poll_transmit(now, &mut out);
    }
}

/// The longest hello and the longest chain that are taken, of these octets.
fn longest(total: usize) -> [Vec<u8>; 2] {
    let mut connection = Connection::new(client_config(), &mut rng(1));
    let config = &connection.context.config;
    let mut extensions = client::offered_extensions(config);
    let messages = |connection: &Connection| connection.context.flight.messages().remove(0).body;
    let short = messages(&connection).len();
    put(&mut extensions, ExtensionType(0xfafa), |out| out.resize(out.len() + total - short - 4, 0));
    connection.context.flight = Flight::new(config.initial_timeout, config.path_mtu);
    client::State::start_with(&mut connection.context, extensions);
    let hello = messages(&connection);
    let mut chain = Vec::new();
    let filler = vec![0; total - 9 - ANNA.certificate().len()];
    crate::handshake::encode_chain([ANNA.certificate(), &filler], &mut chain);
    assert_eq!((hello.len(), chain.len()), (total, total));
    [hello, chain]
}

/// What a peer that has shown nothing yet can make a server hold: as much as the README says, and no message beyond that.
#[test]
fn a_handshake_holds_no_more_than_it_says() {
    let [hello, chain] = longest((1 << 16) - 1000);
    let start = nomagic_testkit::clock::origin();
    for exchange in [vec![], vec![7; 8000]] {
        let mut config = server_config();
        config.verifier = Some(crate::Verifier::callback(|_| true));
        config.session_cache = Some(crate::SessionCache::new(9, Duration::from_secs(9)));
        let mut server = Connection::new(config, &mut rng(2));
        let whole = nomagic_testkit::alloc::count(|| {
            tell(&mut server, MessageType::CLIENT_HELLO, 0, &hello);
            tell(&mut server, MessageType::CERTIFICATE, 1, &chain);
            // Messages that come later fill what room there is.
            for sequence in 3..10 {
                tell(&mut server, MessageType(99), sequence, &exchange);
            }
            tell(&mut server, MessageType::CLIENT_KEY_EXCHANGE, 2, &exchange);
        });
        assert!((250_000..330_000).contains(&whole.peak), "{whole:?}");
        let reason = CloseReason::TooLong(MessageType::CLIENT_KEY_EXCHANGE);
        assert_eq!(server.poll_event(), (!exchange.is_empty()).then_some(Event::Closed(reason)));
        let end = nomagic_testkit::alloc::count(|| {
            server.close(start);
            server.poll_transmit(start, &mut Vec::new());
        });
        assert!(server.is_closed() && whole.held + end.held < 5000, "{whole:?} {end:?}");
    }
}

/// Everything that a handshake held is gone when it is complete.
#[test]
fn a_connection_at_rest_holds_little() {
    let mut pair = connected_pair();
    assert!(matches!(pair.a.connection.stage, Stage::Connected(_)));
    assert_eq!(pair.a.connection.poll_timeout(), None);
    assert!(pair.a.connection.ripe.is_empty());
    let held = nomagic_testkit::alloc::count(|| drop(connected_pair()));
    assert!(held.peak < 2_000_000, "{held:?}");
    // A late request for a new handshake leads nowhere: D26.
    let now = pair.now();
    let mut hello = flight(&mut browser(), now);
    pair.z.handle_input(now, &mut hello[0]);
    assert_eq!(pair.z.connection.stats().dropped_plaintext, 1);
    assert!(flight(&mut pair.z, now).is_empty());
}

/// D34, D33: hellos during and after the handshake of another disturb nothing.
#[test]
fn a_rogue_hello_disturbs_nothing() {
    let mut pair = pair(|| Link::latency(10 * MS));
    let mut rogue = flight(&mut browser(), pair.now());
    pair.run_until(|pair| pair.z.connection.stats().datagrams > 0);
    let now = pair.now();
    for datagram in &mut rogue {
        pair.z.handle_input(now, &mut datagram.clone());
    }
    pair.run_until(both_connected);
    assert_talks(&mut pair);
    let now = pair.now();
    for datagram in &mut rogue {
        pair.z.handle_input(now, datagram);
    }
    assert_talks(&mut pair);
}

/// A peer that has the keys can ask for a new handshake: it gets none, and no recursion either (D26).
#[test]
fn a_request_to_renegotiate_is_not_heard() {
    let mut pair = connected_pair();
    let now = pair.now();
    for kind in [MessageType::HELLO_REQUEST, MessageType::CLIENT_HELLO] {
        let mut out = Vec::new();
        pair.z.connection.context.layer.put(1, ContentType::HANDSHAKE, Version::DTLS_1_2, &mut out, |out| {
            FragmentHeader::whole(kind, 7, 0).encode(out);
        });
        pair.a.handle_input(now, &mut out);
    }
    assert_eq!(pair.a.connection.stats().dropped_unexpected, 2);
    assert_talks(&mut pair);
}

/// RFC 5746 section 4.2: who asks for a second handshake under the keys hears that there is none, once for each time that we
/// get to speak; who asks in plaintext is nobody.
//= rfc5746#4.2-2 test
#[test]
fn a_request_to_renegotiate_is_answered_with_a_warning() {
    let mut pair = connected_pair();
    let now = pair.now();
    for (kind, to_client) in [(MessageType::HELLO_REQUEST, true), (MessageType::CLIENT_HELLO, false)] {
        for epoch in [0, 1] {
            let (asks, asked) =
                if to_client { (&mut pair.z, &mut pair.a) } else { (&mut pair.a, &mut pair.z) };
            for _ in 0..3 {
                let mut out = Vec::new();
                let layer = &mut asks.connection.context.layer;
                layer.put(epoch, ContentType::HANDSHAKE, Version::DTLS_1_2, &mut out, |out| {
                    FragmentHeader::whole(kind, 7, 0).encode(out);
                });
                asked.handle_input(now, &mut out);
            }
            let answer = flight(asked, now);
            assert_eq!(answer.len(), usize::from(epoch));
            for datagram in answer {
                let (header, mut record) = (Header::parse(&datagram).unwrap(), datagram);
                let opened = asks.connection.context.layer.open(&header, &mut record, 13).unwrap();
                assert_eq!((opened.content_type, &*opened.plaintext), (ContentType::ALERT, &[1, 100][..]));
            }
        }
    }
    assert_talks(&mut pair);
}

/// D49: a Finished that is sent again is a new record, under the same keys.
#[test]
fn a_repeated_finished_has_a_new_number() {
    let lost = Link::latency(10 * MS).drop_numbers(vec![1]);
    let a = Peer::new(client_config(), 1);
    let mut pair = Pair::with_links(a, Peer::new(server_config(), 2), lost, Link::latency(10 * MS), 3);
    pair.run_until(both_connected);
    let finished = |datagram: &Vec<u8>| {
        records(std::slice::from_ref(datagram))
            .into_iter()
            .map(|record| Header::parse(&record).unwrap())
            .find(|h| h.epoch == 1)
    };
    let ladder = pair.ladder().rungs().filter(|rung| rung.way == nomagic_testkit::ladder::Way::Out);
    let sequences: Vec<u64> =
        ladder.filter_map(|rung| finished(&rung.datagram)).map(|h| h.sequence).collect();
    assert_eq!(sequences, [0, 1]);
    assert_talks(&mut pair);
}

/// Whoever changes one octet of a plaintext message on the way ends the handshake at one of the two, or causes it to be
/// sent again; it never completes unseen, since the Finished covers all messages. Only the numbers of plaintext records
/// mean nothing.
#[test]
fn no_change_on_the_way_goes_unseen() {
    let (mut a, mut z) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    let start = nomagic_testkit::clock::origin();
    let hello = flight(&mut a, start).remove(0);
    z.handle_input(start, &mut hello.clone());
    let answer = flight(&mut z, start).remove(0);
    for (back, original) in [(false, &hello), (true, &answer)] {
        let mut header = 0;
        for octet in (0..original.len()).step_by(3) {
            while octet >= header + Header::parse(&original[header..]).unwrap().record_len() {
                header += Header::parse(&original[header..]).unwrap().record_len();
            }
            let changed = || {
                let mut bytes = original.clone();
                bytes[octet] ^= 0x01;
                let verdict = move |number| if number == 0 { Some(bytes.clone()) } else { None };
                Link::latency(MS)
                    .script(move |number, _| verdict(number).map_or(Verdict::Deliver, Verdict::Replace))
            };
            let (out, home) =
                if back { (Link::latency(MS), changed()) } else { (changed(), Link::latency(MS)) };
            let (a, z) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
            let mut pair = Pair::with_links(a, z, out, home, 3);
            pair.run_for(Duration::from_secs(20));
            let sent_again = pair.a.connection.stats().timeouts + pair.z.connection.stats().timeouts > 0;
            let means_nothing = (5..11).contains(&(octet - header));
            if both_connected(&mut pair) {
                assert!(sent_again || means_nothing, "octet {octet} back {back}");
            } else {
                assert!(
                    pair.a.closed.is_some() || pair.z.closed.is_some() || sent_again,
                    "octet {octet} back {back}"
                );
            }
        }
    }
}

/// The keys protect the Finished, and nothing else in a handshake: in plaintext it does not count.
#[test]
fn a_finished_in_plaintext_does_not_count() {
    let start = nomagic_testkit::clock::origin();
    let (mut a, mut z) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    deliver(&mut z, start, &flight(&mut a, start));
    deliver(&mut a, start, &flight(&mut z, start));
    let flight5 = records(&flight(&mut a, start));
    let (finished, before) = flight5.split_last().unwrap();
    deliver(&mut z, start, before);
    let message = a.connection.context.flight.messages().pop().unwrap();
    let mut plain = Vec::new();
    a.connection.context.layer.put(0, ContentType::HANDSHAKE, Version::DTLS_1_2, &mut plain, |out| {
        FragmentHeader::whole(message.kind, message.sequence, 12).encode(out);
        out.extend(&message.body);
    });
    z.handle_input(start, &mut plain);
    assert_eq!((z.connected, z.connection.stats().dropped_unexpected), (None, 1));
    z.handle_input(start, &mut finished.clone());
    assert!(z.connected.is_some());
}

/// A client of old, without the extended master secret, against a server that takes it or not.
fn of_old(server_requires: bool) -> Pair<Peer, Peer> {
    let mut config = client_config();
    config.require_extended_master_secret = false;
    let mut connection = Connection::new(config, &mut rng(1));
    let config = &connection.context.config;
    let extensions = client::offered_extensions(config)[4..].to_vec();
    connection.context.flight = Flight::new(config.initial_timeout, config.path_mtu);
    connection.context.transcript = Transcript::default();
    let state = client::State::start_with(&mut connection.context, extensions);
    let Stage::Handshake(handshake) = &mut connection.stage else { panic!("it begins with a handshake") };
    handshake.state = Side::Client(state);
    let mut config = server_config();
    config.require_extended_master_secret = server_requires;
    Pair::new(Peer::of(connection), Peer::new(config, 2), || Link::latency(MS), 3)
}

// D40
/// Without the extended master secret: a failure unless it may be, and then there is no exporter.
//= rfc7627#5.2-4 test
//= rfc7627#5.2-6 test
//= rfc7627#5.4-1 test
//= rfc7627#5.4-2 test
#[test]
fn without_the_extended_master_secret_nothing_is_exported() {
    let mut pair = of_old(false);
    pair.run_until(both_connected);
    for end in [&pair.a, &pair.z] {
        let mut out = [0; 60];
        let exported = end.connection.export("EXTRACTOR-dtls_srtp", None, &mut out);
        assert_eq!(exported, Err(ExportError::NoExtendedMasterSecret));
        assert_eq!(out, [0; 60]);
        assert!(end.connection.srtp_keys().is_none());
        assert_eq!(end.connected.unwrap().srtp_profile, None, "it is not agreed on without keys");
    }
    assert_talks(&mut pair);

    let mut pair = of_old(true);
    pair.run_until(|pair| pair.a.closed.is_some());
    assert_eq!(pair.z.closed, Some(CloseReason::NoExtendedMasterSecret));
}
