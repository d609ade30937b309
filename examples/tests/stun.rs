//! The program `stun`, run as a person would: client and server on the loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and skips loudly"
)]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};

fn stun(options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stun")).args(options).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Two addresses with two ports each; on systems with one loopback address there is no such server.
    fn start(options: &[&str]) -> Option<Self> {
        if UdpSocket::bind("127.0.0.2:0").is_err() {
            eprintln!("SKIPPED: 127.0.0.2 is not ours");
            return None;
        }
        for _ in 0..20 {
            let free = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let (first, second) = (format!("127.0.0.1:{}", free()), format!("127.0.0.2:{}", free()));
            let mut child = Command::new(env!("CARGO_BIN_EXE_stun"))
                .args(["serve", &first, &second])
                .args(options)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let said: Vec<String> = lines.take(4).map_while(Result::ok).collect();
            if said.len() == 4 {
                return Some(Self { child, address: first });
            }
            // Somebody was faster with one of the ports.
            child.wait().unwrap();
        }
        panic!("no free ports");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_tells_the_address_over_udp_and_tcp() {
    let Some(server) = Server::start(&[]) else { return };
    let output = stun(&[&server.address]);
    let mapped: SocketAddr = text(&output).trim().parse().expect("an address");
    assert_eq!((mapped.ip().to_string().as_str(), output.status.code()), ("127.0.0.1", Some(0)));
    for options in [&["--json"][..], &["--json", "--tcp"]] {
        let answer = json(&stun(&[&[server.address.as_str()], options].concat()));
        assert_eq!(answer["mapped"], answer["local"], "{answer}");
        assert_eq!(answer["server"], server.address.as_str());
        assert!(answer["round_trip_ms"].as_f64().is_some_and(|time| time < 5000.0));
        assert!(answer["other_address"].as_str().is_some_and(|other| other.starts_with("127.0.0.2:")));
    }
}

#[test]
fn a_discovery_on_the_loopback_finds_no_nat() {
    let Some(server) = Server::start(&[]) else { return };
    let found = json(&stun(&[&server.address, "--nat", "--lifetime", "1", "--json"]));
    assert_eq!(found["translated"], false, "{found}");
    assert_eq!(found["mapping"], "endpoint-independent");
    assert_eq!(found["filtering"], "endpoint-independent");
    assert_eq!((&found["fragments"], &found["rewriting"]), (&true.into(), &false.into()));
    assert_eq!(found["lifetime"]["at_least_s"], 1);
    let drawn = stun(&[&server.address, "--nat"]);
    assert!(text(&drawn).contains("verdict: open internet"), "{drawn:?}");
    assert_eq!(drawn.status.code(), Some(0));
}

#[test]
fn a_server_with_users_answers_those_with_the_password() {
    let Some(server) = Server::start(&["--user", "alice:secret", "--realm", "example.org"]) else { return };
    let ask = |options: &[&str]| stun(&[&[server.address.as_str()], options].concat());
    assert_eq!(ask(&["--user", "alice:secret"]).status.code(), Some(0));
    assert_eq!(ask(&["--user", "alice:secret", "--tcp"]).status.code(), Some(0));
    let wrong = ask(&["--user", "alice:wrong"]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(said, format!("stun: {}: refused with 401\n", server.address));
    assert_eq!(ask(&[]).status.code(), Some(1));
    assert_eq!(json(&ask(&["--user", "alice:secret", "--nat", "--json"]))["translated"], false);
}

#[test]
fn what_cannot_be_asked_is_said_in_one_line() {
    let two = ["serve", "127.0.0.1:1", "127.0.0.1:2"];
    let long = format!("{}:secret", "a".repeat(600));
    for options in [
        &["nosuch.invalid"][..],
        &["127.0.0.1", "--user", "nobody"],
        &["127.0.0.1", "--user", &long],
        &["127.0.0.1", "--user", "a:b\nc"],
        &["127.0.0.1", "--from", "192.0.2.1"],
        &two,
        &["serve", "192.0.2.1:1", "192.0.2.2:2"],
    ] {
        let output = stun(options);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.starts_with("stun: ") && said.lines().count() == 1, "{said}");
    }
    assert_eq!(stun(&[]).status.code(), Some(2));
    assert_eq!(stun(&["127.0.0.1", "--lifetime", "5"]).status.code(), Some(2));
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = stun(&[&silent.local_addr().unwrap().to_string(), "--attempts", "2"]);
    assert_eq!(output.status.code(), Some(1), "nobody answers: {output:?}");
}
