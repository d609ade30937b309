#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod attribute;
#[cfg(feature = "std")]
mod binding;
mod build;
#[cfg(feature = "std")]
mod credential;
#[cfg(feature = "std")]
pub mod discovery;
mod error;
#[cfg(feature = "std")]
mod estimate;
#[cfg(feature = "std")]
mod five_tuple;
mod integrity;
mod kind;
mod message;
mod nonce;
mod opaque;
pub mod rto;
#[cfg(feature = "std")]
mod server;
#[cfg(feature = "std")]
mod session;
#[cfg(feature = "std")]
mod transaction;
#[cfg(feature = "std")]
pub mod turn;
mod wire;

pub use attribute::{Attribute, RawAttribute};
#[cfg(feature = "std")]
pub use binding::{
    AddressPair, Admission, BindingAnswer, BindingClient, BindingConfig, BindingEvent, BindingOutcome,
    BindingRequest, BindingServer, BindingServerConfig, BindingServerStats, BindingServerTransmit, Input,
    PairError, StartError, Stats, Transmit,
};
pub use build::{MessageBuilder, MessageTooLong, Open, Sealed, Signed, SignedSha256};
#[cfg(feature = "std")]
pub use credential::{Credential, CredentialError, Integrity, LongTermCredential, ShortTermCredential};
pub use error::{Kind, ParseError};
#[cfg(feature = "std")]
pub use five_tuple::{FiveTuple, Transport};
pub use integrity::{IntegrityError, IntegrityKey};
pub use kind::{AttributeType, Class, ErrorCode, MessageType, Method, PasswordAlgorithm, TransactionId};
pub use message::{Attributes, HEADER_LEN, MAGIC_COOKIE, Message, is_stun};
pub use nonce::SecurityFeatures;
pub use opaque::{OpaqueStringError, opaque_string};
#[cfg(feature = "std")]
pub use server::allowance::UnauthenticatedAnswers;
#[cfg(feature = "std")]
pub use server::users::{Users, UsersError};
