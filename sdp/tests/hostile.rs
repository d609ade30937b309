//! Descriptions that a hostile or merely unusual peer sends, and calls that come at awkward moments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{Attribute, Direction, Fingerprint, HashFunction, RtpMap, SsrcGroup};
use nomagic_sdp::negotiation::{Codec, Config, HeaderExtension, Kind, LocalTransport, State, Track};
use nomagic_sdp::{Document, Limits, Negotiator};
use nomagic_testkit::{alloc, rng, vectors};
use proptest::prelude::*;
use rand::RngExt;

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

fn side(id: u64) -> Negotiator {
    let mut config = Config::new(id, format!("cname-{id}"));
    config.audio.codecs = vec![Codec::new(111, "opus", 48_000, Some(2))];
    config.video.codecs =
        vec![Codec { feedback: vec!["nack pli".into()], ..Codec::new(96, "VP8", 90_000, None) }];
    let extension = |id, uri: &str| HeaderExtension { id, uri: uri.into() };
    config.audio.extensions = vec![extension(1, LEVEL), extension(4, MID)];
    config.video.extensions = vec![extension(4, MID)];
    config.max_message_size = Some(262_144);
    Negotiator::new(config)
}

fn transport(tag: &str) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("passwordof22characters{tag}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: Vec::new(),
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
    let offer = a.create_offer(&transport("a")).unwrap();
    let answer = answer(z, &offer);
    a.accept_answer(answer.as_bytes()).unwrap();
    (offer, answer)
}

fn answer(z: &mut Negotiator, offer: &str) -> String {
    z.accept_offer(offer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}"));
    z.create_answer(&transport("z")).unwrap()
}

fn offer_of(a: &mut Negotiator) -> String {
    a.create_offer(&transport("a")).unwrap()
}

/// The ports of the m= lines.
fn ports(text: &str) -> Vec<u16> {
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    document.media().map(|section| section.media().unwrap().port).collect()
}

#[test]
fn media_added_while_an_offer_is_open_wait_for_the_next() {
    let (mut a, mut z) = (whole(1), whole(2));
    let offer = offer_of(&mut a);
    let number = a.add_media(Kind::Video, Direction::SendRecv, track(7));
    let text = answer(&mut z, &offer);
    a.accept_answer(text.as_bytes()).unwrap();
    assert_eq!((number, a.sections().len()), (3, 4));
    exchange(&mut a, &mut z);
    assert_eq!(a.sections()[3].direction, Direction::SendOnly);
}

#[test]
fn media_added_while_an_offer_is_open_survive_its_rollback() {
    let mut a = whole(1);
    offer_of(&mut a);
    a.add_media(Kind::Video, Direction::SendRecv, track(7));
    a.set_media(0, Direction::SendOnly, track(1));
    a.rollback().unwrap();
    assert_eq!(a.sections().len(), 4);
    assert_eq!(a.sections()[0].wanted, Direction::SendOnly);
    assert_eq!(a.sections()[3].track, track(7));
}

#[test]
fn a_place_about_to_be_reused_is_still_there_when_the_other_side_offers_first() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    a.stop(0);
    exchange(&mut a, &mut z);
    a.add_media(Kind::Audio, Direction::SendRecv, track(7));
    // Before that is offered, the other side offers.
    let (offer, answer) = exchange(&mut z, &mut a);
    assert_eq!((ports(&offer), ports(&answer)), (vec![0, 9, 9], vec![0, 9, 9]));
    let video = &a.sections()[1];
    assert_eq!((&video.track, video.direction), (&track(2), Direction::SendRecv));
    exchange(&mut a, &mut z);
    let audio = a.sections().iter().find(|section| section.track == track(7)).unwrap();
    assert_eq!((audio.rejected, audio.direction), (false, Direction::SendOnly));
}

#[test]
fn a_place_that_we_refused_may_be_used_for_something_else() {
    let (mut a, mut z) = (whole(1), whole(2));
    let offer = offer_of(&mut a).replace("m=video", "m=text");
    let text = answer(&mut z, &offer);
    assert_eq!(ports(&text), [9, 0, 9]);
    let again =
        offer_of(&mut whole(1)).replace("a=mid:1", "a=mid:new").replace("BUNDLE 0 1 2", "BUNDLE 0 new 2");
    let text = answer(&mut z, &again);
    assert_eq!(ports(&text), [9, 9, 9], "{text}");
}

#[test]
fn what_is_not_bundled_is_refused_since_there_is_one_transport() {
    let mut a = whole(1);
    let offer = offer_of(&mut a);
    let text = answer(&mut side(2), &offer.replace("a=group:BUNDLE 0 1 2\r\n", ""));
    assert_eq!(ports(&text), [9, 0, 0], "{text}");
    assert!(!text.contains("BUNDLE"), "no group was offered");
    let text = answer(&mut side(2), &offer.replace("BUNDLE 0 1 2", "BUNDLE 0 2"));
    assert_eq!(ports(&text), [9, 0, 9], "{text}");
    // Nor can an answer take media out of the bundle and keep them.
    let text = answer(&mut side(2), &offer);
    let apart = text.replace("BUNDLE 0 1 2", "BUNDLE 0 2");
    assert!(a.accept_answer(apart.as_bytes()).is_err());
    assert_eq!(a.state(), State::HaveLocalOffer);
    a.accept_answer(text.as_bytes()).unwrap();
}

//= rfc9143#7.3.1-3 test
#[test]
fn the_transport_of_a_bundle_is_found_when_its_first_section_is_refused() {
    let offer = offer_of(&mut whole(1)).replace("opus", "speex");
    let text = answer(&mut side(2), &offer);
    assert_eq!(ports(&text), [0, 9, 9]);
    assert!(text.contains("a=group:BUNDLE 1 2\r\n"), "{text}");
    // Only the first section has a transport: bundle-only ones share it.
    let bundled = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=rtcp-mux\r\na=setup:actpass\r\na=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=bundle-only\r\na=rtpmap:96 VP8/90000\r\n";
    let mut z = side(2);
    let text = answer(&mut z, bundled);
    assert_eq!(ports(&text), [0, 9], "{text}");
    assert_eq!(z.remote_transport().unwrap().ufrag, "abcd");
    assert!(text.contains("a=ice-ufrag") && text.contains("BUNDLE v\r\n"), "{text}");
}

#[test]
fn names_of_media_are_unique_tokens_that_stay() {
    let offer = offer_of(&mut whole(1));
    for wrong in ["a=mid:0", "a=mid:", "a=mid", "a=mid:x y"] {
        let text = offer.replace("a=mid:1", wrong);
        let mut z = side(2);
        assert!(z.accept_offer(text.as_bytes()).is_err(), "{wrong}");
        assert_eq!((z.state(), z.sections().len()), (State::Stable, 0));
    }
    let (mut a, mut z) = (whole(1), side(2));
    exchange(&mut a, &mut z);
    let renamed = offer_of(&mut a).replace("a=mid:1", "a=mid:q").replace("0 1 2", "0 q 2");
    assert!(z.accept_offer(renamed.as_bytes()).is_err());
    assert_eq!(z.state(), State::Stable);
}

#[test]
fn an_old_offer_without_names_gets_an_answer_without_names() {
    let mut offer = offer_of(&mut whole(1)).replace("a=group:BUNDLE 0 1 2\r\n", "");
    for mid in 0..3 {
        offer = offer.replace(&format!("a=mid:{mid}\r\n"), "");
    }
    let text = answer(&mut side(2), &offer);
    assert!(!text.contains("a=mid") && !text.contains("BUNDLE"), "{text}");
    assert_eq!(ports(&text), [9, 0, 0]);
    // A name made up never equals one that is there.
    let mut z = side(2);
    answer(&mut z, &offer.replacen("a=rtcp-mux", "a=mid:1\r\na=rtcp-mux", 1));
    let mut mids: Vec<_> = z.sections().iter().map(|section| section.mid.clone()).collect();
    mids.sort();
    mids.dedup();
    assert_eq!(mids.len(), 3);
}

#[test]
fn an_answer_says_only_what_was_offered() {
    let offer = offer_of(&mut whole(1));
    let bare = offer.replace("a=rtcp-rsize\r\n", "").replace("a=extmap-allow-mixed\r\n", "");
    let text = answer(&mut side(2), &bare);
    assert!(!text.contains("rtcp-rsize") && !text.contains("allow-mixed"), "{text}");
    // RTP without RTCP on the same port is refused: there is one transport.
    let text = answer(&mut side(2), &offer.replace("a=rtcp-mux\r\n", ""));
    assert_eq!(ports(&text), [0, 0, 9], "{text}");
    let one_way = offer.replace(&format!("a=extmap:4 {MID}"), &format!("a=extmap:4/sendonly {MID}"));
    let text = answer(&mut side(2), &one_way);
    assert!(text.contains(&format!("a=extmap:4/recvonly {MID}")), "{text}");
}

#[test]
fn numbers_mean_the_same_in_the_whole_bundle() {
    let (mut a, mut z) = (side(1), side(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    // The other side's numbers are not ours: opus is 96, the extensions are the other way round.
    let offer = offer_of(&mut a)
        .replace("SAVPF 111", "SAVPF 96")
        .replace("rtpmap:111", "rtpmap:96")
        .replace("extmap:1 ", "extmap:9 ")
        .replace("extmap:4 ", "extmap:1 ")
        .replace("extmap:9 ", "extmap:4 ");
    answer(&mut z, &offer);
    z.add_media(Kind::Audio, Direction::SendRecv, track(3));
    z.add_media(Kind::Video, Direction::SendRecv, track(4));
    let offer = z.create_offer(&transport("z")).unwrap();
    assert_eq!(offer.matches("a=rtpmap:96 opus/48000/2").count(), 2, "{offer}");
    assert_eq!(offer.matches("a=rtpmap:96").count(), 2, "{offer}");
    assert_eq!(offer.matches("VP8/90000").count(), 1);
    assert_eq!(offer.matches(&format!("a=extmap:1 {MID}")).count(), 3, "{offer}");
    assert_eq!(offer.matches(&format!("a=extmap:4 {LEVEL}")).count(), 2, "{offer}");
    assert_eq!(offer.matches("a=extmap:").count(), 5);
}

#[test]
fn a_peer_cannot_multiply_its_octets() {
    // 40,000 formats, all the same, and 4,000 kinds of feedback for each.
    let offer = offer_of(&mut whole(1))
        .replace(
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            &format!("m=video 9 UDP/TLS/RTP/SAVPF{}", " 96".repeat(40_000)),
        )
        .replace("a=rtcp-fb:96 nack pli\r\n", &"a=rtcp-fb:* nack x\r\n".repeat(3_900));
    let mut z = side(2);
    let counted = alloc::count(|| z.accept_offer(offer.as_bytes()).unwrap());
    assert!(counted.count < 20_000, "{} allocations for {} octets", counted.count, offer.len());
}

#[test]
fn the_part_in_the_handshake_fits_what_is_offered() {
    let (mut a, mut z) = (whole(1), side(2));
    exchange(&mut a, &mut z);
    // `z` began the first handshake; an offer that insists on beginning gets a part that fits.
    let offer = offer_of(&mut a).replace("a=setup:actpass", "a=setup:active");
    assert!(answer(&mut z, &offer).contains("a=setup:passive"));
}

#[test]
fn digits_are_digits() {
    let signed = format!("sha-256 {}", vec!["+A"; 32].join(":"));
    assert!(Fingerprint::parse(&signed).is_err());
    assert!(SsrcGroup::parse("FID +1 2").is_err());
    assert!(SsrcGroup::parse("FID 1 2").is_ok());
    assert!(RtpMap::parse("111 opus/48000/2/3").is_err());
}

#[test]
fn edits_may_add_and_remove_sections() {
    let text = b"v=0\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n";
    let mut document = Document::parse(text, &Limits::default()).unwrap();
    document.replace(1, "a=x").unwrap();
    assert_eq!(document.media().count(), 0);
    document.replace(2, "m=video 9 RTP/AVP 31").unwrap();
    assert_eq!(document.media().count(), 1);
    assert_eq!(document.session().lines().count(), 2);
}

/// Each live section of one side is the mirror of the other's.
fn assert_agreed(a: &Negotiator, z: &Negotiator, what: &str) {
    assert_eq!((a.state(), z.state()), (State::Stable, State::Stable));
    let placed =
        a.sections().iter().zip(z.sections()).filter(|(a, z)| a.remote.is_some() && z.remote.is_some());
    for (a, z) in placed {
        assert_eq!((&a.mid, &a.kind, a.rejected), (&z.mid, &z.kind, z.rejected), "{what}");
        assert_eq!(a.direction, z.direction.reversed(), "{what}: {}", a.mid);
        if !a.rejected {
            assert_eq!((&a.codecs, &a.extensions), (&z.codecs, &z.extensions), "{what}");
        }
    }
}

/// What an application may do at any moment.
fn act(side: &mut Negotiator, rng: &mut impl RngExt) {
    const DIRECTIONS: [Direction; 4] =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    let count = side.sections().len();
    let direction = DIRECTIONS[rng.random_range(0..4)];
    match rng.random_range(0..5) {
        0 if count < 7 => {
            let kind = if rng.random_bool(0.5) { Kind::Audio } else { Kind::Video };
            side.add_media(kind, direction, track(rng.random()));
        }
        1 if count < 7 => drop(side.add_data()),
        2 if count > 0 => side.set_media(rng.random_range(0..count), direction, track(rng.random())),
        3 if count > 0 => side.stop(rng.random_range(0..count)),
        _ => {}
    }
}

/// Glare, rollback and changes at every moment of an exchange: two whole exchanges later, both sides agree.
#[test]
fn two_sides_that_do_anything_at_any_time_converge() {
    for seed in 0..1_500 {
        let (mut a, mut z, mut rng) = (side(1), side(2), rng(seed));
        for round in 0..10 {
            let what = format!("seed {seed} round {round}");
            let (first, second) = if rng.random_bool(0.5) { (&mut a, &mut z) } else { (&mut z, &mut a) };
            act(first, &mut rng);
            act(second, &mut rng);
            let offer = offer_of(first);
            act(first, &mut rng);
            if rng.random_bool(0.3) {
                // Glare: the second gives way.
                second.create_offer(&transport("z")).unwrap();
                act(second, &mut rng);
                assert!(second.accept_offer(offer.as_bytes()).is_err());
                second.rollback().unwrap();
            }
            second.accept_offer(offer.as_bytes()).unwrap_or_else(|error| panic!("{what}: {error}\n{offer}"));
            act(second, &mut rng);
            match rng.random_range(0..6) {
                0 => {
                    second.rollback().unwrap();
                    first.rollback().unwrap();
                    continue;
                }
                1 => second.accept_offer(offer.as_bytes()).unwrap(),
                _ => {}
            }
            let answer = second.create_answer(&transport("z")).unwrap();
            let clean = Document::parse(answer.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(clean.findings(), [], "{what}\n{answer}");
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
        let (offer, _) = exchange(&mut a, &mut z);
        // In one bundle a payload type and an extension's id mean one thing.
        for name in ["a=rtpmap:", "a=extmap:"] {
            let live: Vec<_> = offer
                .split("m=")
                .filter(|part| !part.starts_with("audio 0") && !part.starts_with("video 0"))
                .collect();
            let mut meanings: Vec<(&str, &str)> = live
                .iter()
                .flat_map(|part| part.lines())
                .filter_map(|line| line.strip_prefix(name)?.split_once(' '))
                .collect();
            meanings.sort_unstable();
            meanings.dedup();
            let mut numbers: Vec<_> = meanings.iter().map(|(number, _)| number).collect();
            numbers.dedup();
            assert_eq!(numbers.len(), meanings.len(), "seed {seed}: {meanings:?}");
        }
    }
}

/// Cut anywhere, an offer is refused or answered, and refusing changes nothing.
#[test]
fn offers_cut_anywhere_do_no_harm() {
    for (name, text) in vectors::files("sdp/browsers").into_iter().filter(|(name, _)| name.contains("offer"))
    {
        for end in (0..text.len()).step_by(if name.contains("firefox") { 7 } else { 37 }) {
            let mut z = side(2);
            if z.accept_offer(&text[..end]).is_err() {
                assert_eq!((z.state(), z.sections().len()), (State::Stable, 0), "{name} cut at {end}");
            } else {
                let answer = z.create_answer(&transport("z")).unwrap();
                let answer = Document::parse(answer.as_bytes(), &Limits::default()).unwrap();
                assert_eq!(answer.findings(), [], "{name} cut at {end}");
            }
        }
    }
}

/// Whatever anybody wrote as a description: no panic, and what is answered is answered well.
#[test]
fn every_description_known_is_survived_as_an_offer_and_as_an_answer() {
    let folders = [
        "browsers",
        "gortsplib-fuzz",
        "mozilla-webrtc-sdp",
        "rfc-examples",
        "sdp-transform",
        "webrtc-corpus",
    ];
    for (name, text) in folders.iter().flat_map(|folder| vectors::files(&format!("sdp/{folder}"))) {
        let mut z = whole(2);
        offer_of(&mut z);
        let _ = z.accept_answer(&text);
        let mut z = whole(2);
        if z.accept_offer(&text).is_ok() {
            let answer = z.create_answer(&transport("z")).unwrap();
            let answer = Document::parse(answer.as_bytes(), &Limits::default()).unwrap();
            assert_eq!((answer.findings(), answer.malformed_attributes().next()), (&[][..], None), "{name}");
        }
    }
}

/// The lines of a good offer, shuffled, repeated and left out.
fn mangled() -> impl Strategy<Value = String> {
    let offer = offer_of(&mut whole(1));
    let lines: Vec<String> = offer.lines().map(str::to_owned).collect();
    let count = lines.len();
    proptest::collection::vec((0..count, 0..count, 0..4u8), 0..6).prop_map(move |edits| {
        let mut lines = lines.clone();
        for (from, to, kind) in edits {
            let (from, to) = (from % lines.len(), to % lines.len());
            match kind {
                0 => lines.swap(from, to),
                1 => lines.insert(to, lines[from].clone()),
                2 if lines.len() > 1 => drop(lines.remove(from)),
                _ => {
                    let at = lines[from].len().min(to);
                    lines[from].insert(at, if to % 2 == 0 { '9' } else { ' ' });
                }
            }
        }
        lines.into_iter().map(|line| line + "\r\n").collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn mangled_descriptions_are_refused_or_answered_well(offer in mangled(), again in mangled()) {
        let mut z = whole(2);
        for text in [offer, again] {
            let before = z.sections().to_vec();
            if z.accept_offer(text.as_bytes()).is_err() {
                prop_assert_eq!(z.sections(), &before[..]);
                continue;
            }
            let answer = z.create_answer(&transport("z")).unwrap();
            let document = Document::parse(answer.as_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(document.findings(), &[], "{}", answer);
            prop_assert_eq!(document.malformed_attributes().next(), None, "{}\n{}", text, answer);
            let sections = text.lines().filter(|line| line.starts_with("m=")).count();
            prop_assert_eq!(document.media().count(), sections);
        }
    }

    #[test]
    fn mangled_answers_are_refused_or_taken_whole(answer in mangled()) {
        let mut a = whole(1);
        offer_of(&mut a);
        let before = a.sections().to_vec();
        let answer = answer.replace("actpass", "active");
        if a.accept_answer(answer.as_bytes()).is_err() {
            prop_assert_eq!((a.sections(), a.state()), (&before[..], State::HaveLocalOffer));
        } else {
            prop_assert_eq!(a.state(), State::Stable);
        }
    }
}

/// A description of about a mebibyte: as many of these sections as fit, in one bundle.
fn mebibyte(section: impl Fn(usize) -> String) -> String {
    let mut text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\na=group:BUNDLE".to_owned();
    (0..1000).for_each(|mid| text += &format!(" {mid}"));
    text += "\r\n";
    let (mut lines, mut mid) = (20, 0);
    loop {
        let next = section(mid);
        lines += next.lines().count();
        if lines > Limits::default().lines
            || text.len() + next.len() > Limits::default().octets
            || mid == 1000
        {
            return text;
        }
        text += &next;
        mid += 1;
    }
}

/// The figure that the crate's page states.
#[test]
fn memory_stays_below_what_is_documented() {
    let types: String = (0..128).map(|number| format!(" {number}")).collect();
    let maps: String = (0..128).map(|number| format!("a=rtpmap:{number} opus/48000/2\n")).collect();
    let each = |count: usize, line: &dyn Fn(usize) -> String| (1..count).map(line).collect::<String>();
    let head = |mid: usize, types: &str| format!("m=audio 9 RTP/SAVPF{types}\na=mid:{mid}\na=rtcp-mux\n");
    let one = |mid| head(mid, " 111") + "a=rtpmap:111 opus/48000/2\n";
    let descriptions = [
        ("sections", mebibyte(one)),
        ("payload types", mebibyte(|mid| head(mid, &types) + &maps + &"a=rtcp-fb:* nack\n".repeat(32))),
        (
            "feedback",
            mebibyte(|mid| head(mid, &types) + &maps + &format!("a=rtcp-fb:* {:x<63}\n", "").repeat(32)),
        ),
        ("extensions", mebibyte(|mid| one(mid) + &each(255, &|id| format!("a=extmap:{id} x\n")))),
        ("sources", mebibyte(|mid| one(mid) + &each(4000, &|ssrc| format!("a=ssrc:{ssrc} a\n")))),
        ("encodings", mebibyte(|mid| one(mid) + &each(4000, &|rid| format!("a=rid:{rid} send\n")))),
        ("groups", mebibyte(|mid| one(mid) + &"a=ssrc-group:F 1\n".repeat(4000))),
        ("one group", mebibyte(|mid| one(mid) + "a=ssrc-group:F" + &" 1".repeat(400_000) + "\n")),
        ("candidates", mebibyte(|mid| one(mid) + &"a=candidate:1\n".repeat(4000))),
    ];
    for (name, text) in descriptions {
        let mut z = side(2);
        // The second time, what held before is kept too.
        let counted = alloc::count(|| {
            z.accept_offer(text.as_bytes()).unwrap();
            z.create_answer(&transport("z")).unwrap();
            z.accept_offer(text.as_bytes()).unwrap();
        });
        assert!(counted.peak < 16 << 20, "{name}: {} octets of memory for {}", counted.peak, text.len());
    }
}
