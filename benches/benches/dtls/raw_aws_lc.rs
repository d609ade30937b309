//! The same of aws-lc-rs.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
};

use crate::PAYLOAD;
use crate::raw::Floor;

/// Key generation, key agreement, signature and verification of both ends.
pub(crate) struct Handshake([EcdsaKeyPair; 2]);

impl Handshake {
    pub(crate) fn new() -> Self {
        Self([(); 2].map(|()| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()))
    }
}

impl Floor for Handshake {
    fn run(&mut self) -> bool {
        let secrets = [(); 2].map(|()| PrivateKey::generate(&X25519).unwrap());
        let public = [0, 1].map(|index: usize| secrets[index].compute_public_key().unwrap());
        let agreed = |own: usize, peer: usize| {
            let peer = UnparsedPublicKey::new(&X25519, public[peer].as_ref());
            agree(&secrets[own], peer, (), |secret| Ok(secret[0])).unwrap()
        };
        let message = b"a transcript";
        agreed(0, 1) == agreed(1, 0)
            && self.0.iter().all(|key| {
                let signed = key.sign(&SystemRandom::new(), message).unwrap();
                let public = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key());
                public.verify(message, signed.as_ref()).is_ok()
            })
    }
}

/// AES-128-GCM over a payload, there and back.
pub(crate) struct Record(LessSafeKey, Vec<u8>);

impl Record {
    pub(crate) fn new() -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[1; 16]).unwrap());
        Self(key, Vec::with_capacity(2048))
    }
}

impl Floor for Record {
    fn run(&mut self) -> bool {
        let Self(key, out) = self;
        let nonce = || Nonce::assume_unique_for_key([3; 12]);
        out.clear();
        out.extend_from_slice(&PAYLOAD);
        let tag = key.seal_in_place_separate_tag(nonce(), Aad::from([4; 13]), out).unwrap();
        out.extend_from_slice(tag.as_ref());
        key.open_in_place(nonce(), Aad::from([4; 13]), out).is_ok()
    }
}
