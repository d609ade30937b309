use rand::CryptoRng;

use super::*;
use crate::certificate::peer_key_of_spki;
use crate::crypto::aead::{Associated, RecordCipher};
use crate::crypto::key_exchange::EphemeralKey;
use crate::crypto::provider::{AeadKey, Backend, KeyShare};
use crate::record::{ContentType, Version};

/// What is built in, as if it came from elsewhere; and what of it is broken.
#[derive(Default)]
struct Built {
    fault: Option<Fault>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Tag,
    TakesAnyTag,
    Secret,
    TakesAnyPoint,
    TakesAnySignature,
    TakesNoSignature,
}

struct Gcm(Bulk, Vec<u8>, Option<Fault>);
struct Share(EphemeralKey, Vec<u8>, Option<Fault>);

impl Provider for Built {
    fn aead(&self, bulk: Bulk, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        Some(Box::new(Gcm(bulk, key.to_vec(), self.fault)))
    }

    fn key_share(&self, group: NamedGroup, mut rng: &mut dyn CryptoRng) -> Option<Box<dyn KeyShare>> {
        let key = EphemeralKey::generate(&Backend::BuiltIn, group, &mut rng)?;
        let mut public_key = Vec::new();
        key.put_public_key(&mut public_key);
        Some(Box::new(Share(key, public_key, self.fault)))
    }

    fn verify(&self, scheme: SignatureScheme, spki: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
        match self.fault {
            Some(Fault::TakesAnySignature) => return Some(true),
            Some(Fault::TakesNoSignature) => return Some(false),
            _ => {}
        }
        Some(peer_key_of_spki(spki).ok()?.verify(scheme, message, signature).is_ok())
    }
}

impl Gcm {
    fn with<T>(&self, work: impl FnOnce(&dyn Fn(&[u8; 12], &[u8], &mut [u8]) -> [u8; 16]) -> T) -> T {
        use aes_gcm::aead::{AeadInOut, KeyInit};
        let seal = |nonce: &[u8; 12], additional: &[u8], data: &mut [u8]| -> [u8; 16] {
            let nonce = (*nonce).into();
            match self.0 {
                Bulk::Aes128Gcm => aes_gcm::Aes128Gcm::new_from_slice(&self.1)
                    .unwrap()
                    .encrypt_inout_detached(&nonce, additional, data.into())
                    .unwrap()
                    .into(),
                Bulk::Aes256Gcm => aes_gcm::Aes256Gcm::new_from_slice(&self.1)
                    .unwrap()
                    .encrypt_inout_detached(&nonce, additional, data.into())
                    .unwrap()
                    .into(),
                Bulk::Aes128Ccm8 => panic!("it is not asked for"),
                Bulk::ChaCha20Poly1305 => chacha20poly1305::ChaCha20Poly1305::new_from_slice(&self.1)
                    .unwrap()
                    .encrypt_inout_detached(&nonce, additional, data.into())
                    .unwrap()
                    .into(),
            }
        };
        work(&seal)
    }
}

impl AeadKey for Gcm {
    fn seal(&self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8]) -> [u8; 16] {
        let mut tag = self.with(|seal| seal(nonce, additional, data));
        if self.2 == Some(Fault::Tag) {
            tag[0] ^= 1;
        }
        tag
    }

    /// Both ciphers XOR a stream onto the text, so that sealing what is sealed gives the text, and sealing that the tag.
    fn open(&self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8], tag: &[u8; 16]) -> bool {
        let mut text = data.to_vec();
        self.with(|seal| seal(nonce, additional, &mut text));
        let plain = text.clone();
        let right = self.with(|seal| seal(nonce, additional, &mut text)) == *tag;
        if right || self.2 == Some(Fault::TakesAnyTag) {
            data.copy_from_slice(&plain);
            return true;
        }
        false
    }
}

impl KeyShare for Share {
    fn public_key(&self) -> &[u8] {
        &self.1
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Option<Vec<u8>> {
        match self.0.agree(peer) {
            Ok(mut secret) => {
                secret[0] ^= u8::from(self.2 == Some(Fault::Secret));
                Some(secret.to_vec())
            }
            Err(_) => (self.2 == Some(Fault::TakesAnyPoint)).then(|| vec![0; 32]),
        }
    }
}

#[test]
fn a_right_provider_passes_and_wrong_ones_are_named() {
    let check = |fault| check_known_answers(&Built { fault });
    assert_eq!(check(None), Ok(()));
    assert_eq!(check(Some(Fault::Tag)), Err(KnownAnswerError::Aead(Bulk::Aes128Gcm)));
    assert_eq!(check(Some(Fault::TakesAnyTag)), Err(KnownAnswerError::WrongTag(Bulk::Aes128Gcm)));
    assert_eq!(check(Some(Fault::Secret)), Err(KnownAnswerError::KeyShare(NamedGroup::X25519)));
    assert_eq!(check(Some(Fault::TakesAnyPoint)), Err(KnownAnswerError::WrongPublicKey(NamedGroup::X25519)));
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    for fault in [Fault::TakesAnySignature, Fault::TakesNoSignature] {
        assert_eq!(check(Some(fault)), Err(KnownAnswerError::Verify(scheme)));
    }
}

/// A plugged cipher seals as the built-in one.
#[test]
fn a_plugged_cipher_is_used_for_records() {
    let plugged = Backend::Plugged(std::sync::Arc::new(Built::default()));
    for bulk in [Bulk::Aes128Gcm, Bulk::Aes256Gcm, Bulk::ChaCha20Poly1305] {
        let associated = Associated {
            position: 5,
            content_type: ContentType::ALERT,
            version: Version::DTLS_1_2,
            connection_id: &[],
        };
        let seal = |backend: &Backend| {
            let (key, nonce) = (vec![1; bulk.key_len()], vec![2; bulk.fixed_nonce_len()]);
            let cipher = RecordCipher::new(backend, bulk, &key, &nonce);
            let mut text = *b"some text";
            let tag = cipher.seal(associated, &mut text);
            let explicit = &associated.position.to_be_bytes()[..bulk.explicit_nonce_len()];
            let mut record = [explicit, &text, tag.as_ref()].concat();
            assert_eq!(cipher.open(associated, &mut record.clone()).unwrap(), b"some text");
            record[bulk.explicit_nonce_len()] ^= 1;
            assert!(cipher.open(associated, &mut record).is_none());
            (text, tag.as_ref().to_vec())
        };
        assert_eq!(seal(&plugged), seal(&Backend::RustCrypto));
    }
}
