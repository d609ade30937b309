//! SFrame, RFC 9605: whole frames encrypted from one end to the other, through servers that see packets and not pictures.
//!
//! A frame is encrypted before it is cut into RTP payloads and decrypted after they are put together again; the server in
//! between needs neither key. `metadata` is what both ends know beside the frame, and what nobody may change.
//!
//! ```
//! use nomagic_srtp::sframe::{Receiver, Sender, Suite};
//!
//! let mut sender = Sender::new(Suite::Aes128GcmSha256_128, 7, b"a secret of the conference");
//! let mut receiver = Receiver::new(Suite::Aes128GcmSha256_128);
//! receiver.add_key(7, b"a secret of the conference")?;
//!
//! let mut frame = b"a picture".to_vec();
//! sender.encrypt(&mut frame, b"camera 1")?;
//! assert_eq!(receiver.decrypt(&mut frame, b"camera 1")?, b"a picture");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod header;
mod key;
mod ratchet;
mod suite;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub use error::{AddError, DecryptError, EncryptError};
pub use header::Header;
use key::Key;
pub use ratchet::Ratchet;
pub use suite::Suite;

/// Encrypts what one sender says under one key. No counter is used twice.
pub struct Sender {
    key: Key,
    /// The counter of the next frame; `None` when all are used.
    next: Option<u64>,
}

impl Sender {
    /// Derives the keys for `key_id` from a secret that the two ends share; RFC 9605 section 4.4.2. One sender alone may
    /// use a key identifier.
    pub fn new(suite: Suite, key_id: u64, base_key: &[u8]) -> Self {
        Self::starting_at(suite, key_id, base_key, 0)
    }

    /// The same, to go on where another left off: no counter below `counter` is used.
    pub fn starting_at(suite: Suite, key_id: u64, base_key: &[u8], counter: u64) -> Self {
        Self { key: Key::new(suite, key_id, base_key), next: Some(counter) }
    }

    /// Puts the encrypted frame in the place of the plain one: a header of 1 to 17 octets comes before it and the tag behind
    /// it.
    ///
    /// # Errors
    /// All counters are used; the frame is as it was.
    pub fn encrypt(&mut self, frame: &mut Vec<u8>, metadata: &[u8]) -> Result<(), EncryptError> {
        let counter = self.next.ok_or(EncryptError::KeyExhausted)?;
        let header = Header { key_id: self.key.id(), counter };
        let mut head = [0; Header::LIMIT];
        let head_len = header.encode(&mut head).len();
        let plain_len = frame.len();
        frame.resize(plain_len + head_len, 0);
        frame.copy_within(..plain_len, head_len);
        frame[..head_len].copy_from_slice(&head[..head_len]);
        self.next = counter.checked_add(1);
        self.key.seal(frame, head_len, counter, metadata);
        Ok(())
    }

    /// The counter of the next frame: what [`Sender::starting_at`] takes.
    pub fn next_counter(&self) -> Option<u64> {
        self.next
    }

    /// The key identifier in the frames' headers.
    pub fn key_id(&self) -> u64 {
        self.key.id()
    }
}

/// Keys that a receiver holds at once, unless told otherwise.
const KEY_LIMIT: usize = 256;

/// Decrypts the frames of any number of senders, each known by its key identifiers.
///
/// RFC 9605 leaves replays to the application, which knows which frames it waits for: the counter is handed out by
/// [`Receiver::decrypt_with_header`].
pub struct Receiver {
    suite: Suite,
    keys: BTreeMap<u64, Key>,
}

impl Receiver {
    /// Knows no key yet.
    pub fn new(suite: Suite) -> Self {
        Self { suite, keys: BTreeMap::new() }
    }

    /// Takes frames of this key identifier.
    ///
    /// # Errors
    /// The identifier is in use, or 256 keys are.
    pub fn add_key(&mut self, key_id: u64, base_key: &[u8]) -> Result<(), AddError> {
        if self.keys.contains_key(&key_id) {
            return Err(AddError::InUse { key_id });
        }
        if self.keys.len() >= KEY_LIMIT {
            return Err(AddError::TooManyKeys { limit: KEY_LIMIT });
        }
        self.keys.insert(key_id, Key::new(self.suite, key_id, base_key));
        Ok(())
    }

    /// Forgets a key.
    pub fn remove_key(&mut self, key_id: u64) -> bool {
        self.keys.remove(&key_id).is_some()
    }

    /// Decrypts a frame where it lies and hands back what is plain in it.
    ///
    /// # Errors
    /// See [`DecryptError`]; the frame is as it was.
    pub fn decrypt<'f>(
        &mut self,
        frame: &'f mut [u8],
        metadata: &[u8],
    ) -> Result<&'f mut [u8], DecryptError> {
        self.decrypt_with_header(frame, metadata).map(|(_, plain)| plain)
    }

    /// The same, with the header: whose frame it is, and which one.
    ///
    /// # Errors
    /// See [`DecryptError`]; the frame is as it was.
    pub fn decrypt_with_header<'f>(
        &mut self,
        frame: &'f mut [u8],
        metadata: &[u8],
    ) -> Result<(Header, &'f mut [u8]), DecryptError> {
        let (header, head_len) = Header::parse(frame).ok_or(DecryptError::Malformed { len: frame.len() })?;
        let key = self.keys.get(&header.key_id).ok_or(DecryptError::UnknownKey { key_id: header.key_id })?;
        let len = key.open(frame, head_len, header.counter, metadata).ok_or(DecryptError::Authentication)?;
        Ok((header, &mut frame[head_len..head_len + len]))
    }
}

#[cfg(test)]
mod tests;
