//! Payload formats: from frames to packets and back.

mod assembler;
pub mod opus;
pub mod vp8;

pub use assembler::{Assembler, AssemblerStats, Format, Frame};
