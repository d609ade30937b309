#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod config;
mod cryptex;
mod derive;
pub mod double;
mod error;
mod extensions;
mod forward;
mod header;
mod index;
mod key;
mod keys;
mod profile;
pub mod provider;
mod receiver;
mod replay;
mod sender;
pub mod sframe;
mod snapshot;
mod streams;
mod suite;

pub use config::{ReceiverConfig, SenderConfig, WhenFull};
pub use cryptex::Cryptex;
pub use error::{AddKeyError, KeyError, ProtectError, SetIndexError, UnprotectError, UnsuitedProfile};
pub use extensions::ExtensionIds;
pub use forward::Forward;
pub use header::is_rtcp;
pub use key::{Lifetime, MasterKey, split_keying_material};
pub use profile::Profile;
pub use provider::Backend;
pub use receiver::{Receiver, ReceiverStats};
pub use sender::Sender;
pub use snapshot::{Snapshot, SnapshotError};
