//! Handshakes with keys that both ends have before they meet: RFC 4279, RFC 5489.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::*;
use nomagic_dtls::extension::{ExtensionType, Extensions};
use nomagic_dtls::handshake::{
    ClientHello, Message, MessageType, PskClientKeyExchange, PskServerKeyExchange,
};
use nomagic_dtls::record::Header;
use nomagic_dtls::{
    AlertDescription, CipherSuite, CloseReason, Config, ConnectionId, GateConfig, NamedGroup, PreSharedKey,
    PreSharedKeys, Role, Session, SessionCache, SignatureScheme, SrtpProfile, Stats, Verifier,
};
use nomagic_testkit::clock::origin;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

const SUITES: [CipherSuite; 8] = [
    CipherSuite::ECDHE_PSK_AES_128_GCM_SHA256,
    CipherSuite::ECDHE_PSK_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_PSK_CHACHA20_POLY1305_SHA256,
    CipherSuite::ECDHE_PSK_AES_128_CCM_8_SHA256,
    CipherSuite::PSK_AES_128_GCM_SHA256,
    CipherSuite::PSK_AES_256_GCM_SHA384,
    CipherSuite::PSK_CHACHA20_POLY1305_SHA256,
    CipherSuite::PSK_AES_128_CCM_8,
];
const PLAIN: CipherSuite = CipherSuite::PSK_AES_128_GCM_SHA256;
const EPHEMERAL: CipherSuite = CipherSuite::ECDHE_PSK_AES_128_GCM_SHA256;

fn is_ephemeral(suite: CipherSuite) -> bool {
    suite.to_string().contains("ECDHE")
}

/// Runs a handshake to its end, a good one or a bad one.
fn meet(client: Config, server: Config) -> Pair<Peer, Peer> {
    let mut pair = pair_of(client, server, || Link::latency(10 * MS));
    pair.run_until(|pair| both_connected(pair) || pair.a.closed.is_some() && pair.z.closed.is_some());
    pair
}

fn exported(peer: &Peer) -> [u8; 32] {
    let mut material = [0; 32];
    peer.connection.export("EXPERIMENTAL", None, &mut material).unwrap();
    material
}

#[test]
fn every_suite_works_without_a_certificate() {
    for suite in SUITES {
        let mut pair = meet(of_suite(psk_client(), suite), of_suite(psk_server(), suite));
        for end in [&pair.a, &pair.z] {
            let connected = end.connected.unwrap();
            assert_eq!(connected.suite, suite);
            assert_eq!(connected.group, is_ephemeral(suite).then_some(NamedGroup::X25519));
            assert_eq!((connected.peer_fingerprint, connected.resumed), (None, false));
            assert_eq!(connected.srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
            assert_eq!(end.connection.psk_identity(), Some("lamp"));
        }
        assert_eq!(pair.elapsed(), 40 * MS, "two round trips, as ever");
        assert_eq!(exported(&pair.a), exported(&pair.z));
        let [ours, theirs] = [&pair.a, &pair.z].map(|end| end.connection.srtp_keys().unwrap());
        assert_eq!(ours.local.key(), theirs.remote.key());
        assert_talks(&mut pair);
        let words = pair.a.connected.unwrap().to_string();
        assert_eq!(words.contains("x25519"), is_ephemeral(suite), "{words}");
    }
}

#[test]
fn every_group_works() {
    for group in NamedGroup::SUPPORTED {
        let mut client = of_suite(psk_client(), EPHEMERAL);
        client.groups = vec![group];
        let mut pair = meet(client, psk_server());
        assert_eq!(pair.a.connected.unwrap().group, Some(group));
        assert_talks(&mut pair);
    }
}

/// D44: every loss of one datagram, with every suite, and of two, in datagrams of any size.
#[test]
fn handshakes_survive_every_double_loss() {
    let doubly = [(PLAIN, 1200), (EPHEMERAL, 1200), (EPHEMERAL, 256)];
    let both: Vec<(bool, usize)> = (0..6).flat_map(|number| [(true, number), (false, number)]).collect();
    for (suite, path_mtu) in SUITES.map(|suite| (suite, 1200)).into_iter().chain(doubly) {
        for (index, first) in both.iter().enumerate() {
            let rest =
                if doubly.contains(&(suite, path_mtu)) { &both[index..] } else { &both[index..=index] };
            for second in rest {
                let link = |out| {
                    let lost = [first, second].into_iter().filter(|lost| lost.0 == out);
                    Link::latency(10 * MS).drop_numbers(lost.map(|lost| lost.1).collect())
                };
                let (mut client, mut server) = (of_suite(psk_client(), suite), of_suite(psk_server(), suite));
                (client.path_mtu, server.path_mtu) = (path_mtu, path_mtu);
                (server.cookies, server.address_validated) = (true, false);
                let (a, z) = (Peer::new(client, 1), Peer::new(server, 2));
                let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
                pair.run_until(both_connected);
                assert!(pair.elapsed() < Duration::from_secs(8), "{suite} {first:?} {second:?}");
            }
        }
    }
}

/// The flights hold what RFC 4279 section 2 and RFC 5489 section 2 say, and nothing of certificates.
//= rfc8422#4-3 test
#[test]
fn the_flights_are_short() {
    for (suite, hint) in [(PLAIN, ""), (PLAIN, "house"), (EPHEMERAL, ""), (EPHEMERAL, "house")] {
        let is_sent = suite == EPHEMERAL || !hint.is_empty();
        let mut server = psk_server();
        server.pre_shared_keys = Some(keys().with_hint(hint).unwrap());
        let (mut a, mut z) = (Peer::new(of_suite(psk_client(), suite), 1), Peer::new(server, 2));
        let first = flight(&mut a, origin());
        let hello = messages(&first).remove(0).1;
        deliver(&mut z, origin(), &first);
        let answer = flight(&mut z, origin());
        deliver(&mut a, origin(), &answer);
        let answer = messages(&answer);
        let last = messages(&flight(&mut a, origin()));

        // A device without curves says nothing of them, and nobody here says anything of signatures.
        let extensions = ClientHello::parse(&hello).unwrap().extensions;
        for extension in [ExtensionType::SUPPORTED_GROUPS, ExtensionType::EC_POINT_FORMATS] {
            assert_eq!(extensions.find(extension).is_some(), suite == EPHEMERAL, "{extension}");
        }
        assert_eq!(extensions.find(ExtensionType::SIGNATURE_ALGORITHMS), None);

        let kinds: Vec<MessageType> = answer.iter().map(|(kind, _)| *kind).collect();
        let mut expected =
            vec![MessageType::SERVER_HELLO, MessageType::SERVER_KEY_EXCHANGE, MessageType::SERVER_HELLO_DONE];
        expected.retain(|kind| is_sent || *kind != MessageType::SERVER_KEY_EXCHANGE);
        assert_eq!(kinds, expected, "{suite} {hint}");
        let Message::ServerHello(chosen) = Message::parse(answer[0].0, &answer[0].1).unwrap() else {
            panic!()
        };
        let formats = chosen.extensions.find(ExtensionType::EC_POINT_FORMATS);
        assert_eq!(formats.is_some(), suite == EPHEMERAL);
        if is_sent {
            let exchange = PskServerKeyExchange::parse(&answer[1].1, suite == EPHEMERAL).unwrap();
            assert_eq!(exchange.share.is_some(), suite == EPHEMERAL);
            assert_eq!(exchange.hint, hint.as_bytes());
            assert_eq!(
                Message::parse(answer[1].0, &answer[1].1),
                Ok(Message::PskServerKeyExchange(exchange))
            );
        }
        assert_eq!(last.len(), 1, "and the Finished, which is protected");
        let exchange = PskClientKeyExchange::parse(&last[0].1, suite == EPHEMERAL).unwrap();
        assert_eq!((last[0].0, exchange.identity), (MessageType::CLIENT_KEY_EXCHANGE, &b"lamp"[..]));
        assert_eq!(Message::parse(last[0].0, &last[0].1), Ok(Message::PskClientKeyExchange(exchange)));
    }
}

/// The formats of points are spoken of only with suites that have any (RFC 8422 section 5.2).
#[test]
fn nothing_is_said_of_points_where_there_are_none() {
    for suite in [PLAIN, EPHEMERAL] {
        let (mut a, mut z) = (Peer::new(psk_client(), 1), Peer::new(of_suite(psk_server(), suite), 2));
        deliver(&mut z, origin(), &flight(&mut a, origin()));
        let (kind, body) = messages(&flight(&mut z, origin())).remove(0);
        let Ok(Message::ServerHello(hello)) = Message::parse(kind, &body) else { panic!("{kind}") };
        assert_eq!(hello.suite, suite);
        assert_eq!(hello.extensions.find(ExtensionType::EC_POINT_FORMATS).is_some(), suite == EPHEMERAL);
    }
}

/// What the server knows is a matter of the callback too.
#[test]
fn keys_may_come_from_a_callback() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let find = move |identity: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        [&LAMP, &DOOR].into_iter().find(|key| key.identity() == identity).map(|key| PreSharedKey::clone(key))
    };
    for key in [&LAMP, &DOOR] {
        let mut server = psk_server();
        server.pre_shared_keys = Some(PreSharedKeys::callback(find.clone()));
        let pair = meet(Config::client_with_key(PreSharedKey::clone(key)), server);
        assert_eq!(pair.z.connection.psk_identity(), Some(key.identity()));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once in a handshake");
    // The key of another identity is none.
    let mut server = psk_server();
    server.pre_shared_keys = Some(PreSharedKeys::callback(|_| Some(LAMP.clone())));
    let pair = meet(Config::client_with_key(key("window", 7)), server);
    assert!(pair.z.connected.is_none());
}

/// What two ends say that do not come together: the sizes of all their datagrams with the times, and why they ended.
fn failure(
    client_key: PreSharedKey,
    suite: CipherSuite,
) -> (Vec<(Duration, usize)>, [CloseReason; 2], Stats) {
    let mut client = of_suite(psk_client(), suite);
    client.pre_shared_key = Some(client_key);
    let pair = meet(client, psk_server());
    assert!(pair.a.connected.is_none() && pair.z.connected.is_none());
    for end in [&pair.a, &pair.z] {
        assert_eq!(end.connection.psk_identity(), None);
        assert!(end.connection.srtp_keys().is_none());
    }
    let sent = pair.ladder().rungs().map(|rung| (rung.time, rung.datagram.len())).collect();
    (sent, [pair.a.closed.unwrap(), pair.z.closed.unwrap()], pair.z.connection.stats())
}

/// Who has the wrong key and who names an identity that does not exist see the same, packet by packet, and hear no reason;
/// both ends can tell what it may have been.
#[test]
fn a_wrong_key_and_an_unknown_identity_look_the_same() {
    let differ = CloseReason::KeysDiffer { unauthenticated_alert: None };
    for suite in [PLAIN, EPHEMERAL] {
        let (wrong, why, wrong_stats) = failure(key("lamp", 8), suite);
        assert_eq!(why, [differ, differ], "{suite}");
        assert!(wrong_stats.dropped_forged > 0);
        let (unknown, why, unknown_stats) = failure(key("pump", 7), suite);
        assert_eq!(why, [differ, differ], "{suite}");
        assert_eq!(wrong, unknown, "{suite}");
        assert_eq!(wrong_stats, unknown_stats, "{suite}");
        assert!(why[0].to_string().contains("perhaps the pre-shared keys differ"));
    }
}

/// An unknown identity does not get in with a key of zeros, or with that of somebody else.
#[test]
fn an_unknown_identity_has_no_key() {
    for octet in [0, 7, 9] {
        let (_, why, _) = failure(key("nobody", octet), PLAIN);
        assert!(matches!(why[1], CloseReason::KeysDiffer { .. }));
    }
    // No keys at all: any identity is unknown.
    let mut empty = psk_server();
    empty.pre_shared_keys = Some(PreSharedKeys::new([]));
    let pair = meet(psk_client(), empty);
    assert!(matches!(pair.z.closed, Some(CloseReason::KeysDiffer { .. })));
}

/// Without forged records the reason is the plain one: a client that has gone says nothing of keys.
#[test]
fn a_client_that_has_gone_is_a_timeout() {
    let (mut a, mut z) = (Peer::new(of_suite(psk_client(), PLAIN), 1), Peer::new(psk_server(), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    deliver(&mut a, origin(), &flight(&mut z, origin()));
    // All but the Finished comes.
    let last = flight(&mut a, origin());
    let unprotected = records(&last).into_iter().filter(|record| Header::parse(record).unwrap().epoch == 0);
    deliver(&mut z, origin(), &unprotected.collect::<Vec<_>>());
    assert_eq!(format!("{:?}", z.connection), "Connection(Server, waits for Finished)");
    z.handle_timeout(origin() + Duration::from_secs(61));
    assert_eq!(z.closed, Some(CloseReason::Timeout { unauthenticated_alert: None }));
}

/// Payload under the keys shows that the peer has them, even if its Finished is lost for good.
#[test]
fn a_server_that_was_understood_has_the_same_key() {
    let (mut a, mut z) = (Peer::new(of_suite(psk_client(), PLAIN), 1), Peer::new(psk_server(), 2));
    for _ in 0..2 {
        deliver(&mut z, origin(), &flight(&mut a, origin()));
        let answer = flight(&mut z, origin());
        if z.connected.is_none() {
            deliver(&mut a, origin(), &answer);
        }
    }
    let record = z.seal(origin(), b"early");
    deliver(&mut a, origin(), &[record]);
    a.handle_timeout(origin() + Duration::from_secs(61));
    assert_eq!(a.closed, Some(CloseReason::Timeout { unauthenticated_alert: None }));
}

fn ends_with(client: Config, server: Config) -> CloseReason {
    let pair = meet(client, server);
    assert_eq!(pair.a.closed, Some(CloseReason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE)));
    pair.z.closed.unwrap()
}

/// A suite without its key is neither offered nor chosen, whatever the list of suites says.
#[test]
fn without_a_key_there_are_no_such_suites() {
    let all = || [&CipherSuite::PRE_SHARED[..], &CipherSuite::CONSTRAINED, &CipherSuite::SUPPORTED].concat();
    let nothing = CloseReason::NothingInCommon("cipher suite");
    let (mut certified_client, mut certified_server) = (client_config(), server_config());
    (certified_client.suites, certified_server.suites) = (all(), all());
    assert_eq!(ends_with(psk_client(), certified_server.clone()), nothing, "the server has no keys");
    assert_eq!(ends_with(certified_client.clone(), psk_server()), nothing, "the client has none");
    let pair = meet(certified_client, certified_server);
    assert_eq!(pair.a.connected.unwrap().peer_fingerprint, Some(ZOE.fingerprint()));
    assert_eq!((pair.a.connection.psk_identity(), pair.z.connection.psk_identity()), (None, None));
    // And one without a certificate does not come to one.
    let mut suites = psk_server();
    suites.suites = all();
    let pair = meet(psk_client(), suites);
    assert_eq!(pair.a.connected.unwrap().suite, EPHEMERAL);
    // Nothing is left at all.
    for config in [of_suite(psk_client(), CipherSuite::SUPPORTED[0]), of_suite(client_config(), PLAIN)] {
        let mut end = Peer::new(config, 1);
        assert!(end.is_closed() && flight(&mut end, origin()).is_empty());
        end.handle_timeout(origin());
        assert_eq!(end.closed, Some(nothing));
    }
    // Short tags have to be asked for.
    assert_eq!(ends_with(of_suite(psk_client(), CipherSuite::PSK_AES_128_CCM_8), psk_server()), nothing);
}

/// The gate: a verifier of fingerprints is never content with a pre-shared key that nobody has configured, even if the server
/// chooses such a suite unasked.
#[test]
fn a_server_cannot_choose_a_key_that_the_client_does_not_have() {
    for suite in SUITES {
        let mut client = Peer::new(client_config(), 1);
        let hello = messages(&flight(&mut client, origin())).remove(0).1;
        let offered = ClientHello::parse(&hello).unwrap().suites;
        assert!(SUITES.iter().all(|suite| !offered.contains(suite.0)));
        let mut body = vec![0xfe, 0xfd];
        body.extend([5; 32]);
        body.push(0);
        body.extend(suite.0.to_be_bytes());
        body.extend([0, 0, 4, 0, 23, 0, 0]);
        tell(&mut client, MessageType::SERVER_HELLO, 0, &body);
        assert_eq!(client.closed, Some(CloseReason::IllegalParameter("a suite that was not offered")));
    }
}

/// With a certificate and a key at both ends, the order of suites decides: certificates by default, since they say who the
/// peer is with a key of its own.
//= rfc8422#5.1-6 test
#[test]
fn with_both_the_order_of_suites_decides() {
    let both = |mut config: Config| {
        if config.role() == Role::Client {
            config.pre_shared_key = Some(LAMP.clone());
        } else {
            config.pre_shared_keys = Some(keys());
        }
        config
    };
    let pair = meet(both(client_config()), both(server_config()));
    for (end, peer) in [(&pair.a, ZOE.fingerprint()), (&pair.z, ANNA.fingerprint())] {
        assert_eq!(end.connected.unwrap().suite, CipherSuite::SUPPORTED[0]);
        assert_eq!(end.connected.unwrap().peer_fingerprint, Some(peer));
        assert_eq!(end.connection.psk_identity(), None);
    }
    // A server that prefers its keys.
    let mut first = both(server_config());
    first.suites = [&CipherSuite::PRE_SHARED[..], &CipherSuite::SUPPORTED].concat();
    let pair = meet(both(client_config()), first);
    assert_eq!(pair.a.connected.unwrap().suite, CipherSuite::PRE_SHARED[0]);
    assert_eq!(pair.z.connected.unwrap().peer_fingerprint, None);
    assert_eq!(pair.z.connection.psk_identity(), Some("lamp"));
    // It talks to clients of either kind alone.
    assert_eq!(meet(psk_client(), both(server_config())).z.connection.psk_identity(), Some("lamp"));
    let pair = meet(client_config(), both(server_config()));
    assert_eq!(pair.z.connected.unwrap().peer_fingerprint, Some(ANNA.fingerprint()));
    // And a client goes to servers of either kind alone.
    assert_eq!(meet(both(client_config()), psk_server()).a.connection.psk_identity(), Some("lamp"));
    let pair = meet(both(client_config()), server_config());
    assert_eq!(pair.a.connected.unwrap().peer_fingerprint, Some(ZOE.fingerprint()));
    // Without a group in common, or a signature that the client knows, it goes on with what is left.
    let mut other = both(client_config());
    other.groups = vec![NamedGroup::SECP384R1];
    let mut strict = both(server_config());
    strict.groups = vec![NamedGroup::X25519];
    assert_eq!(meet(other, strict).a.connected.unwrap().suite, PLAIN);
    let mut other = both(client_config());
    other.signature_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256];
    assert_eq!(meet(other, both(server_config())).a.connected.unwrap().suite, EPHEMERAL);
}

/// If no suite goes, the reason is that of the server's first choice.
#[test]
fn the_reason_is_that_of_the_first_suite() {
    let mut client = client_config();
    (client.pre_shared_key, client.groups) = (Some(LAMP.clone()), vec![NamedGroup::SECP384R1]);
    let mut server = server_config();
    (server.pre_shared_keys, server.groups) = (Some(keys()), vec![NamedGroup::X25519]);
    server.suites = vec![CipherSuite::SUPPORTED[0], EPHEMERAL];
    assert_eq!(
        ends_with(client.clone(), server.clone()),
        CloseReason::NothingInCommon("curve of our certificate")
    );
    server.suites.reverse();
    assert_eq!(ends_with(client, server), CloseReason::NothingInCommon("group"));
}

/// The wrong certificate is not made good by a key that is there too: what was chosen counts.
#[test]
fn a_rejected_certificate_is_not_made_good_by_a_key() {
    let mut client = Config::client(ANNA.clone(), Verifier::fingerprints([ANNA.fingerprint()]));
    client.pre_shared_key = Some(LAMP.clone());
    let mut server = server_config();
    server.pre_shared_keys = Some(keys());
    let pair = meet(client, server);
    assert!(matches!(pair.a.closed, Some(CloseReason::Rejected(_))), "{:?}", pair.a.closed);
}

/// All extensions, the cookie gate, and payload with ids.
#[test]
fn it_goes_with_all_extensions_and_the_gate() {
    for suite in [PLAIN, EPHEMERAL] {
        let mut client = of_suite(psk_client(), suite);
        client.connection_id = Some(ConnectionId::new(&[1; 4]).unwrap());
        client.application_protocols = vec![b"coap".to_vec()];
        client.record_size_limit = 200;
        client.server_name = Some("house.example.org".to_owned());
        let mut server = psk_server();
        server.connection_id = Some(ConnectionId::new(&[2; 8]).unwrap());
        server.application_protocols = client.application_protocols.clone();
        server.record_size_limit = 300;
        let door = Door::new(GateConfig::default(), server);
        let mut pair = Pair::new(Peer::new(client, 1), door, || Link::latency(10 * MS), 3);
        pair.run_until(|pair| {
            pair.a.connected.is_some() && pair.z.peer.as_ref().is_some_and(|peer| peer.connected.is_some())
        });
        let z = pair.z.peer.as_ref().unwrap();
        assert_eq!(
            (pair.a.connection.connection_id(), z.connection.connection_id()),
            (&[1; 4][..], &[2; 8][..])
        );
        assert_eq!((pair.a.connection.max_payload(), z.connection.max_payload()), (299, 199));
        assert_eq!(z.connection.application_protocol(), Some(&b"coap"[..]));
        assert_eq!(z.connection.server_name(), Some("house.example.org"));
        assert_eq!(z.connection.psk_identity(), Some("lamp"));
        let now = pair.now();
        pair.a.send(now, b"ping");
        pair.run_for(100 * MS);
        assert_eq!(pair.z.peer.as_ref().unwrap().received, [b"ping"]);
    }
}

/// Without the extended master secret there is a connection if both allow it, but no exporter.
#[test]
fn the_master_secret_of_old_works_too() {
    let strip = |mut config: Config| {
        config.require_extended_master_secret = false;
        config
    };
    let mut z = Peer::new(strip(psk_server()), 2);
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([3; 32]);
    hello.extend([0, 0, 0, 2]);
    hello.extend(PLAIN.0.to_be_bytes());
    hello.extend([1, 0]);
    tell(&mut z, MessageType::CLIENT_HELLO, 0, &hello);
    let answer = messages(&flight(&mut z, origin()));
    assert_eq!(answer.len(), 2, "a hello without extensions is answered");
    let Message::ServerHello(chosen) = Message::parse(answer[0].0, &answer[0].1).unwrap() else { panic!() };
    assert_eq!((chosen.suite, chosen.extensions), (PLAIN, Extensions::new(&[]).unwrap()));
}

fn with_cache(cache: &SessionCache) -> Config {
    let mut config = psk_server();
    config.session_cache = Some(cache.clone());
    config
}

fn returning(session: Option<Session>) -> Config {
    let mut config = psk_client();
    (config.session, config.keep_session) = (session, true);
    config
}

fn come_back(client: Config, server: Config, seed: u64) -> Pair<Peer, Peer> {
    let (a, z) = (Peer::new(client, seed), Peer::new(server, seed + 1));
    let mut pair = Pair::new(a, z, || Link::latency(10 * MS), 3);
    pair.run_until(|pair| both_connected(pair) || pair.a.closed.is_some() && pair.z.closed.is_some());
    pair
}

/// A session keeps the identity, and is taken up only while the key is what it was.
#[test]
fn sessions_are_taken_up_while_the_key_is_the_same() {
    for suite in [PLAIN, EPHEMERAL] {
        let cache = SessionCache::new(8, Duration::from_secs(600));
        let mut full = returning(None);
        full.suites = vec![suite];
        let pair = come_back(full, with_cache(&cache), 10);
        let session = pair.a.connection.session().unwrap();
        let session = Session::parse(&session.to_bytes()).unwrap();
        let resumes = |client: Config, server: Config, seed| {
            let pair = come_back(client, server, seed);
            let (Some(a), Some(z)) = (pair.a.connected, pair.z.connected) else {
                panic!("{:?}", pair.a.closed)
            };
            assert_eq!(a.resumed, z.resumed);
            for end in [&pair.a, &pair.z] {
                assert_eq!(end.connection.psk_identity(), Some("lamp"));
            }
            if a.resumed {
                assert_eq!((a.suite, a.group.is_some()), (suite, suite == EPHEMERAL));
            }
            a.resumed
        };
        assert!(resumes(returning(Some(session.clone())), with_cache(&cache), 20));
        // The server has another key for it by now, and so has the client: a full handshake with that.
        let newer = key("lamp", 77);
        let mut client = returning(Some(session.clone()));
        client.pre_shared_key = Some(newer.clone());
        let mut server = with_cache(&cache);
        server.pre_shared_keys = Some(PreSharedKeys::new([newer.clone()]));
        assert!(!resumes(client, server, 30));
        // Only the server has.
        let mut server = with_cache(&cache);
        server.pre_shared_keys = Some(PreSharedKeys::new([newer, DOOR.clone()]));
        let pair = come_back(returning(Some(session.clone())), server, 40);
        assert!(pair.z.connected.is_none());
        // The server knows the client no more.
        let mut server = with_cache(&cache);
        server.pre_shared_keys = Some(PreSharedKeys::callback(|_| None));
        assert!(come_back(returning(Some(session)), server, 50).z.connected.is_none());
    }
}

/// A session lets nobody in where the way that it came about by is not open any more: neither a key where certificates are
/// wanted, nor a certificate, or nothing at all, where keys are.
#[test]
fn a_session_of_one_kind_is_none_for_the_other() {
    let cache = SessionCache::new(8, Duration::from_secs(600));
    let mut certified = server_config();
    (certified.session_cache, certified.suites) = (Some(cache.clone()), psk_server().suites);
    // By a key, to a server that has certificates only.
    let by_key = come_back(returning(None), with_cache(&cache), 10).a.connection.session().unwrap();
    let pair = come_back(returning(Some(by_key)), certified.clone(), 20);
    assert!(pair.z.connected.is_none() && pair.a.connected.is_none());
    // By nothing, to a server that has keys only.
    let mut anyone = Config::server_for_anyone(ZOE.clone());
    (anyone.session_cache, anyone.address_validated) = (Some(cache.clone()), true);
    let mut stranger = client_config();
    stranger.keep_session = true;
    let by_nothing = come_back(stranger.clone(), anyone, 30).a.connection.session().unwrap();
    stranger.session = Some(by_nothing.clone());
    let pair = come_back(stranger.clone(), with_cache(&cache), 40);
    assert!(pair.z.connected.is_none() && pair.a.connected.is_none());
    // And with keys and a certificate, but a verifier.
    let mut both = certified;
    both.pre_shared_keys = Some(keys());
    stranger.session = Some(by_nothing);
    let pair = come_back(stranger, both, 50);
    assert!(!pair.z.connected.unwrap().resumed);
    assert_eq!(pair.z.connected.unwrap().peer_fingerprint, Some(ANNA.fingerprint()));
}
