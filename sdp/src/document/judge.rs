//! What is wrong with the lines of a document: their order, number, octets and formats; RFC 8866.

use alloc::vec::Vec;

use super::fields::{
    Bandwidth, Connection, Key, Media, Origin, Repeat, TOKEN, Timing, ZoneAdjustments, is_strict_origin,
};
use super::finding::{Finding, FindingKind};
use super::{Document, Entry};

/// The places of the lines of a session, and of a media description; RFC 8866 section 5. `r` and `z` belong to `t`.
const SESSION: Places = places(b"vosiuepcbtrzka");
const MEDIA: Places = places(b"micbka");
/// The letters that some section knows.
const KNOWN: &[u8] = b"vosiuepcbtrzkam";

type Places = [u8; 128];

/// From a letter to its place, from 1; 0 for letters that have none.
const fn places(order: &[u8]) -> Places {
    let mut places = [0; 128];
    let mut at = 0;
    while at < order.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are 14 letters")]
        let place = at as u8 + 1;
        places[order[at] as usize] = place;
        at += 1;
    }
    places
}

/// Goes through the lines and notes what is wrong.
struct Judge<'d> {
    document: &'d Document<'d>,
    findings: Vec<Finding>,
    /// The session has said that its text is in another encoding; RFC 8866 section 6.10.
    foreign: bool,
    /// The session has a `c=` line.
    connected: bool,
}

pub(super) fn judge(document: &Document<'_>) -> Vec<Finding> {
    let mut judge = Judge { document, findings: Vec::new(), foreign: false, connected: false };
    for number in 0..document.sections.len() {
        let first = document.sections.get(number).copied().unwrap_or_default();
        let end = document.sections.get(number + 1).copied().unwrap_or(document.lines.len());
        judge.section(number == 0, first, end);
    }
    // What is wrong with a line's octets comes before what is wrong with the line.
    let mut lines = core::mem::take(&mut judge.findings);
    judge.octets();
    let mut findings = judge.findings;
    findings.append(&mut lines);
    findings.sort_by_key(|finding| finding.line);
    findings
}

impl Judge<'_> {
    fn section(&mut self, session: bool, first: usize, end: usize) {
        let document = self.document;
        let places = if session { &SESSION } else { &MEDIA };
        let (mut place, mut seen) = (0, 0u32);
        for (index, entry) in document.lines.get(first..end).unwrap_or_default().iter().enumerate() {
            let index = first + index;
            match entry.end {
                2 => {}
                1 => self.find(index, FindingKind::LineFeed, entry.len as usize),
                _ => self.find(index, FindingKind::NoLineEnd, entry.len as usize),
            }
            if session && index == 0 && document.octets(entry) != b"v=0" {
                self.find(index, FindingKind::Version, 0);
            }
            let at = places.get(usize::from(entry.kind)).copied().unwrap_or_default();
            if at == 0 {
                self.misplaced(index, entry);
                continue;
            }
            // A time description may be followed by another, with repeats of its own.
            let again = session && entry.kind == b't' && (10..=12).contains(&place);
            if at < place && !again {
                self.find(index, FindingKind::Order, 0);
            }
            if again {
                // Repeats and zones belong to one time description.
                (place, seen) = (at, seen & !(0b11 << (at + 1)));
            }
            place = place.max(at);
            let many = matches!(entry.kind, b'e' | b'p' | b'b' | b't' | b'r' | b'a') || (!session && at == 3);
            if !many && seen & 1 << at != 0 {
                self.find(index, FindingKind::Repeated, 0);
            }
            seen |= 1 << at;
            self.value(session, index, entry);
        }
        if session {
            for kind in [b'o', b's', b't'] {
                if seen & 1 << SESSION[usize::from(kind)] == 0 {
                    self.missing(end, kind);
                }
            }
            self.connected = seen & 1 << SESSION[usize::from(b'c')] != 0;
        } else if !self.connected && seen & 1 << MEDIA[usize::from(b'c')] == 0 {
            // RFC 8866 section 5.7: one for all, or one for each.
            self.find(first, FindingKind::Missing('c'), 0);
        }
    }

    fn missing(&mut self, end: usize, kind: u8) {
        let line = end.min(self.document.lines.len().saturating_sub(1));
        self.find(line, FindingKind::Missing(kind.into()), 0);
    }

    /// A line that has no place in its section.
    fn misplaced(&mut self, index: usize, entry: &Entry) {
        let kind = match entry.kind {
            0 if entry.len == 0 => FindingKind::Empty,
            0 => FindingKind::Form,
            letter if KNOWN.contains(&letter) => FindingKind::Order,
            _ => FindingKind::UnknownType,
        };
        self.find(index, kind, 0);
        self.trailing_space(index, entry);
    }

    /// Whether there was one.
    fn trailing_space(&mut self, index: usize, entry: &Entry) {
        let line = self.document.octets(entry);
        // A single space is how an empty session name is written; RFC 8866 section 5.3.
        if line.last() == Some(&b' ') && line != b"s= " {
            self.find(index, FindingKind::TrailingSpace, line.len() - 1);
        }
    }

    fn value(&mut self, session: bool, index: usize, entry: &Entry) {
        let line = self.document.octets(entry);
        self.trailing_space(index, entry);
        if entry.kind == b'a' {
            return self.attribute(session, index, line.get(2..).unwrap_or_default());
        }
        let Some(text) = self.document.line_text(entry) else { return };
        if text.is_empty() {
            return self.find(index, FindingKind::EmptyValue, 2);
        }
        // Blanks at the end are a finding of their own, and alter nothing.
        let text = text.trim_end_matches(' ');
        let good = match entry.kind {
            b'o' => Origin::parse(text).is_some_and(|origin| is_strict_origin(&origin)),
            b'm' => Media::parse(text).is_some(),
            b'c' => Connection::parse(text).is_some_and(|connection| connection.is_valid(session)),
            b'b' => Bandwidth::parse(text).is_some(),
            b't' => Timing::parse(text).is_some(),
            b'r' => Repeat::parse(text).is_some(),
            b'z' => ZoneAdjustments::parse(text).is_some(),
            b'k' => {
                self.find(index, FindingKind::Obsolete, 0);
                Key::parse(text).is_some()
            }
            _ => true,
        };
        if !good {
            self.find(index, FindingKind::Value, 2);
        }
    }

    /// The name is a token, and a colon has something behind it; RFC 8866 section 9, `attribute`.
    fn attribute(&mut self, session: bool, index: usize, value: &[u8]) {
        let in_token = |octet: &&u8| TOKEN.get(usize::from(**octet)) == Some(&true);
        let name = value.iter().take_while(in_token).count();
        match value.get(name..) {
            Some([] | [b':', _, ..]) if name > 0 => {}
            Some([b':']) if name > 0 => self.find(index, FindingKind::EmptyValue, name + 3),
            // A space behind a name alone has been found already.
            Some(rest) if name > 0 && rest.iter().all(|octet| *octet == b' ') => {}
            _ => self.find(index, FindingKind::Value, 2),
        }
        if session && let Some(charset) = value.strip_prefix(b"charset:") {
            self.foreign = !charset.eq_ignore_ascii_case(b"utf-8");
        }
    }

    /// Control characters and encoding. Most documents have neither fault, and are looked through as a whole.
    fn octets(&mut self) {
        let text = self.document.text;
        let ends = self.document.lines.iter().filter(|entry| entry.end == 2).count();
        let returns: usize = text.chunks(128).map(count_returns).sum();
        if text.contains(&0) || returns != ends {
            for (index, entry) in self.document.lines.iter().enumerate() {
                let line = self.document.octets(entry);
                if let Some(at) = line.iter().position(|octet| matches!(octet, 0 | b'\r')) {
                    self.find(index, FindingKind::Control, at);
                }
            }
        }
        if self.document.utf8.is_some() {
            return;
        }
        for (index, entry) in self.document.lines.iter().enumerate() {
            let line = self.document.octets(entry);
            let Err(fault) = core::str::from_utf8(line) else { continue };
            // Only names and descriptions for people follow `charset`; RFC 8866 section 6.10.
            let charset_dependent = matches!(line, [b's' | b'i', b'=', ..]) || line.starts_with(b"a=keywds:");
            if !(self.foreign && charset_dependent) {
                self.find(index, FindingKind::Utf8, fault.valid_up_to());
            }
        }
    }

    #[cold]
    fn find(&mut self, index: usize, kind: FindingKind, column: usize) {
        let Some(entry) = self.document.lines.get(index) else {
            // A description without lines has nowhere to point but its beginning.
            self.findings.push(Finding { kind, span: (0, 0), line: 1, column: 1 });
            return;
        };
        // Both fit, since the whole text does.
        let (line, column) =
            (u32::try_from(index).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX));
        let end = entry.start + entry.len;
        let start = (entry.start + column).min(end);
        self.findings.push(Finding { kind, span: (start, end), line: line + 1, column: column + 1 });
    }
}

/// In pieces of which the count fits an octet, so that sixteen are counted at once.
fn count_returns(piece: &[u8]) -> usize {
    piece.iter().fold(0u8, |count, octet| count + u8::from(*octet == b'\r')).into()
}
