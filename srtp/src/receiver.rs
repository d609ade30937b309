//! Checking and decrypting packets.

use core::num::NonZeroU16;

use crate::config::{ReceiverConfig, WhenFull};
use crate::cryptex::{self, Cryptex};
use crate::error::{AddKeyError, SetIndexError, UnprotectError, UnsuitedProfile};
use crate::extensions;
use crate::header::{FIXED_LEN, PACKET_LIMIT, RtpHeader, rtcp_ssrc};
use crate::key::MasterKey;
use crate::keys::{Keyed, Keys};
use crate::profile::Profile;
use crate::provider::Backend;
use crate::replay::{Verdict, Window};
use crate::sender;
use crate::streams::{Stream, Streams};
use crate::suite::{COUNTER_LEN, ENCRYPTED, Position, Shape, behind_identifier};

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Packets taken.
    pub received: u64,
    /// Dropped: malformed.
    pub malformed: u64,
    /// Dropped: of a key that nobody named.
    pub unknown_key: u64,
    /// Dropped: the tag did not match.
    pub unauthentic: u64,
    /// Dropped: received before.
    pub replayed: u64,
    /// Dropped: behind the replay window.
    pub too_old: u64,
    /// Dropped: authentic RTCP without encryption.
    pub not_encrypted: u64,
    /// Dropped: with a header that should have been encrypted.
    pub readable_header: u64,
    /// Dropped: one source too many.
    pub too_many_streams: u64,
}

/// Unprotects what one side receives: RTP and RTCP of all the peer's sources.
///
/// Nothing changes before a packet's tag has been found right: no entry appears, no window moves, no counter of a
/// source advances, and the packet's octets stay as they are.
pub struct Receiver {
    pub(crate) config: ReceiverConfig,
    pub(crate) keys: Keys,
    pub(crate) streams: Streams,
    pub(crate) counter_rate: Option<NonZeroU16>,
    stats: ReceiverStats,
}

impl Receiver {
    /// Derives the session keys.
    pub fn new(key: &MasterKey, config: ReceiverConfig) -> Self {
        Self::with_backend(key, config, Backend::default())
    }

    /// Derives the session keys, with ciphers of one's choice.
    pub fn with_backend(key: &MasterKey, config: ReceiverConfig, backend: Backend) -> Self {
        let keys = Keys::new(key, backend, !config.encrypted_extensions.is_empty());
        Self::from_parts(config, keys, Streams::new(config.stream_limit, Keys::table_key(key)), None)
    }

    pub(crate) fn from_parts(
        config: ReceiverConfig,
        keys: Keys,
        streams: Streams,
        counter_rate: Option<NonZeroU16>,
    ) -> Self {
        Self { config, keys, streams, counter_rate, stats: ReceiverStats::default() }
    }

    /// Checks and decrypts an SRTP packet where it lies, and hands back the RTP packet in it.
    ///
    /// # Errors
    /// See [`UnprotectError`]; each is counted.
    //= rfc3711#3.3-2
    #[inline]
    pub fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        let opened = within_limit(packet).and_then(|()| self.open_rtp(packet));
        self.count(&opened);
        opened.map(|len| &mut packet[..len])
    }

    /// Checks and decrypts an SRTCP packet where it lies, and hands back the compound RTCP packet in it.
    ///
    /// # Errors
    /// See [`UnprotectError`]; each is counted.
    pub fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        let opened = within_limit(packet).and_then(|()| self.open_rtcp(packet));
        self.count(&opened);
        opened.map(|len| &mut packet[..len])
    }

    /// Tells in which cycle a source's sequence numbers are, for whoever joins late; RFC 3711 section 3.3.1.
    ///
    /// # Errors
    /// The source was heard under a later index, or there are too many sources.
    //= rfc3711#3.3.1-4
    pub fn set_roll_over_counter(&mut self, ssrc: u32, counter: u32) -> Result<(), SetIndexError> {
        sender::set_roll_over_counter(&mut self.streams, ssrc, counter, self.config.replay_window)
    }

    /// The roll-over counter of a source of which RTP was heard.
    pub fn roll_over_counter(&mut self, ssrc: u32) -> Option<u32> {
        sender::roll_over_counter(&mut self.streams, ssrc)
    }

    /// Expects the roll-over counter in every packet whose sequence number is a multiple of `rate`; see
    /// [`Sender::carry_roll_over_counter`](crate::Sender::carry_roll_over_counter).
    ///
    /// # Errors
    /// The profile's tags have 32 bits, all of which the counter would take.
    pub fn expect_roll_over_counter(&mut self, rate: NonZeroU16) -> Result<(), UnsuitedProfile> {
        sender::suits_counter(self.profile())?;
        self.counter_rate = Some(rate);
        Ok(())
    }

    /// Takes packets of another master key too. Packets say which key is theirs by its identifier.
    ///
    /// # Errors
    /// See [`AddKeyError`].
    pub fn add_key(&mut self, key: &MasterKey) -> Result<(), AddKeyError> {
        self.keys.add(key)
    }

    /// Forgets a key, unless it is the one of the last packet that was taken.
    pub fn remove_key(&mut self, identifier: &[u8]) -> bool {
        self.keys.remove(identifier)
    }

    /// Puts a new master key in the place of all others, where packets carry no identifier. Indices go on counting.
    ///
    /// # Errors
    /// See [`AddKeyError`].
    pub fn replace_key(&mut self, key: &MasterKey) -> Result<(), AddKeyError> {
        self.keys.replace(key)
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
        self.keys.current_ref().master.profile()
    }

    /// Counters.
    pub fn stats(&self) -> ReceiverStats {
        self.stats
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let profile = self.profile();
        let malformed = UnprotectError::Malformed { len: packet.len() };
        let tag_len = profile.rtp_tailroom();
        let tail = tag_len + self.keys.identifier_len();
        let mut header = RtpHeader::parse(packet, tail).ok_or(malformed)?;
        let carries_counter = self.counter_rate.is_some_and(|rate| header.sequence % rate == 0);
        // Behind the key identifier: with GCM nothing but the counter, else the tag, which begins with the counter.
        let mut behind = behind_identifier(profile, tag_len);
        let mut counter = None;
        if carries_counter {
            if profile.is_aead() {
                header = RtpHeader::parse(packet, tail + COUNTER_LEN).ok_or(malformed)?;
                behind = COUNTER_LEN;
            }
            let octets = packet[packet.len() - behind..].first_chunk();
            counter = octets.map(|octets| u64::from(u32::from_be_bytes(*octets)));
        }
        let hidden = self.config.cryptex != Cryptex::Off && cryptex::is_encrypted(packet, &header);
        if self.config.cryptex == Cryptex::Required && cryptex::applies(&header) && !hidden {
            return Err(UnprotectError::ReadableHeader);
        }
        let at = key_position(&self.keys, packet, behind)?;
        let candidate = Candidate { header, hidden, carries_counter, ids: self.config.encrypted_extensions };
        let ssrc = header.ssrc;
        let Some(stream) = self.streams.find(ssrc) else {
            return self.open_first_rtp(packet, candidate, at, counter);
        };
        let index = counter.map_or_else(
            || stream.estimate(header.sequence),
            |counter| counter << 16 | u64::from(header.sequence),
        );
        //= rfc3711#3.3-3
        check(&stream.rtp, index)?;
        let (key, backend) = self.keys.at(at);
        key.prepare_rtp(backend, index);
        let len = candidate.open(key, packet, index);
        //= rfc3711#3.3-4
        let len = len.ok_or(UnprotectError::Authentication)?;
        //= rfc3711#3.3.1-7
        //= rfc3711#3.3.2-4
        stream.rtp.insert(index);
        self.streams.note_use();
        self.keys.set_current(at);
        Ok(len)
    }

    /// A source not heard before. Its first packets may have been lost with a roll-over among them, so a low
    /// sequence number that does not open under counter 0 is tried once more under 1.
    #[cold]
    fn open_first_rtp(
        &mut self,
        packet: &mut [u8],
        candidate: Candidate,
        at: usize,
        counter: Option<u64>,
    ) -> Result<usize, UnprotectError> {
        let limit = self.streams.limit();
        if self.streams.is_full() && self.config.when_full == WhenFull::Refuse {
            return Err(UnprotectError::TooManyStreams { limit });
        }
        let sequence = candidate.header.sequence;
        let counters = match counter {
            Some(counter) => counter..=counter,
            None if sequence < 0x8000 => 0..=1,
            None => 0..=0,
        };
        for counter in counters {
            let index = counter << 16 | u64::from(sequence);
            let (key, backend) = self.keys.at(at);
            key.prepare_rtp(backend, index);
            if let Some(len) = candidate.open(key, packet, index) {
                self.keys.set_current(at);
                self.remember(candidate.header.ssrc)?.rtp.insert(index);
                self.streams.note_use();
                return Ok(len);
            }
        }
        Err(UnprotectError::Authentication)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let profile = self.profile();
        let malformed = UnprotectError::Malformed { len: packet.len() };
        let identifier = self.keys.identifier_len();
        let ssrc = rtcp_ssrc(packet, profile.rtcp_tailroom() + identifier).ok_or(malformed)?;
        let behind = behind_identifier(profile, RTCP_TAG_LEN);
        let at = key_position(&self.keys, packet, behind)?;
        let word_end = packet.len() - identifier - behind;
        let word =
            packet[..word_end].last_chunk::<4>().map(|word| u32::from_be_bytes(*word)).ok_or(malformed)?;
        let index = u64::from(word & !ENCRYPTED);
        let (limit, full) = (self.streams.limit(), self.streams.is_full());
        match self.streams.find(ssrc) {
            Some(stream) => check(&stream.rtcp, index)?,
            None if full && self.config.when_full == WhenFull::Refuse => {
                return Err(UnprotectError::TooManyStreams { limit });
            }
            None => {}
        }
        let (key, backend) = self.keys.at(at);
        key.prepare_rtcp(backend, index);
        // An unencrypted packet's tag is checked all the same, so that the counters tell forgeries from policy.
        let plain_wanted = self.config.accept_unencrypted_rtcp || !profile.encrypts();
        let len = key.rtcp.open_rtcp(packet, identifier, Position { ssrc, index });
        let len = len.ok_or(UnprotectError::Authentication)?;
        if word & ENCRYPTED == 0 && !plain_wanted {
            return Err(UnprotectError::NotEncrypted);
        }
        self.keys.set_current(at);
        self.remember(ssrc)?.rtcp.insert(index);
        self.streams.note_use();
        Ok(len)
    }

    /// The entry of a source that has sent an authentic packet.
    fn remember(&mut self, ssrc: u32) -> Result<&mut Stream, UnprotectError> {
        let (limit, window) = (self.streams.limit(), self.config.replay_window);
        if self.streams.is_full() && !self.streams.contains(ssrc) {
            self.streams.evict();
        }
        self.streams.find_or_insert(ssrc, window).ok_or(UnprotectError::TooManyStreams { limit })
    }

    fn count(&mut self, opened: &Result<usize, UnprotectError>) {
        let stats = &mut self.stats;
        let counter = match opened {
            Ok(_) => &mut stats.received,
            Err(UnprotectError::Malformed { .. }) => &mut stats.malformed,
            Err(UnprotectError::UnknownKey) => &mut stats.unknown_key,
            Err(UnprotectError::Authentication) => &mut stats.unauthentic,
            Err(UnprotectError::Replayed { .. }) => &mut stats.replayed,
            Err(UnprotectError::TooOld { .. }) => &mut stats.too_old,
            Err(UnprotectError::NotEncrypted) => &mut stats.not_encrypted,
            Err(UnprotectError::ReadableHeader) => &mut stats.readable_header,
            Err(UnprotectError::TooManyStreams { .. }) => &mut stats.too_many_streams,
        };
        *counter += 1;
    }
}

impl core::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Receiver({}, {} sources)", self.profile(), self.streams.len())
    }
}

/// Whatever a sender may append to the longest packet is short beside it.
fn within_limit(packet: &[u8]) -> Result<(), UnprotectError> {
    let len = packet.len();
    if len > PACKET_LIMIT + 1024 { Err(UnprotectError::Malformed { len }) } else { Ok(()) }
}

/// Octets of an RTCP packet's tag where the key identifier stands before it.
const RTCP_TAG_LEN: usize = 10;

/// An RTP packet before it is known whether it is authentic.
#[derive(Clone, Copy)]
struct Candidate {
    header: RtpHeader,
    hidden: bool,
    carries_counter: bool,
    ids: extensions::ExtensionIds,
}

impl Candidate {
    /// Opens the packet with the session keys at hand.
    #[inline]
    fn open(&self, key: &mut Keyed, packet: &mut [u8], index: u64) -> Option<usize> {
        let header = self.header;
        let position = Position { ssrc: header.ssrc, index };
        let shape = Shape {
            start: if self.hidden { cryptex::READABLE_LEN } else { header.len },
            sources: if self.hidden { header.sources_end - FIXED_LEN } else { 0 },
            identifier: key.master.identifier(),
            carries_counter: self.carries_counter,
        };
        let len = key.rtp.open_rtp(packet, shape, position)?;
        //= rfc6904#3-2
        if self.hidden {
            cryptex::unmark(packet, &header);
        } else if let Some(keys) = &key.header {
            extensions::apply(keys, self.ids, packet, &header, position);
        }
        Some(len)
    }
}

/// Where the key stands whose identifier is `behind` octets before the packet's end; the only one where there is none.
#[inline]
fn key_position(keys: &Keys, packet: &[u8], behind: usize) -> Result<usize, UnprotectError> {
    if keys.identifier_len() == 0 {
        return Ok(keys.current_position());
    }
    let end = packet.len().saturating_sub(behind);
    let identifier = end.checked_sub(keys.identifier_len()).and_then(|from| packet.get(from..end));
    identifier.and_then(|identifier| keys.position(identifier)).ok_or(UnprotectError::UnknownKey)
}

//= rfc3711#3.3.2-3
fn check(window: &Window, index: u64) -> Result<(), UnprotectError> {
    match window.check(index) {
        Verdict::Fresh => Ok(()),
        Verdict::Seen => Err(UnprotectError::Replayed { index }),
        Verdict::TooOld => Err(UnprotectError::TooOld { index }),
    }
}
