//! A network of addresses: datagrams find their host, and each pair of addresses has its own link.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::link::Link;
use crate::pipe::{Counters, Fate, Pipe};

/// A datagram that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Where it seems to come from.
    pub source: SocketAddr,
    /// Whither.
    pub destination: SocketAddr,
    /// Its octets.
    pub bytes: Vec<u8>,
}

/// Source and destination of a datagram.
pub type Ends = (SocketAddr, SocketAddr);

/// Stands between hosts and the rest of the network, as a NAT or a firewall does.
pub trait Middlebox {
    /// A datagram leaves a host: the ends with which it goes on, or `None` to drop it.
    fn outward(&mut self, now: Instant, ends: Ends) -> Option<Ends>;

    /// A datagram comes for an address of the box: the ends with which it goes on to a host, or `None` to drop it.
    fn inward(&mut self, now: Instant, ends: Ends) -> Option<Ends>;

    /// The addresses under which the box is reached from outside. A firewall that does not translate names its hosts.
    fn addresses(&self) -> Vec<IpAddr>;
}

/// Hosts, and what lies between them.
pub struct Network {
    seed: u64,
    links: Box<dyn Fn() -> Link>,
    hosts: BTreeSet<IpAddr>,
    sites: Vec<Site>,
    pipes: BTreeMap<(IpAddr, IpAddr), Pipe<Ends>>,
    order: u64,
    unreachable: u64,
}

/// Hosts that share a box. Among each other they talk directly.
struct Site {
    hosts: Vec<IpAddr>,
    middlebox: Box<dyn Middlebox>,
}

impl Network {
    /// A network of perfect links, whose chances come from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            links: Box::new(Link::new),
            hosts: BTreeSet::new(),
            sites: Vec::new(),
            pipes: BTreeMap::new(),
            order: 0,
            unreachable: 0,
        }
    }

    /// Joins any two addresses from now on by what `links` makes, one link for each direction.
    #[must_use]
    pub fn links(self, links: impl Fn() -> Link + 'static) -> Self {
        Self { links: Box::new(links), ..self }
    }

    /// Adds a host that is reached directly.
    pub fn add_host(&mut self, ip: IpAddr) {
        self.hosts.insert(ip);
    }

    /// Adds hosts behind one box.
    pub fn add_hosts_behind(&mut self, hosts: &[IpAddr], middlebox: impl Middlebox + 'static) {
        self.hosts.extend(hosts);
        self.sites.push(Site { hosts: hosts.to_vec(), middlebox: Box::new(middlebox) });
    }

    /// Sets the link for what goes from one address to another, as seen between the boxes.
    pub fn set_link(&mut self, from: IpAddr, to: IpAddr, link: Link) {
        self.pipe(from, to).set_link(link);
    }

    /// Sends a datagram from a host. Any source is believed, as networks do.
    pub fn send(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> Fate {
        let mut ends = (source, destination);
        let site = self.sites.iter_mut().find(|site| site.hosts.contains(&source.ip()));
        if let Some(site) = site.filter(|site| !site.hosts.contains(&destination.ip())) {
            match site.middlebox.outward(now, ends) {
                Some(translated) => ends = translated,
                None => return Fate::Lost("middlebox"),
            }
        }
        self.order += 1;
        let order = self.order;
        self.pipe(ends.0.ip(), ends.1.ip()).send(now, order, ends, bytes)
    }

    /// The next datagram that has arrived at a host by `now`; of several at the same moment the oldest.
    pub fn deliver(&mut self, now: Instant) -> Option<Datagram> {
        loop {
            let pipes = self.pipes.values_mut();
            let (pipe, (due, _)) = pipes
                .filter_map(|pipe| pipe.next_arrival().map(|arrival| (pipe, arrival)))
                .min_by_key(|(_, arrival)| *arrival)?;
            if due > now {
                return None;
            }
            let (ends, bytes) = pipe.arrive(now)?;
            // The box sees a datagram when it arrives, even if nobody asks for it before later.
            match self.admit(due, ends) {
                Some((source, destination)) => return Some(Datagram { source, destination, bytes }),
                None => self.unreachable += 1,
            }
        }
    }

    /// When the next datagram arrives somewhere.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.pipes.values().filter_map(Pipe::next_arrival).min().map(|(due, _)| due)
    }

    /// What went from one address to another so far, as seen between the boxes.
    pub fn counters(&self, from: IpAddr, to: IpAddr) -> Counters {
        self.pipes.get(&(from, to)).map(Pipe::counters).unwrap_or_default()
    }

    /// Datagrams that nobody was there to receive, or that a box did not let in.
    pub fn unreachable(&self) -> u64 {
        self.unreachable
    }

    fn pipe(&mut self, from: IpAddr, to: IpAddr) -> &mut Pipe<Ends> {
        let (seed, known) = (self.seed, self.pipes.len() as u64);
        let pipe = || Pipe::new((self.links)(), seed.wrapping_mul(1000).wrapping_add(known));
        self.pipes.entry((from, to)).or_insert_with(pipe)
    }

    fn admit(&mut self, now: Instant, ends: Ends) -> Option<Ends> {
        let (from, to) = (ends.0.ip(), ends.1.ip());
        let within = self.sites.iter().any(|site| site.hosts.contains(&from) && site.hosts.contains(&to));
        if within {
            return Some(ends);
        }
        if let Some(site) = self.sites.iter_mut().find(|site| site.middlebox.addresses().contains(&to)) {
            return site.middlebox.inward(now, ends);
        }
        // A host behind a box has no address that others reach.
        let hidden = self.sites.iter().any(|site| site.hosts.contains(&to));
        (self.hosts.contains(&to) && !hidden).then_some(ends)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::origin;
    use std::time::Duration;

    const MS_20: Duration = Duration::from_millis(20);

    /// Gives one host port 7 of one address.
    struct OnePort(SocketAddr);

    impl Middlebox for OnePort {
        fn outward(&mut self, _: Instant, (_, to): Ends) -> Option<Ends> {
            Some((address("203.0.113.1:7"), to))
        }

        fn inward(&mut self, _: Instant, (from, to): Ends) -> Option<Ends> {
            (to.port() == 7).then_some((from, self.0))
        }

        fn addresses(&self) -> Vec<IpAddr> {
            vec![address("203.0.113.1:7").ip()]
        }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn datagrams_find_their_host_through_a_box() {
        let (inner, outer) = (address("10.0.0.1:5000"), address("192.0.2.1:6000"));
        let mut network = Network::new(1).links(|| Link::latency(MS_20));
        network.add_host(outer.ip());
        network.add_hosts_behind(&[inner.ip()], OnePort(inner));
        network.send(origin(), inner, outer, b"there");
        assert_eq!(network.deliver(origin()), None);
        let later = network.next_delivery().unwrap();
        let there = network.deliver(later).unwrap();
        assert_eq!((there.source, &there.bytes[..]), (address("203.0.113.1:7"), &b"there"[..]));
        network.send(later, outer, there.source, b"back");
        network.send(later, outer, inner, b"direct");
        network.send(later, outer, address("203.0.113.1:8"), b"wrong port");
        let back = network.deliver(later + MS_20).unwrap();
        assert_eq!((back.destination, &back.bytes[..]), (inner, &b"back"[..]));
        assert_eq!(network.deliver(later + Duration::from_secs(1)), None);
        assert_eq!(network.unreachable(), 2);
    }

    #[test]
    fn hosts_behind_one_box_talk_directly_and_each_way_has_its_link() {
        let (one, two) = (address("10.0.0.1:1"), address("10.0.0.2:2"));
        let mut network = Network::new(1);
        network.add_hosts_behind(&[one.ip(), two.ip()], OnePort(one));
        network.set_link(one.ip(), two.ip(), Link::latency(MS_20));
        network.send(origin(), one, two, b"slow");
        network.send(origin(), two, one, b"fast");
        let order: Vec<_> = std::iter::from_fn(|| network.deliver(origin() + MS_20)).collect();
        assert_eq!(order.iter().map(|datagram| datagram.source).collect::<Vec<_>>(), [two, one]);
        assert_eq!(network.counters(one.ip(), two.ip()).delivered_bytes, 4);
    }

    #[test]
    fn what_was_sent_first_arrives_first_whatever_the_addresses() {
        let hosts = [address("[2001:db8::9]:9"), address("[2001:db8::5]:5"), address("[2001:db8::1]:1")];
        let mut network = Network::new(1);
        hosts.iter().for_each(|host| network.add_host(host.ip()));
        network.send(origin(), hosts[0], hosts[1], b"first");
        network.send(origin(), hosts[2], hosts[1], b"second");
        assert_eq!(network.deliver(origin()).unwrap().bytes, b"first");
        assert_eq!(network.deliver(origin()).unwrap().bytes, b"second");
    }
}
