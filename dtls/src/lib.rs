#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as nomagic_dtls;

mod alert;
mod certificate;
mod client;
mod config;
mod connection;
mod context;
mod cookie;
mod crypto;
mod error;
mod event;
pub mod extension;
mod flight;
mod gate;
pub mod handshake;
mod input;
mod keys;
mod layer;
mod observe;
mod pre_shared_key;
mod reassembly;
pub mod record;
mod replay;
mod server;
mod session;
mod srtp;
mod stats;
mod summary;
mod wire;

pub use alert::{Alert, AlertDescription, AlertLevel};
pub use certificate::{
    Fingerprint, FingerprintError, HashAlgorithm, Identity, IdentityError, PeerCertificates, Rejection,
    UnixTime, Verifier,
};
pub use config::{Config, KeyLog};
pub use connection::{Connection, Transmit};
pub use crypto::provider::{
    AeadKey, Backend, Bulk, KeyShare, KnownAnswerError, Provider, Signer, check_known_answers,
};
pub use crypto::{CipherSuite, NamedGroup, SignatureScheme};
pub use error::{ExportError, Kind, ParseError, SealError};
pub use event::{CloseReason, Connected, Event};
pub use extension::{ConnectionId, SrtpProfile};
pub use gate::{Admission, CookieGate, GateConfig, GateStats, Verdict};
pub use input::{Input, Payloads};
pub use keys::Role;
pub use observe::Observer;
pub use pre_shared_key::{PreSharedKey, PreSharedKeyError, PreSharedKeys};
pub use session::{Session, SessionCache};
pub use srtp::{SrtpKey, SrtpKeys};
pub use stats::Stats;
pub use summary::Summary;
pub use wire::U16List;
