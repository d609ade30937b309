//! Allocate: RFC 8656 section 7.2 check by check.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{AttributeType, Class, Message, MessageBuilder, MessageType, Method, TransactionId};

use crate::by_hand;
use crate::world::*;

const ALLOCATE: MessageType = MessageType { method: Method::ALLOCATE, class: Class::Request };

fn stranger(port: u16) -> FiveTuple {
    FiveTuple { client: client_address(port), server: server_address(), transport: Transport::Udp }
}

fn relayed(answer: &[u8]) -> Vec<SocketAddr> {
    let message = Message::parse(answer).unwrap();
    let raw = message.attributes().filter(|raw| raw.attribute_type == XorRelayedAddress::TYPE);
    raw.map(|raw| XorRelayedAddress::parse(&raw, message.transaction_id()).unwrap().0).collect()
}

fn udp(builder: MessageBuilder<'_>) -> MessageBuilder<'_> {
    builder.attribute(&RequestedTransport::UDP)
}

//= rfc8656#5-1 test
//= rfc8656#5-11 test
//= rfc8656#7.1-4 test
//= rfc8656#7.2-3 test
#[test]
fn a_client_gets_an_address_over_udp_with_a_password() {
    let mut world = World::new(config());
    let node = world.allocated(client_config(Transport::Udp));
    let Some(ClientEvent::Allocated(allocated)) = world.nodes[node].events.first().copied() else { panic!() };
    assert_eq!(allocated.mapped, world.nodes[node].address);
    assert_eq!(allocated.relayed.ip().to_string(), "198.51.100.2");
    assert!(allocated.relayed.port() >= 49_152);
    assert_eq!((allocated.lifetime, allocated.second), (600 * SECOND, None));
    let sent = &world.nodes[node].sent;
    assert_eq!(sent.len(), 2, "one that is challenged, one that is signed");
    for request in sent {
        let request = Message::parse(request).unwrap();
        assert_eq!(request.attribute::<RequestedTransport>(), Ok(Some(RequestedTransport::UDP)));
        assert!(request.attribute::<Software<'_>>().unwrap().is_some());
    }
    let answer = Message::parse(world.nodes[node].seen.last().unwrap()).unwrap();
    assert!(answer.attribute::<Software<'_>>().unwrap().is_some());
}

//= rfc8656#7.2-2 test
#[test]
fn without_a_password_there_is_no_allocation() {
    let mut world = World::new(config());
    let request = by_hand::plain(ALLOCATE, TransactionId([1; 12]), &udp);
    let answer = by_hand::exchange(&mut world, stranger(0), request).unwrap();
    assert_eq!(code(&answer), 401);
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.attribute::<Realm<'_>>().unwrap().unwrap().as_str(), REALM);
    assert!(message.attribute::<Nonce<'_>>().unwrap().is_some());
    assert_eq!(world.server.stats().allocations, 0);
    assert!(world.server_events.is_empty());
}

/// T15.
#[test]
fn a_repeated_request_gets_the_same_answer_and_another_one_437() {
    let mut world = World::new(config());
    let (from, id) = (stranger(0), TransactionId([1; 12]));
    let nonce = by_hand::nonce(&mut world, from);
    let request = by_hand::signed(ALLOCATE, id, "alice", &nonce, &udp);
    let first = by_hand::exchange(&mut world, from, request.clone()).unwrap();
    let again = by_hand::exchange(&mut world, from, request).unwrap();
    assert_eq!((code(&first), first == again), (0, true));
    let other = by_hand::signed(ALLOCATE, TransactionId([2; 12]), "alice", &nonce, &udp);
    assert_eq!(code(&by_hand::exchange(&mut world, from, other).unwrap()), 437);
    // Somebody else who has heard the id does not get the first one's answer.
    let forged = by_hand::signed(ALLOCATE, id, "bob", &nonce, &udp);
    assert_eq!(code(&by_hand::exchange(&mut world, from, forged).unwrap()), 437);
    assert_eq!(world.server.stats().allocations, 1);
}

/// T15, while the socket is not open yet.
#[test]
fn a_request_repeated_before_the_socket_is_open_makes_no_second_allocation() {
    let mut world = World::new(config());
    let from = stranger(0);
    let nonce = by_hand::nonce(&mut world, from);
    let request = by_hand::signed(ALLOCATE, TransactionId([1; 12]), "alice", &nonce, &udp);
    for _ in 0..3 {
        world.hand_to_server(from, &mut request.clone());
    }
    assert_eq!(world.poll_server(), None, "nothing is promised before it is there");
    world.serve_sockets();
    assert_eq!(code(&world.poll_server().unwrap()), 0);
    assert_eq!((world.poll_server(), world.open.len()), (None, 1));
}

#[test]
fn what_cannot_be_combined_is_a_bad_request() {
    let mut world = World::new(config());
    let token = ReservationToken([1; 8]);
    let (v4, v6) =
        (RequestedAddressFamily(AddressFamily::Ipv4), AdditionalAddressFamily(AddressFamily::Ipv6));
    let cases: [(&str, by_hand::Fill<'_>, u16); 12] = [
        ("no transport", &|builder| builder, 400),
        ("SCTP", &|builder| builder.attribute(&RequestedTransport(132)), 442),
        ("TCP over datagrams", &|builder| builder.attribute(&RequestedTransport::TCP), 400),
        ("token and even", &|builder| udp(builder).attribute(&token).attribute(&EvenPort(false)), 400),
        ("token and family", &|builder| udp(builder).attribute(&token).attribute(&v4), 400),
        ("token and second family", &|builder| udp(builder).attribute(&token).attribute(&v6), 400),
        ("an unknown token", &|builder| udp(builder).attribute(&token), 508),
        ("two ways to want a family", &|builder| udp(builder).attribute(&v4).attribute(&v6), 400),
        ("a pair of both families", &|builder| udp(builder).attribute(&v6).attribute(&EvenPort(true)), 400),
        (
            "a second family that is the first",
            &|builder| udp(builder).attribute(&AdditionalAddressFamily(AddressFamily::Ipv4)),
            400,
        ),
        ("a ticket", &|builder| udp(builder).attribute(&MobilityTicket(&[1])), 400),
        (
            "a malformed lifetime",
            &|builder| {
                udp(builder).attribute(&Opaque { attribute_type: AttributeType::LIFETIME, value: &[0; 3] })
            },
            400,
        ),
    ];
    for (name, fill, expected) in cases {
        let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", fill);
        assert_eq!(code(&answer), expected, "{name}");
    }
    assert_eq!(world.server.stats().allocations, 0);
}

/// T7: and the list that goes with it.
//= rfc8656#3.7-3 test
#[test]
fn dont_fragment_is_not_understood_where_df_cannot_be_set() {
    let mut world = World::new(config());
    let unknown = Opaque { attribute_type: AttributeType(0x7777), value: &[] };
    let fill: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&DontFragment).attribute(&unknown);
    let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", fill);
    let list = Message::parse(&answer).unwrap().attribute::<UnknownAttributes>().unwrap().unwrap();
    let expected = vec![AttributeType::DONT_FRAGMENT, AttributeType(0x7777)];
    assert_eq!((code(&answer), list.iter().collect::<Vec<_>>()), (420, expected));
    let mut able = config();
    able.dont_fragment = true;
    let mut world = World::new(able);
    let fill: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&DontFragment);
    assert_eq!(code(&by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", fill)), 0);
}

//= rfc8656#7.2-4 test
//= rfc8656#7.2-5 test
//= rfc8656#7.2-6 test
#[test]
fn families_are_given_as_asked_for_and_ipv4_else() {
    let mut world = World::new(config());
    for (wanted, ipv4) in
        [(None, true), (Some(AddressFamily::Ipv4), true), (Some(AddressFamily::Ipv6), false)]
    {
        let from = stranger(u16::from(ipv4) + 2 * u16::from(wanted.is_some()));
        let answer = by_hand::ask(&mut world, from, ALLOCATE, "alice", &|builder| match wanted {
            Some(family) => udp(builder).attribute(&RequestedAddressFamily(family)),
            None => udp(builder),
        });
        assert_eq!(relayed(&answer).iter().map(SocketAddr::is_ipv4).collect::<Vec<_>>(), [ipv4]);
    }
    for (left, wanted) in [(1, None), (1, Some(AddressFamily::Ipv4)), (0, Some(AddressFamily::Ipv6))] {
        let mut config = config();
        config.relays = vec![config.relays[left].clone()];
        let mut world = World::new(config);
        let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", &|builder| match wanted {
            Some(family) => udp(builder).attribute(&RequestedAddressFamily(family)),
            None => udp(builder),
        });
        assert_eq!(code(&answer), 440, "{wanted:?}");
    }
}

/// T17.
#[test]
fn of_two_families_the_missing_one_is_named_with_its_reason() {
    let both: by_hand::Fill<'_> =
        &|builder| udp(builder).attribute(&AdditionalAddressFamily(AddressFamily::Ipv6));
    let mut world = World::new(config());
    let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", both);
    assert_eq!(relayed(&answer).iter().map(SocketAddr::is_ipv4).collect::<Vec<_>>(), [true, false]);
    assert_eq!(Message::parse(&answer).unwrap().attribute::<AddressErrorCode<'_>>(), Ok(None));
    for (left, family) in [(0, AddressFamily::Ipv6), (1, AddressFamily::Ipv4)] {
        let mut only = config();
        only.relays = vec![only.relays[left].clone()];
        let mut full = config();
        full.relays[1 - left].ports = 50_000..=50_000;
        for (config, expected) in [(only, 440), (full, 508)] {
            let mut world = World::new(config);
            if expected == 508 {
                // Somebody has the only port.
                let take: by_hand::Fill<'_> =
                    &|builder| udp(builder).attribute(&RequestedAddressFamily(family));
                assert_eq!(code(&by_hand::ask(&mut world, stranger(1), ALLOCATE, "bob", take)), 0);
            }
            let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", both);
            let message = Message::parse(&answer).unwrap();
            let missing = message.attribute::<AddressErrorCode<'_>>().unwrap().unwrap();
            assert_eq!((missing.family, missing.code().code()), (family, expected));
            assert_eq!(relayed(&answer).len(), 1);
        }
    }
}

/// T16.
//= rfc8656#7.2-10 test
#[test]
fn an_even_port_and_the_one_after_it() {
    let mut world = World::new(config());
    let even: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&EvenPort(false));
    let pair: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&EvenPort(true));
    let redeem = |world: &mut World, port, after: u32| {
        let answer = by_hand::ask(world, stranger(port), ALLOCATE, "alice", pair);
        let first = relayed(&answer)[0];
        let token = Message::parse(&answer).unwrap().attribute::<ReservationToken>().unwrap().unwrap();
        world.pass(SECOND * after);
        let second: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&token);
        // Another user may redeem it: the token is what counts.
        let answer = by_hand::ask(world, stranger(port + 1), ALLOCATE, "bob", second);
        if code(&answer) != 0 {
            return code(&answer);
        }
        assert_eq!(relayed(&answer), [SocketAddr::new(first.ip(), first.port() + 1)]);
        // A token is good once.
        let again = by_hand::ask(world, stranger(port + 2), ALLOCATE, "bob", second);
        assert_eq!(code(&again), 508);
        0
    };
    assert_eq!(redeem(&mut world, 0, 29), 0);
    assert_eq!(redeem(&mut world, 10, 31), 508);
    let answer = by_hand::ask(&mut world, stranger(20), ALLOCATE, "alice", even);
    assert_eq!(relayed(&answer)[0].port() % 2, 0);
    assert_eq!(Message::parse(&answer).unwrap().attribute::<ReservationToken>(), Ok(None));
}

/// T16: both ports of a pair are opened before the client hears of it; if another program has one, another pair is found.
#[test]
fn a_pair_of_which_one_is_taken_gives_way_to_another_pair() {
    let pair: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&EvenPort(true));
    for taken in [50_000, 50_001] {
        let mut config = config();
        config.relays[0].ports = 50_000..=50_003;
        let mut world = World::new(config);
        world.taken.insert(taken);
        // Whichever pair is drawn first.
        for round in 0..8 {
            let answer = by_hand::ask(&mut world, stranger(2 * round), ALLOCATE, "alice", pair);
            let second = address("198.51.100.2:50003");
            assert_eq!(relayed(&answer), [address("198.51.100.2:50002")]);
            assert!(world.open.contains(&(Protocol::Udp, second)) && world.open.len() == 2);
            let token = Message::parse(&answer).unwrap().attribute::<ReservationToken>().unwrap().unwrap();
            if round % 2 == 0 {
                let redeem: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&token);
                let answer = by_hand::ask(&mut world, stranger(2 * round + 1), ALLOCATE, "bob", redeem);
                assert_eq!(relayed(&answer), [second]);
                assert_eq!(world.server.stats().allocations, 2);
            }
            world.pass(SECOND * 601);
            assert_eq!((world.open.len(), world.server.poll_timeout()), (0, None));
        }
    }
}

#[test]
fn a_pair_that_cannot_be_had_leaves_nothing_behind() {
    let mut config = config();
    config.relays[0].ports = 50_000..=50_003;
    config.allocations_per_user = 2;
    let mut world = World::new(config);
    let pair: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&EvenPort(true));
    world.taken = [50_001, 50_003].into();
    for port in 0..3 {
        assert_eq!(code(&by_hand::ask(&mut world, stranger(port), ALLOCATE, "alice", pair)), 508);
        assert_eq!((world.open.len(), world.server.stats().allocations), (0, 0));
    }
    // Neither of the ports nor of the quota is anything lost.
    world.taken.clear();
    let first = by_hand::ask(&mut world, stranger(4), ALLOCATE, "alice", pair);
    let second = by_hand::ask(&mut world, stranger(5), ALLOCATE, "bob", pair);
    let ports: BTreeSet<_> = [first, second].iter().map(|answer| relayed(answer)[0].port()).collect();
    assert_eq!(ports, [50_000, 50_002].into());
    assert_eq!(code(&by_hand::ask(&mut world, stranger(6), ALLOCATE, "alice", &udp)), 486);
    // Nobody brings the tokens: the held ports are closed, and to be had again.
    world.pass(SECOND * 31);
    assert_eq!(world.open.len(), 2);
    assert_eq!(relayed(&by_hand::ask(&mut world, stranger(7), ALLOCATE, "alice", &udp))[0].port() % 2, 1);
}

//= rfc8656#6-1 test
#[test]
fn no_two_allocations_share_an_address() {
    let mut config = config();
    config.relays[0].ports = 50_000..=50_039;
    config.allocations_per_user = 100;
    let mut world = World::new(config);
    let mut given = BTreeSet::new();
    for port in 0..40 {
        let answer = by_hand::ask(&mut world, stranger(port), ALLOCATE, "alice", &udp);
        assert!(given.insert(relayed(&answer)[0]));
    }
    let answer = by_hand::ask(&mut world, stranger(40), ALLOCATE, "alice", &udp);
    assert_eq!(code(&answer), 508);
}

#[test]
fn quotas_hold_by_user_by_address_and_in_all() {
    let mut config = config();
    (config.allocations_per_user, config.allocations_per_address, config.allocations) = (2, 3, 4);
    let mut world = World::new(config);
    let elsewhere = FiveTuple { client: address("192.0.2.2:1"), ..stranger(0) };
    let mut ask = |from, user| code(&by_hand::ask(&mut world, from, ALLOCATE, user, &udp));
    assert_eq!(
        [ask(stranger(0), "alice"), ask(stranger(1), "alice"), ask(stranger(2), "alice")],
        [0, 0, 486]
    );
    assert_eq!([ask(stranger(3), "bob"), ask(stranger(4), "bob"), ask(elsewhere, "bob")], [0, 486, 0]);
    let third = FiveTuple { client: address("192.0.2.3:1"), ..stranger(0) };
    assert_eq!(ask(third, "bob"), 486);
    world.pass(SECOND * 601);
    assert_eq!(code(&by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", &udp)), 0, "they ended");
}

#[test]
fn a_port_that_cannot_be_opened_is_replaced_and_eight_are_tried() {
    let mut world = World::new(config());
    world.broken = 7;
    world.allocated(client_config(Transport::Udp));
    assert_eq!(world.open.len(), 1);
    world.broken = 8;
    let node = world.add(client_config(Transport::Udp), client_address(9));
    world.nodes[node].client.allocate(world.clock.now()).unwrap();
    world.settle();
    assert!(
        matches!(world.nodes[node].events[..], [ClientEvent::Failed(failure)] if failure.reason == Reason::Refused(nomagic_stun::ErrorCode::INSUFFICIENT_CAPACITY)),
        "{:?}",
        world.nodes[node].events
    );
    assert_eq!((world.open.len(), world.server.stats().allocations), (1, 1));
}

#[test]
fn an_allocation_ends_with_its_time() {
    let mut world = World::new(config());
    let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", &udp);
    let relayed = relayed(&answer)[0];
    world.pass(SECOND * 599);
    assert_eq!((world.open.len(), world.server.stats().allocations), (1, 1));
    world.pass(SECOND * 2);
    assert_eq!((world.open.len(), world.server.stats().allocations), (0, 0));
    assert!(world.server_events.contains(&ServerEvent::Close { relayed, protocol: Protocol::Udp }));
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn lifetimes_are_between_the_default_and_the_maximum() {
    let mut world = World::new(config());
    for (port, (wanted, given)) in
        [(0, 600), (1, 600), (599, 600), (601, 601), (3600, 3600), (u32::MAX, 3600)].into_iter().enumerate()
    {
        let from = stranger(u16::try_from(port).unwrap());
        let fill: by_hand::Fill<'_> = &|builder| udp(builder).attribute(&Lifetime(wanted));
        let answer = by_hand::ask(&mut world, from, ALLOCATE, "alice", fill);
        let lifetime = Message::parse(&answer).unwrap().attribute::<Lifetime>().unwrap();
        assert_eq!(lifetime, Some(Lifetime(given)));
    }
}

#[test]
fn everybody_is_sent_elsewhere_where_that_is_configured() {
    let mut config = config();
    config.alternate = Some(address("198.51.100.9:3478"));
    let mut world = World::new(config);
    let answer = by_hand::ask(&mut world, stranger(0), ALLOCATE, "alice", &udp);
    let alternate = Message::parse(&answer).unwrap().attribute::<AlternateServer>().unwrap().unwrap();
    assert_eq!((code(&answer), alternate.0), (300, address("198.51.100.9:3478")));
}

#[test]
fn a_plain_binding_request_is_answered_too() {
    let mut world = World::new(config());
    let request = by_hand::plain(MessageType::BINDING_REQUEST, TransactionId([1; 12]), &|builder| builder);
    let answer = by_hand::exchange(&mut world, stranger(5), request).unwrap();
    let mapped = Message::parse(&answer).unwrap().attribute::<XorMappedAddress>().unwrap().unwrap();
    assert_eq!(mapped.0, client_address(5));
}
