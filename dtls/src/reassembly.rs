//! Fragments become messages; RFC 6347 sections 4.2.2 and 4.2.3.
//!
//! The laws: what came first stays, whatever later fragments say; memory grows with the octets that came, never with a
//! length that somebody claims; a fragment costs time in proportion to its own size.

use crate::handshake::{FragmentHeader, MessageType};
use crate::wire::to_usize;

/// Messages ahead of the next one that are kept.
const WINDOW: u16 = 8;
/// How far behind the end of what came a fragment may begin. Whatever is skipped takes memory before it came.
const MAX_GAP: usize = 8192;

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) kind: MessageType,
    pub(crate) sequence: u16,
    pub(crate) body: Vec<u8>,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    /// Its message has been handed out.
    Old,
    /// It contradicts an earlier fragment, or is an empty part of a message that is not empty.
    Refused,
    /// It is too far ahead, or there is no room.
    NoRoom,
}

/// Messages in the making.
pub(crate) struct Reassembly {
    next: u16,
    /// The message with number `n` is at `n % WINDOW`.
    messages: [Option<Partial>; WINDOW as usize],
    held: usize,
    limit: usize,
}

impl Reassembly {
    pub(crate) fn new(limit: usize) -> Self {
        Self { next: 0, messages: Default::default(), held: 0, limit }
    }

    /// Begins with the message that has this number, and with what came of it already.
    pub(crate) fn begin_with(&mut self, sequence: u16, partial: Option<Partial>) {
        self.next = sequence;
        self.held = partial.as_ref().map_or(0, |partial| partial.body.len());
        self.messages = Default::default();
        self.messages[usize::from(sequence % WINDOW)] = partial;
    }

    pub(crate) fn insert(&mut self, header: &FragmentHeader, fragment: &[u8]) -> Fate {
        let Some(ahead) = header.sequence.checked_sub(self.next) else { return Fate::Old };
        let (total, offset) = (to_usize(header.total), to_usize(header.offset));
        if ahead >= WINDOW || total > self.limit {
            return Fate::NoRoom;
        }
        if fragment.is_empty() && total > 0 {
            return Fate::Refused;
        }
        let slot = &mut self.messages[usize::from(header.sequence % WINDOW)];
        let grown =
            (offset + fragment.len()).saturating_sub(slot.as_ref().map_or(0, |message| message.body.len()));
        let gap = offset.saturating_sub(slot.as_ref().map_or(0, |message| message.body.len()));
        if gap > MAX_GAP || self.held + grown > self.limit {
            return Fate::NoRoom;
        }
        let message = slot.get_or_insert_with(|| Partial::new(header.kind, total));
        if !message.is_of(header) {
            return Fate::Refused;
        }
        self.held += grown;
        message.insert(offset, fragment);
        Fate::Kept
    }

    /// Whether this is the start of a hello that would get nowhere for what others may have sent before: fragments of
    /// another hello, or later hellos. The hello before the last may still be on its way, and is none of these.
    pub(crate) fn is_begun_anew(&self, header: &FragmentHeader) -> bool {
        let is_start = header.kind == MessageType::CLIENT_HELLO && header.offset == 0;
        let is_old = header.sequence.saturating_add(1) < self.next;
        let contradicts =
            |message: &Partial| header.sequence == self.next && (header.is_whole() || !message.is_of(header));
        let slot = &self.messages[usize::from(header.sequence % WINDOW)];
        is_start && (is_old || slot.as_ref().is_some_and(contradicts))
    }

    /// Whether the message with this number has not been handed out.
    pub(crate) const fn is_new(&self, sequence: u16) -> bool {
        sequence >= self.next
    }

    /// The type of the next message, if it is whole.
    pub(crate) fn peek(&self) -> Option<MessageType> {
        self.messages[usize::from(self.next % WINDOW)]
            .as_ref()
            .filter(|next| next.is_whole())
            .map(|next| next.kind)
    }

    /// Hands out the next message, if it is whole.
    pub(crate) fn pop(&mut self) -> Option<Whole> {
        let sequence = self.next;
        let message = self.messages[usize::from(sequence % WINDOW)].take_if(|next| next.is_whole())?;
        self.held -= message.body.len();
        // Nobody gets as far as 2^16 messages: a handshake has ten.
        self.next = sequence.saturating_add(1);
        Some(Whole { kind: message.kind, sequence, body: message.body })
    }
}

/// One message in the making.
pub(crate) struct Partial {
    kind: MessageType,
    total: usize,
    /// As long as what came reaches; holes are zero.
    body: Vec<u8>,
    /// One bit for each octet of the body that came.
    came: Vec<u64>,
    missing: usize,
}

impl Partial {
    pub(crate) const fn new(kind: MessageType, total: usize) -> Self {
        Self { kind, total, body: Vec::new(), came: Vec::new(), missing: total }
    }

    /// The fragment ends within the message: the header was checked for that.
    pub(crate) fn insert(&mut self, offset: usize, fragment: &[u8]) {
        let end = offset + fragment.len();
        if end > self.body.len() {
            if end > self.body.capacity() {
                // It doubles, but does not become longer than the message.
                let room = end.max(2 * self.body.capacity()).min(self.total);
                self.body.reserve_exact(room - self.body.len());
                self.came.reserve_exact(room.div_ceil(64) - self.came.len());
            }
            self.body.resize(end, 0);
            self.came.resize(end.div_ceil(64), 0);
        }
        for (at, octet) in (offset..).zip(fragment) {
            let (word, bit) = (&mut self.came[at / 64], 1 << (at % 64));
            if *word & bit == 0 {
                *word |= bit;
                self.body[at] = *octet;
                self.missing -= 1;
            }
        }
    }

    pub(crate) const fn is_whole(&self) -> bool {
        self.missing == 0
    }

    /// Whether a fragment says the same of the message as the first one did.
    pub(crate) fn is_of(&self, header: &FragmentHeader) -> bool {
        (self.kind, self.total) == (header.kind, to_usize(header.total))
    }

    /// What came of the body without a hole.
    pub(crate) fn start(&self) -> &[u8] {
        let full = self.came.iter().take_while(|word| **word == u64::MAX).count();
        let more = self.came.get(full).map_or(0, |word| word.trailing_ones());
        &self.body[..64 * full + to_usize(more)]
    }
}

#[cfg(test)]
mod tests;
