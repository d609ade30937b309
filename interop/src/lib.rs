//! Tests that need another program. In CI (`CI=true`) a missing program fails them; by hand they say loudly what they
//! skip. They end only the processes that they started.
#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "it serves tests, which fail by panicking")]

pub mod browser;
pub mod program;
pub mod second_opinion;

use std::process::{Command, Stdio};

/// Whether a program can be started. Where it cannot, CI fails and others are told.
///
/// # Panics
/// In CI, when the program is missing.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn has(program: &str) -> bool {
    let started = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_ok_and(|status| status.success()) {
        return true;
    }
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        panic!("{program} is missing, and in CI nothing is skipped");
    }
    eprintln!("SKIPPED: {program} is not installed");
    false
}
