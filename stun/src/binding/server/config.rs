//! What a server is told before it begins.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::credential::ShortTermCredential;
use crate::server::allowance::UnauthenticatedAnswers;
use crate::server::users::Users;

/// How a [`super::BindingServer`] serves. The default answers everybody.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BindingServerConfig {
    /// Who may ask. Default everybody, as RFC 8489 section 12 recommends.
    pub admission: Admission,
    /// The addresses at which it answers for the discovery of a NAT's behaviour (RFC 5780), in twos: one of each family at
    /// most makes sense. Default none; at other addresses it is a plain server.
    pub pairs: Vec<AddressPair>,
    /// What it calls itself in SOFTWARE, at most 127 characters; empty for nothing, which keeps answers short. Default
    /// nothing.
    pub software: String,
    /// How long a nonce is good; seconds, default 1800.
    pub nonce_lifetime: Duration,
    /// Sends everybody who is known to another server, with 300; of each family the first counts. Default none.
    pub alternates: Vec<SocketAddr>,
    /// The name in the certificate of those others; for clients that come over TLS or DTLS. Default none: the same as ours.
    pub alternate_domain: Option<String>,
    /// What it tells those who have proved nothing. Default 65,536 octets beyond those received, and 16,384 a second, for
    /// each network: a plain answer is 12 octets longer than its question.
    pub unauthenticated: UnauthenticatedAnswers,
    /// The most octets of PADDING in an answer: the MTU of the interface; default 1500. No answer has more than its
    /// request.
    pub mtu: u16,
    /// Octets of answers that may wait to be polled; default 262,144, which with their addresses can take a megabyte.
    /// Beyond, answers are dropped, as networks do.
    pub waiting: usize,
}

impl Default for BindingServerConfig {
    fn default() -> Self {
        Self {
            admission: Admission::Everybody,
            pairs: Vec::new(),
            software: String::new(),
            nonce_lifetime: Duration::from_secs(1800),
            alternates: Vec::new(),
            alternate_domain: None,
            unauthenticated: UnauthenticatedAnswers { burst: 1 << 16, per_second: 1 << 14 },
            mtu: 1500,
            waiting: 1 << 18,
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Admission {
    /// Nobody is asked for a password.
    Everybody,
    /// Those with one of these credentials; RFC 8489 section 9.1.
    ShortTerm(Vec<ShortTermCredential>),
    /// Those who are known in a realm; RFC 8489 section 9.2.
    LongTerm(Users),
}

/// Two addresses and two ports of a server, hence four sockets; RFC 5780 section 6.
///
/// They are the addresses that clients see. Where a box in front of the server translates them one to one, the caller says
/// the outer ones, here and in every [`crate::FiveTuple`], and knows which socket is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPair {
    first: SocketAddr,
    second: SocketAddr,
}

/// Two addresses that are no pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// Both must be IPv4 or both IPv6.
    #[error("{0} and {1} are of different families")]
    Family(IpAddr, IpAddr),
    /// The IP addresses must differ.
    #[error("both addresses are {0}")]
    SameAddress(IpAddr),
    /// The ports must differ.
    #[error("both ports are {0}")]
    SamePort(u16),
    /// Neither address nor port can be left open, since answers name them.
    #[error("{0} is not a definite address")]
    Unspecified(SocketAddr),
}

impl AddressPair {
    /// Joins the two addresses with the two ports.
    ///
    /// # Errors
    /// See [`PairError`].
    //= rfc5780#7.4-1
    pub fn new(first: SocketAddr, second: SocketAddr) -> Result<Self, PairError> {
        for address in [first, second] {
            if address.ip().is_unspecified() || address.port() == 0 {
                return Err(PairError::Unspecified(address));
            }
        }
        if first.is_ipv4() != second.is_ipv4() {
            Err(PairError::Family(first.ip(), second.ip()))
        } else if first.ip() == second.ip() {
            Err(PairError::SameAddress(first.ip()))
        } else if first.port() == second.port() {
            Err(PairError::SamePort(first.port()))
        } else {
            Ok(Self { first, second })
        }
    }

    /// The four addresses to listen at, the first pair's first.
    pub fn sockets(&self) -> [SocketAddr; 4] {
        let (first, second) = (self.first, self.second);
        [
            first,
            SocketAddr::new(first.ip(), second.port()),
            SocketAddr::new(second.ip(), first.port()),
            second,
        ]
    }

    /// The other IP address and the other port, seen from one of the four.
    pub(super) fn other(&self, local: SocketAddr) -> Option<SocketAddr> {
        let pick = |own: bool, first, second| if own { second } else { first };
        self.sockets().contains(&local).then(|| {
            let ip = pick(local.ip() == self.first.ip(), self.first.ip(), self.second.ip());
            let port = if local.port() == self.first.port() { self.second.port() } else { self.first.port() };
            SocketAddr::new(ip, port)
        })
    }
}
