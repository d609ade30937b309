//! Ends that a flow is fed into and pulled out of.

use std::time::Instant;

use bytes::Bytes;
#[cfg(feature = "peers")]
use nomagic_interop::associations::Talker;
use nomagic_sctp::{Association, AssociationState, Config, Controller, SendOptions};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;

/// Octets that an end may hold unread or unacknowledged: more than any path of the table holds. Ours have it by default.
#[cfg(feature = "peers")]
const WINDOW: u32 = 32 << 20;
/// Octets that are handed over ahead of what is sent.
const AHEAD: usize = 1 << 20;

/// One end of a flow.
pub(crate) trait Flow: Machine {
    /// Hands over as much of this message as keeps it busy.
    fn feed(&mut self, now: Instant, message: &Bytes);
    /// Octets pulled so far.
    fn octets(&mut self, now: Instant) -> usize;
}

/// An association of ours.
pub(crate) struct Ours {
    pub(crate) association: Association,
    octets: usize,
}

impl Ours {
    pub(crate) fn new(controller: Controller, calls: bool, now: Instant, seed: u64) -> Self {
        let mut config = Config::default();
        config.controller = controller;
        let mut association = Association::new(config, &mut rng(seed));
        if calls {
            association.connect(now);
        }
        Self { association, octets: 0 }
    }
}

impl Flow for Ours {
    fn feed(&mut self, now: Instant, message: &Bytes) {
        let up = self.association.state() == AssociationState::Established;
        while up
            && self.association.buffered_amount(0) < AHEAD
            && self.association.send(now, 0, message.clone(), SendOptions::default()).is_ok()
        {}
    }

    fn octets(&mut self, now: Instant) -> usize {
        while self.association.poll_event().is_some() {}
        while let Some(message) = self.association.receive(now) {
            self.octets += message.payload.len();
        }
        self.octets
    }
}

impl Machine for Ours {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.association.handle_input(now, datagram);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
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
    fn describe(_: &[u8]) -> String {
        String::new()
    }
}

/// An association of a rival's.
#[cfg(feature = "peers")]
pub(crate) struct Rival<T>(T);

#[cfg(feature = "peers")]
impl<T: Talker> Rival<T> {
    pub(crate) fn new(calls: bool, now: Instant, seed: u64) -> Self {
        let mut rival = T::with_window(WINDOW, calls, now, seed);
        rival.outcome().keeps = false;
        Self(rival)
    }
}

#[cfg(feature = "peers")]
impl<T: Talker> Flow for Rival<T> {
    fn feed(&mut self, now: Instant, message: &Bytes) {
        // Some count what is under way as buffered: they need as much ahead as the path holds.
        let ahead = WINDOW as usize / 2;
        let up = self.0.outcome().connected;
        while up && self.0.buffered(0) < ahead && self.0.send(now, 0, message, false) {}
    }

    fn octets(&mut self, _: Instant) -> usize {
        self.0.outcome().octets
    }
}

#[cfg(feature = "peers")]
impl<T: Talker> Machine for Rival<T> {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.0.handle_input(now, datagram);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }
    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out)
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
        Vec::new()
    }
    fn describe(_: &[u8]) -> String {
        String::new()
    }
}
