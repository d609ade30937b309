//! Refresh, from the client's side: to keep an allocation, and to give it back; RFC 8656 sections 8.1 and 8.3.

use std::time::{Duration, Instant};

use super::event::Loss;
use super::request::Ask;
use super::response::Outcome;
use super::{Client, State, early};
use crate::attribute::Lifetime;

impl Client {
    /// Asks for the allocation's time to be prolonged now; it happens in time by itself. Without an allocation nothing
    /// happens.
    pub fn refresh(&mut self, now: Instant) {
        let now = self.advance(now);
        if matches!(&self.state, State::Allocated(own) if own.refresh.is_some()) {
            self.start_refresh(now);
            self.reschedule();
        }
    }

    pub(super) fn start_refresh(&mut self, now: Instant) {
        if let State::Allocated(own) = &mut self.state {
            own.refresh = None;
            self.ask(now, Ask::Refresh);
        }
    }

    pub(super) fn refresh_answered(&mut self, now: Instant, at: Instant, outcome: Outcome<'_>) {
        let lifetime = match outcome {
            Outcome::Success(message) => message.attribute::<Lifetime>().ok().flatten(),
            Outcome::Refused(code, _) => {
                self.lose(Loss::Refused(code));
                return;
            }
            // While the allocation lasts there is time for another try.
            Outcome::TimedOut if matches!(&self.state, State::Allocated(own) if now < own.until) => {
                self.start_refresh(now);
                return;
            }
            _ => None,
        };
        match (lifetime, &mut self.state) {
            (Some(Lifetime(seconds)), State::Allocated(own)) if seconds > 0 => {
                let lifetime = Duration::from_secs(seconds.into()).min(Duration::from_secs(86_400));
                own.until = at + lifetime;
                own.refresh = Some(at + early(lifetime));
            }
            _ => self.lose(Loss::TimedOut),
        }
    }

    /// Gives the allocation back. Nothing else is asked any more.
    pub(super) fn release(&mut self, now: Instant, closing: bool) {
        self.forget();
        self.state = State::Releasing { closing };
        self.ask(now, Ask::Release);
    }

    /// Whatever the answer, the allocation is gone or will be: 437 says so too, and silence is all that is left.
    pub(super) fn release_answered(&mut self) {
        match self.state {
            State::Releasing { closing: true } => self.fall_silent(),
            State::Releasing { closing: false } => self.state = State::Idle,
            _ => {}
        }
    }
}
