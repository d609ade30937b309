//! A network of addresses: datagrams find their host, each pair of hosts has its own link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::link::{Fate, Link, Pipe};

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

/// Stands between a host and the rest of the network, as a NAT or a firewall does.
pub trait Middlebox {
    /// A datagram leaves the host: the addresses with which it goes on, or `None` to drop it.
    fn outward(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<(SocketAddr, SocketAddr)>;

    /// A datagram comes for an address of the box: the addresses with which it goes on to the host, or `None` to drop it.
    fn inward(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<(SocketAddr, SocketAddr)>;

    /// The addresses under which the box is reached from outside.
    fn addresses(&self) -> Vec<IpAddr>;
}

/// Hosts, and what lies between them.
pub struct Network {
    seed: u64,
    link: Box<dyn Fn() -> Link>,
    hosts: BTreeSet<IpAddr>,
    boxes: Vec<(IpAddr, Box<dyn Middlebox>)>,
    pipes: BTreeMap<(IpAddr, IpAddr), Pipe>,
    /// Datagrams that nobody was there to receive.
    pub unreachable: u64,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Network({} hosts)", self.hosts.len())
    }
}

impl Network {
    /// A network in which any two hosts are joined by what `link` makes, one for each direction.
    pub fn new(seed: u64, link: impl Fn() -> Link + 'static) -> Self {
        Self {
            seed,
            link: Box::new(link),
            hosts: BTreeSet::new(),
            boxes: Vec::new(),
            pipes: BTreeMap::new(),
            unreachable: 0,
        }
    }

    /// Adds a host that is reached directly.
    pub fn add_host(&mut self, ip: IpAddr) {
        self.hosts.insert(ip);
    }

    /// Adds a host behind a box.
    pub fn add_host_behind(&mut self, ip: IpAddr, middlebox: impl Middlebox + 'static) {
        self.hosts.insert(ip);
        self.boxes.push((ip, Box::new(middlebox)));
    }

    /// Sends a datagram from a host.
    pub fn send(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> Fate {
        let mut ends = (source, destination);
        if let Some((_, middlebox)) = self.boxes.iter_mut().find(|(ip, _)| *ip == source.ip()) {
            match middlebox.outward(now, source, destination) {
                Some(translated) => ends = translated,
                None => return Fate::Lost("middlebox"),
            }
        }
        let key = (ends.0.ip(), ends.1.ip());
        let (seed, count, link) = (self.seed, self.pipes.len() as u64, &self.link);
        let pipe = self.pipes.entry(key).or_insert_with(|| Pipe::new(link(), seed.wrapping_add(count)));
        pipe.send(now, &envelope(ends, bytes))
    }

    /// When the next datagram arrives somewhere.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.pipes.values().filter_map(Pipe::next_arrival).min()
    }

    /// The next datagram that has arrived at a host by `now`.
    pub fn deliver(&mut self, now: Instant) -> Option<Datagram> {
        loop {
            let next = self.pipes.values().filter_map(Pipe::next_arrival).min().filter(|due| *due <= now)?;
            let pipe = self.pipes.values_mut().find(|pipe| pipe.next_arrival() == Some(next))?;
            let datagram = open(&pipe.arrive(now)?);
            match self.admit(now, datagram) {
                Some(datagram) => return Some(datagram),
                None => self.unreachable += 1,
            }
        }
    }

    fn admit(&mut self, now: Instant, datagram: Datagram) -> Option<Datagram> {
        let to = datagram.destination.ip();
        if let Some((_, middlebox)) =
            self.boxes.iter_mut().find(|(_, middlebox)| middlebox.addresses().contains(&to))
        {
            let (source, destination) = middlebox.inward(now, datagram.source, datagram.destination)?;
            return Some(Datagram { source, destination, ..datagram });
        }
        // A host behind a box has no address that others reach.
        let hidden = self.boxes.iter().any(|(ip, _)| *ip == to);
        (self.hosts.contains(&to) && !hidden).then_some(datagram)
    }
}

/// The addresses travel in front of the octets, as text: plain, and seen by nobody.
fn envelope((source, destination): (SocketAddr, SocketAddr), bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{source} {destination}\n").into_bytes();
    out.extend_from_slice(bytes);
    out
}

fn open(envelope: &[u8]) -> Datagram {
    let split = envelope.iter().position(|octet| *octet == b'\n').unwrap_or(envelope.len());
    let text = String::from_utf8_lossy(&envelope[..split]).into_owned();
    let (source, destination) = text.split_once(' ').unwrap();
    Datagram {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        bytes: envelope[split + 1..].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::origin;
    use std::time::Duration;

    /// Gives every host port 7 of one address.
    struct OnePort(SocketAddr);

    impl Middlebox for OnePort {
        fn outward(&mut self, _: Instant, _: SocketAddr, to: SocketAddr) -> Option<(SocketAddr, SocketAddr)> {
            Some(("203.0.113.1:7".parse().unwrap(), to))
        }

        fn inward(
            &mut self,
            _: Instant,
            from: SocketAddr,
            to: SocketAddr,
        ) -> Option<(SocketAddr, SocketAddr)> {
            (to.port() == 7).then_some((from, self.0))
        }

        fn addresses(&self) -> Vec<IpAddr> {
            vec!["203.0.113.1".parse().unwrap()]
        }
    }

    #[test]
    fn datagrams_find_their_host_through_a_box() {
        let (inner, outer): (SocketAddr, SocketAddr) =
            ("10.0.0.1:5000".parse().unwrap(), "192.0.2.1:6000".parse().unwrap());
        let mut network = Network::new(1, || Link::latency(Duration::from_millis(20)));
        network.add_host(outer.ip());
        network.add_host_behind(inner.ip(), OnePort(inner));
        network.send(origin(), inner, outer, b"there");
        assert_eq!(network.deliver(origin()), None);
        let later = network.next_delivery().unwrap();
        let there = network.deliver(later).unwrap();
        assert_eq!((there.source.to_string().as_str(), &there.bytes[..]), ("203.0.113.1:7", &b"there"[..]));
        network.send(later, outer, there.source, b"back");
        network.send(later, outer, inner, b"direct");
        let back = network.deliver(later + Duration::from_millis(20)).unwrap();
        assert_eq!((back.destination, &back.bytes[..]), (inner, &b"back"[..]));
        assert_eq!(network.deliver(later + Duration::from_secs(1)), None);
        assert_eq!(network.unreachable, 1);
    }
}
