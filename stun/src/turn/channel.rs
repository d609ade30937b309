//! Channel numbers and the ChannelData message; RFC 8656 sections 12 and 12.4.

use std::fmt;

/// A channel's number, 0x4000 to 0x4fff; RFC 8656 section 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// The lowest number.
    pub const FIRST: Self = Self(0x4000);
    /// The highest number: higher ones would be taken for DTLS or RTP (RFC 7983).
    pub const LAST: Self = Self(0x4fff);

    /// The number, if it is one that a channel can have.
    pub const fn new(number: u16) -> Option<Self> {
        if matches!(number, 0x4000..=0x4fff) { Some(Self(number)) } else { None }
    }

    /// 0x4000 to 0x4fff.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The number after this one; after the last, the first.
    pub(super) const fn next(self) -> Self {
        if self.0 >= Self::LAST.0 { Self::FIRST } else { Self(self.0 + 1) }
    }
}

impl fmt::Display for ChannelNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// Octets in front of the data of a ChannelData message.
pub const CHANNEL_HEADER_LEN: usize = 4;

/// Whether these octets begin as a ChannelData message does; RFC 8656 section 12.
pub fn is_channel_data(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x40..=0x4f))
}

/// Application data on a channel, in the datagram or the part of a stream that it came in.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Channel Number        |            Length             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// /                       Application Data                        /
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel.
    pub channel: ChannelNumber,
    /// The data, without padding; may be empty.
    pub data: &'a mut [u8],
}

impl<'a> ChannelData<'a> {
    /// Takes a message apart where it lies. `None` if the number is no channel's, or if fewer octets are there than the
    /// length says; octets behind the data are padding.
    pub fn parse(bytes: &'a mut [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk_mut::<CHANNEL_HEADER_LEN>()?;
        let channel = ChannelNumber::new(u16::from_be_bytes([header[0], header[1]]))?;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        rest.get_mut(..len).map(|data| Self { channel, data })
    }

    /// The header in front of `len` octets of data.
    pub fn header(channel: ChannelNumber, len: u16) -> [u8; CHANNEL_HEADER_LEN] {
        let ([a, b], [c, d]) = (channel.0.to_be_bytes(), len.to_be_bytes());
        [a, b, c, d]
    }
}

impl fmt::Display for ChannelData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelData {} {} octets", self.channel, self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    //= rfc8656#12-1 test
    #[test]
    fn numbers_beyond_0x4fff_are_no_channels() {
        for number in 0..=u16::MAX {
            let [high, low] = number.to_be_bytes();
            let read = ChannelData::parse(&mut [high, low, 0, 0]).map(|message| message.channel.number());
            assert_eq!(read, (0x4000..=0x4fff).contains(&number).then_some(number));
        }
        assert_eq!(ChannelNumber::LAST.next(), ChannelNumber::FIRST);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_what_is_cut_does_not(
            number in 0x4000..=0x4fffu16, data in prop::collection::vec(any::<u8>(), 0..300), extra in 0..4usize,
        ) {
            let channel = ChannelNumber::new(number).unwrap();
            let mut bytes = ChannelData::header(channel, u16::try_from(data.len()).unwrap()).to_vec();
            bytes.extend(&data);
            for cut in 0..bytes.len() {
                let mut cut = bytes[..cut].to_vec();
                prop_assert_eq!(ChannelData::parse(&mut cut), None);
            }
            bytes.extend(&[0; 3][..extra.min(3)]);
            let read = ChannelData::parse(&mut bytes).unwrap();
            prop_assert_eq!((read.channel, &*read.data), (channel, &data[..]));
        }
    }
}
