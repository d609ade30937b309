//! AES-GCM of aws-lc-rs. Its counter mode and HMAC-SHA1 are slower on packets than RustCrypto's, so those stay.

use alloc::vec::Vec;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

pub(crate) struct AwsLcGcm {
    key: LessSafeKey,
    /// A packet as it came: this library writes before it compares, and a refused packet must stay as it was. Longer than
    /// datagrams usually are, so that it seldom grows.
    scratch: Vec<u8>,
}

impl AwsLcGcm {
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Self { key, scratch: Vec::with_capacity(2048) })
    }

    #[inline]
    pub(crate) fn seal(&self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8]) -> [u8; 16] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(additional), data);
        // Fails only beyond 2^36 octets, and no packet has those.
        debug_assert!(tag.is_ok(), "a packet is shorter than the cipher's limit");
        tag.ok().and_then(|tag| tag.as_ref().first_chunk().copied()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; 12],
        additional: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.scratch.clear();
        self.scratch.extend_from_slice(data);
        let opened = self.key.open_in_place_separate_tag(nonce, Aad::from(additional), tag, data).is_ok();
        if !opened {
            data.copy_from_slice(&self.scratch);
        }
        opened
    }
}
