//! What a server is told before it begins.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::server::allowance::UnauthenticatedAnswers;
use crate::server::users::Users;
use crate::turn::PeerPolicy;

/// How a [`super::Server`] serves. A server without relays or without users serves nobody.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Who may have allocations, and the realm.
    pub users: Users,
    /// The addresses from which it relays; of several in a family one is picked at random for each allocation.
    pub relays: Vec<RelayRange>,
    /// Whom it relays to. Default: hosts on the open internet only.
    pub peers: PeerPolicy,
    /// What it calls itself in SOFTWARE, at most 127 characters; empty for nothing. Default `nomagic`.
    pub software: String,
    /// How long an allocation lasts if its client asks for nothing longer; seconds, default 600, RFC 8656 section 6.
    pub default_lifetime: Duration,
    /// The longest an allocation lasts unless refreshed; seconds, default 3600, RFC 8656 section 7.2.
    pub max_lifetime: Duration,
    /// How long a nonce is good; default 1800 s, at most an hour by RFC 8656 section 5.
    pub nonce_lifetime: Duration,
    /// Allocations in all; default 10,000. Beyond, clients get 508.
    pub allocations: usize,
    /// Allocations and reservations of one user; default 16. Beyond, the user gets 486. With passwords made for a time,
    /// `TIME:NAME`, those of a name count together.
    pub allocations_per_user: usize,
    /// Allocations of one client address, whatever the user; default 256. Beyond, clients get 486.
    pub allocations_per_address: usize,
    /// Permissions of one allocation; default 64. Beyond, the client gets 508.
    pub permissions: usize,
    /// Channels of one allocation; default 64. Beyond, the client gets 508.
    pub channels: usize,
    /// Connections to peers of one TCP allocation; default 16. Beyond, the client gets 508.
    pub connections: usize,
    /// Octets a second that one allocation relays, both ways together; what comes beyond is dropped. Default none.
    pub bandwidth: Option<u64>,
    /// What it tells those who have proved nothing.
    pub unauthenticated: UnauthenticatedAnswers,
    /// Octets of answers that may wait to be polled; default 262,144. Beyond, answers are dropped, as networks do.
    pub waiting: usize,
    /// The caller can set DF on what it sends to peers. Default `false`: DONT-FRAGMENT is then an unknown attribute.
    pub dont_fragment: bool,
    /// TCP to peers (RFC 6062) is offered. Default `true`.
    pub tcp: bool,
    /// Allocations may follow their clients to other addresses (RFC 8016). Default `true`.
    pub mobility: bool,
    /// Lets channels have the numbers of RFC 5766, 0x4000 to 0x7fff, of which RFC 8656 has kept the first quarter. For
    /// clients of that age that pick any of them. Default `false`.
    pub rfc5766_channels: bool,
    /// Sends everybody to another server, with 300. Default none.
    pub alternate: Option<SocketAddr>,
}

impl ServerConfig {
    /// A server for these users, with defaults for the rest; relays are to be added.
    pub fn new(users: Users) -> Self {
        Self {
            users,
            relays: Vec::new(),
            peers: PeerPolicy::new(),
            software: "nomagic".to_owned(),
            default_lifetime: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(1800),
            allocations: 10_000,
            allocations_per_user: 16,
            allocations_per_address: 256,
            permissions: 64,
            channels: 64,
            connections: 16,
            bandwidth: None,
            unauthenticated: UnauthenticatedAnswers::default(),
            waiting: 1 << 18,
            dont_fragment: false,
            tcp: true,
            mobility: true,
            rfc5766_channels: false,
            alternate: None,
        }
    }
}

/// An address of the server's, and the ports there that are the relay's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayRange {
    /// The address, as peers see it.
    pub ip: IpAddr,
    /// The ports, 49152 to 65535 unless said; RFC 8656 section 7.2.
    pub ports: RangeInclusive<u16>,
}

impl From<IpAddr> for RelayRange {
    fn from(ip: IpAddr) -> Self {
        Self { ip, ports: 49_152..=65_535 }
    }
}
