//! How often an agent allocates: the figure that the crate's page states.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use nomagic_ice::{Agent, Config, Role, Route};
use nomagic_testkit::{alloc, clock, rng};

/// A minute of consent checks between two connected agents.
#[test]
fn a_connected_agent_allocates_nothing() {
    let addresses: [SocketAddr; 2] = ["192.0.2.1:1000".parse().unwrap(), "192.0.2.2:2000".parse().unwrap()];
    let mut now = clock::origin();
    let mut agents = [(Role::Controlling, 1), (Role::Controlled, 2)]
        .map(|(role, seed)| Agent::new(Config::new(role), &mut rng(seed)));
    let credentials = agents.each_ref().map(|agent| agent.local_credentials().clone());
    for side in 0..2 {
        let candidate = agents[side].add_local_host(now, addresses[side]).unwrap();
        agents[1 - side].set_remote_credentials(now, credentials[side].clone()).unwrap();
        agents[1 - side].add_remote_candidate(now, &candidate).unwrap();
    }
    let mut out = Vec::with_capacity(2048);
    let mut run = |until: Duration, agents: &mut [Agent; 2]| {
        let (end, mut datagrams) = (now + until, 0u64);
        while now < end {
            for side in 0..2 {
                agents[side].handle_timeout(now);
                out.clear();
                while agents[side].poll_transmit(now, &mut out).is_some() {
                    let _ = agents[1 - side].handle_input(
                        now,
                        Route::new(addresses[1 - side], addresses[side]),
                        &mut out,
                    );
                    datagrams += 1;
                    out.clear();
                }
                while agents[side].poll_event().is_some() {}
            }
            now += Duration::from_millis(10);
        }
        datagrams
    };
    run(Duration::from_secs(5), &mut agents);
    assert!(agents.iter().all(|agent| agent.selected_pair().is_some()));
    let mut datagrams = 0;
    let counted = alloc::count(|| datagrams = run(Duration::from_secs(60), &mut agents));
    assert!(datagrams > 20, "{datagrams} datagrams");
    assert_eq!(counted.count, 0, "{datagrams} datagrams");
}
