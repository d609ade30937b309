//! Channels: RFC 8656 section 12.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, MessageBuilder, MessageType, Method};
use proptest::prelude::*;

use crate::world::*;

const BIND: MessageType = MessageType { method: Method::CHANNEL_BIND, class: Class::Request };

fn of<'o>(builder: MessageBuilder<'o>, number: u16, peer: SocketAddr) -> MessageBuilder<'o> {
    builder.attribute(&ChannelNumberAttribute(number)).attribute(&XorPeerAddress(peer))
}

fn peer(last: u8) -> SocketAddr {
    SocketAddr::new(std::net::Ipv4Addr::new(203, 0, 113, last).into(), 7000)
}

//= rfc8656#12.2-1 test
#[test]
fn what_is_no_channel_is_refused_by_its_name() {
    let mut config = config();
    config.channels = 2;
    let mut world = World::new(config);
    let node = world.allocated(client_config(Transport::Udp));
    let from = world.tuple(node);
    let mut bind = |number, peer| code(&world.ask(from, BIND, "alice", |builder| of(builder, number, peer)));
    assert_eq!([bind(0x3fff, peer(5)), bind(0x5000, peer(5)), bind(0, peer(5))], [400; 3]);
    assert_eq!(bind(0x4000, SocketAddr::new(peer(5).ip(), 0)), 400);
    assert_eq!(bind(0x4000, peer_address_v6()), 443);
    assert_eq!([bind(0x4000, address("127.0.0.1:1")), bind(0x4000, server_address())], [403; 2]);
    assert_eq!([bind(0x4000, peer(5)), bind(0x4fff, peer(6)), bind(0x4001, peer(7))], [0, 0, 508]);
    assert_eq!([bind(0x4000, peer(6)), bind(0x4001, peer(5)), bind(0x4000, peer(5))], [400, 400, 0]);
    let halves: [&dyn for<'o> Fn(MessageBuilder<'o>) -> MessageBuilder<'o>; 2] =
        [&|builder| builder.attribute(&ChannelNumberAttribute(0x4000)), &|builder| {
            builder.attribute(&XorPeerAddress(peer(5)))
        }];
    for half in halves {
        assert_eq!(code(&world.ask(from, BIND, "alice", half)), 400);
    }
}

/// Of two peers in one request the first counts.
#[test]
fn the_first_of_two_peers_counts() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let from = world.tuple(node);
    let answer = world
        .ask(from, BIND, "alice", |builder| of(builder, 0x4000, peer(5)).attribute(&XorPeerAddress(peer(6))));
    assert_eq!(code(&answer), 0);
    world.hand_to_server(from, &mut [0x40, 0, 0, 1, 7]);
    world.settle();
    assert_eq!(world.peers.iter().map(|(_, to, _)| *to).collect::<Vec<_>>(), [peer(5)]);
}

/// T13: ten minutes, then free.
#[test]
fn a_channel_lasts_ten_minutes_and_its_number_is_free_again() {
    let mut world = World::new(config());
    let mut own = client_config(Transport::Udp);
    own.lifetime = Some(SECOND * 3600);
    let node = world.allocated(own);
    let from = world.tuple(node);
    let bind = |world: &mut World, number, peer| {
        code(&world.ask(from, BIND, "alice", |builder| of(builder, number, peer)))
    };
    assert_eq!(bind(&mut world, 0x4000, peer(5)), 0);
    world.pass(SECOND * 599);
    assert_eq!(bind(&mut world, 0x4000, peer(6)), 400);
    assert_eq!(bind(&mut world, 0x4001, peer(5)), 400);
    world.pass(SECOND);
    assert_eq!(bind(&mut world, 0x4000, peer(6)), 0);
    assert_eq!(bind(&mut world, 0x4001, peer(5)), 0);
}

/// The channel outlives the permission that came with it, which data do not prolong.
//= rfc8656#12.6-2 test
#[test]
fn channel_data_renew_nothing() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let from = world.tuple(node);
    assert_eq!(code(&world.ask(from, BIND, "alice", |builder| of(builder, 0x4000, peer(5)))), 0);
    let passes = |world: &mut World| {
        let before = world.peers.len();
        world.hand_to_server(from, &mut [0x40, 0, 0, 1, 7]);
        world.settle();
        world.peers.len() > before
    };
    for _ in 0..29 {
        world.pass(SECOND * 10);
        assert!(passes(&mut world));
    }
    world.pass(SECOND * 10);
    assert!(!passes(&mut world), "the permission is over");
    let create = MessageType::new(Method::CREATE_PERMISSION, Class::Request);
    assert_eq!(
        code(&world.ask(from, create, "alice", |builder| builder.attribute(&XorPeerAddress(peer(5))))),
        0
    );
    assert!(passes(&mut world), "the channel is not");
    world.pass(SECOND * 299);
    assert!(passes(&mut world));
    world.pass(SECOND);
    assert!(!passes(&mut world), "now it is too");
}

/// T13, the client's side: a model of ten and five minutes, by number and by peer.
//= rfc8656#12-3 test
#[test]
fn the_client_leaves_a_channel_alone_for_five_minutes_after_its_end() {
    let mut config = config();
    config.channels = 2;
    let mut world = World::new(config);
    let mut own = client_config(Transport::Udp);
    own.channels = 1;
    let node = world.allocated(own);
    let bind = |world: &mut World, last| {
        let now = world.now();
        let bound = world.nodes[node].client.bind_channel(now, peer(last));
        world.settle();
        bound
    };
    let number = bind(&mut world, 5).unwrap();
    let now = world.now();
    world.nodes[node].client.unbind_channel(now, peer(5));
    assert_eq!(bind(&mut world, 6), Err(PeerError::WouldBlock { limit: 1 }));
    world.pass(SECOND * 898);
    assert_eq!(bind(&mut world, 6), Err(PeerError::WouldBlock { limit: 1 }), "it cools down");
    assert_eq!(bind(&mut world, 5), Ok(number), "for the same peer the same number may be taken up again");
    let now = world.now();
    world.nodes[node].client.unbind_channel(now, peer(5));
    world.pass(SECOND * 899);
    assert_eq!(bind(&mut world, 6), Err(PeerError::WouldBlock { limit: 1 }));
    world.pass(SECOND * 2);
    assert!(bind(&mut world, 6).is_ok());
}

//= rfc8656#12.1-1 test
#[test]
fn the_client_binds_within_its_family_and_renews() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let now = world.now();
    let wrong = world.nodes[node].client.bind_channel(now, peer_address_v6());
    assert_eq!(wrong, Err(PeerError::Family(peer_address_v6().ip())));
    let channel = world.nodes[node].client.bind_channel(now, peer(5)).unwrap();
    world.settle();
    assert!(world.nodes[node].events.contains(&ClientEvent::Bound { peer: peer(5), channel }));
    for _ in 0..60 {
        world.pass(SECOND * 59);
        world.send(node, peer(5), b"ping");
        assert_eq!(world.nodes[node].sent.last().unwrap()[..2], channel.number().to_be_bytes());
    }
    assert_eq!(world.peers.len(), 60, "an hour without a gap");
    assert_eq!(
        world.nodes[node].events.iter().filter(|event| matches!(event, ClientEvent::Bound { .. })).count(),
        1
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// T13: the server against a model, by any sequence of binds and waits.
    #[test]
    fn bindings_are_a_partial_bijection_in_time(steps in prop::collection::vec((0..3u16, 1..4u8, 0..400u64), 1..40)) {
        let mut world = World::new(config());
        let mut own = client_config(Transport::Udp);
        own.lifetime = Some(SECOND * 3600);
        let node = world.allocated(own);
        let from = world.tuple(node);
        // Number to peer, and until which second.
        let (mut model, mut second) = (BTreeMap::<u16, (u8, u64)>::new(), 0);
        for (number, last, wait) in steps {
            second += wait;
            world.pass(SECOND * u32::try_from(wait).unwrap());
            model.retain(|_, (_, until)| second < *until);
            let free = model.get(&number).is_none_or(|(peer, _)| *peer == last)
                && model.iter().all(|(other, (peer, _))| *other == number || *peer != last);
            let answer = world.ask(from, BIND, "alice", |builder| of(builder, 0x4000 + number, peer(last)));
            prop_assert_eq!(code(&answer), if free { 0 } else { 400 });
            if free {
                model.insert(number, (last, second + 600));
            }
        }
    }
}
