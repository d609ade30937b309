//! `peer`'s interface under bad requests and many sessions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use nomagic_interop::program::{Program, example, free_port, wait_for_port};

/// What Chromium offers for sound, pictures and data, as far as `peer` looks at it.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n";

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

struct Peer {
    base: String,
    agent: ureq::Agent,
    _program: Program,
    pid: u32,
}

impl Peer {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let program =
            Program::start(Command::new(example("peer")).args(["--listen", &listen]).args(arguments));
        wait_for_port(port);
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let pid = program.id();
        Self { base: format!("http://{listen}"), agent, _program: program, pid }
    }

    fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, String, Option<String>) {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body).unwrap();
        let location = answer.headers().get("Location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap(), location)
    }

    fn delete(&self, path: &str) -> u16 {
        self.agent.delete(format!("{}{path}", self.base)).call().unwrap().status().as_u16()
    }

    fn status(&self, path: &str) -> u16 {
        self.agent.get(format!("{}{path}", self.base)).call().unwrap().status().as_u16()
    }

    /// Octets of memory in use, as the kernel counts them.
    fn memory(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }
}

#[test]
fn bad_requests_are_told_apart() {
    let peer = Peer::start();
    let (status, reason, _) = peer.post("/whip", &OFFER.replace("t=0 0", "t=0"), &[]);
    assert_eq!((status, reason.starts_with("line 4, column 3")), (400, true), "{reason}");
    let (status, reason, _) =
        peer.post("/whip", &OFFER.replace("a=ice-pwd:0123456789012345678901\r\n", ""), &[]);
    assert_eq!((status, reason.contains("line 6") && reason.contains("ice-pwd")), (400, true), "{reason}");
    assert_eq!(peer.post("/whip", &"a".repeat(300_000), &[]).0, 413);
    assert_eq!(peer.post("/whip", OFFER, &[("Host", "evil.example")]).0, 403);
    assert_eq!(peer.post("/whip", OFFER, &[("Origin", "http://evil.example")]).0, 403);
    assert_eq!(peer.post("/nowhere", OFFER, &[]).0, 404);
    assert_eq!(peer.post("/sessions/0", OFFER, &[]).0, 404);
    assert_eq!(peer.delete("/whip"), 405);
    let (status, answer, location) = peer.post("/whip", OFFER, &[]);
    assert_eq!((status, answer.starts_with("v=0\r\n")), (201, true), "{answer}");
    assert_eq!(peer.status(&location.unwrap()), 200);
}

/// RFC 9725 section 4.3: the entity tag names the generation of ICE, and a restart begins another.
#[test]
fn trickle_and_restart_are_patches_of_one_generation() {
    let peer = Peer::start();
    let mut answer = peer.agent.post(format!("{}/whip", peer.base)).send(OFFER).unwrap();
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (location, tag) = (header("Location").unwrap(), header("ETag").unwrap());
    assert_eq!(header("Accept-Patch").unwrap(), FRAGMENT);
    assert!(answer.body_mut().read_to_string().unwrap().contains(tag.trim_matches('"')));
    let patch = |ufrag: &str, if_match: &str| {
        let body = format!(
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:9876543210987654321098\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"
        );
        let request = peer.agent.patch(format!("{}{location}", peer.base));
        let mut answer =
            request.header("Content-Type", FRAGMENT).header("If-Match", if_match).send(body).unwrap();
        let tag = answer.headers().get("ETag").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), tag, answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(patch("abcd", &tag).0, 204);
    assert_eq!(patch("abcd", "\"another\"").0, 412);
    let (status, fresh, body) = patch("efgh", "*");
    let fresh = fresh.unwrap();
    assert_eq!((status, fresh == tag), (200, false), "{body}");
    assert!(body.contains(&format!("a=ice-ufrag:{}\r\n", fresh.trim_matches('"'))), "{body}");
    assert_eq!(patch("efgh", &tag).0, 412);
    assert_eq!(patch("efgh", &fresh).0, 204);
}

#[test]
fn a_token_is_asked_of_all_but_the_page() {
    let peer = Peer::start_with(&["--token", "secret"]);
    assert_eq!(peer.status("/"), 200);
    assert_eq!(peer.post("/whip", OFFER, &[]).0, 401);
    assert_eq!(peer.post("/whip", OFFER, &[("Authorization", "Bearer guess")]).0, 401);
    assert_eq!(peer.post("/whip", OFFER, &[("Authorization", "Bearer secret")]).0, 201);
}

#[test]
fn addresses_that_others_reach_need_a_token_and_a_name() {
    for (arguments, reason) in [
        (&["--listen", "192.0.2.1:8080"][..], "give a --token"),
        (&["--listen", "0.0.0.0:8080", "--token", "secret"][..], "names no address"),
        (&["--listen", "192.0.2.1:8080", "--token", "secret"][..], "cannot serve at 192.0.2.1:8080"),
    ] {
        let ended = Command::new(example("peer")).args(arguments).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn too_many_sessions_are_refused() {
    let peer = Peer::start();
    for _ in 0..64 {
        assert_eq!(peer.post("/whip", OFFER, &[]).0, 201);
    }
    assert_eq!(peer.post("/whip", OFFER, &[]).0, 503);
}

#[test]
fn a_thousand_sessions_leave_memory_where_it_was() {
    let peer = Peer::start();
    let round = |count: usize| {
        for _ in 0..count {
            let (status, _, location) = peer.post("/whip", OFFER, &[]);
            assert_eq!(status, 201);
            assert_eq!(peer.delete(&location.unwrap()), 200);
        }
    };
    round(200);
    let before = peer.memory();
    round(1000);
    let after = peer.memory();
    assert!(after < before + (4 << 20), "{before} octets before, {after} after");
}
