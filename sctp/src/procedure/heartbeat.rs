//! Is the peer still there? (RFC 9260 section 8.3)
//!
//! After `heartbeat_interval` without news a HEARTBEAT goes out; unanswered within an RTO it counts as an error and is
//! repeated. Only the very nonce that was sent last counts as an answer.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::association::Association;
use crate::chunk::Chunk;
use crate::config::Config;
use crate::param::{self, ParamType, Params};

/// Heartbeats of one path.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    pub(crate) deadline: Option<Instant>,
    /// Nonce and time of the HEARTBEAT that is not yet answered.
    outstanding: Option<([u8; 16], Instant)>,
    /// To be sent now.
    due: bool,
}

impl Heartbeat {
    /// There was news: silence begins again.
    pub(crate) fn postpone(&mut self, now: Instant, config: &Config) {
        if self.outstanding.is_none() {
            self.deadline = Some(now + config.heartbeat_interval);
        }
    }

    /// A HEARTBEAT goes out with the next time-out, which is now.
    pub(crate) fn ask(&mut self, now: Instant) {
        self.outstanding = None;
        self.deadline = Some(now);
    }

    /// A HEARTBEAT must go out; its parameters.
    pub(crate) fn take_due(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.due) {
            return None;
        }
        let (nonce, _) = self.outstanding?;
        let mut value = Vec::with_capacity(20);
        param::write(&mut value, ParamType::HEARTBEAT_INFO, &nonce);
        Some(value)
    }

    /// The round trip, if the answer is to the outstanding HEARTBEAT.
    fn answer(&mut self, now: Instant, value: &[u8]) -> Option<Duration> {
        let info = Params::parse(value).ok()?.find(ParamType::HEARTBEAT_INFO)?;
        let (nonce, sent_at) = self.outstanding?;
        (info == nonce).then(|| {
            self.outstanding = None;
            now.saturating_duration_since(sent_at)
        })
    }
}

impl Association {
    /// HEARTBEAT: the same value goes back, unless it would not fit.
    pub(crate) fn on_heartbeat(&mut self, value: &[u8]) {
        self.reply(&Chunk::HeartbeatAck(value));
    }

    pub(crate) fn on_heartbeat_ack(&mut self, now: Instant, value: &[u8]) {
        let config = &self.config;
        let Some(tcb) = self.state.tcb_mut() else { return };
        let repeated = tcb.errors > 0;
        match tcb.heartbeat.answer(now, value) {
            Some(rtt) => {
                tcb.errors = 0;
                if !repeated {
                    tcb.rto.measure(rtt);
                }
                tcb.heartbeat.postpone(now, config);
            }
            None if self.on_probe_answer(now, value) => {}
            None => self.stats.dropped_unexpected += 1,
        }
    }

    pub(crate) fn on_heartbeat_timer(&mut self, now: Instant) {
        let Self { state, seed, config, queue, events, unread, .. } = self;
        let Some(tcb) = state.tcb_mut() else { return };
        if tcb.heartbeat.deadline.is_none_or(|at| at > now) {
            return;
        }
        if !tcb.out.is_empty() {
            // The path is not idle: T3 asks and counts.
            tcb.heartbeat.outstanding = None;
            tcb.heartbeat.postpone(now, config);
            return;
        }
        let unanswered = tcb.heartbeat.outstanding.is_some();
        if unanswered {
            tcb.errors += 1;
            tcb.rto.back_off();
        }
        // Nothing has happened for long: an idle association holds little.
        tcb.rest();
        queue.rest();
        events.rest();
        if unread.is_empty() {
            unread.rest();
        }
        let mut nonce = [0; 16];
        seed.generator().fill_bytes(&mut nonce);
        tcb.heartbeat.outstanding = Some((nonce, now));
        tcb.heartbeat.due = true;
        tcb.heartbeat.deadline = Some(now + tcb.rto.current());
        if unanswered {
            self.check_errors(now);
        }
    }
}
