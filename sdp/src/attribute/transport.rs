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
