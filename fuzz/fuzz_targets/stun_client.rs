//! A Binding client that is told anything: by servers that follow the RFC and whose answers are bent, lost or late, and by
//! strangers; whatever happens, each request ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::*;
use nomagic_testkit::{clock, rng};

/// A server and a client that has the right credential for it, or not.
fn both(kind: u8) -> (BindingServer, BindingClient) {
    let (mut serving, mut asking) = (BindingServerConfig::default(), BindingConfig::default());
    let short = ShortTermCredential::new("u", "p").expect("a user");
    let long = LongTermCredential::new("u", if kind & 8 == 0 { "p" } else { "wrong" }).expect("a user");
    match kind & 3 {
        0 => {}
        1 => serving.admission = Admission::ShortTerm(vec![short.clone()]),
        _ => {
            let mut users = Users::new("r").expect("a realm");
            users.add("u", "p").expect("a user");
            serving.admission = Admission::LongTerm(users);
        }
    }
    asking.credential = match kind & 6 {
        0 => None,
        2 | 6 => Some(long.into()),
        _ => Some(short.into()),
    };
    if kind & 16 != 0 {
        asking.schedule = rto::Schedule::RELIABLE;
    }
    if kind & 32 != 0 {
        serving.alternates.push("192.0.2.9:3478".parse().expect("an address"));
    }
    asking.limit = 8;
    (BindingServer::new(serving, &mut rng(1)), BindingClient::new(asking, &mut rng(2)))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, commands)) = bytes.split_first() else { return };
    let (mut server, mut client) = both(*kind);
    let here: SocketAddr = "198.51.100.9:1000".parse().expect("an address");
    let (mut now, mut ids, mut waiting) = (clock::origin(), Vec::new(), Vec::<(SocketAddr, Vec<u8>)>::new());
    let (mut asked, mut ended) = (0, 0);
    for command in commands.chunks(3) {
        let &[what, a, b] = command else { break };
        now += Duration::from_millis(u64::from(what >> 4).pow(3));
        let door = SocketAddr::from(([192, 0, 2, 7 + (a & 1)], 3478));
        match what & 7 {
            0 | 1 => {
                if let Ok(id) = client.bind(now, door) {
                    ids.push(id);
                    asked += 1;
                }
            }
            2 if !ids.is_empty() => ended += u32::from(client.cancel(ids[usize::from(a) % ids.len()])),
            3 => {
                let mut raw = commands.to_vec();
                let _ = client.handle_input(now, door, &mut raw);
            }
            4 if a == 0 && b == 0 => client.close(now),
            5 => {
                // What was held back comes late, perhaps from elsewhere.
                if let Some((from, mut late)) = waiting.pop() {
                    let _ = client.handle_input(now, if a & 2 == 0 { from } else { here }, &mut late);
                }
            }
            _ => client.handle_timeout(now),
        }
        let mut out = Vec::new();
        while let Some(transmit) = client.poll_transmit(now, &mut out) {
            assert_eq!(transmit.len, out.len());
            let from = FiveTuple { client: here, server: transmit.destination, transport: Transport::Udp };
            server.handle_input(now, from, &mut out);
            out.clear();
        }
        while let Some(transmit) = server.poll_transmit(now, &mut out) {
            if b > 128 {
                let at = usize::from(a) % out.len();
                out[at] ^= b & 0x7f;
            }
            match b & 3 {
                0 => {}
                1 => waiting.push((transmit.to.server, out.clone())),
                _ => {
                    let _ = client.handle_input(now, transmit.to.server, &mut out);
                }
            }
            out.clear();
        }
        if b & 4 != 0 {
            ended += u32::from(client.poll_event().is_some());
        }
    }
    // Everything ends by itself, and each request with one outcome or by being cancelled.
    let mut out = Vec::new();
    loop {
        while client.poll_transmit(now, &mut out).is_some() {}
        let Some(due) = client.poll_timeout() else { break };
        now = due;
        client.handle_timeout(now);
    }
    while client.poll_event().is_some() {
        ended += 1;
    }
    assert!(ended == asked || client.is_closed(), "{asked} asked, {ended} ended");
});
