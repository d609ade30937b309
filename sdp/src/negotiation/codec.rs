//! Codecs and header extensions, and what two lists of them have in common.

use alloc::string::String;
use alloc::vec::Vec;

/// A codec under a payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding's name.
    pub name: String,
    /// Units of the RTP clock in a second.
    pub clock_rate: u32,
    /// Channels of audio; `None` for video, and for audio with one.
    pub channels: Option<u8>,
    /// The parameters of `a=fmtp`; empty for none.
    pub parameters: String,
    /// Feedback that may be sent, such as `nack pli`.
    pub feedback: Vec<String>,
}

/// A header extension under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderExtension {
    /// 1 to 14, or to 255 where both sides mix long headers in.
    pub id: u8,
    /// What it means.
    pub uri: String,
}

impl Codec {
    /// A codec without parameters and feedback.
    pub fn new(payload_type: u8, name: &str, clock_rate: u32, channels: Option<u8>) -> Self {
        let (parameters, feedback) = (String::new(), Vec::new());
        Self { payload_type, name: name.into(), clock_rate, channels, parameters, feedback }
    }

    /// The payload type that a repair codec is about (`apt`, RFC 4588 section 8.6).
    pub fn associated(&self) -> Option<u8> {
        self.parameter("apt").and_then(|value| value.parse().ok())
    }

    /// Whether it repeats packets of another codec, RFC 4588.
    pub(super) fn is_repair(&self) -> bool {
        self.name.eq_ignore_ascii_case("rtx")
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.parameters.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.trim(), value.trim()))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether both mean the same encoding: name, clock and channels, and for those that come in incompatible
    /// flavours the parameter that tells them apart.
    pub fn matches(&self, other: &Self) -> bool {
        let same = self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels.unwrap_or(1) == other.channels.unwrap_or(1);
        let agree = |name: &str, default: &str| {
            self.parameter(name).unwrap_or(default) == other.parameter(name).unwrap_or(default)
        };
        // RFC 6184 section 8.1 and RFC 9628 section 6: other modes and profiles are other codecs.
        same && match self.name.to_ascii_lowercase().as_str() {
            "h264" => agree("packetization-mode", "0"),
            "vp9" => agree("profile-id", "0"),
            _ => true,
        }
    }
}

/// The codecs of `theirs` that `ours` has too, in their order and under their payload types, with our parameters and
/// the feedback that both know. Repair codecs come along with what they repair.
pub(super) fn common_codecs(ours: &[Codec], theirs: &[Codec]) -> Vec<Codec> {
    let mut common: Vec<Codec> = Vec::new();
    for their in theirs.iter().filter(|codec| !codec.is_repair()) {
        let Some(own) = ours.iter().find(|own| !own.is_repair() && own.matches(their)) else { continue };
        let feedback = own.feedback.iter().filter(|known| their.feedback.contains(known)).cloned().collect();
        common.push(Codec { feedback, parameters: own.parameters.clone(), ..their.clone() });
    }
    if ours.iter().any(Codec::is_repair) {
        let covered = |codec: &&Codec| {
            let about = codec.associated();
            codec.is_repair() && common.iter().any(|known| Some(known.payload_type) == about)
        };
        let repair: Vec<Codec> = theirs.iter().filter(covered).cloned().collect();
        common.extend(repair);
    }
    common
}

/// The extensions of `theirs` that `ours` has too, under their ids.
pub(super) fn common_extensions(
    ours: &[HeaderExtension],
    theirs: &[HeaderExtension],
) -> Vec<HeaderExtension> {
    theirs.iter().filter(|their| ours.iter().any(|own| own.uri == their.uri)).cloned().collect()
}
