//! Codecs and header extensions, and what two lists of them have in common.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::format;

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

    /// The same with these parameters of `a=fmtp`.
    #[must_use]
    pub fn with_parameters(self, parameters: &str) -> Self {
        Self { parameters: parameters.into(), ..self }
    }

    /// The same with this feedback.
    #[must_use]
    pub fn with_feedback(self, feedback: &[&str]) -> Self {
        Self { feedback: feedback.iter().map(|text| String::from(*text)).collect(), ..self }
    }

    /// The payload type that a repair codec is about (`apt`, RFC 4588 section 8.6).
    pub fn associated(&self) -> Option<u8> {
        self.parameter("apt").and_then(crate::document::number)
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.parameters.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.trim(), value.trim()))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether both mean the same encoding: name, clock and channels, and what the payload format says cannot differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels.unwrap_or(1) == other.channels.unwrap_or(1)
            && format::compatible(self, other)
    }

    /// Whether it repeats packets of another codec, RFC 4588.
    pub(super) fn is_repair(&self) -> bool {
        self.name.eq_ignore_ascii_case("rtx")
    }

    /// Whether it carries packets of others again, RFC 2198.
    pub(super) fn is_redundant(&self) -> bool {
        self.name.eq_ignore_ascii_case("red")
    }

    /// Whether something can be heard or seen with it alone.
    pub(super) fn is_primary(&self) -> bool {
        let helpers = ["rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event"];
        !helpers.into_iter().any(|helper| self.name.eq_ignore_ascii_case(helper))
    }

    /// The parameters with one of them changed or added.
    pub(super) fn with_parameter(&self, name: &str, value: &str) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut found = false;
        for part in self.parameters.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let own = part.split('=').next().unwrap_or_default().trim().eq_ignore_ascii_case(name);
            found |= own;
            parts.push(if own { format!("{name}={value}") } else { part.into() });
        }
        if !found {
            parts.push(format!("{name}={value}"));
        }
        parts.join(";")
    }
}

/// The codecs of `theirs` that `ours` has too, in their order and under their payload types, with our parameters as the
/// payload format has them answered, and the feedback that both know. Repair and redundancy come along with what they
/// are about.
pub(super) fn common_codecs(ours: &[Codec], theirs: &[Codec]) -> Vec<Codec> {
    let mut kept: Vec<Option<Codec>> = theirs
        .iter()
        .map(|their| {
            let plain = |codec: &&Codec| !codec.is_repair() && !codec.is_redundant();
            let own = ours.iter().filter(plain).find(|own| own.matches(their) && plain(&their))?;
            // Of several of ours that match, the one that is the same wins: its parameters are answered.
            let exact = ours
                .iter()
                .filter(plain)
                .find(|own| own.matches(their) && own.parameters == their.parameters);
            let own = exact.unwrap_or(own);
            let parameters = format::answered(own, their);
            let unknown_events = own.name.eq_ignore_ascii_case("telephone-event") && parameters.is_empty();
            let feedback =
                own.feedback.iter().filter(|known| their.feedback.contains(known)).cloned().collect();
            (!unknown_events).then(|| Codec { feedback, parameters, ..their.clone() })
        })
        .collect();
    // Redundant sound, and then what repairs either.
    for helper in [Codec::is_redundant, Codec::is_repair] {
        for (number, their) in theirs.iter().enumerate().filter(|(_, codec)| helper(codec)) {
            let own = ours.iter().any(|own| helper(own) && own.clock_rate == their.clock_rate);
            let has =
                |payload_type: &u8| kept.iter().flatten().any(|codec| codec.payload_type == *payload_type);
            let about = match format::redundant(their) {
                Some(blocks) => blocks.iter().all(has),
                None => their.associated().is_some_and(|payload_type| has(&payload_type)),
            };
            if own
                && about
                && let Some(place) = kept.get_mut(number)
            {
                *place = Some(Codec { feedback: Vec::new(), ..their.clone() });
            }
        }
    }
    kept.into_iter().flatten().collect()
}

/// The extensions of `theirs` that `ours` has too, under their ids.
pub(super) fn common_extensions(
    ours: &[HeaderExtension],
    theirs: &[HeaderExtension],
) -> Vec<HeaderExtension> {
    theirs.iter().filter(|their| ours.iter().any(|own| own.uri == their.uri)).cloned().collect()
}
