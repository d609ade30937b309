//! What a side is, can do, and wants of the exchange.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::codec::{Codec, HeaderExtension};
use crate::attribute::Fingerprint;

/// What the sections of a description are about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels.
    Data,
    /// Something that this side does not do; always refused.
    Other(String),
}

impl Kind {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Data => "application",
            Self::Other(name) => name,
        }
    }

    /// Whether it goes over RTP.
    pub(super) fn is_rtp(&self) -> bool {
        matches!(self, Self::Audio | Self::Video)
    }
}

/// What this side can do with one kind of medium.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Codecs, the one we like best first.
    pub codecs: Vec<Codec>,
    /// Header extensions.
    pub extensions: Vec<HeaderExtension>,
}

/// Whose rules descriptions follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Rules {
    /// JSEP (RFC 9429): ICE and DTLS always, media bundled.
    #[default]
    WebRtc,
    /// Telephones (RFC 3264): each medium has an address of its own, keys in the description (RFC 4568) or none; ICE,
    /// DTLS and BUNDLE are answered where they are offered, and offered where an endpoint has them.
    Sip,
}

/// How an offer asks for media to share a transport; RFC 9429 section 4.1.1. Whatever the policy, a section that has no
/// transport of its own but the one they all may share is offered as `bundle-only`, except under
/// [`MaxCompat`](Self::MaxCompat).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BundlePolicy {
    /// The first section of each kind may stand on its own.
    #[default]
    Balanced,
    /// Each section may stand on its own; one without a transport of its own repeats the shared one.
    MaxCompat,
    /// Only the first section has a transport, and answers take nothing that is not bundled with it.
    MaxBundle,
}

/// Whether RTCP may have a port of its own; RFC 9429 section 4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RtcpMuxPolicy {
    /// RTP without RTCP on the same port is refused.
    #[default]
    Require,
    /// Both ways are offered and taken, outside bundles.
    Negotiate,
}

/// What this side is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The session's number in `o=`; random, below 2^63. RFC 9429 section 5.2.1.
    pub session_id: u64,
    /// The canonical name of our sources.
    pub cname: String,
    /// What we can do with sound.
    pub audio: Capabilities,
    /// What we can do with pictures.
    pub video: Capabilities,
    /// Octets of the largest message that we take over data channels; `None` if we do no data channels.
    pub max_message_size: Option<u64>,
    /// The port within the SCTP association, 1 or more; default 5000.
    pub sctp_port: u16,
    /// Whose rules hold; default [`Rules::WebRtc`].
    pub rules: Rules,
    /// How media are bundled; default [`BundlePolicy::Balanced`].
    pub bundle: BundlePolicy,
    /// Where RTCP goes; default [`RtcpMuxPolicy::Require`].
    pub rtcp_mux: RtcpMuxPolicy,
    /// The name of the DTLS association (RFC 8842): 20 to 255 characters with 120 bits of randomness, new with each
    /// association; `None` leaves it out, as browsers do.
    pub tls_id: Option<String>,
    /// We answer checks and make none; RFC 8839 section 5.3.
    pub ice_lite: bool,
    /// How many encodings of one source we take, 0 for no simulcast; default 8.
    pub simulcast_streams: usize,
    /// Milliseconds of sound in a packet that we like (`a=ptime`).
    pub ptime: Option<u16>,
}

impl Config {
    /// A side that can do nothing yet.
    pub fn new(session_id: u64, cname: impl Into<String>) -> Self {
        Self {
            session_id: session_id & (u64::MAX >> 1),
            cname: cname.into(),
            audio: Capabilities::default(),
            video: Capabilities::default(),
            max_message_size: None,
            sctp_port: 5000,
            rules: Rules::default(),
            bundle: BundlePolicy::default(),
            rtcp_mux: RtcpMuxPolicy::default(),
            tls_id: None,
            ice_lite: false,
            simulcast_streams: 8,
            ptime: None,
        }
    }
}

/// How this side is reached over ICE and DTLS, for the description that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTransport {
    /// The user name's fragment.
    pub ufrag: String,
    /// The password.
    pub password: String,
    /// The hash of our certificate.
    pub fingerprint: Fingerprint,
    /// Candidates gathered so far: values of `a=candidate`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
}

/// How this side is reached without ICE: an address and a port for each medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainTransport {
    /// Where media are received.
    pub address: IpAddr,
    /// The port of RTP, not 0.
    pub port: u16,
    /// The port of RTCP; `None` for the next one. The same as `port` where both share it.
    pub rtcp_port: Option<u16>,
    /// Keys of SRTP that we send with, the suite that we like best first; none for RTP that anybody may read.
    pub keys: Vec<SdesKey>,
}

/// A key that the description carries; RFC 4568.
#[derive(Clone, PartialEq, Eq)]
pub struct SdesKey {
    /// The suite, such as `AES_CM_128_HMAC_SHA1_80`.
    pub suite: String,
    /// Master key and salt in base64, new for each description.
    pub key_and_salt: String,
}

/// Without the key.
impl core::fmt::Debug for SdesKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SdesKey").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// A transport that one section has for itself; see [`Negotiator::set_endpoint`](super::Negotiator::set_endpoint).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// ICE and DTLS.
    Secure(LocalTransport),
    /// An address and a port.
    Plain(PlainTransport),
}

/// Something that this side sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The stream's name.
    pub stream: String,
    /// The track's name.
    pub track: String,
    /// Its RTP source.
    pub ssrc: u32,
}

/// One of several encodings of a track that are sent at once; RFC 8853.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// Its name: letters, digits, `-` and `_`, best no more than 3.
    pub rid: String,
    /// What restricts it (`max-width=640;max-fps=15`), empty for nothing.
    pub restrictions: String,
    /// It is not sent for now.
    pub paused: bool,
}

impl Encoding {
    /// An encoding without restrictions that is sent.
    pub fn new(rid: &str) -> Self {
        Self { rid: rid.into(), restrictions: String::new(), paused: false }
    }
}
