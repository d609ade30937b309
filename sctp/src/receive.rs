//! From chunk to SACK and to message.

pub(crate) mod reassembly;
pub(crate) mod tracker;
pub(crate) mod window;
