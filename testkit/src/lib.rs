#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "it serves tests, which fail by panicking"
)]

pub mod alloc;
pub mod bottleneck;
pub mod clock;
pub mod golden;
pub mod ladder;
pub mod laws;
pub mod link;
pub mod machine;
pub mod nat;
pub mod net;
pub mod pair;
pub mod pipe;
pub mod requirements;
pub mod vectors;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

/// The generator that a seed gives: the same numbers on every run.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
