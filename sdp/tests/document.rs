//! Documents: kept to the octet, judged line by line, edited without harm to the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{
    Extmap, Fingerprint, Fmtp, Group, IceUfrag, Rid, RtcpFeedback, RtpMap, Simulcast, Ssrc,
};
use nomagic_sdp::{Document, FindingKind, LimitError, Limits, Profile, Writer};
use nomagic_testkit::{alloc, vectors};
use proptest::prelude::*;

const FOLDERS: [&str; 7] = [
    "browsers",
    "gortsplib-fuzz",
    "mozilla-webrtc-sdp",
    "rfc-examples",
    "sdp-transform",
    "webrtc-corpus",
    "webrtc-rs",
];
const PLAIN: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\n";

fn parse(text: &[u8]) -> Document<'_> {
    Document::parse(text, &Limits::default()).unwrap()
}

#[test]
fn every_description_writes_back_to_the_same_octets() {
    for folder in FOLDERS {
        for (name, text) in vectors::files(&format!("sdp/{folder}")) {
            let document = parse(&text);
            assert_eq!(document.to_vec(), text, "{folder}/{name}");
            for section in document.media().chain([document.session()]) {
                let _ = section.all::<RtpMap<'_>>().count() + section.all::<Fmtp<'_>>().count();
                let _ = section.all::<Extmap<'_>>().count() + section.all::<RtcpFeedback<'_>>().count();
                let _ = section.all::<Ssrc<'_>>().count() + section.all::<Fingerprint>().count();
                let _ = section.all::<Rid<'_>>().count() + section.all::<Simulcast<'_>>().count();
                let _ =
                    (section.media(), section.attribute::<Group<'_>>(), section.attribute::<IceUfrag<'_>>());
            }
        }
    }
}

#[test]
fn what_browsers_write_has_nothing_to_find() {
    for (name, text) in vectors::files("sdp/browsers") {
        let document = parse(&text);
        assert!(document.findings().is_empty(), "{name}: {}", document.findings()[0]);
        assert_eq!(document.check(Profile::Strict), Ok(()));
        for section in document.media().chain([document.session()]) {
            assert!(section.all::<RtpMap<'_>>().all(|map| map.is_ok()), "{name}");
            assert!(section.all::<Extmap<'_>>().all(|map| map.is_ok()), "{name}");
            assert!(section.all::<RtcpFeedback<'_>>().all(|feedback| feedback.is_ok()), "{name}");
            assert!(section.all::<Ssrc<'_>>().all(|ssrc| ssrc.is_ok()), "{name}");
            assert!(section.all::<Fingerprint>().all(|print| print.is_ok()), "{name}");
            assert!(section.all::<Simulcast<'_>>().all(|simulcast| simulcast.is_ok()), "{name}");
        }
    }
}

/// Where two independent parsers accept a description, we do.
#[test]
fn what_two_other_parsers_take_we_take() {
    let Some(opinions) = vectors::json("sdp/expected-parsers.json") else { return };
    let says_ok = |opinion: &serde_json::Value, parser: &str| {
        opinion[parser].as_str().is_some_and(|text| text.starts_with("ok"))
    };
    let opinions = opinions.as_array().unwrap();
    let taken =
        opinions.iter().filter(|opinion| says_ok(opinion, "sdp_types") && says_ok(opinion, "webrtc_sdp"));
    let mut compared = 0;
    for opinion in taken {
        let file = opinion["file"].as_str().unwrap();
        let Some(text) = vectors::read(&format!("sdp/{file}")) else { return };
        assert_eq!(parse(&text).check(Profile::Lenient), Ok(()), "{file}");
        compared += 1;
    }
    assert!(compared > 20, "only {compared} compared");
}

#[test]
fn faults_are_found_where_they_stand() {
    let find = |text: &str| {
        let document = parse(text.as_bytes()).findings().to_vec();
        document.into_iter().map(|finding| (finding.kind, finding.line, finding.column)).collect::<Vec<_>>()
    };
    assert_eq!(find(PLAIN), []);
    assert_eq!(find(&PLAIN.replace("v=0\r\n", "v=1\r\n")), [(FindingKind::Version, 1, 1)]);
    assert_eq!(find(&PLAIN.replace("t=0 0\r\n", "")), [(FindingKind::Missing('t'), 5, 1)]);
    assert_eq!(
        find(&PLAIN.replace("t=0 0", "t=0 0 ")),
        // The space is all that is wrong.
        [(FindingKind::TrailingSpace, 4, 6)]
    );
    assert_eq!(find(&PLAIN.replace("a=mid:0\r\n", "a=mid:0\n")), [(FindingKind::LineFeed, 8, 8)]);
    assert_eq!(find(&PLAIN.replace("a=mid", "x=mid")), [(FindingKind::UnknownType, 8, 1)]);
    assert_eq!(find(&PLAIN.replace("a=mid:0", "mid")), [(FindingKind::Form, 8, 1)]);
    assert_eq!(find(&PLAIN.replace("audio 9", "audio 70000")), [(FindingKind::Value, 6, 3)]);
    assert_eq!(find(&PLAIN.replace("audio 9", "audio -1")), [(FindingKind::Value, 6, 3)]);
    assert_eq!(
        find(&PLAIN.replace("c=IN", "i=x\r\nc=IN").replace("a=sendrecv", "c=IN IP4 0.0.0.0")),
        [(FindingKind::Order, 10, 1)]
    );
    assert_eq!(find(&PLAIN.replace("s=-", "s=-\r\ns=-")), [(FindingKind::Repeated, 4, 1)]);
    assert_eq!(find(&PLAIN.replace("a=sendrecv\r\n", "a=sendrecv")), [(FindingKind::NoLineEnd, 9, 11)]);
    assert_eq!(find(&PLAIN.replace("mid:0", "mid:\0")), [(FindingKind::Control, 8, 7)]);
    assert_eq!(
        find(""),
        [FindingKind::Missing('o'), FindingKind::Missing('s'), FindingKind::Missing('t')]
            .map(|kind| (kind, 1, 1))
    );
    let document = parse(b"v=0\r\ns=\xff\r\n").findings()[0];
    assert_eq!(document.to_string(), "line 2, column 3: the value is not UTF-8 (RFC 8866 section 6.10)");
}

#[test]
fn profiles_judge_the_same_reading_differently() {
    let camera = PLAIN.replace("t=0 0\r\na=group:BUNDLE 0\r\n", "a=group:BUNDLE 0\r\nt=0 0\r\n");
    let document = parse(camera.as_bytes());
    assert!(document.check(Profile::Strict).is_err());
    assert!(document.check(Profile::WebRtc).is_err());
    assert_eq!((document.check(Profile::Sip), document.check(Profile::Lenient)), (Ok(()), Ok(())));
}

#[test]
fn limits_hold_and_time_is_linear() {
    let limits =
        |octets, lines, sections, attributes| Limits { octets, lines, line: 1 << 16, sections, attributes };
    let many = format!("{PLAIN}{}", "a=x\r\n".repeat(100));
    let parse = |limits: Limits| Document::parse(many.as_bytes(), &limits).map(|_| ());
    assert_eq!(parse(limits(10, 999, 9, 999)), Err(LimitError::Octets { found: many.len(), limit: 10 }));
    assert_eq!(parse(limits(9999, 50, 9, 999)), Err(LimitError::Lines { limit: 50 }));
    assert_eq!(parse(limits(9999, 999, 9, 50)), Err(LimitError::Attributes { limit: 50 }));
    assert_eq!(parse(limits(9999, 999, 0, 999)), Err(LimitError::Sections { limit: 0 }));
    let huge = vec![b'\n'; 10 << 20];
    assert!(Document::parse(&huge, &Limits::default()).is_err());
}

#[test]
fn reading_a_browsers_offer_takes_at_most_four_allocations() {
    for (name, text) in vectors::files("sdp/browsers") {
        let counted = alloc::count(|| drop(parse(&text)));
        assert!(counted.count <= 4, "{name}: {} allocations", counted.count);
    }
}

#[test]
fn edits_leave_the_rest_as_it_came() {
    let text = PLAIN.replace("\r\n", "\n");
    let mut document = parse(text.as_bytes());
    document.replace(8, "a=recvonly").unwrap();
    document.insert(8, "a=ptime:20").unwrap();
    document.remove(6);
    let expected = text.replace("a=sendrecv", "a=ptime:20\na=recvonly").replace("c=IN IP4 0.0.0.0\n", "");
    assert_eq!(String::from_utf8(document.to_vec()).unwrap(), expected);
    assert!(document.replace(0, "v=0\r\na=x").is_err());
    assert_eq!(document.media().next().unwrap().value("ptime"), Some("20"));
    let mut open = parse(b"v=0");
    open.insert(9, "s=-").unwrap();
    assert_eq!(open.to_vec(), b"v=0\r\ns=-\r\n");
}

#[test]
fn attributes_without_value_and_with_an_empty_one_are_told_apart() {
    let document = parse(b"v=0\r\na=x\r\na=x:\r\n");
    let values: Vec<_> = document.session().attributes().map(|attribute| attribute.value).collect();
    assert_eq!(values, [None, Some("")]);
}

#[test]
fn one_malformed_attribute_does_not_hide_the_others() {
    let text = "v=0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:300 x/1\r\na=rtpmap:111 opus/48000/2\r\n";
    let document = parse(text.as_bytes());
    let media = document.media().next().unwrap();
    let maps: Vec<_> = media.all::<RtpMap<'_>>().collect();
    let error = maps[0].unwrap_err().to_string();
    assert_eq!(error, "line 3: a=rtpmap: payload type of 0 to 127 expected at octet 0 of the value");
    assert_eq!(maps[1].unwrap().to_string(), "111 opus/48000/2");
}

proptest! {
    #[test]
    fn any_octets_write_back(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'='), Just(b'm'), Just(b'a'), any::<u8>()], 0..300)) {
        let document = Document::parse(&text, &Limits::default()).unwrap();
        prop_assert_eq!(document.to_vec(), text.clone());
        for finding in document.findings() {
            let _ = (finding.to_string(), document.excerpt(finding));
        }
        for section in document.media() {
            let _ = (section.media(), section.attributes().count());
        }
    }

    #[test]
    fn no_text_ends_a_line(name in "\\PC{0,10}", value in any::<String>()) {
        let mut writer = Writer::new();
        writer.line('v', 0).attribute(&name, &value).flag(&value);
        if let Ok(text) = writer.finish() {
            prop_assert_eq!(text.matches("\r\n").count(), 3);
            prop_assert_eq!(Document::parse(text.as_bytes(), &Limits::default()).unwrap().lines().count(), 3);
        } else {
            let text = format!("{name}{value}");
            prop_assert!(text.contains(['\r', '\n', '\0']));
        }
    }

    #[test]
    fn any_value_is_survived_by_every_attribute(value in "\\PC{0,60}") {
        let text = format!("v=0\r\na=rtpmap:{value}\r\na=fmtp:{value}\r\na=extmap:{value}\r\na=rtcp-fb:{value}\r\na=ssrc:{value}\r\na=fingerprint:{value}\r\na=rid:{value}\r\na=simulcast:{value}\r\n");
        let document = parse(text.as_bytes());
        let session = document.session();
        let again = |text: String, original: &str| text == original || text.len() <= original.len() + 8;
        if let Ok(Some(map)) = session.attribute::<RtpMap<'_>>() { prop_assert!(again(map.to_string(), &value)); }
        if let Ok(Some(rid)) = session.attribute::<Rid<'_>>() { prop_assert_eq!(rid.to_string(), value.clone()); }
        let _ = (session.attribute::<Fmtp<'_>>(), session.attribute::<Extmap<'_>>(), session.attribute::<RtcpFeedback<'_>>());
        let _ = (session.attribute::<Ssrc<'_>>(), session.attribute::<Fingerprint>(), session.attribute::<Simulcast<'_>>());
    }
}
