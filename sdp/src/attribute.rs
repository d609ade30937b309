//! Attributes as typed views: read when asked for, from the text where it lies.

mod candidate;
mod check;
mod format;
mod ice;
mod identity;
mod rid;
mod stream;
mod transport;

use core::fmt;

pub use candidate::Candidate;
pub(crate) use check::check;
pub use format::{Extmap, Fmtp, RtcpFeedback, RtpMap};
pub use ice::{IceOptions, IcePassword, IceUfrag};
pub use identity::{Fingerprint, HashFunction, MaxMessageSize, SctpPort, Setup};
pub use rid::{Rid, RidDirection, Simulcast};
pub use stream::{Direction, Group, Mid, Msid, Ssrc, SsrcGroup};
pub use transport::{IcePacing, MaxPtime, MsidSemantic, Ptime, Rtcp, SctpMap, TlsId};

/// An attribute as it stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// The name, before the colon.
    pub name: &'a str,
    /// What follows the colon; `None` without one, which is not the same as empty.
    pub value: Option<&'a str>,
    /// The line's number in the document, from 0.
    pub line: usize,
}

/// An attribute that breaks its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {kind}", .line + 1)]
pub struct AttributeError {
    /// What is wrong.
    pub kind: Malformed,
    /// The line's number in the document, from 0.
    pub line: usize,
}

/// What is wrong with an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a={name}: {expected} expected at octet {offset} of the value")]
pub struct Malformed {
    /// The attribute.
    pub name: &'static str,
    /// What should stand there.
    pub expected: &'static str,
    /// Octets from the start of the value.
    pub offset: usize,
}

/// An attribute that knows its name and its format. Implement it to give an attribute a type of your own.
///
/// Writing is `Display`, which gives the value; [`crate::Writer`] sees to it that no value ends a line.
pub trait Attribute<'a>: Sized + fmt::Display {
    /// The name before the colon.
    const NAME: &'static str;

    /// Reads the value.
    ///
    /// # Errors
    /// The value breaks the format.
    fn parse(value: &'a str) -> Result<Self, Malformed>;
}

/// Goes through a value field by field, and knows where it stands.
#[derive(Debug, Clone, Copy)]
struct Fields<'a> {
    name: &'static str,
    rest: &'a str,
    offset: usize,
}

impl<'a> Fields<'a> {
    fn new(name: &'static str, value: &'a str) -> Self {
        Self { name, rest: value, offset: 0 }
    }

    /// Everything up to `separator`, which is taken too, or up to the end.
    fn until(&mut self, separator: char) -> &'a str {
        let (field, rest, taken) = match self.rest.split_once(separator) {
            Some((field, rest)) => (field, rest, field.len() + separator.len_utf8()),
            None => (self.rest, "", self.rest.len()),
        };
        self.rest = rest;
        self.offset += taken;
        field
    }

    /// A field that satisfies `good`, up to `separator`.
    fn expect(
        &mut self,
        separator: char,
        expected: &'static str,
        good: impl FnOnce(&str) -> bool,
    ) -> Result<&'a str, Malformed> {
        let before = *self;
        let field = self.until(separator);
        if good(field) { Ok(field) } else { Err(before.error(expected)) }
    }

    fn token(&mut self, separator: char, expected: &'static str) -> Result<&'a str, Malformed> {
        self.expect(separator, expected, |field| !field.is_empty() && !field.contains(' '))
    }

    fn number<N: core::str::FromStr>(
        &mut self,
        separator: char,
        expected: &'static str,
    ) -> Result<N, Malformed> {
        let before = *self;
        crate::document::number(self.until(separator)).ok_or_else(|| before.error(expected))
    }

    fn error(&self, expected: &'static str) -> Malformed {
        Malformed { name: self.name, expected, offset: self.offset }
    }
}
