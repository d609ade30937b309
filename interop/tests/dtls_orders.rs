//! Every order of an alphabet of messages to depth 6, in both roles (D23 to D29, and D1, D2 before the end of a
//! handshake).
//!
//! It lives here since `interop` runs in release in CI, where the whole depth takes seconds; a debug build goes to a
//! lesser depth, and the golden table of single letters is the same in both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;

use nomagic_interop::orders::{Alphabet, GENUINE, Listener, Reaction, TO_CLIENT, TO_SERVER, assert_sound};
use nomagic_testkit::golden;

const DEPTH: usize = if cfg!(debug_assertions) { 3 } else { 6 };

/// What was seen on the way through all orders.
#[derive(Debug, Default)]
struct Seen {
    told: u64,
    closed: u64,
    connected: Vec<String>,
}

/// Tells an end all that continues `heard`, as long as it listens. A letter that is dropped changes nothing, so what follows
/// two of them is what follows one.
fn explore(alphabet: &Alphabet, heard: &mut Vec<usize>, dropped: usize, seen: &mut Seen) {
    for index in 0..alphabet.letters.len() {
        let mut listener = Listener::new(alphabet.role);
        for earlier in &*heard {
            listener.hear(&alphabet.letters[*earlier]);
        }
        let reaction = listener.hear(&alphabet.letters[index]);
        heard.push(index);
        seen.told += 1;
        assert_sound(&listener, alphabet, heard);
        if reaction == Reaction::Connected {
            let names = heard.iter().map(|index| alphabet.letters[*index].name.as_str());
            seen.connected.push(names.collect::<Vec<_>>().join(", "));
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

fn all_orders(alphabet: &Alphabet) -> Seen {
    let mut seen = Seen::default();
    explore(alphabet, &mut Vec::new(), 0, &mut seen);
    assert!(seen.closed > 0 && seen.told > seen.closed, "{seen:?}");
    if DEPTH >= GENUINE {
        let straight: Vec<&str> =
            alphabet.letters[..GENUINE].iter().map(|letter| letter.name.as_str()).collect();
        assert!(seen.connected.contains(&straight.join(", ")), "{:#?}", seen.connected);
    }
    seen
}

/// The four messages come in their order; ChangeCipherSpec and Finished may come at any time, since the network overtakes:
/// 6! / 4! orders.
#[test]
fn no_order_of_messages_deceives_a_server() {
    let seen = all_orders(&TO_SERVER);
    assert_eq!(seen.connected.len(), if DEPTH < GENUINE { 0 } else { 30 }, "{:#?}", seen.connected);
}

/// As with a server, but no Finished can come before our own: five places for the ChangeCipherSpec, and one after it.
#[test]
fn no_order_of_messages_deceives_a_client() {
    let seen = all_orders(&TO_CLIENT);
    assert_eq!(seen.connected.len(), if DEPTH < GENUINE { 0 } else { 6 }, "{:#?}", seen.connected);
}

/// Each letter after each part of a handshake that goes well.
#[test]
fn the_reaction_to_every_letter_in_every_state_is_as_written() {
    let mut table = String::new();
    for alphabet in [&*TO_SERVER, &*TO_CLIENT] {
        for known in 0..=GENUINE {
            let state = match known {
                0 => "at first".to_owned(),
                known => format!("after {}", alphabet.letters[known - 1].name),
            };
            writeln!(table, "{:?}, {state}", alphabet.role).unwrap();
            for letter in &alphabet.letters {
                let mut listener = Listener::new(alphabet.role);
                for earlier in &alphabet.letters[..known] {
                    listener.hear(earlier);
                }
                let reaction = match (listener.hear(letter), listener.end.closed) {
                    (_, Some(reason)) => format!("closed: {reason}"),
                    (reaction, None) => format!("{reaction:?}").to_lowercase(),
                };
                writeln!(table, "    {:<24} {reaction}", letter.name).unwrap();
            }
        }
    }
    golden!("dtls_orders.txt", table);
}
