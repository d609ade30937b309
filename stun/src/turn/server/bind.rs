//! ChannelBind; RFC 8656 section 12.2.

use std::time::{Duration, Instant};

use super::Server;
use super::allocate::read;
use super::allocation::Channel;
use super::answer::Asked;
use crate::attribute::{ChannelNumberAttribute, XorPeerAddress};
use crate::kind::ErrorCode;
use crate::message::Message;
use crate::turn::{ChannelNumber, Protocol};

/// RFC 8656 section 12.
const BINDING: Duration = Duration::from_secs(600);

impl Server {
    pub(super) fn bind_channel(&mut self, now: Instant, asked: &Asked, request: &Message<'_>) {
        match self.try_bind(now, asked, request) {
            Ok(()) => self.grant(now, asked, |builder| builder),
            Err(code) => self.refuse(now, asked, code),
        }
    }

    fn try_bind(&mut self, now: Instant, asked: &Asked, request: &Message<'_>) -> Result<(), ErrorCode> {
        const BAD: ErrorCode = ErrorCode::BAD_REQUEST;
        let slot = self.own(asked)?;
        let number = read::<ChannelNumberAttribute>(request)?.ok_or(BAD)?;
        let peer = read::<XorPeerAddress>(request)?.ok_or(BAD)?.0;
        let number = ChannelNumber::new(number.0).ok_or(BAD)?;
        self.allocations.purge(now, slot);
        let allocation = self.allocations.get(slot).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if peer.port() == 0 || allocation.protocol != Protocol::Udp {
            return Err(BAD);
        }
        let taken = |(own, channel): (&ChannelNumber, &Channel)| (*own == number) != (channel.peer == peer);
        if allocation.channels.iter().any(taken) {
            return Err(BAD);
        }
        let full =
            allocation.channels.len() >= self.config.channels && !allocation.channels.contains_key(&number);
        self.check_peer(slot, peer)?;
        if full {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        self.check_room(slot, &[peer])?;
        if let Some(allocation) = self.allocations.get_mut(slot) {
            allocation.channels.insert(number, Channel { peer, until: now + BINDING });
        }
        // The permission puts the channel into the tables.
        self.permit(now, slot, peer.ip());
        Ok(())
    }
}
