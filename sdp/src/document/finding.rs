//! What is wrong with a description, and who minds.

use core::fmt;

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

impl FindingKind {
    /// The section of RFC 8866 that it rests on.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Version => "5.1",
            Self::Missing('o') => "5.2",
            Self::Missing('s') => "5.3",
            Self::Missing('t') => "5.9",
            Self::Missing(_) | Self::Order | Self::Repeated => "5",
            Self::Utf8 => "4.1",
            _ => "9",
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
            // RFC 8866 section 5: receivers should take LF alone.
            (_, Kind::LineFeed) => Severity::Note,
            (Self::Strict, _)
            | (Self::WebRtc, Kind::Missing(_) | Kind::Order | Kind::Repeated | Kind::Utf8)
            | (Self::Sip, Kind::Missing('o' | 's'))
            | (Self::WebRtc | Self::Sip, Kind::Value | Kind::Version)
            | (Self::WebRtc | Self::Sip | Self::Lenient, Kind::Form | Kind::Control) => Severity::Error,
            _ => Severity::Warning,
        }
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
        write!(f, "line {line}, column {column}: {kind} (RFC 8866 section {})", kind.section())
    }
}
