//! The Binding client and passwords: RFC 8489 sections 9.1, 9.2, 10 and 14.8, against a hand that answers and against our
//! own server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::attribute::*;
use nomagic_stun::rto::Schedule;
use nomagic_stun::*;
use nomagic_testkit::clock::Clock;
use nomagic_testkit::rng;

const REALM: &str = "example.org";
const BOTH: &[u8] = &[0, 2, 0, 0, 0, 1, 0, 0];

type Builder<'o> = MessageBuilder<'o, Open>;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn first() -> SocketAddr {
    address("192.0.2.7:3478")
}

fn mapped() -> SocketAddr {
    address("198.51.100.9:40000")
}

fn short_key() -> IntegrityKey {
    IntegrityKey::short_term("secret")
}

fn long_key() -> IntegrityKey {
    IntegrityKey::long_term("alice", REALM, "secret", PasswordAlgorithm::MD5).unwrap()
}

/// A client and a hand that answers it.
struct Hand {
    client: BindingClient,
    clock: Clock,
    server: SocketAddr,
}

impl Hand {
    fn new(credential: impl Into<Credential>, schedule: Schedule) -> Self {
        let mut config = BindingConfig::default();
        (config.credential, config.schedule) = (Some(credential.into()), schedule);
        let mut hand =
            Self { client: BindingClient::new(config, &mut rng(3)), clock: Clock::new(), server: first() };
        hand.bind();
        hand
    }

    fn short() -> Self {
        Self::new(ShortTermCredential::new("evtj:h6vY", "secret").unwrap(), Schedule::UDP)
    }

    fn long() -> Self {
        Self::new(LongTermCredential::new("alice", "secret").unwrap(), Schedule::UDP)
    }

    fn bind(&mut self) {
        self.client.bind(self.clock.now(), self.server).unwrap();
    }

    /// The next request; the hand answers for whom it goes to.
    fn request(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let transmit = self.client.poll_transmit(self.clock.now(), &mut out)?;
        self.server = transmit.destination;
        Some(out)
    }

    fn answer(&mut self, answer: &[u8]) {
        let taken = self.client.handle_input(self.clock.now(), self.server, &mut answer.to_vec());
        assert_eq!(taken, Input::Consumed);
    }

    fn outcome(&mut self) -> Option<BindingOutcome> {
        self.client.poll_event().map(|event| event.outcome)
    }

    /// Refuses the next request and hands out the one after it, which is signed.
    fn challenged(&mut self, nonce: &str) -> Vec<u8> {
        let request = self.request().unwrap();
        assert!(!Message::parse(&request).unwrap().has_integrity());
        self.answer(&challenge(&request, 401, Some(REALM), Some(nonce), None));
        self.request().expect("a signed request")
    }

    /// Lets time pass until the request is given up.
    fn silence(&mut self) -> Duration {
        let began = self.clock.elapsed();
        while let Some(due) = self.client.poll_timeout() {
            self.clock.advance_to(due);
            self.client.handle_timeout(due);
            while self.request().is_some() {}
        }
        self.clock.elapsed() - began
    }
}

fn reply(
    request: &[u8],
    class: Class,
    fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>,
    sign: impl FnOnce(Builder<'_>) -> Result<usize, MessageTooLong>,
) -> Vec<u8> {
    let request = Message::parse(request).unwrap();
    let mut out = Vec::new();
    let kind = MessageType::new(Method::BINDING, class);
    sign(fill(MessageBuilder::new(&mut out, kind, request.transaction_id()))).unwrap();
    out
}

fn success(request: &[u8], sign: impl FnOnce(Builder<'_>) -> Result<usize, MessageTooLong>) -> Vec<u8> {
    reply(request, Class::Success, |builder| builder.attribute(&XorMappedAddress(mapped())), sign)
}

fn refusal(
    request: &[u8],
    code: u16,
    sign: impl FnOnce(Builder<'_>) -> Result<usize, MessageTooLong>,
) -> Vec<u8> {
    let code = ErrorReason::bare(ErrorCode::new(code).unwrap());
    reply(request, Class::Error, |builder| builder.attribute(&code), sign)
}

fn challenge(
    request: &[u8],
    code: u16,
    realm: Option<&str>,
    nonce: Option<&str>,
    algorithms: Option<&[u8]>,
) -> Vec<u8> {
    let fill = |mut builder: Builder<'_>| {
        builder = builder.attribute(&ErrorReason::bare(ErrorCode::new(code).unwrap()));
        if let Some(realm) = realm {
            builder = builder.attribute(&Realm::new(realm).unwrap());
        }
        if let Some(nonce) = nonce {
            builder = builder.attribute(&Nonce::new(nonce).unwrap());
        }
        if let Some(value) = algorithms {
            builder =
                builder.attribute(&Opaque { attribute_type: AttributeType::PASSWORD_ALGORITHMS, value });
        }
        builder.finish()
    };
    reply(request, Class::Error, |builder| builder, fill)
}

fn plain(builder: Builder<'_>) -> Result<usize, MessageTooLong> {
    builder.finish()
}

fn sha1(key: IntegrityKey) -> impl FnOnce(Builder<'_>) -> Result<usize, MessageTooLong> {
    move |builder| builder.integrity(&key).finish()
}

fn sha256(key: IntegrityKey) -> impl FnOnce(Builder<'_>) -> Result<usize, MessageTooLong> {
    move |builder| builder.integrity_sha256(&key).finish()
}

fn signatures(request: &[u8]) -> String {
    let text = Message::parse(request).unwrap().to_string();
    text.rsplit_once("signed=").map_or_else(String::new, |(_, signed)| signed.to_owned())
}

fn has(request: &[u8], kind: AttributeType) -> bool {
    Message::parse(request).unwrap().attributes().any(|raw| raw.attribute_type == kind)
}

//= rfc8489#9.1.2-1 test
//= rfc8489#9.1.2-2 test
//= rfc8489#9.1.5-1 test
#[test]
fn the_first_short_term_request_carries_both_tags_and_the_next_the_one_that_came_back() {
    for answered in ["SHA1", "SHA256"] {
        let mut hand = Hand::short();
        let request = hand.request().unwrap();
        assert_eq!(signatures(&request), "SHA1+SHA256");
        assert_eq!(Message::parse(&request).unwrap().verify(&short_key()), Ok(()));
        assert!(has(&request, AttributeType::USERNAME));
        let answer = if answered == "SHA1" {
            success(&request, sha1(short_key()))
        } else {
            success(&request, sha256(short_key()))
        };
        hand.answer(&answer);
        assert_eq!(hand.outcome(), Some(BindingOutcome::Mapped(mapped())));
        hand.bind();
        assert_eq!(signatures(&hand.request().unwrap()), answered);
        // Another port is another server.
        hand.server = address("192.0.2.7:3479");
        hand.bind();
        assert_eq!(signatures(&hand.request().unwrap()), "SHA1+SHA256");
    }
    for (integrity, expected) in [(Integrity::Sha1, "SHA1"), (Integrity::Sha256, "SHA256")] {
        let own = ShortTermCredential::new("evtj:h6vY", "secret").unwrap().with_integrity(integrity);
        let request = Hand::new(own, Schedule::UDP).request().unwrap();
        assert_eq!(signatures(&request), expected);
        assert!(has(&request, AttributeType::USERNAME));
    }
}

//= rfc8489#9.1.4-1 test
//= rfc8489#9.1.4-2 test
//= rfc8489#9.1.4-3 test
#[test]
fn over_datagrams_unsigned_answers_never_came_and_the_end_says_so() {
    let own = ShortTermCredential::new("evtj:h6vY", "secret").unwrap().with_integrity(Integrity::Sha256);
    let mut hand = Hand::new(own, Schedule::UDP);
    let request = hand.request().unwrap();
    hand.answer(&success(&request, plain));
    hand.answer(&success(&request, sha256(IntegrityKey::short_term("wrong"))));
    hand.answer(&success(&request, sha1(short_key())));
    hand.answer(&refusal(&request, 401, plain));
    assert_eq!((hand.outcome(), hand.client.stats().dropped_integrity), (None, 4));
    assert_eq!(hand.silence(), Duration::from_millis(39_500), "repetitions went on");
    assert_eq!(hand.client.stats().retransmissions, 6);
    assert_eq!(hand.outcome(), Some(BindingOutcome::Distrusted));

    let mut hand = Hand::short();
    hand.request();
    hand.silence();
    assert_eq!(hand.outcome(), Some(BindingOutcome::TimedOut), "where nothing came at all");
}

//= rfc8489#9.1.4-4 test
#[test]
fn over_a_stream_an_unsigned_answer_is_the_end() {
    let own = ShortTermCredential::new("evtj:h6vY", "secret").unwrap();
    let mut hand = Hand::new(own, Schedule::RELIABLE);
    let request = hand.request().unwrap();
    hand.answer(&success(&request, plain));
    assert_eq!(hand.outcome(), Some(BindingOutcome::Distrusted));
    assert_eq!(hand.client.poll_timeout(), None);
}

//= rfc8489#9.2.3.1-1 test
#[test]
fn the_first_long_term_request_says_nothing_of_the_user() {
    let request = Hand::long().request().unwrap();
    let message = Message::parse(&request).unwrap();
    assert!(!message.has_integrity());
    assert_eq!(message.attributes().count(), 0, "{message}");
}

//= rfc8489#9.2.5-3 test
//= rfc8489#9.2.5-4 test
//= rfc8489#9.2.5-6 test
//= rfc8489#9.2.5-7 test
//= rfc8489#9.2.3.2-1 test
//= rfc8489#9.2.3.2-2 test
//= rfc8489#9.2.3.2-3 test
#[test]
fn a_challenge_is_met_and_kept_in_mind() {
    let mut hand = Hand::long();
    let request = hand.challenged("plain nonce");
    let check = |request: &[u8]| {
        let message = Message::parse(request).unwrap();
        assert_eq!(message.attribute::<Username<'_>>().unwrap().unwrap().as_str(), "alice");
        assert_eq!(message.attribute::<Realm<'_>>().unwrap().unwrap().as_str(), REALM);
        assert_eq!(message.attribute::<Nonce<'_>>().unwrap().unwrap().as_str(), "plain nonce");
        assert_eq!(message.verify(&long_key()), Ok(()));
    };
    check(&request);
    hand.answer(&success(&request, sha1(long_key())));
    assert_eq!(hand.outcome(), Some(BindingOutcome::Mapped(mapped())));
    hand.bind();
    check(&hand.request().unwrap());
    // Realm and nonce are copied even if they are longer than we should write them.
    let mut hand = Hand::long();
    let request = hand.request().unwrap();
    let long = "n".repeat(700);
    let fill = |builder: Builder<'_>| {
        let nonce = Opaque { attribute_type: AttributeType::NONCE, value: long.as_bytes() };
        let code = ErrorReason::bare(ErrorCode::UNAUTHENTICATED);
        builder.attribute(&code).attribute(&Realm::new(REALM).unwrap()).attribute(&nonce).finish()
    };
    hand.answer(&reply(&request, Class::Error, |builder| builder, fill));
    let again = hand.request().unwrap();
    let nonce = Message::parse(&again).unwrap().attribute::<Nonce<'_>>().unwrap().unwrap();
    assert_eq!(nonce.as_str(), long);
}

/// T8, the client's side: bits of the cookie against the list, absent or there.
//= rfc8489#9.2.5-1 test
//= rfc8489#9.2.5-2 test
//= rfc8489#9.2.5-5 test
//= rfc8489#9.2.5-8 test
//= rfc8489#9.2.5-9 test
//= rfc8489#9.2.5-10 test
//= rfc8489#9.2.5-19 test
#[test]
fn the_cookie_and_the_list_of_algorithms_must_agree() {
    let md5_first: &[u8] = &[0, 1, 0, 0, 0, 2, 0, 0];
    let strange: &[u8] = &[0, 9, 0, 2, 1, 2, 0, 0, 0, 2, 0, 0];
    let (md5, sha256) = (PasswordAlgorithm::MD5, PasswordAlgorithm::SHA_256);
    type Case<'c> = (&'c str, Option<&'c [u8]>, Option<PasswordAlgorithm>, bool);
    let cases: [Case<'_>; 10] = [
        ("plain", None, Some(md5), false),
        ("plain", Some(BOTH), Some(sha256), false),
        ("obMatJos2AAAAx", None, Some(md5), false),
        ("obMatJos2AAABx", Some(BOTH), Some(sha256), false),
        ("obMatJos2AAABx", Some(md5_first), Some(md5), false),
        ("obMatJos2AAABx", Some(strange), Some(sha256), false),
        ("obMatJos2AAABx", None, None, false),
        ("obMatJos2AAABx", Some(&strange[..8]), None, false),
        ("obMatJos2AAACx", None, Some(md5), true),
        ("obMatJos2AAADx", Some(BOTH), Some(sha256), true),
    ];
    for (nonce, list, algorithm, hidden) in cases {
        let mut hand = Hand::long();
        let request = hand.request().unwrap();
        hand.answer(&challenge(&request, 401, Some(REALM), Some(nonce), list));
        let again = hand.request();
        assert_eq!(again.is_some(), algorithm.is_some(), "{nonce} {list:?}");
        let (Some(again), Some(algorithm)) = (again, algorithm) else {
            assert_eq!(hand.outcome(), Some(BindingOutcome::Algorithms));
            continue;
        };
        let message = Message::parse(&again).unwrap();
        let key = IntegrityKey::long_term("alice", REALM, "secret", algorithm).unwrap();
        assert_eq!(message.verify(&key), Ok(()), "{nonce} {list:?}");
        let signed = if list.is_some() { "SHA256" } else { "SHA1" };
        assert_eq!(signatures(&again), signed, "where there is a list, nothing weaker");
        let echoed =
            message.attributes().find(|raw| raw.attribute_type == AttributeType::PASSWORD_ALGORITHMS);
        assert_eq!(echoed.map(|raw| raw.value), list);
        let chosen = message.attribute::<ChosenAlgorithm<'_>>().unwrap();
        assert_eq!(chosen.map(|chosen| chosen.algorithm()), list.map(|_| algorithm));
        let hash = message.attribute::<Userhash>().unwrap();
        assert_eq!(hash, hidden.then(|| Userhash::new("alice", REALM)));
        assert_eq!(has(&again, AttributeType::USERNAME), !hidden);
        // And what follows is signed in the same way.
        hand.answer(&match list {
            Some(_) => success(&again, |builder| builder.integrity_sha256(&key).finish()),
            None => success(&again, |builder| builder.integrity(&key).finish()),
        });
        assert_eq!(hand.outcome(), Some(BindingOutcome::Mapped(mapped())));
        hand.bind();
        assert_eq!(signatures(&hand.request().unwrap()), signed);
    }
}

/// T9: a wrong password is not tried twice, and realms that change for ever are not followed.
//= rfc8489#9.2.5-11 test
#[test]
fn challenges_without_end_are_given_up() {
    let refused = BindingOutcome::Refused { code: ErrorCode::UNAUTHENTICATED, alternate: None };
    let mut hand = Hand::long();
    let request = hand.challenged("n0");
    hand.answer(&challenge(&request, 401, Some(REALM), Some("n1"), None));
    assert_eq!((hand.request(), hand.outcome()), (None, Some(refused)), "only the nonce is new");

    let mut hand = Hand::long();
    let mut rounds = 0;
    while let Some(request) = hand.request() {
        rounds += 1;
        hand.answer(&challenge(&request, 401, Some(&format!("realm {rounds}")), Some("n"), None));
    }
    assert_eq!((rounds, hand.outcome()), (4, Some(refused)));
}

/// T9: stale nonces in a row are bounded, the same nonce again is no new one, and success begins the count anew.
//= rfc8489#9.2.5-12 test
//= rfc8489#9.2.5-13 test
#[test]
fn a_stale_nonce_is_replaced_three_times_in_a_row() {
    let mut hand = Hand::long();
    let mut request = hand.challenged("n0");
    let mut rounds = 0;
    loop {
        rounds += 1;
        hand.answer(&challenge(&request, 438, Some(REALM), Some(&format!("n{rounds}")), None));
        let Some(next) = hand.request() else { break };
        let message = Message::parse(&next).unwrap();
        let nonce = message.attribute::<Nonce<'_>>().unwrap().unwrap();
        assert_eq!(nonce.as_str(), format!("n{rounds}"));
        assert_eq!(message.verify(&long_key()), Ok(()));
        assert!(has(&next, AttributeType::USERNAME) && has(&next, AttributeType::REALM));
        request = next;
    }
    let refused = BindingOutcome::Refused { code: ErrorCode::STALE_NONCE, alternate: None };
    assert_eq!((rounds, hand.outcome()), (4, Some(refused)));

    let mut hand = Hand::long();
    let request = hand.challenged("n0");
    hand.answer(&challenge(&request, 438, Some(REALM), Some("n0"), None));
    assert_eq!((hand.request(), hand.outcome()), (None, Some(refused)), "the nonce that was stale already");

    let mut hand = Hand::long();
    let mut request = hand.challenged("m0");
    for round in 1..10 {
        hand.answer(&challenge(&request, 438, Some(REALM), Some(&format!("m{round}")), None));
        let again = hand.request().unwrap();
        hand.answer(&success(&again, sha1(long_key())));
        assert_eq!(hand.outcome(), Some(BindingOutcome::Mapped(mapped())));
        hand.bind();
        request = hand.request().unwrap();
    }
}

//= rfc8489#9.2.5-14 test
//= rfc8489#9.2.5-15 test
//= rfc8489#14.8-9 test
#[test]
fn bad_requests_without_a_signature_and_nonces_without_their_list_never_came() {
    for schedule in [Schedule::UDP, Schedule::RELIABLE] {
        let mut hand = Hand::new(LongTermCredential::new("alice", "secret").unwrap(), schedule);
        let request = hand.challenged("n0");
        hand.answer(&refusal(&request, 400, plain));
        let bent = |builder: Builder<'_>| {
            let nonce = Nonce::new("obMatJos2AAABx").unwrap();
            builder.attribute(&nonce).integrity(&long_key()).finish()
        };
        hand.answer(&success(&request, bent));
        assert_eq!(hand.outcome(), None, "not even over a stream");
        hand.silence();
        assert_eq!(hand.outcome(), Some(BindingOutcome::TimedOut), "as if nothing had come");
    }
    // Signed, a 400 is an answer.
    let mut hand = Hand::long();
    let request = hand.challenged("n0");
    hand.answer(&refusal(&request, 400, sha1(long_key())));
    let refused = BindingOutcome::Refused { code: ErrorCode::BAD_REQUEST, alternate: None };
    assert_eq!(hand.outcome(), Some(refused));
}

//= rfc8489#9.2.5-16 test
//= rfc8489#9.2.5-17 test
#[test]
fn long_term_answers_without_a_signature_never_came_over_datagrams() {
    let mut hand = Hand::long();
    let request = hand.challenged("n0");
    hand.answer(&success(&request, plain));
    hand.answer(&success(&request, sha1(short_key())));
    hand.answer(&refusal(&request, 500, plain));
    assert_eq!((hand.outcome(), hand.client.stats().dropped_integrity), (None, 3));
    hand.silence();
    assert_eq!(hand.outcome(), Some(BindingOutcome::Distrusted));
}

//= rfc8489#9.2.5-18 test
#[test]
fn over_a_stream_a_long_term_answer_without_a_signature_is_the_end() {
    let mut hand = Hand::new(LongTermCredential::new("alice", "secret").unwrap(), Schedule::RELIABLE);
    let request = hand.challenged("n0");
    hand.answer(&refusal(&request, 500, plain));
    assert_eq!(hand.outcome(), Some(BindingOutcome::Distrusted));
    assert_eq!(hand.client.poll_timeout(), None);
}

/// Whatever transactions a request has needed, the caller knows it by one name.
#[test]
fn a_request_keeps_its_name_through_challenges_and_can_be_cancelled() {
    let mut hand = Hand::long();
    let request = hand.request().unwrap();
    let id = Message::parse(&request).unwrap().transaction_id();
    hand.answer(&challenge(&request, 401, Some(REALM), Some("n0"), None));
    let mut out = Vec::new();
    let transmit = hand.client.poll_transmit(hand.clock.now(), &mut out).unwrap();
    let signed = Message::parse(&out).unwrap();
    assert!(transmit.id == id && signed.transaction_id() != id);
    assert!(hand.client.cancel(id) && !hand.client.cancel(id));
    assert_eq!(hand.client.poll_timeout(), None);
    hand.silence();
    assert_eq!(hand.outcome(), None);
}

/// A challenge that lacks what it must tell, or whose list is absurdly long.
#[test]
fn challenges_that_cannot_be_met_are_told_apart() {
    let endless = [0, 9, 0, 0].repeat(40);
    for (realm, nonce, list) in [
        (None, Some("n"), None),
        (Some(REALM), None, None),
        (Some(REALM), Some("n"), Some(&[0, 2, 0][..])),
        (Some(REALM), Some("n"), Some(&[&endless[..], BOTH].concat()[..])),
    ] {
        let mut hand = Hand::long();
        let request = hand.request().unwrap();
        hand.answer(&challenge(&request, 401, realm, nonce, list));
        assert_eq!((hand.request(), hand.outcome()), (None, Some(BindingOutcome::Algorithms)));
    }
}

fn elsewhere(request: &[u8], servers: &[&str], key: Option<&IntegrityKey>) -> Vec<u8> {
    let fill = |mut builder: Builder<'_>| {
        builder = builder.attribute(&ErrorReason::bare(ErrorCode::TRY_ALTERNATE));
        for server in servers {
            builder = builder.attribute(&AlternateServer(address(server)));
        }
        match key {
            Some(key) => builder.integrity(key).finish(),
            None => builder.finish(),
        }
    };
    reply(request, Class::Error, |builder| builder, fill)
}

//= rfc8489#10-6 test
//= rfc8489#10-8 test
#[test]
fn the_domain_of_the_other_server_is_told() {
    for domain in [Some("two.example.org"), None] {
        let mut hand = Hand::short();
        let request = hand.request().unwrap();
        let fill = |mut builder: Builder<'_>| {
            builder = builder.attribute(&ErrorReason::bare(ErrorCode::TRY_ALTERNATE));
            builder = builder.attribute(&AlternateServer(address("192.0.2.20:3478")));
            if let Some(domain) = domain {
                builder = builder.attribute(&AlternateDomain::new(domain).unwrap());
            }
            builder.integrity(&short_key()).finish()
        };
        hand.answer(&reply(&request, Class::Error, |builder| builder, fill));
        assert!(hand.request().is_some());
        assert_eq!(hand.client.alternate_domain(hand.server), domain);
        assert_eq!(hand.client.alternate_domain(first()), None);
    }
}

/// What is hashed has been prepared: spaces of other scripts, characters in two parts.
//= rfc8489#14.4-1 test
#[cfg(feature = "precis")]
#[test]
fn hidden_names_are_prepared_before_they_are_hidden() {
    let own = LongTermCredential::new("e\u{301}t\u{e9}\u{a0}x", "secret").unwrap();
    assert_eq!(own.username(), "\u{e9}t\u{e9} x");
    let mut hand = Hand::new(own, Schedule::UDP);
    let request = hand.challenged("obMatJos2AAACx");
    let hash = Message::parse(&request).unwrap().attribute::<Userhash>().unwrap();
    assert_eq!(hash, Some(Userhash::new("\u{e9}t\u{e9} x", REALM)));
    // The server finds the name by the same form.
    let mut users = Users::new("a\u{a0}b").unwrap();
    assert_eq!(users.realm(), "a b");
    users.add("e\u{301}t\u{e9}\u{a0}x", "secret").unwrap();
    assert!(matches!(users.add("a\u{ad}b", "secret"), Err(UsersError::Unprepared(_))));
}

//= rfc8489#10-5 test
//= rfc8489#14.8-7 test
#[test]
fn a_signed_redirection_is_followed_with_the_same_credential() {
    let mut hand = Hand::long();
    let request = hand.challenged("n0");
    hand.answer(&elsewhere(&request, &["[2001:db8::2]:3478", "192.0.2.20:3478"], Some(&long_key())));
    let request = hand.challenged("other nonce");
    assert_eq!(hand.server, address("192.0.2.20:3478"), "of the same family");
    let message = Message::parse(&request).unwrap();
    assert_eq!(message.attribute::<Username<'_>>().unwrap().unwrap().as_str(), "alice");
    assert_eq!(message.verify(&long_key()), Ok(()));
    hand.answer(&success(&request, sha1(long_key())));
    let event = hand.client.poll_event().unwrap();
    assert_eq!(event.outcome, BindingOutcome::Mapped(mapped()));
    assert_eq!(event.server, address("192.0.2.20:3478"));

    // Unsigned it is not followed, whoever asks.
    let alternate = Some(address("192.0.2.20:3478"));
    let refused = BindingOutcome::Refused { code: ErrorCode::TRY_ALTERNATE, alternate };
    let mut hand = Hand::long();
    let request = hand.request().unwrap();
    hand.answer(&elsewhere(&request, &["192.0.2.20:3478"], None));
    assert_eq!((hand.request(), hand.outcome()), (None, Some(refused)));
    let request = {
        hand.bind();
        hand.challenged("n0")
    };
    hand.answer(&elsewhere(&request, &["192.0.2.20:3478"], None));
    assert_eq!((hand.request(), hand.outcome()), (None, None), "once we sign, it never came");
}

//= rfc8489#10-9 test
#[test]
fn a_server_asked_in_the_last_five_minutes_is_not_asked_again() {
    let refused = |alternate: &str| BindingOutcome::Refused {
        code: ErrorCode::TRY_ALTERNATE,
        alternate: Some(address(alternate)),
    };
    let mut hand = Hand::short();
    let request = hand.request().unwrap();
    hand.answer(&elsewhere(&request, &["192.0.2.20:3478"], Some(&short_key())));
    let request = hand.request().unwrap();
    assert_eq!(hand.server, address("192.0.2.20:3478"));
    hand.answer(&elsewhere(&request, &["192.0.2.7:3478"], Some(&short_key())));
    assert_eq!(hand.request(), None, "that is where we came from");
    assert_eq!(hand.outcome(), Some(refused("192.0.2.7:3478")));

    // After five minutes it may be, which only a very slow schedule can see.
    let slow = Schedule { rto: Duration::from_secs(400), attempts: 2, last_wait: 1 };
    for (wait, followed) in [(299, false), (300, true)] {
        let own = ShortTermCredential::new("evtj:h6vY", "secret").unwrap();
        let mut config = BindingConfig::default();
        (config.credential, config.schedule) = (Some(own.into()), slow);
        let client = BindingClient::new(config, &mut rng(3));
        let mut hand = Hand { client, clock: Clock::new(), server: first() };
        hand.bind();
        let request = hand.request().unwrap();
        hand.answer(&elsewhere(&request, &["192.0.2.20:3478"], Some(&short_key())));
        let request = hand.request().unwrap();
        hand.clock.advance(Duration::from_secs(wait));
        hand.answer(&elsewhere(&request, &["192.0.2.7:3478"], Some(&short_key())));
        assert_eq!(hand.request().is_some(), followed, "{wait}");
    }

    let mut hand = Hand::short();
    let mut hops = 0;
    while let Some(request) = hand.request() {
        hops += 1;
        hand.answer(&elsewhere(&request, &[&format!("192.0.2.{}:3478", 20 + hops)], Some(&short_key())));
    }
    assert_eq!((hops, hand.outcome()), (4, Some(refused("192.0.2.24:3478"))), "no further than four");
}

/// Both of ours together: every kind of credential, and many requests at once over one session.
#[test]
fn our_client_and_our_server_agree() {
    let mut users = Users::new(REALM).unwrap();
    users.add("alice", "secret").unwrap();
    let short = ShortTermCredential::new("evtj:h6vY", "secret").unwrap();
    for admission in [Admission::LongTerm(users), Admission::ShortTerm(vec![short.clone()])] {
        let mut config = BindingConfig::default();
        config.credential = Some(match &admission {
            Admission::LongTerm(_) => LongTermCredential::new("alice", "secret").unwrap().into(),
            _ => short.clone().into(),
        });
        let mut serving = BindingServerConfig::default();
        serving.admission = admission;
        let mut server = BindingServer::new(serving, &mut rng(1));
        let mut client = BindingClient::new(config, &mut rng(2));
        let now = nomagic_testkit::clock::origin();
        for _ in 0..20 {
            client.bind(now, first()).unwrap();
        }
        let mut out = Vec::new();
        while client.poll_transmit(now, &mut out).is_some() {
            let from = FiveTuple { client: mapped(), server: first(), transport: Transport::Udp };
            server.handle_input(now, from, &mut out);
            out.clear();
            while server.poll_transmit(now, &mut out).is_some() {
                client.handle_input(now, first(), &mut out);
                out.clear();
            }
        }
        let outcomes: Vec<_> =
            std::iter::from_fn(|| client.poll_event()).map(|event| event.outcome).collect();
        assert_eq!(outcomes, [BindingOutcome::Mapped(mapped()); 20]);
        assert!(server.stats().challenged <= 20);
    }
}
