//! Chromium, driven by chromedriver over its HTTP interface (W3C WebDriver).

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Program, free_port, wait_for_port};

/// A headless browser with one page. It ends with the test.
#[derive(Debug)]
pub struct Browser {
    session: String,
    process: u64,
    _driver: Program,
}

/// Headless, on a machine with nothing but the loopback, with a camera that is none.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1000,1400",
];

impl Browser {
    /// Starts chromedriver and a browser at `url`.
    ///
    /// # Panics
    /// They do not start.
    pub fn open(url: &str) -> Self {
        let port = free_port();
        let driver = Program::start(Command::new("chromedriver").arg(format!("--port={port}")));
        wait_for_port(port);
        let base = format!("http://127.0.0.1:{port}/session");
        let profile = std::env::temp_dir().join(format!("nomagic-browser-{port}"));
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "timeouts": { "script": 60_000 },
        } } });
        let made = post(&base, &capabilities);
        let id = made["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {made}"));
        let process = made["capabilities"]["goog:processID"].as_u64();
        let process =
            process.unwrap_or_else(|| panic!("the driver does not name its browser's process: {made}"));
        let browser = Self { session: format!("{base}/{id}"), process, _driver: driver };
        browser.command("url", &json!({ "url": url }));
        browser
    }

    /// Runs a function's body in the page, which may be asynchronous, and gives what it returns.
    ///
    /// # Panics
    /// It throws.
    pub fn run(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {body} }})().then(value => done({{ value }}), error => done({{ error: String(error) }}));"
        );
        let answer = self.command("execute/async", &json!({ "script": script, "args": [] }));
        if let Some(error) = answer["error"].as_str() {
            panic!("the page threw: {error}\n{body}");
        }
        answer["value"].clone()
    }

    /// Clicks on the element with this id, as a person would.
    ///
    /// # Panics
    /// There is none, or it cannot be clicked.
    pub fn click(&self, id: &str) {
        let found = self.command("element", &json!({ "using": "css selector", "value": format!("#{id}") }));
        let element = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        let element = element.unwrap_or_else(|| panic!("no element {id}: {found}"));
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Types into the element with this id.
    ///
    /// # Panics
    /// There is none.
    pub fn write(&self, id: &str, text: &str) {
        let found = self.command("element", &json!({ "using": "css selector", "value": format!("#{id}") }));
        let element =
            found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str).unwrap();
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Waits until an expression of the page is true.
    ///
    /// # Panics
    /// It is not within 15 seconds.
    pub fn wait(&self, expression: &str) {
        let end = Instant::now() + Duration::from_secs(15);
        while self.run(&format!("return Boolean({expression});")) != true {
            let shown = self.run("return document.getElementById('error')?.textContent ?? '';");
            assert!(Instant::now() < end, "never true: {expression}; the page says {shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the window so many pixels wide and high.
    pub fn resize(&self, width: u32, height: u32) {
        self.command("window/rect", &json!({ "width": width, "height": height }));
    }

    /// A picture of the page, as base64 of a PNG.
    ///
    /// # Panics
    /// The driver gives none.
    pub fn screenshot(&self) -> String {
        let answer = ureq::get(format!("{}/screenshot", self.session))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["value"].as_str().unwrap().to_owned()
    }

    /// Ends the browser at once, as a machine that loses its power does.
    ///
    /// # Panics
    /// It has ended before.
    pub fn kill(self) {
        let killed = Command::new("kill").args(["-KILL", &self.process.to_string()]).status();
        assert!(killed.unwrap().success(), "the browser has gone before");
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        post(&format!("{}/{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; without it the driver's own end does.
        let _ = ureq::delete(&self.session).call();
    }
}

fn post(url: &str, body: &Value) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer =
        agent.post(url).header("Content-Type", "application/json").send(body.to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(
        answer["value"]["error"].is_null() || answer["value"]["message"].is_null(),
        "{}",
        answer["value"]["message"]
    );
    answer["value"].clone()
}
