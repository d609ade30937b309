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

    /// What this becomes when it goes on to a key identifier: by at most as many steps as its bits can tell apart, and at most
    /// 1024. `None` when the identifier is of another generation, or farther away.
    ///
    /// A header is read before it is authentic, so nothing has moved yet: the result is to take the place of this one when
    /// its key has decrypted a frame.
    ///
    /// ```
    /// # use nomagic_srtp::sframe::{DecryptError, Header, Ratchet, Receiver, Sender, Suite};
    /// # let suite = Suite::Aes128GcmSha256_128;
    /// # let mut theirs = Ratchet::new(suite, 1, 4, b"a secret of the conference");
    /// # theirs.advance();
    /// # let mut frame = b"a picture".to_vec();
    /// # Sender::new(suite, theirs.key_id(), theirs.base_key()).encrypt(&mut frame, b"")?;
    /// let mut ratchet = Ratchet::new(suite, 1, 4, b"a secret of the conference");
    /// let (header, _) = Header::parse(&frame).ok_or("no header")?;
    /// let ahead = ratchet.ahead(header.key_id).ok_or("another generation")?;
    /// let mut receiver = Receiver::new(suite);
    /// receiver.add_key(ahead.key_id(), ahead.base_key())?;
    /// if receiver.decrypt(&mut frame, b"").is_ok() {
    ///     ratchet = ahead;
    /// } else {
    ///     receiver.remove_key(ahead.key_id());
    /// }
    /// # assert_eq!(ratchet.step(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ahead(&self, key_id: u64) -> Option<Self> {
        if key_id >> self.bits != self.generation & (u64::MAX >> self.bits) {
            return None;
        }
        let mask = (1 << self.bits) - 1;
        let steps = (key_id & mask).wrapping_sub(self.step & mask) & mask;
        if steps > STEP_LIMIT {
            return None;
        }
        let Self { suite, generation, step, bits, .. } = *self;
        let mut ahead = Self { suite, generation, step, bits, base_key: self.base_key.clone() };
        (0..steps).for_each(|_| ahead.advance());
        Some(ahead)
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

/// Steps that [`Ratchet::ahead`] takes at most: each is a derivation that a forged header can ask for.
const STEP_LIMIT: u64 = 1024;

impl Drop for Ratchet {
    fn drop(&mut self) {
        self.base_key.as_mut_slice().zeroize();
    }
}
