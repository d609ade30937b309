//! What stands in the elements that browsers send.

/// Loudness of the audio in the packet; RFC 6464.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether the encoder believes that there is speech.
    pub voice: bool,
    /// Level below the loudest possible, in dB: 0 to 127, where 127 is silence.
    pub level: u8,
}

impl AudioLevel {
    /// The URI under which signalling names it.
    pub const URI: &'static str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

    /// Reads one octet; longer data is read by its first.
    pub fn parse(data: &[u8]) -> Option<Self> {
        data.first().map(|octet| Self { voice: octet & 0x80 != 0, level: octet & 0x7f })
    }

    /// The one octet.
    pub fn encode(self) -> [u8; 1] {
        [u8::from(self.voice) << 7 | self.level & 0x7f]
    }
}

/// When the packet left, modulo 64 s, in units of 2^-18 s; libwebrtc's abs-send-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsSendTime(pub u32);

impl AbsSendTime {
    /// The URI under which signalling names it.
    pub const URI: &'static str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

    /// Reads three octets.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [a, b, c] = <[u8; 3]>::try_from(data).ok()?;
        Some(Self(u32::from_be_bytes([0, a, b, c])))
    }

    /// The low 24 bits.
    pub fn encode(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

/// The packet's number within the transport, over all its streams; draft-holmer-rmcat-transport-wide-cc-extensions-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportSequence(pub u16);

impl TransportSequence {
    /// The URI under which signalling names it.
    pub const URI: &'static str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

    /// Reads two octets; the second version of the extension adds more, which do not matter here.
    pub fn parse(data: &[u8]) -> Option<Self> {
        data.first_chunk().map(|octets| Self(u16::from_be_bytes(*octets)))
    }

    /// The two octets.
    pub fn encode(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// How the picture is to be turned; 3GPP TS 26.114 section 7.4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoOrientation {
    /// The picture comes from the camera at the back.
    pub back_camera: bool,
    /// The picture is mirrored.
    pub flipped: bool,
    /// Clockwise quarter turns that show it upright, 0 to 3.
    pub quarter_turns: u8,
}

impl VideoOrientation {
    /// The URI under which signalling names it.
    pub const URI: &'static str = "urn:3gpp:video-orientation";

    /// Reads one octet.
    pub fn parse(data: &[u8]) -> Option<Self> {
        data.first().map(|octet| Self {
            back_camera: octet & 8 != 0,
            flipped: octet & 4 != 0,
            quarter_turns: octet & 3,
        })
    }

    /// The one octet.
    pub fn encode(self) -> [u8; 1] {
        [u8::from(self.back_camera) << 3 | u8::from(self.flipped) << 2 | self.quarter_turns & 3]
    }
}

/// Between which delays the receiver should play, in units of 10 ms, each 0 to 4095; libwebrtc's playout-delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// The least delay.
    pub minimum: u16,
    /// The greatest delay.
    pub maximum: u16,
}

impl PlayoutDelay {
    /// The URI under which signalling names it.
    pub const URI: &'static str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

    /// Reads three octets.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [a, b, c] = <[u8; 3]>::try_from(data).ok()?;
        let minimum = u16::from_be_bytes([a, b]) >> 4;
        Some(Self { minimum, maximum: u16::from_be_bytes([b & 0x0f, c]) })
    }

    /// Twelve bits each.
    pub fn encode(self) -> [u8; 3] {
        let ([a, b], [c, d]) = ((self.minimum << 4).to_be_bytes(), self.maximum.to_be_bytes());
        [a, b | c & 0x0f, d]
    }
}

/// The text in an element that names something: MID (RFC 9143), RID and repaired RID (RFC 8852). ASCII, not empty.
pub fn text_value(data: &[u8]) -> Option<&str> {
    core::str::from_utf8(data).ok().filter(|text| !text.is_empty() && text.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_their_octets() {
        for octet in 0..=255 {
            assert_eq!(AudioLevel::parse(&[octet]).unwrap().encode(), [octet]);
            assert_eq!(VideoOrientation::parse(&[octet]).unwrap().encode(), [octet & 0x0f]);
        }
        let delay = PlayoutDelay { minimum: 0xabc, maximum: 0xdef };
        assert_eq!(
            (delay.encode(), PlayoutDelay::parse(&[0xab, 0xcd, 0xef])),
            ([0xab, 0xcd, 0xef], Some(delay))
        );
        assert_eq!(AbsSendTime::parse(&[1, 2, 3]), Some(AbsSendTime(0x01_0203)));
        assert_eq!(AbsSendTime(0xff01_0203).encode(), [1, 2, 3]);
        assert_eq!(TransportSequence::parse(&[1, 2, 9]), Some(TransportSequence(0x0102)));
        assert_eq!((text_value(b"0"), text_value(b""), text_value(&[0xff])), (Some("0"), None, None));
    }
}
