//! Which responses count, and to whom they go; RFC 8489 sections 9.2.5 and 10.

use std::time::Instant;

use super::event::{Advice, Event, Failure, Input, Loss, Reason};
use super::request::{Ask, Pending};
use super::session::{self, Challenge, Session};
use super::{Client, State};
use crate::attribute::{AlternateServer, ErrorReason};
use crate::kind::{AttributeType, Class, ErrorCode};
use crate::message::Message;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'m> {
    Success(Message<'m>),
    Refused(ErrorCode, Message<'m>),
    /// Nobody answered.
    TimedOut,
    /// Answers came and none could be trusted.
    Distrusted,
    /// The challenge cannot be met.
    Algorithms,
    /// The answer makes no sense.
    Unusable,
}

impl Outcome<'_> {
    /// The server's error code, where there is one.
    pub(super) fn code(&self) -> Option<ErrorCode> {
        if let Self::Refused(code, _) = self { Some(*code) } else { None }
    }
}

/// Stale nonces in a row after which a server is not believed.
const STALE: u8 = 3;
/// Changes of realm that one request follows.
const REALMS: u8 = 2;
/// Servers that are asked in all; RFC 8489 section 10 asks for a limit.
const SERVERS: usize = 4;

impl Client {
    pub(super) fn handle_response(&mut self, now: Instant, message: &Message<'_>) -> Input<'static> {
        let id = message.transaction_id();
        let Some(found) = self.transactions.find(id) else { return Input::NotMine };
        let signed = found.tag.signed;
        let code = match message.class() {
            Class::Error => match message.attribute::<ErrorReason<'_>>() {
                Ok(Some(error)) => Some(error.code()),
                // An error without a code ends nothing.
                _ => return Input::Consumed,
            },
            _ => None,
        };
        let challenge = matches!(code, Some(ErrorCode::UNAUTHENTICATED | ErrorCode::STALE_NONCE));
        let verified = self.session.as_ref().is_some_and(|session| session.verifies(message));
        // A challenge cannot be signed, all else must be once we have signed.
        if !challenge && signed && (!verified || session::is_bid_down(message)) {
            return self.distrust(now, message);
        }
        let Some(mut transaction) = self.transactions.remove(id) else { return Input::Consumed };
        self.stats.answers += 1;
        if challenge && self.meet(message, code, &mut transaction.tag) {
            self.start(transaction.tag);
            self.reschedule();
            return Input::Consumed;
        }
        let outcome = match code {
            Some(_) if challenge && transaction.tag.distrusted => Outcome::Algorithms,
            Some(code) => Outcome::Refused(code, *message),
            None if message.unknown_required(UNDERSTOOD).next().is_some() => Outcome::Unusable,
            None => Outcome::Success(*message),
        };
        self.answered(now, transaction.tag, outcome);
        self.reschedule();
        Input::Consumed
    }

    /// An answer that is not signed as it must be. Over datagrams anybody may have sent it, so it never came; over a
    /// stream there will be no other.
    fn distrust(&mut self, now: Instant, message: &Message<'_>) -> Input<'static> {
        self.stats.dropped_integrity += 1;
        let id = message.transaction_id();
        if self.config.transport.is_reliable() {
            if let Some(transaction) = self.transactions.remove(id) {
                self.answered(now, transaction.tag, Outcome::Distrusted);
                self.reschedule();
            }
        } else if let Some(transaction) = self.transactions.find_mut(id) {
            transaction.tag.distrusted = true;
        }
        Input::Consumed
    }

    /// Whether a request refused with 401 or 438 is worth another try; then the session is right for it.
    fn meet(&mut self, message: &Message<'_>, code: Option<ErrorCode>, pending: &mut Pending) -> bool {
        let credential = &self.config.credential;
        let last = self.session.as_ref().filter(|_| pending.signed);
        let session = match Session::from_challenge(message, credential, last) {
            Challenge::Session(session) => session,
            Challenge::BidDown | Challenge::Useless => {
                pending.distrusted = true;
                return false;
            }
        };
        pending.distrusted = false;
        let worth = match (code, last) {
            (Some(ErrorCode::STALE_NONCE), Some(last)) => {
                pending.stale += 1;
                pending.stale <= STALE && last.nonce() != session.nonce()
            }
            // Signing the same way again would be refused again.
            (_, Some(last)) => {
                pending.challenged += 1;
                pending.challenged <= REALMS && last.differs(&session)
            }
            (_, None) => true,
        };
        if worth {
            self.session = Some(*session);
        }
        worth
    }

    /// A request that was given up.
    pub(super) fn unanswered(&mut self, now: Instant, pending: Pending) {
        let outcome = if pending.distrusted { Outcome::Distrusted } else { Outcome::TimedOut };
        self.answered(now, pending, outcome);
    }

    fn answered(&mut self, now: Instant, pending: Pending, outcome: Outcome<'_>) {
        // Whatever it was about, there is no allocation.
        //= rfc8656#5-7
        let gone = outcome.code() == Some(ErrorCode::ALLOCATION_MISMATCH)
            && !matches!(pending.ask, Ask::Allocate | Ask::Release | Ask::Join(_));
        if gone {
            self.lose(Loss::Refused(ErrorCode::ALLOCATION_MISMATCH));
            return;
        }
        match pending.ask {
            Ask::Allocate => self.allocate_answered(now, pending.at, outcome),
            Ask::Refresh => self.refresh_answered(pending.at, outcome),
            Ask::Release => self.release_answered(),
            Ask::Move => self.move_answered(pending.at, outcome),
            Ask::Permit(ips) => self.permit_answered(now, pending.at, &ips, outcome),
            Ask::Bind(number) => self.bind_answered(now, pending.at, number, outcome),
            Ask::Connect(peer) => self.connect_answered(now, peer, outcome),
            Ask::Join(connection) => self.join_answered(connection, outcome),
        }
    }

    /// 300: asks the other server, unless it leads in a circle.
    pub(super) fn follow(&mut self, now: Instant, message: &Message<'_>) {
        let alternate = message.attribute::<AlternateServer>().ok().flatten().map(|alternate| alternate.0);
        let State::Allocating { visited } = &mut self.state else { return };
        let same_family = |server: &std::net::SocketAddr| server.is_ipv4() == self.server.is_ipv4();
        let next = alternate.filter(same_family).filter(|server| !visited.contains(server));
        match next.filter(|_| visited.len() < SERVERS) {
            Some(next) => {
                visited.push(next);
                self.server = next;
                // What the first server has said of realms and nonces means nothing to the second.
                self.session = None;
                self.tell(Event::Redirected(next));
                self.ask(now, Ask::Allocate);
            }
            None => self.fail(now, Failure { reason: Reason::Redirects, advice: Advice::GiveUp }),
        }
    }
}

/// Attributes that may stand in responses; others that must be understood make a response useless.
pub(super) const UNDERSTOOD: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::XOR_RELAYED_ADDRESS,
    AttributeType::XOR_PEER_ADDRESS,
    AttributeType::LIFETIME,
    AttributeType::RESERVATION_TOKEN,
    AttributeType::CONNECTION_ID,
    AttributeType::CHANNEL_NUMBER,
    AttributeType::DATA,
    AttributeType::USERNAME,
    AttributeType::USERHASH,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::PASSWORD_ALGORITHM,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    // Servers of RFC 5766 age echo it.
    AttributeType::REQUESTED_TRANSPORT,
];
