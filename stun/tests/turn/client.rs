//! The client against servers that do what ours would not.

use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{
    AttributeType, ErrorCode, IntegrityKey, Message, MessageBuilder, Method, PasswordAlgorithm,
};
use nomagic_testkit::{clock::Clock, rng};

use crate::by_hand::key;
use crate::world::*;

/// A client and a hand that answers it.
struct Hand {
    client: Client,
    clock: Clock,
}

impl Hand {
    fn new(config: ClientConfig) -> Self {
        let mut hand = Self { client: Client::new(config, &mut rng(3)), clock: Clock::new() };
        hand.client.allocate(hand.clock.now()).unwrap();
        hand
    }

    /// The next request.
    fn request(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.client.poll_transmit(self.clock.now(), &mut out).map(|_| out)
    }

    fn answer(&mut self, answer: &[u8]) {
        let server = self.client.server();
        self.client.handle_input(self.clock.now(), server, &mut answer.to_vec());
    }

    fn event(&mut self) -> Option<ClientEvent> {
        self.client.poll_event()
    }

    /// Answers the next request with an error that is not signed.
    fn refuse(&mut self, code: u16, nonce: Option<&str>) -> bool {
        let Some(request) = self.request() else { return false };
        let answer = refusal(&request, code, nonce, REALM);
        self.answer(&answer);
        true
    }

    /// Answers the challenged request; then the next one is signed.
    fn challenge(&mut self) -> Vec<u8> {
        assert!(self.refuse(401, Some("n0")));
        self.request().expect("a signed request")
    }

    /// Gives the client an allocation of ten minutes.
    fn allocated(config: ClientConfig) -> Self {
        let mut hand = Self::new(config);
        let request = hand.challenge();
        hand.answer(&grant(&request));
        assert!(matches!(hand.event(), Some(ClientEvent::Allocated(_))));
        hand
    }

    fn failure(&mut self) -> Option<(Reason, Advice)> {
        match self.event() {
            Some(ClientEvent::Failed(failure)) => Some((failure.reason, failure.advice)),
            _ => None,
        }
    }

    /// Lets time pass until the request is given up; gives how long that took and how often it was sent.
    fn silence(&mut self) -> (Duration, usize) {
        let (began, mut sent) = (self.clock.elapsed(), 0);
        loop {
            while self.request().is_some() {
                sent += 1;
            }
            let Some(due) = self.client.poll_timeout() else { break };
            self.clock.advance_to(due);
            self.client.handle_timeout(due);
        }
        (self.clock.elapsed() - began, sent)
    }
}

fn refusal(request: &[u8], code: u16, nonce: Option<&str>, realm: &str) -> Vec<u8> {
    let request = Message::parse(request).unwrap();
    let mut out = Vec::new();
    let code = ErrorReason::bare(ErrorCode::new(code).unwrap());
    let mut builder = MessageBuilder::error(&mut out, &request).attribute(&code);
    if let Some(nonce) = nonce {
        builder = builder.attribute(&Realm::new(realm).unwrap()).attribute(&Nonce::new(nonce).unwrap());
    }
    builder.finish().unwrap();
    out
}

fn signed_refusal(request: &[u8], code: u16) -> Vec<u8> {
    let request = Message::parse(request).unwrap();
    let mut out = Vec::new();
    let code = ErrorReason::bare(ErrorCode::new(code).unwrap());
    MessageBuilder::error(&mut out, &request).attribute(&code).integrity(&key("alice")).finish().unwrap();
    out
}

fn relayed() -> SocketAddr {
    address("198.51.100.2:50000")
}

fn grant(request: &[u8]) -> Vec<u8> {
    grant_of(request, relayed(), 600)
}

fn grant_of(request: &[u8], relayed: SocketAddr, seconds: u32) -> Vec<u8> {
    let request = Message::parse(request).unwrap();
    let mut out = Vec::new();
    MessageBuilder::success(&mut out, &request)
        .attribute(&XorRelayedAddress(relayed))
        .attribute(&XorMappedAddress(client_address(0)))
        .attribute(&Lifetime(seconds))
        .integrity(&key("alice"))
        .finish()
        .unwrap();
    out
}

fn success(request: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::success(&mut out, &Message::parse(request).unwrap())
        .integrity(&key("alice"))
        .finish()
        .unwrap();
    out
}

fn refreshed(request: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::success(&mut out, &Message::parse(request).unwrap())
        .attribute(&Lifetime(600))
        .integrity(&key("alice"))
        .finish()
        .unwrap();
    out
}

fn nonce_of(request: &[u8]) -> Option<String> {
    let message = Message::parse(request).unwrap();
    message.attribute::<Nonce<'_>>().unwrap().map(|nonce| nonce.as_str().to_owned())
}

fn udp() -> ClientConfig {
    client_config(Transport::Udp)
}

#[test]
fn the_first_request_says_nothing_of_the_user() {
    let mut hand = Hand::new(udp());
    let request = hand.request().unwrap();
    let message = Message::parse(&request).unwrap();
    assert!(!message.has_integrity());
    let telling =
        [AttributeType::USERNAME, AttributeType::USERHASH, AttributeType::REALM, AttributeType::NONCE];
    assert!(message.attributes().all(|raw| !telling.contains(&raw.attribute_type)));
}

/// T9: a wrong password is not tried twice, and realms that change for ever are not followed.
#[test]
fn challenges_without_end_are_given_up() {
    let mut hand = Hand::new(udp());
    hand.challenge();
    let mut rounds = 0;
    let mut hand = Hand::new(udp());
    while hand.refuse(401, Some("n0")) {
        rounds += 1;
    }
    assert_eq!(rounds, 2);
    assert_eq!(hand.failure(), Some((Reason::Refused(ErrorCode::UNAUTHENTICATED), Advice::GiveUp)));
    assert_eq!(hand.client.allocate(hand.clock.now()), Err(AllocateError::GivenUp));

    let mut hand = Hand::new(udp());
    let mut rounds = 0;
    while let Some(request) = hand.request() {
        rounds += 1;
        hand.answer(&refusal(&request, 401, Some("n"), &format!("realm {rounds}")));
    }
    assert_eq!(rounds, 4);
    assert!(hand.failure().is_some());
}

/// T9: stale nonces in a row are bounded, the same nonce again is no new one, and success begins the count anew.
#[test]
fn stale_nonces_are_followed_three_times_in_a_row() {
    let mut hand = Hand::new(udp());
    let mut request = hand.challenge();
    let mut rounds = 0;
    loop {
        rounds += 1;
        hand.answer(&refusal(&request, 438, Some(&format!("n{rounds}")), REALM));
        let Some(next) = hand.request() else { break };
        assert_eq!(nonce_of(&next), Some(format!("n{rounds}")));
        request = next;
    }
    assert_eq!(rounds, 4);
    assert_eq!(hand.failure(), Some((Reason::Refused(ErrorCode::STALE_NONCE), Advice::GiveUp)));

    let mut hand = Hand::new(udp());
    let request = hand.challenge();
    hand.answer(&refusal(&request, 438, Some("n0"), REALM));
    assert_eq!(hand.request(), None, "the nonce that was stale already");
    assert!(hand.failure().is_some());

    let mut hand = Hand::allocated(udp());
    for round in 0..10 {
        let now = hand.clock.now();
        hand.client.permit(now, format!("203.0.113.{round}").parse().unwrap()).unwrap();
        let request = hand.request().unwrap();
        hand.answer(&refusal(&request, 438, Some(&format!("m{round}")), REALM));
        let again = hand.request().unwrap();
        assert_eq!(nonce_of(&again), Some(format!("m{round}")));
        let mut out = Vec::new();
        let parsed = Message::parse(&again).unwrap();
        MessageBuilder::success(&mut out, &parsed).integrity(&key("alice")).finish().unwrap();
        hand.answer(&out);
        assert!(matches!(hand.event(), Some(ClientEvent::Permitted(_))));
    }
}

/// T8, the client's side: the nonce's bits against what came with it.
//= rfc8656#6-3 test
#[test]
fn a_list_of_algorithms_that_was_taken_away_is_noticed() {
    let both: &[u8] = &[0, 1, 0, 0, 0, 2, 0, 0];
    let strange: &[u8] = &[0, 9, 0, 0];
    // Nonce, list, algorithm with which the client signs then, none if it does not, and whether it hides its name.
    type Case<'c> = (&'c str, Option<&'c [u8]>, Option<PasswordAlgorithm>, bool);
    let cases: [Case<'_>; 8] = [
        ("plain", None, Some(PasswordAlgorithm::MD5), false),
        ("plain", Some(both), Some(PasswordAlgorithm::SHA_256), false),
        ("obMatJos2AAABx", Some(both), Some(PasswordAlgorithm::SHA_256), false),
        ("obMatJos2AAABx", Some(&both[..4]), Some(PasswordAlgorithm::MD5), false),
        ("obMatJos2AAABx", None, None, false),
        ("obMatJos2AAACx", None, Some(PasswordAlgorithm::MD5), true),
        ("obMatJos2AAADx", Some(both), Some(PasswordAlgorithm::SHA_256), true),
        ("obMatJos2AAABx", Some(strange), None, false),
    ];
    for (nonce, list, algorithm, hidden) in cases {
        let mut hand = Hand::new(udp());
        let request = hand.request().unwrap();
        let parsed = Message::parse(&request).unwrap();
        let mut out = Vec::new();
        let mut builder = MessageBuilder::error(&mut out, &parsed)
            .attribute(&ErrorReason::bare(ErrorCode::UNAUTHENTICATED))
            .attribute(&Realm::new(REALM).unwrap())
            .attribute(&Nonce::new(nonce).unwrap());
        if let Some(value) = list {
            builder =
                builder.attribute(&Opaque { attribute_type: AttributeType::PASSWORD_ALGORITHMS, value });
        }
        builder.finish().unwrap();
        hand.answer(&out);
        let signed = hand.request();
        assert_eq!(signed.is_some(), algorithm.is_some(), "{nonce} {list:?}");
        let (Some(signed), Some(algorithm)) = (signed, algorithm) else {
            assert_eq!(hand.failure(), Some((Reason::Algorithms, Advice::GiveUp)));
            continue;
        };
        let message = Message::parse(&signed).unwrap();
        let key = IntegrityKey::long_term("alice", REALM, PASSWORD, algorithm).unwrap();
        assert_eq!(message.verify(&key), Ok(()), "{nonce} {list:?}");
        assert_eq!(message.has_integrity_sha256(), list.is_some());
        let chosen = message.attribute::<ChosenAlgorithm<'_>>().unwrap();
        assert_eq!(chosen.map(|chosen| chosen.algorithm()), list.map(|_| algorithm));
        let hash = message.attribute::<Userhash>().unwrap();
        assert_eq!(hash, hidden.then(|| Userhash::new("alice", REALM)));
        assert_eq!(message.attribute::<Username<'_>>().unwrap().is_none(), hidden);
        if list.is_some() {
            // A weaker signature, or a nonce whose list is gone, is not believed.
            hand.answer(&grant(&signed));
            assert_eq!(hand.event(), None);
        }
    }
}

/// What is not signed never came; if nothing else comes, that is what the failure says.
#[test]
fn answers_without_a_signature_end_nothing_over_datagrams() {
    let mut hand = Hand::new(udp());
    let request = hand.challenge();
    let mut forged = grant(&request);
    *forged.last_mut().unwrap() ^= 1;
    hand.answer(&forged);
    hand.answer(&refusal(&request, 400, None, REALM));
    hand.answer(&refusal(&request, 437, None, REALM));
    assert_eq!((hand.event(), hand.client.stats().dropped_integrity), (None, 3));
    let (time, sent) = hand.silence();
    // The challenge came at once, so that the first wait is the least, 100 ms.
    assert_eq!((time.as_millis(), sent), (7900, 6));
    assert_eq!(hand.failure(), Some((Reason::Integrity, Advice::GiveUp)));

    let mut hand = Hand::new(client_config(Transport::Tcp));
    let request = hand.challenge();
    hand.answer(&refusal(&request, 437, None, REALM));
    assert_eq!(hand.failure(), Some((Reason::Integrity, Advice::GiveUp)), "over a stream no other will come");
}

//= rfc8656#7.4-11 test
//= rfc8656#7.4-17 test
#[test]
fn each_error_has_its_advice() {
    let minute = Advice::Wait(Duration::from_secs(60));
    let cases = [
        (400, Advice::GiveUp),
        (403, Advice::GiveUp),
        (405, Advice::WithoutMobility),
        (420, Advice::GiveUp),
        (437, Advice::OtherPort),
        (440, Advice::GiveUp),
        (441, Advice::GiveUp),
        (442, Advice::GiveUp),
        (486, minute),
        (499, Advice::GiveUp),
        (500, minute),
        (508, minute),
        (599, minute),
        (699, Advice::GiveUp),
    ];
    for (code, advice) in cases {
        let mut hand = Hand::new(udp());
        let request = hand.challenge();
        hand.answer(&signed_refusal(&request, code));
        let reason = Reason::Refused(ErrorCode::new(code).unwrap());
        assert_eq!(hand.failure(), Some((reason, advice)), "{code}");
        assert_eq!((hand.request(), hand.client.poll_timeout()), (None, None));
        let again = hand.client.allocate(hand.clock.now());
        match advice {
            Advice::GiveUp => assert_eq!(again, Err(AllocateError::GivenUp)),
            Advice::Wait(_) => {
                assert_eq!(again, Err(AllocateError::TooSoon(Duration::from_secs(60))));
                hand.clock.advance(Duration::from_secs(60));
                assert_eq!(hand.client.allocate(hand.clock.now()), Ok(()));
            }
            _ => assert_eq!(again, Ok(())),
        }
    }
    let mut config = udp();
    config.dont_fragment = true;
    let mut hand = Hand::new(config);
    let request = hand.challenge();
    let mut out = Vec::new();
    MessageBuilder::error(&mut out, &Message::parse(&request).unwrap())
        .attribute(&ErrorReason::bare(ErrorCode::UNKNOWN_ATTRIBUTE))
        .attribute(&UnknownAttributes::new([AttributeType::DONT_FRAGMENT]))
        .integrity(&key("alice"))
        .finish()
        .unwrap();
    hand.answer(&out);
    assert_eq!(hand.failure().unwrap().1, Advice::WithoutDontFragment);
    let mut config = udp();
    config.wanted = Wanted::Udp { family: None, port: Port::EvenAndNext };
    let mut hand = Hand::new(config);
    let request = hand.challenge();
    hand.answer(&signed_refusal(&request, 508));
    assert_eq!(hand.failure().unwrap().1, Advice::AnyPort);
}

#[test]
fn a_server_that_is_silent_is_given_up_after_39500_ms() {
    let mut hand = Hand::new(udp());
    assert_eq!(hand.silence(), (Duration::from_millis(39_500), 7));
    assert_eq!(hand.failure(), Some((Reason::TimedOut, Advice::OtherTransport)));
    let mut hand = Hand::new(client_config(Transport::Tcp));
    assert_eq!(hand.silence(), (Duration::from_millis(39_500), 1));
}

/// Over a short way requests are given up soon, but what they are for lasts longer: refreshes and channels are tried again.
#[test]
fn an_allocation_and_its_channel_outlive_a_break_in_the_network() {
    let mut hand = Hand::allocated(udp());
    let number = hand.client.bind_channel(hand.clock.now(), peer_address()).unwrap();
    let bind = hand.request().unwrap();
    hand.answer(&success(&bind));
    while hand.event().is_some() {}
    // The network is gone from before the refresh until shortly before the end.
    let mut last: Vec<Vec<u8>> = Vec::new();
    while hand.clock.elapsed() < SECOND * 590 {
        let due = hand.client.poll_timeout().unwrap();
        hand.clock.advance_to(due);
        hand.client.handle_timeout(due);
        while let Some(request) = hand.request() {
            if hand.clock.elapsed() < SECOND * 530 {
                hand.answer(&success(&request));
            } else {
                last.push(request);
            }
        }
        assert!(!matches!(hand.event(), Some(ClientEvent::Lost(_) | ClientEvent::NotBound { .. })));
    }
    let answer = |hand: &mut Hand, method| {
        let of = |request: &&Vec<u8>| Message::parse(request).unwrap().method() == method;
        let request = last.iter().rfind(of).unwrap().clone();
        hand.answer(&if method == Method::REFRESH { refreshed(&request) } else { success(&request) });
    };
    answer(&mut hand, Method::REFRESH);
    answer(&mut hand, Method::CHANNEL_BIND);
    hand.clock.advance(SECOND * 60);
    let now = hand.clock.now();
    hand.client.handle_timeout(now);
    let mut out = vec![0; HEADROOM + 4];
    let sealed = hand.client.seal(now, peer_address(), &mut out, HEADROOM).unwrap();
    assert_eq!(out[sealed.start..][..2], number.number().to_be_bytes());
}

#[test]
fn an_allocation_that_nobody_refreshes_ends_with_its_time() {
    let mut hand = Hand::allocated(udp());
    hand.silence();
    assert_eq!(hand.clock.elapsed(), SECOND * 600);
    assert_eq!(hand.event(), Some(ClientEvent::Lost(Loss::TimedOut)));
}

//= rfc8489#10-6 test
//= rfc8489#14.8-7 test
#[test]
fn another_server_is_asked_and_a_circle_is_not_followed() {
    let elsewhere = |request: &[u8], server: &str| {
        let mut out = Vec::new();
        MessageBuilder::error(&mut out, &Message::parse(request).unwrap())
            .attribute(&ErrorReason::bare(ErrorCode::TRY_ALTERNATE))
            .attribute(&AlternateServer(address(server)))
            .attribute(&AlternateDomain::new("two.example.org").unwrap())
            .integrity(&key("alice"))
            .finish()
            .unwrap();
        out
    };
    let mut hand = Hand::new(udp());
    let request = hand.challenge();
    hand.answer(&elsewhere(&request, "198.51.100.20:3478"));
    assert_eq!(hand.event(), Some(ClientEvent::Redirected(address("198.51.100.20:3478"))));
    assert_eq!(hand.client.alternate_domain(), Some("two.example.org"));
    let request = hand.request().unwrap();
    assert!(!Message::parse(&request).unwrap().has_integrity(), "the other server knows nothing of us");
    hand.answer(&refusal(&request, 401, Some("n1"), REALM));
    let request = hand.request().unwrap();
    hand.answer(&elsewhere(&request, "198.51.100.1:3478"));
    assert_eq!(hand.failure(), Some((Reason::Redirects, Advice::GiveUp)), "that is where we came from");

    let mut hand = Hand::new(udp());
    let (mut hops, mut last) = (0, None);
    while hand.refuse(401, Some("n0")) {
        hops += 1;
        let request = hand.request().unwrap();
        hand.answer(&elsewhere(&request, &format!("198.51.100.{}:3478", 20 + hops)));
        last = hand.event();
    }
    assert_eq!(hops, 4);
    let Some(ClientEvent::Failed(failure)) = last else { panic!("{last:?}") };
    assert_eq!((failure.reason, failure.advice), (Reason::Redirects, Advice::GiveUp));

    let mut hand = Hand::new(udp());
    let request = hand.challenge();
    hand.answer(&elsewhere(&request, "[2001:db8::1]:3478"));
    assert_eq!(
        hand.failure(),
        Some((Reason::Redirects, Advice::GiveUp)),
        "another family may not be followed"
    );

    // Unsigned, it may be anybody's, who would have us ask a third party.
    let mut hand = Hand::new(udp());
    let request = hand.request().unwrap();
    hand.answer(&elsewhere(&request, "198.51.100.20:3478"));
    let refused = Reason::Refused(ErrorCode::TRY_ALTERNATE);
    assert_eq!(hand.failure(), Some((refused, Advice::GiveUp)));
}

/// An answer of which nothing can be made: the server keeps an allocation for us, so it is given back.
//= rfc8656#7.3-1 test
//= rfc8656#7.3-2 test
#[test]
fn an_address_that_was_not_asked_for_is_given_back() {
    for (relayed, seconds) in [("[2001:db8::1]:50000", 600), ("198.51.100.2:50000", 0)] {
        let mut hand = Hand::new(udp());
        let request = hand.challenge();
        hand.answer(&grant_of(&request, address(relayed), seconds));
        assert_eq!(hand.failure(), Some((Reason::Unusable, Advice::GiveUp)));
        let release = hand.request().unwrap();
        let message = Message::parse(&release).unwrap();
        assert_eq!((message.method(), message.attribute()), (Method::REFRESH, Ok(Some(Lifetime(0)))));
        hand.answer(&signed_refusal(&release, 437));
        assert_eq!(hand.client.allocate(hand.clock.now()), Err(AllocateError::GivenUp));
    }
}

//= rfc8656#8-1 test
#[test]
fn an_allocation_is_refreshed_a_minute_before_its_end() {
    let mut hand = Hand::allocated(udp());
    let due = hand.client.poll_timeout().unwrap();
    assert_eq!(due - hand.clock.now(), Duration::from_secs(540));
    hand.clock.advance_to(due);
    hand.client.handle_timeout(due);
    let request = hand.request().unwrap();
    assert_eq!(Message::parse(&request).unwrap().method(), Method::REFRESH);
    let mut out = Vec::new();
    let parsed = Message::parse(&request).unwrap();
    MessageBuilder::success(&mut out, &parsed)
        .attribute(&Lifetime(100))
        .integrity(&key("alice"))
        .finish()
        .unwrap();
    hand.answer(&out);
    assert_eq!(hand.client.poll_timeout().unwrap() - due, Duration::from_secs(50), "half of what is short");
}

//= rfc8656#5-7 test
#[test]
fn a_mismatch_ends_the_allocation_whatever_it_was_about() {
    for number in 0..4 {
        let mut hand = Hand::allocated(udp());
        let now = hand.clock.now();
        match number {
            0 => hand.client.permit(now, peer_address().ip()).unwrap(),
            1 => drop(hand.client.bind_channel(now, peer_address()).unwrap()),
            2 => hand.client.refresh(now),
            _ => hand.client.close(now),
        }
        let request = hand.request().unwrap();
        hand.answer(&signed_refusal(&request, 437));
        if number == 3 {
            assert!(hand.client.is_closed(), "it was to end, and has");
        } else {
            let lost = ClientEvent::Lost(Loss::Refused(ErrorCode::ALLOCATION_MISMATCH));
            assert_eq!(hand.event(), Some(lost));
            assert_eq!(hand.client.permit(now, peer_address().ip()), Err(PeerError::NotAllocated));
            assert_eq!(hand.client.allocate(now), Ok(()), "another may be asked for");
        }
    }
}

/// 400 to a ChannelBind: the two sides disagree on what there is.
//= rfc8656#12.3-1 test
#[test]
fn a_channel_out_of_step_gives_the_allocation_back() {
    let mut hand = Hand::allocated(udp());
    let now = hand.clock.now();
    hand.client.bind_channel(now, peer_address()).unwrap();
    let request = hand.request().unwrap();
    hand.answer(&signed_refusal(&request, 400));
    assert_eq!(hand.event(), Some(ClientEvent::Lost(Loss::OutOfSync)));
    let release = hand.request().unwrap();
    assert_eq!(Message::parse(&release).unwrap().attribute(), Ok(Some(Lifetime(0))));
}

/// Data on a channel count from the moment it is asked for, since the answer may come after them.
//= rfc8656#12-4 test
#[test]
fn data_on_a_channel_may_come_before_the_answer() {
    let mut hand = Hand::allocated(udp());
    let now = hand.clock.now();
    let number = hand.client.bind_channel(now, peer_address()).unwrap();
    hand.request().unwrap();
    let [high, low] = number.number().to_be_bytes();
    let mut early = [high, low, 0, 1, 42];
    let server = hand.client.server();
    let input = hand.client.handle_input(now, server, &mut early);
    assert_eq!(input, ClientInput::Payload { peer: peer_address(), data: &mut [42] });
}

#[test]
fn a_client_that_closes_says_so_and_does_not_wait_for_ever() {
    let mut hand = Hand::allocated(udp());
    hand.client.close(hand.clock.now());
    let (time, sent) = hand.silence();
    assert_eq!((time.as_millis(), sent), (700, 3));
    assert!(hand.client.is_closed());
    assert_eq!(hand.client.allocate(hand.clock.now()), Err(AllocateError::Closed));
    let mut world = World::new(config());
    let node = world.allocated(udp());
    let now = world.now();
    world.nodes[node].client.close(now);
    world.settle();
    assert!(world.nodes[node].client.is_closed());
    assert_eq!((world.open.len(), world.server.stats().allocations), (0, 0));
}
