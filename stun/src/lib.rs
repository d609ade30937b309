#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod attribute;
#[cfg(feature = "std")]
mod binding;
mod build;
mod error;
#[cfg(feature = "std")]
mod estimate;
mod integrity;
mod kind;
mod message;
pub mod rto;
#[cfg(feature = "std")]
mod transaction;
#[cfg(feature = "std")]
pub mod turn;
mod wire;

pub use attribute::{Attribute, RawAttribute};
#[cfg(feature = "std")]
pub use binding::{
    BindingClient, BindingConfig, BindingEvent, BindingOutcome, Input, ShortTermCredential, StartError,
    Stats, Transmit,
};
pub use build::{MessageBuilder, MessageTooLong, Open, Sealed, Signed, SignedSha256};
pub use error::{Kind, ParseError};
pub use integrity::{IntegrityError, IntegrityKey};
pub use kind::{AttributeType, Class, ErrorCode, MessageType, Method, PasswordAlgorithm, TransactionId};
pub use message::{Attributes, HEADER_LEN, MAGIC_COOKIE, Message, is_stun};
