//! What a new offer lists, and what repair and feedback must fit; descriptions that browsers wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{clean, config, exchange, side, track, transport, whole};
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{Codec, Kind, NegotiationError};
use nomagic_sdp::{Document, Limits, Negotiator};
use nomagic_testkit::vectors;

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
