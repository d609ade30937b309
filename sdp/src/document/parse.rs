//! Reading: one pass that indexes the lines, one that judges them.

use alloc::vec::Vec;

use super::fields::{Bandwidth, Connection, Media, Origin, is_digits, is_token};
use super::finding::{Finding, FindingKind};
use super::{Document, Entry, Line};

/// How large a description may be. What exceeds a limit is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets in all, default 1 MiB; at most 2^32 - 1.
    pub octets: usize,
    /// Lines in all, default 16,384. Each takes 48 octets of memory.
    pub lines: usize,
    /// Media descriptions, default 1024.
    pub sections: usize,
    /// Attributes of one section, default 4096.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 1 << 20, lines: 16_384, sections: 1024, attributes: 4096 }
    }
}

/// A description is larger than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// In octets.
    #[error("{found} octets, at most {limit} allowed")]
    Octets {
        /// What there is.
        found: usize,
        /// What is allowed.
        limit: usize,
    },
    /// In lines.
    #[error("more than {limit} lines")]
    Lines {
        /// What is allowed.
        limit: usize,
    },
    /// In media descriptions.
    #[error("more than {limit} media descriptions")]
    Sections {
        /// What is allowed.
        limit: usize,
    },
    /// In attributes of one section.
    #[error("more than {limit} attributes in a section")]
    Attributes {
        /// What is allowed.
        limit: usize,
    },
}

pub(super) fn parse<'a>(text: &'a [u8], limits: &Limits) -> Result<Document<'a>, LimitError> {
    if text.len() > limits.octets.min(u32::MAX as usize) {
        return Err(LimitError::Octets { found: text.len(), limit: limits.octets });
    }
    let mut lines = Vec::with_capacity((text.len() / 24).min(limits.lines));
    let mut sections = Vec::with_capacity(8);
    sections.push(0);
    let (mut rest, mut at, mut attributes) = (text, 0, 0);
    while !rest.is_empty() {
        if lines.len() >= limits.lines {
            return Err(LimitError::Lines { limit: limits.lines });
        }
        let entry = index_line(rest, at);
        attributes = if entry.kind == b'm' { 0 } else { attributes + usize::from(entry.kind == b'a') };
        if attributes > limits.attributes {
            return Err(LimitError::Attributes { limit: limits.attributes });
        }
        if entry.kind == b'm' {
            if sections.len() > limits.sections {
                return Err(LimitError::Sections { limit: limits.sections });
            }
            sections.push(lines.len());
        }
        let taken = (entry.span.end - at) as usize + usize::from(entry.end);
        rest = &rest[taken..];
        at = entry.span.end + u32::from(entry.end);
        lines.push(entry);
    }
    let mut document = Document { text, lines, sections, findings: Vec::new() };
    document.findings = Judge::new(&document).judge();
    Ok(document)
}

/// The first line of `rest`, which stands at octet `at`.
fn index_line(rest: &[u8], at: u32) -> Entry {
    let (len, end) = match rest.iter().position(|octet| *octet == b'\n') {
        Some(feed) if feed > 0 && rest[feed - 1] == b'\r' => (feed - 1, 2),
        Some(feed) => (feed, 1),
        None => (rest.len(), 0),
    };
    let kind = match rest[..len] {
        [letter, b'=', ..] if letter.is_ascii_alphabetic() => letter,
        _ => 0,
    };
    // The whole text fits 32 bits.
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    Entry { kind, span: at..at + len, end, edit: None }
}

/// The places of the lines of a session, and of a media description; RFC 8866 section 5. `r` and `z` belong to `t`.
const SESSION_ORDER: &[u8] = b"vosiuepcbtrzka";
const MEDIA_ORDER: &[u8] = b"micbka";

/// Goes through the lines and notes what is wrong.
struct Judge<'d> {
    document: &'d Document<'d>,
    findings: Vec<Finding>,
}

impl<'d> Judge<'d> {
    fn new(document: &'d Document<'d>) -> Self {
        Self { document, findings: Vec::new() }
    }

    fn judge(mut self) -> Vec<Finding> {
        for number in 0..self.document.sections.len() {
            let first = self.document.sections[number];
            let end = self.document.sections.get(number + 1).copied().unwrap_or(self.document.lines.len());
            self.section(number == 0, first, end);
        }
        self.findings
    }

    fn section(&mut self, session: bool, first: usize, end: usize) {
        let order = if session { SESSION_ORDER } else { MEDIA_ORDER };
        let (mut place, mut seen) = (0, 0u32);
        for index in first..end {
            self.octets(index);
            let line = self.document.line(index);
            if session && index == 0 && (line.kind, line.value) != ('v', b"0") {
                self.find(index, FindingKind::Version, 0);
            }
            let kind = self.document.lines[index].kind;
            if kind == 0 {
                let empty = line.value.is_empty();
                self.find(index, if empty { FindingKind::Empty } else { FindingKind::Form }, 0);
                continue;
            }
            let Some(at) = order.iter().position(|known| *known == kind) else {
                let known = SESSION_ORDER.contains(&kind) || kind == b'm';
                self.find(index, if known { FindingKind::Order } else { FindingKind::UnknownType }, 0);
                continue;
            };
            // A time description may be followed by another, with repeats of its own.
            let again = session && kind == b't' && b"trz".contains(&order[place]);
            if at < place && !again {
                self.find(index, FindingKind::Order, 0);
            }
            place = if again { at } else { place.max(at) };
            let once = !(b"epbtrka".contains(&kind) || (!session && kind == b'c'));
            if once && seen & 1 << at != 0 {
                self.find(index, FindingKind::Repeated, 0);
            }
            seen |= 1 << at;
            self.value(line);
        }
        if session {
            self.required(seen, end);
        }
    }

    /// A session has at least v, o, s and t.
    fn required(&mut self, seen: u32, end: usize) {
        for kind in [b'o', b's', b't'] {
            let at = SESSION_ORDER.iter().position(|known| *known == kind).unwrap_or(0);
            if seen & 1 << at == 0 {
                let line = end.min(self.document.lines.len().saturating_sub(1));
                self.find(line, FindingKind::Missing(kind.into()), 0);
            }
        }
    }

    /// Line ends, control characters and encoding.
    fn octets(&mut self, index: usize) {
        let entry = &self.document.lines[index];
        let line = &self.document.text[entry.span.start as usize..entry.span.end as usize];
        match entry.end {
            0 => self.find(index, FindingKind::NoLineEnd, line.len()),
            1 => self.find(index, FindingKind::LineFeed, line.len()),
            _ => {}
        }
        if let Some(at) = line.iter().position(|octet| matches!(octet, 0 | b'\r')) {
            self.find(index, FindingKind::Control, at);
        }
        // A single space is how an empty session name is written; RFC 8866 section 5.3.
        if line.last() == Some(&b' ') && line != b"s= " {
            self.find(index, FindingKind::TrailingSpace, line.len() - 1);
        }
        if let Err(fault) = core::str::from_utf8(line) {
            self.find(index, FindingKind::Utf8, fault.valid_up_to());
        }
    }

    fn value(&mut self, line: Line<'_>) {
        let Some(text) = line.text() else { return };
        let good = match line.kind {
            'o' => Origin::parse(text).is_some(),
            'm' => Media::parse(text).is_some(),
            'c' => Connection::parse(text).is_some(),
            'b' => Bandwidth::parse(text).is_some(),
            't' => text.split_once(' ').is_some_and(|(start, stop)| is_digits(start) && is_digits(stop)),
            'a' => is_token(text.split(':').next().unwrap_or_default()),
            's' | 'r' | 'z' | 'k' | 'i' | 'u' | 'e' | 'p' => !text.is_empty(),
            _ => true,
        };
        if !good {
            self.find(line.index, FindingKind::Value, 2);
        }
    }

    fn find(&mut self, index: usize, kind: FindingKind, column: usize) {
        let Some(entry) = self.document.lines.get(index) else {
            // A description without lines has nowhere to point but its beginning.
            self.findings.push(Finding { kind, span: (0, 0), line: 1, column: 1 });
            return;
        };
        // Both fit, since the whole text does.
        let (line, column) =
            (u32::try_from(index).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX));
        let start = (entry.span.start + column).min(entry.span.end);
        self.findings.push(Finding {
            kind,
            span: (start, entry.span.end),
            line: line + 1,
            column: column + 1,
        });
    }
}
