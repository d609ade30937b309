//! ChannelBind, from the client's side, and the rules that keep channels apart in time; RFC 8656 section 12.

use std::net::SocketAddr;
use std::time::Instant;

use super::event::{Event, Loss, PeerError};
use super::peers::{BINDING, COOLING, Channel};
use super::request::Ask;
use super::response::Outcome;
use super::{Client, early};
use crate::kind::ErrorCode;
use crate::turn::{ChannelNumber, Protocol};

impl Client {
    /// Binds a channel to a peer, and keeps it so; that lets the peer's address through too. Until [`Event::Bound`] data
    /// go in Send indications.
    ///
    /// A channel that has been let go is left alone until five minutes after its end, but for the same peer it is taken
    /// up again.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub fn bind_channel(&mut self, now: Instant, peer: SocketAddr) -> Result<ChannelNumber, PeerError> {
        let now = self.advance(now);
        self.check_family(peer.ip())?;
        if self.protocol() != Protocol::Udp {
            return Err(PeerError::NotAllocated);
        }
        let number = match self.numbers.get(&peer) {
            Some(number) => *number,
            None => self.new_channel(now, peer)?,
        };
        self.want_permission(peer.ip())?;
        let Some(channel) = self.channels.get_mut(&number) else { return Err(PeerError::NotAllocated) };
        channel.wanted = true;
        if !channel.pending && !channel.carries(now) {
            channel.pending = true;
            self.ask(now, Ask::Bind(number));
        }
        self.reschedule();
        Ok(number)
    }

    /// Lets a channel run out; there is no way to take it back. Until then data may still come on it.
    pub fn unbind_channel(&mut self, now: Instant, peer: SocketAddr) {
        self.advance(now);
        if let Some(channel) = self.numbers.get(&peer).and_then(|number| self.channels.get_mut(number)) {
            channel.wanted = false;
        }
        self.reschedule();
    }

    /// A number that nobody has, now or cooling down.
    //= rfc8656#12-3
    fn new_channel(&mut self, now: Instant, peer: SocketAddr) -> Result<ChannelNumber, PeerError> {
        let limit = self.config.channels.min(4096);
        if self.channels.len() >= limit {
            return Err(PeerError::WouldBlock { limit });
        }
        while self.channels.contains_key(&self.next_number) {
            self.next_number = self.next_number.next();
        }
        let number = self.next_number;
        self.next_number = number.next();
        let channel = Channel { peer, wanted: true, pending: false, bound: false, until: now, renew: None };
        self.channels.insert(number, channel);
        self.numbers.insert(peer, number);
        Ok(number)
    }

    /// Renews what is due, and frees what has cooled down.
    pub(super) fn renew_channels(&mut self, now: Instant) {
        let numbers = &mut self.numbers;
        self.channels.retain(|_, channel| {
            let free = !channel.pending && !channel.wanted && channel.until + COOLING <= now;
            if free {
                numbers.remove(&channel.peer);
            }
            !free
        });
        let due = |channel: &Channel| {
            channel.wanted && !channel.pending && channel.renew.is_some_and(|renew| renew <= now)
        };
        let due: Vec<ChannelNumber> =
            self.channels.iter().filter(|(_, channel)| due(channel)).map(|(number, _)| *number).collect();
        for number in due {
            if let Some(channel) = self.channels.get_mut(&number) {
                (channel.pending, channel.renew) = (true, None);
                self.ask(now, Ask::Bind(number));
            }
        }
    }

    pub(super) fn bind_answered(
        &mut self,
        now: Instant,
        at: Instant,
        number: ChannelNumber,
        outcome: Outcome<'_>,
    ) {
        let Some(channel) = self.channels.get_mut(&number) else { return };
        channel.pending = false;
        let peer = channel.peer;
        match outcome {
            Outcome::Success(_) => {
                let new = !channel.bound;
                channel.bound = true;
                channel.until = at + BINDING;
                channel.renew = Some(at + early(BINDING));
                self.permitted(at, peer.ip());
                if new {
                    self.tell(Event::Bound { peer, channel: number });
                }
            }
            //= rfc8656#12.3-1
            Outcome::Refused(ErrorCode::BAD_REQUEST, _) => {
                self.release(now, false);
                self.tell(Event::Lost(Loss::OutOfSync));
            }
            // While the channel lasts there is time for another try.
            Outcome::TimedOut if channel.wanted && channel.carries(now) => {
                channel.pending = true;
                self.ask(now, Ask::Bind(number));
            }
            outcome => {
                // Refused, it is as it was; unanswered, it may have been bound all the same.
                if outcome.code().is_none() {
                    channel.until = channel.until.max(at + BINDING);
                }
                (channel.wanted, channel.renew) = (false, None);
                if outcome.code().is_some() && !channel.bound {
                    self.channels.remove(&number);
                    self.numbers.remove(&peer);
                }
                self.permission_needs_itself(now, peer);
                self.tell(Event::NotBound { peer, code: outcome.code() });
            }
        }
    }

    /// The permission that was to come with a channel is asked for by itself.
    fn permission_needs_itself(&mut self, now: Instant, peer: SocketAddr) {
        let Some(permission) = self.permissions.get_mut(&peer.ip()) else { return };
        if permission.wanted && !permission.pending && !permission.holds(now) {
            permission.pending = true;
            self.ask(now, Ask::Permit(vec![peer.ip()]));
        }
    }
}
