//! Our requests that wait for their answers.
//!
//! Laws: a request that has not been polled yet has no deadline; one that is cancelled is not sent again, but its answer
//! counts until its time is over; buffers are used again.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use nomagic_stun::TransactionId;
use nomagic_stun::rto::Schedule;

use crate::config::Role;
use crate::pair::PairId;
use crate::route::Route;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Does the pair work?
    Check(PairId),
    /// The same, and this is the pair to use.
    Nominate(PairId),
    /// May we go on sending?
    Consent(PairId),
    /// Which address does the server see? The number of the server.
    Gather(usize),
}

impl Purpose {
    pub(crate) fn pair(self) -> Option<PairId> {
        match self {
            Self::Check(pair) | Self::Nominate(pair) | Self::Consent(pair) => Some(pair),
            Self::Gather(_) => None,
        }
    }

    /// Whether it is paced by Ta; consent checks have an interval of their own.
    pub(crate) fn is_paced(self) -> bool {
        !matches!(self, Self::Consent(_))
    }
}

/// One request.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) purpose: Purpose,
    pub(crate) generation: u32,
    pub(crate) route: Route,
    /// The role that the request states.
    pub(crate) role: Role,
    pub(crate) schedule: Schedule,
    /// Time from the first sending to giving up.
    pub(crate) patience: Duration,
    pub(crate) request: Vec<u8>,
    pub(crate) cancelled: bool,
    pub(crate) sent: u32,
    first_sent: Option<Instant>,
    last_sent: Option<Instant>,
    due: Option<Instant>,
}

impl Transaction {
    pub(crate) fn new(purpose: Purpose, generation: u32, route: Route, role: Role) -> Self {
        Self {
            purpose,
            generation,
            route,
            role,
            schedule: Schedule::UDP,
            patience: Schedule::UDP.total(),
            request: Vec::new(),
            cancelled: false,
            sent: 0,
            first_sent: None,
            last_sent: None,
            due: None,
        }
    }

    /// The round trip, if it is sure which sending was answered (Karn's rule).
    pub(crate) fn round_trip(&self, now: Instant) -> Option<Duration> {
        self.last_sent.filter(|_| self.sent == 1).map(|sent| now.saturating_duration_since(sent))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.first_sent.is_some_and(|first| now.saturating_duration_since(first) >= self.patience)
    }

    /// When to look at it again: the next repetition, or the end.
    fn next_due(&self) -> Option<Instant> {
        let end = self.first_sent.and_then(|first| first.checked_add(self.patience));
        if self.cancelled || self.sent >= self.schedule.attempts {
            return end;
        }
        let repetition =
            self.schedule.wait_after(self.sent).and_then(|wait| self.last_sent?.checked_add(wait));
        match (repetition, end) {
            (Some(repetition), Some(end)) => Some(repetition.min(end)),
            (repetition, end) => repetition.or(end),
        }
    }
}

/// All requests under way.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    pending: BTreeMap<TransactionId, Transaction>,
    /// To be polled, in order.
    ready: VecDeque<TransactionId>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

impl Transactions {
    /// An empty buffer, one that has been used before if possible.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    pub(crate) fn start(&mut self, id: TransactionId, transaction: Transaction) {
        self.pending.insert(id, transaction);
        self.ready.push_back(id);
    }

    pub(crate) fn get(&self, id: TransactionId) -> Option<&Transaction> {
        self.pending.get(&id)
    }

    pub(crate) fn remove(&mut self, id: TransactionId) {
        if let Some(transaction) = self.pending.remove(&id) {
            self.ready.retain(|ready| *ready != id);
            self.recycle(transaction.request);
        }
    }

    /// No more repetitions; RFC 8445 section 7.3.1.4. One that was never sent is forgotten.
    pub(crate) fn cancel(&mut self, id: TransactionId) {
        match self.pending.get_mut(&id) {
            Some(transaction) if transaction.sent > 0 => {
                transaction.cancelled = true;
                transaction.due = transaction.next_due();
                self.ready.retain(|ready| *ready != id);
            }
            _ => self.remove(id),
        }
    }

    /// Ends requests about pairs; those to servers belong to no generation and go on.
    pub(crate) fn remove_checks(&mut self, wanted: impl Fn(&Transaction) -> bool) {
        let about_pair = |t: &Transaction| t.purpose.pair().is_some() && wanted(t);
        let found = self.pending.iter().filter(|(_, t)| about_pair(t)).map(|(id, _)| *id);
        let ids: Vec<TransactionId> = found.collect();
        ids.into_iter().for_each(|id| self.remove(id));
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many are under way for a purpose.
    pub(crate) fn count(&self, wanted: impl Fn(&Transaction) -> bool) -> usize {
        self.pending.values().filter(|transaction| wanted(transaction)).count()
    }

    /// Whether a paced request waits for its first sending: then no other is begun.
    pub(crate) fn paced_is_ready(&self) -> bool {
        let first = |id| self.get(id).is_some_and(|t: &Transaction| t.sent == 0 && t.purpose.is_paced());
        self.ready.iter().any(|id| first(*id))
    }

    /// Readies what is to be repeated, and returns one whose time is over; call again until there is none.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(TransactionId, Transaction)> {
        let mut over = None;
        for (id, transaction) in &mut self.pending {
            if transaction.due.is_none_or(|due| due > now) {
                continue;
            }
            if transaction.is_over(now) {
                over = Some(*id);
                break;
            }
            transaction.due = None;
            self.ready.push_back(*id);
        }
        let id = over?;
        self.ready.retain(|ready| *ready != id);
        self.pending.remove(&id).map(|transaction| (id, transaction))
    }

    /// Appends the next request to `out`.
    pub(crate) fn send(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<&Transaction> {
        let id = self.ready.pop_front()?;
        let transaction = self.pending.get_mut(&id)?;
        transaction.sent += 1;
        transaction.first_sent.get_or_insert(now);
        transaction.last_sent = Some(now);
        transaction.due = transaction.next_due();
        out.extend_from_slice(&transaction.request);
        Some(transaction)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.pending.values().filter_map(|transaction| transaction.due).min()
    }
}

/// Buffers kept for later.
const SPARE: usize = 32;
