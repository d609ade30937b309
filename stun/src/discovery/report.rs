//! What a discovery finds.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::binding::BindingOutcome;

/// How a NAT chooses the outer address; RFC 4787 section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NatMapping {
    /// One for each inner address, whoever is sent to.
    EndpointIndependent,
    /// One for each outer IP address that is sent to.
    AddressDependent,
    /// One for each outer address and port that is sent to.
    AddressAndPortDependent,
}

/// Whom a NAT or firewall lets in; RFC 4787 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NatFiltering {
    /// Everybody.
    EndpointIndependent,
    /// Those at an IP address that has been sent to.
    AddressDependent,
    /// Those at an address and port that has been sent to.
    AddressAndPortDependent,
}

macro_rules! kind_display {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    Self::EndpointIndependent => "endpoint-independent",
                    Self::AddressDependent => "address-dependent",
                    Self::AddressAndPortDependent => "address-and-port-dependent",
                })
            }
        }
    };
}
kind_display!(NatMapping);
kind_display!(NatFiltering);

/// How long a binding lasts without traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingLifetime {
    /// After this time it was still there.
    pub at_least: Duration,
    /// After this time it was gone; `None` if it outlasted the search.
    pub less_than: Option<Duration>,
}

/// What is known of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finding<T> {
    /// Not tried, or not yet.
    #[default]
    Untested,
    /// This.
    Known(T),
    /// The server does not offer the test.
    Unsupported,
    /// The server fell silent, though it should have answered.
    Unanswered,
}

impl<T: Copy> Finding<T> {
    /// What is known.
    pub fn known(&self) -> Option<T> {
        if let Self::Known(value) = self { Some(*value) } else { None }
    }
}

/// What has been found so far. It holds for the moment and for these two sockets; RFC 5780 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NatReport {
    /// How the first request ended; all else needs an address.
    pub contact: Option<BindingOutcome>,
    /// Our first socket, seen from outside.
    pub mapped: Option<SocketAddr>,
    /// Whether that is another address than our own; RFC 5780 section 4.3.
    pub translated: bool,
    /// The server's other address and port.
    pub other: Option<SocketAddr>,
    /// How the NAT maps; RFC 5780 section 4.3. Without translation endpoint-independent.
    pub mapping: Finding<NatMapping>,
    /// How the NAT or a firewall filters; section 4.4.
    pub filtering: Finding<NatFiltering>,
    /// Whether hosts behind the NAT reach each other by their outer addresses; section 3.4. Untested without a NAT. Where
    /// the mapping depends on the far end, `false` may mean that its filter keeps them apart.
    pub hairpinning: Finding<bool>,
    /// Whether datagrams in fragments pass both ways; section 3.5.
    pub fragments: Finding<bool>,
    /// Whether something on the way rewrites addresses in payloads; section 3.6.
    pub rewriting: Finding<bool>,
    /// How long a binding lasts; section 4.6.
    pub lifetime: Finding<BindingLifetime>,
}
