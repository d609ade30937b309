//! Between whom messages run, and over what.

use std::fmt;
use std::net::SocketAddr;

/// What carries the messages between client and server; RFC 8489 section 2 and RFC 8656 section 3.1. The caller does TLS and DTLS.
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
