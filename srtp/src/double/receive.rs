//! Unprotecting twice; RFC 8723 section 5.3.

use super::{DoubleKey, DoubleReceiver, OriginalHeader, swap};
use crate::config::ReceiverConfig;
use crate::error::UnprotectError;
use crate::header::{EXTENSION_BIT, RtpHeader};
use crate::receiver::Receiver;

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DoubleUnprotectError {
    /// Hop by hop: it does not come from the neighbour.
    #[error("hop by hop: {0}")]
    Outer(UnprotectError),
    /// The original header block at its end is missing or malformed.
    #[error("no original header block")]
    OriginalHeader,
    /// End to end: it does not come from whom it says, or somebody on the way changed what must stay.
    #[error("end to end: {0}")]
    Inner(UnprotectError),
}

/// What was in a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'p> {
    /// The RTP packet. Payload, marker, timestamp and sources are the sender's. Payload type and sequence number are what
    /// the last server made of them, which is what codecs and reordering go by; header extensions are the servers' too.
    pub packet: &'p mut [u8],
    /// Payload type, sequence number and marker as the sender had them, where a server changed them.
    pub original: OriginalHeader,
}

impl DoubleReceiver {
    /// Derives the session keys of both halves. The configuration is for the outer half; the inner one sees no header
    /// extensions, but has the same windows and limits.
    pub fn new(key: &DoubleKey, config: ReceiverConfig) -> Self {
        let inner = ReceiverConfig {
            replay_window: config.replay_window,
            stream_limit: config.stream_limit,
            when_full: config.when_full,
            ..ReceiverConfig::default()
        };
        Self { inner: Receiver::new(&key.inner, inner), outer: Receiver::new(&key.outer, config) }
    }

    /// Checks and decrypts an SRTP packet where it lies.
    ///
    /// # Errors
    /// See [`DoubleUnprotectError`]. The half that refuses changes nothing of its own; what the inner half refuses was
    /// authentic on the last hop and cannot come again.
    pub fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<Opened<'p>, DoubleUnprotectError> {
        let packet = self.outer.unprotect_rtp(packet).map_err(DoubleUnprotectError::Outer)?;
        let none = DoubleUnprotectError::OriginalHeader;
        let header = RtpHeader::parse(packet, 0).ok_or(none)?;
        let (original, len) = OriginalHeader::parse(&packet[header.len..]).ok_or(none)?;
        let (sources_end, extension) = (header.sources_end, header.len - header.sources_end);
        let (first, second, sequence) = (packet[0], packet[1], header.sequence);
        let marker = original.marker.unwrap_or(second & 0x80 != 0);
        let payload_type = original.payload_type.unwrap_or(second & 0x7f);
        packet[0] &= !EXTENSION_BIT;
        packet[1] = payload_type | if marker { 0x80 } else { 0 };
        packet[2..4].copy_from_slice(&original.sequence.unwrap_or(sequence).to_be_bytes());
        swap(&mut packet[..header.len], sources_end);
        let end = packet.len() - len;
        let opened = self.inner.unprotect_rtp(&mut packet[extension..end]).map(|opened| opened.len());
        let end = extension + opened.map_err(DoubleUnprotectError::Inner)?;
        swap(&mut packet[..header.len], extension);
        packet[0] = first;
        packet[1] = (second & 0x7f) | if marker { 0x80 } else { 0 };
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        Ok(Opened { packet: &mut packet[..end], original })
    }

    /// Checks and decrypts a packet that repairs others: what it carries is encrypted still.
    ///
    /// # Errors
    /// As [`Receiver::unprotect_rtp`].
    pub fn unprotect_repair<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        self.outer.unprotect_rtp(packet)
    }

    /// Checks and decrypts a compound RTCP packet.
    ///
    /// # Errors
    /// As [`Receiver::unprotect_rtcp`].
    pub fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p mut [u8], UnprotectError> {
        self.outer.unprotect_rtcp(packet)
    }
}
