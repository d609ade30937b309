//! SDES: who a source is; RFC 3550 section 6.5.

use alloc::vec::Vec;
use core::fmt;

use super::{Header, SDES, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// What an item says; RFC 3550 section 12.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKind(pub u8);

impl ItemKind {
    /// The canonical name, which joins the streams of one participant.
    pub const CNAME: Self = Self(1);
    /// A name for people.
    pub const NAME: Self = Self(2);
    /// The media stream identification; RFC 9143.
    pub const MID: Self = Self(15);
}

/// One item of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it says.
    pub kind: ItemKind,
    /// Its text in UTF-8, at most 255 octets.
    pub text: &'a str,
}

/// What is said of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source.
    pub ssrc: u32,
    /// The items with their headers, without terminator; checked.
    items: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The items in the order of the packet.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let mut reader = Reader::new(self.items, 0);
        core::iter::from_fn(move || Item::parse(&mut reader).ok().flatten())
    }

    /// The canonical name.
    pub fn cname(&self) -> Option<&'a str> {
        self.items().find(|item| item.kind == ItemKind::CNAME).map(|item| item.text)
    }

    /// Reads a chunk: the source, items, a terminator and zeros up to a whole word.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let start = reader.offset();
        let ssrc = reader.u32()?;
        let items = reader.rest();
        while Item::parse(reader)?.is_some() {}
        let used = items.len() - reader.rest().len() - 1;
        let padding = (reader.offset() - start).wrapping_neg() & 3;
        reader.take(padding)?;
        Ok(Self { ssrc, items: &items[..used] })
    }
}

impl<'a> Item<'a> {
    /// `None` at the terminator.
    fn parse(reader: &mut Reader<'a>) -> Result<Option<Self>, ParseError> {
        let kind = ItemKind(reader.u8()?);
        if kind.0 == 0 {
            return Ok(None);
        }
        let len = reader.u8()?;
        let text = reader.take(len.into())?;
        let text = core::str::from_utf8(text).map_err(|_| reader.error(Kind::Utf8))?;
        Ok(Some(Self { kind, text }))
    }
}

/// SDES: chunks that describe sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    count: u8,
    /// Checked: `count` chunks.
    body: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(header: Header, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let body = reader.rest();
        for _ in 0..header.count {
            Chunk::parse(&mut reader)?;
        }
        if !reader.is_empty() {
            return Err(reader.error(Kind::Count { count: header.count.into() }));
        }
        Ok(Self { count: header.count, body })
    }

    /// The chunks in the order of the packet, at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let mut reader = Reader::new(self.body, 0);
        (0..self.count).map_while(move |_| Chunk::parse(&mut reader).ok())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode(out, SDES, self.count, |out| out.extend_from_slice(self.body));
    }

    /// Appends a description of one source. Items of more than 255 octets are left out.
    pub fn build<'i>(out: &mut Vec<u8>, ssrc: u32, items: impl IntoIterator<Item = Item<'i>>) {
        encode(out, SDES, 1, |out| {
            let start = out.len();
            out.extend_from_slice(&ssrc.to_be_bytes());
            for item in items {
                let Ok(len) = u8::try_from(item.text.len()) else { continue };
                if item.kind.0 == 0 || out.len() - start > 0x8000 {
                    continue;
                }
                out.extend_from_slice(&[item.kind.0, len]);
                out.extend_from_slice(item.text.as_bytes());
            }
            // The terminator, and zeros to a whole word.
            let len = (out.len() - start + 1).next_multiple_of(4);
            out.resize(start + len, 0);
        });
    }
}

impl fmt::Display for SourceDescription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SDES")?;
        self.chunks().try_for_each(|chunk| {
            write!(f, " [{:08x} cname={:?}]", chunk.ssrc, chunk.cname().unwrap_or_default())
        })
    }
}
