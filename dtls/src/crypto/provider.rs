//! Who does the cryptography.
//!
//! What is built in is called without indirection; others can be plugged in through [`Provider`], and [`check_known_answers`]
//! says whether what they compute is right.

mod known_answers;

use std::fmt;
use std::sync::Arc;

use rand::CryptoRng;

pub use known_answers::{KnownAnswerError, check_known_answers};

pub use super::suite::Bulk;
use super::{NamedGroup, SignatureScheme};

/// Does parts of the cryptography. What it leaves out, the built-in implementation does.
pub trait Provider: Send + Sync {
    /// A keyed cipher for records; `None` where it cannot. It should wipe its key when dropped. CCM is not asked for.
    fn aead(&self, bulk: Bulk, key: &[u8]) -> Option<Box<dyn AeadKey>>;

    /// Begins a key exchange: makes a key pair; `None` where it cannot.
    fn key_share(&self, group: NamedGroup, rng: &mut dyn CryptoRng) -> Option<Box<dyn KeyShare>>;

    /// Answers a key exchange that the peer has begun: our part of it, and the secret. `None` where it cannot, or where
    /// the peer's part is no public key. A Diffie-Hellman group need not say how: both parts are alike. With a KEM, as
    /// later versions of DTLS have them, this is the encapsulation, and [`KeyShare::agree`] the decapsulation.
    fn answer(&self, group: NamedGroup, peer: &[u8], rng: &mut dyn CryptoRng) -> Option<(Vec<u8>, Vec<u8>)> {
        let share = self.key_share(group, rng)?;
        let public_key = share.public_key().to_vec();
        share.agree(peer).map(|secret| (public_key, secret))
    }

    /// Whether `signature` is that of `message` under a public key, SubjectPublicKeyInfo as DER; `None` where it cannot say.
    /// That the scheme was offered, and suits the key, is checked before.
    fn verify(
        &self,
        scheme: SignatureScheme,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool>;
}

/// A keyed cipher that authenticates what it encrypts.
pub trait AeadKey: Send + Sync {
    /// Encrypts in place and returns the tag.
    fn seal(&self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8]) -> [u8; 16];

    /// Compares the tag in constant time, and decrypts in place if it is right. If it is not, `data` is never the
    /// plaintext.
    fn open(&self, nonce: &[u8; 12], additional: &[u8], data: &mut [u8], tag: &[u8; 16]) -> bool;
}

/// Our half of a key exchange; used once.
pub trait KeyShare: Send {
    /// What goes to the peer.
    fn public_key(&self) -> &[u8];

    /// The secret that only the two of us know; `None` if the peer's part is not a public key of the group, or would make
    /// the secret known to everybody. Points are checked to be uncompressed before.
    fn agree(self: Box<Self>, peer: &[u8]) -> Option<Vec<u8>>;
}

/// A private key that somebody else holds, such as a security module.
pub trait Signer: Send + Sync {
    /// What it can sign with, the first choice first.
    fn schemes(&self) -> &[SignatureScheme];

    /// The signature over `message`: DER for ECDSA, octets for the others. `None` if it fails, which ends the handshake.
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>>;
}

/// Which implementation of the cryptography a connection uses.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The fastest that is built in: aws-lc-rs with the feature of that name, RustCrypto without.
    #[default]
    BuiltIn,
    /// RustCrypto for everything but signing with RSA, whatever the features.
    RustCrypto,
    /// Somebody else's; the built-in one for what it leaves out.
    Plugged(Arc<dyn Provider>),
}

impl Backend {
    pub(crate) fn plugged(&self) -> Option<&dyn Provider> {
        match self {
            Self::Plugged(provider) => Some(&**provider),
            _ => None,
        }
    }

    /// Whether what aws-lc-rs has is taken from there.
    #[cfg(feature = "aws-lc-rs")]
    pub(crate) const fn takes_aws_lc(&self) -> bool {
        !matches!(self, Self::RustCrypto)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "BuiltIn",
            Self::RustCrypto => "RustCrypto",
            Self::Plugged(_) => "Plugged(..)",
        })
    }
}
