//! Sequences of operations on two engines, and on one with a hostile peer whose descriptions are mangled ones of the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction};
use nomagic_sdp::negotiation::{
    BundlePolicy, Codec, Config, Encoding, Endpoint, HeaderExtension, Kind, LocalTransport, Rules, Track,
};
use nomagic_sdp::{Document, Limits, Negotiator};

fn side(id: u64, choice: u8) -> Negotiator {
    let mut config = Config::new(id, "name");
    config.audio.codecs = vec![
        Codec::new(111, "opus", 48_000, Some(2)),
        Codec::new(63, "red", 48_000, Some(2)).with_parameters("111/111"),
        Codec::new(0, "PCMU", 8_000, None),
    ];
    config.video.codecs = vec![
        Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack", "ccm pause"]),
        Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96"),
        Codec::new(102, "H264", 90_000, None).with_parameters("profile-level-id=42e01f;packetization-mode=1"),
    ];
    config.video.extensions =
        vec![HeaderExtension { id: 1, uri: "urn:ietf:params:rtp-hdrext:sdes:mid".into() }];
    config.max_message_size = Some(65_536);
    config.bundle =
        [BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle][usize::from(choice % 3)];
    if choice & 0x80 != 0 {
        config.rules = Rules::Sip;
    }
    Negotiator::new(config)
}

fn transport(tag: u8) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ufrag{tag}"),
        password: format!("passwordof22characters{tag}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap_or_else(|| unreachable!()),
        candidates: vec!["1 1 udp 1 192.0.2.1 5000 typ host".into()],
        end_of_candidates: true,
    }
}

/// What an engine writes can be read and has one line for each that it means.
fn clean(text: &str) {
    let document = Document::parse(text.as_bytes(), &Limits::default());
    assert!(document.is_ok_and(|document| document.findings().is_empty()), "{text}");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut sides = [side(1, *first), side(2, first.wrapping_mul(7))];
    let mut last = String::new();
    const DIRECTIONS: [Direction; 4] =
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    for pair in rest.chunks(2).take(64) {
        let (step, detail) = (pair[0], pair.get(1).copied().unwrap_or_default());
        let side = &mut sides[usize::from(step & 1)];
        let (count, number) = (side.sections().len(), usize::from(detail & 7));
        let direction = DIRECTIONS[usize::from(detail >> 6)];
        let track = Some(Track { stream: "s".into(), track: "t".into(), ssrc: detail.into() });
        let made = match step >> 1 & 15 {
            0 if count < 8 => {
                side.add_media(if detail & 1 == 0 { Kind::Audio } else { Kind::Video }, direction, track);
                continue;
            }
            1 if count < 8 => {
                side.add_data();
                continue;
            }
            2 => {
                side.set_media(number, direction, track);
                continue;
            }
            3 => {
                side.stop(number);
                continue;
            }
            4 => {
                side.set_endpoint(number, Endpoint::Secure(transport(detail)));
                continue;
            }
            5 => {
                side.set_encodings(number, ["a", "b"].map(Encoding::new).to_vec());
                continue;
            }
            6 => {
                let _ = side.rollback();
                continue;
            }
            7 => side.create_offer(&transport(detail >> 4)),
            8 => side.create_answer(&transport(detail >> 4)),
            9 => side.create_provisional_answer(&transport(detail >> 4)),
            10 => {
                let _ = side.accept_offer(last.as_bytes());
                continue;
            }
            11 => {
                let _ = side.accept_answer(last.as_bytes());
                continue;
            }
            12 => {
                let _ = side.accept_provisional_answer(last.as_bytes());
                continue;
            }
            // What a hostile peer makes of the last description.
            13 => {
                let mut octets = last.clone().into_bytes();
                if let Some(octet) = octets
                    .len()
                    .checked_sub(1)
                    .and_then(|end| octets.get_mut(usize::from(detail) * 7 % (end + 1)))
                {
                    *octet = octet.wrapping_add(step);
                }
                last = String::from_utf8_lossy(&octets).into_owned();
                continue;
            }
            14 => {
                let lines: Vec<&str> = last.split_inclusive('\n').collect();
                let at = usize::from(detail) % lines.len().max(1);
                last = lines
                    .iter()
                    .enumerate()
                    .filter(|(number, _)| *number != at)
                    .map(|(_, line)| *line)
                    .collect();
                continue;
            }
            _ => {
                last.push_str(&String::from_utf8_lossy(pair));
                continue;
            }
        };
        if let Ok(text) = made {
            clean(&text);
            last = text;
        }
    }
});
