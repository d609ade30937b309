//! Rules of the RFCs that the cases of the research do not have, one group a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{Attribute, Candidate, Direction, Fingerprint, HashFunction, RemoteCandidates};
use nomagic_sdp::negotiation::{
    Codec, Config, Encoding, Endpoint, HeaderExtension, Kind, LocalTransport, NegotiationError,
    PlainTransport, Rules, State, Track,
};
use nomagic_sdp::{Document, FindingKind, Limits, Negotiator, Profile, Severity};

const PLAIN: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

fn parse(text: &str) -> Document<'_> {
    Document::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn kinds(text: &str) -> Vec<FindingKind> {
    parse(text).examine().into_iter().map(|finding| finding.kind).collect()
}

fn config(id: u64) -> Config {
    let mut config = Config::new(id, "cname");
    config.audio.codecs = vec![Codec::new(111, "opus", 48_000, Some(2)), Codec::new(0, "PCMU", 8_000, None)];
    config.video.codecs = vec![Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack"])];
    let mid = HeaderExtension { id: 4, uri: MID.into() };
    (config.audio.extensions, config.video.extensions) = (vec![mid.clone()], vec![mid]);
    config.max_message_size = Some(1000);
    config
}

fn transport(tag: u32) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("passwordof22characters{tag}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: vec![
            "1 1 udp 2130706431 192.0.2.1 5000 typ host".into(),
            "2 1 udp 1694498815 198.51.100.1 6000 typ srflx raddr 192.0.2.1 rport 5000".into(),
        ],
        end_of_candidates: true,
    }
}

fn track(ssrc: u32) -> Option<Track> {
    Some(Track { stream: format!("stream{}", ssrc / 10), track: format!("track{ssrc}"), ssrc })
}

fn whole(id: u64) -> Negotiator {
    let mut side = Negotiator::new(config(id));
    side.add_media(Kind::Audio, Direction::SendRecv, track(1));
    side.add_media(Kind::Video, Direction::SendRecv, track(2));
    side.add_data();
    side
}

fn exchange(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
    (offer, answer)
}

fn part(text: &str, number: usize) -> String {
    format!("m={}", text.split("m=").skip(1).nth(number).unwrap())
}

//= rfc8866#5-2 test
//= rfc8866#5-3 test
//= rfc8866#5.2-1 test
//= rfc8866#5.3-2 test
//= rfc8866#5.6-2 test
//= rfc8866#5.7-1 test
//= rfc8866#5.12-2 test
//= rfc8866#5.13-1 test
/// Lines keep to the grammar and to their places.
#[test]
fn lines_keep_to_the_grammar() {
    assert_eq!(kinds(PLAIN), []);
    let with = |from: &str, to: &str| {
        assert!(PLAIN.contains(from));
        kinds(&PLAIN.replace(from, to))
    };
    assert_eq!(with("o=- 1", "o=- x"), [FindingKind::Value]);
    assert_eq!(with("o=- ", "o=a b "), [FindingKind::Value]);
    assert_eq!(with("s=-", "s="), [FindingKind::EmptyValue]);
    assert_eq!(with("s=-", "s= "), []);
    assert_eq!(with("t=0 0", "t=0 0\r\nx=1"), [FindingKind::UnknownType]);
    let strict = Profile::Strict.severity(FindingKind::UnknownType);
    assert_eq!(strict, Severity::Error);
    assert_eq!(with("RTP/AVP 0\r\n", "RTP/AVP 0\r\ne=a@b\r\n"), [FindingKind::Order]);
    assert_eq!(with("c=IN IP4 192.0.2.1\r\n", ""), [FindingKind::Missing('c')]);
    let own = PLAIN.replace("c=IN IP4 192.0.2.1\r\n", "") + "c=IN IP4 192.0.2.1\r\n";
    assert_eq!(kinds(&own), []);
    assert_eq!(with("t=0 0\r\n", "t=0 0\r\nk=clear:secret\r\n"), [FindingKind::Obsolete]);
    assert_eq!(with("t=0 0\r\n", "t=0 0\r\na=n\u{e9}:1\r\n"), [FindingKind::Value]);
    assert_eq!(with("t=0 0\r\n", "t=0 0\r\na= x\r\n"), [FindingKind::Value]);
    // A key changes nothing that anybody could ask for.
    let mut z = Negotiator::new(config(1));
    let offer =
        whole(2).create_offer(&transport(1)).unwrap().replace("t=0 0\r\n", "t=0 0\r\nk=clear:secret\r\n");
    z.accept_offer(offer.as_bytes()).unwrap();
    assert!(!z.create_answer(&transport(2)).unwrap().contains("k="));
}

//= rfc8866#5-4 test
//= rfc8866#5.13-4 test
//= rfc8866#5.8-7 test
//= rfc8829#5.8.1-11 test
//= rfc8829#5.8.2-32 test
//= rfc8829#5.10-3 test
//= rfc8829#5.10-6 test
//= rfc8829#5.10-9 test
//= rfc8829#5.10-10 test
//= rfc8839#5.1-10 test
/// What is not understood changes nothing: attributes, bandwidths, codecs, extensions, a candidate's extras.
#[test]
fn what_is_not_understood_changes_nothing() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    let answer = |offer: &str| {
        let mut z = Negotiator::new(config(2));
        z.accept_offer(offer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}"));
        (z.create_answer(&transport(2)).unwrap(), z)
    };
    let (plain, _) = answer(&offer);
    let odd = offer
        .replace("t=0 0\r\n", "b=X-odd:1\r\nb=AS:9\r\nt=0 0\r\na=x-odd:1\r\na=odd\r\n")
        .replace("a=mid:0", "a=x-odd\r\na=mid:0\r\na=extmap:9 urn:odd")
        .replacen(
            "c=IN IP4 198.51.100.1\r\n",
            "c=IN IP4 198.51.100.1\r\nb=CT:5\r\nb=X-y:6\r\nb=TIAS:64000\r\n",
            1,
        )
        .replace("111 0\r\n", "111 0 99\r\n")
        .replace("a=rtpmap:111", "a=rtpmap:99 odd/1\r\na=rtpmap:111")
        .replace("typ host", "typ host odd 1 even 2");
    assert_ne!(odd, offer);
    let (same, z) = answer(&odd);
    assert_eq!(same, plain);
    assert_eq!(z.sections()[0].remote.as_ref().unwrap().bandwidths, [("TIAS".to_owned(), 64_000)]);
}

//= rfc8866#5.14-2 test
//= rfc8866#8.2.3-5 test
//= rfc8866#8.2.3-6 test
//= rfc8866#8.2.3-7 test
/// RTP is offered by payload types with their maps; a port of RTCP's own is named when it is not the next one.
#[test]
fn rtp_is_described_by_payload_types_and_maps() {
    let mut config = config(1);
    config.rules = Rules::Sip;
    let mut side = Negotiator::new(config);
    side.add_media(Kind::Audio, Direction::SendRecv, track(1));
    let mut at = |rtcp_port| {
        let address = [192, 0, 2, 1].into();
        side.set_endpoint(
            0,
            Endpoint::Plain(PlainTransport { address, port: 5001, rtcp_port, keys: Vec::new() }),
        );
        side.create_offer(None).unwrap()
    };
    let offer = at(None);
    assert!(offer.contains("m=audio 5001 RTP/AVP 111 0\r\n") && offer.contains("t=0 0\r\n"), "{offer}");
    assert!(offer.contains("a=rtpmap:111 opus/48000/2\r\n") && !offer.contains("a=rtcp:"));
    assert!(!at(Some(5002)).contains("a=rtcp:"));
    assert!(at(Some(7000)).contains("a=rtcp:7000\r\n"));
    assert!(at(Some(5001)).contains("a=rtcp-mux\r\n"));
}

//= rfc3264#6.1-7 test
//= rfc3264#6.1-9 test
//= rfc3264#6.1-10 test
//= rfc3264#6.1-19 test
//= rfc3264#6.1-24 test
//= rfc3264#6-9 test
//= rfc3264#8-5 test
//= rfc3264#8-6 test
//= rfc3264#8-7 test
//= rfc3264#5-5 test
//= rfc3264#6.2-3 test
/// Answers list formats of the offer, at least one; an offer that has not changed is answered all the same.
#[test]
fn answers_choose_among_what_was_offered() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    let mut z = whole(2);
    for _ in 0..2 {
        z.accept_offer(offer.as_bytes()).unwrap();
        let answer = z.create_answer(&transport(2)).unwrap();
        for (ours, theirs) in parse(&answer).media().zip(parse(&offer).media()) {
            let theirs: Vec<&str> = theirs.media().unwrap().formats().collect();
            let formats: Vec<&str> = ours.media().unwrap().formats().collect();
            assert!(!formats.is_empty() && formats.iter().all(|format| theirs.contains(format)));
        }
    }
    let mut z = whole(3);
    z.accept_offer(offer.replace("opus", "x").replace("RTP/SAVPF 111 0", "RTP/SAVPF 111").as_bytes())
        .unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"), "{answer}");
    // Two descriptions in one message are none.
    assert!(whole(4).accept_offer(format!("{offer}{offer}").as_bytes()).is_err());
    // Our own version grows whenever we describe something.
    let mut a = whole(5);
    let version =
        |text: &str| text.lines().nth(1).unwrap().split(' ').nth(2).unwrap().parse::<u64>().unwrap();
    let first = version(&a.create_offer(&transport(1)).unwrap());
    assert_eq!(version(&a.create_offer(&transport(1)).unwrap()), first + 1);
}

//= rfc8839#4.2.1.4-1 test
//= rfc8839#4.2.1.4-2 test
//= rfc8839#4.2.1.5-1 test
//= rfc8839#4.2.1.6-1 test
//= rfc8839#4.3.1-1 test
//= rfc8839#4.3.1-2 test
//= rfc8839#4.3.1-4 test
//= rfc8839#4.3.2-1 test
//= rfc8839#4.3.2-2 test
//= rfc8839#4.3.2-4 test
//= rfc8839#4.3.2-5 test
//= rfc8839#4.2.5-1 test
//= rfc8839#4.4.1.1.2-1 test
//= rfc8839#4.4.1.2.1-1 test
//= rfc8839#4.4.1.2.1-4 test
//= rfc8839#5.4-1 test
//= rfc8839#9.1-1 test
//= rfc8829#5.1.1-3 test
//= rfc8829#5.2.1-11 test
//= rfc8829#5.2.1-16 test
//= rfc8829#5.2.1-17 test
//= rfc8829#5.2.1-19 test
//= rfc8829#5.2.1-20 test
//= rfc8829#5.2.1-23 test
//= rfc8829#5.2.1-24 test
//= rfc8829#5.2.2-9 test
//= rfc8829#5.2.2-10 test
//= rfc8829#5.2.2-16 test
//= rfc8829#5.2.2-17 test
//= rfc8829#5.3.1-8 test
//= rfc8829#5.3.1-14 test
//= rfc8829#5.3.1-15 test
//= rfc8829#5.3.2-4 test
//= rfc8829#5.3.2-5 test
//= rfc8829#5.3.2-13 test
//= rfc8829#5.3.2-14 test
//= rfc9143#7.5-2 test
/// What is said of ICE: options, credentials, candidates, the default one in the `m=` and `c=` lines, nothing for what
/// has ended, and port 9 where nothing has been gathered.
#[test]
fn ice_is_described_whole() {
    let (mut a, mut z) = (whole(1), whole(2));
    let none = LocalTransport { candidates: Vec::new(), end_of_candidates: false, ..transport(1) };
    let offer = a.create_offer(&none).unwrap();
    assert!(
        part(&offer, 0).starts_with("m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\n"),
        "{offer}"
    );
    assert!(!offer.contains("candidate"));
    let (offer, answer) = exchange(&mut a, &mut z);
    for (text, tag) in [(&offer, 1), (&answer, 2)] {
        assert!(
            text.contains("a=ice-options:trickle ice2\r\n")
                && !text.contains("ice-lite")
                && !text.contains("ice-pacing")
        );
        let first = part(text, 0);
        // The address seen from outside comes before our own.
        assert!(
            first.starts_with("m=audio 6000 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 198.51.100.1\r\n"),
            "{first}"
        );
        assert!(
            first.contains(&format!("a=ice-ufrag:ufrag{tag}\r\na=ice-pwd:passwordof22characters{tag}\r\n"))
        );
        assert!(first.matches("a=candidate:").count() == 2 && first.contains("a=end-of-candidates\r\n"));
    }
    a.set_direction(0, Direction::Inactive);
    let (offer, _) = exchange(&mut a, &mut z);
    assert!(part(&offer, 0).contains("a=inactive") && part(&offer, 0).contains("a=ice-ufrag:ufrag1\r\n"));
    a.stop(0);
    let (offer, answer) = exchange(&mut a, &mut z);
    for text in [&offer, &answer] {
        let ended = part(text, 0);
        assert!(
            ended.starts_with("m=audio 0 ") && !ended.contains("candidate") && !ended.contains("ice-"),
            "{ended}"
        );
        assert!(part(text, 1).contains("a=candidate:"), "another speaks for the bundle: {text}");
    }
    // A protocol is answered as it was offered, and a lite agent says so.
    let mut lite = Negotiator::new({
        let mut config = config(3);
        config.ice_lite = true;
        config
    });
    lite.accept_offer(
        whole(4).create_offer(&transport(1)).unwrap().replace("UDP/TLS/RTP", "TCP/DTLS/RTP").as_bytes(),
    )
    .unwrap();
    let answer = lite.create_answer(&transport(2)).unwrap();
    assert!(
        answer.contains("a=ice-lite\r\n")
            && answer.contains("TCP/DTLS/RTP/SAVPF")
            && !answer.contains("pacing"),
        "{answer}"
    );
    let names =
        LocalTransport { candidates: vec!["1 1 udp 1 4b6b.local 5000 typ host".into()], ..transport(1) };
    assert!(
        whole(5)
            .create_offer(&names)
            .unwrap()
            .contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\n")
    );
}

//= rfc8839#4.4.1.1.1-3 test
//= rfc8839#4.4.1.1.1-4 test
//= rfc8839#4.4.2.1-1 test
//= rfc8829#5.10-5 test
//= rfc8829#5.2.2-12 test
//= rfc8829#5.2.3.1-1 test
//= rfc8829#5.3.2-6 test
/// A restart is another password or user name, of theirs or of ours; the address 0.0.0.0 is none.
#[test]
fn restarts_are_other_credentials() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    let seen = |z: &mut Negotiator, offer: &str| {
        z.accept_offer(offer.as_bytes()).unwrap();
        let restarts = z.remote_restarts_ice();
        z.rollback().unwrap();
        restarts
    };
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(offer.contains("a=ice-ufrag:ufrag1\r\n"));
    assert!(!seen(&mut z, &offer));
    assert!(!seen(&mut z, &offer.replace("198.51.100.1", "0.0.0.0")));
    assert!(seen(&mut z, &offer.replace("characters1", "characters9")));
    assert!(seen(&mut z, &offer.replace("ufrag:ufrag1", "ufrag:ufrag9")));
    let offer = a.create_offer(&transport(7)).unwrap();
    assert!(seen(&mut z, &offer));
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(8)).unwrap();
    assert!(answer.contains("a=ice-ufrag:ufrag8\r\n") && answer.contains("characters8\r\n"));
    a.accept_answer(answer.as_bytes()).unwrap();
    assert_eq!(a.remote_transport().unwrap().ufrag, "ufrag8");
    assert!(!a.remote_restarts_ice(), "there is no offer open");
}

//= rfc8839#5.1-3 test
//= rfc8839#5.1-4 test
//= rfc8839#5.1-6 test
//= rfc8839#10.3-1 test
//= rfc8839#10.3-2 test
//= rfc8839#5.2-1 test
/// The formats of candidates and of those that were settled on.
#[test]
fn candidates_keep_to_their_format() {
    let good = "1 1 udp 2130706431 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 9 ext value";
    let candidate = Candidate::parse(good).unwrap();
    assert_eq!(
        (candidate.component, candidate.related, candidate.extension("ext")),
        (1, Some(("10.0.0.1", 9)), Some("value"))
    );
    assert_eq!(candidate.to_string(), good);
    for bad in [
        "1 0 udp 1 a 1 typ host",
        "1 257 udp 1 a 1 typ host",
        "1 1 udp 1 a 1 typ srflx raddr b",
        "1 1 udp 1 a 1 typ srflx raddr b rport",
    ] {
        assert!(Candidate::parse(bad).is_err(), "{bad}");
    }
    let list: Vec<_> =
        RemoteCandidates::parse("1 192.0.2.3 45664 2 192.0.2.3 45665").unwrap().iter().collect();
    assert_eq!(list, [(1, "192.0.2.3", 45_664), (2, "192.0.2.3", 45_665)]);
    for bad in ["", "1 192.0.2.3", "0 192.0.2.3 1", "1 192.0.2.3 70000", "1 192.0.2.3 1 2"] {
        assert!(RemoteCandidates::parse(bad).is_err(), "{bad}");
    }
}

//= rfc8839#4.3.2-7 test
//= rfc8839#4.3.2-8 test
//= rfc8839#4.2.5-5 test
//= rfc8839#4.2.5-4 test
//= rfc8829#5.8.1-4 test
//= rfc8829#5.8.2-4 test
/// A default address that is none of the candidates is noticed; names and the address of nothing prove nothing; and a
/// telephone that does no ICE is answered without.
#[test]
fn mismatches_of_ice_are_noticed() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    let mismatch = |text: &str| {
        let mut z = whole(2);
        z.accept_offer(text.as_bytes()).unwrap();
        z.remote_transport().unwrap().ice_mismatch
    };
    assert!(!mismatch(&offer));
    assert!(mismatch(&offer.replace("c=IN IP4 198.51.100.1", "c=IN IP4 203.0.113.7")));
    assert!(mismatch(&offer.replace("m=audio 6000", "m=audio 6001")));
    assert!(!mismatch(&offer.replace("c=IN IP4 198.51.100.1", "c=IN IP4 host.example.org")));
    assert!(!mismatch(
        &offer.replace("m=audio 6000", "m=audio 9").replace("c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0")
    ));
    let mut phone = Negotiator::new({
        let mut config = config(3);
        config.rules = Rules::Sip;
        config
    });
    phone.accept_offer(PLAIN.as_bytes()).unwrap();
    let address = [192, 0, 2, 9].into();
    phone.set_endpoint(
        0,
        Endpoint::Plain(PlainTransport { address, port: 7000, rtcp_port: None, keys: Vec::new() }),
    );
    let answer = phone.create_answer(None).unwrap();
    assert!(
        answer.contains("m=audio 7000 RTP/AVP 0") && !answer.contains("ice") && !answer.contains("candidate"),
        "{answer}"
    );
    // One that only has ICE refuses.
    let mut phone = Negotiator::new({
        let mut config = config(3);
        config.rules = Rules::Sip;
        config
    });
    phone.accept_offer(PLAIN.as_bytes()).unwrap();
    assert!(phone.create_answer(&transport(2)).unwrap().contains("m=audio 0 "));
    // So does one that would have DTLS in common, but not ICE.
    let secure = PLAIN.replace("RTP/AVP 0", "UDP/TLS/RTP/SAVP 0")
        + &format!("a=setup:actpass\r\na=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":"));
    let mut phone = Negotiator::new({
        let mut config = config(3);
        config.rules = Rules::Sip;
        config
    });
    phone.accept_offer(secure.as_bytes()).unwrap();
    let answer = phone.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("m=audio 0 ") && !answer.contains("a=ice-ufrag"), "{answer}");
}

//= rfc8829#5.1.1-1 test
//= rfc8829#5.1.1-2 test
//= rfc8829#5.1.1-4 test
//= rfc8829#5.1.1-6 test
//= rfc8829#5.1.1-7 test
//= rfc8829#5.8.3-1 test
//= rfc8829#5.8.3-3 test
//= rfc8829#5.8.3-7 test
//= rfc8829#5.8.3-14 test
//= rfc8829#5.8-1 test
//= rfc8829#5.6-5 test
//= rfc8829#5.9-1 test
//= rfc8829#5.10-1 test
//= rfc8829#5.10-2 test
//= rfc8829#5.10-4 test
//= rfc8829#8-1 test
//= rfc8829#5.8.1-6 test
//= rfc8829#5.8.1-7 test
//= rfc8829#5.8.1-8 test
//= rfc8829#5.8.1-1 test
//= rfc8829#5.8.1-2 test
//= rfc8829#5.8.1-5 test
//= rfc8829#5.8.2-1 test
//= rfc8829#5.8.2-2 test
//= rfc8829#5.8.2-5 test
//= rfc8829#3.5.5-1 test
//= rfc8829#5.1.1-5 test
/// A description that lacks something, or that has a line that cannot be read, changes nothing.
#[test]
fn descriptions_that_lack_something_change_nothing() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    let broken = [
        ("a=ice-ufrag:ufrag1\r\n", ""),
        ("a=ice-pwd:passwordof22characters1\r\n", ""),
        ("ufrag:ufrag1", "ufrag:ufr"),
        ("characters1", "short"),
        ("a=fingerprint:sha-256", "a=x:sha-256"),
        ("v=0", "v=1"),
        ("o=- ", "o=-"),
        ("s=-\r\n", ""),
        ("t=0 0", "t=x"),
        ("t=0 0", "b=x\r\nt=0 0"),
        ("t=0 0", "t=0 0\r\nr=x"),
        ("s=-\r\n", "s=-\r\ne=\u{0}\r\n"),
        ("m=audio 6000", "m=audio x"),
        ("c=IN IP4 198.51.100.1", "c=IN IP4"),
        ("a=mid:0", "mid:0"),
        ("a=mid:0\r\n", "a=mid:0\r\nb=AS\r\n"),
    ];
    for (from, to) in broken {
        assert!(offer.contains(from), "{from}");
        let (mut a, mut z) = (whole(1), whole(2));
        let before = (z.sections().to_vec(), z.state());
        let text = offer.replace(from, to).replace("a=ice-pwd:passwordof22short", "a=ice-pwd:short");
        assert!(z.accept_offer(text.as_bytes()).is_err(), "{to} for {from}");
        assert_eq!((z.sections().to_vec(), z.state()), before);
        // The same in an answer.
        let offer = a.create_offer(&transport(1)).unwrap();
        z.accept_offer(offer.as_bytes()).unwrap();
        let answer = z.create_answer(&transport(1)).unwrap();
        let text = answer.replace(from, to).replace("a=ice-pwd:passwordof22short", "a=ice-pwd:short");
        let before = a.sections().to_vec();
        assert!(a.accept_answer(text.as_bytes()).is_err(), "{to} for {from}: {text}");
        assert_eq!((a.sections(), a.state()), (&before[..], State::HaveLocalOffer));
    }
    // A lite peer, one without `ice2`, and one whose attributes stand at the session.
    let mut z = whole(2);
    let lite =
        offer.replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n").replace("a=ice-options:trickle ice2\r\n", "");
    z.accept_offer(lite.as_bytes()).unwrap();
    assert!(z.remote_transport().unwrap().ice_lite && !z.remote_transport().unwrap().trickle);
}

//= rfc8829#5.1.2-1 test
//= rfc8829#5.1.2-3 test
//= rfc8829#5.1.2-4 test
//= rfc8829#5.1.2-5 test
//= rfc8829#5.1.2-6 test
//= rfc8829#5.3.1-9 test
//= rfc8829#5.2.1-49 test
/// All names that ever meant RTP over DTLS are taken, and answered as they came.
#[test]
fn every_profile_of_rtp_is_taken_and_repeated() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    assert!(offer.contains("UDP/TLS/RTP/SAVPF"));
    for protocol in [
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
    ] {
        let mut z = whole(2);
        z.accept_offer(offer.replace("UDP/TLS/RTP/SAVPF", protocol).as_bytes()).unwrap();
        let answer = z.create_answer(&transport(2)).unwrap();
        assert!(answer.contains(&format!("m=audio 6000 {protocol} 111 0\r\n")), "{answer}");
        // The next offer of ours has the right name again.
        assert!(z.create_offer(&transport(2)).unwrap().contains("m=audio 6000 UDP/TLS/RTP/SAVPF 111 0\r\n"));
    }
    let mut z = whole(2);
    z.accept_offer(offer.replace("m=audio 6000 UDP/TLS/RTP/SAVPF", "m=audio 6000 RTP/ODD").as_bytes())
        .unwrap();
    assert!(z.create_answer(&transport(2)).unwrap().contains("m=audio 0 RTP/ODD"));
}

//= rfc8829#5.2.1-1 test
//= rfc8829#5.2.1-2 test
//= rfc8829#5.2.1-4 test
//= rfc8829#5.2.1-7 test
//= rfc8829#5.2.1-9 test
//= rfc8829#5.2.1-10 test
//= rfc8829#5.2.1-13 test
//= rfc8829#5.2.1-15 test
//= rfc8829#5.2.1-26 test
//= rfc8829#5.2.1-27 test
//= rfc8829#5.2.1-44 test
//= rfc8829#5.2.1-47 test
//= rfc8829#5.2.2-2 test
//= rfc8829#5.2.2-3 test
//= rfc8829#5.2.2-7 test
//= rfc8829#5.2.2-8 test
//= rfc8829#5.2.2-11 test
//= rfc8829#5.2.2-35 test
//= rfc8829#5.3.1-17 test
//= rfc8829#5.3.1-18 test
//= rfc8829#5.3.1-3 test
//= rfc8829#5.3.1-4 test
//= rfc8829#5.3.2-2 test
//= rfc8829#5.3.2-3 test
//= rfc8829#5.3.2-16 test
//= rfc8829#5.3.2-17 test
//= rfc9143#15.2-1 test
//= rfc9143#17-1 test
/// The head of a description, names that say nothing of anybody, streams that keep their names, and what is played in step.
#[test]
fn heads_names_and_streams_stay() {
    let mut most = config(1);
    most.session_id = u64::MAX >> 1;
    let (mut a, mut z) = (Negotiator::new(most), whole(2));
    for ssrc in [1, 2, 30] {
        a.add_media(if ssrc == 1 { Kind::Audio } else { Kind::Video }, Direction::SendRecv, track(ssrc));
    }
    let (offer, answer) = exchange(&mut a, &mut z);
    let head: Vec<&str> = offer.lines().take(4).collect();
    assert_eq!(head, ["v=0", "o=- 9223372036854775807 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]);
    for text in [&offer, &answer] {
        assert!(!text.contains("\nk=") && !text.contains("a=crypto") && !text.contains("a=rtcp:"));
    }
    assert!(offer.contains("a=group:LS 0 1\r\n") && offer.contains("a=msid:stream0 track1\r\n"), "{offer}");
    assert!(offer.contains("a=mid:0\r\n") && offer.contains("a=mid:2\r\n"));
    assert!(answer.contains("a=group:LS 0 1\r\n"), "{answer}");
    let mut alone = whole(3);
    let mut peer = Negotiator::new(config(4));
    peer.add_media(Kind::Audio, Direction::SendRecv, track(40));
    peer.add_media(Kind::Video, Direction::SendRecv, track(50));
    let (offer_2, answer_2) = exchange(&mut peer, &mut alone);
    assert!(!offer_2.contains(":LS") && !answer_2.contains(":LS"), "{offer_2}{answer_2}");
    // Another track on the same section keeps what was said of the first.
    a.set_media(0, Direction::SendRecv, track(77));
    let (offer, _) = exchange(&mut a, &mut z);
    assert!(
        offer.contains("a=msid:stream0 track1\r\n") && offer.contains("o=- 9223372036854775807 2 "),
        "{offer}"
    );
    assert!(offer.contains("a=group:LS 0 1\r\n"), "{offer}");
    let (offer, answer) = exchange(&mut z, &mut a);
    assert!(answer.contains("a=msid:stream0 track1\r\n") && offer.contains("a=mid:1\r\n"));
    assert_eq!(answer.lines().nth(3), Some("t=0 0"));
}

//= rfc9143#9.1-2 test
//= rfc9143#9.1-3 test
//= rfc9143#9.1.1-1 test
//= rfc9143#9.1.1-2 test
//= rfc9143#9.2-2 test
//= rfc9143#9.3-1 test
//= rfc9143#9.3.1.1-1 test
//= rfc9143#12-1 test
//= rfc9143#7.1.1-1 test
//= rfc9143#7.1.1-2 test
//= rfc9143#7.1.1-3 test
//= rfc9143#14.2-1 test
//= rfc9143#13.2-1 test
//= rfc9143#13.4-1 test
//= rfc9143#8-1 test
//= rfc9143#7.1.3-1 test
//= rfc9143#7.1.3-6 test
//= rfc9143#9.3.1.2-7 test
/// In a bundle: one protocol, one address, one meaning of each number, names in packets, RTCP on RTP's port, and no names
/// of what has ended.
#[test]
fn bundles_agree_within_themselves() {
    let (mut a, mut z) = (whole(1), whole(2));
    a.add_media(Kind::Video, Direction::SendRecv, track(9));
    exchange(&mut a, &mut z);
    a.stop(1);
    let (offer, answer) = exchange(&mut a, &mut z);
    for text in [&offer, &answer] {
        assert!(text.contains("a=group:BUNDLE 0 2 3\r\n"), "{text}");
        let document = parse(text);
        let alive: Vec<_> = document.media().filter(|section| section.media().unwrap().port != 0).collect();
        let mut meanings = std::collections::BTreeMap::new();
        for section in alive.iter().filter(|section| section.media().unwrap().kind != "application") {
            let line = section.media().unwrap();
            assert_eq!((line.protocol, line.port), ("UDP/TLS/RTP/SAVPF", 6000));
            assert_eq!(
                section.connection().map(|at| (at.network, at.address_type, at.address)),
                Some(("IN", "IP4", "198.51.100.1"))
            );
            assert!(section.has("rtcp-mux") && section.value("extmap") == Some(&format!("4 {MID}")[..]));
            for map in section.attributes().filter(|raw| raw.name == "rtpmap" || raw.name == "extmap") {
                let (number, meaning) = map.value.unwrap().split_once(' ').unwrap();
                assert_eq!(*meanings.entry((map.name, number)).or_insert(meaning), meaning);
            }
        }
        let ended = part(text, 1);
        assert!(ended.starts_with("m=video 0 ") && !ended.contains("bundle-only"));
    }
}

//= rfc8851#5-4 test
//= rfc8851#6.1-2 test
//= rfc8851#6.1-5 test
//= rfc8851#6.1-6 test
//= rfc8853#5.2-3 test
//= rfc8829#5.2.1-34 test
/// Encodings of ours: names once, restrictions that can be read, parameters of codecs beside them.
#[test]
fn encodings_of_ours_are_well_formed() {
    let mut a = Negotiator::new({
        let mut config = config(1);
        config.video.codecs[0].parameters = "max-fr=30".into();
        config
    });
    let number = a.add_media(Kind::Video, Direction::SendRecv, track(1));
    let make =
        |rid: &str, restrictions: &str| Encoding { restrictions: restrictions.into(), ..Encoding::new(rid) };
    a.set_encodings(
        number,
        vec![
            make("a", "pt=96;max-bpp=0.1"),
            make("a", ""),
            make("b c", ""),
            make("d", "max-width=x"),
            make("e", ""),
        ],
    );
    let offer = a.create_offer(&transport(1)).unwrap();
    let lines: Vec<&str> =
        offer.lines().filter(|line| line.starts_with("a=rid") || line.starts_with("a=simulcast")).collect();
    assert_eq!(lines, ["a=rid:a send pt=96;max-bpp=0.1", "a=rid:e send", "a=simulcast:send a;e"]);
    assert!(offer.contains("a=fmtp:96 max-fr=30\r\n"));
    let twice = offer.replace("send a;e", "send a send e");
    assert!(parse(&twice).examine().iter().any(|finding| matches!(finding.kind, FindingKind::Attribute(_))));
    let mut z = whole(2);
    z.accept_offer(twice.as_bytes()).unwrap();
    assert!(!z.create_answer(&transport(2)).unwrap().contains("simulcast"));
}

//= rfc8829#4.1.10-1 test
//= rfc8829#4.1.10-2 test
//= rfc8829#4.1.10-3 test
//= rfc8829#4.1.11-1 test
//= rfc8829#5.3.2-1 test
//= rfc8829#5.2.2-1 test
//= rfc8829#4.1.8-3 test
//= rfc8829#4.1.9-3 test
//= rfc8829#5.7-3 test
//= rfc8829#5.8.3-13 test
//= rfc8829#5.3.1-5 test
//= rfc8829#5.3.1-6 test
//= rfc8829#5.3.1-7 test
//= rfc8829#5.3.1-11 test
//= rfc8829#5.3.1-13 test
//= rfc8829#4.1.9-2 test
/// Offers, answers for the time being and answers for good are told apart, and an answer fits its offer.
#[test]
fn answers_of_both_kinds_fit_their_offer() {
    let (mut a, mut z) = (whole(1), whole(2));
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    z.stop(1);
    let provisional = z.create_provisional_answer(&transport(2)).unwrap();
    a.accept_provisional_answer(provisional.as_bytes()).unwrap();
    assert!(a.sections()[1].rejected && a.sections()[0].direction == Direction::SendRecv);
    let codecs = a.sections()[0].codecs.clone();
    // The last word may differ: nothing has been given up meanwhile.
    let mut other = whole(3);
    other.accept_offer(offer.as_bytes()).unwrap();
    let answer = other.create_answer(&transport(2)).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap();
    assert!(!a.sections()[1].rejected && a.sections()[0].codecs == codecs);
    assert!(part(&answer, 0).starts_with("m=audio 6000 UDP/TLS/RTP/SAVPF 111 0\r\n"));
    // Another medium in its place is no answer.
    let mut a = whole(4);
    let offer = a.create_offer(&transport(1)).unwrap();
    let mut z = whole(5);
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(matches!(
        a.accept_answer(answer.replace("m=audio", "m=video").as_bytes()),
        Err(NegotiationError::Mismatch { .. })
    ));
    a.rollback().unwrap();
    assert!(a.sections().iter().all(|section| section.remote.is_none()));
}

//= rfc8829#5.8.2-3 test
//= rfc8829#5.8.2-6 test
//= rfc8829#5.8.2-7 test
//= rfc8829#5.8.2-8 test
//= rfc8829#5.8.2-9 test
//= rfc8829#5.8.2-10 test
//= rfc8829#5.8.2-11 test
//= rfc8829#5.8.2-12 test
//= rfc8829#5.8.2-13 test
//= rfc8829#5.8.2-14 test
//= rfc8829#5.8.2-15 test
//= rfc8829#5.8.2-16 test
//= rfc8829#5.8.2-17 test
//= rfc8829#5.8.2-18 test
//= rfc8829#5.8.2-19 test
//= rfc8829#5.8.2-20 test
//= rfc8829#5.8.2-21 test
//= rfc8829#5.8.2-22 test
//= rfc8829#5.8.2-23 test
//= rfc8829#5.8.2-24 test
//= rfc8829#5.8.2-27 test
//= rfc8829#5.8.1-9 test
//= rfc8829#5.2.1-46 test
//= rfc8829#5.2.1-49 test
/// What a media description says is read and kept.
#[test]
fn all_lines_of_a_media_description_are_read() {
    let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:passive\r\na=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\na=tls-id:abc3de65cddef001be82\r\na=ice-options:trickle\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\nb=TIAS:64000\r\na=mid:v\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=remote-candidates:1 192.0.2.1 9\r\na=end-of-candidates\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ptime:20\r\na=maxptime:40\r\na=sendonly\r\na=ssrc:7 cname:x\r\na=ssrc-group:FID 7 8\r\na=extmap:3/sendonly urn:x\r\na=rtcp-fb:* nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-mux\r\na=rtcp-mux-only\r\na=rtcp-rsize\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=msid:stream track\r\na=imageattr:96 recv [x=640,y=480]\r\na=rid:1 send pt=96;max-width=640\r\na=simulcast:send 1\r\n";
    let mut z = Negotiator::new(config(1));
    z.accept_offer(text.as_bytes()).unwrap();
    let remote = z.remote_transport().unwrap();
    assert_eq!(
        (remote.ufrag.as_str(), remote.fingerprints.len(), remote.trickle, remote.end_of_candidates),
        ("abcd", 1, true, true)
    );
    assert_eq!((remote.candidates.len(), remote.tls_id.as_deref()), (1, Some("abc3de65cddef001be82")));
    let media = z.sections()[0].remote.as_ref().unwrap();
    assert_eq!(
        (media.mid.as_str(), media.protocol.as_str(), media.formats.as_str()),
        ("v", "UDP/TLS/RTP/SAVPF", "96 97")
    );
    assert_eq!((media.ptime, media.max_ptime, media.direction), (Some(20), Some(40), Direction::SendOnly));
    assert_eq!((media.ssrcs.as_slice(), media.ssrc_groups.len(), media.extensions.len()), (&[7][..], 1, 1));
    assert_eq!(
        (media.codecs[0].feedback.clone(), media.codecs[1].associated()),
        (vec!["nack".to_owned(), "nack pli".into()], Some(96))
    );
    assert_eq!((media.rtcp_mux, media.rtcp_mux_only, media.reduced_size_rtcp), (true, true, true));
    assert_eq!(media.msid, Some(("stream".into(), "track".into())));
    assert_eq!(media.image_attributes, ["96 recv [x=640,y=480]"]);
    assert_eq!(
        (media.rids.clone(), media.sends.len(), media.bandwidths.clone()),
        (vec!["1".to_owned()], 1, vec![("TIAS".to_owned(), 64_000)])
    );
}

//= rfc9143#1.2-1 test
//= rfc9143#5-1 test
/// A section is in one bundle, the first that names it.
#[test]
fn a_section_is_in_one_bundle() {
    let offer = whole(1).create_offer(&transport(1)).unwrap();
    let bundles = "a=group:BUNDLE 0 1\r\na=group:BUNDLE 1 2\r\n";
    let twice = offer.replace("a=group:BUNDLE 0 1 2\r\n", bundles);
    // The second bundle's section has a transport of its own.
    let twice = twice.replace("m=application 0", "m=application 9").replace(
        "a=bundle-only\r\na=sctp",
        "a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=sctp",
    );
    let mut z = whole(2);
    z.accept_offer(twice.as_bytes()).unwrap();
    z.set_endpoint(2, Endpoint::Secure(transport(9)));
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("a=group:BUNDLE 0 1\r\n") && answer.contains("a=group:BUNDLE 2\r\n"), "{answer}");
    assert_eq!(z.sections()[1].transport, z.sections()[0].transport);
    assert_ne!(z.sections()[2].transport, z.sections()[0].transport);
}

//= rfc8841#10.5-5 test
//= rfc8829#5.2.2-5 test
//= rfc3264#5.1-15 test
/// Data channels that end have port 0; what ends before anybody has heard of it is not said; no time is no time.
#[test]
fn what_ends_is_said_only_to_those_who_know_of_it() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    a.stop(2);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(offer.contains("m=application 0 ") && answer.contains("m=application 0 "));
    let mut silent = config(3);
    silent.ptime = Some(0);
    let mut a = Negotiator::new(silent);
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    let gone = a.add_media(Kind::Video, Direction::SendRecv, track(2));
    a.stop(gone);
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(!offer.contains("m=video") && !offer.contains("ptime"), "{offer}");
}

//= rfc8851#6.4-5 test
/// Payload types of an answer's encoding are among those offered for it.
#[test]
fn payload_types_of_encodings_are_among_those_offered() {
    for (said, kept) in [("pt=96", true), ("pt=97", false), ("pt=96,97", false)] {
        let (mut a, mut z) = (Negotiator::new(config(1)), Negotiator::new(config(2)));
        let number = a.add_media(Kind::Video, Direction::SendRecv, track(1));
        a.set_encodings(number, vec![Encoding { restrictions: "pt=96".into(), ..Encoding::new("1") }]);
        let offer = a.create_offer(&transport(1)).unwrap();
        z.accept_offer(offer.as_bytes()).unwrap();
        let answer = z.create_answer(&transport(2)).unwrap();
        assert!(answer.contains("a=rid:1 recv pt=96\r\n"), "{answer}");
        a.accept_answer(answer.replace("recv pt=96", &format!("recv {said}")).as_bytes()).unwrap();
        assert_eq!(a.sections()[0].sending.len() == 1, kept, "{said}");
    }
}
