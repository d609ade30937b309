//! Protection of records: one key for each direction, scheduled once; RFC 5288, RFC 7905 and RFC 6347 section 4.1.2.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::Zeroize;

use super::suite::Bulk;
use crate::record::{ContentType, Version};

/// Octets of the longest nonce that a record carries.
pub(crate) const MAX_EXPLICIT_NONCE_LEN: usize = 8;
/// Octets of the tag, of every suite.
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
    aead: Aead,
    /// The nonce that the handshake gives: the first octets of AES-GCM's, with zeros behind; all of ChaCha20-Poly1305's.
    /// A record's own eight octets are XORed onto the end of it.
    iv: [u8; 12],
    explicit_nonce_len: usize,
}

enum Aead {
    Aes128Gcm(Aes128Gcm),
    Aes256Gcm(Aes256Gcm),
    ChaCha20Poly1305(ChaCha20Poly1305),
}

impl RecordCipher {
    /// `key` and `fixed_nonce` have the lengths that `bulk` says.
    pub(crate) fn new(bulk: Bulk, key: &[u8], fixed_nonce: &[u8]) -> Self {
        let aead = match bulk {
            Bulk::Aes128Gcm => Aes128Gcm::new_from_slice(key).map(Aead::Aes128Gcm),
            Bulk::Aes256Gcm => Aes256Gcm::new_from_slice(key).map(Aead::Aes256Gcm),
            Bulk::ChaCha20Poly1305 => ChaCha20Poly1305::new_from_slice(key).map(Aead::ChaCha20Poly1305),
        };
        let Ok(aead) = aead else { unreachable!("the key block is cut by the lengths of the same table") };
        let mut iv = [0; 12];
        iv[..fixed_nonce.len()].copy_from_slice(fixed_nonce);
        Self { aead, iv, explicit_nonce_len: bulk.explicit_nonce_len() }
    }

    /// Octets of the nonce that each record carries.
    pub(crate) const fn explicit_nonce_len(&self) -> usize {
        self.explicit_nonce_len
    }

    /// Encrypts `content` where it lies, and returns the tag. The nonce is the record's position, which never comes
    /// twice; if the suite has the record carry it, the caller writes it.
    pub(crate) fn seal(&self, associated: Associated, content: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = self.nonce(associated.position.to_be_bytes()).into();
        let bound = associated.bytes(content.len());
        let sealed = match &self.aead {
            Aead::Aes128Gcm(aead) => aead.encrypt_inout_detached(&nonce, &bound, content.into()),
            Aead::Aes256Gcm(aead) => aead.encrypt_inout_detached(&nonce, &bound, content.into()),
            Aead::ChaCha20Poly1305(aead) => aead.encrypt_inout_detached(&nonce, &bound, content.into()),
        };
        match sealed {
            Ok(tag) => tag.into(),
            Err(_) => unreachable!("these ciphers take 64 GB and more, and a record has 16 KB"),
        }
    }

    /// Decrypts a record's content where it lies: explicit nonce if there is one, ciphertext, tag. Returns the
    /// plaintext, or `None` if it is too short or not authentic; then it is as it was.
    pub(crate) fn open<'a>(&self, associated: Associated, content: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (explicit, rest) = content.split_at_mut_checked(self.explicit_nonce_len)?;
        let (text, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let position = associated.position.to_be_bytes();
        let nonce = self.nonce(explicit.first_chunk().copied().unwrap_or(position)).into();
        let bound = associated.bytes(text.len());
        let tag = (&*tag).into();
        let inout = (&mut *text).into();
        let opened = match &self.aead {
            Aead::Aes128Gcm(aead) => aead.decrypt_inout_detached(&nonce, &bound, inout, tag),
            Aead::Aes256Gcm(aead) => aead.decrypt_inout_detached(&nonce, &bound, inout, tag),
            Aead::ChaCha20Poly1305(aead) => aead.decrypt_inout_detached(&nonce, &bound, inout, tag),
        };
        opened.ok().map(|()| text)
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
mod tests {
    use super::*;
    use nomagic_testkit::vectors::{hex, json};

    const ASSOCIATED: Associated = Associated {
        position: 1 << 48 | 7,
        content_type: ContentType::APPLICATION_DATA,
        version: Version::DTLS_1_2,
    };

    const ALL: [Bulk; 3] = [Bulk::Aes128Gcm, Bulk::Aes256Gcm, Bulk::ChaCha20Poly1305];

    fn cipher(bulk: Bulk) -> RecordCipher {
        RecordCipher::new(bulk, &vec![1; bulk.key_len()], &vec![2; bulk.fixed_nonce_len()])
    }

    fn sealed(cipher: &RecordCipher, text: &[u8]) -> Vec<u8> {
        let explicit = &ASSOCIATED.position.to_be_bytes()[..cipher.explicit_nonce_len()];
        let mut text = text.to_vec();
        let tag = cipher.seal(ASSOCIATED, &mut text);
        [explicit, &text, &tag].concat()
    }

    // D9
    #[test]
    fn a_record_opens_only_as_it_was_sealed() {
        for bulk in ALL {
            let cipher = cipher(bulk);
            let sealed = sealed(&cipher, b"twelve bytes");
            assert_eq!(sealed.len(), bulk.explicit_nonce_len() + 12 + TAG_LEN);
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
    }

    /// RFC 7905 section 2: the nonce is the position XORed onto the IV; RFC 5288 section 3: it stands behind the salt.
    #[test]
    fn the_nonce_is_made_as_the_suite_says() {
        let mut text = *b"some text";
        let bound = ASSOCIATED.bytes(text.len());
        let nonce = [2, 2, 2, 2, 2, 2 ^ 1, 2, 2, 2, 2, 2, 2 ^ 7].into();
        let tag = ChaCha20Poly1305::new(&[1; 32].into())
            .encrypt_inout_detached(&nonce, &bound, text.as_mut_slice().into())
            .unwrap();
        assert_eq!(sealed(&cipher(Bulk::ChaCha20Poly1305), b"some text"), [&text[..], &tag].concat());

        let mut text = *b"some text";
        let nonce = [2, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0, 7];
        let tag = Aes256Gcm::new(&[1; 32].into())
            .encrypt_inout_detached(&nonce.into(), &bound, text.as_mut_slice().into())
            .unwrap();
        assert_eq!(sealed(&cipher(Bulk::Aes256Gcm), b"some text"), [&nonce[4..], &text[..], &tag].concat());
    }

    /// The groups of the Wycheproof file that have our sizes, against the cipher itself: it chooses other associated
    /// data than ours.
    #[test]
    fn the_cipher_agrees_with_wycheproof() {
        let Some(file) = json("crypto/wycheproof-aes_gcm_test.json") else { return };
        let mut ran = 0;
        for group in file["testGroups"].as_array().unwrap() {
            let (key_size, 96) = (group["keySize"].as_u64().unwrap(), group["ivSize"].as_u64().unwrap())
            else {
                continue;
            };
            if key_size == 192 {
                continue;
            }
            for case in group["tests"].as_array().unwrap() {
                let field = |name: &str| hex(case[name].as_str().unwrap());
                let key = field("key");
                let nonce: [u8; 12] = field("iv").try_into().unwrap();
                let tag: [u8; 16] = field("tag").try_into().unwrap();
                let mut text = field("ct");
                let (nonce, tag) = (nonce.into(), tag.into());
                let inout = text.as_mut_slice().into();
                let opened = if key_size == 128 {
                    let aead = Aes128Gcm::new_from_slice(&key).unwrap();
                    aead.decrypt_inout_detached(&nonce, &field("aad"), inout, &tag)
                } else {
                    let aead = Aes256Gcm::new_from_slice(&key).unwrap();
                    aead.decrypt_inout_detached(&nonce, &field("aad"), inout, &tag)
                };
                assert_eq!(opened.is_ok(), case["result"] == "valid", "{case}");
                if opened.is_ok() {
                    assert_eq!(text, field("msg"));
                }
                ran += 1;
            }
        }
        assert!(ran > 100, "{ran} cases");
    }
}
