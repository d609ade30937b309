//! What ICE adds to Binding requests; RFC 8445 section 7.1.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::ParseError;
use crate::kind::{AttributeType, TransactionId};

/// The priority that a peer-reflexive candidate would get from this check, 1 to 2^31 - 1; RFC 8445 section 7.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority(pub u32);

/// The controlling agent nominates the pair on which this check goes; RFC 8445 section 7.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseCandidate;

/// The sender is controlled; its tie-breaker. RFC 8445 section 7.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IceControlled(pub u64);

/// The sender is controlling; its tie-breaker. RFC 8445 section 7.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IceControlling(pub u64);

macro_rules! integer_attribute {
    ($name:ident, $attribute_type:ident, $len:literal, $from:expr) => {
        impl<'a> Attribute<'a> for $name {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
                raw.expect_len($len, $len)?;
                raw.reader().array().map($from).map(Self)
            }

            fn encoded_len(&self) -> usize {
                $len
            }

            fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }
    };
}
integer_attribute!(Priority, PRIORITY, 4, u32::from_be_bytes);
integer_attribute!(IceControlled, ICE_CONTROLLED, 8, u64::from_be_bytes);
integer_attribute!(IceControlling, ICE_CONTROLLING, 8, u64::from_be_bytes);

impl<'a> Attribute<'a> for UseCandidate {
    const TYPE: AttributeType = AttributeType::USE_CANDIDATE;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(0, 0).map(|()| Self)
    }

    fn encoded_len(&self) -> usize {
        0
    }

    fn encode(&self, _: TransactionId, _: &mut Vec<u8>) {}
}
