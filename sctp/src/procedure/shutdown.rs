//! Ends, graceful and not (RFC 9260 section 9).

use std::time::Instant;

use crate::association::Association;
use crate::cause::{self, CauseCode};
use crate::chunk::ChunkType;
use crate::event::CloseReason;
use crate::serial;
use crate::state::{Retry, State};

impl Association {
    /// Moves on once everything sent is acknowledged.
    pub(crate) fn advance_shutdown(&mut self, now: Instant) {
        if !self.queue.is_empty() {
            return;
        }
        let (State::ShutdownPending { tcb, .. } | State::ShutdownReceived { tcb, .. }) = &self.state else {
            return;
        };
        if tcb.out.is_empty() {
            let t2 = Retry::new(now, tcb.rto.current());
            self.state.all_acknowledged(t2);
        }
    }

    pub(crate) fn on_shutdown(&mut self, now: Instant, cumulative: u32) {
        if let Some(tcb) = self.state.sending() {
            let cumulative = serial::unwrap(cumulative, tcb.out.base() - 1);
            if cumulative >= tcb.out.next_tsn() {
                // What was never sent is not acknowledged by this, but the peer ends all the same: `sctp-proto` and
                // `rtc-sctp` put a TSN of their own here.
                self.stats.dropped_sack += 1;
            } else if cumulative >= tcb.out.base() {
                tcb.out.on_cumulative(cumulative);
                tcb.errors = 0;
            }
        }
        let Some(tcb) = self.state.tcb() else { return };
        let t2 = Retry::new(now, tcb.rto.current());
        self.state.peer_shuts_down(now + self.config.shutdown_timeout, t2);
        self.advance_shutdown(now);
    }

    pub(crate) fn on_shutdown_ack(&mut self, now: Instant, tag: u32) {
        match &self.state {
            State::ShutdownSent { tcb, .. } | State::ShutdownAckSent { tcb, .. } => {
                let tag = tcb.peer.tag;
                self.reply_alone(tag, ChunkType::SHUTDOWN_COMPLETE, 0, &[]);
                self.keep_unread();
                self.state.linger(now + self.config.linger);
                self.queue.clear();
                self.events.closed = Some(CloseReason::Shutdown);
            }
            // Nothing is left of the association, or it was another one (section 8.5.1 E): the tag goes back as it came.
            State::Lingering { .. }
            | State::Closed
            | State::CookieWait { .. }
            | State::CookieEchoed { .. } => {
                self.reply_alone(tag, ChunkType::SHUTDOWN_COMPLETE, 1, &[]);
            }
            _ => self.stats.dropped_unexpected += 1,
        }
    }

    pub(crate) fn on_shutdown_complete(&mut self) {
        if matches!(self.state, State::ShutdownAckSent { .. }) {
            self.end(CloseReason::Shutdown);
        } else {
            self.stats.dropped_unexpected += 1;
        }
    }

    /// T2 and the guard T5.
    pub(crate) fn on_shutdown_timer(&mut self, now: Instant) {
        let max = self.config.rto_max;
        let mut failed = false;
        match &mut self.state {
            State::ShutdownPending { guard, .. } | State::ShutdownReceived { guard, .. } => {
                failed = *guard <= now;
            }
            State::ShutdownSent { guard, t2, tcb } | State::ShutdownAckSent { guard, t2, tcb } => {
                let rto = tcb.rto.current();
                failed =
                    *guard <= now || (t2.on_timeout(now, rto, max) && t2.count > self.config.max_retransmits);
            }
            State::Lingering { until } if *until <= now => {
                self.replies.clear();
                self.state.end();
            }
            _ => {}
        }
        if failed && matches!(self.state, State::ShutdownAckSent { .. }) {
            // Both sides have everything; only the peer's last word was lost.
            self.end(CloseReason::Shutdown);
        } else if failed {
            self.abort_with(CauseCode::USER_ABORT, CloseReason::ShutdownTimeout);
        }
    }

    /// ABORT to the peer, and the end.
    pub(crate) fn abort_with(&mut self, code: CauseCode, reason: CloseReason) {
        if let Some(tcb) = self.state.tcb() {
            let tag = tcb.peer.tag;
            self.replies.clear();
            self.reply_alone(tag, ChunkType::ABORT, 0, &cause::only(code, &[]));
        }
        self.end(reason);
    }

    /// Nothing is sent any more but what waits already. Unread messages stay readable.
    pub(crate) fn end(&mut self, reason: CloseReason) {
        self.keep_unread();
        self.state.end();
        self.queue.clear();
        self.events.closed = Some(reason);
    }

    /// Saves what the application has not pulled yet from a TCB about to go.
    pub(crate) fn keep_unread(&mut self) {
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.reassembly.close_parts();
            self.unread.extend(std::iter::from_fn(|| tcb.reassembly.pop_part()));
        }
    }

    /// Too many time-outs in a row: the peer is gone (section 8.1).
    pub(crate) fn check_errors(&mut self, _now: Instant) {
        if self.state.tcb().is_some_and(|tcb| tcb.errors > self.config.max_retransmits) {
            self.abort_with(CauseCode::USER_ABORT, CloseReason::PeerUnreachable);
        }
    }
}
