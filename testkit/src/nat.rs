//! NATs of every kind that RFC 4787 names, and firewalls that filter alike: boxes for a [`Network`](crate::net::Network).
//!
//! ```
//! use nomagic_testkit::nat::{Dependence, Nat};
//! use nomagic_testkit::net::Network;
//!
//! let mut network = Network::new(1);
//! let nat = Nat::new("203.0.113.1".parse().unwrap(), Dependence::Endpoint, Dependence::Address);
//! network.add_hosts_behind(&["10.0.0.1".parse().unwrap()], nat.hairpinning(false));
//! network.add_host("192.0.2.1".parse().unwrap());
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::ChaCha20Rng;

use crate::net::{Ends, Middlebox};
use crate::rng;

/// What a mapping or a filter has to do with the far end: RFC 4787 sections 4.1 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// Endpoint-independent: the far end does not matter.
    Endpoint,
    /// Address-dependent.
    Address,
    /// Address- and port-dependent.
    AddressAndPort,
}

impl Dependence {
    /// All of them, for tables.
    pub const ALL: [Self; 3] = [Self::Endpoint, Self::Address, Self::AddressAndPort];

    /// What of the far end matters.
    fn of(self, remote: SocketAddr) -> (Option<IpAddr>, Option<u16>) {
        match self {
            Self::Endpoint => (None, None),
            Self::Address => (Some(remote.ip()), None),
            Self::AddressAndPort => (Some(remote.ip()), Some(remote.port())),
        }
    }
}

/// How a mapping gets its port: RFC 4787 section 4.2. No port is ever shared by two mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// The port of the host if it is free, else any.
    Preserved,
    /// Any that is even if the host's is, odd if the host's is.
    Parity,
    /// Any.
    Random,
}

/// A NAT with one address outside.
#[derive(Debug)]
pub struct Nat {
    outside: IpAddr,
    mapping: Dependence,
    filter: Filter,
    hairpinning: bool,
    ports: Ports,
    mappings: Vec<Mapping>,
    rng: ChaCha20Rng,
}

#[derive(Debug)]
struct Mapping {
    inside: SocketAddr,
    remote: (Option<IpAddr>, Option<u16>),
    port: u16,
    refreshed: Instant,
    sent_to: BTreeMap<SocketAddr, Instant>,
}

impl Nat {
    /// A NAT that hairpins and preserves ports; mappings and filter rules last 5 minutes after what was last sent out.
    pub fn new(outside: IpAddr, mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            outside,
            mapping,
            filter: Filter::new(filtering),
            hairpinning: true,
            ports: Ports::Preserved,
            mappings: Vec::new(),
            rng: rng(0),
        }
    }

    /// Whether its hosts reach each other by their addresses outside: RFC 4787 section 6.
    #[must_use]
    pub fn hairpinning(self, hairpinning: bool) -> Self {
        Self { hairpinning, ..self }
    }

    /// How mappings get their ports; `seed` decides where chance does.
    #[must_use]
    pub fn ports(self, ports: Ports, seed: u64) -> Self {
        Self { ports, rng: rng(seed), ..self }
    }

    /// How long mappings and filter rules last without traffic: RFC 4787 section 4.3.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.filter.lifetime = lifetime;
        self
    }

    /// Lets what comes in refresh a mapping too, and the rule that let it in.
    #[must_use]
    pub fn refreshed_inward(mut self) -> Self {
        self.filter.refreshed_inward = true;
        self
    }

    /// The port for a new mapping; `None` if there is none left.
    fn free_port(&mut self, inside: SocketAddr) -> Option<u16> {
        let taken: BTreeSet<_> = self.mappings.iter().map(|mapping| mapping.port).collect();
        if self.ports == Ports::Preserved && !taken.contains(&inside.port()) {
            return Some(inside.port());
        }
        let wanted = |port: u16| self.ports != Ports::Parity || port % 2 == inside.port() % 2;
        let start = self.rng.random_range(FIRST_PORT..=u16::MAX);
        (start..=u16::MAX).chain(FIRST_PORT..start).find(|port| wanted(*port) && !taken.contains(port))
    }
}

impl Middlebox for Nat {
    fn outward(&mut self, now: Instant, (inside, remote): Ends) -> Option<Ends> {
        if remote.ip() == self.outside && !self.hairpinning {
            return None;
        }
        let filter = self.filter;
        self.mappings.retain(|mapping| filter.lasts(now, mapping.refreshed));
        let key = self.mapping.of(remote);
        let known =
            self.mappings.iter().position(|mapping| (mapping.inside, mapping.remote) == (inside, key));
        let at = match known {
            Some(at) => at,
            None => {
                let (port, sent_to) = (self.free_port(inside)?, BTreeMap::new());
                self.mappings.push(Mapping { inside, remote: key, port, refreshed: now, sent_to });
                self.mappings.len() - 1
            }
        };
        let mapping = &mut self.mappings[at];
        mapping.refreshed = mapping.refreshed.max(now);
        mapping.sent_to.insert(remote, now);
        Some((SocketAddr::new(self.outside, mapping.port), remote))
    }

    fn inward(&mut self, now: Instant, (remote, to): Ends) -> Option<Ends> {
        let filter = self.filter;
        let alive = |mapping: &&mut Mapping| filter.lasts(now, mapping.refreshed);
        let mapping = self.mappings.iter_mut().filter(alive).find(|mapping| mapping.port == to.port())?;
        if !filter.admits(now, &mut mapping.sent_to, remote) {
            return None;
        }
        if filter.refreshed_inward {
            mapping.refreshed = mapping.refreshed.max(now);
        }
        Some((remote, mapping.inside))
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.outside]
    }
}

/// A firewall: it filters as a NAT does and translates nothing.
#[derive(Debug)]
pub struct Firewall {
    hosts: Vec<IpAddr>,
    filter: Filter,
    sent: BTreeMap<SocketAddr, BTreeMap<SocketAddr, Instant>>,
}

impl Firewall {
    /// A firewall before these hosts, of either family. Its rules last 5 minutes after what was last sent out.
    pub fn new(hosts: &[IpAddr], filtering: Dependence) -> Self {
        Self { hosts: hosts.to_vec(), filter: Filter::new(filtering), sent: BTreeMap::new() }
    }

    /// How long rules last without traffic.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.filter.lifetime = lifetime;
        self
    }

    /// Lets what comes in refresh the rule that let it in.
    #[must_use]
    pub fn refreshed_inward(mut self) -> Self {
        self.filter.refreshed_inward = true;
        self
    }
}

impl Middlebox for Firewall {
    fn outward(&mut self, now: Instant, (inside, remote): Ends) -> Option<Ends> {
        self.sent.entry(inside).or_default().insert(remote, now);
        Some((inside, remote))
    }

    fn inward(&mut self, now: Instant, (remote, inside): Ends) -> Option<Ends> {
        let sent_to = self.sent.get_mut(&inside)?;
        self.filter.admits(now, sent_to, remote).then_some((remote, inside))
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.hosts.clone()
    }
}

/// Which of those who send to a host are let in, given to whom it has sent and when.
#[derive(Debug, Clone, Copy)]
struct Filter {
    dependence: Dependence,
    lifetime: Duration,
    refreshed_inward: bool,
}

impl Filter {
    fn new(dependence: Dependence) -> Self {
        Self { dependence, lifetime: Duration::from_secs(300), refreshed_inward: false }
    }

    fn lasts(&self, now: Instant, since: Instant) -> bool {
        now.saturating_duration_since(since) < self.lifetime
    }

    fn admits(&self, now: Instant, sent_to: &mut BTreeMap<SocketAddr, Instant>, from: SocketAddr) -> bool {
        sent_to.retain(|_, since| self.lasts(now, *since));
        let matching = |to: SocketAddr| self.dependence.of(to) == self.dependence.of(from);
        let mut rules = sent_to.iter_mut().filter(|(to, _)| matching(**to)).peekable();
        let admitted = rules.peek().is_some();
        if self.refreshed_inward {
            rules.for_each(|(_, since)| *since = now.max(*since));
        }
        admitted
    }
}

/// Ports below this are nobody's to hand out.
const FIRST_PORT: u16 = 1024;

#[cfg(test)]
mod tests;
