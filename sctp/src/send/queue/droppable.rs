//! Messages that make room for those that matter more (RFC 7496 section 3.2).

use std::collections::BTreeMap;

use super::{MESSAGE_OVERHEAD, Outbound, Queue};
use crate::lazy::{Lazy, blank};
use crate::stats::Abandoned;

/// Of one rank: streams by arrival, and what all of them weigh.
#[derive(Debug, Default)]
struct Rank {
    streams: BTreeMap<u64, u16>,
    weight: usize,
}

/// Messages with a rank of which nothing is sent, by rank.
#[derive(Debug)]
pub(super) struct Droppable {
    ranks: BTreeMap<u32, Rank>,
    /// Messages given up before anything of them was sent.
    pub(super) abandoned: Abandoned,
}

blank!(Droppable, Droppable { ranks: BTreeMap::new(), abandoned: Abandoned::NONE });

impl Droppable {
    pub(super) fn insert(lazy: &mut Lazy<Self>, stream: u16, message: &Outbound) {
        let Some(rank) = message.rank else { return };
        let rank = lazy.ranks.entry(rank).or_default();
        rank.streams.insert(message.arrival, stream);
        rank.weight += weight(message);
    }

    pub(super) fn remove(lazy: &mut Lazy<Self>, message: &Outbound) {
        let Some(number) = message.rank else { return };
        let Some(rank) = lazy.ranks.get_mut(&number) else { return };
        if rank.streams.remove(&message.arrival).is_some() {
            rank.weight -= weight(message);
        }
        if rank.streams.is_empty() {
            lazy.ranks.remove(&number);
        }
    }

    /// Forgets the messages, not how many were given up.
    pub(super) fn clear(lazy: &mut Lazy<Self>) {
        if !lazy.ranks.is_empty() {
            lazy.ranks.clear();
        }
    }

    /// What may go for a message of this rank.
    fn weight_below(&self, rank: Option<u32>) -> usize {
        self.ranks
            .iter()
            .rev()
            .take_while(|(below, _)| rank.is_none_or(|rank| **below > rank))
            .map(|(_, r)| r.weight)
            .sum()
    }

    /// The oldest of those that matter least: stream and arrival.
    fn first(&self) -> Option<(u16, u64)> {
        let (_, last) = self.ranks.last_key_value()?;
        last.streams.first_key_value().map(|(&arrival, &stream)| (stream, arrival))
    }
}

fn weight(message: &Outbound) -> usize {
    message.payload.len() + MESSAGE_OVERHEAD
}

impl Queue {
    /// Gives up messages that matter less than `rank` until `octets` are free; none if all of them were not enough.
    //= rfc7496#3.2-1
    pub(crate) fn make_room(&mut self, octets: usize, rank: Option<u32>) -> bool {
        if self.droppable.weight_below(rank) < octets {
            return false;
        }
        let goal = self.weight().saturating_sub(octets);
        while self.weight() > goal {
            let Some((id, arrival)) = self.droppable.first() else { break };
            self.drop_waiting(id, arrival);
            self.droppable.abandoned.priority += 1;
        }
        true
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
            Droppable::remove(&mut self.droppable, &message);
            self.shrink(id, message.payload.len(), message.counted);
        }
    }
}
