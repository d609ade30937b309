//! Typed attributes: what is read is written back as it was, and faults are placed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{
    Attribute, Candidate, Extmap, IcePacing, MaxPtime, MsidSemantic, Ptime, Rtcp, SctpMap, TlsId,
};
use nomagic_sdp::{Document, Limits};
use nomagic_testkit::vectors;
use proptest::prelude::*;

const TCP: &str = "167765779 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0 network-id 1";

#[test]
fn a_candidate_keeps_what_it_does_not_know() {
    let candidate = Candidate::parse(TCP).unwrap();
    assert_eq!((candidate.component, candidate.port, candidate.kind), (1, 9, "host"));
    assert_eq!((candidate.tcp_type(), candidate.extension("network-id")), (Some("active"), Some("1")));
    assert_eq!(candidate.extension("network-cost"), None);
    assert_eq!(candidate.to_string(), TCP);
    let reflexive = "2 1 UDP 1694498815 2001:db8::1 45664 typ srflx raddr fe80::1%eth0 rport 8998";
    let candidate = Candidate::parse(reflexive).unwrap();
    assert_eq!(candidate.related, Some(("fe80::1%eth0", 8998)));
    assert_eq!(candidate.to_string(), reflexive);
    let name = "1 1 udp 2122260223 4b6b0f2c-6a5c-4d5c-8c0b-0d7e6d5a3c11.local 50000 typ host";
    assert_eq!(Candidate::parse(name).unwrap().to_string(), name);
}

#[test]
fn faults_in_a_candidate_are_placed() {
    let fault = |value: &str| {
        let fault = Candidate::parse(value).unwrap_err();
        (fault.expected, fault.offset)
    };
    assert_eq!(fault(""), ("foundation of 1 to 32 letters, digits, + and /", 0));
    assert_eq!(fault("1 0 udp 1 a 1 typ host"), ("component of 1 to 256", 2));
    assert_eq!(fault("1 257 udp 1 a 1 typ host"), ("component of 1 to 256", 2));
    assert_eq!(fault("1 1 udp 4294967296 a 1 typ host"), ("priority of 32 bits", 8));
    assert_eq!(fault("1 1 udp 1 a 65536 typ host"), ("port of 0 to 65535", 12));
    assert_eq!(fault("1 1 udp 1 a 1 host"), ("typ", 14));
    assert_eq!(fault("1 1 udp 1 a 1 typ srflx raddr b 9"), ("rport", 32));
    for end in 0..TCP.len() {
        let _ = Candidate::parse(&TCP[..end]);
    }
}

#[test]
fn each_type_writes_what_it_reads() {
    fn same<'a, A: Attribute<'a>>(value: &'a str) {
        assert_eq!(A::parse(value).unwrap_or_else(|fault| panic!("{fault}: {value}")).to_string(), value);
    }
    fn bad<'a, A: Attribute<'a>>(values: &[&'a str]) {
        for value in values {
            assert!(A::parse(value).is_err(), "{}:{value}", A::NAME);
        }
    }
    same::<Rtcp<'_>>("9 IN IP4 0.0.0.0");
    same::<Rtcp<'_>>("53020");
    bad::<Rtcp<'_>>(&["", "x", "65536", "9 IN", "9 IN IP4", "9 IN IP4 "]);
    same::<IcePacing>("50");
    bad::<IcePacing>(&["", "-1", "5.5"]);
    same::<Ptime<'_>>("20");
    same::<MaxPtime<'_>>("2.5");
    bad::<Ptime<'_>>(&["", ".", "2.", ".5", "2.5.5", "20 "]);
    same::<TlsId<'_>>("abc3de65cddef001be82");
    bad::<TlsId<'_>>(&["short", "abc3de65cddef001be8=2"]);
    same::<SctpMap<'_>>("5000 webrtc-datachannel 1024");
    same::<SctpMap<'_>>("5000 webrtc-datachannel");
    bad::<SctpMap<'_>>(&["5000", "65536 webrtc-datachannel", "5000 webrtc-datachannel x"]);
    same::<MsidSemantic<'_>>("WMS *");
    same::<MsidSemantic<'_>>("WMS");
    assert_eq!(MsidSemantic::parse(" WMS a b").unwrap().to_string(), "WMS a b");
    same::<Extmap<'_>>("4096/sendonly urn:x a b");
    bad::<Extmap<'_>>(&["0 urn:x", "256 urn:x", "4352 urn:x", "1/both urn:x", "1"]);
}

/// Found by fuzzing: a list that ends in its separator, of words that may be empty, was read for ever.
#[test]
fn lists_end_where_their_text_ends() {
    use nomagic_sdp::attribute::{Content, IceOptions, RtcpXr};
    for value in ["", " ", "pkt-loss-rle ", "pkt-loss-rle  x=1"] {
        assert_eq!(RtcpXr::parse(value).unwrap().to_string(), value);
    }
    assert_eq!(IceOptions::parse("trickle ice2").unwrap().iter().collect::<Vec<_>>(), ["trickle", "ice2"]);
    for bad in ["", " ", "trickle ", " trickle", "trickle  ice2"] {
        assert!(IceOptions::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(Content::parse("slides,").unwrap_err().offset, 7);
}

#[test]
fn every_candidate_of_a_browser_writes_back() {
    let mut seen = 0;
    for (name, text) in vectors::files("sdp/browsers") {
        let document = Document::parse(&text, &Limits::default()).unwrap();
        assert_eq!(document.malformed_attributes().next(), None, "{name}");
        for section in document.media() {
            let raw = section.attributes().filter(|attribute| attribute.name == "candidate");
            for (raw, candidate) in raw.zip(section.all::<Candidate<'_>>()) {
                assert_eq!(candidate.unwrap().to_string(), raw.value.unwrap(), "{name}");
                seen += 1;
            }
            let connection = section.connection().unwrap();
            assert_eq!(connection.network, "IN");
        }
    }
    assert!(seen > 50 || vectors::folder().is_none(), "{seen}");
}

#[test]
fn malformed_attributes_are_found_with_their_lines() {
    let text = "v=0\r\na=sendrecv:x\r\na=fingerprint:sha-1 00\r\nm=audio 9 RTP/AVP 0\r\nb=TIAS:64000\r\na=candidate:1\r\na=mid:0\r\na=x-mine\r\n";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let faults: Vec<String> = document.malformed_attributes().map(|fault| fault.to_string()).collect();
    assert_eq!(
        faults,
        [
            "line 2: a=sendrecv: no value expected at octet 0 of the value",
            "line 6: a=candidate: component of 1 to 256 expected at octet 1 of the value",
        ]
    );
    let bandwidth = document.media().next().unwrap().bandwidths().next().unwrap();
    assert_eq!((bandwidth.kind, bandwidth.value), ("TIAS", 64_000));
}

#[test]
fn a_finding_is_shown_under_its_line() {
    let text = "v=0\r\no=- 1 1 IN IP4 host\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let finding = document.findings()[0];
    assert_eq!(
        document.show(&finding).to_string(),
        "line 5, column 3: the value breaks the line's format (RFC 8866 section 9)\n  |\n5 | m=audio 70000 RTP/AVP 0\n  |   ^^^^^^^^^^^^^^^^^^^^^"
    );
    // Control characters reach no terminal, and long lines are cut.
    let text = format!("v=0\r\na={}\u{1b}[31m\0{}\r\n", "é".repeat(300), "x".repeat(300));
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    for finding in document.findings() {
        let shown = document.show(finding).to_string();
        assert!(
            !shown.contains(['\u{1b}', '\0']) && shown.lines().all(|line| line.chars().count() < 120),
            "{shown}"
        );
    }
}

proptest! {
    /// What is read is written back so that it reads the same.
    #[test]
    fn candidates_read_the_same_again(value in "[0-9]{1,3} [0-9]{1,3} (udp|TCP) [0-9]{1,10} [a-f0-9:.]{1,9} [0-9]{1,5} typ (host|relay)( raddr [0-9.]{1,4} rport [0-9]{1,3})?( [a-z]{1,3} [a-z0-9]{1,3}){0,3} {0,2}") {
        if let Ok(candidate) = Candidate::parse(&value) {
            let text = candidate.to_string();
            prop_assert_eq!(Candidate::parse(&text), Ok(candidate));
        }
    }

    #[test]
    fn any_octets_are_shown_and_checked(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'='), Just(b'm'), Just(b':'), any::<u8>()], 0..200)) {
        let document = Document::parse(&text, &Limits::default()).unwrap();
        let _ = document.malformed_attributes().count();
        for finding in document.findings() {
            prop_assert!(document.show(finding).to_string().lines().count() >= 3);
        }
    }
}
