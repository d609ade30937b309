//! Protecting twice; RFC 8723 section 5.1.

use alloc::vec::Vec;

use super::{DoubleSender, OriginalHeader, TAILROOM, swap};
use crate::error::ProtectError;
use crate::extensions;
use crate::header::{EXTENSION_BIT, RtpHeader};

impl DoubleSender {
    /// Protects the RTP packet that stands at `at..` in `out`, which grows by [`TAILROOM`].
    ///
    /// Header extensions are protected hop by hop only, since servers may change them: nothing that concerns only those
    /// who speak belongs there.
    ///
    /// # Errors
    /// See [`ProtectError`]; the buffer is as it was.
    pub fn protect_rtp(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), ProtectError> {
        let packet = out.get(at..).unwrap_or_default();
        let header = RtpHeader::parse(packet, 0).ok_or(ProtectError::Malformed { len: packet.len() })?;
        if let Some(profile) =
            header.extension_profile(packet).filter(|profile| !extensions::is_rfc8285(*profile))
        {
            return Err(ProtectError::HeaderExtension { profile });
        }
        // Whatever the outer half would refuse is refused before the inner one has done anything.
        self.outer.would_seal(&header, packet.len() + TAILROOM)?;
        let (first, extension) = (out[at], header.len - header.sources_end);
        out[at] &= !EXTENSION_BIT;
        swap(&mut out[at..at + header.len], header.sources_end);
        let sealed = self.inner.protect_rtp(out, at + extension);
        swap(&mut out[at..at + header.len], extension);
        out[at] = first;
        sealed?;
        OriginalHeader::default().write(out);
        self.outer.protect_rtp(out, at)
    }
}
