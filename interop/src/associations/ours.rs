//! Ours.

use std::time::Instant;

use bytes::Bytes;
use nomagic_sctp::{Association, Config, Event, SendOptions};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;

use super::{BINARY, LARGEST_MESSAGE, LARGEST_PACKET, Outcome, Talker, describe};

/// An association of ours.
#[derive(Debug)]
pub struct Ours {
    /// The machine.
    pub association: Association,
    outcome: Outcome,
}

impl Ours {
    /// With a configuration of its own.
    pub fn with_config(config: Config, calls: bool, now: Instant, seed: u64) -> Self {
        let mut association = Association::new(config, &mut rng(seed));
        if calls {
            association.connect(now);
        }
        Self { association, outcome: Outcome::default() }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Connected => self.outcome.connected = true,
                Event::IncomingReset { stream } => self.outcome.reset_by_peer.push(stream),
                Event::Closed(reason) => self.outcome.ended = Some(format!("{reason:?}")),
                _ => {}
            }
        }
        while let Some(message) = self.association.receive(now) {
            self.outcome.deliver(message.stream, &message.payload);
        }
    }
}

impl Talker for Ours {
    const NAME: &'static str = "ours";

    fn with_window(window: u32, calls: bool, now: Instant, seed: u64) -> Self {
        let mut config = Config::default();
        config.path_mtu = LARGEST_PACKET;
        config.receive_window = window;
        config.send_buffer = window as usize;
        config.max_receive_message = LARGEST_MESSAGE;
        config.max_send_message = LARGEST_MESSAGE;
        Self::with_config(config, calls, now, seed)
    }

    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, unordered: bool) -> bool {
        let options = SendOptions { ppid: BINARY, unordered, ..SendOptions::default() };
        self.association.send(now, stream, message.clone(), options).is_ok()
    }

    fn buffered(&mut self, stream: u16) -> usize {
        self.association.buffered_amount(stream)
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.association.reset_streams(now, &[stream]).unwrap();
    }

    fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }
}

impl Machine for Ours {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.association.handle_input(now, datagram);
        self.drain(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.drain(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.association.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.association.close(now);
    }

    fn is_closed(&self) -> bool {
        self.association.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}
