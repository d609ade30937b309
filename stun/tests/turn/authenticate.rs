//! Who may ask what: RFC 8489 section 9.2.4 and RFC 8656 section 5.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{
    AttributeType, Class, IntegrityKey, Message, MessageBuilder, MessageType, Method, PasswordAlgorithm,
    TransactionId,
};
use nomagic_testkit::rng;
use sha1::Sha1;

use crate::by_hand;
use crate::world::*;

const ALLOCATE: MessageType = MessageType { method: Method::ALLOCATE, class: Class::Request };
const REFRESH: MessageType = MessageType { method: Method::REFRESH, class: Class::Request };
const ID: TransactionId = TransactionId([1; 12]);

fn from() -> FiveTuple {
    FiveTuple { client: client_address(0), server: server_address(), transport: Transport::Udp }
}

fn udp(builder: MessageBuilder<'_>) -> MessageBuilder<'_> {
    builder.attribute(&RequestedTransport::UDP)
}

#[test]
fn wrong_passwords_names_and_realms_are_refused_alike() {
    let mut world = World::new(config());
    let nonce = by_hand::nonce(&mut world, from());
    let request = |user: &str, realm: &str, password: &str| {
        let key = IntegrityKey::long_term(user, realm, password, PasswordAlgorithm::MD5).unwrap();
        let mut request = Vec::new();
        udp(MessageBuilder::new(&mut request, ALLOCATE, ID))
            .attribute(&Username::new(user).unwrap())
            .attribute(&Realm::new(realm).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap())
            .integrity(&key)
            .finish()
            .unwrap();
        request
    };
    let mut ask = |request| code(&by_hand::exchange(&mut world, from(), request).unwrap());
    assert_eq!(ask(request("alice", REALM, "wrong")), 401);
    assert_eq!(ask(request("mallory", REALM, PASSWORD)), 401);
    assert_eq!(ask(request("alice", "other.example", PASSWORD)), 401);
    let mut nobody = Vec::new();
    udp(MessageBuilder::new(&mut nobody, ALLOCATE, ID))
        .attribute(&Username::new("mallory").unwrap())
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(&nonce).unwrap())
        .integrity(&IntegrityKey::from_octets(&[]))
        .finish()
        .unwrap();
    assert_eq!(ask(nobody), 401, "a name that nobody has, signed with a key that nobody has");
    assert_eq!(ask(request("alice", REALM, PASSWORD)), 0);
}

#[test]
fn signed_requests_without_name_realm_or_nonce_are_bad() {
    let mut world = World::new(config());
    let nonce = by_hand::nonce(&mut world, from());
    for missing in 0..3 {
        let mut request = Vec::new();
        let mut builder = udp(MessageBuilder::new(&mut request, ALLOCATE, ID));
        if missing != 0 {
            builder = builder.attribute(&Username::new("alice").unwrap());
        }
        if missing != 1 {
            builder = builder.attribute(&Realm::new(REALM).unwrap());
        }
        if missing != 2 {
            builder = builder.attribute(&Nonce::new(&nonce).unwrap());
        }
        builder.integrity(&by_hand::key("alice")).finish().unwrap();
        assert_eq!(code(&by_hand::exchange(&mut world, from(), request).unwrap()), 400, "{missing}");
    }
}

/// T8, the server's side: what the client says of algorithms must be what it was told.
#[test]
fn lists_of_algorithms_that_were_changed_on_the_way_are_bad() {
    let mut world = World::new(config());
    let nonce = by_hand::nonce(&mut world, from());
    let md5_only: &[u8] = &[0, 1, 0, 0];
    let both: &[u8] = &[0, 2, 0, 0, 0, 1, 0, 0];
    let (md5, sha256) = (PasswordAlgorithm::MD5, PasswordAlgorithm::SHA_256);
    let cases = [
        (None, None, md5, 0),
        (Some(both), Some(sha256), sha256, 0),
        (Some(both), Some(md5), md5, 0),
        (Some(both), None, md5, 400),
        (None, Some(sha256), sha256, 400),
        (Some(md5_only), Some(md5), md5, 400),
        (Some(both), Some(PasswordAlgorithm(7)), md5, 400),
        (Some(&both[..4]), Some(sha256), sha256, 400),
    ];
    for (number, (offered, chosen, algorithm, expected)) in cases.into_iter().enumerate() {
        let from = FiveTuple { client: client_address(u16::try_from(number).unwrap()), ..from() };
        let key = IntegrityKey::long_term("alice", REALM, PASSWORD, algorithm).unwrap();
        let mut request = Vec::new();
        let mut builder = udp(MessageBuilder::new(&mut request, ALLOCATE, ID))
            .attribute(&Username::new("alice").unwrap())
            .attribute(&Realm::new(REALM).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap());
        if let Some(value) = offered {
            builder =
                builder.attribute(&Opaque { attribute_type: AttributeType::PASSWORD_ALGORITHMS, value });
        }
        let with = chosen.is_some();
        if let Some(chosen) = chosen {
            builder = builder.attribute(&ChosenAlgorithm::new(chosen));
        }
        let finished =
            if with { builder.integrity_sha256(&key).finish() } else { builder.integrity(&key).finish() };
        finished.unwrap();
        let answer = by_hand::exchange(&mut world, from, request).unwrap();
        assert_eq!(code(&answer), expected, "case {number}");
        if expected == 0 {
            let message = Message::parse(&answer).unwrap();
            assert_eq!(message.verify(&key), Ok(()));
            assert_eq!(message.has_integrity_sha256(), with, "signed as the request was");
        }
    }
}

#[test]
fn a_hidden_name_is_known() {
    let mut world = World::new(config());
    let nonce = by_hand::nonce(&mut world, from());
    assert!(nonce.starts_with("obMatJos2AAAD"), "{nonce}");
    let mut request = Vec::new();
    udp(MessageBuilder::new(&mut request, ALLOCATE, ID))
        .attribute(&Userhash::new("alice", REALM))
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(&nonce).unwrap())
        .integrity(&by_hand::key("alice"))
        .finish()
        .unwrap();
    assert_eq!(code(&by_hand::exchange(&mut world, from(), request).unwrap()), 0);
}

/// A nonce is the server's, the client's address's, and good for a time; T9 has the client's side.
#[test]
fn stale_nonces_are_told_from_wrong_passwords() {
    let mut world = World::new(config());
    let nonce = by_hand::nonce(&mut world, from());
    let ask = |world: &mut World, from, nonce: &str| {
        let request = by_hand::signed(REFRESH, ID, "alice", nonce, &|builder| builder);
        by_hand::exchange(world, from, request).unwrap()
    };
    assert_eq!(code(&ask(&mut world, from(), &nonce)), 437);
    assert_eq!(code(&ask(&mut world, from(), "made up")), 438);
    let other_port = FiveTuple { client: client_address(1), ..from() };
    assert_eq!(code(&ask(&mut world, other_port, &nonce)), 437, "NATs change ports");
    let other_ip = FiveTuple { client: address("192.0.2.9:1"), ..from() };
    assert_eq!(code(&ask(&mut world, other_ip, &nonce)), 438);
    world.pass(SECOND * 1799);
    assert_eq!(code(&ask(&mut world, from(), &nonce)), 437);
    world.pass(SECOND * 2);
    let answer = ask(&mut world, from(), &nonce);
    assert_eq!(code(&answer), 438);
    let fresh =
        Message::parse(&answer).unwrap().attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned();
    assert_eq!(code(&ask(&mut world, from(), &fresh)), 437);
    world.server.reseed(&mut rng(1));
    assert_eq!(code(&ask(&mut world, from(), &fresh)), 437, "good until the call after the next");
    world.server.reseed(&mut rng(2));
    assert_eq!(code(&ask(&mut world, from(), &fresh)), 438);
}

//= rfc8656#5-5 test
#[test]
fn anothers_allocation_is_not_to_be_touched() {
    let mut world = World::new(config());
    assert_eq!(code(&by_hand::ask(&mut world, from(), ALLOCATE, "alice", &udp)), 0);
    for method in [Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND, Method::CONNECT] {
        let kind = MessageType::new(method, Class::Request);
        let answer = by_hand::ask(&mut world, from(), kind, "bob", &|builder| builder);
        assert_eq!(code(&answer), 441, "{method}");
    }
    assert_eq!(world.server.stats().allocations, 1);
}

//= rfc8656#5-6 test
#[test]
fn without_an_allocation_requests_get_437_and_data_nothing() {
    let mut world = World::new(config());
    for method in [Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND, Method::CONNECT] {
        let kind = MessageType::new(method, Class::Request);
        let answer = by_hand::ask(&mut world, from(), kind, "alice", &|builder| builder);
        assert_eq!(code(&answer), 437, "{method}");
    }
    world.hand_to_server(from(), &mut [0x40, 0, 0, 1, 7, 0, 0, 0]);
    let send = MessageType::new(Method::SEND, Class::Indication);
    let fill: by_hand::Fill<'_> =
        &|builder| builder.attribute(&XorPeerAddress(peer_address())).attribute(&Data(b"x"));
    world.hand_to_server(from(), &mut by_hand::plain(send, ID, fill));
    world.settle();
    assert_eq!((world.poll_server(), world.peers.len()), (None, 0));
    assert_eq!(world.server.stats().dropped_unbound, 2);
}

/// Passwords that a web service hands out: they let in until their time is over, and keep what there is after it.
#[test]
fn made_passwords_end_with_their_time() {
    let mut users = Users::new(REALM).unwrap();
    users.set_shared_secret(b"north");
    let mut own = config();
    own.users = users;
    let mut world = World::new(own);
    let now = world.now();
    world.server.set_unix_time(now, 1_899_999_990);
    let (user, password) = ("1900000000:alice", MADE_PASSWORD);
    let key = IntegrityKey::long_term(user, REALM, password, PasswordAlgorithm::MD5).unwrap();
    let ask = |world: &mut World, from: FiveTuple, kind, id: u8| {
        let nonce = by_hand::nonce(world, from);
        assert!(nonce.starts_with("obMatJos2AAAB"), "names that are made cannot be hidden: {nonce}");
        let mut request = Vec::new();
        udp(MessageBuilder::new(&mut request, kind, TransactionId([id; 12])))
            .attribute(&Username::new(user).unwrap())
            .attribute(&Realm::new(REALM).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap())
            .integrity(&key)
            .finish()
            .unwrap();
        code(&by_hand::exchange(world, from, request).unwrap())
    };
    assert_eq!(ask(&mut world, from(), ALLOCATE, 1), 0);
    world.pass(SECOND * 20);
    assert_eq!(ask(&mut world, from(), REFRESH, 2), 0, "what there is stays");
    let other = FiveTuple { client: client_address(1), ..from() };
    assert_eq!(ask(&mut world, other, ALLOCATE, 3), 403);
}

/// Who has the web service make a new password every minute is one user all the same, and counts as one.
#[test]
fn passwords_made_anew_do_not_widen_a_users_quota() {
    let mut users = Users::new(REALM).unwrap();
    users.set_shared_secret(b"north");
    let mut own = config();
    (own.users, own.allocations_per_user) = (users, 2);
    let mut world = World::new(own);
    let now = world.now();
    world.server.set_unix_time(now, 1_899_999_990);
    let ask = |world: &mut World, user: &str, port: u16, lifetime: Option<u32>| {
        let from = FiveTuple { client: client_address(port), ..from() };
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(b"north").unwrap().chain_update(user).finalize();
        let mut letters = [0; 28];
        let password = Base64::encode(&mac.into_bytes(), &mut letters).unwrap();
        let key = IntegrityKey::long_term(user, REALM, password, PasswordAlgorithm::MD5).unwrap();
        let nonce = by_hand::nonce(world, from);
        let kind = if lifetime.is_some() { REFRESH } else { ALLOCATE };
        let mut request = Vec::new();
        let mut builder = udp(MessageBuilder::new(&mut request, kind, TransactionId([2; 12])))
            .attribute(&Username::new(user).unwrap())
            .attribute(&Realm::new(REALM).unwrap())
            .attribute(&Nonce::new(&nonce).unwrap());
        if let Some(lifetime) = lifetime {
            builder = builder.attribute(&Lifetime(lifetime));
        }
        builder.integrity(&key).finish().unwrap();
        code(&by_hand::exchange(world, from, request).unwrap())
    };
    assert_eq!(ask(&mut world, "1900000000:alice", 1, None), 0);
    assert_eq!(ask(&mut world, "1900000060:alice", 2, None), 0);
    assert_eq!(ask(&mut world, "1900000120:alice", 3, None), 486);
    assert_eq!(ask(&mut world, "1900000120:bob", 3, None), 0, "somebody else");
    assert_eq!(ask(&mut world, "1900000120:alice", 1, Some(600)), 441, "the allocation is the first name's");
    assert_eq!(ask(&mut world, "1900000000:alice", 1, Some(0)), 0);
    assert_eq!(ask(&mut world, "1900000120:alice", 4, None), 0, "what has ended no longer counts");
}
