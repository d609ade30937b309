//! Which responses count, and to whom they go; RFC 8489 sections 9.2.5 and 10.

use std::time::Instant;

use super::event::{Advice, Event, Failure, Input, Loss, Reason};
use super::request::{Ask, Pending};
use super::{Client, State};
use crate::attribute::{AlternateDomain, AlternateServer};
use crate::kind::{AttributeType, ErrorCode};
use crate::message::Message;
use crate::session::{Choice, Session, Verdict, Who};

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

/// Servers that are asked in all; RFC 8489 section 10 asks for a limit.
const SERVERS: usize = 4;

impl Client {
    pub(super) fn handle_response(&mut self, now: Instant, message: &Message<'_>) -> Input<'static> {
        let id = message.transaction_id();
        let Some(found) = self.transactions.find_mut(id) else { return Input::NotMine };
        let who = Who::Long(&self.config.credential, Choice::Strongest);
        let verdict = self.session.judge(who, &mut found.tag.attempt, message);
        let believed = match verdict {
            Verdict::Ignored => false,
            Verdict::Distrusted => self.config.transport.is_reliable(),
            _ => true,
        };
        self.stats.dropped_integrity += u64::from(matches!(verdict, Verdict::Ignored | Verdict::Distrusted));
        if !believed {
            return Input::Consumed;
        }
        let Some(transaction) = self.transactions.remove(id) else { return Input::Consumed };
        if verdict != Verdict::Distrusted {
            self.stats.answers += 1;
            self.round_trips.take(now, self.server, &transaction);
        }
        let outcome = match verdict {
            Verdict::Again => {
                self.start(now, transaction.tag);
                self.reschedule();
                return Input::Consumed;
            }
            Verdict::Answer(Some(code)) => Outcome::Refused(code, *message),
            Verdict::Answer(None) if message.unknown_required(UNDERSTOOD).next().is_none() => {
                Outcome::Success(*message)
            }
            Verdict::Algorithms => Outcome::Algorithms,
            Verdict::Distrusted => Outcome::Distrusted,
            _ => Outcome::Unusable,
        };
        self.answered(now, transaction.tag, outcome);
        self.reschedule();
        Input::Consumed
    }

    /// A request that was given up.
    pub(super) fn unanswered(&mut self, now: Instant, pending: Pending) {
        let outcome = if pending.attempt.distrusted { Outcome::Distrusted } else { Outcome::TimedOut };
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
            Ask::Allocate => {
                self.allocate_answered(now, pending.at, pending.attempt.is_signed(), outcome);
            }
            Ask::Refresh => self.refresh_answered(now, pending.at, outcome),
            Ask::Release => self.release_answered(),
            Ask::Move => self.move_answered(now, pending.at, outcome),
            Ask::Permit(ips) => self.permit_answered(now, pending.at, &ips, outcome),
            Ask::Bind(number) => self.bind_answered(now, pending.at, number, outcome),
            Ask::Connect(peer) => self.connect_answered(now, peer, outcome),
            Ask::Join(connection) => self.join_answered(connection, outcome),
        }
    }

    /// 300, and signed: asks the other server, unless it leads in a circle.
    //= rfc8489#14.8-7
    pub(super) fn follow(&mut self, now: Instant, message: &Message<'_>) {
        let alternate = message.attribute::<AlternateServer>().ok().flatten().map(|alternate| alternate.0);
        let State::Allocating { visited } = &mut self.state else { return };
        let same_family = |server: &std::net::SocketAddr| server.is_ipv4() == self.server.is_ipv4();
        let next = alternate.filter(same_family).filter(|server| !visited.contains(server));
        match next.filter(|_| visited.len() < SERVERS) {
            Some(next) => {
                visited.push(next);
                self.server = next;
                let domain = message.attribute::<AlternateDomain<'_>>().ok().flatten();
                self.domain = domain.map(|domain| domain.as_str().to_owned());
                // What the first server has said of realms and nonces means nothing to the second.
                self.session = Session::Nothing;
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
