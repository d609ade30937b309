//! Attributes as typed views: read when asked for, from the text where it lies.

mod any;
mod candidate;
mod capability;
mod format;
mod ice;
mod identity;
mod media;
mod plain;
pub mod registry;
mod rid;
mod security;
mod shape;
mod stream;
mod transport;

use core::fmt;

pub use any::AnyAttribute;
pub use candidate::Candidate;
pub use capability::{
    ActualConfiguration, AlternativeConnection, AttributeCapability, BandwidthCapability,
    CapabilityDescription, CapabilityParameter, CapabilityParameterLeast, CapabilityParameterMost,
    ConfirmStatus, ConnectionCapability, CurrentStatus, DataChannelAttribute, DataChannelMap, DesiredStatus,
    FloorId, LatentConfiguration, MediaFormatCapability, MediaSpecificCapability, OtherMediaCapability,
    PotentialConfiguration, Precondition, RemoteCandidates, RtpMediaCapability, SessionCapability,
    TitleCapability, TransportCapability,
};
pub use format::{Extmap, Fmtp, RtcpFeedback, RtpMap};
pub use ice::{IcePassword, IceUfrag};
pub use identity::{Fingerprint, HashFunction, Setup};
pub use media::{
    Depend, FileRange, FrameSize, ImageAttributes, ImageSize, MediaClock, Quality, ReferenceClock,
    RepairWindow, SourceFilter,
};
pub use plain::{
    AcceptTypes, AcceptWrappedTypes, BfcpVersion, BundleOnly, CapabilityRequired, CapabilitySequence,
    CapabilitySupported, Category, Channel, ChannelMid, Charset, ConferenceId, ConnectionUse, Content,
    Control, ControlFrameworkId, Cryptex, DccpPort, DccpServiceCode, DuplicationDelay, EndOfCandidates, Etag,
    ExtmapAllowMixed, FecRepairFlow, FecSourceFlow, FileDate, FileDisposition, FileIcon, FileSelector,
    FileTransferId, FloorControl, Framerate, HumanLanguageReceive, HumanLanguageSend, IceLite, IceMismatch,
    IceOptions, IcePacing, Identity, Keywords, Label, Language, Loopback, LoopbackMirror, LoopbackSource,
    MaxMessageSize, MaxPacketRate, MaxPtime, MaxSize, Mid, MsrpCema, Mtag, MulticastRtcp, Orientation, Path,
    PortMappingRequest, Ptime, QosMechanismReceive, QosMechanismSend, RamsUpdates, Range, Resource, RtcpIdms,
    RtcpMux, RtcpMuxOnly, RtcpReducedSize, RtcpUnicast, RtcpXr, SctpInit, SctpPort, SdpLanguage,
    SecureWebSocketUri, SessionType, T38FaxFillBitRemoval, T38FaxMaxBuffer, T38FaxMaxDatagram, T38FaxMaxIfp,
    T38FaxRateManagement, T38FaxTranscodingJbig, T38FaxTranscodingMmr, T38FaxUdpErrorCorrection,
    T38FaxUdpFecMaxSpan, T38FaxVersion, T38MaxBitRate, T38ModemType, T38VendorInfo, TlsId, Tool, UserId,
    WebSocketUri, ZrtpHash,
};
pub use rid::{Rid, RidDirection, Simulcast};
pub use security::{Crypto, CryptoKey, KeyManagement};
pub use stream::{Direction, Group, Msid, Ssrc, SsrcGroup};
pub use transport::{MsidSemantic, Rtcp, SctpMap};

/// An attribute as it stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// The name, before the colon.
    pub name: &'a str,
    /// What follows the colon; `None` without one, which is not the same as empty.
    pub value: Option<&'a str>,
    /// The line's number in the document, from 0.
    pub line: usize,
}

/// An attribute that breaks its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {kind}", .line + 1)]
pub struct AttributeError {
    /// What is wrong.
    pub kind: Malformed,
    /// The line's number in the document, from 0.
    pub line: usize,
}

/// What is wrong with an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("a={name}: {expected} expected at octet {offset} of the value")]
pub struct Malformed {
    /// The attribute.
    pub name: &'static str,
    /// What should stand there.
    pub expected: &'static str,
    /// Octets from the start of the value.
    pub offset: usize,
}

/// An attribute that knows its name and its format. Implement it to give an attribute a type of your own.
///
/// Writing is `Display`, which gives the value; [`crate::Writer`] sees to it that no value ends a line.
pub trait Attribute<'a>: Sized + fmt::Display {
    /// The name before the colon.
    const NAME: &'static str;
    /// Whether there is a value.
    const FORM: Form = Form::Value;

    /// Reads the value.
    ///
    /// # Errors
    /// The value breaks the format.
    fn parse(value: &'a str) -> Result<Self, Malformed>;
}

/// Whether an attribute has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `a=name`, no colon.
    Flag,
    /// `a=name:value`.
    Value,
    /// Either.
    Any,
}

/// Reads an attribute as it stands in its line: a flag has no colon, and what has a value has one.
///
/// # Errors
/// The value breaks the format, is missing, or is there where none may be.
pub fn read<'a, A: Attribute<'a>>(value: Option<&'a str>) -> Result<A, Malformed> {
    match (A::FORM, value) {
        (Form::Flag, Some(_)) => Err(Malformed { name: A::NAME, expected: "no value", offset: 0 }),
        (_, value) => A::parse(value.unwrap_or_default()),
    }
}

/// Goes through a value field by field, and knows where it stands.
#[derive(Debug, Clone, Copy)]
struct Fields<'a> {
    name: &'static str,
    rest: &'a str,
    offset: usize,
}

impl<'a> Fields<'a> {
    fn new(name: &'static str, value: &'a str) -> Self {
        Self { name, rest: value, offset: 0 }
    }

    /// Everything up to `separator`, which is taken too, or up to the end.
    fn until(&mut self, separator: char) -> &'a str {
        let (field, rest, taken) = match self.rest.split_once(separator) {
            Some((field, rest)) => (field, rest, field.len() + separator.len_utf8()),
            None => (self.rest, "", self.rest.len()),
        };
        self.rest = rest;
        self.offset += taken;
        field
    }

    /// A field that satisfies `good`, up to `separator`.
    fn expect(
        &mut self,
        separator: char,
        expected: &'static str,
        good: impl FnOnce(&str) -> bool,
    ) -> Result<&'a str, Malformed> {
        let before = *self;
        let field = self.until(separator);
        if good(field) { Ok(field) } else { Err(before.error(expected)) }
    }

    fn token(&mut self, separator: char, expected: &'static str) -> Result<&'a str, Malformed> {
        self.expect(separator, expected, |field| !field.is_empty() && !field.contains(' '))
    }

    fn number<N: core::str::FromStr>(
        &mut self,
        separator: char,
        expected: &'static str,
    ) -> Result<N, Malformed> {
        let before = *self;
        crate::document::number(self.until(separator)).ok_or_else(|| before.error(expected))
    }

    fn error(&self, expected: &'static str) -> Malformed {
        Malformed { name: self.name, expected, offset: self.offset }
    }
}
