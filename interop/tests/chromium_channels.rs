//! Chromium's data channels against `peer`, which echoes: a thousand of them, a hundred megabytes, and each kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

use nomagic_interop::browser::Browser;
use nomagic_interop::has;
use nomagic_interop::program::{Program, example, free_port, wait_for_port};
use serde_json::Value;

/// `peer`, and a page that has called it.
fn call() -> (Browser, Program) {
    let port = free_port();
    let program =
        Program::start(Command::new(example("peer")).args(["--listen", &format!("127.0.0.1:{port}")]));
    wait_for_port(port);
    let browser = Browser::open(&format!("http://127.0.0.1:{port}/"));
    browser.click("synthetic");
    browser.wait("document.getElementById('s-data').classList.contains('lit')");
    (browser, program)
}

/// Channels are opened, used once and closed by the hundred; numbers are used again, which both sides must agree upon.
const MANY: &str = "
    const wave = 200, waves = 5, numbers = new Set();
    let echoed = 0;
    for (let w = 0; w < waves; w++) {
        await Promise.all(Array.from({ length: wave }, (_, i) => new Promise((done, fail) => {
            const text = `wave ${w}, channel ${i}`, channel = call.pc.createDataChannel(text, { protocol: 'echo' });
            const late = setTimeout(() => fail(`${text} is ${channel.readyState}`), 20000);
            channel.onopen = () => { numbers.add(channel.id); channel.send(text); };
            channel.onmessage = ({ data }) => {
                if (data !== text) fail(`${text} heard ${data}`);
                echoed++;
                channel.close();
            };
            channel.onclose = () => { clearTimeout(late); done(); };
            channel.onerror = ({ error }) => fail(`${text}: ${error}`);
        })));
    }
    return { echoed, numbers: numbers.size };";

#[test]
fn a_thousand_channels_open_speak_and_close() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    let (browser, _peer) = call();
    let seen = browser.run(MANY);
    assert_eq!(seen["echoed"], 1000, "{seen}");
    assert!(seen["numbers"].as_u64().unwrap() <= 2 * 200, "numbers are used again: {seen}");
}

/// Sends so many octets in messages of 64 KiB on a channel of its own, and looks at what comes back.
fn bulk(browser: &Browser, options: &str, octets: u64) -> Value {
    browser.run(&format!("const options = {options}, octets = {octets}; {BULK}"))
}

/// What has a number is told apart; every octet of a page of memory says which. With full reliability it ends when all is
/// back; else when nothing has come for two seconds.
const BULK: &str = "
    const size = 65536, count = octets / size, full = options.maxRetransmits === undefined && options.maxPacketLifeTime === undefined;
    const channel = call.pc.createDataChannel('bulk', options);
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = 1 << 20;
    await new Promise(done => { channel.onopen = done; });
    const seen = new Uint8Array(count), told = { back: 0, twice: 0, wrong: 0, disordered: 0, low: 0, uncounted: 0 };
    let last = -1, heard = performance.now();
    channel.onmessage = ({ data }) => {
        const number = new DataView(data).getUint32(0), bytes = new Uint8Array(data);
        heard = performance.now();
        if (data.byteLength !== size || number >= count) { told.wrong++; return; }
        for (let at = 4; at < size; at += 1021) if (bytes[at] !== (number & 255)) { told.wrong++; break; }
        if (seen[number]++) told.twice++; else told.back++;
        if (number < last) told.disordered++;
        last = number;
    };
    const data = new Uint8Array(size), view = new DataView(data.buffer);
    for (let number = 0; number < count; number++) {
        data.fill(number & 255);
        view.setUint32(0, number);
        if (channel.bufferedAmount > 4 << 20) {
            await new Promise(done => { channel.onbufferedamountlow = done; });
            told.low++;
        }
        const before = channel.bufferedAmount;
        channel.send(data);
        if (channel.bufferedAmount !== before + size) told.uncounted++;
    }
    heard = performance.now();
    while (told.back < count && performance.now() - heard < (full ? 20000 : 2000)) {
        await new Promise(done => setTimeout(done, 20));
    }
    told.buffered = channel.bufferedAmount;
    channel.close();
    await new Promise(done => { channel.onclose = done; });
    return told;";

#[test]
fn a_hundred_megabytes_go_each_way() {
    if !has("chromium") || !has("chromedriver") {
        return;
    }
    const MEGABYTE: u64 = 1 << 20;
    let (browser, _peer) = call();
    for (options, megabytes) in [
        ("{}", 100),
        ("{ ordered: false }", 100),
        ("{ ordered: false, maxRetransmits: 0 }", 20),
        ("{ maxPacketLifeTime: 500 }", 20),
    ] {
        let seen = bulk(&browser, options, megabytes * MEGABYTE);
        let count = megabytes * 16;
        let partial = options.contains("max");
        for nothing in ["wrong", "twice", "uncounted", "buffered"] {
            assert_eq!(seen[nothing], 0, "{options}: {nothing} in {seen}");
        }
        if !options.contains("ordered: false") {
            assert_eq!(seen["disordered"], 0, "{options}: {seen}");
        }
        let back = seen["back"].as_u64().unwrap();
        assert!(if partial { back > 0 } else { back == count }, "{options}: {seen}");
        assert!(seen["low"].as_u64().unwrap() > 0, "the low mark was never reached: {seen}");
    }
}
