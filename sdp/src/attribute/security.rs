//! Keys that are negotiated in the description itself.

use core::fmt;

use super::shape::is_base64;
use super::{Attribute, Fields, Malformed};
use crate::document::is_token;

/// `a=crypto`: a suite of SRTP and its keys; RFC 4568 section 4. The description must be kept secret then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// By which an answer says which one it takes.
    pub tag: u32,
    /// The suite, such as `AES_CM_128_HMAC_SHA1_80`.
    pub suite: &'a str,
    keys: &'a str,
    /// Parameters of the session, parted by spaces; empty for none.
    pub session_parameters: &'a str,
}

/// One key of `a=crypto`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CryptoKey<'a> {
    /// The master key and salt in base64.
    pub key_and_salt: &'a str,
    /// Packets that the key may protect, as it stands: a number, or `2^` and one; RFC 4568 section 6.1.
    pub lifetime: Option<&'a str>,
    /// The value of the master key identifier, and its octets.
    pub mki: Option<(u64, u8)>,
}

impl<'a> Crypto<'a> {
    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = CryptoKey<'a>> + use<'a> {
        self.keys.split(';').filter_map(CryptoKey::parse)
    }

    /// Puts the parts of a value together; `key_and_salt` is base64.
    ///
    /// # Errors
    /// They do not make a value.
    pub fn text(tag: u32, suite: &str, key_and_salt: &str) -> Result<alloc::string::String, Malformed> {
        let value = alloc::format!("{tag} {suite} inline:{key_and_salt}");
        match Crypto::parse(&value) {
            Ok(_) => Ok(value),
            Err(fault) => Err(fault),
        }
    }
}

impl<'a> CryptoKey<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("inline:")?.split('|');
        let key_and_salt = parts.next().filter(|key| is_base64(key) || is_unpadded(key))?;
        let (mut lifetime, mut mki) = (None, None);
        for part in parts {
            match part.split_once(':') {
                Some((value, octets)) if mki.is_none() => {
                    let octets =
                        crate::document::number(octets).filter(|octets| (1..=128).contains(octets))?;
                    mki = Some((crate::document::number(value)?, octets));
                }
                None if lifetime.is_none() && mki.is_none() => {
                    let digits = part.strip_prefix("2^").unwrap_or(part);
                    lifetime = Some(part).filter(|_| crate::document::number::<u64>(digits).is_some());
                    lifetime?;
                }
                _ => return None,
            }
        }
        Some(Self { key_and_salt, lifetime, mki })
    }
}

/// Some phones leave the padding out.
fn is_unpadded(text: &str) -> bool {
    text.len() >= 16
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'))
}

impl<'a> Attribute<'a> for Crypto<'a> {
    const NAME: &'static str = "crypto";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let tag_at = fields;
        let tag = fields.number(' ', "tag of 1 to 9 digits")?;
        if tag > 999_999_999 {
            return Err(tag_at.error("tag of 1 to 9 digits"));
        }
        let suite = fields.expect(' ', "suite", is_token)?;
        let good = |keys: &str| keys.split(';').all(|key| CryptoKey::parse(key).is_some());
        let keys = fields.expect(' ', "inline: and a key in base64", good)?;
        Ok(Self { tag, suite, keys, session_parameters: fields.rest.trim_end() })
    }
}

impl fmt::Display for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tag, self.suite, self.keys)?;
        if self.session_parameters.is_empty() { Ok(()) } else { write!(f, " {}", self.session_parameters) }
    }
}

/// Without the keys, so that they reach no log by chance.
impl fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl fmt::Debug for CryptoKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoKey")
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

/// `a=key-mgmt`: a message of a key management protocol, such as MIKEY; RFC 4567 section 3.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyManagement<'a> {
    /// The protocol.
    pub protocol: &'a str,
    /// Its message in base64.
    pub data: &'a str,
}

impl<'a> Attribute<'a> for KeyManagement<'a> {
    const NAME: &'static str = "key-mgmt";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        // The examples of RFC 4567 have a space in front.
        if value.starts_with(' ') {
            fields.until(' ');
        }
        let protocol = fields.expect(' ', "protocol", is_token)?;
        let data =
            fields.expect('\n', "message in base64", |text| !text.is_empty() && !text.contains(' '))?;
        Ok(Self { protocol, data })
    }
}

impl fmt::Display for KeyManagement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.data)
    }
}

impl fmt::Debug for KeyManagement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyManagement").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}
