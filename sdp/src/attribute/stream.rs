//! Which stream is which: directions, names, groups and sources.

use alloc::string::String;
use core::fmt;

use super::{Attribute, Fields, Malformed};

/// Which way media flow, seen from whoever writes the description; RFC 8866 section 6.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways; what is meant where nothing is said.
    #[default]
    SendRecv,
    /// Only from the writer.
    SendOnly,
    /// Only to the writer.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The attribute's name as a direction.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that consists of these ways.
    pub const fn new(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same, seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both directions allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `a=group`: media descriptions that belong together; RFC 5888 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'a> {
    /// In which sense, such as `BUNDLE`.
    pub semantics: &'a str,
    mids: &'a str,
}

impl<'a> Group<'a> {
    /// Puts a value together.
    ///
    /// # Errors
    /// A name is not a token.
    pub fn text(semantics: &str, mids: &[&str]) -> Result<String, Malformed> {
        let value = mids.iter().fold(String::from(semantics), |value, mid| value + " " + mid);
        if mids.iter().all(|mid| crate::document::is_token(mid)) {
            Group::parse(&value).map(drop)?;
            return Ok(value);
        }
        Err(Fields::new(Self::NAME, "").error("names that are tokens"))
    }

    /// The names of the media descriptions, in their order.
    pub fn mids(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.mids.split(' ').filter(|mid| !mid.is_empty())
    }
}

impl<'a> Attribute<'a> for Group<'a> {
    const NAME: &'static str = "group";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let semantics = fields.expect(' ', "semantics", crate::document::is_token)?;
        let names = |text: &str| text.split(' ').all(|mid| mid.is_empty() || crate::document::is_token(mid));
        if names(fields.rest) {
            Ok(Self { semantics, mids: fields.rest })
        } else {
            Err(fields.error("names"))
        }
    }
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.semantics)?;
        self.mids().try_for_each(|mid| write!(f, " {mid}"))
    }
}

/// `a=msid`: the stream and the track of a media description; RFC 8830 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Msid<'a> {
    /// The stream's name, `-` for none.
    pub stream: &'a str,
    /// The track's name, where it is said.
    pub track: Option<&'a str>,
}

impl<'a> Attribute<'a> for Msid<'a> {
    const NAME: &'static str = "msid";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let stream = fields.token(' ', "stream")?;
        let track = Some(fields.rest).filter(|track| !track.is_empty());
        Ok(Self { stream, track })
    }
}

impl fmt::Display for Msid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stream)?;
        self.track.map_or(Ok(()), |track| write!(f, " {track}"))
    }
}

/// `a=ssrc`: something about one RTP source; RFC 5576 section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssrc<'a> {
    /// The source.
    pub ssrc: u32,
    /// What is said, such as `cname`.
    pub attribute: &'a str,
    /// Its value; empty for none.
    pub value: &'a str,
}

impl<'a> Attribute<'a> for Ssrc<'a> {
    const NAME: &'static str = "ssrc";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let ssrc = fields.number(' ', "SSRC of 32 bits")?;
        let attribute = fields.token(':', "attribute")?;
        Ok(Self { ssrc, attribute, value: fields.rest })
    }
}

impl fmt::Display for Ssrc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.ssrc, self.attribute)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, ":{}", self.value) }
    }
}

/// `a=ssrc-group`: sources that belong together; RFC 5576 section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SsrcGroup<'a> {
    /// In which sense, such as `FID`.
    pub semantics: &'a str,
    ssrcs: &'a str,
}

impl<'a> SsrcGroup<'a> {
    /// Puts a value together.
    ///
    /// # Errors
    /// There is no source, or the semantics are no token.
    pub fn text(semantics: &str, ssrcs: &[u32]) -> Result<String, Malformed> {
        let value =
            ssrcs.iter().fold(String::from(semantics), |value, ssrc| alloc::format!("{value} {ssrc}"));
        SsrcGroup::parse(&value).map(drop)?;
        Ok(value)
    }

    /// The sources in their order.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.ssrcs.split(' ').filter_map(|text| text.parse().ok())
    }
}

impl<'a> Attribute<'a> for SsrcGroup<'a> {
    const NAME: &'static str = "ssrc-group";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let semantics = fields.token(' ', "semantics")?;
        let good = fields.rest.split(' ').all(|text| crate::document::number::<u32>(text).is_some());
        if good { Ok(Self { semantics, ssrcs: fields.rest }) } else { Err(fields.error("SSRCs of 32 bits")) }
    }
}

impl fmt::Display for SsrcGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.semantics, self.ssrcs)
    }
}
