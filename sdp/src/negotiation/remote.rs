//! What the other side's description says.

mod media;
mod transport;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub use media::RemoteMedia;
pub use transport::RemoteTransport;
pub(super) use transport::transport;

use super::codec::Codec;
use super::config::Rules;
use super::{NegotiationError, simulcast};
use crate::attribute::Group;
use crate::document::{self, Document, Limits, Profile};

/// Feedback kept for all codecs of a description: one line for all payload types (`*`) counts for each of them.
const MAX_ALL_FEEDBACK: usize = 16_384;
/// Groups of sections that are played in step, kept for the answer.
const MAX_LIP_SYNC: usize = 16;

/// A description, read.
pub(super) struct Remote {
    pub(super) media: Vec<RemoteMedia>,
    /// The bundles, each by the places of its sections, in the order in which it names them.
    pub(super) groups: Vec<Vec<usize>>,
    /// Sections to be played in step (`LS`, RFC 5888 section 7).
    pub(super) lip_sync: Vec<Vec<usize>>,
    /// All RTP may mix short and long extension headers.
    pub(super) mixed: bool,
    /// The `t=` line's value, which an answer repeats; RFC 3264 section 6.
    pub(super) timing: String,
}

impl Remote {
    /// Whether RTP and RTCP share a port: said by the section or, for a whole bundle, by its first.
    pub(super) fn multiplexed(&self, media: &RemoteMedia) -> bool {
        let group = media.group.and_then(|group| self.groups.get(group));
        let members = group.into_iter().flatten().filter_map(|number| self.media.get(*number));
        let first = members.filter(|media| !media.rejected).map(|media| media.rtcp_mux).next();
        media.rtcp_mux || first == Some(true)
    }
}

/// A description that the rules' profile takes.
pub(super) fn document(text: &[u8], rules: Rules) -> Result<Document<'_>, NegotiationError> {
    let document = Document::parse(text, &Limits::default())?;
    document.check(match rules {
        Rules::WebRtc => Profile::WebRtc,
        Rules::Sip => Profile::Sip,
    })?;
    Ok(document)
}

/// Reads everything but the transport.
pub(super) fn read(document: &Document<'_>, rules: Rules) -> Result<Remote, NegotiationError> {
    let session = document.session();
    let mut feedback_left = MAX_ALL_FEEDBACK;
    let mut media: Vec<RemoteMedia> = document
        .media()
        .map(|section| media::read_media(section, session, &mut feedback_left))
        .collect::<Result<_, _>>()?;
    let (groups, lip_sync) = name(session, &mut media)?;
    for media in &mut media {
        // RFC 9143 section 6: outside a bundle the mark means nothing, and port 0 what it always means.
        media.rejected &= !(media.bundle_only && media.group.is_some());
    }
    if rules == Rules::WebRtc {
        document.media().zip(&media).try_for_each(|(section, media)| is_consistent(section, media))?;
    }
    let rtp = |media: &&RemoteMedia| media.kind.is_rtp();
    let mixed = session.has("extmap-allow-mixed")
        || document
            .media()
            .zip(&media)
            .filter(|(_, media)| rtp(media))
            .all(|(section, media)| media.rejected || section.has("extmap-allow-mixed"));
    let timing =
        session.line('t').and_then(|line| line.text()).unwrap_or("0 0").trim_end_matches(' ').to_owned();
    Ok(Remote { media, groups, lip_sync, mixed, timing })
}

/// What lines of a section must agree on; RFC 9429 sections 5.8.3 and 5.10.
fn is_consistent(section: document::Section<'_>, media: &RemoteMedia) -> Result<(), NegotiationError> {
    let mismatch = |reason| Err(NegotiationError::Mismatch { line: media.line, reason });
    if media.rejected {
        return Ok(());
    }
    if !simulcast::is_consistent(section) {
        return mismatch("a=simulcast names an encoding that no a=rid declares");
    }
    if media.rtcp_mux_only && !media.rtcp_mux {
        return mismatch("a=rtcp-mux-only needs a=rtcp-mux");
    }
    let formats: BTreeSet<&str> = media.formats.split(' ').collect();
    let mut repairs = media.codecs.iter().filter(|codec| codec.is_repair()).filter_map(Codec::associated);
    if repairs.any(|about| !formats.contains(about.to_string().as_str())) {
        return mismatch("rtx is about a payload type that the m= line does not have");
    }
    Ok(())
}

/// The bundles and the sections that are played in step, by their places.
type Groups = (Vec<Vec<usize>>, Vec<Vec<usize>>);

/// Gives names to the sections without one, and finds the bundles by the names of the others.
fn name(session: document::Section<'_>, media: &mut [RemoteMedia]) -> Result<Groups, NegotiationError> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (number, media) in media.iter().enumerate().filter(|(_, media)| media.named) {
        if places.insert(media.mid.clone(), number).is_some() {
            let reason = "another media description has the same a=mid";
            return Err(NegotiationError::Mismatch { line: media.line, reason });
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for group in session.all::<Group<'_>>().filter_map(Result::ok).filter(|group| group.semantics == "BUNDLE")
    {
        let mut members = Vec::new();
        for number in group.mids().filter_map(|mid| places.get(mid)) {
            // A section is in one bundle; RFC 9143 section 7.
            if let Some(media) = media.get_mut(*number).filter(|media| media.group.is_none()) {
                media.group = Some(groups.len());
                members.push(*number);
            }
        }
        if !members.is_empty() {
            groups.push(members);
        }
    }
    let lip_sync = session.all::<Group<'_>>().filter_map(Result::ok).filter(|group| group.semantics == "LS");
    let lip_sync = lip_sync
        .take(MAX_LIP_SYNC)
        .map(|group| group.mids().filter_map(|mid| places.get(mid).copied()).take(places.len()).collect())
        .collect();
    let mut next = 0u32;
    for media in media.iter_mut().filter(|media| !media.named) {
        while places.contains_key(&media.mid) || media.mid.is_empty() {
            media.mid = next.to_string();
            next += 1;
        }
        places.insert(media.mid.clone(), 0);
    }
    Ok((groups, lip_sync))
}
