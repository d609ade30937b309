//! Candidates as they are signalled; RFC 8839 section 5.1.

mod parse;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::credentials::is_ice_char;
use crate::priority;

/// How a candidate's address was learnt; RFC 8445 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CandidateKind {
    /// The address of a local socket.
    Host,
    /// The address that a STUN server saw.
    ServerReflexive,
    /// The address that the peer saw.
    PeerReflexive,
    /// An address on a TURN server.
    Relayed,
    /// A kind this crate does not know; the text survives in the candidate.
    Other,
}

impl CandidateKind {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Host, "host"),
        (Self::ServerReflexive, "srflx"),
        (Self::PeerReflexive, "prflx"),
        (Self::Relayed, "relay"),
    ];
}

impl fmt::Display for CandidateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(kind, _)| kind == self);
        f.write_str(known.map_or("other", |(_, text)| text))
    }
}

/// What carries the packets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP; RFC 6544.
    Tcp,
    /// Something else, as written.
    Other(String),
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Other(text) => text,
        })
    }
}

/// Who opens the connection; RFC 6544 section 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpType {
    /// The candidate's owner.
    Active,
    /// The other side.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

impl TcpType {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Active, "active"), (Self::Passive, "passive"), (Self::SimultaneousOpen, "so")];
}

impl fmt::Display for TcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(kind, _)| kind == self);
        f.write_str(known.map_or("", |(_, text)| text))
    }
}

/// The address of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A name, such as the `.local` names of mDNS, or text that is no address we know.
    Name(String),
}

impl Address {
    /// The IP address, unless it is a name.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A candidate as it stands in SDP or travels by trickle; RFC 8839 section 5.1.
///
/// [`Candidate::parse`] reads the value of the attribute, `Display` writes it:
///
/// ```
/// use nomagic_ice::Candidate;
/// let text = "1 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998 generation 0";
/// let candidate = Candidate::parse(text)?;
/// assert_eq!(candidate.port(), 45664);
/// assert_eq!(candidate.to_string(), text);
/// # Ok::<(), nomagic_ice::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    foundation: String,
    component: u16,
    transport: Transport,
    priority: u32,
    address: Address,
    port: u16,
    kind: CandidateKind,
    /// The kind's text, where it is not one we know.
    kind_text: Option<String>,
    related_address: Option<Address>,
    related_port: Option<u16>,
    tcp_type: Option<TcpType>,
    extensions: Vec<(String, String)>,
}

impl Candidate {
    /// A UDP candidate of component 1.
    ///
    /// A foundation that breaks the grammar (1 to 32 letters, digits, `+`, `/`) becomes `0`; a priority outside 1 to
    /// 2^31 - 1 becomes the nearest legal one.
    pub fn udp(
        kind: CandidateKind,
        address: SocketAddr,
        foundation: &str,
        priority: u32,
        related: Option<SocketAddr>,
    ) -> Self {
        let legal = (1..=32).contains(&foundation.len()) && foundation.bytes().all(is_ice_char);
        Self {
            foundation: if legal { foundation } else { "0" }.to_owned(),
            component: 1,
            transport: Transport::Udp,
            priority: priority.clamp(1, priority::MAX),
            address: Address::Ip(address.ip()),
            port: address.port(),
            kind,
            kind_text: None,
            related_address: related.map(|related| Address::Ip(related.ip())),
            related_port: related.map(|related| related.port()),
            tcp_type: None,
            extensions: Vec::new(),
        }
    }

    /// The same candidate with its name replaced by what it resolves to.
    #[must_use]
    pub fn with_ip(mut self, ip: IpAddr) -> Self {
        self.address = Address::Ip(ip);
        self
    }

    /// The same candidate with one more extension attribute, such as `ufrag`. Names and values are words without
    /// white space; others are left out, as the grammar has no place for them.
    #[must_use]
    pub fn with_extension(mut self, name: &str, value: &str) -> Self {
        if parse::is_word(name) && parse::is_word(value) {
            self.extensions.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Equal for candidates of one kind, from one base and one server; RFC 8445 section 5.1.1.3.
    pub fn foundation(&self) -> &str {
        &self.foundation
    }

    /// 1 for RTP and for all that is multiplexed with it, 2 for separate RTCP.
    pub const fn component(&self) -> u16 {
        self.component
    }

    /// What carries the packets.
    pub const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// 1 to 2^31 - 1.
    pub const fn priority(&self) -> u32 {
        self.priority
    }

    /// Address or name.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// 0 to 65535; 9 for TCP candidates that do not listen.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Address and port, unless the address is a name.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        self.address.ip().map(|ip| SocketAddr::new(ip, self.port))
    }

    /// How the address was learnt.
    pub const fn kind(&self) -> CandidateKind {
        self.kind
    }

    /// Where a reflexive or relayed candidate comes from; for people, and often hidden.
    pub const fn related_address(&self) -> Option<&Address> {
        self.related_address.as_ref()
    }

    /// The port that belongs to the related address.
    pub const fn related_port(&self) -> Option<u16> {
        self.related_port
    }

    /// For TCP: who opens the connection.
    pub const fn tcp_type(&self) -> Option<TcpType> {
        self.tcp_type
    }

    /// The value of an extension attribute.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All extension attributes but `tcptype`, in order.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extensions.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The attribute's value, without `a=candidate:`.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, transport, priority, address, port, .. } = self;
        write!(f, "{foundation} {component} {transport} {priority} {address} {port} typ ")?;
        match &self.kind_text {
            Some(text) => f.write_str(text)?,
            None => write!(f, "{}", self.kind)?,
        }
        if let Some(address) = &self.related_address {
            write!(f, " raddr {address}")?;
        }
        if let Some(port) = self.related_port {
            write!(f, " rport {port}")?;
        }
        if let Some(tcp_type) = self.tcp_type {
            write!(f, " tcptype {tcp_type}")?;
        }
        self.extensions.iter().try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}
