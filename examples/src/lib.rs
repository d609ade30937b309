//! The pieces that several example programs share: they are short, and meant to be copied.
#![forbid(unsafe_code)]

pub mod capture;
pub mod media;
pub mod proxy;
