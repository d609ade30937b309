//! Client and server, put through the laws that every machine keeps, and over networks that lose and reorder.

use std::time::{Duration, Instant};

use nomagic_stun::Message;
use nomagic_stun::turn::*;
use nomagic_testkit::laws::Subject;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::net::Network;
use nomagic_testkit::{clock, rng};
use proptest::prelude::*;

use crate::world::*;

fn describe(datagram: &[u8]) -> String {
    match ChannelData::parse(&mut datagram.to_vec()) {
        Some(message) => message.to_string(),
        None => {
            Message::parse(datagram).map_or_else(|error| error.to_string(), |message| message.to_string())
        }
    }
}

/// The client and an application that binds a channel as soon as it can.
struct Caller {
    client: Client,
    events: Vec<String>,
    bound: bool,
}

impl Caller {
    fn look(&mut self, now: Instant) {
        while let Some(event) = self.client.poll_event() {
            self.bound |= matches!(event, ClientEvent::Bound { .. });
            if matches!(event, ClientEvent::Allocated(_)) {
                self.client.bind_channel(now, peer_address()).unwrap();
            }
            self.events.push(format!("{event:?}"));
        }
    }
}

impl Machine for Caller {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.client.handle_input(now, server_address(), datagram);
        self.look(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
        self.look(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.client.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.client.close(now);
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}

/// The server and sockets that always open.
struct Relay {
    server: Server,
    events: Vec<String>,
}

impl Relay {
    fn serve(&mut self, now: Instant) {
        while let Some(event) = self.server.poll_event() {
            self.events.push(format!("{event:?}"));
            if let ServerEvent::Open { relayed, protocol } = event {
                self.server.relay_opened(now, relayed, protocol, true);
            }
        }
        self.events.truncate(100);
    }
}

impl Machine for Relay {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        let from =
            FiveTuple { client: client_address(0), server: server_address(), transport: Transport::Udp };
        self.server.handle_input(now, from, datagram);
        self.serve(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.server.handle_timeout(now);
        self.serve(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.server.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.server.close(now);
    }

    fn is_closed(&self) -> bool {
        self.server.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}

#[test]
fn client_and_server_keep_all_laws() {
    let make = |seed| {
        let mut client = Client::new(client_config(Transport::Udp), &mut rng(seed));
        client.allocate(clock::origin()).unwrap();
        let server = Server::new(config(), &mut rng(seed + 1000));
        (Caller { client, events: Vec::new(), bound: false }, Relay { server, events: Vec::new() })
    };
    let done = |caller: &Caller, _: &Relay| caller.bound;
    Subject { make: &make, done: &done, memory: 512 << 10 }.keeps_all_laws();
}

/// An hour of a call over a network that loses a fifth, doubles and reorders: the relay never breaks.
#[test]
fn an_hour_over_a_bad_network_breaks_nothing() {
    for seed in 0..5 {
        let mut world = World::new(config());
        let link = || {
            Link::latency(Duration::from_millis(20))
                .jitter(Duration::from_millis(10))
                .loss(0.2)
                .duplication(0.05)
                .reordering(0.05, Duration::from_millis(300))
        };
        let mut network = Network::new(seed).links(link);
        for ip in [server_address(), peer_address(), client_address(0), address("198.51.100.2:1")] {
            network.add_host(ip.ip());
        }
        world.network = network;
        let node = world.add(client_config(Transport::Udp), client_address(0));
        world.nodes[node].client.allocate(world.clock.now()).unwrap();
        world.pass(SECOND * 40);
        let now = world.now();
        world.nodes[node].client.bind_channel(now, peer_address()).unwrap();
        world.pass(SECOND * 40);
        for _ in 0..360 {
            world.pass(SECOND * 10);
            world.send(node, peer_address(), b"ping");
        }
        assert!(world.peers.len() > 220, "{} of 360 pings arrived", world.peers.len());
        let lost = |event: &ClientEvent| matches!(event, ClientEvent::Lost(_) | ClientEvent::NotBound { .. });
        assert!(!world.nodes[node].events.iter().any(lost), "seed {seed}: {:?}", world.nodes[node].events);
        let now = world.now();
        world.nodes[node].client.close(now);
        world.pass(SECOND * 10);
        assert!(world.nodes[node].client.is_closed());
        world.pass(SECOND * 3600);
        assert_eq!((world.open.len(), world.server.poll_timeout()), (0, None));
    }
}

/// What a client may be told to do.
#[derive(Debug, Clone)]
enum Command {
    Allocate,
    Permit(u8),
    Revoke(u8),
    Bind(u8),
    Unbind(u8),
    Send(u8),
    Back(u8),
    Refresh,
    Pass(u16),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Allocate),
        (0..4u8).prop_map(Command::Permit),
        (0..4u8).prop_map(Command::Revoke),
        (0..4u8).prop_map(Command::Bind),
        (0..4u8).prop_map(Command::Unbind),
        (0..4u8).prop_map(Command::Send),
        (0..4u8).prop_map(Command::Back),
        Just(Command::Refresh),
        (0..400u16).prop_map(Command::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a client is told: what it agrees to send arrives, since the server knows what it knows.
    #[test]
    fn what_the_client_sends_the_server_relays(commands in prop::collection::vec(command(), 1..60)) {
        let mut world = World::new(config());
        for last in 0..4u8 {
            world.network.add_host(std::net::IpAddr::from([203, 0, 113, 20 + last]));
        }
        let peer = |last: u8| std::net::SocketAddr::from(([203, 0, 113, 20 + last], 7000));
        let node = world.add(client_config(Transport::Udp), client_address(0));
        for command in commands {
            let (now, client) = (world.clock.now(), &mut world.nodes[node].client);
            match command {
                Command::Allocate => drop(client.allocate(now)),
                Command::Permit(last) => drop(client.permit(now, peer(last).ip())),
                Command::Revoke(last) => client.revoke(now, peer(last).ip()),
                Command::Bind(last) => drop(client.bind_channel(now, peer(last))),
                Command::Unbind(last) => client.unbind_channel(now, peer(last)),
                Command::Refresh => client.refresh(now),
                Command::Pass(seconds) => world.pass(SECOND * u32::from(seconds)),
                Command::Send(last) => {
                    let mut out = vec![0; HEADROOM];
                    out.extend([last; 5]);
                    let sealed = client.seal(now, peer(last), &mut out, HEADROOM);
                    if let Ok(sealed) = sealed {
                        let from = world.tuple(node);
                        world.hand_to_server(from, &mut out[sealed.start..]);
                        world.settle();
                        let arrived = world.peers.pop().map(|(_, to, data)| (to, data));
                        prop_assert_eq!(arrived, Some((peer(last), vec![last; 5])));
                    }
                }
                Command::Back(last) => {
                    let Some(relayed) = world.relayed(node) else { continue };
                    world.nodes[node].received.clear();
                    world.send_back(peer(last), relayed, &[last; 7]);
                    for received in &world.nodes[node].received {
                        prop_assert_eq!(received, &(peer(last), vec![last; 7]));
                    }
                }
            }
            world.settle();
            let lost = world.nodes[node].events.iter().any(|event| matches!(event, ClientEvent::Lost(_)));
            prop_assert!(!lost, "{:?}", world.nodes[node].events);
        }
    }
}
