//! Consent to send; RFC 7675. Its requests keep the NATs' bindings alive as well, RFC 8445 section 11.

use std::time::{Duration, Instant};

use nomagic_stun::TransactionId;
use nomagic_stun::rto::Schedule;
use rand::RngExt;

use super::Agent;
use crate::config::MIN_CONSENT_INTERVAL;
use crate::event::{Event, FailReason};
use crate::local::Base;
use crate::message::Check;
use crate::pair::{PairId, PairState, Trouble};
use crate::transaction::{Purpose, Transaction};

impl Agent {
    /// Ends consent that has run out, and asks again where it is time.
    //= rfc7675#5.1-2
    //= rfc7675#5.1-10
    pub(super) fn keep_consent(&mut self, now: Instant, generation: u32) {
        let Some(session) = self.session_of(generation) else { return };
        if session.failed.is_some() {
            return;
        }
        let expired = session.active_pair().filter(|pair| pair.consent_ends().is_none_or(|end| end <= now));
        if let Some(id) = expired.map(|pair| pair.id) {
            self.lose_consent(now, generation, id, Trouble::ConsentExpired);
        }
        self.choose_active(now, generation);
        let Some(session) = self.session_of(generation) else { return };
        let due = session.next_consent.is_some_and(|due| due <= now);
        if let Some(id) = session.active.filter(|_| due) {
            self.ask_consent(generation, id);
            let next = now.checked_add(self.consent_interval());
            if let Some(session) = self.session_of(generation) {
                session.next_consent = next;
            }
        }
    }

    /// Decides on which pair data goes: the selected one, else the best valid one. Its consent is kept from then on.
    pub(super) fn choose_active(&mut self, now: Instant, generation: u32) {
        let Some(session) = self.session_of(generation) else { return };
        let best = || session.list.best(|pair| pair.consented(now)).map(|pair| pair.id);
        let chosen = session.selected.or_else(best).filter(|_| session.failed.is_none());
        if chosen == session.active {
            return;
        }
        let failed = session.failed.is_some();
        let interval = self.consent_interval();
        let Some(session) = self.session_of(generation) else { return };
        session.active = chosen;
        session.next_consent = session
            .active_pair()
            .and_then(|pair| pair.last_answer)
            .and_then(|last| last.checked_add(interval))
            .map(|next| next.max(now));
        if chosen.is_none() && !failed {
            self.check_lapsed_again(now, generation);
        }
    }

    /// Valid pairs that were not in use have let their consent lapse; it is regained by a check. RFC 7675 section 5.1.
    //= rfc7675#5.1-12
    fn check_lapsed_again(&mut self, now: Instant, generation: u32) {
        let Some(session) = self.session_of(generation) else { return };
        let lapsed = |pair: &&crate::pair::Pair| pair.state == PairState::Succeeded && !pair.consented(now);
        let lapsed: Vec<PairId> = session.list.iter().filter(lapsed).map(|pair| pair.id).collect();
        for id in lapsed {
            if let Some(pair) = session.list.get_mut(id) {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// Nothing may be sent on a pair any more, nor may it be checked again in this generation; RFC 7675 section 5.1.
    //= rfc7675#5.1-8
    //= rfc7675#5.1-13
    pub(super) fn lose_consent(&mut self, now: Instant, generation: u32, id: PairId, reason: Trouble) {
        let Some(session) = self.session_of(generation) else { return };
        let Some(pair) = session.list.get_mut(id) else { return };
        pair.state = PairState::Failed;
        pair.trouble = Some(reason);
        pair.current = None;
        session.list.untrigger(id);
        session.nominating.take_if(|nominating| *nominating == id);
        let selected = session.selected == Some(id);
        if selected {
            session.selected = None;
            session.failed = Some(FailReason::ConsentLost);
            session.list.clear_triggered();
        }
        let gone = selected || generation != self.session.generation;
        self.transactions
            .remove_checks(|t| t.generation == generation && (gone || t.purpose.pair() == Some(id)));
        self.events.push(Event::ConsentLost { pair: id, generation, reason });
        if generation == self.session.generation {
            self.choose_active(now, generation);
        } else {
            self.previous = None;
            self.previous_ends = None;
        }
    }

    /// One request with an id of its own, sent once; RFC 7675 section 5.1.
    //= rfc7675#5.1-6
    //= rfc7675#5.1-9
    fn ask_consent(&mut self, generation: u32, id: PairId) {
        let purpose = Purpose::Consent(id);
        // Where the caller does not drain, one request waiting is enough.
        let waits = |t: &Transaction| t.generation == generation && t.purpose == purpose && t.sent == 0;
        if self.transactions.count(waits) > 0 {
            return;
        }
        let transaction_id = TransactionId::random(&mut self.rng);
        let (role, tie_breaker) = (self.role, self.tie_breaker);
        let mut request = self.transactions.buffer();
        let session = match self.previous.as_ref().filter(|session| session.generation == generation) {
            Some(previous) => previous,
            None => &self.session,
        };
        let (Some(pair), Some(peer)) = (session.list.get(id), session.peer.as_ref()) else { return };
        let priority = self.locals.base(pair.route.local).map_or(1, Base::check_priority);
        let check = Check { role: Some((role, tie_breaker)), priority, nominates: false };
        check.encode(transaction_id, &peer.username, &peer.key, &mut request);
        let mut transaction = Transaction::new(purpose, generation, pair.route, role);
        transaction.schedule = CONSENT;
        transaction.patience = CONSENT.total();
        transaction.request = request;
        self.transactions.start(transaction_id, transaction);
    }

    /// 0.8 to 1.2 times the basic interval.
    //= rfc7675#5.1-3
    //= rfc7675#5.1-5
    fn consent_interval(&mut self) -> Duration {
        let factor = self.rng.random_range(800..=1200u32);
        self.config.consent_interval.max(MIN_CONSENT_INTERVAL).saturating_mul(factor) / 1000
    }
}

/// Sent once, answered within 8 s or not at all; RFC 7675 section 5.1.
//= rfc7675#5.1-7
const CONSENT: Schedule = Schedule { rto: Duration::from_millis(500), attempts: 1, last_wait: 16 };
