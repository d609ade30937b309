//! CreatePermission: RFC 8656 sections 9 and 10.

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{AttributeType, Class, Message, MessageBuilder, MessageType, Method};

use crate::world::*;

const CREATE: MessageType = MessageType { method: Method::CREATE_PERMISSION, class: Class::Request };

fn of<'o>(builder: MessageBuilder<'o>, peers: &[&str]) -> MessageBuilder<'o> {
    peers.iter().fold(builder, |builder, peer| builder.attribute(&XorPeerAddress(address(peer))))
}

/// T14: by address, not by port, and for five minutes.
//= rfc8656#9-1 test
#[test]
fn a_permission_is_for_an_address_and_lasts_five_minutes() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let (from, relayed) = (world.tuple(node), world.relayed(node).unwrap());
    // By hand, so that nobody renews it.
    assert_eq!(code(&world.ask(from, CREATE, "alice", |builder| of(builder, &["203.0.113.5:1"]))), 0);
    let arrives = |world: &mut World, from| {
        let before = world.nodes[node].seen.len();
        world.send_back(from, relayed, b"hello");
        world.nodes[node].seen.len() > before
    };
    assert!(arrives(&mut world, address("203.0.113.5:7000")));
    assert!(arrives(&mut world, address("203.0.113.5:7001")));
    world.network.add_host("203.0.113.6".parse().unwrap());
    assert!(!arrives(&mut world, address("203.0.113.6:7000")));
    world.pass(SECOND * 299);
    assert!(arrives(&mut world, peer_address()), "data do not shorten it");
    world.pass(SECOND);
    assert!(!arrives(&mut world, peer_address()), "and do not prolong it");
    assert_eq!(code(&world.ask(from, CREATE, "alice", |builder| of(builder, &["203.0.113.5:1"]))), 0);
    assert!(arrives(&mut world, peer_address()));
}

/// All or nothing, and each fault by its name.
//= rfc8656#10.2-1 test
//= rfc8656#10.2-2 test
#[test]
fn a_request_is_carried_out_whole_or_not_at_all() {
    let mut config = config();
    config.permissions = 3;
    let mut world = World::new(config);
    let node = world.allocated(client_config(Transport::Udp));
    let (from, relayed) = (world.tuple(node), world.relayed(node).unwrap());
    let good = "203.0.113.5:1";
    let cases: [(&[&str], u16); 7] = [
        (&[], 400),
        (&[good, "[2001:db8::1]:1"], 443),
        (&[good, "127.0.0.1:1"], 403),
        (&[good, "10.0.0.1:1"], 403),
        (&[good, "198.51.100.1:3478"], 403),
        (&[good, "203.0.113.6:1", "203.0.113.7:1", "203.0.113.8:1"], 508),
        (&[good, good, "203.0.113.5:2"], 0),
    ];
    for (peers, expected) in cases {
        assert_eq!(
            code(&world.ask(from, CREATE, "alice", |builder| of(builder, peers))),
            expected,
            "{peers:?}"
        );
        let before = world.nodes[node].seen.len();
        world.send_back(peer_address(), relayed, b"hello");
        assert_eq!(world.nodes[node].seen.len() > before, expected == 0, "{peers:?}");
    }
    let short = Opaque { attribute_type: AttributeType::XOR_PEER_ADDRESS, value: &[0, 1, 2, 3] };
    let answer = world.ask(from, CREATE, "alice", |builder| of(builder, &[good]).attribute(&short));
    assert_eq!(code(&answer), 400);
}

/// T12, through the server: wrapped in IPv6, the addresses of its own network stay out of reach.
#[test]
fn no_wrapping_leads_into_the_servers_network() {
    let mut world = World::new(config());
    let mut config = client_config(Transport::Udp);
    config.wanted = Wanted::Udp { family: Some(AddressFamily::Ipv6), port: Port::Any };
    let node = world.allocated(config);
    let from = world.tuple(node);
    for peer in ["[::ffff:127.0.0.1]:1", "[::1]:1", "[::]:1", "[64:ff9b::a00:1]:1", "[2002:7f00:1::1]:1"] {
        for kind in [CREATE, MessageType::new(Method::CHANNEL_BIND, Class::Request)] {
            let answer = world.ask(from, kind, "alice", |builder| {
                of(builder, &[peer]).attribute(&ChannelNumberAttribute(0x4000))
            });
            assert_eq!(code(&answer), 403, "{peer}");
        }
    }
}

//= rfc8656#10.1-1 test
//= rfc8656#10.1-3 test
#[test]
fn the_client_asks_for_what_its_allocation_can_do_and_renews_it() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let now = world.now();
    let wrong = world.nodes[node].client.permit(now, peer_address_v6().ip());
    assert_eq!(wrong, Err(PeerError::Family(peer_address_v6().ip())));
    let sent = world.nodes[node].sent.len();
    for last in [5, 6, 7] {
        world.nodes[node].client.permit(now, format!("203.0.113.{last}").parse().unwrap()).unwrap();
    }
    world.settle();
    let peers = |request: &[u8]| {
        let request = Message::parse(request).unwrap();
        assert_eq!(request.method(), Method::CREATE_PERMISSION);
        request.attributes().filter(|raw| raw.attribute_type == XorPeerAddress::TYPE).count()
    };
    assert_eq!(
        world.nodes[node].sent[sent..].iter().map(|request| peers(request)).collect::<Vec<_>>(),
        [1, 1, 1]
    );
    // Renewed together, in time.
    world.pass(SECOND * 241);
    assert_eq!(peers(world.nodes[node].sent.last().unwrap()), 3);
    let relayed = world.relayed(node).unwrap();
    for _ in 0..20 {
        world.pass(SECOND * 100);
        world.send_back(peer_address(), relayed, b"x");
    }
    assert_eq!(world.nodes[node].received.len(), 20);
    // What is not wanted any more runs out.
    let now = world.now();
    world.nodes[node].client.revoke(now, peer_address().ip());
    world.pass(SECOND * 301);
    world.send_back(peer_address(), relayed, b"x");
    assert_eq!(world.nodes[node].received.len(), 20);
}

#[test]
fn one_forbidden_address_does_not_spoil_the_others() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let now = world.now();
    for ip in ["203.0.113.5", "203.0.113.6"] {
        world.nodes[node].client.permit(now, ip.parse().unwrap()).unwrap();
    }
    world.nodes[node].client.permit(now, "10.0.0.1".parse().unwrap()).unwrap();
    world.settle();
    let refused = ClientEvent::NotPermitted {
        ip: "10.0.0.1".parse().unwrap(),
        code: nomagic_stun::ErrorCode::new(403),
    };
    assert!(world.nodes[node].events.contains(&refused));
    world.pass(SECOND * 1000);
    let relayed = world.relayed(node).unwrap();
    world.send_back(peer_address(), relayed, b"x");
    assert_eq!(world.nodes[node].received.len(), 1);
    assert_eq!(world.nodes[node].events.iter().filter(|event| **event == refused).count(), 1);
}
