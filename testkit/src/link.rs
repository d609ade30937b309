//! What one direction of a network does to datagrams: by chance, from a seed, or as a script says.

use std::fmt;
use std::time::Duration;

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

/// Judges the datagrams of one direction: it is given the number of the datagram, from 0, and its octets.
pub type Script = Box<dyn FnMut(usize, &[u8]) -> Verdict>;

/// What one direction of the network is like. A new link is perfect: nothing is lost, nothing takes time.
///
/// Impairments apply in this order: script, largest datagram, loss, queue and rate, duplication, then for each copy
/// latency, jitter and reordering.
pub struct Link {
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    pub(crate) reordering: f64,
    pub(crate) reordering_delay: Duration,
    pub(crate) rate: Option<Rate>,
    pub(crate) largest: usize,
    pub(crate) script: Option<Script>,
}

/// How fast a link carries, and how much may wait in front of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) bits_per_second: u64,
    pub(crate) queue: usize,
}

impl Link {
    /// A perfect link.
    pub const fn new() -> Self {
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

    /// A link that takes this long and is otherwise perfect.
    pub const fn latency(latency: Duration) -> Self {
        let mut link = Self::new();
        link.latency = latency;
        link
    }

    /// Adds up to this much to each datagram's time, at random; order may change.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Loses this share.
    ///
    /// # Panics
    /// The share is not within 0 to 1; so for [`Self::duplication`] and [`Self::reordering`].
    #[must_use]
    pub const fn loss(mut self, share: f64) -> Self {
        self.loss = checked(share);
        self
    }

    /// Delivers this share twice.
    #[must_use]
    pub const fn duplication(mut self, share: f64) -> Self {
        self.duplication = checked(share);
        self
    }

    /// Delivers this share later by `delay`.
    #[must_use]
    pub const fn reordering(mut self, share: f64, delay: Duration) -> Self {
        self.reordering = checked(share);
        self.reordering_delay = delay;
        self
    }

    /// Carries this many bits a second. A datagram that finds more than `queue` octets ahead of it is lost.
    #[must_use]
    pub const fn rate(mut self, bits_per_second: u64, queue: usize) -> Self {
        self.rate = Some(Rate { bits_per_second, queue });
        self
    }

    /// Loses datagrams of more octets than this.
    #[must_use]
    pub const fn largest(mut self, octets: usize) -> Self {
        self.largest = octets;
        self
    }

    /// Lets a script judge each datagram before chance does. Of several scripts each sees every datagram, and the first
    /// that says anything but [`Verdict::Deliver`] decides.
    #[must_use]
    pub fn script(mut self, mut script: impl FnMut(usize, &[u8]) -> Verdict + 'static) -> Self {
        let earlier = self.script.take();
        self.script = Some(match earlier {
            None => Box::new(script),
            Some(mut earlier) => Box::new(move |number, bytes| {
                let (first, second) = (earlier(number, bytes), script(number, bytes));
                if first == Verdict::Deliver { second } else { first }
            }),
        });
        self
    }

    /// Loses the datagrams with these numbers, counted from 0.
    #[must_use]
    pub fn drop_numbers(self, numbers: Vec<usize>) -> Self {
        self.script(move |number, _| if numbers.contains(&number) { Verdict::Drop } else { Verdict::Deliver })
    }

    /// Loses one of the datagrams that `pick` picks: the first for `nth` 1, and so on.
    #[must_use]
    pub fn drop_nth(self, mut pick: impl FnMut(&[u8]) -> bool + 'static, nth: usize) -> Self {
        let mut picked = 0;
        self.script(move |_, bytes| {
            picked += usize::from(pick(bytes));
            if picked == nth && pick(bytes) { Verdict::Drop } else { Verdict::Deliver }
        })
    }
}

const fn checked(share: f64) -> f64 {
    assert!(share >= 0.0 && share <= 1.0, "a share is between 0 and 1");
    share
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("latency", &self.latency)
            .field("jitter", &self.jitter)
            .field("loss", &self.loss)
            .field("duplication", &self.duplication)
            .field("reordering", &(self.reordering, self.reordering_delay))
            .field("rate", &self.rate)
            .field("largest", &self.largest)
            .field("script", &self.script.is_some())
            .finish()
    }
}
