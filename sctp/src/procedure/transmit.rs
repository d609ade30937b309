//! Builds the next packet, as late as possible: what it says is the newest that is known.
//!
//! Order in a packet: answers and other control chunks, SACK, FORWARD-TSN, then DATA (RFC 9260 section 6.10). What is
//! lost goes before what is new.

use std::time::Instant;

use crate::association::{Association, Reply, Transmit};
use crate::chunk::{Chunk, ChunkType, DataFlags};
use crate::config::Settings;
use crate::packet::PacketBuilder;
use crate::procedure::reconfig;
use crate::send::queue::Queue;
use crate::serial::wire;
use crate::state::State;
use crate::stats::Stats;
use crate::tcb::Tcb;

/// TSNs in the window at most: a SACK can name them all.
const MOST_OUTSTANDING: usize = 65_535;
/// The same without I-DATA. Ordered messages of a stream may be twice as many (RFC 9260 section 6.1), but receivers that
/// compare SSNs as serial numbers take what is farther ahead for old.
const MOST_SERIAL: usize = 32_767;

impl Association {
    pub(crate) fn build_packet(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<Transmit> {
        let length = self
            .build_alone(out)
            .or_else(|| self.build_setup(out))
            .or_else(|| self.build_probe(out))
            .or_else(|| {
                self.prepare_reset(now);
                self.collect_losses(now);
                self.build_bundle(now, out)
            })?;
        self.stats.packets_sent += 1;
        Some(Transmit { length })
    }

    fn packet<'a>(config: &Settings, tag: u32, out: &'a mut Vec<u8>) -> PacketBuilder<'a> {
        PacketBuilder::new(out, config.local_port, config.remote_port, tag, config.path_mtu)
    }

    /// Answers that stand alone in a packet, in states with and without an association.
    fn build_alone(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let bundles = self.state.tcb().map(|tcb| tcb.peer.tag);
        let index = self.replies.iter().position(|r| r.alone || Some(r.tag) != bundles)?;
        let Reply { tag, chunk, .. } = self.replies.remove(index)?;
        let mut packet = Self::packet(&self.config, tag, out);
        packet.force_encoded(&chunk);
        Some(packet.finish(true))
    }

    fn build_setup(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        match &mut self.state {
            State::CookieWait { t1, .. } if t1.due => {
                t1.due = false;
                let init = self.init_chunk();
                let mut packet = Self::packet(&self.config, 0, out);
                packet.force_encoded(&init);
                Some(packet.finish(true))
            }
            State::CookieEchoed { t1, echo, tcb, .. } if t1.due => {
                t1.due = false;
                let mut packet = Self::packet(&self.config, tcb.peer.tag, out);
                packet.force(&Chunk::CookieEcho(&echo.cookie));
                packet.push_encoded(&echo.report);
                Some(packet.finish(true))
            }
            _ => None,
        }
    }

    /// Everything of an association that is up, in one packet as far as it fits.
    fn build_bundle(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<usize> {
        let Self { state, queue, config, replies, stats, .. } = self;
        let shutdown = match state {
            State::ShutdownSent { t2, tcb, .. } => {
                let chunk = Chunk::Shutdown(wire(tcb.tracker.cumulative()));
                std::mem::take(&mut t2.due).then_some(chunk)
            }
            State::ShutdownAckSent { t2, .. } => std::mem::take(&mut t2.due).then_some(Chunk::ShutdownAck),
            _ => None,
        };
        let sends = state.sending().is_some();
        let tcb = state.tcb_mut()?;
        let mut packet = Self::packet(config, tcb.peer.tag, out);
        while let Some(reply) = replies.front() {
            if !packet.push_encoded(&reply.chunk) {
                if !packet.is_empty() {
                    break;
                }
                // The path has shrunk since.
                stats.dropped_replies += 1;
            }
            replies.pop_front();
        }
        if replies.is_empty() {
            replies.rest();
        }
        if let Some(chunk) = shutdown {
            packet.push(&chunk);
        }
        reconfig::write(&mut tcb.reconfig, &mut packet);
        if let Some(value) = tcb.heartbeat.take_due() {
            packet.push(&Chunk::Heartbeat(&value));
        }
        let carries_data = sends && has_data(tcb, queue, now);
        if tcb.tracker.is_due() || (carries_data && tcb.tracker.is_pending()) {
            let a_rwnd = tcb.reassembly.a_rwnd();
            if tcb.tracker.write_sack(&mut packet, a_rwnd) {
                tcb.announced = a_rwnd;
            }
        }
        if sends {
            write_forward(tcb, &mut packet, now);
            write_data(tcb, queue, config, &mut packet, now, stats);
        }
        if packet.is_empty() {
            packet.discard();
            return None;
        }
        let checksum = !tcb.peer.capabilities.zero_checksum;
        Some(packet.finish(checksum))
    }
}

/// Whether the next packet will carry DATA, so that a SACK may ride along.
fn has_data(tcb: &mut Tcb, queue: &mut Queue, now: Instant) -> bool {
    tcb.recovery.may_send(&tcb.out, tcb.congestion.as_ref())
        && (tcb.recovery.pacer.is_open(now) || tcb.recovery.probe_due)
        && (tcb.out.has_lost() || (queue.peek(now).is_some() && tcb.peer_room() > 0))
}

fn write_forward(tcb: &mut Tcb, packet: &mut PacketBuilder<'_>, now: Instant) {
    if !tcb.forward_due {
        return;
    }
    let Some((cumulative, skipped)) = tcb.out.forward() else {
        tcb.forward_due = false;
        return;
    };
    let (kind, entry) =
        if tcb.interleaved { (ChunkType::I_FORWARD_TSN, 8) } else { (ChunkType::FORWARD_TSN, 4) };
    // Alone it goes even where the path has shrunk since: it cannot name fewer streams.
    if packet.room() < 8 + entry * skipped.len() && !packet.is_empty() {
        return;
    }
    packet.push_with(kind, 0, |out| {
        out.extend_from_slice(&wire(cumulative).to_be_bytes());
        for (&(stream, unordered), (_, number)) in skipped {
            out.extend_from_slice(&stream.to_be_bytes());
            if entry == 8 {
                out.extend_from_slice(&u16::from(unordered).to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
            } else {
                out.extend_from_slice(&number.to_be_bytes()[2..]);
            }
        }
    });
    tcb.forward_due = false;
    tcb.recovery.forward_sent = Some(now);
    tcb.recovery.keep_t3(now, &tcb.rto);
}

fn write_data(
    tcb: &mut Tcb,
    queue: &mut Queue,
    config: &Settings,
    packet: &mut PacketBuilder<'_>,
    now: Instant,
    stats: &mut Stats,
) {
    if tcb.out.is_empty() && queue.is_empty() {
        return;
    }
    tcb.recovery.before_send(now, &tcb.out, tcb.congestion.as_mut(), &tcb.rto);
    // A packet that is under way to be sent is filled; the pacer judges whole packets.
    tcb.recovery.pacer.set_rate(tcb.congestion.pace(tcb.rto.smoothed()));
    let has_window = tcb.recovery.may_send(&tcb.out, tcb.congestion.as_ref());
    let has_data = tcb.out.has_lost() || queue.peek(now).is_some();
    if has_window && !has_data {
        tcb.out.ran_dry();
    }
    let wait = !tcb.recovery.probe_due && !tcb.recovery.pacer.is_open(now);
    let blocked = !tcb.out.has_lost() && tcb.peer_room() == 0 && tcb.out.flight() > 0;
    tcb.recovery.pacer.set_waiting(wait && has_window && has_data && !blocked);
    if wait {
        return;
    }
    let limits = tcb.peer.capabilities.forward_tsn;
    let number = tcb.recovery.packet();
    let mut any = false;
    while tcb.recovery.may_send(&tcb.out, tcb.congestion.as_ref())
        && let Some(tsn) = tcb.out.next_lost(now, limits)
        && let Some(sent) = tcb.out.get(tsn)
    {
        let chunk = sent.chunk(tsn, tcb.interleaved);
        let length = chunk.encoded_len();
        if !packet.push(&chunk) {
            if !packet.is_empty() {
                break;
            }
            // Cut before the path shrank; it cannot be cut again.
            packet.force(&chunk);
        }
        let first = tsn == tcb.out.base();
        tcb.out.sent_again(tsn, number, now);
        tcb.recovery.on_sent(tsn, length, now, &tcb.rto, first);
        stats.retransmissions += 1;
        stats.data_chunks_sent += 1;
        any = true;
    }
    let full = (config.path_mtu - 12 - tcb.out.chunk_len(0)) & !3;
    while !tcb.out.has_lost()
        && tcb.out.len() < if tcb.interleaved { MOST_OUTSTANDING } else { MOST_SERIAL }
        && tcb.recovery.may_send(&tcb.out, tcb.congestion.as_ref())
        && let Some(left) = queue.peek(now)
        && !(limits && queue.begun_is_hopeless(now, tcb.congestion.window()))
    {
        let room = packet.room().saturating_sub(tcb.out.chunk_len(0)) & !3;
        // Neither cut what fits the next packet whole, nor leave crumbs.
        if room == 0 || (left > room && !packet.is_empty() && (left <= full || room < full / 2)) {
            break;
        }
        let length = left.min(room);
        let probe = length > tcb.peer_room();
        if probe && tcb.out.flight() > 0 {
            break;
        }
        let Some(mut fragment) = queue.take(length) else { break };
        let octets = tcb.out.chunk_len(length);
        let blocked = tcb.out.flight() + octets >= tcb.congestion.window();
        let small = tcb.congestion.window() < 10 * config.path_mtu;
        fragment.flags = fragment.flags.with(DataFlags::IMMEDIATE, blocked && small);
        let limited = fragment.expires.is_some() || fragment.max_retransmits.is_some();
        let stream = fragment.stream;
        let tsn = tcb.out.push(fragment, number, now);
        if limited {
            queue.note_limited(stream, tsn);
        }
        if let Some(sent) = tcb.out.get(tsn) {
            packet.force(&sent.chunk(tsn, tcb.interleaved));
        }
        tcb.recovery.on_sent(tsn, octets, now, &tcb.rto, false);
        stats.data_chunks_sent += 1;
        tcb.probing |= probe;
        any = true;
    }
    if any {
        tcb.recovery.packet_done(now, &tcb.out, &tcb.rto);
    }
}
