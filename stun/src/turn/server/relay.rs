//! Data both ways; RFC 8656 sections 11.2, 11.3, 12.6 and 12.7. Nothing here copies a payload.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use super::allocation::Slot;
use super::answer::UNDERSTOOD;
use super::{Input, Inward, Outward, Server};
use crate::attribute::{Attribute, Data, DontFragment, XorPeerAddress};
use crate::kind::{AttributeType, Method, TransactionId};
use crate::message::Message;
use crate::turn::{CHANNEL_HEADER_LEN, ChannelData, FiveTuple, Protocol, family, indication};

impl Server {
    /// The fast path outward: one look-up.
    pub(super) fn relay_channel_data<'d>(
        &mut self,
        now: Instant,
        from: FiveTuple,
        message: &'d mut [u8],
    ) -> Input<'d> {
        let Some(ChannelData { channel, data }) = ChannelData::parse(message) else {
            self.stats.dropped_unbound += 1;
            return Input::Consumed;
        };
        let mut route = self.allocations.out.get(&(from, channel)).copied();
        if route.is_none() && self.arrives(from) {
            route = self.allocations.out.get(&(from, channel)).copied();
        }
        let Some(route) = route else {
            self.stats.dropped_unbound += 1;
            return Input::Consumed;
        };
        if now >= route.until {
            self.stats.dropped_permission += 1;
            return Input::Consumed;
        }
        if !self.has_bandwidth(now, route.slot, data.len()) {
            return Input::Consumed;
        }
        self.stats.to_peers += 1;
        self.stats.to_peers_octets += data.len() as u64;
        Input::Payload(Outward { relayed: route.relayed, peer: route.peer, data, dont_fragment: false })
    }

    /// A Send indication. Nobody answers it: what is wrong with it is counted.
    pub(super) fn relay_indication<'d>(
        &mut self,
        now: Instant,
        from: FiveTuple,
        message: &'d mut [u8],
    ) -> Input<'d> {
        let Some(send) = self.read_send(message) else {
            self.stats.dropped_malformed += 1;
            return Input::Consumed;
        };
        self.arrives(from);
        let Some(slot) = self.allocations.clients.get(&from).copied() else {
            self.stats.dropped_unbound += 1;
            return Input::Consumed;
        };
        let Some(relayed) = self.permitted(now, slot, send.peer) else {
            self.stats.dropped_permission += 1;
            return Input::Consumed;
        };
        let (Some(data), true) =
            (message.get_mut(send.data.clone()), self.has_bandwidth(now, slot, send.data.len()))
        else {
            return Input::Consumed;
        };
        self.stats.to_peers += 1;
        self.stats.to_peers_octets += data.len() as u64;
        // From datagrams to datagrams DF means something only where both are IPv4; RFC 8656 sections 13 and 14.
        //= rfc8656#13.1-1
        //= rfc8656#13.2-4
        //= rfc8656#13.3-2
        let both_ipv4 = from.client.is_ipv4() && send.peer.is_ipv4();
        let dont_fragment = send.dont_fragment && (both_ipv4 || from.transport.is_reliable());
        Input::Payload(Outward { relayed, peer: send.peer, data, dont_fragment })
    }

    //= rfc8656#11.2-1
    fn read_send(&self, message: &[u8]) -> Option<Send> {
        let message = Message::parse(message).ok()?;
        let unsettable = |kind| kind == AttributeType::DONT_FRAGMENT && !self.config.dont_fragment;
        let unknown = |kind: AttributeType| {
            kind.comprehension_required() && (!UNDERSTOOD.contains(&kind) || unsettable(kind))
        };
        if message.attributes().any(|raw| unknown(raw.attribute_type)) {
            return None;
        }
        let peer = message.attribute::<XorPeerAddress>().ok()??.0;
        let data = message.attributes().find(|raw| raw.attribute_type == Data::TYPE)?;
        let dont_fragment = message.attribute::<DontFragment>().ok()?.is_some();
        let data = data.offset..data.offset + data.value.len();
        (peer.port() != 0).then_some(Send { peer, data, dont_fragment })
    }

    /// The relayed address from which data to a peer go, if the client may.
    fn permitted(&self, now: Instant, slot: Slot, peer: SocketAddr) -> Option<SocketAddr> {
        let allocation = self.allocations.get(slot)?;
        let relay = allocation.relay(family(peer)).filter(|relay| now < relay.until)?;
        let allowed = allocation.protocol == Protocol::Udp
            && allocation.permits(now, peer.ip())
            && self.config.peers.permits(peer.ip())
            && peer != allocation.client.server;
        allowed.then_some(relay.address)
    }

    /// A datagram came in from a peer at a relayed address. It stands at `data` in `buffer`, with
    /// [`crate::turn::HEADROOM`] octets in front and [`crate::turn::TAILROOM`] behind, in which the header and the
    /// padding are written; with less room it may be dropped.
    pub fn handle_peer_input<'d>(
        &mut self,
        now: Instant,
        relayed: SocketAddr,
        peer: SocketAddr,
        buffer: &'d mut [u8],
        data: Range<usize>,
    ) -> Option<Inward<'d>> {
        let now = self.advance(now);
        let len = data.len();
        // The fast path inward: one look-up.
        let route = self.allocations.back.get(&(relayed, peer)).copied().filter(|route| now < route.until);
        let (to, slot) = match (route, u16::try_from(len)) {
            (Some(route), Ok(len)) => {
                self.scratch.clear();
                self.scratch.extend_from_slice(&ChannelData::header(route.channel, len));
                (route.client, route.slot)
            }
            _ => {
                let slot = self.allocations.relayed.get(&(Protocol::Udp, relayed)).copied()?;
                let allocation = self.allocations.get(slot)?;
                let open = allocation.relay(family(relayed)).is_some_and(|relay| now < relay.until);
                if !open || !allocation.permits(now, peer.ip()) {
                    self.stats.dropped_permission += 1;
                    return None;
                }
                let to = allocation.client;
                let id = TransactionId::random(&mut self.rng);
                if !indication::header(&mut self.scratch, Method::DATA, id, peer, false, len) {
                    self.stats.dropped_malformed += 1;
                    return None;
                }
                (to, slot)
            }
        };
        if !self.has_bandwidth(now, slot, len) {
            return None;
        }
        // Streams need padding behind ChannelData, indications have it always.
        let padded = self.scratch.len() > CHANNEL_HEADER_LEN || to.transport.is_reliable();
        let end = data.end + if padded { len.next_multiple_of(4) - len } else { 0 };
        let start = data.start.checked_sub(self.scratch.len())?;
        buffer.get_mut(start..data.start)?.copy_from_slice(&self.scratch);
        buffer.get_mut(data.end..end)?.fill(0);
        self.stats.to_clients += 1;
        self.stats.to_clients_octets += len as u64;
        buffer.get_mut(start..end).map(|message| Inward { to, message })
    }

    fn has_bandwidth(&mut self, now: Instant, slot: Slot, octets: usize) -> bool {
        let Some(rate) = self.config.bandwidth else { return true };
        let Some(allocation) = self.allocations.get_mut(slot) else { return false };
        let passes = allocation.bandwidth.spend(now, rate, octets);
        self.stats.dropped_bandwidth += u64::from(!passes);
        passes
    }
}

/// What a Send indication says.
struct Send {
    peer: SocketAddr,
    data: Range<usize>,
    dont_fragment: bool,
}
