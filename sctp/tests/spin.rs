//! A host that does nothing but what it is told by `poll_timeout` comes to rest while time stands still, in every state
//! and whatever was said; so does one that hands all packets over at once.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::time::{Duration, Instant};

use common::*;
use nomagic_sctp::{Association, Config, Controller, Reliability, Scheduling, SendOptions};
use nomagic_testkit::clock::origin;
use nomagic_testkit::rng;
use rand::Rng;

/// How many deadlines may be due at one instant, one after the other: as many as there are timers.
const MOST: usize = 12;

/// Follows `poll_timeout` until nothing is due, and nothing else.
fn follow(end: &mut Association, now: Instant, what: &str) {
    for _ in 0..MOST {
        if end.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        end.handle_timeout(now);
    }
    panic!("{what}: a deadline stays due in {:?}: {:?}", end.state(), end.stats());
}

fn config(seed: u64) -> Config {
    let mut config = Config::default();
    config.controller = [Controller::Cubic, Controller::NewReno, Controller::Model][(seed % 3) as usize];
    config.scheduling = [Scheduling::WeightedFair, Scheduling::RoundRobin][(seed / 3 % 2) as usize];
    config.interleaving = (seed / 6).is_multiple_of(2);
    if seed % 4 == 1 {
        config.max_path_mtu = Some(1400);
    }
    if seed % 5 == 1 {
        // All timers as short as they get.
        (config.rto_min, config.rto_initial, config.rto_max) =
            (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        (config.sack_delay, config.heartbeat_interval) = (Duration::ZERO, Duration::ZERO);
        (config.shutdown_timeout, config.linger) = (Duration::ZERO, Duration::ZERO);
    }
    if seed % 7 == 1 {
        (config.receive_window, config.max_receive_message) = (20_000, 10_000);
        config.partial_delivery_point = Some(1000);
    }
    config
}

/// Two ends, what is on its way to each, and dice.
struct Table {
    ends: [Association; 2],
    wire: [Vec<Vec<u8>>; 2],
    now: Instant,
    dice: rand::rngs::ChaCha20Rng,
}

impl Table {
    fn roll(&mut self, sides: u32) -> u32 {
        self.dice.next_u32() % sides
    }

    /// Something happens to one of the ends.
    fn turn(&mut self) -> &'static str {
        let now = self.now;
        let side = self.roll(2) as usize;
        let stream = self.roll(5) as u16;
        match self.roll(40) {
            0..=5 => {
                let size = 1 + self.roll(6000) as usize;
                let reliability = match self.roll(3) {
                    0 => Reliability::Reliable,
                    1 => Reliability::MaxRetransmits(self.roll(3) as u16),
                    _ => Reliability::Lifetime(self.roll(300) * MS),
                };
                let unordered = self.roll(3) == 0;
                let options = SendOptions { ppid: 1, unordered, reliability };
                self.ends[side].send(now, stream, pattern(size, 1), options).ok();
                "send"
            }
            6 => {
                self.ends[side].reset_streams(now, &[stream]).ok();
                "reset"
            }
            7 => {
                let octets = 400 + self.roll(1000) as usize;
                self.ends[side].set_path_mtu(octets);
                "path mtu"
            }
            8 => {
                self.ends[side].path_changed(now);
                "path changed"
            }
            9 if self.roll(30) == 0 => {
                self.ends[side].shutdown(now);
                "shutdown"
            }
            10 if self.roll(60) == 0 => {
                self.ends[side].abort(now);
                "abort"
            }
            11 => {
                let old =
                    std::mem::replace(&mut self.ends[side], Association::new(Config::default(), &mut rng(9)));
                self.ends[side] = match old.into_snapshot(now) {
                    Ok(snapshot) => {
                        Association::restore(Config::default(), now, &snapshot, &mut rng(10)).unwrap()
                    }
                    Err((back, _)) => *back,
                };
                "snapshot"
            }
            12..=25 => {
                let mut out = Vec::new();
                if self.ends[side].poll_transmit(now, &mut out).is_some() && self.roll(6) > 0 {
                    self.wire[1 - side].push(out);
                }
                "transmit"
            }
            26..=33 => {
                let count = self.wire[side].len() as u32;
                if count > 0 {
                    let at = if self.roll(4) == 0 { self.roll(count) } else { 0 };
                    let mut packet = self.wire[side].remove(at as usize);
                    if self.roll(12) == 0 {
                        self.wire[side].push(packet.clone());
                    }
                    self.ends[side].handle_input(now, &mut packet);
                }
                "input"
            }
            34 => {
                while self.ends[side].receive_part(now).is_some() {}
                "receive"
            }
            35..=37 => {
                let next = self.ends.iter().filter_map(Association::poll_timeout).min();
                self.now = next.map_or(now, |at| at.max(now));
                "deadline"
            }
            _ => {
                let time = self.roll(50) * MS;
                self.now += time;
                "time"
            }
        }
    }

    /// Hands everything over, both ways, without any time passing, until both are silent.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            let mut any = false;
            for side in 0..2 {
                let mut out = Vec::new();
                if self.ends[side].poll_transmit(self.now, &mut out).is_some() {
                    self.ends[1 - side].handle_input(self.now, &mut out);
                    any = true;
                }
                while self.ends[side].receive_part(self.now).is_some() {}
                follow(&mut self.ends[side], self.now, "settle");
            }
            if !any {
                return;
            }
        }
        panic!("the two never fall silent: {:?}", self.ends.each_ref().map(Association::stats));
    }
}

#[test]
fn a_host_that_follows_deadlines_comes_to_rest_while_time_stands_still() {
    let mut states = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let ends = [1, 2].map(|k| Association::new(config(seed), &mut rng(seed * 2 + k)));
        let mut table = Table { ends, wire: [Vec::new(), Vec::new()], now: origin(), dice: rng(seed + 1000) };
        table.ends[0].connect(table.now);
        if seed % 2 == 0 {
            table.ends[1].connect(table.now);
        }
        for turn in 0..1500 {
            let what = table.turn();
            for side in 0..2 {
                follow(&mut table.ends[side], table.now, what);
                states.insert(format!("{:?}", table.ends[side].state()));
            }
            if turn % 400 == 399 {
                table.settle();
            }
        }
    }
    assert_eq!(states.len(), 9, "every state is seen: {states:?}");
}
