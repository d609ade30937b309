//! What a flood costs a server: T19 and T20, and the memory of a hundred thousand allocations.

use std::net::{Ipv4Addr, SocketAddr};

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, MessageType, Method, TransactionId};
use nomagic_testkit::{alloc, clock, rng};

use crate::by_hand;
use crate::world::*;

const ALLOCATE: MessageType = MessageType { method: Method::ALLOCATE, class: Class::Request };

fn from(ip: u32, port: u16) -> FiveTuple {
    let client = SocketAddr::new(Ipv4Addr::from_bits(ip).into(), port);
    FiveTuple { client, server: server_address(), transport: Transport::Udp }
}

fn request() -> Vec<u8> {
    by_hand::plain(ALLOCATE, TransactionId([1; 12]), &|builder| builder.attribute(&RequestedTransport::UDP))
}

/// T19: a million Allocates from everywhere leave nothing behind.
#[test]
fn a_million_unauthenticated_requests_leave_memory_where_it_was() {
    let mut server = Server::new(config(), &mut rng(1));
    let now = clock::origin();
    let mut out = Vec::with_capacity(4096);
    let mut request = request();
    let mut flood = |range: std::ops::Range<u32>, drain: bool| {
        for number in range {
            let from = from(number.wrapping_mul(2_654_435_761), 1000);
            assert_eq!(server.handle_input(now, from, &mut request), ServerInput::Consumed);
            while drain && server.poll_transmit(now, &mut out).is_some() {
                out.clear();
            }
        }
    };
    // The first ones find their places.
    flood(0..20_000, false);
    let flooded = alloc::count(|| flood(20_000..1_000_000, true));
    // Not even while an answer is written.
    assert_eq!(flooded.count, 0, "{flooded:?}");
    assert_eq!((server.stats().allocations, server.poll_timeout(), server.poll_event()), (0, None, None));
}

/// T20: whoever forges an address has the server send it no more than was spent on it, but for the allowance.
#[test]
fn no_more_octets_go_to_an_unproved_address_than_came_from_it() {
    for second in [0, 10] {
        let mut own = config();
        own.unauthenticated = UnauthenticatedAnswers { burst: 1000, per_second: 100 };
        let mut world = World::new(own);
        world.pass(SECOND * second);
        let (mut received, mut sent) = (0, 0);
        let mut ask = |world: &mut World, mut request: Vec<u8>| {
            received += request.len();
            world.hand_to_server(from(0xc000_0201, 9), &mut request);
            while let Some(answer) = world.poll_server() {
                sent += answer.len();
            }
        };
        for round in 0..3000u16 {
            let binding =
                by_hand::plain(MessageType::BINDING_REQUEST, TransactionId([2; 12]), &|builder| builder);
            let forged =
                by_hand::signed(ALLOCATE, TransactionId([3; 12]), "mallory", "n", &|builder| builder);
            let unknown =
                Opaque { attribute_type: nomagic_stun::AttributeType(round & 0x7ff | 0x7000), value: &[] };
            let strange = by_hand::plain(MessageType::BINDING_REQUEST, TransactionId([4; 12]), &|builder| {
                builder.attribute(&unknown)
            });
            for request in [request(), binding, forged, strange] {
                ask(&mut world, request);
            }
        }
        assert!(sent <= received + 1000, "{sent} octets for {received}");
        assert!(sent > received / 2, "who pays is answered: {sent} octets for {received}");
    }
}

/// A NAT with many clients behind it: those that sign pay for those that begin.
#[test]
fn many_clients_behind_one_address_all_get_in() {
    let mut config = config();
    config.allocations_per_user = 1000;
    config.allocations_per_address = 1000;
    let mut world = World::new(config);
    for number in 0..400 {
        let node = world.add(client_config(Transport::Udp), client_address(number));
        world.nodes[node].client.allocate(world.clock.now()).unwrap();
    }
    world.pass(SECOND * 40);
    assert_eq!(world.server.stats().allocations, 400);
}

/// Answers that nobody fetches are bounded.
#[test]
fn answers_that_wait_are_bounded() {
    let mut config = config();
    config.waiting = 10_000;
    config.unauthenticated.burst = u32::MAX;
    let mut server = Server::new(config, &mut rng(1));
    let now = clock::origin();
    let counted = alloc::count(|| {
        for number in 0..50_000 {
            server.handle_input(now, from(number, 1), &mut request());
        }
    });
    assert!(counted.peak < 60_000, "{counted:?}");
    let mut out = Vec::new();
    while server.poll_transmit(now, &mut out).is_some() {}
    assert!(out.len() <= 10_000 && out.len() > 9000, "{}", out.len());
    assert!(server.stats().dropped_answers > 40_000);
}

/// A hundred thousand allocations on seven relay addresses, each with a channel, in less than 200 MB.
#[test]
fn a_hundred_thousand_allocations_fit_into_200_mb() {
    let mut own = config();
    own.relays = (1..=7).map(|last| RelayRange::from(std::net::IpAddr::from([198, 51, 100, last]))).collect();
    (own.allocations, own.allocations_per_user) = (100_000, 100_000);
    let mut server = Server::new(own, &mut rng(1));
    let now = clock::origin();
    let mut out = Vec::new();
    // One nonce for each address, a thousand clients on each.
    let counted = alloc::count(|| {
        for ip in 0..1000u32 {
            let ip = 0xcb00_0000 + (ip << 8);
            server.handle_input(now, from(ip, 1), &mut request());
            out.clear();
            server.poll_transmit(now, &mut out).unwrap();
            let message = nomagic_stun::Message::parse(&out).unwrap();
            let nonce = message.attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned();
            for port in 0..100u16 {
                let id = |method: u8| {
                    let mut id = [method; 12];
                    id[..4].copy_from_slice(&ip.to_be_bytes());
                    id[4..6].copy_from_slice(&port.to_be_bytes());
                    TransactionId(id)
                };
                let allocate = by_hand::signed(ALLOCATE, id(1), "alice", &nonce, &|builder| {
                    builder.attribute(&RequestedTransport::UDP)
                });
                let bind = by_hand::signed(
                    MessageType::new(Method::CHANNEL_BIND, Class::Request),
                    id(2),
                    "alice",
                    &nonce,
                    &|builder| {
                        builder
                            .attribute(&ChannelNumberAttribute(0x4000))
                            .attribute(&XorPeerAddress(peer_address()))
                    },
                );
                for mut request in [allocate, bind] {
                    server.handle_input(now, from(ip, 1000 + port), &mut request);
                    while let Some(event) = server.poll_event() {
                        let ServerEvent::Open { relayed, protocol } = event else { panic!() };
                        server.relay_opened(now, relayed, protocol, true);
                    }
                    out.clear();
                    server.poll_transmit(now, &mut out).unwrap();
                    assert_eq!(code(&out), 0);
                }
            }
        }
    });
    assert_eq!(server.stats().allocations, 100_000);
    assert!(counted.peak < 200_000_000, "{} octets", counted.peak);
    // And all of it ends.
    server.handle_timeout(now + SECOND * 601);
    assert_eq!((server.stats().allocations, server.poll_timeout()), (0, None));
}
