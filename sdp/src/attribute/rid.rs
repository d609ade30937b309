//! Several encodings of one source; RFC 8851 and RFC 8853.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Attribute, Fields, Malformed};
use crate::document::number;

/// Which way an encoding goes, seen from whoever writes the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RidDirection {
    /// The writer sends it.
    Send,
    /// The writer receives it.
    Recv,
}

impl fmt::Display for RidDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Send { "send" } else { "recv" })
    }
}

impl RidDirection {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "send" => Some(Self::Send),
            "recv" => Some(Self::Recv),
            _ => None,
        }
    }
}

/// `a=rid`: an encoding's name and what restricts it; RFC 8851 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rid<'a> {
    /// The name.
    pub id: &'a str,
    /// Which way.
    pub direction: RidDirection,
    /// `name=value` parted by semicolons; empty for none.
    pub restrictions: &'a str,
}

impl<'a> Rid<'a> {
    /// The payload types that it may have (`pt=`); none when nothing is said.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + use<'a> {
        let list = self.restriction("pt").unwrap_or_default();
        list.split(',').filter_map(number::<u8>).filter(|number| *number < 128)
    }

    /// What restricts it, in its order: `max-width`, `max-height`, `max-fps`, `max-fs`, `max-br`, `max-pps`, `max-bpp`,
    /// `depend` and others.
    pub fn restrictions(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        super::shape::pairs(self.restrictions)
    }

    /// The value of a restriction.
    pub fn restriction(&self, name: &str) -> Option<&'a str> {
        self.restrictions().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The names of the encodings that it builds on (`depend=`).
    pub fn depends(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.restriction("depend").unwrap_or_default().split(',').filter(|id| !id.is_empty())
    }
}

/// Letters, digits, `-` and `_`; RFC 8851 section 10.
fn is_rid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'-' | b'_'))
}

/// What restricts an encoding keeps to its grammar; RFC 8851 section 10.
fn are_restrictions(text: &str) -> bool {
    let whole = |text: &str| number::<u32>(text).is_some_and(|number| number > 0);
    text.is_empty()
        || text.split(';').all(|part| {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            match (name, value) {
                ("pt", Some(list)) => list.split(',').all(|text| number::<u8>(text).is_some_and(|n| n < 128)),
                ("max-width" | "max-height" | "max-fps" | "max-fs" | "max-br" | "max-pps", Some(value)) => {
                    whole(value)
                }
                ("max-bpp", Some(value)) => super::shape::is_decimal(value),
                ("depend", Some(list)) => list.split(',').all(is_rid),
                // A restriction that nobody knows may lack a value.
                (name, _) => crate::document::is_token(name),
            }
        })
}

impl<'a> Attribute<'a> for Rid<'a> {
    const NAME: &'static str = "rid";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let id = fields.expect(' ', "name of letters, digits, - and _", is_rid)?;
        let start = fields;
        let direction =
            RidDirection::from_name(fields.until(' ')).ok_or_else(|| start.error("send or recv"))?;
        if !are_restrictions(fields.rest) {
            return Err(fields.error("restrictions, parted by semicolons"));
        }
        Ok(Self { id, direction, restrictions: fields.rest })
    }
}

impl fmt::Display for Rid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.direction)?;
        if self.restrictions.is_empty() { Ok(()) } else { write!(f, " {}", self.restrictions) }
    }
}

/// `a=simulcast`: which encodings go which way; RFC 8853 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Simulcast<'a> {
    first: (RidDirection, &'a str),
    second: Option<(RidDirection, &'a str)>,
}

impl<'a> Simulcast<'a> {
    /// The streams that go this way: each one a list of alternatives parted by commas, `~` in front of one that is
    /// paused.
    pub fn streams(&self, direction: RidDirection) -> impl Iterator<Item = &'a str> + use<'a> {
        let list =
            [Some(self.first), self.second].into_iter().flatten().find(|(known, _)| *known == direction);
        list.map_or("", |(_, list)| list).split(';').filter(|stream| !stream.is_empty())
    }
}

impl Simulcast<'_> {
    /// Puts a value together: the streams that are sent and that are received, each in its order, `~` in front of one
    /// that is paused. A direction without streams is left out.
    ///
    /// # Errors
    /// There is no stream at all, or a name is none.
    pub fn text(send: &[&str], receive: &[&str]) -> Result<String, Malformed> {
        let mut value = String::new();
        for (direction, streams) in [("send", send), ("recv", receive)] {
            if !streams.is_empty() {
                let space = if value.is_empty() { "" } else { " " };
                value = format!("{value}{space}{direction} {}", streams.join(";"));
            }
        }
        Simulcast::parse(&value).map(drop)?;
        Ok(value)
    }
}

/// Encodings of one direction, alternatives included.
const MAX_STREAMS: usize = 256;

impl<'a> Attribute<'a> for Simulcast<'a> {
    const NAME: &'static str = "simulcast";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let first = direction_and_list(&mut fields)?;
        let second = if fields.rest.is_empty() { None } else { Some(direction_and_list(&mut fields)?) };
        if !fields.rest.is_empty() || second.is_some_and(|(direction, _)| direction == first.0) {
            return Err(fields.error("one list each way"));
        }
        Ok(Self { first, second })
    }
}

fn direction_and_list<'a>(fields: &mut Fields<'a>) -> Result<(RidDirection, &'a str), Malformed> {
    let start = *fields;
    let direction = RidDirection::from_name(fields.until(' ')).ok_or_else(|| start.error("send or recv"))?;
    let good = |list: &str| {
        let ids = list.split([';', ',']).map(|id| id.strip_prefix('~').unwrap_or(id));
        ids.clone().all(is_rid) && ids.count() <= MAX_STREAMS
    };
    Ok((direction, fields.expect(' ', "list of encodings", good)?))
}

impl fmt::Display for Simulcast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.first.0, self.first.1)?;
        self.second.map_or(Ok(()), |(direction, list)| write!(f, " {direction} {list}"))
    }
}
