//! Checks that come in; RFC 8445 section 7.3.
//!
//! Law: nothing but counters changes, and at most one unsigned refusal goes out, before the request has proved that its
//! sender knows our password.

use std::time::Instant;

use nomagic_stun::attribute::Username;
use nomagic_stun::{ErrorCode, Message};

use super::{Agent, MAX_RESPONSES, Response};
use crate::config::Role;
use crate::message::{self, Check, UNDERSTOOD};
use crate::pair::{Nominated, PairId, PairState};
use crate::route::{Input, Route};
use crate::session::{EarlyCheck, Session};

impl Agent {
    /// A Binding request has come.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        route: Route,
        request: &Message<'_>,
    ) -> Input<'static> {
        if self.locals.base(route.local).is_none() {
            self.stats.dropped_base += 1;
            return Input::Consumed;
        }
        let username = request.attribute::<Username<'_>>().ok().flatten();
        let (Some(username), true) = (username, request.has_integrity()) else {
            self.stats.dropped_integrity += 1;
            self.refuse(route, request, ErrorCode::BAD_REQUEST, None);
            return Input::Consumed;
        };
        let Some((own, peer)) = username.as_str().split_once(':') else { return Input::NotMine };
        let generations = [Some(&self.session), self.previous.as_ref()].into_iter().flatten();
        let Some(session) = generations.into_iter().find(|session| session.own.ufrag() == own) else {
            return Input::NotMine;
        };
        //= rfc8445#7.3-2
        if request.verify(&session.key).is_err() {
            self.stats.dropped_integrity += 1;
            self.refuse(route, request, ErrorCode::UNAUTHENTICATED, None);
            return Input::Consumed;
        }
        let generation = session.generation;
        self.stats.checks_received += 1;
        if session.list.find(route).is_some_and(crate::pair::Pair::consent_lost) {
            self.stats.dropped_consent += 1;
            return Input::Consumed;
        }
        if crosses(session, peer) {
            self.stats.refused_crossed += 1;
            self.refuse(route, request, ErrorCode::BAD_REQUEST, Some(generation));
            return Input::Consumed;
        }
        match self.judge(generation, request) {
            Err(code) => self.refuse(route, request, code, Some(generation)),
            Ok(check) => {
                self.accept(route, request, generation);
                self.take_check(now, route, generation, check, peer);
            }
        }
        Input::Consumed
    }

    /// Reads an authentic request and settles who has which role; RFC 8445 section 7.3.1.1.
    //= rfc8445#7.3.1.1-2
    fn judge(&mut self, generation: u32, request: &Message<'_>) -> Result<Check, ErrorCode> {
        if request.unknown_required(UNDERSTOOD).next().is_some() {
            return Err(ErrorCode::UNKNOWN_ATTRIBUTE);
        }
        let Ok(Some(check)) = Check::parse(request) else { return Err(ErrorCode::BAD_REQUEST) };
        if let Some((role, tie_breaker)) = check.role
            && role == self.role
            && generation == self.session.generation
        {
            self.stats.role_conflicts += 1;
            let wins = self.tie_breaker >= tie_breaker;
            // The one with the greater number controls: it refuses where it does already, and switches where it does not.
            if wins == (self.role == Role::Controlling) {
                return Err(ErrorCode::ROLE_CONFLICT);
            }
            self.switch_role();
        }
        Ok(check)
    }

    fn take_check(&mut self, now: Instant, route: Route, generation: u32, check: Check, peer_ufrag: &str) {
        if generation != self.session.generation {
            // The generation before only lives on: it answers, and learns nothing new.
            if let Some(pair) = self.previous.as_mut().and_then(|session| session.find_mut(route)) {
                pair.requests_received += 1;
                pair.authenticated = true;
            }
            return;
        }
        match &self.session.peer {
            //= rfc8445#7.3-5
            None => self.remember(EarlyCheck { route, check, peer_ufrag: peer_ufrag.to_owned() }),
            Some(_) => self.learn_from_check(now, route, check),
        }
    }

    fn remember(&mut self, early: EarlyCheck) {
        let known = self.session.early.iter_mut().find(|known| known.route == early.route);
        if let Some(known) = known {
            known.check.nominates |= early.check.nominates;
        } else if self.session.early.len() < self.config.max_peer_reflexive {
            self.session.early.push(early);
        } else {
            self.stats.dropped_limit += 1;
        }
    }

    /// The steps that follow an authentic check: perhaps a new candidate, perhaps a pair, a check of our own; RFC 8445
    /// sections 7.3.1.3 to 7.3.1.5.
    pub(super) fn learn_from_check(&mut self, now: Instant, route: Route, check: Check) {
        if self.session.failed.is_some() {
            return;
        }
        let Some(id) = self.pair_of(route, check.priority) else {
            self.stats.dropped_limit += 1;
            return;
        };
        let controlled = self.role == Role::Controlled;
        let nominates = check.nominates && controlled;
        let Some(pair) = self.session.list.get_mut(id) else { return };
        pair.requests_received += 1;
        pair.authenticated = true;
        let valid = pair.consented(now);
        if nominates && !valid {
            pair.nominated = Nominated::WhenValid;
        }
        if !valid {
            self.trigger(id, nominates);
        } else if nominates {
            self.nominated_by_peer(now, id);
        } else if self.session.nominating == Some(id) {
            self.nominate_again(id);
        }
    }

    /// A check has come through on the pair that we nominate: a good moment to ask again, if our request seems to be lost.
    /// The reason is that of RFC 8445 section 7.3.1.4 for other checks.
    fn nominate_again(&mut self, id: PairId) {
        let current = self.session.list.get(id).and_then(|pair| pair.current);
        let repeated = current.and_then(|id| self.transactions.get(id)).is_some_and(|t| t.sent > 1);
        if repeated && !self.has_enough_checks(id) {
            self.session.list.trigger_first(id);
        }
    }

    fn has_enough_checks(&self, id: PairId) -> bool {
        let generation = self.session.generation;
        let about = self.transactions.count(|t| t.generation == generation && t.purpose.pair() == Some(id));
        about >= MAX_CHECKS_PER_PAIR
    }

    /// The pair of a route, made where there is none.
    fn pair_of(&mut self, route: Route, priority: u32) -> Option<PairId> {
        if let Some(pair) = self.session.list.find(route) {
            return Some(pair.id);
        }
        let base = self.locals.base(route.local)?;
        let index = self.session.remotes.learn(route.remote, priority, self.config.max_peer_reflexive)?;
        let remote = self.session.remotes.entries().get(index)?;
        self.next_pair += 1;
        let id = PairId(self.next_pair);
        self.session.list.insert(id, base, (index, remote), self.role, self.config.max_pairs)
    }

    /// Puts a check of ours before the others; RFC 8445 section 7.3.1.4.
    //= rfc8445#7.3.1.4-1
    //= rfc8445#7.3.1.4-2
    fn trigger(&mut self, id: PairId, nominates: bool) {
        // Once a pair is selected, only a nomination makes another one interesting.
        if self.session.selected.is_some() && !nominates {
            return;
        }
        if self.has_enough_checks(id) {
            return;
        }
        let Some(pair) = self.session.list.get_mut(id) else { return };
        let current = pair.current.take();
        pair.state = PairState::Waiting;
        if let Some(current) = current {
            self.transactions.cancel(current);
        }
        self.session.list.trigger(id);
    }

    fn accept(&mut self, route: Route, request: &Message<'_>, generation: u32) {
        let mut bytes = self.transactions.buffer();
        if let Some(session) = self.session_of(generation) {
            message::encode_success(request, route.remote, &session.key, &mut bytes);
        }
        self.respond(route, bytes);
    }

    /// Refuses a request; signed with the key of a generation where the request was authentic.
    fn refuse(&mut self, route: Route, request: &Message<'_>, code: ErrorCode, generation: Option<u32>) {
        let mut bytes = self.transactions.buffer();
        let session = generation.and_then(|generation| self.session_of(generation));
        let key = session.map(|session| &session.key);
        message::encode_error(request, code, key, &mut bytes);
        self.respond(route, bytes);
    }

    fn respond(&mut self, route: Route, bytes: Vec<u8>) {
        if self.responses.len() < MAX_RESPONSES {
            self.responses.push_back(Response { route, bytes });
        } else {
            self.stats.dropped_limit += 1;
            self.transactions.recycle(bytes);
        }
    }
}

/// Whether a request pairs our generation with another one of the peer's than it belongs to.
///
/// A browser that restarts checks from its new sockets to the candidates of ours that it knows, the old ones, before our
/// answer has come. Such a pair can never become valid for us: our check would bear its old fragment, or its new one with
/// ours, and it takes neither on that socket. Answered with success, it is what the browser nominates, and holds on to
/// when the answer comes with the same address, so that each side talks to where the other does not listen. An error that
/// is not to be retried makes the browser give the pair up at once, and make a new one with the answer.
//= rfc8445#7.3-4
fn crosses(session: &Session, peer_ufrag: &str) -> bool {
    session.peer.as_ref().is_some_and(|peer| peer.credentials.ufrag() != peer_ufrag)
}

/// Checks of one pair that may wait for answers at once, cancelled ones among them.
const MAX_CHECKS_PER_PAIR: usize = 4;
