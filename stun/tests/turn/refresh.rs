//! Refresh: RFC 8656 section 8.2.

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};

use crate::by_hand;
use crate::world::*;

const REFRESH: MessageType = MessageType { method: Method::REFRESH, class: Class::Request };

fn lifetime(answer: &[u8]) -> Option<u32> {
    Message::parse(answer).unwrap().attribute::<Lifetime>().unwrap().map(|lifetime| lifetime.0)
}

fn both(world: &mut World) -> usize {
    let mut config = client_config(Transport::Udp);
    config.wanted = Wanted::Both { even: false };
    world.allocated(config)
}

fn of(family: AddressFamily) -> impl for<'o> Fn(MessageBuilder<'o>) -> MessageBuilder<'o> {
    move |builder| builder.attribute(&RequestedAddressFamily(family))
}

/// T18.
//= rfc8656#8.2-1 test
#[test]
fn a_lifetime_of_zero_ends_it_and_another_family_is_refused() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let from = world.tuple(node);
    let answer = world.ask(from, REFRESH, "alice", of(AddressFamily::Ipv6));
    assert_eq!(code(&answer), 443);
    let answer = world.ask(from, REFRESH, "alice", |builder| builder.attribute(&Lifetime(0)));
    assert_eq!((code(&answer), lifetime(&answer)), (0, Some(0)));
    world.settle();
    assert_eq!((world.open.len(), world.server.stats().allocations), (0, 0));
    let again = world.ask(from, REFRESH, "alice", |builder| builder.attribute(&Lifetime(0)));
    assert_eq!(code(&again), 437);
}

#[test]
fn a_refresh_sets_the_time_anew() {
    let mut world = World::new(config());
    let from = FiveTuple { client: client_address(0), server: server_address(), transport: Transport::Udp };
    let allocate = MessageType::new(Method::ALLOCATE, Class::Request);
    world.ask(from, allocate, "alice", |builder| builder.attribute(&RequestedTransport::UDP));
    world.pass(SECOND * 500);
    let answer = world.ask(from, REFRESH, "alice", |builder| builder.attribute(&Lifetime(1000)));
    assert_eq!(lifetime(&answer), Some(1000));
    world.pass(SECOND * 999);
    assert_eq!(world.server.stats().allocations, 1);
    world.pass(SECOND * 2);
    assert_eq!(world.server.stats().allocations, 0);
}

/// Of a dual allocation one half goes, with what hangs on it; the other stays with what hangs on that.
//= rfc8656#8.1-2 test
#[test]
fn one_half_of_a_dual_allocation_goes_without_the_other() {
    for (goes, stays) in [(peer_address(), peer_address_v6()), (peer_address_v6(), peer_address())] {
        let mut world = World::new(config());
        let node = both(&mut world);
        let now = world.now();
        for peer in [goes, stays] {
            world.nodes[node].client.bind_channel(now, peer).unwrap();
        }
        world.settle();
        let family = if goes.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 };
        let from = world.tuple(node);
        let answer = world.ask(from, REFRESH, "alice", |builder| of(family)(builder).attribute(&Lifetime(0)));
        assert_eq!(code(&answer), 0);
        world.settle();
        assert_eq!((world.open.len(), world.server.stats().allocations), (1, 1));
        world.send(node, goes, b"lost");
        world.send(node, stays, b"kept");
        assert_eq!(
            world.peers.iter().map(|(_, to, data)| (*to, &data[..])).collect::<Vec<_>>(),
            [(stays, &b"kept"[..])]
        );
        let permission = MessageType::new(Method::CREATE_PERMISSION, Class::Request);
        let answer = world.ask(from, permission, "alice", |builder| builder.attribute(&XorPeerAddress(goes)));
        assert_eq!(code(&answer), 443);
        let answer = world.ask(from, REFRESH, "alice", of(family));
        assert_eq!(code(&answer), 443);
    }
}

#[test]
fn halves_have_times_of_their_own() {
    let mut world = World::new(config());
    let from = FiveTuple { client: client_address(0), server: server_address(), transport: Transport::Udp };
    let allocate = MessageType::new(Method::ALLOCATE, Class::Request);
    world.ask(from, allocate, "alice", |builder| {
        builder.attribute(&RequestedTransport::UDP).attribute(&AdditionalAddressFamily(AddressFamily::Ipv6))
    });
    world.pass(SECOND * 300);
    assert_eq!(code(&world.ask(from, REFRESH, "alice", of(AddressFamily::Ipv6))), 0);
    world.pass(SECOND * 301);
    assert_eq!((world.open.len(), world.open.first().unwrap().1.is_ipv6()), (1, true));
    world.pass(SECOND * 300);
    assert_eq!(world.open.len(), 0);
}

#[test]
fn what_must_be_understood_and_is_not_changes_nothing() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let from = world.tuple(node);
    let unknown = Opaque { attribute_type: nomagic_stun::AttributeType(0x7777), value: &[] };
    let answer =
        world.ask(from, REFRESH, "alice", |builder| builder.attribute(&Lifetime(0)).attribute(&unknown));
    assert_eq!((code(&answer), world.server.stats().allocations), (420, 1));
    let mut unsigned =
        by_hand::plain(REFRESH, TransactionId([3; 12]), &|builder| builder.attribute(&Lifetime(0)));
    world.hand_to_server(from, &mut unsigned);
    assert_eq!(world.server.stats().allocations, 1);
}
