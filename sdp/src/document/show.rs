//! A finding for people: the line, and a mark under the place.

use alloc::string::String;
use core::fmt;

use super::Finding;

/// Characters of a line that are shown; a longer one is cut around the place.
const WIDTH: usize = 100;

/// A finding beside its line. Control characters are shown as `·`, what is not UTF-8 as `\u{fffd}`.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    finding: Finding,
    before: &'a [u8],
    marked: &'a [u8],
}

impl<'a> Shown<'a> {
    pub(super) fn new(text: &'a [u8], finding: Finding) -> Self {
        let start = (finding.span.0 as usize).min(text.len());
        let end = (finding.span.1 as usize).clamp(start, text.len());
        let column = (finding.column as usize).saturating_sub(1).min(start);
        let before = text.get(start - column..start).unwrap_or_default();
        Self { finding, before, marked: text.get(start..end).unwrap_or_default() }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, marked) = (plain(self.before), plain(self.marked));
        let skipped = before.chars().count().saturating_sub(WIDTH / 2);
        let (before, cut): (String, &str) = match skipped {
            0 => (before, ""),
            _ => (before.chars().skip(skipped).collect(), "..."),
        };
        let marked: String = marked.chars().take(WIDTH / 2).collect();
        let number = alloc::format!("{}", self.finding.line);
        let (margin, indent) = (number.len(), cut.len() + before.chars().count());
        writeln!(f, "{}", self.finding)?;
        writeln!(f, "{:margin$} |", "")?;
        writeln!(f, "{number} | {cut}{before}{marked}")?;
        let marks = marked.chars().count().max(1);
        write!(f, "{:margin$} | {:indent$}{:^<marks$}", "", "", "")
    }
}

fn plain(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}
