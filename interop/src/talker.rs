//! A program that a test talks to through its standard input, and that answers on its output.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

/// How long a test waits for a word before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program with its standard input held open; ends with the test.
#[derive(Debug)]
pub struct Talker {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    said: String,
}

impl Talker {
    /// Starts a command. What it says on its output and on its error output goes into one text.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, output) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut stream in streams {
            let sender = sender.clone();
            spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(len @ 1..) = stream.read(&mut buffer) {
                    if sender.send(buffer[..len].to_vec()).is_err() {
                        return;
                    }
                }
            });
        }
        let input = child.stdin.take();
        Self { child, input, output, said: String::new() }
    }

    /// Writes to the program's input. A program that has ended does not listen; what it said tells why.
    pub fn say(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush());
        }
    }

    /// Ends the program's input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// What the program has said so far.
    pub fn said(&mut self) -> &str {
        while let Ok(octets) = self.output.try_recv() {
            self.said.push_str(&String::from_utf8_lossy(&octets));
        }
        &self.said
    }

    /// Waits until the program has said `words`, and returns all that it said.
    ///
    /// # Panics
    /// It does not say so.
    pub fn wait_for(&mut self, words: &str) -> &str {
        let end = Instant::now() + PATIENCE;
        while !self.said.contains(words) {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(octets) => self.said.push_str(&String::from_utf8_lossy(&octets)),
                Err(RecvTimeoutError::Timeout) => panic!("not said: {words}; but:\n{}", self.said),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before: {words}; it said:\n{}", self.said)
                }
            }
        }
        &self.said
    }

    /// Waits for a line that has `start` in it, and returns what follows there.
    ///
    /// # Panics
    /// It is not said.
    pub fn line_after(&mut self, start: &str) -> String {
        self.wait_for(start);
        let at = self.said.find(start).unwrap() + start.len();
        while !self.said[at..].contains('\n') {
            let octets = self.output.recv_timeout(PATIENCE).unwrap();
            self.said.push_str(&String::from_utf8_lossy(&octets));
        }
        self.said[at..].lines().next().unwrap_or_default().to_owned()
    }

    /// Waits until the program has ended by itself, and returns all that it said and whether it was content.
    ///
    /// # Panics
    /// It does not end.
    pub fn wait_for_end(&mut self) -> (String, bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(octets) => self.said.push_str(&String::from_utf8_lossy(&octets)),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end, and said:\n{}", self.said),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        (self.said.clone(), self.child.wait().is_ok_and(|status| status.success()))
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
