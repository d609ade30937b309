//! Codecs are matched and answered by their payload formats' own rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::Negotiator;
use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction};
use nomagic_sdp::negotiation::{Codec, Config, Kind, LocalTransport};

fn transport() -> LocalTransport {
    LocalTransport {
        ufrag: "ufrag".into(),
        password: "passwordof22characters".into(),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: Vec::new(),
        end_of_candidates: true,
    }
}

/// What is answered to an offer of `theirs` by a side that has `ours`: payload types, names and parameters.
fn answered(kind: &Kind, ours: &[Codec], theirs: &[Codec]) -> Vec<(u8, String, String)> {
    let side = |id, codecs: &[Codec]| {
        let mut config = Config::new(id, "cname");
        (config.audio.codecs, config.video.codecs) = (codecs.to_vec(), codecs.to_vec());
        Negotiator::new(config)
    };
    let (mut a, mut z) = (side(1, theirs), side(2, ours));
    a.add_media(kind.clone(), Direction::RecvOnly, None);
    let offer = a.create_offer(&transport()).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport()).unwrap();
    a.accept_answer(answer.as_bytes()).unwrap();
    let section = &z.sections()[0];
    assert_eq!(section.rejected, answer.contains(" 0 UDP/TLS"), "{answer}");
    if section.rejected {
        return Vec::new();
    }
    section
        .codecs
        .iter()
        .map(|codec| (codec.payload_type, codec.name.clone(), codec.parameters.clone()))
        .collect()
}

fn h264(parameters: &str) -> Codec {
    Codec::new(102, "H264", 90_000, None).with_parameters(parameters)
}

/// RFC 6184 section 8.2.2: profile and mode as they are, the level by asymmetry.
#[test]
fn h264_agrees_on_profile_and_mode_and_settles_the_level() {
    let level = |ours: &str, theirs: &str| {
        let found = answered(&Kind::Video, &[h264(ours)], &[h264(theirs)]);
        found.first().map(|(_, _, parameters)| parameters.clone())
    };
    let symmetric = |level: &str| format!("packetization-mode=1;profile-level-id={level}");
    let asymmetric = |level: &str| format!("level-asymmetry-allowed=1;{}", symmetric(level));
    // Each its own level where both allow it, else the lower one.
    assert_eq!(level(&asymmetric("42e01f"), &asymmetric("42e034")), Some(asymmetric("42e01f")));
    assert_eq!(level(&asymmetric("42e034"), &asymmetric("42e01f")), Some(asymmetric("42e034")));
    assert_eq!(level(&symmetric("42e034"), &asymmetric("42e01f")), Some(symmetric("42e01f")));
    assert_eq!(level(&symmetric("42e01f"), &symmetric("42e034")), Some(symmetric("42e01f")));
    // Level 1b lies between 1 and 1.1.
    assert_eq!(level(&symmetric("42f00b"), &symmetric("42e00a")), Some(symmetric("42e00a")));
    assert_eq!(level(&symmetric("42e00b"), &symmetric("42f00b")), Some(symmetric("42f00b")));
    // Several ways to say Constrained Baseline, and others that are not it.
    for same in ["42e01f", "42c01f", "42401f", "4d801f", "58e01f"] {
        assert!(level(&symmetric("42e01f"), &symmetric(same)).is_some(), "{same}");
    }
    for other in ["42001f", "4d001f", "640c1f", "64001f", "58001f", "zzzzzz", "42e0"] {
        assert_eq!(level(&symmetric("42e01f"), &symmetric(other)), None, "{other}");
    }
    assert_eq!(level("packetization-mode=0;profile-level-id=42e01f", &symmetric("42e01f")), None);
    assert!(level("profile-level-id=42e01f", "packetization-mode=0;profile-level-id=42e01f").is_some());
    assert!(
        level("packetization-mode=0", "profile-level-id=42000a").is_some(),
        "Baseline at level 1 is what nothing means"
    );
}

/// RFC 7798, RFC 9628, the AV1 payload format, RFC 4867: what must be the same, and what may differ.
#[test]
fn other_formats_agree_on_what_they_must() {
    let same = |name: &str, rate: u32, ours: &str, theirs: &str| {
        let codec = |parameters: &str| Codec::new(96, name, rate, None).with_parameters(parameters);
        !answered(&Kind::Video, &[codec(ours)], &[codec(theirs)]).is_empty()
    };
    assert!(same("H265", 90_000, "profile-id=1;level-id=93", "level-id=120"));
    assert!(!same("H265", 90_000, "profile-id=1", "profile-id=2"));
    assert!(!same("H265", 90_000, "tier-flag=0", "tier-flag=1"));
    assert!(!same("H265", 90_000, "tx-mode=SRST", "tx-mode=MRST"));
    assert!(same("VP9", 90_000, "", "profile-id=0") && !same("VP9", 90_000, "profile-id=0", "profile-id=2"));
    assert!(
        same("AV1", 90_000, "profile=0;level-idx=5", "level-idx=8")
            && !same("AV1", 90_000, "profile=0", "profile=1")
    );
    assert!(same("VP8", 90_000, "max-fs=12288", "max-fr=60"));
    assert!(same("AMR", 8_000, "", "mode-set=0,2") && !same("AMR", 8_000, "octet-align=1", ""));
    assert!(same("opus", 48_000, "minptime=10", "useinbandfec=1;stereo=1"));
    assert!(!same("G7221", 16_000, "bitrate=24000", "bitrate=32000"));
    let h265 = |level: &str| {
        Codec::new(96, "H265", 90_000, None).with_parameters(&format!("profile-id=1;level-id={level}"))
    };
    assert_eq!(answered(&Kind::Video, &[h265("120")], &[h265("93")])[0].2, "profile-id=1;level-id=93");
    assert_eq!(answered(&Kind::Video, &[h265("93")], &[h265("120")])[0].2, "profile-id=1;level-id=93");
    let ilbc = |mode: &str| Codec::new(96, "iLBC", 8_000, None).with_parameters(mode);
    assert_eq!(answered(&Kind::Audio, &[ilbc("mode=20")], &[ilbc("mode=30")])[0].2, "mode=30");
}

/// Name without regard to case, clock and channels.
#[test]
fn a_codec_is_a_name_a_clock_and_channels() {
    let opus = Codec::new(111, "opus", 48_000, Some(2));
    let found = |their: Codec| answered(&Kind::Audio, std::slice::from_ref(&opus), &[their]).len();
    assert_eq!(found(Codec::new(96, "OPUS", 48_000, Some(2))), 1);
    assert_eq!(found(Codec::new(96, "opus", 48_000, None)), 0);
    assert_eq!(found(Codec::new(96, "opus", 16_000, Some(2))), 0);
    // One channel is what nothing means; a static type needs no map.
    assert_eq!(
        answered(
            &Kind::Audio,
            &[Codec::new(0, "PCMU", 8_000, Some(1))],
            &[Codec::new(0, "pcmu", 8_000, None)]
        )
        .len(),
        1
    );
}

/// RFC 4588, RFC 2198 and RFC 4733: what goes with another codec goes with it, under its numbers.
#[test]
fn helpers_follow_what_they_are_about() {
    let ours = [
        Codec::new(111, "opus", 48_000, Some(2)),
        Codec::new(63, "red", 48_000, Some(2)).with_parameters("111/111"),
        Codec::new(110, "telephone-event", 48_000, None).with_parameters("0-16"),
    ];
    let theirs = [
        Codec::new(99, "red", 48_000, Some(2)).with_parameters("98/98"),
        Codec::new(98, "opus", 48_000, Some(2)),
        Codec::new(97, "telephone-event", 48_000, None).with_parameters("0-15,32-35"),
        Codec::new(96, "telephone-event", 8_000, None),
    ];
    let names = |list: Vec<(u8, String, String)>| {
        list.into_iter()
            .map(|(number, name, parameters)| format!("{number} {name} {parameters}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(answered(&Kind::Audio, &ours, &theirs)),
        ["98 opus ", "97 telephone-event 0-15", "99 red 98/98"].map(str::to_owned)
    );
    // Redundancy of what is not there is left out, and DTMF alone is no call.
    let odd = [
        Codec::new(99, "red", 48_000, Some(2)).with_parameters("98/98"),
        Codec::new(98, "speex", 48_000, Some(2)),
        theirs[2].clone(),
    ];
    assert!(answered(&Kind::Audio, &ours, &odd).is_empty());
    let video = [
        Codec::new(100, "VP8", 90_000, None),
        Codec::new(101, "rtx", 90_000, None).with_parameters("apt=100;rtx-time=3000"),
        Codec::new(120, "VP9", 90_000, None),
        Codec::new(121, "rtx", 90_000, None).with_parameters("apt=120"),
        Codec::new(122, "red", 90_000, None),
        Codec::new(123, "ulpfec", 90_000, None),
    ];
    let own = [
        Codec::new(96, "VP8", 90_000, None),
        Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96"),
        Codec::new(98, "red", 90_000, None),
        Codec::new(99, "ulpfec", 90_000, None),
    ];
    assert_eq!(
        names(answered(&Kind::Video, &own, &video)),
        ["100 VP8 ", "123 ulpfec ", "101 rtx apt=100;rtx-time=3000", "122 red "].map(str::to_owned)
    );
}
