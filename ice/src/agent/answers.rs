//! Answers to our requests; RFC 8445 section 7.2.5.
//!
//! Law: an answer to a check changes nothing but a counter until its integrity has been verified.

use std::time::Instant;

use nomagic_stun::{Class, ErrorCode, Message, TransactionId};
use rand::Rng;

use super::Agent;
use crate::config::Role;
use crate::message::{self, UNDERSTOOD};
use crate::pair::{Nominated, PairId, PairState, Trouble};
use crate::route::{Input, Route, canonical};
use crate::transaction::{Purpose, Transaction};

/// The request that an answer belongs to.
#[derive(Debug, Clone, Copy)]
struct Asked {
    id: TransactionId,
    purpose: Purpose,
    generation: u32,
    role: Role,
    pair: PairId,
}

impl Agent {
    /// A success or error response has come.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        route: Route,
        response: &Message<'_>,
    ) -> Input<'static> {
        let id = response.transaction_id();
        let Some(transaction) = self.transactions.get(id) else { return Input::NotMine };
        let (purpose, generation, role) = (transaction.purpose, transaction.generation, transaction.role);
        let (sent_on, round_trip) = (transaction.route, transaction.round_trip(now));
        let pair = match purpose {
            Purpose::Gather(server) => {
                self.handle_server(now, server, id, route == sent_on, response);
                return Input::Consumed;
            }
            Purpose::Check(pair) | Purpose::Nominate(pair) | Purpose::Consent(pair) => pair,
        };
        let Some(peer) = self.session_of(generation).and_then(|session| session.peer.as_ref()) else {
            self.transactions.remove(id);
            return Input::Consumed;
        };
        if !response.has_fingerprint() {
            self.stats.dropped_malformed += 1;
            return Input::Consumed;
        }
        if response.verify(&peer.key).is_err() {
            self.stats.dropped_integrity += 1;
            return Input::Consumed;
        }
        self.stats.responses_received += 1;
        self.transactions.remove(id);
        let asked = Asked { id, purpose, generation, role, pair };
        if let Some(pair) = self.session_of(generation).and_then(|session| session.list.get_mut(pair)) {
            pair.answers_received += 1;
        }
        //= rfc8445#7.2.5.2.1-1
        //= rfc8445#7.2.5.2.1-3
        if route != sent_on {
            self.check_failed(asked, Trouble::NotSymmetric(route));
        } else if response.unknown_required(UNDERSTOOD).next().is_some() {
            self.check_failed(asked, Trouble::Unusable);
        } else if response.class() == Class::Error {
            self.handle_refusal(now, asked, response);
        } else if let Some(mapped) = message::mapped_address(response) {
            if let Some(pair) = self.session_of(generation).and_then(|s| s.list.get_mut(asked.pair)) {
                pair.round_trip = round_trip.or(pair.round_trip);
                pair.mapped = Some(canonical(mapped));
            }
            self.check_succeeded(now, asked);
        } else {
            self.check_failed(asked, Trouble::Unusable);
        }
        Input::Consumed
    }

    /// A request has not been answered in time; RFC 8445 section 7.2.5.2.3.
    pub(super) fn timed_out(&mut self, id: TransactionId, transaction: Transaction) {
        let (purpose, generation, role) = (transaction.purpose, transaction.generation, transaction.role);
        self.transactions.recycle(transaction.request);
        match purpose {
            Purpose::Gather(server) => self.server_failed(server),
            Purpose::Check(pair) | Purpose::Nominate(pair) | Purpose::Consent(pair) => {
                self.check_failed(Asked { id, purpose, generation, role, pair }, Trouble::NoAnswer);
            }
        }
    }

    fn check_succeeded(&mut self, now: Instant, asked: Asked) {
        let controlling = self.role == Role::Controlling;
        let in_force = asked.generation == self.session.generation;
        let Some(session) = self.session_of(asked.generation) else { return };
        let nominating = session.nominating == Some(asked.pair);
        let Some(pair) = session.list.get_mut(asked.pair) else { return };
        pair.authenticated = true;
        pair.last_answer = Some(now);
        pair.trouble = None;
        if matches!(asked.purpose, Purpose::Consent(_)) || !in_force {
            return;
        }
        let nominated = matches!(asked.purpose, Purpose::Nominate(_));
        pair.state = PairState::Succeeded;
        let (foundation, when_valid) = (pair.foundation, pair.nominated == Nominated::WhenValid);
        // A nomination under way goes on; any other check of the pair has nothing left to find out.
        let superseded = pair.current.take_if(|current| *current == asked.id || !nominating);
        if !nominating || nominated {
            session.list.untrigger(asked.pair);
        }
        session.list.thaw(foundation);
        session.first_valid.get_or_insert(now);
        if let Some(current) = superseded {
            self.transactions.remove(current);
        }
        self.choose_active(now, asked.generation);
        if nominated && asked.role == Role::Controlling && controlling {
            self.nomination_succeeded(now, asked.pair);
        } else if when_valid && !controlling {
            self.nominated_by_peer(now, asked.pair);
        }
    }

    /// What the peer's error means; RFC 8445 section 7.2.5.1 and RFC 7675 section 5.2.
    fn handle_refusal(&mut self, now: Instant, asked: Asked, response: &Message<'_>) {
        match message::error_code(response) {
            Some(ErrorCode::ROLE_CONFLICT) => self.handle_conflict(asked),
            Some(FORBIDDEN) if matches!(asked.purpose, Purpose::Consent(_)) => {
                self.lose_consent(now, asked.generation, asked.pair, Trouble::ConsentRevoked);
            }
            Some(code) => self.check_failed(asked, Trouble::Refused(code)),
            None => self.check_failed(asked, Trouble::Unusable),
        }
    }

    /// The peer has our role and the greater number.
    //= rfc8445#7.2.5.1-1
    //= rfc8445#7.2.5.1-2
    //= rfc8445#7.2.5.1-3
    //= rfc8445#7.2.5.1-4
    fn handle_conflict(&mut self, asked: Asked) {
        self.stats.role_conflicts += 1;
        // Where the role has changed since, the request that was refused is old news.
        if asked.role == self.role {
            self.switch_role();
            self.tie_breaker = self.rng.next_u64();
        }
        if asked.generation != self.session.generation || matches!(asked.purpose, Purpose::Consent(_)) {
            return;
        }
        let Some(pair) = self.session.list.get_mut(asked.pair) else { return };
        pair.current.take_if(|current| *current == asked.id);
        if pair.is_pending() {
            pair.state = PairState::Waiting;
            pair.trouble = Some(Trouble::RoleConflict);
            self.session.list.trigger(asked.pair);
        }
    }

    /// A check has failed. That counts only where no later check of the pair is under way.
    fn check_failed(&mut self, asked: Asked, trouble: Trouble) {
        let Some(session) = self.session_of(asked.generation) else { return };
        let Some(pair) = session.list.get_mut(asked.pair) else { return };
        if pair.current != Some(asked.id) {
            return;
        }
        pair.current = None;
        pair.state = PairState::Failed;
        pair.trouble = Some(trouble);
        pair.nominated = Nominated::No;
        session.list.untrigger(asked.pair);
        if session.nominating == Some(asked.pair) {
            session.nominating = None;
            session.nomination_failed = true;
        }
    }
}

/// The peer takes its consent back; RFC 7675 section 5.2.
const FORBIDDEN: ErrorCode = match ErrorCode::new(403) {
    Some(code) => code,
    None => ErrorCode::BAD_REQUEST,
};
