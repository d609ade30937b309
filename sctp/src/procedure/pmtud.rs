//! How large a packet may be (RFC 8899, RFC 8261 section 4): found by probes that carry no data, so losing one costs
//! nothing. A probe is a HEARTBEAT filled up with PAD (RFC 4820); whoever does not know PAD steps over it.
//!
//! The search goes from `Config::path_mtu` to `Config::max_path_mtu`, by halves. Both count octets of SCTP packets: what
//! DTLS and UDP add is the caller's, who knows it.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::association::Association;
use crate::chunk::{Chunk, ChunkType};
use crate::config::Settings;
use crate::packet::{HEADER, PacketBuilder};
use crate::param::{self, ParamType, Params};
use crate::state::State;

/// Losses of one size before it counts as too large (RFC 8899 section 5.1.2: MAX_PROBES).
const MOST_PROBES: u32 = 3;
/// A search that is over begins again after this time (section 5.1.1: PMTU_RAISE_TIMER).
const RAISE: Duration = Duration::from_secs(600);
/// Nearer is not looked at.
const GRAIN: usize = 8;
/// Time-outs in a row after which packets above the base are no longer trusted (section 4.3).
const BLACK_HOLE: u32 = 3;
/// Octets of a probe before its padding: header, HEARTBEAT with a nonce, the PAD chunk's own header.
const LEAST: usize = HEADER + 4 + 20 + 4;

/// The search on one path.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// What is known to pass without any probe.
    base: usize,
    /// The smallest size known not to pass, or one grain above the largest that is wanted.
    ceiling: usize,
    most: usize,
    probe: Option<Box<Probe>>,
    /// When something is to be done: the probe is lost, or the search begins again.
    pub(crate) deadline: Option<Instant>,
}

#[derive(Debug)]
struct Probe {
    size: usize,
    nonce: [u8; 16],
    losses: u32,
    due: bool,
}

impl Discovery {
    pub(crate) fn new(config: &Settings) -> Self {
        let base = config.path_mtu;
        let most = config.max_path_mtu.unwrap_or(base);
        Self { base, ceiling: most + GRAIN, most, probe: None, deadline: None }
    }

    /// Begins at the next time-out, which is now.
    pub(crate) fn start(&mut self, now: Instant) {
        (self.probe, self.ceiling) = (None, self.most + GRAIN);
        self.deadline = (self.most >= self.base + GRAIN).then_some(now);
    }

    /// The size to try after `passes` is known to: the largest first, then halves.
    fn next_size(&self, passes: usize) -> Option<usize> {
        let untried = self.ceiling == self.most + GRAIN;
        let size = if untried { self.most } else { passes.midpoint(self.ceiling) } & !3;
        (size >= passes + GRAIN && size < self.ceiling).then_some(size.max(LEAST))
    }

    /// The size of the probe that this HEARTBEAT ACK answers.
    fn answered(&mut self, value: &[u8]) -> Option<usize> {
        let info = Params::parse(value).ok()?.find(ParamType::HEARTBEAT_INFO)?;
        self.probe.take_if(|probe| !probe.due && probe.nonce == info).map(|probe| probe.size)
    }
}

impl Association {
    /// A HEARTBEAT ACK that no HEARTBEAT waits for: says whether it was a probe's.
    pub(crate) fn on_probe_answer(&mut self, now: Instant, value: &[u8]) -> bool {
        let Some(tcb) = self.state.tcb_mut() else { return false };
        let Some(size) = tcb.discovery.answered(value) else { return false };
        tcb.discovery.deadline = Some(now);
        self.use_path_mtu(size);
        true
    }

    /// From now on packets have this size.
    pub(crate) fn use_path_mtu(&mut self, size: usize) {
        self.config.path_mtu = size;
        let octets = self.config.largest_data();
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.congestion.set_packet(octets);
        }
    }

    pub(crate) fn on_discovery_timer(&mut self, now: Instant) {
        let Self { state: State::Established { tcb }, seed, config, .. } = self else { return };
        if tcb.discovery.deadline.is_none_or(|at| at > now) {
            return;
        }
        let wait = tcb.rto.current();
        let discovery = &mut tcb.discovery;
        let mut losses = 0;
        if let Some(probe) = discovery.probe.take() {
            losses = probe.losses + 1;
            if losses >= MOST_PROBES {
                (discovery.ceiling, losses) = (probe.size, 0);
            }
        } else if discovery.ceiling <= discovery.most && discovery.next_size(config.path_mtu).is_none() {
            // The time to look again has come.
            discovery.ceiling = discovery.most + GRAIN;
        }
        let Some(size) = discovery.next_size(config.path_mtu) else {
            discovery.deadline = Some(now + RAISE);
            return;
        };
        let mut nonce = [0; 16];
        seed.generator().fill_bytes(&mut nonce);
        discovery.probe = Some(Box::new(Probe { size, nonce, losses, due: true }));
        discovery.deadline = Some(now + wait);
    }

    /// Time-outs go on: perhaps packets of this size no longer pass, though they did.
    pub(crate) fn suspect_black_hole(&mut self, now: Instant) {
        let Some(tcb) = self.state.sending() else { return };
        let base = tcb.discovery.base;
        if tcb.errors >= BLACK_HOLE && self.config.path_mtu > base {
            tcb.discovery.probe = None;
            tcb.discovery.ceiling = self.config.path_mtu;
            tcb.discovery.deadline = Some(now + RAISE);
            self.use_path_mtu(base);
        }
    }

    /// The caller knows of another path: the search begins again from what passes anywhere.
    pub(crate) fn restart_discovery(&mut self, now: Instant) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        tcb.discovery.start(now);
        let base = tcb.discovery.base;
        self.use_path_mtu(base);
    }

    /// The caller knows what passes.
    pub(crate) fn rebase_discovery(&mut self, octets: usize) {
        self.use_path_mtu(octets);
        self.config.max_path_mtu = self.config.max_path_mtu.map(|most| most.max(octets));
        let fresh = Discovery::new(&self.config);
        let now = self.last_tick();
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.discovery = fresh;
            if let Some(now) = now {
                tcb.discovery.start(now);
            }
        }
    }

    /// The probe that must go out, in a packet of its own.
    pub(crate) fn build_probe(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let State::Established { tcb } = &mut self.state else { return None };
        let probe = tcb.discovery.probe.as_mut().filter(|probe| probe.due)?;
        probe.due = false;
        let mut info = Vec::with_capacity(20);
        param::write(&mut info, ParamType::HEARTBEAT_INFO, &probe.nonce);
        let (local_port, remote_port) = (self.config.local_port, self.config.remote_port);
        let mut packet = PacketBuilder::new(out, local_port, remote_port, tcb.peer.tag, probe.size);
        packet.push(&Chunk::Heartbeat(&info));
        let padding = packet.room().saturating_sub(4);
        packet.push_with(ChunkType::PAD, 0, |out| out.resize(out.len() + padding, 0));
        Some(packet.finish(!tcb.peer.capabilities.zero_checksum))
    }
}
