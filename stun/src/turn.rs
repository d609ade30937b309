#![doc = include_str!("../TURN.md")]

mod channel;
mod client;
mod indication;
mod policy;
mod server;
mod stream;

use std::net::SocketAddr;

pub use crate::credential::LongTermCredential;
pub use crate::five_tuple::{FiveTuple, Transport};
pub use crate::server::allowance::UnauthenticatedAnswers;
pub use crate::server::users::{Users, UsersError};
pub use channel::{CHANNEL_HEADER_LEN, ChannelData, ChannelNumber, is_channel_data};
pub use client::{
    Advice, AllocateError, Allocated, Client, ClientConfig, Event as ClientEvent, Failure,
    Input as ClientInput, Loss, PeerError, Port, Reason, Sealed, SendError, Stats as ClientStats,
    Transmit as ClientTransmit, Wanted,
};
pub use indication::{HEADROOM, TAILROOM};
pub use policy::{PeerPolicy, Prefix, PrefixError};
pub use server::{
    Event as ServerEvent, Input as ServerInput, Inward, Outward, RelayRange, Server, ServerConfig,
    Stats as ServerStats, Transmit as ServerTransmit,
};
pub use stream::{NotTurn, next_message};

use crate::attribute::AddressFamily;

/// The protocol between the server and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 8656.
    Udp,
    /// RFC 6062.
    Tcp,
}

/// The family of an address.
pub(crate) const fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 }
}
