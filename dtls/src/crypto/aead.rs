//! Protection of records: one key for each direction, scheduled once; RFC 5288 and RFC 6347 section 4.1.2.

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce, Tag};

use crate::record::{ContentType, Version};

/// Octets of the nonce that each record carries.
pub(crate) const EXPLICIT_NONCE_LEN: usize = 8;
/// Octets of the tag.
pub(crate) const TAG_LEN: usize = 16;

/// What a record's protection is bound to besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Associated {
    /// Epoch and sequence number as one number of 64 bits.
    pub(crate) position: u64,
    pub(crate) content_type: ContentType,
    pub(crate) version: Version,
}

impl Associated {
    /// RFC 5246 section 6.2.3.3, with epoch and sequence number in the place of the sequence number.
    #[expect(clippy::cast_possible_truncation, reason = "a record's length has 16 bits")]
    fn bytes(self, plaintext_len: usize) -> [u8; 13] {
        let mut bytes = [0; 13];
        bytes[..8].copy_from_slice(&self.position.to_be_bytes());
        bytes[8] = self.content_type.0;
        bytes[9..11].copy_from_slice(&self.version.0.to_be_bytes());
        bytes[11..].copy_from_slice(&(plaintext_len as u16).to_be_bytes());
        bytes
    }
}

/// The keys of one direction.
pub(crate) struct RecordCipher {
    aead: Aes128Gcm,
    salt: [u8; 4],
}

impl RecordCipher {
    pub(crate) fn new(key: &[u8; 16], salt: [u8; 4]) -> Self {
        Self { aead: Aes128Gcm::new(key.into()), salt }
    }

    /// Encrypts `content` where it lies. The explicit nonce is the record's position, which never comes twice.
    pub(crate) fn seal(
        &self,
        associated: Associated,
        content: &mut [u8],
    ) -> ([u8; EXPLICIT_NONCE_LEN], [u8; TAG_LEN]) {
        let explicit = associated.position.to_be_bytes();
        let (nonce, bound) = (self.nonce(explicit), associated.bytes(content.len()));
        match self.aead.encrypt_inout_detached(&nonce, &bound, content.into()) {
            Ok(tag) => (explicit, tag.into()),
            Err(_) => unreachable!("AES-GCM takes up to 64 GB, and a record has 16 KB"),
        }
    }

    /// Decrypts a record's content where it lies: explicit nonce, ciphertext, tag. Returns the plaintext, or `None` if
    /// it is too short or not authentic; then it is as it was.
    pub(crate) fn open<'a>(&self, associated: Associated, content: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (explicit, rest) = content.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>()?;
        let (text, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let (nonce, bound) = (self.nonce(*explicit), associated.bytes(text.len()));
        let tag: Tag<U16> = (*tag).into();
        self.aead.decrypt_inout_detached(&nonce, &bound, (&mut *text).into(), &tag).ok()?;
        Some(text)
    }

    fn nonce(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> Nonce<U12> {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&explicit);
        nonce.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::vectors::{hex, json};

    const ASSOCIATED: Associated = Associated {
        position: 1 << 48 | 7,
        content_type: ContentType::APPLICATION_DATA,
        version: Version::DTLS_1_2,
    };

    #[test]
    fn a_record_opens_only_as_it_was_sealed() {
        let cipher = RecordCipher::new(&[1; 16], [2; 4]);
        let mut text = *b"twelve bytes";
        let (nonce, tag) = cipher.seal(ASSOCIATED, &mut text);
        assert_eq!(nonce, [0, 1, 0, 0, 0, 0, 0, 7]);
        let sealed = [&nonce[..], &text, &tag].concat();
        assert_eq!(cipher.open(ASSOCIATED, &mut sealed.clone()).unwrap(), b"twelve bytes");
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            let before = forged.clone();
            assert!(cipher.open(ASSOCIATED, &mut forged).is_none());
            assert_eq!(forged, before, "nothing is decrypted unless the tag matches");
            assert!(cipher.open(ASSOCIATED, &mut sealed[..at].to_vec()).is_none());
        }
        let other = Associated { content_type: ContentType::ALERT, ..ASSOCIATED };
        assert!(cipher.open(other, &mut sealed.clone()).is_none());
    }

    /// The groups of the Wycheproof file that have our sizes, against the cipher itself: it chooses other associated
    /// data than ours.
    #[test]
    fn the_cipher_agrees_with_wycheproof() {
        let Some(file) = json("crypto/wycheproof-aes_gcm_test.json") else { return };
        let mut ran = 0;
        for group in file["testGroups"].as_array().unwrap() {
            if (group["keySize"].as_u64(), group["ivSize"].as_u64()) != (Some(128), Some(96)) {
                continue;
            }
            for case in group["tests"].as_array().unwrap() {
                let field = |name: &str| hex(case[name].as_str().unwrap());
                let key: [u8; 16] = field("key").try_into().unwrap();
                let nonce: [u8; 12] = field("iv").try_into().unwrap();
                let tag: [u8; 16] = field("tag").try_into().unwrap();
                let mut text = field("ct");
                let opened = Aes128Gcm::new(&key.into()).decrypt_inout_detached(
                    &nonce.into(),
                    &field("aad"),
                    text.as_mut_slice().into(),
                    &tag.into(),
                );
                assert_eq!(opened.is_ok(), case["result"] == "valid", "{case}");
                if opened.is_ok() {
                    assert_eq!(text, field("msg"));
                }
                ran += 1;
            }
        }
        assert!(ran > 50, "{ran} cases");
    }
}
