//! A WebRTC peer: the seven crates composed, without a socket or a clock.
//!
//! This is the part to copy. It is a machine like those it is made of: datagrams and the time go in, datagrams come out.
//!
//! ```text
//!            handle_input                                  poll_transmit
//!  datagram ──► ice ──► dtls ──► sctp ──► messages     messages ──► sctp ──► dtls ─┐
//!                 └───► srtp ──► rtp ──► frames          frames ──► rtp ──► srtp ──┴─► ice's route ──► datagram
//! ```

mod media;
mod signal;
mod trace;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nomagic_dtls::{Connection, Identity, KeyLog, SrtpProfile};
use nomagic_ice::demux::Class;
use nomagic_ice::{Agent, Config as IceConfig, Role as IceRole, Route};
use nomagic_rtp::{Session, SessionConfig, is_rtcp};
use nomagic_sctp::channel::{ChannelEvent, Channels, Role as SctpRole};
use nomagic_sdp::Negotiator;
use nomagic_sdp::attribute::Setup;
use nomagic_srtp::{Profile, Receiver, ReceiverConfig, Sender, split_keying_material};
use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, RngExt, SeedableRng};

pub use media::{Medium, ReceivedFrame};
pub use signal::SignalError;
pub use trace::{Layer, Trace};

use media::MediaPath;
use trace::Tracer;

/// How a peer is made.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// Its certificate; made once, shared by all peers of a program.
    pub identity: Arc<Identity>,
    /// It makes the first offer, and so controls ICE.
    pub offering: bool,
    /// SRTP profiles, the first choice first.
    pub profiles: Vec<SrtpProfile>,
    /// Gets the secrets of the handshake, for Wireshark.
    pub key_log: Option<KeyLog>,
    /// Describes packets as they pass, for the ladder; costs time.
    pub trace: bool,
    /// Octets of the largest datagram to send.
    pub mtu: usize,
    /// Only loopback addresses of the other side are tried, so that nobody can aim checks at inner networks.
    pub loopback_only: bool,
    /// Sends in the sections too that only the other side has asked for.
    pub return_media: bool,
    /// Settings of the data channels; the MTU is filled in.
    pub data: nomagic_sctp::Config,
}

impl PeerConfig {
    /// A peer with the given certificate and defaults for the rest.
    pub fn new(identity: Arc<Identity>, offering: bool) -> Self {
        let profiles = vec![
            SrtpProfile::AEAD_AES_128_GCM,
            SrtpProfile::AEAD_AES_256_GCM,
            SrtpProfile::AES128_CM_HMAC_SHA1_80,
        ];
        let mut data = nomagic_sctp::Config::default();
        // Nobody has measured the path yet, and a retransmission before the first round trip is over costs the window.
        data.rto_initial = Duration::from_secs(1);
        // Long enough for a lost SHUTDOWN COMPLETE to be asked for again; DTLS says goodbye after it.
        data.linger = Duration::from_millis(200);
        Self {
            identity,
            offering,
            profiles,
            key_log: None,
            trace: false,
            mtu: 1200,
            loopback_only: false,
            return_media: false,
            data,
        }
    }
}

/// A datagram to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// Octets appended to the buffer.
    pub len: usize,
    /// From which of our sockets.
    pub source: SocketAddr,
    /// Whither.
    pub destination: SocketAddr,
}

/// How far the call has come, and when each stage was reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages {
    /// Both descriptions are known.
    pub signalled: Option<Instant>,
    /// ICE has a path on which data can go.
    pub connected: Option<Instant>,
    /// ICE has settled on one.
    pub selected: Option<Instant>,
    /// DTLS is up and the other side verified.
    pub secured: Option<Instant>,
    /// The first media packet has been decrypted.
    pub media: Option<Instant>,
    /// SCTP is up.
    pub data: Option<Instant>,
}

/// Something that the application may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    /// ICE: a state, a candidate, a selected pair.
    Ice(nomagic_ice::Event),
    /// DTLS: connected or closed.
    Dtls(nomagic_dtls::Event),
    /// Data channels: up, opened, closed.
    Channel(ChannelEvent),
    /// RTP: sources that come and go, feedback, round trips.
    Rtp(nomagic_rtp::Event),
}

/// One end of a call.
#[derive(Debug)]
pub struct Peer {
    config: PeerConfig,
    rng: ChaCha20Rng,
    negotiator: Negotiator,
    ice: Agent,
    dtls: Option<Connection>,
    srtp: Option<(Sender, Receiver)>,
    rtp: Session,
    media: MediaPath,
    channels: Channels,
    events: VecDeque<PeerEvent>,
    stages: Stages,
    tracer: Tracer,
    local_candidates: Vec<String>,
    closing: Option<Closing>,
    srtp_profile: Option<Profile>,
}

/// The order of a goodbye: data channels end, then media, then DTLS, then ICE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Data { give_up: Instant },
    Security,
    Path,
}

/// How long data channels may take to end.
const DATA_GRACE: Duration = Duration::from_secs(3);
/// Room for what ICE, DTLS and SRTP put around a payload is part of the MTU: SCTP gets the rest.
const EVENT_LIMIT: usize = 1024;

impl Peer {
    /// A peer that knows nobody yet.
    pub fn new(config: PeerConfig, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let role = if config.offering { IceRole::Controlling } else { IceRole::Controlled };
        let mut ice = IceConfig::new(role);
        ice.loopback = true;
        let cname = format!("{:016x}", rng.random::<u64>());
        let mut data = config.data.clone();
        data.path_mtu = config.mtu - 37;
        let mut media = MediaPath::new(config.mtu, &mut rng);
        let mut session = SessionConfig::new(&cname, media.fresh_ssrc());
        session.minimum_interval = Duration::from_millis(500);
        Self {
            negotiator: Negotiator::new(signal::capabilities(rng.random(), &cname)),
            ice: Agent::new(ice, &mut rng),
            dtls: None,
            srtp: None,
            rtp: Session::new(session, &mut rng),
            media,
            channels: Channels::new(data, &mut rng),
            events: VecDeque::new(),
            stages: Stages::default(),
            tracer: Tracer::new(config.trace),
            local_candidates: Vec::new(),
            closing: None,
            srtp_profile: None,
            rng,
            config,
        }
    }

    /// A datagram came in on the route's local socket from its remote address.
    pub fn handle_input(&mut self, now: Instant, route: Route, datagram: &mut [u8]) {
        self.tracer.datagram(now, false, datagram);
        let nomagic_ice::Input::Payload { class, payload } = self.ice.handle_input(now, route, datagram)
        else {
            self.collect(now);
            return;
        };
        match class {
            Class::Dtls => {
                if let Some(dtls) = &mut self.dtls
                    && let nomagic_dtls::Input::Payload(payloads) = dtls.handle_input(now, payload)
                {
                    for packet in payloads {
                        self.tracer.data(now, false, packet);
                        self.channels.handle_input(now, packet);
                    }
                }
            }
            Class::Rtp | Class::Rtcp => self.handle_media(now, payload),
            _ => {}
        }
        self.collect(now);
    }

    fn handle_media(&mut self, now: Instant, packet: &mut [u8]) {
        let Some((_, receiver)) = &mut self.srtp else { return };
        let plain =
            if is_rtcp(packet) { receiver.unprotect_rtcp(packet) } else { receiver.unprotect_rtp(packet) };
        let Ok(plain) = plain else { return };
        self.stages.media.get_or_insert(now);
        self.tracer.media(now, false, plain);
        if let nomagic_rtp::Received::Payload(packet) = self.rtp.handle_input(now, plain) {
            self.media.receive(&self.negotiator, &packet);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        self.rtp.handle_timeout(now);
        self.channels.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now);
        }
        self.collect(now);
    }

    /// Appends the next datagram to `out`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let start = out.len();
        if let Some(transmit) = self.ice.poll_transmit(now, out) {
            self.tracer.datagram(now, true, &out[start..]);
            let nomagic_ice::Transmit { len, source, destination, .. } = transmit;
            return Some(Transmit { len, source, destination });
        }
        // Everything else goes where ICE has found the other side.
        let route = self.ice.route()?;
        let sent = self.poll_handshake(now, out) || self.poll_media(now, out) || self.poll_data(now, out);
        let (source, destination) = (route.local, route.remote);
        sent.then(|| Transmit { len: out.len() - start, source, destination })
    }

    fn poll_handshake(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let sent = self.dtls.as_mut().is_some_and(|dtls| dtls.poll_transmit(now, out).is_some());
        if sent {
            self.tracer.datagram(now, true, &out[start..]);
        }
        sent
    }

    /// RTCP first, then one media packet. Both are written plain and protected where they stand.
    fn poll_media(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let Some((sender, _)) = &mut self.srtp else { return false };
        let start = out.len();
        if self.rtp.poll_transmit(now, out).is_some() {
            self.tracer.media(now, true, &out[start..]);
            return sender.protect_rtcp(out, start).is_ok();
        }
        if !self.media.poll_packet(out) {
            return false;
        }
        if let Ok(packet) = nomagic_rtp::Packet::parse(&out[start..]) {
            self.rtp.sent(now, &packet);
        }
        self.tracer.media(now, true, &out[start..]);
        sender.protect_rtp(out, start).is_ok()
    }

    /// An SCTP packet, appended behind the room that a DTLS record's header needs, and sealed around where it stands.
    fn poll_data(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let Some(dtls) = self.dtls.as_mut().filter(|_| self.stages.secured.is_some()) else { return false };
        let start = out.len();
        let at = start + dtls.headroom();
        out.resize(at, 0);
        let sealed = self.channels.poll_transmit(now, out).is_some() && {
            self.tracer.data(now, true, &out[at..]);
            dtls.seal(now, out, at).is_ok()
        };
        if !sealed {
            out.truncate(start);
        }
        sealed
    }

    /// When to call [`Peer::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let closing = match self.closing {
            Some(Closing::Data { give_up }) => Some(give_up),
            _ => None,
        };
        let dtls = self.dtls.as_ref().and_then(Connection::poll_timeout);
        let machines = [self.ice.poll_timeout(), dtls, self.rtp.poll_timeout(), self.channels.poll_timeout()];
        machines.into_iter().chain([closing]).flatten().min()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// The data channels: to open, to send on, to receive from.
    pub fn channels(&mut self) -> &mut Channels {
        &mut self.channels
    }

    /// Puts a frame on its way; `timestamp` is in units of the medium's clock. Frames before there are keys, and
    /// beyond what waits already, are dropped: media that are late are of no use.
    pub fn send_frame(&mut self, medium: Medium, frame: &[u8], timestamp: u32) -> bool {
        let section = self.media.first(medium);
        section.is_some_and(|section| self.send_frame_in(section, frame, timestamp))
    }

    /// The same in one of several sections; see [`ReceivedFrame::section`].
    pub fn send_frame_in(&mut self, section: u32, frame: &[u8], timestamp: u32) -> bool {
        self.srtp.is_some() && self.media.send(&self.negotiator, section, frame, timestamp)
    }

    /// The section in which a stream of ours goes.
    pub fn section_of(&self, ssrc: u32) -> Option<u32> {
        self.media.section_of(ssrc)
    }

    /// The next whole frame that has come in.
    pub fn receive_frame(&mut self) -> Option<ReceivedFrame> {
        self.media.pop()
    }

    /// Asks the sender of a stream for a keyframe.
    pub fn request_keyframe(&mut self, now: Instant, ssrc: u32) {
        // Feedback that finds no room is asked for again by whoever still needs it.
        let _ = self.rtp.request_keyframe(now, ssrc);
    }

    /// Gives out the frames that are whole and stops waiting for the rest.
    pub fn flush_media(&mut self) {
        self.media.flush();
    }

    /// Ends the call: data channels first, so that nothing that was sent is lost.
    pub fn close(&mut self, now: Instant) {
        if self.closing.is_none() {
            self.channels.close(now);
            self.rtp.close(now);
            self.closing = Some(Closing::Data { give_up: now + DATA_GRACE });
        }
        self.collect(now);
    }

    /// Whether nothing more is to be sent.
    pub fn is_closed(&self) -> bool {
        self.ice.is_closed()
    }

    /// Whether [`Peer::close`] has been called.
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// When each stage of the call was reached.
    pub fn stages(&self) -> Stages {
        self.stages
    }

    /// The packets described so far; taken out.
    pub fn take_trace(&mut self) -> Vec<Trace> {
        self.tracer.take()
    }

    /// The parts, for figures.
    pub fn ice(&self) -> &Agent {
        &self.ice
    }

    /// The handshake, once there is one.
    pub fn dtls(&self) -> Option<&Connection> {
        self.dtls.as_ref()
    }

    /// The media session.
    pub fn rtp(&self) -> &Session {
        &self.rtp
    }

    /// The protection of media in force.
    pub fn srtp_profile(&self) -> Option<Profile> {
        self.srtp_profile
    }

    /// What was agreed on.
    pub fn negotiator(&self) -> &Negotiator {
        &self.negotiator
    }

    /// Passes on what the parts report, and lets each stage begin the next.
    fn collect(&mut self, now: Instant) {
        while let Some(event) = self.ice.poll_event() {
            self.note_ice(now, &event);
            self.push(PeerEvent::Ice(event));
        }
        while let Some(event) = self.dtls.as_mut().and_then(Connection::poll_event) {
            if let nomagic_dtls::Event::Connected(connected) = &event {
                self.secured(now, connected.srtp_profile);
            }
            self.push(PeerEvent::Dtls(event));
        }
        while let Some(event) = self.channels.poll_event() {
            if event == ChannelEvent::Connected {
                self.stages.data.get_or_insert(now);
            }
            self.push(PeerEvent::Channel(event));
        }
        while let Some(event) = self.rtp.poll_event() {
            if let nomagic_rtp::Event::Left(ssrc) = event {
                self.media.forget(ssrc);
            }
            self.push(PeerEvent::Rtp(event));
        }
        self.go_on_closing(now);
    }

    fn note_ice(&mut self, now: Instant, event: &nomagic_ice::Event) {
        match event {
            nomagic_ice::Event::LocalCandidate { candidate, .. } => {
                self.local_candidates.push(candidate.to_string());
            }
            nomagic_ice::Event::SelectedPair { .. } => {
                self.stages.selected.get_or_insert(now);
            }
            _ => {}
        }
        if self.ice.route().is_some() {
            self.stages.connected.get_or_insert(now);
        }
        self.seed_handshake(now);
    }

    /// The path's round trip is known: a lost flight of the handshake need not wait for longer than that.
    fn seed_handshake(&mut self, now: Instant) {
        let Some(route) = self.ice.route() else { return };
        let measured = self.ice.pairs().filter(|pair| pair.route == route).find_map(|pair| pair.round_trip);
        if let (Some(round_trip), Some(dtls), None) = (measured, &mut self.dtls, self.stages.secured) {
            dtls.set_round_trip(now, round_trip);
        }
    }

    /// DTLS is up: its keys protect the media, its records carry the data.
    fn secured(&mut self, now: Instant, profile: Option<SrtpProfile>) {
        self.stages.secured.get_or_insert(now);
        let Some(dtls) = &self.dtls else { return };
        let client = self.negotiator.dtls_role() == Some(Setup::Active);
        if let Some(profile) = profile.and_then(|profile| Profile::from_id(profile.0)) {
            let mut material = vec![0; 2 * (profile.key_len() + profile.salt_len())];
            let exported = dtls.export("EXTRACTOR-dtls_srtp", None, &mut material).is_ok();
            if let (true, Ok((of_client, of_server))) = (exported, split_keying_material(profile, &material))
            {
                let (ours, theirs) = if client { (of_client, of_server) } else { (of_server, of_client) };
                self.srtp = Some((Sender::new(&ours), Receiver::new(&theirs, ReceiverConfig::default())));
                self.srtp_profile = Some(profile);
            }
        }
        if self.negotiator.data().is_some() {
            self.channels.connect(now, if client { SctpRole::Client } else { SctpRole::Server });
        }
    }

    fn go_on_closing(&mut self, now: Instant) {
        if let Some(Closing::Data { give_up }) = self.closing
            && (self.channels.is_closed() || self.stages.data.is_none() || now >= give_up)
        {
            if let Some(dtls) = &mut self.dtls {
                dtls.close(now);
            }
            self.closing = Some(Closing::Security);
        }
        let nothing_to_say = self.ice.route().is_none();
        if self.closing == Some(Closing::Security)
            && (nothing_to_say || self.dtls.as_ref().is_none_or(Connection::is_closed))
        {
            self.ice.close(now);
            self.closing = Some(Closing::Path);
        }
    }

    fn push(&mut self, event: PeerEvent) {
        if self.events.len() >= EVENT_LIMIT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
