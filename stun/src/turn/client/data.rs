//! Data both ways; RFC 8656 sections 11.1, 11.4, 11.6, 12.5 and 12.6. Payloads stay where they are.

use std::net::SocketAddr;
use std::time::Instant;

use super::event::{Event, Input, SendError};
use super::response::UNDERSTOOD;
use super::{Client, State};
use crate::attribute::{Attribute, Data, Icmp, XorPeerAddress};
use crate::kind::{Class, Method, TransactionId};
use crate::message::Message;
use crate::turn::{ChannelData, indication, is_channel_data};

/// A datagram that was made around a payload: it stands in the buffer from `start` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// Where the message begins; what stands before is unused headroom.
    pub start: usize,
    /// The server.
    pub destination: SocketAddr,
}

impl Client {
    /// A message came in: a datagram, or one message of the stream with its padding.
    pub fn handle_input<'d>(&mut self, now: Instant, source: SocketAddr, message: &'d mut [u8]) -> Input<'d> {
        let now = self.advance(now);
        if source != self.server || matches!(self.state, State::Closed) {
            return Input::NotMine;
        }
        if is_channel_data(message) {
            return self.receive_channel_data(now, message);
        }
        let Ok(parsed) = Message::parse(message) else { return Input::NotMine };
        match (parsed.class(), parsed.method()) {
            (Class::Success | Class::Error, _) => self.handle_response(now, &parsed),
            (Class::Indication, Method::DATA) => self.receive_indication(now, message),
            (Class::Indication, Method::CONNECTION_ATTEMPT) => {
                self.connection_attempted(now, &parsed);
                Input::Consumed
            }
            _ => Input::NotMine,
        }
    }

    //= rfc8656#12-4
    fn receive_channel_data<'d>(&mut self, now: Instant, message: &'d mut [u8]) -> Input<'d> {
        let found = ChannelData::parse(message).and_then(|parsed| {
            let channel = self.channels.get(&parsed.channel)?;
            // The server may use a channel before we hear that it is bound.
            (channel.pending || channel.carries(now)).then_some((channel.peer, channel.pending, parsed.data))
        });
        let Some((peer, pending, data)) = found else {
            self.stats.dropped_channel += 1;
            return Input::Consumed;
        };
        if !pending && !self.is_permitted(now, peer) {
            self.stats.dropped_permission += 1;
            return Input::Consumed;
        }
        self.stats.received += 1;
        Input::Payload { peer, data }
    }

    fn receive_indication<'d>(&mut self, now: Instant, message: &'d mut [u8]) -> Input<'d> {
        let Some((peer, content)) = read(message) else {
            self.stats.dropped_malformed += 1;
            return Input::Consumed;
        };
        if !self.is_permitted(now, peer) {
            self.stats.dropped_permission += 1;
            return Input::Consumed;
        }
        match content {
            Content::Data(range) => match message.get_mut(range) {
                Some(data) => {
                    self.stats.received += 1;
                    Input::Payload { peer, data }
                }
                None => Input::Consumed,
            },
            Content::Icmp(icmp) => {
                self.tell(Event::Icmp { peer, icmp });
                Input::Consumed
            }
        }
    }

    /// Whether we have asked for a peer's address to be let through, and may have been heard.
    //= rfc8656#11.4-1
    fn is_permitted(&self, now: Instant, peer: SocketAddr) -> bool {
        self.permissions.get(&peer.ip()).is_some_and(|permission| {
            permission.holds(now) || permission.pending || self.is_binding(peer.ip())
        })
    }

    fn is_binding(&self, ip: std::net::IpAddr) -> bool {
        self.channels.values().any(|channel| channel.pending && channel.peer.ip() == ip)
    }

    /// Makes what stands at `at..` in `out` a message to the server for `peer`, where it stands: ChannelData if a channel
    /// is bound, else a Send indication. In front of the payload [`Client::headroom`] octets must be free; padding is
    /// appended.
    ///
    /// # Errors
    /// See [`SendError`]; `out` is as it was.
    pub fn seal(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        out: &mut Vec<u8>,
        at: usize,
    ) -> Result<Sealed, SendError> {
        let now = self.check_send(now, peer)?;
        let channel = self
            .numbers
            .get(&peer)
            .filter(|number| self.channels.get(number).is_some_and(|channel| channel.carries(now)));
        let Some(number) = channel else { return self.seal_indication(peer, out, at, false) };
        let len = out.len().saturating_sub(at);
        let Ok(short) = u16::try_from(len) else { return Err(SendError::TooLong(len)) };
        let header = ChannelData::header(*number, short);
        let start = place(out, at, &header)?;
        // On a stream the next message begins at a multiple of four.
        //= rfc8656#12.5-2
        if self.config.transport.is_reliable() {
            out.resize(out.len() + len.next_multiple_of(4) - len, 0);
        }
        self.stats.sent += 1;
        Ok(Sealed { start, destination: self.server })
    }

    /// Like [`Client::seal`], but always with a Send indication, in which the server is asked to set DF. Only for
    /// allocations that were asked for with [`super::ClientConfig::dont_fragment`].
    ///
    /// # Errors
    /// See [`SendError`]; `out` is as it was.
    pub fn seal_unfragmented(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        out: &mut Vec<u8>,
        at: usize,
    ) -> Result<Sealed, SendError> {
        self.check_send(now, peer)?;
        self.seal_indication(peer, out, at, self.config.dont_fragment)
    }

    //= rfc8656#11.1-1
    fn check_send(&mut self, now: Instant, peer: SocketAddr) -> Result<Instant, SendError> {
        let now = self.advance(now);
        match &self.state {
            State::Allocated(own) if own.moving => return Err(SendError::Moving),
            State::Allocated(own) if now < own.until => {}
            _ => return Err(SendError::NotAllocated),
        }
        match self.permissions.get(&peer.ip()) {
            Some(permission) if permission.holds(now) => Ok(now),
            _ => Err(SendError::NotPermitted(peer.ip())),
        }
    }

    fn seal_indication(
        &mut self,
        peer: SocketAddr,
        out: &mut Vec<u8>,
        at: usize,
        dont_fragment: bool,
    ) -> Result<Sealed, SendError> {
        let len = out.len().saturating_sub(at);
        let id = TransactionId::random(&mut self.rng);
        if !indication::header(&mut self.scratch, Method::SEND, id, peer, dont_fragment, len) {
            return Err(SendError::TooLong(len));
        }
        let start = place(out, at, &self.scratch)?;
        out.resize(out.len() + len.next_multiple_of(4) - len, 0);
        self.stats.sent += 1;
        Ok(Sealed { start, destination: self.server })
    }
}

/// Writes a header in front of `at`.
fn place(out: &mut [u8], at: usize, header: &[u8]) -> Result<usize, SendError> {
    let wrong = SendError::Headroom { needed: header.len(), found: at };
    let start = at.checked_sub(header.len()).ok_or(wrong)?;
    out.get_mut(start..at).ok_or(wrong)?.copy_from_slice(header);
    Ok(start)
}

/// What a Data indication carries.
enum Content {
    Data(std::ops::Range<usize>),
    Icmp(Icmp),
}

fn read(message: &[u8]) -> Option<(SocketAddr, Content)> {
    let message = Message::parse(message).ok()?;
    if message.unknown_required(UNDERSTOOD).next().is_some() {
        return None;
    }
    let peer = message.attribute::<XorPeerAddress>().ok()??.0;
    if let Some(icmp) = message.attribute::<Icmp>().ok()? {
        return Some((peer, Content::Icmp(icmp)));
    }
    let data = message.attributes().find(|raw| raw.attribute_type == Data::TYPE)?;
    Some((peer, Content::Data(data.offset..data.offset + data.value.len())))
}
