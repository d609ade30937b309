//! coturn and RFC 5780: our discovery asks its server, its discovery asks ours; and plain STUN both ways, with and without
//! passwords.
//!
//! What Debian's coturn (4.6) does otherwise than the RFCs: where it asks for passwords, it does not sign what it sends from
//! its other addresses, so that our client believes none of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and skips loudly"
)]

use std::fs::File;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nomagic_interop::has;
use nomagic_interop::program::{Program, example, free_port, wait_for_port};

/// A server with two addresses, which ends with the test.
struct Server {
    _program: Program,
    port: u16,
}

/// coturn at 127.0.0.1 and 127.0.0.2, on two ports each.
fn coturn(options: &[&str]) -> Server {
    let (port, other, folder) = (free_port(), free_port(), PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let file = |name: &str| folder.join(format!("coturn-discovery-{port}.{name}"));
    let mut command = Command::new("turnserver");
    command
        .args(["-n", "--log-file", "stdout", "--no-cli", "--no-tls", "--no-dtls", "-m", "1", "--stun-only"])
        .args(["-L", "127.0.0.1", "-L", "127.0.0.2", "-p", &port.to_string()])
        .args(["--alt-listening-port", &other.to_string()])
        .args(options)
        .arg("--pidfile")
        .arg(file("pid"))
        .arg("--userdb")
        .arg(file("db"));
    let program = Program::start(&mut command);
    wait_for_port(port);
    Server { _program: program, port }
}

fn ours(options: &[&str]) -> Server {
    let (port, other) = (free_port(), free_port());
    let mut command = Command::new(example("stun"));
    command.args(["serve", &format!("127.0.0.1:{port}"), &format!("127.0.0.2:{other}")]).args(options);
    let program = Program::start(&mut command);
    wait_for_port(port);
    Server { _program: program, port }
}

/// Whether the system has more than one loopback address: most do, some need to be told.
fn has_two_addresses() -> bool {
    let two = UdpSocket::bind("127.0.0.2:0").is_ok();
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(two || !ci, "127.0.0.2 is not ours, and in CI nothing is skipped");
    if !two {
        eprintln!("SKIPPED: 127.0.0.2 is not ours");
    }
    two
}

fn ask(server: &Server, options: &[&str]) -> serde_json::Value {
    let output = Command::new(example("stun"))
        .arg(format!("127.0.0.1:{}", server.port))
        .arg("--json")
        .args(options)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{options:?}: {said}"))
}

#[test]
fn our_client_finds_out_about_nats_with_coturns_help() {
    if !has("turnserver") || !has_two_addresses() {
        return;
    }
    let server = coturn(&["--no-auth"]);
    for options in [&[][..], &["--tcp"]] {
        let answer = ask(&server, options);
        assert_eq!(answer["mapped"], answer["local"], "{answer}");
        let other = answer["other_address"].as_str().expect("OTHER-ADDRESS");
        assert!(other.starts_with("127.0.0.2:"), "{answer}");
    }
    let found = ask(&server, &["--nat", "--lifetime", "2"]);
    assert_eq!(found["translated"], false, "{found}");
    assert_eq!(found["mapping"], "endpoint-independent", "{found}");
    assert_eq!(found["filtering"], "endpoint-independent", "answers come from all four addresses: {found}");
    assert_eq!(found["fragments"], true, "PADDING is answered with PADDING: {found}");
    assert_eq!(found["rewriting"], false, "{found}");
    assert_eq!(found["lifetime"]["at_least_s"], 2, "RESPONSE-PORT is followed: {found}");
}

#[test]
fn our_client_meets_coturns_challenge() {
    if !has("turnserver") || !has_two_addresses() {
        return;
    }
    let server = coturn(&["--secure-stun", "--lt-cred-mech", "-u", "alice:secret", "-r", "example.org"]);
    for options in [&["--user", "alice:secret"][..], &["--user", "alice:secret", "--tcp"]] {
        let answer = ask(&server, options);
        assert_eq!(answer["mapped"], answer["local"], "{answer}");
    }
    let found = ask(&server, &["--user", "alice:secret", "--nat"]);
    assert_eq!(found["mapping"], "endpoint-independent", "{found}");
    assert_eq!(found["fragments"], true, "{found}");
    assert_eq!(found["filtering"], "unsupported", "coturn signs these now? {found}");
    let refused = ask(&server, &["--user", "alice:wrong"]);
    assert_eq!(refused["outcome"], "refused with 401", "{refused}");
}

/// Runs a client of coturn's; gives what it says.
fn theirs(program: &str, server: &Server, options: &[&str]) -> String {
    let said = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{program}-{}.log", server.port));
    let (out, errors) = (File::create(&said).unwrap(), File::options().append(true).open(&said).unwrap());
    let status = Command::new(program)
        .args(options)
        .args(["-p", &server.port.to_string(), "127.0.0.1"])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .status()
        .unwrap();
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(status.success(), "{program} {options:?}: {said}");
    said
}

#[test]
fn coturns_client_finds_out_about_nats_with_our_help() {
    if !has("turnserver") || !has_two_addresses() {
        return;
    }
    let server = ours(&[]);
    let plain = theirs("turnutils_stunclient", &server, &[]);
    assert!(plain.contains("UDP reflexive addr: 127.0.0.1:"), "{plain}");
    let mapping = theirs("turnutils_natdiscovery", &server, &["-m"]);
    assert!(mapping.contains("NAT with Endpoint Independent Mapping!"), "{mapping}");
    assert!(mapping.contains("No ALG: Mapped == XOR-Mapped"), "{mapping}");
    let padded = theirs("turnutils_natdiscovery", &server, &["-m", "-P"]);
    assert!(padded.contains("NAT with Endpoint Independent Mapping!"), "{padded}");
    let filtering = theirs("turnutils_natdiscovery", &server, &["-f"]);
    assert!(filtering.contains("NAT with Endpoint Independent Filtering!"), "{filtering}");
    let hairpinning = theirs("turnutils_natdiscovery", &server, &["-H"]);
    assert!(hairpinning.contains("Received a request"), "{hairpinning}");
    let lifetime = theirs("turnutils_natdiscovery", &server, &["-t", "-T", "1"]);
    assert!(lifetime.contains("RFC 5780 response 2"), "the answer went to the other port: {lifetime}");
}
