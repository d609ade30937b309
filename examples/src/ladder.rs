//! The call as a ladder: a line a packet, with the section of the RFC that it answers, and a sentence for whoever asks.

use std::fmt;
use std::time::{Duration, Instant};

use crate::peer::{Layer, Trace};

/// A line of the ladder.
#[derive(Debug)]
pub struct Rung<'t> {
    /// Time since the call began.
    pub time: Duration,
    /// The packet, as seen by the side on the left.
    pub trace: &'t Trace,
    /// Adds a plain sentence.
    pub explain: bool,
}

impl<'t> Rung<'t> {
    /// A line for a packet of a call that began at `start`.
    pub fn new(start: Instant, trace: &'t Trace, explain: bool) -> Self {
        Self { time: trace.time.saturating_duration_since(start), trace, explain }
    }
}

impl fmt::Display for Rung<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.trace.outgoing { "a ------> z" } else { "a <------ z" };
        let milliseconds = self.time.as_secs_f64() * 1000.0;
        let (protocol, section, sentence) = meaning(self.trace);
        write!(f, "{milliseconds:9.1} ms  {arrow}  {protocol:<5} {}  [{section}]", self.trace.text)?;
        if self.explain { write!(f, "\n{:38}{sentence}", "") } else { Ok(()) }
    }
}

/// Protocol, section, and what it is for, by the first words of a packet's description.
fn meaning(trace: &Trace) -> (&'static str, &'static str, &'static str) {
    let has = |words: &str| trace.text.contains(words);
    match trace.layer {
        Layer::Stun if has("Binding request") && has("USE-CANDIDATE") => {
            ("STUN", "RFC 8445 section 8.1.1", "This path works; let us use it.")
        }
        Layer::Stun if has("Binding request") => (
            "STUN",
            "RFC 8445 section 7.2.4",
            "Can you hear me on this path? Signed with your password, so you know it is me.",
        ),
        Layer::Stun if has("Binding success") => {
            ("STUN", "RFC 8445 section 7.3.1", "I hear you, and this is the address you come from.")
        }
        Layer::Stun if has("Binding error") => {
            ("STUN", "RFC 8489 section 6.3.4", "I hear you, but something is wrong.")
        }
        Layer::Stun => ("STUN", "RFC 8489 section 5", "A message about the path."),
        Layer::Dtls if has("ClientHello") => {
            ("DTLS", "RFC 5246 section 7.4.1.2", "Let us agree on keys; these are the ciphers I know.")
        }
        Layer::Dtls if has("ServerHello") => (
            "DTLS",
            "RFC 5246 section 7.4.1.3",
            "This cipher, this is my certificate, this is my half of the key.",
        ),
        Layer::Dtls if has("Certificate") || has("ClientKeyExchange") => (
            "DTLS",
            "RFC 5246 section 7.4.7",
            "My certificate, my half of the key, and a signature over all we said.",
        ),
        Layer::Dtls if has("ChangeCipherSpec") => (
            "DTLS",
            "RFC 5246 section 7.4.9",
            "From here on encrypted; and a hash of all we said, so nobody has meddled.",
        ),
        Layer::Dtls if has("Alert") => {
            ("DTLS", "RFC 5246 section 7.2.1", "I am closing, and this proves it was me.")
        }
        Layer::Dtls => ("DTLS", "RFC 6347 section 4.2", "Part of the handshake."),
        Layer::Sctp if has("INIT-ACK") || has("INIT ACK") => (
            "SCTP",
            "RFC 9260 section 3.3.3",
            "Gladly; return this cookie, and I remember nothing until you do.",
        ),
        Layer::Sctp if has("INIT") => {
            ("SCTP", "RFC 9260 section 3.3.2", "Let us open an association for messages.")
        }
        Layer::Sctp if has("COOKIE") => {
            ("SCTP", "RFC 9260 section 5.1", "The cookie returns, and the association is up.")
        }
        Layer::Sctp if has("SHUTDOWN") => {
            ("SCTP", "RFC 9260 section 9.2", "All is said and acknowledged; goodbye.")
        }
        Layer::Sctp if has("SACK") => ("SCTP", "RFC 9260 section 3.3.4", "This much has arrived."),
        Layer::Sctp if has("DATA") => ("SCTP", "RFC 9260 section 3.3.1", "A message, or a piece of one."),
        Layer::Sctp => ("SCTP", "RFC 9260 section 3", "Keeps the association going."),
        Layer::Rtp => {
            ("RTP", "RFC 3550 section 5.1", "A piece of sound or picture; encrypted as SRTP on the wire.")
        }
        Layer::Rtcp => {
            ("RTCP", "RFC 3550 section 6.4", "How it goes: what was sent, what arrived, how evenly.")
        }
    }
}
