//! What a datagram had for the layer above.

use std::ops::Range;

use crate::record::HEADER_LEN;

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
}

impl<'a> Payloads<'a> {
    /// Both are runs of whole records, each of them shown or hidden.
    pub(crate) fn new(overtaken: &'a mut [u8], datagram: &'a mut [u8]) -> Self {
        Self { overtaken, datagram }
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = &'a mut [u8];

    fn next(&mut self) -> Option<&'a mut [u8]> {
        next_payload(&mut self.overtaken).or_else(|| next_payload(&mut self.datagram))
    }
}

/// The payload of the next record that is not hidden.
fn next_payload<'a>(records: &mut &'a mut [u8]) -> Option<&'a mut [u8]> {
    loop {
        let &[kind, at_high, at_low, len_high, len_low, .., high, low] =
            records.first_chunk::<HEADER_LEN>()?;
        let of = |high, low| usize::from(u16::from_be_bytes([high, low]));
        let (record, rest) = std::mem::take(records).split_at_mut_checked(HEADER_LEN + of(high, low))?;
        *records = rest;
        if kind == SHOWN {
            let at = of(at_high, at_low);
            return record.get_mut(at..at + of(len_high, len_low));
        }
    }
}

/// What the headers of records say that have been dealt with: whether there is payload, where it begins and ends; and in
/// the last two octets how long the rest of the record is, connection id or not.
const SHOWN: u8 = 1;
const HIDDEN: u8 = 0;

/// Shows [`Payloads`] the octets at `payload` in a record.
pub(crate) fn show(record: &mut [u8], payload: Range<usize>) {
    rewrite(record, SHOWN, payload);
}

/// Hides a record from [`Payloads`].
pub(crate) fn hide(record: &mut [u8]) {
    rewrite(record, HIDDEN, 0..0);
}

#[expect(clippy::cast_possible_truncation, reason = "a record's length has 16 bits")]
fn rewrite(record: &mut [u8], kind: u8, payload: Range<usize>) {
    let rest = record.len().saturating_sub(HEADER_LEN) as u16;
    if let Some(header) = record.first_chunk_mut::<HEADER_LEN>() {
        header[0] = kind;
        header[1..3].copy_from_slice(&(payload.start as u16).to_be_bytes());
        header[3..5].copy_from_slice(&(payload.len() as u16).to_be_bytes());
        header[11..].copy_from_slice(&rest.to_be_bytes());
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
