use std::fmt;

use crate::crypto::CipherSuite;
use crate::error::{Kind, ParseError};
use crate::extension::Extensions;
use crate::record::Version;
use crate::wire::{Reader, put_u16, put_vec};

/// The server's choice; RFC 5246 section 7.4.1.3.
///
/// ```text
/// version 2 | random 32 | session_id 1+0..32 | suite 2 | compression 1 | extensions 2+..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version chosen.
    pub version: Version,
    /// The server's random.
    pub random: &'a [u8; 32],
    /// The session's name, up to 32 octets; empty if it cannot be resumed.
    pub session_id: &'a [u8],
    /// The suite chosen.
    pub suite: CipherSuite,
    /// The compression method chosen; 0 is none.
    pub compression: u8,
    /// The extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let version = Version(reader.u16()?);
        let random = reader.array()?;
        let at = reader;
        let session_id = reader.vec8(0)?.rest();
        if session_id.len() > 32 {
            return Err(at.error(Kind::TooLong { found: session_id.len(), maximum: 32 }));
        }
        let suite = CipherSuite(reader.u16()?);
        let compression = reader.u8()?;
        let extensions = Extensions::read(reader)?;
        Ok(Self { version, random, session_id, suite, compression, extensions })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        2 + 32 + 1 + self.session_id.len() + 2 + 1 + self.extensions.encoded_len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.version.0);
        out.extend_from_slice(self.random);
        put_vec::<1>(out, |out| out.extend_from_slice(self.session_id));
        put_u16(out, self.suite.0);
        out.push(self.compression);
        self.extensions.encode(out);
    }
}

impl fmt::Display for ServerHello<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerHello {} {} {}", self.version, self.suite, self.extensions)
    }
}
