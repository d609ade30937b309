//! The program `sctp` as its users run it: with itself over the loopback, and with options that cannot be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use nomagic_interop::certificates::folder;
use nomagic_interop::dtls::free_udp_port;
use nomagic_interop::program::example;
use nomagic_interop::talker::Talker;

fn sctp(arguments: &[&str]) -> Output {
    Command::new(example("sctp")).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str], word: &str) {
    let output = sctp(arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
}

/// A receiver, its address, its certificate and its folder.
fn receiver(name: &str, ip: &str) -> (Talker, String, String, PathBuf) {
    let directory = folder(env!("CARGO_TARGET_TMPDIR"), name);
    let kept = directory.join("kept");
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept).unwrap();
    let address = format!("{ip}:{}", free_udp_port());
    let mut receiver = Talker::start(Command::new(example("sctp")).args([
        "receive",
        &address,
        "--directory",
        kept.to_str().unwrap(),
    ]));
    let fingerprint = receiver.line_after("our certificate: ");
    receiver.wait_for("waiting on");
    (receiver, address, fingerprint, kept)
}

#[test]
fn what_cannot_be_done_is_refused_in_a_line() {
    refused(&[], "Usage");
    refused(&["send", "127.0.0.1:9"], "FILES");
    refused(&["send", "127.0.0.1:9", "/nonexistent/file", "--any-peer"], "/nonexistent/file");
    refused(&["send", "127.0.0.1:9", "/", "--any-peer"], "not a file");
    refused(&["ping", "127.0.0.1:9"], "--fingerprint");
    refused(&["ping", "nowhere", "--any-peer"], "nowhere");
    refused(&["ping", "127.0.0.1:9", "--any-peer", "--count", "0"], "--count");
    refused(
        &["bench", "127.0.0.1:9", "--any-peer", "--plot", "/nonexistent/plot.svg"],
        "/nonexistent/plot.svg",
    );
    refused(&["bench", "127.0.0.1:9", "--any-peer", "--size", "2000000"], "--size");
    refused(&["receive", "127.0.0.1:0", "--directory", "/nonexistent"], "/nonexistent");
    refused(&["receive", "192.0.2.1:5001"], "192.0.2.1:5001");
}

/// Whoever does not answer, or is somebody else, is told of with an exit code of 1.
#[test]
fn nobody_at_home_and_strangers_are_failures() {
    let port = free_udp_port();
    let output = sctp(&["ping", &format!("127.0.0.1:{port}"), "--any-peer", "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (_receiver, address, _, _) = receiver("sctp-strangers", "127.0.0.1");
    let other = format!("sha-256 {}", ["AB"; 32].join(":"));
    let output = sctp(&["ping", &address, "--fingerprint", &other]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// Files arrive whole under their names, those that are there are not touched, and names do not lead out of the folder.
#[test]
fn files_arrive_whole() {
    for ip in ["127.0.0.1", "[::1]"] {
        let (_receiver, address, fingerprint, kept) = receiver(&format!("sctp-files-{}", ip.len()), ip);
        let source = folder(env!("CARGO_TARGET_TMPDIR"), "sctp-source");
        let octets: Vec<u8> =
            (0..3_000_001u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("large"), &octets).unwrap();
        fs::write(source.join("empty"), []).unwrap();
        fs::write(kept.join("large"), "was here before").unwrap();
        let [large, empty] = ["large", "empty"].map(|name| source.join(name).to_str().unwrap().to_owned());
        let output = sctp(&["send", &address, &large, &empty, "--fingerprint", &fingerprint, "--quiet"]);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("3000001 octets"), "{output:?}");
        assert!(fs::read(kept.join("large.1")).unwrap() == octets);
        assert_eq!(fs::read(kept.join("empty")).unwrap().len(), 0);
        assert_eq!(fs::read(kept.join("large")).unwrap(), b"was here before");
    }
}

/// Pings are answered beside a bulk transfer; a bench with each controller draws its course.
#[test]
fn pings_and_speed_are_measured() {
    let (_receiver, address, fingerprint, kept) = receiver("sctp-speed", "127.0.0.1");
    let to =
        |verb: &'static str| [verb, &address, "--fingerprint", &fingerprint, "--quiet"].map(str::to_owned);
    let run = |verb, more: &[&str]| {
        let arguments: Vec<String> =
            to(verb).into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect();
        let output = Command::new(example("sctp")).args(&arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run("ping", &["--count", "5", "--interval", "10"]);
    assert!(text.contains("5 of 5 answered"), "{text}");
    let text = run("ping", &["--count", "5", "--interval", "10", "--bulk"]);
    assert!(text.contains("5 of 5 answered"), "{text}");
    for controller in ["newreno", "cubic", "model"] {
        let plot = kept.join(format!("{controller}.svg"));
        let more = ["--seconds", "1", "--controller", controller, "--plot", plot.to_str().unwrap()];
        let text = run("bench", &more);
        assert!(text.contains("Mbit/s") && !text.starts_with("0 octets"), "{text}");
        let drawn = fs::read_to_string(plot).unwrap();
        assert!(
            drawn.starts_with("<svg") && drawn.contains("goodput") && drawn.contains("polyline"),
            "{controller}"
        );
    }
}
