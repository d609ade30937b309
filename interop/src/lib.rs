//! Tests that need another program. In CI (`CI=true`) a missing program fails them; by hand they say loudly what they
//! skip. They end only the processes that they started. `NOMAGIC_INTEROP=later` skips them where a later run has them.
#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "it serves tests, which fail by panicking")]

#[cfg(feature = "peers")]
pub mod associations;
pub mod browser;
pub mod certificates;
pub mod dtls;
pub mod orders;
pub mod ours;
pub mod program;
#[cfg(feature = "peers")]
pub mod rivals;
pub mod second_opinion;
pub mod talker;

use std::process::{Command, Stdio};

/// Whether a program can be started with `--version`. Where it cannot, CI fails and others are told.
///
/// # Panics
/// In CI, when the program is missing.
pub fn has(program: &str) -> bool {
    answers(program, "--version")
}

/// Whether what needs a machine without other work, or other programs, is left to a later run, as CI does.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn is_later(what: &str) -> bool {
    let later = std::env::var("NOMAGIC_INTEROP").is_ok_and(|value| value == "later");
    if later {
        eprintln!("SKIPPED: {what} has a stage of its own, later");
    }
    later
}

/// As [`has`], for programs that tell their version when asked in another way.
///
/// # Panics
/// In CI, when the program is missing.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn answers(program: &str, question: &str) -> bool {
    if is_later(program) {
        return false;
    }
    let started = Command::new(program).arg(question).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_ok_and(|status| status.success()) {
        return true;
    }
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        panic!("{program} is missing, and in CI nothing is skipped");
    }
    eprintln!("SKIPPED: {program} is not installed");
    false
}
