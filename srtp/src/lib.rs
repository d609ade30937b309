#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod derive;
mod error;
mod header;
mod index;
mod key;
mod profile;
mod receiver;
mod replay;
mod sender;
mod streams;
mod suite;

pub use error::{KeyError, ProtectError, SetIndexError, UnprotectError};
pub use key::{MasterKey, split_keying_material};
pub use profile::Profile;
pub use receiver::{Receiver, ReceiverConfig, ReceiverStats};
pub use sender::Sender;
