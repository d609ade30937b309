//! Begun in the descriptions (draft-hancke-tsvwg-snap): both sides exchange their INIT chunks as `a=sctp-init`, and the
//! association is up as soon as DTLS is. Two round trips less; nothing else changes.
//!
//! A description is authenticated, so no cookie is needed. Where only one side offers it, `connect` is called as ever.

use std::time::Instant;

use crate::association::Association;
use crate::chunk::{Chunk, ChunkType, Init};
use crate::error::ParseError;
use crate::packet::{HEADER, Packet};
use crate::procedure::setup::LEAST_WINDOW;
use crate::state::State;
use crate::tcb::Peer;

/// Why an INIT chunk out of a description was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapError {
    /// It is not one INIT chunk; offsets count from its start.
    #[error("not an init chunk: {0}")]
    Malformed(ParseError),
    /// It is a chunk, and another one.
    #[error("chunk type {found}, not init")]
    OtherChunk {
        /// Its type.
        found: u8,
    },
    /// Its values are forbidden: a tag of 0, no streams, a window below 1500 octets (RFC 9260 section 3.3.2).
    #[error("init chunk with forbidden values")]
    Forbidden,
    /// Something has begun already.
    #[error("association has begun already")]
    Begun,
}

impl Association {
    /// Our INIT chunk: base64 makes it the value of `a=sctp-init`. Always the same for one association.
    pub fn sctp_init(&self) -> Vec<u8> {
        self.init_chunk()
    }

    /// The association is up, with our INIT chunk in the peer's hands and the peer's in `init`: only where both
    /// descriptions have `a=sctp-init`. To be called when DTLS is up and before the first packet is handled.
    ///
    /// # Errors
    /// See [`SnapError`]; nothing has changed, and `connect` still works but for [`SnapError::Begun`].
    pub fn connect_with(&mut self, now: Instant, init: &[u8]) -> Result<(), SnapError> {
        let now = self.tick(now);
        if !matches!(self.state, State::Closed) {
            return Err(SnapError::Begun);
        }
        let peer = read(init)?;
        let tcb = self.new_tcb(self.local, peer);
        self.come_up(now, Some(tcb));
        Ok(())
    }
}

/// Reads the chunk with the reader for packets, behind an empty header.
fn read(init: &[u8]) -> Result<Peer, SnapError> {
    let malformed = |error: ParseError| {
        SnapError::Malformed(ParseError { offset: error.offset.saturating_sub(HEADER), ..error })
    };
    let bytes = [&[0; HEADER], init].concat();
    let packet = Packet::parse(&bytes).map_err(malformed)?;
    let mut chunks = packet.chunks();
    let (Some(raw), None) = (chunks.next(), chunks.next()) else {
        return Err(SnapError::OtherChunk { found: packet.chunks().nth(1).map_or(0, |raw| raw.kind.0) });
    };
    if raw.kind != ChunkType::INIT {
        return Err(SnapError::OtherChunk { found: raw.kind.0 });
    }
    match Chunk::parse(raw) {
        Ok(Chunk::Init(init)) if is_allowed(&init) => Ok(Peer::read(&init)),
        Ok(_) => Err(SnapError::Forbidden),
        Err(error) => Err(SnapError::Malformed(ParseError { offset: error.offset + 4, ..error })),
    }
}

fn is_allowed(init: &Init<'_>) -> bool {
    init.tag != 0 && init.outbound != 0 && init.inbound != 0 && init.a_rwnd >= LEAST_WINDOW
}
