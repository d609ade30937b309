//! `srtp` as its users run it: on the capture of a whole call with its key log, and there and back on rtpdump files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nomagic_interop::program::example;

fn file(name: &str) -> PathBuf {
    std::fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn srtp(arguments: &[&str]) -> Output {
    Command::new(example("srtp")).args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// An rtpdump file of 400 packets across a roll-over, every tenth one RTCP.
fn rtpdump() -> Vec<u8> {
    let mut out = b"#!rtpplay1.0 127.0.0.1/5000\n".to_vec();
    out.extend_from_slice(&[0; 16]);
    for number in 0..400u16 {
        let is_rtcp = number % 10 == 9;
        let mut packet = if is_rtcp { vec![0x80, 201, 0, 1] } else { vec![0x80, 96] };
        if !is_rtcp {
            packet.extend_from_slice(&65_400u16.wrapping_add(number).to_be_bytes());
            packet.extend_from_slice(&[0; 4]);
        }
        packet.extend_from_slice(&[1, 2, 3, 4]);
        if !is_rtcp {
            packet.resize(12 + usize::from(number % 50), 9);
        }
        let len = u16::try_from(packet.len()).unwrap();
        out.extend_from_slice(&(len + 8).to_be_bytes());
        out.extend_from_slice(&if is_rtcp { 0 } else { len }.to_be_bytes());
        out.extend_from_slice(&(u32::from(number) * 20).to_be_bytes());
        out.extend_from_slice(&packet);
    }
    out
}

#[test]
fn a_recording_comes_back_with_every_profile() {
    let (plain, sealed, opened) = (file("plain.rtp"), file("sealed.rtp"), file("opened.rtp"));
    std::fs::write(&plain, rtpdump()).unwrap();
    let [plain, sealed, opened] = [&plain, &sealed, &opened].map(|path| path.to_str().unwrap());
    for (profile, len) in
        [("cm", 30), ("cm32", 30), ("cm192", 38), ("cm256", 46), ("gcm128", 28), ("gcm256", 44), ("null", 30)]
    {
        let key = "5a".repeat(len);
        let common =
            ["--profile", profile, "--key", &key, "--roll-over-counter", "7", "--identifier", "abcd"];
        let there = srtp(&[&["protect", plain, sealed], &common[..]].concat());
        assert!(there.status.success(), "{profile}: {}", text(&there.stderr));
        assert_eq!(text(&there.stdout), "400 protected, 0 refused, 0 other packets\n");
        assert_ne!(std::fs::read(sealed).unwrap(), rtpdump());
        let back = srtp(&[&["unprotect", sealed, opened], &common[..]].concat());
        assert!(back.status.success(), "{profile}: {}", text(&back.stderr));
        assert_eq!(std::fs::read(opened).unwrap(), rtpdump(), "{profile}");
        // Another counter, and nothing opens but RTCP, which has its own.
        let other = ["--profile", profile, "--key", &key, "--roll-over-counter", "5", "--identifier", "abcd"];
        let wrong = srtp(&[&["unprotect", sealed, opened], &other[..]].concat());
        assert_eq!(wrong.status.code(), Some(1), "{profile}");
        assert_eq!(text(&wrong.stdout), "40 unprotected, 360 refused, 0 other packets\n");
    }
}

#[test]
fn a_captured_call_is_decrypted_with_its_key_log() {
    let (capture, keys, opened) = (file("srtp.pcap"), file("srtp.keys"), file("srtp-plain.pcap"));
    let [capture, keys, opened] = [&capture, &keys, &opened].map(|path| path.to_str().unwrap());
    for profile in ["gcm128", "gcm256", "cm"] {
        let call = Command::new(example("call"))
            .args(["--quiet", "--srtp", profile, "--pcap", capture, "--keylog", keys])
            .status();
        assert!(call.unwrap().success());
        let output = srtp(&["unprotect", capture, opened, "--keylog", keys]);
        assert!(output.status.success(), "{profile}: {}", text(&output.stderr));
        let summary = text(&output.stdout);
        let count: usize = summary.split(' ').next().unwrap().parse().unwrap();
        assert!(count > 300 && summary.contains(" 0 refused"), "{profile}: {summary}");
        // Without the right keys nothing opens.
        std::fs::write(keys, "CLIENT_RANDOM 00 00\n").unwrap();
        let output = srtp(&["unprotect", capture, opened, "--keylog", keys]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("no handshake of the capture"));
    }
}

#[test]
fn what_cannot_be_done_is_refused_in_a_line() {
    let plain = file("refused.rtp");
    std::fs::write(&plain, rtpdump()).unwrap();
    let plain = plain.to_str().unwrap();
    let refused = |arguments: &[&str], word: &str| {
        let output = srtp(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
    };
    refused(
        &["protect", plain, "/nonexistent/out", "--profile", "cm", "--key", &"00".repeat(30)],
        "/nonexistent/out",
    );
    refused(&["protect", plain, "out", "--profile", "cm", "--key", "00"], "16 of key and 14 of salt");
    refused(&["protect", plain, "out", "--profile", "cm", "--key", "zz"], "hexadecimal");
    refused(&["protect", plain, "out", "--profile", "rot13", "--key", "00"], "rot13");
    refused(&["protect", plain, "out"], "--profile");
    refused(&["unprotect", plain, "out"], "--keylog");
    refused(&["unprotect", plain, "out", "--keylog", "/nonexistent/keys"], "/nonexistent/keys");
    refused(
        &["unprotect", "/nonexistent/in", "out", "--profile", "cm", "--key", &"00".repeat(30)],
        "/nonexistent/in",
    );
}
