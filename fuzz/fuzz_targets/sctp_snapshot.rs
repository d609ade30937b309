//! Any octets as a snapshot, and a good one changed by the input: restored or refused, and what is restored can be driven.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::channel::Channels;
use nomagic_sctp::{Association, Config, SendOptions, Snapshot};
use nomagic_testkit::{clock, rng};

/// Two associations in the middle of a transfer; the first of them at rest.
fn good(now: Instant) -> Vec<u8> {
    let mut ends = [1, 2].map(|seed| Association::new(Config::default(), &mut rng(seed)));
    let inits = [ends[0].sctp_init(), ends[1].sctp_init()];
    for side in 0..2 {
        ends[side].connect_with(now, &inits[1 - side]).expect("a good INIT");
        for stream in 0..4 {
            let payload = vec![7; 3000 * (usize::from(stream) + 1)].into();
            let options = SendOptions { unordered: stream & 1 != 0, ..SendOptions::default() };
            ends[side].send(now, stream, payload, options).expect("room");
        }
    }
    for turn in 0..12 {
        for side in 0..2 {
            let mut out = Vec::new();
            if ends[side].poll_transmit(now, &mut out).is_some() && turn % 3 != 1 {
                ends[1 - side].handle_input(now, &mut out);
            }
        }
    }
    let [first, _] = ends;
    first.into_snapshot(now).map(|s| s.as_bytes().to_vec()).unwrap_or_default()
}

fuzz_target!(|bytes: &[u8]| {
    let mut now = clock::origin();
    let mut snapshot = bytes.to_vec();
    if bytes.first().is_some_and(|how| how & 1 != 0) {
        snapshot = good(now);
        for change in bytes.get(1..).unwrap_or_default().chunks_exact(3) {
            let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % snapshot.len().max(1);
            if let Some(octet) = snapshot.get_mut(at) {
                *octet ^= change[2];
            }
        }
    }
    let snapshot = Snapshot::from_bytes(&snapshot);
    let _ = Channels::restore(Config::default(), now, &snapshot, &mut rng(3));
    let Ok(mut end) = Association::restore(Config::default(), now, &snapshot, &mut rng(3)) else { return };
    for _ in 0..50 {
        let mut out = Vec::new();
        for _ in 0..200 {
            out.clear();
            if end.poll_transmit(now, &mut out).is_none() {
                break;
            }
        }
        while end.receive(now).is_some() {}
        while end.poll_event().is_some() {}
        now = end.poll_timeout().map_or(now + Duration::from_secs(1), |at| at.max(now));
        end.handle_timeout(now);
    }
});
