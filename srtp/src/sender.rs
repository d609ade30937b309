//! Protecting packets.

use alloc::vec::Vec;

use crate::error::{ProtectError, SetIndexError};
use crate::header::{RtpHeader, rtcp_ssrc};
use crate::index::{RTCP_END, RTP_END};
use crate::key::MasterKey;
use crate::profile::Profile;
use crate::replay::Verdict;
use crate::streams::{Stream, Streams};
use crate::suite::{Position, Suite};

/// Protects what one side sends: RTP and RTCP of all its sources, under one master key.
///
/// The packet is encrypted where it lies, and the tag is appended behind it. No index is ever sealed twice.
#[derive(Clone)]
pub struct Sender {
    profile: Profile,
    rtp: Suite,
    rtcp: Suite,
    streams: Streams,
}

/// Sources that a sender keeps; an application has a handful.
const STREAM_LIMIT: usize = 4096;
/// Indices behind the highest within which a packet may be sealed late: out of order, or never before.
const WINDOW: usize = 1024;
/// The share of a key's life after which [`Sender::wants_new_key`] says so: 15 sixteenths.
const WARNING: u64 = 16;

impl Sender {
    /// Derives the session keys.
    pub fn new(key: &MasterKey) -> Self {
        Self {
            profile: key.profile(),
            rtp: Suite::rtp(key),
            rtcp: Suite::rtcp(key),
            streams: Streams::new(STREAM_LIMIT),
        }
    }

    /// Protects the RTP packet that stands at `at..` in `out`, which grows by [`Profile::rtp_tailroom`].
    ///
    /// Nothing is allocated when `out` has that much room, except for a source's first packet.
    ///
    /// # Errors
    /// See [`ProtectError`]; the buffer is as it was.
    //= rfc3711#3.3-1
    pub fn protect_rtp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), ProtectError> {
        let packet = out.get(at..).unwrap_or_default();
        let header = RtpHeader::parse(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        let ssrc = header.ssrc;
        let stream = stream(&mut self.streams, ssrc)?;
        let index = stream.estimate(header.sequence);
        // The last cycle wraps back onto itself: whatever comes then has been used or is too old.
        if stream.rtp.highest() == Some(RTP_END - 1) {
            return Err(ProtectError::KeyExhausted);
        }
        if stream.rtp.check(index) != Verdict::Fresh {
            return Err(ProtectError::IndexUsed { ssrc, index });
        }
        stream.rtp.insert(index);
        self.rtp.seal_rtp(out, at, header.len, Position { ssrc, index });
        Ok(())
    }

    /// Protects the compound RTCP packet that stands at `at..` in `out`, which grows by [`Profile::rtcp_tailroom`].
    ///
    /// # Errors
    /// See [`ProtectError`]; the buffer is as it was.
    pub fn protect_rtcp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), ProtectError> {
        let packet = out.get(at..).unwrap_or_default();
        let ssrc = rtcp_ssrc(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        let stream = stream(&mut self.streams, ssrc)?;
        let index = stream.rtcp.highest().map_or(0, |highest| highest + 1);
        if index >= RTCP_END {
            return Err(ProtectError::KeyExhausted);
        }
        stream.rtcp.insert(index);
        self.rtcp.seal_rtcp(out, at, Position { ssrc, index });
        Ok(())
    }

    /// Starts a source at a roll-over counter other than 0, for instance to go on where another sender stopped.
    ///
    /// # Errors
    /// The source has sent under a later index, or there are too many sources.
    pub fn set_roll_over_counter(&mut self, ssrc: u32, counter: u32) -> Result<(), SetIndexError> {
        set_roll_over_counter(&mut self.streams, ssrc, counter, WINDOW)
    }

    /// Sets the index of the next RTCP packet of a source.
    ///
    /// # Errors
    /// The source has sent under this index or a later one, or there are too many sources.
    pub fn set_rtcp_index(&mut self, ssrc: u32, next: u32) -> Result<(), SetIndexError> {
        let limit = self.streams.limit();
        let Ok(stream) = stream(&mut self.streams, ssrc) else {
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

    /// Forgets a source that has ended for good. Its SSRC must not be used again under this key.
    pub fn remove_stream(&mut self, ssrc: u32) -> bool {
        self.streams.remove(ssrc)
    }

    /// Whether a source has used up fifteen sixteenths of what a key may protect; RFC 3711 section 9.2.
    pub fn wants_new_key(&mut self, ssrc: u32) -> bool {
        let late =
            |highest: Option<u64>, end: u64| highest.is_some_and(|highest| highest >= end - end / WARNING);
        self.streams.find(ssrc).is_some_and(|stream| {
            late(stream.rtp.highest(), RTP_END) || late(stream.rtcp.highest(), RTCP_END)
        })
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

impl core::fmt::Debug for Sender {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sender({}, {} sources)", self.profile, self.streams.len())
    }
}

fn stream(streams: &mut Streams, ssrc: u32) -> Result<&mut Stream, ProtectError> {
    let limit = streams.limit();
    if streams.find(ssrc).is_none() && !streams.is_full() {
        streams.insert(Stream::new(ssrc, WINDOW));
    }
    streams.find(ssrc).ok_or(ProtectError::TooManyStreams { limit })
}

/// Moves a source to the beginning of a cycle of sequence numbers.
pub(crate) fn set_roll_over_counter(
    streams: &mut Streams,
    ssrc: u32,
    counter: u32,
    window: usize,
) -> Result<(), SetIndexError> {
    let limit = streams.limit();
    if streams.find(ssrc).is_none() && !streams.is_full() {
        streams.insert(Stream::new(ssrc, window));
    }
    let stream = streams.find(ssrc).ok_or(SetIndexError::TooManyStreams { limit })?;
    let start = u64::from(counter) << 16;
    match stream.rtp.highest() {
        Some(current) if current >= start => Err(SetIndexError::Backwards { current }),
        _ => {
            stream.set_cycle(start);
            Ok(())
        }
    }
}
