//! What paths carry on the virtual clock, with a drop-tail queue of one product of bandwidth and delay.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use std::fmt::Write;

use common::*;
use nomagic_sctp::{Association, Config, Controller, SendOptions, Stats};
use nomagic_testkit::bottleneck::Bottleneck;
use nomagic_testkit::link::Link;
use nomagic_testkit::{golden, rng};

/// Mbit/s of each flow over one bottleneck.
fn flows(
    controllers: &[Controller],
    rtt_ms: u64,
    mbit: u64,
    seconds: u32,
    out: fn(Link) -> Link,
) -> Vec<f64> {
    flows_with_stats(controllers, rtt_ms, mbit, seconds, out).0
}

fn flows_with_stats(
    controllers: &[Controller],
    rtt_ms: u64,
    mbit: u64,
    seconds: u32,
    out: fn(Link) -> Link,
) -> (Vec<f64>, Stats) {
    let queue = ((mbit * 125 * rtt_ms) as usize).max(65_536);
    let path = || link(rtt_ms / 2).rate(mbit * 1_000_000, queue);
    let pairs = controllers.iter().zip(1..).map(|(&controller, seed)| {
        let mut config = Config::default();
        config.controller = controller;
        let end = |seed| End(Association::new(config.clone(), &mut rng(seed)));
        (end(2 * seed), end(2 * seed + 1))
    });
    let mut net = Bottleneck::new(pairs.collect(), out(path()), path(), 1);
    let now = net.now();
    net.a.iter_mut().chain(&mut net.z).for_each(|end| end.connect(now));
    let payload = pattern(16 * 1024, 1);
    let mut octets = vec![0usize; controllers.len()];
    net.run_for(seconds * SECOND, |net| {
        let now = net.now();
        for ((a, z), octets) in net.a.iter_mut().zip(&mut net.z).zip(&mut octets) {
            while a.buffered_amount(0) < 1 << 20
                && a.send(now, 0, payload.clone(), SendOptions::default()).is_ok()
            {}
            while let Some(message) = z.receive(now) {
                *octets += message.payload.len();
            }
        }
    });
    let rates = octets.into_iter().map(|n| n as f64 * 8.0 / 1e6 / f64::from(seconds));
    (rates.collect(), net.a[0].stats())
}

fn clean(link: Link) -> Link {
    link
}

/// Of every controller, and of the paths that need no optimised build.
#[test]
fn eight_cells_carry_what_the_golden_file_says() {
    let mut table = String::from("rtt  Mbit/s  path            newreno   cubic   model\n");
    let one: fn(Link) -> Link = |link| link.loss(0.01);
    let five: fn(Link) -> Link = |link| link.loss(0.05);
    let reorder: fn(Link) -> Link = |link| link.reordering(0.02, 12 * MS);
    for (rtt, mbit, name, out) in [
        (10, 10, "clean", clean as fn(Link) -> Link),
        (50, 20, "clean", clean),
        (200, 20, "clean", clean),
        (50, 100, "clean", clean),
        (50, 100, "2 % reordered", reorder),
        (50, 100, "1 % lost", one),
        (50, 10, "5 % lost", five),
        (200, 10, "1 % lost", one),
    ] {
        write!(table, "{rtt:3}  {mbit:6}  {name:14}").unwrap();
        for controller in [Controller::NewReno, Controller::Cubic, Controller::Model] {
            write!(table, "{:8.1}", flows(&[controller], rtt, mbit, 20, out)[0]).unwrap();
        }
        table.push('\n');
    }
    golden!("goodput.txt", table);
}

// Cases 18, 19 and 20.
#[test]
fn the_default_controller_fills_clean_and_reordering_paths() {
    let reorder: fn(Link) -> Link = |link| link.reordering(0.02, 12 * MS);
    for (rtt, mbit, out, least) in [
        (50, 100, clean as fn(Link) -> Link, 90.0),
        (200, 20, clean, 16.0),
        (100, 500, clean, 400.0),
        (50, 100, reorder, 80.0),
    ] {
        let (rates, stats) = flows_with_stats(&[Controller::default()], rtt, mbit, 20, out);
        assert!(rates[0] >= least, "{rtt} ms {mbit} Mbit/s: {rates:?}, {stats:?}");
    }
}

#[test]
fn two_flows_of_one_kind_share_within_40_to_60() {
    for controller in [Controller::NewReno, Controller::Cubic] {
        let rates = flows(&[controller, controller], 50, 20, 60, clean);
        let (sum, least) = (rates[0] + rates[1], rates[0].min(rates[1]));
        println!("{controller:?}: {rates:?}");
        assert!(sum > 16.0 && least >= 0.4 * sum, "{controller:?}: {rates:?}");
    }
}

#[test]
fn cubic_leaves_newreno_a_third() {
    let rates = flows(&[Controller::Cubic, Controller::NewReno], 50, 20, 120, clean);
    println!("cubic and newreno: {rates:?}");
    let sum = rates[0] + rates[1];
    assert!(sum > 16.0 && rates[1] >= sum / 3.0, "{rates:?}");
}
// Case 20, and a model whose rates are those of the path: a rate taken from the wrong transmission floods it.
#[test]
fn the_model_keeps_its_rate_on_clean_and_reordering_paths() {
    let reorder: fn(Link) -> Link = |link| link.reordering(0.02, 12 * MS);
    let (rates, stats) = flows_with_stats(&[Controller::Model], 50, 100, 20, reorder);
    assert!(rates[0] >= 80.0 && stats.retransmissions * 20 < stats.data_chunks_sent, "{rates:?}, {stats:?}");
    let (rates, stats) = flows_with_stats(&[Controller::Model], 200, 20, 20, clean);
    assert!(rates[0] >= 16.0, "{rates:?}, {stats:?}");
}
