//! Protection profiles: cipher, authentication and their sizes.

use core::fmt;

/// How packets are encrypted and authenticated, with the number under which `use_srtp` negotiates it; RFC 5764 section
/// 4.1.2 and RFC 7714 section 14.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits; 0x0001. RFC 3711.
    Aes128CmHmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 of 32 bits for RTP and 80 for RTCP; 0x0002. RFC 5764 section 4.1.2.
    Aes128CmHmacSha1_32,
    /// AES-128 in Galois counter mode, tags of 128 bits; 0x0007. RFC 7714.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode, tags of 128 bits; 0x0008. RFC 7714.
    AeadAes256Gcm,
}

impl Profile {
    /// All profiles, the ones we would choose first.
    pub const ALL: [Self; 4] =
        [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::Aes128CmHmacSha1_80, Self::Aes128CmHmacSha1_32];

    /// The profile with this number in the IANA registry.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmHmacSha1_80),
            0x0002 => Some(Self::Aes128CmHmacSha1_32),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// The number in the IANA registry.
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128CmHmacSha1_80 => 0x0001,
            Self::Aes128CmHmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Octets of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Octets that protection adds to an RTP packet.
    pub const fn rtp_tailroom(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the index with the E flag.
    //= rfc3711#5.2-3
    pub const fn rtcp_tailroom(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 10 + 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16 + 4,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128CmHmacSha1_80 => "AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES128_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        })
    }
}
