//! Flights: what is sent together, and again and again until it is answered; RFC 6347 section 4.2.4.

use std::time::{Duration, Instant};

use crate::handshake::{FRAGMENT_HEADER_LEN, FragmentHeader, MessageType};
use crate::layer::RecordLayer;
use crate::record::{ContentType, HEADER_LEN, Version};

/// Timers do not go beyond this; RFC 6347 section 4.2.4.1.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// The smallest path that is fragmented for.
pub(crate) const MIN_MTU: usize = 256;
/// The largest datagram that UDP over IPv4 carries.
const MAX_MTU: usize = 65_507;
/// Fragments of a message that do not end it have at least so many octets.
const MIN_FRAGMENT: usize = 32;
/// Octets of a Finished, the one message that is protected; it is shorter than [`MIN_FRAGMENT`], so it is never cut.
const VERIFY_DATA_LEN: usize = 12;
/// A repeated flight of the peer is answered at once, but not more often than this, doubled each time.
const REPEAT_GAP: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
enum Content {
    ChangeCipherSpec,
    Message { kind: MessageType, sequence: u16 },
}

/// A message or ChangeCipherSpec; the body lies in the flight's buffer.
#[derive(Debug, Clone, Copy)]
struct Item {
    epoch: u16,
    content: Content,
    start: usize,
    end: usize,
}

/// Our current flight and its timer.
pub(crate) struct Flight {
    items: Vec<Item>,
    bodies: Vec<u8>,
    next_sequence: u16,
    /// What is sent next: an item, and how much of its body has gone.
    cursor: (usize, usize),
    mtu: usize,
    initial_timeout: Duration,
    timeout: Duration,
    timeouts: u32,
    deadline: Option<Instant>,
    sent_at: Option<Instant>,
    repeat_gap: Duration,
    /// The peer's message that this flight answers: if it comes again, so does the flight.
    answers: Option<u16>,
    /// Whether an answer is expected: not to the last flight of a handshake, nor to a request for a cookie.
    awaits_answer: bool,
}

impl Flight {
    pub(crate) fn new(initial_timeout: Duration, path_mtu: usize) -> Self {
        let initial_timeout = initial_timeout.clamp(Duration::from_millis(1), MAX_TIMEOUT);
        Self {
            items: Vec::new(),
            bodies: Vec::new(),
            next_sequence: 0,
            cursor: (0, 0),
            mtu: path_mtu.clamp(MIN_MTU, MAX_MTU),
            initial_timeout,
            timeout: initial_timeout,
            timeouts: 0,
            deadline: None,
            sent_at: None,
            repeat_gap: REPEAT_GAP,
            answers: None,
            awaits_answer: true,
        }
    }

    pub(crate) fn set_mtu(&mut self, path_mtu: usize) {
        self.mtu = path_mtu.clamp(MIN_MTU, MAX_MTU);
    }

    /// Sets the first timer, of the flight under way too if it was sent once.
    pub(crate) fn set_initial_timeout(&mut self, now: Instant, initial_timeout: Duration) {
        self.initial_timeout = initial_timeout.clamp(Duration::from_millis(1), MAX_TIMEOUT);
        if self.timeouts == 0 {
            self.timeout = self.initial_timeout;
            if let (Some(deadline), Some(sent_at)) = (&mut self.deadline, self.sent_at) {
                *deadline = now.max(sent_at + self.timeout);
            }
        }
    }

    /// Starts the next flight; what was there has been answered. A timer that had to be doubled stays so until a flight
    /// gets through at once.
    //= rfc6347#4.2.4.1-2
    pub(crate) fn begin(&mut self, answers: Option<u16>) {
        if self.timeouts == 0 {
            self.timeout = self.initial_timeout;
        }
        self.clear();
        self.answers = answers;
        self.awaits_answer = true;
        self.timeouts = 0;
        self.repeat_gap = REPEAT_GAP;
    }

    /// Forgets the flight: nothing is sent any more.
    pub(crate) fn clear(&mut self) {
        self.items = Vec::new();
        self.bodies = Vec::new();
        self.cursor = (0, 0);
        self.deadline = None;
        self.sent_at = None;
    }

    /// Adds a message; returns its number and body.
    pub(crate) fn push(
        &mut self,
        epoch: u16,
        kind: MessageType,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> (u16, &[u8]) {
        let (sequence, start) = (self.next_sequence, self.bodies.len());
        self.next_sequence = sequence.saturating_add(1);
        body(&mut self.bodies);
        let end = self.bodies.len();
        self.items.push(Item { epoch, content: Content::Message { kind, sequence }, start, end });
        (sequence, &self.bodies[start..])
    }

    pub(crate) fn push_change_cipher_spec(&mut self) {
        let at = self.bodies.len();
        self.items.push(Item { epoch: 0, content: Content::ChangeCipherSpec, start: at, end: at });
    }

    /// Our messages begin with this number.
    pub(crate) fn begin_with(&mut self, sequence: u16) {
        self.next_sequence = sequence;
    }

    /// The flight is the handshake's last, or a request for a cookie, so that no timer runs for it: only the peer's repetition
    /// brings it back.
    pub(crate) fn is_last(&mut self) {
        self.awaits_answer = false;
    }

    pub(crate) const fn awaits_answer(&self) -> bool {
        self.awaits_answer
    }

    /// Appends one datagram of at most `limit` octets, if there is something left to send and room for it.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        layer: &mut RecordLayer,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let start = out.len();
        // With a long connection id, one record that holds something is longer than the smallest path.
        let least = HEADER_LEN + layer.expansion(1) + FRAGMENT_HEADER_LEN + VERIFY_DATA_LEN;
        let limit = limit.min(self.mtu.max(least));
        while let Some(item) = self.items.get(self.cursor.0).copied() {
            let room = limit.saturating_sub(out.len() - start);
            if !self.write_record(item, layer, room, out) {
                break;
            }
        }
        let wrote = out.len() > start;
        if wrote && !self.is_pending() {
            self.sent_at = Some(now);
            self.deadline = self.awaits_answer.then(|| now + self.timeout);
        }
        wrote
    }

    fn write_record(&mut self, item: Item, layer: &mut RecordLayer, room: usize, out: &mut Vec<u8>) -> bool {
        let Content::Message { kind, sequence } = item.content else {
            let fits = room > HEADER_LEN;
            if fits {
                layer.put(0, ContentType::CHANGE_CIPHER_SPEC, Version::DTLS_1_2, out, |out| out.push(1));
                self.cursor = (self.cursor.0 + 1, 0);
            }
            return fits;
        };
        let (body, offset) = (&self.bodies[item.start..item.end], self.cursor.1);
        let overhead = HEADER_LEN + layer.expansion(item.epoch) + FRAGMENT_HEADER_LEN;
        let left = body.len() - offset;
        let Some(room) = room.checked_sub(overhead) else { return false };
        let room = room.min(layer.fragment_limit(item.epoch));
        let length = left.min(room);
        if length < left && length < MIN_FRAGMENT {
            return false;
        }
        let header = FragmentHeader {
            kind,
            total: to_u32(body.len()),
            sequence,
            offset: to_u32(offset),
            length: to_u32(length),
        };
        // These are sent before the version is known, in records that every version reads.
        let version = match kind {
            MessageType::CLIENT_HELLO | MessageType::HELLO_VERIFY_REQUEST => Version::DTLS_1_0,
            _ => Version::DTLS_1_2,
        };
        layer.put(item.epoch, ContentType::HANDSHAKE, version, out, |out| {
            header.encode(out);
            out.extend_from_slice(&body[offset..offset + length]);
        });
        self.cursor = if length == left { (self.cursor.0 + 1, 0) } else { (self.cursor.0, offset + length) };
        true
    }

    /// Whether something is left to send.
    pub(crate) fn is_pending(&self) -> bool {
        self.cursor.0 < self.items.len()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// No answer came in time: says whether the flight starts again. After two such times it goes in smaller datagrams.
    //= rfc6347#4.1.1.1-11
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.deadline.is_some_and(|deadline| deadline <= now);
        if due {
            self.timeouts += 1;
            self.timeout = (self.timeout * 2).min(MAX_TIMEOUT);
            if self.timeouts.is_multiple_of(2) {
                self.mtu = (self.mtu / 2).max(MIN_MTU);
            }
            self.restart();
        }
        due
    }

    /// A message of the peer came again: says whether the flight starts again, since it was the one that it answers.
    pub(crate) fn handle_repeat(&mut self, now: Instant, sequence: u16) -> bool {
        let rested = self.sent_at.is_some_and(|sent_at| now >= sent_at + self.repeat_gap);
        let again = self.answers == Some(sequence) && !self.is_pending() && rested;
        if again {
            self.repeat_gap = (self.repeat_gap * 2).min(MAX_TIMEOUT);
            self.restart();
        }
        again
    }

    fn restart(&mut self) {
        self.cursor = (0, 0);
        self.deadline = None;
    }

    /// The messages of the flight.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<crate::reassembly::Whole> {
        let whole = |item: &Item| match item.content {
            Content::ChangeCipherSpec => None,
            Content::Message { kind, sequence } => {
                let body = self.bodies[item.start..item.end].to_vec();
                Some(crate::reassembly::Whole { kind, sequence, body })
            }
        };
        self.items.iter().filter_map(whole).collect()
    }
}

/// Messages of ours have far fewer than 2^24 octets.
fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
