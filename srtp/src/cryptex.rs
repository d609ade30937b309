//! Completely encrypted header extensions and contributing sources; RFC 9335.
//!
//! What is encrypted must lie in one piece, but the four octets that say what the extension is stay readable between the
//! sources and the extension's body. So they move in front of the sources while the cipher works, and back after.

use alloc::vec::Vec;

use crate::header::{EXTENSION_BIT, FIXED_LEN, RtpHeader};

/// Whether header extensions and contributing sources come encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cryptex {
    /// They do not; an extension with the numbers of RFC 9335 is one like any other. The default.
    #[default]
    Off,
    /// Both kinds of packets are taken.
    Accepted,
    /// A packet with a readable extension or sources is refused.
    Required,
}

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
const ONE_BYTE_ENCRYPTED: u16 = 0xc0de;
const TWO_BYTE_ENCRYPTED: u16 = 0xc2de;

/// Whether a header has anything that cryptex would hide.
pub(crate) fn applies(header: &RtpHeader) -> bool {
    header.len > FIXED_LEN
}

/// Whether a received header says that it is encrypted.
pub(crate) fn is_encrypted(packet: &[u8], header: &RtpHeader) -> bool {
    matches!(header.extension_profile(packet), Some(ONE_BYTE_ENCRYPTED | TWO_BYTE_ENCRYPTED))
}

/// Why a header cannot be encrypted: its extension is not one of RFC 8285's two forms.
pub(crate) struct OtherProfile(pub(crate) u16);

/// Marks the header of the packet at `at..` as encrypted, with an empty extension where it has none.
pub(crate) fn mark(out: &mut Vec<u8>, at: usize, header: &RtpHeader) -> Result<(), OtherProfile> {
    let marked = match header.extension_profile(&out[at..]) {
        Some(ONE_BYTE) | None => ONE_BYTE_ENCRYPTED,
        Some(TWO_BYTE) => TWO_BYTE_ENCRYPTED,
        Some(other) => return Err(OtherProfile(other)),
    };
    let profile_at = at + header.sources_end;
    if !header.has_extension() {
        // Grows by four octets behind the sources: one move of what follows.
        let len = out.len();
        out.extend_from_slice(&[0; 4]);
        out.copy_within(profile_at..len, profile_at + 4);
        out[profile_at + 2..profile_at + 4].fill(0);
        out[at] |= EXTENSION_BIT;
    }
    out[profile_at..profile_at + 2].copy_from_slice(&marked.to_be_bytes());
    Ok(())
}

/// Gives a decrypted header its ordinary number back.
pub(crate) fn unmark(packet: &mut [u8], header: &RtpHeader) {
    let ordinary = match header.extension_profile(packet) {
        Some(TWO_BYTE_ENCRYPTED) => TWO_BYTE,
        _ => ONE_BYTE,
    };
    if let Some(octets) = packet.get_mut(header.sources_end..header.sources_end + 2) {
        octets.copy_from_slice(&ordinary.to_be_bytes());
    }
}

/// Octets that stay readable: the fixed header and the head of the extension.
pub(crate) const READABLE_LEN: usize = FIXED_LEN + 4;

/// Moves the head of the extension in front of the sources.
pub(crate) fn gather(packet: &mut [u8], sources: usize) {
    if let Some(octets) = packet.get_mut(FIXED_LEN..READABLE_LEN + sources) {
        octets.rotate_right(4);
    }
}

/// Moves it back behind them.
pub(crate) fn scatter(packet: &mut [u8], sources: usize) {
    if let Some(octets) = packet.get_mut(FIXED_LEN..READABLE_LEN + sources) {
        octets.rotate_left(4);
    }
}
