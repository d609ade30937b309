//! How passwords become keys, and user names that do not show; RFC 8489 sections 14.4, 14.11 and 14.12.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{Attribute, RawAttribute};
use crate::error::ParseError;
use crate::kind::{AttributeType, PasswordAlgorithm, TransactionId};
use crate::wire::{Reader, padding};

/// SHA-256 over user name, colon and realm, in place of the user name; RFC 8489 section 14.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Userhash(pub [u8; 32]);

impl Userhash {
    /// Hides a user name. Both texts must be prepared as OpaqueString (RFC 8265).
    pub fn new(username: &str, realm: &str) -> Self {
        let digest = Sha256::new().chain_update(username).chain_update(":").chain_update(realm);
        Self(digest.finalize().into())
    }
}

impl<'a> Attribute<'a> for Userhash {
    const TYPE: AttributeType = AttributeType::USERHASH;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(32, 32)?;
        raw.reader().array().map(Self)
    }

    fn encoded_len(&self) -> usize {
        32
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

/// The algorithms that the server offers, the one it likes best first; RFC 8489 section 14.11.
///
/// A view of the value, checked once; parameters are kept, since they must be echoed unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordAlgorithms<'a>(&'a [u8]);

impl<'a> PasswordAlgorithms<'a> {
    /// MD5 and SHA-256 without parameters, as the RFC's own servers send them: SHA-256 first.
    pub const BOTH: PasswordAlgorithms<'static> = PasswordAlgorithms(&[0, 2, 0, 0, 0, 1, 0, 0]);

    /// Each algorithm with its parameters.
    pub fn iter(&self) -> impl Iterator<Item = ChosenAlgorithm<'a>> + use<'a> {
        let mut reader = Reader::new(self.0, 0);
        core::iter::from_fn(
            move || {
                if reader.is_empty() { None } else { ChosenAlgorithm::read(&mut reader).ok() }
            },
        )
    }
}

impl<'a> Attribute<'a> for PasswordAlgorithms<'a> {
    const TYPE: AttributeType = AttributeType::PASSWORD_ALGORITHMS;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        let mut reader = raw.reader();
        while !reader.is_empty() {
            ChosenAlgorithm::read(&mut reader)?;
        }
        Ok(Self(raw.value))
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

/// The algorithm that the client has chosen; RFC 8489 section 14.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenAlgorithm<'a> {
    algorithm: PasswordAlgorithm,
    parameters: &'a [u8],
}

impl<'a> ChosenAlgorithm<'a> {
    /// An algorithm without parameters, as all that exist are.
    pub const fn new(algorithm: PasswordAlgorithm) -> Self {
        Self { algorithm, parameters: &[] }
    }

    /// Which algorithm.
    pub const fn algorithm(&self) -> PasswordAlgorithm {
        self.algorithm
    }

    /// Its parameters, without padding; empty for MD5 and SHA-256.
    pub const fn parameters(&self) -> &'a [u8] {
        self.parameters
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let algorithm = PasswordAlgorithm(reader.u16()?);
        let len = usize::from(reader.u16()?);
        let padded = reader.take(len + padding(len))?;
        Ok(Self { algorithm, parameters: &padded[..len] })
    }
}

impl<'a> Attribute<'a> for ChosenAlgorithm<'a> {
    const TYPE: AttributeType = AttributeType::PASSWORD_ALGORITHM;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        let mut reader = raw.reader();
        let chosen = Self::read(&mut reader)?;
        let used = raw.value.len() - reader.rest().len();
        raw.expect_len(used, used)?;
        Ok(chosen)
    }

    fn encoded_len(&self) -> usize {
        4 + self.parameters.len() + padding(self.parameters.len())
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        // Parameters come from a parsed attribute or are empty, so their length fits.
        let len = u16::try_from(self.parameters.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&self.algorithm.0.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(self.parameters);
        out.extend_from_slice(&[0; 3][..padding(self.parameters.len())]);
    }
}
