//! The state cookie (RFC 9260 sections 5.1.3 to 5.1.5): all that is known about an association that does not exist yet,
//! kept by the peer. Nothing is stored here when an INIT arrives.
//!
//! Layout, ours alone: HMAC-SHA-256 over the rest (32 octets), then the fields in the order of [`Cookie`].

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::tcb::{Capabilities, Local, Peer};
use crate::wire::Reader;

const MAC: usize = 32;

/// What a state cookie holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// Milliseconds on this machine's clock when it was made.
    pub(crate) created: u64,
    pub(crate) local: Local,
    pub(crate) peer: Peer,
    /// Tie-Tags of the association that existed then, local and peer's; 0 without one.
    pub(crate) tie: (u32, u32),
}

/// The secret that authenticates cookies; made at birth, never leaves the machine.
pub(crate) struct CookieKey(pub(crate) [u8; 32]);

impl CookieKey {
    /// The cookie as it goes into INIT ACK.
    pub(crate) fn seal(&self, cookie: &Cookie) -> Vec<u8> {
        let Cookie { created, local, peer, tie } = cookie;
        let mut out = vec![0; MAC];
        out.extend_from_slice(&created.to_be_bytes());
        for field in [local.tag, local.initial_tsn, peer.tag, peer.initial_tsn, peer.a_rwnd, tie.0, tie.1] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.extend_from_slice(&peer.outbound.to_be_bytes());
        out.extend_from_slice(&peer.inbound.to_be_bytes());
        out.push(peer.capabilities.bits());
        if let Some(mac) = self.mac(&out[MAC..]) {
            out[..MAC].copy_from_slice(&mac.finalize().into_bytes());
        }
        out
    }

    /// Opens a cookie; `None` unless it was made with this key and is unchanged.
    pub(crate) fn open(&self, bytes: &[u8]) -> Option<Cookie> {
        let (tag, fields) = bytes.split_at_checked(MAC)?;
        self.mac(fields)?.verify_slice(tag).ok()?;
        let mut r = Reader::new(fields);
        let mut u32 = || r.u32().ok();
        let created = u64::from(u32()?) << 32 | u64::from(u32()?);
        let local = Local { tag: u32()?, initial_tsn: u32()? };
        let (tag, initial_tsn, a_rwnd, tie) = (u32()?, u32()?, u32()?, (u32()?, u32()?));
        let (outbound, inbound) = (r.u16().ok()?, r.u16().ok()?);
        let capabilities = Capabilities::from_bits(r.u8().ok()?);
        r.finish().ok()?;
        let peer = Peer { tag, initial_tsn, a_rwnd, outbound, inbound, capabilities };
        Some(Cookie { created, local, peer, tie })
    }

    /// `None` never happens: HMAC takes keys of any length.
    fn mac(&self, fields: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(fields);
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> Cookie {
        let capabilities =
            Capabilities { forward_tsn: true, reconfig: false, zero_checksum: true, interleaving: true };
        let peer = Peer { tag: 3, initial_tsn: 4, a_rwnd: 5, outbound: 6, inbound: 7, capabilities };
        Cookie { created: 1 << 40 | 9, local: Local { tag: 1, initial_tsn: 2 }, peer, tie: (8, 9) }
    }

    #[test]
    fn a_cookie_survives_the_trip_and_any_changed_bit_voids_it() {
        let key = CookieKey([7; 32]);
        let sealed = key.seal(&cookie());
        assert_eq!(key.open(&sealed), Some(cookie()));
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&forged), None);
        }
        assert_eq!(CookieKey([8; 32]).open(&sealed), None);
        (0..sealed.len()).for_each(|cut| assert_eq!(key.open(&sealed[..cut]), None));
    }
}
