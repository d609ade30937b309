#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod build;
mod error;
pub mod extension;
mod packet;
pub mod payload;
pub mod rtcp;
pub mod sequence;
#[cfg(feature = "std")]
mod session;
mod wire;

pub use build::PacketBuilder;
pub use error::{Kind, ParseError};
pub use packet::{Packet, is_rtcp, set_marker, set_payload_type, set_sequence, set_ssrc, set_timestamp};
#[cfg(feature = "std")]
pub use session::{
    CommandError, Event, NtpTime, Received, Session, SessionConfig, SourceReport, Stats, StreamReport,
    Transmit,
};
