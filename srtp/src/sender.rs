//! Protecting packets.

use alloc::vec::Vec;
use core::num::NonZeroU16;

use crate::config::SenderConfig;
use crate::error::{AddKeyError, ProtectError, SetIndexError, UnsuitedProfile};
use crate::header::{FIXED_LEN, PACKET_LIMIT, RtpHeader, rtcp_ssrc};
use crate::index::{RTCP_END, RTP_END};
use crate::key::MasterKey;
use crate::keys::Keys;
use crate::profile::Profile;
use crate::provider::Backend;
use crate::replay::Verdict;
use crate::streams::{Stream, Streams};
use crate::suite::{COUNTER_LEN, Position, Shape};
use crate::{cryptex, extensions};

/// Protects what one side sends: RTP and RTCP of all its sources, under one master key at a time.
///
/// The packet is encrypted where it lies, and the tag is appended behind it. No index is ever sealed twice.
pub struct Sender {
    pub(crate) config: SenderConfig,
    pub(crate) keys: Keys,
    pub(crate) streams: Streams,
    /// How often the roll-over counter goes along: with sequence numbers that are a multiple of it.
    pub(crate) counter_rate: Option<NonZeroU16>,
}

/// The share of a key's life after which [`Sender::wants_new_key`] says so: 15 sixteenths.
const WARNING: u64 = 16;

impl Sender {
    /// Derives the session keys; the rest by default.
    pub fn new(key: &MasterKey) -> Self {
        Self::with_config(key, SenderConfig::default(), Backend::default())
    }

    /// Derives the session keys.
    pub fn with_config(key: &MasterKey, config: SenderConfig, backend: Backend) -> Self {
        Self {
            config,
            keys: Keys::new(key, backend, !config.encrypted_extensions.is_empty()),
            streams: Streams::new(config.stream_limit, Keys::table_key(key)),
            counter_rate: None,
        }
    }

    /// Protects the RTP packet that stands at `at..` in `out`, which grows by up to [`Sender::rtp_tailroom`].
    ///
    /// Nothing is allocated when `out` has that much room, except for a source's first packet.
    ///
    /// # Errors
    /// See [`ProtectError`]; the buffer is as it was.
    //= rfc3711#3.3-1
    #[inline]
    pub fn protect_rtp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), ProtectError> {
        let packet = out.get(at..).unwrap_or_default();
        let header = RtpHeader::parse(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        self.seal_rtp(out, at, header)
    }

    pub(crate) fn seal_rtp(
        &mut self,
        out: &mut Vec<u8>,
        at: usize,
        header: RtpHeader,
    ) -> Result<(), ProtectError> {
        let ssrc = header.ssrc;
        within_limit(out, at)?;
        let (key, backend) = self.keys.current();
        let stream = stream(&mut self.streams, ssrc, self.config.window)?;
        let index = next_index(stream, header.sequence, ssrc, key.rtp_count >= key.master.lifetime().rtp)?;
        let hidden = self.config.cryptex && cryptex::applies(&header);
        if hidden {
            cryptex::mark(out, at, &header)
                .map_err(|other| ProtectError::HeaderExtension { profile: other.0 })?;
        }
        stream.rtp.insert(index);
        key.rtp_count += 1;
        key.prepare_rtp(backend, index);
        let position = Position { ssrc, index };
        //= rfc6904#3-1
        if let Some(keys) = &key.header
            && !hidden
        {
            extensions::apply(keys, self.config.encrypted_extensions, &mut out[at..], &header, position);
        }
        let shape = Shape {
            start: if hidden { cryptex::READABLE_LEN } else { header.len },
            sources: if hidden { header.sources_end - FIXED_LEN } else { 0 },
            identifier: key.master.identifier(),
            carries_counter: self.counter_rate.is_some_and(|rate| header.sequence % rate == 0),
        };
        key.rtp.seal_rtp(out, at, shape, position);
        Ok(())
    }

    /// Whether a packet of so many octets with this header would be protected.
    pub(crate) fn would_seal(&mut self, header: &RtpHeader, len: usize) -> Result<(), ProtectError> {
        if len > PACKET_LIMIT {
            return Err(ProtectError::TooLong { len });
        }
        let (key, _) = self.keys.current();
        let stream = stream(&mut self.streams, header.ssrc, self.config.window)?;
        let is_used_up = key.rtp_count >= key.master.lifetime().rtp;
        next_index(stream, header.sequence, header.ssrc, is_used_up).map(drop)
    }

    /// Protects the compound RTCP packet that stands at `at..` in `out`, which grows by [`Sender::rtcp_tailroom`].
    ///
    /// # Errors
    /// See [`ProtectError`]; the buffer is as it was.
    pub fn protect_rtcp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), ProtectError> {
        let packet = out.get(at..).unwrap_or_default();
        let ssrc = rtcp_ssrc(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        within_limit(out, at)?;
        let (key, backend) = self.keys.current();
        let stream = stream(&mut self.streams, ssrc, self.config.window)?;
        //= rfc3711#3.4-8
        let index = stream.rtcp.highest().map_or(0, |highest| highest + 1);
        //= rfc3711#3.4-14
        if index >= RTCP_END || key.rtcp_count >= key.master.lifetime().rtcp {
            return Err(ProtectError::KeyExhausted);
        }
        stream.rtcp.insert(index);
        key.rtcp_count += 1;
        key.prepare_rtcp(backend, index);
        let position = Position { ssrc, index };
        key.rtcp.seal_rtcp(out, at, self.config.encrypt_rtcp, key.master.identifier(), position);
        Ok(())
    }

    /// Starts a source at a roll-over counter other than 0, for instance to go on where another sender stopped.
    ///
    /// # Errors
    /// The source has sent under a later index, or there are too many sources.
    pub fn set_roll_over_counter(&mut self, ssrc: u32, counter: u32) -> Result<(), SetIndexError> {
        set_roll_over_counter(&mut self.streams, ssrc, counter, self.config.window)
    }

    /// The roll-over counter of a source that has sent RTP: what a late joiner must be told; RFC 3711 section 3.3.1.
    pub fn roll_over_counter(&mut self, ssrc: u32) -> Option<u32> {
        roll_over_counter(&mut self.streams, ssrc)
    }

    /// Sets the index of the next RTCP packet of a source.
    ///
    /// # Errors
    /// The source has sent under this index or a later one, or there are too many sources.
    pub fn set_rtcp_index(&mut self, ssrc: u32, next: u32) -> Result<(), SetIndexError> {
        let limit = self.streams.limit();
        let Ok(stream) = stream(&mut self.streams, ssrc, self.config.window) else {
            return Err(SetIndexError::TooManyStreams { limit });
        };
        match stream.rtcp.highest() {
            Some(current) if current >= u64::from(next) => Err(SetIndexError::Backwards { current }),
            _ => {
                stream.rtcp.start_at(next.into());
                Ok(())
            }
        }
    }

    /// Sends the roll-over counter along in every packet whose sequence number is a multiple of `rate`, so that whoever
    /// joins late need not be told; RFC 4771. With HMAC-SHA1 this is its mode 2: all packets are authenticated, and
    /// those that carry the counter have 32 bits less of a tag. With GCM it is mode 3: the counter comes behind the tag
    /// of the cipher, which depends on it. Modes in which packets go unauthenticated are left out.
    ///
    /// # Errors
    /// The profile's tags have 32 bits, all of which the counter would take.
    pub fn carry_roll_over_counter(&mut self, rate: NonZeroU16) -> Result<(), UnsuitedProfile> {
        suits_counter(self.profile())?;
        self.counter_rate = Some(rate);
        Ok(())
    }

    /// Takes another master key, to be used from [`Sender::use_key`] on.
    ///
    /// # Errors
    /// See [`AddKeyError`].
    pub fn add_key(&mut self, key: &MasterKey) -> Result<(), AddKeyError> {
        self.keys.add(key)
    }

    /// Protects with the key of this identifier from the next packet on; `false` when there is none. Indices go on
    /// counting; a source that had used all of them begins anew.
    //= rfc3711#3.3.1-8
    //= rfc3711#3.4-9
    pub fn use_key(&mut self, identifier: &[u8]) -> bool {
        let before = self.keys.current_ref().master.clone();
        let found = self.keys.choose(identifier);
        if found && !self.keys.current_ref().master.is_same_secret(&before) {
            self.restart_exhausted();
        }
        found
    }

    /// Forgets a key that is no longer in use.
    pub fn remove_key(&mut self, identifier: &[u8]) -> bool {
        self.keys.remove(identifier)
    }

    /// Puts a new master key in the place of all others, where packets carry no identifier. Indices go on counting.
    ///
    /// # Errors
    /// See [`AddKeyError`].
    pub fn replace_key(&mut self, key: &MasterKey) -> Result<(), AddKeyError> {
        self.keys.replace(key)?;
        self.restart_exhausted();
        Ok(())
    }

    /// Forgets a source that has ended for good. Its SSRC must not be used again under this key.
    pub fn remove_stream(&mut self, ssrc: u32) -> bool {
        self.streams.remove(ssrc)
    }

    /// Whether the key, or the indices of this source, are used up to fifteen sixteenths; RFC 3711 section 9.2.
    pub fn wants_new_key(&mut self, ssrc: u32) -> bool {
        let late = |used: u64, end: u64| used >= end - end / WARNING;
        let key = self.keys.current_ref();
        let lifetime = key.master.lifetime();
        late(key.rtp_count, lifetime.rtp)
            || late(key.rtcp_count, lifetime.rtcp)
            || self.streams.find(ssrc).is_some_and(|stream| {
                let used = |highest: Option<u64>| highest.map_or(0, |highest| highest + 1);
                late(used(stream.rtp.highest()), RTP_END) || late(used(stream.rtcp.highest()), RTCP_END)
            })
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.keys.current_ref().master.profile()
    }

    /// Octets by which an RTP packet can grow.
    pub fn rtp_tailroom(&self) -> usize {
        let profile = self.profile();
        let counter = if profile.is_aead() && self.counter_rate.is_some() { COUNTER_LEN } else { 0 };
        // Cryptex adds the head of an extension to a packet with contributing sources and none.
        let extension = if self.config.cryptex { 4 } else { 0 };
        profile.rtp_tailroom() + self.keys.identifier_len() + counter + extension
    }

    /// Octets by which an RTCP packet grows.
    pub fn rtcp_tailroom(&self) -> usize {
        self.profile().rtcp_tailroom() + self.keys.identifier_len()
    }

    /// Under a new key all indices may be used again; RFC 3711 section 9.2.
    fn restart_exhausted(&mut self) {
        let window = self.config.window;
        for stream in self.streams.iter_mut() {
            let fresh = Stream::new(0, window);
            if stream.rtp.highest() == Some(RTP_END - 1) {
                stream.rtp = fresh.rtp;
                stream.told = None;
            }
            if stream.rtcp.highest() == Some(RTCP_END - 1) {
                stream.rtcp = fresh.rtcp;
            }
        }
    }
}

impl core::fmt::Debug for Sender {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sender({}, {} sources)", self.profile(), self.streams.len())
    }
}

fn within_limit(out: &[u8], at: usize) -> Result<(), ProtectError> {
    let len = out.len() - at;
    if len > PACKET_LIMIT { Err(ProtectError::TooLong { len }) } else { Ok(()) }
}

/// The index that a packet gets, if it may have it.
#[inline]
fn next_index(stream: &Stream, sequence: u16, ssrc: u32, is_used_up: bool) -> Result<u64, ProtectError> {
    let index = stream.estimate(sequence);
    // The last cycle wraps back onto itself: whatever comes then has been used or is too old.
    //= rfc3711#3.3.1-9
    //= rfc3711#9.2-3
    if stream.rtp.highest() == Some(RTP_END - 1) || is_used_up {
        return Err(ProtectError::KeyExhausted);
    }
    //= rfc3711#9.1-1
    if stream.rtp.check(index) != Verdict::Fresh {
        return Err(ProtectError::IndexUsed { ssrc, index });
    }
    Ok(index)
}

#[inline]
fn stream(streams: &mut Streams, ssrc: u32, window: usize) -> Result<&mut Stream, ProtectError> {
    let limit = streams.limit();
    streams.find_or_insert(ssrc, window).ok_or(ProtectError::TooManyStreams { limit })
}

/// Moves a source to the beginning of a cycle of sequence numbers.
pub(crate) fn set_roll_over_counter(
    streams: &mut Streams,
    ssrc: u32,
    counter: u32,
    window: usize,
) -> Result<(), SetIndexError> {
    let limit = streams.limit();
    let stream = stream(streams, ssrc, window).map_err(|_| SetIndexError::TooManyStreams { limit })?;
    let start = u64::from(counter) << 16;
    match stream.rtp.highest() {
        Some(current) if current >= start => Err(SetIndexError::Backwards { current }),
        _ => {
            stream.set_cycle(start);
            Ok(())
        }
    }
}

pub(crate) fn roll_over_counter(streams: &mut Streams, ssrc: u32) -> Option<u32> {
    let stream = streams.find(ssrc)?;
    let highest = stream.rtp.highest()?;
    u32::try_from((highest + u64::from(stream.told == Some(highest))) >> 16).ok()
}

pub(crate) fn suits_counter(profile: Profile) -> Result<(), UnsuitedProfile> {
    if profile.rtp_tailroom() <= COUNTER_LEN { Err(UnsuitedProfile(profile)) } else { Ok(()) }
}
