//! Encrypted header extension elements; RFC 6904.

use crate::header::{FIXED_LEN, RtpHeader};
use crate::suite::{CounterMode, Position};

/// A set of header extension element identifiers, 1 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ExtensionIds([u64; 4]);

impl ExtensionIds {
    /// No identifier.
    pub const NONE: Self = Self([0; 4]);

    /// The set with one more identifier. 0 is padding and not an identifier: it is never in the set.
    #[must_use]
    pub const fn with(mut self, id: u8) -> Self {
        if id != 0 {
            self.0[(id / 64) as usize] |= 1 << (id % 64);
        }
        self
    }

    /// Whether an identifier is in the set.
    pub const fn contains(&self, id: u8) -> bool {
        self.0[(id / 64) as usize] & 1 << (id % 64) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    pub(crate) const fn words(&self) -> [u64; 4] {
        self.0
    }

    pub(crate) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }
}

/// Whether a header extension has one of RFC 8285's two forms.
pub(crate) const fn is_rfc8285(profile: u16) -> bool {
    matches!(profile, 0xbede | 0x1000..=0x100f)
}

/// Encrypts, or decrypts, the data of the chosen elements in the header of `packet`. Element headers and padding stay as
/// they are, and so does an extension of another kind than RFC 8285's.
//= rfc6904#3.2-1
pub(crate) fn apply(
    keys: &CounterMode,
    ids: ExtensionIds,
    packet: &mut [u8],
    header: &RtpHeader,
    at: Position,
) {
    let Some(profile) = header.extension_profile(packet) else { return };
    debug_assert!(header.sources_end >= FIXED_LEN, "a header with an extension is whole");
    let Some(body) = packet.get_mut(header.sources_end + 4..header.len) else { return };
    let one_byte = match profile {
        0xbede => true,
        0x1000..=0x100f => false,
        _ => return,
    };
    let mut stream = KeyStream { keys, at, number: None, block: [0; 16] };
    let mut offset = 0;
    while let Some(&first) = body.get(offset) {
        if first == 0 {
            offset += 1;
            continue;
        }
        let (id, len, head) = if one_byte {
            (first >> 4, usize::from(first & 15) + 1, 1)
        } else {
            (first, body.get(offset + 1).map_or(0, |len| usize::from(*len)), 2)
        };
        // RFC 8285 section 4.2: 15 ends the list; and identifier 0 with a length is skipped like padding.
        if one_byte && id == 15 {
            return;
        }
        let (from, to) = (offset + head, offset + head + len);
        let Some(data) = body.get_mut(from..to) else { return };
        if ids.contains(id) {
            stream.apply(from, data);
        }
        offset = to;
    }
}

/// The packet's key stream, block by block, so that what is not encrypted costs nothing.
struct KeyStream<'k> {
    keys: &'k CounterMode,
    at: Position,
    number: Option<usize>,
    block: [u8; 16],
}

impl KeyStream<'_> {
    fn apply(&mut self, from: usize, data: &mut [u8]) {
        for (offset, octet) in (from..).zip(data) {
            if self.number != Some(offset / 16) {
                self.block = [0; 16];
                self.keys.apply_from_block(&mut self.block, self.at, offset / 16);
                self.number = Some(offset / 16);
            }
            *octet ^= self.block[offset % 16];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        assert!(ExtensionIds::NONE.is_empty() && ExtensionIds::NONE.with(0).is_empty());
        // The same place in different words, two by two.
        for id in 1..=191 {
            let both = ExtensionIds::NONE.with(id).with(id + 64);
            assert!(!both.is_empty(), "{id}");
            let found = (0..=255).filter(|other| both.contains(*other));
            assert!(found.eq([id, id + 64]), "{id}");
        }
    }
}
