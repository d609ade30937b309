//! What the other side's description says.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Kind, NegotiationError};
use crate::attribute::{
    Direction, Extmap, Fingerprint, Fmtp, IcePassword, IceUfrag, MaxMessageSize, Msid, RtcpFeedback, RtpMap,
    SctpPort, Setup, Ssrc,
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
    /// Stream and track, where it names them.
    pub msid: Option<(String, String)>,
    /// The SCTP port, for data channels.
    pub sctp_port: Option<u16>,
    /// Octets of the largest message it takes, 0 for any; 65,536 where it says nothing (RFC 8841 section 6.1).
    pub max_message_size: u64,
    /// Port 0 without `bundle-only`: refused or ended.
    pub rejected: bool,
    /// The line of its `m=`, from 1.
    pub line: usize,
}

/// A description, read.
pub(super) struct Remote {
    pub(super) transport: Option<RemoteTransport>,
    pub(super) media: Vec<RemoteMedia>,
}

/// Reads a description in the WebRTC profile.
pub(super) fn read(text: &[u8]) -> Result<Remote, NegotiationError> {
    let document = Document::parse(text, &Limits::default())?;
    document.check(Profile::WebRtc)?;
    let media: Vec<RemoteMedia> = document
        .media()
        .enumerate()
        .map(|(number, section)| read_media(number, section))
        .collect::<Result<_, _>>()?;
    // The first section that is not refused carries the transport for all of its bundle.
    let carrier = document.media().zip(&media).find(|(_, media)| !media.rejected);
    let transport = match carrier {
        Some((section, media)) => Some(read_transport(&document, section, media.line)?),
        None => None,
    };
    Ok(Remote { transport, media })
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
    let own: Vec<Fingerprint> = section.all::<Fingerprint>().filter_map(Result::ok).collect();
    let fingerprints =
        if own.is_empty() { session.all::<Fingerprint>().filter_map(Result::ok).collect() } else { own };
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

fn read_media(number: usize, section: document::Section<'_>) -> Result<RemoteMedia, NegotiationError> {
    let line = section.line('m').map_or(0, |line| line.index + 1);
    let mismatch = |reason| NegotiationError::Mismatch { line, reason };
    let media = section.media().ok_or(mismatch("the m= line is malformed"))?;
    let kind = kind_of(media);
    let direction = section.attributes().find_map(|attribute| {
        attribute.value.is_none().then(|| Direction::from_name(attribute.name)).flatten()
    });
    let formats: Vec<&str> = media.formats().collect();
    let msid = section.attribute::<Msid<'_>>().ok().flatten();
    let mut ssrcs: Vec<u32> =
        section.all::<Ssrc<'_>>().filter_map(Result::ok).map(|ssrc| ssrc.ssrc).collect();
    ssrcs.dedup();
    Ok(RemoteMedia {
        mid: section.value("mid").map_or_else(|| number.to_string(), ToOwned::to_owned),
        codecs: if matches!(kind, Kind::Audio | Kind::Video) {
            codecs(section, &formats)
        } else {
            Vec::new()
        },
        kind,
        protocol: media.protocol.to_owned(),
        formats: formats.join(" "),
        direction: direction.unwrap_or_default(),
        extensions: section
            .all::<Extmap<'_>>()
            .filter_map(Result::ok)
            .filter_map(|map| {
                Some(HeaderExtension { id: u8::try_from(map.id).ok()?, uri: map.uri.to_owned() })
            })
            .collect(),
        ssrcs,
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

/// The codecs in the order of the formats. One without a map, or whose map is malformed, is left out.
fn codecs(section: document::Section<'_>, formats: &[&str]) -> Vec<Codec> {
    let maps: Vec<RtpMap<'_>> = section.all().filter_map(Result::ok).collect();
    let parameters: Vec<Fmtp<'_>> = section.all().filter_map(Result::ok).collect();
    let feedback: Vec<RtcpFeedback<'_>> = section.all().filter_map(Result::ok).collect();
    formats
        .iter()
        .filter_map(|format| {
            let payload_type: u8 = document::number(format)?;
            let map = maps.iter().find(|map| map.payload_type == payload_type)?;
            let parameters = parameters.iter().find(|fmtp| fmtp.format == *format);
            let about =
                |known: &&RtcpFeedback<'_>| known.payload_type.is_none_or(|about| about == payload_type);
            Some(Codec {
                payload_type,
                name: map.encoding.to_owned(),
                clock_rate: map.clock_rate,
                channels: map.channels,
                parameters: parameters.map_or(String::new(), |fmtp| fmtp.parameters.to_owned()),
                feedback: feedback.iter().filter(about).map(|known| known.feedback.to_owned()).collect(),
            })
        })
        .collect()
}
