//! What one media description of the other side says.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::codec::{Codec, HeaderExtension};
use super::super::simulcast::{self, RemoteRid, SimulcastStream};
use super::super::{Kind, NegotiationError};
use crate::attribute::{
    Direction, Extmap, Fmtp, ImageAttributes, MaxMessageSize, MaxPtime, Mid, Msid, Ptime, RidDirection,
    RtcpFeedback, RtpMap, SctpMap, SctpPort, Ssrc, SsrcGroup,
};
use crate::document::{self, Media};

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
    /// What it says of the size of pictures: values of `a=imageattr`.
    pub image_attributes: Vec<String>,
    /// Its limits, each a kind and a value in the kind's unit (`TIAS`, `AS`).
    pub bandwidths: Vec<(String, u64)>,
    /// Milliseconds of sound in a packet that it likes.
    pub ptime: Option<u16>,
    /// Milliseconds of sound in the longest packet that it takes.
    pub max_ptime: Option<u16>,
    /// Its sources, where it names them.
    pub ssrcs: Vec<u32>,
    /// Sources that belong together, with the sense in which: `FID` for a source and its repair (RFC 5576 section 4.2).
    pub ssrc_groups: Vec<(String, Vec<u32>)>,
    /// The names of the encodings that it sends, in the order of `a=simulcast`, or of `a=rid` without one.
    pub rids: Vec<String>,
    /// The encodings that it sends at once; RFC 8853.
    pub sends: Vec<SimulcastStream>,
    /// The encodings that it takes at once; RFC 8853.
    pub receives: Vec<SimulcastStream>,
    /// What it says of its encodings.
    pub(in crate::negotiation) declared: Vec<RemoteRid>,
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
    /// It takes RTCP on RTP's port or not at all (RFC 8858).
    pub rtcp_mux_only: bool,
    /// It takes RTCP packets of reduced size (RFC 5506).
    pub reduced_size_rtcp: bool,
    /// The line of its `m=`, from 1.
    pub line: usize,
    /// The name is its own, not made up.
    pub(in crate::negotiation) named: bool,
    /// The bundle it is in.
    pub(in crate::negotiation) group: Option<usize>,
    /// The ids of header extensions that go one way only, and which.
    pub(in crate::negotiation) one_way: Vec<(u8, Direction)>,
    /// Not without its bundle; RFC 9143 section 6.
    pub(in crate::negotiation) bundle_only: bool,
    /// Its address is 0.0.0.0: whoever has no ICE is to send nothing; RFC 3264 section 8.4.
    pub(in crate::negotiation) on_hold: bool,
    /// It has keys in the description; RFC 4568.
    pub(in crate::negotiation) keys: bool,
}

/// Encodings kept for one section.
const MAX_RIDS: usize = 64;
/// Sizes of pictures kept for one section, each of 512 octets.
const MAX_IMAGE_ATTRIBUTES: usize = 16;
/// Octets of one.
const MAX_IMAGE_ATTRIBUTE_LEN: usize = 512;
/// Limits kept for one section.
const MAX_BANDWIDTHS: usize = 8;
/// Feedback kept for one codec; browsers offer five.
const MAX_FEEDBACK: usize = 32;
/// Octets of one feedback's text; longer ones mean nothing to anybody.
const MAX_FEEDBACK_LEN: usize = 64;

pub(super) fn direction(section: document::Section<'_>) -> Option<Direction> {
    let flags = section.attributes().filter(|attribute| attribute.value.is_none());
    flags.filter_map(|flag| Direction::from_name(flag.name)).next()
}

pub(super) fn read_media(
    section: document::Section<'_>,
    session: document::Section<'_>,
    feedback_left: &mut usize,
) -> Result<RemoteMedia, NegotiationError> {
    let line = section.line('m').map_or(0, |line| line.index + 1);
    let mismatch = |reason| NegotiationError::Mismatch { line, reason };
    let media = section.media().ok_or(mismatch("the m= line is malformed"))?;
    let mut kind = kind_of(media);
    // What is said for the section counts, else what is said for all; RFC 8866 section 6.7.
    let way = direction(section).or(direction(session));
    let formats: Vec<&str> = media.formats().collect();
    let msid = section.attribute::<Msid<'_>>().ok().flatten();
    let mut seen = BTreeSet::new();
    let ssrcs = section.all::<Ssrc<'_>>().filter_map(Result::ok).map(|ssrc| ssrc.ssrc);
    let (extensions, one_way) = extensions(section);
    let mid = section.attribute::<Mid<'_>>()?;
    let sctp_port = sctp_port(section, &formats)?;
    // RFC 8841 section 4.3: one format, and section 5.1: a port, else the line means nothing.
    if kind == Kind::Data
        && (formats != ["webrtc-datachannel"] && section.attribute::<SctpMap<'_>>()?.is_none())
    {
        kind = Kind::Other(media.kind.to_owned());
    }
    // RFC 8841 section 9.2: data go both ways, whatever is said.
    let way = way.filter(|_| kind != Kind::Data);
    let declared = simulcast::declared(section, MAX_RIDS);
    let (sends, receives) = simulcast::streams(section, &declared);
    let connection = section.connection().or(session.connection());
    Ok(RemoteMedia {
        mid: mid.map_or(String::new(), |mid| mid.0.to_owned()),
        named: mid.is_some(),
        group: None,
        codecs: if kind.is_rtp() { codecs(section, &formats, feedback_left) } else { Vec::new() },
        kind,
        protocol: media.protocol.to_owned(),
        formats: formats.join(" "),
        direction: way.unwrap_or_default(),
        extensions,
        one_way,
        image_attributes: section
            .all::<ImageAttributes<'_>>()
            .filter_map(Result::ok)
            .map(|attributes| attributes.to_string())
            .filter(|text| text.len() <= MAX_IMAGE_ATTRIBUTE_LEN)
            .take(MAX_IMAGE_ATTRIBUTES)
            .collect(),
        bandwidths: section
            .bandwidths()
            .filter(|bandwidth| matches!(bandwidth.kind, "AS" | "TIAS" | "RR" | "RS"))
            .take(MAX_BANDWIDTHS)
            .map(|bandwidth| (bandwidth.kind.to_owned(), bandwidth.value))
            .collect(),
        ptime: section.attribute::<Ptime<'_>>()?.and_then(|ptime| milliseconds(ptime.0)),
        max_ptime: section.attribute::<MaxPtime<'_>>()?.and_then(|ptime| milliseconds(ptime.0)),
        ssrcs: ssrcs.filter(|ssrc| seen.insert(*ssrc)).collect(),
        ssrc_groups: section
            .all::<SsrcGroup<'_>>()
            .filter_map(Result::ok)
            .map(|group| (group.semantics.to_owned(), group.ssrcs().collect()))
            .collect(),
        rids: rids(&sends, &declared),
        sends,
        receives,
        declared,
        rtcp_mux: section.has("rtcp-mux"),
        rtcp_mux_only: section.has("rtcp-mux-only"),
        reduced_size_rtcp: section.has("rtcp-rsize"),
        msid: msid.map(|msid| (msid.stream.to_owned(), msid.track.unwrap_or_default().to_owned())),
        sctp_port,
        max_message_size: section.attribute::<MaxMessageSize>()?.map_or(65_536, |size| size.0),
        rejected: media.port == 0,
        bundle_only: section.has("bundle-only"),
        on_hold: connection.is_some_and(|connection| matches!(connection.base(), "0.0.0.0" | "::")),
        keys: section.has("crypto"),
        line,
    })
}

/// What simulcast lists, in its order; else what is declared to be sent.
fn rids(sends: &[SimulcastStream], declared: &[RemoteRid]) -> Vec<String> {
    if sends.is_empty() {
        let sent = declared.iter().filter(|rid| rid.direction == RidDirection::Send);
        return sent.map(|rid| rid.id.clone()).collect();
    }
    sends.iter().flat_map(|stream| stream.rids.iter().cloned()).collect()
}

/// Half a millisecond counts as a whole one; RFC 3264 section 5.1 wants more than none.
fn milliseconds(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let more = u16::from(part.bytes().any(|digit| digit != b'0'));
    whole.parse::<u16>().ok()?.checked_add(more).filter(|time| *time > 0)
}

/// The port, which an older draft said in another way; 0 means none.
fn sctp_port(section: document::Section<'_>, formats: &[&str]) -> Result<Option<u16>, NegotiationError> {
    if let Some(port) = section.attribute::<SctpPort>()? {
        return Ok(Some(port.0));
    }
    let old = section.attribute::<SctpMap<'_>>()?;
    Ok(old
        .map(|map| map.port)
        .filter(|port| formats.iter().any(|format| document::number(format) == Some(*port))))
}

/// The profiles that count as RTP or as data channels; RFC 9429 section 5.1.2.
fn kind_of(media: Media<'_>) -> Kind {
    // Whoever means DTLS by the older names says so with a fingerprint, which is asked for later.
    let rtp = matches!(
        media.protocol,
        "UDP/TLS/RTP/SAVPF"
            | "UDP/TLS/RTP/SAVP"
            | "TCP/DTLS/RTP/SAVPF"
            | "TCP/DTLS/RTP/SAVP"
            | "RTP/SAVPF"
            | "RTP/SAVP"
            | "RTP/AVPF"
            | "RTP/AVP"
    );
    match media.kind {
        "audio" if rtp => Kind::Audio,
        "video" if rtp => Kind::Video,
        "application" if matches!(media.protocol, "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP") => {
            Kind::Data
        }
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

/// Payload types whose meaning RFC 3551 section 6 fixes.
fn assigned(payload_type: u8) -> Option<RtpMap<'static>> {
    let (encoding, clock_rate, channels) = match payload_type {
        0 => ("PCMU", 8_000, None),
        3 => ("GSM", 8_000, None),
        4 => ("G723", 8_000, None),
        5 => ("DVI4", 8_000, None),
        6 => ("DVI4", 16_000, None),
        7 => ("LPC", 8_000, None),
        8 => ("PCMA", 8_000, None),
        9 => ("G722", 8_000, None),
        10 => ("L16", 44_100, Some(2)),
        11 => ("L16", 44_100, None),
        12 => ("QCELP", 8_000, None),
        13 => ("CN", 8_000, None),
        14 => ("MPA", 90_000, None),
        15 => ("G728", 8_000, None),
        16 => ("DVI4", 11_025, None),
        17 => ("DVI4", 22_050, None),
        18 => ("G729", 8_000, None),
        25 => ("CelB", 90_000, None),
        26 => ("JPEG", 90_000, None),
        28 => ("nv", 90_000, None),
        31 => ("H261", 90_000, None),
        32 => ("MPV", 90_000, None),
        33 => ("MP2T", 90_000, None),
        34 => ("H263", 90_000, None),
        _ => return None,
    };
    Some(RtpMap { payload_type, encoding, clock_rate, channels })
}
