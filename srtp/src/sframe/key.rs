//! One key at work: derivation and authenticated encryption; RFC 9605 sections 4.4 and 4.5.

use alloc::vec::Vec;

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::CtrCore;
use ctr::flavors::Ctr32BE;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::suite::Suite;

pub(super) struct Key {
    id: u64,
    suite: Suite,
    salt: [u8; 12],
    cipher: Cipher,
}

pub(super) enum Cipher {
    Gcm128(Aes128Gcm),
    Gcm256(Aes256Gcm),
    Ctr128(Aes128Enc, Hmac<Sha256>),
    Ctr256(Aes256Enc, Hmac<Sha512>),
}

/// Derives from `secret`, extracted without salt, `out.len()` octets for a label in parts.
pub(super) fn expand(suite: Suite, secret: &[u8], label: &[&[u8]], out: &mut [u8]) {
    let expanded = if suite.uses_sha512() {
        Hkdf::<Sha512>::new(None, secret).expand_multi_info(label, out)
    } else {
        Hkdf::<Sha256>::new(None, secret).expand_multi_info(label, out)
    };
    debug_assert!(expanded.is_ok(), "a key is shorter than 255 hashes");
}

impl Key {
    pub(super) fn new(suite: Suite, id: u64, base_key: &[u8]) -> Self {
        let (id_octets, suite_octets) = (id.to_be_bytes(), suite.id().to_be_bytes());
        let mut key = Zeroizing::new([0; 96]);
        let mut salt = [0; 12];
        let label = |what: &'static [u8]| -> [&[u8]; 3] { [what, &id_octets, &suite_octets] };
        // All of the octets that any suite wants: the shorter keys are the beginning of the longest.
        expand(suite, base_key, &label(b"SFrame 1.0 Secret key "), &mut *key);
        expand(suite, base_key, &label(b"SFrame 1.0 Secret salt "), &mut salt);
        Self { id, suite, salt, cipher: Cipher::new(suite, &key) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Encrypts what stands behind the header in `frame`, and appends the tag.
    pub(super) fn seal(&self, frame: &mut Vec<u8>, head_len: usize, counter: u64, metadata: &[u8]) {
        let nonce = self.nonce(counter);
        let additional = Additional::new(&frame[..head_len], metadata);
        let tag = self.cipher.seal(&nonce, &additional, self.suite.tag_len(), &mut frame[head_len..]);
        frame.extend_from_slice(&tag[..self.suite.tag_len()]);
    }

    /// Decrypts what stands behind the header if the tag at the end is right; returns its length.
    pub(super) fn open(
        &self,
        frame: &mut [u8],
        head_len: usize,
        counter: u64,
        metadata: &[u8],
    ) -> Option<usize> {
        let (head, body) = frame.split_at_mut_checked(head_len)?;
        let (data, tag) = body.split_at_mut_checked(body.len().checked_sub(self.suite.tag_len())?)?;
        let additional = Additional::new(head, metadata);
        self.cipher.open(&self.nonce(counter), &additional, data, tag).then_some(data.len())
    }

    fn nonce(&self, counter: u64) -> [u8; 12] {
        let mut nonce = self.salt;
        nonce[4..].iter_mut().zip(counter.to_be_bytes()).for_each(|(octet, mask)| *octet ^= mask);
        nonce
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // The ciphers wipe themselves.
        self.salt.zeroize();
    }
}

/// What is authenticated and not encrypted: the header, and the metadata. GCM wants them in one piece.
pub(super) struct Additional {
    joined: [u8; 128],
    long: Vec<u8>,
    len: usize,
}

impl Additional {
    pub(super) fn new(head: &[u8], metadata: &[u8]) -> Self {
        let len = head.len() + metadata.len();
        let mut own = Self { joined: [0; 128], long: Vec::new(), len };
        if let Some(joined) = own.joined.get_mut(..len) {
            joined[..head.len()].copy_from_slice(head);
            joined[head.len()..].copy_from_slice(metadata);
        } else {
            own.long = [head, metadata].concat();
        }
        own
    }

    fn bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.joined[..self.len] } else { &self.long }
    }
}

impl Cipher {
    pub(super) fn new(suite: Suite, key: &[u8; 96]) -> Self {
        let (Some(short), Some(long)) = (key.first_chunk::<16>(), key.first_chunk::<32>()) else {
            unreachable!("96 octets have 32 at their beginning")
        };
        match suite {
            Suite::Aes128GcmSha256_128 => Self::Gcm128(Aes128Gcm::new(short.into())),
            Suite::Aes256GcmSha512_128 => Self::Gcm256(Aes256Gcm::new(long.into())),
            Suite::Aes128CtrHmacSha256_80 | Suite::Aes128CtrHmacSha256_64 | Suite::Aes128CtrHmacSha256_32 => {
                Self::Ctr128(Aes128Enc::new(short.into()), mac(&key[16..48]))
            }
            Suite::Aes256CtrHmacSha512_80 | Suite::Aes256CtrHmacSha512_64 | Suite::Aes256CtrHmacSha512_32 => {
                Self::Ctr256(Aes256Enc::new(long.into()), mac(&key[32..96]))
            }
        }
    }

    pub(super) fn seal(
        &self,
        nonce: &[u8; 12],
        additional: &Additional,
        tag_len: usize,
        data: &mut [u8],
    ) -> [u8; 64] {
        let mut tag = [0; 64];
        let sealed = match self {
            Self::Gcm128(cipher) => {
                cipher.encrypt_inout_detached(nonce.into(), additional.bytes(), data.into())
            }
            Self::Gcm256(cipher) => {
                cipher.encrypt_inout_detached(nonce.into(), additional.bytes(), data.into())
            }
            Self::Ctr128(..) | Self::Ctr256(..) => {
                self.apply(nonce, data);
                return self.tag(nonce, additional.bytes(), data, tag_len);
            }
        };
        // Fails only beyond 2^36 octets, and no frame has those.
        debug_assert!(sealed.is_ok(), "a frame is shorter than the cipher's limit");
        if let Ok(sealed) = sealed {
            tag[..16].copy_from_slice(&sealed);
        }
        tag
    }

    fn open(&self, nonce: &[u8; 12], additional: &Additional, data: &mut [u8], tag: &[u8]) -> bool {
        let whole = tag.first_chunk::<16>();
        match (self, whole) {
            (Self::Gcm128(cipher), Some(tag)) => cipher
                .decrypt_inout_detached(nonce.into(), additional.bytes(), data.into(), tag.into())
                .is_ok(),
            (Self::Gcm256(cipher), Some(tag)) => cipher
                .decrypt_inout_detached(nonce.into(), additional.bytes(), data.into(), tag.into())
                .is_ok(),
            (Self::Gcm128(_) | Self::Gcm256(_), None) => false,
            (Self::Ctr128(..) | Self::Ctr256(..), _) => {
                let own = self.tag(nonce, additional.bytes(), data, tag.len());
                let matches = own.get(..tag.len()).is_some_and(|own| own.ct_eq(tag).into());
                if matches {
                    self.apply(nonce, data);
                }
                matches
            }
        }
    }

    fn apply(&self, nonce: &[u8; 12], data: &mut [u8]) {
        let mut counter = [0; 16];
        counter[..12].copy_from_slice(nonce);
        match self {
            Self::Ctr128(cipher, _) => {
                let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &counter.into());
                StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
            }
            Self::Ctr256(cipher, _) => {
                let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &counter.into());
                StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
            }
            Self::Gcm128(_) | Self::Gcm256(_) => {}
        }
    }

    /// RFC 9605 section 4.5.1: three lengths, the nonce, the additional data, the ciphertext.
    fn tag(&self, nonce: &[u8; 12], additional: &[u8], data: &[u8], tag_len: usize) -> [u8; 64] {
        let length = |len: usize| u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes();
        let lengths = [length(additional.len()), length(data.len()), length(tag_len)];
        let mut tag = [0; 64];
        match self {
            Self::Ctr128(_, keyed) => {
                let mut mac = keyed.clone();
                lengths.iter().for_each(|len| mac.update(len));
                [&nonce[..], additional, data].into_iter().for_each(|part| mac.update(part));
                tag[..32].copy_from_slice(&mac.finalize().into_bytes());
            }
            Self::Ctr256(_, keyed) => {
                let mut mac = keyed.clone();
                lengths.iter().for_each(|len| mac.update(len));
                [&nonce[..], additional, data].into_iter().for_each(|part| mac.update(part));
                tag.copy_from_slice(&mac.finalize().into_bytes());
            }
            Self::Gcm128(_) | Self::Gcm256(_) => {}
        }
        tag
    }
}

fn mac<M: KeyInit>(key: &[u8]) -> M {
    match M::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}
