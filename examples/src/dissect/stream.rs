//! TCP: segments in their order, and the messages in them.
//!
//! STUN and ChannelData frame themselves (RFC 8656 section 12.5); everything else of this family has a length of two
//! octets in front (RFC 4571). What is neither is not ours.

use std::net::SocketAddr;

use nomagic_ice::demux::{Class, classify};

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    next: Option<u32>,
    waiting: Vec<u8>,
}

/// Octets kept while a message is incomplete; none is longer.
const MAX_WAITING: usize = 1 << 17;

impl Stream {
    /// Takes a segment, and gives the messages that end in it.
    ///
    /// A segment that was seen before is passed over; behind a hole the stream begins anew.
    pub(super) fn push(&mut self, sequence: u32, segment: &[u8]) -> Vec<Vec<u8>> {
        if segment.is_empty() {
            return Vec::new();
        }
        let ahead = self.next.map_or(0, |next| sequence.wrapping_sub(next).cast_signed());
        let fresh = match usize::try_from(-i64::from(ahead)) {
            Ok(old) => segment.get(old..).unwrap_or_default(),
            Err(_) => {
                self.waiting.clear();
                segment
            }
        };
        if fresh.is_empty() {
            return Vec::new();
        }
        let len = u32::try_from(segment.len()).unwrap_or(0);
        self.next = Some(sequence.wrapping_add(len));
        self.waiting.extend_from_slice(fresh);
        let mut messages = Vec::new();
        loop {
            match cut(&self.waiting) {
                Cut::Message { header, end } => {
                    messages.push(self.waiting[header..end].to_vec());
                    let padded = if classify(&self.waiting[..end]) == Class::TurnChannel {
                        end.next_multiple_of(4)
                    } else {
                        end
                    };
                    self.waiting.drain(..padded.min(self.waiting.len()));
                }
                Cut::Incomplete if self.waiting.len() < MAX_WAITING => break,
                Cut::Incomplete | Cut::Foreign => {
                    self.waiting.clear();
                    break;
                }
            }
        }
        messages
    }
}

enum Cut {
    Message { header: usize, end: usize },
    Incomplete,
    Foreign,
}

/// Where the message at the beginning ends.
fn cut(octets: &[u8]) -> Cut {
    let [first, _, high, low, ..] = octets else {
        return Cut::Incomplete;
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let whole = |header: usize, end: usize| match octets.len() >= end {
        true => Cut::Message { header, end },
        false => Cut::Incomplete,
    };
    match first >> 6 {
        0 if octets.len() < 8 => Cut::Incomplete,
        0 if octets[4..8] == [0x21, 0x12, 0xa4, 0x42] => whole(0, 20 + len),
        1 if (0x40..0x50).contains(first) => whole(0, 4 + len),
        _ => {
            let framed = 2 + usize::from(u16::from_be_bytes([octets[0], octets[1]]));
            let ours = matches!(classify(&octets[2..]), Class::Stun | Class::Dtls | Class::Rtp | Class::Rtcp);
            let plausible = framed > 2
                && ours
                && octets.get(6..10).is_none_or(|cookie| {
                    classify(&octets[2..]) != Class::Stun || *cookie == [0x21, 0x12, 0xa4, 0x42]
                });
            if plausible { whole(2, framed) } else { Cut::Foreign }
        }
    }
}

/// Both ends of a conversation, in an order that does not depend on who speaks.
pub(super) fn ends(a: SocketAddr, b: SocketAddr) -> (SocketAddr, SocketAddr) {
    if a <= b { (a, b) } else { (b, a) }
}
