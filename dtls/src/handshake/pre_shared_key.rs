use std::fmt;

use super::ServerKeyExchange;
use super::key_exchange::read_share;
use crate::crypto::NamedGroup;
use crate::error::ParseError;
use crate::wire::{Reader, put_vec};

/// The server's part of a key exchange with a key that both have: a hint at which key is wanted, and with ephemeral keys
/// (RFC 5489 section 2) the key share, unsigned. Without those (RFC 4279 section 2) it is only sent if there is a hint.
///
/// ```text
/// hint 2+0.. | curve type (3) 1 | group 2 | public key 1+1..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PskServerKeyExchange<'a> {
    /// The hint; empty for none.
    pub hint: &'a [u8],
    /// Group and public key, with ephemeral keys.
    pub share: Option<(NamedGroup, &'a [u8])>,
}

impl<'a> PskServerKeyExchange<'a> {
    /// Reads a message's body, of a suite with ephemeral keys or of one without.
    ///
    /// # Errors
    /// It breaks the format, or describes its curve instead of naming it.
    pub fn parse(body: &'a [u8], is_ephemeral: bool) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let hint = reader.vec16(0)?.rest();
        let share = is_ephemeral.then(|| read_share(&mut reader)).transpose()?;
        reader.finish()?;
        Ok(Self { hint, share })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        2 + self.hint.len() + self.share.map_or(0, |(_, public_key)| 4 + public_key.len())
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<2>(out, |out| out.extend_from_slice(self.hint));
        if let Some((group, public_key)) = self.share {
            ServerKeyExchange::encode_parameters(group, public_key, out);
        }
    }
}

impl fmt::Display for PskServerKeyExchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKeyExchange hint=\"{}\"", self.hint.escape_ascii())?;
        self.share.map_or(Ok(()), |(group, _)| write!(f, " {group}"))
    }
}

/// The client's part of a key exchange with a key that both have: which key it is (RFC 4279 section 2), and with ephemeral
/// keys its key share (RFC 5489 section 2).
///
/// ```text
/// identity 2+0.. | public key 1+1..
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PskClientKeyExchange<'a> {
    /// The identity of the key, UTF-8 if the client does right; RFC 4279 section 5.1.
    pub identity: &'a [u8],
    /// The public key, with ephemeral keys.
    pub public_key: Option<&'a [u8]>,
}

impl<'a> PskClientKeyExchange<'a> {
    /// Reads a message's body, of a suite with ephemeral keys or of one without.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(body: &'a [u8], is_ephemeral: bool) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body);
        let identity = reader.vec16(0)?.rest();
        let public_key = is_ephemeral.then(|| reader.vec8(1).map(Reader::rest)).transpose()?;
        reader.finish()?;
        Ok(Self { identity, public_key })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        2 + self.identity.len() + self.public_key.map_or(0, |public_key| 1 + public_key.len())
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<2>(out, |out| out.extend_from_slice(self.identity));
        if let Some(public_key) = self.public_key {
            put_vec::<1>(out, |out| out.extend_from_slice(public_key));
        }
    }
}

impl fmt::Display for PskClientKeyExchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeyExchange identity=\"{}\"", self.identity.escape_ascii())?;
        self.public_key.map_or(Ok(()), |public_key| write!(f, " key={}", public_key.len()))
    }
}
