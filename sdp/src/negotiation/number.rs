//! Payload types and extension ids: in one bundle each means one thing; RFC 9143 sections 9.1 and 15.2.

use alloc::format;
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Capabilities, Section};

/// What the numbers of a bundle mean so far.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    codecs: Vec<Codec>,
    payload_types: Taken<128>,
    extensions: Vec<HeaderExtension>,
    ids: Taken<256>,
}

#[derive(Debug)]
struct Taken<const N: usize>([bool; N]);

impl<const N: usize> Default for Taken<N> {
    fn default() -> Self {
        Self([false; N])
    }
}

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
    pub(super) fn of(sections: &[Section]) -> Self {
        let mut numbers = Self::default();
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
        numbers
    }

    /// What we can do, under numbers that agree with those in use; what finds none is left out.
    pub(super) fn offer(&mut self, own: &Capabilities) -> Capabilities {
        // Repair goes by the number of what it repairs, which must be known first.
        let (repair, plain): (Vec<&Codec>, Vec<&Codec>) =
            own.codecs.iter().partition(|codec| codec.is_repair());
        let mut codecs: Vec<(u8, Codec)> = Vec::new();
        for codec in plain {
            let known = self.codecs.iter().find(|known| !known.is_repair() && known.matches(codec));
            if let Some(number) = self.number(known.map(|known| known.payload_type), codec) {
                codecs.push((codec.payload_type, Codec { payload_type: number, ..codec.clone() }));
            }
        }
        for codec in repair {
            let about = codec.associated();
            let Some(position) = codecs.iter().position(|(wished, _)| Some(*wished) == about) else {
                continue;
            };
            let about = codecs[position].1.payload_type;
            let known =
                self.codecs.iter().find(|known| known.is_repair() && known.associated() == Some(about));
            if let Some(number) = self.number(known.map(|known| known.payload_type), codec) {
                let parameters = codec.parameters.split(';').map(|pair| match pair.split_once('=') {
                    Some((name, _)) if name.trim().eq_ignore_ascii_case("apt") => format!("apt={about}"),
                    _ => pair.trim().into(),
                });
                let parameters = parameters.collect::<Vec<_>>().join(";");
                codecs
                    .push((codec.payload_type, Codec { payload_type: number, parameters, ..codec.clone() }));
            }
        }
        let codecs: Vec<Codec> = codecs.into_iter().map(|(_, codec)| codec).collect();
        self.codecs.extend(codecs.iter().cloned());
        let extensions = own.extensions.iter().filter_map(|extension| self.extension(extension)).collect();
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
        Some(extension)
    }
}
