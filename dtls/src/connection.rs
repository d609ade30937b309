//! The connection: the five verbs, and what they have in common.

mod address;
mod receive;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::CryptoRng;
use zeroize::Zeroizing;

use self::address::PeerAddress;
use crate::alert::{Alert, AlertDescription, AlertLevel};
use crate::config::Config;
use crate::context::{Allowance, Context, Keyed, Step};
use crate::error::{ExportError, SealError};
use crate::event::{CloseReason, Connected, Event, Events};
use crate::gate::Admission;
use crate::handshake::MessageType;
use crate::input::{Input, Payloads, RecordQueue};
use crate::keys::{Role, Transcript};
use crate::reassembly::{Reassembly, Whole};
use crate::record::{ContentType, Version};
use crate::session::Session;
use crate::srtp::SrtpKeys;
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

/// The least datagram that is worth a part of a limited allowance.
const LEAST_DATAGRAM: usize = 128;

/// A round trip measured may be much shorter than the time that a peer takes to sign.
const LEAST_SEEDED_TIMEOUT: Duration = Duration::from_millis(50);

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

impl Side {
    const fn name(&self) -> &'static str {
        match self {
            Self::Client(state) => state.name(),
            Self::Server(state) => state.name(),
        }
    }
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
    /// Payload from before the Finished, now due.
    ripe: RecordQueue,
    address: PeerAddress,
    /// An alert that ends nothing and is to be sent: the last such one.
    notice: Option<Alert>,
    events: Events,
    stats: Stats,
}

impl Connection {
    /// A connection that begins its handshake at once. `rng` seeds its own generator, from which randoms and keys are
    /// drawn. It is closed from the start if none of [`Config::suites`] is implemented.
    pub fn new(mut config: Config, rng: &mut impl CryptoRng) -> Self {
        config.retain_supported();
        let role = config.role;
        let reassembly = Reassembly::new(config.max_handshake_buffer);
        let mut context = Context::new(config, rng);
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
        let mut connection = Self {
            stage: Stage::Handshake(Box::new(handshake)),
            context,
            ripe: RecordQueue::default(),
            address: PeerAddress::default(),
            notice: None,
            events: Events::default(),
            stats: Stats::default(),
        };
        if connection.context.config.suites.is_empty() {
            connection.end(CloseReason::NothingInCommon("cipher suite"), None);
        }
        connection
    }

    /// A server's connection for a client that a [`crate::CookieGate`] has let in. It is then to be given the datagram
    /// that opened the gate.
    pub fn admitted(mut config: Config, admission: Admission, rng: &mut impl CryptoRng) -> Self {
        config.address_validated = true;
        let mut connection = Self::new(config, rng);
        if let Stage::Handshake(handshake) = &mut connection.stage
            && matches!(handshake.state, Side::Server(_))
        {
            handshake.reassembly.begin_with(admission.message_sequence, admission.partial);
            connection.context.flight.begin_with(admission.message_sequence);
        }
        connection
    }

    /// A datagram came in. Payload is decrypted where it lies; what else the datagram has is dealt with before this
    /// returns, and its octets mean nothing afterwards.
    pub fn handle_input<'a>(&'a mut self, now: Instant, datagram: &'a mut [u8]) -> Input<'a> {
        self.receive(now, None, datagram)
    }

    /// The same, by who knows where the datagram came from, and wants to know when the peer moves: then there is
    /// [`Event::PeerMoved`], if the peer's records carry a connection id.
    pub fn handle_input_from<'a>(
        &'a mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Input<'a> {
        self.receive(now, Some(source), datagram)
    }

    fn receive<'a>(
        &'a mut self,
        now: Instant,
        source: Option<SocketAddr>,
        datagram: &'a mut [u8],
    ) -> Input<'a> {
        // RFC 7983 section 7: the range that the first octet has on a port shared with others.
        if !datagram.first().is_some_and(|first| (20..=63).contains(first)) {
            return Input::NotMine;
        }
        let now = self.advance(now);
        if matches!(self.stage, Stage::Closing(_) | Stage::Closed) {
            return Input::Consumed;
        }
        self.stats.datagrams += 1;
        self.address.arrived(source);
        self.ripe.clear();
        self.start_deadline(now);
        if let Allowance::Octets(octets) = &mut self.context.allowance {
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
            // Nothing comes back to a client whose Finished cannot be opened; a server gets one that it cannot open.
            let heard = self.role() == Role::Client || self.stats.dropped_forged > 0;
            let reason = if handshake.tries_shared_key() && heard {
                CloseReason::KeysDiffer { unauthenticated_alert }
            } else {
                CloseReason::Timeout { unauthenticated_alert }
            };
            self.end(reason, None);
        } else if self.context.flight.handle_timeout(now) {
            self.stats.timeouts += 1;
        }
    }

    /// Appends the next datagram of the handshake, or an alert, to `out`. Payload does not come this way: see
    /// [`Connection::seal`].
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let start = out.len();
        let limit = match self.context.allowance {
            Allowance::Unlimited => usize::MAX,
            Allowance::Octets(octets) if octets >= LEAST_DATAGRAM => octets,
            Allowance::Octets(_) => 0,
        };
        match self.stage {
            Stage::Handshake(_) | Stage::Connected(_) => match self.notice.take_if(|_| limit > 0) {
                Some(alert) => self.put_alert(alert, out),
                None => {
                    self.context.flight.write(now, &mut self.context.layer, limit, out);
                }
            },
            Stage::Closing(alert) => {
                if limit > 0 {
                    self.put_alert(alert, out);
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
        if let Allowance::Octets(octets) = &mut self.context.allowance {
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
            Stage::Handshake(_) | Stage::Connected(_) => {
                self.end(CloseReason::Local, Some(Alert::CLOSE_NOTIFY));
            }
        }
    }

    /// Sets the greatest datagram that the handshake sends from now on; octets, 256 to 65507. See
    /// [`Config::path_mtu`].
    pub fn set_path_mtu(&mut self, path_mtu: usize) {
        self.context.flight.set_mtu(path_mtu);
    }

    /// The path's round trip is known, as ICE knows it: the first timer becomes twice as much, 50 ms to 60 s, also that of
    /// a flight under way that was sent once. See [`Config::initial_timeout`], which this replaces.
    pub fn set_round_trip(&mut self, now: Instant, round_trip: Duration) {
        let now = self.advance(now);
        self.context.flight.set_initial_timeout(now, round_trip.saturating_mul(2).max(LEAST_SEEDED_TIMEOUT));
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

    /// Octets that [`Connection::seal`] needs in front of a payload: header, connection id and explicit nonce, as far as the
    /// handshake has agreed on them. It is settled once connected.
    pub const fn headroom(&self) -> usize {
        self.context.layer.headroom()
    }

    /// The connection id that the peer's protected records carry; empty if they carry none.
    pub const fn connection_id(&self) -> &[u8] {
        self.context.layer.terms().read_id.octets()
    }

    /// Octets of the longest payload that [`Connection::seal`] takes: 16384, or what the peer has set.
    pub fn max_payload(&self) -> usize {
        self.context.layer.terms().content_limit()
    }

    /// Octets that [`Connection::seal`] appends to a payload: the tag, and the type if the record carries a connection id.
    pub const fn tailroom(&self) -> usize {
        self.context.layer.tailroom()
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
        //= rfc7627#5.4-2
        if !keyed.negotiated.extended {
            return Err(ExportError::NoExtendedMasterSecret);
        }
        keyed.master.export(&keyed.negotiated.randoms, label, context, out)
    }

    /// The name of the protocol above that both ends agreed on; `None` until connected, or without one. RFC 7301.
    pub fn application_protocol(&self) -> Option<&[u8]> {
        let Stage::Connected(keyed) = &self.stage else { return None };
        let names = &self.context.config.application_protocols;
        names.get(keyed.negotiated.protocol?).map(Vec::as_slice)
    }

    /// The DNS name by which the client called us; `None` until connected, on the client's side, or without one. RFC 6066
    /// section 3.
    pub fn server_name(&self) -> Option<&str> {
        let Stage::Connected(keyed) = &self.stage else { return None };
        keyed.negotiated.server_name.as_deref()
    }

    /// The identity of the pre-shared key that both ends have shown to have: on the server's side, who the client is; `None`
    /// until connected, and where certificates showed it. RFC 4279.
    pub fn psk_identity(&self) -> Option<&str> {
        let Stage::Connected(keyed) = &self.stage else { return None };
        keyed.shared.as_ref().map(|shared| shared.identity.as_str())
    }

    /// The session, for the next connection to the same server; `None` until connected, on the server's side, unless
    /// [`Config::keep_session`] says so or it was taken up here, and where the server does not allow it. RFC 5246 section 7.3.
    pub fn session(&self) -> Option<Session> {
        let is_ours = matches!(self.stage, Stage::Connected(_)) && self.role() == Role::Client;
        self.context.session.clone().filter(|_| is_ours)
    }

    /// The keys for SRTP; `None` unless connected with a profile agreed on. RFC 5764 section 4.2.
    pub fn srtp_keys(&self) -> Option<SrtpKeys> {
        let profile = self.connected()?.srtp_profile?;
        let (key_len, salt_len) = profile.key_and_salt_len()?;
        let mut material = Zeroizing::new(vec![0; 2 * (key_len + salt_len)]);
        self.export("EXTRACTOR-dtls_srtp", None, &mut material).ok()?;
        let Stage::Connected(keyed) = &self.stage else { return None };
        Some(SrtpKeys::split(profile, self.role(), &material, key_len, &keyed.negotiated.mki))
    }
}

impl Connection {
    /// The end: an alert, if there is one, is all that follows.
    fn end(&mut self, reason: CloseReason, alert: Option<Alert>) {
        if matches!(self.stage, Stage::Closing(_)) {
            return;
        }
        let is_fatal = alert.is_some_and(|alert| alert.level == AlertLevel::Fatal);
        if let Some(session) = &self.context.session
            && (is_fatal || matches!(reason, CloseReason::PeerAlert(_)))
        {
            session.end();
        }
        self.context.flight.clear();
        self.context.transcript = Transcript::default();
        self.events.closed(reason);
        match alert {
            Some(alert) => self.stage = Stage::Closing(alert),
            None => self.bury(),
        }
    }

    fn put_alert(&mut self, alert: Alert, out: &mut Vec<u8>) {
        let (epoch, layer) = (self.context.layer.write_epoch(), &mut self.context.layer);
        layer.put(epoch, ContentType::ALERT, Version::DTLS_1_2, out, |out| alert.encode(out));
    }

    fn bury(&mut self) {
        self.context.layer.clear();
        self.stage = Stage::Closed;
    }

    /// Time never goes back.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.context.now.map_or(now, |newest| newest.max(now));
        self.context.now = Some(now);
        now
    }

    /// The handshake's time begins with the first datagram. What is too long for the clock never ends.
    fn start_deadline(&mut self, now: Instant) {
        let timeout = self.context.config.handshake_timeout.max(Duration::from_millis(1));
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.deadline = handshake.deadline.or_else(|| now.checked_add(timeout));
        }
    }
}

impl Handshake {
    /// Whether we are a server that nobody has told anything sensible.
    const fn waits_for_hello(&self) -> bool {
        matches!(self.state, Side::Server(server::State::ClientHello))
    }

    /// Whether only the peer's Finished is missing.
    const fn waits_for_finished(&self) -> bool {
        matches!(
            self.state,
            Side::Client(client::State::Finished(_) | client::State::Resumed(_))
                | Side::Server(server::State::Finished(_) | server::State::Resumed(_))
        )
    }

    /// Whether keys were made of a pre-shared key, and nothing has shown yet that the peer has it too.
    fn tries_shared_key(&self) -> bool {
        let (Side::Client(client::State::Finished(keyed)) | Side::Server(server::State::Finished(keyed))) =
            &self.state
        else {
            return false;
        };
        keyed.shared.is_some() && self.early.is_empty()
    }

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
            suite: self.negotiated.suite.id,
            group: self.group,
            srtp_profile: self.negotiated.srtp_profile,
            peer_fingerprint: self.peer_fingerprint,
            resumed: self.resumed,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match &self.stage {
            Stage::Handshake(handshake) => handshake.state.name(),
            Stage::Connected(_) => "connected",
            Stage::Closing(_) => "closing",
            Stage::Closed => "closed",
        };
        write!(f, "Connection({:?}, {stage})", self.role())
    }
}

#[cfg(test)]
mod tests;
