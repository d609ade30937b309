//! What is wrong with a description, and who minds.

use core::fmt;

use crate::attribute::{Malformed, registry};

/// Something that RFC 8866 does not allow, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Octets of the description that it is about: from, and up to but not including.
    pub span: (u32, u32),
    /// The line, from 1.
    pub line: u32,
    /// The octet in the line, from 1.
    pub column: u32,
}

/// The kinds of fault that reading a document finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The first line is not `v=0`.
    Version,
    /// A line that must be there is not.
    Missing(char),
    /// A line does not have the form `x=...`.
    Form,
    /// A letter that no RFC gives a meaning.
    UnknownType,
    /// A line stands behind one that should follow it.
    Order,
    /// A line stands twice where one is allowed.
    Repeated,
    /// A line's value breaks its format.
    Value,
    /// A line or an attribute has nothing behind its sign, where something must stand.
    EmptyValue,
    /// A `k=` line, to be discarded.
    Obsolete,
    /// An attribute's value breaks its format; [`Document::examine`](super::Document::examine) looks into values.
    Attribute(Malformed),
    /// An attribute does not agree with others, with the reason; found by `examine` too.
    Contradiction(Contradiction),
    /// An empty line.
    Empty,
    /// A line ends in LF alone.
    LineFeed,
    /// The last line does not end.
    NoLineEnd,
    /// A NUL, or a CR within a line.
    Control,
    /// A space at the end of a line.
    TrailingSpace,
    /// A value is not UTF-8.
    Utf8,
}

/// Lines that do not agree with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Contradiction {
    /// Two media descriptions have one name.
    RepeatedMid,
    /// A group names a media description that is not there.
    UnknownMid,
    /// An attribute is about a payload type that the `m=` line does not have.
    UnknownFormat,
    /// `a=simulcast` names an encoding that no `a=rid` declares for its direction.
    UnknownRid,
    /// Two `a=rid` of a section have one name.
    RepeatedRid,
    /// An attribute that may stand once stands twice.
    RepeatedAttribute,
    /// Two header extensions have one id.
    RepeatedExtmap,
    /// An attribute stands at the session that belongs to media descriptions, or the other way round.
    Level,
    /// `a=bundle-only` at a port that is not 0.
    BundleOnlyPort,
}

impl Contradiction {
    const fn text(self) -> &'static str {
        match self {
            Self::RepeatedMid => "another media description has this name",
            Self::UnknownMid => "no media description has a name in this group",
            Self::UnknownFormat => "the m= line does not have this format",
            Self::UnknownRid => "no a=rid declares an encoding in this list, for its direction",
            Self::RepeatedRid => "another a=rid of this section has the name",
            Self::RepeatedAttribute => "the attribute is there already",
            Self::RepeatedExtmap => "another a=extmap has this id",
            Self::Level => "the attribute does not belong at this level",
            Self::BundleOnlyPort => "a=bundle-only belongs to port 0",
        }
    }

    const fn reference(self) -> &'static str {
        match self {
            Self::RepeatedMid => "RFC 5888 section 4",
            Self::UnknownMid => "RFC 5888 section 5",
            Self::UnknownFormat | Self::RepeatedAttribute => "RFC 8866 section 6",
            Self::UnknownRid => "RFC 8853 section 5.1",
            Self::RepeatedRid => "RFC 8851 section 4",
            Self::RepeatedExtmap => "RFC 8285 section 8",
            Self::Level => "RFC 8866 section 5.13",
            Self::BundleOnlyPort => "RFC 9143 section 6",
        }
    }
}

impl FindingKind {
    /// The RFC and section that it rests on.
    pub fn reference(self) -> &'static str {
        match self {
            Self::Version => "RFC 8866 section 5.1",
            Self::Missing('o') => "RFC 8866 section 5.2",
            Self::Missing('s') => "RFC 8866 section 5.3",
            Self::Missing('c') => "RFC 8866 section 5.7",
            Self::Missing('t') => "RFC 8866 section 5.9",
            Self::Obsolete => "RFC 8866 section 5.12",
            Self::Missing(_) | Self::Order | Self::Repeated | Self::LineFeed | Self::UnknownType => {
                "RFC 8866 section 5"
            }
            Self::Utf8 => "RFC 8866 section 6.10",
            Self::Attribute(malformed) => registry::reference(malformed.name).unwrap_or("its own definition"),
            Self::Contradiction(contradiction) => contradiction.reference(),
            _ => "RFC 8866 section 9",
        }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Wrong, and harmless to whoever reads.
    Warning,
    /// The description is not to be used.
    Error,
}

/// For whom a description is judged: the same reading, different severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// RFC 8866 to the letter, but for LF line ends, which it asks receivers to take.
    Strict,
    /// What browsers make; JSEP.
    WebRtc,
    /// Telephones, which end lines as they please.
    Sip,
    /// Cameras: whatever can be understood.
    Lenient,
}

impl Profile {
    /// How much a finding matters to this profile.
    pub fn severity(self, kind: FindingKind) -> Severity {
        use FindingKind as Kind;
        match (self, kind) {
            // RFC 8866 section 5: receivers should take LF alone; section 5.12 has them discard keys.
            (_, Kind::LineFeed | Kind::Obsolete) => Severity::Note,
            (Self::Strict, _)
            | (Self::WebRtc, Kind::Missing('o' | 's' | 't') | Kind::Order | Kind::Repeated | Kind::Utf8)
            | (Self::Sip, Kind::Missing('o' | 's'))
            | (Self::WebRtc | Self::Sip, Kind::Value | Kind::Version)
            | (Self::WebRtc | Self::Sip | Self::Lenient, Kind::Form | Kind::Control) => Severity::Error,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("the first line is not v=0"),
            Self::Missing(kind) => write!(f, "no {kind}= line before here"),
            Self::Form => f.write_str("the line has not the form x=value"),
            Self::UnknownType => f.write_str("no line has this letter"),
            Self::Order => f.write_str("the line stands behind one that should follow it"),
            Self::Repeated => f.write_str("the line is there already"),
            Self::Value => f.write_str("the value breaks the line's format"),
            Self::EmptyValue => f.write_str("nothing stands where a value should"),
            Self::Obsolete => f.write_str("keys are not sent like this any more, and are discarded"),
            Self::Attribute(malformed) => malformed.fmt(f),
            Self::Contradiction(contradiction) => f.write_str(contradiction.text()),
            Self::Empty => f.write_str("the line is empty"),
            Self::LineFeed => f.write_str("the line ends in LF alone"),
            Self::NoLineEnd => f.write_str("the last line does not end"),
            Self::Control => f.write_str("a NUL or a CR stands in the line"),
            Self::TrailingSpace => f.write_str("the line ends in a space"),
            Self::Utf8 => f.write_str("the value is not UTF-8"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, line, column, .. } = self;
        write!(f, "line {line}, column {column}: {kind} ({})", kind.reference())
    }
}
