//! What a client says to its caller.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::attribute::{AddressFamily, ConnectionId, Icmp, ReservationToken};
use crate::kind::ErrorCode;
use crate::turn::ChannelNumber;

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'d> {
    /// It was for the client.
    Consumed,
    /// Data from a peer; they lie where they came in.
    Payload {
        /// Whence.
        peer: SocketAddr,
        /// The datagram; may be empty.
        data: &'d mut [u8],
    },
    /// It is not from the server, or not TURN.
    NotMine,
}

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// The server. Where it changes, [`Event::Redirected`] says so.
    pub destination: SocketAddr,
    /// Over the connection that the caller has made for this peer's data; `None`: where all else goes.
    pub connection: Option<ConnectionId>,
    /// ECN codepoint, 0 to 3; always 0.
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0.
    pub dscp: u8,
}

/// An allocation, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allocated {
    /// The relayed address, or of two the first.
    pub relayed: SocketAddr,
    /// The second, if both families were wanted and had.
    pub second: Option<SocketAddr>,
    /// Our address as the server sees it.
    pub mapped: SocketAddr,
    /// How long the allocation lasts unless refreshed, which happens by itself.
    pub lifetime: Duration,
    /// Stands for the reserved port.
    pub token: Option<ReservationToken>,
    /// Of two wanted families the one that was not had, and why. With 440 the server will never have it; with 508 ask
    /// again after a minute at the earliest.
    pub missing: Option<(AddressFamily, ErrorCode)>,
}

/// Something has changed. A newer event about the same thing replaces one that nobody has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There is an allocation.
    Allocated(Allocated),
    /// There is none, and this client does not try again by itself.
    Failed(Failure),
    /// The server sends us to another, which is asked by now. Over a stream, connect there; the requests wait.
    Redirected(SocketAddr),
    /// The allocation is gone.
    Lost(Loss),
    /// The server lets this address through.
    Permitted(IpAddr),
    /// The server does not let this address through.
    NotPermitted {
        /// The address.
        ip: IpAddr,
        /// Its error code; `None` if it did not answer.
        code: Option<ErrorCode>,
    },
    /// The channel is bound: from now on data to this peer cost 4 octets.
    Bound {
        /// The peer.
        peer: SocketAddr,
        /// The channel.
        channel: ChannelNumber,
    },
    /// The channel is not bound; data go in Send indications.
    NotBound {
        /// The peer.
        peer: SocketAddr,
        /// Its error code; `None` if it did not answer.
        code: Option<ErrorCode>,
    },
    /// The network says something of what we have sent to a peer.
    Icmp {
        /// The peer; its port may be 0 for not known.
        peer: SocketAddr,
        /// What the network says.
        icmp: Icmp,
    },
    /// The allocation has followed us to our new address.
    Moved,
    /// The server has connected to the peer, or the peer to the server. Connect to the server once more, then call
    /// [`super::Client::bind_connection`], within 30 seconds.
    Connected {
        /// The peer.
        peer: SocketAddr,
        /// Names the connection.
        connection: ConnectionId,
    },
    /// The server could not connect to the peer; ask again after 10 seconds at the earliest.
    NotConnected {
        /// The peer.
        peer: SocketAddr,
        /// Its error code; `None` if it did not answer.
        code: Option<ErrorCode>,
    },
    /// The connection to the server carries the peer's data, and no messages any more.
    Joined(ConnectionId),
    /// It does not.
    NotJoined {
        /// The connection.
        connection: ConnectionId,
        /// The server's error code; `None` if it did not answer.
        code: Option<ErrorCode>,
    },
}

/// Why there is no allocation; RFC 8656 section 7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What happened.
    pub reason: Reason,
    /// What the RFC recommends. [`super::Client::allocate`] holds to it where it is a MUST or a matter of time.
    pub advice: Advice,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The server refused.
    Refused(ErrorCode),
    /// Nobody answered.
    TimedOut,
    /// Answers came, none of them signed with our password: someone on the path interferes, or the server is broken.
    Integrity,
    /// The server wants an algorithm that we do not have, or someone has tampered with its list; RFC 8489 section 9.2.1.
    Algorithms,
    /// The servers send us in a circle, or further than three hops.
    Redirects,
    /// The answer lacks an address, or has one of a family that was not asked for.
    Unusable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(code) => return write!(f, "refused with {code}"),
            Self::TimedOut => "no answer",
            Self::Integrity => "answers that are not signed with our password",
            Self::Algorithms => "a challenge that cannot be met",
            Self::Redirects => "servers that send us in a circle, or too far",
            Self::Unusable => "an answer that makes no sense",
        })
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// The same request to this server will fail again.
    GiveUp,
    /// Ask again, but not before this time has passed.
    Wait(Duration),
    /// Ask from another port of ours. After three, leave the server alone for two minutes.
    OtherPort,
    /// Ask over another transport.
    OtherTransport,
    /// Ask without DONT-FRAGMENT.
    WithoutDontFragment,
    /// Ask without wanting a special port.
    AnyPort,
    /// Ask without a ticket.
    WithoutMobility,
}

/// Why an allocation is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The server knows nothing of it, or refuses to go on.
    Refused(ErrorCode),
    /// The server does not answer any more, or not with a valid signature.
    TimedOut,
    /// A channel is not what we think it is, so nothing can be relied on; RFC 8656 section 12.3. The allocation has been
    /// given back.
    OutOfSync,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(code) => return write!(f, "refused with {code}"),
            Self::TimedOut => "no answer any more",
            Self::OutOfSync => "a channel is not what it was thought to be",
        })
    }
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, repetitions not counted.
    pub requests: u64,
    /// Repetitions sent.
    pub retransmissions: u64,
    /// Answers that ended a request.
    pub answers: u64,
    /// Datagrams sealed for peers.
    pub sent: u64,
    /// Datagrams received from peers.
    pub received: u64,
    /// Dropped: answers whose integrity is missing or wrong.
    pub dropped_integrity: u64,
    /// Dropped: data on a channel that is not ours, or cut short.
    pub dropped_channel: u64,
    /// Dropped: data or word from an address that we have not permitted.
    pub dropped_permission: u64,
    /// Dropped: indications that lack an attribute or hold one that is malformed or not understood.
    pub dropped_malformed: u64,
}

/// Why data cannot be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no allocation, or none any more.
    #[error("there is no allocation")]
    NotAllocated,
    /// The peer's address has not been permitted, or the server has not confirmed it yet.
    #[error("{0} is not permitted, or not yet")]
    NotPermitted(IpAddr),
    /// The allocation is moving to another address of ours; wait for [`Event::Moved`].
    #[error("the allocation is moving")]
    Moving,
    /// In front of the data is less room than the header needs.
    #[error("{needed} octets of headroom are needed, {found} are there")]
    Headroom {
        /// Octets that the header needs; [`crate::turn::HEADROOM`] always suffices.
        needed: usize,
        /// Octets in front of the data.
        found: usize,
    },
    /// The data are longer than a message can carry.
    #[error("{0} octets of data do not fit into a message")]
    TooLong(usize),
}

/// Why something about a peer cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// There is no allocation, or none any more, or one of the other kind.
    #[error("there is no allocation that could do this")]
    NotAllocated,
    /// The allocation has no address of the peer's family.
    #[error("{0} is of another family than the relayed address")]
    Family(IpAddr),
    /// The peer could not be connected to a moment ago; RFC 6062 section 4.3.
    #[error("the peer is to be left alone for {0:?} more")]
    TooSoon(Duration),
    /// As many are in use as the configuration allows, or the last ones are cooling down.
    #[error("{limit} are in use")]
    WouldBlock {
        /// The configured limit.
        limit: usize,
    },
}

/// Why no allocation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocateError {
    /// There is one, or it has been asked for.
    #[error("an allocation exists or has been asked for")]
    Busy,
    /// The server's last answer forbids to ask again.
    #[error("the server will refuse again")]
    GivenUp,
    /// The server's last answer asks to wait.
    #[error("the server wants to be left alone for {0:?} more")]
    TooSoon(Duration),
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// TCP allocations need a stream to the server; RFC 6062 section 4.1.
    #[error("an address for TCP cannot be had over datagrams")]
    Transport,
}

impl Event {
    /// Whether this makes an older event about the same thing old news.
    pub(super) fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (
                Self::Allocated(_) | Self::Failed(_) | Self::Lost(_) | Self::Redirected(_) | Self::Moved,
                Self::Allocated(_) | Self::Failed(_) | Self::Lost(_) | Self::Redirected(_) | Self::Moved,
            ) => true,
            (
                Self::Permitted(ip) | Self::NotPermitted { ip, .. },
                Self::Permitted(other) | Self::NotPermitted { ip: other, .. },
            ) => ip == other,
            (
                Self::Bound { peer, .. } | Self::NotBound { peer, .. },
                Self::Bound { peer: other, .. } | Self::NotBound { peer: other, .. },
            )
            | (Self::Icmp { peer, .. }, Self::Icmp { peer: other, .. })
            | (Self::NotConnected { peer, .. }, Self::NotConnected { peer: other, .. }) => peer == other,
            (
                Self::Joined(connection) | Self::NotJoined { connection, .. },
                Self::Joined(other)
                | Self::NotJoined { connection: other, .. }
                | Self::Connected { connection: other, .. },
            ) => connection == other,
            _ => false,
        }
    }
}
