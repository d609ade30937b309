//! What could be done: preconditions, capabilities that are only declared, alternative addresses, floors, channels.

use core::fmt;

use super::shape::{numbered, split_name};
use super::{Attribute, Fields, Malformed};
use crate::document::{is_token, number};

numbered!(
    /// `a=acap`: an attribute that could be used; RFC 5939 section 3.4.1.
    AttributeCapability, "acap", "attribute";
    /// `a=tcap`: protocols that could be used; the number is the first one's; RFC 5939 section 3.4.2.
    TransportCapability, "tcap", "protocols";
    /// `a=pcfg`: a configuration that could be used; RFC 5939 section 3.5.1.
    PotentialConfiguration, "pcfg", "capabilities";
    /// `a=acfg`: the configuration that is used; RFC 5939 section 3.5.2.
    ActualConfiguration, "acfg", "capabilities";
    /// `a=lcfg`: a configuration that is only declared; RFC 6871 section 3.3.5.
    LatentConfiguration, "lcfg", "capabilities";
    /// `a=mscap`: parameters of a medium that could be used; RFC 6871 section 3.3.3.
    MediaSpecificCapability, "mscap", "attribute and value";
    /// `a=sescap`: configurations of media that go together; RFC 6871 section 3.3.8.
    SessionCapability, "sescap", "list of configurations";
    /// `a=bcap`: a bandwidth that could be used; RFC 7006 section 3.1.2.
    BandwidthCapability, "bcap", "bandwidth";
    /// `a=ccap`: an address that could be used; RFC 7006 section 3.1.1.
    ConnectionCapability, "ccap", "address";
    /// `a=icap`: a title that could be used; RFC 7006 section 3.1.3.
    TitleCapability, "icap", "title";
    /// `a=cdsc`: a medium that could be used; RFC 3407 section 3.
    CapabilityDescription, "cdsc", "medium, protocol and formats";
);

macro_rules! format_capability {
    ($($(#[$doc:meta])* $type:ident, $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a> {
            /// The numbers of the capabilities, as they stand: `1`, `1,3` or `1-3`.
            pub numbers: &'a str,
            /// What is said: an encoding like that of `a=rtpmap`, or parameters.
            pub value: &'a str,
        }

        impl<'a> Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                let mut fields = Fields::new(Self::NAME, value);
                let list = |text: &str| text.split([',', '-']).all(|text| number::<u32>(text).is_some());
                let numbers = fields.expect(' ', "numbers of capabilities", list)?;
                if fields.rest.is_empty() {
                    return Err(fields.error("what can be done"));
                }
                Ok(Self { numbers, value: fields.rest })
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.numbers, self.value)
            }
        }
    )*};
}
format_capability!(
    /// `a=rmcap`: codecs over RTP that could be used; RFC 6871 section 3.3.1.
    RtpMediaCapability, "rmcap";
    /// `a=omcap`: other formats that could be used; RFC 6871 section 3.3.1.
    OtherMediaCapability, "omcap";
    /// `a=mfcap`: parameters of formats that could be used; RFC 6871 section 3.3.2.
    MediaFormatCapability, "mfcap";
);

macro_rules! capability_parameter {
    ($($(#[$doc:meta])* $type:ident, $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a>(pub &'a str);

        impl<'a> Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                let good = value.starts_with("a=") || value.starts_with("b=");
                if good { Ok(Self(value)) } else { Err(Fields::new(Self::NAME, value).error("a= or b= line")) }
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}
capability_parameter!(
    /// `a=cpar`: a parameter of the capabilities before it; RFC 3407 section 3.
    CapabilityParameter, "cpar";
    /// `a=cparmin`: the least of a parameter; RFC 3407 section 3.
    CapabilityParameterLeast, "cparmin";
    /// `a=cparmax`: the most of a parameter; RFC 3407 section 3.
    CapabilityParameterMost, "cparmax";
);

/// How far a precondition is met, for one direction of one part of the path; RFC 3312 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precondition<'a> {
    /// `qos`, `sec` or another.
    pub kind: &'a str,
    /// `mandatory`, `optional`, `none`, `failure` or `unknown`; only what is desired has it.
    pub strength: Option<&'a str>,
    /// `e2e`, `local` or `remote`.
    pub part: &'a str,
    /// `none`, `send`, `recv` or `sendrecv`.
    pub direction: &'a str,
}

fn precondition<'a>(
    name: &'static str,
    value: &'a str,
    desired: bool,
) -> Result<Precondition<'a>, Malformed> {
    let mut fields = Fields::new(name, value);
    let kind = fields.expect(' ', "kind of precondition", is_token)?;
    let strength = match desired {
        true => Some(fields.expect(' ', "strength", |word| {
            matches!(word, "mandatory" | "optional" | "none" | "failure" | "unknown")
        })?),
        false => None,
    };
    let part =
        fields.expect(' ', "e2e, local or remote", |word| matches!(word, "e2e" | "local" | "remote"))?;
    let direction = fields.expect('\n', "none, send, recv or sendrecv", |word| {
        matches!(word, "none" | "send" | "recv" | "sendrecv")
    })?;
    Ok(Precondition { kind, strength, part, direction })
}

impl fmt::Display for Precondition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        self.strength.map_or(Ok(()), |strength| write!(f, " {strength}"))?;
        write!(f, " {} {}", self.part, self.direction)
    }
}

macro_rules! precondition_attribute {
    ($($(#[$doc:meta])* $type:ident, $name:literal, $desired:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a>(pub Precondition<'a>);

        impl<'a> Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                precondition(Self::NAME, value, $desired).map(Self)
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
precondition_attribute!(
    /// `a=curr`: how far a precondition is met; RFC 3312 section 5.
    CurrentStatus, "curr", false;
    /// `a=des`: how far a precondition must be met; RFC 3312 section 5.
    DesiredStatus, "des", true;
    /// `a=conf`: tell me when this is met; RFC 3312 section 5.
    ConfirmStatus, "conf", false;
);

/// `a=altc`: an address of another family, for whoever prefers it; RFC 6947 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlternativeConnection<'a> {
    /// 1 for the one that is liked best.
    pub number: u32,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// The address.
    pub address: &'a str,
    /// The port.
    pub port: u16,
}

impl<'a> Attribute<'a> for AlternativeConnection<'a> {
    const NAME: &'static str = "altc";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let number = fields.number(' ', "number")?;
        let address_type = fields.expect(' ', "IP4 or IP6", |word| matches!(word, "IP4" | "IP6"))?;
        let address = fields.token(' ', "address")?;
        Ok(Self { number, address_type, address, port: fields.number('\n', "port of 0 to 65535")? })
    }
}

impl fmt::Display for AlternativeConnection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.number, self.address_type, self.address, self.port)
    }
}

/// `a=floorid`: a floor, and the media that whoever has it may send; RFC 8856 section 5.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorId<'a> {
    /// The floor.
    pub floor: u16,
    streams: &'a str,
}

impl<'a> FloorId<'a> {
    /// The labels of the media.
    pub fn streams(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.streams.split(' ').filter(|stream| !stream.is_empty())
    }
}

impl<'a> Attribute<'a> for FloorId<'a> {
    const NAME: &'static str = "floorid";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let floor = fields.number(' ', "floor of 16 bits")?;
        // RFC 4583 wrote `m-stream` in its examples and `mstrm` in its grammar.
        let streams = fields.rest.strip_prefix("mstrm:").or(fields.rest.strip_prefix("m-stream:"));
        match streams {
            Some(streams) if !streams.trim().is_empty() => Ok(Self { floor, streams }),
            None if fields.rest.is_empty() => Ok(Self { floor, streams: "" }),
            _ => Err(fields.error("mstrm: and labels")),
        }
    }
}

impl fmt::Display for FloorId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.floor.fmt(f)?;
        if self.streams.is_empty() { Ok(()) } else { write!(f, " mstrm:{}", self.streams) }
    }
}

/// `a=dcmap`: a data channel that both sides know beforehand; RFC 8864 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataChannelMap<'a> {
    /// The stream, 0 to 65534.
    pub stream: u16,
    options: &'a str,
}

impl<'a> DataChannelMap<'a> {
    /// Options and values in their order, quotation marks left off: `label`, `subprotocol`, `max-retr`, `max-time`,
    /// `ordered`, `priority`.
    pub fn options(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = self.options;
        core::iter::from_fn(move || {
            let (name, after) = rest.split_once('=')?;
            // A quoted value may contain semicolons.
            let end = match after.strip_prefix('"') {
                Some(quoted) => quoted.find('"').map_or(after.len(), |at| at + 2),
                None => after.find(';').unwrap_or(after.len()),
            };
            let (value, after) = after.split_at_checked(end)?;
            rest = after.strip_prefix(';').unwrap_or(after);
            Some((name.trim(), value.trim_matches('"')))
        })
    }

    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&'a str> {
        self.options().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl<'a> Attribute<'a> for DataChannelMap<'a> {
    const NAME: &'static str = "dcmap";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let start = fields;
        let stream = fields.number(' ', "stream of 0 to 65534")?;
        if stream == u16::MAX {
            return Err(start.error("stream of 0 to 65534"));
        }
        let map = Self { stream, options: fields.rest };
        let good = map.options().all(|(name, _)| is_token(name));
        // RFC 8864 section 5.1.1: at most one limit to what is sent again.
        let limits = map.option("max-retr").is_some() && map.option("max-time").is_some();
        match good && !limits {
            true => Ok(map),
            false => Err(fields.error("options, and not both of max-retr and max-time")),
        }
    }
}

impl fmt::Display for DataChannelMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)?;
        if self.options.is_empty() { Ok(()) } else { write!(f, " {}", self.options) }
    }
}

/// `a=dcsa`: an attribute of the protocol within a data channel; RFC 8864 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataChannelAttribute<'a> {
    /// The stream.
    pub stream: u16,
    /// The attribute's name.
    pub attribute: &'a str,
    /// Its value.
    pub value: Option<&'a str>,
}

impl<'a> Attribute<'a> for DataChannelAttribute<'a> {
    const NAME: &'static str = "dcsa";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let stream = fields.number(' ', "stream of 0 to 65535")?;
        let (attribute, inner) = split_name(fields.rest);
        if is_token(attribute) {
            Ok(Self { stream, attribute, value: inner })
        } else {
            Err(fields.error("attribute"))
        }
    }
}

impl fmt::Display for DataChannelAttribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.attribute)?;
        self.value.map_or(Ok(()), |value| write!(f, ":{value}"))
    }
}

/// `a=remote-candidates`: the candidates that ICE has settled on; RFC 8839 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteCandidates<'a>(&'a str);

impl<'a> RemoteCandidates<'a> {
    /// Component, address and port of each.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &'a str, u16)> + use<'a> {
        let mut fields = self.0.split(' ');
        core::iter::from_fn(move || Some((number(fields.next()?)?, fields.next()?, number(fields.next()?)?)))
    }
}

impl<'a> Attribute<'a> for RemoteCandidates<'a> {
    const NAME: &'static str = "remote-candidates";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let list = Self(value);
        let valid =
            |(component, address, _): (u16, &str, u16)| (1..=256).contains(&component) && !address.is_empty();
        let good = list.iter().count() * 3 == value.split(' ').count() && list.iter().all(valid);
        if good {
            Ok(list)
        } else {
            Err(Fields::new(Self::NAME, value).error("component, address and port of each"))
        }
    }
}

impl fmt::Display for RemoteCandidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
