//! T14 and T15: two engines and random operations converge; glare and rollback at each state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{assert_agreed, clean, exchange, side, track, transport, whole};
use nomagic_sdp::Negotiator;
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{Encoding, Kind, NegotiationError, State};
use nomagic_testkit::rng;
use rand::{Rng, RngExt};

/// One thing that an application may do at any moment.
fn act(side: &mut Negotiator, rng: &mut impl Rng) {
    const DIRECTIONS: [Direction; 4] =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    let count = side.sections().len();
    let direction = DIRECTIONS[rng.random_range(0..4)];
    match rng.random_range(0..7) {
        0 if count < 7 => {
            let kind = if rng.random_bool(0.5) { Kind::Audio } else { Kind::Video };
            side.add_media(kind, direction, track(rng.random()));
        }
        1 if count < 7 => drop(side.add_data()),
        2 if count > 0 => side.set_media(rng.random_range(0..count), direction, track(rng.random())),
        3 if count > 0 => side.stop(rng.random_range(0..count)),
        4 if count > 0 => side.set_direction(rng.random_range(0..count), direction),
        5 if count > 0 => {
            side.set_encodings(rng.random_range(0..count), ["a", "b"].map(Encoding::new).to_vec());
        }
        _ => {}
    }
}

//= rfc8829#5.7-1 test
//= rfc8829#5.7-2 test
//= rfc8829#5.7-4 test
//= rfc8829#5.7-5 test
//= rfc8829#4.1.10-4 test
/// T14: whatever two applications do at whatever moment, with restarts, glare, rollback at each state, answers for the
/// time being and offers sent twice, they end up seeing the same.
#[test]
fn t14_two_engines_under_random_operations_converge() {
    for seed in 0..1_000 {
        let (mut a, mut z, mut rng) = (side(1), side(2), rng(seed));
        let mut generation = [10, 20];
        for round in 0..10 {
            let what = format!("seed {seed} round {round}");
            let swap = rng.random_bool(0.5);
            let (first, second) = if swap { (&mut a, &mut z) } else { (&mut z, &mut a) };
            if rng.random_bool(0.2) {
                generation[usize::from(rng.random_bool(0.5))] += 1;
            }
            let [ours, theirs] = generation.map(transport);
            act(first, &mut rng);
            act(second, &mut rng);
            let offer = first.create_offer(&ours).unwrap();
            clean(&offer);
            act(first, &mut rng);
            if rng.random_bool(0.2) {
                // Glare, in both states that have it: the second gives way.
                second.create_offer(&theirs).unwrap();
                assert!(matches!(second.accept_offer(offer.as_bytes()), Err(NegotiationError::State { .. })));
                second.rollback().unwrap();
            }
            second.accept_offer(offer.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}\n{offer}"));
            act(second, &mut rng);
            match rng.random_range(0..8) {
                0 => {
                    second.rollback().unwrap();
                    first.rollback().unwrap();
                    continue;
                }
                1 => second.accept_offer(offer.as_bytes()).unwrap(),
                choice @ 2..=3 => {
                    let text = second.create_provisional_answer(&theirs).unwrap();
                    clean(&text);
                    first
                        .accept_provisional_answer(text.as_bytes())
                        .unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
                    act(first, &mut rng);
                    act(second, &mut rng);
                    if choice == 2 {
                        second.rollback().unwrap();
                        first.rollback().unwrap();
                        continue;
                    }
                }
                _ => {}
            }
            let answer = second.create_answer(&theirs).unwrap();
            clean(&answer);
            first
                .accept_answer(answer.as_bytes())
                .unwrap_or_else(|error| panic!("{what}: {error}\n{offer}\n{answer}"));
            act(first, &mut rng);
        }
        for side in [&mut a, &mut z] {
            if side.sections().is_empty() {
                side.add_data();
            }
        }
        exchange(&mut a, &mut z);
        exchange(&mut z, &mut a);
        exchange(&mut a, &mut z);
        assert_agreed(&a, &z, &format!("seed {seed}"));
        assert!(a.sections().iter().all(|section| section.remote.is_some()), "seed {seed}");
    }
}

//= rfc8829#5.5-2 test
//= rfc8829#5.5-3 test
//= rfc8829#5.5-4 test
//= rfc8829#5.6-2 test
//= rfc8829#5.6-3 test
//= rfc8829#5.6-4 test
//= rfc8829#5.3.1-1 test
//= rfc8829#4.1.9-1 test
//= rfc3264#4-3 test
//= rfc3264#4-4 test
/// T15: every call in every state, and rollback from each.
#[test]
fn t15_every_call_in_every_state_leads_on_or_changes_nothing() {
    let start = || {
        let (mut a, mut z) = (whole(1), whole(2));
        exchange(&mut a, &mut z);
        (a, z)
    };
    let (mut peer, _) = start();
    let offer = {
        // An offer that fits the second side of every fresh pair.
        peer.set_direction(0, Direction::SendOnly);
        peer.create_offer(&transport(1)).unwrap()
    };
    let reach = |state: State| {
        let (mut a, mut z) = start();
        match state {
            HaveLocalOffer => drop(z.create_offer(&transport(2)).unwrap()),
            HaveRemoteOffer => z.accept_offer(offer.as_bytes()).unwrap(),
            HaveLocalPranswer => {
                z.accept_offer(offer.as_bytes()).unwrap();
                z.create_provisional_answer(&transport(2)).unwrap();
            }
            HaveRemotePranswer => {
                let offer = z.create_offer(&transport(2)).unwrap();
                a.accept_offer(offer.as_bytes()).unwrap();
                let answer = a.create_provisional_answer(&transport(1)).unwrap();
                z.accept_provisional_answer(answer.as_bytes()).unwrap();
            }
            Closed => z.close(),
            _ => {}
        }
        assert_eq!(z.state(), state);
        (a, z)
    };
    let answer_to = |a: &mut Negotiator, z: &Negotiator| {
        // An answer to whatever the side has offered; any answer where it has not.
        let offer = z.clone().create_offer(&transport(2));
        let offer = offer.unwrap_or_else(|_| whole(2).create_offer(&transport(2)).unwrap());
        if a.state() == Stable && a.accept_offer(offer.as_bytes()).is_err() {
            return "v=0\r\n".to_owned();
        }
        a.create_answer(&transport(1)).unwrap_or_else(|_| "v=0\r\n".into())
    };
    use State::{Closed, HaveLocalOffer, HaveLocalPranswer, HaveRemoteOffer, HaveRemotePranswer, Stable};
    type Call = fn(&mut Negotiator, &str, &str) -> Result<(), NegotiationError>;
    let calls: [(&str, Call); 7] = [
        ("create_offer", |z, _, _| z.create_offer(&transport(2)).map(drop)),
        ("accept_offer", |z, offer, _| z.accept_offer(offer.as_bytes())),
        ("create_provisional_answer", |z, _, _| z.create_provisional_answer(&transport(2)).map(drop)),
        ("create_answer", |z, _, _| z.create_answer(&transport(2)).map(drop)),
        ("accept_provisional_answer", |z, _, answer| z.accept_provisional_answer(answer.as_bytes())),
        ("accept_answer", |z, _, answer| z.accept_answer(answer.as_bytes())),
        ("rollback", |z, _, _| z.rollback()),
    ];
    let leads = |state: State, call: &str| match (state, call) {
        (Stable | HaveLocalOffer, "create_offer") => Some(HaveLocalOffer),
        (Stable | HaveRemoteOffer, "accept_offer") => Some(HaveRemoteOffer),
        (HaveRemoteOffer | HaveLocalPranswer, "create_provisional_answer") => Some(HaveLocalPranswer),
        (HaveLocalOffer | HaveRemotePranswer, "accept_provisional_answer") => Some(HaveRemotePranswer),
        (HaveRemoteOffer | HaveLocalPranswer, "create_answer")
        | (HaveLocalOffer | HaveRemotePranswer, "accept_answer") => Some(Stable),
        (HaveLocalOffer | HaveRemoteOffer | HaveLocalPranswer | HaveRemotePranswer, "rollback") => {
            Some(Stable)
        }
        _ => None,
    };
    for state in [Stable, HaveLocalOffer, HaveRemoteOffer, HaveLocalPranswer, HaveRemotePranswer, Closed] {
        for (name, call) in calls {
            let (mut a, mut z) = reach(state);
            let answer = answer_to(&mut a, &z);
            let before = z.sections().to_vec();
            let result = call(&mut z, &offer, &answer);
            match leads(state, name) {
                Some(next) => {
                    result.unwrap_or_else(|error| panic!("{name} in {state:?}: {error}\n{answer}"));
                    assert_eq!(z.state(), next, "{name} in {state:?}");
                }
                None => {
                    assert_eq!(result, Err(NegotiationError::State { state }), "{name}");
                    assert_eq!((z.state(), z.sections()), (state, &before[..]), "{name} in {state:?}");
                }
            }
        }
    }
    // Rollback gives back what was agreed on, from wherever it is called.
    for state in [HaveLocalOffer, HaveRemoteOffer, HaveLocalPranswer, HaveRemotePranswer] {
        let (_, settled) = start();
        let (_, mut z) = reach(state);
        z.rollback().unwrap();
        let seen = |side: &Negotiator| {
            side.sections()
                .iter()
                .map(|section| {
                    (section.mid.clone(), section.direction, section.rejected, section.codecs.clone())
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&z), seen(&settled), "{state:?}");
        assert_eq!(z.remote_transport(), settled.remote_transport());
    }
}
