//! T14 and T15: two engines and random operations converge, glare and rollback at each state; and the parts of the exchange
//! that only an engine has: provisional answers, transports of one's own, simulcast, hold, keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction, Setup};
use nomagic_sdp::negotiation::{
    BundlePolicy, Codec, Config, Encoding, Endpoint, HeaderExtension, Kind, LocalTransport, NegotiationError,
    PlainTransport, RtcpMuxPolicy, Rules, SdesKey, State, Track,
};
use nomagic_sdp::{Document, Fragment, Limits, Negotiator};
use nomagic_testkit::{rng, vectors};
use rand::{Rng, RngExt};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

fn config(id: u64) -> Config {
    let mut config = Config::new(id, format!("cname-{id}"));
    config.audio.codecs = vec![
        Codec::new(111, "opus", 48_000, Some(2)).with_parameters("minptime=10;useinbandfec=1"),
        Codec::new(63, "red", 48_000, Some(2)).with_parameters("111/111"),
        Codec::new(0, "PCMU", 8_000, None),
        Codec::new(110, "telephone-event", 48_000, None).with_parameters("0-16"),
    ];
    config.video.codecs = vec![
        Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack", "nack pli"]),
        Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96"),
        Codec::new(102, "H264", 90_000, None)
            .with_parameters("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    ];
    let mid = HeaderExtension { id: 4, uri: MID.into() };
    (config.audio.extensions, config.video.extensions) = (vec![mid.clone()], vec![mid]);
    config.max_message_size = Some(262_144);
    config
}

fn side(id: u64) -> Negotiator {
    Negotiator::new(config(id))
}

fn transport(tag: u32) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("passwordof22characters{tag}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: vec!["1 1 udp 2130706431 192.0.2.1 5000 typ host".into()],
        end_of_candidates: true,
    }
}

fn track(ssrc: u32) -> Option<Track> {
    Some(Track { stream: "stream".into(), track: format!("track{ssrc}"), ssrc })
}

fn whole(id: u64) -> Negotiator {
    let mut side = side(id);
    side.add_media(Kind::Audio, Direction::SendRecv, track(1));
    side.add_media(Kind::Video, Direction::SendRecv, track(2));
    side.add_data();
    side
}

fn exchange(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
    clean(&offer);
    clean(&answer);
    (offer, answer)
}

fn clean(text: &str) {
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let findings = document.examine();
    assert!(findings.is_empty(), "{}\n{text}", findings[0]);
}

fn assert_agreed(a: &Negotiator, z: &Negotiator, what: &str) {
    assert_eq!((a.state(), z.state()), (State::Stable, State::Stable), "{what}");
    let placed =
        a.sections().iter().zip(z.sections()).filter(|(a, z)| a.remote.is_some() && z.remote.is_some());
    for (a_section, z_section) in placed {
        assert_eq!(
            (&a_section.mid, &a_section.kind, a_section.rejected),
            (&z_section.mid, &z_section.kind, z_section.rejected),
            "{what}"
        );
        if a_section.rejected {
            continue;
        }
        assert_eq!(a_section.direction, z_section.direction.reversed(), "{what}: {}", a_section.mid);
        let types = |codecs: &[Codec]| {
            codecs.iter().map(|codec| (codec.payload_type, codec.name.clone())).collect::<Vec<_>>()
        };
        assert_eq!(types(&a_section.codecs), types(&z_section.codecs), "{what}");
        assert_eq!(a_section.extensions, z_section.extensions, "{what}");
        // Whoever shares a transport here shares it there, and their parts in the handshake fit.
        let roles = (a.dtls_role_of(a_section), z.dtls_role_of(z_section));
        let fits = matches!(
            roles,
            (Some(Setup::Active), Some(Setup::Passive)) | (Some(Setup::Passive), Some(Setup::Active))
        );
        assert!(fits, "{what}: {roles:?}");
    }
}

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

//= rfc9143#7.1.3-2 test
//= rfc9143#7.1.3-4 test
//= rfc9143#7.1.3-5 test
//= rfc9143#7.2-1 test
//= rfc9143#7.2-2 test
//= rfc9143#7.2.1-1 test
//= rfc9143#7.3-1 test
//= rfc9143#7.5-1 test
//= rfc8829#4.1.1-3 test
//= rfc8829#5.2.1-14 test
//= rfc8829#5.2.1-18 test
//= rfc8829#5.2.1-42 test
//= rfc8829#5.2.1-43 test
//= rfc8829#5.2.2-13 test
//= rfc8829#5.2.2-18 test
//= rfc8829#5.2.2-31 test
//= rfc8829#5.2.2-32 test
//= rfc8829#5.2.2-33 test
//= rfc8829#5.3.1-30 test
//= rfc8829#5.3.1-31 test
//= rfc8829#5.3.1-32 test
//= rfc8829#5.3.2-7 test
//= rfc8829#5.3.2-15 test
//= rfc9143#7.1.3-3 test
//= rfc9143#7.3-2 test
//= rfc9143#7.3.1-1 test
//= rfc9143#7.3.1-2 test
//= rfc9143#7.4-2 test
//= rfc9143#10-1 test
//= rfc8829#5.2.2-34 test
/// Each policy says in its own way what may stand alone; once agreed on, the first section speaks for all.
#[test]
fn bundles_are_offered_by_policy_and_answered_by_the_section_that_speaks() {
    let parts = |text: &str| {
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        let parts = document.media().map(|section| {
            (
                section.media().unwrap().port,
                section.has("bundle-only"),
                section.value("ice-ufrag").map(str::to_owned),
                section.has("candidate"),
            )
        });
        parts.collect::<Vec<_>>()
    };
    let alone = |tag: u32| (5000, false, Some(format!("ufrag{tag}")), true);
    let only = || (0, true, None, false);
    let bundled = || (5000, false, None, false);
    assert_eq!(Config::new(1, "x").bundle, BundlePolicy::Balanced);
    for (policy, own, expected) in [
        (BundlePolicy::Balanced, false, [alone(1), only(), only(), only()]),
        (BundlePolicy::Balanced, true, [alone(10), alone(11), only(), alone(13)]),
        (BundlePolicy::MaxCompat, false, [alone(1), alone(1), alone(1), alone(1)]),
        (BundlePolicy::MaxCompat, true, [alone(10), alone(11), alone(12), alone(13)]),
        (BundlePolicy::MaxBundle, false, [alone(1), only(), only(), only()]),
        (BundlePolicy::MaxBundle, true, [alone(10), only(), only(), only()]),
    ] {
        let mut config = config(1);
        config.bundle = policy;
        let (mut a, mut z) = (Negotiator::new(config), side(2));
        a.add_media(Kind::Audio, Direction::SendRecv, track(1));
        a.add_media(Kind::Video, Direction::SendRecv, track(2));
        a.add_media(Kind::Video, Direction::SendRecv, track(3));
        a.add_data();
        if own {
            (0..4)
                .for_each(|number| a.set_endpoint(number as usize, Endpoint::Secure(transport(10 + number))));
        }
        let (offer, answer) = exchange(&mut a, &mut z);
        assert_eq!(parts(&offer), expected, "{policy:?} {own}");
        for text in [&offer, &answer] {
            assert!(text.contains("a=group:BUNDLE 0 1 2 3\r\n"), "{text}");
        }
        assert_eq!(parts(&answer), [alone(2), bundled(), bundled(), bundled()], "{answer}");
        assert_agreed(&a, &z, "bundle");
        for section in a.sections() {
            assert_eq!(a.remote_transport_of(section).unwrap().ufrag, "ufrag2");
            assert_eq!(section.transport, a.sections()[0].transport);
        }
        let (offer, answer) = exchange(&mut a, &mut z);
        assert_eq!(parts(&offer)[1..], [bundled(), bundled(), bundled()], "{offer}");
        assert_eq!(parts(&answer)[1..], [bundled(), bundled(), bundled()]);
        // One that is added later is in the bundle without a mark.
        a.add_media(Kind::Audio, Direction::SendRecv, track(9));
        let (offer, _) = exchange(&mut a, &mut z);
        assert_eq!(parts(&offer)[4], bundled());
        assert!(offer.contains("a=group:BUNDLE 0 1 2 3 4\r\n"));
    }
}

//= rfc9143#7.3.2-1 test
//= rfc9143#7.3.2-2 test
//= rfc9143#7.3.2-4 test
//= rfc9143#7.4-3 test
//= rfc9143#6-1 test
//= rfc8829#5.3.1-16 test
//= rfc8829#5.3.1-23 test
//= rfc9143#7.3.2-3 test
//= rfc9143#7.3.2-5 test
//= rfc9143#9.3.1.2-4 test
/// Without a bundle every section has a transport of its own; one without is refused, and `bundle-only` means nothing.
#[test]
fn sections_outside_the_bundle_have_transports_of_their_own() {
    let mut config = config(1);
    config.bundle = BundlePolicy::MaxCompat;
    let make = || {
        let mut a = Negotiator::new(config.clone());
        a.add_media(Kind::Audio, Direction::SendRecv, track(1));
        a.add_media(Kind::Video, Direction::SendRecv, track(2));
        (0..2).for_each(|number| a.set_endpoint(number as usize, Endpoint::Secure(transport(10 + number))));
        a
    };
    let (mut a, mut z) = (make(), side(2));
    let offer = a.create_offer(&transport(1)).unwrap();
    let apart = offer.replace("a=group:BUNDLE 0 1\r\n", "");
    z.accept_offer(apart.as_bytes()).unwrap();
    z.set_endpoint(0, Endpoint::Secure(transport(20)));
    z.set_endpoint(1, Endpoint::Secure(transport(21)));
    let answer = z.create_answer(None).unwrap();
    assert!(
        answer.contains("a=ice-ufrag:ufrag20\r\n")
            && answer.contains("a=ice-ufrag:ufrag21\r\n")
            && !answer.contains("BUNDLE")
    );
    let count = |line: &str| answer.matches(line).count();
    assert_eq!(
        (count("a=rtcp-mux\r\n"), count("a=fingerprint"), count("bundle-only")),
        (2, 2, 0),
        "{answer}"
    );
    a.accept_answer(answer.as_bytes()).unwrap();
    for (a_section, tag) in a.sections().iter().zip([20, 21]) {
        assert_eq!(a.remote_transport_of(a_section).unwrap().ufrag, format!("ufrag{tag}"));
        assert_eq!(a_section.transport, Some(a_section.id));
    }
    // They stay apart in the next offer, whoever makes it.
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(!offer.contains("BUNDLE") && offer.contains("ufrag10") && offer.contains("ufrag11"), "{offer}");
    // One without a transport is refused.
    let mut z = side(3);
    z.accept_offer(apart.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("m=audio 5000 ") && answer.contains("m=video 0 "), "{answer}");
    // So is what only the bundle would carry, where there is none.
    let mut z = side(4);
    let marked = apart.replace("m=video 5000", "m=video 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only");
    z.accept_offer(marked.as_bytes()).unwrap();
    z.set_endpoint(1, Endpoint::Secure(transport(21)));
    assert!(z.create_answer(&transport(2)).unwrap().contains("m=video 0 "));
}

//= rfc9143#7.4-1 test
/// An answer cannot bundle what was not offered so, nor take apart what has one transport.
#[test]
fn answers_bundle_what_was_offered_bundled() {
    let (mut a, mut z) = (whole(1), side(2));
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    let apart = answer.replace("BUNDLE 0 1 2", "BUNDLE 0 1");
    assert!(matches!(a.accept_answer(apart.as_bytes()), Err(NegotiationError::Mismatch { .. })));
    a.accept_answer(answer.as_bytes()).unwrap();
    let mut b = Negotiator::new({
        let mut config = config(1);
        config.rules = Rules::Sip;
        config
    });
    b.add_media(Kind::Audio, Direction::SendRecv, track(1));
    b.add_media(Kind::Video, Direction::SendRecv, track(2));
    (0..2).for_each(|number| b.set_endpoint(number as usize, Endpoint::Secure(transport(10 + number))));
    let offer = b.create_offer(None).unwrap();
    assert!(!offer.contains("BUNDLE"));
    let mut z = side(3);
    z.accept_offer(offer.as_bytes()).unwrap();
    (0..2).for_each(|number| z.set_endpoint(number as usize, Endpoint::Secure(transport(20 + number))));
    let answer = z.create_answer(None).unwrap();
    let bundled = answer.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\n");
    let named = |text: &str, kind: &str, mid: &str| {
        let (head, tail) = text.split_once(&format!("m={kind}")).unwrap();
        format!("{head}m={kind}{}", tail.replacen("a=rtcp-mux", &format!("a=mid:{mid}\r\na=rtcp-mux"), 1))
    };
    let bundled = named(&named(&bundled, "audio", "0"), "video", "1");
    let refused = b.accept_answer(bundled.as_bytes()).unwrap_err();
    assert!(
        refused.to_string().ends_with("the answer bundles what was not offered in a bundle"),
        "{refused}"
    );
    b.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{answer}"));
}

//= rfc8829#5.2.2-21 test
//= rfc8829#5.2.2-23 test
//= rfc8829#5.2.2-24 test
//= rfc8829#5.2.2-25 test
//= rfc8829#5.2.2-26 test
//= rfc8829#5.2.2-30 test
//= rfc3264#8.3.2-3 test
//= rfc3264#8.3.2-4 test
//= rfc3264#5.1-13 test
//= rfc3264#6.1-15 test
//= rfc8829#4.1.8-1 test
//= rfc8829#4.1.8-2 test
/// A new offer lists everything again: what was agreed on first and under its numbers, then the rest under the numbers that
/// it had; extensions and feedback only where they were agreed on.
#[test]
fn a_new_offer_lists_everything_again_under_the_same_numbers() {
    let formats = |text: &str, at: usize| {
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        let section = document.media().nth(at).unwrap();
        section.media().unwrap().formats().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut small = config(2);
    small.audio.codecs = vec![Codec::new(0, "PCMU", 8_000, None)];
    small.video.codecs = vec![Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack pli"])];
    small.video.extensions.clear();
    let (mut a, mut z) = (whole(1), Negotiator::new(small));
    let (offer, answer) = exchange(&mut a, &mut z);
    assert_eq!(formats(&offer, 0), ["111", "0", "110", "63"]);
    assert_eq!(formats(&answer, 0), ["0"]);
    let (offer, _) = exchange(&mut a, &mut z);
    assert_eq!(formats(&offer, 0), ["0", "111", "110", "63"], "{offer}");
    assert_eq!(formats(&offer, 1), ["96", "102", "97"]);
    assert!(offer.contains("a=rtpmap:111 opus/48000/2\r\n") && offer.contains("a=fmtp:63 111/111\r\n"));
    let video = offer.split("m=video").nth(1).unwrap();
    assert!(
        video.contains("a=rtcp-fb:96 nack pli\r\n")
            && !video.contains("a=rtcp-fb:96 nack\r\n")
            && !video.contains("extmap")
    );
    // The other side offers with numbers of its own choice: they hold for what it has, ours for the rest.
    let (offer, _) = exchange(&mut z, &mut a);
    assert_eq!(formats(&offer, 0), ["0"]);
    let (offer, _) = exchange(&mut a, &mut z);
    assert_eq!(formats(&offer, 0), ["0", "111", "110", "63"]);
}

//= rfc8853#5.1-1 test
//= rfc8853#5.3.1-1 test
//= rfc8853#5.3.2-3 test
//= rfc8853#5.3.2-7 test
//= rfc8853#5.3.2-8 test
//= rfc8853#5.3.3-1 test
//= rfc8853#5.3.3-4 test
//= rfc8829#5.2.1-32 test
//= rfc8829#5.2.1-33 test
//= rfc8829#5.2.1-35 test
//= rfc8829#5.2.2-19 test
//= rfc8829#5.2.2-20 test
//= rfc8851#6.1-3 test
//= rfc8851#6.3-4 test
//= rfc8853#5.2-9 test
//= rfc8853#5.2-10 test
//= rfc8853#5.3.3-5 test
/// Encodings are offered, taken in the order of the list without their pauses, kept in the next offers of both sides, and
/// not sent to whoever does not take them.
#[test]
fn several_encodings_are_offered_and_answered() {
    let simulcast = |side: &mut Negotiator| {
        let number = side.add_media(Kind::Video, Direction::SendRecv, track(5));
        let mut encodings = ["h", "m", "l"].map(Encoding::new).to_vec();
        encodings[1].restrictions = "max-width=640;max-fps=15".into();
        encodings[2].paused = true;
        side.set_encodings(number, encodings);
    };
    let (mut a, mut z) = (side(1), side(2));
    simulcast(&mut a);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(offer.contains("a=rid:h send\r\na=rid:m send max-width=640;max-fps=15\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n"), "{offer}");
    assert!(answer.contains("a=rid:h recv\r\na=rid:m recv max-width=640;max-fps=15\r\na=rid:l recv\r\na=simulcast:recv h;m;l\r\n"), "{answer}");
    let names =
        |side: &Negotiator| side.sections()[0].sending.iter().map(|own| own.rid.clone()).collect::<Vec<_>>();
    assert!(a.sections()[0].sending.iter().all(|own| !own.paused), "nobody here can be asked to pause");
    assert_eq!(names(&a), ["h", "m", "l"]);
    assert_eq!(z.sections()[0].remote.as_ref().unwrap().rids, ["h", "m", "l"]);
    for _ in 0..2 {
        let (offer, _) = exchange(&mut z, &mut a);
        assert!(offer.contains("a=simulcast:recv h;m;l\r\n"), "{offer}");
        assert_eq!(names(&a), ["h", "m", "l"]);
        let (offer, _) = exchange(&mut a, &mut z);
        assert!(offer.contains("a=simulcast:send h;m;l\r\n"));
    }
    // Fewer are taken, and only those that are not paused by an answer that may pause.
    let (mut a, mut few) = (
        side(1),
        Negotiator::new({
            let mut config = config(2);
            config.simulcast_streams = 2;
            config
        }),
    );
    simulcast(&mut a);
    let (_, answer) = exchange(&mut a, &mut few);
    assert!(answer.contains("a=simulcast:recv h;m\r\n"));
    assert_eq!(names(&a), ["h", "m"]);
    let (mut a, mut none) = (
        side(1),
        Negotiator::new({
            let mut config = config(2);
            config.simulcast_streams = 0;
            config
        }),
    );
    simulcast(&mut a);
    let (_, answer) = exchange(&mut a, &mut none);
    assert!(!answer.contains("simulcast") && !answer.contains("a=rid"));
    assert_eq!(names(&a), Vec::<String>::new());
    // With a way to ask for pauses, the offer says which encodings begin paused; an answer echoes none.
    let mut pausable = config(1);
    pausable.video.codecs[0] =
        Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack", "nack pli", "ccm pause"]);
    pausable.video.codecs.pop();
    let (mut a, mut z) = (Negotiator::new(pausable.clone()), Negotiator::new(pausable));
    simulcast(&mut a);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(
        offer.contains("a=simulcast:send h;m;~l\r\n") && answer.contains("a=simulcast:recv h;m;l\r\n"),
        "{offer}{answer}"
    );
    assert!(z.sections()[0].remote.as_ref().unwrap().sends[2].paused);
}

//= rfc8853#5.2-1 test
//= rfc8853#5.2-2 test
//= rfc8853#5.2-4 test
//= rfc8853#5.2-5 test
//= rfc8853#5.2-17 test
//= rfc8853#5.3.2-1 test
//= rfc8853#5.3.2-2 test
//= rfc8853#5.3.2-5 test
//= rfc8851#4-10 test
//= rfc8851#6.2.2-1 test
//= rfc8851#6.2.2-2 test
//= rfc8851#6.3-3 test
//= rfc8851#6.3-5 test
//= rfc8851#6.3-6 test
//= rfc8829#5.8.3-8 test
//= rfc8829#5.8.2-25 test
//= rfc8829#5.8.2-26 test
/// What a hostile or careless offer says of encodings.
#[test]
fn encodings_that_make_no_sense_are_not_answered() {
    let mut a = side(1);
    let number = a.add_media(Kind::Video, Direction::SendRecv, track(5));
    a.set_encodings(number, ["1", "2"].map(Encoding::new).to_vec());
    let offer = a.create_offer(&transport(1)).unwrap();
    let lines = "a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n";
    assert!(offer.contains(lines), "{offer}");
    let answered = |to: &str| {
        let mut z = side(2);
        z.accept_offer(offer.replace(lines, to).as_bytes()).map(|()| {
            let answer = z.create_answer(&transport(2)).unwrap();
            let kept =
                answer.lines().filter(|line| line.starts_with("a=rid") || line.starts_with("a=simulcast"));
            kept.map(str::to_owned).collect::<Vec<_>>()
        })
    };
    let none = Vec::<String>::new();
    assert_eq!(answered(lines).unwrap(), ["a=rid:1 recv", "a=rid:2 recv", "a=simulcast:recv 1;2"]);
    assert!(answered("a=rid:1 send\r\na=simulcast:send 1;2\r\n").is_err(), "a name that is not declared");
    assert_eq!(answered(&format!("{lines}a=simulcast:send 1\r\n")).unwrap(), none, "twice");
    let session = format!("a=rid:1 send\r\n{}", "");
    assert_eq!(answered(&session).unwrap(), none, "declared alone");
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:2 recv", "a=simulcast:recv 2"]
    );
    assert_eq!(
        answered("a=rid:1 recv\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:2 recv", "a=simulcast:recv 2"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;1;2\r\n").unwrap(),
        ["a=rid:1 recv", "a=rid:2 recv", "a=simulcast:recv 1;2"]
    );
    assert_eq!(
        answered("a=rid:1 send pt=96,55\r\na=rid:2 send pt=55\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:1 recv pt=96", "a=simulcast:recv 1"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send depend=9\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:1 recv", "a=simulcast:recv 1"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1,2\r\n").unwrap(),
        ["a=rid:1 recv", "a=simulcast:recv 1"]
    );
    // The other side takes one of ours, however many we have, and no others.
    let mut z = side(2);
    z.accept_offer(offer.replace(lines, "a=rid:1 recv\r\na=simulcast:recv 1\r\n").as_bytes()).unwrap();
    z.set_media(0, Direction::SendRecv, track(9));
    z.set_encodings(0, ["1", "2", "3"].map(Encoding::new).to_vec());
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("a=rid:1 send\r\na=simulcast:send 1\r\n"), "{answer}");
    assert!(!answer.contains("a=rid:2") && !answer.contains("a=rid:3"), "{answer}");
    // At the session it means nothing.
    let mut z = side(2);
    let text = offer.replace(lines, "").replace("t=0 0\r\n", &format!("t=0 0\r\n{lines}"));
    z.accept_offer(text.as_bytes()).unwrap();
    assert!(!z.create_answer(&transport(2)).unwrap().contains("simulcast"));
}

//= rfc8851#6.4-1 test
//= rfc8851#6.4-2 test
//= rfc8851#6.4-3 test
//= rfc8851#6.4-4 test
//= rfc8853#5.3.3-2 test
/// An answer may restrict more, never less, and nothing that was not offered.
#[test]
fn answers_that_loosen_restrictions_lose_their_encodings() {
    let kept = |line: &str| {
        let (mut a, mut z) = (side(1), side(2));
        let number = a.add_media(Kind::Video, Direction::SendRecv, track(5));
        let mut encoding = Encoding::new("1");
        encoding.restrictions = "max-width=640".into();
        a.set_encodings(number, vec![encoding, Encoding::new("2")]);
        let offer = a.create_offer(&transport(1)).unwrap();
        z.accept_offer(offer.as_bytes()).unwrap();
        let answer = z.create_answer(&transport(2)).unwrap();
        let text = answer.replace("a=rid:1 recv max-width=640", line);
        assert_ne!(line == "a=rid:1 recv max-width=640", text != answer);
        a.accept_answer(text.as_bytes()).unwrap();
        a.sections()[0].sending.iter().map(|own| own.rid.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kept("a=rid:1 recv max-width=640"), ["1", "2"]);
    assert_eq!(kept("a=rid:1 recv max-width=320"), ["1", "2"]);
    assert_eq!(kept("a=rid:1 recv max-width=1280"), ["2"]);
    assert_eq!(kept("a=rid:1 recv max-width=640;max-fps=5"), ["2"]);
    assert_eq!(kept("a=rid:1 recv pt=96"), ["2"]);
}

fn phone(id: u64) -> Negotiator {
    let mut config = config(id);
    config.rules = Rules::Sip;
    config.audio.codecs = vec![
        Codec::new(0, "PCMU", 8_000, None),
        Codec::new(8, "PCMA", 8_000, None),
        Codec::new(101, "telephone-event", 8_000, None).with_parameters("0-15"),
    ];
    Negotiator::new(config)
}

fn plain(last: u8, keys: &[&str]) -> Endpoint {
    let key = |suite: &&str| SdesKey {
        suite: (*suite).into(),
        key_and_salt: "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz".into(),
    };
    Endpoint::Plain(PlainTransport {
        address: [192, 0, 2, last].into(),
        port: 5000 + u16::from(last) * 2,
        rtcp_port: None,
        keys: keys.iter().map(key).collect(),
    })
}

fn call(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(None).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(None).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
    clean(&offer);
    clean(&answer);
    (offer, answer)
}

//= rfc3264#5-1 test
//= rfc3264#5-3 test
//= rfc3264#5-4 test
//= rfc3264#6-1 test
//= rfc3264#6-5 test
//= rfc3264#6.1-2 test
//= rfc3264#6.1-12 test
//= rfc3264#6.1-14 test
//= rfc3264#8-4 test
//= rfc3264#8.4-2 test
//= rfc3264#8.4-3 test
//= rfc8839#4.4.1.1.1-2 test
//= rfc9143#13.4-2 test
/// Two telephones: an address and a port, no bundle, hold by direction and by address, and a port that moves.
#[test]
fn telephones_call_hold_and_move() {
    let (mut a, mut z) = (phone(1), phone(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    a.set_endpoint(0, plain(1, &[]));
    z.add_media(Kind::Audio, Direction::SendRecv, track(2));
    z.set_endpoint(0, plain(2, &[]));
    let (offer, answer) = call(&mut a, &mut z);
    assert_eq!(
        offer,
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.1\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    );
    assert!(
        answer.contains("m=audio 5004 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.2\r\n") && !answer.contains("mid:")
    );
    assert_ne!(offer.lines().nth(1), answer.lines().nth(1));
    let remote = a.remote_transport().unwrap();
    assert_eq!(
        (remote.address.as_str(), remote.port, remote.does_ice(), a.dtls_role()),
        ("192.0.2.2", 5004, false, None)
    );
    // Hold, by direction; the version grows by one and the rest of `o=` stays.
    a.set_direction(0, Direction::SendOnly);
    let (offer, answer) = call(&mut a, &mut z);
    assert!(
        offer.contains("o=- 1 2 IN IP4 192.0.2.1\r\n")
            && offer.contains("a=sendonly")
            && answer.contains("a=recvonly")
    );
    a.set_direction(0, Direction::SendRecv);
    // Hold, as RFC 2543 had it.
    let offer = a.create_offer(None).unwrap().replace(
        "m=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 192.0.2.1",
        "m=audio 5002 RTP/AVP 0 8 101\r\nc=IN IP4 0.0.0.0",
    );
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(None).unwrap();
    assert_eq!(z.sections()[0].direction, Direction::RecvOnly);
    assert!(answer.contains("a=recvonly"), "{answer}");
    a.accept_answer(answer.as_bytes()).unwrap();
    // A port that moves.
    a.set_endpoint(0, plain(9, &[]));
    call(&mut a, &mut z);
    assert_eq!(z.remote_transport().unwrap().port, 5018);
    // The time of the session is repeated.
    let offer = a.create_offer(None).unwrap().replace("t=0 0", "t=2873397496 2873404696");
    z.accept_offer(offer.as_bytes()).unwrap();
    assert!(z.create_answer(None).unwrap().contains("t=2873397496 2873404696\r\n"));
}

/// Keys in the description: the first suite that both have, under the tag of the offer; none in common is a refusal.
#[test]
fn telephones_agree_on_keys() {
    let (mut a, mut z) = (phone(1), phone(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    a.set_endpoint(0, plain(1, &["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]));
    z.add_media(Kind::Audio, Direction::SendRecv, track(2));
    z.set_endpoint(0, plain(2, &["AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"]));
    let (offer, answer) = call(&mut a, &mut z);
    assert!(offer.contains("RTP/SAVP ") && offer.matches("a=crypto:").count() == 3, "{offer}");
    assert!(
        answer.contains("RTP/SAVP ")
            && answer.matches("a=crypto:").count() == 1
            && answer.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"),
        "{answer}"
    );
    let (own, theirs) = a.sections()[0].keys.clone().unwrap();
    assert_eq!(z.sections()[0].keys, Some((theirs, own)));
    let mut other = phone(3);
    other.accept_offer(offer.as_bytes()).unwrap();
    other.set_endpoint(0, plain(3, &["F8_128_HMAC_SHA1_80"]));
    assert!(other.create_answer(None).unwrap().contains("m=audio 0 RTP/SAVP"));
    // Who has no keys is not given plain sound, and a browser takes no keys from descriptions.
    let mut open = phone(4);
    open.accept_offer(offer.as_bytes()).unwrap();
    open.set_endpoint(0, plain(3, &[]));
    assert!(open.create_answer(None).unwrap().contains("m=audio 0 RTP/SAVP"));
    let mut browser = side(5);
    browser.accept_offer(offer.as_bytes()).unwrap();
    assert!(browser.create_answer(&transport(2)).unwrap().contains("m=audio 0 RTP/SAVP"));
    assert!(
        side(5).accept_offer(offer.replace("a=sendrecv", "a=sendrecv\r\na=rtcp-mux").as_bytes()).is_err(),
        "no certificate"
    );
    // Without a transport there is no offer.
    let mut none = phone(6);
    none.add_media(Kind::Audio, Direction::SendRecv, track(1));
    assert!(matches!(none.create_offer(None), Err(NegotiationError::Endpoint { .. })));
}

//= rfc8842#5.2-1 test
//= rfc8842#5.2-2 test
//= rfc8842#5.3-1 test
//= rfc8842#5.3-2 test
//= rfc8842#5.3-4 test
//= rfc8842#5.3-5 test
//= rfc8842#5.3-6 test
//= rfc8842#5.3-8 test
//= rfc8842#5.5-1 test
//= rfc8842#5.5-2 test
//= rfc8842#5.5-3 test
//= rfc8842#5.5-4 test
//= rfc8842#5.1-5 test
//= rfc8842#4-3 test
//= rfc8829#5.2.1-37 test
//= rfc8829#5.3.1-24 test
//= rfc8829#5.3.2-8 test
//= rfc8829#5.3.2-9 test
//= rfc8829#5.8.3-4 test
//= rfc8829#5.8.3-5 test
//= rfc8829#5.8.3-6 test
//= rfc8829#5.11-2 test
//= rfc8841#9.5-1 test
//= rfc8841#10.1-1 test
//= rfc8841#10.1-2 test
//= rfc8841#10.2-1 test
//= rfc8841#10.3-2 test
//= rfc8829#5.3.1-26 test
/// Associations have names where both sides give them; parts stay as long as the association does, and end with it.
#[test]
fn dtls_associations_have_names_and_keep_their_parts() {
    let named = |id: u64, name: &str| {
        let mut config = config(id);
        config.tls_id = Some(name.into());
        let mut side = Negotiator::new(config);
        side.add_data();
        side
    };
    let (first, second) = ("abc3de65cddef001be82", "dbc8de77cddef001be90");
    let (mut a, mut z) = (named(1, first), named(2, second));
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(
        offer.contains("a=setup:actpass\r\n")
            && offer.contains(&format!("a=tls-id:{first}\r\n"))
            && offer.contains("a=fingerprint")
    );
    assert!(
        answer.contains("a=setup:active\r\n")
            && answer.contains(&format!("a=tls-id:{second}\r\n"))
            && answer.contains("a=fingerprint")
    );
    let (offer, answer) = exchange(&mut z, &mut a);
    assert!(offer.contains("a=setup:actpass\r\n") && offer.contains(second), "{offer}");
    assert!(answer.contains("a=setup:passive\r\n") && answer.contains(first), "the parts stay");
    // A new name asks for a new association, and needs new credentials.
    a.set_tls_id("ffc3de65cddef001be82");
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(matches!(
        z.accept_offer(offer.replace("ufrag1", "ufrag2").replace("characters1", "characters2").as_bytes()),
        Ok(()) | Err(_)
    ));
    let offer = a.create_offer(&transport(7)).unwrap();
    if z.state() == State::HaveRemoteOffer {
        z.rollback().unwrap();
    }
    z.accept_offer(offer.as_bytes()).unwrap();
    assert!(z.remote_restarts_dtls() && z.remote_restarts_ice());
    z.set_tls_id("eec8de77cddef001be90");
    let answer = z.create_answer(&transport(8)).unwrap();
    assert!(
        answer.contains("a=setup:active\r\n") && answer.contains("eec8"),
        "a new one may be begun by either: {answer}"
    );
    a.accept_answer(answer.as_bytes()).unwrap();
    // With the old credentials it is refused.
    let (mut a, mut z) = (named(1, first), named(2, second));
    exchange(&mut a, &mut z);
    a.set_tls_id("ffc3de65cddef001be82");
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(matches!(z.accept_offer(offer.as_bytes()), Err(NegotiationError::Mismatch { .. })));
    assert_eq!(z.state(), State::Stable);
    // Who gives no name gets none.
    let (mut a, mut z) = (whole(1), named(2, second));
    let (_, answer) = exchange(&mut a, &mut z);
    assert!(!answer.contains("tls-id"));
    // Parts that change while the association goes on, parts that are none, and `holdconn`.
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    for wrong in ["passive", "actpass", "holdconn"] {
        let text = answer.replace("a=setup:active", &format!("a=setup:{wrong}"));
        assert!(
            matches!(a.accept_answer(text.as_bytes()), Err(NegotiationError::Mismatch { .. })),
            "{wrong}"
        );
    }
    a.accept_answer(answer.as_bytes()).unwrap();
    let mut fresh = side(9);
    assert!(fresh.accept_offer(offer.replace("actpass", "holdconn").as_bytes()).is_err());
    for (theirs, ours) in [("active", "passive"), ("passive", "active"), ("actpass", "active")] {
        let mut fresh = side(9);
        fresh.accept_offer(offer.replace("actpass", theirs).as_bytes()).unwrap();
        assert!(
            fresh.create_answer(&transport(2)).unwrap().contains(&format!("a=setup:{ours}\r\n")),
            "{theirs}"
        );
    }
}

//= rfc8841#4.3-1 test
//= rfc8841#4.3-2 test
//= rfc8841#4.3-3 test
//= rfc8841#5.1-1 test
//= rfc8841#5.2-1 test
//= rfc8841#6.2-1 test
//= rfc8841#9.2-1 test
//= rfc8841#10.2-2 test
//= rfc8841#10.3-1 test
//= rfc8841#10.3-3 test
//= rfc8841#10.3-12 test
//= rfc8841#12.2-5 test
//= rfc8841#12.2-6 test
//= rfc8829#5.1.2-2 test
//= rfc8829#5.1.2-7 test
//= rfc8829#5.1.2-8 test
//= rfc8829#5.2.1-38 test
//= rfc8829#5.2.1-39 test
//= rfc8829#5.2.1-40 test
//= rfc8829#5.2.1-41 test
//= rfc8829#5.3.1-27 test
//= rfc8829#5.3.1-28 test
//= rfc8829#5.3.1-29 test
//= rfc8829#5.8.2-28 test
//= rfc8829#5.8.2-29 test
//= rfc8829#5.8.2-30 test
/// Data channels: what the line must have, and what is answered.
#[test]
fn data_channels_are_offered_and_answered() {
    let mut a = side(1);
    a.add_data();
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(
        offer.contains("m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n")
            && offer.contains("a=sctp-port:5000\r\na=max-message-size:262144\r\n"),
        "{offer}"
    );
    let answered = |text: String| {
        let mut z = side(2);
        z.accept_offer(text.as_bytes()).map(|()| z.create_answer(&transport(2)).unwrap())
    };
    let line = |text: String| {
        answered(text).unwrap().lines().find(|line| line.starts_with("m=")).unwrap().to_owned()
    };
    for protocol in ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"] {
        assert_eq!(
            line(offer.replace("UDP/DTLS/SCTP", protocol)),
            format!("m=application 5000 {protocol} webrtc-datachannel")
        );
    }
    assert_eq!(
        line(offer.replace("a=sctp-port:5000\r\n", "")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    );
    assert_eq!(
        line(offer.replace("a=sctp-port:5000", "a=sctp-port:0")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    );
    assert_eq!(
        line(offer.replace("webrtc-datachannel", "webrtc-datachannel x")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel x"
    );
    assert_eq!(line(offer.replace("webrtc-datachannel", "other")), "m=application 0 UDP/DTLS/SCTP other");
    assert!(answered(offer.replace("sctp-port:5000", "sctp-port:05000")).is_err());
    assert!(answered(offer.replace("message-size:262144", "message-size:0262144")).is_err());
    // A direction means nothing here, and no size means 64 KiB.
    let mut z = side(2);
    z.accept_offer(offer.replace("a=max-message-size:262144\r\n", "a=inactive\r\n").as_bytes()).unwrap();
    z.create_answer(&transport(2)).unwrap();
    assert_eq!(z.sections()[0].direction, Direction::SendRecv);
    assert_eq!(z.data().unwrap().remote.as_ref().unwrap().max_message_size, 65_536);
    // The older way is answered in its own words, and the next offer of ours uses ours.
    let old = offer
        .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
        .replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024");
    let mut z = side(2);
    z.accept_offer(old.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(
        answer.contains("m=application 5000 DTLS/SCTP 5000\r\n")
            && answer.contains("a=sctpmap:5000 webrtc-datachannel"),
        "{answer}"
    );
    assert!(z.create_offer(&transport(2)).unwrap().contains("UDP/DTLS/SCTP webrtc-datachannel"));
}

//= rfc8829#3.5.2.1-1 test
//= rfc8829#4.1.19-2 test
/// Candidates that come later find their transport, once, and only those of its generation.
#[test]
fn candidates_that_come_later_find_their_transport() {
    let (mut a, mut z) = (whole(1), whole(2));
    let fragment = a.fragment(&transport(1));
    assert!(z.add_remote_candidates(&fragment).is_err(), "nobody is known yet");
    let offer = a
        .create_offer(&LocalTransport { candidates: vec![], end_of_candidates: false, ..transport(1) })
        .unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 0);
    let fragment = Fragment::parse(a.fragment(&transport(1)).write().unwrap().as_bytes()).unwrap();
    for _ in 0..2 {
        z.add_remote_candidates(&fragment).unwrap();
        assert_eq!(
            (z.remote_transport().unwrap().candidates.len(), z.remote_transport().unwrap().end_of_candidates),
            (1, true)
        );
    }
    let mut other = fragment.clone();
    other.ufrag = Some("older".into());
    other.media[0].candidates = vec!["2 1 udp 1 192.0.2.9 1 typ host".into()];
    z.add_remote_candidates(&other).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 1);
    other.media[0].mid = "nobody".into();
    assert!(z.add_remote_candidates(&other).is_err());
    let mut many = fragment;
    many.media[0].candidates = (0..1000).map(|port| format!("2 1 udp 1 192.0.2.9 {port} typ host")).collect();
    z.add_remote_candidates(&many).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 256);
    z.create_answer(&transport(2)).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 256);
}

//= rfc8829#4.1.1-4 test
//= rfc8829#5.8.3-9 test
//= rfc8829#5.8.3-10 test
//= rfc9143#9.3-2 test
//= rfc9143#9.3.1.2-1 test
//= rfc9143#9.3.1.2-2 test
//= rfc9143#9.3.1.2-3 test
//= rfc9143#9.3.1.2-5 test
//= rfc9143#9.3.1.2-6 test
//= rfc9143#9.3.1.4-1 test
//= rfc8829#5.2.2-14 test
//= rfc8829#5.2.2-15 test
//= rfc8829#5.2.2-27 test
//= rfc8829#5.2.2-28 test
//= rfc8829#5.2.2-29 test
//= rfc8829#5.3.2-10 test
//= rfc8829#5.3.2-11 test
//= rfc8829#5.3.2-12 test
/// RTCP on RTP's port, by both policies.
#[test]
fn rtcp_has_a_port_of_its_own_only_where_that_may_be() {
    let mut a = side(1);
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(offer.contains("a=rtcp-mux\r\n") && !offer.contains("a=rtcp:"));
    let two = offer.replace("a=rtcp-mux\r\n", "").replace("a=group:BUNDLE 0\r\n", "");
    let answer = |text: &str, policy: RtcpMuxPolicy| {
        let mut config = config(2);
        config.rtcp_mux = policy;
        let mut z = Negotiator::new(config);
        z.accept_offer(text.as_bytes()).map(|()| {
            let answer = z.create_answer(&transport(2)).unwrap();
            if !z.sections()[0].rejected {
                // What was agreed on holds in the next offer and the next answer.
                let muxed = z.sections()[0].rtcp_mux;
                let offer = z.create_offer(&transport(2)).unwrap();
                z.rollback().unwrap();
                z.accept_offer(text.as_bytes()).unwrap();
                for text in [offer, z.create_answer(&transport(2)).unwrap()] {
                    let said =
                        (text.contains("a=rtcp-mux\r\n"), text.contains("a=rtcp:9 IN IP4 0.0.0.0\r\n"));
                    assert_eq!(said, (muxed, !muxed), "{text}");
                }
                assert!(!z.create_offer(&transport(2)).unwrap().contains("rtcp-mux-only"));
            }
            (answer, z.sections()[0].rtcp_mux)
        })
    };
    assert_eq!(Config::new(1, "x").rtcp_mux, RtcpMuxPolicy::Require);
    assert!(answer(&two, RtcpMuxPolicy::Require).unwrap().0.contains("m=audio 0 "));
    let (text, muxed) = answer(&two, RtcpMuxPolicy::Negotiate).unwrap();
    assert!(
        text.contains("m=audio 5000 ")
            && !text.contains("rtcp-mux")
            && text.contains("a=rtcp:9 IN IP4 0.0.0.0\r\n")
            && !muxed,
        "{text}"
    );
    let (text, muxed) = answer(&offer, RtcpMuxPolicy::Negotiate).unwrap();
    assert!(text.contains("a=rtcp-mux\r\n") && !text.contains("a=rtcp:") && muxed);
    let (text, _) =
        answer(&offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n"), RtcpMuxPolicy::Require)
            .unwrap();
    assert!(text.contains("a=rtcp-mux-only\r\n"));
    assert!(answer(&offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n"), RtcpMuxPolicy::Require).is_err());
    let refused = answer(
        &offer.replace("opus", "x").replace("PCMU/8000", "y/1").replace("telephone", "z"),
        RtcpMuxPolicy::Require,
    )
    .unwrap()
    .0;
    assert!(refused.contains("m=audio 0 ") && !refused.contains("rtcp-mux"), "{refused}");
}

//= rfc8829#5.10-7 test
//= rfc8829#5.10-8 test
//= rfc8829#5.11-4 test
/// Repair of what is not there is an error, and so is feedback that nobody offered; repair of what we cannot do goes away.
#[test]
fn repair_and_feedback_fit_what_was_offered() {
    let (mut a, mut z) = (side(1), side(2));
    a.add_media(Kind::Video, Direction::SendRecv, track(1));
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(side(3).accept_offer(offer.replace("apt=96", "apt=55").as_bytes()).is_err());
    let mut other = side(3);
    other.accept_offer(offer.replace("VP8/90000", "VP7/90000").as_bytes()).unwrap();
    assert_eq!(
        other.sections()[0].codecs.iter().map(|codec| codec.name.as_str()).collect::<Vec<_>>(),
        ["H264"]
    );
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    let more = answer.replace("a=rtcp-fb:96 nack\r\n", "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 goog-remb\r\n");
    assert!(matches!(a.accept_answer(more.as_bytes()), Err(NegotiationError::Mismatch { .. })));
    a.accept_answer(answer.as_bytes()).unwrap();
}

/// Firefox's and Chromium's saved offers are answered, and both their answers and ours can be read again.
#[test]
fn saved_descriptions_of_browsers_are_answered_and_read_again() {
    let mut answered = 0;
    for (name, text) in
        vectors::files("sdp/browsers").into_iter().filter(|(name, _)| name.contains("-offer-"))
    {
        let mut z = side(2);
        z.accept_offer(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (0..z.sections().len()).for_each(|number| z.set_media(number, Direction::SendRecv, track(9)));
        let answer = z.create_answer(&transport(2)).unwrap();
        clean(&answer);
        let alive = z.sections().iter().filter(|section| !section.rejected).count();
        assert!(alive > 0, "{name}");
        if name.contains("simulcast") {
            assert!(answer.contains("a=simulcast:recv "), "{name}: {answer}");
        }
        // Our next offer is one that an engine which knows the first can answer.
        let offer = z.create_offer(&transport(2)).unwrap();
        clean(&offer);
        answered += 1;
    }
    assert!(answered >= 11 || vectors::folder().is_none(), "{answered}");
}
