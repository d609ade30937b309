//! One packet to many receivers, as a conference server sends it.

use alloc::vec::Vec;

use crate::error::ProtectError;
use crate::header::RtpHeader;
use crate::sender::Sender;

/// A plain RTP packet whose header has been read, to be protected under any number of keys.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'p> {
    packet: &'p [u8],
    header: RtpHeader,
}

impl<'p> Forward<'p> {
    /// Reads the header.
    ///
    /// # Errors
    /// The octets are not a whole RTP packet of version 2.
    pub fn new(packet: &'p [u8]) -> Result<Self, ProtectError> {
        let header = RtpHeader::parse(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        Ok(Self { packet, header })
    }

    /// The source.
    pub fn ssrc(&self) -> u32 {
        self.header.ssrc
    }

    /// The sequence number.
    pub fn sequence(&self) -> u16 {
        self.header.sequence
    }
}

impl Sender {
    /// Appends to `out` the packet protected, as one of `ssrc` with the number `sequence`: what a server does that gives
    /// each of its receivers a sequence without holes. The packet is read once, however many receivers there are; what
    /// remains is one copy into the receiver's datagram and its own encryption, and receivers that share a key share
    /// the datagram.
    ///
    /// # Errors
    /// See [`ProtectError`]; `out` is as it was.
    pub fn protect_forward(
        &mut self,
        forward: &Forward<'_>,
        ssrc: u32,
        sequence: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ProtectError> {
        let at = out.len();
        out.extend_from_slice(forward.packet);
        out[at + 2..at + 4].copy_from_slice(&sequence.to_be_bytes());
        out[at + 8..at + 12].copy_from_slice(&ssrc.to_be_bytes());
        let sealed = self.seal_rtp(out, at, RtpHeader { sequence, ssrc, ..forward.header });
        if sealed.is_err() {
            out.truncate(at);
        }
        sealed
    }
}
