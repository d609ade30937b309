use std::fmt;

use crate::crypto::SignatureScheme;
use crate::error::ParseError;
use crate::wire::{Reader, put_u16, put_vec};

/// A signature with its algorithm (RFC 5246 section 4.7): the whole of a CertificateVerify (section 7.4.8), and the end
/// of a ServerKeyExchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitallySigned<'a> {
    /// The algorithm.
    pub scheme: SignatureScheme,
    /// The signature in the algorithm's own format.
    pub signature: &'a [u8],
}

impl<'a> DigitallySigned<'a> {
    /// Reads a CertificateVerify's body.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        Self::read(Reader::new(body))
    }

    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let scheme = SignatureScheme(reader.u16()?);
        let signature = reader.vec16(0)?.rest();
        reader.finish()?;
        Ok(Self { scheme, signature })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        4 + self.signature.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.scheme.0);
        put_vec::<2>(out, |out| out.extend_from_slice(self.signature));
    }
}

impl fmt::Display for DigitallySigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signature={}", self.scheme, self.signature.len())
    }
}
