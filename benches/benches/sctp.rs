//! SCTP: transfers between two ends in memory, on one core, no cryptography; with `--features peers` beside the rivals.
//!
//! `--quick` shows that everything runs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first thing that is wrong, and prints"
)]

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
#[cfg(feature = "peers")]
use nomagic_interop::associations::{Dcsctp, RtcSctp, SctpProto, Talker};
use nomagic_sctp::{Association, Config, SendOptions};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::{clock, rng};

/// Octets given to an association ahead of what it has sent.
const AHEAD: usize = 256 * 1024;

/// An end that sends or counts what it gets.
trait End: Machine {
    fn send(&mut self, now: Instant, message: &Bytes) -> bool;
    fn buffered(&mut self) -> usize;
    fn octets(&mut self) -> usize;
}

/// Ours, without a harness around it.
struct Ours {
    association: Association,
    octets: usize,
}

impl Ours {
    fn new(config: Config, calls: bool, now: Instant) -> Self {
        let mut association = Association::new(config, &mut rng(u64::from(calls)));
        if calls {
            association.connect(now);
        }
        Self { association, octets: 0 }
    }

    fn pull(&mut self, now: Instant) {
        while self.association.poll_event().is_some() {}
        while let Some(message) = self.association.receive(now) {
            self.octets += message.payload.len();
        }
    }
}

impl End for Ours {
    fn send(&mut self, now: Instant, message: &Bytes) -> bool {
        self.association.send(now, 0, message.clone(), SendOptions::default()).is_ok()
    }

    fn buffered(&mut self) -> usize {
        self.association.buffered_amount(0)
    }

    fn octets(&mut self) -> usize {
        self.octets
    }
}

impl Machine for Ours {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.association.handle_input(now, datagram);
        self.pull(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.pull(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.association.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.association.close(now);
    }

    fn is_closed(&self) -> bool {
        self.association.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(_: &[u8]) -> String {
        String::new()
    }
}

#[cfg(feature = "peers")]
struct Rival<T>(T);

#[cfg(feature = "peers")]
impl<T: Talker> Machine for Rival<T> {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.0.handle_input(now, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(_: &[u8]) -> String {
        String::new()
    }
}

#[cfg(feature = "peers")]
impl<T: Talker> End for Rival<T> {
    fn send(&mut self, now: Instant, message: &Bytes) -> bool {
        self.0.send(now, 0, message, false)
    }

    fn buffered(&mut self) -> usize {
        self.0.buffered(0)
    }

    fn octets(&mut self) -> usize {
        self.0.outcome().octets
    }
}

/// Two ends and the time between them. Datagrams arrive in flights: all that one side has to send, then all of the other.
struct Path2<A> {
    a: A,
    z: A,
    now: Instant,
    buffer: Vec<u8>,
    flight: Vec<(usize, usize)>,
    packets: u64,
}

impl<A: End> Path2<A> {
    fn new(make: impl Fn(bool, Instant) -> A) -> Self {
        let now = clock::origin();
        let (a, z) = (make(true, now), make(false, now));
        let mut path = Self { a, z, now, buffer: Vec::new(), flight: Vec::new(), packets: 0 };
        // `sctp-proto` loses what it is given before it is connected.
        while path.exchange(usize::MAX) {}
        path
    }

    /// One flight each way, at most `most` datagrams of ours; `false` if nobody had anything to send.
    fn exchange(&mut self, most: usize) -> bool {
        let there = fly(self.now, &mut self.a, &mut self.z, &mut self.buffer, &mut self.flight, most);
        let back = fly(self.now, &mut self.z, &mut self.a, &mut self.buffer, &mut self.flight, usize::MAX);
        self.packets += (there + back) as u64;
        there + back > 0
    }

    /// Sends so many messages and waits until all have arrived.
    fn transfer(&mut self, message: &Bytes, count: usize, most: usize, ahead: usize) {
        let target = self.z.octets() + message.len() * count;
        let mut sent = 0;
        while self.z.octets() < target {
            while sent < count && self.a.buffered() < ahead && self.a.send(self.now, message) {
                sent += 1;
            }
            if !self.exchange(most) {
                let due = [self.a.poll_timeout(), self.z.poll_timeout()].into_iter().flatten().min();
                self.now = self.now.max(due.unwrap());
                self.a.handle_timeout(self.now);
                self.z.handle_timeout(self.now);
            }
        }
    }
}

/// All that `from` has to send arrives at `to`.
fn fly<A: End>(
    now: Instant,
    from: &mut A,
    to: &mut A,
    buffer: &mut Vec<u8>,
    flight: &mut Vec<(usize, usize)>,
    most: usize,
) -> usize {
    buffer.clear();
    flight.clear();
    while flight.len() < most {
        let start = buffer.len();
        if !from.poll_transmit(now, buffer) {
            break;
        }
        flight.push((start, buffer.len()));
    }
    for &(start, end) in &*flight {
        to.handle_input(now, &mut buffer[start..end]);
    }
    flight.len()
}

/// Datagrams under way at once, as on a path of some length.
const FLIGHT: usize = 32;

fn main() {
    let effort = Effort::from_arguments();
    let mut rows: Vec<Row> = [(100, 10_000), (1024, 2000), (65_536, 32)]
        .into_iter()
        .map(|(size, count)| transfers(size, count, effort))
        .collect();
    rows.push(windows(effort));
    print_table(&rows);
    idle();
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("sctp.json")).unwrap();
}

fn ours() -> Path2<Ours> {
    let mut config = Config::default();
    config.path_mtu = 1160;
    config.receive_window = 4 << 20;
    Path2::new(|calls, now| Ours::new(config.clone(), calls, now))
}

#[cfg(feature = "peers")]
fn rival<T: Talker>() -> Path2<Rival<T>> {
    Path2::new(|calls, now| {
        let mut rival = T::new(calls, now, u64::from(calls));
        rival.outcome().keeps = false;
        Rival(rival)
    })
}

fn transfers(size: usize, count: usize, effort: Effort) -> Row {
    let message = Bytes::from(vec![7; size]);
    let mut ours = ours();
    #[cfg(feature = "peers")]
    let (mut dcsctp, mut proto, mut rtc) = (rival::<Dcsctp>(), rival::<SctpProto>(), rival::<RtcSctp>());
    let mut octets = vec![0; size * count];
    let row = measure(
        &format!("{count} x {size} octets"),
        effort,
        vec![
            Contender::new("ours", || ours.transfer(&message, count, FLIGHT, AHEAD)),
            #[cfg(feature = "peers")]
            Contender::new("dcsctp", || dcsctp.transfer(&message, count, FLIGHT, AHEAD)),
            #[cfg(feature = "peers")]
            Contender::new("sctp-proto", || proto.transfer(&message, count, FLIGHT, AHEAD)),
            #[cfg(feature = "peers")]
            Contender::new("rtc-sctp", || rtc.transfer(&message, count, FLIGHT, AHEAD)),
            // Both ends' copies, and nothing else.
            #[cfg(not(feature = "peers"))]
            Contender::new("two copies", || {
                for part in octets.chunks_mut(size) {
                    part.copy_from_slice(&message);
                }
                octets.clone()
            }),
        ],
    );
    octets.clear();
    let before = ours.packets;
    ours.transfer(&message, count, FLIGHT, AHEAD);
    println!(
        "{count} x {size} octets: {} packets, {} allocations",
        ours.packets - before,
        row.measures[0].allocations
    );
    row
}

/// All of the window is under way at once: what is outstanding must not cost.
fn windows(effort: Effort) -> Row {
    const MESSAGES: usize = 512;
    let message = Bytes::from(vec![7; 65_536]);
    let make = |window: u32| {
        let mut config = Config::default();
        config.path_mtu = 1160;
        config.receive_window = window;
        config.send_buffer = 64 << 20;
        config.controller = nomagic_sctp::Controller::NewReno;
        let mut path = Path2::new(|calls, now| Ours::new(config.clone(), calls, now));
        // Until the congestion window is no limit any more.
        for _ in 0..8 {
            path.transfer(&message, MESSAGES, usize::MAX, 64 << 20);
        }
        path
    };
    let (mut large, mut small) = (make(16 << 20), make(100 << 10));
    measure(
        "32 MiB in windows of",
        effort,
        vec![
            Contender::new("16 MiB", || large.transfer(&message, MESSAGES, usize::MAX, 64 << 20)),
            Contender::new("100 KiB", || small.transfer(&message, MESSAGES, usize::MAX, 64 << 20)),
        ],
    )
}

/// What an association holds that has nothing to do, allocations and itself.
fn idle() {
    let mut path = None;
    let counted = allocation_counter::measure(|| {
        let mut idle = ours();
        let message = Bytes::from(vec![7; 65_536]);
        idle.transfer(&message, 64, FLIGHT, AHEAD);
        // Until the first HEARTBEAT.
        idle.now += std::time::Duration::from_secs(31);
        idle.a.handle_timeout(idle.now);
        idle.z.handle_timeout(idle.now);
        while idle.exchange(usize::MAX) {}
        idle.buffer = Vec::new();
        idle.flight = Vec::new();
        path = Some(idle);
    });
    let held = usize::try_from(counted.bytes_current).unwrap() / 2 + size_of::<Association>();
    println!("an idle association after 4 MiB: {held} octets, of which {} itself", size_of::<Association>());
}
