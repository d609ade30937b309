//! Keys that move on; RFC 9605 section 5.1.

use alloc::vec::Vec;

use zeroize::Zeroize;

use super::key::expand;
use super::suite::Suite;

/// A sender's base key, and the step that it is at. Each step forgets the one before it: who learns a key learns nothing of
/// what was said earlier.
pub struct Ratchet {
    suite: Suite,
    generation: u64,
    step: u64,
    /// Bits of the step that a key identifier carries.
    bits: u32,
    base_key: Vec<u8>,
}

impl Ratchet {
    /// Starts a generation of keys at step 0. `bits`, cut to 63, of the step stand in the key identifiers, which is how far
    /// apart the two ends may be: both must know the number.
    pub fn new(suite: Suite, generation: u64, bits: u32, base_key: &[u8]) -> Self {
        Self { suite, generation, step: 0, bits: bits.min(63), base_key: base_key.to_vec() }
    }

    /// Goes one step on.
    pub fn advance(&mut self) {
        let mut next = [0; 64];
        let next_len = self.suite.hash_len();
        expand(self.suite, &self.base_key, &[b"SFrame 1.0 Ratchet"], &mut next[..next_len]);
        self.base_key.as_mut_slice().zeroize();
        self.base_key.clear();
        self.base_key.extend_from_slice(&next[..next_len]);
        next.zeroize();
        self.step += 1;
    }

    /// Goes on until the key identifier is that of a received header: at most as many steps as its bits can tell apart.
    /// `false`, and no step, when it is of another generation.
    pub fn advance_to(&mut self, key_id: u64) -> bool {
        if key_id >> self.bits != self.generation & (u64::MAX >> self.bits) {
            return false;
        }
        // A header is read before it is authentic, so the way is bounded.
        let mask = (1 << self.bits) - 1;
        let ahead = (key_id & mask).wrapping_sub(self.step & mask) & mask;
        if ahead > STEP_LIMIT {
            return false;
        }
        (0..ahead).for_each(|_| self.advance());
        true
    }

    /// The identifier of the current step's key: the generation, and the low bits of the step.
    pub fn key_id(&self) -> u64 {
        self.generation << self.bits | self.step & ((1 << self.bits) - 1)
    }

    /// The step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The current step's base key, for [`Sender::new`](super::Sender::new) and
    /// [`Receiver::add_key`](super::Receiver::add_key).
    pub fn base_key(&self) -> &[u8] {
        &self.base_key
    }
}

/// Steps that [`Ratchet::advance_to`] takes at once.
const STEP_LIMIT: u64 = 1024;

impl Drop for Ratchet {
    fn drop(&mut self) {
        self.base_key.as_mut_slice().zeroize();
    }
}
