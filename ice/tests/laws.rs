//! The laws that every machine keeps, and sequences of commands in any order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use nomagic_ice::{Agent, Config, Event, Role, Route, State};
use nomagic_testkit::laws::Subject;
use nomagic_testkit::machine::Machine;
use proptest::prelude::*;

fn busy(seed: u64) -> World {
    let mut world = World::new(seed);
    world.loss = 0.1;
    world.nats[A] = Some(Nat::new("203.0.113.1", false, false));
    world.add_hosts(A, &["10.0.0.1:1", "10.0.1.1:1"]);
    world.add_hosts(Z, &["192.0.2.2:2", "192.0.2.3:2"]);
    world.agents[A].add_stun_server(world.now, addr(STUN_SERVER), addr("10.0.0.1:1")).unwrap();
    world.exchange_credentials();
    world
}

#[test]
fn the_same_inputs_and_dice_give_the_same_bytes_and_events() {
    let run = |seed| {
        let mut world = busy(seed);
        world.run_for(Duration::from_secs(60));
        let sent: Vec<_> = world.sent.iter().map(|(at, who, p)| (*at, *who, p.bytes.clone())).collect();
        (sent, world.events)
    };
    assert!(run(3) == run(3));
    assert!(run(3) != run(4));
}

#[test]
fn a_timeout_that_was_handled_does_not_come_again() {
    let mut world = busy(1);
    for _ in 0..2000 {
        let before = world.agents.each_ref().map(Agent::poll_timeout);
        if !world.step(world.now + Duration::from_secs(100)) {
            break;
        }
        for who in [A, Z] {
            let now = world.now;
            if before[who].is_some_and(|due| due <= now) {
                world.agents[who].handle_timeout(now);
            }
            world.drain();
            let next = world.agents[who].poll_timeout();
            assert!(next.is_none_or(|next| next > now), "{who} wants {next:?} at {now:?}");
        }
    }
    assert!(world.completed());
}

#[test]
fn early_late_and_repeated_timeouts_do_no_harm() {
    let mut world = busy(2);
    for _ in 0..3000 {
        for agent in &mut world.agents {
            agent.handle_timeout(world.now);
            agent.handle_timeout(world.now);
        }
        world.now += ms(7);
        let until = world.now;
        while world.step(until) {}
    }
    assert!(world.completed());
}

#[test]
fn an_older_now_counts_as_the_newest_seen() {
    let mut world = World::pair(1);
    world.connect();
    world.run_for(Duration::from_secs(100));
    let old = nomagic_testkit::clock::origin();
    let before = world.agents[A].poll_timeout();
    world.agents[A].handle_timeout(old);
    assert_eq!(world.agents[A].poll_transmit(old, &mut Vec::new()), None);
    assert_eq!(world.agents[A].poll_timeout(), before);
    assert_eq!(world.agents[A].state(), State::Completed);
}

#[test]
fn draining_late_costs_time_and_nothing_else() {
    let mut world = World::pair(1);
    // Nobody looks for a minute, and nobody has failed, since nothing has been sent.
    world.judge = Box::new(|_, _| true);
    let mut lazy = Agent::new(Config::new(Role::Controlling), &mut nomagic_testkit::rng(5));
    lazy.add_local_host(world.now, addr("10.0.0.9:9")).unwrap();
    let peer = world.agents[Z].local_credentials().clone();
    lazy.set_remote_credentials(world.now, peer).unwrap();
    lazy.add_remote_candidate(world.now, &candidate("1 1 udp 9 10.0.0.8 8 typ host")).unwrap();
    let later = world.now + Duration::from_secs(60);
    lazy.handle_timeout(later);
    assert_eq!(lazy.state(), State::Checking);
    let mut out = Vec::new();
    assert!(lazy.poll_transmit(later, &mut out).is_some());
    // Events that nobody takes do not pile up: one of a kind, and the candidates.
    for _ in 0..100 {
        lazy.restart(later);
    }
    let mut count = 0;
    while lazy.poll_event().is_some() {
        count += 1;
    }
    assert!(count <= 4, "{count} events");
}

#[test]
fn a_year_of_idleness_is_one_lost_consent() {
    let mut world = World::pair(1);
    world.connect();
    world.now += Duration::from_secs(365 * 86400);
    let now = world.now;
    world.agents[A].handle_timeout(now);
    assert_eq!(world.agents[A].state(), State::Failed);
    world.events[A].clear();
    world.drain();
    assert!(world.saw(A, |event| matches!(event, Event::ConsentLost { .. })).is_some());
}

/// An agent on one path, as the laws of `testkit` see a machine.
struct OnePath {
    agent: Agent,
    route: Route,
}

impl Machine for OnePath {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.agent.handle_input(now, self.route, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.agent.poll_transmit(now, out).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.agent.poll_timeout()
    }

    fn close(&mut self, now: Instant) {
        self.agent.close(now);
    }

    fn is_closed(&self) -> bool {
        self.agent.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.agent.poll_event()).map(|event| event.to_string()).collect()
    }

    fn describe(datagram: &[u8]) -> String {
        nomagic_stun::Message::parse(datagram).map_or_else(|fault| fault.to_string(), |m| m.to_string())
    }
}

#[test]
fn every_law_of_the_house_is_kept() {
    let make = |seed| {
        let mut rng = nomagic_testkit::rng(seed);
        let now = nomagic_testkit::clock::origin();
        let hosts = [addr("10.0.0.1:1"), addr("10.0.0.2:2")];
        let mut agents =
            [Role::Controlling, Role::Controlled].map(|role| Agent::new(Config::new(role), &mut rng));
        for who in [A, Z] {
            let host = agents[who].add_local_host(now, hosts[who]).unwrap();
            let credentials = agents[who].local_credentials().clone();
            agents[1 - who].set_remote_credentials(now, credentials).unwrap();
            agents[1 - who].add_remote_candidate(now, &host).unwrap();
        }
        let [a, z] = agents;
        let paths = [Route::new(hosts[A], hosts[Z]), Route::new(hosts[Z], hosts[A])];
        (OnePath { agent: a, route: paths[A] }, OnePath { agent: z, route: paths[Z] })
    };
    let done =
        |a: &OnePath, z: &OnePath| a.agent.state() == State::Completed && z.agent.state() == State::Completed;
    Subject { make: &make, done: &done, memory: 32 * 1024 }.keeps_all_laws();
}

/// What may happen to two agents, in any order.
#[derive(Debug, Clone)]
enum Act {
    Host(bool, u8),
    Server(bool),
    Credentials(bool),
    Candidates(bool),
    Stranger(bool, u8),
    End(bool),
    Restart(bool),
    Lite(bool),
    Pass(u16),
    Cut(bool),
    Forget(bool),
    Close(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (any::<bool>(), 0..6u8).prop_map(|(who, n)| Act::Host(who, n)),
        1 => any::<bool>().prop_map(Act::Server),
        4 => any::<bool>().prop_map(Act::Credentials),
        4 => any::<bool>().prop_map(Act::Candidates),
        1 => (any::<bool>(), any::<u8>()).prop_map(|(who, n)| Act::Stranger(who, n)),
        1 => any::<bool>().prop_map(Act::End),
        2 => any::<bool>().prop_map(Act::Restart),
        1 => any::<bool>().prop_map(Act::Lite),
        8 => (0..20000u16).prop_map(Act::Pass),
        1 => any::<bool>().prop_map(Act::Cut),
        1 => any::<bool>().prop_map(Act::Forget),
        1 => any::<bool>().prop_map(Act::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn commands_in_any_order_keep_the_laws(seed in 0..1000u64, acts in proptest::collection::vec(act(), 1..50)) {
        let mut world = World::new(seed);
        world.trickle = false;
        world.loss = 0.05;
        for act in acts {
            let now = world.now;
            match act {
                Act::Host(who, n) => {
                    let who = usize::from(who);
                    let address = addr(&format!("10.{who}.0.1:{}", 1000 + u16::from(n)));
                    world.hosts[who].push(address);
                    let _ = world.agents[who].add_local_host(now, address);
                }
                Act::Server(who) => {
                    let who = usize::from(who);
                    if let Some(base) = world.hosts[who].first().copied() {
                        let _ = world.agents[who].add_stun_server(now, addr(STUN_SERVER), base);
                    }
                }
                Act::Credentials(who) => {
                    let who = usize::from(who);
                    let credentials = world.agents[who].local_credentials().clone();
                    let _ = world.agents[1 - who].set_remote_credentials(now, credentials);
                }
                Act::Candidates(who) => {
                    let who = usize::from(who);
                    let all: Vec<_> = world.agents[who].local_candidates().cloned().collect();
                    for candidate in all {
                        let _ = world.agents[1 - who].add_remote_candidate(now, &candidate);
                    }
                }
                Act::Stranger(who, n) => {
                    let text = format!("{n} 1 udp {} 10.7.0.{n} 9 typ srflx", u32::from(n) + 1);
                    let _ = world.agents[usize::from(who)].add_remote_candidate(now, &candidate(&text));
                }
                Act::End(who) => world.agents[usize::from(who)].end_of_remote_candidates(now),
                Act::Restart(who) => world.agents[usize::from(who)].restart(now),
                Act::Lite(who) => world.agents[usize::from(who)].set_remote_lite(now),
                Act::Pass(time) => world.run_for(ms(time.into())),
                Act::Cut(open) => world.judge = Box::new(move |_, _| open),
                Act::Forget(who) => {
                    let route = Route::new(addr("10.0.0.1:1000"), addr("10.1.0.1:1000"));
                    world.agents[usize::from(who)].handle_input(now, route, &mut [0, 1, 2]);
                }
                Act::Close(who) => world.agents[usize::from(who)].close(now),
            }
            world.drain();
            for agent in &world.agents {
                prop_assert!(agent.poll_timeout().is_none_or(|due| due > world.now));
                prop_assert!(agent.pairs().count() <= 100);
                prop_assert!(agent.state() != State::Completed || agent.route().is_some());
            }
        }
        // Whatever has happened, a restart of both connects them, if they are alive and have a host.
        world.judge = Box::new(|_, _| true);
        world.loss = 0.0;
        let alive = world.agents.iter().all(|agent| !agent.is_closed());
        if alive && world.hosts.iter().all(|hosts| !hosts.is_empty()) {
            for who in [A, Z] {
                world.agents[who].restart(world.now);
            }
            world.trickle = true;
            for who in [A, Z] {
                let all: Vec<_> = world.agents[who].local_candidates().cloned().collect();
                signal(&mut world, who, &all);
            }
            world.exchange_credentials();
            world.connect();
            prop_assert_ne!(world.agents[A].role(), world.agents[Z].role());
        }
    }
}
