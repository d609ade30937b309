//! CreatePermission; RFC 8656 sections 9 and 10.2.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::Server;
use super::allocation::Slot;
use super::answer::Asked;
use crate::attribute::{Attribute, XorPeerAddress};
use crate::kind::ErrorCode;
use crate::message::Message;
use crate::turn::family;

/// RFC 8656 section 9.
//= rfc8656#9-1
pub(super) const PERMISSION: Duration = Duration::from_secs(300);

impl Server {
    pub(super) fn create_permission(&mut self, now: Instant, asked: &Asked, request: &Message<'_>) {
        let created = self.own(asked).and_then(|slot| {
            let peers = peers(request)?;
            // All or none.
            for peer in &peers {
                self.check_peer(slot, *peer)?;
            }
            self.allocations.purge(now, slot);
            self.check_room(slot, &peers)?;
            peers.iter().for_each(|peer| self.permit(now, slot, peer.ip()));
            Ok(())
        });
        match created {
            Ok(()) => self.grant(now, asked, |builder| builder),
            Err(code) => self.refuse(now, asked, code),
        }
    }

    /// Whether an allocation may have to do with a peer at all: 443 and 403.
    //= rfc8656#10.2-2
    //= rfc8656#12.2-1
    pub(super) fn check_peer(&self, slot: Slot, peer: SocketAddr) -> Result<(), ErrorCode> {
        let allocation = self.allocations.get(slot).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if !allocation.has(family(peer)) {
            return Err(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        // Not to our own door either: a message from there would look like a client's.
        if !self.config.peers.permits(peer.ip()) || peer == allocation.client.server {
            return Err(ErrorCode::FORBIDDEN);
        }
        Ok(())
    }

    /// Whether permissions for all of these fit.
    pub(super) fn check_room(&self, slot: Slot, peers: &[SocketAddr]) -> Result<(), ErrorCode> {
        let allocation = self.allocations.get(slot).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let mut new: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        new.sort_unstable();
        new.dedup();
        new.retain(|ip| !allocation.permissions.contains_key(ip));
        if allocation.permissions.len() + new.len() > self.config.permissions {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        Ok(())
    }

    /// Installs or refreshes a permission.
    pub(super) fn permit(&mut self, now: Instant, slot: Slot, ip: IpAddr) {
        if let Some(allocation) = self.allocations.get_mut(slot) {
            allocation.permissions.insert(ip, now + PERMISSION);
        }
        self.allocations.route(slot, |peer| peer.ip() == ip);
    }
}

/// The peers that a request names, at least one.
//= rfc8656#10.2-1
fn peers(request: &Message<'_>) -> Result<Vec<SocketAddr>, ErrorCode> {
    let named = request.attributes().filter(|raw| raw.attribute_type == XorPeerAddress::TYPE);
    let peers: Result<Vec<_>, _> =
        named.map(|raw| XorPeerAddress::parse(&raw, request.transaction_id()).map(|peer| peer.0)).collect();
    peers.ok().filter(|peers| !peers.is_empty()).ok_or(ErrorCode::BAD_REQUEST)
}
