//! A TURN server that is told anything: requests of all kinds, signed and not, data from clients and peers, sockets that
//! open and fail, connections that come and go, time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::attribute::*;
use nomagic_stun::turn::*;
use nomagic_stun::{
    Class, IntegrityKey, Message, MessageBuilder, MessageType, Method, PasswordAlgorithm, TransactionId,
};
use nomagic_testkit::{clock, rng};

const METHODS: [Method; 8] = [
    Method::ALLOCATE,
    Method::REFRESH,
    Method::CREATE_PERMISSION,
    Method::CHANNEL_BIND,
    Method::CONNECT,
    Method::CONNECTION_BIND,
    Method::SEND,
    Method::BINDING,
];

fn address(number: u8) -> SocketAddr {
    let ip = if number & 0x10 == 0 {
        std::net::IpAddr::from([192, 0, 2, number & 7])
    } else {
        std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number & 7)).into()
    };
    SocketAddr::new(ip, 1000 + u16::from(number >> 5))
}

/// A request with some attributes, as `bits` has it.
fn request<'o>(out: &'o mut Vec<u8>, method: Method, bits: u8, extra: &[u8]) -> MessageBuilder<'o> {
    let class = if method == Method::SEND { Class::Indication } else { Class::Request };
    let mut builder = MessageBuilder::new(out, MessageType::new(method, class), TransactionId([bits; 12]));
    let first = extra.first().copied().unwrap_or(0);
    if bits & 1 != 0 {
        builder = builder.attribute(&RequestedTransport(if first & 1 == 0 { 17 } else { 6 }));
    }
    if bits & 2 != 0 {
        builder = builder.attribute(&XorPeerAddress(address(first)));
    }
    if bits & 4 != 0 {
        builder = builder.attribute(&ChannelNumberAttribute(0x4000 | u16::from(first & 7)));
    }
    if bits & 8 != 0 {
        builder = builder.attribute(&Lifetime(u32::from(first) * 10));
    }
    if bits & 16 != 0 {
        builder = builder.attribute(&EvenPort(first & 2 != 0));
    }
    if bits & 32 != 0 {
        builder = builder.attribute(&AdditionalAddressFamily(AddressFamily::Ipv6));
    }
    if bits & 64 != 0 {
        builder = builder.attribute(&Data(extra));
    }
    if bits & 128 != 0 {
        builder = builder.attribute(&MobilityTicket(if first & 4 == 0 { &[] } else { extra }));
    }
    builder
}

fuzz_target!(|bytes: &[u8]| {
    let mut users = Users::new("r").expect("a realm");
    users.add("u", "p").expect("a user");
    let key = IntegrityKey::long_term("u", "r", "p", PasswordAlgorithm::MD5).expect("MD5 is known");
    let mut config = ServerConfig::new(users);
    config.relays = [[198, 51, 100, 1], [198, 51, 100, 2]]
        .map(|ip| RelayRange { ip: ip.into(), ports: 50_000..=50_015 })
        .into();
    config.relays.push(RelayRange { ip: "2001:db8::1".parse().expect("an address"), ports: 50_000..=50_007 });
    (config.allocations, config.permissions, config.channels, config.connections) = (12, 4, 4, 3);
    config.dont_fragment = bytes.first().is_some_and(|first| first & 1 != 0);
    let mut server = Server::new(config, &mut rng(1));
    let mut now = clock::origin();
    let (mut nonce, mut tickets, mut tokens, mut ids) =
        (String::new(), Vec::<Vec<u8>>::new(), Vec::new(), Vec::new());
    let mut opened: Vec<(Protocol, SocketAddr)> = Vec::new();
    let mut connecting = Vec::new();
    for command in bytes.chunks(6) {
        let &[kind, a, b, c, ref extra @ ..] = command else { break };
        now += Duration::from_millis(u64::from(kind >> 4).pow(4));
        let transport = if a & 8 == 0 { Transport::Udp } else { Transport::Tcp };
        let from = FiveTuple {
            client: address(a & 7),
            server: "198.51.100.9:3478".parse().expect("an address"),
            transport,
        };
        let mut out = Vec::new();
        match kind & 15 {
            0..=6 => {
                let method = METHODS[usize::from(b & 7)];
                let mut builder = request(&mut out, method, c, extra);
                if b & 16 != 0
                    && let Some(token) = tokens.last()
                {
                    builder = builder.attribute(token);
                }
                if b & 32 != 0
                    && let Some(ticket) = tickets.last()
                {
                    builder = builder.attribute(&MobilityTicket(ticket));
                }
                if b & 64 != 0
                    && let Some(id) = ids.last()
                {
                    builder = builder.attribute(id);
                }
                let finished = if b & 8 != 0 || method == Method::SEND {
                    builder.finish()
                } else {
                    builder
                        .attribute(&Username::new("u").expect("short"))
                        .attribute(&Realm::new("r").expect("short"))
                        .attribute(&Nonce::new(&nonce).expect("short"))
                        .integrity(&key)
                        .finish()
                };
                finished.expect("it fits");
                if b & 128 != 0
                    && let Some(octet) = out.get_mut(usize::from(a))
                {
                    *octet ^= c;
                }
                if let ServerInput::Payload(outward) = server.handle_input(now, from, &mut out) {
                    assert!(opened.contains(&(Protocol::Udp, outward.relayed)));
                }
            }
            7 => {
                let mut data = [&[0x40, b & 7, 0, c & 3][..], extra].concat();
                let _ = server.handle_input(now, from, &mut data);
            }
            8 => {
                let mut raw = command.to_vec();
                let _ = server.handle_input(now, from, &mut raw);
            }
            9 => {
                let relayed = opened.get(usize::from(a) % opened.len().max(1)).map(|open| open.1);
                if let Some(relayed) = relayed {
                    let mut buffer = [7; 80];
                    let _ = server.handle_peer_input(
                        now,
                        relayed,
                        address(b),
                        &mut buffer,
                        usize::from(a & 63)..64 + usize::from(b & 15),
                    );
                    server.handle_icmp(now, relayed, address(b), Icmp { icmp_type: c, code: a, data: 1400 });
                    ids.extend(server.handle_connection(now, relayed, address(b)));
                }
            }
            10 => server.handle_timeout(now),
            11 => server.handle_disconnect(now, from),
            12 => {
                if let Some(id) = connecting.pop() {
                    server.connected(now, id, a & 1 == 0)
                }
            }
            13 => {
                if let Some(id) = ids.last() {
                    server.handle_peer_disconnect(now, *id)
                }
            }
            14 => server.reseed(&mut rng(u64::from(a))),
            _ if a == 0 && b == 0 => server.close(now),
            _ => {}
        }
        while let Some(event) = server.poll_event() {
            match event {
                ServerEvent::Open { relayed, protocol } => {
                    assert!(!opened.contains(&(protocol, relayed)), "open twice");
                    let success = b & 0x55 != 0x55;
                    if success {
                        opened.push((protocol, relayed));
                    }
                    server.relay_opened(now, relayed, protocol, success);
                }
                ServerEvent::Close { relayed, protocol } => {
                    opened.retain(|open| *open != (protocol, relayed))
                }
                ServerEvent::Connect { connection, .. } => connecting.push(connection),
                _ => {}
            }
        }
        loop {
            let mut out = Vec::new();
            if server.poll_transmit(now, &mut out).is_none() {
                break;
            }
            let message = Message::parse(&out).expect("we write what we can read");
            if let Ok(Some(fresh)) = message.attribute::<Nonce<'_>>() {
                nonce = fresh.as_str().to_owned();
            }
            if let Ok(Some(ticket)) = message.attribute::<MobilityTicket<'_>>() {
                tickets.push(ticket.0.to_vec());
            }
            if let Ok(Some(token)) = message.attribute::<ReservationToken>() {
                tokens.push(token);
            }
            if let Ok(Some(id)) = message.attribute::<ConnectionId>() {
                ids.push(id);
            }
        }
        assert!(server.stats().allocations <= 12);
    }
    // All ends by itself.
    server.handle_timeout(now + Duration::from_secs(4000));
    assert_eq!((server.stats().allocations, server.poll_timeout()), (0, None));
});
