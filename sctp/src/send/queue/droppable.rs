//! Messages that make room for those that matter more (RFC 7496 section 3.2).

use std::collections::BTreeMap;

use super::{MESSAGE_OVERHEAD, Outbound, Queue};
use crate::lazy::blank;

/// Of one rank: streams by arrival, and what all of them weigh.
#[derive(Debug, Default)]
struct Rank {
    streams: BTreeMap<u64, u16>,
    weight: usize,
}

/// What is given up before anything of it is sent.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) droppable: Droppable,
    /// How many messages were past their lifetime since the last look.
    pub(super) expired: u64,
}

impl GivenUp {
    pub(super) fn is_empty(&self) -> bool {
        self.droppable.0.is_empty() && self.expired == 0
    }
}

blank!(GivenUp, GivenUp { droppable: Droppable(BTreeMap::new()), expired: 0 });

/// Messages with a rank of which nothing is sent, by rank.
#[derive(Debug)]
pub(super) struct Droppable(BTreeMap<u32, Rank>);

impl Droppable {
    pub(super) fn insert(&mut self, stream: u16, message: &Outbound) {
        let Some(rank) = message.rank else { return };
        let rank = self.0.entry(rank).or_default();
        rank.streams.insert(message.arrival, stream);
        rank.weight += weight(message);
    }

    pub(super) fn remove(&mut self, message: &Outbound) {
        let Some(number) = message.rank else { return };
        let Some(rank) = self.0.get_mut(&number) else { return };
        if rank.streams.remove(&message.arrival).is_some() {
            rank.weight -= weight(message);
        }
        if rank.streams.is_empty() {
            self.0.remove(&number);
        }
    }

    /// What may go for a message of this rank.
    fn weight_below(&self, rank: Option<u32>) -> usize {
        self.0
            .iter()
            .rev()
            .take_while(|(below, _)| rank.is_none_or(|rank| **below > rank))
            .map(|(_, r)| r.weight)
            .sum()
    }

    /// The oldest of those that matter least: stream and arrival.
    fn first(&self) -> Option<(u16, u64)> {
        let (_, last) = self.0.last_key_value()?;
        last.streams.first_key_value().map(|(&arrival, &stream)| (stream, arrival))
    }
}

fn weight(message: &Outbound) -> usize {
    message.payload.len() + MESSAGE_OVERHEAD
}

impl Queue {
    /// Gives up messages that matter less than `rank` until `octets` are free, and says how many; `None`, and none of
    /// them, if all were not enough.
    //= rfc7496#3.2-1
    pub(crate) fn make_room(&mut self, octets: usize, rank: Option<u32>) -> Option<u64> {
        if self.given_up.droppable.weight_below(rank) < octets {
            return None;
        }
        let goal = self.weight().saturating_sub(octets);
        let mut count = 0;
        while self.weight() > goal
            && let Some((id, arrival)) = self.given_up.droppable.first()
        {
            self.drop_waiting(id, arrival);
            count += 1;
        }
        Some(count)
    }

    /// How many messages were past their lifetime since the last call.
    pub(crate) fn take_expired(&mut self) -> u64 {
        if self.given_up.expired == 0 { 0 } else { std::mem::take(&mut self.given_up.expired) }
    }

    /// Nothing of the message is sent: it may be given up for others if it has a rank.
    pub(super) fn note_rank(&mut self, stream: u16, message: &Outbound) {
        if message.rank.is_some() {
            self.given_up.droppable.insert(stream, message);
        }
    }

    /// Drops a message of which nothing is sent.
    fn drop_waiting(&mut self, id: u16, arrival: u64) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let Ok(at) = stream.messages.binary_search_by_key(&arrival, |message| message.arrival) else {
            return;
        };
        if at == 0 {
            self.drop_front(id);
        } else if let Some(message) = stream.messages.remove(at) {
            self.messages -= 1;
            self.given_up.droppable.remove(&message);
            self.shrink(id, message.payload.len(), message.counted);
        }
    }
}
