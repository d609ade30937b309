//! The lines that are not attributes and that a caller looks into.

/// `o=`: who made the description, and which version it is; RFC 8866 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user's name, `-` for none.
    pub username: &'a str,
    /// The session's number, decimal digits.
    pub session_id: &'a str,
    /// The description's version, decimal digits, which grows with each change.
    pub version: &'a str,
    /// `IN`.
    pub network: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// An address or a name.
    pub address: &'a str,
}

impl<'a> Origin<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.split(' ');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let origin = Self {
            username: next()?,
            session_id: next().filter(|text| is_digits(text))?,
            version: next().filter(|text| is_digits(text))?,
            network: next()?,
            address_type: next()?,
            address: next()?,
        };
        fields.next().is_none().then_some(origin)
    }
}

/// `m=`: a medium, its port, protocol and formats; RFC 8866 section 5.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media<'a> {
    /// `audio`, `video`, `application`, or something else.
    pub kind: &'a str,
    /// The port; 0 where the medium is refused or ended.
    pub port: u16,
    /// Ports in a row, 1 unless said otherwise.
    pub port_count: u16,
    /// The protocol, such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: &'a str,
    /// The formats, separated by single spaces; at least one.
    formats: &'a str,
}

impl<'a> Media<'a> {
    /// What can be understood of a value that breaks the format, as some cameras' do: fields may be parted by several
    /// blanks, and a port that is none reads as 0.
    pub(crate) fn tolerant(value: &'a str) -> Option<Self> {
        let mut rest = value;
        let mut next = || {
            let (field, after) = rest.trim_start_matches(' ').split_once(' ')?;
            rest = after;
            Some(field)
        };
        let (kind, ports, protocol) = (next()?, next()?, next()?);
        let port = number(ports.split('/').next().unwrap_or_default()).unwrap_or(0);
        let formats = rest.trim_matches(' ');
        (!formats.is_empty()).then_some(Self { kind, port, port_count: 1, protocol, formats })
    }

    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.splitn(4, ' ');
        let kind = fields.next().filter(|kind| is_token(kind))?;
        let ports = fields.next()?;
        let (port, count) = match ports.split_once('/') {
            Some((port, count)) => (number(port)?, number(count).filter(|count| *count > 0)?),
            None => (number(ports)?, 1),
        };
        let protocol = fields.next().filter(|text| text.split('/').all(is_token))?;
        let formats = fields.next().filter(|text| text.split(' ').all(is_token))?;
        Some(Self { kind, port, port_count: count, protocol, formats })
    }

    /// The formats: payload types for RTP, names for others.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.formats.split(' ').filter(|format| !format.is_empty())
    }
}

/// `c=`: an address; RFC 8866 section 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IN`.
    pub network: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// An address or a name; a multicast address may have `/ttl` and `/count` behind it.
    pub address: &'a str,
}

impl<'a> Connection<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.split(' ');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let (network, address_type, address) = (next()?, next()?, next()?);
        let good = fields.next().is_none() && is_token(network) && is_token(address_type);
        good.then_some(Self { network, address_type, address })
    }

    /// The address alone.
    pub fn base(&self) -> &'a str {
        self.address.split('/').next().unwrap_or_default()
    }

    /// How many routers a multicast packet may pass; only IPv4 has it.
    pub fn ttl(&self) -> Option<u8> {
        (self.address_type == "IP4").then(|| self.address.split('/').nth(1).and_then(number)).flatten()
    }

    /// How many multicast addresses follow each other, the base being the first.
    pub fn count(&self) -> u32 {
        let at = if self.address_type == "IP4" { 2 } else { 1 };
        self.address.split('/').nth(at).and_then(number).unwrap_or(1)
    }

    /// Whether the address is of its type and says of multicast what it must; RFC 8866 section 5.7. Only a medium can
    /// have several addresses.
    pub(crate) fn is_valid(&self, session: bool) -> bool {
        let mut parts = self.address.split('/');
        let base = parts.next().unwrap_or_default();
        let numbers: [Option<&str>; 3] = [parts.next(), parts.next(), parts.next()];
        let count = |text: Option<&str>| text.is_none_or(|text| number::<u32>(text).is_some_and(|n| n > 0));
        let one = |text: Option<&str>| !session || text.is_none();
        let shape = match self.address_type {
            "IP4" => match (base.parse::<core::net::Ipv4Addr>(), numbers) {
                (Ok(address), [ttl, many, None]) if address.is_multicast() => {
                    ttl.is_some_and(|ttl| number::<u8>(ttl).is_some()) && count(many) && one(many)
                }
                (_, [None, ..]) => true,
                _ => false,
            },
            "IP6" => match (base.parse::<core::net::Ipv6Addr>(), numbers) {
                (Ok(address), [many, None, None]) if address.is_multicast() => count(many) && one(many),
                (_, [None, ..]) => true,
                _ => false,
            },
            _ => true,
        };
        shape && !base.is_empty() && fits(self.address_type, base)
    }
}

/// `b=`: how much the media may take; RFC 8866 section 5.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth<'a> {
    /// `CT` and `AS` count kilobits per second, `TIAS` (RFC 3890) bits per second.
    pub kind: &'a str,
    /// How much, in the unit of the kind.
    pub value: u64,
}

impl<'a> Bandwidth<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let (kind, value) = value.split_once(':')?;
        (is_token(kind) && is_digits(value)).then_some(())?;
        // Whoever writes more than 64 bits hold means "any".
        Some(Self { kind, value: value.parse().unwrap_or(u64::MAX) })
    }
}

/// `t=`: when the session takes place; RFC 8866 section 5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Seconds since 1900, 0 for a permanent session.
    pub start: u64,
    /// Seconds since 1900, 0 for one without end.
    pub stop: u64,
}

impl Timing {
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (start, stop) = value.split_once(' ')?;
        Some(Self { start: moment(start)?, stop: moment(stop)? })
    }
}

/// `r=`: how often the session is repeated; RFC 8866 section 5.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat<'a> {
    /// Seconds from one repetition to the next.
    pub interval: u64,
    /// Seconds that each lasts.
    pub duration: u64,
    offsets: &'a str,
}

impl<'a> Repeat<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.splitn(3, ' ');
        let interval = fields.next().and_then(seconds).filter(|interval| *interval > 0)?;
        let duration = fields.next().and_then(seconds)?;
        let offsets =
            fields.next().filter(|offsets| offsets.split(' ').all(|text| seconds(text).is_some()))?;
        Some(Self { interval, duration, offsets })
    }

    /// Seconds from the start of the session to each first repetition.
    pub fn offsets(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.offsets.split(' ').filter_map(seconds)
    }
}

/// `z=`: clocks that are put forward or back while a session repeats; RFC 8866 section 5.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneAdjustments<'a>(&'a str);

impl<'a> ZoneAdjustments<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let whole = value.split(' ').count().is_multiple_of(2);
        let zone = Self(value);
        (whole && zone.iter().count() * 2 == value.split(' ').count()).then_some(zone)
    }

    /// From when, in seconds since 1900, and by how many seconds.
    pub fn iter(&self) -> impl Iterator<Item = (u64, i64)> + use<'a> {
        let mut fields = self.0.split(' ');
        core::iter::from_fn(move || Some((moment(fields.next()?)?, signed_seconds(fields.next()?)?)))
    }
}

/// `k=`: a key, in the way that is obsolete; RFC 8866 section 5.12 has receivers discard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// `prompt`, `clear`, `base64` or `uri`.
    pub method: &'a str,
    /// The key or where it is; `None` for `prompt`.
    pub key: Option<&'a str>,
}

impl<'a> Key<'a> {
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let (method, key) = match value.split_once(':') {
            Some((method, key)) => (method, Some(key)),
            None => (value, None),
        };
        let good = match method {
            "prompt" => key.is_none(),
            "clear" | "base64" | "uri" => key.is_some_and(|key| !key.is_empty()),
            _ => false,
        };
        good.then_some(Self { method, key })
    }
}

/// A moment: 0, or at least ten digits without a leading zero; RFC 8866 section 9, `time`.
fn moment(text: &str) -> Option<u64> {
    number(text).filter(|moment| *moment == 0 || text.len() >= 10)
}

/// Seconds, or days, hours or minutes with their letter; RFC 8866 section 9, `typed-time`.
fn seconds(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'd' => (text.get(..text.len() - 1)?, 86_400),
        b'h' => (text.get(..text.len() - 1)?, 3_600),
        b'm' => (text.get(..text.len() - 1)?, 60),
        b's' => (text.get(..text.len() - 1)?, 1),
        _ => (text, 1),
    };
    is_digits(digits).then(|| digits.parse::<u64>().ok()?.checked_mul(unit)).flatten()
}

fn signed_seconds(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(text) => seconds(text).and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| -seconds),
        None => seconds(text).and_then(|seconds| i64::try_from(seconds).ok()),
    }
}

/// What the grammar asks of an origin beyond its six fields: an address that fits its type.
pub(crate) fn is_strict_origin(origin: &Origin<'_>) -> bool {
    is_token(origin.network) && fits(origin.address_type, origin.address)
}

/// Whether an address is of its type: dots or colons. Names fit both; RFC 8866 section 9, `unicast-address`.
fn fits(address_type: &str, address: &str) -> bool {
    match address_type {
        "IP4" => !address.contains(':'),
        "IP6" => address.contains(':') || address.parse::<core::net::Ipv4Addr>().is_err(),
        _ => is_token(address_type),
    }
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// Which octets may stand in a token; RFC 8866 section 9, `token-char`.
pub(crate) const TOKEN: [bool; 128] = {
    let mut table = [false; 128];
    let mut octet = 0u8;
    while octet < 128 {
        table[octet as usize] = matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~');
        octet += 1;
    }
    table
};

/// RFC 8866 section 9, `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| TOKEN.get(usize::from(octet)) == Some(&true))
}

/// Digits only: no sign, and no leading zeros beyond a single one.
pub(crate) fn number<N: core::str::FromStr>(text: &str) -> Option<N> {
    let plain = is_digits(text) && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
