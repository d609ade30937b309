//! How a request is answered: signed as it was signed, and within the allowance where nothing is proved.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Server;
use crate::attribute::{Software, UnknownAttributes};
use crate::build::{MessageBuilder, Open};
use crate::kind::{AttributeType, Class, ErrorCode, MessageType, Method, TransactionId};
use crate::message::Message;
use crate::server::authenticate::{self, Access, reason};
use crate::turn::FiveTuple;

/// What is kept of a request to answer it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) from: FiveTuple,
    pub(super) method: Method,
    pub(super) id: TransactionId,
    /// Octets of the request.
    received: usize,
    fingerprint: bool,
    pub(super) access: Option<Access>,
}

impl Asked {
    pub(super) fn new(from: FiveTuple, request: &Message<'_>) -> Self {
        Self {
            from,
            method: request.method(),
            id: request.transaction_id(),
            received: request.as_bytes().len(),
            fingerprint: request.has_fingerprint(),
            access: None,
        }
    }

    /// Who asks; an error if nobody is known.
    pub(super) fn user(&self) -> Option<&Arc<str>> {
        self.access.as_ref().map(|access| &access.user)
    }
}

type Builder<'o> = MessageBuilder<'o, Open>;

impl Server {
    /// A success response with what `fill` adds.
    pub(super) fn grant(
        &mut self,
        now: Instant,
        asked: &Asked,
        fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>,
    ) {
        self.answer(now, asked, Class::Success, fill);
    }

    /// An error response.
    pub(super) fn refuse(&mut self, now: Instant, asked: &Asked, code: ErrorCode) {
        self.stats.refused += 1;
        self.answer(now, asked, Class::Error, |builder| builder.attribute(&reason(code)));
    }

    /// 420, with the attributes that are not understood.
    pub(super) fn refuse_attributes(&mut self, now: Instant, asked: &Asked, unknown: &UnknownAttributes) {
        self.stats.refused += 1;
        let code = ErrorCode::UNKNOWN_ATTRIBUTE;
        self.answer(now, asked, Class::Error, |builder| builder.attribute(&reason(code)).attribute(unknown));
    }

    /// An error response that says how to do better: realm, nonce and algorithms.
    pub(super) fn challenge(&mut self, now: Instant, asked: &Asked, code: ErrorCode) {
        self.stats.challenged += 1;
        let nonce = self.long_term.nonce(now, asked.from.client.ip());
        let realm = self.config.users.shared_realm();
        self.answer(now, asked, Class::Error, |builder| {
            authenticate::challenge(builder, code, &realm, nonce.as_str())
        });
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        asked: &Asked,
        class: Class,
        fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>,
    ) {
        let software = match asked.method {
            Method::ALLOCATE | Method::REFRESH => self.software(),
            _ => None,
        };
        let write = |out: &mut Vec<u8>| {
            let builder = MessageBuilder::new(out, MessageType::new(asked.method, class), asked.id);
            let mut builder = fill(builder);
            if let Some(software) = software.as_deref().and_then(|text| Software::new(text).ok()) {
                builder = builder.attribute(&software);
            }
            // An answer that is too long is not sent; no caller writes one.
            let finished = Access::sign(asked.access.as_ref(), builder, asked.fingerprint);
            debug_assert!(finished.is_ok(), "an answer fits into a message");
        };
        // Streams and DTLS have proved the client's address, and so has whoever knows a password.
        let proved = asked.access.is_some() || asked.from.transport != crate::turn::Transport::Udp;
        let (allowance, keyed) = (&mut self.allowance, &self.keyed);
        let ip: IpAddr = asked.from.client.ip();
        let keep = |len| proved || allowance.spend(now, ip, keyed, asked.received, len);
        if !self.answers.push(asked.from, write, keep) {
            self.stats.dropped_answers += 1;
        }
    }

    fn software(&self) -> Option<Arc<str>> {
        (!self.software.is_empty()).then(|| Arc::clone(&self.software))
    }
}

/// What the server understands; everything else that must be understood leads to 420.
pub(super) const UNDERSTOOD: &[AttributeType] = &[
    AttributeType::USERNAME,
    AttributeType::USERHASH,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::PASSWORD_ALGORITHM,
    AttributeType::CHANNEL_NUMBER,
    AttributeType::LIFETIME,
    AttributeType::XOR_PEER_ADDRESS,
    AttributeType::DATA,
    AttributeType::REQUESTED_ADDRESS_FAMILY,
    AttributeType::EVEN_PORT,
    AttributeType::REQUESTED_TRANSPORT,
    AttributeType::RESERVATION_TOKEN,
    AttributeType::CONNECTION_ID,
    // Where DF cannot be set this one is not understood either; see `Server::unknown`.
    AttributeType::DONT_FRAGMENT,
];
