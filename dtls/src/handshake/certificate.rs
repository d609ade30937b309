use std::fmt;

use crate::error::ParseError;
use crate::wire::{Reader, put_vec};

/// A certificate chain, the sender's own certificate first; RFC 5246 section 7.4.2. A client without a certificate
/// sends an empty chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateChain<'a>(&'a [u8]);

impl<'a> CertificateChain<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format. What is inside the certificates is not looked at.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let list = reader.vec24(0)?;
        reader.finish()?;
        let mut entries = list;
        while !entries.is_empty() {
            entries.vec24(1)?;
        }
        Ok(Self(list.rest()))
    }

    /// The certificates as DER.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = Reader::new(self.0);
        std::iter::from_fn(move || rest.vec24(1).ok().map(Reader::rest))
    }

    /// The sender's own certificate as DER.
    pub fn leaf(&self) -> Option<&'a [u8]> {
        self.iter().next()
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        3 + self.0.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<3>(out, |out| out.extend_from_slice(self.0));
    }
}

/// Appends the body of a message with these certificates.
pub(crate) fn encode_chain<'a>(chain: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    put_vec::<3>(out, |out| {
        for certificate in chain {
            put_vec::<3>(out, |out| out.extend_from_slice(certificate));
        }
    });
}

impl fmt::Display for CertificateChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate chain=[")?;
        for (index, certificate) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{}", certificate.len())?;
        }
        f.write_str("]")
    }
}
