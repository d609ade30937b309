//! Any text as a candidate line: what is read writes back to what reads alike. Any octets as a datagram.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_ice::{Candidate, demux};

fuzz_target!(|bytes: &[u8]| {
    let _ = demux::classify(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(candidate) = text.parse::<Candidate>() {
        let again = candidate.to_string().parse::<Candidate>().map(|again| again.to_string());
        assert_eq!(again.ok(), Some(candidate.to_string()));
    }
});
