//! UNKNOWN-ATTRIBUTES; RFC 8489 section 14.13.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, TransactionId};

/// The attributes that made the server answer 420. Built by value, read through [`UnknownAttributes::iter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAttributes(Vec<AttributeType>);

impl UnknownAttributes {
    /// More than this are not listed: whoever asks with more unknown attributes learns of them in a second round.
    pub const LIMIT: usize = 64;

    /// Lists the first [`UnknownAttributes::LIMIT`] types, each once.
    pub fn new(types: impl IntoIterator<Item = AttributeType>) -> Self {
        let mut list = Vec::new();
        for kind in types {
            if list.len() == Self::LIMIT {
                break;
            }
            if !list.contains(&kind) {
                list.push(kind);
            }
        }
        Self(list)
    }

    /// The types in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = AttributeType> + '_ {
        self.0.iter().copied()
    }
}

impl<'a> Attribute<'a> for UnknownAttributes {
    const TYPE: AttributeType = AttributeType::UNKNOWN_ATTRIBUTES;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        let (pairs, rest) = raw.value.as_chunks::<2>();
        if rest.is_empty() {
            let types = pairs.iter().map(|pair| AttributeType(u16::from_be_bytes(*pair)));
            Ok(Self(types.take(Self::LIMIT).collect()))
        } else {
            let kind = Kind::Truncated { needed: 2, available: 1 };
            Err(ParseError { kind, offset: raw.offset + raw.value.len() - 1 })
        }
    }

    fn encoded_len(&self) -> usize {
        2 * self.0.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        self.0.iter().for_each(|kind| out.extend_from_slice(&kind.0.to_be_bytes()));
    }
}
