//! A TURN client that is told anything, by a server whose answers are bent, and by strangers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::turn::*;
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let door: SocketAddr = "198.51.100.9:3478".parse().expect("an address");
    let mut users = Users::new("r").expect("a realm");
    users.add("u", "p").expect("a user");
    let mut config = ServerConfig::new(users);
    config.relays = vec![RelayRange { ip: [198, 51, 100, 1].into(), ports: 50_000..=50_100 }];
    let mut server = Server::new(config, &mut rng(1));
    let transport =
        if bytes.first().is_some_and(|first| first & 1 != 0) { Transport::Tcp } else { Transport::Udp };
    let mut config = ClientConfig::new(door, transport, LongTermCredential::new("u", "p").expect("a user"));
    (config.permissions, config.channels, config.mobile) = (4, 3, true);
    let mut client = Client::new(config, &mut rng(2));
    let mut now = clock::origin();
    let from = FiveTuple { client: "192.0.2.1:1".parse().expect("an address"), server: door, transport };
    let _ = client.allocate(now);
    for command in bytes.chunks(3) {
        let &[kind, a, b] = command else { break };
        now += Duration::from_millis(u64::from(kind >> 4).pow(4));
        let peer = SocketAddr::from(([203, 0, 113, a & 7], 1000 + u16::from(b & 1)));
        match kind & 15 {
            0 => drop(client.allocate(now)),
            1 => drop(client.permit(now, peer.ip())),
            2 => client.revoke(now, peer.ip()),
            3 => drop(client.bind_channel(now, peer)),
            4 => client.unbind_channel(now, peer),
            5 => client.refresh(now),
            6 => drop(client.moved(now)),
            7 if a == 0 => client.close(now),
            8 => {
                let mut raw = bytes.to_vec();
                let _ = client.handle_input(now, door, &mut raw);
            }
            9 => {
                let mut out = vec![0; usize::from(b & 63)];
                out.extend(&bytes[..bytes.len().min(20)]);
                let at = usize::from(b & 63);
                if let Ok(sealed) = client.seal(now, peer, &mut out, at) {
                    let _ = server.handle_input(now, from, &mut out[sealed.start..]);
                }
            }
            _ => {
                client.handle_timeout(now);
                server.handle_timeout(now);
            }
        }
        let mut out = Vec::new();
        while client.poll_transmit(now, &mut out).is_some() {
            let _ = server.handle_input(now, from, &mut out);
            out.clear();
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Open { relayed, protocol } = event {
                server.relay_opened(now, relayed, protocol, true);
            }
        }
        while server.poll_transmit(now, &mut out).is_some() {
            if b > 200 {
                let at = usize::from(a) % out.len();
                out[at] ^= 1;
            }
            if b & 7 != 7 {
                let _ = client.handle_input(now, door, &mut out);
            }
            out.clear();
        }
        while client.poll_event().is_some() {}
    }
    client.close(now);
    let mut out = Vec::new();
    for _ in 0..20 {
        while client.poll_transmit(now, &mut out).is_some() {}
        let Some(due) = client.poll_timeout() else { break };
        now = due;
        client.handle_timeout(now);
    }
    assert!(client.is_closed() && client.poll_timeout().is_none());
});
