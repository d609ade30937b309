//! NATs as RFC 4787 tells them apart.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nomagic_stun::discovery::{NatFiltering, NatMapping};
use nomagic_testkit::net::{Ends, Middlebox};

/// A NAT with one address of each family.
pub(crate) struct Nat {
    pub(crate) mapping: NatMapping,
    pub(crate) filtering: NatFiltering,
    /// How long a binding lasts after the last datagram that left.
    pub(crate) lifetime: Duration,
    pub(crate) outer: Vec<IpAddr>,
    /// Hosts behind it reach each other by their outer addresses.
    pub(crate) hairpins: bool,
    bindings: Vec<Binding>,
    next_port: u16,
}

struct Binding {
    inner: SocketAddr,
    /// What the mapping depends on: nothing, the IP, or all of the address.
    towards: Option<(IpAddr, Option<u16>)>,
    outer: SocketAddr,
    used: Instant,
    /// Whom it has sent to.
    sent: Vec<SocketAddr>,
}

impl Nat {
    pub(crate) fn new(mapping: NatMapping, filtering: NatFiltering, outer: &[&str]) -> Self {
        Self {
            mapping,
            filtering,
            lifetime: Duration::from_secs(120),
            outer: outer.iter().map(|ip| ip.parse().unwrap()).collect(),
            hairpins: true,
            bindings: Vec::new(),
            next_port: 20_000,
        }
    }
}

impl Middlebox for Nat {
    fn outward(&mut self, now: Instant, (from, to): Ends) -> Option<Ends> {
        if self.outer.contains(&to.ip()) && !self.hairpins {
            return None;
        }
        let towards = match self.mapping {
            NatMapping::EndpointIndependent => None,
            NatMapping::AddressDependent => Some((to.ip(), None)),
            NatMapping::AddressAndPortDependent => Some((to.ip(), Some(to.port()))),
        };
        let lifetime = self.lifetime;
        self.bindings.retain(|own| now.saturating_duration_since(own.used) < lifetime);
        let found = self.bindings.iter().position(|own| own.inner == from && own.towards == towards);
        let index = match found {
            Some(index) => index,
            None => {
                let outer = *self.outer.iter().find(|ip| ip.is_ipv4() == from.is_ipv4())?;
                self.next_port += 1;
                let outer = SocketAddr::new(outer, self.next_port);
                self.bindings.push(Binding { inner: from, towards, outer, used: now, sent: Vec::new() });
                self.bindings.len() - 1
            }
        };
        let own = &mut self.bindings[index];
        own.used = now;
        own.sent.push(to);
        Some((own.outer, to))
    }

    fn inward(&mut self, now: Instant, (from, to): Ends) -> Option<Ends> {
        let own = self.bindings.iter().find(|own| own.outer == to)?;
        let alive = now.saturating_duration_since(own.used) < self.lifetime;
        let passes = match self.filtering {
            NatFiltering::EndpointIndependent => true,
            NatFiltering::AddressDependent => own.sent.iter().any(|sent| sent.ip() == from.ip()),
            NatFiltering::AddressAndPortDependent => own.sent.contains(&from),
        };
        (alive && passes).then_some((from, own.inner))
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.outer.clone()
    }
}
