//! Clients, a server and peers on one virtual network, with the plainest of drivers.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_stun::turn::{
    Client, ClientConfig, ClientEvent, ClientInput, FiveTuple, HEADROOM, LongTermCredential, PeerPolicy,
    Protocol, RelayRange, Server, ServerConfig, ServerEvent, ServerInput, TAILROOM, Transport, Users,
};
use nomagic_stun::{Message, MessageBuilder, MessageType};
use nomagic_testkit::clock::Clock;
use nomagic_testkit::net::Network;
use nomagic_testkit::rng;

pub(crate) const PASSWORD: &str = "correct horse";
/// `printf '1900000000:alice' | openssl dgst -sha1 -hmac north -binary | base64`
pub(crate) const MADE_PASSWORD: &str = "SnH0MEKWgnUzXU+ElSVhRG+O/9g=";
pub(crate) const REALM: &str = "example.org";
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn server_address() -> SocketAddr {
    address("198.51.100.1:3478")
}

pub(crate) fn peer_address() -> SocketAddr {
    address("203.0.113.5:7000")
}

pub(crate) fn peer_address_v6() -> SocketAddr {
    address("[2001:db8:5::5]:7000")
}

pub(crate) fn client_address(number: u16) -> SocketAddr {
    SocketAddr::new("192.0.2.1".parse().unwrap(), 40_000 + number)
}

/// The documentation's blocks are not special, so the default policy lets them through.
pub(crate) fn config() -> ServerConfig {
    let mut users = Users::new(REALM).unwrap();
    users.add("alice", PASSWORD).unwrap();
    users.add("bob", PASSWORD).unwrap();
    let mut config = ServerConfig::new(users);
    for ip in ["198.51.100.2", "2001:db8:2::2"] {
        config.relays.push(RelayRange::from(ip.parse::<std::net::IpAddr>().unwrap()));
    }
    config.peers = PeerPolicy::new();
    config
}

pub(crate) fn client_config(transport: Transport) -> ClientConfig {
    ClientConfig::new(server_address(), transport, LongTermCredential::new("alice", PASSWORD).unwrap())
}

/// A client and what came of it.
pub(crate) struct Node {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) events: Vec<ClientEvent>,
    pub(crate) received: Vec<(SocketAddr, Vec<u8>)>,
    /// Everything that the server has sent here, newest last.
    pub(crate) seen: Vec<Vec<u8>>,
    /// Everything that this client has sent, newest last.
    pub(crate) sent: Vec<Vec<u8>>,
}

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
    pub(crate) open: BTreeSet<(Protocol, SocketAddr)>,
    /// What arrived at peers: from where, to whom.
    pub(crate) peers: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    pub(crate) server_events: VecDeque<ServerEvent>,
    /// Ports that cannot be opened.
    pub(crate) broken: u32,
    /// Ports that another program has.
    pub(crate) taken: BTreeSet<u16>,
    /// The caller has set DF on these.
    pub(crate) unfragmented: u32,
}

impl World {
    pub(crate) fn new(config: ServerConfig) -> Self {
        let mut network = Network::new(1);
        let relays: Vec<_> = config.relays.iter().map(|range| range.ip).collect();
        let hosts =
            [server_address(), server_address_v6(), peer_address(), peer_address_v6(), client_address(0)];
        hosts.iter().map(SocketAddr::ip).chain(relays).for_each(|ip| network.add_host(ip));
        network.add_host("2001:db8:1::1".parse().unwrap());
        Self {
            clock: Clock::new(),
            server: Server::new(config, &mut rng(7)),
            network,
            nodes: Vec::new(),
            open: BTreeSet::new(),
            peers: Vec::new(),
            server_events: VecDeque::new(),
            broken: 0,
            taken: BTreeSet::new(),
            unfragmented: 0,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn add(&mut self, config: ClientConfig, address: SocketAddr) -> usize {
        let number = self.nodes.len();
        self.network.add_host(address.ip());
        self.nodes.push(Node {
            transport: config.transport,
            client: Client::new(config, &mut rng(100 + number as u64)),
            address,
            events: Vec::new(),
            received: Vec::new(),
            seen: Vec::new(),
            sent: Vec::new(),
        });
        number
    }

    /// Adds a client and lets it allocate.
    pub(crate) fn allocated(&mut self, config: ClientConfig) -> usize {
        let address = client_address(u16::try_from(self.nodes.len()).unwrap());
        let node = self.add(config, address);
        self.nodes[node].client.allocate(self.clock.now()).unwrap();
        self.settle();
        assert!(self.relayed(node).is_some(), "{:?}", self.nodes[node].events);
        node
    }

    pub(crate) fn relayed(&self, node: usize) -> Option<SocketAddr> {
        self.nodes[node].events.iter().rev().find_map(|event| match event {
            ClientEvent::Allocated(allocated) => Some(allocated.relayed),
            _ => None,
        })
    }

    pub(crate) fn tuple(&self, node: usize) -> FiveTuple {
        let server = if self.nodes[node].address.is_ipv4() { server_address() } else { server_address_v6() };
        FiveTuple { client: self.nodes[node].address, server, transport: self.nodes[node].transport }
    }

    /// Until nothing is under way, without letting more time pass than that takes.
    pub(crate) fn settle(&mut self) {
        loop {
            self.flush();
            let Some(due) = self.network.next_delivery() else { return };
            self.clock.advance_to(due);
            self.deliver();
        }
    }

    /// Lets time pass, meeting every deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        loop {
            self.flush();
            let clients = self.nodes.iter().filter_map(|node| node.client.poll_timeout());
            let due = clients.chain(self.server.poll_timeout()).chain(self.network.next_delivery()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.clock.advance_to(due);
            self.deliver();
            let now = self.clock.now();
            self.server.handle_timeout(now);
            self.nodes.iter_mut().for_each(|node| node.client.handle_timeout(now));
        }
        self.clock.advance_to(end);
        let now = self.clock.now();
        self.server.handle_timeout(now);
        self.nodes.iter_mut().for_each(|node| node.client.handle_timeout(now));
        self.settle();
    }

    fn flush(&mut self) {
        let now = self.clock.now();
        let mut out = Vec::new();
        for node in &mut self.nodes {
            while let Some(transmit) = node.client.poll_transmit(now, &mut out) {
                node.sent.push(out.clone());
                self.network.send(now, node.address, transmit.destination, &out);
                out.clear();
            }
            node.events.extend(std::iter::from_fn(|| node.client.poll_event()));
        }
        self.serve_sockets();
        while let Some(transmit) = self.server.poll_transmit(now, &mut out) {
            self.network.send(now, transmit.to.server, transmit.to.client, &out);
            out.clear();
        }
    }

    fn deliver(&mut self) {
        let now = self.clock.now();
        while let Some(mut datagram) = self.network.deliver(now) {
            let (from, to) = (datagram.source, datagram.destination);
            if to == server_address() || to == server_address_v6() {
                let node = self.nodes.iter().find(|node| node.address == from);
                let transport = node.map_or(Transport::Udp, |node| node.transport);
                self.hand_to_server(FiveTuple { client: from, server: to, transport }, &mut datagram.bytes);
            } else if self.open.contains(&(Protocol::Udp, to)) {
                self.hand_to_relay(to, from, &datagram.bytes);
            } else if let Some(node) = self.nodes.iter_mut().find(|node| node.address == to) {
                node.seen.push(datagram.bytes.clone());
                if let ClientInput::Payload { peer, data } =
                    node.client.handle_input(now, from, &mut datagram.bytes)
                {
                    let data = data.to_vec();
                    node.received.push((peer, data));
                }
            } else {
                self.peers.push((from, to, datagram.bytes));
            }
        }
    }

    /// Hands a message to the server; data go on to the peer.
    pub(crate) fn hand_to_server(&mut self, from: FiveTuple, message: &mut [u8]) {
        let now = self.clock.now();
        if let ServerInput::Payload(outward) = self.server.handle_input(now, from, message) {
            assert!(self.open.contains(&(Protocol::Udp, outward.relayed)));
            self.unfragmented += u32::from(outward.dont_fragment);
            let (relayed, peer) = (outward.relayed, outward.peer);
            self.network.send(now, relayed, peer, outward.data);
        }
    }

    fn hand_to_relay(&mut self, relayed: SocketAddr, peer: SocketAddr, data: &[u8]) {
        let now = self.clock.now();
        let mut buffer = vec![0xaa; HEADROOM + data.len() + TAILROOM];
        buffer[HEADROOM..HEADROOM + data.len()].copy_from_slice(data);
        let range = HEADROOM..HEADROOM + data.len();
        if let Some(inward) = self.server.handle_peer_input(now, relayed, peer, &mut buffer, range) {
            self.network.send(now, inward.to.server, inward.to.client, inward.message);
        }
    }

    /// A client sends to a peer.
    pub(crate) fn send(&mut self, node: usize, peer: SocketAddr, data: &[u8]) {
        let mut out = vec![0; HEADROOM];
        out.extend(data);
        let (now, own) = (self.clock.now(), &mut self.nodes[node]);
        let sealed = own.client.seal(now, peer, &mut out, HEADROOM).unwrap();
        own.sent.push(out[sealed.start..].to_vec());
        self.network.send(now, own.address, sealed.destination, &out[sealed.start..]);
        self.settle();
    }

    /// A peer sends to a relayed address.
    pub(crate) fn send_back(&mut self, peer: SocketAddr, relayed: SocketAddr, data: &[u8]) {
        self.network.send(self.clock.now(), peer, relayed, data);
        self.settle();
    }

    /// Sends a request as one of the clients would sign it, by hand, and gives the answer.
    pub(crate) fn ask(
        &mut self,
        from: FiveTuple,
        kind: MessageType,
        user: &str,
        fill: impl for<'o> Fn(MessageBuilder<'o>) -> MessageBuilder<'o>,
    ) -> Vec<u8> {
        crate::by_hand::ask(self, from, kind, user, &fill)
    }

    /// The newest message that the server has sent anywhere.
    pub(crate) fn poll_server(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.server.poll_transmit(self.clock.now(), &mut out).map(|_| out)
    }

    /// Opens and closes what the server asks for.
    pub(crate) fn serve_sockets(&mut self) {
        let now = self.clock.now();
        while let Some(event) = self.server.poll_event() {
            match event {
                ServerEvent::Open { relayed, protocol } => {
                    let success = self.broken == 0 && !self.taken.contains(&relayed.port());
                    self.broken = self.broken.saturating_sub(1);
                    if success {
                        assert!(self.open.insert((protocol, relayed)), "{relayed} is open already");
                    }
                    self.server.relay_opened(now, relayed, protocol, success);
                }
                ServerEvent::Close { relayed, protocol } => {
                    assert!(self.open.remove(&(protocol, relayed)), "{relayed} was not open");
                }
                _ => {}
            }
            self.server_events.push_back(event);
        }
    }
}

pub(crate) fn server_address_v6() -> SocketAddr {
    address("[2001:db8:3::1]:3478")
}

/// The error code of an answer, 0 for a success.
pub(crate) fn code(answer: &[u8]) -> u16 {
    let message = Message::parse(answer).unwrap();
    let error = message.attribute::<nomagic_stun::attribute::ErrorReason<'_>>().unwrap();
    error.map_or(0, |error| error.code().code())
}
