//! A connection seen from outside, with the secret from its key log: for programs that look into captures.

use zeroize::Zeroizing;

use crate::crypto::CipherSuite;
use crate::crypto::aead::Associated;
use crate::crypto::provider::Backend;
use crate::error::ExportError;
use crate::keys::{MasterSecret, Randoms, RecordKeys, Role};
use crate::layer::split_inner;
use crate::record::{ContentType, Header, ID_AT};

/// Opens the records of both ends of a connection that somebody else has. It writes nothing, and remembers nothing of
/// what it has seen: records are opened in any order, and as often as one likes.
pub struct Observer {
    master: MasterSecret,
    randoms: Randoms,
    /// What the client writes with, and the server.
    keys: RecordKeys,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl Observer {
    /// The keys of a connection: the suite and the server's random are in its ServerHello, the client's random and the
    /// master secret in a key log. `None` for a suite that is not implemented here.
    pub fn new(
        suite: CipherSuite,
        master: &[u8; 48],
        client_random: [u8; 32],
        server_random: [u8; 32],
    ) -> Option<Self> {
        let randoms = Randoms { client: client_random, server: server_random };
        let master = MasterSecret::from_log(suite, master)?;
        let keys = master.record_ciphers(&Backend::BuiltIn, Role::Client, &randoms);
        Some(Self { master, randoms, keys })
    }

    /// Opens a whole record of epoch 1 that `writer` has sent, in place; its content. `None` if it is not authentic.
    pub fn open<'a>(&self, writer: Role, record: &'a mut [u8]) -> Option<&'a mut [u8]> {
        self.open_with_connection_id(writer, record, 0).map(|(_, content)| content)
    }

    /// The same for a record that may carry a connection id of so many octets, which the reader's hello tells; also
    /// returns of what type the content is, which such a record hides. RFC 9146 section 4.
    pub fn open_with_connection_id<'a>(
        &self,
        writer: Role,
        record: &'a mut [u8],
        id_len: usize,
    ) -> Option<(ContentType, &'a mut [u8])> {
        let (header, at) = Header::parse_with_connection_id(record, id_len).ok()?;
        if header.epoch != 1 {
            return None;
        }
        let (front, content) = record.split_at_mut(at);
        let content = content.get_mut(..header.length.into())?;
        let has_id = header.content_type == ContentType::TLS12_CID;
        let id = if has_id { front.get(ID_AT..ID_AT + id_len)? } else { &[] };
        let cipher = match writer {
            Role::Client => &self.keys.0,
            Role::Server => &self.keys.1,
        };
        let position = u64::from(header.epoch) << 48 | header.sequence;
        let associated = Associated {
            position,
            content_type: header.content_type,
            version: header.version,
            connection_id: id,
        };
        let plaintext = cipher.open(associated, content)?;
        if !has_id {
            return Some((header.content_type, plaintext));
        }
        split_inner(plaintext)
    }

    /// Keying material for another protocol, such as SRTP; RFC 5705 section 4.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn export(&self, label: &str, len: usize) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let mut out = Zeroizing::new(vec![0; len]);
        self.master.export(&self.randoms, label, None, &mut out)?;
        Ok(out)
    }
}
