//! What a client is told before it begins.

use std::net::SocketAddr;
use std::time::Duration;

use crate::attribute::{AddressFamily, ReservationToken};
use crate::credential::LongTermCredential;
use crate::rto::Schedule;
use crate::turn::Transport;

/// What a [`super::Client`] asks of which server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The server.
    pub server: SocketAddr,
    /// What carries the messages there.
    pub transport: Transport,
    /// Who asks.
    pub credential: LongTermCredential,
    /// The relayed address that is wanted. Default: for UDP, IPv4, any port.
    pub wanted: Wanted,
    /// How long the allocation is to last between refreshes, if the server's default of ten minutes will not do.
    /// Seconds, 600 or more.
    pub lifetime: Option<Duration>,
    /// Learns with the allocation whether the server can set DF. Default `false`.
    pub dont_fragment: bool,
    /// Asks for a ticket, with which the allocation can follow us to another address (RFC 8016). Default `false`.
    pub mobile: bool,
    /// What we call ourselves in SOFTWARE, at most 127 characters; empty for nothing. Default `nomagic`.
    pub software: String,
    /// When requests are repeated over UDP and DTLS, and given up everywhere; RFC 8489 section 6.2. Once a round trip has
    /// been measured, the first wait over datagrams comes from it.
    pub schedule: Schedule,
    /// Peers' addresses that may be permitted at a time, 1 or more, default 64.
    pub permissions: usize,
    /// Channels bound or cooling down at a time, 1 to 4096, default 64.
    pub channels: usize,
    /// Connections to peers under way or not yet taken, 1 or more, default 16.
    pub connections: usize,
}

impl ClientConfig {
    /// A client of this server, with defaults for the rest.
    pub fn new(server: SocketAddr, transport: Transport, credential: LongTermCredential) -> Self {
        Self {
            server,
            transport,
            credential,
            wanted: Wanted::default(),
            lifetime: None,
            dont_fragment: false,
            mobile: false,
            software: "nomagic".to_owned(),
            schedule: if transport.is_reliable() { Schedule::RELIABLE } else { Schedule::UDP },
            permissions: 64,
            channels: 64,
            connections: 16,
        }
    }
}

/// The relayed address to ask for. What the RFCs forbid to combine cannot be combined here; RFC 8656 section 7.1 and
/// RFC 6062 section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// One address for UDP.
    Udp {
        /// Its family; `None` leaves it to the server, which gives IPv4.
        family: Option<AddressFamily>,
        /// Its port.
        port: Port,
    },
    /// An IPv4 and an IPv6 address for UDP.
    Both {
        /// Both ports are to be even.
        even: bool,
    },
    /// The port that an earlier allocation had reserved.
    Reserved(ReservationToken),
    /// One address for TCP (RFC 6062); the transport to the server must be TCP or TLS.
    Tcp {
        /// Its family; `None` leaves it to the server, which gives IPv4.
        family: Option<AddressFamily>,
    },
}

impl Default for Wanted {
    fn default() -> Self {
        Self::Udp { family: None, port: Port::Any }
    }
}

/// A relayed port; RFC 8656 section 18.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Any.
    Any,
    /// An even one.
    Even,
    /// An even one, and the next one reserved for a second allocation.
    EvenAndNext,
}
