//! Checking and decrypting packets.

use crate::error::{SetIndexError, UnprotectError};
use crate::header::{RtpHeader, rtcp_ssrc};
use crate::index::RTP_END;
use crate::key::MasterKey;
use crate::profile::Profile;
use crate::replay::{Verdict, Window};
use crate::sender;
use crate::streams::{Stream, Streams};
use crate::suite::{ENCRYPTED, Position, Suite};

/// What a [`Receiver`] takes and how much it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// Indices behind the highest that are told apart from replays; 64 to 8192, rounded up to a multiple of 64,
    /// default 1024. RFC 3711 section 3.3.2.
    pub replay_window: usize,
    /// Sources at once, default 1024. With the default window each takes about 300 octets.
    pub stream_limit: usize,
    /// Whether RTCP that is authentic but not encrypted is taken; default no. RFC 3711 section 3.4.
    pub accept_unencrypted_rtcp: bool,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self { replay_window: 1024, stream_limit: 1024, accept_unencrypted_rtcp: false }
    }
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Packets taken.
    pub received: u64,
    /// Dropped: malformed.
    pub malformed: u64,
    /// Dropped: the tag did not match.
    pub unauthentic: u64,
    /// Dropped: received before.
    pub replayed: u64,
    /// Dropped: behind the replay window.
    pub too_old: u64,
    /// Dropped: authentic RTCP without encryption.
    pub not_encrypted: u64,
    /// Dropped: one source too many.
    pub too_many_streams: u64,
}

/// Unprotects what one side receives: RTP and RTCP of all the peer's sources, under one master key.
///
/// Nothing changes before a packet's tag has been found right: no entry appears, no window moves, no counter of a
/// source advances, and the packet's octets stay as they are.
#[derive(Clone)]
pub struct Receiver {
    profile: Profile,
    config: ReceiverConfig,
    rtp: Suite,
    rtcp: Suite,
    streams: Streams,
    stats: ReceiverStats,
}

impl Receiver {
    /// Derives the session keys.
    pub fn new(key: &MasterKey, config: ReceiverConfig) -> Self {
        Self {
            profile: key.profile(),
            config,
            rtp: Suite::rtp(key),
            rtcp: Suite::rtcp(key),
            streams: Streams::new(config.stream_limit),
            stats: ReceiverStats::default(),
        }
    }

    /// Checks and decrypts an SRTP packet where it lies, and hands back the RTP packet in it.
    ///
    /// # Errors
    /// See [`UnprotectError`]; each is counted.
    //= rfc3711#3.3-2
    pub fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        let opened = self.open_rtp(packet);
        self.count(&opened);
        opened.map(|len| &mut packet[..len])
    }

    /// Checks and decrypts an SRTCP packet where it lies, and hands back the compound RTCP packet in it.
    ///
    /// # Errors
    /// See [`UnprotectError`]; each is counted.
    pub fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        let opened = self.open_rtcp(packet);
        self.count(&opened);
        opened.map(|len| &mut packet[..len])
    }

    /// Tells in which cycle a source's sequence numbers are, for whoever joins late; RFC 3711 section 3.3.1.
    ///
    /// # Errors
    /// The source was heard under a later index, or there are too many sources.
    pub fn set_roll_over_counter(&mut self, ssrc: u32, counter: u32) -> Result<(), SetIndexError> {
        sender::set_roll_over_counter(&mut self.streams, ssrc, counter, self.config.replay_window)
    }

    /// Forgets a source that has ended. Packets of it could be replayed from then on, so this is for the end of a
    /// source's life under this key.
    pub fn remove_stream(&mut self, ssrc: u32) -> bool {
        self.streams.remove(ssrc)
    }

    /// Sources that have sent an authentic packet.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Counters.
    pub fn stats(&self) -> ReceiverStats {
        self.stats
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let malformed = UnprotectError::Malformed { len: packet.len() };
        let header = RtpHeader::parse(packet, self.profile.rtp_tailroom()).ok_or(malformed)?;
        let ssrc = header.ssrc;
        let Some(stream) = self.streams.find(ssrc) else {
            return self.open_first_rtp(packet, header);
        };
        let index = stream.estimate(header.sequence);
        check(&stream.rtp, index)?;
        let len = self.rtp.open_rtp(packet, header.len, Position { ssrc, index });
        let len = len.ok_or(UnprotectError::Authentication)?;
        stream.rtp.insert(index);
        Ok(len)
    }

    /// A source not heard before. Its first packets may have been lost with a roll-over among them, so a low
    /// sequence number that does not open under counter 0 is tried once more under 1.
    fn open_first_rtp(&mut self, packet: &mut [u8], header: RtpHeader) -> Result<usize, UnprotectError> {
        let (limit, ssrc) = (self.streams.limit(), header.ssrc);
        if self.streams.is_full() {
            return Err(UnprotectError::TooManyStreams { limit });
        }
        let first = u64::from(header.sequence);
        let second = (header.sequence < 0x8000).then_some(first + 0x1_0000);
        for index in core::iter::once(first).chain(second) {
            debug_assert!(index < RTP_END, "two cycles are far from the end");
            if let Some(len) = self.rtp.open_rtp(packet, header.len, Position { ssrc, index }) {
                let mut stream = Stream::new(ssrc, self.config.replay_window);
                stream.rtp.insert(index);
                self.streams.insert(stream);
                return Ok(len);
            }
        }
        Err(UnprotectError::Authentication)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let malformed = UnprotectError::Malformed { len: packet.len() };
        let ssrc = rtcp_ssrc(packet, self.profile.rtcp_tailroom()).ok_or(malformed)?;
        let word = self.rtcp.rtcp_index_word(packet).ok_or(malformed)?;
        let index = u64::from(word & !ENCRYPTED);
        let (limit, full) = (self.streams.limit(), self.streams.is_full());
        match self.streams.find(ssrc) {
            Some(stream) => check(&stream.rtcp, index)?,
            None if full => return Err(UnprotectError::TooManyStreams { limit }),
            None => {}
        }
        // An unencrypted packet's tag is checked all the same, so that the counters tell forgeries from policy.
        let len = self.rtcp.open_rtcp(packet, Position { ssrc, index });
        let len = len.ok_or(UnprotectError::Authentication)?;
        if word & ENCRYPTED == 0 && !self.config.accept_unencrypted_rtcp {
            return Err(UnprotectError::NotEncrypted);
        }
        if self.streams.find(ssrc).is_none() {
            self.streams.insert(Stream::new(ssrc, self.config.replay_window));
        }
        if let Some(stream) = self.streams.find(ssrc) {
            stream.rtcp.insert(index);
        }
        Ok(len)
    }

    fn count(&mut self, opened: &Result<usize, UnprotectError>) {
        let stats = &mut self.stats;
        let counter = match opened {
            Ok(_) => &mut stats.received,
            Err(UnprotectError::Malformed { .. }) => &mut stats.malformed,
            Err(UnprotectError::Authentication) => &mut stats.unauthentic,
            Err(UnprotectError::Replayed { .. }) => &mut stats.replayed,
            Err(UnprotectError::TooOld { .. }) => &mut stats.too_old,
            Err(UnprotectError::NotEncrypted) => &mut stats.not_encrypted,
            Err(UnprotectError::TooManyStreams { .. }) => &mut stats.too_many_streams,
        };
        *counter += 1;
    }
}

impl core::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiver({}, {} sources)", self.profile, self.streams.len())
    }
}

fn check(window: &Window, index: u64) -> Result<(), UnprotectError> {
    match window.check(index) {
        Verdict::Fresh => Ok(()),
        Verdict::Seen => Err(UnprotectError::Replayed { index }),
        Verdict::TooOld => Err(UnprotectError::TooOld { index }),
    }
}
