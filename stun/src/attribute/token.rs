//! What stands for a password where a third party vouches for the client; RFC 7635 section 6.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::ParseError;
use crate::kind::{AttributeType, TransactionId};

/// A token that only the authorization server and the STUN server can read; RFC 7635 section 6.2. It goes with USERNAME,
/// which then names the key, and with a signature by the session key ([`crate::IntegrityKey::from_octets`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessToken<'a>(pub &'a [u8]);

impl<'a> Attribute<'a> for AccessToken<'a> {
    const TYPE: AttributeType = AttributeType::ACCESS_TOKEN;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(raw.value))
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}
