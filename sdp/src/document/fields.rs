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
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.splitn(4, ' ');
        let kind = fields.next().filter(|kind| is_token(kind))?;
        let ports = fields.next()?;
        let (port, count) = match ports.split_once('/') {
            Some((port, count)) => (number(port)?, number(count).filter(|count| *count > 0)?),
            None => (number(ports)?, 1),
        };
        let protocol = fields.next().filter(|text| text.split('/').all(is_token))?;
        let formats = fields.next().filter(|text| text.split(' ').all(|format| !format.is_empty()))?;
        Some(Self { kind, port, port_count: count, protocol, formats })
    }

    /// The formats: payload types for RTP, names for others.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.formats.split(' ')
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

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// RFC 8866 section 9, `token`.
pub(crate) fn is_token(text: &str) -> bool {
    let in_token = |octet: u8| matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~');
    !text.is_empty() && text.bytes().all(in_token)
}

/// Digits only: no sign, and no leading zeros beyond a single one.
pub(crate) fn number<N: core::str::FromStr>(text: &str) -> Option<N> {
    let plain = is_digits(text) && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
