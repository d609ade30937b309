//! The program `sdp`, run as a person would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const OFFER: &str = "v=0\r\no=alice 1 1 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

/// Runs `sdp` with this on its standard input.
fn run(options: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sdp"))
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Bad options end it before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn cat_gives_the_same_octets() {
    for input in [OFFER.as_bytes(), b"v=0\nx\xff\n\n=\r", b""] {
        let output = run(&["cat", "-"], input);
        assert_eq!((output.stdout.as_slice(), output.status.code()), (input, Some(0)));
    }
}

#[test]
fn check_shows_lines_with_marks_and_ends_by_profile() {
    let output = run(&["check", "-"], OFFER.as_bytes());
    assert_eq!((text(&output).as_str(), output.status.code()), ("0 errors, 0 warnings, 0 notes\n", Some(0)));
    let wrong = OFFER.replace("t=0 0\r\n", "").replace("rtpmap:111 opus", "rtpmap:300 opus");
    let output = run(&["check", "-", "--profile", "webrtc"], wrong.as_bytes());
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.contains("error: no t= line before here (RFC 8866 section 5.9)\n --> -:9:1\n"), "{shown}");
    assert!(shown.contains("warning: a=rtpmap: payload type of 0 to 127 expected at octet 0 of the value (RFC 8866 section 6.6)\n"), "{shown}");
    assert!(shown.contains("14 | a=rtpmap:300 opus/48000/2\n   |          ^^^^^^^^^^^^^^^^\n"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
    assert_eq!(run(&["check", "-", "--profile", "lenient"], wrong.as_bytes()).status.code(), Some(0));
    assert!(
        text(&run(&["check", "-", "--color"], wrong.as_bytes())).contains("\u{1b}[1;31merror\u{1b}[0m: ")
    );
}

#[test]
fn diff_compares_meanings() {
    let folder = std::env::temp_dir().join(format!("nomagic-sdp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let other = OFFER.replace("a=mid:0\r\na=sendrecv\r\n", "a=sendrecv\r\na=mid:0\r\n").replace("\r\n", "\n");
    std::fs::write(path("one"), OFFER).unwrap();
    std::fs::write(path("two"), &other).unwrap();
    std::fs::write(path("three"), other.replace("a=sendrecv", "a=sendonly")).unwrap();
    let output = run(&["diff", &path("one"), &path("two")], b"");
    assert_eq!((text(&output).as_str(), output.status.code()), ("", Some(0)));
    let output = run(&["diff", &path("one"), &path("three")], b"");
    assert_eq!(
        (text(&output).as_str(), output.status.code()),
        ("audio 0:\n  - a=sendrecv\n  + a=sendonly\n", Some(1))
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn answer_explain_and_redact_do_what_they_say() {
    let answer = run(&["answer", "-"], OFFER.as_bytes());
    assert!(
        text(&answer).contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n")
            && text(&answer).contains("a=recvonly"),
        "{answer:?}"
    );
    assert_eq!(run(&["check", "-"], &answer.stdout).status.code(), Some(0));
    let explained = text(&run(&["explain", "-"], OFFER.as_bytes()));
    assert_eq!(explained.lines().count(), OFFER.lines().count());
    assert!(explained.lines().all(|line| line.contains("(RFC ")), "{explained}");
    let redacted = text(&run(&["redact", "-"], OFFER.as_bytes()));
    for secret in ["alice", "198.51", "abcd", "0123456789", "AA:AA"] {
        assert!(!redacted.contains(secret), "{secret}: {redacted}");
    }
    assert_eq!(run(&["check", "-"], redacted.as_bytes()).status.code(), Some(0));
}

#[test]
fn what_cannot_be_done_is_one_line_and_exit_code_2() {
    for options in [&["cat", "/does/not/exist"][..], &["answer", "-"]] {
        let output = run(options, b"no description");
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("sdp: ") && said.lines().count() == 1, "{said}");
    }
    assert_eq!(run(&["fly"], b"").status.code(), Some(2));
    assert_eq!(run(&["--help"], b"").status.code(), Some(0));
}
