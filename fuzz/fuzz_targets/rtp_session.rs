//! A session that is told anything, in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;

use nomagic_rtp::{Session, SessionConfig};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let mut config = SessionConfig::new("name", 1);
    config.clock_rates.insert(96, 90_000);
    let mut session = Session::new(config, &mut rng(1));
    let mut now = clock::origin();
    for part in bytes.chunks(36) {
        now += Duration::from_millis(u64::from(part[0]) * 7);
        let mut datagram = part[1..].to_vec();
        let _ = session.handle_input(now, &mut datagram);
        session.handle_timeout(now);
        let mut out = Vec::new();
        while session.poll_transmit(now, &mut out).is_some() {}
        let _ = session.request_keyframe(now, u32::from(part[0]));
        while session.poll_event().is_some() {}
    }
    assert!(session.sources().count() <= 64);
});
