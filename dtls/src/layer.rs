//! The record layer: numbers, keys and the replay window of both directions; RFC 6347 section 4.1.
//!
//! There are two epochs: 0 in plaintext, 1 with the keys of the handshake. A second handshake does not exist here.

mod terms;

pub(crate) use terms::Terms;

use crate::crypto::aead::{Associated, MAX_EXPLICIT_NONCE_LEN, RecordCipher, TAG_LEN};
use crate::error::SealError;
use crate::handshake::FRAGMENT_HEADER_LEN;
use crate::record::{ContentType, HEADER_LEN, Header, ID_AT, MAX_PLAINTEXT_LEN, MAX_SEQUENCE, Version};
use crate::replay::ReplayWindow;

/// Blocks of 16 octets that one key may encrypt, 256 GB in all: somewhat fewer than 2^24.5 records of full size have, the
/// bound of RFC 8446 section 5.5.
const MAX_BLOCKS: u64 = 1 << 34;
/// Forged records that one key may have refused; RFC 9147 section 4.5.3. Nobody sends so many by accident.
const MAX_FORGED: u64 = 1 << 36;

/// The number of a hello's record that is followed at most.
const MAX_HELLO_SEQUENCE: u64 = 1 << 40;

/// Why a record was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are no keys yet.
    NoKeys,
    /// It came before.
    Replay,
    /// It is not authentic.
    Forged,
    /// Not authentic, and the last one that may be.
    Exhausted,
    /// It has another connection id than ours, or one though there should be none, or none though there should be one.
    ConnectionId,
    /// Authentic, and longer than we said that we take, or of no type.
    Malformed,
}

/// What was in a record.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) plaintext: &'a mut [u8],
    /// No record with a higher number has come.
    pub(crate) is_newest: bool,
}

struct Keys {
    write: RecordCipher,
    read: RecordCipher,
    /// Next number to write.
    sequence: u64,
    /// Blocks encrypted.
    blocks: u64,
    replay: ReplayWindow,
    forged: u64,
}

/// Both directions of a connection.
#[derive(Default)]
pub(crate) struct RecordLayer {
    /// Next number to write in plaintext.
    plain_sequence: u64,
    keys: Option<Box<Keys>>,
    terms: Terms,
    /// The epoch in which alerts go out: 1 once our ChangeCipherSpec is behind us.
    write_epoch: u16,
}

impl RecordLayer {
    /// Takes the keys of epoch 1: records can be opened at once, and written once [`RecordLayer::change_write`] is
    /// called. `window` is the number of records behind the newest that still count.
    pub(crate) fn install(&mut self, (write, read): (RecordCipher, RecordCipher), window: u16) {
        let replay = ReplayWindow::new(window);
        self.keys = Some(Box::new(Keys { write, read, sequence: 0, blocks: 0, replay, forged: 0 }));
    }

    /// The server answers a hello with the number of its record, so that numbers do not come twice though others, who
    /// remember nothing, have answered earlier ones; RFC 6347 section 4.2.1. Nobody needs so many numbers for a hello
    /// that they could run out.
    //= rfc6347#4.2.1-10
    //= rfc6347#4.2.1-12
    pub(crate) fn follow(&mut self, sequence: u64) {
        if sequence <= MAX_HELLO_SEQUENCE {
            self.plain_sequence = self.plain_sequence.max(sequence);
        }
    }

    /// From here on alerts are protected.
    pub(crate) fn change_write(&mut self) {
        self.write_epoch = 1;
    }

    /// Keeps to what the hellos settled.
    pub(crate) fn agree(&mut self, terms: Terms) {
        self.terms = terms;
    }

    pub(crate) const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Forgets the keys.
    pub(crate) fn clear(&mut self) {
        self.keys = None;
    }

    pub(crate) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether nothing was ever sent.
    pub(crate) fn is_silent(&self) -> bool {
        self.plain_sequence == 0
    }

    pub(crate) fn write_epoch(&self) -> u16 {
        self.write_epoch
    }

    /// Octets that a protected record has in front of its payload. Until there are keys: the most that it can have.
    pub(crate) const fn headroom(&self) -> usize {
        HEADER_LEN
            + self.terms.write_id.octets().len()
            + match &self.keys {
                Some(keys) => keys.write.explicit_nonce_len(),
                None => MAX_EXPLICIT_NONCE_LEN,
            }
    }

    /// Octets of the nonce that the peer's records carry.
    pub(crate) fn explicit_nonce_len(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.read.explicit_nonce_len())
    }

    /// Octets that a protected record has behind its payload.
    pub(crate) const fn tailroom(&self) -> usize {
        let tag_len = match &self.keys {
            Some(keys) => keys.write.tag_len(),
            None => TAG_LEN,
        };
        if self.terms.write_id.is_empty() { tag_len } else { tag_len + 1 }
    }

    /// Octets by which protection makes the content of a record longer.
    pub(crate) const fn expansion(&self, epoch: u16) -> usize {
        if epoch == 0 { 0 } else { self.headroom() - HEADER_LEN + self.tailroom() }
    }

    /// Octets of a message that fit one record of this epoch. Unprotected records are under no limit of the peer's.
    pub(crate) fn fragment_limit(&self, epoch: u16) -> usize {
        let limit = if epoch == 0 { MAX_PLAINTEXT_LEN } else { self.terms.content_limit() };
        limit - FRAGMENT_HEADER_LEN
    }

    /// Appends a record of the handshake with what `content` appends, at most 2^14 octets. Appends nothing if the keys
    /// are missing or used up, which no handshake gets to see.
    pub(crate) fn put(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        version: Version,
        out: &mut Vec<u8>,
        content: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = out.len();
        if epoch == 0 {
            out.resize(start + HEADER_LEN, 0);
            content(out);
            let length = out.len() - start - HEADER_LEN;
            let sequence = self.plain_sequence;
            self.plain_sequence += 1;
            put_header(out, start, Header { content_type, version, epoch, sequence, length: to_u16(length) });
            return;
        }
        let at = start + self.headroom();
        out.resize(at, 0);
        content(out);
        if self.seal(content_type, out, at).is_err() {
            out.truncate(start);
        }
    }

    /// Makes a record of what stands at `at..`, using the octets in front of it.
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        out: &mut Vec<u8>,
        at: usize,
    ) -> Result<(), SealError> {
        let headroom = self.headroom();
        let start = at.checked_sub(headroom).filter(|_| at <= out.len());
        let start = start.ok_or(SealError::Headroom { needed: headroom, available: at.min(out.len()) })?;
        let length = out.len() - at;
        //= rfc9146#5-2
        let maximum = self.terms.content_limit();
        if length > maximum {
            return Err(SealError::TooLarge { found: length, maximum });
        }
        let keys = self.keys.as_mut().ok_or(SealError::NotConnected)?;
        let sequence = keys.sequence;
        //= rfc6347#4.1-6
        if sequence > MAX_SEQUENCE || keys.blocks >= MAX_BLOCKS {
            return Err(SealError::KeysExhausted);
        }
        keys.sequence += 1;
        // One block more for the tag.
        keys.blocks += length.div_ceil(16) as u64 + 1;
        let (version, id) = (Version::DTLS_1_2, self.terms.write_id.octets());
        //= rfc9146#3-3
        //= rfc9146#3-4
        let content_type = if id.is_empty() {
            content_type
        } else {
            out.push(content_type.0);
            ContentType::TLS12_CID
        };
        let position = 1 << 48 | sequence;
        let bound = Associated { position, content_type, version, connection_id: id };
        let tag = keys.write.seal(bound, &mut out[at..]);
        let content_at = start + HEADER_LEN + id.len();
        let explicit = &mut out[content_at..at];
        explicit.copy_from_slice(&bound.position.to_be_bytes()[..explicit.len()]);
        out.extend_from_slice(tag.as_ref());
        let length = to_u16(out.len() - content_at);
        put_header(out, start, Header { content_type, version, epoch: 1, sequence, length });
        // The id stands between number and length.
        out[start + ID_AT..start + ID_AT + id.len()].copy_from_slice(id);
        out[content_at - 2..content_at].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Authenticates and decrypts a record of epoch 1 where it lies; its content begins at `at`. Nothing changes unless it is
    /// authentic, except the count of those that are not.
    pub(crate) fn open<'a>(
        &mut self,
        header: &Header,
        record: &'a mut [u8],
        at: usize,
    ) -> Result<Opened<'a>, Refused> {
        let keys = self.keys.as_mut().ok_or(Refused::NoKeys)?;
        let (id, (front, content)) = (self.terms.read_id.octets(), record.split_at_mut(at));
        //= rfc9146#3-5
        //= rfc9146#3-6
        let has_id = header.content_type == ContentType::TLS12_CID;
        if has_id == id.is_empty() || (has_id && front[ID_AT..ID_AT + id.len()] != *id) {
            return Err(Refused::ConnectionId);
        }
        //= rfc6347#4.1.2.6-4
        if !keys.replay.is_fresh(header.sequence) {
            return Err(Refused::Replay);
        }
        let position = u64::from(header.epoch) << 48 | header.sequence;
        let &Header { content_type, version, .. } = header;
        let bound = Associated { position, content_type, version, connection_id: id };
        let Some(plaintext) = keys.read.open(bound, content) else {
            keys.forged += 1;
            return Err(if keys.forged >= MAX_FORGED { Refused::Exhausted } else { Refused::Forged });
        };
        let is_newest = keys.replay.is_newest(header.sequence);
        keys.replay.insert(header.sequence);
        if plaintext.len() > self.terms.read_limit {
            return Err(Refused::Malformed);
        }
        if !has_id {
            return Ok(Opened { content_type, plaintext, is_newest });
        }
        let (content_type, plaintext) = split_inner(plaintext).ok_or(Refused::Malformed)?;
        Ok(Opened { content_type, plaintext, is_newest })
    }

    /// Moves the writer on, to see what happens at the end.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.keys.as_mut().unwrap().sequence = sequence;
    }

    /// Makes the writer's key encrypt so many blocks, to see what happens at the end.
    #[cfg(test)]
    pub(crate) fn spend(&mut self, blocks: u64) {
        self.keys.as_mut().unwrap().blocks += blocks;
    }
}

/// What a record with an id holds: content, type, padding of zeros; RFC 9146 section 4.
pub(crate) fn split_inner(plaintext: &mut [u8]) -> Option<(ContentType, &mut [u8])> {
    let end = plaintext.iter().rposition(|octet| *octet != 0)?;
    let (content, kind) = plaintext.split_at_mut(end);
    Some((ContentType(*kind.first()?), content))
}

/// Overwrites the octets at `start` with the header.
fn put_header(out: &mut [u8], start: usize, header: Header) {
    let Header { content_type, version, epoch, sequence, length } = header;
    let place = &mut out[start..start + HEADER_LEN];
    place[0] = content_type.0;
    place[1..3].copy_from_slice(&version.0.to_be_bytes());
    place[3..5].copy_from_slice(&epoch.to_be_bytes());
    place[5..11].copy_from_slice(&sequence.to_be_bytes()[2..]);
    place[11..].copy_from_slice(&length.to_be_bytes());
}

/// Contents are checked to have at most 2^14 octets.
fn to_u16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
