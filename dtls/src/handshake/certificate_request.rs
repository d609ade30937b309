use std::fmt;

use crate::error::ParseError;
use crate::wire::{Reader, U16List, put_vec};

/// What kind of key a client's certificate may have; RFC 5246 section 7.4.4 and RFC 8422 section 5.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientCertificateType(pub u8);

impl ClientCertificateType {
    /// A key that can sign with RSA.
    pub const RSA_SIGN: Self = Self(1);
    /// A key that can sign with ECDSA or EdDSA.
    pub const ECDSA_SIGN: Self = Self(64);
}

/// The server's request for a certificate of the client; RFC 5246 section 7.4.4.
///
/// ```text
/// certificate types 1+1.. | signature algorithms 2+2.. | authorities 2+0..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// Values of [`ClientCertificateType`], one or more.
    pub certificate_types: &'a [u8],
    /// What the server can verify, its first choice first.
    pub signature_algorithms: U16List<'a>,
    /// Distinguished names of authorities, each with two octets of length; empty for any.
    pub authorities: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format. What is inside the names is not looked at.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let certificate_types = reader.vec8(1)?.rest();
        let signature_algorithms = U16List::read(reader.vec16(2)?)?;
        let authorities = reader.vec16(0)?;
        reader.finish()?;
        let mut names = authorities;
        while !names.is_empty() {
            names.vec16(1)?;
        }
        Ok(Self { certificate_types, signature_algorithms, authorities: authorities.rest() })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        let algorithms = self.signature_algorithms.bytes().len();
        1 + self.certificate_types.len() + 2 + algorithms + 2 + self.authorities.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<1>(out, |out| out.extend_from_slice(self.certificate_types));
        put_vec::<2>(out, |out| out.extend_from_slice(self.signature_algorithms.bytes()));
        put_vec::<2>(out, |out| out.extend_from_slice(self.authorities));
    }
}

impl fmt::Display for CertificateRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = self.signature_algorithms.iter().count();
        write!(f, "CertificateRequest types={:?} algorithms={algorithms}", self.certificate_types)
    }
}
