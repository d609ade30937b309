//! Sessions that are taken up again: RFC 5246 section 7.3, RFC 7627 section 5.3.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use nomagic_dtls::handshake::MessageType;
use nomagic_dtls::{
    Alert, CipherSuite, CloseReason, Config, ConnectionId, GateConfig, Identity, Session, SessionCache,
    SrtpProfile, Verifier,
};
use nomagic_testkit::clock::origin;
use nomagic_testkit::laws::Subject;
use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn cache() -> SessionCache {
    SessionCache::new(8, HOUR)
}

fn server(cache: &SessionCache) -> Config {
    let mut config = server_config();
    config.session_cache = Some(cache.clone());
    config
}

fn client(session: Option<Session>) -> Config {
    let mut config = client_config();
    (config.session, config.keep_session) = (session, true);
    config
}

/// The server's seed is another than the one that gave the session its name: else a new session had the same.
fn connect(client: Config, server: Config) -> Pair<Peer, Peer> {
    let seed = client.session.as_ref().map_or(2, |session| 1000 + u64::from(session.to_bytes()[2]));
    let (a, z) = (Peer::new(client, 1), Peer::new(server, seed));
    let mut pair = Pair::new(a, z, || Link::latency(10 * MS), 3);
    pair.run_until(|pair| both_connected(pair) || pair.a.closed.is_some() || pair.z.closed.is_some());
    pair.run_for(Duration::from_secs(1));
    pair
}

/// A first connection, and what it leaves.
fn first(client: Config, server: Config) -> Session {
    let pair = connect(client, server);
    assert!(!pair.a.connected.unwrap().resumed && !pair.z.connected.unwrap().resumed);
    assert!(pair.z.connection.session().is_none(), "it is the client's");
    pair.a.connection.session().unwrap()
}

/// Whether a client with this configuration gets its session.
fn resumes(client: Config, server: Config) -> bool {
    let pair = connect(client, server);
    let (a, z) = (pair.a.connected.unwrap(), pair.z.connected.unwrap());
    assert_eq!((a.resumed, a.suite, a.group), (z.resumed, z.suite, z.group));
    assert_eq!(a.peer_fingerprint, Some(ZOE.fingerprint()));
    a.resumed
}

//= rfc7627#5.3-3 test
//= rfc7627#5.3-8 test
//= rfc5246#7.4.1.2-5 test
//= rfc5246#7.4.1.2-6 test
#[test]
fn a_session_is_taken_up_with_new_keys_and_no_signature() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    assert_eq!(cache.len(), 1);
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let mut pair = pair_of(client(Some(session.clone())), server(&cache), || Link::latency(10 * MS));
        pair.run_until(both_connected);
        assert_eq!(pair.elapsed(), 30 * MS, "one round trip for the client, one and a half for the server");
        assert_eq!(pair.delivered(), (2, 1));
        let (a, z) = (pair.a.connected.unwrap(), pair.z.connected.unwrap());
        assert!(a.resumed && z.resumed);
        assert_eq!(
            (a.peer_fingerprint, z.peer_fingerprint),
            (Some(ZOE.fingerprint()), Some(ANNA.fingerprint()))
        );
        assert_talks(&mut pair);
        let mut exported = [[0; 32]; 2];
        pair.a.connection.export("EXPERIMENTAL", None, &mut exported[0]).unwrap();
        pair.z.connection.export("EXPERIMENTAL", None, &mut exported[1]).unwrap();
        assert_eq!(exported[0], exported[1]);
        secrets.push(exported[0]);
        assert!(pair.a.connection.session().is_some());
    }
    // The same seeds, but other randoms: the first handshake has drawn the server's from elsewhere.
    assert_eq!(cache.len(), 1, "it is the same session");
    let other = {
        let (mut a, mut z) = (Peer::new(client(Some(session)), 11), Peer::new(server(&cache), 12));
        for _ in 0..3 {
            deliver(&mut z, origin(), &flight(&mut a, origin()));
            deliver(&mut a, origin(), &flight(&mut z, origin()));
        }
        let mut exported = [0; 32];
        a.connection.export("EXPERIMENTAL", None, &mut exported).unwrap();
        exported
    };
    assert_ne!(secrets[0], other, "new randoms, new keys");
}

#[test]
fn nothing_is_kept_and_no_session_named_unless_asked_for() {
    let session_less = |client: Config, server: Config| {
        let pair = connect(client, server);
        pair.a.connection.session().is_none()
    };
    let cache = cache();
    assert!(session_less(client_config(), server_config()));
    assert!(session_less(client(None), server_config()), "the server does not");
    assert!(session_less(client_config(), server(&cache)), "the client does not");
}

#[test]
fn a_session_that_the_server_does_not_have_is_followed_by_a_full_handshake() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let elsewhere = SessionCache::new(1, HOUR);
    let pair = connect(client(Some(session.clone())), server(&elsewhere));
    assert!(!pair.a.connected.unwrap().resumed);
    let newer = pair.a.connection.session().unwrap();
    assert!(resumes(client(Some(newer.clone())), server(&elsewhere)), "there is a new one");
    // One place, and another takes it.
    let mut third =
        Pair::new(Peer::new(client(None), 7), Peer::new(server(&elsewhere), 8), || Link::latency(MS), 3);
    third.run_until(both_connected);
    assert_eq!(elsewhere.len(), 1);
    assert!(!resumes(client(Some(newer)), server(&elsewhere)), "evicted");
    assert!(resumes(client(Some(session.clone())), server(&cache)));
    cache.clear();
    assert!(cache.is_empty() && !resumes(client(Some(session.clone())), server(&cache)));
    assert!(!resumes(client(Some(session.clone())), server_config()), "no cache at all");
    let none = SessionCache::new(0, HOUR);
    assert!(!resumes(client(Some(session)), server(&none)) && none.is_empty());
}

/// The lifetime counts from the full handshake, whatever happens in between.
#[test]
fn a_session_ends_with_its_lifetime() {
    let cache = SessionCache::new(8, HOUR);
    let at = |now: Instant, session: Option<Session>, seed: u64| {
        let mut a = Peer::new(client(session), seed);
        let mut z = Peer::new(server(&cache), seed + 1);
        for _ in 0..4 {
            deliver(&mut z, now, &flight(&mut a, now));
            deliver(&mut a, now, &flight(&mut z, now));
        }
        (a.connected.unwrap().resumed, a.connection.session().unwrap())
    };
    let (_, session) = at(origin(), None, 1);
    let late = origin() + HOUR - MS;
    assert!(at(late, Some(session.clone()), 3).0);
    assert!(!at(origin() + HOUR, Some(session), 5).0);
    assert_eq!(cache.len(), 1, "the one that has just come");
    let long = SessionCache::new(8, 100 * HOUR);
    let session = first(client(None), server(&long));
    let mut z = Peer::new(server(&long), 4);
    let mut a = Peer::new(client(Some(session)), 3);
    let tomorrow = origin() + 24 * HOUR + MINUTE;
    for _ in 0..4 {
        deliver(&mut z, tomorrow, &flight(&mut a, tomorrow));
        deliver(&mut a, tomorrow, &flight(&mut z, tomorrow));
    }
    assert!(!a.connected.unwrap().resumed, "a day is the most");
}

/// The same policy: who would not be let in today does not come in by an old session.
#[test]
fn a_session_does_not_go_round_the_verifier() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let with = |verifier: Verifier| replace_verifier(&client(Some(session.clone())), verifier);
    assert!(resumes(with(Verifier::callback(|chain| chain.leaf() == ZOE.certificate())), server(&cache)));
    // The client does not even ask: the full handshake says why.
    let pair = connect(with(Verifier::fingerprints([ANNA.fingerprint()])), server(&cache));
    assert!(matches!(pair.a.closed, Some(CloseReason::Rejected(_))), "{:?}", pair.a.closed);
    // The server has become choosy since.
    let mut strict = Config::server(ZOE.clone(), Verifier::fingerprints([ZOE.fingerprint()]));
    strict.session_cache = Some(cache.clone());
    strict.address_validated = true;
    let pair = connect(client(Some(session.clone())), strict);
    assert!(matches!(pair.z.closed, Some(CloseReason::Rejected(_))), "{:?}", pair.z.closed);
    // It does not ask for certificates any more, or is somebody else.
    let mut open = Config::server_for_anyone(ZOE.clone());
    open.session_cache = Some(cache.clone());
    open.address_validated = true;
    assert!(!resumes(client(Some(session.clone())), open));
    let mut other = Config::server(ANNA.clone(), Verifier::callback(|_| true));
    other.session_cache = Some(cache.clone());
    other.address_validated = true;
    let pair = connect(client(Some(session)), other);
    assert!(matches!(pair.a.closed, Some(CloseReason::Rejected(_))), "{:?}", pair.a.closed);
}

/// A client of the same kind with another verifier.
fn replace_verifier(config: &Config, verifier: Verifier) -> Config {
    let mut other = Config::client(ANNA.clone(), verifier);
    (other.session, other.keep_session) = (config.session.clone(), true);
    other.srtp_profiles.clone_from(&config.srtp_profiles);
    other.backend = config.backend.clone();
    other
}

/// A client with another certificate is another client.
#[test]
fn a_session_is_for_the_same_client() {
    let cache = cache();
    let any = |cache: &SessionCache| {
        let mut config = Config::server(ZOE.clone(), Verifier::callback(|_| true));
        config.session_cache = Some(cache.clone());
        config.address_validated = true;
        config
    };
    let session = first(client(None), any(&cache));
    let mut other = Config::client(ZOE.clone(), Verifier::fingerprints([ZOE.fingerprint()]));
    other.session = Some(session);
    let pair = connect(other, any(&cache));
    assert!(!pair.a.connected.unwrap().resumed);
    assert_eq!(pair.z.connected.unwrap().peer_fingerprint, Some(ZOE.fingerprint()));
}

/// Whom the server did not ask who it is, may be anybody the next time.
#[test]
fn a_certificate_that_nobody_saw_does_not_matter() {
    let cache = cache();
    let mut open = Config::server_for_anyone(ZOE.clone());
    (open.session_cache, open.address_validated) = (Some(cache.clone()), true);
    let session = first(client(None), open.clone());
    let mut other = Config::client(ZOE.clone(), Verifier::fingerprints([ZOE.fingerprint()]));
    other.session = Some(session);
    assert!(resumes(other, open));
}

/// RFC 6066 section 3: another name, another session.
#[test]
fn a_session_is_for_the_same_name() {
    let cache = cache();
    let named = |session: Option<Session>, name: &str| {
        let mut config = client(session);
        config.server_name = Some(name.to_owned());
        config
    };
    let session = first(named(None, "one.example"), server(&cache));
    let pair = connect(named(Some(session.clone()), "one.example"), server(&cache));
    assert!(pair.a.connected.unwrap().resumed);
    assert_eq!(pair.z.connection.server_name(), Some("one.example"));
    assert!(!resumes(named(Some(session.clone()), "two.example"), server(&cache)));
    assert!(!resumes(client(Some(session.clone())), server(&cache)));
    // A client that asks nevertheless: what it keeps is made to say the other name.
    let mut bytes = session.to_bytes();
    let at = bytes.windows(11).position(|part| part == b"one.example").unwrap();
    bytes[at..at + 3].copy_from_slice(b"two");
    let bent = Session::parse(&bytes).unwrap();
    assert!(!resumes(named(Some(bent), "two.example"), server(&cache)));
}

/// What belongs to the connection is agreed on anew: profiles for SRTP (RFC 5764), connection ids (RFC 9146), protocols.
#[test]
fn all_extensions_are_negotiated_anew() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let (mut a, mut z) = (client(Some(session.clone())), server(&cache));
    a.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
    z.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
    (a.application_protocols, z.application_protocols) = (vec![b"coap".to_vec()], vec![b"coap".to_vec()]);
    (a.connection_id, z.connection_id) = (ConnectionId::new(&[1; 3]).ok(), ConnectionId::new(&[2; 5]).ok());
    let mut pair = connect(a, z);
    let connected = pair.z.connected.unwrap();
    assert!(connected.resumed);
    assert_eq!(connected.srtp_profile, Some(SrtpProfile::AEAD_AES_128_GCM));
    assert_eq!(pair.a.connected.unwrap().srtp_profile, Some(SrtpProfile::AEAD_AES_128_GCM));
    assert_eq!(pair.z.connection.application_protocol(), Some(&b"coap"[..]));
    assert_eq!(pair.a.connection.connection_id(), &[1; 3]);
    assert_eq!(pair.z.connection.connection_id(), &[2; 5]);
    assert_talks(&mut pair);
    let mut without = client(Some(session));
    without.srtp_profiles.clear();
    let pair = connect(without, server(&cache));
    assert!(pair.a.connected.unwrap().resumed && pair.a.connection.srtp_keys().is_none());
}

/// The suite of the session, whatever is first now, unless one end does not want it any more.
#[test]
fn a_session_keeps_its_suite() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let suites =
        vec![CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256];
    let mut z = server(&cache);
    z.suites.clone_from(&suites);
    let mut a = client(Some(session.clone()));
    a.suites.clone_from(&suites);
    let pair = connect(a, z.clone());
    let connected = pair.a.connected.unwrap();
    assert!(connected.resumed);
    assert_eq!(connected.suite, CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256);
    z.suites.truncate(1);
    assert!(!resumes(client(Some(session.clone())), z));
    let mut a = client(Some(session));
    a.suites.truncate(1);
    a.suites[0] = CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256;
    assert!(!resumes(a, server(&cache)));
}

/// The octets of a hello's extension are taken for another's, so that nobody knows it.
fn without_extended_master_secret(datagram: &mut [u8]) {
    let at = datagram.windows(4).position(|part| part == [0, 0x17, 0, 0]).unwrap();
    datagram[at] = 0x7f;
}

//= rfc7627#5.3-6 test
//= rfc7627#5.4-6 test
#[test]
fn a_server_takes_up_no_session_without_the_extended_master_secret() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let mut config = server(&cache);
    config.require_extended_master_secret = false;
    let (mut a, mut z) = (Peer::new(client(Some(session)), 1), Peer::new(config, 2));
    let mut hello = flight(&mut a, origin());
    without_extended_master_secret(&mut hello[0]);
    deliver(&mut z, origin(), &hello);
    assert_eq!(z.closed, Some(CloseReason::NoExtendedMasterSecret));
    assert_eq!(cache.len(), 1, "anybody can have sent that hello: it ends nobody's session");
}

//= rfc7627#5.3-10 test
//= rfc7627#5.4-6 test
#[test]
fn a_client_takes_up_no_session_without_the_extended_master_secret() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let mut config = client(Some(session.clone()));
    config.require_extended_master_secret = false;
    config.srtp_profiles.clear();
    let (mut a, mut z) = (Peer::new(config, 1), Peer::new(server(&cache), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    let mut said = records(&flight(&mut z, origin()));
    // It is the first of the answer's extensions; renegotiation_info comes next. Without it the hello is shorter.
    let hello = &mut said[0];
    let at = hello.windows(4).position(|part| part == [0, 0x17, 0, 0]).unwrap();
    hello.drain(at..at + 4);
    for length_at in [12, 16, 24, at - 1] {
        hello[length_at] -= 4;
    }
    deliver(&mut a, origin(), &said);
    assert_eq!(a.closed, Some(CloseReason::NoExtendedMasterSecret));
    assert!(session.is_over());
}

/// A session without the extended master secret does not exist.
//= rfc7627#5.3-4 test
//= rfc7627#5.3-9 test
#[test]
fn a_session_without_the_extended_master_secret_is_not_kept() {
    let cache = cache();
    let mut config = server(&cache);
    (config.require_extended_master_secret, config.srtp_profiles) = (false, Vec::new());
    let mut own = client(None);
    (own.require_extended_master_secret, own.srtp_profiles) = (false, Vec::new());
    let (mut a, mut z) = (Peer::new(own, 1), Peer::new(config, 2));
    let mut hello = flight(&mut a, origin());
    without_extended_master_secret(&mut hello[0]);
    deliver(&mut z, origin(), &hello);
    let said = records(&flight(&mut z, origin()));
    assert_eq!(said[0][13], MessageType::SERVER_HELLO.0);
    assert_eq!(said[0][13 + 12 + 34], 0, "the session has no name");
    assert!(cache.is_empty());
}

//= rfc5246#7.2-1 test
//= rfc5246#7.2.2-2 test
#[test]
fn a_fatal_alert_ends_the_session_and_close_notify_does_not() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    // Closed in order: it stays.
    let mut pair = connect(client(Some(session.clone())), server(&cache));
    let now = pair.now();
    pair.a.close(now);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.z.closed, Some(CloseReason::Peer));
    assert!(!session.is_over() && resumes(client(Some(session.clone())), server(&cache)));
    // Somebody changes the server's hello on the way.
    let (mut a, mut z) = (Peer::new(client(Some(session.clone())), 1), Peer::new(server(&cache), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    let mut bent = records(&flight(&mut z, origin()));
    // One octet of the random: the keys differ, so that nothing opens, and nobody is told.
    bent[0][30] ^= 1;
    deliver(&mut a, origin(), &bent);
    assert!(a.closed.is_none() && z.closed.is_none() && !session.is_over(), "noise ends nothing");
    let pair = connect(client(Some(session.clone())), server(&cache));
    assert!(pair.a.connected.unwrap().resumed);
    // The client of a connection that goes wrong.
    let mut refused = Peer::new(client(Some(session.clone())), 1);
    let hello = flight(&mut refused, origin());
    assert!(!hello.is_empty());
    let mut alert = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    alert.extend(Alert::fatal(nomagic_dtls::AlertDescription::HANDSHAKE_FAILURE).to_bytes());
    refused.handle_input(origin(), &mut alert);
    assert!(refused.closed.is_some() && session.is_over());
    assert!(!resumes(client(Some(session)), server(&cache)), "it is not even asked for");
}

/// The same if it is we who send the alert.
//= rfc5246#7.2.2-2 test
#[test]
fn a_fatal_alert_of_our_own_ends_the_session() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let (mut a, mut z) = (Peer::new(client(Some(session.clone())), 1), Peer::new(server(&cache), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    let mut answer = records(&flight(&mut z, origin()));
    // A version that there is not.
    answer[0][13 + 12] = 1;
    deliver(&mut a, origin(), &answer);
    assert_eq!(a.closed, Some(CloseReason::Version));
    assert!(session.is_over());
}

/// RFC 5246 section 7.4.1.3: who takes up a session takes up its suite.
#[test]
fn a_session_with_another_suite_is_refused() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let (mut a, mut z) = (Peer::new(client(Some(session.clone())), 1), Peer::new(server(&cache), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    let mut answer = records(&flight(&mut z, origin()));
    // Behind headers, version, random and session.
    let at = 13 + 12 + 2 + 32 + 1 + 32;
    assert_eq!(answer[0][at..at + 2], CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256.0.to_be_bytes());
    answer[0][at..at + 2].copy_from_slice(&CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384.0.to_be_bytes());
    deliver(&mut a, origin(), &answer);
    assert_eq!(a.closed, Some(CloseReason::IllegalParameter("not the suite of the session")));
    assert!(session.is_over());
}

/// The other way round: a client that names a session, and does not offer its suite, gets one that it offers.
#[test]
fn a_session_whose_suite_is_not_offered_is_not_taken_up() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let (mut a, mut z) = (Peer::new(client(Some(session)), 1), Peer::new(server(&cache), 3));
    let mut hello = flight(&mut a, origin());
    let suite = CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256.0.to_be_bytes();
    // Behind headers, version, random, session, no cookie, and the length of the list.
    let at = 13 + 12 + 2 + 32 + 33 + 1 + 2;
    assert_eq!(hello[0][at..at + 2], suite);
    hello[0][at..at + 2].copy_from_slice(&[0x1a, 0x1a]);
    deliver(&mut z, origin(), &hello);
    let answer = records(&flight(&mut z, origin()));
    assert_eq!(answer.len(), 5, "a full handshake");
    assert_ne!(answer[0][at - 3..at - 1], suite);
}

/// A peer with a chain of more than 8 KB is not remembered, on either side.
#[test]
fn a_session_with_a_long_chain_is_not_kept() {
    let text = |name: &str| {
        std::fs::read_to_string(format!("{}/tests/identities/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let chain = text("p256.pem") + &text("chain.pem").repeat(3);
    let long = Arc::new(Identity::from_pem(&chain, &text("p256.key")).unwrap());
    let anyone = || Verifier::callback(|_| true);
    for (ours, theirs) in [(&long, &*ZOE), (&*ANNA, &long), (&*ANNA, &*ZOE)] {
        let cache = cache();
        let mut client = Config::client(ours.clone(), anyone());
        client.keep_session = true;
        let mut server = Config::server(theirs.clone(), anyone());
        server.session_cache = Some(cache.clone());
        let pair = connect(client, server);
        assert_eq!(pair.a.connection.session().is_none(), Arc::ptr_eq(theirs, &long));
        assert_eq!(cache.is_empty(), Arc::ptr_eq(ours, &long));
    }
}

/// What a client keeps elsewhere comes back as it was; anything else is an error, or a session that nobody knows.
#[test]
fn a_session_comes_back_from_its_octets() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let bytes = session.to_bytes();
    let back = Session::parse(&bytes).unwrap();
    assert_eq!(back.to_bytes(), bytes);
    assert!(resumes(client(Some(back)), server(&cache)));
    for cut in 0..bytes.len() {
        let parsed = Session::parse(&bytes[..cut]);
        assert!(parsed.is_err() || parsed.unwrap().to_bytes()[..] == bytes[..cut], "cut at {cut}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        if let Ok(parsed) = Session::parse(&changed) {
            assert_eq!(parsed.to_bytes()[..], changed[..], "octet {at}");
        }
    }
    assert!(Session::parse(&[]).is_err());
    assert!(!format!("{session:?}").contains(&hex(&bytes[34..82])));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Another secret under the same name: the server's Finished does not open, and no one is let in.
//= rfc5246#7.4.1.2-2 test
#[test]
fn who_knows_only_the_name_of_a_session_gets_nothing() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let mut bytes = session.to_bytes().to_vec();
    bytes[40] ^= 1;
    let forged = Session::parse(&bytes).unwrap();
    let mut pair = pair_of(client(Some(forged)), server(&cache), || Link::latency(10 * MS));
    pair.run_for(2 * MINUTE);
    assert!(pair.a.connected.is_none() && pair.z.connected.is_none());
    assert!(matches!(pair.z.closed, Some(CloseReason::Timeout { .. })));
    assert!(resumes(client(Some(session)), server(&cache)), "and spoils nothing");
}

/// Who asks for a cookie, and how large the datagrams are.
#[derive(Debug, Clone, Copy)]
struct Kind {
    gate: bool,
    cookie: bool,
    long_hello: bool,
    path_mtu: usize,
    ids: bool,
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (gate, cookie) in [(false, false), (false, true), (true, true)] {
        for long_hello in [false, true] {
            for (path_mtu, ids) in [(1200, false), (256, true)] {
                // A gate that keeps nothing takes hellos whose start fits a datagram: both do.
                kinds.push(Kind { gate, cookie, long_hello, path_mtu, ids });
            }
        }
    }
    kinds
}

impl Kind {
    fn ends(self, session: &Session, cache: &SessionCache) -> (Peer, Door) {
        let (mut a, mut z) = (client(Some(session.clone())), server(cache));
        if self.long_hello {
            a.srtp_profiles = wordy_client().srtp_profiles;
        }
        (a.path_mtu, z.path_mtu) = (self.path_mtu, self.path_mtu);
        if self.ids {
            (a.connection_id, z.connection_id) =
                (ConnectionId::new(&[1; 8]).ok(), ConnectionId::new(&[2; 8]).ok());
        }
        z.address_validated = !self.cookie;
        let mut gate = GateConfig::default();
        gate.kept_hellos = 4;
        let mut door = Door::new(gate, z.clone());
        if !self.gate {
            door.peer = Some(Peer::new(z, 2));
        }
        (Peer::new(a, 1), door)
    }
}

fn both(client: &Peer, door: &Door) -> bool {
    let done =
        |connected: Option<nomagic_dtls::Connected>| connected.is_some_and(|connected| connected.resumed);
    done(client.connected) && door.peer.as_ref().is_some_and(|peer| done(peer.connected))
}

/// D44 for sessions: every loss of one and of two datagrams, retransmissions among them. The client's Finished is the last
/// flight: the server's timer asks for it again.
//= rfc6347#4.2.4-1 test
#[test]
fn every_resumption_survives_every_double_loss() {
    let cache = SessionCache::new(8, HOUR);
    let session = first(client(None), server(&cache));
    for kind in kinds() {
        let all: Vec<_> = (0..6).flat_map(|number| [(true, number), (false, number)]).collect();
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                let lost = [*first, *second];
                let link = |out| {
                    let numbers = lost.iter().filter(|(way, _)| *way == out).map(|(_, number)| *number);
                    Link::latency(10 * MS).drop_numbers(numbers.collect())
                };
                let (a, z) = kind.ends(&session, &cache);
                let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
                pair.run_until(|pair| both(&pair.a, &pair.z));
                assert!(pair.elapsed() < Duration::from_secs(16), "{kind:?} {lost:?}: {:?}", pair.elapsed());
            }
        }
    }
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for number in 0..count {
        let longer = |order: Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, number);
                longer
            })
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

/// D21 for sessions: the records of one flight in this order. Returns how many each flight has.
fn played(
    kind: Kind,
    (session, cache): (&Session, &SessionCache),
    shuffled: usize,
    order: &[usize],
) -> Vec<usize> {
    let (mut client, mut door) = kind.ends(session, cache);
    let mut counts = Vec::new();
    for number in 0.. {
        let from_client = number % 2 == 0;
        let said = if from_client { flight(&mut client, origin()) } else { outbox(&mut door, origin()) };
        let said = records(&said);
        if said.is_empty() {
            break;
        }
        counts.push(said.len());
        let in_order = if number == shuffled { order.to_vec() } else { (0..said.len()).collect() };
        for index in in_order {
            let mut datagram = said[index].clone();
            if from_client {
                door.handle_input(origin(), &mut datagram);
            } else {
                client.handle_input(origin(), &mut datagram);
            }
        }
    }
    assert!(both(&client, &door), "{kind:?}, flight {shuffled} in the order {order:?}");
    counts
}

#[test]
fn every_order_of_every_flight_completes_every_resumption() {
    let cache = SessionCache::new(8, HOUR);
    let session = first(client(None), server(&cache));
    let mut ran = 0;
    for kind in kinds().into_iter().filter(|kind| kind.path_mtu == 1200) {
        let counts = played(kind, (&session, &cache), usize::MAX, &[]);
        assert_eq!(counts.len(), if kind.cookie { 5 } else { 3 }, "{kind:?}");
        for (number, count) in counts.into_iter().enumerate() {
            for order in orders(count) {
                played(kind, (&session, &cache), number, &order);
                ran += 1;
            }
        }
    }
    assert!(ran > 60, "{ran}");
}

/// The server's Finished again brings back the client's, and nothing else does.
//= rfc6347#4.2.4-1 test
#[test]
fn the_clients_last_flight_comes_again_when_asked_for() {
    let cache = cache();
    let session = first(client(None), server(&cache));
    let link = |out: bool| {
        Link::latency(10 * MS).script(move |number, _| {
            if out && (1..4).contains(&number) { Verdict::Drop } else { Verdict::Deliver }
        })
    };
    let (a, z) = (Peer::new(client(Some(session)), 1), Peer::new(server(&cache), 2));
    let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
    pair.run_until(|pair| pair.a.connected.is_some());
    assert!(pair.a.poll_timeout().is_none(), "no timer runs for the last flight");
    assert!(pair.z.poll_timeout().is_some(), "it is the server's that runs");
    pair.run_until(both_connected);
    assert_eq!(pair.z.connection.stats().timeouts, 3);
    assert_eq!(pair.a.connection.stats().repeats_answered, 3);
    assert_eq!(pair.elapsed(), Duration::from_secs(1 + 2 + 4) + 30 * MS);
    assert!(pair.z.poll_timeout().is_none());
}

#[test]
fn a_connection_that_takes_up_a_session_keeps_all_laws() {
    let cache = SessionCache::new(8, HOUR);
    let session = first(client(None), server(&cache));
    let make = |seed: u64| {
        (Peer::new(client(Some(session.clone())), 2 * seed), Peer::new(server(&cache), 2 * seed + 1))
    };
    let done = |a: &Peer, z: &Peer| a.connected.is_some() && z.connected.is_some();
    Subject { make: &make, done: &done, memory: 200_000 }.keeps_all_laws();
}
