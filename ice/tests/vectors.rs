//! Candidate lines printed in RFCs, and other people's fuzz inputs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use nomagic_ice::{Candidate, CandidateKind, priority};
use nomagic_testkit::vectors;

#[test]
fn candidate_lines_of_the_rfcs_parse_and_their_priorities_decompose() {
    let Some(table) = vectors::json("ice/rfc_candidates.json") else { return };
    let rows = table["candidates"].as_array().unwrap();
    assert!(rows.len() > 50);
    for row in rows {
        let line = row["line"].as_str().unwrap();
        let candidate = Candidate::parse(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        assert_eq!(u64::from(candidate.priority()), row["priority"].as_u64().unwrap(), "{line}");
        assert_eq!(u64::from(candidate.component()), row["component"].as_u64().unwrap(), "{line}");
        assert_eq!(candidate.kind().to_string(), row["type"].as_str().unwrap(), "{line}");
        assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate.clone()), "{line}");
        let parts = &row["decomposed"];
        let part = |name: &str| parts[name].as_u64().unwrap();
        assert_eq!(u64::from(candidate.priority() >> 24), part("type_preference"), "{line}");
        assert_eq!(u64::from(candidate.priority() >> 8 & 0xffff), part("local_preference"), "{line}");
        let own = |kind| u64::from(priority::type_preference(kind)) == part("type_preference");
        if row["formula_consistent"] == true && own(candidate.kind()) {
            let preference = u16::try_from(part("local_preference")).unwrap();
            let computed = priority::candidate(candidate.kind(), preference, candidate.component());
            assert_eq!(computed, candidate.priority(), "{line}");
        }
    }
    for row in table["pair_examples_computed"].as_array().unwrap() {
        let number = |name: &str| row[name].as_u64().unwrap();
        let side = |name| u32::try_from(number(name)).unwrap();
        assert_eq!(priority::pair(side("G"), side("D")), number("pair"));
    }
}

#[test]
fn the_example_of_rfc_8839_section_5_1_reads_as_it_says() {
    let line = "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998";
    let candidate = Candidate::parse(line).unwrap();
    assert_eq!(candidate.kind(), CandidateKind::ServerReflexive);
    assert_eq!(candidate.socket_address().unwrap().to_string(), "192.0.2.3:45664");
    assert_eq!(candidate.related_address().unwrap().to_string(), "203.0.113.141");
    assert_eq!(candidate.related_port(), Some(8998));
}

#[test]
fn fuzz_inputs_of_others_do_no_harm() {
    for folder in ["ice/librice", "ice/webrtc-mdns-corpus"] {
        for (_, bytes) in vectors::files(folder) {
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(candidate) = Candidate::parse(&text) {
                assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
            }
            let _ = nomagic_ice::demux::classify(&bytes);
        }
    }
}
