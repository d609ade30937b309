#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod check_list;
mod config;
mod credentials;
pub mod demux;
mod error;
mod event;
mod local;
mod message;
mod pair;
pub mod priority;
mod remote;
mod report;
mod route;
mod session;
mod stats;
mod transaction;

pub use agent::Agent;
pub use candidate::{Address, Candidate, CandidateKind, TcpType, Transport};
pub use config::{Config, Nomination, Role};
pub use credentials::Credentials;
pub use error::{
    AddLocalError, AddRemoteError, AddServerError, CredentialsError, Kind, ParseError,
    RemoteCredentialsError, Unusable,
};
pub use event::{Event, FailReason, SelectionReason, State};
pub use local::LocalCandidate;
pub use pair::{PairId, PairState, PairStats, Trouble};
pub use report::Diagnosis;
pub use route::{Endpoint, Input, Route, SelectedPair, Transmit};
pub use stats::Stats;
