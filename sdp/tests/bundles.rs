//! What shares a transport, what stands alone, and who speaks for whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{assert_agreed, config, exchange, side, track, transport, whole};
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{BundlePolicy, Config, Endpoint, Kind, NegotiationError, Rules};
use nomagic_sdp::{Document, Limits, Negotiator};

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
