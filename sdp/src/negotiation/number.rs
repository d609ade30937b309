//! Payload types and extension ids: in one bundle each means one thing; RFC 9143 sections 9.1 and 15.2.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Capabilities, Section, format as rules};

/// What our own codecs and extensions have been offered under: they keep it; RFC 3264 section 8.3.2.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    codecs: Vec<Codec>,
    extensions: Vec<HeaderExtension>,
}

/// What the numbers of a bundle mean so far.
#[derive(Debug)]
pub(super) struct Numbers {
    history: History,
    codecs: Vec<Codec>,
    payload_types: Taken<128>,
    extensions: Vec<HeaderExtension>,
    ids: Taken<256>,
}

#[derive(Debug)]
struct Taken<const N: usize>([bool; N]);

impl<const N: usize> Taken<N> {
    fn take(&mut self, number: u8) {
        if let Some(taken) = self.0.get_mut(usize::from(number)) {
            *taken = true;
        }
    }

    /// The number wished for, else the first that is free.
    fn choose(&mut self, wished: u8, mut others: impl Iterator<Item = u8>) -> Option<u8> {
        let free = |number: u8| self.0.get(usize::from(number)) == Some(&false);
        let number = if free(wished) { Some(wished) } else { others.find(|number| free(*number)) };
        if let Some(number) = number {
            self.take(number);
        }
        number
    }
}

impl Numbers {
    /// The numbers that both sides use by now.
    pub(super) fn of(sections: &[Section], history: History) -> Self {
        let mut numbers = Self {
            codecs: Vec::new(),
            payload_types: Taken([false; 128]),
            extensions: Vec::new(),
            ids: Taken([false; 256]),
            history,
        };
        for section in sections.iter().filter(|section| !section.rejected) {
            let Some(remote) = &section.remote else { continue };
            for codec in section.codecs.iter().chain(&remote.codecs) {
                numbers.payload_types.take(codec.payload_type);
            }
            for extension in section.extensions.iter().chain(&remote.extensions) {
                numbers.ids.take(extension.id);
            }
            numbers.codecs.extend(section.codecs.iter().cloned());
            numbers.extensions.extend(section.extensions.iter().cloned());
        }
        // What we have offered before keeps its number, unless the other side has used it for something else since.
        let Self { history, codecs, payload_types, extensions, ids } = &mut numbers;
        for codec in &history.codecs {
            if payload_types.choose(codec.payload_type, core::iter::empty()).is_some() {
                codecs.push(codec.clone());
            }
        }
        for extension in &history.extensions {
            if ids.choose(extension.id, core::iter::empty()).is_some() {
                extensions.push(extension.clone());
            }
        }
        numbers
    }

    /// What to remember.
    pub(super) fn into_history(self) -> History {
        self.history
    }

    /// What we can do in a section, under numbers that agree with those in use; what finds none is left out. What the
    /// section has agreed on comes first, and of extensions nothing else comes; RFC 9429 section 5.2.2.
    pub(super) fn offer(&mut self, own: &Capabilities, section: &Section) -> Capabilities {
        let agreed: &[Codec] = if section.remote.is_some() { &section.codecs } else { &[] };
        let mut codecs: Vec<(u8, Codec)> = Vec::new();
        // Repair and redundancy go by the number of what they are about, which must be known first.
        for codec in own.codecs.iter().filter(|codec| !codec.is_repair() && !codec.is_redundant()) {
            let same = |known: &&Codec| !known.is_repair() && !known.is_redundant() && known.matches(codec);
            let before = agreed.iter().find(same);
            let known = before.or_else(|| self.codecs.iter().find(same)).map(|known| known.payload_type);
            let taken = |number: &u8| codecs.iter().any(|(_, codec)| codec.payload_type == *number);
            if let Some(number) = self.number(known.filter(|number| !taken(number)), codec) {
                let feedback = match before {
                    Some(before) => before.feedback.clone(),
                    None => codec.feedback.clone(),
                };
                codecs.push((codec.payload_type, Codec { payload_type: number, feedback, ..codec.clone() }));
            }
        }
        for codec in own.codecs.iter().filter(|codec| codec.is_repair() || codec.is_redundant()) {
            let place = |wished: u8| {
                codecs.iter().find(|(known, _)| *known == wished).map(|(_, codec)| codec.payload_type)
            };
            let Some(parameters) = renumbered(codec, place) else { continue };
            let same = |known: &&Codec| {
                known.name.eq_ignore_ascii_case(&codec.name)
                    && known.clock_rate == codec.clock_rate
                    && about(known) == about(&Codec { parameters: parameters.clone(), ..codec.clone() })
            };
            let known = agreed.iter().find(same).or_else(|| self.codecs.iter().find(same));
            let known = known.map(|known| known.payload_type);
            if let Some(number) = self.number(known, codec) {
                codecs
                    .push((codec.payload_type, Codec { payload_type: number, parameters, ..codec.clone() }));
            }
        }
        let mut codecs: Vec<Codec> = codecs.into_iter().map(|(_, codec)| codec).collect();
        for codec in &codecs {
            if !self.history.codecs.iter().any(|known| known.payload_type == codec.payload_type) {
                self.history.codecs.push(Codec { feedback: Vec::new(), ..codec.clone() });
            }
        }
        self.codecs.extend(codecs.iter().cloned());
        let place = |codec: &Codec| {
            agreed.iter().position(|known| known.payload_type == codec.payload_type).unwrap_or(usize::MAX)
        };
        codecs.sort_by_key(place);
        let fresh = section.remote.is_none();
        let kept = |extension: &&HeaderExtension| {
            fresh || section.extensions.iter().any(|known| known.uri == extension.uri)
        };
        let extensions =
            own.extensions.iter().filter(kept).filter_map(|extension| self.extension(extension)).collect();
        Capabilities { codecs, extensions }
    }

    fn number(&mut self, known: Option<u8>, codec: &Codec) -> Option<u8> {
        // RFC 3551 section 6 leaves these to be assigned; RFC 5761 section 4 keeps 64 to 95 for RTCP.
        known.or_else(|| self.payload_types.choose(codec.payload_type, (96..=127).chain(35..=63)))
    }

    fn extension(&mut self, own: &HeaderExtension) -> Option<HeaderExtension> {
        if let Some(known) = self.extensions.iter().find(|known| known.uri == own.uri) {
            return Some(known.clone());
        }
        // 15 is reserved in short headers, which hold no more than 14; RFC 8285 section 4.2.
        let id = self.ids.choose(own.id, (1..=14).chain(16..=255))?;
        let extension = HeaderExtension { id, uri: own.uri.clone() };
        self.extensions.push(extension.clone());
        self.history.extensions.push(extension.clone());
        Some(extension)
    }
}

/// What a repair or redundancy codec is about.
fn about(codec: &Codec) -> (Option<u8>, Option<Vec<u8>>) {
    (codec.associated(), rules::redundant(codec))
}

/// The parameters of a repair or redundancy codec with the numbers that the others got; `None` where one got none.
fn renumbered(codec: &Codec, place: impl Fn(u8) -> Option<u8>) -> Option<String> {
    if let Some(blocks) = rules::redundant(codec) {
        let blocks: Option<Vec<String>> =
            blocks.iter().map(|block| Some(place(*block)?.to_string())).collect();
        return blocks.map(|blocks| blocks.join("/"));
    }
    let number = place(codec.associated()?)?;
    Some(codec.with_parameter("apt", &format!("{number}")))
}
