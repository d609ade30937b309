//! Addresses and datagrams at the border.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::candidate::CandidateKind;
use crate::demux::Class;
use crate::pair::PairId;

/// The two ends of a path: which of our sockets, and whose address on the other side.
///
/// The same for both directions: a datagram that arrives on `local` has come from `remote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The base: the address of the socket that sends and receives, or a relayed address.
    pub local: SocketAddr,
    /// The other side's transport address.
    pub remote: SocketAddr,
}

impl Route {
    /// Joins two addresses.
    pub const fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote }
    }

    /// The same route with both addresses in the one form that tables use.
    pub(crate) fn canonical(self) -> Self {
        let local = canonical(self.local);
        Self { local, remote: with_scope_of(canonical(self.remote), local) }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.local, self.remote)
    }
}

/// IPv4 in IPv6's clothes, as dual-stack sockets report it, becomes IPv4; flow labels do not count.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(mut v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => {
                v6.set_flowinfo(0);
                SocketAddr::V6(v6)
            }
        },
    }
}

/// A link-local address means something on one link only: the one our own end is on.
pub(crate) fn with_scope_of(remote: SocketAddr, local: SocketAddr) -> SocketAddr {
    match (remote, local) {
        (SocketAddr::V6(mut far), SocketAddr::V6(near)) if far.ip().is_unicast_link_local() => {
            if far.scope_id() == 0 {
                far.set_scope_id(near.scope_id());
            }
            SocketAddr::V6(far)
        }
        _ => remote,
    }
}

/// A datagram to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// The base to send from: the socket bound to it, or the TURN client that holds the relayed address.
    pub source: SocketAddr,
    /// Whither.
    pub destination: SocketAddr,
    /// ECN codepoint, 0 to 3; always 0 (not ECN-capable).
    pub ecn: u8,
    /// DSCP, 0 to 63; as configured, default 0. RFC 8445 section 7.2.3.
    pub dscp: u8,
}

/// What became of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// ICE's own, or dropped and counted: see [`crate::Stats`].
    Consumed,
    /// Another protocol's datagram, from an address that has proved to be the peer's.
    Payload {
        /// What its first octets claim it to be.
        class: Class,
        /// The datagram.
        payload: &'a mut [u8],
    },
    /// STUN, but not this agent's: an answer to another client's request, a TURN method, or a request for another
    /// agent on the same socket.
    NotMine,
}

/// One end of a pair: its address as the other side sees it, and how that was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// How the address was learnt.
    pub kind: CandidateKind,
    /// The candidate's address; for the local end it can differ from the base, which is what packets are sent from.
    pub address: SocketAddr,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.address)
    }
}

/// The pair that data goes on; RFC 8445 section 8.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectedPair {
    /// The pair's number within this agent.
    pub id: PairId,
    /// Counts restarts, from 0.
    pub generation: u32,
    /// The addresses to send from and to.
    pub route: Route,
    /// Our candidate.
    pub local: Endpoint,
    /// The peer's candidate.
    pub remote: Endpoint,
    /// The pair's priority; RFC 8445 section 6.1.2.3.
    pub priority: u64,
}

impl fmt::Display for SelectedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} generation {}: {} - {}", self.id, self.generation, self.local, self.remote)
    }
}
