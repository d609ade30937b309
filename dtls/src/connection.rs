//! The connection: the five verbs, and the way of a record through it.

use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};
use zeroize::Zeroizing;

use crate::alert::{Alert, AlertDescription, AlertLevel};
use crate::config::Config;
use crate::context::{Context, Keyed, Step, alert_for};
use crate::error::{ExportError, SealError};
use crate::event::{CloseReason, Connected, Event, Events};
use crate::extension::SrtpProfile;
use crate::flight::Flight;
use crate::handshake::{FragmentHeader, MessageType};
use crate::input::{Input, Payloads, RecordQueue, hide};
use crate::keys::{Role, Transcript};
use crate::layer::{HEADROOM, RecordLayer, Refused, TAILROOM};
use crate::reassembly::{Fate, Reassembly, Whole};
use crate::record::{ContentType, HEADER_LEN, Header, MAX_PLAINTEXT_LEN, Version};
use crate::stats::Stats;
use crate::{client, server};

/// A datagram to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// ECN codepoint, 0 to 3; always 0 (not ECN-capable).
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0 (default forwarding).
    pub dscp: u8,
}

/// The keys for SRTP that a handshake gave; RFC 5764 section 4.2. Each is wiped when dropped.
#[derive(Clone)]
pub struct SrtpKeys {
    /// The profile agreed on.
    pub profile: SrtpProfile,
    /// What we send with.
    pub local: SrtpKey,
    /// What we receive with.
    pub remote: SrtpKey,
}

/// A master key with its salt.
#[derive(Clone)]
pub struct SrtpKey {
    /// The master key.
    pub key: Zeroizing<Vec<u8>>,
    /// The master salt.
    pub salt: Zeroizing<Vec<u8>>,
}

/// The least datagram that is worth a part of a limited allowance.
const LEAST_DATAGRAM: usize = 128;

/// What may be sent to an address that is not proven; RFC 6347 section 4.2.1 leaves it to cookies, which a hello in
/// fragments cannot have, so we count.
#[derive(Debug, Clone, Copy)]
enum Allowance {
    Unlimited,
    /// Octets that may still be sent: three for each that came.
    Octets(usize),
}

/// A handshake under way: the state of our side, and what came and cannot be used yet.
struct Handshake {
    state: Side,
    reassembly: Reassembly,
    /// The peer's ChangeCipherSpec has come: its Finished may be read.
    changed: bool,
    /// Protected records that came before the keys.
    locked: RecordQueue,
    /// Payload that came before the Finished, authenticated and decrypted.
    early: RecordQueue,
    /// When it must be complete.
    deadline: Option<Instant>,
    unauthenticated_alert: Option<AlertDescription>,
}

enum Side {
    Client(client::State),
    Server(server::State),
}

enum Stage {
    Handshake(Box<Handshake>),
    Connected(Box<Keyed>),
    /// An alert is to be sent, and then nothing any more.
    Closing(Alert),
    Closed,
}

/// One end of a DTLS 1.2 connection (RFC 6347): a machine that is told the time and the datagrams.
pub struct Connection {
    stage: Stage,
    context: Context,
    allowance: Allowance,
    /// Payload from before the Finished, now due.
    ripe: RecordQueue,
    now: Option<Instant>,
    events: Events,
    stats: Stats,
}

impl Connection {
    /// A connection that begins its handshake at once. `rng` seeds its own generator, from which randoms and keys are
    /// drawn.
    pub fn new(config: Config, rng: &mut impl CryptoRng) -> Self {
        let role = config.role;
        let reassembly = Reassembly::new(config.max_handshake_buffer);
        let unlimited = role == Role::Client || config.address_validated;
        let mut context = Context {
            flight: Flight::new(config.initial_timeout, config.path_mtu),
            rng: ChaCha20Rng::from_rng(rng),
            layer: RecordLayer::default(),
            transcript: Transcript::default(),
            config,
        };
        let state = match role {
            Role::Client => Side::Client(client::State::start(&mut context)),
            Role::Server => Side::Server(server::State::ClientHello),
        };
        let handshake = Handshake {
            state,
            reassembly,
            changed: false,
            locked: RecordQueue::default(),
            early: RecordQueue::default(),
            deadline: None,
            unauthenticated_alert: None,
        };
        Self {
            stage: Stage::Handshake(Box::new(handshake)),
            context,
            allowance: if unlimited { Allowance::Unlimited } else { Allowance::Octets(0) },
            ripe: RecordQueue::default(),
            now: None,
            events: Events::default(),
            stats: Stats::default(),
        }
    }

    /// A datagram came in. Payload is decrypted where it lies; what else the datagram has is dealt with before this
    /// returns.
    pub fn handle_input<'a>(&'a mut self, now: Instant, datagram: &'a mut [u8]) -> Input<'a> {
        // RFC 7983 section 7: the range that the first octet has on a port shared with others.
        if !datagram.first().is_some_and(|first| (20..=63).contains(first)) {
            return Input::NotMine;
        }
        let now = self.advance(now);
        self.stats.datagrams += 1;
        self.ripe.clear();
        self.start_deadline(now);
        if let Allowance::Octets(octets) = &mut self.allowance {
            *octets = octets.saturating_add(datagram.len().saturating_mul(3));
        }
        let opened = self.stats.records_opened;
        let walked = self.walk(now, datagram, true);
        self.unlock(now);
        if self.stats.records_opened == opened {
            return Input::Consumed;
        }
        Input::Payload(Payloads::new(self.ripe.bytes_mut(), &mut datagram[..walked]))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        let Stage::Handshake(handshake) = &self.stage else { return };
        if handshake.deadline.is_some_and(|deadline| deadline <= now) {
            let unauthenticated_alert = handshake.unauthenticated_alert;
            self.end(CloseReason::Timeout { unauthenticated_alert }, None);
        } else if self.context.flight.handle_timeout(now) {
            self.stats.timeouts += 1;
        }
    }

    /// Appends the next datagram of the handshake, or an alert, to `out`. Payload does not come this way: see
    /// [`Connection::seal`].
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let start = out.len();
        let limit = match self.allowance {
            Allowance::Unlimited => usize::MAX,
            Allowance::Octets(octets) if octets >= LEAST_DATAGRAM => octets,
            Allowance::Octets(_) => 0,
        };
        match self.stage {
            Stage::Handshake(_) | Stage::Connected(_) => {
                self.context.flight.write(now, &mut self.context.layer, limit, out);
            }
            Stage::Closing(alert) => {
                if limit > 0 {
                    let (epoch, layer) = (self.context.layer.write_epoch(), &mut self.context.layer);
                    layer.put(epoch, ContentType::ALERT, Version::DTLS_1_2, out, |out| alert.encode(out));
                }
                self.bury();
            }
            Stage::Closed => {}
        }
        let len = out.len() - start;
        if len == 0 {
            return None;
        }
        self.start_deadline(now);
        if let Allowance::Octets(octets) = &mut self.allowance {
            *octets = octets.saturating_sub(len);
        }
        self.stats.datagrams_sent += 1;
        Some(Transmit { len, ecn: 0, dscp: 0 })
    }

    /// Makes a record of the payload that stands at `at..` in `out`, where it stands. The [`Connection::headroom`] octets
    /// in front of it are overwritten, and [`Connection::tailroom`] octets are appended. The record is a datagram of
    /// its own.
    ///
    /// # Errors
    /// See [`SealError`]; `out` is then as it was.
    pub fn seal(&mut self, now: Instant, out: &mut Vec<u8>, at: usize) -> Result<(), SealError> {
        self.advance(now);
        match self.stage {
            Stage::Connected(_) => {}
            Stage::Handshake(_) => return Err(SealError::NotConnected),
            Stage::Closing(_) | Stage::Closed => return Err(SealError::Closed),
        }
        let sealed = self.context.layer.seal(ContentType::APPLICATION_DATA, out, at);
        match sealed {
            Ok(()) => self.stats.records_sealed += 1,
            Err(SealError::KeysExhausted) => self.end(CloseReason::KeysExhausted, None),
            Err(_) => {}
        }
        sealed
    }

    /// The next state change.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Ends the connection: tells the peer with the next [`Connection::poll_transmit`], if anything was sent before.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        match self.stage {
            Stage::Closing(_) | Stage::Closed => {}
            Stage::Handshake(_) if self.context.layer.is_silent() => self.end(CloseReason::Local, None),
            Stage::Handshake(_) | Stage::Connected(_) => self.end(CloseReason::Local, Some(Alert::CLOSE_NOTIFY)),
        }
    }

    /// Sets the greatest datagram that the handshake sends from now on; octets, 256 to 65507. See
    /// [`Config::path_mtu`].
    pub fn set_path_mtu(&mut self, path_mtu: usize) {
        self.context.flight.set_mtu(path_mtu);
    }

    /// When to call [`Connection::handle_timeout`]; `None` means that no timer runs.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Stage::Handshake(handshake) = &self.stage else { return None };
        [handshake.deadline, self.context.flight.deadline()].into_iter().flatten().min()
    }

    /// Whether it is over: nothing comes out any more.
    pub const fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// What the handshake agreed on; `None` before it is complete and after the end.
    pub fn connected(&self) -> Option<Connected> {
        let Stage::Connected(keyed) = &self.stage else { return None };
        Some(keyed.connected())
    }

    /// Which end this is.
    pub const fn role(&self) -> Role {
        self.context.config.role
    }

    /// Octets that [`Connection::seal`] needs in front of a payload: header and explicit nonce.
    #[expect(clippy::unused_self, reason = "other suites need other amounts")]
    pub const fn headroom(&self) -> usize {
        HEADROOM
    }

    /// Octets that [`Connection::seal`] appends to a payload: the tag.
    #[expect(clippy::unused_self, reason = "other suites need other amounts")]
    pub const fn tailroom(&self) -> usize {
        TAILROOM
    }

    /// The counters.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Fills `out` with keying material for another protocol, bound to this connection; RFC 5705. An absent context and
    /// an empty one give different keys.
    ///
    /// # Errors
    /// See [`ExportError`]; `out` is then as it was.
    pub fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), ExportError> {
        let Stage::Connected(keyed) = &self.stage else { return Err(ExportError::NotConnected) };
        keyed.master.export(&keyed.negotiated.randoms, label, context, out)
    }

    /// The keys for SRTP; `None` unless connected with a profile agreed on. RFC 5764 section 4.2.
    pub fn srtp_keys(&self) -> Option<SrtpKeys> {
        let profile = self.connected()?.srtp_profile?;
        let (key_len, salt_len) = profile.key_and_salt_len()?;
        let mut material = Zeroizing::new(vec![0; 2 * (key_len + salt_len)]);
        self.export("EXTRACTOR-dtls_srtp", None, &mut material).ok()?;
        let (keys, salts) = material.split_at(2 * key_len);
        let part = |end: usize| SrtpKey {
            key: Zeroizing::new(keys[key_len * end..key_len * (end + 1)].to_vec()),
            salt: Zeroizing::new(salts[salt_len * end..salt_len * (end + 1)].to_vec()),
        };
        let (client, server) = (part(0), part(1));
        Some(match self.role() {
            Role::Client => SrtpKeys { profile, local: client, remote: server },
            Role::Server => SrtpKeys { profile, local: server, remote: client },
        })
    }
}

/// The way of a record.
impl Connection {
    /// Deals with each record, and hides those that are not payload due now, so that [`Payloads`] finds the others.
    /// Returns the octets of all whole records. Payload that is not in the caller's datagram has to be kept.
    fn walk(&mut self, now: Instant, records: &mut [u8], is_datagram: bool) -> usize {
        let mut at = 0;
        while at < records.len() {
            let header = Header::parse(&records[at..]);
            let record = header.ok().and_then(|header| Some((header, records[at..].get_mut(..header.record_len())?)));
            let Some((header, record)) = record else {
                // Nothing says where the next record begins.
                self.stats.dropped_malformed += 1;
                break;
            };
            at += record.len();
            match header.epoch {
                0 => self.plaintext_record(now, &header, &record[HEADER_LEN..]),
                1 if header.version == Version::DTLS_1_2 => {
                    if self.protected_record(now, &header, record) {
                        if is_datagram && matches!(self.stage, Stage::Connected(_)) {
                            self.stats.records_opened += 1;
                            continue;
                        }
                        self.keep(record);
                    }
                }
                1 => self.stats.dropped_malformed += 1,
                _ => self.stats.dropped_epoch += 1,
            }
            hide(record);
        }
        at
    }

    /// Keeps authentic payload that cannot be handed out where it lies.
    fn keep(&mut self, record: &[u8]) {
        let kept = match &mut self.stage {
            Stage::Handshake(handshake) => handshake.early.push(record),
            Stage::Connected(_) => {
                let kept = self.ripe.push(record);
                self.stats.records_opened += u64::from(kept);
                kept
            }
            Stage::Closing(_) | Stage::Closed => false,
        };
        self.stats.dropped_limit += u64::from(!kept);
    }

    /// Deals with the protected records that came before the keys, once there are keys.
    fn unlock(&mut self, now: Instant) {
        if !self.context.layer.has_keys() {
            return;
        }
        if let Stage::Handshake(handshake) = &mut self.stage
            && !handshake.locked.is_empty()
        {
            let mut locked = std::mem::take(&mut handshake.locked);
            self.walk(now, locked.bytes_mut(), false);
        }
    }

    /// A record that anybody can have sent.
    fn plaintext_record(&mut self, now: Instant, header: &Header, content: &[u8]) {
        let Stage::Handshake(handshake) = &mut self.stage else {
            if header.content_type == ContentType::ALERT {
                self.stats.unauthenticated_alerts += 1;
            }
            self.stats.dropped_plaintext += 1;
            return;
        };
        match header.content_type {
            ContentType::HANDSHAKE => self.fragments(now, header.epoch, content),
            ContentType::CHANGE_CIPHER_SPEC if content == [1] => {
                handshake.changed = true;
                self.step();
            }
            ContentType::CHANGE_CIPHER_SPEC => self.stats.dropped_malformed += 1,
            ContentType::ALERT => self.alert(content, false),
            _ => self.stats.dropped_plaintext += 1,
        }
    }

    /// A record under the keys. Says whether it is authentic payload.
    fn protected_record(&mut self, now: Instant, header: &Header, record: &mut [u8]) -> bool {
        if !self.context.layer.has_keys() {
            match &mut self.stage {
                // A server cannot send with keys before we have them too.
                Stage::Handshake(handshake) if self.context.config.role == Role::Server => {
                    if !handshake.locked.push(record) {
                        self.stats.dropped_limit += 1;
                    }
                }
                _ => self.stats.dropped_epoch += 1,
            }
            return false;
        }
        let plaintext = match self.context.layer.open(header, &mut record[HEADER_LEN..]) {
            Ok(plaintext) => &*plaintext,
            Err(refused) => {
                self.refuse(refused);
                return false;
            }
        };
        self.allowance = Allowance::Unlimited;
        if plaintext.len() > MAX_PLAINTEXT_LEN {
            self.stats.dropped_malformed += 1;
            return false;
        }
        match header.content_type {
            ContentType::APPLICATION_DATA if plaintext.is_empty() => self.stats.empty_records += 1,
            ContentType::APPLICATION_DATA => return true,
            ContentType::HANDSHAKE => self.fragments(now, header.epoch, plaintext),
            ContentType::ALERT => self.alert(plaintext, true),
            _ => self.stats.dropped_unexpected += 1,
        }
        false
    }

    fn refuse(&mut self, refused: Refused) {
        match refused {
            Refused::NoKeys => self.stats.dropped_epoch += 1,
            Refused::Replay => self.stats.dropped_replay += 1,
            Refused::Forged => self.stats.dropped_forged += 1,
            Refused::Exhausted => {
                self.stats.dropped_forged += 1;
                self.end(CloseReason::KeysExhausted, None);
            }
        }
    }

    /// The fragments of messages in a record.
    fn fragments(&mut self, now: Instant, epoch: u16, mut content: &[u8]) {
        while !content.is_empty() {
            let Ok((header, fragment, rest)) = FragmentHeader::parse(content) else {
                self.stats.dropped_malformed += 1;
                return;
            };
            content = rest;
            let Stage::Handshake(handshake) = &mut self.stage else {
                self.late_fragment(now, epoch, &header);
                continue;
            };
            // The keys protect Finished and nothing else.
            if (header.kind == MessageType::FINISHED) != (epoch == 1) {
                self.stats.dropped_unexpected += 1;
                continue;
            }
            match handshake.reassembly.insert(&header, fragment) {
                Fate::Kept => self.step(),
                Fate::Old => {
                    self.stats.dropped_duplicate += 1;
                    self.repeated(now, &header);
                }
                Fate::Refused => self.stats.dropped_fragment += 1,
                Fate::NoRoom => self.stats.dropped_limit += 1,
            }
        }
    }

    /// After the handshake: the peer's Finished again says that ours was lost. A second handshake does not exist.
    fn late_fragment(&mut self, now: Instant, epoch: u16, header: &FragmentHeader) {
        if epoch == 1 && header.kind == MessageType::FINISHED {
            self.stats.dropped_duplicate += 1;
            self.repeated(now, header);
        } else {
            self.stats.dropped_unexpected += 1;
        }
    }

    /// The end of a message came again.
    fn repeated(&mut self, now: Instant, header: &FragmentHeader) {
        let ends = header.offset + header.length == header.total;
        if ends && self.context.flight.handle_repeat(now, header.sequence) {
            self.stats.repeats_answered += 1;
        }
    }

    /// Hands whole messages to the state, which is consumed and gives the next one.
    fn step(&mut self) {
        while let Stage::Handshake(handshake) = &mut self.stage {
            let Some(message) = handshake.next_message() else { return };
            // It means nothing during a handshake, and is in no transcript; RFC 5246 section 7.4.1.1.
            if message.kind == MessageType::HELLO_REQUEST && self.context.config.role == Role::Client {
                self.stats.dropped_unexpected += 1;
                continue;
            }
            let Stage::Handshake(mut handshake) = std::mem::replace(&mut self.stage, Stage::Closed) else { return };
            let context = &mut self.context;
            let step = match handshake.state {
                Side::Client(state) => state.handle(context, &message).map(|step| step.map(Side::Client)),
                Side::Server(state) => state.handle(context, &message).map(|step| step.map(Side::Server)),
            };
            match step {
                Ok(Step::Next(state)) => {
                    handshake.state = state;
                    self.stage = Stage::Handshake(handshake);
                }
                Ok(Step::Done(keyed)) => self.complete(keyed, handshake.early),
                Err(reason) => self.end(reason, alert_for(reason).map(Alert::fatal)),
            }
        }
    }

    fn complete(&mut self, keyed: Keyed, early: RecordQueue) {
        // The client's last flight is answered; the server's may be asked for again.
        if self.role() == Role::Client {
            self.context.flight.clear();
        }
        self.context.transcript = Transcript::default();
        self.stats.records_opened += early.count();
        self.ripe = early;
        self.events.connected(keyed.connected());
        self.stage = Stage::Connected(Box::new(keyed));
    }

    fn alert(&mut self, content: &[u8], authentic: bool) {
        let Ok(alert) = Alert::parse(content) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let is_close = alert.description == AlertDescription::CLOSE_NOTIFY;
        if !authentic && self.context.layer.has_keys() {
            self.stats.unauthenticated_alerts += 1;
            if let Stage::Handshake(handshake) = &mut self.stage
                && alert.level == AlertLevel::Fatal
            {
                handshake.unauthenticated_alert = Some(alert.description);
            }
        } else if is_close {
            //= rfc5246#7.2.1-1
            self.end(CloseReason::Peer, authentic.then_some(Alert::CLOSE_NOTIFY));
        } else if alert.level == AlertLevel::Fatal {
            self.end(CloseReason::PeerAlert(alert.description), None);
        }
    }

    /// The end: an alert, if there is one, is all that follows.
    fn end(&mut self, reason: CloseReason, alert: Option<Alert>) {
        if matches!(self.stage, Stage::Closing(_)) {
            return;
        }
        self.context.flight.clear();
        self.events.closed(reason);
        match alert {
            Some(alert) => self.stage = Stage::Closing(alert),
            None => self.bury(),
        }
    }

    fn bury(&mut self) {
        self.context.layer.clear();
        self.stage = Stage::Closed;
    }

    /// Time never goes back.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |newest| newest.max(now));
        self.now = Some(now);
        now
    }

    /// The handshake's time begins with the first datagram.
    fn start_deadline(&mut self, now: Instant) {
        let timeout = self.context.config.handshake_timeout.max(Duration::from_millis(1));
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.deadline.get_or_insert_with(|| now + timeout);
        }
    }
}

impl Handshake {
    /// The next message, if it is whole. A Finished waits for the ChangeCipherSpec in front of it.
    fn next_message(&mut self) -> Option<Whole> {
        if self.reassembly.peek()? == MessageType::FINISHED && !self.changed {
            return None;
        }
        self.reassembly.pop()
    }
}

impl<S> Step<S> {
    fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Step<T> {
        match self {
            Self::Next(state) => Step::Next(wrap(state)),
            Self::Done(keyed) => Step::Done(keyed),
        }
    }
}

impl Keyed {
    fn connected(&self) -> Connected {
        Connected {
            suite: self.negotiated.suite,
            group: self.group,
            srtp_profile: self.negotiated.srtp_profile,
            peer_fingerprint: self.peer_fingerprint,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match self.stage {
            Stage::Handshake(_) => "handshake",
            Stage::Connected(_) => "connected",
            Stage::Closing(_) => "closing",
            Stage::Closed => "closed",
        };
        write!(f, "Connection({:?}, {stage})", self.role())
    }
}
