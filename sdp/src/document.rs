//! A description as it came: every line in its place, every octet kept; RFC 8866.

mod edit;
mod examine;
mod fields;
mod finding;
mod judge;
mod parse;
mod redact;
mod show;

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use fields::{Bandwidth, Connection, Key, Media, Origin, Repeat, Timing, ZoneAdjustments};
pub(crate) use fields::{is_digits, is_token, number};
pub use finding::{Contradiction, Finding, FindingKind, Profile, Severity};
pub use parse::{LimitError, Limits};
pub use show::Shown;

use crate::attribute::{self, AnyAttribute, Attribute, AttributeError, RawAttribute};

/// A session description, borrowed from the octets that it came in.
///
/// Reading keeps every line, known or not, in its order and with its line end, so that writing an untouched document
/// gives the same octets. Edits lie over the lines that they touch and leave the others alone.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: &'a [u8],
    /// The same, where all of it is UTF-8.
    utf8: Option<&'a str>,
    lines: Vec<Entry>,
    /// The texts of lines that were replaced or put in.
    edits: Vec<Vec<u8>>,
    /// Where each section's lines begin; the session's is first, at 0.
    sections: Vec<usize>,
    findings: Vec<Finding>,
}

/// A line's place in the text, or in the list of edits.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first octet in the text; the place in the list where it is an edit.
    start: u32,
    /// Octets of the line without its end.
    len: u32,
    /// The type's letter; 0 where the line has no `=` in second place.
    kind: u8,
    /// Octets of the line end: 0, 1 or 2.
    end: u8,
    edited: bool,
}

/// One line of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'d> {
    /// The letter before `=`; `'\0'` where the line does not have that form.
    pub kind: char,
    /// What follows `=`, as octets; the whole line where it does not have that form.
    pub value: &'d [u8],
    /// The line's number, from 0.
    pub index: usize,
    /// The value, where it is UTF-8.
    text: Option<&'d str>,
}

impl<'d> Line<'d> {
    /// The value as text, if it is UTF-8.
    pub fn text(&self) -> Option<&'d str> {
        self.text
    }
}

/// The lines of the session, or of one media description.
#[derive(Debug, Clone, Copy)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    first: usize,
    end: usize,
}

impl<'a> Document<'a> {
    /// Reads a description. Whatever is wrong with it becomes a [`Finding`]; only limits make this fail.
    ///
    /// # Errors
    /// The description is larger than `limits` allow.
    pub fn parse(text: &'a [u8], limits: &Limits) -> Result<Self, LimitError> {
        parse::parse(text, limits)
    }

    /// All lines in their order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.lines.len()).filter_map(|index| self.line(index))
    }

    /// The lines before the first media description.
    pub fn session(&self) -> Section<'_> {
        self.section(0)
    }

    /// The media descriptions in their order.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Section<'_>> {
        (1..self.sections.len()).map(|number| self.section(number))
    }

    /// What is wrong with the description, in the order of its lines.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The first finding that `profile` does not tolerate.
    ///
    /// # Errors
    /// There is one.
    pub fn check(&self, profile: Profile) -> Result<(), Finding> {
        let intolerable = |finding: &&Finding| profile.severity(finding.kind) == Severity::Error;
        self.findings.iter().find(intolerable).map_or(Ok(()), |finding| Err(*finding))
    }

    /// The attributes that have a type and whose values do not fit it, in their order. Reading does not look into
    /// values, so that it stays cheap; this does.
    pub fn malformed_attributes(&self) -> impl Iterator<Item = AttributeError> {
        let sections = (0..self.sections.len()).map(|number| self.section(number));
        sections.flat_map(|section| section.attributes()).filter_map(|raw| {
            AnyAttribute::parse(raw).err().map(|kind| AttributeError { kind, line: raw.line })
        })
    }

    /// A finding with the line that it is about and a mark under the place, as compilers print theirs.
    pub fn show(&self, finding: &Finding) -> Shown<'a> {
        Shown::new(self.text, *finding)
    }

    /// The `o=` line, if it is there and well formed.
    pub fn origin(&self) -> Option<Origin<'_>> {
        self.session().values('o').find_map(Origin::parse)
    }

    /// The octets that a finding is about.
    pub fn excerpt(&self, finding: &Finding) -> Cow<'a, str> {
        let span = finding.span.0 as usize..finding.span.1 as usize;
        alloc::string::String::from_utf8_lossy(self.text.get(span).unwrap_or_default())
    }

    fn section(&self, number: usize) -> Section<'_> {
        let first = self.sections.get(number).copied().unwrap_or(self.lines.len());
        let end = self.sections.get(number + 1).copied().unwrap_or(self.lines.len());
        Section { document: self, first, end }
    }

    fn line(&self, index: usize) -> Option<Line<'_>> {
        let entry = self.lines.get(index)?;
        let whole = self.octets(entry);
        let (kind, skip) = match entry.kind {
            0 => ('\0', 0),
            kind => (kind.into(), 2),
        };
        let text = self.line_text(entry);
        Some(Line { kind, value: whole.get(skip..).unwrap_or_default(), index, text })
    }

    /// The line without its end.
    fn octets(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        if entry.edited {
            return self.edits.get(start).map(Vec::as_slice).unwrap_or_default();
        }
        self.text.get(start..start + entry.len as usize).unwrap_or_default()
    }

    /// What follows `=`, where it is UTF-8; the whole line where there is no `=`.
    fn line_text(&self, entry: &Entry) -> Option<&str> {
        let skip = if entry.kind == 0 { 0 } else { 2 };
        match self.utf8 {
            Some(text) if !entry.edited => {
                let start = entry.start as usize;
                text.get(start + skip..start + entry.len as usize)
            }
            _ => core::str::from_utf8(self.octets(entry).get(skip..)?).ok(),
        }
    }
}

impl<'d> Section<'d> {
    /// The section's lines; of a media description the first is its `m=`.
    pub fn lines(&self) -> impl Iterator<Item = Line<'d>> + use<'d> {
        let document = self.document;
        (self.first..self.end).filter_map(move |index| document.line(index))
    }

    /// The first line of this type.
    pub fn line(&self, kind: char) -> Option<Line<'d>> {
        self.lines().find(|line| line.kind == kind)
    }

    /// The `m=` line, or what can be understood of it: whether it is well formed, findings say.
    pub fn media(&self) -> Option<Media<'d>> {
        let text = self.line('m')?.text()?.trim_end_matches(' ');
        Media::parse(text).or_else(|| Media::tolerant(text))
    }

    /// The first `c=` line, if it is well formed.
    pub fn connection(&self) -> Option<Connection<'d>> {
        self.connections().next()
    }

    /// The `c=` lines that are well formed: a medium that is sent to several multicast addresses has several.
    pub fn connections(&self) -> impl Iterator<Item = Connection<'d>> + use<'d> {
        self.values('c').filter_map(Connection::parse)
    }

    /// The `b=` lines that are well formed.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'d>> + use<'d> {
        self.values('b').filter_map(Bandwidth::parse)
    }

    /// The `t=` lines that are well formed.
    pub fn timings(&self) -> impl Iterator<Item = Timing> + use<'d> {
        self.values('t').filter_map(Timing::parse)
    }

    /// The `r=` lines that are well formed.
    pub fn repeats(&self) -> impl Iterator<Item = Repeat<'d>> + use<'d> {
        self.values('r').filter_map(Repeat::parse)
    }

    /// The `z=` lines that are well formed.
    pub fn zone_adjustments(&self) -> impl Iterator<Item = ZoneAdjustments<'d>> + use<'d> {
        self.values('z').filter_map(ZoneAdjustments::parse)
    }

    /// The `k=` line, if it is well formed. RFC 8866 section 5.12 has receivers discard it.
    pub fn key(&self) -> Option<Key<'d>> {
        self.values('k').find_map(Key::parse)
    }

    /// The values of the lines of this type, without blanks at their ends.
    fn values(&self, kind: char) -> impl Iterator<Item = &'d str> + use<'d> {
        self.lines()
            .filter(move |line| line.kind == kind)
            .filter_map(|line| Some(line.text()?.trim_end_matches(' ')))
    }

    /// The attributes in their order. Those whose text is not UTF-8 are left out; their lines are still there.
    pub fn attributes(&self) -> impl Iterator<Item = RawAttribute<'d>> + use<'d> {
        self.lines().filter(|line| line.kind == 'a').filter_map(|line| {
            let text = line.text()?;
            let (name, value) = match text.split_once(':') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            Some(RawAttribute { name, value, line: line.index })
        })
    }

    /// Whether an attribute of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The first attribute of this name, as text; empty where it has no value.
    pub fn value(&self, name: &str) -> Option<&'d str> {
        self.attributes()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.unwrap_or_default())
    }

    /// The first attribute of type `A`.
    ///
    /// # Errors
    /// It is there and breaks its format.
    pub fn attribute<A: Attribute<'d>>(&self) -> Result<Option<A>, AttributeError> {
        self.all::<A>().next().transpose()
    }

    /// All attributes of type `A`, each read by itself, so that one that is malformed does not hide the others.
    pub fn all<A: Attribute<'d>>(&self) -> impl Iterator<Item = Result<A, AttributeError>> + use<'d, A> {
        self.attributes().filter(|attribute| attribute.name == A::NAME).map(|attribute| {
            attribute::read(attribute.value).map_err(|kind| AttributeError { kind, line: attribute.line })
        })
    }
}
