//! Two agents that are told anything: commands, datagrams, each other's datagrams bent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;

use nomagic_ice::{Agent, Config, Role, Route};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let addresses = ["192.0.2.1:1000", "192.0.2.2:2000"].map(|text| text.parse().expect("an address"));
    let mut agents = [(Role::Controlling, 1), (Role::Controlled, 2)]
        .map(|(role, seed)| Agent::new(Config::new(role), &mut rng(seed)));
    let mut now = clock::origin();
    for (agent, address) in agents.iter_mut().zip(addresses) {
        let _ = agent.add_local_host(now, address);
    }
    let credentials = agents.each_ref().map(|agent| agent.local_credentials().clone());
    let _ = agents[0].set_remote_credentials(now, credentials[1].clone());
    let _ = agents[1].set_remote_credentials(now, credentials[0].clone());
    for command in bytes.chunks(2) {
        let (side, bend) = (usize::from(command[0] & 1), command.get(1).copied().unwrap_or(0));
        now += Duration::from_millis(u64::from(command[0] >> 4) * 20);
        match command[0] >> 1 & 7 {
            0 => agents[side].handle_timeout(now),
            1 => agents[side].restart(now),
            2 => agents[side].end_of_remote_candidates(now),
            3 => {
                let candidate = agents[1 - side].local_candidates().next().cloned();
                if let Some(candidate) = candidate {
                    let _ = agents[side].add_remote_candidate(now, &candidate);
                }
            }
            4 if bend == 0 => agents[side].close(now),
            5 => while agents[side].poll_event().is_some() {},
            _ => {
                let mut out = Vec::new();
                if agents[side].poll_transmit(now, &mut out).is_some() {
                    let at = usize::from(bend) % out.len();
                    out[at] ^= if bend > 200 { 1 } else { 0 };
                    let route = Route::new(addresses[1 - side], addresses[side]);
                    let _ = agents[1 - side].handle_input(now, route, &mut out);
                }
            }
        }
    }
});
