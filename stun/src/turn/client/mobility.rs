//! Taking an allocation along to another address; RFC 8016.

use std::time::Instant;

use super::event::{Event, Loss};
use super::request::Ask;
use super::response::Outcome;
use super::{Client, State};
use crate::attribute::MobilityTicket;

impl Client {
    /// Our address has changed: the allocation is to follow. From now on send from the new address; [`Event::Moved`] or
    /// [`Event::Lost`] says what came of it. Returns whether there is an allocation that can follow.
    pub fn moved(&mut self, now: Instant) -> bool {
        let now = self.advance(now);
        let State::Allocated(own) = &mut self.state else { return false };
        if own.ticket.is_none() {
            return false;
        }
        own.moving = true;
        own.refresh = None;
        self.ask(now, Ask::Move);
        self.reschedule();
        true
    }

    pub(super) fn move_answered(&mut self, now: Instant, at: Instant, outcome: Outcome<'_>) {
        if let (Outcome::Success(message), State::Allocated(own)) = (&outcome, &mut self.state) {
            let ticket = message.attribute::<MobilityTicket<'_>>().ok().flatten();
            // A server that gives no new ticket will not move the allocation again.
            //= rfc8016#3.2.2-6
            own.ticket = ticket.map(|ticket| ticket.0.to_vec());
            own.moving = false;
            self.refresh_answered(now, at, outcome);
            if matches!(self.state, State::Allocated(_)) {
                self.tell(Event::Moved);
            }
            return;
        }
        self.lose(outcome.code().map_or(Loss::TimedOut, Loss::Refused));
    }
}
