//! Where the peer is: which records may say that it has moved; RFC 9146 section 6.

use std::net::SocketAddr;

/// The peer's address, as far as the caller tells where datagrams come from.
#[derive(Debug, Default)]
pub(super) struct PeerAddress {
    known: Option<SocketAddr>,
    /// Where the datagram at hand came from.
    source: Option<SocketAddr>,
}

impl PeerAddress {
    /// A datagram came from here.
    pub(super) const fn arrived(&mut self, source: Option<SocketAddr>) {
        self.source = source;
    }

    /// A record of it is authentic. Returns the new address if it says that the peer has moved: only the newest record
    /// that there was can, so that nobody moves the peer back with an old one, and only if it carried a connection id.
    //= rfc9146#6-1
    pub(super) fn authentic(&mut self, has_id: bool, is_newest: bool) -> Option<SocketAddr> {
        let source = self.source?;
        let known = *self.known.get_or_insert(source);
        if source == known || !has_id || !is_newest {
            return None;
        }
        self.known = Some(source);
        Some(source)
    }
}
