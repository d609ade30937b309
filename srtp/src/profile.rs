//! Protection profiles: cipher, authentication and their sizes.

use core::fmt;

/// How packets are encrypted and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits; 0x0001. RFC 3711.
    Aes128CmHmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 of 32 bits for RTP and 80 for RTCP; 0x0002. RFC 5764 section 4.1.2.
    Aes128CmHmacSha1_32,
    /// AES-192 in counter mode, HMAC-SHA1 of 80 bits. RFC 6188.
    Aes192CmHmacSha1_80,
    /// AES-192 in counter mode, HMAC-SHA1 of 32 bits for RTP and 80 for RTCP. RFC 6188.
    Aes192CmHmacSha1_32,
    /// AES-256 in counter mode, HMAC-SHA1 of 80 bits. RFC 6188.
    Aes256CmHmacSha1_80,
    /// AES-256 in counter mode, HMAC-SHA1 of 32 bits for RTP and 80 for RTCP. RFC 6188.
    Aes256CmHmacSha1_32,
    /// No encryption, HMAC-SHA1 of 80 bits; 0x0005. RFC 3711 section 4.1.3.
    NullHmacSha1_80,
    /// No encryption, HMAC-SHA1 of 32 bits for RTP and 80 for RTCP; 0x0006. RFC 5764 section 4.1.2.
    NullHmacSha1_32,
    /// AES-128 in Galois counter mode, tags of 128 bits; 0x0007. RFC 7714.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode, tags of 128 bits; 0x0008. RFC 7714.
    AeadAes256Gcm,
}

impl Profile {
    /// All profiles, the ones we would choose first.
    //= rfc7714#12-1
    pub const ALL: [Self; 10] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmHmacSha1_80,
        Self::Aes256CmHmacSha1_80,
        Self::Aes192CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
        Self::Aes256CmHmacSha1_32,
        Self::Aes192CmHmacSha1_32,
        Self::NullHmacSha1_80,
        Self::NullHmacSha1_32,
    ];

    /// The profile with this number in the registry from which `use_srtp` chooses; RFC 5764 section 4.1.2 and RFC 7714
    /// section 14.2.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmHmacSha1_80),
            0x0002 => Some(Self::Aes128CmHmacSha1_32),
            0x0005 => Some(Self::NullHmacSha1_80),
            0x0006 => Some(Self::NullHmacSha1_32),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// The number in that registry. Counter mode with 192 and 256 bits has none: its keys come by other ways.
    pub const fn id(self) -> Option<u16> {
        match self {
            Self::Aes128CmHmacSha1_80 => Some(0x0001),
            Self::Aes128CmHmacSha1_32 => Some(0x0002),
            Self::NullHmacSha1_80 => Some(0x0005),
            Self::NullHmacSha1_32 => Some(0x0006),
            Self::AeadAes128Gcm => Some(0x0007),
            Self::AeadAes256Gcm => Some(0x0008),
            Self::Aes192CmHmacSha1_80
            | Self::Aes192CmHmacSha1_32
            | Self::Aes256CmHmacSha1_80
            | Self::Aes256CmHmacSha1_32 => None,
        }
    }

    /// Octets of the master key.
    //= rfc7714#3-2
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::Aes256CmHmacSha1_80 | Self::Aes256CmHmacSha1_32 => 32,
            Self::Aes192CmHmacSha1_80 | Self::Aes192CmHmacSha1_32 => 24,
            Self::Aes128CmHmacSha1_80
            | Self::Aes128CmHmacSha1_32
            | Self::NullHmacSha1_80
            | Self::NullHmacSha1_32
            | Self::AeadAes128Gcm => 16,
        }
    }

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets of an RTP packet's tag: what protection adds where neither key identifiers, roll-over counters nor
    /// cryptex are in use. `Sender::rtp_tailroom` counts those too.
    pub const fn rtp_tailroom(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80
            | Self::Aes192CmHmacSha1_80
            | Self::Aes256CmHmacSha1_80
            | Self::NullHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32
            | Self::Aes192CmHmacSha1_32
            | Self::Aes256CmHmacSha1_32
            | Self::NullHmacSha1_32 => 4,
            //= rfc7714#1-2
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the index with the E flag.
    //= rfc3711#5.2-3
    pub const fn rtcp_tailroom(self) -> usize {
        if self.is_aead() { 16 + 4 } else { 10 + 4 }
    }

    /// Whether one primitive encrypts and authenticates.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }

    /// Whether packets are encrypted at all.
    pub const fn encrypts(self) -> bool {
        !matches!(self, Self::NullHmacSha1_80 | Self::NullHmacSha1_32)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128CmHmacSha1_80 => "AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES128_CM_HMAC_SHA1_32",
            Self::Aes192CmHmacSha1_80 => "AES192_CM_HMAC_SHA1_80",
            Self::Aes192CmHmacSha1_32 => "AES192_CM_HMAC_SHA1_32",
            Self::Aes256CmHmacSha1_80 => "AES256_CM_HMAC_SHA1_80",
            Self::Aes256CmHmacSha1_32 => "AES256_CM_HMAC_SHA1_32",
            Self::NullHmacSha1_80 => "NULL_HMAC_SHA1_80",
            Self::NullHmacSha1_32 => "NULL_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_profiles_belong_together() {
        let registered = Profile::ALL.iter().filter_map(|profile| Some((profile.id()?, *profile)));
        for (id, profile) in registered.clone() {
            assert_eq!(Profile::from_id(id), Some(profile));
        }
        assert_eq!(registered.count(), 6);
        // 3 and 4 were taken back, and so is none of the rest ours.
        let known = (0..=u16::MAX).filter(|id| Profile::from_id(*id).is_some());
        assert!(known.eq([1, 2, 5, 6, 7, 8]));
    }
}
