//! The transmission control block: all that exists only while an association does.

use std::time::Instant;

use rand::{CryptoRng, Rng};

use crate::chunk::{ChunkType, Init};
use crate::config::Settings;
use crate::lazy::Lazy;
use crate::param::{ParamType, Params};
use crate::procedure::heartbeat::Heartbeat;
use crate::procedure::pmtud::Discovery;
use crate::procedure::reconfig::Reconfiguration;
use crate::receive::reassembly::Reassembly;
use crate::receive::tracker::Tracker;
use crate::rto::Rto;
use crate::send::congestion::{self, Congestion};
use crate::send::outstanding::Outstanding;
use crate::send::recovery::{MOST_HALVINGS, Path, Recovery};

/// Our half of the INIT exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) tag: u32,
    pub(crate) initial_tsn: u32,
}

impl Local {
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        Self { tag: random_tag(rng), initial_tsn: rng.next_u32() }
    }
}

/// A tag is never 0 (RFC 9260 section 5.3.1).
pub(crate) fn random_tag(rng: &mut impl Rng) -> u32 {
    loop {
        let tag = rng.next_u32();
        if tag != 0 {
            return tag;
        }
    }
}

/// Extensions that a peer offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) forward_tsn: bool,
    pub(crate) reconfig: bool,
    pub(crate) zero_checksum: bool,
    pub(crate) interleaving: bool,
}

impl Capabilities {
    pub(crate) fn bits(self) -> u8 {
        u8::from(self.forward_tsn)
            | u8::from(self.reconfig) << 1
            | u8::from(self.zero_checksum) << 2
            | u8::from(self.interleaving) << 3
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self {
            forward_tsn: bits & 1 != 0,
            reconfig: bits & 2 != 0,
            zero_checksum: bits & 4 != 0,
            interleaving: bits & 8 != 0,
        }
    }

    /// What INIT or INIT ACK offers.
    pub(crate) fn read(params: Params<'_>) -> Self {
        let mut offered = Self::default();
        for param in params.heeded() {
            match param.kind {
                ParamType::FORWARD_TSN => offered.forward_tsn = true,
                ParamType::SUPPORTED_EXTENSIONS => {
                    offered.forward_tsn |= param.value.contains(&ChunkType::FORWARD_TSN.0);
                    offered.reconfig |= param.value.contains(&ChunkType::RECONFIG.0);
                    offered.interleaving |= param.value.contains(&ChunkType::I_DATA.0);
                }
                // Error detection method 1: DTLS (RFC 9653 section 4).
                ParamType::ZERO_CHECKSUM => offered.zero_checksum |= param.value == [0, 0, 0, 1],
                _ => {}
            }
        }
        offered
    }
}

/// The peer's half of the INIT exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) tag: u32,
    pub(crate) initial_tsn: u32,
    pub(crate) a_rwnd: u32,
    pub(crate) outbound: u16,
    pub(crate) inbound: u16,
    pub(crate) capabilities: Capabilities,
}

impl Peer {
    pub(crate) fn read(init: &Init<'_>) -> Self {
        Self {
            tag: init.tag,
            initial_tsn: init.initial_tsn,
            a_rwnd: init.a_rwnd,
            outbound: init.outbound,
            inbound: init.inbound,
            capabilities: Capabilities::read(init.params),
        }
    }
}

/// See the top of this file.
#[derive(Debug)]
pub(crate) struct Tcb {
    pub(crate) peer: Peer,
    /// Both sides offered I-DATA, so DATA is not used (RFC 8260 section 2.2.1).
    pub(crate) interleaved: bool,
    /// Random stand-ins for our tag and the peer's inside cookies (RFC 9260 section 5.2.2).
    pub(crate) tie: (u32, u32),
    /// Streams both sides agreed that we may send on.
    pub(crate) outbound_streams: u16,
    pub(crate) out: Outstanding,
    pub(crate) recovery: Lazy<Recovery>,
    pub(crate) congestion: Box<dyn Congestion>,
    pub(crate) rto: Rto,
    /// What the newest SACK said of the peer's window.
    pub(crate) peer_window: usize,
    /// The chunk in flight was sent against a closed window, to learn whether it opened.
    pub(crate) probing: bool,
    pub(crate) tracker: Tracker,
    pub(crate) reassembly: Reassembly,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) reconfig: Reconfiguration,
    pub(crate) discovery: Discovery,
    /// Time-outs in a row without an answer.
    pub(crate) errors: u32,
    /// A FORWARD-TSN must go out.
    pub(crate) forward_due: bool,
    pub(crate) forward_sent: Option<Instant>,
    /// The window that our last SACK announced.
    pub(crate) announced: u32,
}

impl Tcb {
    /// Nothing has been sent for long, and all is acknowledged: gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        (0..MOST_HALVINGS).for_each(|_| self.congestion.on_idle());
        self.out.rest();
        self.recovery.rest();
        self.reassembly.rest();
        self.tracker.rest();
        self.reconfig.rest();
        self.congestion.rest();
    }

    pub(crate) fn new(
        config: &Settings,
        local: Local,
        peer: Peer,
        control_ppid: Option<u32>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let interleaved = config.interleaving && peer.capabilities.interleaving;
        Self {
            peer,
            interleaved,
            tie: (random_tag(rng), random_tag(rng)),
            outbound_streams: config.outbound_streams.min(peer.inbound),
            out: Outstanding::new(local.initial_tsn, interleaved),
            recovery: Lazy::default(),
            congestion: congestion::controller(config),
            rto: Rto::new(config),
            peer_window: window(peer.a_rwnd),
            probing: false,
            tracker: Tracker::new(peer.initial_tsn),
            reassembly: Reassembly::new(config, control_ppid, interleaved),
            heartbeat: Heartbeat::default(),
            reconfig: Reconfiguration::new(local.initial_tsn, peer.initial_tsn),
            discovery: Discovery::new(config),
            errors: 0,
            forward_due: false,
            forward_sent: None,
            announced: config.first_window(),
        }
    }

    /// Loss detection and what it works on.
    pub(crate) fn recovery(&mut self) -> (&mut Recovery, Path<'_>) {
        let limits = self.peer.capabilities.forward_tsn;
        let congestion = self.congestion.as_mut();
        (&mut self.recovery, Path { out: &mut self.out, rto: &mut self.rto, congestion, limits })
    }

    /// Octets of user data that the peer has room for beyond what is in flight.
    pub(crate) fn peer_room(&self) -> usize {
        self.peer_window.saturating_sub(self.out.flight_payload())
    }
}

/// A window field as a number of octets.
pub(crate) fn window(a_rwnd: u32) -> usize {
    usize::try_from(a_rwnd).unwrap_or(usize::MAX)
}
