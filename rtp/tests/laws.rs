//! Two sessions that report to each other, put through the laws that every machine keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Instant;

use nomagic_rtp::rtcp::Compound;
use nomagic_rtp::{Packet, PacketBuilder, Session, SessionConfig};
use nomagic_testkit::laws::Subject;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::{clock, rng};

struct Reporter(Session);

impl Machine for Reporter {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        let _ = self.0.handle_input(now, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_event()).map(|event| format!("{event:?}")).collect()
    }

    fn describe(datagram: &[u8]) -> String {
        let parts: Vec<String> = Compound::new(datagram)
            .map(|packet| packet.map_or_else(|error| error.to_string(), |packet| packet.to_string()))
            .collect();
        parts.join(", ")
    }
}

#[test]
fn a_session_keeps_all_laws() {
    let session = |seed: u64, ssrc| {
        let mut config = SessionConfig::new("name", ssrc);
        config.clock_rates.insert(96, 90_000);
        let mut session = Session::new(config, &mut rng(seed));
        let mut media = Vec::new();
        PacketBuilder { payload_type: 96, ssrc, ..PacketBuilder::default() }.encode(
            &mut media,
            |_| (),
            b"media",
            0,
        );
        session.sent(clock::origin(), &Packet::parse(&media).unwrap());
        session.request_keyframe(clock::origin(), 3 - ssrc).unwrap();
        Reporter(session)
    };
    let make = |seed| (session(seed, 1), session(seed + 1000, 2));
    // Three packets are a report, a name and the request for a keyframe; then the first report in its own time.
    let done = |a: &Reporter, z: &Reporter| a.0.stats().control >= 5 && z.0.stats().control >= 5;
    Subject { make: &make, done: &done, memory: 96 << 10 }.keeps_all_laws();
}
