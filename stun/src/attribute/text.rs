//! Attributes that are text: names, realms, nonces.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, TransactionId};

/// Octets that 127 characters of UTF-8 can take, in the RFC's generous count; RFC 8489 sections 14.8 to 14.10 and 14.14.
pub(super) const LONG: usize = 763;
/// Octets of a user name; RFC 8489 section 14.3.
const NAME: usize = 508;
/// Octets of a domain name; RFC 8489 section 14.16.
const DOMAIN: usize = 255;

/// Text that does not fit into its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text has {found} octets, at most {maximum} fit")]
pub struct TextError {
    /// Octets of the text.
    pub found: usize,
    /// Octets that fit.
    pub maximum: usize,
}

pub(super) fn check_len(text: &str, maximum: usize) -> Result<(), TextError> {
    let found = text.len();
    if found <= maximum { Ok(()) } else { Err(TextError { found, maximum }) }
}

macro_rules! text_attribute {
    ($(#[$doc:meta])* $name:ident, $attribute_type:ident, $maximum:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// Takes the text as it is; preparing it (RFC 8265) is the caller's part.
            ///
            /// # Errors
            /// The text is longer than the attribute allows.
            pub fn new(text: &'a str) -> Result<Self, TextError> {
                check_len(text, $maximum).map(|()| Self(text))
            }

            /// The text.
            pub const fn as_str(&self) -> &'a str {
                self.0
            }
        }

        impl<'a> Attribute<'a> for $name<'a> {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
                raw.expect_len(0, $maximum)?;
                match core::str::from_utf8(raw.value) {
                    Ok(text) => Ok(Self(text)),
                    Err(fault) => {
                        let offset = raw.offset + fault.valid_up_to();
                        Err(ParseError { kind: Kind::Utf8(Self::TYPE), offset })
                    }
                }
            }

            fn encoded_len(&self) -> usize {
                self.0.len()
            }

            fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
                out.extend_from_slice(self.0.as_bytes());
            }
        }
    };
}

text_attribute!(
    /// Who signs, at most 508 octets; in ICE both user fragments, joined by a colon. RFC 8489 section 14.3.
    Username, USERNAME, NAME
);
text_attribute!(
    /// Within which the user name means something, at most 763 octets; RFC 8489 section 14.9.
    Realm, REALM, LONG
);
text_attribute!(
    /// The server's challenge, at most 763 octets; RFC 8489 section 14.10.
    Nonce, NONCE, LONG
);
text_attribute!(
    /// What the sender is, for people, at most 763 octets; RFC 8489 section 14.14.
    Software, SOFTWARE, LONG
);
text_attribute!(
    /// The name for which the alternate server's certificate is checked, at most 255 octets; RFC 8489 section 14.16.
    AlternateDomain, ALTERNATE_DOMAIN, DOMAIN
);
