//! `call` as its users run it: over bad networks, with bad options, and its capture opened by tshark.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nomagic_interop::has;
use nomagic_interop::program::example;
use serde_json::Value;

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn call(arguments: &[&str]) -> Output {
    Command::new(example("call")).args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Runs `call` with something that it must refuse: one clear line, a code that is not 0, and no panic.
fn refused(arguments: &[&str], word: &str) {
    let output = call(arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn what_cannot_be_done_is_refused_in_a_line() {
    refused(&["--loss", "many"], "--loss");
    refused(&["--loss", "101"], "0 to 90");
    refused(&["--delay", "5000"], "--delay");
    refused(&["--srtp", "rot13"], "rot13");
    refused(&["--nonsense"], "--nonsense");
    refused(&["--video", "/nonexistent.ivf"], "/nonexistent.ivf");
    refused(&["--audio", env!("CARGO_MANIFEST_DIR")], "interop");
    refused(&["--pcap", "/nonexistent/folder/call.pcap"], "/nonexistent/folder/call.pcap");
    refused(&["--keylog", "/nonexistent/folder/keys"], "/nonexistent/folder/keys");
    let noise = folder().join("noise");
    std::fs::write(&noise, b"neither Ogg nor IVF").unwrap();
    refused(&["--video", noise.to_str().unwrap()], "IVF");
    refused(&["--audio", noise.to_str().unwrap()], "Ogg");
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(&["--port", &port], "port");
}

#[test]
fn the_summary_can_be_read_by_programs() {
    let output = call(&["--json", "--ipv6"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["a"]["video_frames"]["received"], 75);
    assert_eq!(summary["z"]["messages"]["missing"], 0);
    assert!(summary["a"]["path"].as_str().unwrap().starts_with("[::1]"));
}

fn tshark(capture: &Path, keys: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .arg("-o")
        .arg(format!("tls.keylog_file:{}", keys.display()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Wireshark's dissectors find nothing malformed, and decrypt the data with the key log.
#[test]
fn tshark_decrypts_the_capture_and_finds_nothing_malformed() {
    if !has("tshark") {
        return;
    }
    let (capture, keys) = (folder().join("call.pcap"), folder().join("call.keys"));
    // In counter mode: tshark 4.0 looks for the E flag of SRTCP where that mode has it, and takes AES-GCM's packets for
    // plain ones now and then (RFC 7714 section 9 moves the flag to the end).
    let files = ["--pcap", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()];
    let output = call(&[&["--quiet", "--srtp", "cm"][..], &files[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let protocols = tshark(&capture, &keys, &["-q", "-z", "io,phs"]);
    for protocol in ["stun", "dtls"] {
        assert!(protocols.contains(protocol), "{protocols}");
    }
    assert_eq!(tshark(&capture, &keys, &["-Y", "_ws.malformed"]), "");
    assert_eq!(tshark(&capture, &keys, &["-Y", "stun && stun.att.crc32.status == 0"]), "");
    // The Finished messages and the application data show only if the keys are right.
    let finished =
        tshark(&capture, &keys, &["-Y", "dtls.handshake.type == 20", "-T", "fields", "-e", "frame.number"]);
    assert_eq!(finished.lines().count(), 2, "{finished}");
    let decrypted = tshark(
        &capture,
        &keys,
        &["-Y", "dtls.record.content_type == 23", "-T", "fields", "-e", "dtls.app_data"],
    );
    assert!(decrypted.lines().count() > 500, "{} records", decrypted.lines().count());
}

/// `dissect` opens the same capture: every record and every media packet, with each profile, and what is inside.
#[test]
fn dissect_decrypts_all_of_a_call() {
    let (capture, keys) = (folder().join("dissect.pcap"), folder().join("dissect.keys"));
    for profile in ["cm", "gcm128", "gcm256"] {
        let files = ["--pcap", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()];
        let output = call(&[&["--quiet", "--srtp", profile][..], &files[..]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let dissected = Command::new(example("dissect"))
            .args([capture.to_str().unwrap(), "--json", "--keylog", keys.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(dissected.status.success(), "{}", text(&dissected.stderr));
        let packets: Vec<Value> =
            text(&dissected.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (mut labels, mut media, mut data) = (Vec::new(), 0, 0);
        for packet in &packets {
            let tree = &packet[packet["protocol"].as_str().unwrap()];
            assert!(tree["malformed"].is_null() && packet["protocol"] != "unknown", "{packet}");
            if matches!(packet["protocol"].as_str(), Some("rtp" | "rtcp")) {
                assert_eq!(tree["decrypted"], true, "{packet}");
                media += 1;
            }
            for record in
                tree["records"].as_array().into_iter().flatten().filter(|record| record["epoch"] == 1)
            {
                assert_eq!(record["decrypted"], true, "{packet}");
                for chunk in record["sctp"]["chunks"].as_array().into_iter().flatten() {
                    // DATA, or I-DATA, in which messages interleave.
                    data += usize::from(chunk["type"] == 0 || chunk["type"] == 64);
                    labels.extend(chunk["dcep"]["label"].as_str().map(str::to_owned));
                }
            }
        }
        labels.sort();
        labels.dedup();
        assert_eq!(labels, ["a-ordered", "a-unordered", "z-ordered", "z-unordered"]);
        assert!(media > 600 && data > 900, "{media} media packets, {data} pieces of data");
    }
}

#[test]
fn dissect_refuses_in_a_line_what_it_cannot_read() {
    let noise = folder().join("no-capture");
    std::fs::write(&noise, b"GIF89a").unwrap();
    for (arguments, word) in [
        (vec!["/nonexistent.pcap"], "/nonexistent.pcap"),
        (vec![noise.to_str().unwrap()], "neither pcap nor pcapng"),
        (vec!["-", "--keylog", "/nonexistent.keys"], "/nonexistent.keys"),
        (vec!["-", "--nonsense"], "--nonsense"),
    ] {
        let ended = Command::new(example("dissect")).args(&arguments).output().unwrap();
        let message = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
    }
}
