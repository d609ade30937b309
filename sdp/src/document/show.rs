//! A finding for people: the line, and a mark under the place.

use alloc::string::String;
use core::fmt;

use super::{Finding, Profile, Severity};

/// Characters of a line that are shown; a longer one is cut around the place.
const WIDTH: usize = 100;

/// A finding beside its line. Control characters are shown as `·`, what is not UTF-8 as `\u{fffd}`.
///
/// As it comes it begins with the place; [`in_profile`](Self::in_profile) prints it as rustc does.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    finding: Finding,
    before: &'a [u8],
    marked: &'a [u8],
    profile: Option<(Profile, &'a str)>,
    coloured: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn new(text: &'a [u8], finding: Finding) -> Self {
        let start = (finding.span.0 as usize).min(text.len());
        let end = (finding.span.1 as usize).clamp(start, text.len());
        let column = (finding.column as usize).saturating_sub(1).min(start);
        let before = text.get(start - column..start).unwrap_or_default();
        let marked = text.get(start..end).unwrap_or_default();
        Self { finding, before, marked, profile: None, coloured: false }
    }

    /// Says how much it matters to a profile, and in which file it stands.
    #[must_use]
    pub fn in_profile(self, profile: Profile, file: &'a str) -> Self {
        Self { profile: Some((profile, file)), ..self }
    }

    /// With colours, for terminals.
    #[must_use]
    pub fn coloured(self, coloured: bool) -> Self {
        Self { coloured, ..self }
    }

    /// The first line, and a second one with the place where the profile is known.
    fn head(&self, f: &mut fmt::Formatter<'_>, margin: usize) -> fmt::Result {
        let Finding { kind, line, column, .. } = &self.finding;
        let Some((profile, file)) = self.profile else { return writeln!(f, "{}", self.finding) };
        let severity = profile.severity(*kind);
        let (colour, plain) = if self.coloured { (colour(severity), "\u{1b}[0m") } else { ("", "") };
        writeln!(f, "{colour}{severity}{plain}: {kind} ({})", kind.reference())?;
        writeln!(f, "{:margin$}--> {}:{line}:{column}", "", visible(file.as_bytes()))
    }
}

/// Red, yellow and blue.
const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "\u{1b}[1;31m",
        Severity::Warning => "\u{1b}[1;33m",
        Severity::Note => "\u{1b}[1;34m",
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, marked) = (visible(self.before), visible(self.marked));
        let skipped = before.chars().count().saturating_sub(WIDTH / 2);
        let (before, cut): (String, &str) = match skipped {
            0 => (before, ""),
            _ => (before.chars().skip(skipped).collect(), "..."),
        };
        let marked: String = marked.chars().take(WIDTH / 2).collect();
        let number = alloc::format!("{}", self.finding.line);
        let (margin, indent) = (number.len(), cut.len() + before.chars().count());
        self.head(f, margin)?;
        writeln!(f, "{:margin$} |", "")?;
        writeln!(f, "{number} | {cut}{before}{marked}")?;
        let marks = marked.chars().count().max(1);
        write!(f, "{:margin$} | {:indent$}{:^<marks$}", "", "", "")
    }
}

fn visible(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}
