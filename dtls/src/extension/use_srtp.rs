use std::fmt;

use crate::error::ParseError;
use crate::wire::{Reader, U16List, put_vec};

/// A protection profile for SRTP, by its number in the IANA registry; RFC 5764 section 4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SrtpProfile(pub u16);

macro_rules! profiles {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal, ($key:literal, $salt:literal), $text:literal;)+) => {
        impl SrtpProfile {
            $($(#[doc = $doc])+ pub const $name: Self = Self($value);)+

            /// Octets of a master key and of a master salt; `None` if we do not know the profile.
            pub const fn key_and_salt_len(self) -> Option<(usize, usize)> {
                match self {
                    $(Self::$name => Some(($key, $salt)),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for SrtpProfile {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match *self {
                    $(Self::$name => $text,)+
                    Self(other) => return write!(f, "profile {other:#06x}"),
                })
            }
        }
    };
}

profiles! {
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits; RFC 5764.
    AES128_CM_HMAC_SHA1_80 = 0x0001, (16, 14), "AES128_CM_HMAC_SHA1_80";
    /// AES-128 in counter mode, HMAC-SHA1 of 32 bits; RFC 5764.
    AES128_CM_HMAC_SHA1_32 = 0x0002, (16, 14), "AES128_CM_HMAC_SHA1_32";
    /// No encryption, HMAC-SHA1 of 80 bits; RFC 5764. Its key is derived from a master key, as with AES-128.
    NULL_HMAC_SHA1_80 = 0x0005, (16, 14), "NULL_HMAC_SHA1_80";
    /// No encryption, HMAC-SHA1 of 32 bits; RFC 5764.
    NULL_HMAC_SHA1_32 = 0x0006, (16, 14), "NULL_HMAC_SHA1_32";
    /// AES-128 in Galois counter mode; RFC 7714 section 14.2.
    AEAD_AES_128_GCM = 0x0007, (16, 12), "AEAD_AES_128_GCM";
    /// AES-256 in Galois counter mode; RFC 7714 section 14.2.
    AEAD_AES_256_GCM = 0x0008, (32, 12), "AEAD_AES_256_GCM";
    /// AES-128 in Galois counter mode twice, end to end and hop by hop; RFC 8723 section 8.
    DOUBLE_AEAD_AES_128_GCM = 0x0009, (32, 24), "DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM";
    /// AES-256 in Galois counter mode twice; RFC 8723 section 8.
    DOUBLE_AEAD_AES_256_GCM = 0x000a, (64, 24), "DOUBLE_AEAD_AES_256_GCM_AEAD_AES_256_GCM";
    /// ARIA-128 in counter mode, HMAC-SHA1 of 80 bits; RFC 8269 section 4.
    ARIA_128_CTR_HMAC_SHA1_80 = 0x000b, (16, 14), "ARIA_128_CTR_HMAC_SHA1_80";
    /// ARIA-128 in counter mode, HMAC-SHA1 of 32 bits.
    ARIA_128_CTR_HMAC_SHA1_32 = 0x000c, (16, 14), "ARIA_128_CTR_HMAC_SHA1_32";
    /// ARIA-256 in counter mode, HMAC-SHA1 of 80 bits.
    ARIA_256_CTR_HMAC_SHA1_80 = 0x000d, (32, 14), "ARIA_256_CTR_HMAC_SHA1_80";
    /// ARIA-256 in counter mode, HMAC-SHA1 of 32 bits.
    ARIA_256_CTR_HMAC_SHA1_32 = 0x000e, (32, 14), "ARIA_256_CTR_HMAC_SHA1_32";
    /// ARIA-128 in Galois counter mode; RFC 8269 section 4.
    AEAD_ARIA_128_GCM = 0x000f, (16, 12), "AEAD_ARIA_128_GCM";
    /// ARIA-256 in Galois counter mode.
    AEAD_ARIA_256_GCM = 0x0010, (32, 12), "AEAD_ARIA_256_GCM";
}

/// The content of `use_srtp`; RFC 5764 section 4.1.1. A client offers profiles, a server answers with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseSrtp<'a> {
    /// Numbers of profiles, the sender's first choice first.
    pub profiles: U16List<'a>,
    /// The master key identifier, up to 255 octets; empty for none.
    pub mki: &'a [u8],
}

impl<'a> UseSrtp<'a> {
    /// Reads the extension's content.
    ///
    /// # Errors
    /// It breaks the format.
    pub fn parse(content: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let profiles = U16List::read(reader.vec16(2)?)?;
        let mki = reader.vec8(0)?.rest();
        reader.finish()?;
        Ok(Self { profiles, mki })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        3 + self.profiles.bytes().len() + self.mki.len()
    }

    /// Appends the content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<2>(out, |out| out.extend_from_slice(self.profiles.bytes()));
        put_vec::<1>(out, |out| out.extend_from_slice(self.mki));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D43: an identifier of any length is stepped over, and odd lists are refused.
    #[test]
    fn the_key_identifier_is_read_whole() {
        let mut content = vec![0, 4, 0, 7, 0, 1, 255];
        content.extend([3; 255]);
        let parsed = UseSrtp::parse(&content).unwrap();
        assert_eq!(parsed.profiles.iter().collect::<Vec<_>>(), [7, 1]);
        assert_eq!(parsed.mki, [3; 255]);
        let mut again = Vec::new();
        parsed.encode(&mut again);
        assert_eq!((again.len(), &again), (parsed.encoded_len(), &content));
        assert!(UseSrtp::parse(&content[..20]).is_err());
        assert!(UseSrtp::parse(&[0, 3, 0, 1, 2, 0]).is_err());
        assert!(UseSrtp::parse(&[0, 0, 0]).is_err());
        assert!(UseSrtp::parse(&[0, 2, 0, 1, 0, 0]).is_err());
    }
}
