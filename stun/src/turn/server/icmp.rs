//! What the network says of datagrams that were relayed; RFC 8656 section 11.5.

use std::net::SocketAddr;
use std::time::Instant;

use super::Server;
use crate::attribute::{Icmp, XorPeerAddress};
use crate::build::MessageBuilder;
use crate::kind::{Class, MessageType, Method, TransactionId};
use crate::turn::{Protocol, family};

impl Server {
    /// An ICMP message came in about a datagram from `relayed` to `peer`; the port is 0 where the caller cannot know it.
    ///
    /// Types that are of no use to a client are dropped, and all that concern an address without a permission. Who sent
    /// the ICMP message does not matter: any router on the path may.
    //= rfc8656#11.5-1
    pub fn handle_icmp(&mut self, now: Instant, relayed: SocketAddr, peer: SocketAddr, icmp: Icmp) {
        let now = self.advance(now);
        // Unreachable and time exceeded; with IPv6 packet too big besides.
        let useful = match peer {
            SocketAddr::V4(_) => matches!(icmp.icmp_type, 3 | 11),
            SocketAddr::V6(_) => matches!(icmp.icmp_type, 1..=3),
        };
        let too_big = match peer {
            SocketAddr::V4(_) => (icmp.icmp_type, icmp.code) == (3, 4),
            SocketAddr::V6(_) => icmp.icmp_type == 2,
        };
        let slot = self.allocations.relayed.get(&(Protocol::Udp, relayed)).copied();
        let Some(allocation) = slot.and_then(|slot| self.allocations.get(slot)) else { return };
        if !useful || allocation.relay(family(relayed)).is_none() {
            return;
        }
        if !allocation.permits(now, peer.ip()) {
            self.stats.dropped_permission += 1;
            return;
        }
        let to = allocation.client;
        let id = TransactionId::random(&mut self.rng);
        //= rfc8656#18.13-2
        let icmp = Icmp { data: if too_big { icmp.data } else { 0 }, ..icmp };
        let write = |out: &mut Vec<u8>| {
            let message_type = MessageType::new(Method::DATA, Class::Indication);
            let builder =
                MessageBuilder::new(out, message_type, id).attribute(&XorPeerAddress(peer)).attribute(&icmp);
            debug_assert!(builder.finish().is_ok(), "two short attributes fit");
        };
        if !self.answers.push(to, write, |_| true) {
            self.stats.dropped_answers += 1;
        }
    }
}
