//! The RTCP side of a session: who is there, how they are received, when to report; RFC 3550 section 6.

mod interval;
mod source;
mod time;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};

use crate::packet::{Packet, is_rtcp};
use crate::rtcp::{
    self, Compound, Feedback, FullIntraRequest, Goodbye, IntraRequest, Item, ItemKind, Nack, PictureLoss,
    ReceiverReport, ReportBlock, SenderInfo, SenderReport, SourceDescription,
};
use interval::Schedule;
use source::{LocalStream, RemoteSource};
pub use source::{SourceReport, StreamReport};
pub use time::NtpTime;

/// How a [`Session`] reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The canonical name, the same for all streams of one participant, at most 255 octets; RFC 7022 wants it random.
    pub cname: String,
    /// The SSRC under which is reported while nothing is sent.
    pub ssrc: u32,
    /// The session's bandwidth in bits per second, of which RTCP gets a twentieth; default 1,000,000.
    pub bandwidth: u32,
    /// The least mean time between reports, default 1 s. RFC 3550 section 6.2 has 5 s and allows less where there is
    /// bandwidth; RFC 4585 needs less.
    pub minimum_interval: Duration,
    /// The clock rate of each payload type that may come in, in units a second.
    pub clock_rates: BTreeMap<u8, u32>,
    /// Sources that are remembered at once, default 64; RFC 3550 sections 6.3.5 and 8.2 bound them in time, this in
    /// memory: about 200 octets each.
    pub source_limit: usize,
}

impl SessionConfig {
    /// A configuration with defaults for all but what names the participant.
    pub fn new(cname: impl Into<String>, ssrc: u32) -> Self {
        Self {
            cname: cname.into(),
            ssrc,
            bandwidth: 1_000_000,
            minimum_interval: Duration::from_secs(1),
            clock_rates: BTreeMap::new(),
            source_limit: 64,
        }
    }
}

/// What became of a datagram.
#[derive(Debug)]
pub enum Received<'a> {
    /// RTCP, or a packet that was dropped and counted.
    Consumed,
    /// A packet of a known payload type for the application.
    Payload(Packet<'a>),
    /// Neither RTP nor RTCP of version 2.
    NotMine,
}

/// A compound to send, plain: SRTP is the next layer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// ECN codepoint, 0 to 3; always 0.
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0.
    pub dscp: u8,
}

/// Something that the application may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A source has become valid.
    Joined(u32),
    /// A source has said goodbye, or has been silent for too long.
    Left(u32),
    /// A receiver of our stream asks for a keyframe.
    KeyframeRequested(u32),
    /// A receiver of our stream misses packets.
    PacketsLost {
        /// Our stream.
        ssrc: u32,
        /// Their sequence numbers, at most 256.
        sequences: Vec<u16>,
    },
    /// A round trip has been measured by reports.
    RoundTrip {
        /// Our stream.
        ssrc: u32,
        /// There and back.
        time: Duration,
    },
    /// Somebody else uses the SSRC of one of our streams; RFC 3550 section 8.2.
    Collision(u32),
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Feedback that waits to be sent has reached its limit: poll first.
    #[error("{limit} octets of feedback wait to be sent; poll first")]
    WouldBlock {
        /// The limit.
        limit: usize,
    },
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// RTP packets handed on.
    pub received: u64,
    /// RTCP packets (not compounds) understood.
    pub control: u64,
    /// Dropped: malformed RTP, or RTCP packets that break.
    pub malformed: u64,
    /// Dropped: a payload type without a clock rate.
    pub unknown_payload_type: u64,
    /// Not tracked: a source too many.
    pub too_many_sources: u64,
    /// Events that nobody took in time.
    pub events_lost: u64,
    /// Compounds sent.
    pub reports: u64,
}

/// Octets of feedback that wait at most.
const FEEDBACK_LIMIT: usize = 1024;
/// Events that wait at most.
const EVENT_LIMIT: usize = 128;

/// Counts what is sent and received, reports on it, and carries feedback: a machine that is told the time.
///
/// It is given plain packets, behind SRTP, and gives plain compounds, in front of it.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    wall_clock: Option<(Instant, NtpTime)>,
    locals: BTreeMap<u32, LocalStream>,
    remotes: BTreeMap<u32, RemoteSource>,
    schedule: Option<Schedule>,
    /// A report is due.
    due: bool,
    /// Feedback that goes with the next compound, at once.
    feedback: Vec<u8>,
    intra_number: u8,
    events: VecDeque<Event>,
    state: State,
    stats: Stats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// BYE is to be sent.
    Closing,
    Closed,
}

impl Session {
    /// A session without streams.
    pub fn new(config: SessionConfig, rng: &mut impl CryptoRng) -> Self {
        Self {
            config,
            rng: ChaCha20Rng::from_rng(rng),
            now: None,
            wall_clock: None,
            locals: BTreeMap::new(),
            remotes: BTreeMap::new(),
            schedule: None,
            due: false,
            feedback: Vec::new(),
            intra_number: 0,
            events: VecDeque::new(),
            state: State::Open,
            stats: Stats::default(),
        }
    }

    /// Ties the caller's clock to wall-clock time, which sender reports carry. Without it time counts from the first
    /// call, which is enough to synchronise streams of one session.
    pub fn set_wall_clock(&mut self, now: Instant, ntp: NtpTime) {
        self.advance(now);
        self.wall_clock = Some((now, ntp));
    }

    /// Which clock a payload type runs on, in units a second.
    pub fn set_clock_rate(&mut self, payload_type: u8, clock_rate: u32) {
        self.config.clock_rates.insert(payload_type & 0x7f, clock_rate.max(1));
    }

    /// An RTP packet of ours is being sent.
    pub fn sent(&mut self, now: Instant, packet: &Packet<'_>) {
        let now = self.advance(now);
        if self.state != State::Open {
            return;
        }
        let Some(clock_rate) = self.config.clock_rates.get(&packet.payload_type()) else { return };
        let limit = self.config.source_limit;
        if self.locals.len() < limit || self.locals.contains_key(&packet.ssrc()) {
            self.locals.entry(packet.ssrc()).or_default().sent(now, packet, *clock_rate);
        }
        self.start(now);
    }

    /// A plain RTP packet or RTCP compound has come in.
    pub fn handle_input<'d>(&mut self, now: Instant, datagram: &'d mut [u8]) -> Received<'d> {
        let now = self.advance(now);
        if self.state != State::Open {
            return Received::Consumed;
        }
        if datagram.first().is_none_or(|octet| octet >> 6 != 2) {
            return Received::NotMine;
        }
        self.start(now);
        if is_rtcp(datagram) {
            self.handle_control(now, datagram);
            return Received::Consumed;
        }
        match Packet::parse(datagram) {
            Ok(packet) => self.handle_media(now, packet),
            Err(_) => {
                self.stats.malformed += 1;
                Received::Consumed
            }
        }
    }

    /// Asks the sender of `ssrc` for a keyframe (PLI, RFC 4585 section 6.3.1); goes out at once.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn request_keyframe(&mut self, now: Instant, ssrc: u32) -> Result<(), CommandError> {
        let feedback = self.feedback_on(now, ssrc)?;
        PictureLoss(feedback).encode(&mut self.feedback);
        Ok(())
    }

    /// The same by FIR (RFC 5104 section 4.3.1), for senders that understand only that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn demand_keyframe(&mut self, now: Instant, ssrc: u32) -> Result<(), CommandError> {
        let feedback = Feedback { media_ssrc: 0, ..self.feedback_on(now, ssrc)? };
        self.intra_number = self.intra_number.wrapping_add(1);
        let request = IntraRequest { ssrc, number: self.intra_number };
        FullIntraRequest::build(&mut self.feedback, feedback, [request]);
        Ok(())
    }

    /// Tells the sender of `ssrc` which packets are missing (RFC 4585 section 6.2.1); goes out at once.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn report_lost(&mut self, now: Instant, ssrc: u32, lost: &[u16]) -> Result<(), CommandError> {
        let feedback = self.feedback_on(now, ssrc)?;
        if !lost.is_empty() {
            Nack::build(&mut self.feedback, feedback, lost.iter().copied().take(128));
        }
        Ok(())
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.state != State::Open {
            return;
        }
        let members = self.members();
        let Some(schedule) = &mut self.schedule else { return };
        if schedule.expired(now, &self.config, members, &mut self.rng) {
            self.due = true;
            self.forget_silent(now);
        }
    }

    /// Appends the next compound to `out`, if one is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.advance(now);
        let start = out.len();
        match self.state {
            State::Open if !self.due && self.feedback.is_empty() => return None,
            State::Open => self.append_compound(now, out),
            State::Closing => {
                self.append_compound(now, out);
                let ssrcs: Vec<u32> = self.own_ssrcs().take(31).collect();
                Goodbye::build(out, ssrcs.iter().copied(), b"");
                self.state = State::Closed;
                self.events.clear();
            }
            State::Closed => return None,
        }
        self.stats.reports += 1;
        let len = out.len() - start;
        if let Some(schedule) = &mut self.schedule {
            schedule.sent(len);
        }
        Some(Transmit { len, ecn: 0, dscp: 0 })
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Says goodbye (BYE, RFC 3550 section 6.6): one more compound comes out of [`Session::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        if self.state == State::Open {
            // Whoever has never sent anything leaves in silence; RFC 3550 section 6.3.7.
            self.state = if self.stats.reports > 0 || !self.locals.is_empty() {
                State::Closing
            } else {
                State::Closed
            };
        }
    }

    /// When to call [`Session::handle_timeout`]; `None` while nobody is there.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.as_ref().filter(|_| self.state == State::Open).map(Schedule::next)
    }

    /// Whether the goodbye has been sent.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// How each source that is there is received.
    pub fn sources(&self) -> impl Iterator<Item = SourceReport> + '_ {
        self.remotes.iter().map(|(ssrc, source)| source.report(*ssrc))
    }

    /// What has been sent of each stream of ours.
    pub fn streams(&self) -> impl Iterator<Item = StreamReport> + '_ {
        self.locals.iter().map(|(ssrc, stream)| stream.report(*ssrc))
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn handle_media<'d>(&mut self, now: Instant, packet: Packet<'d>) -> Received<'d> {
        let Some(clock_rate) = self.config.clock_rates.get(&packet.payload_type()).copied() else {
            self.stats.unknown_payload_type += 1;
            return Received::Consumed;
        };
        let ssrc = packet.ssrc();
        if self.locals.contains_key(&ssrc) {
            self.event(Event::Collision(ssrc));
            return Received::Consumed;
        }
        self.stats.received += 1;
        if !self.remotes.contains_key(&ssrc) && self.remotes.len() >= self.config.source_limit {
            self.stats.too_many_sources += 1;
            return Received::Payload(packet);
        }
        let source = self.remotes.entry(ssrc).or_insert_with(|| RemoteSource::new(now));
        if source.received(now, &packet, clock_rate) {
            self.event(Event::Joined(ssrc));
        }
        Received::Payload(packet)
    }

    fn handle_control(&mut self, now: Instant, datagram: &[u8]) {
        for packet in Compound::new(datagram) {
            let Ok(packet) = packet else {
                self.stats.malformed += 1;
                continue;
            };
            self.stats.control += 1;
            match packet {
                rtcp::Packet::SenderReport(report) => {
                    if let Some(source) = self.remotes.get_mut(&report.ssrc) {
                        source.reported(now, &report.info);
                    }
                    self.handle_blocks(now, report.reports);
                }
                rtcp::Packet::ReceiverReport(report) => self.handle_blocks(now, report.reports),
                rtcp::Packet::Goodbye(goodbye) => {
                    for ssrc in goodbye.ssrcs() {
                        if self.remotes.remove(&ssrc).is_some() {
                            self.event(Event::Left(ssrc));
                        }
                    }
                }
                rtcp::Packet::PictureLoss(loss) => self.keyframe_requested(loss.0.media_ssrc),
                rtcp::Packet::FullIntraRequest(request) => {
                    request.requests().for_each(|request| self.keyframe_requested(request.ssrc));
                }
                rtcp::Packet::Nack(nack) if self.locals.contains_key(&nack.feedback.media_ssrc) => {
                    let sequences = nack.sequences().take(256).collect();
                    self.event(Event::PacketsLost { ssrc: nack.feedback.media_ssrc, sequences });
                }
                _ => {}
            }
        }
    }

    fn handle_blocks(&mut self, now: Instant, blocks: rtcp::ReportBlocks<'_>) {
        let ntp = self.ntp(now);
        for block in blocks.iter() {
            let time = ntp.round_trip(block.last_sender_report, block.delay_since_last);
            if let Some(time) = time.filter(|_| self.locals.contains_key(&block.ssrc)) {
                self.event(Event::RoundTrip { ssrc: block.ssrc, time });
            }
        }
    }

    fn keyframe_requested(&mut self, ssrc: u32) {
        if self.locals.contains_key(&ssrc) {
            self.event(Event::KeyframeRequested(ssrc));
        }
    }

    /// SR for each stream of ours that is being sent, else RR; then SDES, and the feedback that waits.
    fn append_compound(&mut self, now: Instant, out: &mut Vec<u8>) {
        let blocks: Vec<ReportBlock> = if self.due || self.state == State::Closing {
            self.remotes.iter_mut().filter_map(|(ssrc, source)| source.block(now, *ssrc)).take(31).collect()
        } else {
            Vec::new()
        };
        let ntp = self.ntp(now);
        let mut blocks = Some(blocks);
        for (ssrc, stream) in self.locals.iter().take(8) {
            let (rtp_timestamp, packets, octets) = stream.info(now);
            let info = SenderInfo { ntp: ntp.0, rtp_timestamp, packets, octets };
            SenderReport::build(out, *ssrc, &info, blocks.take().unwrap_or_default().into_iter());
        }
        if let Some(blocks) = blocks {
            ReceiverReport::build(out, self.config.ssrc, blocks.into_iter());
        }
        let cname = Item { kind: ItemKind::CNAME, text: &self.config.cname };
        for ssrc in self.own_ssrcs().take(8) {
            SourceDescription::build(out, ssrc, [cname]);
        }
        out.append(&mut self.feedback);
        self.due = false;
    }

    /// The streams being sent, or the SSRC under which is reported without any.
    fn own_ssrcs(&self) -> impl Iterator<Item = u32> + '_ {
        let fallback = self.locals.is_empty().then_some(self.config.ssrc);
        self.locals.keys().copied().chain(fallback)
    }

    fn feedback_on(&mut self, now: Instant, media_ssrc: u32) -> Result<Feedback, CommandError> {
        let now = self.advance(now);
        if self.state != State::Open {
            return Err(CommandError::Closed);
        }
        if self.feedback.len() >= FEEDBACK_LIMIT {
            return Err(CommandError::WouldBlock { limit: FEEDBACK_LIMIT });
        }
        self.start(now);
        let sender_ssrc = self.own_ssrcs().next().unwrap_or(self.config.ssrc);
        Ok(Feedback { sender_ssrc, media_ssrc })
    }

    /// Sources that have been silent for five intervals are gone; RFC 3550 section 6.3.5.
    fn forget_silent(&mut self, now: Instant) {
        let limit = self.config.minimum_interval * 5;
        let silent = |source: &RemoteSource| now.saturating_duration_since(source.last_heard()) > limit;
        let gone: Vec<u32> =
            self.remotes.iter().filter(|(_, source)| silent(source)).map(|(ssrc, _)| *ssrc).collect();
        for ssrc in gone {
            self.remotes.remove(&ssrc);
            self.event(Event::Left(ssrc));
        }
    }

    /// Begins to report, half an interval after the first sign of life.
    fn start(&mut self, now: Instant) {
        let members = self.members();
        if self.schedule.is_none() {
            self.schedule = Some(Schedule::new(now, &self.config, members, &mut self.rng));
        }
    }

    fn members(&self) -> usize {
        self.locals.len().max(1) + self.remotes.len()
    }

    fn event(&mut self, event: Event) {
        // The oldest of a full queue goes: newer events say more about the present.
        if self.events.len() >= EVENT_LIMIT {
            self.events.pop_front();
            self.stats.events_lost += 1;
        }
        self.events.push_back(event);
    }

    fn ntp(&self, now: Instant) -> NtpTime {
        let (instant, ntp) = self.wall_clock.unwrap_or((now, NtpTime(0)));
        ntp.plus(now.saturating_duration_since(instant))
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        if self.wall_clock.is_none() {
            // A second past zero, so that the middle bits of the first report are not the zero that means "none".
            self.wall_clock = Some((newest, NtpTime(1 << 32)));
        }
        newest
    }
}
