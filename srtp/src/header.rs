//! As much of a packet's header as protection has to know.

/// The parts of an RTP header that matter here; RFC 3550 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) sequence: u16,
    pub(crate) ssrc: u32,
    /// Where the contributing sources end and the header extension would begin.
    pub(crate) sources_end: usize,
    /// Octets of fixed header, contributing sources and header extension: where the payload begins.
    pub(crate) len: usize,
}

/// Octets that a packet may have: as many as counter mode has blocks for; RFC 3711 section 4.1.1.
//= rfc3711#4.1.1-5
pub(crate) const PACKET_LIMIT: usize = 16 << 16;

/// Octets before the first contributing source.
pub(crate) const FIXED_LEN: usize = 12;
/// The bit of the first octet that announces a header extension.
pub(crate) const EXTENSION_BIT: u8 = 0x10;

impl RtpHeader {
    /// Reads the header of a packet whose last `tail` octets are not part of the RTP packet.
    #[inline]
    pub(crate) fn parse(packet: &[u8], tail: usize) -> Option<Self> {
        let plain = packet.get(..packet.len().checked_sub(tail)?)?;
        let fixed = plain.first_chunk::<FIXED_LEN>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let sources_end = FIXED_LEN + 4 * usize::from(fixed[0] & 0x0f);
        let mut len = sources_end;
        if fixed[0] & EXTENSION_BIT != 0 {
            let words = plain.get(len + 2..len + 4)?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        let sequence = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        (len <= plain.len()).then_some(Self { sequence, ssrc, sources_end, len })
    }

    pub(crate) fn has_extension(&self) -> bool {
        self.len > self.sources_end
    }

    /// The number that says what kind of header extension there is; `None` without one.
    pub(crate) fn extension_profile(&self, packet: &[u8]) -> Option<u16> {
        let octets = packet.get(self.sources_end..self.len)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*octets))
    }
}

/// Octets of an RTCP packet that stay readable: the first header and the sender's SSRC; RFC 3711 section 3.4.
pub(crate) const RTCP_HEADER_LEN: usize = 8;

/// The sender of an RTCP packet whose last `tail` octets are not part of it.
pub(crate) fn rtcp_ssrc(packet: &[u8], tail: usize) -> Option<u32> {
    let header = packet.get(..packet.len().checked_sub(tail)?)?.first_chunk::<RTCP_HEADER_LEN>()?;
    (header[0] >> 6 == 2).then(|| u32::from_be_bytes([header[4], header[5], header[6], header[7]]))
}

/// Whether a packet on a port shared by RTP and RTCP is RTCP: its second octet is 192 to 223; RFC 5761 section 4.
/// Protection leaves that octet as it is.
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|octet| (192..=223).contains(octet))
}
