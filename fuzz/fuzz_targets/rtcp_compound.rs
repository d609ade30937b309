//! Any octets as RTCP: what is read describes itself and writes back to what reads alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_rtp::rtcp::{Compound, Packet};

fuzz_target!(|bytes: &[u8]| {
    for packet in Compound::new(bytes).flatten() {
        let mut out = Vec::new();
        packet.encode(&mut out);
        let text = packet.to_string();
        assert_eq!(
            Compound::new(&out).next().and_then(Result::ok).map(|again| again.to_string()),
            Some(text)
        );
        if let Packet::TransportFeedback(feedback) = packet {
            assert_eq!(feedback.arrivals().count(), usize::from(feedback.status_count));
        }
    }
});
