//! Two sides offer and answer; browsers' offers are answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction, Setup};
use nomagic_sdp::negotiation::{
    Codec, Config, HeaderExtension, Kind, LocalTransport, NegotiationError, State, Track,
};
use nomagic_sdp::{Document, Fragment, Limits, Negotiator, Profile};
use nomagic_testkit::{rng, vectors};
use rand::RngExt;

fn side(id: u64) -> Negotiator {
    let mut config = Config::new(id, format!("cname-{id}"));
    let opus =
        Codec { parameters: "minptime=10;useinbandfec=1".into(), ..Codec::new(111, "opus", 48_000, Some(2)) };
    config.audio.codecs = vec![opus];
    let vp8 =
        Codec { feedback: vec!["nack".into(), "nack pli".into()], ..Codec::new(96, "VP8", 90_000, None) };
    config.video.codecs = vec![vp8];
    let mid = HeaderExtension { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid".into() };
    (config.audio.extensions, config.video.extensions) = (vec![mid.clone()], vec![mid]);
    config.max_message_size = Some(262_144);
    Negotiator::new(config)
}

fn transport(tag: &str) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("password-of-22-characters{tag}").replace('-', "+"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: vec!["1 1 udp 2130706431 127.0.0.1 5000 typ host".into()],
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
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport("z")).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap();
    for text in [&offer, &answer] {
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        assert!(document.findings().is_empty(), "{}\n{text}", document.findings()[0]);
    }
    (offer, answer)
}

/// Both sides see the same, each from its end.
fn assert_agreed(a: &Negotiator, z: &Negotiator) {
    assert_eq!((a.state(), z.state()), (State::Stable, State::Stable));
    for (a, z) in a.sections().iter().zip(z.sections()) {
        assert_eq!((&a.mid, &a.kind, a.rejected), (&z.mid, &z.kind, z.rejected));
        assert_eq!(a.direction, z.direction.reversed(), "{}", a.mid);
        let types = |codecs: &[Codec]| {
            codecs.iter().map(|codec| (codec.payload_type, codec.name.clone())).collect::<Vec<_>>()
        };
        if !a.rejected {
            assert_eq!(types(&a.codecs), types(&z.codecs));
            assert_eq!(a.extensions, z.extensions);
        }
    }
}

#[test]
fn sound_pictures_and_data_are_agreed_on_over_one_transport() {
    let (mut a, mut z) = (whole(1), whole(2));
    let (offer, answer) = exchange(&mut a, &mut z);
    assert_agreed(&a, &z);
    assert!(offer.contains("a=group:BUNDLE 0 1 2\r\n") && answer.contains("a=group:BUNDLE 0 1 2\r\n"));
    assert_eq!((a.dtls_role(), z.dtls_role()), (Some(Setup::Passive), Some(Setup::Active)));
    assert_eq!(a.sections().len(), 3);
    assert!(a.sections().iter().all(|section| section.direction == Direction::SendRecv && !section.rejected));
    assert_eq!(a.remote_transport().unwrap().ufrag, "ufragz");
    assert_eq!(z.remote_transport().unwrap().candidates, transport("a").candidates);
    let data = z.data().unwrap().remote.as_ref().unwrap();
    assert_eq!((data.sctp_port, data.max_message_size), (Some(5000), 262_144));
    assert_eq!(answer.matches("a=ice-ufrag").count(), 1, "the first section speaks for the bundle");
    let video = &z.sections()[1];
    assert_eq!(video.remote.as_ref().unwrap().ssrcs, [2]);
    assert_eq!(video.codecs[0].feedback, ["nack", "nack pli"]);
}

#[test]
fn what_is_not_added_here_is_only_received() {
    let (mut a, mut z) = (whole(1), side(2));
    exchange(&mut a, &mut z);
    assert_agreed(&a, &z);
    assert_eq!(z.sections()[0].direction, Direction::RecvOnly);
    z.set_media(0, Direction::SendRecv, track(9));
    exchange(&mut z, &mut a);
    assert_agreed(&a, &z);
    assert_eq!(z.sections()[0].direction, Direction::SendRecv);
    // The parts in the handshake do not change with who offers.
    assert_eq!((a.dtls_role(), z.dtls_role()), (Some(Setup::Passive), Some(Setup::Active)));
}

/// RFC 3264 section 6.1: all directions offered against all wanted.
#[test]
fn directions_are_what_both_allow() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for offered in [SendRecv, SendOnly, RecvOnly, Inactive] {
        for wanted in [SendRecv, SendOnly, RecvOnly, Inactive] {
            let (mut a, mut z) = (side(1), side(2));
            a.add_media(Kind::Audio, offered, track(1));
            z.add_media(Kind::Audio, wanted, track(2));
            exchange(&mut a, &mut z);
            assert_agreed(&a, &z);
            assert_eq!(z.sections()[0].direction, wanted.and(offered.reversed()), "{offered} {wanted}");
        }
    }
}

#[test]
fn a_stopped_section_keeps_its_place_until_another_takes_it() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    a.stop(1);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert_agreed(&a, &z);
    assert!(offer.contains("m=video 0 ") && answer.contains("m=video 0 "));
    assert!(answer.contains("a=group:BUNDLE 0 2\r\n"));
    assert_eq!(a.add_media(Kind::Video, Direction::SendRecv, track(5)), 1);
    exchange(&mut a, &mut z);
    assert_agreed(&a, &z);
    assert_eq!((a.sections().len(), a.sections()[1].rejected), (3, false));
    assert_ne!(a.sections()[1].mid, "1");
}

#[test]
fn glare_is_refused_and_rolled_back() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    let offer = a.create_offer(&transport("a")).unwrap();
    z.create_offer(&transport("z")).unwrap();
    assert_eq!(
        z.accept_offer(offer.as_bytes()),
        Err(NegotiationError::State { state: State::HaveLocalOffer })
    );
    z.rollback().unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    z.rollback().unwrap();
    assert_eq!(z.rollback(), Err(NegotiationError::State { state: State::Stable }));
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport("z")).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap();
    assert_agreed(&a, &z);
    assert!(matches!(a.accept_answer(answer.as_bytes()), Err(NegotiationError::State { .. })));
    assert!(matches!(a.create_answer(&transport("a")), Err(NegotiationError::State { .. })));
}

#[test]
fn a_restart_shows_as_other_credentials() {
    let (mut a, mut z) = (whole(1), whole(2));
    exchange(&mut a, &mut z);
    let offer = a.create_offer(&transport("b")).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    assert_eq!(z.remote_transport().unwrap().ufrag, "ufragb");
}

#[test]
fn codecs_that_we_do_not_have_are_refused_and_repair_follows_what_it_repairs() {
    let (mut a, mut z) = (side(1), side(2));
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    let offer = a.create_offer(&transport("a")).unwrap();
    z.accept_offer(offer.replace("opus", "speex").as_bytes()).unwrap();
    let answer = z.create_answer(&transport("z")).unwrap();
    assert!(answer.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n") && !answer.contains("BUNDLE"), "{answer}");
    let mut z = side(3);
    let unknown = format!("{offer}m=text 9 RTP/AVP 98\r\nc=IN IP4 0.0.0.0\r\na=mid:t\r\n");
    z.accept_offer(unknown.as_bytes()).unwrap();
    assert!(z.create_answer(&transport("z")).unwrap().contains("m=text 0 RTP/AVP 98\r\n"));
}

#[test]
fn malformed_descriptions_change_nothing_and_say_where() {
    let (mut a, mut z) = (whole(1), whole(2));
    let offer = a.create_offer(&transport("a")).unwrap();
    let error = |text: String| {
        let mut fresh = z.clone();
        let error = fresh.accept_offer(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(fresh.state(), State::Stable);
        error
    };
    assert_eq!(
        error(offer.replace("a=ice-ufrag:ufraga\r\n", "")),
        "line 11: a=ice-ufrag is missing from this media description and from the session"
    );
    assert_eq!(
        error(offer.replace("t=0 0", "t=0")),
        "line 4, column 3: the value breaks the line's format (RFC 8866 section 9)"
    );
    assert!(
        error(offer.replace("a=ice-pwd:pass", "a=ice-pwd: ")).starts_with("line 15: a=ice-pwd: 22 to 256")
    );
    assert!(error(offer.replace("sha-256", "md5")).contains("a=fingerprint"));
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport("z")).unwrap();
    let wrong = answer.replace("a=setup:active", "a=setup:actpass");
    assert!(matches!(a.accept_answer(wrong.as_bytes()), Err(NegotiationError::Mismatch { .. })));
    let short = answer.split("m=video").next().unwrap();
    assert!(a.accept_answer(short.as_bytes()).is_err());
    a.accept_answer(answer.as_bytes()).unwrap();
}

/// Every offer of a browser is answered, and the answer has no faults.
#[test]
fn every_offer_of_a_browser_is_answered() {
    for (name, text) in vectors::files("sdp/browsers") {
        if !name.contains("offer") {
            continue;
        }
        let mut side = side(9);
        side.accept_offer(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        for number in 0..side.sections().len() {
            side.set_media(number, Direction::SendRecv, track(40));
        }
        let answer = side.create_answer(&transport("z")).unwrap();
        let document = Document::parse(answer.as_bytes(), &Limits::default()).unwrap();
        assert!(document.findings().is_empty(), "{name}: {}\n{answer}", document.findings()[0]);
        assert_eq!(document.check(Profile::Strict), Ok(()));
        let offered = Document::parse(&text, &Limits::default()).unwrap();
        assert_eq!(document.media().count(), offered.media().count(), "{name}");
        for (ours, theirs) in document.media().zip(offered.media()) {
            assert_eq!(ours.value("mid"), theirs.value("mid"), "{name}");
            let (ours, theirs) = (ours.media().unwrap(), theirs.media().unwrap());
            assert_eq!((ours.kind, ours.protocol), (theirs.kind, theirs.protocol));
            assert!(ours.formats().all(|format| theirs.formats().any(|known| known == format)), "{name}");
        }
    }
}

/// Random operations on two sides, each followed by an exchange: they always agree.
#[test]
fn two_sides_with_random_operations_converge() {
    for seed in 0..200 {
        let (mut a, mut z, mut rng) = (side(1), side(2), rng(seed));
        for _ in 0..12 {
            let (first, second) = if rng.random_bool(0.5) { (&mut a, &mut z) } else { (&mut z, &mut a) };
            let directions =
                [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
            let direction = directions[rng.random_range(0..4)];
            let count = first.sections().len();
            match rng.random_range(0..4) {
                0 if count < 8 => {
                    let kind = if rng.random_bool(0.5) { Kind::Audio } else { Kind::Video };
                    first.add_media(kind, direction, track(rng.random()));
                }
                1 => {
                    first.add_data();
                }
                2 if count > 0 => first.set_media(rng.random_range(0..count), direction, track(rng.random())),
                3 if count > 1 => first.stop(rng.random_range(0..count)),
                _ => {}
            }
            if first.sections().is_empty() {
                continue;
            }
            exchange(first, second);
            assert_agreed(first, second);
        }
    }
}

#[test]
fn fragments_carry_candidates_and_credentials() {
    let text = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n";
    let fragment = Fragment::parse(text.as_bytes()).unwrap();
    assert_eq!(fragment.credentials(), Some(("abcd", "0123456789012345678901")));
    assert_eq!((fragment.media[0].candidates.len(), fragment.media[0].end_of_candidates), (1, true));
    assert_eq!(fragment.write().unwrap(), text);
}
