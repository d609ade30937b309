//! A conversation as a ladder: one line a datagram.
//!
//! ```text
//! +0.000  a ---x    INIT tag=00000001          dropped: script
//! +1.000  a ------> z  INIT tag=00000001
//! +1.050  a <------ z  INIT-ACK tag=00000002
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From `a` to `z`.
    Out,
    /// From `z` to `a`.
    Back,
}

/// One line, kept as octets until somebody wants to read it.
#[derive(Debug, Clone)]
struct Rung {
    time: Duration,
    way: Way,
    lost: Option<&'static str>,
    datagram: Vec<u8>,
}

/// The last datagrams of a conversation.
#[derive(Debug, Clone)]
pub struct Ladder {
    rungs: VecDeque<Rung>,
    limit: usize,
    forgotten: usize,
    describe: fn(&[u8]) -> String,
}

impl Ladder {
    /// A ladder of at most `limit` lines, described by `describe`; the oldest are forgotten.
    pub fn new(limit: usize, describe: fn(&[u8]) -> String) -> Self {
        Self { rungs: VecDeque::new(), limit, forgotten: 0, describe }
    }

    /// Adds a datagram that was sent, and why it was lost if it was.
    pub fn record(&mut self, time: Duration, way: Way, datagram: &[u8], lost: Option<&'static str>) {
        if self.limit == 0 {
            return;
        }
        if self.rungs.len() >= self.limit {
            self.rungs.pop_front();
            self.forgotten += 1;
        }
        self.rungs.push_back(Rung { time, way, lost, datagram: datagram.to_vec() });
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forgotten > 0 {
            writeln!(f, "... {} earlier datagrams", self.forgotten)?;
        }
        for rung in &self.rungs {
            let arrow = match (rung.way, rung.lost) {
                (Way::Out, None) => "a ------> z",
                (Way::Out, Some(_)) => "a ---x    z",
                (Way::Back, None) => "a <------ z",
                (Way::Back, Some(_)) => "a    x--- z",
            };
            let seconds = rung.time.as_secs_f64();
            write!(f, "+{seconds:.3}  {arrow}  {}", (self.describe)(&rung.datagram))?;
            if let Some(reason) = rung.lost {
                write!(f, "          dropped: {reason}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_in_the_style() {
        let mut ladder = Ladder::new(2, |bytes| String::from_utf8_lossy(bytes).into_owned());
        ladder.record(Duration::ZERO, Way::Out, b"forgotten", None);
        ladder.record(Duration::ZERO, Way::Out, b"INIT", Some("script"));
        ladder.record(Duration::from_millis(1050), Way::Back, b"INIT-ACK", None);
        assert_eq!(
            ladder.to_string(),
            "... 1 earlier datagrams\n+0.000  a ---x    z  INIT          dropped: script\n+1.050  a <------ z  INIT-ACK\n"
        );
    }
}
