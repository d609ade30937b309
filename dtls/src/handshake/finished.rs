use std::fmt;

use crate::error::ParseError;
use crate::wire::Reader;

/// The proof that both ends saw the same handshake; RFC 5246 section 7.4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The pseudorandom function over all messages before this one.
    pub verify_data: [u8; 12],
}

impl Finished {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It has not exactly 12 octets.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let verify_data = *reader.array()?;
        reader.finish()?;
        Ok(Self { verify_data })
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        self.verify_data.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.verify_data);
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finished")
    }
}
