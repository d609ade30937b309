//! A conversation as a ladder: one line a datagram, at the time it was sent.
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

/// What there is to say about a datagram besides its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// It went on its way.
    Sent,
    /// It was lost, for this reason.
    Lost(&'static str),
    /// The test handed it in; no machine sent it.
    Injected,
}

/// One line, kept as octets until somebody wants to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Time since the origin of the clock.
    pub time: Duration,
    /// Which way.
    pub way: Way,
    /// What became of it.
    pub note: Note,
    /// Its octets as they were sent.
    pub datagram: Vec<u8>,
}

/// The last datagrams of a conversation; prints as lines.
#[derive(Debug, Clone)]
pub struct Ladder {
    rungs: VecDeque<Rung>,
    limit: usize,
    forgotten: usize,
    describe: fn(&[u8]) -> String,
}

impl Ladder {
    /// A ladder of at most `limit` lines, described by `describe` when it is printed; the oldest are forgotten.
    pub fn new(limit: usize, describe: fn(&[u8]) -> String) -> Self {
        Self { rungs: VecDeque::new(), limit, forgotten: 0, describe }
    }

    /// Adds a datagram.
    pub fn record(&mut self, time: Duration, way: Way, datagram: &[u8], note: Note) {
        if self.limit == 0 {
            return;
        }
        // A forgotten line leaves its buffer to the new one.
        let mut kept = Vec::new();
        if self.rungs.len() >= self.limit {
            kept = self.rungs.pop_front().map(|rung| rung.datagram).unwrap_or_default();
            kept.clear();
            self.forgotten += 1;
        }
        kept.extend_from_slice(datagram);
        self.rungs.push_back(Rung { time, way, note, datagram: kept });
    }

    /// The last `lines` lines of it.
    #[must_use]
    pub fn last(&self, lines: usize) -> Self {
        let skipped = self.rungs.len().saturating_sub(lines);
        let rungs = self.rungs.iter().skip(skipped).cloned().collect();
        Self { rungs, forgotten: self.forgotten + skipped, ..*self }
    }

    /// The datagrams that are remembered, oldest first.
    pub fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter()
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forgotten > 0 {
            writeln!(f, "... {} earlier datagrams", self.forgotten)?;
        }
        for rung in &self.rungs {
            let lost = matches!(rung.note, Note::Lost(_));
            let arrow = match (rung.way, lost) {
                (Way::Out, false) => "a ------> z",
                (Way::Out, true) => "a ---x  ",
                (Way::Back, false) => "a <------ z",
                (Way::Back, true) => "a    x--- z",
            };
            let seconds = rung.time.as_secs_f64();
            write!(f, "+{seconds:.3}  {arrow}  {}", (self.describe)(&rung.datagram))?;
            match rung.note {
                Note::Sent => writeln!(f)?,
                Note::Lost(reason) => writeln!(f, "          dropped: {reason}")?,
                Note::Injected => writeln!(f, "          injected")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_in_the_style() {
        let mut ladder = Ladder::new(4, |bytes| String::from_utf8_lossy(bytes).into_owned());
        ladder.record(Duration::ZERO, Way::Out, b"forgotten", Note::Sent);
        ladder.record(Duration::ZERO, Way::Out, b"INIT", Note::Lost("script"));
        ladder.record(Duration::from_secs(1), Way::Out, b"INIT", Note::Sent);
        ladder.record(Duration::from_millis(1050), Way::Back, b"INIT-ACK", Note::Lost("loss"));
        ladder.record(Duration::from_millis(1060), Way::Back, b"ABORT", Note::Injected);
        let lines = [
            "... 1 earlier datagrams",
            "+0.000  a ---x    INIT          dropped: script",
            "+1.000  a ------> z  INIT",
            "+1.050  a    x--- z  INIT-ACK          dropped: loss",
            "+1.060  a <------ z  ABORT          injected",
            "",
        ];
        assert_eq!(ladder.to_string(), lines.join("\n"));
        assert_eq!(ladder.last(1).to_string(), format!("... 4 earlier datagrams\n{}\n", lines[4]));
    }
}
