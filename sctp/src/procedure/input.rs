//! What becomes of a packet: tags, checksum, and each chunk to its procedure (RFC 9260 sections 3.2, 6.10, 8.4, 8.5).

use std::time::Instant;

use crate::association::{Association, Reply};
use crate::cause::{self, CauseCode};
use crate::chunk::{Chunk, ChunkType, RawChunk};
use crate::error::{ParseError, ParseErrorKind};
use crate::event::CloseReason;
use crate::packet::{HEADER, Packet};
use crate::state::State;
use crate::wire::{length16, pad};

/// Answers that wait at most; more are dropped and counted, as the network might have.
const MOST_REPLIES: usize = 16;

/// What a SACK may take beside answers; octets.
const SACK_ROOM: usize = 64;

impl Association {
    pub(crate) fn on_packet(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(packet) = Packet::parse(datagram) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        if packet.destination_port() != self.config.local_port
            || packet.source_port() != self.config.remote_port
        {
            self.stats.dropped_port += 1;
            return;
        }
        let Some(first) = packet.chunks().next() else { return };
        // RFC 9653: only if we offered it, and never where an association begins.
        let begins = matches!(first.kind, ChunkType::INIT | ChunkType::COOKIE_ECHO);
        let zero = packet.checksum() == 0 && self.config.zero_checksum && !begins;
        if !zero && !packet.checksum_is_valid() {
            self.stats.dropped_checksum += 1;
            return;
        }
        let lone = packet.chunks().nth(1).is_none();
        let tag = packet.tag();
        if first.kind == ChunkType::INIT {
            // Section 6.10: alone; section 8.5.1 A: with tag 0.
            match Chunk::parse(first) {
                Ok(Chunk::Init(init)) if lone && tag == 0 => self.on_init(now, &init),
                Ok(_) => self.stats.dropped_tag += 1,
                Err(_) => self.stats.dropped_malformed += 1,
            }
            return;
        }
        if !lone && first.kind.stands_alone() {
            self.stats.dropped_malformed += 1;
            return;
        }
        if first.kind == ChunkType::COOKIE_ECHO {
            if !self.on_cookie_echo(now, tag, first.value) {
                return;
            }
        } else if !self.tag_is_right(first, tag) {
            self.out_of_the_blue(now, &packet, tag);
            return;
        }
        self.on_chunks(now, &packet, tag);
        self.after_packet(now);
    }

    /// Verification tags (section 8.5.1).
    fn tag_is_right(&self, first: RawChunk<'_>, tag: u32) -> bool {
        if matches!(self.state, State::Closed | State::Lingering { .. }) {
            return false;
        }
        let reflected = first.flags & 1 != 0;
        match first.kind {
            ChunkType::ABORT | ChunkType::SHUTDOWN_COMPLETE if reflected => {
                self.state.tcb().is_some_and(|tcb| tcb.peer.tag == tag)
            }
            _ => tag == self.local.tag,
        }
    }

    /// A packet of another association, or of none (section 8.4).
    fn out_of_the_blue(&mut self, now: Instant, packet: &Packet<'_>, tag: u32) {
        self.stats.dropped_tag += 1;
        let has = |kind| packet.chunks().any(|c| c.kind == kind);
        if has(ChunkType::ABORT) || has(ChunkType::SHUTDOWN_COMPLETE) || has(ChunkType::COOKIE_ACK) {
            return;
        }
        if has(ChunkType::SHUTDOWN_ACK) {
            self.on_stray_shutdown_ack(now, tag);
        } else if matches!(self.state, State::Closed) && !has(ChunkType::ERROR) {
            self.reply_alone(tag, ChunkType::ABORT, 1, &[]);
        }
    }

    fn on_stray_shutdown_ack(&mut self, now: Instant, tag: u32) {
        if matches!(
            self.state,
            State::Closed | State::CookieWait { .. } | State::CookieEchoed { .. } | State::Lingering { .. }
        ) {
            self.on_shutdown_ack(now, tag);
        }
    }

    fn on_chunks(&mut self, now: Instant, packet: &Packet<'_>, tag: u32) {
        for raw in packet.chunks() {
            if matches!(self.state, State::Ended) {
                return;
            }
            if raw.kind.stands_alone() && packet.chunks().nth(1).is_some() {
                // Section 6.10: INIT, INIT ACK and SHUTDOWN COMPLETE are never bundled.
                self.stats.dropped_malformed += 1;
                return;
            }
            match Chunk::parse(raw) {
                Ok(Chunk::Unknown(raw)) => {
                    if !self.on_unknown(raw) {
                        return;
                    }
                }
                Ok(chunk) => self.on_chunk(now, chunk, tag),
                Err(error) => {
                    self.on_malformed(raw, error);
                    return;
                }
            }
        }
    }

    fn on_chunk(&mut self, now: Instant, chunk: Chunk<'_>, tag: u32) {
        match chunk {
            Chunk::Data(data) => self.on_data(&data),
            Chunk::Sack(sack) => self.on_sack(now, &sack),
            Chunk::InitAck(init) => self.on_init_ack(now, &init),
            // Handled before the loop; only the first chunk can be one.
            Chunk::Init(_) | Chunk::CookieEcho(_) | Chunk::Pad(_) | Chunk::Unknown(_) => {}
            Chunk::CookieAck => self.on_cookie_ack(now),
            Chunk::Heartbeat(value) => self.on_heartbeat(value),
            Chunk::HeartbeatAck(value) => self.on_heartbeat_ack(now, value),
            Chunk::Abort { causes, .. } => {
                let cause = causes.iter().next().map_or(0, |(code, _)| code.0);
                self.end(CloseReason::PeerAbort { cause });
            }
            Chunk::Shutdown(cumulative) => self.on_shutdown(now, cumulative),
            Chunk::ShutdownAck => self.on_shutdown_ack(now, tag),
            Chunk::ShutdownComplete { .. } => self.on_shutdown_complete(),
            Chunk::Error(causes) => {
                if causes.iter().any(|(code, _)| code == CauseCode::STALE_COOKIE) {
                    self.on_stale_cookie(now);
                }
            }
            Chunk::Reconfig(reconfig) => self.on_reconfig(now, &reconfig),
            Chunk::ForwardTsn(forward) => self.on_forward_tsn(&forward),
            // Not offered, so not to be sent to us (RFC 8260 section 2.2.1).
            Chunk::IData(_) | Chunk::IForwardTsn(_) => {
                if self.state.receiving().is_some() {
                    self.abort_with(CauseCode::PROTOCOL_VIOLATION, CloseReason::ProtocolViolation);
                }
            }
        }
    }

    /// Section 3.2: reports it or not, and says whether the rest of the packet is looked at.
    fn on_unknown(&mut self, raw: RawChunk<'_>) -> bool {
        if raw.kind.report_if_unknown()
            && let Some(tag) = self.state.tcb().map(|tcb| tcb.peer.tag)
        {
            let mut reported = Vec::new();
            raw.write_unpadded(&mut reported);
            // A report that does not fit a packet tells the beginning.
            reported.truncate(self.config.path_mtu.saturating_sub(12 + 4 + 4));
            let causes = cause::only(CauseCode::UNRECOGNIZED_CHUNK, &reported);
            self.reply_chunk(tag, ChunkType::ERROR, 0, &causes);
        }
        raw.kind.skip_if_unknown()
    }

    fn on_malformed(&mut self, raw: RawChunk<'_>, error: ParseError) {
        self.stats.dropped_malformed += 1;
        if let ParseErrorKind::NoUserData { tsn } = error.kind
            && raw.kind == ChunkType::DATA
            && let Some(tcb) = self.state.receiving()
        {
            // Section 6.2: DATA without data ends the association.
            let tag = tcb.peer.tag;
            let causes = cause::only(CauseCode::NO_USER_DATA, &tsn.to_be_bytes());
            self.replies.clear();
            self.reply_alone(tag, ChunkType::ABORT, 0, &causes);
            self.end(CloseReason::ProtocolViolation);
        }
    }

    /// Queues a chunk for the peer, to be bundled with whatever else goes out.
    pub(crate) fn reply(&mut self, chunk: &Chunk<'_>) {
        let Some(tag) = self.state.tcb().map(|tcb| tcb.peer.tag) else { return };
        let mut encoded = Vec::with_capacity(chunk.encoded_len());
        chunk.encode(&mut encoded);
        self.push_reply(Reply { tag, chunk: encoded, alone: false });
    }

    pub(crate) fn reply_chunk(&mut self, tag: u32, kind: ChunkType, flags: u8, value: &[u8]) {
        self.push_reply(Reply { tag, chunk: encode(kind, flags, value), alone: false });
    }

    /// Queues a chunk that goes out in a packet of its own with this tag.
    pub(crate) fn reply_alone(&mut self, tag: u32, kind: ChunkType, flags: u8, value: &[u8]) {
        self.push_reply(Reply { tag, chunk: encode(kind, flags, value), alone: true });
    }

    fn push_reply(&mut self, reply: Reply) {
        // RFC 9260 section 12.4: answers to one packet fill one packet, with room left for a SACK.
        let waiting: usize = self.replies.iter().map(|r| r.chunk.len()).sum();
        let room = self.config.path_mtu - HEADER - if waiting == 0 { 0 } else { SACK_ROOM };
        if waiting + reply.chunk.len() <= room && self.replies.len() < MOST_REPLIES {
            self.replies.push_back(reply);
        } else {
            self.stats.dropped_replies += 1;
        }
    }
}

fn encode(kind: ChunkType, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![kind.0, flags];
    out.extend_from_slice(&length16(value.len() + 4).to_be_bytes());
    out.extend_from_slice(value);
    pad(&mut out, 0);
    out
}
