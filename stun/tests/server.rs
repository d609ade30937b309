//! The Binding server, asked by hand: RFC 8489 sections 6.3.1, 9.1.3, 9.2.4, 10 to 12 and 14.8, RFC 5780 section 6.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_stun::attribute::*;
use nomagic_stun::*;
use nomagic_testkit::{clock, rng};

const ID: TransactionId = TransactionId([9; 12]);
const REALM: &str = "example.org";
const BOTH: &[u8] = &[0, 2, 0, 0, 0, 1, 0, 0];

type Builder<'o> = MessageBuilder<'o, Open>;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn from() -> FiveTuple {
    FiveTuple {
        client: address("198.51.100.9:40000"),
        server: address("192.0.2.7:3478"),
        transport: Transport::Udp,
    }
}

fn over(transport: Transport) -> FiveTuple {
    FiveTuple { transport, ..from() }
}

struct World {
    server: BindingServer,
    now: Instant,
}

impl World {
    fn new(config: BindingServerConfig) -> Self {
        Self { server: BindingServer::new(config, &mut rng(5)), now: clock::origin() }
    }

    fn plain() -> Self {
        Self::new(BindingServerConfig::default())
    }

    fn send(&mut self, from: FiveTuple, request: &[u8]) -> Option<(FiveTuple, Vec<u8>)> {
        self.server.handle_input(self.now, from, &mut request.to_vec());
        let mut out = Vec::new();
        let transmit = self.server.poll_transmit(self.now, &mut out)?;
        assert_eq!(transmit.len, out.len());
        Some((transmit.to, out))
    }

    /// Asks over UDP and hands the answer to `look`, with its error code, 0 for success.
    fn ask<T>(&mut self, request: &[u8], look: impl FnOnce(u16, &Message<'_>) -> T) -> T {
        let (to, answer) = self.send(from(), request).expect("an answer");
        assert_eq!(to, from());
        let answer = Message::parse(&answer).unwrap();
        look(code(&answer), &answer)
    }

    fn nonce(&mut self) -> String {
        self.ask(&request(|builder| builder), |code, answer| {
            assert_eq!(code, 401);
            answer.attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned()
        })
    }
}

fn code(answer: &Message<'_>) -> u16 {
    assert_eq!(answer.transaction_id(), ID);
    let error = answer.attribute::<ErrorReason<'_>>().unwrap();
    assert_eq!(error.is_some(), answer.class() == Class::Error);
    error.map_or(0, |error| error.code().code())
}

fn request(fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>) -> Vec<u8> {
    let mut out = Vec::new();
    fill(MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)).finish().unwrap();
    out
}

fn short_term() -> World {
    let mut config = BindingServerConfig::default();
    config.admission =
        Admission::ShortTerm(vec![ShortTermCredential::new("evtj:h6vY", "VOkJxbRl1RmTxUk").unwrap()]);
    World::new(config)
}

fn short_key() -> IntegrityKey {
    IntegrityKey::short_term("VOkJxbRl1RmTxUk")
}

fn users() -> Users {
    let mut users = Users::new(REALM).unwrap();
    users.add("alice", "secret").unwrap();
    users
}

fn long_term() -> World {
    let mut config = BindingServerConfig::default();
    config.admission = Admission::LongTerm(users());
    World::new(config)
}

fn long_key(algorithm: PasswordAlgorithm) -> IntegrityKey {
    IntegrityKey::long_term("alice", REALM, "secret", algorithm).unwrap()
}

/// A request by alice, signed with MESSAGE-INTEGRITY.
fn by_alice(nonce: &str) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("alice").unwrap())
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(nonce).unwrap())
        .integrity(&long_key(PasswordAlgorithm::MD5))
        .finish()
        .unwrap();
    out
}

/// The same, signed with MESSAGE-INTEGRITY-SHA256.
fn by_alice_sha256(nonce: &str) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("alice").unwrap())
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(nonce).unwrap())
        .attribute(&PasswordAlgorithms::BOTH)
        .attribute(&ChosenAlgorithm::new(PasswordAlgorithm::SHA_256))
        .integrity_sha256(&long_key(PasswordAlgorithm::SHA_256))
        .finish()
        .unwrap();
    out
}

/// Nothing in an answer says who somebody is.
fn says_nothing_of_the_user(answer: &Message<'_>) -> bool {
    !answer.has_integrity()
        && answer
            .attributes()
            .all(|raw| ![AttributeType::USERNAME, AttributeType::USERHASH].contains(&raw.attribute_type))
}

fn is_challenge(answer: &Message<'_>) -> bool {
    let nonce = answer.attribute::<Nonce<'_>>().unwrap();
    answer.attribute::<Realm<'_>>().unwrap().is_some_and(|realm| realm.as_str() == REALM)
        && nonce.is_some_and(|nonce| nonce.as_str().starts_with("obMatJos2AAAD"))
        && answer.attribute::<PasswordAlgorithms<'_>>().unwrap() == Some(PasswordAlgorithms::BOTH)
        && says_nothing_of_the_user(answer)
}

//= rfc8489#5-3 test
//= rfc8489#5-7 test
//= rfc8489#5-8 test
//= rfc8489#12-1 test
//= rfc8489#12-4 test
//= rfc8489#12-6 test
#[test]
fn a_request_is_answered_with_the_address_it_came_from_whatever_carries_it() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Dtls] {
        let mut world = World::plain();
        let (to, answer) = world.send(over(transport), &request(|builder| builder)).unwrap();
        assert_eq!(to, over(transport));
        assert_eq!(answer[4..8], [0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(answer[8..20], ID.0);
        assert_eq!(usize::from(u16::from_be_bytes([answer[2], answer[3]])), answer.len() - 20);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.message_type(), MessageType::new(Method::BINDING, Class::Success));
        assert_eq!(answer.attribute::<XorMappedAddress>(), Ok(Some(XorMappedAddress(from().client))));
        assert!(!answer.has_fingerprint(), "as the request has none");
        let mut sealed = Vec::new();
        MessageBuilder::new(&mut sealed, MessageType::BINDING_REQUEST, ID).fingerprint().finish().unwrap();
        let (_, answer) = world.send(over(transport), &sealed).unwrap();
        assert!(Message::parse(&answer).unwrap().has_fingerprint());
    }
}

#[test]
fn ipv6_clients_see_their_address() {
    let from =
        FiveTuple { client: address("[2001:db8::9]:40000"), server: address("[2001:db8::1]:3478"), ..from() };
    let (_, answer) = World::plain().send(from, &request(|builder| builder)).unwrap();
    let mapped = Message::parse(&answer).unwrap().attribute::<XorMappedAddress>();
    assert_eq!(mapped, Ok(Some(XorMappedAddress(from.client))));
}

/// A socket for both families shows IPv4 clients in IPv6's clothes; they are to see their own address.
#[test]
fn ipv4_clients_of_a_socket_for_both_families_see_an_ipv4_address() {
    let from = FiveTuple {
        client: address("[::ffff:198.51.100.9]:40000"),
        server: address("[2001:db8::1]:3478"),
        ..from()
    };
    let (to, answer) = World::plain().send(from, &request(|builder| builder)).unwrap();
    assert_eq!(to, from);
    let mapped = Message::parse(&answer).unwrap().attribute::<XorMappedAddress>();
    assert_eq!(mapped, Ok(Some(XorMappedAddress(address("198.51.100.9:40000")))));
}

//= rfc8489#6.3.1-1 test
//= rfc8489#6.3.1-2 test
#[test]
fn a_repeated_request_gets_the_same_answer() {
    let (mut world, request) = (World::plain(), request(|builder| builder));
    let first = world.send(from(), &request);
    world.now += Duration::from_secs(20);
    assert_eq!(world.send(from(), &request), first);
}

//= rfc8489#6.3-1 test
//= rfc8489#6.3-2 test
#[test]
fn optional_and_misplaced_attributes_are_ignored() {
    let odd = request(|builder| {
        builder
            .attribute(&Opaque { attribute_type: AttributeType(0xc123), value: b"whatever" })
            .attribute(&XorMappedAddress(address("192.0.2.200:1")))
            .attribute(&ErrorReason::bare(ErrorCode::SERVER_ERROR))
    });
    World::plain().ask(&odd, |code, answer| {
        assert_eq!(code, 0);
        assert_eq!(answer.attribute::<XorMappedAddress>(), Ok(Some(XorMappedAddress(from().client))));
    });
}

/// T7.
//= rfc8489#6.3.1.1-1 test
//= rfc8489#6.3.1.1-3 test
//= rfc8489#14.8-10 test
#[test]
fn unknown_attributes_that_must_be_understood_are_listed_in_a_420() {
    let unknown = [AttributeType(0x7ffe), AttributeType::PRIORITY, AttributeType(0x0002)];
    let bytes = request(|builder| {
        let builder = builder.attribute(&Opaque { attribute_type: unknown[0], value: b"a" });
        let builder = builder.attribute(&Opaque { attribute_type: AttributeType(0x8fff), value: b"b" });
        builder
            .attribute(&Priority(1))
            .attribute(&Username::new("me").unwrap())
            .attribute(&Opaque { attribute_type: unknown[2], value: b"" })
    });
    World::plain().ask(&bytes, |code, answer| {
        assert_eq!(code, 420);
        let listed = answer.attribute::<UnknownAttributes>().unwrap().unwrap();
        assert_eq!(listed.iter().collect::<Vec<_>>(), unknown);
        assert_eq!(answer.attribute::<XorMappedAddress>(), Ok(None));
    });
    // Repetitions of one do not hide another.
    let bytes = request(|mut builder| {
        for _ in 0..100 {
            builder = builder.attribute(&Priority(1));
        }
        builder.attribute(&UseCandidate)
    });
    World::plain().ask(&bytes, |_, answer| {
        let listed = answer.attribute::<UnknownAttributes>().unwrap().unwrap();
        let expected = [AttributeType::PRIORITY, AttributeType::USE_CANDIDATE];
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
    });
    // Where requests are signed, the refusal is too.
    let mut world = short_term();
    let mut signed = Vec::new();
    MessageBuilder::new(&mut signed, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("evtj:h6vY").unwrap())
        .attribute(&Priority(1))
        .integrity(&short_key())
        .finish()
        .unwrap();
    world.ask(&signed, |code, answer| {
        assert_eq!(code, 420);
        assert_eq!(answer.verify(&short_key()), Ok(()));
    });
}

#[test]
fn indications_answers_and_other_methods_get_no_answer() {
    let mut world = World::plain();
    for (kind, expected) in [
        (MessageType::new(Method::BINDING, Class::Indication), Input::Consumed),
        (MessageType::new(Method::BINDING, Class::Success), Input::NotMine),
        (MessageType::new(Method::BINDING, Class::Error), Input::NotMine),
        (MessageType::new(Method::ALLOCATE, Class::Request), Input::NotMine),
        (MessageType::new(Method::new(0), Class::Request), Input::NotMine),
    ] {
        let mut bytes = Vec::new();
        MessageBuilder::new(&mut bytes, kind, ID).finish().unwrap();
        assert_eq!(world.server.handle_input(world.now, from(), &mut bytes), expected, "{kind}");
        assert_eq!(world.server.poll_transmit(world.now, &mut Vec::new()), None, "{kind}");
    }
}

//= rfc8489#9.1.3-1 test
//= rfc8489#9.1.3-2 test
//= rfc8489#9.1.3-4 test
//= rfc8489#9.1.3-8 test
#[test]
fn short_term_requests_without_or_with_wrong_credentials_are_refused() {
    let mut world = short_term();
    let ask = |world: &mut World, username: Option<&str>, password: Option<&str>| {
        let mut bytes = Vec::new();
        let mut builder = MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID);
        if let Some(username) = username {
            builder = builder.attribute(&Username::new(username).unwrap());
        }
        match password {
            Some(password) => builder.integrity(&IntegrityKey::short_term(password)).finish().unwrap(),
            None => builder.finish().unwrap(),
        };
        world.ask(&bytes, |code, answer| {
            assert!(code == 0 || says_nothing_of_the_user(answer));
            code
        })
    };
    let right = Some("VOkJxbRl1RmTxUk");
    assert_eq!(ask(&mut world, None, None), 400);
    assert_eq!(ask(&mut world, Some("evtj:h6vY"), None), 400);
    assert_eq!(ask(&mut world, None, right), 400);
    assert_eq!(ask(&mut world, Some("evtj:h6vZ"), right), 401);
    assert_eq!(ask(&mut world, Some("evtj:h6vY"), Some("wrong")), 401);
    assert_eq!(ask(&mut world, Some("evtj:h6vY"), right), 0);
}

//= rfc8489#9.1.3-3 test
#[test]
fn indications_that_are_not_signed_are_discarded_in_silence() {
    let mut world = short_term();
    for (username, password) in
        [(None, None), (Some("mallory"), Some("wrong")), (Some("evtj:h6vY"), Some("wrong"))]
    {
        let mut bytes = Vec::new();
        let kind = MessageType::new(Method::BINDING, Class::Indication);
        let mut builder = MessageBuilder::new(&mut bytes, kind, ID);
        if let Some(username) = username {
            builder = builder.attribute(&Username::new(username).unwrap());
        }
        match password {
            Some(password) => builder.integrity(&IntegrityKey::short_term(password)).finish().unwrap(),
            None => builder.finish().unwrap(),
        };
        assert_eq!(world.send(from(), &bytes), None);
    }
    assert_eq!(world.server.stats(), BindingServerStats::default());
}

//= rfc8489#9.1.3-5 test
//= rfc8489#9.1.3-6 test
//= rfc8489#9.1.3-7 test
#[test]
fn short_term_answers_are_signed_as_the_request_was_and_name_nobody() {
    let mut world = short_term();
    for (sha1, sha256) in [(true, false), (false, true), (true, true)] {
        let mut bytes = Vec::new();
        let builder = MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID)
            .attribute(&Username::new("evtj:h6vY").unwrap());
        match (sha1, sha256) {
            (true, false) => builder.integrity(&short_key()).finish(),
            (false, true) => builder.integrity_sha256(&short_key()).finish(),
            _ => builder.integrity(&short_key()).integrity_sha256(&short_key()).finish(),
        }
        .unwrap();
        world.ask(&bytes, |code, answer| {
            assert_eq!((code, answer.has_integrity_sha256()), (0, sha256));
            assert_eq!(answer.verify(&short_key()), Ok(()));
            assert_eq!(answer.attribute::<Username<'_>>(), Ok(None));
            let text = answer.to_string();
            assert!(text.ends_with(if sha256 { "signed=SHA256" } else { "signed=SHA1" }), "{text}");
        });
    }
}

//= rfc8489#9.2-1 test
//= rfc8489#9.2.4-2 test
//= rfc8489#9.2.4-3 test
//= rfc8489#9.2.4-4 test
//= rfc8489#9.2.4-7 test
//= rfc8489#9.2.4-8 test
//= rfc8489#9.2.4-9 test
//= rfc8489#18.5.1.1-1 test
#[test]
fn who_does_not_sign_is_challenged() {
    let mut world = long_term();
    let mut nonces = BTreeSet::new();
    for _ in 0..20 {
        world.ask(&request(|builder| builder), |code, answer| {
            assert_eq!(code, 401);
            assert!(is_challenge(answer), "{answer}");
            let offered = answer.attribute::<PasswordAlgorithms<'_>>().unwrap().unwrap();
            let first = offered.iter().next().unwrap().algorithm();
            assert_eq!(first, PasswordAlgorithm::SHA_256, "MD5 is for those that know nothing better");
            nonces.insert(answer.attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned());
        });
    }
    assert_eq!(nonces.len(), 20);
}

//= rfc8489#9.2.4-10 test
//= rfc8489#9.2.4-11 test
#[test]
fn who_signs_without_name_realm_or_nonce_has_made_a_bad_request() {
    let mut world = long_term();
    let nonce = world.nonce();
    for missing in 0..3 {
        let mut bytes = Vec::new();
        let mut builder = MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID);
        if missing != 0 {
            builder = builder.attribute(&Username::new("alice").unwrap());
        }
        if missing != 1 {
            builder = builder.attribute(&Realm::new(REALM).unwrap());
        }
        if missing != 2 {
            builder = builder.attribute(&Nonce::new(&nonce).unwrap());
        }
        builder.integrity(&long_key(PasswordAlgorithm::MD5)).finish().unwrap();
        world.ask(&bytes, |code, answer| {
            assert_eq!(code, 400, "without {missing}");
            assert!(says_nothing_of_the_user(answer));
            assert_eq!(answer.attribute::<Nonce<'_>>(), Ok(None));
            assert_eq!(answer.attribute::<Realm<'_>>(), Ok(None));
        });
    }
}

/// T8: nonce cookie bits against the lists of algorithms.
//= rfc8489#9.2.4-12 test
#[test]
fn a_list_of_algorithms_that_is_not_ours_is_a_bad_request() {
    let mut world = long_term();
    let nonce = world.nonce();
    let (md5, sha256) = (PasswordAlgorithm::MD5, PasswordAlgorithm::SHA_256);
    type Case<'c> = (Option<&'c [u8]>, Option<PasswordAlgorithm>, u16);
    let cases: [Case<'_>; 8] = [
        (None, None, 0),
        (Some(BOTH), Some(sha256), 0),
        (Some(BOTH), Some(md5), 0),
        (Some(BOTH), None, 400),
        (None, Some(sha256), 400),
        (Some(&[0, 1, 0, 0]), Some(md5), 400),
        (Some(&[0, 1, 0, 0, 0, 2, 0, 0]), Some(sha256), 400),
        (Some(BOTH), Some(PasswordAlgorithm(3)), 400),
    ];
    for (list, chosen, expected) in cases {
        let mut bytes = Vec::new();
        let mut builder = MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID)
            .attribute(&Username::new("alice").unwrap())
            .attribute(&Realm::new(REALM).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap());
        if let Some(value) = list {
            let attribute_type = AttributeType::PASSWORD_ALGORITHMS;
            builder = builder.attribute(&Opaque { attribute_type, value });
        }
        if let Some(chosen) = chosen {
            builder = builder.attribute(&ChosenAlgorithm::new(chosen));
        }
        let key = long_key(chosen.filter(|own| *own == sha256).unwrap_or(md5));
        let signed = if chosen.is_some() {
            builder.integrity_sha256(&key).finish()
        } else {
            builder.integrity(&key).finish()
        };
        signed.unwrap();
        world.ask(&bytes, |code, _| assert_eq!(code, expected, "{list:?} {chosen:?}"));
    }
}

//= rfc8489#9.2.4-13 test
//= rfc8489#9.2.4-14 test
//= rfc8489#9.2.4-15 test
//= rfc8489#9.2.4-16 test
//= rfc8489#9.2.4-17 test
//= rfc8489#9.2.4-19 test
//= rfc8489#9.2.4-20 test
//= rfc8489#9.2.4-21 test
#[test]
fn wrong_names_hashes_realms_and_passwords_are_challenged_again() {
    let mut world = long_term();
    let nonce = world.nonce();
    for (name, hash, realm, signed_for, password) in [
        (Some("mallory"), None, REALM, REALM, "secret"),
        (None, Some(Userhash([7; 32])), REALM, REALM, "secret"),
        (Some("alice"), None, "other.example", "other.example", "secret"),
        (Some("alice"), None, "other.example", REALM, "secret"),
        (Some("alice"), None, REALM, REALM, "wrong"),
    ] {
        let mut bytes = Vec::new();
        let mut builder = MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID);
        if let Some(name) = name {
            builder = builder.attribute(&Username::new(name).unwrap());
        }
        if let Some(hash) = hash {
            builder = builder.attribute(&hash);
        }
        let (name, md5) = (name.unwrap_or("alice"), PasswordAlgorithm::MD5);
        let key = IntegrityKey::long_term(name, signed_for, password, md5);
        builder
            .attribute(&Realm::new(realm).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap())
            .integrity(&key.unwrap())
            .finish()
            .unwrap();
        world.ask(&bytes, |code, answer| {
            assert_eq!(code, 401, "{name:?} {realm} {password}");
            assert!(is_challenge(answer), "{answer}");
        });
    }
}

//= rfc8489#9.2.4-22 test
//= rfc8489#9.2.4-23 test
//= rfc8489#9.2.4-24 test
#[test]
fn a_stale_nonce_is_told_with_a_good_one() {
    let mut world = long_term();
    let nonce = world.nonce();
    world.now += Duration::from_secs(1799);
    world.ask(&by_alice(&nonce), |code, _| assert_eq!(code, 0));
    world.now += Duration::from_secs(1);
    let fresh = world.ask(&by_alice(&nonce), |code, answer| {
        assert_eq!(code, 438);
        assert!(is_challenge(answer), "{answer}");
        answer.attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned()
    });
    world.ask(&by_alice(&fresh), |code, _| assert_eq!(code, 0));
    // A nonce is the address's; and a server that runs for long changes its key.
    let elsewhere = FiveTuple { client: address("198.51.100.10:1"), ..from() };
    let (_, answer) = world.send(elsewhere, &by_alice(&fresh)).unwrap();
    assert_eq!(code(&Message::parse(&answer).unwrap()), 438);
    world.server.reseed(&mut rng(1));
    world.ask(&by_alice(&fresh), |code, _| assert_eq!(code, 0));
    world.server.reseed(&mut rng(2));
    world.ask(&by_alice(&fresh), |code, _| assert_eq!(code, 438));
}

//= rfc8489#9.2.4-26 test
//= rfc8489#9.2.4-27 test
#[test]
fn long_term_answers_are_signed_with_sha256_unless_the_request_is_of_old() {
    let mut world = long_term();
    let nonce = world.nonce();
    world.ask(&by_alice_sha256(&nonce), |code, answer| {
        assert_eq!((code, answer.has_integrity_sha256()), (0, true));
        assert_eq!(answer.verify(&long_key(PasswordAlgorithm::SHA_256)), Ok(()));
        assert!(
            answer.attribute::<Username<'_>>() == Ok(None) && answer.attribute::<Realm<'_>>() == Ok(None)
        );
    });
    world.ask(&by_alice(&nonce), |code, answer| {
        assert_eq!((code, answer.has_integrity_sha256()), (0, false));
        assert_eq!(answer.verify(&long_key(PasswordAlgorithm::MD5)), Ok(()));
        assert!(
            answer.attribute::<Username<'_>>() == Ok(None) && answer.attribute::<Nonce<'_>>() == Ok(None)
        );
    });
}

#[test]
fn a_hidden_name_is_known() {
    let mut world = long_term();
    let nonce = world.nonce();
    let mut bytes = Vec::new();
    MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID)
        .attribute(&Userhash::new("alice", REALM))
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(&nonce).unwrap())
        .integrity(&long_key(PasswordAlgorithm::MD5))
        .finish()
        .unwrap();
    world.ask(&bytes, |code, _| assert_eq!(code, 0));
}

/// Who is known is sent elsewhere; the others learn nothing of it.
//= rfc8489#10-1 test
//= rfc8489#10-2 test
//= rfc8489#14.8-6 test
//= rfc8489#14.8-7 test
//= rfc5780#6.1-13 test
#[test]
fn who_is_known_is_sent_to_a_server_of_the_same_family() {
    let mut config = BindingServerConfig::default();
    config.admission = Admission::LongTerm(users());
    let (v6, v4) = (address("[2001:db8::2]:3478"), address("192.0.2.99:3478"));
    config.alternates = vec![v6, v4];
    config.pairs = vec![AddressPair::new(from().server, address("192.0.2.8:3479")).unwrap()];
    let mut world = World::new(config.clone());
    let nonce = world.nonce();
    let servers = |answer: &Message<'_>| -> Vec<SocketAddr> {
        let own = answer.attributes().filter(|raw| raw.attribute_type == AttributeType::ALTERNATE_SERVER);
        own.map(|raw| AlternateServer::parse(&raw, ID).unwrap().0).collect()
    };
    world.ask(&by_alice(&nonce), |code, answer| {
        assert_eq!((code, servers(answer)), (300, vec![v4, v6]));
        assert_eq!(answer.verify(&long_key(PasswordAlgorithm::MD5)), Ok(()));
        let others = [
            AttributeType::OTHER_ADDRESS,
            AttributeType::RESPONSE_ORIGIN,
            AttributeType::PADDING,
            AttributeType::XOR_MAPPED_ADDRESS,
        ];
        assert!(answer.attributes().all(|raw| !others.contains(&raw.attribute_type)), "{answer}");
    });
    // With no server of the client's family there is nowhere to send it.
    config.alternates = vec![v6];
    let mut world = World::new(config.clone());
    let nonce = world.nonce();
    world.ask(&by_alice(&nonce), |code, _| assert_eq!(code, 0));
    // Whoever has not signed is answered as ever.
    config.admission = Admission::Everybody;
    config.alternates = vec![v4];
    World::new(config).ask(&request(|builder| builder), |code, _| assert_eq!(code, 0));
}

//= rfc8489#10-4 test
#[test]
fn over_tls_the_other_servers_name_goes_along() {
    let mut config = BindingServerConfig::default();
    config.admission = Admission::LongTerm(users());
    config.alternates = vec![address("192.0.2.99:5349")];
    config.alternate_domain = Some("two.example.org".to_owned());
    let mut world = World::new(config);
    let nonce = world.nonce();
    for (transport, request, expected) in [
        (Transport::Tls, by_alice_sha256(&nonce), true),
        (Transport::Dtls, by_alice_sha256(&nonce), true),
        (Transport::Tls, by_alice(&nonce), false),
        (Transport::Udp, by_alice_sha256(&nonce), false),
    ] {
        let (_, answer) = world.send(over(transport), &request).unwrap();
        let answer = Message::parse(&answer).unwrap();
        let domain = answer.attribute::<AlternateDomain<'_>>().unwrap();
        assert_eq!((code(&answer), domain.is_some()), (300, expected), "{transport:?}");
        assert!(domain.is_none_or(|domain| domain.as_str() == "two.example.org"));
    }
}

/// A request of RFC 3489: no magic cookie.
//= rfc8489#11-1 test
//= rfc8489#11-2 test
#[test]
fn classic_requests_get_500_over_dtls_and_nothing_elsewhere() {
    let mut classic = request(|builder| builder);
    classic[4..8].copy_from_slice(&[1, 2, 3, 4]);
    let mut world = World::plain();
    let (_, answer) = world.send(over(Transport::Dtls), &classic).unwrap();
    assert_eq!(answer[..4], [0x01, 0x11, 0, 8]);
    assert_eq!(answer[4..20], classic[4..20]);
    assert_eq!(answer[20..], [0, 9, 0, 4, 0, 0, 5, 0]);
    let mut indication = classic.clone();
    indication[1] = 0x11;
    assert_eq!(world.send(over(Transport::Dtls), &indication), None);
    assert_eq!(world.send(over(Transport::Udp), &classic), None);
    let mut short = classic.clone();
    short[3] = 4;
    assert_eq!(world.send(over(Transport::Dtls), &short), None);
}

/// T20: whoever forges a victim's address makes the server send no more than was spent on it, but for the allowance.
#[test]
fn a_flood_under_a_forged_address_is_not_amplified() {
    let mut config = BindingServerConfig::default();
    config.pairs = vec![AddressPair::new(from().server, address("192.0.2.8:3479")).unwrap()];
    config.unauthenticated = UnauthenticatedAnswers { burst: 4096, per_second: 100 };
    let mut world = World::new(config);
    let request = request(|builder| builder);
    let (mut received, mut sent) = (0, 0);
    for _ in 0..10_000 {
        received += request.len();
        sent += world.send(from(), &request).map_or(0, |(_, answer)| answer.len());
        world.now += Duration::from_millis(1);
    }
    assert!(sent <= received + 4096 + 10 * 100, "{received} octets in, {sent} out");
    assert!(sent * 2 > received, "but what is paid for is answered");
    assert!(world.server.stats().dropped_answers > 1000);
}

#[test]
fn answers_that_nobody_polls_are_dropped_and_a_closed_server_is_silent() {
    let mut config = BindingServerConfig::default();
    config.waiting = 1000;
    let mut world = World::new(config);
    let request = request(|builder| builder);
    for _ in 0..100 {
        world.server.handle_input(world.now, from(), &mut request.clone());
    }
    let waiting = std::iter::from_fn(|| world.server.poll_transmit(world.now, &mut Vec::new())).count();
    assert_eq!((waiting, world.server.stats().dropped_answers), (31, 69));
    world.server.close(world.now);
    assert_eq!(world.send(from(), &request), None);
    assert!(world.server.is_closed() && world.server.poll_timeout().is_none());
}

/// Nothing is remembered of those who ask, and in steady state nothing is allocated for them.
#[test]
fn answering_allocates_nothing() {
    let mut config = BindingServerConfig::default();
    config.pairs = vec![AddressPair::new(from().server, address("192.0.2.8:3479")).unwrap()];
    for config in [BindingServerConfig::default(), config] {
        let mut world = World::new(config);
        let (request, mut out) = (request(|builder| builder), Vec::with_capacity(1500));
        let mut datagram = request.clone();
        let mut ask = |world: &mut World, client: SocketAddr| {
            datagram.copy_from_slice(&request);
            world.server.handle_input(world.now, FiveTuple { client, ..from() }, &mut datagram);
            out.clear();
            assert!(world.server.poll_transmit(world.now, &mut out).is_some());
        };
        (0..10).for_each(|_| ask(&mut world, from().client));
        nomagic_testkit::alloc::assert_none(|| {
            for host in 0..100 {
                ask(&mut world, SocketAddr::from(([203, 0, host, 1], 1000)));
            }
        });
    }
}
