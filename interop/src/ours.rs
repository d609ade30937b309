//! Our own DTLS in the harness's terms.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use nomagic_dtls::{
    CloseReason, Config, Connected, Connection, Event, Fingerprint, Identity, Input, SrtpProfile, Summary,
    Verifier,
};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;

/// The identity of each of our ends; making keys costs time.
pub static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(1))));

/// A connection, what it handed out, and how it went.
#[derive(Debug)]
pub struct Ours {
    /// The connection itself.
    pub connection: Connection,
    /// Payloads in the order of arrival.
    pub received: Vec<Vec<u8>>,
    /// What was agreed on.
    pub connected: Option<Connected>,
    /// Why it ended.
    pub closed: Option<CloseReason>,
    outgoing: Vec<Vec<u8>>,
    events: Vec<String>,
}

impl Ours {
    /// A client, or a server whose peer's address is proven, for a peer with this fingerprint.
    pub fn new(is_client: bool, peer: Fingerprint, seed: u64) -> Self {
        let verifier = Verifier::fingerprints([peer]);
        let mut config = if is_client {
            Config::client(Arc::clone(&IDENTITY), verifier)
        } else {
            Config::server(Arc::clone(&IDENTITY), verifier)
        };
        config.address_validated = true;
        config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
        Self::of(config, seed)
    }

    /// An end with a configuration of the test's own.
    pub fn of(config: Config, seed: u64) -> Self {
        Self {
            connection: Connection::new(config, &mut rng(seed)),
            received: Vec::new(),
            connected: None,
            closed: None,
            outgoing: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sends a payload.
    ///
    /// # Panics
    /// There is no connection.
    pub fn send(&mut self, now: Instant, payload: &[u8]) {
        let at = self.connection.headroom();
        let mut out = vec![0; at];
        out.extend_from_slice(payload);
        self.connection.seal(now, &mut out, at).unwrap();
        self.outgoing.push(out);
    }

    /// The first octets for SRTP.
    ///
    /// # Panics
    /// There is no connection.
    pub fn keying_material(&self, len: usize) -> Vec<u8> {
        let mut material = vec![0; len];
        self.connection.export("EXTRACTOR-dtls_srtp", None, &mut material).unwrap();
        material
    }

    fn note_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event.to_string());
            match event {
                Event::Connected(connected) => self.connected = Some(connected),
                Event::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
    }
}

impl Machine for Ours {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        if let Input::Payload(payloads) = self.connection.handle_input(now, datagram) {
            self.received.extend(payloads.map(|payload| payload.to_vec()));
        }
        self.note_events();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
        self.note_events();
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.connection.poll_transmit(now, out).is_some() {
            return true;
        }
        let waits = !self.outgoing.is_empty();
        if waits {
            out.extend(self.outgoing.remove(0));
        }
        waits
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.connection.close(now);
        self.note_events();
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    fn describe(datagram: &[u8]) -> String {
        Summary(datagram).to_string()
    }
}
