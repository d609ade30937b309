//! Which protocol a datagram on a shared port belongs to; RFC 7983, 9443 and 5761.
//!
//! A pure function of the first two octets. ICE consumes STUN; the rest belongs to the layers above.

use std::fmt;

/// The protocol that a datagram claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// First octet 0 to 3.
    Stun,
    /// First octet 16 to 19.
    Zrtp,
    /// First octet 20 to 63.
    Dtls,
    /// First octet 64 to 79. From anyone but a TURN server it is QUIC; only the caller knows its servers, RFC 9443.
    TurnChannel,
    /// First octet 80 to 127 or 192 to 255.
    Quic,
    /// First octet 128 to 191, second octet not that of RTCP.
    Rtp,
    /// First octet 128 to 191, second octet 192 to 223; RFC 5761 section 4.
    Rtcp,
    /// First octet 4 to 15, or no octet at all: to be dropped.
    Unknown,
}

/// Tells the protocols on one port apart.
///
/// ```
/// use nomagic_ice::demux::{Class, classify};
/// assert_eq!(classify(&[22, 254, 253]), Class::Dtls);
/// assert_eq!(classify(&[0x80, 96]), Class::Rtp);
/// assert_eq!(classify(&[0x80, 200]), Class::Rtcp);
/// ```
//= rfc7983#7-1
pub fn classify(datagram: &[u8]) -> Class {
    let Some(&first) = datagram.first() else { return Class::Unknown };
    match first {
        0..=3 => Class::Stun,
        4..=15 => Class::Unknown,
        16..=19 => Class::Zrtp,
        20..=63 => Class::Dtls,
        64..=79 => Class::TurnChannel,
        80..=127 | 192..=255 => Class::Quic,
        // RTP avoids the payload types 64 to 95 so that, with the marker bit, RTCP's types 192 to 223 stay free.
        128..=191 => match datagram.get(1) {
            Some(192..=223) => Class::Rtcp,
            _ => Class::Rtp,
        },
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stun => "STUN",
            Self::Zrtp => "ZRTP",
            Self::Dtls => "DTLS",
            Self::TurnChannel => "TURN channel",
            Self::Quic => "QUIC",
            Self::Rtp => "RTP",
            Self::Rtcp => "RTCP",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc7983#7-1 test
    #[test]
    fn each_of_the_256_first_octets_goes_where_the_rfcs_send_it() {
        let table = [
            (0, 3, Class::Stun),
            (4, 15, Class::Unknown),
            (16, 19, Class::Zrtp),
            (20, 63, Class::Dtls),
            (64, 79, Class::TurnChannel),
            (80, 127, Class::Quic),
            (128, 191, Class::Rtp),
            (192, 255, Class::Quic),
        ];
        let mut seen = 0;
        for (first, last, class) in table {
            for octet in first..=last {
                assert_eq!(classify(&[octet, 0]), class, "{octet}");
                assert_eq!(classify(&[octet]), class, "{octet} alone");
                seen += 1;
            }
        }
        assert_eq!(seen, 256);
        assert_eq!(classify(&[]), Class::Unknown);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_all_256_second_octets() {
        for first in 128..=191 {
            for second in 0..=255 {
                let expected = if (192..=223).contains(&second) { Class::Rtcp } else { Class::Rtp };
                assert_eq!(classify(&[first, second]), expected, "{first} {second}");
            }
        }
    }
}
