//! Protection of records: one key for each direction, scheduled once; RFC 5288, RFC 7905 and RFC 6347 section 4.1.2.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ccm::Ccm;
use ccm::consts::{U8, U12};
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::Zeroize;

use super::provider::{AeadKey, Backend};
use super::suite::Bulk;
use crate::record::{ContentType, Version};

/// Octets of the longest nonce that a record carries.
pub(crate) const MAX_EXPLICIT_NONCE_LEN: usize = 8;
/// Octets of the longest tag.
pub(crate) const TAG_LEN: usize = 16;
/// Octets of the short tag of CCM_8.
const SHORT_TAG_LEN: usize = 8;

type Aes128Ccm8 = Ccm<aes::Aes128, U8, U12>;

/// What a record's protection is bound to besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Associated<'a> {
    /// Epoch and sequence number as one number of 64 bits.
    pub(crate) position: u64,
    pub(crate) content_type: ContentType,
    pub(crate) version: Version,
    /// What the record carries; empty if nothing. RFC 9146 section 5.3.
    pub(crate) connection_id: &'a [u8],
}

/// Octets of associated data at most.
const MAX_ASSOCIATED_LEN: usize = 8 + 3 + 2 + 8 + 255 + 2;

impl Associated<'_> {
    /// RFC 5246 section 6.2.3.3, with epoch and sequence number in the place of the sequence number; or RFC 9146 section
    /// 5.3 for a record with a connection id. Written into `room`.
    #[expect(clippy::cast_possible_truncation, reason = "a record's length has 16 bits, an id's has 8")]
    fn bytes(self, plaintext_len: usize, room: &mut [u8; MAX_ASSOCIATED_LEN]) -> &[u8] {
        let (position, kind) = (self.position.to_be_bytes(), self.content_type.0);
        let (version, len) = (self.version.0.to_be_bytes(), (plaintext_len as u16).to_be_bytes());
        let id = self.connection_id;
        let plain: [&[u8]; 4] = [&position, &[kind], &version, &len];
        let with_id: [&[u8]; 6] = [&[0xff; 8], &[kind, id.len() as u8, kind], &version, &position, id, &len];
        let mut end = 0;
        for part in if id.is_empty() { &plain[..] } else { &with_id } {
            room[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        &room[..end]
    }
}

/// The keys of one direction.
pub(crate) struct RecordCipher {
    aead: Aead,
    /// The nonce that the handshake gives: the first octets of AES-GCM's, with zeros behind; all of ChaCha20-Poly1305's.
    /// A record's own eight octets are XORed onto the end of it.
    iv: [u8; 12],
    explicit_nonce_len: usize,
    tag_len: usize,
}

/// What proves a record, of 8 or 16 octets.
pub(crate) struct Tag {
    bytes: [u8; TAG_LEN],
    len: usize,
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

enum Aead {
    Aes128Gcm(Aes128Gcm),
    Aes256Gcm(Aes256Gcm),
    ChaCha20Poly1305(ChaCha20Poly1305),
    Aes128Ccm8(Aes128Ccm8),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(super::aws_lc::AwsLcAead),
    Plugged(Box<dyn AeadKey>),
}

impl Aead {
    fn new(backend: &Backend, bulk: Bulk, key: &[u8]) -> Option<Self> {
        if bulk != Bulk::Aes128Ccm8
            && let Some(plugged) = backend.plugged().and_then(|provider| provider.aead(bulk, key))
        {
            return Some(Self::Plugged(plugged));
        }
        #[cfg(feature = "aws-lc-rs")]
        if backend.takes_aws_lc()
            && let Some(aead) = super::aws_lc::AwsLcAead::new(bulk, key)
        {
            return Some(Self::AwsLc(aead));
        }
        match bulk {
            Bulk::Aes128Gcm => Aes128Gcm::new_from_slice(key).map(Self::Aes128Gcm),
            Bulk::Aes256Gcm => Aes256Gcm::new_from_slice(key).map(Self::Aes256Gcm),
            Bulk::ChaCha20Poly1305 => ChaCha20Poly1305::new_from_slice(key).map(Self::ChaCha20Poly1305),
            Bulk::Aes128Ccm8 => Aes128Ccm8::new_from_slice(key).map(Self::Aes128Ccm8),
        }
        .ok()
    }
}

impl RecordCipher {
    /// `key` and `fixed_nonce` have the lengths that `bulk` says.
    pub(crate) fn new(backend: &Backend, bulk: Bulk, key: &[u8], fixed_nonce: &[u8]) -> Self {
        let Some(aead) = Aead::new(backend, bulk, key) else {
            unreachable!("the key block is cut by the lengths of the same table")
        };
        let mut iv = [0; 12];
        iv[..fixed_nonce.len()].copy_from_slice(fixed_nonce);
        Self { aead, iv, explicit_nonce_len: bulk.explicit_nonce_len(), tag_len: bulk.tag_len() }
    }

    /// Octets of the nonce that each record carries.
    pub(crate) const fn explicit_nonce_len(&self) -> usize {
        self.explicit_nonce_len
    }

    /// Octets of the tag.
    pub(crate) const fn tag_len(&self) -> usize {
        self.tag_len
    }

    /// Encrypts `content` where it lies, and returns the tag. The nonce is the record's position, which never comes
    /// twice; if the suite has the record carry it, the caller writes it.
    pub(crate) fn seal(&self, associated: Associated<'_>, content: &mut [u8]) -> Tag {
        let nonce = self.nonce(associated.position.to_be_bytes());
        let mut room = [0; MAX_ASSOCIATED_LEN];
        let bound = associated.bytes(content.len(), &mut room);
        let sealed = match &self.aead {
            Aead::Aes128Gcm(aead) => {
                aead.encrypt_inout_detached(&nonce.into(), bound, content.into()).ok().map(Into::into)
            }
            Aead::Aes256Gcm(aead) => {
                aead.encrypt_inout_detached(&nonce.into(), bound, content.into()).ok().map(Into::into)
            }
            Aead::ChaCha20Poly1305(aead) => {
                aead.encrypt_inout_detached(&nonce.into(), bound, content.into()).ok().map(Into::into)
            }
            Aead::Aes128Ccm8(aead) => {
                let tag = aead.encrypt_inout_detached(&nonce.into(), bound, content.into()).ok();
                tag.map(|tag| {
                    let mut bytes = [0; TAG_LEN];
                    bytes[..SHORT_TAG_LEN].copy_from_slice(&tag);
                    bytes
                })
            }
            #[cfg(feature = "aws-lc-rs")]
            Aead::AwsLc(aead) => aead.seal(nonce, bound, content),
            Aead::Plugged(aead) => Some(aead.seal(&nonce, bound, content)),
        };
        match sealed {
            Some(bytes) => Tag { bytes, len: self.tag_len },
            None => unreachable!("these ciphers take 64 GB and more, and a record has 16 KB"),
        }
    }

    /// Decrypts a record's content where it lies: explicit nonce if there is one, ciphertext, tag. Returns the
    /// plaintext, or `None` if it is too short or not authentic; then what is there means nothing, and is no plaintext.
    pub(crate) fn open<'a>(&self, associated: Associated<'_>, content: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (explicit, rest) = content.split_at_mut_checked(self.explicit_nonce_len)?;
        let position = associated.position.to_be_bytes();
        let nonce = self.nonce(explicit.first_chunk().copied().unwrap_or(position));
        let mut room = [0; MAX_ASSOCIATED_LEN];
        let bound = associated.bytes(rest.len().checked_sub(self.tag_len)?, &mut room);
        #[cfg(feature = "aws-lc-rs")]
        if let Aead::AwsLc(aead) = &self.aead {
            return aead.open(nonce, bound, rest);
        }
        if let Aead::Aes128Ccm8(aead) = &self.aead {
            let (text, tag) = rest.split_last_chunk_mut::<SHORT_TAG_LEN>()?;
            let tag = (&*tag).into();
            let opened = aead.decrypt_inout_detached(&nonce.into(), bound, (&mut *text).into(), tag);
            return opened.ok().map(|()| text);
        }
        let (text, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let tag = &*tag;
        let inout = (&mut *text).into();
        let opened = match &self.aead {
            Aead::Aes128Gcm(aead) => {
                aead.decrypt_inout_detached(&nonce.into(), bound, inout, tag.into()).is_ok()
            }
            Aead::Aes256Gcm(aead) => {
                aead.decrypt_inout_detached(&nonce.into(), bound, inout, tag.into()).is_ok()
            }
            Aead::ChaCha20Poly1305(aead) => {
                aead.decrypt_inout_detached(&nonce.into(), bound, inout, tag.into()).is_ok()
            }
            // These have returned.
            Aead::Aes128Ccm8(_) => false,
            #[cfg(feature = "aws-lc-rs")]
            Aead::AwsLc(_) => false,
            Aead::Plugged(aead) => aead.open(&nonce, bound, text, tag),
        };
        opened.then_some(text)
    }

    fn nonce(&self, variable: [u8; 8]) -> [u8; 12] {
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(variable).for_each(|(octet, part)| *octet ^= part);
        nonce
    }
}

impl Drop for RecordCipher {
    fn drop(&mut self) {
        self.iv.zeroize();
    }
}

#[cfg(test)]
mod tests;
