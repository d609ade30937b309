//! What the other side's description says.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Kind, NegotiationError};
use crate::attribute::{
    Direction, Extmap, Fingerprint, Fmtp, Group, IcePassword, IceUfrag, MaxMessageSize, Mid, Msid, Rid,
    RidDirection, RtcpFeedback, RtpMap, SctpPort, Setup, Ssrc, SsrcGroup,
};
use crate::document::{self, Document, Limits, Media, Profile};

/// How the other side is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteTransport {
    /// The user name's fragment.
    pub ufrag: String,
    /// The password.
    pub password: String,
    /// It does only the lite part of ICE.
    pub ice_lite: bool,
    /// It may send candidates later.
    pub trickle: bool,
    /// The hashes of the certificate that it will show: any of them may be used.
    pub fingerprints: Vec<Fingerprint>,
    /// Who begins the handshake, in its words.
    pub setup: Setup,
    /// Candidates: values of `a=candidate`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
}

/// One media description of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteMedia {
    /// Its name; made up where it gave none.
    pub mid: String,
    /// What it is about.
    pub kind: Kind,
    /// The `m=` line's protocol, to be repeated.
    pub protocol: String,
    /// The `m=` line's formats, to be repeated where it is refused.
    pub formats: String,
    /// Which way, in its words.
    pub direction: Direction,
    /// Its codecs.
    pub codecs: Vec<Codec>,
    /// Its header extensions.
    pub extensions: Vec<HeaderExtension>,
    /// Its sources, where it names them.
    pub ssrcs: Vec<u32>,
    /// Sources that belong together, with the sense in which: `FID` for a source and its repair (RFC 5576 section 4.2).
    pub ssrc_groups: Vec<(String, Vec<u32>)>,
    /// The names of the encodings that it sends (`a=rid`), in their order.
    pub rids: Vec<String>,
    /// Stream and track, where it names them.
    pub msid: Option<(String, String)>,
    /// The SCTP port, for data channels.
    pub sctp_port: Option<u16>,
    /// Octets of the largest message it takes, 0 for any; 65,536 where it says nothing (RFC 8841 section 6.1).
    pub max_message_size: u64,
    /// Port 0 without `bundle-only`: refused or ended.
    pub rejected: bool,
    /// It takes RTCP on RTP's port; in a bundle its first section may say so for all.
    pub rtcp_mux: bool,
    /// It takes RTCP packets of reduced size (RFC 5506).
    pub reduced_size_rtcp: bool,
    /// The line of its `m=`, from 1.
    pub line: usize,
    /// The name is its own, not made up.
    pub(super) named: bool,
    /// The bundle it is in.
    pub(super) group: Option<usize>,
    /// The ids of header extensions that go one way only, and which.
    pub(super) one_way: Vec<(u8, Direction)>,
}

/// Feedback kept for one codec; browsers offer five.
const MAX_FEEDBACK: usize = 32;
/// Octets of one feedback's text; longer ones mean nothing to anybody.
const MAX_FEEDBACK_LEN: usize = 64;
/// Feedback kept for all codecs of a description: one line for all payload types (`*`) counts for each of them.
const MAX_ALL_FEEDBACK: usize = 16_384;
/// Fingerprints kept for the transport; browsers offer one.
const MAX_FINGERPRINTS: usize = 16;

/// A description, read.
pub(super) struct Remote {
    pub(super) media: Vec<RemoteMedia>,
    /// The bundles, each by the places of its sections, in the order in which it names them.
    pub(super) groups: Vec<Vec<usize>>,
    /// All RTP may mix short and long extension headers.
    pub(super) mixed: bool,
}

impl Remote {
    /// Whether RTP and RTCP share a port: said by the section or, for a whole bundle, by its first.
    pub(super) fn multiplexed(&self, media: &RemoteMedia) -> bool {
        let group = media.group.and_then(|group| self.groups.get(group));
        let first = group.and_then(|group| group.iter().find(|number| !self.media[**number].rejected));
        media.rtcp_mux || first.is_some_and(|first| self.media[*first].rtcp_mux)
    }
}

/// A description that the WebRTC profile takes.
pub(super) fn document(text: &[u8]) -> Result<Document<'_>, NegotiationError> {
    let document = Document::parse(text, &Limits::default())?;
    document.check(Profile::WebRtc)?;
    Ok(document)
}

/// Reads everything but the transport.
pub(super) fn read(document: &Document<'_>) -> Result<Remote, NegotiationError> {
    let session = document.session();
    let common = direction(session);
    let mut feedback_left = MAX_ALL_FEEDBACK;
    let mut media: Vec<RemoteMedia> = document
        .media()
        .map(|section| read_media(section, common, &mut feedback_left))
        .collect::<Result<_, _>>()?;
    let groups = name(session, &mut media)?;
    let rtp = |media: &&RemoteMedia| matches!(media.kind, Kind::Audio | Kind::Video);
    let mixed = session.has("extmap-allow-mixed")
        || document
            .media()
            .zip(&media)
            .filter(|(_, media)| rtp(media))
            .all(|(section, media)| media.rejected || section.has("extmap-allow-mixed"));
    Ok(Remote { media, groups, mixed })
}

/// Gives names to the sections without one, and finds the bundles by the names of the others.
fn name(
    session: document::Section<'_>,
    media: &mut [RemoteMedia],
) -> Result<Vec<Vec<usize>>, NegotiationError> {
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
    let mut next = 0u32;
    for media in media.iter_mut().filter(|media| !media.named) {
        while places.contains_key(&media.mid) || media.mid.is_empty() {
            media.mid = next.to_string();
            next += 1;
        }
        places.insert(media.mid.clone(), 0);
    }
    Ok(groups)
}

/// The transport that these sections share: that of the first, else that of the first which gives one.
pub(super) fn transport(
    document: &Document<'_>,
    remote: &Remote,
    carried: &[usize],
) -> Result<Option<RemoteTransport>, NegotiationError> {
    let Some(first) = carried.first() else { return Ok(None) };
    // The section that speaks for a bundle may be one that is not carried.
    let bundle =
        remote.media[*first].group.and_then(|group| remote.groups.get(group)).map_or(carried, |group| group);
    let sections: Vec<document::Section<'_>> = document.media().collect();
    let has = |number: &&usize| sections.get(**number).is_some_and(|section| section.has("ice-ufrag"));
    let speaker = core::iter::once(first).chain(bundle).find(has).unwrap_or(first);
    let Some((section, line)) = sections.get(*speaker).zip(remote.media.get(*speaker)) else {
        return Ok(None);
    };
    read_transport(document, *section, line.line).map(Some)
}

fn read_transport(
    document: &Document<'_>,
    section: document::Section<'_>,
    line: usize,
) -> Result<RemoteTransport, NegotiationError> {
    let session = document.session();
    let missing = |what| NegotiationError::Missing { line, what };
    // What is said for the section counts, else what is said for all.
    let ufrag =
        section.attribute::<IceUfrag<'_>>()?.or(session.attribute()?).ok_or(missing("a=ice-ufrag"))?;
    let password =
        section.attribute::<IcePassword<'_>>()?.or(session.attribute()?).ok_or(missing("a=ice-pwd"))?;
    let setup = section.attribute::<Setup>()?.or(session.attribute()?);
    let all = |section: document::Section<'_>| -> Vec<Fingerprint> {
        section.all::<Fingerprint>().filter_map(Result::ok).take(MAX_FINGERPRINTS).collect()
    };
    let own = all(section);
    let fingerprints = if own.is_empty() { all(session) } else { own };
    if fingerprints.is_empty() {
        return Err(missing("an a=fingerprint with SHA-256, SHA-384 or SHA-512"));
    }
    let options = [session.value("ice-options"), section.value("ice-options")];
    Ok(RemoteTransport {
        ufrag: ufrag.0.to_owned(),
        password: password.0.to_owned(),
        ice_lite: session.has("ice-lite") || section.has("ice-lite"),
        trickle: options
            .into_iter()
            .flatten()
            .any(|options| options.split(' ').any(|option| option == "trickle")),
        fingerprints,
        // RFC 8842 section 5.3: an offer says actpass, and whoever says nothing means active.
        setup: setup.unwrap_or(Setup::Active),
        candidates: section
            .attributes()
            .filter(|attribute| attribute.name == "candidate")
            .filter_map(|attribute| attribute.value.map(ToOwned::to_owned))
            .collect(),
        end_of_candidates: section.has("end-of-candidates") || session.has("end-of-candidates"),
    })
}

fn direction(section: document::Section<'_>) -> Option<Direction> {
    let flags = section.attributes().filter(|attribute| attribute.value.is_none());
    flags.filter_map(|flag| Direction::from_name(flag.name)).next()
}

fn read_media(
    section: document::Section<'_>,
    common: Option<Direction>,
    feedback_left: &mut usize,
) -> Result<RemoteMedia, NegotiationError> {
    let line = section.line('m').map_or(0, |line| line.index + 1);
    let mismatch = |reason| NegotiationError::Mismatch { line, reason };
    let media = section.media().ok_or(mismatch("the m= line is malformed"))?;
    let kind = kind_of(media);
    // What is said for the section counts, else what is said for all; RFC 8866 section 6.7.
    let direction = direction(section).or(common);
    let formats: Vec<&str> = media.formats().collect();
    let msid = section.attribute::<Msid<'_>>().ok().flatten();
    let mut seen = BTreeSet::new();
    let ssrcs = section.all::<Ssrc<'_>>().filter_map(Result::ok).map(|ssrc| ssrc.ssrc);
    let (extensions, one_way) = extensions(section);
    let mid = section.attribute::<Mid<'_>>()?;
    Ok(RemoteMedia {
        mid: mid.map_or(String::new(), |mid| mid.0.to_owned()),
        named: mid.is_some(),
        group: None,
        codecs: if matches!(kind, Kind::Audio | Kind::Video) {
            codecs(section, &formats, feedback_left)
        } else {
            Vec::new()
        },
        kind,
        protocol: media.protocol.to_owned(),
        formats: formats.join(" "),
        direction: direction.unwrap_or_default(),
        extensions,
        one_way,
        ssrcs: ssrcs.filter(|ssrc| seen.insert(*ssrc)).collect(),
        ssrc_groups: section
            .all::<SsrcGroup<'_>>()
            .filter_map(Result::ok)
            .map(|group| (group.semantics.to_owned(), group.ssrcs().collect()))
            .collect(),
        rids: section
            .all::<Rid<'_>>()
            .filter_map(Result::ok)
            .filter(|rid| rid.direction == RidDirection::Send)
            .map(|rid| rid.id.to_owned())
            .collect(),
        rtcp_mux: section.has("rtcp-mux"),
        reduced_size_rtcp: section.has("rtcp-rsize"),
        msid: msid.map(|msid| (msid.stream.to_owned(), msid.track.unwrap_or_default().to_owned())),
        sctp_port: section.attribute::<SctpPort>()?.map(|port| port.0),
        max_message_size: section.attribute::<MaxMessageSize>()?.map_or(65_536, |size| size.0),
        rejected: media.port == 0 && !section.has("bundle-only"),
        line,
    })
}

fn kind_of(media: Media<'_>) -> Kind {
    let rtp = media.protocol.contains("RTP/SAVP");
    match media.kind {
        "audio" if rtp => Kind::Audio,
        "video" if rtp => Kind::Video,
        "application" if media.protocol.contains("DTLS/SCTP") => Kind::Data,
        other => Kind::Other(other.to_owned()),
    }
}

/// The header extensions, an id once, and those that go one way only.
fn extensions(section: document::Section<'_>) -> (Vec<HeaderExtension>, Vec<(u8, Direction)>) {
    let (mut extensions, mut one_way, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for map in section.all::<Extmap<'_>>().filter_map(Result::ok) {
        let Some(id) = u8::try_from(map.id).ok().filter(|id| seen.insert(*id)) else { continue };
        extensions.push(HeaderExtension { id, uri: map.uri.to_owned() });
        one_way.extend(map.direction.filter(|way| *way != Direction::SendRecv).map(|way| (id, way)));
    }
    (extensions, one_way)
}

/// The codecs in the order of the formats, a payload type once, so that no list in a description multiplies another.
/// One without a map has the meaning of RFC 3551 section 6, if any; one whose map is malformed is left out.
fn codecs(section: document::Section<'_>, formats: &[&str], feedback_left: &mut usize) -> Vec<Codec> {
    let maps: Vec<RtpMap<'_>> = section.all().filter_map(Result::ok).collect();
    let parameters: Vec<Fmtp<'_>> = section.all().filter_map(Result::ok).collect();
    let useful = |known: &RtcpFeedback<'_>| known.feedback.len() <= MAX_FEEDBACK_LEN;
    let feedback: Vec<RtcpFeedback<'_>> = section.all().filter_map(Result::ok).filter(useful).collect();
    let mut seen = BTreeSet::new();
    let types =
        formats.iter().filter_map(|format| document::number::<u8>(format).filter(|number| *number < 128));
    types
        .filter(|payload_type| seen.insert(*payload_type))
        .filter_map(|payload_type| {
            let map = maps.iter().find(|map| map.payload_type == payload_type).copied();
            let map = map.or_else(|| assigned(payload_type))?;
            let about = |fmtp: &&Fmtp<'_>| document::number(fmtp.format) == Some(payload_type);
            let parameters = parameters.iter().find(about);
            let about =
                |known: &&RtcpFeedback<'_>| known.payload_type.is_none_or(|about| about == payload_type);
            let feedback = feedback.iter().filter(about).take(MAX_FEEDBACK.min(*feedback_left));
            let feedback: Vec<String> = feedback.map(|known| known.feedback.to_owned()).collect();
            *feedback_left -= feedback.len();
            Some(Codec {
                payload_type,
                name: map.encoding.to_owned(),
                clock_rate: map.clock_rate,
                channels: map.channels,
                parameters: parameters.map_or(String::new(), |fmtp| fmtp.parameters.to_owned()),
                feedback,
            })
        })
        .collect()
}

/// Payload types whose meaning RFC 3551 section 6 fixes and browsers use.
fn assigned(payload_type: u8) -> Option<RtpMap<'static>> {
    let encoding = match payload_type {
        0 => "PCMU",
        8 => "PCMA",
        9 => "G722",
        13 => "CN",
        _ => return None,
    };
    Some(RtpMap { payload_type, encoding, clock_rate: 8_000, channels: None })
}
