//! Hashing that nobody outside can steer: the tables of the fast path are keyed from the server's own generator.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

use rand::CryptoRng;

/// SipHash over a secret and then the key, so that it cannot be told from outside which keys share a bucket.
#[derive(Clone)]
pub(crate) struct Keyed(DefaultHasher);

/// A table of the fast path.
pub(crate) type Table<K, V> = HashMap<K, V, Keyed>;

impl Keyed {
    pub(crate) fn new(rng: &mut impl CryptoRng) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(rng.next_u64());
        hasher.write_u64(rng.next_u64());
        Self(hasher)
    }

    pub(crate) fn hash(&self, value: &impl Hash) -> u64 {
        self.hash_one(value)
    }

    pub(crate) fn table<K: Eq + Hash, V>(&self) -> Table<K, V> {
        HashMap::with_hasher(self.clone())
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}
