//! Ciphers from outside, and both that are built in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use aes::cipher::{KeyIvInit, StreamCipher};
use aes_gcm::aead::AeadInOut;
use hmac::{Hmac, KeyInit, Mac};
use nomagic_srtp::provider::{
    CounterModeKey, GcmKey, HmacSha1Key, KnownAnswerError, Provider, check_known_answers,
};
use nomagic_srtp::{Backend, MasterKey, Profile, Receiver, ReceiverConfig, Sender, SenderConfig};

/// A provider that somebody else might write, with a mistake to order.
struct Other {
    mistake: Mistake,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    /// The counter does not count beyond the first block.
    Counter,
    /// The second part is left out.
    Hash,
    /// The additional data is left out.
    Additional,
    /// The tag is not compared.
    Tag,
    /// Data is decrypted before the tag is compared.
    EarlyOutput,
}

struct Stream(Vec<u8>, Mistake);
struct Hash([u8; 20], Mistake);
struct Galois(Vec<u8>, Mistake);

impl Provider for Other {
    fn counter_mode(&self, key: &[u8]) -> Option<Box<dyn CounterModeKey>> {
        Some(Box::new(Stream(key.to_vec(), self.mistake)))
    }

    fn hmac_sha1(&self, key: &[u8]) -> Option<Box<dyn HmacSha1Key>> {
        Some(Box::new(Hash(key.try_into().ok()?, self.mistake)))
    }

    fn gcm(&self, key: &[u8]) -> Option<Box<dyn GcmKey>> {
        Some(Box::new(Galois(key.to_vec(), self.mistake)))
    }
}

impl CounterModeKey for Stream {
    fn apply(&self, counter: &[u8; 16], data: &mut [u8]) {
        let len = if self.1 == Mistake::Counter { 16 } else { data.len().max(1) };
        for data in data.chunks_mut(len) {
            match self.0.len() {
                16 => ctr::Ctr128BE::<aes::Aes128>::new_from_slices(&self.0, counter)
                    .unwrap()
                    .apply_keystream(data),
                24 => ctr::Ctr128BE::<aes::Aes192>::new_from_slices(&self.0, counter)
                    .unwrap()
                    .apply_keystream(data),
                _ => ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&self.0, counter)
                    .unwrap()
                    .apply_keystream(data),
            }
        }
    }
}

impl HmacSha1Key for Hash {
    fn tag(&self, first: &[u8], second: &[u8]) -> [u8; 20] {
        let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&self.0).unwrap();
        mac.update(first);
        if self.1 != Mistake::Hash {
            mac.update(second);
        }
        mac.finalize().into_bytes().into()
    }
}

impl GcmKey for Galois {
    fn seal(&mut self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8]) -> [u8; 16] {
        let additional = if self.1 == Mistake::Additional { &[] } else { additional };
        if self.0.len() == 16 {
            let cipher = aes_gcm::Aes128Gcm::new_from_slice(&self.0).unwrap();
            cipher.encrypt_inout_detached(nonce.into(), additional, data.into()).unwrap().into()
        } else {
            let cipher = aes_gcm::Aes256Gcm::new_from_slice(&self.0).unwrap();
            cipher.encrypt_inout_detached(nonce.into(), additional, data.into()).unwrap().into()
        }
    }

    fn open(&mut self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8], tag: &[u8; 16]) -> bool {
        // Sealing what was sealed makes it plain again; sealing the plain once more gives the tag to compare.
        let sealed = data.to_vec();
        self.seal(nonce, additional, data);
        let own = self.seal(nonce, additional, &mut data.to_vec());
        let right = self.1 == Mistake::Tag || own == *tag;
        if !right && self.1 != Mistake::EarlyOutput {
            data.copy_from_slice(&sealed);
        }
        right
    }
}

#[test]
fn the_known_answers_tell_right_from_wrong() {
    let check = |mistake| check_known_answers(&Other { mistake });
    assert_eq!(check(Mistake::None), Ok(()));
    assert_eq!(check(Mistake::Counter), Err(KnownAnswerError::CounterMode { key_len: 16 }));
    assert_eq!(check(Mistake::Hash), Err(KnownAnswerError::HmacSha1));
    assert_eq!(check(Mistake::Additional), Err(KnownAnswerError::Gcm { key_len: 16 }));
    assert_eq!(check(Mistake::Tag), Err(KnownAnswerError::WrongTag { key_len: 16 }));
    assert_eq!(check(Mistake::EarlyOutput), Err(KnownAnswerError::WrongTag { key_len: 16 }));
}

/// All backends make the same packets and open each other's; a refused packet stays as it was with each. With the feature
/// `aws-lc-rs` the first is that library's.
//= rfc7714#5.3-2 test
//= rfc7714#5.3-3 test
#[test]
fn every_backend_makes_the_same_packets() {
    let backends =
        [Backend::BuiltIn, Backend::RustCrypto, Backend::Plugged(Arc::new(Other { mistake: Mistake::None }))];
    for profile in Profile::ALL {
        let key = MasterKey::new(profile, &vec![5; profile.key_len()], &vec![6; profile.salt_len()]).unwrap();
        for len in [0, 1, 15, 16, 17, 160, 1200] {
            let mut plain = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
            plain.resize(12 + len, 9);
            let mut control = vec![0x80, 200, 0, 1, 0, 0, 0, 7];
            control.resize(8 + len, 9);
            let made: Vec<_> = backends
                .iter()
                .map(|backend| {
                    let mut sender = Sender::with_config(&key, SenderConfig::default(), backend.clone());
                    let (mut out, mut control) = (plain.clone(), control.clone());
                    sender.protect_rtp(&mut out, 0).unwrap();
                    sender.protect_rtcp(&mut control, 0).unwrap();
                    (out, control)
                })
                .collect();
            for ((out, sealed_control), backend) in made.into_iter().zip(backends.iter().rev()) {
                let mut receiver = Receiver::with_backend(&key, ReceiverConfig::default(), backend.clone());
                let mut forged = out.clone();
                forged[12 + len] ^= 1;
                let before = forged.clone();
                assert!(receiver.unprotect_rtp(&mut forged).is_err());
                assert_eq!(forged, before, "{profile} {backend:?}");
                let mut forged = sealed_control.clone();
                forged[8 + len] ^= 1;
                let before = forged.clone();
                assert!(receiver.unprotect_rtcp(&mut forged).is_err());
                assert_eq!(forged, before, "{profile} {backend:?}");
                assert_eq!(receiver.unprotect_rtp(&mut out.clone()).unwrap(), plain, "{profile} {backend:?}");
                let opened = receiver.unprotect_rtcp(&mut sealed_control.clone()).map(|plain| plain.to_vec());
                assert_eq!(opened, Ok(control.clone()), "{profile} {backend:?}");
            }
        }
    }
}
