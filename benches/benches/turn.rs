//! TURN's fast path: what the server and the client do for each datagram, beside a copy of its payload, which they avoid.
//!
//! With the feature `peers` turn-server-proto takes its turns in the same rounds, with as many of our clients.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench stops at the first thing that is wrong")]

use std::net::SocketAddr;
use std::time::Instant;

use nomagic_benches::{Contender, Effort, Row, measure, print_table};
use nomagic_stun::turn::{
    Client, ClientConfig, ClientEvent, FiveTuple, HEADROOM, LongTermCredential, RelayRange, Server,
    ServerConfig, ServerEvent, ServerInput, TAILROOM, Transport, Users,
};
use nomagic_testkit::rng;

const SIZE: usize = 1000;

/// A server with this many clients, each with a channel, and the last of them.
struct Pair {
    server: Server,
    client: Client,
    from: FiveTuple,
    relayed: SocketAddr,
    peer: SocketAddr,
    now: Instant,
}

impl Pair {
    fn new(clients: u16) -> Self {
        let now = Instant::now();
        let mut users = Users::new("example.org").unwrap();
        users.add("alice", "secret").unwrap();
        let mut config = ServerConfig::new(users);
        config.relays.push(RelayRange::from("198.51.100.2".parse::<std::net::IpAddr>().unwrap()));
        (config.allocations, config.allocations_per_user, config.allocations_per_address) =
            (20_000, 20_000, 20_000);
        let mut server = Server::new(config, &mut rng(1));
        let (there, peer) = ("198.51.100.1:3478".parse().unwrap(), "203.0.113.5:7000".parse().unwrap());
        let mut last = None;
        for number in 0..clients {
            let here = SocketAddr::from(([192, 0, 2, 1], 10_000 + number));
            let from = FiveTuple { client: here, server: there, transport: Transport::Udp };
            let credential = LongTermCredential::new("alice", "secret").unwrap();
            let mut client = Client::new(
                ClientConfig::new(there, Transport::Udp, credential),
                &mut rng(2 + u64::from(number)),
            );
            let relayed = connect(&mut server, &mut client, from, peer, now);
            last = Some((client, from, relayed));
        }
        let (client, from, relayed) = last.unwrap();
        Self { server, client, from, relayed, peer, now }
    }
}

/// An allocation and a channel.
fn connect(
    server: &mut Server,
    client: &mut Client,
    from: FiveTuple,
    peer: SocketAddr,
    now: Instant,
) -> SocketAddr {
    client.allocate(now).unwrap();
    let (mut out, mut relayed) = (Vec::new(), None);
    loop {
        while client.poll_transmit(now, &mut out).is_some() {
            server.handle_input(now, from, &mut out);
            out.clear();
        }
        while let Some(event) = server.poll_event() {
            let ServerEvent::Open { relayed, protocol } = event else { panic!("{event:?}") };
            server.relay_opened(now, relayed, protocol, true);
        }
        while server.poll_transmit(now, &mut out).is_some() {
            client.handle_input(now, from.server, &mut out);
            out.clear();
        }
        match client.poll_event() {
            Some(ClientEvent::Allocated(allocated)) => {
                relayed = Some(allocated.relayed);
                client.bind_channel(now, peer).unwrap();
            }
            Some(ClientEvent::Bound { .. }) => return relayed.unwrap(),
            _ => {}
        }
    }
}

fn row(clients: u16, effort: Effort) -> Row {
    let mut outward = Pair::new(clients);
    let mut message = vec![0; HEADROOM];
    message.extend([7; SIZE]);
    let sealed = outward.client.seal(outward.now, outward.peer, &mut message, HEADROOM).unwrap();
    let mut message = message.split_off(sealed.start);
    let mut inward = Pair::new(clients);
    let mut buffer = vec![0; HEADROOM + SIZE + TAILROOM];
    let mut sealing = Pair::new(1);
    let mut out = Vec::with_capacity(2048);
    let (payload, mut copy) = (vec![7; SIZE], vec![0; SIZE]);
    #[cfg(feature = "peers")]
    let (mut rival, mut rival_inward) = (peers::Rival::new(clients), peers::Rival::new(clients));
    #[cfg(feature = "peers")]
    let (channel_data, mut built) = (message.clone(), vec![0; SIZE + 100]);
    measure(
        &format!("1000 octets on a channel, {clients} client(s)"),
        effort,
        vec![
            Contender::new("server, outward", || {
                let input = outward.server.handle_input(outward.now, outward.from, &mut message);
                assert!(matches!(input, ServerInput::Payload(_)));
            }),
            Contender::new("server, inward", || {
                let range = HEADROOM..HEADROOM + SIZE;
                let relayed = inward.server.handle_peer_input(
                    inward.now,
                    inward.relayed,
                    inward.peer,
                    &mut buffer,
                    range,
                );
                assert!(relayed.is_some());
            }),
            #[cfg(feature = "peers")]
            Contender::new("turn-server-proto, outward", || rival.outward(&channel_data)),
            #[cfg(feature = "peers")]
            Contender::new("turn-server-proto, inward", || rival_inward.inward(&payload, &mut built)),
            Contender::new("client, sealing", || {
                out.clear();
                out.resize(HEADROOM + SIZE, 7);
                sealing.client.seal(sealing.now, sealing.peer, &mut out, HEADROOM).unwrap()
            }),
            Contender::new("a copy of the payload", || copy.copy_from_slice(std::hint::black_box(&payload))),
        ],
    )
}

#[cfg(feature = "peers")]
mod peers {
    use std::net::SocketAddr;

    use nomagic_stun::turn::{Client, ClientConfig, ClientEvent, LongTermCredential, Transport};
    use nomagic_testkit::rng;
    use turn_server_proto::api::{TurnServerApi, TurnServerPollRet};
    use turn_server_proto::server::TurnServer;
    use turn_server_proto::stun::Instant;
    use turn_server_proto::stun::agent::Transmit;
    use turn_server_proto::types::TransportType;
    use turn_server_proto::types::prelude::DelayedTransmitBuild;

    /// turn-server-proto with this many of our clients, each with a channel; the last of them.
    pub(crate) struct Rival {
        server: TurnServer,
        door: SocketAddr,
        client: SocketAddr,
        relayed: SocketAddr,
        peer: SocketAddr,
    }

    impl Rival {
        pub(crate) fn new(clients: u16) -> Self {
            let (door, peer) = ("198.51.100.1:3478".parse().unwrap(), "203.0.113.5:7000".parse().unwrap());
            let mut server = TurnServer::new(TransportType::Udp, door, "example.org".into());
            server.add_user("alice".into(), "secret".into());
            let mut rival = Self { server, door, client: door, relayed: door, peer };
            for number in 0..clients {
                rival.client = SocketAddr::from(([192, 0, 2, 1], 10_000 + number));
                rival.relayed = SocketAddr::from(([198, 51, 100, 2], 50_000 - number));
                rival.connect(u64::from(number));
            }
            rival
        }

        /// An allocation and a channel for our client.
        fn connect(&mut self, number: u64) {
            let now = nomagic_testkit::clock::origin();
            let credential = LongTermCredential::new("alice", "secret").unwrap();
            let config = ClientConfig::new(self.door, Transport::Udp, credential);
            let mut client = Client::new(config, &mut rng(2 + number));
            client.allocate(now).unwrap();
            let mut out = Vec::new();
            for _ in 0..20 {
                while client.poll_transmit(now, &mut out).is_some() {
                    let request = Transmit::new(&out[..], TransportType::Udp, self.client, self.door);
                    if let Some(answer) = self.server.recv(request, Instant::ZERO) {
                        client.handle_input(now, self.door, &mut answer.build().data);
                    }
                    out.clear();
                    self.open(&mut client);
                }
                match client.poll_event() {
                    Some(ClientEvent::Allocated(_)) => drop(client.bind_channel(now, self.peer).unwrap()),
                    Some(ClientEvent::Bound { .. }) => return,
                    _ => {}
                }
            }
            panic!("no channel");
        }

        /// Gives the allocation its socket, if one is asked for.
        fn open(&mut self, client: &mut Client) {
            let asked = self.server.poll(Instant::ZERO);
            let TurnServerPollRet::AllocateSocket {
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
            } = asked
            else {
                return;
            };
            let socket = Ok(self.relayed);
            let now = Instant::ZERO;
            self.server.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                socket,
                now,
            );
            while let Some(mut answer) = self.server.poll_transmit(now) {
                client.handle_input(nomagic_testkit::clock::origin(), self.door, &mut answer.data);
            }
        }

        pub(crate) fn outward(&mut self, channel_data: &[u8]) -> usize {
            let datagram = Transmit::new(channel_data, TransportType::Udp, self.client, self.door);
            let relayed = self.server.recv(datagram, Instant::ZERO).unwrap();
            assert_eq!(relayed.to, self.peer);
            relayed.data.len()
        }

        pub(crate) fn inward(&mut self, payload: &[u8], out: &mut [u8]) -> usize {
            let datagram = Transmit::new(payload, TransportType::Udp, self.peer, self.relayed);
            let relayed = self.server.recv(datagram, Instant::ZERO).unwrap();
            assert_eq!(relayed.to, self.client);
            relayed.write_into(out).data.len()
        }
    }
}

fn main() {
    let effort = Effort::from_arguments();
    print_table(&[row(1, effort), row(10_000, effort)]);
}
