//! Any offer: it is refused, or answered by a description without faults.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sdp::attribute::{Fingerprint, HashFunction};
use nomagic_sdp::negotiation::{Codec, Config, LocalTransport};
use nomagic_sdp::{Document, Limits, Negotiator};

fuzz_target!(|bytes: &[u8]| {
    let mut config = Config::new(1, "name");
    config.audio.codecs = vec![Codec::new(111, "opus", 48_000, Some(2))];
    config.video.codecs = vec![Codec::new(96, "VP8", 90_000, None)];
    config.max_message_size = Some(65_536);
    let mut side = Negotiator::new(config);
    if side.accept_offer(bytes).is_err() {
        return;
    }
    let Some(fingerprint) = Fingerprint::new(HashFunction::Sha256, &[7; 32]) else { return };
    let transport = LocalTransport {
        ufrag: "ufrag".into(),
        password: "password+of+22+characters".into(),
        fingerprint,
        candidates: Vec::new(),
        end_of_candidates: true,
    };
    if let Ok(answer) = side.create_answer(&transport) {
        assert!(Document::parse(answer.as_bytes(), &Limits::default()).is_ok());
    }
});
