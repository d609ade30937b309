//! T1 to T13 of `research/sdp-stun-ice-rtp.md` section 1.5, under their numbers; T2 is in `probes.rs`, T14 and T15 are in
//! `model.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{
    AnyAttribute, Attribute, Candidate, Direction, Fingerprint, HashFunction, MediaClock, RawAttribute,
    RtpMap, registry,
};
use nomagic_sdp::negotiation::{Codec, Config, Encoding, Kind, LocalTransport, Track};
use nomagic_sdp::{Contradiction, Document, FindingKind, LimitError, Limits, Negotiator, Profile, Writer};
use nomagic_testkit::vectors;
use proptest::prelude::*;

const PLAIN: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n";

fn parse(text: &[u8]) -> Document<'_> {
    Document::parse(text, &Limits::default()).unwrap()
}

fn kinds(text: &str) -> Vec<FindingKind> {
    parse(text.as_bytes()).examine().into_iter().map(|finding| finding.kind).collect()
}

//= rfc8866#5.3-1 test
/// T1: each line type twice, at the session and at a medium.
#[test]
fn t1_lines_that_may_stand_once_are_found_when_they_stand_twice() {
    let whole = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\ni=x\r\nu=http://x\r\ne=x@y\r\np=+1 2\r\nc=IN IP4 192.0.2.1\r\nb=AS:1\r\nt=0 0\r\nr=7d 1h 0\r\nz=0 1h\r\na=tool:x\r\nm=audio 9 RTP/AVP 0\r\ni=x\r\nc=IN IP4 192.0.2.1\r\nb=AS:1\r\na=x\r\n";
    assert_eq!(kinds(whole), []);
    let session =
        ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "i=x", "u=http://x", "c=IN IP4 192.0.2.1", "z=0 1h"];
    for line in session {
        let twice = whole.replacen(line, &format!("{line}\r\n{line}"), 1);
        assert_eq!(kinds(&twice), [FindingKind::Repeated], "{line}");
    }
    for line in ["e=x@y", "p=+1 2", "b=AS:1", "t=0 0", "r=7d 1h 0", "a=tool:x"] {
        let twice = whole.replacen(line, &format!("{line}\r\n{line}"), 1);
        assert_eq!(kinds(&twice), [], "{line}");
    }
    let media = whole.rfind("i=x").unwrap();
    assert_eq!(kinds(&format!("{}i=y\r\n{}", &whole[..media], &whole[media..])), [FindingKind::Repeated]);
    // A time description may be followed by another, with its own repeats and zones.
    let again = whole.replacen("z=0 1h", "z=0 1h\r\nt=0 0\r\nr=7d 1h 0\r\nz=0 1h", 1);
    assert_eq!(kinds(&again), []);
    assert_eq!(kinds(&whole.replace("a=tool", "k=prompt\r\na=tool")), [FindingKind::Obsolete]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever value an attribute has, it is refused, or written so that it is written the same again.
    #[test]
    fn every_attribute_survives_every_value(value in prop_oneof!["[ -~]{0,40}", "([a-z0-9*~/:=;,.-]{0,6}[ ;,:=]?){0,6}", "\\PC{0,20}"]) {
        for entry in registry::TABLE {
            let raw = RawAttribute { name: entry.name, value: Some(&value), line: 0 };
            if let Ok(Some(typed)) = AnyAttribute::parse(raw) {
                let written = typed.to_string();
                let again = RawAttribute { value: Some(&written), ..raw };
                let again = AnyAttribute::parse(again).map(|again| again.map(|again| again.to_string()));
                prop_assert_eq!(again, Ok(Some(written.clone())), "a={}:{}", entry.name, value);
            }
        }
    }
}

proptest! {
    /// T3: whatever is accepted writes back to the same octets, in whichever profile, whatever the line ends.
    #[test]
    fn t3_what_is_accepted_writes_back(lines in proptest::collection::vec(("[vosiuepcbtrzkamxX=]", "[ -~é\u{1}]{0,12}", prop_oneof![Just("\r\n"), Just("\n"), Just("\r"), Just("")]), 0..30)) {
        let text: String = lines.iter().map(|(kind, value, end)| format!("{kind}={value}{end}")).collect();
        let document = parse(text.as_bytes());
        prop_assert_eq!(document.to_vec(), text.as_bytes());
        let _ = (document.examine(), document.redacted(), document.explain().count());
        prop_assert!(document.differences(&parse(text.as_bytes())).is_empty());
    }

    /// T4: nothing that is written holds a line that was not asked for, whatever the strings.
    #[test]
    fn t4_no_string_makes_a_line(name in any::<String>(), value in any::<String>(), kind in any::<char>()) {
        let mut writer = Writer::new();
        writer.line('v', 0).line(kind, &value).attribute(&name, &value).flag(&name);
        if let Ok(text) = writer.finish() {
            prop_assert_eq!(parse(text.as_bytes()).lines().count(), 4);
        }
        let mut document = parse(PLAIN.as_bytes());
        let lines = document.lines().count();
        let inserted = document.insert(3, format!("a={value}")).is_ok();
        let replaced = document.replace(1, format!("o={name}")).is_ok();
        let written = document.to_vec();
        prop_assert_eq!(parse(&written).lines().count(), lines + usize::from(inserted));
        prop_assert_eq!(replaced, !name.contains(['\r', '\n', '\0']));
    }

    /// T4, of the engine: no text that an application gives it breaks out of its line.
    #[test]
    fn t4_no_name_given_to_the_engine_makes_a_line(text in "\\PC{0,8}(\r\n|\n|\0)?\\PC{0,8}") {
        let mut config = Config::new(1, text.clone());
        config.video.codecs = vec![Codec::new(96, "VP8", 90_000, None)];
        let mut side = Negotiator::new(config);
        let track = Track { stream: text.clone(), track: text.clone(), ssrc: 1 };
        let number = side.add_media(Kind::Video, Direction::SendRecv, Some(track));
        side.set_encodings(number, vec![Encoding { rid: text.clone(), restrictions: text.clone(), paused: true }]);
        let transport = LocalTransport {
            ufrag: "ufrag".into(), password: "passwordof22characters".into(),
            fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
            candidates: vec![], end_of_candidates: true,
        };
        if let Ok(offer) = side.create_offer(&transport) {
            prop_assert!(!text.contains(['\r', '\n', '\0']));
            prop_assert_eq!(parse(offer.as_bytes()).media().count(), 1);
            prop_assert_eq!(offer.matches("m=").count() - text.matches("m=").count() * 3, 1);
        }
    }
}

/// T5: limits hold on inputs of 10 MB, at a cost that grows with the octets looked at.
#[test]
fn t5_limits_hold_on_ten_megabytes() {
    let huge = |line: &str| line.repeat((10 << 20) / line.len());
    let wide = Limits {
        octets: 16 << 20,
        lines: 16 << 20,
        line: 16 << 20,
        sections: 16 << 20,
        attributes: 16 << 20,
    };
    for line in ["a=x\r\n", "m=audio 9 RTP/AVP 0\r\n", "\n", "x"] {
        let text = huge(line);
        assert!(matches!(
            Document::parse(text.as_bytes(), &Limits::default()),
            Err(LimitError::Octets { .. })
        ));
        let document = Document::parse(text.as_bytes(), &wide).unwrap();
        assert_eq!(document.to_vec(), text.as_bytes());
    }
    let attributes = Limits { attributes: 100, ..wide };
    let error = |line: &str, limits: &Limits| Document::parse(huge(line).as_bytes(), limits).unwrap_err();
    assert_eq!(error("a=x\r\n", &attributes), LimitError::Attributes { limit: 100 });
    assert_eq!(error("m=x\r\n", &Limits { sections: 7, ..wide }), LimitError::Sections { limit: 7 });
    assert_eq!(error("\n", &Limits { lines: 9, ..wide }), LimitError::Lines { limit: 9 });
    assert_eq!(error("xx", &Limits { line: 9, ..wide }), LimitError::Line { line: 1, limit: 9 });
}

/// T6: numbers at the edges of 16, 32 and 64 bits, with signs and zeros in front.
#[test]
fn t6_numbers_at_their_edges() {
    let port = |text: &str| kinds(&PLAIN.replace("49170", text));
    for good in ["0", "1", "65535"] {
        assert_eq!(port(good), [], "{good}");
    }
    for bad in ["65536", "4294967296", "18446744073709551616", "-1", "+1", "01", "", "1/0", "1/", "1/65536"] {
        assert_eq!(port(bad), [FindingKind::Value], "{bad}");
    }
    let number = |name: &str, value: &str| {
        AnyAttribute::parse(RawAttribute { name, value: Some(value), line: 0 }).is_ok()
    };
    for (name, good, bad) in [
        ("sctp-port", "65535", "65536"),
        ("max-message-size", "18446744073709551615", "18446744073709551616"),
        ("ssrc", "4294967295 cname:x", "4294967296 cname:x"),
        ("rtpmap", "127 x/4294967295", "127 x/4294967296"),
        ("candidate", "1 256 udp 4294967295 h 65535 typ host", "1 256 udp 4294967296 h 65535 typ host"),
        ("crypto", "999999999 S inline:AAAA", "1000000000 S inline:AAAA"),
        ("quality", "10", "11"),
    ] {
        assert!(number(name, good) && !number(name, bad), "{name}");
        // A candidate begins with a foundation, which is no number.
        for sign in ["-", "+", "0"].into_iter().filter(|_| name != "candidate") {
            assert!(!number(name, &format!("{sign}{good}")), "{name}: {sign}{good}");
        }
    }
}

/// T7: repeats and zones: units, and what does not fit 64 bits.
#[test]
fn t7_times_have_units_and_do_not_overflow() {
    let with = |lines: &str| PLAIN.replace("t=0 0\r\n", lines);
    let text = with("t=2882844526 2898848070\r\nr=7d 1h 0 25h\r\nz=2882844526 -1h 2898848070 0\r\n");
    let document = parse(text.as_bytes());
    assert_eq!(document.findings(), []);
    let session = document.session();
    let repeat = session.repeats().next().unwrap();
    assert_eq!((repeat.interval, repeat.duration), (604_800, 3_600));
    assert_eq!(repeat.offsets().collect::<Vec<_>>(), [0, 90_000]);
    let zones: Vec<_> = session.zone_adjustments().next().unwrap().iter().collect();
    assert_eq!(zones, [(2_882_844_526, -3_600), (2_898_848_070, 0)]);
    let timing = session.timings().next().unwrap();
    assert_eq!((timing.start, timing.stop), (2_882_844_526, 2_898_848_070));
    for bad in [
        "t=0 0\r\nr=0 1 0\r\n",
        "t=0 0\r\nr=213503982334602d 1 0\r\n",
        "t=0 0\r\nr=7d 1h\r\n",
        "t=0 0\r\nr=7d -1h 0\r\n",
        "t=0 0\r\nr=7w 1h 0\r\n",
        "t=0 0\r\nz=0\r\n",
        "t=0 0\r\nz=0 --1h\r\n",
        "t=0 0\r\nz=0 1h 5\r\n",
        "t=123 0\r\n",
        "t=0\r\n",
    ] {
        assert_eq!(kinds(&with(bad)), [FindingKind::Value], "{bad}");
    }
    assert_eq!(kinds(&with("t=0 0\r\nz=0 -9223372036854775807\r\n")), []);
}

/// T8: no value, an empty one, and a value are three things.
#[test]
fn t8_no_value_is_not_an_empty_value() {
    let text = format!("{PLAIN}a=rtcp-mux\r\na=rtcp-mux:\r\na=x\r\na=x:\r\na=mid\r\n");
    let document = parse(text.as_bytes());
    let media = document.media().next().unwrap();
    let values: Vec<_> = media.attributes().map(|attribute| attribute.value).collect();
    assert_eq!(values, [None, Some(""), None, Some(""), None]);
    let flags: Vec<_> = media.all::<nomagic_sdp::attribute::RtcpMux>().map(|flag| flag.is_ok()).collect();
    assert_eq!(flags, [true, false]);
    assert!(media.attribute::<nomagic_sdp::attribute::Mid<'_>>().is_err());
    assert_eq!(document.to_vec(), text.as_bytes());
}

fn side(id: u64) -> Negotiator {
    let mut config = Config::new(id, "cname");
    config.audio.codecs = vec![Codec::new(111, "opus", 48_000, Some(2))];
    config.video.codecs = vec![Codec::new(96, "VP8", 90_000, None)];
    config.max_message_size = Some(1);
    Negotiator::new(config)
}

fn transport(tag: &str) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: "passwordof22characters".into(),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: Vec::new(),
        end_of_candidates: true,
    }
}

fn exchange(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(&transport("a")).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport("z")).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap();
    (offer, answer)
}

//= rfc3264#5.1-1 test
//= rfc3264#5.1-2 test
//= rfc3264#5.1-3 test
//= rfc3264#6.1-3 test
//= rfc3264#6.1-4 test
//= rfc3264#6.1-6 test
//= rfc3264#5.1-5 test
//= rfc3264#6-8 test
//= rfc3264#8.2-2 test
//= rfc9143#7.3.3-2 test
//= rfc9143#7.3.3-3 test
//= rfc9143#7.3.3-4 test
//= rfc9143#7.5.3-1 test
//= rfc9143#7.5.3-2 test
//= rfc9143#7.5.3-3 test
//= rfc9143#7.3-3 test
//= rfc9143#7.3.1-5 test
/// T9: sixteen pairs of directions, refused or not, bundled or not.
#[test]
fn t9_every_direction_meets_every_other() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    let track = |ssrc| Some(Track { stream: "s".into(), track: "t".into(), ssrc });
    let all = [SendRecv, SendOnly, RecvOnly, Inactive];
    for (offered, wanted) in all.into_iter().flat_map(|offered| all.map(|wanted| (offered, wanted))) {
        for (refused, bundled) in [(false, true), (false, false), (true, true)] {
            let (mut a, mut z) = (side(1), side(2));
            a.add_media(Kind::Audio, offered, track(1));
            a.add_media(Kind::Video, SendRecv, track(2));
            z.add_media(Kind::Audio, wanted, track(3));
            let mut offer = a.create_offer(&transport("a")).unwrap();
            assert!(offer.contains(&format!("a={offered}\r\n")), "{offer}");
            if !bundled {
                offer = offer.replace("a=group:BUNDLE 0 1\r\n", "");
            }
            z.accept_offer(offer.as_bytes()).unwrap();
            if refused {
                z.stop(0);
            }
            let answer = z.create_answer(&transport("z")).unwrap();
            let document = parse(answer.as_bytes());
            let first = document.media().next().unwrap();
            assert_eq!(first.media().unwrap().port == 0, refused, "{answer}");
            assert!(!answer.contains("bundle-only"));
            let mids = document.session().value("group");
            assert_eq!(
                mids,
                match (refused, bundled) {
                    (true, _) => Some("BUNDLE 1"),
                    (_, true) => Some("BUNDLE 0 1"),
                    _ => None,
                }
            );
            let expected = if refused { Inactive } else { wanted.and(offered.reversed()) };
            assert!(first.has(expected.name()), "{offered} {wanted}: {answer}");
            if bundled {
                a.accept_answer(answer.as_bytes()).unwrap();
                assert_eq!(a.sections()[0].direction, expected.reversed());
                // What is refused stays refused in the next offer, with port 0 and outside the bundle.
                let next = a.create_offer(&transport("a")).unwrap();
                assert_eq!(next.contains("m=audio 0 "), refused);
                assert_eq!(next.contains("BUNDLE 0 1"), !refused);
                z.accept_offer(next.as_bytes()).unwrap();
                assert_eq!(z.create_answer(&transport("z")).unwrap().contains("m=audio 0 "), refused);
            }
        }
    }
}

//= rfc3264#6-2 test
//= rfc3264#6-3 test
//= rfc3264#6-4 test
//= rfc3264#8-8 test
//= rfc3264#8-9 test
//= rfc3264#8-10 test
//= rfc3264#8.1-1 test
//= rfc8829#5.2.2-4 test
//= rfc8829#5.2.2-6 test
//= rfc8829#5.8.3-12 test
/// T10: places are used again, and their number never shrinks.
#[test]
fn t10_places_are_recycled_and_never_fewer() {
    let (mut a, mut z) = (side(1), side(2));
    let track = |ssrc| Some(Track { stream: "s".into(), track: "t".into(), ssrc });
    for ssrc in 0..4 {
        a.add_media(if ssrc % 2 == 0 { Kind::Audio } else { Kind::Video }, Direction::SendRecv, track(ssrc));
    }
    let lines = |text: &str| {
        parse(text.as_bytes()).media().map(|media| media.media().unwrap().kind.to_owned()).collect::<Vec<_>>()
    };
    let (offer, answer) = exchange(&mut a, &mut z);
    assert_eq!(lines(&offer), lines(&answer));
    a.stop(1);
    a.stop(2);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert_eq!((lines(&offer).len(), lines(&answer).len()), (4, 4));
    assert!(
        offer.contains("m=video 0 ")
            && !offer.split("m=video 0").nth(1).unwrap().split("m=").next().unwrap().contains("msid")
    );
    // Either side uses a place again, with another medium and another name.
    assert_eq!(a.add_media(Kind::Audio, Direction::SendRecv, track(7)), 1);
    let (offer, _) = exchange(&mut a, &mut z);
    assert_eq!(lines(&offer), ["audio", "audio", "audio", "video"]);
    assert_eq!(z.add_media(Kind::Video, Direction::SendRecv, track(8)), 2);
    let (offer, answer) = exchange(&mut z, &mut a);
    assert_eq!((lines(&offer), lines(&answer)), (lines(&answer), lines(&offer)));
    let mids: Vec<_> = a.sections().iter().map(|section| section.mid.clone()).collect();
    assert_eq!(mids.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{mids:?}");
    // New media stand below, fewer are not taken, and neither is an answer of another length.
    z.add_media(Kind::Video, Direction::SendRecv, track(9));
    let offer = z.create_offer(&transport("z")).unwrap();
    assert_eq!(lines(&offer).len(), 5);
    let short = offer.rsplit_once("m=").unwrap().0;
    let shorter = short.rsplit_once("m=").unwrap().0;
    assert!(a.accept_offer(shorter.as_bytes()).is_err());
    a.accept_offer(offer.as_bytes()).unwrap();
    let answer = a.create_answer(&transport("a")).unwrap();
    let cut = answer.rsplit_once("m=").unwrap().0;
    assert!(
        z.accept_answer(cut.as_bytes()).is_err()
            && z.accept_answer(format!("{answer}m=audio 0 RTP/AVP 0\r\n").as_bytes()).is_err()
    );
    z.accept_answer(answer.as_bytes()).unwrap();
    // No media at all are answered by none.
    let mut empty = side(3);
    empty.accept_offer(b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n").unwrap();
    assert_eq!(lines(&empty.create_answer(&transport("z")).unwrap()).len(), 0);
}

/// T11: simulcast and encodings agree with each other.
#[test]
fn t11_simulcast_names_what_is_declared() {
    let find = |lines: &str| {
        kinds(&format!("{PLAIN}{lines}"))
            .into_iter()
            .filter(|kind| matches!(kind, FindingKind::Contradiction(_)))
            .collect::<Vec<_>>()
    };
    let good = "a=rid:1 send\r\na=rid:2 send\r\na=rid:3 recv\r\na=simulcast:send 1;~2 recv 3\r\n";
    assert_eq!(find(good), []);
    let unknown = FindingKind::Contradiction(Contradiction::UnknownRid);
    assert_eq!(find(&good.replace("~2", "4")), [unknown]);
    assert_eq!(find(&good.replace("recv 3", "recv 1")), [unknown]);
    assert_eq!(
        find(&good.replace("rid:2", "rid:1").replace(";~2", "")),
        [FindingKind::Contradiction(Contradiction::RepeatedRid)]
    );
    assert_eq!(
        find(&format!("{good}a=simulcast:send 1\r\n")),
        [FindingKind::Contradiction(Contradiction::RepeatedAttribute)]
    );
}

/// T12: fmtp before its rtpmap, and fmtp twice.
#[test]
fn t12_fmtp_may_come_first_and_the_first_one_counts() {
    let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=fmtp:97 apt=96;rtx-time=3000\r\na=fmtp:97 apt=5\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:96 VP8/90000\r\n";
    let mut config = Config::new(1, "cname");
    let rtx = Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96");
    config.video.codecs = vec![Codec::new(96, "VP8", 90_000, None), rtx];
    let mut z = Negotiator::new(config);
    z.accept_offer(offer.as_bytes()).unwrap();
    let codecs: Vec<_> =
        z.sections()[0].codecs.iter().map(|codec| (codec.payload_type, codec.associated())).collect();
    assert_eq!(codecs, [(96, None), (97, Some(96))]);
}

/// T13: scopes, names, names of mDNS, and an address of the wrong family.
#[test]
fn t13_addresses_of_all_kinds() {
    let address = |kind: &str, address: &str| {
        kinds(&PLAIN.replace("c=IN IP4 192.0.2.1", &format!("c=IN {kind} {address}")))
    };
    for (kind, good) in [
        ("IP4", "host.example.org"),
        ("IP4", "4b6b0f2c-6a5c-4d5c-8c0b-0d7e6d5a3c11.local"),
        ("IP6", "2001:db8::1"),
        ("IP6", "fe80::1%eth0"),
        ("IP6", "host.example.org"),
        ("IP4", "233.252.0.1/127"),
        ("IP6", "ff15::101"),
    ] {
        assert_eq!(address(kind, good), [], "{kind} {good}");
    }
    for (kind, bad) in [("IP4", "2001:db8::1"), ("IP6", "192.0.2.1"), ("IP4", "a b")] {
        assert_eq!(address(kind, bad), [FindingKind::Value], "{kind} {bad}");
    }
    let candidate = "1 1 udp 1 fe80::1%21 9 typ host";
    assert_eq!(Candidate::parse(candidate).unwrap().to_string(), candidate);
}

//= rfc8866#5.7-6 test
//= rfc8866#5.7-7 test
//= rfc8866#5.7-8 test
//= rfc8866#5.7-9 test
//= rfc8866#5.7-11 test
//= rfc8866#5.7-12 test
/// Multicast says how far and how many, unicast does not.
#[test]
fn multicast_addresses_have_what_they_need() {
    let at = |session: &str, media: &str| {
        let text = PLAIN.replace("c=IN IP4 192.0.2.1\r\n", session);
        kinds(&format!("{text}{media}"))
    };
    for good in ["c=IN IP4 233.252.0.1/0\r\n", "c=IN IP4 233.252.0.1/255\r\n", "c=IN IP6 ff15::101\r\n"] {
        assert_eq!(at(good, ""), [], "{good}");
    }
    for bad in [
        "c=IN IP4 233.252.0.1\r\n",
        "c=IN IP4 233.252.0.1/256\r\n",
        "c=IN IP4 233.252.0.1/127/3\r\n",
        "c=IN IP4 192.0.2.1/127\r\n",
        "c=IN IP6 ff15::101/3\r\n",
        "c=IN IP6 2001:db8::1/3\r\n",
    ] {
        assert_eq!(at(bad, ""), [FindingKind::Value], "{bad}");
    }
    assert_eq!(at("", "c=IN IP4 233.252.0.1/127/3\r\n"), []);
    assert_eq!(at("", "c=IN IP6 ff15::101/3\r\n"), []);
    assert_eq!(at("", "c=IN IP6 ff15::101/127/3\r\n"), [FindingKind::Value]);
    assert_eq!(at("", "c=IN IP4 192.0.2.1/3\r\n"), [FindingKind::Value]);
    let text = PLAIN.replace("192.0.2.1\r\nt", "233.252.0.1/127\r\nt") + "c=IN IP4 233.252.0.9/63/3\r\n";
    let document = parse(text.as_bytes());
    let connection = document.media().next().unwrap().connection().unwrap();
    assert_eq!((connection.base(), connection.ttl(), connection.count()), ("233.252.0.9", Some(63), 3));
}

/// Every name of the registry is typed or kept as text, as its entry says.
#[test]
fn every_registered_name_is_typed_or_opaque() {
    let mut typed = 0;
    for pair in registry::TABLE.windows(2) {
        assert!(pair[0].name < pair[1].name, "{} and {}", pair[0].name, pair[1].name);
    }
    for entry in registry::TABLE {
        // No type takes this value, and only what has no type takes every value.
        let raw = |value| RawAttribute { name: entry.name, value, line: 0 };
        let values = [None, Some(""), Some("\u{1}?"), Some(" ")];
        let known = values.iter().any(|value| !matches!(AnyAttribute::parse(raw(*value)), Ok(None)));
        assert_eq!(known, entry.typed, "{}", entry.name);
        assert!(!entry.reference.is_empty() && entry.about.is_empty() != entry.typed, "{}", entry.name);
        typed += usize::from(entry.typed);
        assert_eq!(registry::find(entry.name), Some(entry));
    }
    assert!(typed >= 140 && registry::TABLE.len() > 250, "{typed} of {}", registry::TABLE.len());
    assert_eq!(registry::find("x-mine"), None);
}

/// An attribute of one's own, by the trait that ours have.
#[test]
fn users_give_attributes_types_of_their_own() {
    #[derive(Debug, PartialEq, Eq)]
    struct Score(u8);
    impl<'a> Attribute<'a> for Score {
        const NAME: &'static str = "x-score";
        fn parse(value: &'a str) -> Result<Self, nomagic_sdp::attribute::Malformed> {
            let fault = nomagic_sdp::attribute::Malformed { name: Self::NAME, expected: "score", offset: 0 };
            value.parse().map(Self).map_err(|_| fault)
        }
    }
    impl std::fmt::Display for Score {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }
    let text = format!("{PLAIN}a=x-score:7\r\na=x-score:z\r\n");
    let document = parse(text.as_bytes());
    let scores: Vec<_> = document.media().next().unwrap().all::<Score>().collect();
    assert_eq!(scores[0], Ok(Score(7)));
    assert_eq!(
        scores[1].as_ref().unwrap_err().to_string(),
        "line 8: a=x-score: score expected at octet 0 of the value"
    );
    let mut writer = Writer::new();
    writer.typed(&Score(9)).typed(&nomagic_sdp::attribute::RtcpMux);
    assert_eq!(writer.finish().unwrap(), "a=x-score:9\r\na=rtcp-mux\r\n");
}

/// What every attribute of every description known to us reads, it writes so that it reads the same; nearly always it
/// writes the same text.
#[test]
fn typed_attributes_of_all_descriptions_write_back() {
    let folders = [
        "browsers",
        "gortsplib-fuzz",
        "mozilla-webrtc-sdp",
        "rfc-examples",
        "sdp-transform",
        "webrtc-corpus",
        "webrtc-rs",
    ];
    let mut names = std::collections::BTreeSet::new();
    for (name, text) in folders.into_iter().flat_map(|folder| vectors::files(&format!("sdp/{folder}"))) {
        let document = parse(&text);
        for raw in document
            .media()
            .chain([document.session()])
            .flat_map(|section| section.attributes().collect::<Vec<_>>())
        {
            let Ok(Some(typed)) = AnyAttribute::parse(raw) else { continue };
            names.insert(raw.name.to_owned());
            let written = typed.to_string();
            let value = raw.value.map(|_| written.as_str());
            let again = AnyAttribute::parse(RawAttribute { value, ..raw });
            assert_eq!(again, Ok(Some(typed.clone())), "{name}: a={}:{:?}", raw.name, raw.value);
        }
    }
    assert!(names.len() > 50 || vectors::folder().is_none(), "{}: {names:?}", names.len());
}

//= rfc8866#6.10-2 test
//= rfc8866#6.10-4 test
//= rfc8866#6.10-5 test
//= rfc8866#5-6 test
//= rfc8866#5.3-4 test
//= rfc8866#5.4-1 test
/// Text in another encoding survives, is named as such, and is judged by what the description says of its encoding.
#[test]
fn text_in_another_encoding_survives() {
    let latin = |charset: &str, line: &[u8]| {
        let mut text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n".to_vec();
        text.extend_from_slice(line);
        text.extend_from_slice(
            format!("c=IN IP4 192.0.2.1\r\nt=0 0\r\n{charset}m=audio 9 RTP/AVP 0\r\n").as_bytes(),
        );
        text
    };
    let found = |text: &[u8]| {
        let document = parse(text);
        assert_eq!(document.to_vec(), text);
        document.findings().iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&latin("", b"s=caf\xe9\r\n")), [FindingKind::Utf8]);
    assert_eq!(found(&latin("a=charset:UTF-8\r\n", b"s=caf\xe9\r\n")), [FindingKind::Utf8]);
    assert_eq!(found(&latin("a=charset:iso-8859-1\r\n", b"s=caf\xe9\r\ni=\xe9\r\n")), []);
    // What does not depend on it is UTF-8 all the same; NUL and CR are nothing in any encoding.
    assert_eq!(
        found(&latin("a=charset:ISO-8859-1\r\na=tool:caf\u{e9}\r\n", b"s=-\r\nu=caf\xe9\r\n")),
        [FindingKind::Utf8]
    );
    assert_eq!(found(&latin("a=charset:ISO-8859-1\r\n", b"s=a\0b\r\n")), [FindingKind::Control]);
    assert_eq!(found(&latin("a=charset:ISO-8859-1\r\n", b"s=a\rb\r\n")), [FindingKind::Control]);
    let text = latin("a=charset:ISO-8859-1\r\n", b"s=caf\xe9\r\n");
    let document = parse(&text);
    let line = document.session().line('s').unwrap();
    assert_eq!((line.value, line.text()), (&b"caf\xe9"[..], None));
    let mut edited = document.clone();
    edited.replace(2, b"s=\xe9").unwrap();
    assert!(edited.to_vec().windows(4).any(|part| part == b"s=\xe9\r"));
}

/// A clock and a map, to see that what is rare is read as well.
#[test]
fn what_is_rare_is_read_too() {
    assert_eq!(MediaClock::parse("id=x direct=963214424 rate=1000/1001").unwrap().value, Some("963214424"));
    assert_eq!(RtpMap::parse("0 PCMU/8000").unwrap().channels, None);
    assert_eq!(parse(PLAIN.as_bytes()).check(Profile::Strict), Ok(()));
}
