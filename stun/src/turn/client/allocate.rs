//! Allocate, from the client's side; RFC 8656 sections 7.1, 7.3 and 7.4.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::config::{Port, Wanted};
use super::event::{Advice, AllocateError, Allocated, Event, Failure, Reason};
use super::request::Ask;
use super::response::Outcome;
use super::{Client, Own, State, early};
use crate::attribute::{
    AddressErrorCode, AddressFamily, Attribute, Lifetime, MobilityTicket, ReservationToken,
    UnknownAttributes, XorMappedAddress, XorRelayedAddress,
};
use crate::kind::{AttributeType, ErrorCode};
use crate::message::Message;
use crate::turn::family;

/// RFC 8656 section 7.4, for 486 and 508.
const MINUTE: Duration = Duration::from_secs(60);
/// How long a server says an allocation lasts at most, as far as we believe it.
const LONGEST: Duration = Duration::from_secs(86_400);

impl Client {
    /// Asks for an allocation. What comes of it is [`Event::Allocated`] or [`Event::Failed`].
    ///
    /// # Errors
    /// See [`AllocateError`].
    pub fn allocate(&mut self, now: Instant) -> Result<(), AllocateError> {
        let now = self.advance(now);
        match self.state {
            State::Idle => {}
            State::Closed => return Err(AllocateError::Closed),
            _ => return Err(AllocateError::Busy),
        }
        match self.barred {
            Some(None) => return Err(AllocateError::GivenUp),
            Some(Some(until)) if now < until => return Err(AllocateError::TooSoon(until - now)),
            _ => self.barred = None,
        }
        if matches!(self.config.wanted, Wanted::Tcp { .. }) && !self.config.transport.is_reliable() {
            return Err(AllocateError::Transport);
        }
        self.state = State::Allocating { visited: vec![self.server] };
        self.ask(now, Ask::Allocate);
        Ok(())
    }

    /// `signed`: the request was, so that the answer is, too.
    pub(super) fn allocate_answered(
        &mut self,
        now: Instant,
        at: Instant,
        signed: bool,
        outcome: Outcome<'_>,
    ) {
        let (reason, advice) = match outcome {
            Outcome::Success(message) => {
                self.take(now, at, &message);
                return;
            }
            Outcome::Refused(ErrorCode::TRY_ALTERNATE, message) if signed => {
                self.follow(now, &message);
                return;
            }
            Outcome::Refused(code, message) => (Reason::Refused(code), self.advice(code, &message)),
            Outcome::TimedOut => (Reason::TimedOut, Advice::OtherTransport),
            Outcome::Distrusted => (Reason::Integrity, Advice::GiveUp),
            Outcome::Algorithms => (Reason::Algorithms, Advice::GiveUp),
            Outcome::Unusable => (Reason::Unusable, Advice::GiveUp),
        };
        self.fail(now, Failure { reason, advice });
    }

    pub(super) fn fail(&mut self, now: Instant, failure: Failure) {
        self.forget();
        self.state = State::Idle;
        self.barred = match failure.advice {
            Advice::GiveUp => Some(None),
            Advice::Wait(wait) => Some(Some(now + wait)),
            // These ask for another client, with another configuration.
            _ => None,
        };
        self.tell(Event::Failed(failure));
    }

    /// What the RFC says of each error.
    fn advice(&self, code: ErrorCode, message: &Message<'_>) -> Advice {
        let special_port = match self.config.wanted {
            Wanted::Udp { port, .. } => port != Port::Any,
            Wanted::Both { even } => even,
            Wanted::Reserved(_) => true,
            Wanted::Tcp { .. } => false,
        };
        let unknown = message.attribute::<UnknownAttributes>().ok().flatten();
        let not_understood =
            |kind| unknown.as_ref().is_some_and(|unknown| unknown.iter().any(|own| own == kind));
        match code {
            ErrorCode::UNKNOWN_ATTRIBUTE if not_understood(AttributeType::DONT_FRAGMENT) => {
                Advice::WithoutDontFragment
            }
            ErrorCode::MOBILITY_FORBIDDEN => Advice::WithoutMobility,
            ErrorCode::ALLOCATION_MISMATCH => Advice::OtherPort,
            ErrorCode::INSUFFICIENT_CAPACITY if special_port => Advice::AnyPort,
            // Any other 5xx may pass by itself; RFC 8489 section 6.3.4.
            code if code == ErrorCode::ALLOCATION_QUOTA_REACHED || matches!(code.code(), 500..=599) => {
                Advice::Wait(MINUTE)
            }
            _ => Advice::GiveUp,
        }
    }

    /// Takes what the server gives, if it is what was asked for.
    fn take(&mut self, now: Instant, at: Instant, message: &Message<'_>) {
        let Some((allocated, relayed)) = self.read(message) else {
            // The server has an allocation for us that we cannot use: it goes back.
            //= rfc8656#7.3-2
            self.barred = Some(None);
            self.release(now, false);
            self.tell(Event::Failed(Failure { reason: Reason::Unusable, advice: Advice::GiveUp }));
            return;
        };
        let ticket = message.attribute::<MobilityTicket<'_>>().ok().flatten();
        self.state = State::Allocated(Own {
            relayed,
            until: at + allocated.lifetime,
            refresh: Some(at + early(allocated.lifetime)),
            ticket: ticket.map(|ticket| ticket.0.to_vec()),
            moving: false,
        });
        self.tell(Event::Allocated(allocated));
    }

    //= rfc8656#7.3-1
    fn read(&self, message: &Message<'_>) -> Option<(Allocated, Vec<SocketAddr>)> {
        let mapped = message.attribute::<XorMappedAddress>().ok()??.0;
        let lifetime = Duration::from_secs(message.attribute::<Lifetime>().ok()??.0.into()).min(LONGEST);
        let relayed = message.attributes().filter(|raw| raw.attribute_type == XorRelayedAddress::TYPE);
        let relayed: Result<Vec<_>, _> = relayed
            .take(2)
            .map(|raw| XorRelayedAddress::parse(&raw, message.transaction_id()).map(|relayed| relayed.0))
            .collect();
        let relayed = relayed.ok()?;
        let expected = |address: &SocketAddr| match self.config.wanted {
            Wanted::Udp { family: wanted, .. } | Wanted::Tcp { family: wanted } => {
                family(*address) == wanted.unwrap_or(AddressFamily::Ipv4)
            }
            Wanted::Both { .. } | Wanted::Reserved(_) => true,
        };
        let most = if matches!(self.config.wanted, Wanted::Both { .. }) { 2 } else { 1 };
        let twice =
            relayed.len() == 2 && relayed.iter().all(|address| address.is_ipv4() == relayed[0].is_ipv4());
        if lifetime.is_zero() || relayed.len() > most || twice || !relayed.iter().all(expected) {
            return None;
        }
        let missing = message.attribute::<AddressErrorCode<'_>>().ok()?;
        let allocated = Allocated {
            relayed: *relayed.first()?,
            second: relayed.get(1).copied(),
            mapped,
            lifetime,
            token: message.attribute::<ReservationToken>().ok()?,
            missing: missing.map(|missing| (missing.family, missing.code())),
        };
        Some((allocated, relayed))
    }
}
