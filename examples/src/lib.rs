//! The pieces that several example programs share: they are short, and meant to be copied.
#![forbid(unsafe_code)]

pub mod capture;
pub mod dissect;
pub mod ladder;
pub mod media;
pub mod peer;
pub mod proxy;
pub mod script;
pub mod serve;
pub mod udp;
