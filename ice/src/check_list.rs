//! The pairs of one generation, and which of them is checked next; RFC 8445 sections 6.1.2 to 6.1.4.
//!
//! Laws: a route has at most one pair; there are never more pairs than the limit; the triggered queue holds no pair twice.

use std::collections::{BTreeMap, VecDeque};

use crate::config::Role;
use crate::local::Base;
use crate::pair::{Nominated, Pair, PairId, PairState};
use crate::priority;
use crate::remote::Remote;
use crate::route::{Route, with_scope_of};

/// Pairs and the order in which they are checked.
#[derive(Debug, Default)]
pub(crate) struct CheckList {
    pairs: BTreeMap<PairId, Pair>,
    routes: BTreeMap<Route, PairId>,
    triggered: VecDeque<PairId>,
}

impl CheckList {
    pub(crate) fn get(&self, id: PairId) -> Option<&Pair> {
        self.pairs.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: PairId) -> Option<&mut Pair> {
        self.pairs.get_mut(&id)
    }

    pub(crate) fn find(&self, route: Route) -> Option<&Pair> {
        self.routes.get(&route).and_then(|id| self.pairs.get(id))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The pair with the highest priority among those that `wanted` picks.
    pub(crate) fn best(&self, wanted: impl Fn(&Pair) -> bool) -> Option<&Pair> {
        self.pairs.values().filter(|pair| wanted(pair)).max_by_key(|pair| (pair.priority, pair.id))
    }

    /// Pairs a base with a remote candidate. `None` where they do not fit, are paired already, or the list is full of
    /// better ones.
    pub(crate) fn insert(
        &mut self,
        id: PairId,
        base: &Base,
        (remote_index, remote): (usize, &Remote),
        role: Role,
        limit: usize,
    ) -> Option<PairId> {
        if !fit(base, remote) {
            return None;
        }
        let route = Route::new(base.address, with_scope_of(remote.address, base.address));
        let priorities = (base.priority, remote.priority);
        let priority = pair_priority(role, priorities);
        if self.routes.contains_key(&route) || !self.make_room(priority, limit) {
            return None;
        }
        let pair = Pair {
            id,
            route,
            remote: remote_index,
            priorities,
            priority,
            foundation: (base.foundation, remote.foundation),
            state: PairState::Frozen,
            nominated: Nominated::No,
            authenticated: false,
            current: None,
            mapped: None,
            last_answer: None,
            round_trip: None,
            trouble: None,
            requests_sent: 0,
            requests_received: 0,
            answers_received: 0,
        };
        self.routes.insert(route, id);
        self.pairs.insert(id, pair);
        self.set_first_state(id);
        Some(id)
    }

    /// The signalled candidate has told what a peer-reflexive one is.
    pub(crate) fn identify(&mut self, remote_index: usize, remote: &Remote, role: Role) {
        for pair in self.pairs.values_mut().filter(|pair| pair.remote == remote_index) {
            pair.priorities.1 = remote.priority;
            pair.foundation.1 = remote.foundation;
            pair.priority = pair_priority(role, pair.priorities);
        }
    }

    /// The roles have changed, and with them all priorities; RFC 8445 section 7.3.1.1.
    pub(crate) fn set_role(&mut self, role: Role) {
        for pair in self.pairs.values_mut() {
            pair.priority = pair_priority(role, pair.priorities);
        }
    }

    /// A check of this pair goes before all ordinary ones; RFC 8445 section 6.1.4.1.
    pub(crate) fn trigger(&mut self, id: PairId) {
        if !self.triggered.contains(&id) {
            self.triggered.push_back(id);
        }
    }

    /// A nomination goes before everything else.
    pub(crate) fn trigger_first(&mut self, id: PairId) {
        self.untrigger(id);
        self.triggered.push_front(id);
    }

    pub(crate) fn untrigger(&mut self, id: PairId) {
        self.triggered.retain(|queued| *queued != id);
    }

    pub(crate) fn clear_triggered(&mut self) {
        self.triggered.clear();
    }

    pub(crate) fn has_triggered(&self) -> bool {
        !self.triggered.is_empty()
    }

    pub(crate) fn next_triggered(&mut self) -> Option<PairId> {
        self.triggered.pop_front()
    }

    /// The best waiting pair; where none waits, the best frozen one whose foundation nobody else is checking; RFC 8445
    /// section 6.1.4.2.
    pub(crate) fn next_ordinary(&self) -> Option<PairId> {
        let waiting = self.best(|pair| pair.state == PairState::Waiting);
        let frozen =
            || self.best(|pair| pair.state == PairState::Frozen && !self.is_checked(pair.foundation));
        waiting.or_else(frozen).map(|pair| pair.id)
    }

    /// A pair has succeeded: those that are like it probably work as well; RFC 8445 section 7.2.5.3.3.
    //= rfc8445#7.2.5.3.3-1
    pub(crate) fn thaw(&mut self, foundation: (u16, u16)) {
        let alike = |pair: &&mut Pair| pair.state == PairState::Frozen && pair.foundation == foundation;
        self.pairs.values_mut().filter(alike).for_each(|pair| pair.state = PairState::Waiting);
    }

    /// Pairs that wait for their check or for an answer to it.
    pub(crate) fn active(&self) -> usize {
        let active = |pair: &&Pair| matches!(pair.state, PairState::Waiting | PairState::InProgress);
        self.pairs.values().filter(active).count()
    }

    /// RFC 8445 section 6.1.2.6 and, for pairs that come later, RFC 8838 section 12: of each foundation the best pair
    /// waits; all wait once one has succeeded.
    fn set_first_state(&mut self, id: PairId) {
        let Some(new) = self.pairs.get(&id).map(|pair| (pair.foundation, pair.priority)) else { return };
        let alike = |pair: &&Pair| pair.foundation == new.0 && pair.id != id;
        let succeeded = self.pairs.values().filter(alike).any(|pair| pair.state == PairState::Succeeded);
        let checking = self.pairs.values().filter(alike).any(|pair| pair.state == PairState::InProgress);
        let waiting = self.pairs.values().filter(alike).find(|pair| pair.state == PairState::Waiting);
        let (state, refrozen) = match waiting.map(|pair| (pair.id, pair.priority)) {
            _ if succeeded => (PairState::Waiting, None),
            _ if checking => (PairState::Frozen, None),
            Some((other, priority)) if priority < new.1 && !self.triggered.contains(&other) => {
                (PairState::Waiting, Some(other))
            }
            Some(_) => (PairState::Frozen, None),
            None => (PairState::Waiting, None),
        };
        for (id, state) in [(Some(id), state), (refrozen, PairState::Frozen)] {
            if let Some(pair) = id.and_then(|id| self.pairs.get_mut(&id)) {
                pair.state = state;
            }
        }
    }

    fn is_checked(&self, foundation: (u16, u16)) -> bool {
        self.pairs.values().any(|pair| {
            pair.foundation == foundation && matches!(pair.state, PairState::Waiting | PairState::InProgress)
        })
    }

    /// Makes room for a pair of this priority: failed pairs go first, then worse ones that nobody has answered; RFC 8838
    /// sections 10 and 11.
    //= rfc8838#11-3
    //= rfc8838#11-4
    fn make_room(&mut self, priority: u64, limit: usize) -> bool {
        while self.pairs.len() >= limit.max(1) {
            let failed = self.pairs.values().find(|pair| {
                pair.state == PairState::Failed && !pair.consent_lost() && pair.nominated == Nominated::No
            });
            let worst = || {
                let idle = |pair: &&Pair| {
                    matches!(pair.state, PairState::Frozen | PairState::Waiting) && !pair.authenticated
                };
                let worst = self.pairs.values().filter(idle).min_by_key(|pair| (pair.priority, pair.id));
                worst.filter(|pair| pair.priority < priority)
            };
            let Some((id, route)) = failed.or_else(worst).map(|pair| (pair.id, pair.route)) else {
                return false;
            };
            self.pairs.remove(&id);
            self.routes.remove(&route);
            self.untrigger(id);
        }
        true
    }
}

fn pair_priority(role: Role, (local, remote): (u32, u32)) -> u64 {
    match role {
        Role::Controlling => priority::pair(local, remote),
        Role::Controlled => priority::pair(remote, local),
    }
}

/// Same family; link-local with link-local only; RFC 8445 section 6.1.2.2.
//= rfc8445#6.1.2.2-1
fn fit(base: &Base, remote: &Remote) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (base.address.ip(), remote.address.ip()) {
        (V4(_), V4(_)) => true,
        (V6(local), V6(remote)) => local.is_unicast_link_local() == remote.is_unicast_link_local(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
