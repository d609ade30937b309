//! The pieces that several example programs share.
#![forbid(unsafe_code)]
