//! TURN's fast path: what the server and the client do for each datagram, beside a copy of its payload, which they avoid.
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
    measure(
        &format!("1000 octets on a channel, {clients} client(s)"),
        effort,
        vec![
            Contender::new("server, to the peer", || {
                let input = outward.server.handle_input(outward.now, outward.from, &mut message);
                assert!(matches!(input, ServerInput::Payload(_)));
            }),
            Contender::new("server, to the client", || {
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
            Contender::new("client, sealing", || {
                out.clear();
                out.resize(HEADROOM + SIZE, 7);
                sealing.client.seal(sealing.now, sealing.peer, &mut out, HEADROOM).unwrap()
            }),
            Contender::new("a copy of the payload", || copy.copy_from_slice(std::hint::black_box(&payload))),
        ],
    )
}

fn main() {
    let effort = Effort::from_arguments();
    print_table(&[row(1, effort), row(10_000, effort)]);
}
