//! Datagrams on their way through a [`Link`].

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::ChaCha20Rng;

use crate::link::{Link, Verdict};

/// What became of a datagram that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// On its way.
    Sent,
    /// Lost, and why.
    Lost(&'static str),
}

/// What went through a pipe so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams lost on the way.
    pub lost: u64,
    /// Datagrams that arrived, duplicates included.
    pub delivered: u64,
    /// Octets of those that arrived.
    pub delivered_bytes: u64,
}

/// Datagrams on their way in one direction, each with an envelope `T` that the link does not look at.
#[derive(Debug)]
pub struct Pipe<T = ()> {
    link: Link,
    rng: ChaCha20Rng,
    flying: BinaryHeap<Reverse<Flying<T>>>,
    /// When the sender's queue is empty again.
    busy_until: Option<Instant>,
    counters: Counters,
}

#[derive(Debug)]
struct Flying<T> {
    due: Instant,
    order: u64,
    envelope: T,
    bytes: Vec<u8>,
}

impl<T: Clone> Pipe<T> {
    /// A pipe whose chances come from `seed`.
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            rng: crate::rng(seed),
            flying: BinaryHeap::new(),
            busy_until: None,
            counters: Counters::default(),
        }
    }

    /// Sends a datagram. `order` grows from one datagram to the next: of those that arrive at the same moment the one with
    /// the lowest comes first.
    pub fn send(&mut self, now: Instant, order: u64, envelope: T, datagram: &[u8]) -> Fate {
        let fate = self.judge(now, order, envelope, datagram);
        self.counters.sent += 1;
        self.counters.lost += u64::from(fate != Fate::Sent);
        fate
    }

    fn judge(&mut self, now: Instant, order: u64, envelope: T, datagram: &[u8]) -> Fate {
        let number = usize::try_from(self.counters.sent).unwrap_or(usize::MAX);
        let verdict = self.link.script.as_mut().map_or(Verdict::Deliver, |script| script(number, datagram));
        let twice = verdict == Verdict::Duplicate;
        let (bytes, extra) = match verdict {
            Verdict::Drop => return Fate::Lost("script"),
            Verdict::Deliver | Verdict::Duplicate => (datagram.to_vec(), Duration::ZERO),
            Verdict::Delay(extra) => (datagram.to_vec(), extra),
            Verdict::Replace(bytes) => (bytes, Duration::ZERO),
        };
        if bytes.len() > self.link.largest {
            return Fate::Lost("too large");
        }
        if self.chance(self.link.loss) {
            return Fate::Lost("loss");
        }
        let Some(leaves) = self.queue(now, bytes.len()) else { return Fate::Lost("queue full") };
        let twice = twice || self.chance(self.link.duplication);
        for (envelope, bytes) in std::iter::repeat_n((envelope, bytes), 1 + usize::from(twice)) {
            let due = leaves + self.travel_time() + extra;
            self.flying.push(Reverse(Flying { due, order, envelope, bytes }));
        }
        Fate::Sent
    }

    /// When the last bit leaves, or `None` if the queue is full.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.link.rate else { return Some(now) };
        let start = self.busy_until.map_or(now, |busy| busy.max(now));
        let time = |octets: usize| {
            let nanos = octets as u128 * 8 * 1_000_000_000 / u128::from(rate.bits_per_second.max(1));
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        if start.saturating_duration_since(now) > time(rate.queue) {
            return None;
        }
        let leaves = start + time(len);
        self.busy_until = Some(leaves);
        Some(leaves)
    }

    fn travel_time(&mut self) -> Duration {
        let mut time = self.link.latency;
        if !self.link.jitter.is_zero() {
            time += self.link.jitter.mul_f64(self.rng.random_range(0.0..1.0));
        }
        if self.chance(self.link.reordering) {
            time += self.link.reordering_delay;
        }
        time
    }

    fn chance(&mut self, share: f64) -> bool {
        // No dice are thrown for what cannot happen.
        share > 0.0 && self.rng.random_bool(share)
    }

    /// The next datagram that has arrived by `now`.
    pub fn arrive(&mut self, now: Instant) -> Option<(T, Vec<u8>)> {
        self.next_arrival().filter(|(due, _)| *due <= now)?;
        let Reverse(flying) = self.flying.pop()?;
        self.counters.delivered += 1;
        self.counters.delivered_bytes += flying.bytes.len() as u64;
        Some((flying.envelope, flying.bytes))
    }

    /// When the next datagram arrives, and its order.
    pub fn next_arrival(&self) -> Option<(Instant, u64)> {
        self.flying.peek().map(|Reverse(flying)| (flying.due, flying.order))
    }

    /// From now on datagrams take another link; those under way are not touched.
    pub fn set_link(&mut self, link: Link) {
        self.link = link;
        self.busy_until = None;
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

impl<T> Ord for Flying<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

impl<T> PartialOrd for Flying<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Flying<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Flying<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    /// Sends each datagram at the origin.
    fn send(link: Link, seed: u64, datagrams: &[Vec<u8>]) -> (Pipe, Vec<Fate>) {
        let mut pipe = Pipe::new(link, seed);
        let fates =
            (0..).zip(datagrams).map(|(order, bytes)| pipe.send(origin(), order, (), bytes)).collect();
        (pipe, fates)
    }

    /// What arrives within a second, with the milliseconds it took.
    fn arrivals(mut pipe: Pipe) -> Vec<(u128, Vec<u8>)> {
        std::iter::from_fn(|| {
            let (due, _) = pipe.next_arrival()?;
            let (_, bytes) = pipe.arrive(origin() + 1000 * MS)?;
            Some(((due - origin()).as_millis(), bytes))
        })
        .collect()
    }

    #[test]
    fn a_full_queue_loses_and_a_rate_takes_time() {
        // 8 Mbit/s are 1000 octets a millisecond.
        let (pipe, fates) = send(Link::latency(MS).rate(8_000_000, 2000), 1, &vec![vec![0; 1000]; 5]);
        assert_eq!(fates[..3], [Fate::Sent; 3]);
        assert_eq!(fates[3..], [Fate::Lost("queue full"); 2]);
        let times: Vec<u128> = arrivals(pipe).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [2, 3, 4]);
    }

    #[test]
    fn a_seed_gives_the_same_losses_and_about_the_share_asked_for() {
        let lost = |seed| send(Link::new().loss(0.1), seed, &vec![vec![0]; 10_000]).1;
        assert_eq!(lost(3), lost(3));
        assert_ne!(lost(3), lost(4));
        let share = lost(3).iter().filter(|fate| **fate == Fate::Lost("loss")).count();
        assert!((900..1100).contains(&share), "{share}");
    }

    #[test]
    fn scripts_decide_first() {
        let script = |number: usize, _: &[u8]| match number {
            0 => Verdict::Drop,
            1 => Verdict::Duplicate,
            2 => Verdict::Delay(5 * MS),
            _ => Verdict::Replace(b"other".to_vec()),
        };
        let (pipe, _) = send(Link::new().script(script), 1, &[vec![0], vec![1], vec![2], vec![3]]);
        let counters = pipe.counters();
        assert_eq!((counters.sent, counters.lost), (4, 1));
        assert_eq!(arrivals(pipe), [(0, vec![1]), (0, vec![1]), (0, b"other".to_vec()), (5, vec![2])]);
    }

    #[test]
    fn of_two_scripts_both_count() {
        let link = Link::new().drop_nth(|bytes| bytes == b"x", 1).drop_nth(|bytes| bytes == b"x", 3);
        let datagrams = [b"x", b"y", b"x", b"x", b"y", b"x"].map(|bytes| bytes.to_vec());
        let (_, fates) = send(link, 1, &datagrams);
        let lost: Vec<usize> = (0..6).filter(|at| fates[*at] != Fate::Sent).collect();
        assert_eq!(lost, [0, 3]);
    }

    #[test]
    fn what_is_too_large_is_lost() {
        let (_, fates) = send(Link::new().largest(2), 1, &[vec![0; 2], vec![0; 3]]);
        assert_eq!(fates, [Fate::Sent, Fate::Lost("too large")]);
    }

    #[test]
    fn duplication_jitter_and_reordering_are_seen() {
        let link = Link::latency(10 * MS).duplication(0.5).jitter(5 * MS).reordering(0.3, 20 * MS);
        let datagrams: Vec<Vec<u8>> = (0..100).map(|number| vec![number]).collect();
        let arrived = arrivals(send(link, 1, &datagrams).0);
        assert!((130..170).contains(&arrived.len()), "{}", arrived.len());
        assert!(arrived.iter().all(|(time, _)| (10..15).contains(time) || (30..35).contains(time)));
        assert!(!arrived.is_sorted_by_key(|(_, bytes)| bytes.clone()));
    }
}
