//! SCTP associations, ours and the rivals', in the harness's terms: they can face each other over a simulated network.

mod dcsctp;
mod endpoint;
mod ours;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use nomagic_testkit::machine::Machine;

pub use dcsctp::Dcsctp;
pub use endpoint::{RtcSctp, SctpProto};
pub use ours::Ours;

/// Payload protocol identifier of octets (RFC 8831 section 8).
pub const BINARY: u32 = 53;

/// Octets that every end may hold unread.
pub const RECEIVE_WINDOW: u32 = 4 << 20;
/// Octets of the largest message that every end takes.
pub const LARGEST_MESSAGE: usize = 1 << 20;
/// Octets of the largest packet of every end.
pub const LARGEST_PACKET: usize = 1160;

/// What an association has to tell.
#[derive(Debug)]
pub struct Outcome {
    /// Set-up is complete.
    pub connected: bool,
    /// It has ended: why.
    pub ended: Option<String>,
    /// Messages are kept, not only counted. On at first.
    pub keeps: bool,
    /// Streams and messages in the order of arrival.
    pub received: Vec<(u16, Vec<u8>)>,
    /// Octets received, kept or not.
    pub octets: usize,
    /// Streams that the peer has reset.
    pub reset_by_peer: Vec<u16>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            connected: false,
            ended: None,
            keeps: true,
            received: Vec::new(),
            octets: 0,
            reset_by_peer: Vec::new(),
            outgoing: VecDeque::new(),
        }
    }
}

impl Outcome {
    fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let datagram = self.outgoing.pop_front();
        out.extend(datagram.iter().flatten());
        datagram.is_some()
    }

    fn deliver(&mut self, stream: u16, message: &[u8]) {
        self.octets += message.len();
        if self.keeps {
            self.received.push((stream, message.to_vec()));
        }
    }
}

/// What the tests need of an association besides the harness's verbs. Messages are pulled as they come.
pub trait Talker: Machine + std::fmt::Debug + Sized {
    /// Its name in reports.
    const NAME: &'static str;

    /// An end; one that `calls` sends INIT, the other waits for it.
    fn new(calls: bool, now: Instant, seed: u64) -> Self {
        Self::with_window(RECEIVE_WINDOW, calls, now, seed)
    }

    /// An end that may hold so many octets unread, and, where that can be set, as many unsent.
    fn with_window(window: u32, calls: bool, now: Instant, seed: u64) -> Self;

    /// Sends a message in full reliability; `false` if nothing was taken, because too much waits.
    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, unordered: bool) -> bool;

    /// Octets that wait or are under way on a stream, as the implementation counts them.
    fn buffered(&mut self, stream: u16) -> usize;

    /// Resets a stream that it sends on.
    fn reset(&mut self, now: Instant, stream: u16);

    /// What it has to tell.
    fn outcome(&mut self) -> &mut Outcome;
}

/// A packet in one line, whoever sent it.
fn describe(datagram: &[u8]) -> String {
    let parsed = nomagic_sctp::packet::Packet::parse(datagram);
    parsed.map_or_else(|error| error.to_string(), |packet| packet.to_string())
}
