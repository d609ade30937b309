//! Addresses at which the writer may be reached.

use core::fmt;

use super::{Attribute, Fields, Malformed};

/// `a=candidate`: an address at which the writer may be reached; RFC 8839 section 5.1.
///
/// What follows the known fields is kept as it stands: `generation`, `network-cost` and whatever else
/// a sender adds come in pairs of a name and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Equal for candidates of the same kind, base, server and transport; 1 to 32 characters.
    pub foundation: &'a str,
    /// 1 for RTP or everything, 2 for RTCP; 1 to 256.
    pub component: u16,
    /// `udp` or `tcp`, in any case.
    pub transport: &'a str,
    /// 1 to 2^31 - 1, more is better. Zero, which some senders write, is taken.
    pub priority: u32,
    /// An IP address, or a name (mDNS ones end in `.local`).
    pub address: &'a str,
    /// The port; 9 for TCP candidates that only connect.
    pub port: u16,
    /// How it was found: `host`, `srflx`, `prflx`, `relay`.
    pub kind: &'a str,
    /// What it was found from: address and port; never for `host`.
    pub related: Option<(&'a str, u16)>,
    /// Names and values that follow, separated by spaces; see [`extensions`](Self::extensions).
    pub extension_list: &'a str,
}

impl<'a> Candidate<'a> {
    /// What follows the known fields, in pairs. A name without a value has an empty one.
    pub fn extensions(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut words = self.extension_list.split(' ').filter(|word| !word.is_empty());
        core::iter::from_fn(move || Some((words.next()?, words.next().unwrap_or_default())))
    }

    /// The value of an extension, such as `generation` or `network-id`.
    pub fn extension(&self, name: &str) -> Option<&'a str> {
        self.extensions().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Which side connects: `active`, `passive` or `so`; RFC 6544 section 4.5.
    pub fn tcp_type(&self) -> Option<&'a str> {
        self.extension("tcptype")
    }
}

impl<'a> Attribute<'a> for Candidate<'a> {
    const NAME: &'static str = "candidate";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let is_foundation = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'))
        };
        let foundation =
            fields.expect(' ', "foundation of 1 to 32 letters, digits, + and /", is_foundation)?;
        let start = fields;
        let component: u16 = fields.number(' ', "component of 1 to 256")?;
        if !(1..=256).contains(&component) {
            return Err(start.error("component of 1 to 256"));
        }
        let transport = fields.token(' ', "transport")?;
        let priority = fields.number(' ', "priority of 32 bits")?;
        let address = fields.token(' ', "address")?;
        let port = fields.number(' ', "port of 0 to 65535")?;
        fields.expect(' ', "typ", |word| word == "typ")?;
        let kind = fields.token(' ', "type of candidate")?;
        let related = match fields.rest.starts_with("raddr ") {
            true => {
                fields.until(' ');
                let address = fields.token(' ', "related address")?;
                fields.expect(' ', "rport", |word| word == "rport")?;
                Some((address, fields.number(' ', "port of 0 to 65535")?))
            }
            false => None,
        };
        let extension_list = fields.rest.trim_end_matches(' ');
        Ok(Self { foundation, component, transport, priority, address, port, kind, related, extension_list })
    }
}

impl fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, transport, priority, address, port, kind, .. } = self;
        write!(f, "{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        if let Some((address, port)) = self.related {
            write!(f, " raddr {address} rport {port}")?;
        }
        if self.extension_list.is_empty() { Ok(()) } else { write!(f, " {}", self.extension_list) }
    }
}
