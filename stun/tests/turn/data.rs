//! Data both ways: RFC 8656 sections 11 and 12.

use std::net::SocketAddr;

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};
use nomagic_testkit::alloc;

use crate::by_hand;
use crate::world::*;

const SEND: MessageType = MessageType { method: Method::SEND, class: Class::Indication };
const DATA: MessageType = MessageType { method: Method::DATA, class: Class::Indication };
const ID: TransactionId = TransactionId([1; 12]);

fn permitted(world: &mut World, config: ClientConfig) -> usize {
    let node = world.allocated(config);
    let now = world.now();
    world.nodes[node].client.permit(now, peer_address().ip()).unwrap();
    world.settle();
    node
}

fn bound(world: &mut World, transport: Transport) -> usize {
    let node = world.allocated(client_config(transport));
    let now = world.now();
    world.nodes[node].client.bind_channel(now, peer_address()).unwrap();
    world.settle();
    node
}

//= rfc8656#11.1-1 test
//= rfc8656#11.1-2 test
//= rfc8656#11.3-1 test
#[test]
fn indications_carry_data_of_any_length_both_ways() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let now = world.now();
    let mut out = vec![0; HEADROOM];
    let refused = world.nodes[node].client.seal(now, peer_address(), &mut out, HEADROOM);
    assert_eq!(refused, Err(SendError::NotPermitted(peer_address().ip())), "not before the server knows");
    world.nodes[node].client.permit(now, peer_address().ip()).unwrap();
    world.settle();
    let relayed = world.relayed(node).unwrap();
    for len in [0u32, 1, 2, 3, 4, 1200, 60_000] {
        let data: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
        world.send(node, peer_address(), &data);
        assert_eq!(world.peers.pop(), Some((relayed, peer_address(), data.clone())));
        let sent = Message::parse(world.nodes[node].sent.last().unwrap()).unwrap();
        assert_eq!((sent.message_type(), sent.attribute()), (SEND, Ok(Some(Data(&data)))));
        assert_eq!(sent.attribute::<XorPeerAddress>(), Ok(Some(XorPeerAddress(peer_address()))));
        world.send_back(peer_address(), relayed, &data);
        assert_eq!(world.nodes[node].received.pop(), Some((peer_address(), data.clone())));
        let seen = Message::parse(world.nodes[node].seen.last().unwrap()).unwrap();
        assert_eq!((seen.message_type(), seen.attribute()), (DATA, Ok(Some(Data(&data)))));
        assert_eq!(seen.attribute::<XorPeerAddress>(), Ok(Some(XorPeerAddress(peer_address()))));
    }
}

//= rfc8656#12.5-1 test
#[test]
fn a_bound_channel_is_used_both_ways() {
    let mut world = World::new(config());
    let node = bound(&mut world, Transport::Udp);
    let relayed = world.relayed(node).unwrap();
    for len in [0u16, 1, 3, 1200] {
        let data = vec![9; usize::from(len)];
        world.send(node, peer_address(), &data);
        assert_eq!(world.peers.pop(), Some((relayed, peer_address(), data.clone())));
        assert_eq!(world.nodes[node].sent.last().unwrap().len(), 4 + data.len());
        world.send_back(peer_address(), relayed, &data);
        assert_eq!(world.nodes[node].received.pop(), Some((peer_address(), data.clone())));
        let seen = world.nodes[node].seen.last().unwrap();
        assert_eq!(
            (seen.len(), &seen[2..4]),
            (4 + data.len(), &len.to_be_bytes()[..]),
            "no padding over UDP"
        );
    }
    // From another port of the same host data come in an indication.
    world.send_back(address("203.0.113.5:7001"), relayed, b"other");
    assert_eq!(Message::parse(world.nodes[node].seen.last().unwrap()).unwrap().message_type(), DATA);
}

/// T11: over a stream ChannelData is padded; both sides read it whether it is or not.
//= rfc8656#12.5-2 test
#[test]
fn over_a_stream_channel_data_are_padded_with_zeros() {
    let mut world = World::new(config());
    let node = bound(&mut world, Transport::Tcp);
    let relayed = world.relayed(node).unwrap();
    for len in 0..9 {
        let data = vec![9; len];
        world.send(node, peer_address(), &data);
        assert_eq!(world.peers.pop().unwrap().2, data);
        world.send_back(peer_address(), relayed, &data);
        assert_eq!(world.nodes[node].received.pop(), Some((peer_address(), data.clone())));
        for message in [world.nodes[node].sent.last().unwrap(), world.nodes[node].seen.last().unwrap()] {
            assert_eq!(message.len(), (4 + len).next_multiple_of(4));
            assert!(message[4 + len..].iter().all(|octet| *octet == 0), "C3: nothing leaks in the padding");
        }
    }
}

//= rfc8656#11.2-1 test
#[test]
fn send_indications_that_lack_something_are_dropped() {
    let mut world = World::new(config());
    let node = permitted(&mut world, client_config(Transport::Udp));
    // Somebody is there, whom the client has not let in.
    world.network.add_host("203.0.113.6".parse().unwrap());
    let from = world.tuple(node);
    let (peer, data) = (XorPeerAddress(peer_address()), Data(b"x"));
    let unknown = Opaque { attribute_type: nomagic_stun::AttributeType(0x7777), value: &[] };
    let optional = Opaque { attribute_type: nomagic_stun::AttributeType(0xf777), value: &[] };
    let cases: [(&str, by_hand::Fill<'_>, bool); 9] = [
        ("no peer", &|builder| builder.attribute(&data), false),
        ("no data", &|builder| builder.attribute(&peer), false),
        (
            "port 0",
            &|builder| builder.attribute(&XorPeerAddress(address("203.0.113.5:0"))).attribute(&data),
            false,
        ),
        (
            "DF, which cannot be set",
            &|builder| builder.attribute(&peer).attribute(&data).attribute(&DontFragment),
            false,
        ),
        (
            "what must be understood",
            &|builder| builder.attribute(&peer).attribute(&unknown).attribute(&data),
            false,
        ),
        (
            "a peer that is not permitted",
            &|builder| builder.attribute(&XorPeerAddress(address("203.0.113.6:1"))).attribute(&data),
            false,
        ),
        (
            "a peer of another family",
            &|builder| builder.attribute(&XorPeerAddress(peer_address_v6())).attribute(&data),
            false,
        ),
        (
            "what need not be understood",
            &|builder| builder.attribute(&peer).attribute(&optional).attribute(&data),
            true,
        ),
        ("nothing", &|builder| builder.attribute(&data).attribute(&peer), true),
    ];
    for (name, fill, passes) in cases {
        world.hand_to_server(from, &mut by_hand::plain(SEND, ID, fill));
        world.settle();
        assert_eq!(world.peers.pop().is_some(), passes, "{name}");
        assert_eq!(world.poll_server(), None, "nobody answers an indication");
    }
}

/// DF is asked for where both ends are IPv4, and over a stream; RFC 8656 section 13 has it ignored elsewhere.
//= rfc8656#13.1-1 test
//= rfc8656#13.2-4 test
//= rfc8656#13.3-2 test
#[test]
fn df_is_set_where_it_means_something() {
    let mut own = config();
    own.dont_fragment = true;
    let v4 = SocketAddr::new(client_address(0).ip(), 41_000);
    let v6 = address("[2001:db8:1::1]:41000");
    let cases = [
        (v4, Transport::Udp, peer_address(), 1),
        (v4, Transport::Udp, peer_address_v6(), 0),
        (v6, Transport::Udp, peer_address(), 0),
        (v6, Transport::Udp, peer_address_v6(), 0),
        (v4, Transport::Tcp, peer_address_v6(), 1),
    ];
    for (client, transport, peer, expected) in cases {
        let mut world = World::new(own.clone());
        let mut config = client_config(transport);
        config.dont_fragment = true;
        config.wanted = Wanted::Both { even: false };
        config.server = if client.is_ipv4() { server_address() } else { server_address_v6() };
        let node = world.add(config, client);
        let now = world.now();
        world.nodes[node].client.allocate(now).unwrap();
        world.settle();
        world.nodes[node].client.permit(now, peer.ip()).unwrap();
        world.settle();
        world.send(node, peer, b"may be cut");
        assert_eq!((world.peers.len(), world.unfragmented), (1, 0));
        let mut out = vec![0; HEADROOM];
        out.extend(b"must not");
        let sealed = world.nodes[node].client.seal_unfragmented(now, peer, &mut out, HEADROOM).unwrap();
        let from = world.tuple(node);
        world.hand_to_server(from, &mut out[sealed.start..]);
        world.settle();
        assert_eq!((world.peers.len(), world.unfragmented), (2, expected), "{client} {transport:?} {peer}");
    }
}

/// T11: a message that is cut anywhere goes nowhere.
#[test]
fn cut_channel_data_go_nowhere() {
    let mut world = World::new(config());
    let node = bound(&mut world, Transport::Udp);
    world.send(node, peer_address(), b"12345");
    let (from, whole) = (world.tuple(node), world.nodes[node].sent.last().unwrap().clone());
    world.peers.clear();
    for len in 0..whole.len() {
        let mut cut = whole[..len].to_vec();
        world.hand_to_server(from, &mut cut);
        let server = server_address();
        let now = world.now();
        assert!(!matches!(
            world.nodes[node].client.handle_input(now, server, &mut whole[..len].to_vec()),
            ClientInput::Payload { .. }
        ));
    }
    world.settle();
    assert_eq!(world.peers.len(), 0);
    let mut longer = [&whole[..], &[1, 2, 3]].concat();
    world.hand_to_server(from, &mut longer);
    world.settle();
    assert_eq!(world.peers.pop().unwrap().2, b"12345", "what follows the data is padding");
}

//= rfc8656#11.5-1 test
//= rfc8656#11.5-2 test
//= rfc8656#18.13-2 test
#[test]
fn what_the_network_says_reaches_the_client_by_the_peers_permission() {
    let mut world = World::new(config());
    let node = permitted(&mut world, client_config(Transport::Udp));
    let relayed = world.relayed(node).unwrap();
    let icmp = |icmp_type, code, data| Icmp { icmp_type, code, data };
    let stranger = address("203.0.113.6:1");
    let cases = [
        (peer_address(), icmp(3, 3, 0), Some(icmp(3, 3, 0))),
        (peer_address(), icmp(3, 4, 1400), Some(icmp(3, 4, 1400))),
        (peer_address(), icmp(3, 1, 1400), Some(icmp(3, 1, 0))),
        (peer_address(), icmp(11, 0, 0), Some(icmp(11, 0, 0))),
        (peer_address(), icmp(8, 0, 0), None),
        (stranger, icmp(3, 3, 0), None),
    ];
    for (peer, said, heard) in cases {
        let (now, before) = (world.now(), world.nodes[node].events.len());
        let seen_before = world.nodes[node].seen.len();
        world.server.handle_icmp(now, relayed, peer, said);
        world.settle();
        let expected: Vec<_> = heard.map(|icmp| ClientEvent::Icmp { peer, icmp }).into_iter().collect();
        assert_eq!(world.nodes[node].events[before..], expected);
        // The client would drop what it has not permitted; the server does not even send it.
        assert_eq!(world.nodes[node].seen.len() - seen_before, expected.len(), "{peer}");
        if let Some(icmp) = heard {
            let seen = Message::parse(world.nodes[node].seen.last().unwrap()).unwrap();
            assert_eq!((seen.message_type(), seen.attribute::<Icmp>()), (DATA, Ok(Some(icmp))));
            assert_eq!(seen.attribute::<XorPeerAddress>(), Ok(Some(XorPeerAddress(peer))));
        }
    }
}

#[test]
fn the_client_believes_nobody_but_the_server_and_no_peer_that_it_has_not_permitted() {
    let mut world = World::new(config());
    let node = permitted(&mut world, client_config(Transport::Udp));
    let now = world.now();
    let data = |peer: &str| {
        by_hand::plain(DATA, ID, &|builder: MessageBuilder<'_>| {
            builder.attribute(&XorPeerAddress(address(peer))).attribute(&Data(b"x"))
        })
    };
    let mut hand = |source: SocketAddr, mut message: Vec<u8>| match world.nodes[node].client.handle_input(
        now,
        source,
        &mut message,
    ) {
        ClientInput::Payload { .. } => "payload",
        ClientInput::Consumed => "consumed",
        ClientInput::NotMine => "not mine",
    };
    assert_eq!(hand(server_address(), data("203.0.113.5:1")), "payload");
    assert_eq!(hand(server_address(), data("203.0.113.6:1")), "consumed");
    assert_eq!(hand(address("203.0.113.9:9"), data("203.0.113.5:1")), "not mine");
    assert_eq!(hand(server_address(), vec![0x40, 0, 0, 0]), "consumed");
    assert_eq!(hand(server_address(), b"\x80rtp".to_vec()), "not mine");
    let stats = world.nodes[node].client.stats();
    assert_eq!((stats.received, stats.dropped_permission, stats.dropped_channel), (1, 1, 1));
}

#[test]
fn bandwidth_is_bounded_where_that_is_configured() {
    let mut config = config();
    config.bandwidth = Some(10_000);
    let mut world = World::new(config);
    let node = bound(&mut world, Transport::Udp);
    for _ in 0..30 {
        world.send(node, peer_address(), &[0; 1000]);
    }
    assert_eq!((world.peers.len(), world.server.stats().dropped_bandwidth), (10, 20));
    world.pass(SECOND / 2);
    for _ in 0..30 {
        world.send(node, peer_address(), &[0; 1000]);
    }
    assert_eq!(world.peers.len(), 15);
}

#[test]
fn relaying_and_sealing_allocate_nothing() {
    let mut world = World::new(config());
    let node = bound(&mut world, Transport::Udp);
    let (from, relayed, now) = (world.tuple(node), world.relayed(node).unwrap(), world.now());
    let mut out = Vec::with_capacity(2000);
    let mut buffer = vec![0; 2000];
    let server = &mut world.server;
    let client = &mut world.nodes[node].client;
    let mut exchange = |rounds| {
        for _ in 0..rounds {
            out.clear();
            out.resize(HEADROOM + 1000, 7);
            let sealed = client.seal(now, peer_address(), &mut out, HEADROOM).unwrap();
            assert!(matches!(
                server.handle_input(now, from, &mut out[sealed.start..]),
                ServerInput::Payload(_)
            ));
            let inward =
                server.handle_peer_input(now, relayed, peer_address(), &mut buffer, 100..1100).unwrap();
            assert!(matches!(
                client.handle_input(now, server_address(), inward.message),
                ClientInput::Payload { .. }
            ));
        }
    };
    // The first header finds its place.
    exchange(1);
    alloc::assert_none(|| exchange(100));
}
