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
        Self::start_with(&[])
    }

    fn start_with(options: &[&str]) -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let program = Program::start(Command::new(example("peer")).args(["--listen", &listen]).args(options));
        wait_for_port(port);
        Self { base: format!("http://{listen}"), _program: program }
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.base)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }
}

/// The page's statistics: frames shown, sound heard, packets and octets of each stream, and how it is carried.
const STATS: &str = "
    const stats = await call.pc.getStats(), sum = { frames: 0, energy: 0, inbound: {}, outbound: {}, told: {} };
    stats.forEach(item => {
        if (item.type === 'inbound-rtp') {
            sum.frames += item.framesDecoded || 0;
            sum.energy += item.totalAudioEnergy || 0;
            sum.inbound[item.ssrc] = { packets: item.packetsReceived, octets: item.bytesReceived, lost: item.packetsLost };
        }
        if (item.type === 'remote-inbound-rtp') sum.told[item.ssrc] = item.packetsLost;
        if (item.type === 'outbound-rtp') sum.outbound[item.ssrc] = { packets: item.packetsSent, octets: item.bytesSent };
        if (item.type === 'transport') {
            sum.dtls = item.dtlsState; sum.srtp = item.srtpCipher; sum.pair = item.selectedCandidatePairId;
        }
    });
    return sum;";

/// Frames are shown and sound is heard, more of both as time goes by.
fn grows(browser: &Browser, peer: &Peer) {
    browser.wait("document.getElementById('s-media').classList.contains('lit')");
    let before = browser.run(STATS);
    std::thread::sleep(Duration::from_secs(3));
    let after = browser.run(STATS);
    let number = |stats: &Value, name: &str| stats[name].as_f64().unwrap();
    let all = || {
        let session = browser.run("return call.session;");
        (peer.get(session.as_str().unwrap()), browser.run("return [...(await call.pc.getStats()).values()];"))
    };
    assert!(
        number(&after, "frames") > number(&before, "frames") + 10.0,
        "{before} {after}; everything: {:?}",
        all()
    );
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
    grows(&browser, &peer);
    picture(&browser, "2-in-the-call");
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    browser.write("text", "hello");
    browser.click("send");
    browser.wait("document.getElementById('log').textContent.includes('← hello')");

    let session = browser.run("return call.session;").as_str().unwrap().to_owned();
    both_count_the_same(&browser, &peer, &session);

    browser.click("restart");
    browser.wait("document.getElementById('log').textContent.includes('ICE restarted')");
    grows(&browser, &peer);
    picture(&browser, "3-after-restart");
    // The answer takes so long that the browser checks from its new sockets with our old credentials.
    browser.run("call.pause = 1000; await restart();");
    grows(&browser, &peer);
    assert!(within(Duration::from_secs(2), || peer
        .get(&session)
        .is_some_and(|status| status["ice"] == "completed")));
    browser.click("add");
    browser.wait("document.getElementById('log').textContent.includes('a second picture')");
    // It comes back in a section of its own.
    browser.wait("document.getElementById('second').videoWidth === 320");
    let pictures = "return [...(await call.pc.getStats()).values()].filter(item => item.type === 'inbound-rtp' && item.framesDecoded > 10).length;";
    assert!(within(Duration::from_secs(5), || browser.run(pictures) == 2), "two pictures are shown");
    browser.click("remove");
    browser.wait("document.getElementById('log').textContent.includes('one picture less')");
    grows(&browser, &peer);

    picture(&browser, "4-after-renegotiation");
    // Without a word to the server: DTLS says that it is over.
    browser.run("call.pc.close(); call.session = null;");
    assert!(within(Duration::from_secs(1), || peer
        .get(&session)
        .is_none_or(|status| status["closing"] == true)));
    assert!(within(Duration::from_secs(4), || peer.get(&session).is_none()), "the session outlives the call");
    browser.click("hangup");
    browser.wait("call === null");
    picture(&browser, "5-after-the-call");
    // And once more, on the same page. The steps begin anew with the click: later the new call's may be lit already.
    let lit =
        "document.getElementById('synthetic').click(); return document.querySelectorAll('li.lit').length;";
    assert_eq!(browser.run(lit), 0, "steps of the last call");
    browser.wait("document.querySelectorAll('li.lit').length === 6");
}

/// Each profile that Chromium offers, one at a time: sound and picture come back under it, and both sides name it.
#[test]
fn chromium_calls_with_each_profile() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    for (option, profile) in
        [("gcm128", "AEAD_AES_128_GCM"), ("gcm256", "AEAD_AES_256_GCM"), ("cm", "AES128_CM_HMAC_SHA1_80")]
    {
        let peer = Peer::start_with(&["--srtp", option]);
        let browser = Browser::open(&format!("{}/", peer.base));
        browser.click("synthetic");
        grows(&browser, &peer);
        let cipher = browser.run(STATS)["srtp"].as_str().unwrap_or_default().to_owned();
        assert!(cipher.ends_with(profile), "{option}: {cipher}");
        let session = browser.run("return call.session;").as_str().unwrap().to_owned();
        assert_eq!(peer.get(&session).unwrap()["srtp"], profile);
        browser.click("hangup");
        browser.wait("call === null");
    }
}

/// What one side has sent and the other received or missed, packets and octets, in both directions, and the losses that
/// the browser has been told of. It is told by reports, a second or two apart: so long it may take until all fits.
fn both_count_the_same(browser: &Browser, peer: &Peer, session: &str) {
    let mut last = Ok(());
    let agreed = within(Duration::from_secs(5), || {
        last = compare(browser, peer, session);
        last.is_ok()
    });
    assert!(agreed, "{last:?}");
}

/// `peer` is asked before the browser and after it, so what the browser says lies between, but for what is in flight.
fn compare(browser: &Browser, peer: &Peer, session: &str) -> Result<(), String> {
    let before = peer.get(session).unwrap();
    let page = browser.run(STATS);
    let after = peer.get(session).unwrap();
    assert_eq!(before["ice"], "completed", "{before}");
    let number = |value: &Value, name: &str| value[name].as_i64().unwrap_or(0);
    let fail = |text: String| Err(format!("{text}; before: {before}, browser: {page}, after: {after}"));
    let mut compared = 0;
    for (ours, theirs, receiving) in [("sources", "outbound", true), ("streams", "inbound", false)] {
        for (ssrc, theirs) in page[theirs].as_object().unwrap() {
            let ssrc: i64 = ssrc.parse().unwrap();
            let find = |status: &Value| {
                let list = status[ours].as_array().unwrap();
                list.iter().find(|one| one["ssrc"] == ssrc).cloned()
            };
            let (Some(low), Some(high)) = (find(&before), find(&after)) else {
                return fail(format!("{ours} do not name {ssrc}"));
            };
            let lost = if receiving { number(&high, "lost") } else { number(theirs, "lost") };
            // The loopback loses only what a full socket does.
            if !(0..10).contains(&lost) || number(theirs, "packets") < 20 {
                return fail(format!("{ours} {ssrc}: {lost} lost, or too little to compare"));
            }
            for (name, unit) in [("packets", 1), ("octets", 1200)] {
                let under_way = (PACKETS_IN_FLIGHT + lost) * unit;
                let range = number(&low, name) - under_way..=number(&high, name) + under_way;
                if !range.contains(&number(theirs, name)) {
                    return fail(format!("{ours} {ssrc} {name}: {} is not in {range:?}", theirs[name]));
                }
            }
            if receiving && number(&page["told"], &ssrc.to_string()) != lost {
                return fail(format!("{ssrc}: {lost} lost, told {}", page["told"]));
            }
            compared += 1;
        }
    }
    if compared == 4 { Ok(()) } else { fail("not sound and picture, both ways".to_owned()) }
}

/// Packets of one stream under way at most, and the first of a source, which waits for a second (RFC 3550 appendix A.1):
/// a frame of 320x240 is a handful, and the browser's figures may be 50 ms old.
const PACKETS_IN_FLIGHT: i64 = 10;

fn within(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
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
    grows(&browser, &peer);
    assert_eq!(browser.run(MESSAGES), true, "messages come back as they were sent");
    let session = browser.run("return call.session;").as_str().unwrap().to_owned();
    // Our side has opened the channel and sends test messages, which the page shows.
    browser.wait("document.getElementById('log').textContent.includes('← test 9')");
    both_count_the_same(&browser, &peer, &session);
    browser.click("restart");
    browser.wait("document.getElementById('log').textContent.includes('ICE restarted')");
    grows(&browser, &peer);
    browser.resize(400, 900);
    picture(&browser, "6-on-a-phone");
    let fits = browser.run("return document.documentElement.scrollWidth <= innerWidth;");
    assert_eq!(fits, true, "the page is wider than a phone");
    ureq::delete(format!("{}{session}", peer.base)).call().unwrap();
    let began = Instant::now();
    browser.wait("call === null");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_session_whose_browser_vanishes_ends() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let peer = Peer::start();
    let browser = Browser::open(&format!("{}/", peer.base));
    browser.click("synthetic");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    let session = browser.run("return call.session;").as_str().unwrap().to_owned();
    browser.kill();
    assert!(peer.get(&session).is_some(), "consent has just been given");
    // Consent lasts 30 seconds from the last answer; RFC 7675 section 5.1.
    assert!(within(Duration::from_secs(40), || peer.get(&session).is_none()), "{:?}", peer.get(&session));
}
