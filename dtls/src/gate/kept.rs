//! Fragments of hellos of which the start is still missing: at most one hello for each address, at most so many addresses.

use std::time::Instant;

use crate::cookie::{COOKIE_LEN, CookieSecret};
use crate::handshake::FragmentHeader;
use crate::reassembly::Partial;

/// Addresses for which fragments are kept at most: a search looks at all of them.
const MAX_KEPT: usize = 4096;

/// What is kept, in no order.
pub(super) struct KeptHellos {
    hellos: Vec<Kept>,
    limit: usize,
    /// Makes short names of addresses, which nobody can make collide.
    secret: CookieSecret,
}

struct Kept {
    address: [u8; COOKIE_LEN],
    since: Instant,
    message_sequence: u16,
    partial: Partial,
}

impl KeptHellos {
    pub(super) fn new(limit: usize, secret: CookieSecret) -> Self {
        let limit = limit.min(MAX_KEPT);
        Self { hellos: Vec::with_capacity(limit), limit, secret }
    }

    /// Takes out what was kept of a hello. An older hello of the same address is forgotten.
    pub(super) fn take(&mut self, source: &[u8], header: &FragmentHeader) -> Option<Partial> {
        if self.hellos.is_empty() {
            return None;
        }
        let address = self.secret.mac(&[source]);
        let at = self.hellos.iter().position(|kept| kept.address == address)?;
        let kept = self.hellos.swap_remove(at);
        let same = kept.message_sequence == header.sequence && kept.partial.is_of(header);
        same.then_some(kept.partial)
    }

    /// Keeps a hello whose address has none here. The oldest makes room: whoever floods the table has to do so between two
    /// fragments of another.
    pub(super) fn put(&mut self, now: Instant, source: &[u8], message_sequence: u16, partial: Partial) {
        let kept = Kept { address: self.secret.mac(&[source]), since: now, message_sequence, partial };
        if self.hellos.len() < self.limit {
            self.hellos.push(kept);
        } else if let Some(oldest) = self.hellos.iter_mut().min_by_key(|kept| kept.since) {
            *oldest = kept;
        }
    }
}
