use std::fmt;

use crate::error::{Kind, ParseError};
use crate::extension::Extensions;
use crate::record::Version;
use crate::wire::{Reader, U16List, put_u16, put_vec};

/// The client's offer; RFC 5246 section 7.4.1.2 with the cookie of RFC 6347 section 4.2.1.
///
/// ```text
/// version 2 | random 32 | session_id 1+0..32 | cookie 1+0..255 | suites 2+2.. | compression 1+1.. | extensions 2+..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The highest version offered; DTLS 1.3 is offered in an extension and says 1.2 here.
    pub version: Version,
    /// The client's random.
    pub random: &'a [u8; 32],
    /// A session to resume, up to 32 octets.
    pub session_id: &'a [u8],
    /// What the server's HelloVerifyRequest carried; empty in the first hello.
    pub cookie: &'a [u8],
    /// Cipher suites, the client's first choice first; one or more.
    pub suites: U16List<'a>,
    /// Compression methods, one or more; 0 is none.
    pub compression: &'a [u8],
    /// The extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
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
        let cookie = reader.vec8(0)?.rest();
        let suites = U16List::read(reader.vec16(2)?)?;
        let compression = reader.vec8(1)?.rest();
        let extensions = Extensions::read(reader)?;
        Ok(Self { version, random, session_id, cookie, suites, compression, extensions })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        let lists =
            self.session_id.len() + self.cookie.len() + self.suites.bytes().len() + self.compression.len();
        2 + 32 + 1 + 1 + 2 + 1 + lists + self.extensions.encoded_len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.version.0);
        out.extend_from_slice(self.random);
        put_vec::<1>(out, |out| out.extend_from_slice(self.session_id));
        put_vec::<1>(out, |out| out.extend_from_slice(self.cookie));
        put_vec::<2>(out, |out| out.extend_from_slice(self.suites.bytes()));
        put_vec::<1>(out, |out| out.extend_from_slice(self.compression));
        self.extensions.encode(out);
    }
}

impl fmt::Display for ClientHello<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientHello {} suites={}", self.version, self.suites.iter().count())?;
        if !self.cookie.is_empty() {
            write!(f, " cookie={}", self.cookie.len())?;
        }
        write!(f, " {}", self.extensions)
    }
}
