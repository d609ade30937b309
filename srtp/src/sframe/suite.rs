//! Cipher suites; RFC 9605 section 4.5, and the ones with AES-256 in counter mode registered since.

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA256 cut to 80 bits; 0x0001.
    Aes128CtrHmacSha256_80,
    /// The same with 64 bits; 0x0002.
    Aes128CtrHmacSha256_64,
    /// The same with 32 bits, for sound where every octet counts; 0x0003.
    Aes128CtrHmacSha256_32,
    /// AES-128-GCM; 0x0004.
    Aes128GcmSha256_128,
    /// AES-256-GCM; 0x0005.
    Aes256GcmSha512_128,
    /// AES-256 in counter mode, HMAC-SHA512 cut to 80 bits; 0x0006.
    Aes256CtrHmacSha512_80,
    /// The same with 64 bits; 0x0007.
    Aes256CtrHmacSha512_64,
    /// The same with 32 bits; 0x0008.
    Aes256CtrHmacSha512_32,
}

impl Suite {
    /// All suites, by number.
    pub const ALL: [Self; 8] = [
        Self::Aes128CtrHmacSha256_80,
        Self::Aes128CtrHmacSha256_64,
        Self::Aes128CtrHmacSha256_32,
        Self::Aes128GcmSha256_128,
        Self::Aes256GcmSha512_128,
        Self::Aes256CtrHmacSha512_80,
        Self::Aes256CtrHmacSha512_64,
        Self::Aes256CtrHmacSha512_32,
    ];

    /// The suite with this number.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The number in the IANA registry.
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128CtrHmacSha256_80 => 1,
            Self::Aes128CtrHmacSha256_64 => 2,
            Self::Aes128CtrHmacSha256_32 => 3,
            Self::Aes128GcmSha256_128 => 4,
            Self::Aes256GcmSha512_128 => 5,
            Self::Aes256CtrHmacSha512_80 => 6,
            Self::Aes256CtrHmacSha512_64 => 7,
            Self::Aes256CtrHmacSha512_32 => 8,
        }
    }

    /// Octets of the tag behind each frame.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128CtrHmacSha256_80 | Self::Aes256CtrHmacSha512_80 => 10,
            Self::Aes128CtrHmacSha256_64 | Self::Aes256CtrHmacSha512_64 => 8,
            Self::Aes128CtrHmacSha256_32 | Self::Aes256CtrHmacSha512_32 => 4,
            Self::Aes128GcmSha256_128 | Self::Aes256GcmSha512_128 => 16,
        }
    }

    /// Octets of the hash that derives keys.
    pub const fn hash_len(self) -> usize {
        if self.uses_sha512() { 64 } else { 32 }
    }

    pub(super) const fn uses_sha512(self) -> bool {
        self.id() >= 5
    }
}
