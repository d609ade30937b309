//! Session descriptions: reading, reading with every attribute, writing, editing; a Chromium offer of 7.6 KB.
//!
//! `--quick` shows that everything runs. With the feature `peers` the rivals take their turns in the same rounds; without
//! the folder of vectors a description of the same shape is made up.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]

use std::path::Path;

use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
use nomagic_sdp::attribute::AnyAttribute;
use nomagic_sdp::{Document, Limits};
use nomagic_testkit::vectors;

fn main() {
    let effort = Effort::from_arguments();
    let offer = offer();
    let rows = vec![parse(&offer, effort), write(&offer, effort), edit(&offer, effort), linear(effort)];
    print_table(&rows);
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("sdp.json")).unwrap();
}

fn offer() -> Vec<u8> {
    vectors::read("sdp/browsers/chromium-offer-audio-video-data.sdp").unwrap_or_else(|| {
        let codec = |number: usize| {
            format!("a=rtpmap:{number} VP8/90000\r\na=rtcp-fb:{number} nack pli\r\na=fmtp:{number} profile-id=0\r\n")
        };
        let types: String = (96..127).map(|number| format!(" {number}")).collect();
        let maps: String = (96..127).map(codec).collect();
        format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{}", format!("m=video 9 UDP/TLS/RTP/SAVPF{types}\r\nc=IN IP4 0.0.0.0\r\n{maps}").repeat(3))
            .into_bytes()
    })
}

/// Reads the value of every attribute that has a type.
fn attributes(document: &Document<'_>) -> usize {
    let sections = document.media().chain([document.session()]);
    sections
        .flat_map(|section| section.attributes())
        .filter(|raw| matches!(AnyAttribute::parse(*raw), Ok(Some(_))))
        .count()
}

fn parse(offer: &[u8], effort: Effort) -> Row {
    let text = std::str::from_utf8(std::hint::black_box(offer)).unwrap();
    let contenders = vec![
        Contender::new("ours", || Document::parse(offer, &Limits::default()).unwrap().findings().len()),
        Contender::new("ours, all read", || attributes(&Document::parse(offer, &Limits::default()).unwrap())),
        #[cfg(feature = "peers")]
        Contender::new("webrtc-sdp", || webrtc_sdp::parse_sdp(text, false).unwrap().media.len()),
        #[cfg(feature = "peers")]
        Contender::new("rtc-sdp", || {
            let mut reader = std::io::Cursor::new(offer);
            rtc_sdp::SessionDescription::unmarshal(&mut reader).unwrap().media_descriptions.len()
        }),
        #[cfg(feature = "peers")]
        Contender::new("sdp-types", || sdp_types::Session::parse(offer).unwrap().medias.len()),
        #[cfg(not(feature = "peers"))]
        Contender::new("lines().count()", || text.lines().count()),
    ];
    measure(&format!("parse, {} octets", offer.len()), effort, contenders)
}

fn write(offer: &[u8], effort: Effort) -> Row {
    let document = Document::parse(offer, &Limits::default()).unwrap();
    #[cfg(feature = "peers")]
    let (types, rtc, mozilla) = (
        sdp_types::Session::parse(offer).unwrap(),
        rtc_sdp::SessionDescription::unmarshal(&mut std::io::Cursor::new(offer)).unwrap(),
        webrtc_sdp::parse_sdp(std::str::from_utf8(offer).unwrap(), false).unwrap(),
    );
    let contenders = vec![
        Contender::new("ours", || document.to_vec()),
        #[cfg(feature = "peers")]
        Contender::new("webrtc-sdp", || mozilla.to_string()),
        #[cfg(feature = "peers")]
        Contender::new("sdp-types", || {
            let mut out = Vec::new();
            types.write(&mut out).unwrap();
            out
        }),
        #[cfg(feature = "peers")]
        Contender::new("rtc-sdp", || rtc.marshal()),
        #[cfg(not(feature = "peers"))]
        Contender::new("a copy", || offer.to_vec()),
    ];
    measure("write", effort, contenders)
}

/// A server's work: read, change one line, write.
fn edit(offer: &[u8], effort: Effort) -> Row {
    let contenders = vec![
        Contender::new("ours", || {
            let mut document = Document::parse(offer, &Limits::default()).unwrap();
            document.replace(1, "o=- 7 8 IN IP4 192.0.2.1").unwrap();
            document.to_vec()
        }),
        Contender::new("read only", || Document::parse(offer, &Limits::default()).unwrap().lines().count()),
    ];
    measure("read, change a line, write", effort, contenders)
}

/// Ten times the octets take ten times as long: the ratio is that of one to ten megabytes, divided by ten.
fn linear(effort: Effort) -> Row {
    let limits = Limits { octets: 16 << 20, lines: 1 << 20, attributes: 1 << 20, ..Limits::default() };
    let text = |octets: usize| {
        let mut text = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_vec();
        while text.len() < octets {
            text.extend_from_slice(b"a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n");
        }
        text
    };
    let (small, large) = (text(1 << 20), text(10 << 20));
    let contenders = vec![
        Contender::new("10 MB", || Document::parse(&large, &limits).unwrap().findings().len()),
        Contender::new("10 x 1 MB", || {
            (0..10).map(|_| Document::parse(&small, &limits).unwrap().findings().len()).sum::<usize>()
        }),
    ];
    measure("time grows with octets", effort, contenders)
}
