//! TURN's client and server against each other and against requests made by hand. The numbers T9 to T21 are those of the
//! list of tests that follow from other implementations' faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod allocate;
mod attributes;
mod authenticate;
mod by_hand;
mod channels;
mod client;
mod data;
mod flood;
mod laws;
mod mobility;
mod permissions;
mod refresh;
mod tcp;
mod world;
