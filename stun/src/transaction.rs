//! Requests that wait for their answers.
//!
//! Laws: a transaction is in exactly one place, `pending`; `deadlines` holds one live entry for each that has been
//! sent and not answered; stale entries are skipped by comparing the deadline, and taken out when they are more than the
//! live ones; the top of the heap is always live, so that asking for the next deadline costs nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use crate::kind::TransactionId;
use crate::rto::Schedule;

/// One request and how far it has come.
#[derive(Debug)]
pub(crate) struct Transaction<Tag> {
    /// What the request was for.
    pub(crate) tag: Tag,
    request: Vec<u8>,
    schedule: Schedule,
    /// Times sent so far.
    sent: u32,
    last_sent: Option<Instant>,
    /// When to send again or give up; `None` while a sending waits to be polled.
    due: Option<Instant>,
}

impl<Tag> Transaction<Tag> {
    /// The measured round trip, if it can be told which sending was answered (Karn's rule: sent once).
    pub(crate) fn round_trip(&self, now: Instant) -> Option<Duration> {
        self.last_sent.filter(|_| self.sent == 1).map(|sent| now.saturating_duration_since(sent))
    }
}

/// All requests under way.
#[derive(Debug)]
pub(crate) struct Transactions<Tag> {
    pending: BTreeMap<TransactionId, Transaction<Tag>>,
    deadlines: BinaryHeap<Reverse<(Instant, TransactionId)>>,
    /// Waiting to be polled, in order.
    ready: VecDeque<TransactionId>,
}

impl<Tag> Transactions<Tag> {
    pub(crate) fn new() -> Self {
        Self { pending: BTreeMap::new(), deadlines: BinaryHeap::new(), ready: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Adds a request, to be sent as soon as it is polled.
    pub(crate) fn start(&mut self, id: TransactionId, request: Vec<u8>, schedule: Schedule, tag: Tag) {
        let transaction = Transaction { tag, request, schedule, sent: 0, last_sent: None, due: None };
        self.pending.insert(id, transaction);
        self.ready.push_back(id);
    }

    pub(crate) fn find(&self, id: TransactionId) -> Option<&Transaction<Tag>> {
        self.pending.get(&id)
    }

    pub(crate) fn find_mut(&mut self, id: TransactionId) -> Option<&mut Transaction<Tag>> {
        self.pending.get_mut(&id)
    }

    /// What the requests under way are for.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.pending.values().map(|transaction| &transaction.tag)
    }

    /// The requests under way, and what they are for.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (TransactionId, &Tag)> {
        self.pending.iter().map(|(id, transaction)| (*id, &transaction.tag))
    }

    /// Ends a transaction: answered or cancelled.
    pub(crate) fn remove(&mut self, id: TransactionId) -> Option<Transaction<Tag>> {
        let transaction = self.pending.remove(&id)?;
        self.ready.retain(|ready| *ready != id);
        self.skip_stale();
        self.thin_out();
        Some(transaction)
    }

    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.deadlines.clear();
        self.ready.clear();
    }

    /// Readies what is due, and returns one transaction that has been given up; call again until there is none.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(TransactionId, Transaction<Tag>)> {
        while let Some(&Reverse((due, id))) = self.deadlines.peek() {
            if due > now {
                return None;
            }
            self.deadlines.pop();
            let over = match self.pending.get_mut(&id) {
                Some(transaction) => {
                    transaction.due = None;
                    transaction.sent >= transaction.schedule.attempts
                }
                None => false,
            };
            if over {
                let expired = self.pending.remove(&id).map(|transaction| (id, transaction));
                self.skip_stale();
                return expired;
            }
            self.ready.push_back(id);
            self.skip_stale();
        }
        None
    }

    /// Appends the next request to `out`; says what it was for, and whether it has been sent before.
    pub(crate) fn send(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<(&Tag, usize, bool)> {
        let id = self.ready.pop_front()?;
        let transaction = self.pending.get_mut(&id)?;
        transaction.sent += 1;
        transaction.last_sent = Some(now);
        let wait = transaction.schedule.wait_after(transaction.sent).unwrap_or_default();
        // Past the end of time there is no deadline: such a request just waits.
        if let Some(due) = now.checked_add(wait) {
            transaction.due = Some(due);
            self.deadlines.push(Reverse((due, id)));
        }
        out.extend_from_slice(&transaction.request);
        Some((&transaction.tag, transaction.request.len(), transaction.sent > 1))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((due, _))| *due)
    }

    fn skip_stale(&mut self) {
        while let Some(Reverse(entry)) = self.deadlines.peek() {
            if is_live(&self.pending, entry) {
                return;
            }
            self.deadlines.pop();
        }
    }

    /// Behind a request that waits for long, those that were answered soon would pile up.
    fn thin_out(&mut self) {
        if self.deadlines.len() > 2 * self.pending.len() + STALE {
            let pending = &self.pending;
            self.deadlines.retain(|Reverse(entry)| is_live(pending, entry));
        }
    }
}

/// Stale deadlines that are left where they are, whatever the number of requests.
const STALE: usize = 64;

fn is_live<Tag>(
    pending: &BTreeMap<TransactionId, Transaction<Tag>>,
    (due, id): &(Instant, TransactionId),
) -> bool {
    pending.get(id).is_some_and(|transaction| transaction.due == Some(*due))
}

#[cfg(test)]
mod tests {
    use nomagic_testkit::clock::origin;
    use proptest::prelude::*;

    use super::*;

    /// What happens to a table of requests.
    #[derive(Debug, Clone)]
    enum Step {
        Start(u8),
        Send,
        End(u8),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..24u8).prop_map(Step::Start),
            Just(Step::Send),
            Just(Step::Send),
            (0..24u8).prop_map(Step::End),
            (0..900u64).prop_map(Step::Pass),
        ]
    }

    #[test]
    fn what_was_answered_leaves_nothing_behind_one_that_waits() {
        let (mut table, mut out) = (Transactions::new(), Vec::new());
        table.start(TransactionId([0xff; 12]), vec![0], Schedule::RELIABLE, ());
        assert!(table.send(origin(), &mut out).is_some());
        for number in 0..10_000u64 {
            let mut id = [0; 12];
            id[..8].copy_from_slice(&number.to_be_bytes());
            table.start(TransactionId(id), vec![0], Schedule::RELIABLE, ());
            assert!(table.send(origin() + Duration::from_millis(number), &mut out).is_some());
            assert!(table.remove(TransactionId(id)).is_some());
            assert!(table.deadlines.len() <= 2 + STALE, "{}", table.deadlines.len());
        }
        assert_eq!(table.next_deadline(), Some(origin() + Schedule::RELIABLE.total()));
    }

    proptest! {
        /// The heap with its stale entries says the same as a table that is searched.
        #[test]
        fn the_next_deadline_is_the_least_of_all(steps in prop::collection::vec(step(), 1..200)) {
            let id = |name: u8| TransactionId([name; 12]);
            let schedule = Schedule { rto: Duration::from_millis(100), attempts: 3, last_wait: 2 };
            let (mut table, mut now) = (Transactions::new(), origin());
            // Deadline and sendings of each request under way; ready ones have no deadline.
            let mut model: BTreeMap<u8, (Option<Instant>, u32)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Start(name) if !model.contains_key(&name) => {
                        table.start(id(name), vec![name], schedule, name);
                        model.insert(name, (None, 0));
                    }
                    Step::Start(_) => {}
                    Step::Send => {
                        let mut out = Vec::new();
                        let sent = table.send(now, &mut out).map(|(name, _, again)| (*name, again));
                        prop_assert_eq!(sent.is_some(), model.values().any(|(due, _)| due.is_none()));
                        if let Some((name, again)) = sent {
                            let own = model.get_mut(&name).unwrap();
                            prop_assert_eq!((own.0, own.1 > 0, out), (None, again, vec![name]));
                            own.1 += 1;
                            own.0 = Some(now + schedule.wait_after(own.1).unwrap());
                        }
                    }
                    Step::End(name) => {
                        prop_assert_eq!(table.remove(id(name)).is_some(), model.remove(&name).is_some());
                    }
                    Step::Pass(millis) => now += Duration::from_millis(millis),
                }
                while let Some((_, ended)) = table.expire(now) {
                    let (due, sent) = model.remove(&ended.tag).unwrap();
                    prop_assert!(sent == schedule.attempts && due.is_some_and(|due| due <= now));
                }
                for (due, sent) in model.values_mut() {
                    if due.is_some_and(|due| due <= now) {
                        prop_assert!(*sent < schedule.attempts);
                        *due = None;
                    }
                }
                prop_assert_eq!(table.next_deadline(), model.values().filter_map(|(due, _)| *due).min());
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
