use std::fmt;

use crate::error::ParseError;
use crate::record::Version;
use crate::wire::{Reader, put_u16, put_vec};

/// The server's request to send the hello again with this cookie, which proves the client's address; RFC 6347 section
/// 4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// Says nothing about the version that will be chosen.
    pub version: Version,
    /// Up to 255 octets.
    pub cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let version = Version(reader.u16()?);
        let cookie = reader.vec8(0)?.rest();
        reader.finish()?;
        Ok(Self { version, cookie })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        3 + self.cookie.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.version.0);
        put_vec::<1>(out, |out| out.extend_from_slice(self.cookie));
    }
}

impl fmt::Display for HelloVerifyRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HelloVerifyRequest cookie={}", self.cookie.len())
    }
}
