//! Telephones: no bundle, hold, keys in the description.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{clean, config, side, track, transport};
use nomagic_sdp::Negotiator;
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{Codec, Endpoint, Kind, NegotiationError, PlainTransport, Rules, SdesKey};

fn phone(id: u64) -> Negotiator {
    let mut config = config(id);
    config.rules = Rules::Sip;
    config.audio.codecs = vec![
        Codec::new(0, "PCMU", 8_000, None),
        Codec::new(8, "PCMA", 8_000, None),
        Codec::new(101, "telephone-event", 8_000, None).with_parameters("0-15"),
    ];
    Negotiator::new(config)
}

fn plain(last: u8, keys: &[&str]) -> Endpoint {
    let key = |suite: &&str| SdesKey {
        suite: (*suite).into(),
        key_and_salt: "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz".into(),
    };
    Endpoint::Plain(PlainTransport {
        address: [192, 0, 2, last].into(),
        port: 5000 + u16::from(last) * 2,
        rtcp_port: None,
        keys: keys.iter().map(key).collect(),
    })
}

fn call(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(None).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(None).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
    clean(&offer);
    clean(&answer);
    (offer, answer)
}

//= rfc3264#5-1 test
//= rfc3264#5-3 test
//= rfc3264#5-4 test
//= rfc3264#6-1 test
//= rfc3264#6-5 test
//= rfc3264#6.1-2 test
//= rfc3264#6.1-12 test
//= rfc3264#6.1-14 test
//= rfc3264#8-4 test
//= rfc3264#8.4-2 test
//= rfc3264#8.4-3 test
//= rfc8839#4.4.1.1.1-2 test
//= rfc9143#13.4-2 test
/// Two telephones: an address and a port, no bundle, hold by direction and by address, and a port that moves.
#[test]
fn telephones_call_hold_and_move() {
    let (mut a, mut z) = (phone(1), phone(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    a.set_endpoint(0, plain(1, &[]));
    z.add_media(Kind::Audio, Direction::SendRecv, track(2));
    z.set_endpoint(0, plain(2, &[]));
    let (offer, answer) = call(&mut a, &mut z);
    assert_eq!(
        offer,
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.1\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    );
    assert!(
        answer.contains("m=audio 5004 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.2\r\n") && !answer.contains("mid:")
    );
    assert_ne!(offer.lines().nth(1), answer.lines().nth(1));
    let remote = a.remote_transport().unwrap();
    assert_eq!(
        (remote.address.as_str(), remote.port, remote.does_ice(), a.dtls_role()),
        ("192.0.2.2", 5004, false, None)
    );
    // Hold, by direction; the version grows by one and the rest of `o=` stays.
    a.set_direction(0, Direction::SendOnly);
    let (offer, answer) = call(&mut a, &mut z);
    assert!(
        offer.contains("o=- 1 2 IN IP4 192.0.2.1\r\n")
            && offer.contains("a=sendonly")
            && answer.contains("a=recvonly")
    );
    a.set_direction(0, Direction::SendRecv);
    // Hold, as RFC 2543 had it.
    let offer = a.create_offer(None).unwrap().replace(
        "m=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.1",
        "m=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 0.0.0.0",
    );
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(None).unwrap();
    assert_eq!(z.sections()[0].direction, Direction::RecvOnly);
    assert!(answer.contains("a=recvonly"), "{answer}");
    a.accept_answer(answer.as_bytes()).unwrap();
    // A port that moves.
    a.set_endpoint(0, plain(9, &[]));
    call(&mut a, &mut z);
    assert_eq!(z.remote_transport().unwrap().port, 5018);
    // The time of the session is repeated.
    let offer = a.create_offer(None).unwrap().replace("t=0 0", "t=2873397496 2873404696");
    z.accept_offer(offer.as_bytes()).unwrap();
    assert!(z.create_answer(None).unwrap().contains("t=2873397496 2873404696\r\n"));
}

/// Keys in the description: the first suite that both have, under the tag of the offer; none in common is a refusal.
#[test]
fn telephones_agree_on_keys() {
    let (mut a, mut z) = (phone(1), phone(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    a.set_endpoint(0, plain(1, &["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]));
    z.add_media(Kind::Audio, Direction::SendRecv, track(2));
    z.set_endpoint(0, plain(2, &["AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"]));
    let (offer, answer) = call(&mut a, &mut z);
    assert!(offer.contains("RTP/SAVP ") && offer.matches("a=crypto:").count() == 3, "{offer}");
    assert!(
        answer.contains("RTP/SAVP ")
            && answer.matches("a=crypto:").count() == 1
            && answer.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"),
        "{answer}"
    );
    let (own, theirs) = a.sections()[0].keys.clone().unwrap();
    assert_eq!(z.sections()[0].keys, Some((theirs, own)));
    let mut other = phone(3);
    other.accept_offer(offer.as_bytes()).unwrap();
    other.set_endpoint(0, plain(3, &["F8_128_HMAC_SHA1_80"]));
    assert!(other.create_answer(None).unwrap().contains("m=audio 0 RTP/SAVP"));
    // Who has no keys is not given plain sound, and a browser takes no keys from descriptions.
    let mut open = phone(4);
    open.accept_offer(offer.as_bytes()).unwrap();
    open.set_endpoint(0, plain(3, &[]));
    assert!(open.create_answer(None).unwrap().contains("m=audio 0 RTP/SAVP"));
    let mut browser = side(5);
    browser.accept_offer(offer.as_bytes()).unwrap();
    assert!(browser.create_answer(&transport(2)).unwrap().contains("m=audio 0 RTP/SAVP"));
    assert!(
        side(5).accept_offer(offer.replace("a=sendrecv", "a=sendrecv\r\na=rtcp-mux").as_bytes()).is_err(),
        "no certificate"
    );
    // Without a transport there is no offer.
    let mut none = phone(6);
    none.add_media(Kind::Audio, Direction::SendRecv, track(1));
    assert!(matches!(none.create_offer(None), Err(NegotiationError::Endpoint { .. })));
}
