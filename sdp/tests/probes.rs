//! The probe rows of `research/sdp-stun-ice-rtp.md` section 1.3, each judged strictly and leniently, and what users of other
//! parsers reported (section 1.4) and attackers sent (1.5). Whatever the verdict, writing gives the same octets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_sdp::attribute::{Fmtp, RtpMap};
use nomagic_sdp::{Document, FindingKind, Limits, Profile};

const PLAIN: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=tool:x\r\nm=audio 49170 RTP/AVP 0 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n";

/// `S`trict and `L`enient: accepted (`A`) or refused (`R`).
fn judge(text: &[u8], strict: char, lenient: char, name: &str) -> Vec<FindingKind> {
    let document = Document::parse(text, &Limits::default()).unwrap();
    assert_eq!(document.to_vec(), text, "{name}");
    let findings = document.examine();
    let refuses = |profile: Profile| {
        let error = nomagic_sdp::Severity::Error;
        if findings.iter().any(|finding| profile.severity(finding.kind) == error) { 'R' } else { 'A' }
    };
    assert_eq!(
        (refuses(Profile::Strict), refuses(Profile::Lenient)),
        (strict, lenient),
        "{name}: {:?}",
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    findings.iter().map(|finding| finding.kind).collect()
}

/// T2: every row of the probe matrix.
#[test]
fn every_row_of_the_probe_matrix_has_its_two_verdicts() {
    let row = |name: &str, from: &str, to: &str, strict: char, lenient: char| {
        assert!(PLAIN.contains(from), "{name}");
        judge(PLAIN.replacen(from, to, 1).as_bytes(), strict, lenient, name);
    };
    judge(PLAIN.as_bytes(), 'A', 'A', "as it should be");
    judge(PLAIN.replace("\r\n", "\n").as_bytes(), 'A', 'A', "LF only");
    judge(PLAIN.replace("\r\n", "\r").as_bytes(), 'R', 'R', "CR only");
    judge(PLAIN.trim_end().as_bytes(), 'R', 'A', "no final newline");
    judge(format!("{PLAIN}\r\n").as_bytes(), 'R', 'A', "blank line at end");
    judge(PLAIN.replace("\r\n", " \r\n").as_bytes(), 'R', 'A', "trailing space each line");
    row("missing o=", "o=- 1 1 IN IP4 192.0.2.1\r\n", "", 'R', 'A');
    row("missing s=", "s=-\r\n", "", 'R', 'A');
    row("missing t=", "t=0 0\r\n", "", 'R', 'A');
    row("s= empty", "s=-", "s=", 'R', 'A');
    row("s= with a space", "s=-", "s= ", 'A', 'A');
    row("o= cut short", "o=- 1 1 IN IP4 192.0.2.1", "o=- 1001 1 IN ", 'R', 'A');
    row("sess-id > u64", "o=- 1 ", "o=- 18446744073709551616 ", 'A', 'A');
    row("sess-version > u64", "o=- 1 1 ", "o=- 1 18446744073709551616 ", 'A', 'A');
    row("o= user with space", "o=- ", "o=a b ", 'R', 'A');
    row("a= before t=", "t=0 0\r\na=tool:x\r\n", "a=tool:x\r\nt=0 0\r\n", 'R', 'A');
    row("i= before t=, after c=", "t=0 0\r\n", "i=x\r\nt=0 0\r\n", 'R', 'A');
    row("unknown x=", "a=tool:x", "x=tool", 'R', 'A');
    row("V=0", "v=0", "V=0", 'R', 'A');
    row("m= port -1353744643", "49170", "-1353744643", 'R', 'A');
    row("port 70000", "49170", "70000", 'R', 'A');
    row("49170/2", "49170", "49170/2", 'A', 'A');
    row(
        "TCP/MRCPv2",
        "RTP/AVP 0 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10",
        "TCP/MRCPv2 1",
        'A',
        'A',
    );
    row("media type foo", "m=audio", "m=foo", 'A', 'A');
    row("double space in m=", "49170 RTP", "49170  RTP", 'R', 'A');
    row("no fmt", " 0 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10", "", 'R', 'A');
    row("fmtp with 2 spaces", "fmtp:111 m", "fmtp:111  m", 'A', 'A');
    row("rtpmap:111 opus", "opus/48000/2", "opus", 'R', 'A');
    row("pt 300", "rtpmap:111", "rtpmap:300", 'R', 'A');
    row("non-numeric fmtp", "fmtp:111", "fmtp:x", 'R', 'A');
    row("malformed candidate", "a=fmtp:111 minptime=10", "a=candidate:1", 'R', 'A');
    row("ice-lite in media", "a=fmtp:111 minptime=10", "a=ice-lite", 'R', 'A');
    row("b=TIAS+X-foo", "t=0 0\r\n", "b=TIAS:9\r\nb=X-foo:1\r\nt=0 0\r\n", 'A', 'A');
    row("b= after t=", "t=0 0\r\n", "t=0 0\r\nb=TIAS:9\r\n", 'R', 'A');
    row(
        "two c= in a media",
        "a=rtpmap",
        "c=IN IP4 224.2.1.1/127\r\nc=IN IP4 224.2.1.2/127\r\na=rtpmap",
        'A',
        'A',
    );
    row("two session c=", "t=0 0", "c=IN IP4 192.0.2.2\r\nt=0 0", 'R', 'A');
    row("NUL in attribute", "tool:x", "tool:\0", 'R', 'R');
    let latin = PLAIN.replace("s=-", "s=\u{7f}").into_bytes();
    let latin: Vec<u8> = latin.into_iter().map(|octet| if octet == 0x7f { 0xe9 } else { octet }).collect();
    judge(&latin, 'R', 'A', "non-UTF-8 s=");
    let many = format!("{PLAIN}{}", "a=x\r\n".repeat(280_000));
    assert!(Document::parse(many.as_bytes(), &Limits::default()).is_err(), "1.4 MB of a= lines");
}

/// The camera that names no o=, the one without t=, the one that starts at m=: what there is can still be read.
#[test]
fn what_cameras_send_can_still_be_read() {
    for (name, text) in [
        (
            "starts at m= (1.4 no. 6)",
            "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n",
        ),
        (
            "Tuya (1.4 no. 5)",
            "v=0\r\ns=-\r\nc=\u{1}\u{2}junk\r\nt=0 0\r\nm=video -1353744643 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        ),
        (
            "Uniview (1.4 no. 4)",
            "v=0\r\no=- 1001 1 IN \r\ns=-\r\nt=0 0\r\nm=video 0  RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        ),
    ] {
        judge(text.as_bytes(), 'R', 'A', name);
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        let media = document.media().next().unwrap();
        let line = media.media().unwrap();
        assert_eq!((line.kind, line.protocol, line.port), ("video", "RTP/AVP", 0), "{name}");
        assert_eq!(line.formats().collect::<Vec<_>>(), ["96"], "{name}");
        assert_eq!(media.attribute::<RtpMap<'_>>().unwrap().unwrap().encoding, "H264", "{name}");
    }
    // Two spaces before the parameters (no. 7), and fmtp in front of its rtpmap (no. 23; T12).
    let text = PLAIN.replace("fmtp:111 ", "fmtp:111  ");
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let fmtp = document.media().next().unwrap().attribute::<Fmtp<'_>>().unwrap().unwrap();
    assert_eq!(fmtp.parameter("minptime"), Some("10"));
    // Token characters that surprise (no. 9), and what has no meaning to us.
    judge(PLAIN.replace("tool:x", "+g.poc.talkburst").as_bytes(), 'A', 'A', "no. 9");
    // A scope in an address (no. 26), a name (no. 27).
    judge(PLAIN.replace("c=IN IP4 192.0.2.1", "c=IN IP6 fe80::1%21").as_bytes(), 'A', 'A', "no. 26");
    judge(PLAIN.replace("c=IN IP4 192.0.2.1", "c=IN IP4 4b6b0f2c.local").as_bytes(), 'A', 'A', "no. 27");
}

/// S1 to S10 of 1.5: what crashed others.
#[test]
fn what_crashed_others_is_judged_and_kept() {
    let with = |line: &str| format!("{PLAIN}{line}\r\n");
    judge(with("a=fmtp\0:101").as_bytes(), 'R', 'R', "S1");
    judge(PLAIN.replace("AVP 0 111", "AVP 0 111 4294967296").as_bytes(), 'A', 'A', "S2");
    let zones = " 2882844526 -1h".repeat(5_000);
    let text =
        PLAIN.replace("t=0 0", &format!("t=2882844526 2898848070\r\nr=7d 1h 0\r\nz={}", zones.trim_start()));
    judge(text.as_bytes(), 'A', 'A', "S3");
    judge(with("a=rtpmap").as_bytes(), 'R', 'A', "S4");
    judge(PLAIN.replace("m=audio", &format!("m={}", "x".repeat(200))).as_bytes(), 'A', 'A', "S5");
    judge(PLAIN.replace("s=-\r\n", "s=-\r\ni=(o=IN IP4 ...)\r\n").as_bytes(), 'A', 'A', "S6");
    judge(PLAIN.replace("t=0 0", "t=0 0\r\nz=0 -9223372036854775807").as_bytes(), 'A', 'A', "S8");
    judge(PLAIN.replace("t=0 0", "t=0 0\r\nz=0 -9223372036854775808").as_bytes(), 'R', 'A', "S8");
    judge(with("a=mediaclk:").as_bytes(), 'R', 'A', "S8");
    judge(with("a=rtpmap:255 x/1").as_bytes(), 'R', 'A', "S9");
    judge(b"INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\nv=0\r\n", 'R', 'R', "S10");
}
