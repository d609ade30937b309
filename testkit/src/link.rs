//! One direction of a network: what happens to each datagram, decided by a seed or by a script.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// What a script makes of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let it pass as the link would.
    Deliver,
    /// Let it vanish.
    Drop,
    /// Let it pass, later by this much.
    Delay(Duration),
    /// Let it pass twice.
    Duplicate,
    /// Let other octets pass in its place.
    Replace(Vec<u8>),
}

/// Judges the datagrams of a direction: it is given the number of the datagram, from 0, and its octets.
pub type Script = Box<dyn FnMut(usize, &[u8]) -> Verdict>;

/// What a direction of the network is like. A new link is perfect: nothing is lost, nothing takes time.
pub struct Link {
    latency: Duration,
    jitter: Duration,
    loss: f64,
    duplication: f64,
    reordering: f64,
    reordering_delay: Duration,
    /// Bits a second, and octets that wait in the queue before it.
    rate: Option<(u64, usize)>,
    largest: usize,
    script: Option<Script>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            reordering_delay: Duration::ZERO,
            rate: None,
            largest: 65_535,
            script: None,
        }
    }
}

impl Link {
    /// A link that takes this long.
    pub fn latency(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    /// Adds up to this much to each datagram's time, at random; order may change.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Loses this share, 0 to 1.
    #[must_use]
    pub fn loss(self, loss: f64) -> Self {
        Self { loss, ..self }
    }

    /// Delivers this share twice, 0 to 1.
    #[must_use]
    pub fn duplication(self, duplication: f64) -> Self {
        Self { duplication, ..self }
    }

    /// Delivers this share, 0 to 1, later by `delay`.
    #[must_use]
    pub fn reordering(self, reordering: f64, delay: Duration) -> Self {
        Self { reordering, reordering_delay: delay, ..self }
    }

    /// Carries this many bits a second, with a queue of this many octets in front; what does not fit is lost.
    #[must_use]
    pub fn rate(self, bits_per_second: u64, queue: usize) -> Self {
        Self { rate: Some((bits_per_second, queue)), ..self }
    }

    /// Loses datagrams of more octets than this.
    #[must_use]
    pub fn largest(self, octets: usize) -> Self {
        Self { largest: octets, ..self }
    }

    /// Lets a script judge each datagram, before chance does.
    #[must_use]
    pub fn script(self, script: impl FnMut(usize, &[u8]) -> Verdict + 'static) -> Self {
        Self { script: Some(Box::new(script)), ..self }
    }

    /// Loses the datagrams with these numbers, from 0.
    #[must_use]
    pub fn drop_numbers(self, numbers: Vec<usize>) -> Self {
        self.script(move |number, _| if numbers.contains(&number) { Verdict::Drop } else { Verdict::Deliver })
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({:?}, loss {}, reordering {})", self.latency, self.loss, self.reordering)
    }
}

/// What became of a datagram that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// On its way.
    Sent,
    /// Lost, and why.
    Lost(&'static str),
}

/// Datagrams on their way through a link.
#[derive(Debug)]
pub struct Pipe {
    link: Link,
    rng: ChaCha20Rng,
    flying: BinaryHeap<Reverse<Flying>>,
    /// When the sender's queue is empty again.
    busy_until: Option<Instant>,
    count: usize,
    order: u64,
    /// Datagrams lost so far.
    pub lost: u64,
    /// Datagrams delivered so far.
    pub delivered: u64,
}

/// The earliest first; ties go to the older.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    due: Instant,
    order: u64,
    bytes: Vec<u8>,
}

impl Pipe {
    /// A pipe whose chances come from `seed`.
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            rng: ChaCha20Rng::seed_from_u64(seed),
            flying: BinaryHeap::new(),
            busy_until: None,
            count: 0,
            order: 0,
            lost: 0,
            delivered: 0,
        }
    }

    /// Sends a datagram.
    pub fn send(&mut self, now: Instant, datagram: &[u8]) -> Fate {
        let fate = self.judge(now, datagram);
        if fate != Fate::Sent {
            self.lost += 1;
        }
        fate
    }

    fn judge(&mut self, now: Instant, datagram: &[u8]) -> Fate {
        let number = self.count;
        self.count += 1;
        let verdict = self.link.script.as_mut().map_or(Verdict::Deliver, |script| script(number, datagram));
        let (bytes, extra, twice) = match verdict {
            Verdict::Drop => return Fate::Lost("script"),
            Verdict::Deliver => (datagram.to_vec(), Duration::ZERO, false),
            Verdict::Delay(extra) => (datagram.to_vec(), extra, false),
            Verdict::Duplicate => (datagram.to_vec(), Duration::ZERO, true),
            Verdict::Replace(bytes) => (bytes, Duration::ZERO, false),
        };
        if bytes.len() > self.link.largest {
            return Fate::Lost("too large");
        }
        if self.chance(self.link.loss) {
            return Fate::Lost("loss");
        }
        let Some(leaves) = self.queue(now, bytes.len()) else { return Fate::Lost("queue full") };
        let twice = twice || self.chance(self.link.duplication);
        for _ in 0..=usize::from(twice) {
            let due = leaves + self.travel_time() + extra;
            self.order += 1;
            self.flying.push(Reverse(Flying { due, order: self.order, bytes: bytes.clone() }));
        }
        Fate::Sent
    }

    /// When the last bit leaves, or `None` if the queue is full.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some((rate, limit)) = self.link.rate else { return Some(now) };
        let start = self.busy_until.map_or(now, |busy| busy.max(now));
        let bits = |octets: usize| Duration::from_nanos(octets as u64 * 8 * 1_000_000_000 / rate.max(1));
        if start.saturating_duration_since(now) > bits(limit) {
            return None;
        }
        let leaves = start + bits(len);
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
        // No dice are thrown for what cannot happen, so that adding an impairment changes nothing else.
        share > 0.0 && self.rng.random_bool(share)
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse(flying)| flying.due)
    }

    /// The next datagram that has arrived by `now`.
    pub fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next_arrival().filter(|due| *due <= now)?;
        self.delivered += 1;
        self.flying.pop().map(|Reverse(flying)| flying.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_full_queue_loses_and_a_rate_takes_time() {
        // 8 Mbit/s are 1000 octets a millisecond.
        let mut pipe = Pipe::new(Link::latency(MS).rate(8_000_000, 2000), 1);
        let fates: Vec<Fate> = (0..5).map(|_| pipe.send(origin(), &[0; 1000])).collect();
        assert_eq!(fates[..3], [Fate::Sent; 3]);
        assert_eq!(fates[3..], [Fate::Lost("queue full"); 2]);
        assert_eq!(pipe.next_arrival(), Some(origin() + 2 * MS));
    }

    #[test]
    fn a_seed_gives_the_same_losses_and_about_the_share_asked_for() {
        let lost = |seed| {
            let mut pipe = Pipe::new(Link::default().loss(0.1), seed);
            (0..10_000).map(|_| pipe.send(origin(), b"x") != Fate::Sent).collect::<Vec<_>>()
        };
        assert_eq!(lost(3), lost(3));
        assert_ne!(lost(3), lost(4));
        let share = lost(3).iter().filter(|lost| **lost).count();
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
        let mut pipe = Pipe::new(Link::default().script(script), 1);
        for number in 0..4u8 {
            pipe.send(origin(), &[number]);
        }
        let arrived: Vec<_> = std::iter::from_fn(|| pipe.arrive(origin() + 5 * MS)).collect();
        assert_eq!(arrived, [vec![1], vec![1], b"other".to_vec(), vec![2]]);
        assert_eq!(pipe.lost, 1);
    }
}
