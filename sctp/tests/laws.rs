//! The laws of the test kit.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::channel::{ChannelOptions, Channels, Role};
use nomagic_sctp::{Association, Config, SendOptions};
use nomagic_testkit::clock::origin;
use nomagic_testkit::laws::Subject;
use nomagic_testkit::rng;

#[test]
fn an_association_keeps_all_laws() {
    let make = |seed: u64| {
        let [mut a, mut z] = [1, 2].map(|k| Association::new(Config::default(), &mut rng(seed * 4 + k)));
        for end in [&mut a, &mut z] {
            end.connect(origin());
            for k in 0..8 {
                end.send(origin(), k % 3, pattern(3000, k as u8), SendOptions::default()).unwrap();
            }
        }
        (End(a), End(z))
    };
    let done = |a: &End<Association>, z: &End<Association>| {
        [a, z].iter().all(|end| {
            end.buffered_amount_total() == 0
                && end.stats().outstanding == 0
                && end.stats().data_chunks_sent > 0
        })
    };
    Subject { make: &make, done: &done, memory: 6 << 20 }.keeps_all_laws();
}

#[test]
fn data_channels_keep_all_laws() {
    let make = |seed: u64| {
        let [mut a, mut z] = [1, 2].map(|k| Channels::new(Config::default(), &mut rng(seed * 4 + k)));
        a.connect(origin(), Role::Client);
        z.connect(origin(), Role::Server);
        a.open(origin(), "one", ChannelOptions::default()).unwrap();
        z.open(origin(), "two", ChannelOptions::default()).unwrap();
        (End(a), End(z))
    };
    let done = |a: &End<Channels>, z: &End<Channels>| a.iter().count() == 2 && z.iter().count() == 2;
    Subject { make: &make, done: &done, memory: 6 << 20 }.keeps_all_laws();
}
