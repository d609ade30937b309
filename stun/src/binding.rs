//! The Binding method: which address does the server see? RFC 8489 section 3, with what RFC 5780 adds.

mod answer;
mod client;
mod event;
mod request;
mod server;

pub use client::{BindingClient, BindingConfig};
pub use event::{BindingAnswer, BindingEvent, BindingOutcome, Input, StartError, Stats, Transmit};
pub use request::BindingRequest;
pub use server::{
    AddressPair, Admission, BindingServer, BindingServerConfig, BindingServerStats, BindingServerTransmit,
    PairError,
};
