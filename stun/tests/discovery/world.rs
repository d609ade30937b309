//! A host with two sockets, perhaps behind a NAT, and our server with its four, on one virtual network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nomagic_stun::discovery::{DiscoveryConfig, DiscoveryEvent, NatDiscovery, NatReport, Socket};
use nomagic_stun::{AddressPair, BindingServer, BindingServerConfig, FiveTuple, Message, Transport};
use nomagic_testkit::clock::Clock;
use nomagic_testkit::link::Link;
use nomagic_testkit::net::{Middlebox, Network};
use nomagic_testkit::rng;

pub(crate) const LATENCY: Duration = Duration::from_millis(20);

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The addresses of one family.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
    pub(crate) server: &'static str,
    pub(crate) other: &'static str,
    pub(crate) outer: &'static str,
}

pub(crate) const V4: Place = Place {
    first: "10.0.0.1:5000",
    second: "10.0.0.1:5001",
    server: "192.0.2.7:3478",
    other: "192.0.2.8:3479",
    outer: "203.0.113.1",
};

pub(crate) const V6: Place = Place {
    first: "[fd00::1]:5000",
    second: "[fd00::1]:5001",
    server: "[2001:db8::7]:3478",
    other: "[2001:db8::8]:3479",
    outer: "2001:db8:1::1",
};

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) network: Network,
    pub(crate) server: BindingServer,
    pub(crate) discovery: NatDiscovery,
    pub(crate) events: Vec<DiscoveryEvent>,
    place: Place,
    /// Datagrams from the host: when, from which socket, to whom, octets.
    pub(crate) sent: Vec<(Duration, Socket, SocketAddr, Vec<u8>)>,
    /// What went out, came in and was found, a line each.
    pub(crate) ladder: String,
}

pub(crate) fn serving(place: Place) -> BindingServerConfig {
    let mut config = BindingServerConfig::default();
    config.pairs = vec![AddressPair::new(address(place.server), address(place.other)).unwrap()];
    config
}

pub(crate) fn asking(place: Place) -> DiscoveryConfig {
    DiscoveryConfig::new(address(place.server), address(place.first), address(place.second))
}

impl World {
    pub(crate) fn new(
        place: Place,
        middlebox: Option<Box<dyn Middlebox>>,
        asking: DiscoveryConfig,
        serving: BindingServerConfig,
        link: fn() -> Link,
    ) -> Self {
        let mut network = Network::new(11).links(link);
        [place.server, place.other].iter().for_each(|own| network.add_host(address(own).ip()));
        let host = address(place.first).ip();
        match middlebox {
            Some(middlebox) => network.add_hosts_behind(&[host], Boxed(middlebox)),
            None => network.add_host(host),
        }
        Self {
            clock: Clock::new(),
            network,
            server: BindingServer::new(serving, &mut rng(1)),
            discovery: NatDiscovery::new(asking, &mut rng(2)),
            events: Vec::new(),
            place,
            sent: Vec::new(),
            ladder: String::new(),
        }
    }

    /// Runs until there is nothing more to find.
    pub(crate) fn run(&mut self) -> NatReport {
        let now = self.clock.now();
        self.discovery.start(now);
        for _ in 0..10_000 {
            self.settle();
            if self.events.last() == Some(&DiscoveryEvent::Done) {
                return self.discovery.report();
            }
            let due = [self.discovery.poll_timeout(), self.network.next_delivery()];
            let due = due.into_iter().flatten().min().expect("a discovery that is not done has a deadline");
            self.clock.advance_to(due);
            self.discovery.handle_timeout(due);
        }
        panic!("no end after {:?}: {:?}", self.clock.elapsed(), self.discovery);
    }

    /// A line of the ladder; ids are chance, and left out.
    fn log(&mut self, socket: Socket, arrow: &str, other: SocketAddr, bytes: &[u8]) {
        let text = Message::parse(bytes).unwrap().to_string();
        let words: Vec<&str> = text.split(' ').filter(|word| !word.starts_with("id=")).collect();
        let (at, socket) = (self.clock.elapsed().as_secs_f64(), format!("{socket:?}"));
        let line = format!("+{at:<6.3} {socket:<6} {arrow} {:<18} {}\n", other.to_string(), words.join(" "));
        self.ladder.push_str(&line);
    }

    fn socket(&self, socket: Socket) -> SocketAddr {
        address(if socket == Socket::First { self.place.first } else { self.place.second })
    }

    fn settle(&mut self) {
        let (now, mut out) = (self.clock.now(), Vec::new());
        loop {
            while let Some(transmit) = self.discovery.poll_transmit(now, &mut out) {
                let source = self.socket(transmit.from);
                self.network.send(now, source, transmit.destination, &out);
                let bytes = std::mem::take(&mut out);
                self.log(transmit.from, "--->", transmit.destination, &bytes);
                self.sent.push((self.clock.elapsed(), transmit.from, transmit.destination, bytes));
            }
            while let Some(transmit) = self.server.poll_transmit(now, &mut out) {
                self.network.send(now, transmit.to.server, transmit.to.client, &out);
                out.clear();
            }
            while let Some(event) = self.discovery.poll_event() {
                let report = self.discovery.report();
                let found = match event {
                    DiscoveryEvent::Contact => format!("{:?}", report.contact),
                    DiscoveryEvent::Filtering => format!("{:?}", report.filtering),
                    DiscoveryEvent::Mapping => format!("{:?}", report.mapping),
                    DiscoveryEvent::Fragments => format!("{:?}", report.fragments),
                    DiscoveryEvent::Hairpinning => format!("{:?}", report.hairpinning),
                    DiscoveryEvent::Lifetime => format!("{:?}", report.lifetime),
                    _ => String::new(),
                };
                self.ladder.push_str(format!("        {event:?} {found}").trim_end());
                self.ladder.push('\n');
                self.events.push(event);
            }
            let Some(mut datagram) = self.network.deliver(now) else { return };
            for socket in [Socket::First, Socket::Second] {
                if datagram.destination == self.socket(socket) {
                    self.log(socket, "<---", datagram.source, &datagram.bytes);
                }
            }
            if datagram.destination == self.socket(Socket::First) {
                self.discovery.handle_input(now, Socket::First, datagram.source, &mut datagram.bytes);
            } else if datagram.destination == self.socket(Socket::Second) {
                self.discovery.handle_input(now, Socket::Second, datagram.source, &mut datagram.bytes);
            } else {
                let (client, server) = (datagram.source, datagram.destination);
                let from = FiveTuple { client, server, transport: Transport::Udp };
                self.server.handle_input(now, from, &mut datagram.bytes);
            }
        }
    }

    /// New transactions, in order: when, and what for.
    pub(crate) fn transactions(&self) -> Vec<(Duration, Vec<u8>)> {
        let mut seen = std::collections::BTreeSet::new();
        let fresh = self
            .sent
            .iter()
            .filter(|(.., bytes)| seen.insert(Message::parse(bytes).unwrap().transaction_id()));
        fresh.map(|(at, .., bytes)| (*at, bytes.clone())).collect()
    }
}

struct Boxed(Box<dyn Middlebox>);

impl Middlebox for Boxed {
    fn outward(
        &mut self,
        now: std::time::Instant,
        ends: nomagic_testkit::net::Ends,
    ) -> Option<nomagic_testkit::net::Ends> {
        self.0.outward(now, ends)
    }

    fn inward(
        &mut self,
        now: std::time::Instant,
        ends: nomagic_testkit::net::Ends,
    ) -> Option<nomagic_testkit::net::Ends> {
        self.0.inward(now, ends)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        self.0.addresses()
    }
}
