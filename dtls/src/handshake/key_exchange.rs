use std::fmt;

use super::DigitallySigned;
use crate::crypto::NamedGroup;
use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_u16, put_vec};

/// Parameters in the form of a named curve; RFC 8422 section 5.4.
const NAMED_CURVE: u8 = 3;

/// The server's key share, signed; RFC 8422 section 5.4.
///
/// ```text
/// curve type (3) 1 | group 2 | public key 1+1.. | algorithm 2 | signature 2+..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The group.
    pub group: NamedGroup,
    /// The public key in the group's own format.
    pub public_key: &'a [u8],
    /// The signature over both randoms and the parameters.
    pub signed: DigitallySigned<'a>,
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format, or describes its curve instead of naming it.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let (group, public_key) = read_share(&mut reader)?;
        let signed = DigitallySigned::read(reader)?;
        Ok(Self { group, public_key, signed })
    }

    /// Appends the parameters: what is signed, after the randoms.
    pub fn encode_parameters(group: NamedGroup, public_key: &[u8], out: &mut Vec<u8>) {
        out.push(NAMED_CURVE);
        put_u16(out, group.0);
        put_vec::<1>(out, |out| out.extend_from_slice(public_key));
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        4 + self.public_key.len() + self.signed.encoded_len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        Self::encode_parameters(self.group, self.public_key, out);
        self.signed.encode(out);
    }
}

/// Reads a group by its name, and a public key.
pub(super) fn read_share<'a>(reader: &mut Reader<'a>) -> Result<(NamedGroup, &'a [u8]), ParseError> {
    let at = *reader;
    let curve_type = reader.u8()?;
    if curve_type != NAMED_CURVE {
        return Err(at.error(Kind::CurveType(curve_type)));
    }
    let group = NamedGroup(reader.u16()?);
    Ok((group, reader.vec8(1)?.rest()))
}

impl fmt::Display for ServerKeyExchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKeyExchange {} {}", self.group, self.signed)
    }
}

/// The client's key share; RFC 8422 section 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// The public key in the group's own format.
    pub public_key: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let public_key = reader.vec8(1)?.rest();
        reader.finish()?;
        Ok(Self { public_key })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        1 + self.public_key.len()
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<1>(out, |out| out.extend_from_slice(self.public_key));
    }
}

impl fmt::Display for ClientKeyExchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeyExchange key={}", self.public_key.len())
    }
}
