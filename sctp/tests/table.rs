//! Every event against every state, as a table: `tests/golden/states.txt`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::{Association, AssociationState, Config, SendOptions};
use nomagic_testkit::clock::origin;

/// An association in each state, with a played peer.
fn in_state(state: AssociationState) -> Played {
    let fresh = || Association::new(Config::default(), &mut nomagic_testkit::rng(1));
    let mut played = Played { end: fresh(), now: origin(), tag: 0, tsn: 0 };
    match state {
        AssociationState::Closed => {}
        AssociationState::CookieWait | AssociationState::CookieEchoed => {
            played.end.connect(played.now);
            let init = played.hear();
            let packet = nomagic_sctp::packet::Packet::parse(&init[0]).unwrap();
            let chunk = packet.chunks().next().unwrap();
            played.tag = u32::from_be_bytes(chunk.value[..4].try_into().unwrap());
            played.tsn = u32::from_be_bytes(chunk.value[12..16].try_into().unwrap());
            if state == AssociationState::CookieEchoed {
                played.tell(&raw(2, 0, &init_value(&[0, 7, 0, 8, 1, 2, 3, 4])));
            }
        }
        _ => {
            played = Played::up(Config::default());
            match state {
                AssociationState::ShutdownPending | AssociationState::ShutdownReceived => {
                    played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
                    played.hear();
                    if state == AssociationState::ShutdownPending {
                        played.end.shutdown(played.now);
                    } else {
                        played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
                    }
                }
                AssociationState::ShutdownSent => played.end.shutdown(played.now),
                AssociationState::ShutdownAckSent => {
                    played.tell(&raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes()));
                }
                AssociationState::Ended => played.end.abort(played.now),
                _ => {}
            }
        }
    }
    played.hear();
    events(&mut played.end);
    assert_eq!(played.end.state(), state);
    played
}

fn init_value(params: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    for field in [PEER_TAG, 100_000, 0xffff_ffff, PEER_TSN] {
        value.extend_from_slice(&u32::to_be_bytes(field));
    }
    value.extend_from_slice(params);
    value
}

/// Tag and cookie of an INIT ACK.
fn cookie(packet: &[u8]) -> Option<(u32, Vec<u8>)> {
    let packet = nomagic_sctp::packet::Packet::parse(packet).unwrap();
    match nomagic_sctp::chunk::Chunk::parse(packet.chunks().next()?).unwrap() {
        nomagic_sctp::chunk::Chunk::InitAck(ack) => {
            Some((ack.tag, ack.params.find(nomagic_sctp::param::ParamType::STATE_COOKIE)?.to_vec()))
        }
        _ => None,
    }
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    use AssociationState::*;
    type Act = fn(&mut Played) -> Vec<Vec<u8>>;
    let acts: [(&str, Act); 33] = [
        ("connect", |p| {
            p.end.connect(p.now);
            p.hear()
        }),
        ("shutdown", |p| {
            p.end.shutdown(p.now);
            p.hear()
        }),
        ("close", |p| {
            p.end.close(p.now);
            p.hear()
        }),
        ("abort", |p| {
            p.end.abort(p.now);
            p.hear()
        }),
        ("INIT", |p| p.say(0, &raw(1, 0, &init_value(&[])))),
        ("INIT ACK", |p| p.tell(&raw(2, 0, &init_value(&[0, 7, 0, 8, 1, 2, 3, 4])))),
        ("COOKIE ECHO, forged", |p| p.tell(&raw(10, 0, &[0; 73]))),
        ("COOKIE ECHO, ours", |p| {
            let init = p.say(0, &raw(1, 0, &init_value(&[])));
            let Some(cookie) = init.first().and_then(|packet| cookie(packet)) else { return init };
            p.say(cookie.0, &raw(10, 0, &cookie.1))
        }),
        ("COOKIE ACK", |p| p.tell(&raw(11, 0, &[]))),
        ("DATA", |p| p.tell(&data(PEER_TSN, 11, 0, 0, b"x"))),
        ("SACK of all", |p| {
            p.tell(&sack(p.tsn.wrapping_sub(u32::from(p.end.stats().flight == 0)), 9999, &[]))
        }),
        ("HEARTBEAT", |p| p.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]))),
        ("HEARTBEAT ACK", |p| p.tell(&raw(5, 0, &[0, 1, 0, 8, 1, 2, 3, 4]))),
        ("ABORT", |p| p.tell(&raw(6, 0, &[]))),
        ("ABORT, T bit", |p| p.say(PEER_TAG, &raw(6, 1, &[]))),
        ("SHUTDOWN", |p| p.tell(&raw(7, 0, &p.tsn.wrapping_sub(1).to_be_bytes()))),
        ("SHUTDOWN ACK", |p| p.tell(&raw(8, 0, &[]))),
        ("SHUTDOWN COMPLETE", |p| p.tell(&raw(14, 0, &[]))),
        ("ERROR, stale cookie", |p| p.tell(&raw(9, 0, &[0, 3, 0, 8, 0, 0, 0, 1]))),
        ("SHUTDOWN COMPLETE, T", |p| p.say(PEER_TAG, &raw(14, 1, &[]))),
        ("ERROR, other cause", |p| p.tell(&raw(9, 0, &[0, 1, 0, 8, 0, 0, 0, 0]))),
        ("DATA, empty", |p| p.tell(&data(PEER_TSN, 11, 0, 0, b""))),
        ("I-DATA", |p| {
            let value = [&PEER_TSN.to_be_bytes()[..], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53, 1]].concat();
            p.tell(&raw(64, 11, &value))
        }),
        ("FORWARD-TSN", |p| p.tell(&raw(192, 0, &PEER_TSN.to_be_bytes()))),
        ("I-FORWARD-TSN", |p| p.tell(&raw(194, 0, &PEER_TSN.to_be_bytes()))),
        ("RE-CONFIG", |p| {
            let fields = [PEER_TSN, 0, PEER_TSN.wrapping_sub(1)].map(u32::to_be_bytes).concat();
            p.tell(&raw(130, 0, &[&[0, 13, 0, 18], &fields[..], &[0, 5]].concat()))
        }),
        ("PAD", |p| p.tell(&raw(132, 0, &[0; 8]))),
        ("unknown, stop", |p| p.tell(&raw(0x3f, 0, &[]))),
        ("unknown, stop, tell", |p| p.tell(&raw(0x7f, 0, &[]))),
        ("unknown, skip", |p| p.tell(&raw(0xbf, 0, &[]))),
        ("unknown, skip, tell", |p| p.tell(&raw(0xff, 0, &[]))),
        ("wrong tag", |p| p.say(p.tag ^ 1, &data(PEER_TSN, 11, 0, 0, b"x"))),
        ("next deadline", |p| if p.end.poll_timeout().is_some() { p.wait() } else { Vec::new() }),
    ];
    let states = [
        Closed,
        CookieWait,
        CookieEchoed,
        Established,
        ShutdownPending,
        ShutdownSent,
        ShutdownReceived,
        ShutdownAckSent,
        Ended,
    ];
    let mut table = String::new();
    for state in states {
        table += &format!("{state:?}\n");
        for (name, act) in acts {
            let mut played = in_state(state);
            let said: Vec<String> = act(&mut played)
                .iter()
                .flat_map(|p| {
                    let packet = nomagic_sctp::packet::Packet::parse(p).unwrap();
                    packet.chunks().map(|c| c.kind.to_string()).collect::<Vec<_>>()
                })
                .collect();
            let next = played.end.state();
            let events: Vec<String> = events(&mut played.end).iter().map(|e| format!("{e:?}")).collect();
            let next = if next == state { "-".into() } else { format!("{next:?}") };
            table += &format!("  {name:<20} {next:<17} {:<22} {}\n", said.join(" "), events.join(" "));
        }
    }
    nomagic_testkit::golden!("states.txt", table);
}
