//! NATs are told apart, RFC 5780 sections 3 to 5: our client and our server with a NAT in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod behavior;
mod refusals;
mod world;
