//! From a premaster secret to all keys of a connection; RFC 5246 sections 5, 6.3 and 8.1, RFC 7627, RFC 5705.

use zeroize::{Zeroize, Zeroizing};

use crate::crypto::CipherSuite;
use crate::crypto::aead::RecordCipher;
use crate::crypto::prf::{HashValue, Running, prf};
use crate::crypto::provider::Backend;
use crate::crypto::suite::{Hash, Suite};
use crate::error::ExportError;
use crate::handshake::{FragmentHeader, MessageType};

/// Which end of the connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Speaks first.
    Client,
    /// Chooses from what the client offers.
    Server,
}

impl Role {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The randoms of both hellos.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
}

/// The ciphers of both directions: ours to write, the peer's to read.
pub(crate) type RecordKeys = (RecordCipher, RecordCipher);

/// The secret from which everything else is derived. Wiped when dropped; shown by nothing.
#[derive(Clone)]
pub(crate) struct MasterSecret {
    secret: [u8; 48],
    suite: &'static Suite,
}

impl Drop for MasterSecret {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl MasterSecret {
    /// The extended master secret, bound to the handshake up to ClientKeyExchange; RFC 7627 section 4.
    pub(crate) fn extended(suite: &'static Suite, premaster: &[u8], session_hash: &HashValue) -> Self {
        let mut secret = [0; 48];
        prf(suite.hash, premaster, "extended master secret", &[session_hash.as_ref()], &mut secret);
        Self { secret, suite }
    }

    /// The master secret of old, bound to the randoms only; RFC 5246 section 8.1.
    pub(crate) fn plain(suite: &'static Suite, premaster: &[u8], randoms: &Randoms) -> Self {
        let mut secret = [0; 48];
        prf(suite.hash, premaster, "master secret", &[&randoms.client, &randoms.server], &mut secret);
        Self { secret, suite }
    }

    /// A secret that a key log tells of a connection with this suite, or that was kept; `None` if the suite is not implemented.
    pub(crate) fn from_log(suite: CipherSuite, secret: &[u8; 48]) -> Option<Self> {
        Some(Self { secret: *secret, suite: suite.suite()? })
    }

    pub(crate) const fn suite(&self) -> &'static Suite {
        self.suite
    }

    pub(crate) const fn secret(&self) -> &[u8; 48] {
        &self.secret
    }

    /// The keys of both directions: ours to write, the peer's to read.
    pub(crate) fn record_ciphers(&self, backend: &Backend, role: Role, randoms: &Randoms) -> RecordKeys {
        const LONGEST: usize = 2 * (32 + 12);
        let bulk = self.suite.bulk;
        let (key_len, nonce_len) = (bulk.key_len(), bulk.fixed_nonce_len());
        let mut block = Zeroizing::new([0; LONGEST]);
        let block = &mut block[..2 * (key_len + nonce_len)];
        self.prf("key expansion", &[&randoms.server, &randoms.client], block);
        let (keys, nonces) = block.split_at(2 * key_len);
        let cipher = |end: usize| {
            let (key, nonce) = (end * key_len, end * nonce_len);
            RecordCipher::new(backend, bulk, &keys[key..key + key_len], &nonces[nonce..nonce + nonce_len])
        };
        let (client, server) = (cipher(0), cipher(1));
        match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        }
    }

    /// What the Finished of `role` carries after a handshake with this hash; RFC 5246 section 7.4.9.
    pub(crate) fn verify_data(&self, role: Role, handshake_hash: &HashValue) -> [u8; 12] {
        let label = match role {
            Role::Client => "client finished",
            Role::Server => "server finished",
        };
        let mut data = [0; 12];
        self.prf(label, &[handshake_hash.as_ref()], &mut data);
        data
    }

    /// Fills `out` with keying material for another protocol; RFC 5705 section 4.
    pub(crate) fn export(
        &self,
        randoms: &Randoms,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        const RESERVED: [&str; 5] = [
            "client finished",
            "server finished",
            "master secret",
            "extended master secret",
            "key expansion",
        ];
        if RESERVED.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        match context {
            None => self.prf(label, &[&randoms.client, &randoms.server], out),
            Some(context) => {
                let len = u16::try_from(context.len()).map_err(|_| ExportError::Context(context.len()))?;
                let seed = [&randoms.client[..], &randoms.server, &len.to_be_bytes(), context];
                self.prf(label, &seed, out);
            }
        }
        Ok(())
    }

    /// A line of a key log, as Wireshark reads it.
    pub(crate) fn key_log_line(&self, client_random: &[u8; 32]) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(14 + 64 + 1 + 96));
        line.push_str("CLIENT_RANDOM ");
        push_hex(&mut line, client_random);
        line.push(' ');
        push_hex(&mut line, &self.secret);
        line
    }

    fn prf(&self, label: &str, seed: &[&[u8]], out: &mut [u8]) {
        prf(self.suite.hash, &self.secret, label, seed, out);
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for octet in bytes {
        for digit in [octet >> 4, octet & 15] {
            out.extend(char::from_digit(digit.into(), 16));
        }
    }
}

/// The messages of a handshake, and the hash over them; RFC 6347 section 4.2.6. The messages are kept as long as somebody
/// may sign them with a hash function of their own.
#[derive(Clone)]
pub(crate) struct Transcript {
    messages: Vec<u8>,
    running: Running,
    /// How many octets of the messages the hash has.
    hashed: usize,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { messages: Vec::new(), running: Running::new(Hash::Sha256), hashed: 0 }
    }
}

impl Transcript {
    /// Adds a message as if it had been sent in one piece.
    //= rfc6347#4.2.6-1
    pub(crate) fn add(&mut self, kind: MessageType, sequence: u16, body: &[u8]) {
        // There are ten messages at most, and others may have made them long.
        self.messages.reserve_exact(crate::handshake::FRAGMENT_HEADER_LEN + body.len());
        FragmentHeader::whole(kind, sequence, u32::try_from(body.len()).unwrap_or(u32::MAX))
            .encode(&mut self.messages);
        self.messages.extend_from_slice(body);
    }

    /// The suite is chosen, and its hash function with it.
    pub(crate) fn choose(&mut self, hash: Hash) {
        self.running = Running::new(hash);
        self.hashed = 0;
    }

    /// The hash so far.
    pub(crate) fn hash(&mut self) -> HashValue {
        self.running.update(&self.messages[self.hashed..]);
        self.hashed = self.messages.len();
        self.running.value()
    }

    /// The messages so far: what a CertificateVerify signs.
    pub(crate) fn messages(&self) -> &[u8] {
        &self.messages
    }

    /// Nobody signs any more: only the hash is kept.
    pub(crate) fn forget_messages(&mut self) {
        self.hash();
        self.messages = Vec::new();
        self.hashed = 0;
    }
}

#[cfg(test)]
mod tests;
