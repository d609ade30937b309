//! TURN: addresses on a server, from which data are relayed; RFC 8656, with TCP allocations (RFC 6062) and mobility
//! (RFC 8016).

mod channel;
mod client;
mod indication;
mod policy;
mod server;
mod stream;

use std::fmt;
use std::net::SocketAddr;

pub use channel::{CHANNEL_HEADER_LEN, ChannelData, ChannelNumber, is_channel_data};
pub use client::{
    Advice, AllocateError, Allocated, Client, ClientConfig, Event as ClientEvent, Failure,
    Input as ClientInput, LongTermCredential, Loss, PeerError, Port, Reason, Sealed, SendError,
    Stats as ClientStats, Transmit as ClientTransmit, Wanted,
};
pub use indication::{HEADROOM, TAILROOM};
pub use policy::{PeerPolicy, Prefix, PrefixError};
pub use server::{
    Event as ServerEvent, Input as ServerInput, Inward, Outward, RelayRange, Server, ServerConfig,
    Stats as ServerStats, Transmit as ServerTransmit, UnauthenticatedAnswers, Users, UsersError,
};
pub use stream::{NotTurn, next_message};

use crate::attribute::AddressFamily;

/// What carries the messages between client and server; RFC 8656 section 3.1. The caller does TLS and DTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Each datagram holds one message.
    Udp,
    /// A stream of messages; what is handed in and out is one message each.
    Tcp,
    /// The same over TLS.
    Tls,
    /// Datagrams over DTLS.
    Dtls,
}

impl Transport {
    /// Whether messages arrive once and in order, so that they are not repeated, and ChannelData is padded.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }
}

/// The protocol between the server and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 8656.
    Udp,
    /// RFC 6062.
    Tcp,
}

/// Both ends of what runs between client and server, and what runs there, as the server sees them; RFC 8656 section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiveTuple {
    /// The client, after all NATs.
    pub client: SocketAddr,
    /// The server's address at which the message came in.
    pub server: SocketAddr,
    /// What carries the messages.
    pub transport: Transport,
}

impl fmt::Display for FiveTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} by {:?}", self.client, self.server, self.transport)
    }
}

/// The family of an address.
pub(crate) const fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 }
}
