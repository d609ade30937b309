//! DATA, SACK and FORWARD-TSN (RFC 9260 section 6, RFC 3758 section 3).

use std::time::Instant;

use crate::association::Association;
use crate::cause::{self, CauseCode};
use crate::chunk::{ChunkType, Data, DataFlags, ForwardTsn, IData, IForwardTsn, Sack};
use crate::event::CloseReason;
use crate::receive::reassembly::{Reassembly, Refusal};
use crate::receive::tracker::Arrival;
use crate::serial;
use crate::state::{Retry, State};
use crate::tcb::window;

impl Association {
    /// DATA where I-DATA was agreed upon, or the other way round, is a violation (RFC 8260 section 2.2).
    pub(crate) fn on_data(&mut self, data: &Data<'_>) {
        if !self.is_agreed(false) {
            return;
        }
        self.on_user_data(data.tsn, data.stream, data.flags, |reassembly, tsn, cumulative, highest| {
            reassembly.offer(tsn, data, cumulative, highest)
        });
    }

    pub(crate) fn on_interleaved_data(&mut self, data: &IData<'_>) {
        if !self.is_agreed(true) {
            return;
        }
        self.on_user_data(data.tsn, data.stream, data.flags, |reassembly, tsn, cumulative, highest| {
            reassembly.offer_interleaved(tsn, data, cumulative, highest)
        });
    }

    /// Whether chunks of this kind may come; aborts if the other kind was agreed upon.
    pub(crate) fn is_agreed(&mut self, interleaved: bool) -> bool {
        match self.state.receiving() {
            Some(tcb) if tcb.interleaved == interleaved => true,
            Some(_) => {
                self.abort_with(CauseCode::PROTOCOL_VIOLATION, CloseReason::ProtocolViolation);
                false
            }
            None => {
                self.stats.dropped_unexpected += 1;
                false
            }
        }
    }

    fn on_user_data(
        &mut self,
        tsn: u32,
        stream: u16,
        flags: DataFlags,
        offer: impl FnOnce(&mut Reassembly, u64, u64, u64) -> Result<(), Refusal>,
    ) {
        let inbound = self.config.inbound_streams;
        let Some(tcb) = self.state.receiving() else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        let inbound = inbound.min(tcb.peer.outbound);
        // Section 5.1: the first of all is acknowledged at once.
        let first = tcb.tracker.highest() < serial::first(tcb.peer.initial_tsn);
        if first || flags.has(DataFlags::IMMEDIATE) {
            tcb.tracker.hurry();
        }
        let tsn = tcb.tracker.unwrap(tsn);
        match tcb.tracker.classify(tsn) {
            Arrival::New => {}
            Arrival::Duplicate => {
                self.stats.duplicates += 1;
                tcb.tracker.record_duplicate(tsn);
                return;
            }
            Arrival::TooFar => {
                self.stats.dropped_window += 1;
                tcb.tracker.record_drop();
                return;
            }
        }
        if stream >= inbound {
            // Acknowledged and dropped, and the peer is told (section 6.5).
            tcb.tracker.record(tsn);
            let tag = tcb.peer.tag;
            let [high, low] = stream.to_be_bytes();
            let causes = cause::only(CauseCode::INVALID_STREAM, &[high, low, 0, 0]);
            self.reply_chunk(tag, ChunkType::ERROR, 0, &causes);
            return;
        }
        let (cumulative, highest) = (tcb.tracker.cumulative(), tcb.tracker.highest());
        let quiet = !tcb.reassembly.is_readable();
        match offer(&mut tcb.reassembly, tsn, cumulative, highest) {
            Ok(()) => {
                tcb.tracker.record(tsn);
                self.events.readable |= quiet && tcb.reassembly.is_readable();
                self.resume_deferred_reset();
            }
            Err(Refusal::Window) => {
                self.stats.dropped_window += 1;
                tcb.tracker.record_drop();
            }
            Err(Refusal::TooLarge) => {
                self.abort_with(CauseCode::OUT_OF_RESOURCE, CloseReason::MessageTooLarge);
            }
            Err(Refusal::Violation) => {
                self.abort_with(CauseCode::PROTOCOL_VIOLATION, CloseReason::ProtocolViolation);
            }
        }
    }

    /// A packet is through: decides about the SACK.
    pub(crate) fn after_packet(&mut self, now: Instant) {
        let delay = self.config.sack_delay;
        if let State::ShutdownSent { t2, tcb, .. } = &mut self.state
            && tcb.tracker.has_news()
        {
            // Section 9.2: DATA is answered at once, with SHUTDOWN too, and T2 begins again.
            tcb.tracker.hurry();
            *t2 = Retry { count: t2.count, ..Retry::new(now, tcb.rto.current()) };
        }
        if let Some(tcb) = self.state.receiving() {
            tcb.tracker.packet_done(now, delay);
        }
        self.collect_losses(now);
        self.advance_shutdown(now);
    }

    pub(crate) fn on_sack(&mut self, now: Instant, sack: &Sack<'_>) {
        let config = &self.config;
        let Some(tcb) = self.state.sending() else {
            self.stats.dropped_unexpected += 1;
            return;
        };
        let flight_before = tcb.out.flight();
        let Some(progress) = tcb.out.on_sack(sack) else {
            self.stats.dropped_sack += 1;
            return;
        };
        let closed = tcb.peer_window == 0;
        tcb.peer_window = window(sack.a_rwnd);
        if progress.bytes > 0 || closed {
            // A peer that answers is there, even if its window stays closed (section 6.1 A).
            tcb.errors = 0;
        }
        if progress.bytes > 0 {
            tcb.heartbeat.postpone(now, config);
        }
        let was_recovering = tcb.recovery.is_recovering();
        let (recovery, path) = tcb.recovery();
        recovery.on_sack(now, progress, flight_before, path);
        self.stats.recoveries += u64::from(!was_recovering && tcb.recovery.is_recovering());
        if tcb.probing && (progress.cumulative_advanced || tcb.peer_window > 0) {
            tcb.probing = false;
            if tcb.peer_window > 0 {
                // The window opened after the probe was dropped: no need to wait for T3.
                tcb.out.mark_all_lost(false);
            }
        }
        let behind = tcb.out.forward().is_some();
        let pause = tcb.rto.smoothed().unwrap_or_else(|| tcb.rto.current());
        if behind && tcb.forward_sent.is_none_or(|at| now >= at + pause) {
            tcb.forward_due = true;
        }
    }

    /// Gives up what may not be sent again, and moves the advanced peer ack point over it.
    pub(crate) fn collect_losses(&mut self, now: Instant) {
        let room = self.config.path_mtu - 12 - 8;
        let Some(tcb) = self.state.sending() else { return };
        let most = room / if tcb.interleaved { 8 } else { 4 };
        let limits = tcb.peer.capabilities.forward_tsn;
        tcb.out.next_lost(now, limits);
        let hopeless = limits && self.queue.begun_is_hopeless(now, tcb.congestion.window());
        let mut rest = if hopeless { self.queue.drop_begun() } else { None };
        loop {
            if let Some(rest) = rest.take() {
                let (stream, tsn) = (rest.stream, tcb.out.next_tsn());
                tcb.out.abandon_tail(rest, now);
                self.queue.note_limited(stream, tsn);
            }
            // Of what is given up, the part that is not sent yet goes too.
            let Some(torn) = tcb.out.take_torn() else { break };
            rest = self.queue.drop_rest(torn);
        }
        if tcb.out.advance(most) {
            tcb.forward_due = true;
            tcb.recovery.keep_t3(now, &tcb.rto);
        }
        self.stats.messages_abandoned += std::mem::take(&mut tcb.out.abandoned_messages);
        self.stats.messages_abandoned += std::mem::take(&mut self.queue.expired);
    }

    pub(crate) fn on_forward_tsn(&mut self, forward: &ForwardTsn<'_>) {
        if self.is_agreed(false) {
            let streams = forward.streams().map(|(stream, ssn)| (stream, false, u32::from(ssn)));
            self.on_skip(forward.cumulative, streams);
        }
    }

    pub(crate) fn on_interleaved_forward_tsn(&mut self, forward: &IForwardTsn<'_>) {
        if self.is_agreed(true) {
            self.on_skip(forward.cumulative, forward.streams());
        }
    }

    fn on_skip(&mut self, cumulative: u32, streams: impl Iterator<Item = (u16, bool, u32)>) {
        let Some(tcb) = self.state.receiving() else { return };
        if !tcb.peer.capabilities.forward_tsn {
            self.abort_with(CauseCode::PROTOCOL_VIOLATION, CloseReason::ProtocolViolation);
            return;
        }
        let cumulative = tcb.tracker.unwrap(cumulative);
        if cumulative <= tcb.tracker.cumulative() {
            // Old: the peer has missed our SACK.
            tcb.tracker.ask_for_sack();
            return;
        }
        tcb.tracker.skip_to(cumulative);
        let quiet = !tcb.reassembly.is_readable();
        let inbound = self.config.inbound_streams;
        tcb.reassembly.skip(cumulative, streams.filter(|s| s.0 < inbound));
        self.events.readable |= quiet && tcb.reassembly.is_readable();
        self.resume_deferred_reset();
    }

    /// T3-rtx and the other timers of the sender.
    pub(crate) fn on_send_timers(&mut self, now: Instant) {
        let Some(tcb) = self.state.sending() else { return };
        if tcb.recovery.deadline().is_none_or(|at| at > now) {
            return;
        }
        tcb.recovery.pacer.on_timeout(now);
        if tcb.recovery.t3.is_some_and(|at| at <= now) {
            self.stats.timeouts += 1;
            // Probing a closed window is not a sign of a lost peer while it answers (section 6.1 A); it answers or not.
            tcb.errors += 1;
            let (recovery, path) = tcb.recovery();
            recovery.on_t3(now, path);
            tcb.forward_due = tcb.out.forward().is_some();
            self.suspect_black_hole(now);
            self.check_errors(now);
        } else {
            let was = tcb.recovery.is_recovering();
            let (recovery, path) = tcb.recovery();
            recovery.on_reorder_timer(now, path);
            self.stats.recoveries += u64::from(!was && tcb.recovery.is_recovering());
            tcb.recovery.on_probe_timer(now, &mut tcb.out);
        }
        self.collect_losses(now);
    }
}
