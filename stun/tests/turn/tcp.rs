//! TCP to peers: RFC 6062, T21.

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, MessageType, Method};

use crate::by_hand;
use crate::world::*;

const CONNECT: MessageType = MessageType { method: Method::CONNECT, class: Class::Request };
const BIND: MessageType = MessageType { method: Method::CONNECTION_BIND, class: Class::Request };

fn tcp() -> ClientConfig {
    let mut config = client_config(Transport::Tcp);
    config.wanted = Wanted::Tcp { family: None };
    config
}

fn carrier(world: &World, node: usize, port: u16) -> FiveTuple {
    FiveTuple { client: client_address(port), ..world.tuple(node) }
}

/// The connections that the server wants made.
fn wanted(world: &mut World) -> Vec<(ConnectionId, std::net::SocketAddr)> {
    let events = std::mem::take(&mut world.server_events);
    let wanted = events.into_iter().filter_map(|event| match event {
        ServerEvent::Connect { connection, peer, .. } => Some((connection, peer)),
        _ => None,
    });
    wanted.collect()
}

fn bind(world: &mut World, from: FiveTuple, user: &str, connection: ConnectionId) -> u16 {
    let answer = by_hand::ask(world, from, BIND, user, &|builder| builder.attribute(&connection));
    let code = code(&answer);
    world.settle();
    code
}

#[test]
fn a_client_connects_joins_and_hangs_up() {
    let mut world = World::new(config());
    let node = world.allocated(tcp());
    assert_eq!(world.open.first().unwrap().0, Protocol::Tcp);
    let now = world.now();
    world.nodes[node].client.connect(now, peer_address()).unwrap();
    assert!(world.nodes[node].client.connect(now, peer_address()).is_err(), "one at a time to a peer");
    world.settle();
    let [(connection, peer)] = wanted(&mut world)[..] else { panic!() };
    assert_eq!(peer, peer_address());
    world.server.connected(now, connection, true);
    world.settle();
    assert_eq!(world.nodes[node].events.last(), Some(&ClientEvent::Connected { peer, connection }));
    // The client's second connection, with the client's own words.
    let client = &mut world.nodes[node].client;
    assert!(client.bind_connection(now, connection) && !client.bind_connection(now, connection));
    let mut out = Vec::new();
    let transmit = client.poll_transmit(now, &mut out).unwrap();
    assert_eq!(transmit.connection, Some(connection));
    let from = carrier(&world, node, 77);
    world.hand_to_server(from, &mut out);
    let mut answer = world.poll_server().unwrap();
    let input = world.nodes[node].client.handle_connection_input(now, connection, &mut answer);
    assert_eq!(input, ClientInput::Consumed);
    world.settle();
    assert_eq!(world.nodes[node].events.last(), Some(&ClientEvent::Joined(connection)));
    assert_eq!(world.server_events.pop_back(), Some(ServerEvent::Join { connection, client: from }));
    world.pass(SECOND * 100);
    world.server.handle_disconnect(world.clock.now(), from);
    assert_eq!(world.server.poll_event(), Some(ServerEvent::Disconnect { connection }));
}

#[test]
fn a_peer_connects_if_it_may() {
    let mut world = World::new(config());
    let node = world.allocated(tcp());
    let (now, relayed) = (world.now(), world.relayed(node).unwrap());
    assert_eq!(world.server.handle_connection(now, relayed, peer_address()), None, "nobody has let it in");
    world.nodes[node].client.permit(now, peer_address().ip()).unwrap();
    world.settle();
    let connection = world.server.handle_connection(now, relayed, peer_address()).unwrap();
    world.settle();
    assert_eq!(
        world.nodes[node].events.last(),
        Some(&ClientEvent::Connected { peer: peer_address(), connection })
    );
    let from = carrier(&world, node, 77);
    assert_eq!(bind(&mut world, from, "alice", connection), 0);
    world.server.handle_peer_disconnect(world.clock.now(), connection);
    assert_eq!(world.server.poll_event(), Some(ServerEvent::Hangup { client: from }));
}

/// T21 and C8: a wrong or used CONNECTION-ID, and somebody else's.
#[test]
fn a_connection_is_bound_once_by_its_user_over_a_stream() {
    let mut world = World::new(config());
    let node = world.allocated(tcp());
    let now = world.now();
    let own = world.tuple(node);
    let connect = |world: &mut World| {
        let fill: by_hand::Fill<'_> = &|builder| builder.attribute(&XorPeerAddress(peer_address()));
        let nonce = by_hand::nonce(world, own);
        let id =
            nomagic_stun::TransactionId::random(&mut nomagic_testkit::rng(world.server.stats().challenged));
        assert_eq!(by_hand::exchange(world, own, by_hand::signed(CONNECT, id, "alice", &nonce, fill)), None);
        wanted(world)[0].0
    };
    let connection = connect(&mut world);
    let first = carrier(&world, node, 77);
    assert_eq!(bind(&mut world, first, "alice", connection), 400, "it is not there yet");
    world.server.connected(now, connection, true);
    world.settle();
    assert_eq!(bind(&mut world, first, "alice", ConnectionId(connection.0 ^ 1)), 400);
    assert_eq!(bind(&mut world, own, "alice", connection), 400, "not on the control connection");
    let datagrams = FiveTuple { transport: Transport::Udp, ..first };
    assert_eq!(bind(&mut world, datagrams, "alice", connection), 400);
    assert_eq!(bind(&mut world, first, "bob", connection), 441);
    let missing = by_hand::ask(&mut world, first, BIND, "alice", &|builder| builder);
    assert_eq!(code(&missing), 400);
    assert_eq!(bind(&mut world, first, "alice", connection), 0);
    let second = carrier(&world, node, 78);
    assert_eq!(bind(&mut world, second, "alice", connection), 400, "it has its client");
}

/// T21: limits, peers and ends are each allocation's own.
#[test]
fn allocations_do_not_share_connections() {
    let mut own = config();
    own.connections = 1;
    let mut world = World::new(own);
    let nodes = [world.allocated(tcp()), world.allocated(tcp())];
    let now = world.now();
    let mut made = Vec::new();
    for node in nodes {
        world.nodes[node].client.connect(now, peer_address()).unwrap();
        world.settle();
        let [(connection, _)] = wanted(&mut world)[..] else { panic!("refused by what the other has") };
        world.server.connected(now, connection, true);
        made.push(connection);
    }
    world.settle();
    let from = world.tuple(nodes[0]);
    world.server.handle_disconnect(now, from);
    let events: Vec<_> = std::iter::from_fn(|| world.server.poll_event()).collect();
    assert!(events.contains(&ServerEvent::Disconnect { connection: made[0] }));
    assert!(!events.contains(&ServerEvent::Disconnect { connection: made[1] }));
    let from = carrier(&world, nodes[1], 77);
    assert_eq!(bind(&mut world, from, "alice", made[1]), 0);
}

/// T21: a second Connect, and one that cannot be.
#[test]
fn connects_that_cannot_be_are_refused_by_their_names() {
    let mut own = config();
    own.connections = 2;
    let mut world = World::new(own);
    let node = world.allocated(tcp());
    let (from, now) = (world.tuple(node), world.now());
    let ask = |world: &mut World, peer: &str| {
        let fill: by_hand::Fill<'_> = &|builder| builder.attribute(&XorPeerAddress(address(peer)));
        let nonce = by_hand::nonce(world, from);
        let id =
            nomagic_stun::TransactionId::random(&mut nomagic_testkit::rng(world.server.stats().challenged));
        let answer = by_hand::exchange(world, from, by_hand::signed(CONNECT, id, "alice", &nonce, fill));
        answer.map(|answer| code(&answer))
    };
    assert_eq!(ask(&mut world, "127.0.0.1:1"), Some(403));
    assert_eq!(ask(&mut world, "[2001:db8::1]:1"), Some(443));
    assert_eq!(ask(&mut world, "203.0.113.5:0"), Some(400));
    assert_eq!(ask(&mut world, "203.0.113.5:1"), None);
    assert_eq!(ask(&mut world, "203.0.113.5:1"), Some(446), "it is under way");
    let connection = wanted(&mut world)[0].0;
    world.server.connected(now, connection, true);
    assert_eq!(code(&world.poll_server().unwrap()), 0);
    assert_eq!(ask(&mut world, "203.0.113.5:1"), Some(446), "it waits");
    assert_eq!(ask(&mut world, "203.0.113.5:2"), None);
    assert_eq!(ask(&mut world, "203.0.113.5:3"), Some(508));
    let connection = wanted(&mut world)[0].0;
    world.server.connected(now, connection, false);
    assert_eq!(code(&world.poll_server().unwrap()), 447);
    assert_eq!(ask(&mut world, "203.0.113.5:2"), None, "it may be tried again");
    // An allocation for UDP connects nobody.
    let other = world.allocated(client_config(Transport::Tcp));
    let from = world.tuple(other);
    let answer = by_hand::ask(&mut world, from, CONNECT, "alice", &|builder| {
        builder.attribute(&XorPeerAddress(peer_address()))
    });
    assert_eq!(code(&answer), 400);
}

/// T21: half a minute to connect, half a minute to be fetched.
#[test]
fn connections_wait_for_thirty_seconds() {
    let mut world = World::new(config());
    let node = world.allocated(tcp());
    let now = world.now();
    world.nodes[node].client.connect(now, peer_address()).unwrap();
    world.settle();
    let (connection, peer) = wanted(&mut world)[0];
    world.pass(SECOND * 29);
    assert!(!world.server_events.contains(&ServerEvent::Disconnect { connection }));
    world.pass(SECOND);
    assert!(world.server_events.contains(&ServerEvent::Disconnect { connection }));
    let not = ClientEvent::NotConnected { peer, code: nomagic_stun::ErrorCode::new(447) };
    assert_eq!(world.nodes[node].events.last(), Some(&not));
    let now = world.now();
    let again = world.nodes[node].client.connect(now, peer_address());
    assert_eq!(again, Err(PeerError::TooSoon(SECOND * 10)), "and is left alone for ten");
    world.pass(SECOND * 10);
    let now = world.now();
    world.nodes[node].client.connect(now, peer_address()).unwrap();
    world.settle();
    let (connection, _) = wanted(&mut world)[0];
    world.server.connected(now, connection, true);
    world.pass(SECOND * 31);
    assert!(world.server_events.contains(&ServerEvent::Disconnect { connection }));
    let from = carrier(&world, node, 77);
    assert_eq!(bind(&mut world, from, "alice", connection), 400);
    let now = world.now();
    assert!(!world.nodes[node].client.bind_connection(now, connection), "the client knows");
}

#[test]
fn with_the_allocation_its_connections_end() {
    let mut world = World::new(config());
    let node = world.allocated(tcp());
    let (now, own) = (world.now(), world.tuple(node));
    world.nodes[node].client.connect(now, peer_address()).unwrap();
    world.settle();
    let (connection, _) = wanted(&mut world)[0];
    world.server.connected(now, connection, true);
    world.settle();
    let from = carrier(&world, node, 77);
    assert_eq!(bind(&mut world, from, "alice", connection), 0);
    world.server.handle_disconnect(now, own);
    world.settle();
    for event in [ServerEvent::Disconnect { connection }, ServerEvent::Hangup { client: from }] {
        assert!(world.server_events.contains(&event));
    }
    assert_eq!((world.open.len(), world.server.stats().allocations), (0, 0));
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn a_tcp_allocation_needs_a_stream_on_both_sides() {
    let mut config_udp = client_config(Transport::Udp);
    config_udp.wanted = Wanted::Tcp { family: None };
    let mut world = World::new(config());
    let node = world.add(config_udp, client_address(0));
    let now = world.now();
    assert_eq!(world.nodes[node].client.allocate(now), Err(AllocateError::Transport));
    let mut none = config();
    none.tcp = false;
    let mut world = World::new(none);
    let node = world.add(tcp(), client_address(0));
    world.nodes[node].client.allocate(now).unwrap();
    world.settle();
    let Some(ClientEvent::Failed(failure)) = world.nodes[node].events.last() else { panic!() };
    assert_eq!(failure.reason, Reason::Refused(nomagic_stun::ErrorCode::new(442).unwrap()));
}

/// A caller that does not hear of ends cannot be made to keep more and more of them.
#[test]
fn where_nobody_hears_of_ends_nothing_more_begins() {
    let mut own = config();
    own.connections = 5000;
    let mut world = World::new(own);
    let node = world.allocated(tcp());
    let (now, relayed) = (world.now(), world.relayed(node).unwrap());
    world.nodes[node].client.permit(now, peer_address().ip()).unwrap();
    world.settle();
    for _ in 0..4100 {
        assert!(world.server.handle_connection(now, relayed, peer_address()).is_some());
    }
    let later = now + SECOND * 30;
    world.server.handle_timeout(later);
    assert_eq!(world.server.handle_connection(later, relayed, peer_address()), None);
    let heard = std::iter::from_fn(|| world.server.poll_event());
    assert_eq!(heard.filter(|event| matches!(event, ServerEvent::Disconnect { .. })).count(), 4100);
    assert!(world.server.handle_connection(later, relayed, peer_address()).is_some());
}
