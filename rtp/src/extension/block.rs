//! The block of elements in front of the payload; RFC 8285 section 4.

use alloc::vec::Vec;

/// The number that announces elements with headers of one octet; RFC 8285 section 4.2.
const ONE_BYTE: u16 = 0xbede;
/// The number that announces elements with headers of two octets, in its upper twelve bits; RFC 8285 section 4.3.
const TWO_BYTE: u16 = 0x1000;

/// One element: the id that signalling gave it, and its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// 1 to 14 with short headers, 1 to 255 with long ones.
    pub id: u8,
    /// 1 to 16 octets with short headers, 0 to 255 with long ones.
    pub data: &'a [u8],
}

/// Goes through the elements of a packet.
///
/// Padding is skipped wherever it stands. An element that runs past the end of the block ends the walk; those before
/// it have been given. Id 15 with a short header ends it too, as does padding that claims a length.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    long: bool,
}

impl<'a> Extensions<'a> {
    pub(crate) const EMPTY: Self = Self { rest: &[], long: false };

    /// Reads the data of an extension block with this profile; one that is not of RFC 8285 has no elements.
    pub fn new(profile: u16, data: &'a [u8]) -> Self {
        match profile {
            ONE_BYTE => Self { rest: data, long: false },
            _ if profile & 0xfff0 == TWO_BYTE => Self { rest: data, long: true },
            _ => Self::EMPTY,
        }
    }

    /// The data of the first element with this id.
    pub fn find(mut self, id: u8) -> Option<&'a [u8]> {
        self.find_map(|element| (element.id == id).then_some(element.data))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        // Padding is single zero octets in both forms.
        let start = self.rest.iter().position(|octet| *octet != 0);
        let rest = core::mem::take(&mut self.rest);
        let (head, rest) = rest[start?..].split_first()?;
        let (id, len, rest) = if self.long {
            let (len, rest) = rest.split_first()?;
            (*head, usize::from(*len), rest)
        } else {
            (head >> 4, usize::from(head & 0x0f) + 1, rest)
        };
        // With short headers, id 0 and a length is neither padding nor an element, and 15 is reserved to stop at.
        if !self.long && matches!(id, 0 | 15) {
            return None;
        }
        let (data, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Element { id, data })
    }
}

/// Collects elements for a packet under construction, in the buffer that the packet is built in.
///
/// Short headers are used as long as every element fits them; the first that does not turns all into long ones.
#[derive(Debug)]
pub struct ExtensionWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where the block's own header stands.
    start: usize,
}

impl<'o> ExtensionWriter<'o> {
    /// Begins a block at the end of `out`.
    /// Reads the data of an extension block with this profile; one that is not of RFC 8285 has no elements.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// Appends an element. Ids are 1 to 255 and data at most 255 octets; anything else is left out, as is what would
    /// take the block beyond 64 KiB.
    pub fn element(&mut self, id: u8, data: &[u8]) -> &mut Self {
        let Ok(len) = u8::try_from(data.len()) else { return self };
        if id == 0 || self.out.len() - self.start > 0x1_0000 {
            return self;
        }
        if self.out.len() == self.start {
            self.out.extend_from_slice(&ONE_BYTE.to_be_bytes());
            self.out.extend_from_slice(&[0, 0]);
        }
        let short = (1..=14).contains(&id) && (1..=16).contains(&len);
        if !short && !self.is_long() {
            self.lengthen();
        }
        if self.is_long() {
            self.out.extend_from_slice(&[id, len]);
        } else {
            self.out.push(id << 4 | (len - 1));
        }
        self.out.extend_from_slice(data);
        self
    }

    /// Pads the block to whole words and writes its length; says whether there is a block at all.
    pub(crate) fn finish(self) -> bool {
        if self.out.len() == self.start {
            return false;
        }
        while !(self.out.len() - self.start).is_multiple_of(4) {
            self.out.push(0);
        }
        let words = u16::try_from((self.out.len() - self.start) / 4 - 1).unwrap_or(u16::MAX);
        self.out[self.start + 2..self.start + 4].copy_from_slice(&words.to_be_bytes());
        true
    }

    fn is_long(&self) -> bool {
        self.out[self.start] != 0xbe
    }

    /// Gives every element a long header. Rare, so the block is simply read and written again.
    fn lengthen(&mut self) {
        let block = self.out.split_off(self.start);
        self.out.extend_from_slice(&TWO_BYTE.to_be_bytes());
        self.out.extend_from_slice(&[0, 0]);
        for element in Extensions::new(ONE_BYTE, &block[4..]) {
            self.out.extend_from_slice(&[element.id, u8::try_from(element.data.len()).unwrap_or(u8::MAX)]);
            self.out.extend_from_slice(element.data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn read(profile: u16, data: &[u8]) -> Vec<(u8, Vec<u8>)> {
        Extensions::new(profile, data).map(|element| (element.id, element.data.to_vec())).collect()
    }

    #[test]
    fn short_headers_carry_one_to_sixteen_octets() {
        assert_eq!(read(ONE_BYTE, &[0x10, 1, 0, 0x21, 2, 3]), [(1, vec![1]), (2, vec![2, 3])]);
    }

    #[test]
    fn id_fifteen_and_padding_with_a_length_end_the_walk() {
        assert_eq!(read(ONE_BYTE, &[0x10, 1, 0xf0, 9, 0x20, 2]), [(1, vec![1])]);
        assert_eq!(read(ONE_BYTE, &[0x10, 1, 0x03, 9, 9, 9, 9, 0x20, 2]), [(1, vec![1])]);
    }

    #[test]
    fn an_overrun_keeps_what_came_before() {
        assert_eq!(read(ONE_BYTE, &[0x10, 1, 0x2f, 9]), [(1, vec![1])]);
        assert_eq!(read(TWO_BYTE, &[1, 0, 7, 5, 9]), [(1, vec![])]);
    }

    #[test]
    fn long_headers_carry_nothing_too_and_any_application_bits() {
        assert_eq!(read(0x100f, &[1, 0, 0, 15, 1, 7]), [(1, vec![]), (15, vec![7])]);
        assert_eq!(read(0xabcd, &[0x10, 1, 0, 0]), []);
    }

    #[test]
    fn one_element_that_needs_it_makes_all_headers_long() {
        let mut out = b"before".to_vec();
        let mut writer = ExtensionWriter::new(&mut out);
        writer.element(3, &[1]).element(20, &[2, 2]).element(0, &[9]);
        assert!(writer.finish());
        assert_eq!(out[6..], [0x10, 0, 0, 2, 3, 1, 1, 20, 2, 2, 2, 0]);
        let mut none = Vec::new();
        assert!(!ExtensionWriter::new(&mut none).finish());
    }
}
