//! Chromium calls `peer` by way of our TURN server only: `iceTransportPolicy: 'relay'`, over UDP and over TCP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nomagic_interop::browser::Browser;
use nomagic_interop::has;
use nomagic_interop::program::{Program, example, free_port, wait_for_port};
use serde_json::Value;

/// A running `turn-server`, and what it writes.
struct Relay {
    child: Child,
    log: PathBuf,
    port: u16,
}

impl Relay {
    fn start() -> Self {
        let port = free_port();
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("relay-{port}.log"));
        let child = Command::new(example("turn-server"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--user", "alice:secret", "--stats", "1"])
            .args(["--allow-peer", "127.0.0.0/8"])
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        wait_for_port(port);
        Self { child, log, port }
    }

    /// A counter as it was last written.
    fn counter(&self, name: &str) -> u64 {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let line = log.lines().rev().find(|line| line.starts_with("Stats")).unwrap();
        let (_, rest) = line.split_once(&format!(" {name}: ")).unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The pair that carries the call: the kinds of its candidates, and what carries messages to the relay.
const PAIR: &str = "
    const stats = await call.pc.getStats();
    let pair;
    stats.forEach(item => { if (item.type === 'transport') pair = stats.get(item.selectedCandidatePairId); });
    const local = stats.get(pair.localCandidateId);
    let pictures = 0;
    stats.forEach(item => { if (item.type === 'inbound-rtp') pictures += item.framesDecoded || 0; });
    return { local: local.candidateType, relay: local.relayProtocol, pictures };";

/// Messages of many sizes come back as they were sent.
const MESSAGES: &str = "
    const sizes = [1, 1000, 65536, 262144], got = [];
    const finished = new Promise(done => {
        call.onmessage = data => { if (typeof data !== 'string') { got.push(data); if (got.length === sizes.length) done(); } };
    });
    const sent = sizes.map(size => new Uint8Array(size).map((_, at) => at * 7 + size));
    for (const data of sent) call.channel.send(data);
    await Promise.race([finished, new Promise((_, fail) => setTimeout(() => fail('only ' + got.length), 30000))]);
    return got.every((data, at) => new Uint8Array(data).every((octet, place) => octet === sent[at][place]));";

fn call_over(transport: &str) {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let relay = Relay::start();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let _peer = Program::start(Command::new(example("peer")).args(["--listen", &listen]));
    wait_for_port(port);
    let browser = Browser::open(&format!("http://{listen}/"));
    let server = format!("turn:127.0.0.1:{}?transport={transport}", relay.port);
    browser.run(&format!(
        "const Plain = RTCPeerConnection;
         window.RTCPeerConnection = function() {{
             return new Plain({{
                 iceServers: [{{ urls: '{server}', username: 'alice', credential: 'secret' }}],
                 iceTransportPolicy: 'relay',
             }});
         }};"
    ));
    browser.click("synthetic");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    browser.wait("document.getElementById('s-media').classList.contains('lit')");
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    let before = browser.run(PAIR);
    std::thread::sleep(Duration::from_secs(3));
    let after = browser.run(PAIR);
    let pictures = |stats: &Value| stats["pictures"].as_u64().unwrap();
    assert!(pictures(&after) > pictures(&before) + 10, "{before} {after}");
    assert_eq!(
        (after["local"].as_str(), after["relay"].as_str()),
        (Some("relay"), Some(transport)),
        "{after}"
    );
    // 330 KB of messages each way, and sound and pictures.
    assert!(relay.counter("to_peers_octets") > 300_000 && relay.counter("to_clients_octets") > 300_000);
    assert_eq!((relay.counter("dropped_malformed"), relay.counter("dropped_unbound")), (0, 0));
    browser.click("hangup");
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(relay.counter("allocations"), 0, "Chromium has given its allocations back");
}

/// The other way round: `peer` is reached through its own relayed address only, Chromium has none.
#[test]
fn chromium_calls_a_peer_behind_the_relay() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let relay = Relay::start();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let turn = format!("127.0.0.1:{}", relay.port);
    let _peer = Program::start(Command::new(example("peer")).args([
        "--listen",
        &listen,
        "--turn",
        &turn,
        "--turn-user",
        "alice:secret",
        "--relay-only",
    ]));
    wait_for_port(port);
    let browser = Browser::open(&format!("http://{listen}/"));
    browser.click("synthetic");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    browser.wait("document.getElementById('s-media').classList.contains('lit')");
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    let pair = browser.run(
        "const stats = await call.pc.getStats();
         let pair;
         stats.forEach(item => { if (item.type === 'transport') pair = stats.get(item.selectedCandidatePairId); });
         return { local: stats.get(pair.localCandidateId).candidateType, remote: stats.get(pair.remoteCandidateId).candidateType };",
    );
    assert_eq!(pair["remote"], "relay", "{pair}");
    // The server writes its counters every second.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(relay.counter("to_peers_octets") > 300_000 && relay.counter("to_clients_octets") > 300_000);
    browser.click("hangup");
    std::thread::sleep(Duration::from_millis(4500));
    assert_eq!(relay.counter("allocations"), 0, "the peer has given its address back");
}

#[test]
fn a_call_goes_through_the_relay_over_udp() {
    call_over("udp");
}

#[test]
fn a_call_goes_through_the_relay_over_tcp() {
    call_over("tcp");
}
