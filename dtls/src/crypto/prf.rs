//! The pseudorandom function (RFC 5246 section 5), and the hash over a handshake.

use hmac::Hmac;
use hmac::digest::{Digest, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use zeroize::Zeroize;

use super::suite::Hash;

/// Fills `out` from a secret, a label and a seed in parts.
pub(crate) fn prf(hash: Hash, secret: &[u8], label: &str, seed: &[&[u8]], out: &mut [u8]) {
    match hash {
        Hash::Sha256 => expand::<Hmac<Sha256>>(secret, label, seed, out),
        Hash::Sha384 => expand::<Hmac<Sha384>>(secret, label, seed, out),
    }
}

/// P_hash of RFC 5246 section 5.
fn expand<M: Mac + KeyInit + Clone>(secret: &[u8], label: &str, seed: &[&[u8]], out: &mut [u8]) {
    let keyed = match <M as KeyInit>::new_from_slice(secret) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    };
    let seeded = |mut mac: M| {
        mac.update(label.as_bytes());
        seed.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut chain = seeded(keyed.clone());
    for block in out.chunks_mut(M::output_size()) {
        let mut mac = keyed.clone();
        mac.update(&chain);
        let mut bytes = seeded(mac);
        block.copy_from_slice(&bytes[..block.len()]);
        bytes.as_mut_slice().zeroize();
        let mut mac = keyed.clone();
        mac.update(&chain);
        chain = mac.finalize().into_bytes();
    }
    chain.as_mut_slice().zeroize();
}

/// What a hash function gives: up to 48 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashValue {
    bytes: [u8; 48],
    len: usize,
}

impl HashValue {
    fn new(value: &[u8]) -> Self {
        let mut bytes = [0; 48];
        bytes[..value.len()].copy_from_slice(value);
        Self { bytes, len: value.len() }
    }
}

impl AsRef<[u8]> for HashValue {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A hash under way.
#[derive(Clone)]
pub(crate) enum Running {
    Sha256(Sha256),
    Sha384(Sha384),
}

impl Running {
    pub(crate) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            Hash::Sha384 => Self::Sha384(Sha384::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => Digest::update(hash, bytes),
            Self::Sha384(hash) => Digest::update(hash, bytes),
        }
    }

    pub(crate) fn value(&self) -> HashValue {
        match self {
            Self::Sha256(hash) => HashValue::new(&hash.clone().finalize()),
            Self::Sha384(hash) => HashValue::new(&hash.clone().finalize()),
        }
    }
}
