//! Data channels (RFC 8831, RFC 8832) over one association.
//!
//! A channel is a pair of streams with the same number, one each way. In-band channels are announced by an OPEN message
//! on the stream itself; negotiated ones are agreed upon elsewhere. Closing resets the stream: each side its own, and
//! only when both are reset is the number free again. A [`ChannelId`] is never used twice, so what belongs to an earlier
//! channel of the same number cannot be mistaken.

mod dcep;
mod follow;
mod options;
pub(crate) mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rand::CryptoRng;

pub use dcep::{ChannelType, Dcep, Open};
pub use options::{
    ChannelEvent, ChannelId, ChannelInfo, ChannelOptions, ChannelSendError, ChannelState, ChannelStats,
    ChannelTotals, Message, OpenError, Role,
};

use crate::association::{Association, Input, Reliability, ResetError, SendError, SendOptions, Transmit};
use crate::config::Config;
use crate::procedure::snap::SnapError;
use crate::receive::reassembly::Received;

/// Payload protocol identifiers (RFC 8831 section 8).
pub mod ppid {
    /// DCEP.
    pub const DCEP: u32 = 50;
    /// UTF-8 text.
    pub const TEXT: u32 = 51;
    /// Octets.
    pub const BINARY: u32 = 53;
    /// Text of length 0, carried by one octet.
    pub const TEXT_EMPTY: u32 = 56;
    /// Octets of length 0, carried by one octet.
    pub const BINARY_EMPTY: u32 = 57;
}

/// Channels at once, both sides' together; the peer's further ones are reset.
const MOST_CHANNELS: usize = 4096;
/// Octets of labels and protocol names that the peer's channels may have together.
const MOST_NAMES: usize = 1 << 20;
/// Closed channels whose last messages are not yet pulled.
const MOST_DRAINING: usize = 1024;

#[derive(Debug)]
struct Channel {
    info: ChannelInfo,
    /// How often the peer had reset the stream when the channel began.
    epoch: u32,
    /// The peer knows of the channel: unordered messages cannot overtake its announcement any more.
    acknowledged: bool,
    by_peer: bool,
    ours_reset: bool,
    theirs_reset: bool,
    /// DATA_CHANNEL_ACK waits for the end of our reset of the number's last use.
    ack_due: bool,
    low_threshold: usize,
    stats: ChannelStats,
}

/// The data channels of one peer connection: the same verbs as [`Association`], which it owns.
#[derive(Debug)]
pub struct Channels {
    association: Association,
    role: Option<Role>,
    connected: bool,
    next_id: u32,
    channels: BTreeMap<ChannelId, Channel>,
    streams: BTreeMap<u16, ChannelId>,
    /// Stream numbers that no reset was agreed for.
    burned: BTreeSet<u16>,
    draining: BTreeMap<(u16, u32), ChannelId>,
    peer_names: usize,
    /// And whether the peer opened them.
    opened: BTreeMap<ChannelId, bool>,
    closed: BTreeSet<ChannelId>,
    low: BTreeSet<ChannelId>,
    up: bool,
    restarted: bool,
    readable: bool,
    ended: Option<crate::event::CloseReason>,
    totals: ChannelTotals,
}

impl Channels {
    /// A machine without channels; `connect` sets the association up.
    pub fn new(config: impl Into<Arc<Config>>, rng: &mut impl CryptoRng) -> Self {
        let mut association = Association::new(config, rng);
        association.control_ppid = NonZeroU32::new(ppid::DCEP);
        Self {
            association,
            role: None,
            connected: false,
            next_id: 0,
            channels: BTreeMap::new(),
            streams: BTreeMap::new(),
            burned: BTreeSet::new(),
            draining: BTreeMap::new(),
            peer_names: 0,
            opened: BTreeMap::new(),
            closed: BTreeSet::new(),
            low: BTreeSet::new(),
            up: false,
            restarted: false,
            readable: false,
            ended: None,
            totals: ChannelTotals::default(),
        }
    }

    /// Begins once DTLS is up; `role` is our part in the DTLS handshake, which decides about stream numbers (RFC 8832
    /// section 6). Without effect the second time.
    pub fn connect(&mut self, now: Instant, role: Role) {
        if self.role.is_none() {
            self.take_role(role);
            self.association.connect(now);
            if self.connected {
                // The peer was quicker.
                self.announce_all(now);
            }
        }
    }

    /// The same without a round trip, with the INIT chunk out of the peer's description; see
    /// [`Association::connect_with`]. Ours for the peer is [`Association::sctp_init`].
    ///
    /// # Errors
    /// See [`SnapError`]; nothing has changed.
    pub fn connect_with(&mut self, now: Instant, role: Role, init: &[u8]) -> Result<(), SnapError> {
        if self.role.is_some() {
            return Err(SnapError::Begun);
        }
        self.association.connect_with(now, init)?;
        self.take_role(role);
        self.pump(now);
        Ok(())
    }

    /// Now streams have numbers.
    fn take_role(&mut self, role: Role) {
        self.role = Some(role);
        let waiting: Vec<ChannelId> = self.channels.keys().copied().collect();
        for id in waiting {
            self.assign_stream(id);
        }
    }

    /// Opens a channel, also before `connect`. It can be sent on once [`ChannelEvent::Opened`] has come.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        &mut self,
        now: Instant,
        label: &str,
        options: ChannelOptions,
    ) -> Result<ChannelId, OpenError> {
        self.association.tick(now);
        if self.ended.is_some() || self.association.is_closed() {
            return Err(OpenError::Closed);
        }
        if self.channels.len() >= MOST_CHANNELS {
            return Err(OpenError::TooMany { limit: MOST_CHANNELS });
        }
        let longest = label.len().max(options.protocol.len());
        if longest > usize::from(u16::MAX) {
            return Err(OpenError::NameTooLong { length: longest });
        }
        if let Some(stream) = options.negotiated
            && (stream == u16::MAX || self.streams.contains_key(&stream) || self.burned.contains(&stream))
        {
            return Err(OpenError::IdInUse { stream });
        }
        let info = ChannelInfo {
            label: label.to_owned(),
            stream: options.negotiated,
            state: ChannelState::Connecting,
            options,
        };
        let epoch = info.stream.map_or(0, |stream| self.association.incoming_epoch(stream));
        let id = self.insert(info, epoch, false);
        if self.role.is_some() {
            self.assign_stream(id);
            if self.connected {
                self.announce(now, id);
            }
        }
        if !self.channels.contains_key(&id) {
            self.closed.remove(&id);
            return Err(OpenError::NoStreamLeft);
        }
        Ok(id)
    }

    fn insert(&mut self, info: ChannelInfo, epoch: u32, by_peer: bool) -> ChannelId {
        let id = ChannelId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(stream) = info.stream {
            self.streams.insert(stream, id);
            self.association.set_priority(stream, info.options.priority);
        }
        let channel = Channel {
            info,
            epoch,
            acknowledged: by_peer,
            by_peer,
            ours_reset: false,
            theirs_reset: false,
            ack_due: false,
            low_threshold: 0,
            stats: ChannelStats::default(),
        };
        self.totals.data_channels_opened += u64::from(channel.info.state == ChannelState::Open);
        self.channels.insert(id, channel);
        id
    }

    /// Client even, server odd; a channel for which no number is left is closed.
    fn assign_stream(&mut self, id: ChannelId) {
        let Some(role) = self.role else { return };
        let free = (role.first_stream()..u16::MAX)
            .step_by(2)
            .find(|s| !self.streams.contains_key(s) && !self.burned.contains(s));
        let Some(channel) = self.channels.get_mut(&id).filter(|c| c.info.stream.is_none()) else { return };
        match free {
            Some(stream) => {
                channel.info.stream = Some(stream);
                channel.epoch = self.association.incoming_epoch(stream);
                self.association.set_buffered_amount_low_threshold(stream, channel.low_threshold);
                self.association.set_priority(stream, channel.info.options.priority);
                self.streams.insert(stream, id);
            }
            None => self.finish(id),
        }
    }

    fn announce_all(&mut self, now: Instant) {
        let all: Vec<ChannelId> = self.channels.keys().copied().collect();
        all.into_iter().for_each(|id| self.announce(now, id));
    }

    /// The association is up: in-band channels send OPEN, and all can be used.
    fn announce(&mut self, now: Instant, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let (ChannelState::Connecting, Some(stream)) = (channel.info.state, channel.info.stream) else {
            return;
        };
        if channel.info.options.negotiated.is_some() {
            // Both sides know of it, whoever sends first.
            channel.acknowledged = true;
            if self.association.streams().is_some_and(|streams| stream >= streams) {
                self.finish(id);
                return;
            }
        } else {
            let mut open = Vec::new();
            Dcep::Open(Open::new(&channel.info)).encode(&mut open);
            let options = SendOptions { ppid: ppid::DCEP, ..SendOptions::default() };
            if self.association.send_as(now, stream, open.into(), options, true).is_err() {
                self.burned.insert(stream);
                self.finish(id);
                return;
            }
        }
        channel.info.state = ChannelState::Open;
        self.totals.data_channels_opened += 1;
        self.opened.insert(id, false);
    }

    /// Sends text.
    ///
    /// # Errors
    /// See [`ChannelSendError`]; nothing was taken.
    pub fn send_text(&mut self, now: Instant, id: ChannelId, text: &str) -> Result<(), ChannelSendError> {
        self.send(now, id, Message::text(text))
    }

    /// Sends octets, which are shared, not copied.
    ///
    /// # Errors
    /// See [`ChannelSendError`]; nothing was taken.
    pub fn send_binary(
        &mut self,
        now: Instant,
        id: ChannelId,
        payload: impl Into<Bytes>,
    ) -> Result<(), ChannelSendError> {
        self.send(now, id, Message::binary(payload))
    }

    /// Sends a message; empty ones too (RFC 8831 section 6.6).
    ///
    /// # Errors
    /// See [`ChannelSendError`]; nothing was taken.
    pub fn send(&mut self, now: Instant, id: ChannelId, message: Message) -> Result<(), ChannelSendError> {
        let channel = self.channels.get_mut(&id).ok_or(ChannelSendError::NotOpen)?;
        let (ChannelState::Open, Some(stream)) = (channel.info.state, channel.info.stream) else {
            return Err(ChannelSendError::NotOpen);
        };
        let Message { is_text, payload } = message;
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let (ppid, payload) = match (is_text, payload.is_empty()) {
            (true, false) => (ppid::TEXT, payload),
            (false, false) => (ppid::BINARY, payload),
            (true, true) => (ppid::TEXT_EMPTY, Bytes::from_static(&[0])),
            (false, true) => (ppid::BINARY_EMPTY, Bytes::from_static(&[0])),
        };
        let options = SendOptions {
            ppid,
            // RFC 8832 section 6: in order until the peer is known to have seen OPEN.
            unordered: !channel.info.options.ordered && channel.acknowledged,
            reliability: channel.info.options.reliability,
        };
        match self.association.send(now, stream, payload, options) {
            Ok(()) => {
                channel.stats.messages_sent += 1;
                channel.stats.bytes_sent += length;
                Ok(())
            }
            Err(SendError::WouldBlock { used, limit }) => Err(ChannelSendError::WouldBlock { used, limit }),
            Err(SendError::TooLarge { length, limit }) => Err(ChannelSendError::TooLarge { length, limit }),
            // Opened by the peer while our reset of the number's last use is not yet confirmed.
            Err(SendError::Resetting { .. }) => Err(ChannelSendError::WouldBlock { used: 0, limit: 0 }),
            Err(_) => Err(ChannelSendError::NotOpen),
        }
    }

    /// The next message and the channel it came on, which may have been closed meanwhile. Negotiated channels are opened
    /// before the first call: a message for a number that no channel has is an error of the peer's.
    pub fn receive(&mut self, now: Instant) -> Option<(ChannelId, Message)> {
        loop {
            let Some(received) = self.association.receive(now) else {
                self.draining.clear();
                return None;
            };
            let Received { stream, ppid, payload, epoch, .. } = received;
            let current = self.streams.get(&stream).copied();
            let current = current.filter(|id| self.channels.get(id).is_some_and(|c| c.epoch == epoch));
            let Some(id) = current.or_else(|| self.draining.get(&(stream, epoch)).copied()) else {
                self.on_stray(now, stream, epoch);
                continue;
            };
            let message = match ppid {
                ppid::TEXT => Message { is_text: true, payload },
                ppid::BINARY => Message { is_text: false, payload },
                ppid::TEXT_EMPTY => Message { is_text: true, payload: Bytes::new() },
                ppid::BINARY_EMPTY => Message { is_text: false, payload: Bytes::new() },
                _ => continue,
            };
            if let Some(channel) = self.channels.get_mut(&id) {
                // Any message of the peer shows that it knows the channel.
                channel.acknowledged = true;
                channel.stats.messages_received += 1;
                channel.stats.bytes_received += u64::try_from(message.payload.len()).unwrap_or(u64::MAX);
            }
            return Some((id, message));
        }
    }

    /// A message on a number that no channel has, in its present use: the peer's end of it is closed (RFC 8832 section 6).
    fn on_stray(&mut self, now: Instant, stream: u16, epoch: u32) {
        let unused = !self.streams.contains_key(&stream) && !self.burned.contains(&stream);
        if unused && epoch == self.association.incoming_epoch(stream) {
            // Where that is not possible, the message is dropped all the same.
            self.association.reset_streams(now, &[stream]).unwrap_or_default();
        }
    }

    /// Closes a channel: what was sent still goes out, then the stream is reset (RFC 8831 section 6.7).
    pub fn close_channel(&mut self, now: Instant, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        match (channel.info.state, channel.info.stream) {
            (ChannelState::Closing | ChannelState::Closed, _) => {}
            (ChannelState::Open, Some(stream)) => {
                channel.info.state = ChannelState::Closing;
                self.reset(now, id, stream);
            }
            _ => self.finish(id),
        }
    }

    fn reset(&mut self, now: Instant, id: ChannelId, stream: u16) {
        match self.association.reset_streams(now, &[stream]) {
            Ok(()) => {}
            Err(ResetError::Unsupported) => {
                // No way to agree: the number cannot be used again.
                self.burned.insert(stream);
                self.finish(id);
            }
            Err(_) => self.finish(id),
        }
    }

    /// The channel is over; its number is free unless it was burned.
    fn finish(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.remove(&id) else { return };
        self.totals.data_channels_closed += u64::from(channel.info.state != ChannelState::Connecting);
        if channel.by_peer {
            self.peer_names -= channel.info.names_len();
        }
        if let Some(stream) = channel.info.stream {
            self.streams.remove(&stream);
            self.association.set_buffered_amount_low_threshold(stream, 0);
            if self.association.is_readable() && self.draining.len() < MOST_DRAINING {
                self.draining.insert((stream, channel.epoch), id);
            }
        }
        self.low.remove(&id);
        // A peer that opens and closes without end fills no queue: what nobody has heard of is not told at last.
        if self.closed.len() < MOST_CHANNELS || self.opened.remove(&id).is_none() {
            self.closed.insert(id);
        }
    }

    /// Takes a datagram; see [`Association::handle_input`].
    pub fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) -> Input {
        let input = self.association.handle_input(now, datagram);
        self.pump(now);
        input
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.pump(now);
    }

    /// Appends the next packet to `out`, if there is one.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        self.association.poll_transmit(now, out)
    }

    /// When to call [`Channels::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        self.take_low();
        if std::mem::take(&mut self.up) {
            return Some(ChannelEvent::Connected);
        }
        if std::mem::take(&mut self.restarted) {
            return Some(ChannelEvent::Restarted);
        }
        if let Some((channel, by_peer)) = self.opened.pop_first() {
            return Some(ChannelEvent::Opened { channel, by_peer });
        }
        if let Some(channel) = self.low.pop_first() {
            return Some(ChannelEvent::BufferedAmountLow { channel });
        }
        if std::mem::take(&mut self.readable) {
            return Some(ChannelEvent::Readable);
        }
        if let Some(channel) = self.closed.pop_first() {
            return Some(ChannelEvent::Closed { channel });
        }
        self.ended.take_if(|_| true).map(ChannelEvent::Ended)
    }

    /// Ends the association when everything sent is acknowledged; see [`Association::close`].
    pub fn close(&mut self, now: Instant) {
        self.association.close(now);
        self.pump(now);
    }

    /// Ends the association at once; see [`Association::abort`].
    pub fn abort(&mut self, now: Instant) {
        self.association.abort(now);
        self.pump(now);
    }

    /// Over, and the last packet polled.
    pub fn is_closed(&self) -> bool {
        self.association.is_closed()
    }

    /// The largest SCTP packet that the path is known to take; see [`Association::set_path_mtu`].
    pub fn set_path_mtu(&mut self, octets: usize) {
        self.association.set_path_mtu(octets);
    }

    /// ICE has moved to another path; see [`Association::path_changed`].
    pub fn path_changed(&mut self, now: Instant) {
        self.association.path_changed(now);
    }

    /// The largest message that the peer takes (`a=max-message-size`); octets.
    pub fn set_max_send_message(&mut self, octets: usize) {
        self.association.set_max_send_message(octets);
    }

    /// What a channel is and where it stands; `None` once it is closed.
    pub fn info(&self, id: ChannelId) -> Option<&ChannelInfo> {
        self.channels.get(&id).map(|c| &c.info)
    }

    /// What went over a channel; `None` once it is closed.
    pub fn stats(&self, id: ChannelId) -> Option<ChannelStats> {
        self.channels.get(&id).map(|c| c.stats)
    }

    /// How many channels there have been.
    pub fn totals(&self) -> ChannelTotals {
        self.totals
    }

    /// All channels that are not closed.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelId, &ChannelInfo)> {
        self.channels.iter().map(|(&id, c)| (id, &c.info))
    }

    /// Octets given to `send` and not yet sent for the first time.
    pub fn buffered_amount(&self, id: ChannelId) -> usize {
        self.stream(id).map_or(0, |stream| self.association.buffered_amount(stream))
    }

    /// [`ChannelEvent::BufferedAmountLow`] comes when the amount falls from above this to it or below; octets, default 0.
    pub fn set_buffered_amount_low_threshold(&mut self, id: ChannelId, octets: usize) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.low_threshold = octets;
        if let Some(stream) = channel.info.stream {
            self.association.set_buffered_amount_low_threshold(stream, octets);
        }
    }

    /// The association below, to look at.
    pub fn association(&self) -> &Association {
        &self.association
    }

    fn stream(&self, id: ChannelId) -> Option<u16> {
        self.channels.get(&id).and_then(|c| c.info.stream)
    }

    fn take_low(&mut self) {
        for stream in self.association.take_low() {
            self.low.extend(self.streams.get(&stream));
        }
    }
}

impl ChannelInfo {
    fn names_len(&self) -> usize {
        self.label.len() + self.options.protocol.len()
    }
}

/// How a channel's reliability and order map to one type octet; see [`ChannelType`].
fn reliability_of(kind: ChannelType, parameter: u32) -> Reliability {
    use std::time::Duration;
    match kind.reliable() {
        dcep::Kind::Reliable => Reliability::Reliable,
        dcep::Kind::Retransmits => Reliability::MaxRetransmits(u16::try_from(parameter).unwrap_or(u16::MAX)),
        dcep::Kind::Lifetime => Reliability::Lifetime(Duration::from_millis(u64::from(parameter))),
    }
}
