//! Messages in every order: an end of ours that is fed letters of an alphabet, one message or record each.
//!
//! The alphabet has what the end hears in a handshake that goes well, and what it should never hear. Each message gets
//! the number that the end expects next, so that the state decides about it and not the reassembly: this is how the
//! state machines of other implementations were learnt and found wanting.

use std::sync::LazyLock;

use nomagic_dtls::handshake::{FragmentHeader, MessageType};
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, Version};
use nomagic_dtls::{CipherSuite, Config, PreSharedKey, PreSharedKeys, Role, Stats, Verifier};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;

use crate::ours::{IDENTITY, Ours};

/// One thing that can be said.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What to call it.
    pub name: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// A handshake message, unprotected.
    Message { kind: MessageType, body: Vec<u8> },
    /// Another unprotected record.
    Record { content_type: ContentType, content: Vec<u8> },
    /// A protected record, as it was recorded.
    Protected(Vec<u8>),
}

impl Letter {
    fn message(name: &str, kind: MessageType, body: &[u8]) -> Self {
        Self { name: name.to_owned(), content: Content::Message { kind, body: body.to_vec() } }
    }

    fn record(name: &str, content_type: ContentType, content: &[u8]) -> Self {
        Self { name: name.to_owned(), content: Content::Record { content_type, content: content.to_vec() } }
    }

    /// The message of a chain of one certificate, which may be anything.
    pub fn certificate(certificate: &[u8]) -> Self {
        let len = u32::try_from(certificate.len()).unwrap().min(0xff_fff0);
        let mut body = (len + 3).to_be_bytes()[1..].to_vec();
        body.extend_from_slice(&len.to_be_bytes()[1..]);
        body.extend_from_slice(certificate);
        Self::message("Certificate", MessageType::CERTIFICATE, &body)
    }

    /// The same with one bit changed, in the octet at `at` counted round.
    #[must_use]
    pub fn changed(&self, at: usize) -> Self {
        let mut own = self.clone();
        let octets = match &mut own.content {
            Content::Message { body, .. } => body,
            Content::Record { content, .. } => content,
            Content::Protected(record) => record,
        };
        let len = octets.len().max(1);
        if let Some(octet) = octets.get_mut(at % len) {
            *octet ^= 1;
        }
        own
    }

    /// Whether it is an unprotected handshake message, which counts in the order of messages.
    pub const fn is_message(&self) -> bool {
        matches!(self.content, Content::Message { .. })
    }
}

/// How the ends of a handshake come to their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With certificates: a server hears a client that has one, a client hears a server that does not ask for one.
    Signed,
    /// With a pre-shared key, and no hint at it.
    PreShared,
    /// With a pre-shared key and ephemeral ones.
    EphemeralPreShared,
}

/// What one end can be told.
#[derive(Debug)]
pub struct Alphabet {
    /// Which end.
    pub role: Role,
    /// In which handshake.
    pub way: Way,
    /// How many of the letters are those of a handshake that goes well.
    pub genuine: usize,
    /// First the genuine letters, in order; then the others.
    pub letters: Vec<Letter>,
}

/// What a server can be told.
pub static TO_SERVER: LazyLock<Alphabet> = LazyLock::new(|| Alphabet::new(Role::Server, Way::Signed));
/// What a client can be told.
pub static TO_CLIENT: LazyLock<Alphabet> = LazyLock::new(|| Alphabet::new(Role::Client, Way::Signed));
/// The same for servers and clients with pre-shared keys, without ephemeral keys and with them.
pub static PRE_SHARED: LazyLock<[Alphabet; 4]> = LazyLock::new(|| {
    let to = |role, way| Alphabet::new(role, way);
    [
        to(Role::Server, Way::PreShared),
        to(Role::Client, Way::PreShared),
        to(Role::Server, Way::EphemeralPreShared),
        to(Role::Client, Way::EphemeralPreShared),
    ]
});

fn key() -> PreSharedKey {
    PreSharedKey::new("lamp", &[7; 32]).unwrap()
}

/// The end under test; always the same, so that what was recorded with one fits the next.
fn tested(role: Role, way: Way) -> Ours {
    let anybody = || Verifier::callback(|_| true);
    let config = match role {
        Role::Client => Config::client(IDENTITY.clone(), anybody()),
        Role::Server => Config::server(IDENTITY.clone(), anybody()),
    };
    Ours::of(with_key(config, way), 1)
}

/// The end that it talks to.
fn partner(role: Role, way: Way) -> Ours {
    let config = match role {
        Role::Client => Config::server_for_anyone(IDENTITY.clone()),
        Role::Server => Config::client(IDENTITY.clone(), Verifier::callback(|_| true)),
    };
    Ours::of(with_key(config, way), 2)
}

/// The same, or with a key only, if it is to be done so.
fn with_key(mut config: Config, way: Way) -> Config {
    if way != Way::Signed {
        config = match config.role() {
            Role::Client => Config::client_with_key(key()),
            Role::Server => Config::server_with_keys(PreSharedKeys::new([key()])),
        };
        config.suites = vec![if way == Way::PreShared {
            CipherSuite::PSK_AES_128_GCM_SHA256
        } else {
            CipherSuite::ECDHE_PSK_AES_128_GCM_SHA256
        }];
    }
    config.address_validated = true;
    config
}

impl Alphabet {
    fn new(role: Role, way: Way) -> Self {
        let mut letters = genuine(role, way);
        let genuine_letters = letters.len();
        let body = |kind: MessageType, letters: &[Letter]| {
            letters.iter().find_map(|letter| match &letter.content {
                Content::Message { kind: found, body } if *found == kind => Some(body.clone()),
                _ => None,
            })
        };
        let from_other = genuine(if role == Role::Client { Role::Server } else { Role::Client }, way);
        let (stray, stray_kind) = match role {
            Role::Client => ("ClientHello", MessageType::CLIENT_HELLO),
            Role::Server => ("ServerHello", MessageType::SERVER_HELLO),
        };
        let stray_body = body(stray_kind, &from_other).unwrap_or_default();
        letters.extend([
            Letter::message("HelloRequest", MessageType::HELLO_REQUEST, &[]),
            Letter::message(stray, stray_kind, &stray_body),
            Letter::message("HelloVerifyRequest", MessageType::HELLO_VERIFY_REQUEST, &[0xfe, 0xfd, 2, 1, 2]),
            Letter::message("Certificate without any", MessageType::CERTIFICATE, &[0; 3]),
            Letter::message("Finished unprotected", MessageType::FINISHED, &[0; 12]),
            Letter::message("message of type 4", MessageType(4), &[0; 6]),
            Letter::record("warning", ContentType::ALERT, &[1, 90]),
            Letter::record("payload unprotected", ContentType::APPLICATION_DATA, b"not to be seen"),
            Letter::record("fatal alert", ContentType::ALERT, &[2, 40]),
            Letter::record("close_notify", ContentType::ALERT, &[1, 0]),
        ]);
        if way != Way::Signed {
            letters.extend(with_other_keys(role, way));
        }
        Self { role, way, genuine: genuine_letters, letters }
    }
}

/// What else an end with a pre-shared key can be told: identities and hints that are not those of the handshake, and messages of
/// the other kinds of handshakes.
fn with_other_keys(role: Role, way: Way) -> Vec<Letter> {
    let is_ephemeral = way == Way::EphemeralPreShared;
    let share = [&[65, 4][..], &[9; 64]].concat();
    let with_share = |front: &[u8], share: &[u8]| [front, if is_ephemeral { share } else { &[] }].concat();
    match role {
        Role::Server => {
            let exchange =
                |name: &str, body: &[u8]| Letter::message(name, MessageType::CLIENT_KEY_EXCHANGE, body);
            let own_share = [&[32][..], &[9; 32]].concat();
            vec![
                exchange("ClientKeyExchange of nobody", &with_share(b"\0\x06nobody", &own_share)),
                exchange("ClientKeyExchange without an identity", &with_share(&[0, 0], &own_share)),
                exchange("ClientKeyExchange, signed handshake", &share),
                exchange("ClientKeyExchange, cut", &[0]),
                Letter::message("CertificateVerify", MessageType::CERTIFICATE_VERIFY, &[4, 3, 0, 1, 9]),
            ]
        }
        Role::Client => {
            let exchange =
                |name: &str, body: &[u8]| Letter::message(name, MessageType::SERVER_KEY_EXCHANGE, body);
            let group = [&[3, 0, 29, 32][..], &[9; 32]].concat();
            vec![
                exchange("ServerKeyExchange with a hint", &with_share(b"\0\x04hint", &group)),
                exchange("ServerKeyExchange, signed handshake", &[&group[..], &[4, 3, 0, 1, 9]].concat()),
                exchange("ServerKeyExchange, cut", &[0]),
                Letter::message(
                    "CertificateRequest",
                    MessageType::CERTIFICATE_REQUEST,
                    &[1, 64, 0, 2, 4, 3, 0, 0],
                ),
            ]
        }
    }
}

/// What the tested end hears in a handshake that goes well.
fn genuine(role: Role, way: Way) -> Vec<Letter> {
    let (mut own, mut other, mut heard) = (tested(role, way), partner(role, way), Vec::new());
    while own.connected.is_none() || other.connected.is_none() {
        let mut out = Vec::new();
        while own.poll_transmit(origin(), &mut out) {
            other.handle_input(origin(), &mut out);
            out.clear();
        }
        while other.poll_transmit(origin(), &mut out) {
            heard.extend(letters(&out));
            own.handle_input(origin(), &mut out);
            out.clear();
        }
    }
    heard
}

fn letters(datagram: &[u8]) -> Vec<Letter> {
    let mut letters = Vec::new();
    for (header, content) in Records::new(datagram).map(Result::unwrap) {
        if header.epoch > 0 {
            let mut record = Vec::new();
            header.encode(&mut record);
            record.extend_from_slice(content);
            letters.push(Letter { name: "Finished".to_owned(), content: Content::Protected(record) });
        } else if header.content_type == ContentType::HANDSHAKE {
            let mut rest = content;
            while !rest.is_empty() {
                let (fragment, body, behind) = FragmentHeader::parse(rest).unwrap();
                letters.push(Letter::message(&fragment.kind.to_string(), fragment.kind, body));
                rest = behind;
            }
        } else {
            letters.push(Letter::record("ChangeCipherSpec", header.content_type, content));
        }
    }
    letters
}

/// An end that is being told things.
#[derive(Debug)]
pub struct Listener {
    /// The end.
    pub end: Ours,
    records: u64,
    messages: u16,
    /// The names of all letters that were not dropped, in order.
    taken: Vec<String>,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It was taken, or waits.
    Taken,
    /// It was dropped and counted.
    Dropped,
    /// It completed the handshake.
    Connected,
    /// It was the end.
    Closed,
}

impl Listener {
    /// A fresh end for what this alphabet says; a client has said its hello.
    pub fn new(alphabet: &Alphabet) -> Self {
        let end = tested(alphabet.role, alphabet.way);
        let mut own = Self { end, records: 100, messages: 0, taken: Vec::new() };
        own.drain();
        own
    }

    /// Tells it something.
    pub fn hear(&mut self, letter: &Letter) -> Reaction {
        let (was_connected, before) = (self.end.connected.is_some(), self.end.connection.stats());
        let mut datagram = match &letter.content {
            Content::Protected(record) => record.clone(),
            Content::Record { content_type, content } => self.record(*content_type, content),
            Content::Message { kind, body } => {
                let mut content = Vec::with_capacity(12 + body.len());
                let total = u32::try_from(body.len()).unwrap();
                FragmentHeader::whole(*kind, self.messages, total).encode(&mut content);
                content.extend_from_slice(body);
                self.record(ContentType::HANDSHAKE, &content)
            }
        };
        self.end.handle_input(origin(), &mut datagram);
        self.drain();
        let reaction = if self.end.closed.is_some() {
            Reaction::Closed
        } else if self.end.connected.is_some() && !was_connected {
            Reaction::Connected
        } else if dropped(&self.end.connection.stats()) > dropped(&before) {
            Reaction::Dropped
        } else {
            Reaction::Taken
        };
        if reaction != Reaction::Dropped {
            self.taken.push(letter.name.clone());
        }
        // What was dropped did not take its number.
        self.messages += u16::from(letter.is_message() && reaction == Reaction::Taken);
        reaction
    }

    fn record(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let mut out = Vec::with_capacity(HEADER_LEN + content.len());
        let header =
            Header { content_type, version: Version::DTLS_1_2, epoch: 0, sequence: self.records, length };
        header.encode(&mut out);
        out.extend_from_slice(content);
        self.records += 1;
        out
    }

    fn drain(&mut self) {
        let mut out = Vec::new();
        while self.end.poll_transmit(origin(), &mut out) {
            out.clear();
        }
    }
}

fn dropped(stats: &Stats) -> u64 {
    stats.dropped_malformed
        + stats.dropped_epoch
        + stats.dropped_replay
        + stats.dropped_forged
        + stats.dropped_plaintext
        + stats.dropped_unexpected
        + stats.dropped_fragment
        + stats.dropped_duplicate
        + stats.dropped_limit
        + stats.unauthenticated_alerts
        + stats.refused_hellos
}

/// What must hold after any letters: only a handshake that is whole and in order connects, and nothing comes out before.
///
/// # Panics
/// It does not hold.
pub fn assert_sound(listener: &Listener, alphabet: &Alphabet, heard: &[usize]) {
    let names = || heard.iter().map(|index| alphabet.letters[*index].name.as_str()).collect::<Vec<_>>();
    if listener.end.connected.is_none() {
        let exported = listener.end.connection.export("EXTRACTOR-dtls_srtp", None, &mut [0; 60]);
        assert!(exported.is_err(), "keys before the end of a handshake: {:?}", names());
        assert!(listener.end.received.is_empty(), "payload before the end of a handshake: {:?}", names());
        return;
    }
    assert!(listener.end.received.is_empty(), "nobody has sent any payload: {:?}", names());
    // The genuine letters, each, and the messages among them in their order; what was dropped does not count.
    let genuine = &alphabet.letters[..alphabet.genuine];
    let is_message = |name: &&str| genuine.iter().any(|letter| letter.name == **name && letter.is_message());
    let messages: Vec<&str> = listener.taken.iter().map(String::as_str).filter(is_message).collect();
    let wanted: Vec<&str> = genuine.iter().map(|letter| letter.name.as_str()).filter(is_message).collect();
    assert!(messages.starts_with(&wanted), "connected out of order: {:?}", names());
    for letter in genuine {
        assert!(listener.taken.contains(&letter.name), "connected without {}: {:?}", letter.name, names());
    }
}
