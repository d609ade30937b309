//! What the payload formats' own rules say of two descriptions of one codec: whether they mean the same, and what the
//! answer says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::Codec;
use crate::document::number;

/// Whether two codecs of one name, clock and number of channels can be decoded by the same decoder.
pub(super) fn compatible(one: &Codec, other: &Codec) -> bool {
    let agree = |name: &str, default: &str| {
        one.parameter(name).unwrap_or(default).eq_ignore_ascii_case(other.parameter(name).unwrap_or(default))
    };
    match one.name.to_ascii_lowercase().as_str() {
        // RFC 6184 section 8.2.2: packetization and profile are not negotiated but chosen; the level is.
        "h264" => {
            agree("packetization-mode", "0")
                && H264::of(one)
                    .is_some_and(|level| Some(level.profile) == H264::of(other).map(|level| level.profile))
        }
        // RFC 7798 section 7.2.2: the same for the profile, the tier and the mode of transmission.
        "h265" => {
            agree("profile-space", "0")
                && agree("profile-id", "1")
                && agree("tier-flag", "0")
                && agree("tx-mode", "SRST")
        }
        "vp9" => agree("profile-id", "0"),
        "av1" => agree("profile", "0"),
        // RFC 4867 section 8.3.1.
        "amr" | "amr-wb" => {
            ["octet-align", "crc", "robust-sorting", "interleaving"].into_iter().all(|name| agree(name, "0"))
        }
        // RFC 5577 section 6.2.
        "g7221" => agree("bitrate", ""),
        _ => true,
    }
}

/// What our answer says of a codec that was offered with other parameters than ours.
pub(super) fn answered(own: &Codec, their: &Codec) -> String {
    match own.name.to_ascii_lowercase().as_str() {
        "h264" => h264(own, their),
        "h265" => least(own, their, "level-id", "93"),
        "telephone-event" => events(own, their),
        // RFC 3952 section 5: the larger frame wins where the two differ.
        "ilbc" => {
            let mode = |codec: &Codec| codec.parameter("mode").and_then(number::<u8>).unwrap_or(30);
            format!("mode={}", mode(own).max(mode(their)))
        }
        _ => own.parameters.clone(),
    }
}

/// Redundant sound: what it repeats, each payload type parted by slashes; RFC 2198 section 5.
pub(super) fn redundant(codec: &Codec) -> Option<Vec<u8>> {
    codec.is_redundant().then(|| codec.parameters.split('/').filter_map(|text| number(text.trim())).collect())
}

/// A profile and level of H.264; RFC 6184 section 8.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct H264 {
    profile: H264Profile,
    /// The level times 10; 9 for level 1b.
    level: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    ConstrainedHigh,
    ProgressiveHigh,
    High,
    High10,
    High422,
    High444,
    Other(u8, u8),
}

impl H264 {
    fn of(codec: &Codec) -> Option<Self> {
        // Where nothing is said, Baseline at level 1; RFC 6184 section 8.1.
        Self::parse(codec.parameter("profile-level-id").unwrap_or("42000a"))
    }

    /// `profile_idc`, the constraint flags and `level_idc`: three octets in hexadecimal.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = u32::from_str_radix(text, 16).ok().filter(|_| digits)?;
        let [_, profile, flags, level] = bits.to_be_bytes();
        let set = |flag: u8| flags & (0x80 >> flag) != 0;
        // RFC 6184 section 8.1, table 5: several ways to say the same.
        let meaning = match profile {
            66 | 77 | 88
                if (profile == 66 && set(1))
                    || (profile == 77 && set(0))
                    || (profile == 88 && set(0) && set(1)) =>
            {
                H264Profile::ConstrainedBaseline
            }
            66 | 88 if profile == 66 || set(0) => H264Profile::Baseline,
            88 if set(1) => H264Profile::Main,
            88 => H264Profile::Extended,
            77 => H264Profile::Main,
            100 if set(4) && set(5) => H264Profile::ConstrainedHigh,
            100 if set(4) => H264Profile::ProgressiveHigh,
            100 => H264Profile::High,
            110 => H264Profile::High10,
            122 => H264Profile::High422,
            244 => H264Profile::High444,
            other => H264Profile::Other(other, flags & 0xfc),
        };
        // Level 1b is level 11 with constraint_set3 in the older profiles, and 9 in the others.
        let one_b = level == 11 && set(3) && matches!(profile, 66 | 77 | 88);
        Some(Self { profile: meaning, level: if one_b { 9 } else { level } })
    }
}

/// RFC 6184 section 8.2.2: each says its own level where both allow that, else the lower one holds for both.
fn h264(own: &Codec, their: &Codec) -> String {
    let asymmetric = |codec: &Codec| codec.parameter("level-asymmetry-allowed") == Some("1");
    let (Some(mine), Some(theirs)) = (H264::of(own), H264::of(their)) else { return own.parameters.clone() };
    // Level 1b lies between 1 and 1.1, so its 9 sorts behind 10.
    let order = |level: u8| if level == 9 { 21 } else { u16::from(level) * 2 };
    if (asymmetric(own) && asymmetric(their)) || order(mine.level) <= order(theirs.level) {
        return own.parameters.clone();
    }
    own.with_parameter("profile-level-id", their.parameter("profile-level-id").unwrap_or("42000a"))
}

/// The lower of two levels.
fn least(own: &Codec, their: &Codec, name: &str, default: &str) -> String {
    let value = |codec: &Codec| codec.parameter(name).unwrap_or(default).parse::<u32>().unwrap_or(u32::MAX);
    let (mine, theirs) = (value(own), value(their));
    if mine <= theirs { own.parameters.clone() } else { own.with_parameter(name, &theirs.to_string()) }
}

/// The events that both know; RFC 4733 section 2.4.1. Where one side lists none, 0 to 15.
fn events(own: &Codec, their: &Codec) -> String {
    let (own, their) = (event_set(&own.parameters), event_set(&their.parameters));
    let mut text = String::new();
    let mut event = 0usize;
    while event < 256 {
        let both = |event: usize| own.get(event) == Some(&true) && their.get(event) == Some(&true);
        if !both(event) {
            event += 1;
            continue;
        }
        let first = event;
        while both(event) {
            event += 1;
        }
        let comma = if text.is_empty() { "" } else { "," };
        text += &match event - first {
            1 => format!("{comma}{first}"),
            _ => format!("{comma}{first}-{}", event - 1),
        };
    }
    text
}

fn event_set(parameters: &str) -> [bool; 256] {
    let mut set = [false; 256];
    // The list is a parameter of its own in newer descriptions.
    let list = parameters.trim();
    let list = list.strip_prefix("events=").unwrap_or(list);
    let list = if list.is_empty() { "0-15" } else { list };
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Some(first), Some(last)) = (number::<u8>(first.trim()), number::<u8>(last.trim())) {
            (first..=last).for_each(|event| set[usize::from(event)] = true);
        }
    }
    set
}
