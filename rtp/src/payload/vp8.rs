//! VP8; RFC 7741.

use alloc::vec::Vec;

use super::Format;

/// Units of the RTP clock in a second; RFC 7741 section 4.1.
pub const CLOCK_RATE: u32 = 90_000;

/// What stands in front of a piece of a frame; RFC 7741 section 4.2.
///
/// ```text
///      0 1 2 3 4 5 6 7
///     +-+-+-+-+-+-+-+-+
///     |X|R|N|S|R| PID |
///     +-+-+-+-+-+-+-+-+
/// X:  |I|L|T|K| RSV   |
///     +-+-+-+-+-+-+-+-+
/// I:  |M| PictureID   |
///     +-+-+-+-+-+-+-+-+
/// M:  |   PictureID   |
///     +-+-+-+-+-+-+-+-+
/// L:  |   TL0PICIDX   |
///     +-+-+-+-+-+-+-+-+
/// T/K:|TID|Y| KEYIDX  |
///     +-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Nothing refers to this frame: it may be left out.
    pub non_reference: bool,
    /// A partition begins with this packet.
    pub partition_start: bool,
    /// Which partition, 0 to 7.
    pub partition: u8,
    /// The frame's number, 15 bits; those of 7 bits are read alike.
    pub picture_id: Option<u16>,
    /// The number of the base layer's frame.
    pub base_layer_index: Option<u8>,
    /// The temporal layer, 0 to 3, and whether only the base layer is referred to.
    pub temporal_layer: Option<(u8, bool)>,
    /// The number of the keyframe, 0 to 31.
    pub key_index: Option<u8>,
}

impl Descriptor {
    /// Reads a descriptor; returns it with what follows.
    pub fn parse(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (first, mut rest) = payload.split_first()?;
        let mut next = || {
            let (octet, tail) = rest.split_first()?;
            rest = tail;
            Some(*octet)
        };
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            ..Self::default()
        };
        if first & 0x80 != 0 {
            let extended = next()?;
            if extended & 0x80 != 0 {
                let octet = next()?;
                let long = octet & 0x80 != 0;
                let id = u16::from(octet & 0x7f);
                descriptor.picture_id = Some(if long { id << 8 | u16::from(next()?) } else { id });
            }
            if extended & 0x40 != 0 {
                descriptor.base_layer_index = Some(next()?);
            }
            if extended & 0x30 != 0 {
                let octet = next()?;
                descriptor.temporal_layer = (extended & 0x20 != 0).then_some((octet >> 6, octet & 0x20 != 0));
                descriptor.key_index = (extended & 0x10 != 0).then_some(octet & 0x1f);
            }
        }
        Some((descriptor, rest))
    }

    /// Whether a frame begins with this packet.
    pub fn begins_frame(&self) -> bool {
        self.partition_start && self.partition == 0
    }

    /// Appends the descriptor; a picture id is written with 15 bits.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let layer_octet = self.temporal_layer.is_some() || self.key_index.is_some();
        let extended = u8::from(self.picture_id.is_some()) << 7
            | u8::from(self.base_layer_index.is_some()) << 6
            | u8::from(self.temporal_layer.is_some()) << 5
            | u8::from(self.key_index.is_some()) << 4;
        out.push(
            u8::from(extended != 0) << 7
                | u8::from(self.non_reference) << 5
                | u8::from(self.partition_start) << 4
                | self.partition & 7,
        );
        if extended != 0 {
            out.push(extended);
        }
        if let Some(id) = self.picture_id {
            out.extend_from_slice(&(id | 0x8000).to_be_bytes());
        }
        out.extend(self.base_layer_index);
        if layer_octet {
            let (layer, sync) = self.temporal_layer.unwrap_or_default();
            out.push(layer << 6 | u8::from(sync) << 5 | self.key_index.unwrap_or_default() & 0x1f);
        }
    }
}

/// Cuts frames into payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packetizer {
    max_payload: usize,
    picture_id: u16,
}

/// One payload: the descriptor and the piece of the frame that follows it, not copied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'f> {
    /// The payload descriptor.
    pub descriptor: [u8; Packetizer::DESCRIPTOR_LEN],
    /// A slice of the frame.
    pub media: &'f [u8],
    /// Whether it is the frame's last, which is what the RTP marker says.
    pub last: bool,
}

impl Packetizer {
    /// Octets of the descriptors that are written: with a picture id of 15 bits.
    pub const DESCRIPTOR_LEN: usize = 4;

    /// Payloads get at most `max_payload` octets, descriptor included; at least 5. `picture_id` numbers the first
    /// frame and should be random (RFC 7741 section 4.2).
    pub fn new(max_payload: usize, picture_id: u16) -> Self {
        Self { max_payload: max_payload.max(Self::DESCRIPTOR_LEN + 1), picture_id: picture_id & 0x7fff }
    }

    /// The payloads of a frame, of nearly equal size. A frame without octets has none.
    pub fn packetize<'f>(&mut self, frame: &'f [u8]) -> impl Iterator<Item = Piece<'f>> + use<'f> {
        let [high, low] = (self.picture_id | 0x8000).to_be_bytes();
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let room = self.max_payload - Self::DESCRIPTOR_LEN;
        let size = frame.len().div_ceil(frame.len().div_ceil(room).max(1)).max(1);
        let count = frame.len().div_ceil(size);
        frame.chunks(size).enumerate().map(move |(index, media)| {
            let start = if index == 0 { 0x10 } else { 0 };
            Piece { descriptor: [0x80 | start, 0x80, high, low], media, last: index + 1 == count }
        })
    }
}

/// Puts payloads together again, by way of an [`super::Assembler`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vp8;

impl Format for Vp8 {
    fn begins_frame(&self, payload: &[u8]) -> bool {
        Descriptor::parse(payload).is_some_and(|(descriptor, _)| descriptor.begins_frame())
    }

    fn ends_frame(&self, _: &[u8], marker: bool) -> bool {
        marker
    }

    fn media<'p>(&self, payload: &'p [u8]) -> Option<&'p [u8]> {
        Descriptor::parse(payload).map(|(_, media)| media).filter(|media| !media.is_empty())
    }

    /// Looks at the first packet of a frame: the frame header's lowest bit is 0; RFC 6386 section 9.1.
    fn is_keyframe(&self, payload: &[u8]) -> bool {
        Descriptor::parse(payload).is_some_and(|(descriptor, media)| {
            descriptor.begins_frame() && media.first().is_some_and(|octet| octet & 1 == 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_and_long_picture_ids_read() {
        let read = |octets: &[u8]| {
            Descriptor::parse(octets).map(|(descriptor, rest)| (descriptor.picture_id, rest.len()))
        };
        assert_eq!(read(&[0x90, 0x80, 0x11, 0xaa]), Some((Some(0x11), 1)));
        assert_eq!(read(&[0x90, 0x80, 0x91, 0x22, 0xaa]), Some((Some(0x1122), 1)));
        assert_eq!(read(&[0x10, 0xaa]), Some((None, 1)));
        assert_eq!(read(&[0x90, 0x80, 0x91]), None);
    }

    #[test]
    fn the_first_octet_of_the_frame_tells_a_keyframe_without_an_extended_descriptor_too() {
        assert!(Vp8.is_keyframe(&[0x10, 0x00]));
        assert!(!Vp8.is_keyframe(&[0x10, 0x01]));
        assert!(!Vp8.is_keyframe(&[0x00, 0x00]), "not the first packet");
    }

    proptest! {
        #[test]
        fn descriptors_survive(
            flags: (bool, bool, bool), partition in 0u8..8, picture in proptest::option::of(0u16..0x8000),
            base: Option<u8>, layer in proptest::option::of((0u8..4, any::<bool>())), key in proptest::option::of(0u8..32),
        ) {
            let descriptor = Descriptor {
                non_reference: flags.0, partition_start: flags.1, partition,
                picture_id: picture, base_layer_index: base, temporal_layer: layer, key_index: key,
            };
            let mut out = Vec::new();
            descriptor.encode(&mut out);
            out.push(7);
            prop_assert_eq!(Descriptor::parse(&out), Some((descriptor, &[7][..])));
        }

        #[test]
        fn pieces_join_to_the_frame(frame in proptest::collection::vec(any::<u8>(), 1..5000), room in 5usize..1500) {
            let mut packetizer = Packetizer::new(room, 0x7fff);
            let pieces: Vec<_> = packetizer.packetize(&frame).collect();
            prop_assert_eq!(pieces.iter().flat_map(|piece| piece.media.to_vec()).collect::<Vec<_>>(), &frame[..]);
            prop_assert!(pieces.iter().all(|piece| piece.media.len() + 4 <= room));
            prop_assert!(pieces.iter().rev().skip(1).all(|piece| !piece.last) && pieces.last().unwrap().last);
            prop_assert!(Vp8.begins_frame(&pieces[0].descriptor));
        }
    }
}
