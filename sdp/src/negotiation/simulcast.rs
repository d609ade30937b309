//! Several encodings of one source at once; RFC 8853 and RFC 8851.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::Codec;
use super::{Encoding, RemoteMedia};
use crate::attribute::{Rid, RidDirection, Simulcast};
use crate::document;

/// One encoding of several, or alternatives of which it is one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulcastStream {
    /// The names; the first one is liked best.
    pub rids: Vec<String>,
    /// It begins paused.
    pub paused: bool,
}

/// An `a=rid` line of the other side's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteRid {
    pub(super) id: String,
    pub(super) direction: RidDirection,
    /// As they stand.
    restrictions: String,
}

/// Octets of the restrictions of one encoding that are kept.
const MAX_RESTRICTIONS: usize = 512;

/// The encodings that a section declares: names that stand twice mean nothing (RFC 8851 section 6.2.2), and neither does
/// one that depends on a name that is not there.
pub(super) fn declared(section: document::Section<'_>, most: usize) -> Vec<RemoteRid> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let names = section.attributes().filter(|raw| raw.name == "rid");
    for raw in names {
        *times.entry(raw.value.unwrap_or_default().split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    let rids = section.all::<Rid<'_>>().filter_map(Result::ok);
    let good = |rid: &Rid<'_>| {
        times.get(rid.id) == Some(&1)
            && rid.restrictions.len() <= MAX_RESTRICTIONS
            && rid.depends().all(|id| times.get(id) == Some(&1))
    };
    rids.filter(good)
        .take(most)
        .map(|rid| RemoteRid {
            id: rid.id.to_owned(),
            direction: rid.direction,
            restrictions: rid.restrictions.to_owned(),
        })
        .collect()
}

/// What the section sends and takes at once. Nothing where it says so twice; names that are not declared for the direction
/// are not among it; RFC 8853 section 5.2.
pub(super) fn streams(
    section: document::Section<'_>,
    declared: &[RemoteRid],
) -> (Vec<SimulcastStream>, Vec<SimulcastStream>) {
    if section.attributes().filter(|raw| raw.name == "simulcast").count() != 1 {
        return (Vec::new(), Vec::new());
    }
    let Ok(Some(simulcast)) = section.attribute::<Simulcast<'_>>() else { return (Vec::new(), Vec::new()) };
    let mut seen: Vec<&str> = Vec::new();
    let mut read = |direction: RidDirection| -> Vec<SimulcastStream> {
        let known = |id: &str| declared.iter().any(|rid| rid.id == id && rid.direction == direction);
        let mut streams = Vec::new();
        for stream in simulcast.streams(direction) {
            let paused = stream.starts_with('~');
            let mut rids = Vec::new();
            for id in stream.split(',').map(|id| id.strip_prefix('~').unwrap_or(id)) {
                // RFC 8853 section 5.2: a name stands once.
                if known(id) && !seen.contains(&id) {
                    seen.push(id);
                    rids.push(id.to_owned());
                }
            }
            if !rids.is_empty() {
                streams.push(SimulcastStream { rids, paused });
            }
        }
        streams
    };
    (read(RidDirection::Send), read(RidDirection::Recv))
}

/// Whether all encodings in a section's list are declared; RFC 9429 section 5.8.3.
pub(super) fn is_consistent(section: document::Section<'_>) -> bool {
    let Some(simulcast) = section.all::<Simulcast<'_>>().find_map(Result::ok) else { return true };
    let declared: BTreeSet<&str> =
        section.all::<Rid<'_>>().filter_map(Result::ok).map(|rid| rid.id).collect();
    [RidDirection::Send, RidDirection::Recv].into_iter().all(|direction| {
        let ids = simulcast.streams(direction).flat_map(|stream| stream.split(','));
        ids.map(|id| id.strip_prefix('~').unwrap_or(id)).all(|id| declared.contains(id))
    })
}

/// The encodings of the other side's that we take: the first alternative of each stream that our codecs allow.
pub(super) fn received<'m>(media: &'m RemoteMedia, codecs: &[Codec], most: usize) -> Vec<&'m RemoteRid> {
    let usable = |id: &&String| {
        let rid = media.declared.iter().find(|rid| rid.id == **id)?;
        rid.is_possible(codecs).then_some(rid)
    };
    media.sends.iter().filter_map(|stream| stream.rids.iter().find_map(|id| usable(&id))).take(most).collect()
}

/// The encodings of ours that the other side takes, in its order; it may have paused some. An answer's line that loosens
/// what we offered takes its encoding with it.
pub(super) fn sent(media: &RemoteMedia, own: &[Encoding], answer: bool) -> Vec<Encoding> {
    let fits = |own: &Encoding| media.declared.iter().any(|rid| rid.id == own.rid && rid.fits(own));
    let ours = |id: &String| own.iter().find(|own| own.rid == *id && (!answer || fits(own)));
    let streams = media.receives.iter();
    streams
        .filter_map(|stream| stream.rids.iter().find_map(ours).map(|own| (own, stream.paused)))
        .map(|(own, paused)| Encoding { paused, ..own.clone() })
        .collect()
}

impl RemoteRid {
    /// Whether one of the codecs agreed on may have it.
    fn is_possible(&self, codecs: &[Codec]) -> bool {
        self.payload_types()
            .is_none_or(|list| list.iter().any(|pt| codecs.iter().any(|codec| codec.payload_type == *pt)))
    }

    /// Names and values.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.restrictions)
    }

    fn payload_types(&self) -> Option<Vec<u8>> {
        let list = self.pairs().find(|(name, _)| *name == "pt").map(|(_, value)| value)?;
        Some(list.split(',').filter_map(document::number).collect())
    }

    /// The restrictions that an answer repeats: all of them, of the payload types those that were agreed on; RFC 8851
    /// section 6.3.
    pub(super) fn answered(&self, codecs: &[Codec]) -> String {
        let known = |pt: &&u8| codecs.iter().any(|codec| codec.payload_type == **pt);
        let part = |(name, value): (&str, &str)| match (name, self.payload_types()) {
            ("pt", Some(list)) => {
                let kept: Vec<String> = list.iter().filter(known).map(ToString::to_string).collect();
                alloc::format!("pt={}", kept.join(","))
            }
            _ if value.is_empty() => name.to_owned(),
            _ => alloc::format!("{name}={value}"),
        };
        self.pairs().map(part).collect::<Vec<_>>().join(";")
    }

    /// Whether an answer's line restricts no less than what we offered, and in nothing that we did not; RFC 8851 section
    /// 6.4.
    fn fits(&self, offered: &Encoding) -> bool {
        self.pairs().all(|(name, value)| {
            pairs(&offered.restrictions).find(|(known, _)| *known == name).is_some_and(|(_, mine)| {
                let amount = |text: &str| text.parse::<f64>().ok();
                match (name, amount(value), amount(mine)) {
                    ("pt", ..) => value.split(',').all(|pt| mine.split(',').any(|known| known == pt)),
                    (_, Some(theirs), Some(ours)) => theirs <= ours,
                    _ => value == mine,
                }
            })
        })
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, "")))
}
