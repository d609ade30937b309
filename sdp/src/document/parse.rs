//! Reading: one pass that indexes the lines. What is wrong with them is judged afterwards.

use alloc::vec::Vec;

use super::judge::judge;
use super::{Document, Entry};

/// How large a description may be. What exceeds a limit is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets in all, default 1 MiB; at most 2^32 - 1.
    pub octets: usize,
    /// Lines in all, default 16,384. Each takes 12 octets of memory.
    pub lines: usize,
    /// Octets of a line, default 1 MiB.
    pub line: usize,
    /// Media descriptions, default 1024.
    pub sections: usize,
    /// Attributes of one section, default 4096.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 1 << 20, lines: 16_384, line: 1 << 20, sections: 1024, attributes: 4096 }
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
    /// In octets of one line.
    #[error("line {line} has more than {limit} octets")]
    Line {
        /// The line, from 1.
        line: usize,
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
        let (entry, after) = index_line(rest, at);
        if entry.len as usize > limits.line {
            return Err(LimitError::Line { line: lines.len() + 1, limit: limits.line });
        }
        match entry.kind {
            b'm' if sections.len() > limits.sections => {
                return Err(LimitError::Sections { limit: limits.sections });
            }
            b'm' => {
                attributes = 0;
                sections.push(lines.len());
            }
            b'a' if attributes >= limits.attributes => {
                return Err(LimitError::Attributes { limit: limits.attributes });
            }
            b'a' => attributes += 1,
            _ => {}
        }
        at += entry.len + u32::from(entry.end);
        rest = after;
        lines.push(entry);
    }
    // Checked once for all lines: a line of UTF-8 text is then a slice.
    let utf8 = core::str::from_utf8(text).ok();
    let mut document = Document { text, utf8, lines, edits: Vec::new(), sections, findings: Vec::new() };
    document.findings = judge(&document);
    Ok(document)
}

/// The first line of `rest`, which stands at octet `at`, and what follows it.
fn index_line(rest: &[u8], at: u32) -> (Entry, &[u8]) {
    let (line, after, feed) = match find_line_feed(rest).and_then(|feed| rest.split_at_checked(feed)) {
        Some((line, after)) => (line, after.get(1..).unwrap_or_default(), true),
        None => (rest, &[][..], false),
    };
    let (line, end) = match line {
        [line @ .., b'\r'] if feed => (line, 2),
        _ => (line, u8::from(feed)),
    };
    // The whole text fits 32 bits.
    let len = u32::try_from(line.len()).unwrap_or(u32::MAX);
    (Entry { start: at, len, kind: kind(line), end, edited: false }, after)
}

/// The type's letter; 0 where the line has no `=` in second place.
pub(super) fn kind(line: &[u8]) -> u8 {
    match line {
        [letter, b'=', ..] if letter.is_ascii_alphabetic() => *letter,
        _ => 0,
    }
}

/// Looks at eight octets at a time: half of the work of reading is finding where lines end.
fn find_line_feed(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word) ^ (ONES * 0x0a);
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(number * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|octet| *octet == b'\n').map(|at| words.len() * 8 + at)
}
