//! Two sides that have a little of everything, and what they must agree on.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction, Setup};
use nomagic_sdp::negotiation::{Codec, Config, HeaderExtension, Kind, LocalTransport, State, Track};
use nomagic_sdp::{Document, Limits, Negotiator};

pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

pub fn config(id: u64) -> Config {
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

pub fn side(id: u64) -> Negotiator {
    Negotiator::new(config(id))
}

pub fn transport(tag: u32) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("passwordof22characters{tag}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: vec!["1 1 udp 2130706431 192.0.2.1 5000 typ host".into()],
        end_of_candidates: true,
    }
}

pub fn track(ssrc: u32) -> Option<Track> {
    Some(Track { stream: "stream".into(), track: format!("track{ssrc}"), ssrc })
}

pub fn whole(id: u64) -> Negotiator {
    let mut side = side(id);
    side.add_media(Kind::Audio, Direction::SendRecv, track(1));
    side.add_media(Kind::Video, Direction::SendRecv, track(2));
    side.add_data();
    side
}

pub fn exchange(a: &mut Negotiator, z: &mut Negotiator) -> (String, String) {
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
    clean(&offer);
    clean(&answer);
    (offer, answer)
}

pub fn clean(text: &str) {
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let findings = document.examine();
    assert!(findings.is_empty(), "{}\n{text}", findings[0]);
}

pub fn assert_agreed(a: &Negotiator, z: &Negotiator, what: &str) {
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
