//! Chromium calls `peer`, and is called by it: the page is driven by clicks, as a person would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::{Duration, Instant};

use nomagic_interop::browser::Browser;
use nomagic_interop::has;
use nomagic_interop::program::{Program, example, free_port, wait_for_port};
use serde_json::Value;

/// A running `peer`.
struct Peer {
    base: String,
    _program: Program,
}

impl Peer {
    fn start() -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let program = Program::start(Command::new(example("peer")).args(["--listen", &listen]));
        wait_for_port(port);
        Self { base: format!("http://{listen}"), _program: program }
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.base)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }
}

/// Sums over the page's statistics: frames shown, sound heard, packets and octets.
const STATS: &str = "
    const stats = await call.pc.getStats(), sum = { frames: 0, energy: 0, packets: 0, bytes: 0, lost: 0, sent: 0 };
    stats.forEach(item => {
        if (item.type === 'inbound-rtp') {
            sum.frames += item.framesDecoded || 0;
            sum.energy += item.totalAudioEnergy || 0;
            sum.packets += item.packetsReceived; sum.bytes += item.bytesReceived; sum.lost += item.packetsLost;
        }
        if (item.type === 'outbound-rtp') sum.sent += item.packetsSent;
        if (item.type === 'transport') {
            sum.dtls = item.dtlsState; sum.srtp = item.srtpCipher; sum.pair = item.selectedCandidatePairId;
        }
    });
    return sum;";

fn grows(browser: &Browser) {
    browser.wait("document.getElementById('s-media').classList.contains('lit')");
    let before = browser.run(STATS);
    std::thread::sleep(Duration::from_secs(3));
    let after = browser.run(STATS);
    let number = |stats: &Value, name: &str| stats[name].as_f64().unwrap();
    assert!(number(&after, "frames") > number(&before, "frames") + 10.0, "{before} {after}");
    assert!(number(&after, "energy") > number(&before, "energy"), "{before} {after}");
    assert_eq!(after["dtls"], "connected");
    assert!(after["pair"].is_string() && after["srtp"].is_string(), "{after}");
}

/// Messages of many sizes come back with the same hash.
const MESSAGES: &str = "
    const channel = call.channel, sizes = [0, 1, 16384, 262144, 0, 65536];
    while (sizes.reduce((sum, size) => sum + size) < 4 * 1024 * 1024) sizes.push(262144);
    const hash = async data => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', data))).join();
    const sent = [], got = [];
    const finished = new Promise(done => {
        call.onmessage = data => { if (typeof data !== 'string') { got.push(data); if (got.length === sizes.length) done(); } };
    });
    for (const size of sizes) {
        const data = new Uint8Array(size);
        for (let at = 0; at < size; at += 65536) crypto.getRandomValues(data.subarray(at, Math.min(size, at + 65536)));
        sent.push(await hash(data));
        while (channel.bufferedAmount > 1 << 20) await new Promise(done => setTimeout(done, 5));
        channel.send(data);
    }
    await Promise.race([finished, new Promise((_, fail) => setTimeout(() => fail('only ' + got.length + ' of ' + sizes.length), 30000))]);
    const back = [];
    for (const data of got) back.push(await hash(data));
    return JSON.stringify(back) === JSON.stringify(sent);";

/// A picture of the page, for people to look at: kept in the target folder.
fn picture(browser: &Browser, name: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png.base64"));
    std::fs::write(path, browser.screenshot()).unwrap();
}

#[test]
fn chromium_calls_and_everything_comes_back() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let peer = Peer::start();
    let browser = Browser::open(&format!("{}/", peer.base));
    picture(&browser, "1-before");
    browser.click("synthetic");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    grows(&browser);
    picture(&browser, "2-in-the-call");
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    browser.write("text", "hello");
    browser.click("send");
    browser.wait("document.getElementById('log').textContent.includes('← hello')");

    let session = browser.run("return call.session;").as_str().unwrap().to_owned();
    let (stats, status) = (browser.run(STATS), peer.get(&session).unwrap());
    let received: f64 =
        status["sources"].as_array().unwrap().iter().map(|source| source["packets"].as_f64().unwrap()).sum();
    let sent = stats["sent"].as_f64().unwrap();
    // What is in flight between the two questions: a fraction of a second of packets, and a source's first one.
    assert!((received - sent).abs() < 60.0, "sent {sent}, received {received}: {status}");
    assert_eq!(status["ice"], "completed", "{status}");

    browser.click("restart");
    browser.wait("document.getElementById('log').textContent.includes('ICE restarted')");
    grows(&browser);
    browser.click("add");
    browser.wait("document.getElementById('log').textContent.includes('a second picture')");
    browser.click("remove");
    browser.wait("document.getElementById('log').textContent.includes('one picture less')");
    grows(&browser);

    picture(&browser, "3-after-renegotiation");
    browser.click("hangup");
    let end = Instant::now() + Duration::from_secs(4);
    while peer.get(&session).is_some() {
        assert!(Instant::now() < end, "the session outlives the call");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn chromium_is_called_and_notices_the_end() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let peer = Peer::start();
    let browser = Browser::open(&format!("{}/", peer.base));
    browser.click("called");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    grows(&browser);
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    let session = browser.run("return call.session;").as_str().unwrap().to_owned();
    ureq::delete(format!("{}{session}", peer.base)).call().unwrap();
    let began = Instant::now();
    browser.wait("call === null");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
