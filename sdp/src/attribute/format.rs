//! Codecs, their parameters and feedback, and header extensions.

use core::fmt;

use super::stream::Direction;
use super::{Attribute, Fields, Malformed};

/// `a=rtpmap`: which codec a payload type means; RFC 8866 section 6.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// 0 to 127.
    pub payload_type: u8,
    /// The codec's name, in any case.
    pub encoding: &'a str,
    /// Units of the RTP clock in a second.
    pub clock_rate: u32,
    /// Channels of audio, where they are said.
    pub channels: Option<u8>,
}

impl<'a> Attribute<'a> for RtpMap<'a> {
    const NAME: &'static str = "rtpmap";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let payload_type = payload_type(&mut fields)?;
        let encoding = fields.token('/', "encoding name")?;
        let clock_rate = fields.number('/', "clock rate")?;
        let channels = if fields.rest.is_empty() { None } else { Some(fields.number('\n', "channels")?) };
        Ok(Self { payload_type, encoding, clock_rate, channels })
    }
}

impl fmt::Display for RtpMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.payload_type, self.encoding, self.clock_rate)?;
        self.channels.map_or(Ok(()), |channels| write!(f, "/{channels}"))
    }
}

/// `a=fmtp`: a codec's parameters; RFC 8866 section 6.15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// The format: a payload type, or a name.
    pub format: &'a str,
    /// The parameters as they stand.
    pub parameters: &'a str,
}

impl<'a> Fmtp<'a> {
    /// The parameters one by one: `name=value` parted by semicolons, blanks around them left off. A parameter without
    /// a value has an empty one.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        super::shape::pairs(self.parameters)
    }

    /// The value of a parameter, whose name is compared without regard to case.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl<'a> Attribute<'a> for Fmtp<'a> {
    const NAME: &'static str = "fmtp";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let format = fields.token(' ', "format")?;
        Ok(Self { format, parameters: fields.rest })
    }
}

impl fmt::Display for Fmtp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.format, self.parameters)
    }
}

/// `a=rtcp-fb`: feedback that may be sent; RFC 4585 section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtcpFeedback<'a> {
    /// For which payload type; `None` for all (`*`).
    pub payload_type: Option<u8>,
    /// Which feedback, such as `nack pli`.
    pub feedback: &'a str,
}

impl<'a> Attribute<'a> for RtcpFeedback<'a> {
    const NAME: &'static str = "rtcp-fb";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let payload_type = match value.strip_prefix("* ") {
            Some(_) => {
                fields.until(' ');
                None
            }
            None => Some(payload_type(&mut fields)?),
        };
        let feedback = fields.rest.trim_end();
        if feedback.is_empty() { Err(fields.error("feedback")) } else { Ok(Self { payload_type, feedback }) }
    }
}

impl fmt::Display for RtcpFeedback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type} {}", self.feedback),
            None => write!(f, "* {}", self.feedback),
        }
    }
}

/// `a=extmap`: which header extension an id means; RFC 8285 section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extmap<'a> {
    /// 1 to 255, or 4096 to 4351 for ids to be chosen by the answerer.
    pub id: u16,
    /// Which way it is used, where that differs from the medium's.
    pub direction: Option<Direction>,
    /// What it means.
    pub uri: &'a str,
    /// What belongs to the URI; empty for most.
    pub attributes: &'a str,
}

impl<'a> Attribute<'a> for Extmap<'a> {
    const NAME: &'static str = "extmap";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let start = fields;
        let mut head = Fields::new(Self::NAME, fields.token(' ', "id")?);
        let id = head.number('/', "id").ok().filter(|id| matches!(id, 1..=255 | 4096..=4351));
        let id = id.ok_or_else(|| start.error("id of 1 to 255 or 4096 to 4351"))?;
        let direction = match head.rest {
            "" => None,
            text => Some(Direction::from_name(text).ok_or_else(|| head.error("direction"))?),
        };
        let uri = fields.token(' ', "URI")?;
        Ok(Self { id, direction, uri, attributes: fields.rest })
    }
}

impl fmt::Display for Extmap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        self.direction.map_or(Ok(()), |direction| write!(f, "/{direction}"))?;
        write!(f, " {}", self.uri)?;
        if self.attributes.is_empty() { Ok(()) } else { write!(f, " {}", self.attributes) }
    }
}

pub(super) fn payload_type(fields: &mut Fields<'_>) -> Result<u8, Malformed> {
    let start = *fields;
    let payload_type: u8 = fields.number(' ', "payload type of 0 to 127")?;
    if payload_type < 128 { Ok(payload_type) } else { Err(start.error("payload type of 0 to 127")) }
}
