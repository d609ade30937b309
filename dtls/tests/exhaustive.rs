//! Whole handshakes of every kind, with every loss and every order that the network can come up with: D21, D22, D44.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_dtls::{Config, GateConfig};
use nomagic_testkit::clock::origin;
use nomagic_testkit::ladder::Way;
use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

/// Who asks for a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cookie {
    /// Nobody: the address is proven.
    None,
    /// Nobody, though the address is not proven: what is sent is limited.
    Limited,
    /// The connection.
    Connection,
    /// A gate that keeps nothing.
    Gate,
    /// A gate that keeps fragments.
    KeepingGate,
}

/// A kind of handshake.
#[derive(Debug, Clone, Copy)]
struct Kind {
    cookie: Cookie,
    /// The hello takes two datagrams, as browsers' do.
    long_hello: bool,
    client_certificate: bool,
    path_mtu: usize,
}

const MINUTE: Duration = Duration::from_secs(60);

const COOKIES: [Cookie; 5] =
    [Cookie::None, Cookie::Limited, Cookie::Connection, Cookie::Gate, Cookie::KeepingGate];

fn kinds(path_mtu: usize) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for cookie in COOKIES {
        for long_hello in [false, true] {
            for client_certificate in [false, true] {
                kinds.push(Kind { cookie, long_hello, client_certificate, path_mtu });
            }
        }
    }
    kinds
}

impl Kind {
    fn ends(self) -> (Peer, Door) {
        let mut client = if self.long_hello { wordy_client() } else { client_config() };
        let mut server = match self.client_certificate {
            true => server_config(),
            false => Config::server_for_anyone(ZOE.clone()),
        };
        (client.path_mtu, server.path_mtu) = (self.path_mtu, self.path_mtu);
        server.address_validated = self.cookie == Cookie::None;
        server.cookies = self.cookie != Cookie::Limited;
        if self.cookie == Cookie::Limited {
            // A server that may not send waits for the client's timer, which doubles.
            (client.handshake_timeout, server.handshake_timeout) = (10 * MINUTE, 10 * MINUTE);
        }
        let mut gate = GateConfig::default();
        gate.kept_hellos = if self.cookie == Cookie::KeepingGate { 4 } else { 0 };
        let mut door = Door::new(gate, server.clone());
        if !matches!(self.cookie, Cookie::Gate | Cookie::KeepingGate) {
            door.peer = Some(Peer::new(server, 2));
        }
        (Peer::new(client, 1), door)
    }

    /// Runs a handshake in which these datagrams are lost: `true` is from client to server. Returns how many there were each
    /// way.
    fn survives(self, lost: &[(bool, usize)]) -> [usize; 2] {
        let link = |out| {
            let numbers = lost.iter().filter(|(way, _)| *way == out).map(|(_, number)| *number).collect();
            Link::latency(10 * MS).drop_numbers(numbers)
        };
        let (a, z) = self.ends();
        let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
        pair.run_until(|pair| both(&pair.a, &pair.z));
        let longest = if self.cookie == Cookie::Limited { 2 * MINUTE } else { Duration::from_secs(16) };
        assert!(pair.elapsed() < longest, "{self:?} {lost:?}: {:?}", pair.elapsed());
        [Way::Out, Way::Back].map(|way| pair.ladder().rungs().filter(|rung| rung.way == way).count())
    }

    /// All datagrams that a handshake without losses has, and two more each way, which a loss brings about.
    fn survives_all_losses_of_two(self) {
        let [out, back] = self.survives(&[]);
        let numbers = (0..out + 2).map(|number| (true, number));
        let all: Vec<_> = numbers.chain((0..back + 2).map(|number| (false, number))).collect();
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                self.survives(&[*first, *second]);
            }
        }
    }
}

fn both(client: &Peer, door: &Door) -> bool {
    client.connected.is_some() && door.peer.as_ref().is_some_and(|peer| peer.connected.is_some())
}

/// D44: every loss of one and of two datagrams, of each kind of handshake, retransmissions among them.
#[test]
fn every_kind_of_handshake_survives_every_double_loss() {
    kinds(1200).into_iter().for_each(Kind::survives_all_losses_of_two);
}

/// D44, D48: the same in datagrams of 256 octets, where each flight takes several.
#[test]
fn every_kind_of_fragmented_handshake_survives_every_double_loss() {
    kinds(256).into_iter().for_each(Kind::survives_all_losses_of_two);
}

/// All orders of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for number in 0..count {
        all = all
            .into_iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, number);
                    longer
                })
            })
            .collect();
    }
    all
}

/// Plays a handshake flight by flight, each record a datagram of its own, those of one flight in this order. No time
/// passes, so nothing is sent again. Returns the number of records in each flight.
fn played(kind: Kind, shuffled: usize, order: &[usize]) -> Vec<usize> {
    let (mut client, mut door) = kind.ends();
    let mut counts = Vec::new();
    for number in 0.. {
        let from_client = number % 2 == 0;
        let said = if from_client { flight(&mut client, origin()) } else { outbox(&mut door, origin()) };
        let said = records(&said);
        if said.is_empty() {
            break;
        }
        counts.push(said.len());
        let in_order: Vec<usize> =
            if number == shuffled { order.to_vec() } else { (0..said.len()).collect() };
        for index in in_order {
            let mut datagram = said[index].clone();
            if from_client {
                door.handle_input(origin(), &mut datagram);
            } else {
                client.handle_input(origin(), &mut datagram);
            }
        }
    }
    assert!(both(&client, &door), "{kind:?}, flight {shuffled} in the order {order:?}");
    counts
}

/// D21: every order of every flight, without a single retransmission, except where the network may well cost one: at a gate
/// that keeps nothing, and where an unproven address gets no more until it has sent more.
#[test]
fn every_order_of_every_flight_completes_every_kind_of_handshake() {
    let mut ran = 0;
    for kind in kinds(1200) {
        let keeps_nothing = kind.cookie == Cookie::Gate && kind.long_hello;
        if kind.cookie == Cookie::Limited || keeps_nothing {
            continue;
        }
        let counts = played(kind, usize::MAX, &[]);
        assert_eq!(counts.len(), if kind.cookie == Cookie::None { 4 } else { 6 });
        for (number, count) in counts.into_iter().enumerate() {
            assert!(count <= 6, "{kind:?}");
            for order in orders(count) {
                played(kind, number, &order);
                ran += 1;
            }
        }
    }
    assert!(ran > 1900, "{ran}");
}

/// D22: a hello in fragments, with a cookie and without, in every order of up to six of them, each of them twice.
#[test]
fn every_order_of_a_hellos_fragments_gets_an_answer() {
    for cookie in [Cookie::None, Cookie::Connection, Cookie::KeepingGate] {
        let kind = Kind { cookie, long_hello: true, client_certificate: true, path_mtu: 300 };
        let (mut client, _) = kind.ends();
        let hello = flight(&mut client, origin());
        assert!((5..=6).contains(&hello.len()), "{}", hello.len());
        for order in orders(hello.len()) {
            let (_, mut door) = kind.ends();
            for index in order.iter().flat_map(|index| [*index, *index]) {
                door.handle_input(origin(), &mut hello[index].clone());
            }
            assert!(!outbox(&mut door, origin()).is_empty(), "{cookie:?} {order:?}");
        }
    }
}

/// D44: one datagram is lost, and one in each direction is late by 40 ms, so that others overtake it.
#[test]
fn every_kind_of_handshake_survives_every_loss_with_every_delay() {
    for kind in kinds(1200) {
        for (lost, late) in (0..5).flat_map(|lost| (0..5).map(move |late| (lost, late))) {
            for lossy in [true, false] {
                let link = |out: bool| {
                    Link::latency(10 * MS).script(move |number, _| match number {
                        number if number == lost && out == lossy => Verdict::Drop,
                        number if number == late => Verdict::Delay(40 * MS),
                        _ => Verdict::Deliver,
                    })
                };
                let (a, z) = kind.ends();
                let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
                pair.run_until(|pair| both(&pair.a, &pair.z));
                assert!(pair.elapsed() < Duration::from_secs(16), "{kind:?} {lost} {late}");
            }
        }
    }
}
