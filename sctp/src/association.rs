//! The association: what a user calls. Each call is a few lines that delegate.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::{CryptoRng, Rng};

use crate::cause::CauseCode;
use crate::config::{Config, Settings, clamp_mtu};
use crate::cookie::CookieKey;
use crate::event::{CloseReason, Event, Events};
use crate::lazy::{Lazy, blank};
use crate::random::Seed;
use crate::receive::reassembly::{Part, PartEnd, Received};
use crate::rto::Rto;
use crate::send::congestion;
use crate::send::queue::{MESSAGE_OVERHEAD, Outbound, Queue};
use crate::state::{AssociationState, Retry, State};
use crate::stats::Stats;
use crate::tcb::Local;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// It was taken, or dropped and counted; messages are pulled with [`Association::receive`].
    Consumed,
}

/// A datagram that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Its length in octets.
    pub length: usize,
}

/// How hard to try to deliver a message (RFC 3758, RFC 7496).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reliability {
    /// Until it arrives.
    #[default]
    Reliable,
    /// At most this many retransmissions; 0 sends once.
    MaxRetransmits(u16),
    /// Given up this long after `send`.
    Lifetime(Duration),
    /// Given up, before anything of it is sent, for messages that matter more and find the send buffer full; 0 matters
    /// most, and all other messages matter more than any of these. Messages that matter least go first, of those the
    /// oldest (RFC 7496 section 3.2).
    Priority(u32),
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Payload protocol identifier, handed to the peer unchanged.
    pub ppid: u32,
    /// May overtake other messages of the stream.
    pub unordered: bool,
    /// How hard to try.
    pub reliability: Reliability,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The send buffer is full; [`Event::BufferedAmountLow`] or a later call tells when it is not.
    #[error("send buffer is full: {used} of {limit} octets")]
    WouldBlock {
        /// Octets in use.
        used: usize,
        /// `send_buffer` of the configuration.
        limit: usize,
    },
    /// The message is larger than the peer takes or the send buffer holds.
    #[error("message of {length} octets, at most {limit} allowed")]
    TooLarge {
        /// Octets of the message.
        length: usize,
        /// The largest that can be sent.
        limit: usize,
    },
    /// SCTP has no empty messages; the data channel layer has (RFC 8831 section 6.6).
    #[error("an sctp message has at least one octet")]
    Empty,
    /// The stream was not agreed upon.
    #[error("stream {stream} of {streams}")]
    NoSuchStream {
        /// The stream asked for.
        stream: u16,
        /// Streams there are, from 0.
        streams: u16,
    },
    /// The stream is being reset; see [`Event::OutgoingReset`].
    #[error("stream {stream} is being reset")]
    Resetting {
        /// The stream.
        stream: u16,
    },
    /// The association is shutting down or over.
    #[error("association is closing or closed")]
    Closed,
}

/// Why streams are not reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// The peer did not offer RFC 6525.
    #[error("peer does not support stream reset")]
    Unsupported,
    /// The stream was not agreed upon.
    #[error("stream {stream} of {streams}")]
    NoSuchStream {
        /// The stream asked for.
        stream: u16,
        /// Streams there are, from 0.
        streams: u16,
    },
    /// The association is shutting down or over.
    #[error("association is closing or closed")]
    Closed,
}

/// An answer that waits to be sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) tag: u32,
    /// Encoded, padding included.
    pub(crate) chunk: Vec<u8>,
    /// In a packet of its own.
    pub(crate) alone: bool,
}

blank!(VecDeque<Reply>, VecDeque::new());
blank!(VecDeque<Part>, VecDeque::new());

/// One end of an SCTP association over DTLS (RFC 9260, RFC 8261). It knows no addresses.
///
/// See the crate page for the driving loop and the tables of events, timers and limits.
pub struct Association {
    pub(crate) config: Settings,
    pub(crate) seed: Seed,
    pub(crate) cookie_key: CookieKey,
    pub(crate) local: Local,
    pub(crate) state: State,
    pub(crate) queue: Queue,
    pub(crate) replies: Lazy<VecDeque<Reply>>,
    pub(crate) events: Events,
    pub(crate) stats: Stats,
    /// Received before the end and not yet pulled.
    pub(crate) unread: Lazy<VecDeque<Part>>,
    /// Messages with this identifier are pulled apart, by the data channel layer.
    pub(crate) control_ppid: Option<NonZeroU32>,
    /// `shutdown` was called before the association was up.
    pub(crate) shutdown_wanted: bool,
    now: Option<Instant>,
    origin: Option<Instant>,
}

impl Association {
    /// An association that waits for `connect` or for the peer's INIT. Tags, TSNs, cookie key and nonces come from a
    /// generator seeded with `rng`, which is not used afterwards. Many associations may share one `Arc<Config>`.
    pub fn new(config: impl Into<Arc<Config>>, rng: &mut impl CryptoRng) -> Self {
        let config = Settings::new(config.into());
        let mut seed = Seed::new(rng);
        let mut rng = seed.generator();
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let local = Local::random(&mut rng);
        let scheduling = config.scheduling;
        Self {
            config,
            seed,
            cookie_key: CookieKey(key),
            local,
            state: State::Closed,
            queue: Queue::new(scheduling),
            replies: Lazy::default(),
            events: Events::default(),
            stats: Stats::default(),
            unread: Lazy::default(),
            control_ppid: None,
            shutdown_wanted: false,
            now: None,
            origin: None,
        }
    }

    /// Begins to set up the association (RFC 9260 section 5.1). Both sides may, at the same time. Without effect once
    /// something has begun.
    pub fn connect(&mut self, now: Instant) {
        let now = self.tick(now);
        if matches!(self.state, State::Closed) {
            self.state = State::CookieWait { t1: Retry::new(now, self.config.rto_initial), stale: 0 };
        }
    }

    /// Takes an SCTP packet, as it came out of DTLS.
    pub fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) -> Input {
        let now = self.tick(now);
        if !matches!(self.state, State::Ended) {
            self.stats.packets_received += 1;
            self.on_packet(now, datagram);
        }
        Input::Consumed
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.tick(now);
        self.on_setup_timer(now);
        self.on_shutdown_timer(now);
        self.on_send_timers(now);
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.tracker.on_timeout(now);
        }
        self.on_reconfig_timer(now);
        self.on_discovery_timer(now);
        if !matches!(self.state, State::CookieEchoed { .. }) {
            self.on_heartbeat_timer(now);
        }
        self.advance_shutdown(now);
    }

    /// Appends the next packet to `out`, at most [`Config::path_mtu`] octets, if there is one.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let now = self.tick(now);
        let transmit = self.build_packet(now, out);
        self.advance_shutdown(now);
        transmit
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll(&mut self.queue.low)
    }

    /// When to call [`Association::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let tcb = self.state.tcb();
        let up = tcb.filter(|_| !matches!(self.state, State::CookieEchoed { .. }));
        let sends = matches!(
            self.state,
            State::Established { .. } | State::ShutdownPending { .. } | State::ShutdownReceived { .. }
        );
        [
            self.state.deadline(),
            up.filter(|_| sends).and_then(|tcb| tcb.recovery.deadline()),
            up.and_then(|tcb| tcb.tracker.deadline()),
            up.and_then(|tcb| tcb.reconfig.deadline()),
            up.and_then(|tcb| tcb.heartbeat.deadline),
            up.filter(|_| matches!(self.state, State::Established { .. }))
                .and_then(|tcb| tcb.discovery.deadline),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Sends a message on a stream. Messages sent before the association is up wait for it.
    ///
    /// # Errors
    /// See [`SendError`]; nothing was taken.
    pub fn send(
        &mut self,
        now: Instant,
        stream: u16,
        payload: Bytes,
        options: SendOptions,
    ) -> Result<(), SendError> {
        self.send_as(now, stream, payload, options, false)
    }

    /// `urgent`: ahead of other streams' messages.
    pub(crate) fn send_as(
        &mut self,
        now: Instant,
        stream: u16,
        payload: Bytes,
        options: SendOptions,
        urgent: bool,
    ) -> Result<(), SendError> {
        let now = self.tick(now);
        let streams = self.streams().ok_or(SendError::Closed)?;
        let (length, limit) = (payload.len(), self.config.max_send_message.min(self.config.send_buffer));
        if length == 0 {
            return Err(SendError::Empty);
        }
        if stream >= streams {
            return Err(SendError::NoSuchStream { stream, streams });
        }
        if length > limit {
            return Err(SendError::TooLarge { length, limit });
        }
        if self.queue.is_resetting(stream) {
            return Err(SendError::Resetting { stream });
        }
        let mut message = Outbound::new(payload, options.ppid);
        message.unordered = options.unordered;
        message.counted = !urgent;
        match options.reliability {
            Reliability::Reliable => {}
            Reliability::MaxRetransmits(most) => message.max_retransmits = Some(most),
            Reliability::Lifetime(life) => message.expires = now.checked_add(life),
            Reliability::Priority(rank) => message.rank = Some(rank),
        }
        let used = self.queue.weight() + self.state.tcb().map_or(0, |tcb| tcb.out.weight());
        let over = (used + length + MESSAGE_OVERHEAD).saturating_sub(self.config.send_buffer);
        if used > 0 && !urgent && over > 0 {
            let displaced = self.queue.make_room(over, message.rank);
            let displaced =
                displaced.ok_or(SendError::WouldBlock { used, limit: self.config.send_buffer })?;
            self.stats.displaced += displaced;
        }
        self.queue.push(stream, message, urgent);
        self.stats.messages_sent += 1;
        Ok(())
    }

    /// Streams that can be sent on; `None` once nothing is taken any more.
    pub(crate) fn streams(&self) -> Option<u16> {
        match &self.state {
            State::Closed | State::CookieWait { .. } if !self.shutdown_wanted => {
                Some(self.config.outbound_streams)
            }
            State::CookieEchoed { tcb, .. } if !self.shutdown_wanted => Some(tcb.outbound_streams),
            State::Established { tcb } => Some(tcb.outbound_streams),
            _ => None,
        }
    }

    /// The next message, in the order of arrival; within a stream, ordered messages in the order of sending. Makes room
    /// in the receive window. Messages received before the end can still be pulled after it.
    pub fn receive(&mut self, now: Instant) -> Option<Received> {
        let now = self.tick(now);
        let unread = std::iter::from_fn(|| self.pop_unread()).find_map(|part| part.whole());
        let pulled = unread.or_else(|| {
            let reassembly = &mut self.state.tcb_mut()?.reassembly;
            let message = reassembly.pop()?;
            reassembly.on_pulled(now, message.payload.len());
            self.update_window();
            Some(message)
        });
        self.stats.messages_received += u64::from(pulled.is_some());
        pulled
    }

    /// The next message as a list of octets or, from [`Config::partial_delivery_point`] on, what there is of one that is
    /// not whole yet: then the parts of several messages may come in turn, and [`Part::message`] tells them apart. An
    /// application that sets that point calls this and not [`Association::receive`], which has whole messages only.
    pub fn receive_part(&mut self, now: Instant) -> Option<Part> {
        let now = self.tick(now);
        let pulled = self.pop_unread().or_else(|| {
            let reassembly = &mut self.state.tcb_mut()?.reassembly;
            let part = reassembly.pop_part()?;
            reassembly.on_pulled(now, part.chunks.iter().map(Bytes::len).sum());
            self.update_window();
            Some(part)
        });
        let complete = pulled.as_ref().is_some_and(|part| part.end == PartEnd::Complete);
        self.stats.messages_received += u64::from(complete);
        pulled
    }

    fn pop_unread(&mut self) -> Option<Part> {
        if self.unread.is_empty() { None } else { self.unread.pop_front() }
    }

    /// Whether a message waits to be pulled.
    pub(crate) fn is_readable(&self) -> bool {
        !self.unread.is_empty() || self.state.tcb().is_some_and(|tcb| tcb.reassembly.is_readable())
    }

    /// How many times the peer has reset a stream it sends on.
    pub(crate) fn incoming_epoch(&self, stream: u16) -> u32 {
        self.state.tcb().map_or(0, |tcb| tcb.reassembly.epoch(stream))
    }

    /// Streams whose buffered amount has become low.
    pub(crate) fn take_low(&mut self) -> impl Iterator<Item = u16> + use<> {
        let low = (!self.queue.low.is_empty()).then(|| std::mem::take(&mut *self.queue.low));
        low.into_iter().flatten()
    }

    pub(crate) fn receive_control(&mut self) -> Option<Received> {
        let message = self.state.tcb_mut()?.reassembly.pop_control()?;
        self.update_window();
        Some(message)
    }

    /// Tells the peer about room once it is worth a packet (RFC 9260 section 6.2).
    fn update_window(&mut self) {
        let least = u32::try_from(2 * self.config.path_mtu).unwrap_or(u32::MAX);
        let Some(tcb) = self.state.receiving() else { return };
        let half = u32::try_from(tcb.reassembly.window() / 2).unwrap_or(u32::MAX);
        let worth = least.max(half / 2).min(half.saturating_add(1));
        let room = tcb.reassembly.a_rwnd();
        if tcb.announced < half && room.saturating_sub(tcb.announced) >= worth {
            tcb.tracker.ask_for_sack();
        }
    }

    /// Resets streams that we send on (RFC 6525 section 5.1.2), once what is queued for them has been sent. Until
    /// [`Event::OutgoingReset`] nothing can be sent on them. The peer sees [`Event::IncomingReset`].
    ///
    /// # Errors
    /// See [`ResetError`]; no stream was touched.
    pub fn reset_streams(&mut self, now: Instant, streams: &[u16]) -> Result<(), ResetError> {
        self.tick(now);
        let agreed = self.streams().ok_or(ResetError::Closed)?;
        if let Some(&stream) = streams.iter().find(|&&s| s >= agreed) {
            return Err(ResetError::NoSuchStream { stream, streams: agreed });
        }
        let State::Established { tcb } = &mut self.state else { return Err(ResetError::Closed) };
        if !tcb.peer.capabilities.reconfig {
            return Err(ResetError::Unsupported);
        }
        for &stream in streams {
            if !self.queue.is_resetting(stream) {
                self.queue.begin_reset(stream);
                tcb.reconfig.want(stream);
            }
        }
        Ok(())
    }

    /// Ends the association when everything sent is acknowledged (RFC 9260 section 9.2).
    pub fn shutdown(&mut self, now: Instant) {
        let now = self.tick(now);
        match &self.state {
            State::Closed => self.end(CloseReason::Local),
            State::CookieWait { .. } | State::CookieEchoed { .. } => self.shutdown_wanted = true,
            State::Established { .. } => {
                self.state.begin_shutdown(now + self.config.shutdown_timeout);
                self.advance_shutdown(now);
            }
            _ => {}
        }
    }

    /// Ends the association at once (RFC 9260 section 9.1); the peer is told.
    pub fn abort(&mut self, now: Instant) {
        self.tick(now);
        if !matches!(self.state, State::Lingering { .. } | State::Ended) {
            self.abort_with(CauseCode::USER_ABORT, CloseReason::Local);
        }
    }

    /// The same as [`Association::shutdown`] where there is an association, else the end.
    pub fn close(&mut self, now: Instant) {
        let now = self.tick(now);
        match &self.state {
            State::CookieWait { .. } | State::CookieEchoed { .. } => self.abort(now),
            _ => self.shutdown(now),
        }
    }

    /// Over, and the last packet polled.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Ended) && self.replies.is_empty()
    }

    /// The largest packet that the path is known to take from now on; octets. What was cut for a larger one is sent as it
    /// is. A search for more, if [`Config::max_path_mtu`] asks for it, begins again from here.
    pub fn set_path_mtu(&mut self, octets: usize) {
        self.rebase_discovery(clamp_mtu(octets));
    }

    /// The largest packet sent; octets.
    pub fn path_mtu(&self) -> usize {
        self.config.path_mtu
    }

    /// The packets take another path from now on, as ICE says: what was learnt about the old one is forgotten
    /// (RFC 9260 section 7.2.5.2), and a HEARTBEAT asks at once whether the peer is there.
    pub fn path_changed(&mut self, now: Instant) {
        let now = self.tick(now);
        let config = &self.config;
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.congestion = congestion::controller(config);
            tcb.rto = Rto::new(config);
            tcb.errors = 0;
            tcb.heartbeat.ask(now);
        }
        self.restart_discovery(now);
    }

    /// Octets given to `send` for a stream and not yet sent for the first time (`bufferedAmount` of the W3C API).
    pub fn buffered_amount(&self, stream: u16) -> usize {
        self.queue.buffered(stream)
    }

    /// The same over all streams.
    pub fn buffered_amount_total(&self) -> usize {
        self.queue.buffered_total()
    }

    /// The share or rank of a stream among those that want to send (RFC 8260 section 3); 1 or more, default 256.
    pub fn set_priority(&mut self, stream: u16, priority: u16) {
        self.queue.set_weight(stream, priority.max(1));
    }

    /// [`Event::BufferedAmountLow`] comes when the amount falls from above this to it or below; octets, default 0.
    pub fn set_buffered_amount_low_threshold(&mut self, stream: u16, octets: usize) {
        self.queue.set_low_threshold(stream, octets);
    }

    /// The largest message that `send` takes; octets. The peer's description may come after this machine was made.
    pub fn set_max_send_message(&mut self, octets: usize) {
        self.config.max_send_message = octets;
    }

    /// Where the association stands.
    pub fn state(&self) -> AssociationState {
        self.state.name()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        if let Some(tcb) = self.state.tcb() {
            stats.congestion_window = tcb.congestion.window();
            stats.flight = tcb.out.flight();
            stats.octets_acknowledged = tcb.out.delivered();
            stats.outstanding = tcb.out.len();
            stats.peer_window = tcb.peer_room();
            stats.srtt = tcb.rto.smoothed();
            stats.dropped_orphans += tcb.reassembly.orphans;
        }
        stats
    }

    /// The newest time seen: an older one counts as this.
    pub(crate) fn tick(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |newest| newest.max(now));
        self.now = Some(now);
        self.origin.get_or_insert(now);
        now
    }

    pub(crate) fn last_tick(&self) -> Option<Instant> {
        self.now
    }

    /// Milliseconds since this machine first heard of the time.
    pub(crate) fn millis(&self, now: Instant) -> u64 {
        let since = self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin));
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Debug for Association {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Association").field("state", &self.state()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
