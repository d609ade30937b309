//! From a premaster secret to all keys of a connection; RFC 5246 sections 5, 6.3 and 8.1, RFC 7627, RFC 5705.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::crypto::CipherSuite;
use crate::crypto::aead::RecordCipher;
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
pub(crate) struct MasterSecret([u8; 48]);

impl Drop for MasterSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl MasterSecret {
    /// The extended master secret, bound to the handshake up to ClientKeyExchange; RFC 7627 section 4.
    pub(crate) fn extended(premaster: &[u8], session_hash: &[u8; 32]) -> Self {
        let mut secret = [0; 48];
        prf(premaster, "extended master secret", &[session_hash], &mut secret);
        Self(secret)
    }

    /// A secret that a key log tells of a connection with this suite; `None` if the suite is not implemented.
    pub(crate) fn from_log(suite: CipherSuite, secret: &[u8; 48]) -> Option<Self> {
        CipherSuite::SUPPORTED.contains(&suite).then_some(Self(*secret))
    }

    /// The keys of both directions: ours to write, the peer's to read.
    pub(crate) fn record_ciphers(&self, role: Role, randoms: &Randoms) -> RecordKeys {
        let mut block = Zeroizing::new([0; 2 * (16 + 4)]);
        prf(&self.0, "key expansion", &[&randoms.server, &randoms.client], &mut *block);
        let cipher = |end: usize| {
            let (mut key, mut salt) = (Zeroizing::new([0; 16]), [0; 4]);
            key.copy_from_slice(&block[16 * end..16 * (end + 1)]);
            salt.copy_from_slice(&block[32 + 4 * end..32 + 4 * (end + 1)]);
            RecordCipher::new(&key, salt)
        };
        let (client, server) = (cipher(0), cipher(1));
        match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        }
    }

    /// What the Finished of `role` carries after a handshake with this hash; RFC 5246 section 7.4.9.
    pub(crate) fn verify_data(&self, role: Role, handshake_hash: &[u8; 32]) -> [u8; 12] {
        let label = match role {
            Role::Client => "client finished",
            Role::Server => "server finished",
        };
        let mut data = [0; 12];
        prf(&self.0, label, &[handshake_hash], &mut data);
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
            None => prf(&self.0, label, &[&randoms.client, &randoms.server], out),
            Some(context) => {
                let len = u16::try_from(context.len()).map_err(|_| ExportError::Context(context.len()))?;
                let seed = [&randoms.client[..], &randoms.server, &len.to_be_bytes(), context];
                prf(&self.0, label, &seed, out);
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
        push_hex(&mut line, &self.0);
        line
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for octet in bytes {
        for digit in [octet >> 4, octet & 15] {
            out.extend(char::from_digit(digit.into(), 16));
        }
    }
}

/// The pseudorandom function with SHA-256; RFC 5246 section 5. The seed comes in parts.
fn prf(secret: &[u8], label: &str, seed: &[&[u8]], out: &mut [u8]) {
    let keyed = keyed(secret);
    let seeded = |mut mac: Hmac<Sha256>| {
        mac.update(label.as_bytes());
        seed.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut chain = seeded(keyed.clone());
    for block in out.chunks_mut(32) {
        let mut mac = keyed.clone();
        mac.update(&chain);
        let mut bytes = seeded(mac);
        block.copy_from_slice(&bytes[..block.len()]);
        bytes.zeroize();
        let mut mac = keyed.clone();
        mac.update(&chain);
        chain = mac.finalize().into_bytes();
    }
    chain.zeroize();
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match <Hmac<Sha256> as KeyInit>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// A running hash over the handshake, so that its messages need not be kept; RFC 6347 section 4.2.6.
#[derive(Clone, Default)]
pub(crate) struct Transcript(Sha256);

impl Transcript {
    /// Adds a message as if it had been sent in one piece.
    pub(crate) fn add(&mut self, kind: MessageType, sequence: u16, body: &[u8]) {
        let mut header = Vec::with_capacity(crate::handshake::FRAGMENT_HEADER_LEN);
        FragmentHeader::whole(kind, sequence, u32::try_from(body.len()).unwrap_or(u32::MAX))
            .encode(&mut header);
        self.0.update(&header);
        self.0.update(body);
    }

    /// The hash so far.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

#[cfg(test)]
mod tests;
