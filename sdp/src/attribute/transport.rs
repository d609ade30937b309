//! Ports, pacing and identities of transports.

use core::fmt;

use super::{Attribute, Fields, Malformed};

/// `a=rtcp`: where RTCP goes if not to the port after RTP's; RFC 3605 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtcp<'a> {
    /// The port.
    pub port: u16,
    /// Network, address type and address, where they differ from the section's `c=`.
    pub address: Option<(&'a str, &'a str, &'a str)>,
}

impl<'a> Attribute<'a> for Rtcp<'a> {
    const NAME: &'static str = "rtcp";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let port = fields.number(' ', "port of 0 to 65535")?;
        if fields.rest.is_empty() {
            return Ok(Self { port, address: None });
        }
        let network = fields.token(' ', "network")?;
        let kind = fields.token(' ', "address type")?;
        let address = fields.token('\n', "address")?;
        Ok(Self { port, address: Some((network, kind, address)) })
    }
}

impl fmt::Display for Rtcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        self.address.map_or(Ok(()), |(network, kind, address)| write!(f, " {network} {kind} {address}"))
    }
}

/// `a=ice-pacing`: milliseconds between checks that the writer wants; RFC 8839 section 5.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcePacing(pub u64);

/// `a=ptime`: milliseconds of media in a packet; RFC 8866 section 6.4. Some senders write fractions, which are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ptime<'a>(pub &'a str);

/// `a=maxptime`: milliseconds of media in the longest packet; RFC 8866 section 6.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPtime<'a>(pub &'a str);

/// `a=tls-id`: the identity of a DTLS association, new with each one; RFC 8842 section 4. 20 to 255 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsId<'a>(pub &'a str);

/// `a=sctpmap`: the older way to say which port SCTP uses; draft-ietf-mmusic-sctp-sdp-05.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SctpMap<'a> {
    /// The port.
    pub port: u16,
    /// What runs over it, `webrtc-datachannel`.
    pub application: &'a str,
    /// Streams each way, where said.
    pub streams: Option<u32>,
}

impl<'a> Attribute<'a> for SctpMap<'a> {
    const NAME: &'static str = "sctpmap";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let port = fields.number(' ', "port of 0 to 65535")?;
        let application = fields.token(' ', "application")?;
        let streams =
            if fields.rest.is_empty() { None } else { Some(fields.number('\n', "number of streams")?) };
        Ok(Self { port, application, streams })
    }
}

impl fmt::Display for SctpMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.port, self.application)?;
        self.streams.map_or(Ok(()), |streams| write!(f, " {streams}"))
    }
}

/// `a=msid-semantic`: which streams follow the rules of `WMS`; a draft's, written still and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsidSemantic<'a> {
    /// `WMS`.
    pub semantic: &'a str,
    streams: &'a str,
}

impl<'a> MsidSemantic<'a> {
    /// The streams; `*` for all.
    pub fn streams(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.streams.split(' ').filter(|stream| !stream.is_empty())
    }
}

impl<'a> Attribute<'a> for MsidSemantic<'a> {
    const NAME: &'static str = "msid-semantic";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        // The draft's examples have a space in front, and so do browsers.
        if value.starts_with(' ') {
            fields.until(' ');
        }
        let semantic = fields.token(' ', "semantic")?;
        Ok(Self { semantic, streams: fields.rest })
    }
}

impl fmt::Display for MsidSemantic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.semantic)?;
        self.streams().try_for_each(|stream| write!(f, " {stream}"))
    }
}

fn is_milliseconds(text: &str) -> bool {
    let mut parts = text.splitn(2, '.');
    parts.all(|part| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()))
}

fn is_tls_id(text: &str) -> bool {
    (20..=255).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'-' | b'_'))
}

macro_rules! text_attribute {
    ($name:ident, $text:literal, $expected:literal, $good:expr) => {
        impl<'a> Attribute<'a> for $name<'a> {
            const NAME: &'static str = $text;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                Fields::new(Self::NAME, value).expect('\n', $expected, $good).map(Self)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}
text_attribute!(Ptime, "ptime", "milliseconds", is_milliseconds);
text_attribute!(MaxPtime, "maxptime", "milliseconds", is_milliseconds);
text_attribute!(TlsId, "tls-id", "20 to 255 letters, digits, + / - and _", is_tls_id);

impl<'a> Attribute<'a> for IcePacing {
    const NAME: &'static str = "ice-pacing";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        Fields::new(Self::NAME, value).number('\n', "milliseconds").map(Self)
    }
}

impl fmt::Display for IcePacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
