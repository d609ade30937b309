//! Which attributes have a type here, and whether a value fits it.

use super::{
    Attribute, Candidate, Extmap, Fingerprint, Fmtp, Group, IceOptions, IcePacing, IcePassword, IceUfrag,
    Malformed, MaxMessageSize, MaxPtime, Mid, Msid, MsidSemantic, Ptime, RawAttribute, Rid, Rtcp,
    RtcpFeedback, RtpMap, SctpMap, SctpPort, Setup, Simulcast, Ssrc, SsrcGroup, TlsId,
};

/// Reads the value of any attribute that has a type here, or that takes no value; others are as they are.
pub(crate) fn check(attribute: RawAttribute<'_>) -> Result<(), Malformed> {
    macro_rules! typed {
        ($($name:ident),*) => {
            match attribute.name {
                $(<$name<'_>>::NAME => <$name<'_>>::parse(attribute.value.unwrap_or_default()).map(drop),)*
                _ => check_plain(attribute),
            }
        };
    }
    typed!(
        Candidate,
        Extmap,
        Fmtp,
        Group,
        IceOptions,
        IcePassword,
        IceUfrag,
        MaxPtime,
        Mid,
        Msid,
        MsidSemantic,
        Ptime,
        Rid,
        Rtcp,
        RtcpFeedback,
        RtpMap,
        SctpMap,
        Simulcast,
        Ssrc,
        SsrcGroup,
        TlsId
    )
}

fn check_plain(attribute: RawAttribute<'_>) -> Result<(), Malformed> {
    let value = attribute.value.unwrap_or_default();
    match attribute.name {
        Fingerprint::NAME => known_hash(value).map_or(Ok(()), |value| Fingerprint::parse(value).map(drop)),
        IcePacing::NAME => IcePacing::parse(value).map(drop),
        MaxMessageSize::NAME => MaxMessageSize::parse(value).map(drop),
        SctpPort::NAME => SctpPort::parse(value).map(drop),
        Setup::NAME => Setup::parse(value).map(drop),
        name => match FLAGS.iter().find(|flag| **flag == name) {
            Some(name) if attribute.value.is_some() => {
                Err(Malformed { name, expected: "no value", offset: 0 })
            }
            _ => Ok(()),
        },
    }
}

/// A fingerprint of a hash function that has no type here (SHA-1, SHA-224) is well formed and of no use.
fn known_hash(value: &str) -> Option<&str> {
    let name = value.split(' ').next().unwrap_or_default();
    let other = ["sha-1", "sha-224", "md5", "md2"].into_iter().any(|other| name.eq_ignore_ascii_case(other));
    (!other).then_some(value)
}

/// Attributes that say all by being there.
const FLAGS: [&str; 12] = [
    "bundle-only",
    "end-of-candidates",
    "extmap-allow-mixed",
    "ice-lite",
    "ice-mismatch",
    "inactive",
    "recvonly",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "sendonly",
    "sendrecv",
];
