//! Choosing the pair to use; RFC 8445 sections 8.1.1 and 7.3.1.5.

use std::time::{Duration, Instant};

use super::Agent;
use crate::config::{Nomination, Role};
use crate::event::{Event, SelectionReason};
use crate::pair::{Nominated, PairId, PairState};
use crate::transaction::Purpose;

impl Agent {
    /// Nominates when the policy says so: by a second check, which goes before all others.
    //= rfc8445#8.1.1-2
    //= rfc8445#8.1.1-3
    pub(super) fn consider_nomination(&mut self, now: Instant) {
        if self.nomination_due(now).is_none_or(|due| due > now) {
            return;
        }
        let best = self.session.list.best(|pair| pair.consented(now)).map(|pair| pair.id);
        if let Some(best) = best {
            self.session.nominating = Some(best);
            self.session.list.trigger_first(best);
        }
    }

    /// When to nominate, if that is ours to do and a pair is valid.
    pub(super) fn nomination_due(&self, now: Instant) -> Option<Instant> {
        let session = &self.session;
        if self.role != Role::Controlling || !session.is_checking() || session.nominating.is_some() {
            return None;
        }
        let best = session.list.best(|pair| pair.consented(now))?.priority;
        let better = session.list.iter().any(|pair| pair.is_pending() && pair.priority > best);
        let wait = match self.config.nomination {
            Nomination::BestWithin(wait) if better => wait,
            _ => Duration::ZERO,
        };
        session.first_valid.and_then(|first| first.checked_add(wait))
    }

    /// Our nomination was answered.
    pub(super) fn nomination_succeeded(&mut self, now: Instant, id: PairId) {
        if self.session.selected.is_none() {
            self.select(now, id, SelectionReason::Nominated);
        }
    }

    /// The peer has nominated a pair that is valid. Of several the best counts, as long as it answers; peers that nominate
    /// every pair at once rely on it.
    //= rfc8445#8.1.1-4
    pub(super) fn nominated_by_peer(&mut self, now: Instant, id: PairId) {
        let list = &mut self.session.list;
        let Some(priority) = list.get(id).map(|pair| pair.priority) else { return };
        let reason = match self.session.selected.and_then(|selected| list.get(selected)) {
            None => SelectionReason::NominatedByPeer,
            Some(selected) if selected.id == id => return,
            Some(selected) => {
                let last = selected.last_answer.unwrap_or(now);
                let silent = now.saturating_duration_since(last) >= SILENT;
                if priority < selected.priority && !silent {
                    if let Some(pair) = list.get_mut(id) {
                        pair.nominated = Nominated::Yes;
                    }
                    return;
                }
                SelectionReason::Replaced
            }
        };
        self.select(now, id, reason);
    }

    /// Data goes on this pair from now on; the other checks have no purpose any more.
    //= rfc8445#8.1.2-1
    fn select(&mut self, now: Instant, id: PairId, reason: SelectionReason) {
        let session = &mut self.session;
        let generation = session.generation;
        session.selected = Some(id);
        session.nominating = None;
        session.list.clear_triggered();
        if let Some(pair) = session.list.get_mut(id) {
            pair.nominated = Nominated::Yes;
        }
        let stopped: Vec<PairId> =
            session.list.iter().filter(|pair| pair.current.is_some()).map(|pair| pair.id).collect();
        for id in stopped {
            if let Some(pair) = session.list.get_mut(id) {
                pair.current = None;
                if pair.state == PairState::InProgress {
                    pair.state = PairState::Waiting;
                }
            }
        }
        self.transactions.remove_checks(|t| {
            t.generation == generation && matches!(t.purpose, Purpose::Check(_) | Purpose::Nominate(_))
        });
        self.previous_ends = now.checked_add(LINGER);
        self.choose_active(now, generation);
        if let Some(pair) = self.describe(&self.session, id) {
            self.events.push(Event::SelectedPair { pair, reason });
        }
    }

    /// Takes the other role; RFC 8445 section 7.3.1.1. All priorities change with it, and a nomination of ours lapses.
    pub(super) fn switch_role(&mut self) {
        self.role = self.role.opposite();
        for session in [Some(&mut self.session), self.previous.as_mut()].into_iter().flatten() {
            session.list.set_role(self.role);
        }
        if let Some(id) = self.session.nominating.take() {
            self.session.list.untrigger(id);
            if let Some(current) = self.session.list.get_mut(id).and_then(|pair| pair.current.take()) {
                self.transactions.remove(current);
            }
        }
    }
}

/// A selected pair that has not answered for two intervals gives way to a later nomination.
const SILENT: Duration = Duration::from_secs(10);
/// How long packets of the generation before may still arrive; RFC 8445 section 8.3.1 has the figure.
const LINGER: Duration = Duration::from_secs(3);
