use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_vec};

/// The content of `application_layer_protocol_negotiation`; RFC 7301 section 3.1. A client offers names of protocols, a server
/// answers with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationProtocols<'a>(&'a [u8]);

impl<'a> ApplicationProtocols<'a> {
    /// Reads the extension's content.
    ///
    /// # Errors
    /// It breaks the format, or a name is empty.
    pub fn parse(content: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let list = reader.vec16(2)?;
        reader.finish()?;
        let mut names = list;
        while !names.is_empty() {
            names.vec8(1)?;
        }
        Ok(Self(list.rest()))
    }

    /// The names, the sender's first choice first.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = Reader::new(self.0);
        std::iter::from_fn(move || rest.vec8(1).ok().map(Reader::rest))
    }

    /// The only name, as a server answers.
    ///
    /// # Errors
    /// There are several.
    pub(crate) fn only(self) -> Result<&'a [u8], ParseError> {
        let mut names = self.iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (_, second) => {
                let trailing = second.map_or(0, <[u8]>::len);
                Err(ParseError { kind: Kind::Trailing(trailing), offset: 2 })
            }
        }
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        2 + self.0.len()
    }

    /// Appends the content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<2>(out, |out| out.extend_from_slice(self.0));
    }
}

/// Appends the content with these names.
pub(crate) fn put_protocols<'a>(out: &mut Vec<u8>, names: impl IntoIterator<Item = &'a [u8]>) {
    put_vec::<2>(out, |out| {
        names.into_iter().for_each(|name| put_vec::<1>(out, |out| out.extend_from_slice(name)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_and_write() {
        let mut content = Vec::new();
        put_protocols(&mut content, [&b"webrtc"[..], b"c-webrtc"]);
        let parsed = ApplicationProtocols::parse(&content).unwrap();
        assert_eq!(parsed.iter().collect::<Vec<_>>(), [&b"webrtc"[..], b"c-webrtc"]);
        assert!(parsed.only().is_err());
        let mut again = Vec::new();
        parsed.encode(&mut again);
        assert_eq!((again.len(), &again), (parsed.encoded_len(), &content));
        for at in 0..content.len() {
            assert!(ApplicationProtocols::parse(&content[..at]).is_err());
        }
        assert_eq!(ApplicationProtocols::parse(b"\x00\x02\x01h").unwrap().only(), Ok(&b"h"[..]));
    }

    /// RFC 7301 section 3.1: no name is empty.
    #[test]
    fn empty_and_cut_names_are_refused() {
        for bad in [&b""[..], b"\x00\x00", b"\x00\x02\x00\x00", b"\x00\x02\x02h", b"\x00\x02\x01h\x00"] {
            assert!(ApplicationProtocols::parse(bad).is_err(), "{bad:?}");
        }
    }
}
