//! The cryptography alone, from the same libraries with the same features: what no implementation can do without.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use nomagic_testkit::rng;
use p256::ecdsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use rand::rngs::ChaCha20Rng;
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::PAYLOAD;

/// What takes a turn as the yardstick.
pub(crate) trait Floor: 'static {
    /// Does the work once; what it returns depends on all of it.
    fn run(&mut self) -> bool;
}

/// Key generation, key agreement, signature and verification of both ends.
pub(crate) struct Handshake {
    keys: [SigningKey; 2],
    public: [VerifyingKey; 2],
    digest: [u8; 32],
    rng: ChaCha20Rng,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        let keys = [1, 2].map(|seed| SigningKey::generate_from_rng(&mut rng(seed)));
        let public = [0, 1].map(|index: usize| *keys[index].verifying_key());
        Self { keys, public, digest: Sha256::digest(b"a transcript").into(), rng: rng(3) }
    }
}

impl Floor for Handshake {
    fn run(&mut self) -> bool {
        let secrets = [(); 2].map(|()| StaticSecret::random_from_rng(&mut self.rng));
        let public = [0, 1].map(|index: usize| PublicKey::from(&secrets[index]));
        let agreed = secrets[0].diffie_hellman(&public[1]).as_bytes()
            == secrets[1].diffie_hellman(&public[0]).as_bytes();
        self.keys.iter().zip(&self.public).all(|(key, public)| {
            let signature: Signature = key.sign_prehash_with_rng(&mut self.rng, &self.digest).unwrap();
            public.verify_prehash(&self.digest, &signature).is_ok()
        }) && agreed
    }
}

/// AES-128-GCM over a payload, there and back.
pub(crate) struct Record(Aes128Gcm, Vec<u8>);

impl Record {
    pub(crate) fn new() -> Self {
        Self(Aes128Gcm::new(&[1; 16].into()), Vec::with_capacity(2048))
    }
}

impl Floor for Record {
    fn run(&mut self) -> bool {
        let Self(key, out) = self;
        out.clear();
        out.extend_from_slice(&PAYLOAD);
        let tag = key.encrypt_inout_detached(&[3; 12].into(), &[4; 13], out.as_mut_slice().into()).unwrap();
        key.decrypt_inout_detached(&[3; 12].into(), &[4; 13], out.as_mut_slice().into(), &tag).is_ok()
    }
}
