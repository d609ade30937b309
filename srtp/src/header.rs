//! As much of a packet's header as protection has to know.

/// The parts of an RTP header that matter here; RFC 3550 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) sequence: u16,
    pub(crate) ssrc: u32,
    /// Octets that stay readable: fixed header, contributing sources and header extension.
    pub(crate) len: usize,
}

impl RtpHeader {
    /// Reads the header of a packet whose last `tail` octets are not part of the RTP packet.
    pub(crate) fn parse(packet: &[u8], tail: usize) -> Option<Self> {
        let plain = packet.get(..packet.len().checked_sub(tail)?)?;
        let fixed = plain.first_chunk::<12>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = 12 + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let words = plain.get(len + 2..len + 4)?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        let sequence = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        (len <= plain.len()).then_some(Self { sequence, ssrc, len })
    }
}

/// Octets of an RTCP packet that stay readable: the first header and the sender's SSRC; RFC 3711 section 3.4.
pub(crate) const RTCP_HEADER_LEN: usize = 8;

/// The sender of an RTCP packet whose last `tail` octets are not part of it.
pub(crate) fn rtcp_ssrc(packet: &[u8], tail: usize) -> Option<u32> {
    let header = packet.get(..packet.len().checked_sub(tail)?)?.first_chunk::<RTCP_HEADER_LEN>()?;
    (header[0] >> 6 == 2).then(|| u32::from_be_bytes([header[4], header[5], header[6], header[7]]))
}
