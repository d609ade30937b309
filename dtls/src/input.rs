//! What a datagram had for the layer above.

use crate::record::{ContentType, HEADER_LEN};

/// Octets of records that wait for keys, or for the Finished: enough for a few that were overtaken.
const QUEUE_LIMIT: usize = 4096;

/// What became of a datagram.
#[derive(Debug)]
pub enum Input<'a> {
    /// It belonged to the connection itself, or was dropped and counted.
    Consumed,
    /// It has payload for the layer above.
    Payload(Payloads<'a>),
    /// Its first octet is not one of DTLS; RFC 7983 section 7.
    NotMine,
}

/// The payloads of a datagram, one for each record, as slices of it. After the one that completes the handshake,
/// payloads that had overtaken it come first.
#[derive(Debug)]
pub struct Payloads<'a> {
    overtaken: &'a mut [u8],
    datagram: &'a mut [u8],
    /// Octets of a record in front of its payload, and behind it.
    room: (usize, usize),
}

impl<'a> Payloads<'a> {
    /// Both are runs of whole records, of which those are hidden that are not to be seen.
    pub(crate) fn new(overtaken: &'a mut [u8], datagram: &'a mut [u8], room: (usize, usize)) -> Self {
        Self { overtaken, datagram, room }
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = &'a mut [u8];

    fn next(&mut self) -> Option<&'a mut [u8]> {
        next_payload(&mut self.overtaken, self.room).or_else(|| next_payload(&mut self.datagram, self.room))
    }
}

/// The next record that is not hidden: what lies between explicit nonce and tag.
fn next_payload<'a>(records: &mut &'a mut [u8], (front, behind): (usize, usize)) -> Option<&'a mut [u8]> {
    loop {
        let &[kind, .., high, low] = records.first_chunk::<HEADER_LEN>()?;
        let len = HEADER_LEN + usize::from(u16::from_be_bytes([high, low]));
        let (record, rest) = std::mem::take(records).split_at_mut_checked(len)?;
        *records = rest;
        if kind == ContentType::APPLICATION_DATA.0 {
            return record.get_mut(front..len.checked_sub(behind)?);
        }
    }
}

/// Hides a record from [`Payloads`].
pub(crate) fn hide(record: &mut [u8]) {
    if let Some(kind) = record.first_mut() {
        *kind = 0;
    }
}

/// Records that wait, one after the other.
#[derive(Debug, Default)]
pub(crate) struct RecordQueue {
    bytes: Vec<u8>,
    count: u64,
}

impl RecordQueue {
    /// Says whether there was room.
    pub(crate) fn push(&mut self, record: &[u8]) -> bool {
        let fits = self.bytes.len() + record.len() <= QUEUE_LIMIT;
        if fits {
            self.bytes.extend_from_slice(record);
            self.count += 1;
        }
        fits
    }

    pub(crate) fn clear(&mut self) {
        if !self.bytes.is_empty() {
            *self = Self::default();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
