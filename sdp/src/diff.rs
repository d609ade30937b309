//! Two descriptions compared by what they mean: the order of attributes and line ends do not count.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::attribute::AnyAttribute;
use crate::document::{Document, Section};

/// A line that only one of two descriptions has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The section: the session, or the media description's name or place.
    pub section: String,
    /// It stands in the first description; else in the second.
    pub first: bool,
    /// The line as it is written when nothing but its meaning counts.
    pub line: String,
}

impl Document<'_> {
    /// What the other description says differently, section by section: media descriptions are compared by their places,
    /// their attributes whatever their order, and values as their types write them. The order of formats counts, and so
    /// does that of candidates' fields.
    pub fn differences(&self, other: &Document<'_>) -> Vec<Difference> {
        let mut differences = compare("session", self.session(), other.session());
        let (mut ours, mut theirs) = (self.media(), other.media());
        for number in 0.. {
            differences.append(&mut match (ours.next(), theirs.next()) {
                (Some(one), Some(two)) => compare(&name(one, number), one, two),
                (Some(one), None) => one_sided(&name(one, number), one, true),
                (None, Some(two)) => one_sided(&name(two, number), two, false),
                (None, None) => break,
            });
        }
        differences
    }
}

fn name(section: Section<'_>, number: usize) -> String {
    let kind = section.media().map_or("?", |media| media.kind);
    match section.value("mid") {
        Some(mid) => format!("{kind} {mid}"),
        None => format!("{kind} #{number}"),
    }
}

/// The lines of a section as they are written when nothing but their meaning counts, with how often each stands there.
fn lines(section: Section<'_>) -> BTreeMap<String, usize> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for line in section.lines() {
        let text = match line.text() {
            Some(text) => format!("{}={}", line.kind, text.trim_end_matches(' ')),
            None => format!("{}={}", line.kind, String::from_utf8_lossy(line.value)),
        };
        *lines.entry(text).or_default() += 1;
    }
    for raw in section.attributes() {
        let Ok(Some(typed)) = AnyAttribute::parse(raw) else { continue };
        let Some(value) = raw.value else { continue };
        let (old, new) =
            (format!("a={}:{}", raw.name, value.trim_end_matches(' ')), format!("a={}:{typed}", raw.name));
        if old != new
            && let Some(count) = lines.remove(&old)
        {
            *lines.entry(new).or_default() += count;
        }
    }
    lines
}

fn compare(name: &str, one: Section<'_>, two: Section<'_>) -> Vec<Difference> {
    let (ours, theirs) = (lines(one), lines(two));
    let missing = |from: &BTreeMap<String, usize>,
                   other: &BTreeMap<String, usize>,
                   first: bool|
     -> Vec<Difference> {
        let extra = from.iter().filter(|(line, count)| other.get(*line).is_none_or(|known| known < *count));
        extra.map(|(line, _)| Difference { section: name.to_string(), first, line: line.clone() }).collect()
    };
    let mut differences = missing(&ours, &theirs, true);
    differences.append(&mut missing(&theirs, &ours, false));
    differences
}

fn one_sided(name: &str, section: Section<'_>, first: bool) -> Vec<Difference> {
    let lines = lines(section).into_keys();
    lines.map(|line| Difference { section: name.to_string(), first, line }).collect()
}
