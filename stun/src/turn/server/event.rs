//! What a server says to its caller.

use std::net::SocketAddr;

use crate::attribute::ConnectionId;
use crate::turn::{FiveTuple, Protocol};

/// What became of a client's message.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'d> {
    /// It was for the server: answered, carried out, or dropped and counted.
    Consumed,
    /// Data for a peer.
    Payload(Outward<'d>),
    /// It is not TURN.
    NotMine,
}

/// A datagram for a peer: the data lie where they came in.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outward<'d> {
    /// From which relayed address to send.
    pub relayed: SocketAddr,
    /// Whither.
    pub peer: SocketAddr,
    /// The datagram; may be empty.
    pub data: &'d mut [u8],
    /// The client wants DF set; never without [`super::ServerConfig::dont_fragment`].
    pub dont_fragment: bool,
}

/// A message for a client, around a datagram that came from a peer.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inward<'d> {
    /// Whither.
    pub to: FiveTuple,
    /// The message, header and padding included; a slice of the buffer that was handed in.
    pub message: &'d mut [u8],
}

/// A message to send to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// Whither.
    pub to: FiveTuple,
    /// ECN codepoint, 0 to 3; always 0.
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0.
    pub dscp: u8,
}

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Open a socket at this address, for TCP a listening one, and call [`super::Server::relay_opened`]. Both ports of a
    /// pair are asked for, one event each.
    Open {
        /// The address.
        relayed: SocketAddr,
        /// The kind of socket.
        protocol: Protocol,
    },
    /// Close the socket at this address, and with TCP everything that was accepted there.
    Close {
        /// The address.
        relayed: SocketAddr,
        /// The kind of socket.
        protocol: Protocol,
    },
    /// Connect from `relayed` to `peer`, and call [`super::Server::connected`].
    Connect {
        /// Names the connection.
        connection: ConnectionId,
        /// The local end.
        relayed: SocketAddr,
        /// The remote end.
        peer: SocketAddr,
    },
    /// From now on copy octets both ways between the client's connection and the peer's. Nothing that the client sends
    /// behind the request that led here is a message, and what the peer has sent so far comes first.
    Join {
        /// The peer's connection.
        connection: ConnectionId,
        /// The client's.
        client: FiveTuple,
    },
    /// Close the peer's connection, or give up connecting.
    Disconnect {
        /// The peer's connection.
        connection: ConnectionId,
    },
    /// Close the client's connection.
    Hangup {
        /// The client's connection.
        client: FiveTuple,
    },
}

/// Plain counters, never reset, but for `allocations`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Allocations at this moment.
    pub allocations: usize,
    /// Allocations made so far.
    pub allocated: u64,
    /// Requests answered with an error other than a challenge.
    pub refused: u64,
    /// Requests answered with 401 or 438.
    pub challenged: u64,
    /// Datagrams relayed to peers.
    pub to_peers: u64,
    /// Octets in them.
    pub to_peers_octets: u64,
    /// Datagrams relayed to clients.
    pub to_clients: u64,
    /// Octets in them.
    pub to_clients_octets: u64,
    /// Dropped: answers beyond what may wait, or beyond what those who have proved nothing are sent.
    pub dropped_answers: u64,
    /// Dropped: data from a client without an allocation, on a channel that is not bound, or cut short.
    pub dropped_unbound: u64,
    /// Dropped: data to or from a peer without a permission, or to one that the policy refuses.
    pub dropped_permission: u64,
    /// Dropped: data beyond the bandwidth of their allocation.
    pub dropped_bandwidth: u64,
    /// Dropped: Send indications that lack an attribute or hold one that is malformed or not understood.
    pub dropped_malformed: u64,
}
