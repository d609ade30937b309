//! Several encodings of one source; RFC 8851 and RFC 8853.

use core::fmt;

use super::{Attribute, Fields, Malformed};

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

impl<'a> Attribute<'a> for Rid<'a> {
    const NAME: &'static str = "rid";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let good = |text: &str| {
            !text.is_empty() && text.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'-' | b'_'))
        };
        let id = fields.expect(' ', "name of letters, digits, - and _", good)?;
        let start = fields;
        let direction =
            RidDirection::from_name(fields.until(' ')).ok_or_else(|| start.error("send or recv"))?;
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
    Ok((direction, fields.token(' ', "list of encodings")?))
}

impl fmt::Display for Simulcast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.first.0, self.first.1)?;
        self.second.map_or(Ok(()), |(direction, list)| write!(f, " {direction} {list}"))
    }
}
