#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod association;
pub mod cause;
pub mod channel;
pub mod chunk;
mod config;
mod cookie;
mod error;
mod event;
mod lazy;
pub mod packet;
pub mod param;
mod procedure;
mod random;
mod receive;
mod rto;
mod send;
mod serial;
mod snapshot;
mod state;
mod stats;
mod table;
mod tcb;
mod wire;

pub use association::{Association, Input, Reliability, ResetError, SendError, SendOptions, Transmit};
pub use config::{Config, Controller, Scheduling};
pub use error::{ParseError, ParseErrorKind};
pub use event::{CloseReason, Event};
pub use procedure::snap::SnapError;
pub use receive::reassembly::{Part, PartEnd, Received};
pub use snapshot::{Snapshot, SnapshotError, SnapshotRefusal};
pub use state::AssociationState;
pub use stats::Stats;
