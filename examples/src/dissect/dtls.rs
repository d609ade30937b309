//! DTLS records, the handshake messages in them, and, with a key log, what is encrypted; RFC 6347, 5246, 5764.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use nomagic_dtls::extension::{ConnectionId, ExtensionType, Extensions, UseSrtp};
use nomagic_dtls::handshake::{FragmentHeader, Message, MessageType};
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, connection_id};
use nomagic_dtls::{Alert, CipherSuite, Observer, Role, SrtpProfile, U16List};
use nomagic_srtp::{Profile, Receiver, ReceiverConfig, UnprotectError, split_keying_material};

use super::sctp;
use super::tree::{Tree, Value};

/// Master secrets by the client's random, from a key log in NSS's format.
#[derive(Debug, Default)]
pub struct KeyLog(BTreeMap<[u8; 32], [u8; 48]>);

impl KeyLog {
    /// Takes the lines `CLIENT_RANDOM random secret`; others are for other protocols.
    ///
    /// # Errors
    /// Such a line holds something else; its number is named.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_ascii_whitespace();
            if words.next() != Some("CLIENT_RANDOM") {
                continue;
            }
            let (random, secret) = (words.next().and_then(digits), words.next().and_then(digits));
            let (Some(random), Some(secret)) = (random, secret) else {
                return Err(format!("line {}: expected 32 and 48 octets as hexadecimal digits", number + 1));
            };
            self.0.insert(random, secret);
        }
        Ok(())
    }
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    (text.len() == 2 * N && text.is_ascii()).then_some(())?;
    for (at, octet) in out.iter_mut().enumerate() {
        *octet = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    client: Option<SocketAddr>,
    client_random: Option<[u8; 32]>,
    suite: Option<CipherSuite>,
    observer: Option<Observer>,
    /// What the hellos offer: the ids that each end wants to read, the client's first.
    wanted_ids: [Option<Vec<u8>>; 2],
    /// SRTP was agreed on: media here are encrypted.
    pub(super) srtp: Option<SrtpProfile>,
    /// What each end sends with, the client first.
    media: Option<[Receiver; 2]>,
    messages: BTreeMap<(SocketAddr, u16), Reassembly>,
    /// SCTP was seen in it.
    sctp: bool,
}

/// A handshake message in pieces.
#[derive(Debug)]
struct Reassembly {
    kind: MessageType,
    body: Vec<u8>,
    seen: Vec<bool>,
}

/// Octets of a handshake message that is put together, and messages of a connection.
const MAX_MESSAGE: usize = 1 << 16;
const MAX_MESSAGES: usize = 64;

impl Connection {
    /// A datagram from `source`.
    pub(super) fn datagram(&mut self, source: SocketAddr, octets: &[u8], keys: &KeyLog) -> Tree {
        let mut tree = Tree::default();
        let mut records: Vec<Value> = Vec::new();
        let mut at = 0;
        let id_len = self.id_len(source, octets);
        for record in Records::with_connection_id(octets, id_len) {
            match record {
                Ok((header, content)) => {
                    let id_len = if header.content_type == ContentType::TLS12_CID { id_len } else { 0 };
                    let whole = &octets[at..at + header.record_len() + id_len];
                    records.push(self.record(source, &header, content, whole, keys).into());
                    at += whole.len();
                }
                Err(fault) => {
                    if let Ok(header) = Header::parse(&octets[at.min(octets.len())..]) {
                        records.push(head(&header).into());
                    }
                    tree.add("records", std::mem::take(&mut records)).rfc("RFC 6347 section 4.1");
                    tree.fault(at + fault.offset, fault.kind);
                    return tree;
                }
            }
        }
        tree.add("records", records).rfc("RFC 6347 section 4.1");
        tree
    }

    fn record(
        &mut self,
        source: SocketAddr,
        header: &Header,
        content: &[u8],
        whole: &[u8],
        keys: &KeyLog,
    ) -> Tree {
        let mut tree = head(header);
        if header.epoch > 0 {
            if header.content_type == ContentType::TLS12_CID {
                let id = &whole[HEADER_LEN - 2..whole.len() - content.len() - 2];
                tree.add("connection_id", id).rfc("RFC 9146 section 4");
            }
            self.protected(&mut tree, source, content, whole);
            return tree;
        }
        match header.content_type {
            ContentType::HANDSHAKE => self.fragments(&mut tree, source, content, keys),
            kind => plain(&mut tree, kind, content),
        }
        tree
    }

    fn protected(&mut self, tree: &mut Tree, source: SocketAddr, content: &[u8], whole: &[u8]) {
        // Without addresses nobody knows who speaks: where one end's key does not fit, the other's may.
        let opened = self.roles(source).into_iter().find_map(|role| {
            let mut copy = whole.to_vec();
            let id_len = whole.len().checked_sub(HEADER_LEN + content.len())?;
            let opened = self.observer.as_ref()?.open_with_connection_id(role, &mut copy, id_len);
            opened.map(|(kind, plaintext)| (kind, plaintext.to_vec()))
        });
        let Some((kind, plaintext)) = opened else {
            tree.add("encrypted", content);
            if let Some(suite) = self.suite
                && ![&CipherSuite::SUPPORTED[..], &CipherSuite::PRE_SHARED, &CipherSuite::CONSTRAINED]
                    .concat()
                    .contains(&suite)
            {
                tree.add("not_decrypted", format!("{suite} is not implemented"));
            }
            return;
        };
        tree.add("decrypted", true).rfc("RFC 5288 section 3");
        if kind != ContentType(whole[0]) {
            tree.add("inner_type", kind.0).note(kind).rfc("RFC 9146 section 4");
        }
        match kind {
            ContentType::HANDSHAKE => {
                let messages = fragments(&plaintext).map(|(header, body)| message(&header, body));
                tree.add("handshake", messages.collect::<Value>()).rfc("RFC 6347 section 4.2.2");
            }
            ContentType::APPLICATION_DATA => {
                tree.add("application_data", &plaintext[..]);
                let inner = sctp::packet(&plaintext);
                // Other protocols run over DTLS too; where SCTP was seen, a malformed packet is SCTP's.
                self.sctp |= inner.find("malformed").is_none();
                if self.sctp {
                    tree.add("sctp", inner).rfc("RFC 8261 section 5");
                }
            }
            kind => plain(tree, kind, &plaintext),
        }
    }

    fn fragments(&mut self, tree: &mut Tree, source: SocketAddr, content: &[u8], keys: &KeyLog) {
        let mut messages: Vec<Value> = Vec::new();
        let mut used = 0;
        for (header, body) in fragments(content) {
            used += nomagic_dtls::handshake::FRAGMENT_HEADER_LEN + body.len();
            let whole = self.collect(source, &header, body);
            let mut one = message(&header, body);
            if let (Some((kind, whole)), true) = (&whole, header.length < header.total) {
                let mut all = Tree::default();
                body_fields(&mut all, *kind, whole);
                one.add("reassembled", all);
            }
            if let Some((kind, whole)) = whole {
                self.learn(source, kind, &whole, keys);
            }
            messages.push(one.into());
        }
        tree.add("handshake", messages).rfc("RFC 6347 section 4.2.2");
        if let Some(rest) = content.get(used..).filter(|rest| !rest.is_empty())
            && let Err(fault) = FragmentHeader::parse(rest)
        {
            tree.fault(HEADER_LEN + used + fault.offset, fault.kind);
        }
    }

    /// Puts a message together; hands it out once, when it is whole.
    fn collect(
        &mut self,
        source: SocketAddr,
        header: &FragmentHeader,
        body: &[u8],
    ) -> Option<(MessageType, Vec<u8>)> {
        let total = header.total as usize;
        if total > MAX_MESSAGE {
            return None;
        }
        if header.length == header.total {
            return Some((header.kind, body.to_vec()));
        }
        if self.messages.len() >= MAX_MESSAGES {
            self.messages.pop_first();
        }
        let key = (source, header.sequence);
        let fresh = || Reassembly { kind: header.kind, body: vec![0; total], seen: vec![false; total] };
        let known = self.messages.entry(key).or_insert_with(fresh);
        if known.body.len() != total || known.kind != header.kind {
            *known = fresh();
        }
        let range = header.offset as usize..header.offset as usize + body.len();
        known.body.get_mut(range.clone())?.copy_from_slice(body);
        known.seen.get_mut(range)?.fill(true);
        let whole = known.seen.iter().all(|seen| *seen);
        whole.then(|| self.messages.remove(&key)).flatten().map(|known| (known.kind, known.body))
    }

    /// Remembers what is needed to decrypt what follows.
    fn learn(&mut self, source: SocketAddr, kind: MessageType, body: &[u8], keys: &KeyLog) {
        match Message::parse(kind, body) {
            Ok(Message::ClientHello(hello)) => {
                if self.client_random != Some(*hello.random) {
                    *self = Self { messages: std::mem::take(&mut self.messages), ..Self::default() };
                }
                (self.client, self.client_random) = (Some(source), Some(*hello.random));
                self.wanted_ids = [wanted_id(&hello.extensions), None];
            }
            Ok(Message::ServerHello(hello)) => {
                self.suite = Some(hello.suite);
                self.wanted_ids[1] = wanted_id(&hello.extensions);
                let srtp = hello.extensions.find(ExtensionType::USE_SRTP);
                let srtp = srtp.and_then(|content| UseSrtp::parse(content).ok());
                self.srtp = srtp.and_then(|srtp| srtp.profiles.iter().next()).map(SrtpProfile);
                let master = self.client_random.as_ref().and_then(|random| keys.0.get(random));
                if let (Some(master), Some(random)) = (master, self.client_random) {
                    self.observer = Observer::new(hello.suite, master, random, *hello.random);
                    self.media = self.media_keys();
                }
            }
            _ => {}
        }
    }

    /// Octets of the id that records from `source` carry: that of the other end. Without addresses, or if the sender has
    /// moved, the length of that which fits.
    fn id_len(&self, source: SocketAddr, octets: &[u8]) -> usize {
        let [Some(client), Some(server)] = &self.wanted_ids else { return 0 };
        let wanted = if self.client == Some(source) { [server, client] } else { [client, server] };
        wanted.iter().find(|id| carries(octets, id)).unwrap_or(&wanted[0]).len()
    }

    /// Whether a datagram begins with an id that one of the ends wants to see.
    pub(super) fn is_named(&self, octets: &[u8]) -> bool {
        self.wanted_ids.iter().flatten().any(|id| carries(octets, id))
    }

    fn media_keys(&self) -> Option<[Receiver; 2]> {
        let profile = Profile::from_id(self.srtp?.0)?;
        let len = 2 * (profile.key_len() + profile.salt_len());
        let material = self.observer.as_ref()?.export("EXTRACTOR-dtls_srtp", len).ok()?;
        let (client, server) = split_keying_material(profile, &material).ok()?;
        Some([client, server].map(|key| Receiver::new(&key, ReceiverConfig::default())))
    }

    /// Decrypts a media packet: RTP, or RTCP. Nothing, where the keys are not known.
    pub(super) fn media(
        &mut self,
        source: SocketAddr,
        control: bool,
        octets: &[u8],
    ) -> Option<Result<Vec<u8>, UnprotectError>> {
        let roles = self.roles(source);
        let [client, server] = self.media.as_mut()?;
        let mut open = |role| {
            let receiver = if role == Role::Client { &mut *client } else { &mut *server };
            let mut copy = octets.to_vec();
            let plain =
                if control { receiver.unprotect_rtcp(&mut copy) } else { receiver.unprotect_rtp(&mut copy) };
            plain.map(|plain| plain.to_vec())
        };
        Some(open(roles[0]).or_else(|fault| open(roles[1]).map_err(|_| fault)))
    }

    /// Who speaks, and who may speak instead.
    fn roles(&self, source: SocketAddr) -> [Role; 2] {
        match self.client == Some(source) {
            true => [Role::Client, Role::Server],
            false => [Role::Server, Role::Client],
        }
    }
}

/// Whether the first record of a datagram carries this id.
fn carries(octets: &[u8], id: &[u8]) -> bool {
    !id.is_empty() && connection_id(octets, id.len()) == Some(id)
}

/// The id that an end wants to find in what comes.
fn wanted_id(extensions: &Extensions<'_>) -> Option<Vec<u8>> {
    let id = ConnectionId::parse(extensions.find(ExtensionType::CONNECTION_ID)?).ok()?;
    Some(id.octets().to_vec())
}

fn head(header: &Header) -> Tree {
    let mut tree = Tree::default();
    tree.add("type", header.content_type.0).note(header.content_type);
    tree.add("version", header.version.0).note(header.version);
    tree.add("epoch", header.epoch);
    tree.add("sequence_number", header.sequence);
    tree.add("length", header.length);
    tree
}

fn plain(tree: &mut Tree, kind: ContentType, content: &[u8]) {
    match kind {
        ContentType::ALERT => match Alert::parse(content) {
            Ok(alert) => {
                let mut inner = Tree::default();
                inner.add("level", alert.level as u8).note(format!("{:?}", alert.level));
                inner.add("description", alert.description.0).note(alert.description);
                tree.add("alert", inner).rfc("RFC 5246 section 7.2");
            }
            Err(fault) => {
                tree.add("content", content);
                tree.fault(HEADER_LEN + fault.offset, fault.kind);
            }
        },
        ContentType::CHANGE_CIPHER_SPEC => drop(tree.add("change_cipher_spec", content)),
        _ => drop(tree.add("content", content)),
    }
}

/// The fragments of a record, as far as they are whole.
fn fragments(mut content: &[u8]) -> impl Iterator<Item = (FragmentHeader, &[u8])> {
    std::iter::from_fn(move || {
        if content.is_empty() {
            return None;
        }
        let (header, body, rest) = FragmentHeader::parse(content).ok()?;
        content = rest;
        Some((header, body))
    })
}

fn message(header: &FragmentHeader, body: &[u8]) -> Tree {
    let mut tree = Tree::default();
    tree.add("msg_type", header.kind.0).note(header.kind);
    tree.add("length", header.total);
    tree.add("message_seq", header.sequence);
    tree.add("fragment_offset", header.offset);
    tree.add("fragment_length", header.length);
    if header.length == header.total {
        body_fields(&mut tree, header.kind, body);
    } else {
        tree.add("fragment", body);
    }
    tree
}

fn body_fields(tree: &mut Tree, kind: MessageType, body: &[u8]) {
    match Message::parse(kind, body) {
        Ok(Message::ClientHello(hello)) => {
            tree.add("client_version", hello.version.0).note(hello.version).rfc("RFC 6347 section 4.2.1");
            tree.add("random", &hello.random[..]);
            tree.add("session_id", hello.session_id);
            tree.add("cookie", hello.cookie);
            tree.add("cipher_suites", numbers(hello.suites))
                .note(names(hello.suites, |suite| CipherSuite(suite).to_string()));
            tree.add("compression_methods", hello.compression);
            tree.add("extensions", extensions(&hello.extensions));
        }
        Ok(Message::ServerHello(hello)) => {
            tree.add("server_version", hello.version.0).note(hello.version).rfc("RFC 5246 section 7.4.1.3");
            tree.add("random", &hello.random[..]);
            tree.add("session_id", hello.session_id);
            tree.add("cipher_suite", hello.suite.0).note(hello.suite);
            tree.add("compression_method", hello.compression);
            tree.add("extensions", extensions(&hello.extensions));
        }
        Ok(Message::HelloVerifyRequest(request)) => {
            tree.add("server_version", request.version.0).rfc("RFC 6347 section 4.2.1");
            tree.add("cookie", request.cookie);
        }
        Ok(Message::Certificate(chain)) => {
            tree.add("certificates", chain.iter().collect::<Value>()).rfc("RFC 5246 section 7.4.2");
        }
        Ok(Message::ServerKeyExchange(exchange)) => {
            tree.add("named_curve", exchange.group.0).note(exchange.group).rfc("RFC 8422 section 5.4");
            tree.add("public", exchange.public_key);
            tree.add("signature_algorithm", exchange.signed.scheme.0).note(exchange.signed.scheme);
            tree.add("signature", exchange.signed.signature);
        }
        Ok(Message::ClientKeyExchange(exchange)) => {
            tree.add("public", exchange.public_key).rfc("RFC 8422 section 5.7");
        }
        Ok(Message::PskServerKeyExchange(exchange)) => {
            tree.add("psk_identity_hint", exchange.hint).rfc("RFC 4279 section 2");
            if let Some((group, public_key)) = exchange.share {
                tree.add("named_curve", group.0).note(group).rfc("RFC 5489 section 2");
                tree.add("public", public_key);
            }
        }
        Ok(Message::PskClientKeyExchange(exchange)) => {
            tree.add("psk_identity", exchange.identity)
                .note(exchange.identity.escape_ascii())
                .rfc("RFC 4279 section 2");
            if let Some(public_key) = exchange.public_key {
                tree.add("public", public_key).rfc("RFC 5489 section 2");
            }
        }
        Ok(Message::CertificateRequest(request)) => {
            tree.add("certificate_types", request.certificate_types).rfc("RFC 5246 section 7.4.4");
            tree.add("signature_algorithms", numbers(request.signature_algorithms));
            tree.add("authorities", request.authorities);
        }
        Ok(Message::CertificateVerify(signed)) => {
            tree.add("signature_algorithm", signed.scheme.0)
                .note(signed.scheme)
                .rfc("RFC 5246 section 7.4.8");
            tree.add("signature", signed.signature);
        }
        Ok(Message::Finished(finished)) => {
            tree.add("verify_data", &finished.verify_data[..]).rfc("RFC 5246 section 7.4.9");
        }
        Ok(_) => drop(tree.add("body", body)),
        // The message may be of a key exchange that is not implemented: its octets are shown all the same.
        Err(fault) => {
            tree.add("body", body);
            tree.fault(fault.offset, fault.kind);
        }
    }
}

fn numbers(list: U16List<'_>) -> Value {
    list.iter().collect()
}

fn names(list: U16List<'_>, name: impl Fn(u16) -> String) -> String {
    list.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn extensions(extensions: &Extensions<'_>) -> Value {
    let one = |(kind, data): (ExtensionType, &[u8])| {
        let mut tree = Tree::default();
        tree.add("type", kind.0).note(kind);
        tree.add("data", data);
        if kind == ExtensionType::USE_SRTP
            && let Ok(srtp) = UseSrtp::parse(data)
        {
            let field = tree.add("profiles", numbers(srtp.profiles));
            field
                .note(names(srtp.profiles, |profile| SrtpProfile(profile).to_string()))
                .rfc("RFC 5764 section 4.1.1");
        }
        tree
    };
    extensions.iter().map(one).collect()
}
