//! A description as it came: every line in its place, every octet kept; RFC 8866.

mod edit;
mod fields;
mod finding;
mod parse;
mod show;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

pub use fields::{Bandwidth, Connection, Media, Origin};
pub(crate) use fields::{is_token, number};
pub use finding::{Finding, FindingKind, Profile, Severity};
pub use parse::{LimitError, Limits};
pub use show::Shown;

use crate::attribute::{self, Attribute, AttributeError, RawAttribute};

/// A session description, borrowed from the octets that it came in.
///
/// Reading keeps every line, known or not, in its order and with its line end, so that writing an untouched document
/// gives the same octets. Edits lie over the lines that they touch and leave the others alone.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: &'a [u8],
    lines: Vec<Entry>,
    /// Where each section's lines begin; the session's is first, at 0.
    sections: Vec<usize>,
    findings: Vec<Finding>,
}

/// A line's place, or the text that lies over it.
#[derive(Debug, Clone)]
struct Entry {
    /// The type's letter; 0 where the line has no `=` in second place.
    kind: u8,
    /// Octets of the line without its end.
    span: Range<u32>,
    /// Octets of the line end: 0, 1 or 2.
    end: u8,
    edit: Option<Vec<u8>>,
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
}

impl<'d> Line<'d> {
    /// The value as text, if it is UTF-8.
    pub fn text(&self) -> Option<&'d str> {
        core::str::from_utf8(self.value).ok()
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
        (0..self.lines.len()).map(|index| self.line(index))
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
        sections
            .flat_map(|section| section.attributes())
            .filter_map(|raw| attribute::check(raw).err().map(|kind| AttributeError { kind, line: raw.line }))
    }

    /// A finding with the line that it is about and a mark under the place, as compilers print theirs.
    pub fn show(&self, finding: &Finding) -> Shown<'a> {
        Shown::new(self.text, *finding)
    }

    /// The `o=` line, if it is there and well formed.
    pub fn origin(&self) -> Option<Origin<'_>> {
        self.session().line('o').and_then(|line| line.text()).and_then(Origin::parse)
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

    fn line(&self, index: usize) -> Line<'_> {
        let entry = &self.lines[index];
        let whole = match &entry.edit {
            Some(text) => text,
            None => &self.text[entry.span.start as usize..entry.span.end as usize],
        };
        match entry.kind {
            0 => Line { kind: '\0', value: whole, index },
            kind => Line { kind: kind.into(), value: whole.get(2..).unwrap_or_default(), index },
        }
    }
}

impl<'d> Section<'d> {
    /// The section's lines; of a media description the first is its `m=`.
    pub fn lines(&self) -> impl Iterator<Item = Line<'d>> + use<'d> {
        let document = self.document;
        (self.first..self.end).map(move |index| document.line(index))
    }

    /// The first line of this type.
    pub fn line(&self, kind: char) -> Option<Line<'d>> {
        self.lines().find(|line| line.kind == kind)
    }

    /// The `m=` line, if it is well formed.
    pub fn media(&self) -> Option<Media<'d>> {
        self.line('m').and_then(|line| line.text()).and_then(Media::parse)
    }

    /// The `c=` line, if it is well formed.
    pub fn connection(&self) -> Option<Connection<'d>> {
        self.line('c').and_then(|line| line.text()).and_then(Connection::parse)
    }

    /// The `b=` lines that are well formed.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'d>> + use<'d> {
        self.lines().filter(|line| line.kind == 'b').filter_map(|line| Bandwidth::parse(line.text()?))
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
            A::parse(attribute.value.unwrap_or_default())
                .map_err(|kind| AttributeError { kind, line: attribute.line })
        })
    }
}
