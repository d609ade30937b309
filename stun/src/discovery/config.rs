//! What a discovery is told before it begins.

use std::net::SocketAddr;
use std::time::Duration;

use crate::credential::Credential;
use crate::rto::Schedule;

/// What a [`super::NatDiscovery`] finds out, and with whose help.
///
/// The sockets should be fresh: what a NAT does depends on what it has let through before; RFC 5780 section 4.1.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiscoveryConfig {
    /// A server that follows RFC 5780.
    pub server: SocketAddr,
    /// The address of our first socket; who has the same from outside is not translated. The IP must be definite.
    pub first: SocketAddr,
    /// The address of our second socket, for hairpinning and the lifetime of bindings.
    pub second: SocketAddr,
    /// When to repeat requests that should be answered; default [`Schedule::UDP`].
    pub schedule: Schedule,
    /// When to repeat requests to which silence is an answer too; default five sendings, the last wait four times the
    /// first: 9.5 s at 500 ms, less where the round trip is known.
    pub silence: Schedule,
    /// Octets of PADDING with which requests travel in fragments; default 1500, RFC 5780 section 5. `None` leaves that test
    /// out.
    pub padding: Option<usize>,
    /// How long a binding's lifetime is looked for; default `None`, not at all, since that takes several times as long.
    pub lifetime: Option<Duration>,
    /// Who asks, where the server wants to know.
    pub credential: Option<Credential>,
    /// What we call ourselves in SOFTWARE, at most 127 characters; default nothing.
    pub software: String,
}

impl DiscoveryConfig {
    /// A discovery with the help of `server`, with defaults for the rest.
    pub fn new(server: SocketAddr, first: SocketAddr, second: SocketAddr) -> Self {
        Self {
            server,
            first,
            second,
            schedule: Schedule::UDP,
            silence: Schedule { attempts: 5, last_wait: 4, ..Schedule::UDP },
            padding: Some(1500),
            lifetime: None,
            credential: None,
            software: String::new(),
        }
    }
}
