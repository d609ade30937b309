//! What happens when: everything that depends on time, in one order.

use std::time::Instant;

use nomagic_stun::TransactionId;
use nomagic_stun::rto::Schedule;

use super::Agent;
use crate::config::Role;
use crate::local::Base;
use crate::message::Check;
use crate::pair::{Pair, PairId, PairState};
use crate::session::Session;
use crate::transaction::{Purpose, Transaction};

impl Agent {
    /// Does all that is due, and looks when the next thing is.
    pub(super) fn run(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        while let Some((id, transaction)) = self.transactions.expire(now) {
            self.timed_out(id, transaction);
        }
        if self.previous_ends.is_some_and(|end| end <= now) {
            let gone = self.previous.take().map(|session| session.generation);
            self.previous_ends = None;
            self.transactions.remove_checks(|t| Some(t.generation) == gone);
        }
        if let Some(generation) = self.previous.as_ref().map(|session| session.generation) {
            self.keep_consent(now, generation);
        }
        self.keep_consent(now, self.session.generation);
        self.refresh_servers(now);
        self.consider_nomination(now);
        self.start_next(now);
        self.evaluate(now);
        self.deadline = self.next_deadline(now);
    }

    /// The next moment at which `run` has something to do.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let slot = (self.has_paced_work() && !self.transactions.paced_is_ready())
            .then(|| self.next_slot.unwrap_or(now));
        let later = |at: Option<Instant>| at.filter(|at| *at > now);
        let consent = [Some(&self.session), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|session| [session.next_consent, session.active_pair().and_then(Pair::consent_ends)]);
        let others = [
            slot,
            self.transactions.next_deadline(),
            self.next_refresh(),
            self.previous_ends,
            later(self.nomination_due(now)),
            later(self.patience_deadline()),
            later(self.silence_deadline()),
        ];
        consent.chain(others).flatten().min()
    }

    /// Starts the next paced request, if its time has come: triggered checks first, then servers, then the list in its
    /// order; RFC 8445 sections 6.1.4.2 and 14.2.
    //= rfc8445#14.2-4
    fn start_next(&mut self, now: Instant) {
        if self.next_slot.is_some_and(|slot| slot > now) || self.transactions.paced_is_ready() {
            return;
        }
        if self.session.peer.is_some() {
            while let Some(id) = self.session.list.next_triggered() {
                if self.start_check(id) {
                    return;
                }
            }
        }
        if self.ask_server() {
            return;
        }
        if let Some(id) = self.next_ordinary() {
            self.start_check(id);
        }
    }

    fn has_paced_work(&self) -> bool {
        self.session.peer.is_some() && self.session.list.has_triggered()
            || self.server_is_queued()
            || self.next_ordinary().is_some()
    }

    fn next_ordinary(&self) -> Option<PairId> {
        self.session.is_checking().then(|| self.session.list.next_ordinary()).flatten()
    }

    /// Begins a check of a pair; says whether it was worth one.
    fn start_check(&mut self, id: PairId) -> bool {
        let schedule = self.check_schedule();
        let transaction_id = TransactionId::random(&mut self.rng);
        let (role, tie_breaker) = (self.role, self.tie_breaker);
        let Session { list, peer, nominating, generation, .. } = &mut self.session;
        let nominates = *nominating == Some(id) && role == Role::Controlling;
        let (Some(pair), Some(peer)) = (list.get_mut(id), peer.as_ref()) else { return false };
        let purpose = match pair.state {
            PairState::Succeeded if nominates => Purpose::Nominate(id),
            PairState::Succeeded => return false,
            _ if pair.consent_lost() => return false,
            _ => Purpose::Check(id),
        };
        if !matches!(purpose, Purpose::Nominate(_)) {
            pair.state = PairState::InProgress;
        }
        let earlier = pair.current.replace(transaction_id);
        let mut transaction = Transaction::new(purpose, *generation, pair.route, role);
        let priority = self.locals.base(pair.route.local).map_or(1, Base::check_priority);
        let nominates = matches!(purpose, Purpose::Nominate(_));
        let check = Check { role: Some((role, tie_breaker)), priority, nominates };
        transaction.schedule = schedule;
        transaction.request = self.transactions.buffer();
        check.encode(transaction_id, &peer.username, &peer.key, &mut transaction.request);
        if let Some(earlier) = earlier {
            self.transactions.cancel(earlier);
        }
        self.transactions.start(transaction_id, transaction);
        true
    }

    /// RFC 8445 section 14.3 multiplies Ta by the number of pairs and again by those under way, which for 100 pairs gives
    /// minutes; what it is for (each pair gets its first request before any gets a second) needs only the latter. It
    /// allows another formula. However slow the repetitions, a check ends after the default 39.5 s.
    //= rfc8445#14.3-4
    fn check_schedule(&self) -> Schedule {
        let active = u32::try_from(self.session.list.active()).unwrap_or(u32::MAX);
        Schedule::UDP.with_rto(Schedule::UDP.rto.max(self.ta().saturating_mul(active)))
    }
}
