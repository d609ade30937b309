//! Every order of an alphabet of messages to depth 6, in both roles (D23 to D29, and D1, D2 before the end of a
//! handshake).
//!
//! It lives here since `interop` runs in release in CI, where the whole depth takes seconds; a debug build goes to a
//! lesser depth, and the golden table of single letters is the same in both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;

use nomagic_dtls::Role;
use nomagic_interop::orders::{
    Alphabet, Listener, PRE_SHARED, Reaction, TO_CLIENT, TO_SERVER, Way, assert_sound,
};
use nomagic_testkit::golden;

const DEPTH: usize = if cfg!(debug_assertions) { 3 } else { 6 };

/// What was seen on the way through all orders.
#[derive(Debug, Default)]
struct Seen {
    told: u64,
    closed: u64,
    /// The letters up to the connection.
    connected: Vec<Vec<usize>>,
}

/// Tells an end all that continues `heard`, as long as it listens. A letter that is dropped changes nothing, so what follows
/// two of them is what follows one.
fn explore(alphabet: &Alphabet, heard: &mut Vec<usize>, dropped: usize, seen: &mut Seen) {
    for index in 0..alphabet.letters.len() {
        let mut listener = Listener::new(alphabet);
        for earlier in &*heard {
            listener.hear(&alphabet.letters[*earlier]);
        }
        let reaction = listener.hear(&alphabet.letters[index]);
        heard.push(index);
        seen.told += 1;
        assert_sound(&listener, alphabet, heard);
        if reaction == Reaction::Connected {
            seen.connected.push(heard.clone());
        }
        if reaction == Reaction::Closed {
            // Whatever comes now is not heard: the law of quiet after death.
            seen.closed += 1;
        } else if heard.len() < DEPTH {
            let dropped = dropped + usize::from(reaction == Reaction::Dropped);
            if dropped < 2 {
                explore(alphabet, heard, dropped, seen);
            }
        }
        heard.pop();
    }
}

/// Tells an end everything, and says how many orders of the genuine letters alone connect: `orders`, if the depth lets them.
fn all_orders(alphabet: &Alphabet, orders: usize) {
    let mut seen = Seen::default();
    explore(alphabet, &mut Vec::new(), 0, &mut seen);
    assert!(seen.closed > 0 && seen.told > seen.closed, "{seen:?}");
    let straight: Vec<usize> = (0..alphabet.genuine).collect();
    let is_enough = DEPTH >= alphabet.genuine;
    assert_eq!(seen.connected.contains(&straight), is_enough);
    let alone = seen.connected.iter().filter(|letters| letters.len() == alphabet.genuine);
    let names = |letters: &Vec<usize>| {
        letters.iter().map(|index| alphabet.letters[*index].name.clone()).collect::<Vec<_>>().join(", ")
    };
    let alone: Vec<String> = alone.map(names).collect();
    assert_eq!(alone.len(), if is_enough { orders } else { 0 }, "{:?}: {alone:#?}", alphabet.role);
}

/// The four messages come in their order; ChangeCipherSpec and Finished may come at any time, since the network overtakes:
/// 6! / 4! orders.
#[test]
fn no_order_of_messages_deceives_a_server() {
    all_orders(&TO_SERVER, 30);
}

/// As with a server, but no Finished can come before our own: five places for the ChangeCipherSpec, and one after it.
#[test]
fn no_order_of_messages_deceives_a_client() {
    all_orders(&TO_CLIENT, 6);
}

/// With a pre-shared key a server hears two messages, so that there are 4! / 2! orders; a client hears two, or three with
/// ephemeral keys.
#[test]
fn no_order_of_messages_deceives_an_end_with_a_pre_shared_key() {
    for alphabet in &*PRE_SHARED {
        let orders = match (alphabet.role, alphabet.way) {
            (Role::Server, _) => 12,
            (Role::Client, Way::EphemeralPreShared) => 5,
            (Role::Client, _) => 4,
        };
        all_orders(alphabet, orders);
    }
}

/// Each letter after each part of a handshake that goes well.
#[test]
fn the_reaction_to_every_letter_in_every_state_is_as_written() {
    let mut table = String::new();
    for alphabet in [&*TO_SERVER, &*TO_CLIENT].into_iter().chain(&*PRE_SHARED) {
        let way = match alphabet.way {
            Way::Signed => "",
            Way::PreShared => " with a pre-shared key",
            Way::EphemeralPreShared => " with a pre-shared key and ephemeral ones",
        };
        let longest = alphabet.letters.iter().map(|letter| letter.name.len()).max().unwrap_or(0);
        let width = longest.max(24);
        for known in 0..=alphabet.genuine {
            let state = match known {
                0 => "at first".to_owned(),
                known => format!("after {}", alphabet.letters[known - 1].name),
            };
            writeln!(table, "{:?}{way}, {state}", alphabet.role).unwrap();
            for letter in &alphabet.letters {
                let mut listener = Listener::new(alphabet);
                for earlier in &alphabet.letters[..known] {
                    listener.hear(earlier);
                }
                let reaction = match (listener.hear(letter), listener.end.closed) {
                    (_, Some(reason)) => format!("closed: {reason}"),
                    (reaction, None) => format!("{reaction:?}").to_lowercase(),
                };
                writeln!(table, "    {:<width$} {reaction}", letter.name).unwrap();
            }
        }
    }
    golden!("dtls_orders.txt", table);
}
