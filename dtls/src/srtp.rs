//! The keys that a handshake gives SRTP; RFC 5764 section 4.2.

use std::fmt;

use zeroize::Zeroize;

use crate::extension::SrtpProfile;
use crate::keys::Role;

/// The keys for SRTP that a handshake gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SrtpKeys {
    /// The profile agreed on.
    pub profile: SrtpProfile,
    /// What we send with.
    pub local: SrtpKey,
    /// What we receive with.
    pub remote: SrtpKey,
    /// The master key identifier that each packet carries; empty for none. RFC 5764 section 4.1.3.
    pub mki: Vec<u8>,
}

/// A master key with its salt. Wiped when dropped; shown by nothing.
#[derive(Clone)]
pub struct SrtpKey {
    key: Vec<u8>,
    salt: Vec<u8>,
}

impl SrtpKeys {
    /// The client's key comes first, then the server's, then the salts in the same order.
    pub(crate) fn split(
        profile: SrtpProfile,
        role: Role,
        material: &[u8],
        key_len: usize,
        mki: &[u8],
    ) -> Self {
        let (keys, salts) = material.split_at(2 * key_len);
        let ((client_key, server_key), (client_salt, server_salt)) =
            (keys.split_at(key_len), salts.split_at(salts.len() / 2));
        let client = SrtpKey { key: client_key.to_vec(), salt: client_salt.to_vec() };
        let server = SrtpKey { key: server_key.to_vec(), salt: server_salt.to_vec() };
        let (local, remote) = match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Self { profile, local, remote, mki: mki.to_vec() }
    }
}

impl SrtpKey {
    /// The master key; its length is that of the profile.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The master salt; its length is that of the profile.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }
}

impl Drop for SrtpKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SrtpKey(..)")
    }
}
