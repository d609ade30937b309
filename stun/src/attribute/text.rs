//! Attributes that are text: names, realms, nonces.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, TransactionId};

/// Characters of text when it is written; RFC 8489 sections 14.8 to 14.10 and 14.14.
const CHARACTERS: usize = 127;
/// Octets of text when it is read, in the generous count of RFC 5389; RFC 8489 sections 14.3, 14.8 to 14.10 and 14.14.
pub(super) const LONG: usize = 763;
/// Octets of a user name when it is written; RFC 8489 section 14.3.
const NAME: usize = 508;
/// Octets of a domain name; RFC 8489 section 14.16.
const DOMAIN: usize = 255;

/// Text that does not fit into its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Too many octets.
    #[error("text has {found} octets, at most {maximum} fit")]
    Octets {
        /// Octets of the text.
        found: usize,
        /// Octets that fit.
        maximum: usize,
    },
    /// Too many characters.
    #[error("text has {found} characters, at most {maximum} may be sent")]
    Characters {
        /// Characters of the text.
        found: usize,
        /// Characters that may be sent.
        maximum: usize,
    },
    /// Not the name of a host: letters, digits and hyphens in labels of 1 to 63 octets; RFC 1123 section 2.1.
    #[error("text is no domain name")]
    DomainName,
}

pub(super) fn check_characters(text: &str) -> Result<(), TextError> {
    let found = text.chars().count();
    if found <= CHARACTERS { Ok(()) } else { Err(TextError::Characters { found, maximum: CHARACTERS }) }
}

fn check_name(text: &str) -> Result<(), TextError> {
    let found = text.len();
    if found <= NAME { Ok(()) } else { Err(TextError::Octets { found, maximum: NAME }) }
}

fn check_domain(text: &str) -> Result<(), TextError> {
    let label = |label: &str| {
        let inner = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        inner && matches!(label.len(), 1..=63) && !label.starts_with('-') && !label.ends_with('-')
    };
    let valid = text.len() <= DOMAIN && text.strip_suffix('.').unwrap_or(text).split('.').all(label);
    if valid { Ok(()) } else { Err(TextError::DomainName) }
}

/// Read, any text is taken that fits.
const fn anything(_: &str) -> Result<(), TextError> {
    Ok(())
}

macro_rules! text_attribute {
    ($(#[$doc:meta])* $name:ident, $attribute_type:ident, $maximum:ident, $check_written:ident, $check_read:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// Takes the text as it is; [`crate::opaque_string`] prepares it where that is asked for.
            ///
            /// # Errors
            /// The attribute has no room for the text.
            pub fn new(text: &'a str) -> Result<Self, TextError> {
                $check_written(text).map(|()| Self(text))
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
                    Ok(text) if $check_read(text).is_ok() => Ok(Self(text)),
                    Ok(_) => Err(ParseError { kind: Kind::DomainName, offset: raw.offset }),
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
    /// Who signs, at most 508 octets, up to 763 when read; in ICE both user fragments, joined by a colon. RFC 8489
    /// section 14.3.
    Username, USERNAME, LONG, check_name, anything
);
text_attribute!(
    /// Within which the user name means something, at most 127 characters; RFC 8489 section 14.9.
    Realm, REALM, LONG, check_characters, anything
);
text_attribute!(
    /// The server's challenge, at most 127 characters; RFC 8489 section 14.10.
    Nonce, NONCE, LONG, check_characters, anything
);
text_attribute!(
    /// What the sender is, for people, at most 127 characters; RFC 8489 section 14.14.
    Software, SOFTWARE, LONG, check_characters, anything
);
text_attribute!(
    /// The name for which the alternate server's certificate is checked, at most 255 octets; RFC 8489 section 14.16.
    AlternateDomain, ALTERNATE_DOMAIN, DOMAIN, check_domain, check_domain
);
text_attribute!(
    /// The server can be shown a token instead of a password; its name, for which the token is to be made. At most 127
    /// characters here; the RFC sets no limit. RFC 7635 section 6.1.
    ThirdPartyAuthorization, THIRD_PARTY_AUTHORIZATION, LONG, check_characters, anything
);
