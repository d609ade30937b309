//! Virtual clock, simulated network, harness and laws for the nomagic crates.
#![forbid(unsafe_code)]
