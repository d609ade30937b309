//! Whom a server relays to: the rule that keeps a relay from becoming a way into its own network.
//!
//! An IPv6 address can carry an IPv4 address in many ways, and a rule that looks at the text alone is passed by each of
//! them. So every form is taken apart first, and judged as the IPv4 address that it leads to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses, `10.0.0.0/8` or `2001:db8::/32`; a bare address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    /// Leading bits that count, 0 to 32 or 128.
    bits: u8,
}

/// Text that is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a block of addresses such as 10.0.0.0/8")]
pub struct PrefixError;

impl Prefix {
    /// The addresses whose first `bits` bits are those of `address`; `None` if an address has fewer bits. A block of
    /// IPv4-mapped addresses is the block of IPv4 addresses.
    pub const fn new(address: IpAddr, bits: u8) -> Option<Self> {
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) if bits >= 96 && bits <= 128 => {
                Some(Self { address: IpAddr::V4(v4), bits: bits - 96 })
            }
            (IpAddr::V4(_), _) if bits <= 32 => Some(Self { address, bits }),
            (IpAddr::V6(_), _) if bits <= 128 => Some(Self { address, bits }),
            _ => None,
        }
    }

    /// Whether `ip` lies in the block.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let shared = match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => (own.to_bits() ^ ip.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(ip)) => (own.to_bits() ^ ip.to_bits()).leading_zeros(),
            _ => return false,
        };
        shared >= u32::from(self.bits)
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        match text.split_once('/') {
            None => text.parse::<IpAddr>().map(Self::from).map_err(|_| PrefixError),
            Some((address, bits)) => {
                let (address, bits) = (address.parse(), bits.parse());
                let (Ok(address), Ok(bits)) = (address, bits) else { return Err(PrefixError) };
                Self::new(address, bits).ok_or(PrefixError)
            }
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Which peers a server relays to; RFC 8656 sections 10.2, 12.2, 21.2.3 and 21.4.
///
/// Unless a block is allowed by name, nothing is relayed to addresses that lead to the server itself, to its own
/// network or to many hosts at once: unspecified, loopback, private, shared (RFC 6598), link-local, unique local,
/// site-local, multicast, broadcast, and those set aside for protocols, benchmarks or the future. Addresses of
/// tunnels, 6to4 and Teredo, are refused too.
#[derive(Debug, Clone, Default)]
pub struct PeerPolicy {
    allowed: Vec<Prefix>,
    denied: Vec<Prefix>,
    tunnels: bool,
}

impl PeerPolicy {
    /// The policy described above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a block that the defaults refuse.
    #[must_use]
    pub fn allow(mut self, block: Prefix) -> Self {
        self.allowed.push(block);
        self
    }

    /// Refuses a block, even within one that is allowed.
    #[must_use]
    pub fn deny(mut self, block: Prefix) -> Self {
        self.denied.push(block);
        self
    }

    /// Judges 6to4 and Teredo addresses by the IPv4 addresses in them, against RFC 8656 section 21.4, which has a
    /// server refuse them all.
    #[must_use]
    pub fn allow_tunnels(mut self) -> Self {
        self.tunnels = true;
        self
    }

    /// Whether a peer at `ip` may be relayed to.
    pub fn permits(&self, ip: IpAddr) -> bool {
        if self.denied.iter().any(|block| block.contains(ip)) {
            return false;
        }
        match ip {
            IpAddr::V4(ip) => self.permits_v4(ip),
            IpAddr::V6(ip) => self.permits_v6(ip),
        }
    }

    fn permits_v4(&self, ip: Ipv4Addr) -> bool {
        self.allows(ip.into()) || !is_special_v4(ip)
    }

    fn permits_v6(&self, ip: Ipv6Addr) -> bool {
        match embedded(ip) {
            Embedded::Nothing => self.allows(ip.into()) || !is_special_v6(ip),
            Embedded::Same(v4) => self.permits(v4.into()),
            //= rfc8656#21.4-2
            Embedded::Tunnel(ends) => {
                self.tunnels && ends.into_iter().flatten().all(|end| self.permits(end.into()))
            }
            Embedded::Interface(v4) => {
                (self.allows(ip.into()) || !is_special_v6(ip)) && self.permits(v4.into())
            }
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.allowed.iter().any(|block| block.contains(ip))
    }
}

/// The IPv4 address to which an IPv6 address leads.
enum Embedded {
    Nothing,
    /// The same host by another name.
    Same(Ipv4Addr),
    /// The ends of a tunnel: 6to4 has one, Teredo a server and a client.
    Tunnel([Option<Ipv4Addr>; 2]),
    /// ISATAP (RFC 5214): an IPv4 address as interface identifier below any prefix.
    Interface(Ipv4Addr),
}

fn embedded(ip: Ipv6Addr) -> Embedded {
    let bits = ip.to_bits();
    // The truncations are what takes the parts out.
    #[expect(clippy::cast_possible_truncation, reason = "takes 32 of 128 bits")]
    let v4 = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    match ip.segments() {
        // Unspecified and loopback look like IPv4-compatible addresses and are none.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Embedded::Nothing,
        // Compatible (RFC 4291 section 2.5.5.1), mapped (2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Embedded::Same(v4(0))
        }
        // 6to4, RFC 3056 section 2.
        [0x2002, ..] => Embedded::Tunnel([Some(v4(80)), None]),
        // Teredo, RFC 4380 section 4: the server, and the client's address with every bit turned.
        [0x2001, 0, ..] => Embedded::Tunnel([Some(v4(64)), Some(Ipv4Addr::from_bits(!v4(0).to_bits()))]),
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Embedded::Interface(v4(0)),
        _ => Embedded::Nothing,
    }
}

/// Blocks of RFC 6890 and its registry that are not plain hosts on the internet.
fn is_special_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    // This network, private, loopback, link-local, multicast, reserved and broadcast.
    let local = matches!((a, b), (0 | 10 | 127 | 224..=255, _) | (172, 16..=31) | (192, 168) | (169, 254));
    // Shared (RFC 6598), protocol assignments, 6to4's anycast relay, benchmarks.
    local || matches!((a, b, c), (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _))
}

fn is_special_v6(ip: Ipv6Addr) -> bool {
    let [first, second, third, fourth, ..] = ip.segments();
    // Unspecified, loopback and the rest of 0000::/8, in which the local networks' NAT64 prefix lies (RFC 8215).
    let low = first <= 0xff && !is_nat64(ip);
    // Discard-only (RFC 6666).
    let discarded = [first, second, third, fourth] == [0x100, 0, 0, 0];
    // Benchmarks (RFC 5180) and ORCHID (RFC 4843, RFC 7343), which are no addresses.
    let no_host = first == 0x2001 && (matches!(second, 0x10..=0x2f) || (second, third) == (2, 0));
    // Unique local, link-local, site-local, multicast.
    low || discarded || no_host || matches!(first, 0xfc00..=0xfdff | 0xfe80..=0xffff)
}

fn is_nat64(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..])
}

#[cfg(test)]
mod tests;
