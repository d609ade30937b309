//! Writing an RTP packet into the caller's buffer.

use alloc::vec::Vec;

use crate::extension::ExtensionWriter;

/// The header of a packet to be written; RFC 3550 section 5.1.
///
/// ```
/// use nomagic_rtp::{Packet, PacketBuilder};
///
/// let mut out = Vec::new();
/// PacketBuilder { marker: true, payload_type: 96, sequence: 7, timestamp: 90_000, ssrc: 1, csrcs: &[] }
///     .encode(&mut out, |extensions| { extensions.element(4, b"mid"); }, b"payload", 0);
/// let packet = Packet::parse(&out)?;
/// assert_eq!(packet.payload(), b"payload");
/// assert_eq!(packet.extensions().find(4), Some(&b"mid"[..]));
/// # Ok::<(), nomagic_rtp::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacketBuilder<'a> {
    /// Whether the packet marks something: for video the last packet of a frame.
    pub marker: bool,
    /// 0 to 127; the top bit is ignored.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The sampling instant in units of the payload's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
    /// The contributing sources; those beyond the fifteenth are left out.
    pub csrcs: &'a [u32],
}

impl PacketBuilder<'_> {
    /// Appends the packet to `out`.
    ///
    /// `extensions` adds header extension elements; `padding` octets of padding are appended, at most 255, the last
    /// of which is their count.
    pub fn encode(
        &self,
        out: &mut Vec<u8>,
        extensions: impl FnOnce(&mut ExtensionWriter<'_>),
        payload: &[u8],
        padding: u8,
    ) {
        self.encode_parts(out, extensions, &[payload], padding);
    }

    /// The same with a payload in several pieces, such as a payload header and a slice of a frame.
    pub fn encode_parts(
        &self,
        out: &mut Vec<u8>,
        extensions: impl FnOnce(&mut ExtensionWriter<'_>),
        payload: &[&[u8]],
        padding: u8,
    ) {
        let start = out.len();
        let csrcs = &self.csrcs[..self.csrcs.len().min(15)];
        // At most 15, so the count fits its four bits.
        let count = u8::try_from(csrcs.len()).unwrap_or(15);
        out.push(0x80 | u8::from(padding > 0) << 5 | count);
        out.push(u8::from(self.marker) << 7 | self.payload_type & 0x7f);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        csrcs.iter().for_each(|csrc| out.extend_from_slice(&csrc.to_be_bytes()));
        let mut writer = ExtensionWriter::new(out);
        extensions(&mut writer);
        if writer.finish() {
            out[start] |= 0x10;
        }
        payload.iter().for_each(|part| out.extend_from_slice(part));
        if padding > 0 {
            out.resize(out.len() + usize::from(padding) - 1, 0);
            out.push(padding);
        }
    }
}
