//! Messages given up (RFC 3758), and how far the peer is told to skip them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Fate, Fragment, MESSAGE_OVERHEAD, MessageKey, Outstanding, Sent};
use crate::chunk::DataFlags;

/// Streams, and whether unordered, with the last TSN and SSN or message identifier given up on each.
pub(crate) type Skipped = BTreeMap<(u16, bool), (u64, u32)>;

impl Outstanding {
    /// Gives up the whole message that the chunk belongs to. Its fragments stand in order, perhaps with others between.
    pub(super) fn abandon(&mut self, tsn: u64) {
        let Some(fragment) = self.get(tsn).map(|sent| &sent.fragment) else { return };
        let (key, limited) = (fragment.key(), fragment.max_retransmits.is_some());
        self.holes.exhausted += u64::from(limited);
        self.holes.expired += u64::from(!limited);
        let begins = |sent: &Sent| sent.fragment.key() == key && sent.fragment.flags.has(DataFlags::BEGIN);
        let mut first = tsn;
        while first > self.base && self.get(first).is_some_and(|sent| !begins(sent)) {
            first -= 1;
        }
        for tsn in first..self.next_tsn() {
            let Some(sent) = self.get_mut(tsn) else { break };
            if sent.fragment.key() != key {
                continue;
            }
            let last = sent.fragment.flags.has(DataFlags::END);
            let (octets, payload) = (sent.wire_len(), sent.fragment.payload.len());
            let before = sent.fate;
            if before != Fate::Acked {
                sent.fate = Fate::Abandoned;
            }
            if before == Fate::InFlight {
                self.flight -= octets;
                self.flight_payload -= payload;
            }
            if last {
                return;
            }
        }
        self.holes.torn.push(key);
    }

    /// How many messages expired and how many exhausted their retransmissions since the last call.
    pub(crate) fn take_abandoned(&mut self) -> (u64, u64) {
        if self.holes.expired + self.holes.exhausted == 0 {
            return (0, 0);
        }
        (std::mem::take(&mut self.holes.expired), std::mem::take(&mut self.holes.exhausted))
    }

    /// A message given up of which a part is not sent yet.
    pub(crate) fn take_torn(&mut self) -> Option<MessageKey> {
        if self.holes.torn.is_empty() { None } else { self.holes.torn.pop() }
    }

    /// Gives up the message that is partly sent. Its end gets a TSN that is never sent, so that the skip reported to
    /// the peer covers the message even if all that was sent of it has arrived.
    pub(crate) fn abandon_tail(&mut self, rest: Fragment, now: Instant) {
        let key = rest.key();
        let newest = self.chunks.iter().rposition(|sent| sent.fragment.key() == key);
        if let Some(at) = newest
            && self.chunks.get(at).is_some_and(|sent| sent.fate != Fate::Abandoned)
        {
            self.abandon(self.base + u64::try_from(at).unwrap_or_default());
        } else if newest.is_none() {
            self.holes.expired += 1;
        }
        self.holes.torn.retain(|torn| *torn != key);
        self.weight += MESSAGE_OVERHEAD;
        let (mark, octets) = (self.mark(now), self.chunk_len(0));
        let fate = Fate::Abandoned;
        let sent = Sent { fragment: rest, fate, transmits: 0, packet: 0, sent_at: now, octets, mark };
        self.chunks.push_back(sent);
    }

    /// Moves the advanced peer ack point over what is given up; `most`: streams that one FORWARD-TSN can name.
    /// Says whether it moved.
    ///
    /// It rests on chunks given up only (RFC 3758 section 3.5, C2): an acknowledged fragment behind them may belong to a
    /// message that is still being sent, which the peer would drop. One before them cannot, since fragments of different
    /// messages do not mix.
    pub(crate) fn advance(&mut self, most: usize) -> bool {
        let before = self.advanced;
        let mut at = self.advanced;
        while let Some(sent) = self.get(at + 1) {
            match sent.fate {
                Fate::Acked => {}
                Fate::Abandoned => {
                    let Fragment { stream, ssn, mid, flags, .. } = sent.fragment;
                    let unordered = flags.has(DataFlags::UNORDERED);
                    if self.interleaved || !unordered {
                        let key = (stream, unordered);
                        if self.holes.skipped.len() >= most && !self.holes.skipped.contains_key(&key) {
                            break;
                        }
                        let number = if self.interleaved { mid } else { u32::from(ssn) };
                        self.holes.skipped.insert(key, (at + 1, number));
                    }
                    self.advanced = at + 1;
                }
                Fate::InFlight | Fate::Lost => break,
            }
            at += 1;
        }
        self.advanced > before
    }

    /// What a FORWARD-TSN shall say; `None` if the peer's cumulative TSN is not behind.
    pub(crate) fn forward(&self) -> Option<(u64, &Skipped)> {
        (self.advanced >= self.base).then_some((self.advanced, &self.holes.skipped))
    }

    /// The peer has reset the stream, so it has seen everything of its last use; SSNs of that use mean nothing any more.
    pub(crate) fn forget_skipped(&mut self, stream: u16) {
        self.holes.skipped.remove(&(stream, false));
        self.holes.skipped.remove(&(stream, true));
    }
}
