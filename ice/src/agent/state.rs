//! What the state is, and when all is lost.

use std::time::Instant;

use super::Agent;
use crate::event::{Event, FailReason, State};

impl Agent {
    /// Looks whether the agent has failed, and tells a change of state.
    pub(super) fn evaluate(&mut self, now: Instant) {
        if let Some(reason) = self.failure(now) {
            self.session.failed = Some(reason);
            self.session.list.clear_triggered();
            let generation = self.session.generation;
            self.transactions.remove_checks(|t| t.generation == generation);
            self.choose_active(now, generation);
        }
        let state = self.current_state(now);
        if state == self.state {
            return;
        }
        self.state = state;
        self.events.push(Event::StateChanged(state));
        if let Some(reason) = self.session.failed {
            self.events.push(Event::Failed { reason });
        }
    }

    fn current_state(&self, now: Instant) -> State {
        let session = &self.session;
        if session.failed.is_some() {
            return State::Failed;
        }
        match (session.peer.is_some(), session.active_pair(), session.selected.is_some()) {
            (false, ..) => State::New,
            (true, None, _) => State::Checking,
            (true, Some(_), false) => State::Connected,
            (true, Some(_), true) if self.silence_deadline().is_some_and(|end| end <= now) => {
                State::Disconnected
            }
            (true, Some(_), true) => State::Completed,
        }
    }

    /// Why it has failed, if it has just now: nothing is valid, nothing is left that could become so, and the peer has had
    /// all the time in the world; RFC 8445 section 8.1.2, RFC 8863 section 4.
    //= rfc8863#4-1
    //= rfc8863#4-3
    //= rfc8863#4-4
    fn failure(&self, now: Instant) -> Option<FailReason> {
        let session = &self.session;
        if !session.is_checking() || self.patience_deadline().is_none_or(|end| now < end) {
            return None;
        }
        //= rfc8445#7.2.5.3.4-1
        if session.nomination_failed {
            return Some(FailReason::NominationFailed);
        }
        let hopeful = |pair: &crate::pair::Pair| pair.is_pending() || pair.consented(now);
        if self.is_gathering() || session.list.iter().any(hopeful) {
            return None;
        }
        match session.list.len() {
            0 => Some(FailReason::NoPairs),
            pairs => Some(FailReason::AllPairsFailed { pairs }),
        }
    }

    /// Before this, the agent does not fail.
    pub(super) fn patience_deadline(&self) -> Option<Instant> {
        self.session.patience_ends(self.config.patience).filter(|_| self.session.is_checking())
    }

    /// From when on the selected pair counts as silent.
    pub(super) fn silence_deadline(&self) -> Option<Instant> {
        let pair = self.session.active_pair().filter(|_| self.session.selected.is_some())?;
        pair.last_answer.and_then(|last| last.checked_add(self.config.disconnected_after))
    }
}
