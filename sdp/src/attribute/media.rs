//! What a medium looks like, where it comes from and which clock it follows.

use core::fmt;

use super::shape::{is_decimal, is_word, split_name};
use super::{Attribute, Fields, Malformed};
use crate::document::{is_token, number};

/// `a=quality`: 0 for the worst still picture, 10 for the best; RFC 8866 section 6.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality(u8);

impl Quality {
    /// The number, 0 to 10.
    pub fn new(quality: u8) -> Option<Self> {
        (quality <= 10).then_some(Self(quality))
    }

    /// The number.
    pub fn value(self) -> u8 {
        self.0
    }
}

impl<'a> Attribute<'a> for Quality {
    const NAME: &'static str = "quality";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let error = Fields::new(Self::NAME, value).error("number of 0 to 10");
        number(value).and_then(Self::new).ok_or(error)
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `a=imageattr`: sizes of pictures that are sent and wanted; RFC 6236 section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageAttributes<'a> {
    /// For which payload type; `None` for all (`*`).
    pub payload_type: Option<u8>,
    lists: &'a str,
}

/// One `[x=...,y=...]` of `a=imageattr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize<'a> {
    /// Width in pixels: a number, a list or a range, as it stands.
    pub x: &'a str,
    /// Height in pixels: a number, a list or a range, as it stands.
    pub y: &'a str,
    rest: &'a str,
}

impl<'a> ImageSize<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let (x, rest) = take_value(inner.strip_prefix("x=")?)?;
        let (y, rest) = take_value(rest.strip_prefix("y=")?)?;
        let good = Self { x, y, rest };
        let numbers = [x, y].into_iter().all(is_extent);
        (numbers && good.parameters().all(|(name, value)| is_token(name) && !value.is_empty()))
            .then_some(good)
    }

    /// What else is said of the size: `sar`, `par` and `q`.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = self.rest;
        core::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = take_value(after)?;
            rest = after;
            Some((name, value))
        })
    }

    /// How much it is liked, 0 to 1 with two digits behind the point; 0.5 where nothing is said.
    pub fn preference(&self) -> &'a str {
        self.parameters().find(|(name, _)| *name == "q").map_or("0.5", |(_, value)| value)
    }

    /// Whether a picture of this width and height fits.
    pub fn allows(&self, width: u32, height: u32) -> bool {
        within(self.x, width) && within(self.y, height)
    }
}

/// A value, which brackets may surround, up to a comma.
fn take_value(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(',').unwrap_or(text.len()) };
    let (value, rest) = text.split_at_checked(end)?;
    Some((value, rest.strip_prefix(',').unwrap_or(rest)))
}

/// `640`, `[640,320]`, `[320:640]`, `[320:16:640]`.
fn is_extent(text: &str) -> bool {
    let good = |text: &str| number::<u32>(text).is_some_and(|n| (1..=999_999).contains(&n));
    match text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) if inner.contains(':') => {
            (2..=3).contains(&inner.split(':').count()) && inner.split(':').all(good)
        }
        Some(inner) => inner.contains(',') && inner.split(',').all(good),
        None => good(text),
    }
}

fn within(extent: &str, value: u32) -> bool {
    let Some(inner) = extent.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) else {
        return number(extent) == Some(value);
    };
    if !inner.contains(':') {
        return inner.split(',').any(|one| number(one) == Some(value));
    }
    let mut parts = inner.split(':').filter_map(number::<u32>);
    let (first, second, third) = (parts.next().unwrap_or(1), parts.next().unwrap_or(1), parts.next());
    let (step, last) = third.map_or((1, second), |last| (second, last));
    (first..=last).contains(&value) && (value - first).is_multiple_of(step.max(1))
}

impl<'a> ImageAttributes<'a> {
    /// The sizes that the writer sends (`true`) or wants (`false`); `None` where it says any (`*`) or nothing.
    pub fn sizes(&self, send: bool) -> Option<impl Iterator<Item = ImageSize<'a>> + use<'a>> {
        let word = if send { "send" } else { "recv" };
        let mut words = self.lists.split(' ').filter(|word| !word.is_empty());
        words.by_ref().find(|known| known.eq_ignore_ascii_case(word))?;
        let list: &str = words.clone().next()?;
        (list != "*")
            .then(|| words.map_while(|word| word.starts_with('[').then(|| ImageSize::parse(word)).flatten()))
    }
}

impl<'a> Attribute<'a> for ImageAttributes<'a> {
    const NAME: &'static str = "imageattr";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let start = fields;
        let payload_type = match fields.until(' ') {
            "*" => None,
            text => Some(
                number(text)
                    .filter(|number: &u8| *number < 128)
                    .ok_or(start.error("payload type of 0 to 127 or *"))?,
            ),
        };
        let lists = fields.rest;
        let (mut seen, mut open) = ([false; 2], false);
        while !fields.rest.is_empty() {
            let before = fields;
            let word = fields.until(' ');
            match word {
                "" => {}
                _ if word.eq_ignore_ascii_case("send") && !seen[0] && !open => (seen[0], open) = (true, true),
                _ if word.eq_ignore_ascii_case("recv") && !seen[1] && !open => (seen[1], open) = (true, true),
                "*" if open => open = false,
                _ if (seen[0] || seen[1]) && ImageSize::parse(word).is_some() => open = false,
                _ => return Err(before.error("send or recv and a list of [x=...,y=...]")),
            }
        }
        if open || seen == [false; 2] {
            return Err(fields.error("send or recv and a list of [x=...,y=...]"));
        }
        Ok(Self { payload_type, lists })
    }
}

impl fmt::Display for ImageAttributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type} {}", self.lists),
            None => write!(f, "* {}", self.lists),
        }
    }
}

/// `a=framesize`: the size of pictures; RFC 6064 section 6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// For which payload type.
    pub payload_type: u8,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl<'a> Attribute<'a> for FrameSize {
    const NAME: &'static str = "framesize";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let payload_type = super::format::payload_type(&mut fields)?;
        let width = fields.number('-', "width")?;
        Ok(Self { payload_type, width, height: fields.number('\n', "height")? })
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{}", self.payload_type, self.width, self.height)
    }
}

/// `a=source-filter`: senders of a multicast that are to be heard or not; RFC 4570 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFilter<'a> {
    /// Only these are heard (`incl`), or all but these (`excl`).
    pub include: bool,
    /// `IN`.
    pub network: &'a str,
    /// `IP4`, `IP6`, or `*`.
    pub address_type: &'a str,
    /// Whither the packets go; `*` for what the `c=` line says.
    pub destination: &'a str,
    sources: &'a str,
}

impl<'a> SourceFilter<'a> {
    /// The senders.
    pub fn sources(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.sources.split(' ').filter(|source| !source.is_empty())
    }
}

impl<'a> Attribute<'a> for SourceFilter<'a> {
    const NAME: &'static str = "source-filter";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        // RFC 4570 section 3 writes a space in front.
        if value.starts_with(' ') {
            fields.until(' ');
        }
        let include = fields.expect(' ', "incl or excl", |word| matches!(word, "incl" | "excl"))? == "incl";
        let network = fields.expect(' ', "network", is_token)?;
        let address_type = fields.expect(' ', "IP4, IP6 or *", |word| matches!(word, "IP4" | "IP6" | "*"))?;
        let destination = fields.token(' ', "destination")?;
        let sources = fields.rest.trim_end_matches(' ');
        if sources.is_empty() {
            return Err(fields.error("sources"));
        }
        Ok(Self { include, network, address_type, destination, sources })
    }
}

impl fmt::Display for SourceFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, address_type, destination, sources, .. } = self;
        let mode = if self.include { "incl" } else { "excl" };
        write!(f, " {mode} {network} {address_type} {destination} {sources}")
    }
}

/// `a=ts-refclk`: the clock that timestamps are related to; RFC 7273 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceClock<'a> {
    /// `ntp`, `ptp`, `gps`, `gal`, `glonass`, `local`, `private` or another.
    pub source: &'a str,
    /// Which one, where that is said.
    pub value: Option<&'a str>,
}

impl<'a> Attribute<'a> for ReferenceClock<'a> {
    const NAME: &'static str = "ts-refclk";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (source, clock) = match value.split_once('=') {
            Some((source, clock)) => (source, Some(clock)),
            None => (value, None),
        };
        let needed = match source {
            "ntp" | "ptp" | "localmac" => clock.is_some_and(is_word),
            "gps" | "gal" | "glonass" | "local" => clock.is_none(),
            _ => true,
        };
        let good = is_token(source) && needed;
        if good {
            Ok(Self { source, value: clock })
        } else {
            Err(Fields::new(Self::NAME, value).error("clock"))
        }
    }
}

impl fmt::Display for ReferenceClock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source)?;
        self.value.map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

/// `a=mediaclk`: how RTP timestamps come from the reference clock; RFC 7273 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaClock<'a> {
    /// The tag of the source, where it is said.
    pub id: Option<&'a str>,
    /// `sender`, `direct`, `IEEE1722` or another.
    pub kind: &'a str,
    /// Its value, such as the offset of `direct`.
    pub value: Option<&'a str>,
    /// Rate, as it stands, such as `rate=1000/1001`; empty for none.
    pub rate: &'a str,
}

impl<'a> Attribute<'a> for MediaClock<'a> {
    const NAME: &'static str = "mediaclk";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let id = if value.starts_with("id=") { fields.until(' ').strip_prefix("id=") } else { None };
        let start = fields;
        let word = fields.until(' ');
        let (kind, clock) = match word.split_once('=') {
            Some((kind, clock)) => (kind, Some(clock)),
            None => (word, None),
        };
        let good = is_token(kind) && clock.is_none_or(|clock| !clock.is_empty());
        if good { Ok(Self { id, kind, value: clock, rate: fields.rest }) } else { Err(start.error("clock")) }
    }
}

impl fmt::Display for MediaClock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.map_or(Ok(()), |id| write!(f, "id={id} "))?;
        f.write_str(self.kind)?;
        self.value.map_or(Ok(()), |value| write!(f, "={value}"))?;
        if self.rate.is_empty() { Ok(()) } else { write!(f, " {}", self.rate) }
    }
}

/// `a=depend`: layers of one coding that build on others; RFC 5583 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depend<'a>(&'a str);

impl<'a> Depend<'a> {
    /// For each format the kind of dependency and what it builds on, as it stands: `mid:format` and more.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> + use<'a> {
        self.0.split(';').map(str::trim).filter_map(|text| {
            let mut parts = text.splitn(3, ' ');
            Some((parts.next()?, parts.next()?, parts.next()?))
        })
    }
}

impl<'a> Attribute<'a> for Depend<'a> {
    const NAME: &'static str = "depend";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let depend = Self(value);
        let named = |on: &str| on.split(' ').all(|one| split_name(one).1.is_some());
        let whole = depend.iter().count() == value.split(';').filter(|part| !part.trim().is_empty()).count();
        let good = whole
            && depend.iter().count() > 0
            && depend.iter().all(|(format, kind, on)| is_token(format) && is_token(kind) && named(on));
        if good {
            Ok(depend)
        } else {
            Err(Fields::new(Self::NAME, value).error("format, kind and what it builds on"))
        }
    }
}

impl fmt::Display for Depend<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `a=file-range`: which octets of a file are sent; RFC 5547 section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRange {
    /// The first octet, from 1.
    pub start: u64,
    /// The last octet; `None` for the end (`*`).
    pub stop: Option<u64>,
}

impl<'a> Attribute<'a> for FileRange {
    const NAME: &'static str = "file-range";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let start = fields.number('-', "first octet")?;
        let stop = if fields.rest == "*" { None } else { Some(fields.number('\n', "last octet or *")?) };
        Ok(Self { start, stop })
    }
}

impl fmt::Display for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stop {
            Some(stop) => write!(f, "{}-{stop}", self.start),
            None => write!(f, "{}-*", self.start),
        }
    }
}

/// `a=repair-window`: how long repair may take; RFC 6364 section 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairWindow<'a> {
    /// How long.
    pub size: &'a str,
    /// `ms` or `us`.
    pub unit: &'a str,
}

impl<'a> Attribute<'a> for RepairWindow<'a> {
    const NAME: &'static str = "repair-window";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let size = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = value.get(size.len()..).unwrap_or_default();
        let good = is_decimal(size) && matches!(unit, "ms" | "us");
        if good {
            Ok(Self { size, unit })
        } else {
            Err(Fields::new(Self::NAME, value).error("number and ms or us"))
        }
    }
}

impl fmt::Display for RepairWindow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.size, self.unit)
    }
}
