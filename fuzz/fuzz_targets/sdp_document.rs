//! Any octets: what is read writes back, findings print, edits keep to their line, and what is redacted reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sdp::{Document, Fragment, Limits, Profile};

fuzz_target!(|bytes: &[u8]| {
    let _ = Fragment::parse(bytes).map(|fragment| fragment.write());
    let Ok(document) = Document::parse(bytes, &Limits::default()) else { return };
    assert_eq!(document.to_vec(), bytes);
    for finding in document.examine() {
        let shown = document.show(&finding).in_profile(Profile::Strict, "fuzz").to_string();
        assert!(!shown.contains('\0') && shown.lines().count() >= 4);
        let _ = (finding.to_string(), document.excerpt(&finding));
    }
    for section in document.media().chain([document.session()]) {
        let _ = (section.media(), section.connections().count(), section.bandwidths().count(), section.key());
        let _ = (section.timings().count(), section.repeats().count(), section.zone_adjustments().count());
    }
    assert!(document.differences(&document).is_empty());
    let lines = document.lines().count();
    assert_eq!(document.explain().count(), lines);
    let redacted = document.redacted();
    assert_eq!(
        Document::parse(&redacted, &Limits { octets: usize::MAX, line: usize::MAX, ..Limits::default() })
            .map(|again| again.lines().count()),
        Ok(lines)
    );
    let mut edited = document.clone();
    let text: Vec<u8> = bytes.iter().copied().take(40).collect();
    let at = bytes.len() % (lines + 1);
    let inserted = edited.insert(at, &text).is_ok();
    assert_eq!(edited.lines().count(), lines + usize::from(inserted));
    edited.remove(at);
    let _ = edited.replace(0, &text);
    let written = edited.to_vec();
    let _ = Document::parse(&written, &Limits::default());
});
