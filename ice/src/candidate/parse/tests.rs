use proptest::prelude::*;

use super::*;

#[test]
fn every_field_of_a_browsers_candidate_is_read() {
    let text = "candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 10.0.17.1 rport 60000 \
                generation 0 ufrag EsAw network-cost 999";
    let candidate = Candidate::parse(text).unwrap();
    assert_eq!(candidate.foundation(), "842163049");
    assert_eq!(candidate.component(), 1);
    assert_eq!(*candidate.transport(), Transport::Udp);
    assert_eq!(candidate.priority(), 1_677_729_535);
    assert_eq!(candidate.socket_address().unwrap().to_string(), "198.51.100.7:46154");
    assert_eq!(candidate.kind(), CandidateKind::ServerReflexive);
    assert_eq!(candidate.related_address().unwrap().to_string(), "10.0.17.1");
    assert_eq!(candidate.related_port(), Some(60000));
    assert_eq!(candidate.extension("ufrag"), Some("EsAw"));
    assert_eq!(candidate.extensions().count(), 3);
    assert_eq!(format!("candidate:{candidate}"), text);
}

#[test]
fn faults_are_named_with_their_place() {
    let fault = |text: &str| Candidate::parse(text).map_err(|fault| fault.to_string()).unwrap_err();
    assert_eq!(fault(""), "foundation is missing at octet 0");
    assert_eq!(fault("candidate:"), "foundation is missing at octet 10");
    assert_eq!(fault("a=candidate:1 1 udp"), "priority is missing at octet 19");
    assert_eq!(fault("1:2 1 udp 1 ::1 1 typ host"), Kind::Foundation.to_string() + " at octet 0");
    assert_eq!(fault("1 0 udp 1 ::1 1 typ host"), Kind::Component.to_string() + " at octet 2");
    assert_eq!(fault("1 257 udp 1 ::1 1 typ host"), Kind::Component.to_string() + " at octet 2");
    assert_eq!(fault("1 1 udp 0 ::1 1 typ host"), Kind::Priority.to_string() + " at octet 8");
    assert_eq!(fault("1 1 udp 2147483648 ::1 1 typ host"), Kind::Priority.to_string() + " at octet 8");
    assert_eq!(fault("1 1 udp +1 ::1 1 typ host"), Kind::Priority.to_string() + " at octet 8");
    assert_eq!(fault("1 1 udp 1 ::1 65536 typ host"), Kind::Port.to_string() + " at octet 14");
    assert_eq!(fault("1 1 udp 1 ::1 1 type host"), "expected \"typ\" at octet 16");
    assert_eq!(fault("1 1 udp 1 ::1 1 typ"), "type is missing at octet 19");
    assert_eq!(fault("1 1 udp 1 ::1 1 typ ho\rst"), "control character in a field at octet 20");
    assert!(fault(&"1".repeat(2000)).starts_with("line has 2000 octets"));
}

#[test]
fn what_is_unknown_survives() {
    for text in [
        "1 1 sctp 1 192.0.2.1 9 typ host",
        "1 1 udp 1 192.0.2.1 9 typ holographic",
        "1 1 udp 1 b2f0.local 9 typ host",
        "1 1 udp 1 fe80::1%eth0 9 typ host",
        "1 1 tcp 1 192.0.2.1 9 typ host tcptype odd",
        "1 1 tcp 1 192.0.2.1 9 typ host tcptype so raddr-like x",
    ] {
        let candidate = Candidate::parse(text).unwrap();
        assert_eq!(candidate.to_string(), text);
        assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
    }
}

#[test]
fn an_extension_without_a_value_is_dropped() {
    let candidate = Candidate::parse("1 1 udp 1 192.0.2.1 9 typ host generation").unwrap();
    assert_eq!(candidate.extensions().count(), 0);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}") {
        let _ = Candidate::parse(&text);
    }

    #[test]
    fn words_in_any_order_parse_or_are_refused_and_what_parses_round_trips(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "1", "0", "udp", "tcp", "2130706431", "192.0.2.1", "::1", "x.local", "typ", "host", "srflx", "raddr",
                "rport", "tcptype", "so", "active", "9", "65535", "generation", "\u{e9}", "a+/b",
            ]),
            0..24,
        ),
    ) {
        let text = words.join(" ");
        if let Ok(candidate) = Candidate::parse(&text) {
            prop_assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
        }
        let lead = format!("1 1 udp 1 192.0.2.1 9 typ host {text}");
        if let Ok(candidate) = Candidate::parse(&lead) {
            prop_assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
        }
    }
}
