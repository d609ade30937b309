//! A closer look: values of attributes against their formats, and lines against each other.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::finding::{Contradiction, Finding, FindingKind};
use super::{Document, Section};
use crate::attribute::registry::{self, Level};
use crate::attribute::{
    AnyAttribute, Direction, Extmap, Malformed, RawAttribute, Rid, RidDirection, Simulcast, read,
};

/// Attributes that a section has once at most; RFC 8866 section 6 and the RFCs that define them.
const ONCE: &[&str] = &[
    "bundle-only",
    "end-of-candidates",
    "extmap-allow-mixed",
    "ice-lite",
    "ice-pwd",
    "ice-ufrag",
    "max-message-size",
    "maxptime",
    "mid",
    "ptime",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "sctp-port",
    "setup",
    "simulcast",
    "tls-id",
];

/// Goes through the sections.
struct Examiner<'d> {
    document: &'d Document<'d>,
    findings: Vec<Finding>,
}

impl Document<'_> {
    /// All that is wrong: what [`findings`](Self::findings) has, then what a look into the values and a comparison of the
    /// lines show, in the order of the lines.
    pub fn examine(&self) -> Vec<Finding> {
        let mut examiner = Examiner { document: self, findings: Vec::new() };
        examiner.names();
        for number in 0..self.sections.len() {
            let section = self.section(number);
            examiner.values(section, if number == 0 { Level::Session } else { Level::Media });
            if number > 0 {
                examiner.formats(section);
                examiner.encodings(section);
            }
        }
        let mut findings = self.findings.clone();
        findings.append(&mut examiner.findings);
        findings.sort_by_key(|finding| (finding.line, finding.column));
        findings
    }
}

impl<'d> Examiner<'d> {
    fn find(&mut self, kind: FindingKind, index: usize, column: usize) {
        let Some(entry) = self.document.lines.get(index).filter(|entry| !entry.edited) else { return };
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let end = entry.start + entry.len;
        let start = (entry.start + narrow(column)).min(end);
        let (line, column) = (narrow(index) + 1, narrow(column) + 1);
        self.findings.push(Finding { kind, span: (start, end), line, column });
    }

    /// About a whole line.
    fn contradict(&mut self, what: Contradiction, index: usize) {
        self.find(FindingKind::Contradiction(what), index, 0);
    }

    fn values(&mut self, section: Section<'d>, level: Level) {
        let (mut once, mut directed) = (BTreeSet::new(), false);
        for raw in section.attributes() {
            if let Err(fault) = AnyAttribute::parse(raw) {
                self.malformed(raw, fault);
            }
            let misplaced = registry::find(raw.name).is_some_and(|known| {
                known.level != Level::Both && known.level != level && known.level != Level::Source
            });
            if misplaced {
                self.contradict(Contradiction::Level, raw.line);
            }
            let direction = Direction::from_name(raw.name).is_some();
            if (direction && directed) || (ONCE.contains(&raw.name) && !once.insert(raw.name)) {
                self.contradict(Contradiction::RepeatedAttribute, raw.line);
            }
            directed |= direction;
        }
    }

    fn malformed(&mut self, raw: RawAttribute<'_>, fault: Malformed) {
        // `a=`, the name and the colon stand in front of the value.
        let column = raw.name.len() + if raw.value.is_some() { 3 } else { 2 };
        self.find(FindingKind::Attribute(fault), raw.line, column + fault.offset);
    }

    /// Names of media descriptions are there once, and groups name what is there; RFC 5888.
    fn names(&mut self) {
        let mut mids = BTreeSet::new();
        for section in self.document.media() {
            for raw in section.attributes().filter(|raw| raw.name == "mid").take(1) {
                if !mids.insert(raw.value.unwrap_or_default()) {
                    self.contradict(Contradiction::RepeatedMid, raw.line);
                }
            }
        }
        for raw in self.document.session().attributes().filter(|raw| raw.name == "group") {
            let mut members = raw.value.unwrap_or_default().split(' ').filter(|mid| !mid.is_empty()).skip(1);
            if !members.all(|mid| mids.contains(mid)) {
                self.contradict(Contradiction::UnknownMid, raw.line);
            }
        }
    }

    /// What is said of formats is about formats that the `m=` line has, and ids of extensions are there once.
    fn formats(&mut self, section: Section<'d>) {
        let Some(media) = section.media() else { return };
        let formats: BTreeSet<&str> = media.formats().collect();
        let mut ids = BTreeSet::new();
        for raw in section.attributes() {
            let value = raw.value.unwrap_or_default();
            let format = value.split(' ').next().unwrap_or_default();
            let about = match raw.name {
                "rtpmap" | "fmtp" => Some(format),
                "rtcp-fb" | "imageattr" if format != "*" => Some(format),
                _ => None,
            };
            if about.is_some_and(|format| !formats.contains(format)) {
                self.contradict(Contradiction::UnknownFormat, raw.line);
            }
            // Ids of 4096 and more are wishes, of which several may be alike; RFC 8285 section 8.
            let id = |map: Extmap<'_>| (map.id < 4096).then_some(map.id);
            if raw.name == "extmap"
                && let Some(id) = read::<Extmap<'_>>(raw.value).ok().and_then(id)
                && !ids.insert(id)
            {
                self.contradict(Contradiction::RepeatedExtmap, raw.line);
            }
        }
        if media.port != 0
            && let Some(raw) = section.attributes().find(|raw| raw.name == "bundle-only")
        {
            self.contradict(Contradiction::BundleOnlyPort, raw.line);
        }
    }

    /// Simulcast lists encodings that are declared, each once; RFC 8853 section 5.1.
    fn encodings(&mut self, section: Section<'d>) {
        let mut declared: BTreeMap<&str, RidDirection> = BTreeMap::new();
        for raw in section.attributes().filter(|raw| raw.name == "rid") {
            let Ok(rid) = read::<Rid<'_>>(raw.value) else { continue };
            if declared.insert(rid.id, rid.direction).is_some() {
                self.contradict(Contradiction::RepeatedRid, raw.line);
            }
        }
        for raw in section.attributes().filter(|raw| raw.name == "simulcast") {
            let Ok(simulcast) = read::<Simulcast<'_>>(raw.value) else { continue };
            let unknown = [RidDirection::Send, RidDirection::Recv].into_iter().any(|direction| {
                let ids = simulcast.streams(direction).flat_map(|stream| stream.split(','));
                ids.map(|id| id.strip_prefix('~').unwrap_or(id))
                    .any(|id| declared.get(id) != Some(&direction))
            });
            if unknown {
                self.contradict(Contradiction::UnknownRid, raw.line);
            }
        }
    }
}
