//! BYE and APP; RFC 3550 sections 6.6 and 6.7.

use alloc::vec::Vec;
use core::fmt;

use super::{APP, BYE, Header, encode};
use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// BYE: sources that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goodbye<'a> {
    ssrcs: &'a [[u8; 4]],
    /// Why, for people; empty if nothing was said. Octets, since senders put other things than UTF-8 there.
    pub reason: &'a [u8],
}

impl<'a> Goodbye<'a> {
    pub(super) fn parse(header: Header, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let count = usize::from(header.count);
        let ssrcs = reader.take(4 * count).map_err(|_| reader.error(Kind::Count { count }))?;
        let reason = if reader.is_empty() {
            &[]
        } else {
            let len = reader.u8()?;
            reader.take(len.into())?
        };
        Ok(Self { ssrcs: ssrcs.as_chunks().0, reason })
    }

    /// The sources, at most 31.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.ssrcs.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        Self::build(out, self.ssrcs(), self.reason);
    }

    /// Appends a goodbye. Sources beyond the 31st and a reason beyond 255 octets are left out.
    pub fn build(out: &mut Vec<u8>, ssrcs: impl ExactSizeIterator<Item = u32>, reason: &[u8]) {
        let count = u8::try_from(ssrcs.len().min(31)).unwrap_or(31);
        encode(out, BYE, count, |out| {
            ssrcs.take(31).for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
            let Some(len) = u8::try_from(reason.len()).ok().filter(|len| *len > 0) else { return };
            let start = out.len();
            out.push(len);
            out.extend_from_slice(reason);
            out.resize(start + (1 + reason.len()).next_multiple_of(4), 0);
        });
    }
}

impl fmt::Display for Goodbye<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BYE")?;
        self.ssrcs().try_for_each(|ssrc| write!(f, " {ssrc:08x}"))
    }
}

/// APP: what an application says to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application<'a> {
    /// Five bits that the application defines.
    pub subtype: u8,
    /// Who speaks.
    pub ssrc: u32,
    /// The application's name: four ASCII characters.
    pub name: [u8; 4],
    /// The application's data, whole words.
    pub data: &'a [u8],
}

impl<'a> Application<'a> {
    pub(super) fn parse(header: Header, mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let (ssrc, name) = (reader.u32()?, reader.array()?);
        Ok(Self { subtype: header.count, ssrc, name, data: reader.rest() })
    }

    /// Appends the packet; data that is no whole words is filled up with zeros.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(out, APP, self.subtype, |out| {
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            out.extend_from_slice(&self.name);
            let data = &self.data[..self.data.len().min(0x1_0000)];
            out.extend_from_slice(data);
            out.resize(out.len() + (data.len().wrapping_neg() & 3), 0);
        });
    }
}

impl fmt::Display for Application<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "APP ssrc={:08x} name={:?}", self.ssrc, self.name.map(char::from))
    }
}
