//! The discovery of a NAT of any kind, over a network that loses, bends and invents datagrams: it comes to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::discovery::{DiscoveryConfig, NatDiscovery, Socket};
use nomagic_stun::{AddressPair, BindingServer, BindingServerConfig, FiveTuple, Transport};
use nomagic_testkit::nat::{Dependence, Nat, Ports};
use nomagic_testkit::net::Network;
use nomagic_testkit::{clock, rng};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fuzz_target!(|bytes: &[u8]| {
    let &[kind, more, ref judge @ ..] = bytes else { return };
    let (first, second) = (address("10.0.0.1:5000"), address("10.0.0.1:5001"));
    let (door, other) = (address("192.0.2.7:3478"), address("192.0.2.8:3479"));
    let mut network = Network::new(1);
    [door.ip(), other.ip()].into_iter().for_each(|ip| network.add_host(ip));
    let (mapping, filtering) =
        (Dependence::ALL[usize::from(kind) % 3], Dependence::ALL[usize::from(kind / 3) % 3]);
    let ports = [Ports::Preserved, Ports::Parity, Ports::Random][usize::from(kind / 9) % 3];
    let nat = Nat::new(address("203.0.113.1:1").ip(), mapping, filtering)
        .hairpinning(more & 1 != 0)
        .ports(ports, u64::from(more))
        .lifetime(Duration::from_secs(10 + u64::from(more)));
    network.add_hosts_behind(&[first.ip()], nat);
    let mut serving = BindingServerConfig::default();
    serving.pairs.extend(AddressPair::new(door, other));
    let mut server = BindingServer::new(serving, &mut rng(1));
    let mut asking = DiscoveryConfig::new(door, first, second);
    asking.lifetime = (more & 2 != 0).then_some(Duration::from_secs(400));
    asking.padding = (more & 4 != 0).then_some(1500);
    let mut discovery = NatDiscovery::new(asking, &mut rng(2));
    let (mut now, mut judge) = (clock::origin(), judge.iter().copied());
    discovery.start(now);
    for _ in 0..4000 {
        let mut out = Vec::new();
        while let Some(transmit) = discovery.poll_transmit(now, &mut out) {
            let source = if transmit.from == Socket::First { first } else { second };
            network.send(now, source, transmit.destination, &out);
            out.clear();
        }
        while let Some(transmit) = server.poll_transmit(now, &mut out) {
            network.send(now, transmit.to.server, transmit.to.client, &out);
            out.clear();
        }
        while discovery.poll_event().is_some() {}
        let mut delivered = false;
        while let Some(mut datagram) = network.deliver(now) {
            delivered = true;
            // Once the judge has nothing more to say, all arrive as they are.
            let bent = judge.next().unwrap_or(0);
            if bent > 250 {
                continue;
            }
            if bent > 128 {
                let at = usize::from(bent) % datagram.bytes.len();
                datagram.bytes[at] ^= 1 << (bent & 7);
            }
            let (source, to) = (datagram.source, datagram.destination);
            if to == first || to == second {
                let at = if to == first { Socket::First } else { Socket::Second };
                let _ = discovery.handle_input(now, at, source, &mut datagram.bytes);
            } else {
                let from = FiveTuple { client: source, server: to, transport: Transport::Udp };
                server.handle_input(now, from, &mut datagram.bytes);
            }
        }
        if delivered {
            continue;
        }
        let Some(due) = [discovery.poll_timeout(), network.next_delivery()].into_iter().flatten().min()
        else {
            break;
        };
        now = now.max(due);
        discovery.handle_timeout(now);
    }
    assert!(discovery.poll_timeout().is_none(), "it goes on for ever: {:?}", discovery.report());
});
