//! What can be wrong with text from the peer, and with what the caller asks.

/// Text that is not a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at octet {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: Kind,
    /// Octets from the start of the text to the fault.
    pub offset: usize,
}

/// The ways in which a candidate line can be malformed; RFC 8839 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The line ends before this field.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The foundation has not 1 to 32 letters, digits, `+` or `/`.
    #[error("foundation is not 1 to 32 of the characters allowed")]
    Foundation,
    /// Not a number from 1 to 256.
    #[error("component is not a number from 1 to 256")]
    Component,
    /// Not a number from 1 to 2^31 - 1; RFC 8445 section 5.1.2.
    #[error("priority is not a number from 1 to 2147483647")]
    Priority,
    /// Not a number from 0 to 65535.
    #[error("port is not a number from 0 to 65535")]
    Port,
    /// The word `typ` is not where it belongs.
    #[error("expected \"typ\"")]
    Typ,
    /// A field holds a control character.
    #[error("control character in a field")]
    Control,
    /// Longer than is read.
    #[error("line has {found} octets, at most {maximum} are read")]
    TooLong {
        /// Octets of the line.
        found: usize,
        /// Octets that are read.
        maximum: usize,
    },
}

/// Credentials that break the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user fragment has this many characters.
    #[error("user fragment has {0} characters, 4 to 256 allowed")]
    UfragLength(usize),
    /// The password has this many characters.
    #[error("password has {0} characters, 22 to 256 allowed")]
    PasswordLength(usize),
    /// Something other than a letter, a digit, `+` or `/`.
    #[error("user fragment or password holds a character that is not allowed")]
    Character,
}

/// Why an address cannot be a candidate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// Port 0.
    #[error("port is 0")]
    Port,
    /// The unspecified address, multicast or broadcast.
    #[error("address is not a host's")]
    NotUnicast,
    /// A loopback address, and [`crate::Config::loopback`] is off; RFC 8445 section 5.1.1.1.
    #[error("loopback addresses are not allowed by the configuration")]
    Loopback,
    /// A deprecated form of IPv6 address: IPv4-compatible, IPv4-mapped or site-local; RFC 8445 section 5.1.1.1.
    #[error("deprecated form of IPv6 address")]
    Deprecated,
}

/// Why a local candidate was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddLocalError {
    /// The address is of no use.
    #[error("{0}")]
    Unusable(#[from] Unusable),
    /// The base is not a host or relayed candidate added before.
    #[error("the base is not a candidate of this agent")]
    Base,
    /// The kind cannot be added: peer-reflexive candidates are learnt, and others are unknown.
    #[error("candidates of this kind cannot be added")]
    Kind,
    /// A candidate with this address and base is there already.
    #[error("candidate is there already")]
    Redundant,
    /// [`crate::Config::max_local`] is reached.
    #[error("{limit} local candidates are there, no more are kept")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The agent is closed.
    #[error("the agent is closed")]
    Closed,
}

/// Why a STUN server was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddServerError {
    /// The base is not a host candidate added before, or is of the other address family.
    #[error("the base is not a host candidate of the server's address family")]
    Base,
    /// [`crate::Config::max_servers`] is reached.
    #[error("{limit} servers are asked, no more are kept")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The agent is closed.
    #[error("the agent is closed")]
    Closed,
}

/// Why a remote candidate was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddRemoteError {
    /// The address is a name. Resolve it and add [`crate::Candidate::with_ip`]; a name that ends in `.local` is mDNS.
    #[error("address is a name, which the caller must resolve")]
    Name,
    /// Only UDP is spoken.
    #[error("transport is not UDP")]
    Transport,
    /// Only component 1 is used: RTP and RTCP share it, RFC 5761.
    #[error("component is {0}, only 1 is used")]
    Component(u16),
    /// A kind this crate does not know; RFC 8839 section 5.1 says to ignore it.
    #[error("kind of candidate is unknown")]
    Kind,
    /// The address is of no use.
    #[error("{0}")]
    Unusable(#[from] Unusable),
    /// The candidate's `ufrag` is not the one in force: it belongs to another generation.
    #[error("candidate is of another generation")]
    Generation,
    /// The peer has said that there are no more; RFC 8838 section 14.
    #[error("the peer has announced the end of its candidates")]
    Ended,
    /// [`crate::Config::max_remote`] is reached.
    #[error("{limit} remote candidates are there, no more are kept")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The agent is closed.
    #[error("the agent is closed")]
    Closed,
}

/// Why remote credentials were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteCredentialsError {
    /// Others are in force: the peer restarts, so call [`crate::Agent::restart`] first.
    #[error("other remote credentials are in force, restart first")]
    InForce,
    /// They are our own: the signalling has looped back.
    #[error("the remote credentials are our own")]
    OwnEcho,
    /// The agent is closed.
    #[error("the agent is closed")]
    Closed,
}
