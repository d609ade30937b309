//! Keys that both ends have before they meet; RFC 4279, and RFC 5489 where ephemeral keys are mixed in.

use std::fmt;
use std::sync::Arc;

use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::crypto::key_exchange::Premaster;
use crate::crypto::prf::prf;
use crate::crypto::suite::Hash;
use crate::wire::put_vec;

/// Octets of the longest identity and hint. RFC 4279 section 5.3 asks for 128 at least.
pub(crate) const MAX_IDENTITY: usize = 512;
/// Octets of the shortest key: as much security as the weakest suite has.
const MIN_KEY: usize = 16;
/// Octets of the longest key. RFC 4279 section 5.3 asks for 64 at least.
const MAX_KEY: usize = 256;

/// A key that both ends have, and the identity by which the client names it: a name for the key, seen by everybody on the
/// way. Give each client its own: who has the key can pose as either end. The key is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct PreSharedKey(Arc<Inner>);

struct Inner {
    identity: String,
    /// Identities are compared by their hash, so that the time tells nothing.
    digest: [u8; 32],
    key: Zeroizing<Vec<u8>>,
}

impl PreSharedKey {
    /// A key of 16 to 256 octets, of an identity of 1 to 512 octets as UTF-8. The key has to be drawn at random: what people
    /// can remember can be guessed by whoever has recorded a handshake. RFC 8442 section 5 wants 24 octets or more for the
    /// suites with AES-256.
    ///
    /// # Errors
    /// The key or the identity is too short or too long.
    pub fn new(identity: impl Into<String>, key: &[u8]) -> Result<Self, PreSharedKeyError> {
        let identity = identity.into();
        if !(1..=MAX_IDENTITY).contains(&identity.len()) {
            return Err(PreSharedKeyError::Identity(identity.len()));
        }
        if !(MIN_KEY..=MAX_KEY).contains(&key.len()) {
            return Err(PreSharedKeyError::Key(key.len()));
        }
        let digest = Sha256::digest(&identity).into();
        Ok(Self(Arc::new(Inner { identity, digest, key: Zeroizing::new(key.to_vec()) })))
    }

    /// What the client calls it.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    pub(crate) fn claimed(&self) -> Claimed {
        Claimed::new(self.0.identity.clone(), self.0.key.clone())
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreSharedKey({:?})", self.identity())
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreSharedKeyError {
    /// The identity is empty or too long.
    #[error("an identity of {0} octets, expected 1 to 512")]
    Identity(usize),
    /// The key is too short to be safe, or too long.
    #[error("a key of {0} octets, expected 16 to 256")]
    Key(usize),
    /// The hint is too long.
    #[error("a hint of {0} octets, expected at most 512")]
    Hint(usize),
}

type Find = dyn Fn(&str) -> Option<PreSharedKey> + Send + Sync;

#[derive(Clone)]
enum Source {
    Known(Arc<[PreSharedKey]>),
    Callback(Arc<Find>),
}

/// The keys that a server has with its clients. Clones are the same keys.
#[derive(Clone)]
pub struct PreSharedKeys {
    source: Source,
    hint: String,
}

impl PreSharedKeys {
    /// These, each for the client that names it; of two with the same identity, the last. All are looked at for each
    /// client, so that the time does not tell which there are: good for thousands.
    pub fn new(keys: impl IntoIterator<Item = PreSharedKey>) -> Self {
        Self { source: Source::Known(keys.into_iter().collect()), hint: String::new() }
    }

    /// Those that `find` knows by the identity. It should take as long for those that it does not know, or strangers can
    /// tell which there are. A key with another identity counts as none.
    pub fn callback(find: impl Fn(&str) -> Option<PreSharedKey> + Send + Sync + 'static) -> Self {
        Self { source: Source::Callback(Arc::new(find)), hint: String::new() }
    }

    /// Tells clients which key is wanted, up to 512 octets. Only where the protocol above says what it means: others ignore
    /// it, as our client does, and should not be given any (RFC 4279 section 5.2).
    ///
    /// # Errors
    /// It is too long.
    pub fn with_hint(self, hint: impl Into<String>) -> Result<Self, PreSharedKeyError> {
        let hint = hint.into();
        if hint.len() > MAX_IDENTITY {
            return Err(PreSharedKeyError::Hint(hint.len()));
        }
        Ok(Self { hint, ..self })
    }

    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }

    /// The key that the client names. If there is none, one is drawn that nobody has: the handshake then goes the same way,
    /// in the same time, as with a wrong key, and nobody learns which identities exist (RFC 4279 section 2).
    pub(crate) fn find(&self, identity: &[u8], rng: &mut impl Rng) -> Claimed {
        let mut drawn = Zeroizing::new([0; MAX_KEY]);
        rng.fill_bytes(&mut *drawn);
        let name = String::from_utf8_lossy(identity);
        let key = match &self.source {
            Source::Callback(find) => match find(&name).filter(|key| key.identity().as_bytes() == identity) {
                Some(found) => found.0.key.clone(),
                None => Zeroizing::new(drawn[..32].to_vec()),
            },
            Source::Known(keys) => select(keys, identity, &drawn),
        };
        Claimed::new(name.into_owned(), key)
    }

    /// The key of this name, if there is one.
    pub(crate) fn get(&self, identity: &str) -> Option<PreSharedKey> {
        match &self.source {
            Source::Callback(find) => find(identity).filter(|key| key.identity() == identity),
            Source::Known(keys) => keys.iter().rfind(|key| key.identity() == identity).cloned(),
        }
    }
}

/// The last key of this identity, or `drawn`, which then is as long as one of the keys. The time does not tell which.
fn select(keys: &[PreSharedKey], identity: &[u8], drawn: &[u8; MAX_KEY]) -> Zeroizing<Vec<u8>> {
    let wanted: [u8; 32] = Sha256::digest(identity).into();
    let (mut index, mut known) =
        (u64::from(drawn[MAX_KEY - 1]) % (keys.len() as u64).max(1), Choice::from(0));
    for (at, key) in (0_u64..).zip(keys) {
        let is_it = key.0.digest.ct_eq(&wanted);
        index.conditional_assign(&at, is_it);
        known |= is_it;
    }
    let model = usize::try_from(index).ok().and_then(|index| keys.get(index));
    let model = model.map_or(&drawn[..32], |model| &model.0.key);
    let mut key = Zeroizing::new(drawn[..model.len()].to_vec());
    key.iter_mut().zip(model).for_each(|(octet, known_octet)| octet.conditional_assign(known_octet, known));
    key
}

impl fmt::Debug for PreSharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Known(keys) => write!(f, "PreSharedKeys({} keys)", keys.len()),
            Source::Callback(_) => f.write_str("PreSharedKeys(callback)"),
        }
    }
}

/// A key in a handshake, with the identity that goes with it. The Finished shows whether the other end has it too.
pub(crate) struct Claimed {
    pub(crate) shared: Shared,
    key: Zeroizing<Vec<u8>>,
}

/// What is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) identity: String,
    /// Tells whether the key of this identity is still the same, and not which.
    pub(crate) mark: [u8; 32],
}

impl Claimed {
    fn new(identity: String, key: Zeroizing<Vec<u8>>) -> Self {
        let mut mark = [0; 32];
        prf(Hash::Sha256, &key, "nomagic session", &[identity.as_bytes()], &mut mark);
        Self { shared: Shared { identity, mark }, key }
    }

    /// The premaster secret: of the key, and of what ephemeral keys gave, or as many zeros as the key has octets; RFC 4279
    /// section 2, RFC 5489 section 2.
    pub(crate) fn premaster(&self, agreed: Option<&[u8]>) -> Premaster {
        let len = self.key.len();
        // Long enough at once: a buffer that grows leaves secrets behind.
        let mut out = Zeroizing::new(Vec::with_capacity(4 + agreed.map_or(len, <[u8]>::len) + len));
        put_vec::<2>(&mut out, |out| match agreed {
            Some(agreed) => out.extend_from_slice(agreed),
            None => out.resize(out.len() + len, 0),
        });
        put_vec::<2>(&mut out, |out| out.extend_from_slice(&self.key));
        out
    }
}

#[cfg(test)]
mod tests;
