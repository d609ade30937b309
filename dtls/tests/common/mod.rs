//! Two connections under the harness.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "it serves tests")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use nomagic_dtls::handshake::{FragmentHeader, MessageType};
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, Version};
use nomagic_dtls::{
    Backend, CipherSuite, CloseReason, Config, Connected, Connection, CookieGate, Event, GateConfig,
    Identity, Input, PreSharedKey, PreSharedKeys, SrtpProfile, Summary, Verdict, Verifier,
};
use nomagic_testkit::clock::origin;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;
use nomagic_testkit::rng;

/// Making a key costs more than anything else here, so all tests share two.
pub static ANNA: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(100))));
pub static ZOE: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(200))));

pub const MS: Duration = Duration::from_millis(1);

/// A connection, what it handed out, and why it ended.
#[derive(Debug)]
pub struct Peer {
    pub connection: Connection,
    pub received: Vec<Vec<u8>>,
    pub connected: Option<Connected>,
    pub closed: Option<CloseReason>,
    to_send: Vec<Vec<u8>>,
    events: Vec<String>,
}

impl Peer {
    pub fn new(config: Config, seed: u64) -> Self {
        Self::of(Connection::new(config, &mut rng(seed)))
    }

    pub fn of(connection: Connection) -> Self {
        Self {
            connection,
            received: Vec::new(),
            connected: None,
            closed: None,
            to_send: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Seals a payload; it leaves with the next poll.
    pub fn send(&mut self, now: Instant, payload: &[u8]) {
        let record = self.seal(now, payload);
        self.to_send.push(record);
    }

    /// Seals a payload and keeps the record.
    pub fn seal(&mut self, now: Instant, payload: &[u8]) -> Vec<u8> {
        let at = self.connection.headroom();
        let mut out = vec![0; at];
        out.extend_from_slice(payload);
        self.connection.seal(now, &mut out, at).unwrap();
        out
    }

    fn note_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event.to_string());
            if let Event::Connected(connected) = event {
                self.connected = Some(connected);
            }
            if let Event::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
    }
}

impl Machine for Peer {
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
        let start = out.len();
        let sent = self.connection.poll_transmit(now, out);
        assert_eq!(sent.map_or(0, |sent| sent.len), out.len() - start);
        if sent.is_none() && !self.to_send.is_empty() {
            out.extend(self.to_send.remove(0));
            return true;
        }
        sent.is_some()
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

/// The same seed gives the same datagrams, also with the feature `aws-lc-rs`, which draws the nonces of signatures itself.
pub fn client_config() -> Config {
    let mut config = Config::client(ANNA.clone(), Verifier::fingerprints([ZOE.fingerprint()]));
    config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];
    config.backend = Backend::RustCrypto;
    config
}

pub fn server_config() -> Config {
    let mut config = Config::server(ZOE.clone(), Verifier::fingerprints([ANNA.fingerprint()]));
    config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
    config.backend = Backend::RustCrypto;
    config.address_validated = true;
    config
}

/// The keys of two devices.
pub static LAMP: LazyLock<PreSharedKey> = LazyLock::new(|| key("lamp", 7));
pub static DOOR: LazyLock<PreSharedKey> = LazyLock::new(|| key("d\u{f6}\u{f6}r 4", 9));

pub fn key(identity: &str, octet: u8) -> PreSharedKey {
    PreSharedKey::new(identity, &[octet; 32]).unwrap()
}

pub fn keys() -> PreSharedKeys {
    PreSharedKeys::new([DOOR.clone(), LAMP.clone()])
}

/// A client that has a key and no certificate, and a server that has several.
pub fn psk_client() -> Config {
    let mut config = Config::client_with_key(LAMP.clone());
    config.backend = Backend::RustCrypto;
    config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
    config
}

pub fn psk_server() -> Config {
    let mut config = Config::server_with_keys(keys());
    config.backend = Backend::RustCrypto;
    config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
    config.address_validated = true;
    config
}

pub fn of_suite(mut config: Config, suite: CipherSuite) -> Config {
    config.suites = vec![suite];
    config
}

/// A client `a` and a server `z`.
pub fn pair(link: impl Fn() -> Link) -> Pair<Peer, Peer> {
    pair_of(client_config(), server_config(), link)
}

pub fn pair_of(client: Config, server: Config, link: impl Fn() -> Link) -> Pair<Peer, Peer> {
    Pair::new(Peer::new(client, 1), Peer::new(server, 2), link, 3)
}

pub fn both_connected(pair: &mut Pair<Peer, Peer>) -> bool {
    pair.a.connected.is_some() && pair.z.connected.is_some()
}

/// Everything that a machine has to send now.
pub fn flight(peer: &mut Peer, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    loop {
        let mut out = Vec::new();
        if !peer.poll_transmit(now, &mut out) {
            return datagrams;
        }
        datagrams.push(out);
    }
}

/// What stands in the datagrams: messages, whole.
pub fn messages(datagrams: &[Vec<u8>]) -> Vec<(MessageType, Vec<u8>)> {
    let mut messages = Vec::new();
    for record in datagrams.iter().flat_map(|datagram| Records::new(datagram)) {
        let (header, content) = record.unwrap();
        if header.epoch == 0 && header.content_type == ContentType::HANDSHAKE {
            let (header, body, rest) = FragmentHeader::parse(content).unwrap();
            assert!(rest.is_empty() && header.length == header.total);
            messages.push((header.kind, body.to_vec()));
        }
    }
    messages
}

/// A plaintext record with a whole message.
pub fn tell(peer: &mut Peer, kind: MessageType, sequence: u16, body: &[u8]) {
    let mut content = Vec::new();
    FragmentHeader::whole(kind, sequence, u32::try_from(body.len()).unwrap()).encode(&mut content);
    content.extend_from_slice(body);
    let length = u16::try_from(content.len()).unwrap();
    let mut out = Vec::with_capacity(HEADER_LEN + content.len());
    let sequence = 500 + u64::from(sequence);
    Header { content_type: ContentType::HANDSHAKE, version: Version::DTLS_1_2, epoch: 0, sequence, length }
        .encode(&mut out);
    out.extend_from_slice(&content);
    peer.handle_input(origin(), &mut out);
}

/// The records of datagrams, each alone.
pub fn records(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let length = Header::parse(rest).unwrap().record_len();
            records.push(rest[..length].to_vec());
            rest = &rest[length..];
        }
    }
    records
}

pub fn deliver(peer: &mut Peer, now: Instant, datagrams: &[Vec<u8>]) {
    for datagram in datagrams {
        peer.handle_input(now, &mut datagram.clone());
    }
}

/// A pair that has come as far as it will.
pub fn connected_pair() -> Pair<Peer, Peer> {
    let mut pair = pair(|| Link::latency(10 * MS));
    pair.run_until(both_connected);
    pair.run_quiet();
    pair
}

/// Payload goes both ways and arrives whole.
pub fn assert_talks(pair: &mut Pair<Peer, Peer>) {
    let now = pair.now();
    pair.a.send(now, b"ping");
    pair.z.send(now, b"pong");
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.z.received.last().map(Vec::as_slice), Some(&b"ping"[..]));
    assert_eq!(pair.a.received.last().map(Vec::as_slice), Some(&b"pong"[..]));
}

/// A server behind a gate, for one client: there is no connection before the gate has opened.
#[derive(Debug)]
pub struct Door {
    pub gate: CookieGate,
    pub config: Config,
    pub address: Vec<u8>,
    pub peer: Option<Peer>,
    requests: Vec<Vec<u8>>,
    /// Octets that came, less those that the gate sent.
    owed: usize,
}

impl Door {
    pub fn new(gate: GateConfig, config: Config) -> Self {
        let (gate, address) = (CookieGate::new(gate, &mut rng(50)), b"192.0.2.1:4433".to_vec());
        Self { gate, config, address, peer: None, requests: Vec::new(), owed: 0 }
    }
}

impl Machine for Door {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        if let Some(peer) = &mut self.peer {
            return peer.handle_input(now, datagram);
        }
        let mut request = Vec::new();
        let verdict = self.gate.check(now, &self.address, datagram, &mut request);
        assert!(request.len() <= CookieGate::REQUEST_LEN);
        self.owed = (self.owed + datagram.len()).checked_sub(request.len()).unwrap();
        match verdict {
            Verdict::Drop => assert!(request.is_empty()),
            Verdict::Verify => self.requests.push(request),
            Verdict::Accept(admission) => {
                assert!(request.is_empty());
                let connection = Connection::admitted(self.config.clone(), admission, &mut rng(2));
                let mut peer = Peer::of(connection);
                peer.handle_input(now, datagram);
                self.peer = Some(peer);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.peer.iter_mut().for_each(|peer| peer.handle_timeout(now));
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if !self.requests.is_empty() {
            out.extend(self.requests.remove(0));
            return true;
        }
        self.peer.as_mut().is_some_and(|peer| peer.poll_transmit(now, out))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.peer.as_ref()?.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.peer.iter_mut().for_each(|peer| peer.close(now));
    }

    fn is_closed(&self) -> bool {
        self.peer.as_ref().is_some_and(Machine::is_closed)
    }

    fn drain_events(&mut self) -> Vec<String> {
        self.peer.as_mut().map_or_else(Vec::new, Machine::drain_events)
    }

    fn describe(datagram: &[u8]) -> String {
        Summary(datagram).to_string()
    }
}

/// Everything that a machine has to send now.
pub fn outbox(machine: &mut impl Machine, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    loop {
        let mut out = Vec::new();
        if !machine.poll_transmit(now, &mut out) {
            return datagrams;
        }
        datagrams.push(out);
    }
}

/// A client whose hello is as long as those of browsers: it takes two datagrams.
pub fn wordy_client() -> Config {
    let mut config = client_config();
    config.srtp_profiles.extend((0x7000..0x7000 + 600).map(SrtpProfile));
    config
}
