//! Allocations that follow their clients: RFC 8016.

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, Message, MessageType, Method, TransactionId};

use crate::by_hand;
use crate::world::*;

const REFRESH: MessageType = MessageType { method: Method::REFRESH, class: Class::Request };

fn mobile() -> ClientConfig {
    let mut config = client_config(Transport::Udp);
    config.mobile = true;
    config
}

fn ticket(message: &[u8]) -> Vec<u8> {
    Message::parse(message).unwrap().attribute::<MobilityTicket<'_>>().unwrap().unwrap().0.to_vec()
}

//= rfc8016#3.2.2-4 test
//= rfc8016#3.2.2-5 test
//= rfc8016#3.2.2-6 test
#[test]
fn an_allocation_with_its_channels_follows_its_client_twice() {
    let mut world = World::new(config());
    let node = world.allocated(mobile());
    let now = world.now();
    world.nodes[node].client.bind_channel(now, peer_address()).unwrap();
    world.settle();
    let relayed = world.relayed(node).unwrap();
    let mut tickets =
        vec![ticket(world.nodes[node].seen.iter().find(|seen| seen.len() > 100 && code(seen) == 0).unwrap())];
    for new in ["192.0.2.77:1", "192.0.2.78:2"] {
        let old = world.nodes[node].address;
        world.network.add_host(address(new).ip());
        world.nodes[node].address = address(new);
        let now = world.now();
        assert!(world.nodes[node].client.moved(now));
        let mut out = vec![0; HEADROOM];
        assert_eq!(
            world.nodes[node].client.seal(now, peer_address(), &mut out, HEADROOM),
            Err(SendError::Moving)
        );
        world.settle();
        assert_eq!(world.nodes[node].events.last(), Some(&ClientEvent::Moved));
        tickets.push(ticket(world.nodes[node].seen.last().unwrap()));
        // Until the client sends data from there, data go where it was.
        world.send_back(peer_address(), relayed, b"to the old address");
        assert_eq!(world.peers.pop().unwrap().1, old);
        world.send(node, peer_address(), b"from the new one");
        assert_eq!(world.peers.pop(), Some((relayed, peer_address(), b"from the new one".to_vec())));
        world.send_back(peer_address(), relayed, b"to the new one");
        assert_eq!(world.nodes[node].received.pop().unwrap().1, b"to the new one");
        // The old five-tuple is nobody's now.
        let from = FiveTuple { client: old, ..world.tuple(node) };
        let mut data = world.nodes[node].sent.last().unwrap().clone();
        world.hand_to_server(from, &mut data);
        world.settle();
        assert!(world.peers.is_empty());
    }
    assert!(tickets[0] != tickets[1] && tickets[1] != tickets[2] && tickets[0] != tickets[2]);
    world.pass(SECOND * 2000);
    world.send(node, peer_address(), b"still");
    assert_eq!(world.peers.len(), 1, "it is refreshed from there");
    assert!(world.nodes[node].events.iter().all(|event| !matches!(event, ClientEvent::Lost(_))));
}

/// C5: a ticket that somebody else has seen does not get them the allocation.
//= rfc8016#3.2.2-1 test
//= rfc8016#3.2.2-2 test
//= rfc8016#3.2.2-3 test
//= rfc8016#5-1 test
//= rfc8016#5-2 test
//= rfc8016#5-3 test
#[test]
fn tickets_are_the_servers_and_good_for_their_user_only() {
    let mut world = World::new(config());
    let node = world.allocated(mobile());
    let good = ticket(world.nodes[node].seen.last().unwrap());
    let thief = FiveTuple { client: client_address(99), ..world.tuple(node) };
    let ask = |world: &mut World, from, user: &str, ticket: &[u8]| {
        code(&by_hand::ask(world, from, REFRESH, user, &|builder| builder.attribute(&MobilityTicket(ticket))))
    };
    assert_eq!(ask(&mut world, thief, "bob", &good), 441);
    let mut unsigned =
        by_hand::plain(REFRESH, TransactionId([1; 12]), &|builder| builder.attribute(&MobilityTicket(&good)));
    world.hand_to_server(thief, &mut unsigned);
    assert_eq!(code(&world.poll_server().unwrap()), 401);
    for at in [0, 15, 16, 31] {
        let mut bent = good.clone();
        bent[at] ^= 1;
        assert_eq!(ask(&mut world, thief, "alice", &bent), 400);
    }
    assert_eq!(ask(&mut world, thief, "alice", &good[..31]), 400);
    assert_eq!(ask(&mut world, thief, "alice", b""), 400);
    let own = world.tuple(node);
    assert_eq!(ask(&mut world, own, "alice", &good), 400, "it has not moved");
    let other = world.allocated(client_config(Transport::Udp));
    let taken = world.tuple(other);
    assert_eq!(ask(&mut world, taken, "alice", &good), 437, "another allocation is there");
    // Nothing of all this has changed anything.
    world.send_back(peer_address(), world.relayed(node).unwrap(), b"x");
    let now = world.now();
    world.nodes[node].client.close(now);
    world.settle();
    assert!(world.nodes[node].client.is_closed());
    assert_eq!(ask(&mut world, thief, "alice", &good), 437, "the allocation has ended");
}

/// The answer may be lost: the same request with the old ticket gets it again, for half a minute.
#[test]
fn a_repeated_request_with_the_old_ticket_is_answered_again() {
    let mut world = World::new(config());
    let node = world.allocated(mobile());
    let old = ticket(world.nodes[node].seen.last().unwrap());
    let new = FiveTuple { client: client_address(50), ..world.tuple(node) };
    let nonce = by_hand::nonce(&mut world, new);
    let ask = |id: u8| {
        by_hand::signed(REFRESH, TransactionId([id; 12]), "alice", &nonce, &|builder| {
            builder.attribute(&MobilityTicket(&old))
        })
    };
    let first = by_hand::exchange(&mut world, new, ask(1)).unwrap();
    assert_eq!(code(&first), 0);
    let again = by_hand::exchange(&mut world, new, ask(1)).unwrap();
    assert_eq!((code(&again), ticket(&again)), (0, ticket(&first)));
    assert_eq!(
        code(&by_hand::exchange(&mut world, new, ask(2)).unwrap()),
        400,
        "another request is no repetition"
    );
    world.pass(SECOND * 31);
    assert_eq!(code(&by_hand::exchange(&mut world, new, ask(1)).unwrap()), 437);
}

#[test]
fn a_server_that_moves_nobody_says_so() {
    let mut config = config();
    config.mobility = false;
    let mut world = World::new(config);
    let node = world.add(mobile(), client_address(0));
    let now = world.now();
    world.nodes[node].client.allocate(now).unwrap();
    world.settle();
    let Some(ClientEvent::Failed(failure)) = world.nodes[node].events.last() else { panic!() };
    assert_eq!(failure.advice, Advice::WithoutMobility);
    assert!(!world.nodes[node].client.moved(now));
}
