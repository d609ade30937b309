//! A bad network in between: loses, delays and reorders datagrams between two sockets.
//!
//! It stands between two peers as a relay would: each peer is told the proxy's address in place of the other's.

use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// What the network does to datagrams, each way alike.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Impairment {
    /// Share of datagrams that vanish, 0 to 1.
    pub loss: f64,
    /// One-way delay.
    pub delay: Duration,
    /// Share of datagrams that arrive late by another half of the delay, but at least 5 ms; 0 to 1.
    pub reorder: f64,
}

/// A running proxy; it stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    towards: [SocketAddr; 2],
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy between the peers at `a` and `z`, on sockets of its own at `ip`.
    ///
    /// # Errors
    /// A socket cannot be had.
    pub fn start(ip: IpAddr, [a, z]: [SocketAddr; 2], impairment: Impairment, seed: u64) -> io::Result<Self> {
        let facing_a = Arc::new(UdpSocket::bind((ip, 0))?);
        let facing_z = Arc::new(UdpSocket::bind((ip, 0))?);
        let towards = [facing_a.local_addr()?, facing_z.local_addr()?];
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (way, (from, to, destination)) in
            [(&facing_a, &facing_z, z), (&facing_z, &facing_a, a)].into_iter().enumerate()
        {
            let way = Way {
                from: Arc::clone(from),
                to: Arc::clone(to),
                destination,
                impairment,
                rng: ChaCha20Rng::seed_from_u64(seed.wrapping_mul(2).wrapping_add(way as u64)),
                waiting: BinaryHeap::new(),
                count: 0,
            };
            let stop = Arc::clone(&stop);
            threads.push(std::thread::spawn(move || way.run(&stop)));
        }
        Ok(Self { towards, stop, threads })
    }

    /// The address that peer `a` is to be given for `z`.
    pub fn address_for_a(&self) -> SocketAddr {
        self.towards[0]
    }

    /// The address that peer `z` is to be given for `a`.
    pub fn address_for_z(&self) -> SocketAddr {
        self.towards[1]
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has already said so.
            let _ = thread.join();
        }
    }
}

/// One direction.
struct Way {
    from: Arc<UdpSocket>,
    to: Arc<UdpSocket>,
    destination: SocketAddr,
    impairment: Impairment,
    rng: ChaCha20Rng,
    waiting: BinaryHeap<Waiting>,
    count: u64,
}

/// A datagram under way; the earliest is the greatest, ties go to the older.
#[derive(PartialEq, Eq)]
struct Waiting {
    due: Instant,
    number: u64,
    bytes: Vec<u8>,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Way {
    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; 65_536];
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            self.deliver(now);
            let wait = self.waiting.peek().map_or(Duration::from_millis(20), |next| next.due - now);
            // A timeout of zero would mean for ever.
            let wait = wait.clamp(Duration::from_micros(100), Duration::from_millis(20));
            if self.from.set_read_timeout(Some(wait)).is_err() {
                return;
            }
            if let Ok((len, _)) = self.from.recv_from(&mut buffer) {
                self.judge(&buffer[..len]);
            }
        }
    }

    fn judge(&mut self, datagram: &[u8]) {
        let Impairment { loss, delay, reorder } = self.impairment;
        if self.rng.random_bool(loss) {
            return;
        }
        let late = self.rng.random_bool(reorder);
        let extra = if late { (delay / 2).max(Duration::from_millis(5)) } else { Duration::ZERO };
        self.count += 1;
        let due = Instant::now() + delay + extra;
        self.waiting.push(Waiting { due, number: self.count, bytes: datagram.to_vec() });
    }

    fn deliver(&mut self, now: Instant) {
        while self.waiting.peek().is_some_and(|next| next.due <= now) {
            if let Some(next) = self.waiting.pop() {
                // What the system refuses counts as lost, as on any network.
                let _ = self.to.send_to(&next.bytes, self.destination);
            }
        }
    }
}
