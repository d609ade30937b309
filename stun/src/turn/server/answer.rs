//! How a request is answered: signed as it was signed, and within the allowance where nothing is proved.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Server;
use crate::attribute::{ErrorReason, Nonce, PasswordAlgorithms, Realm, Software, UnknownAttributes};
use crate::build::{MessageBuilder, Open};
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, Class, ErrorCode, MessageType, Method, TransactionId};
use crate::message::Message;
use crate::turn::FiveTuple;

/// Someone who has shown that they know a password.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) user: Arc<str>,
    pub(super) key: IntegrityKey,
    /// Signed with MESSAGE-INTEGRITY-SHA256.
    pub(super) sha256: bool,
    /// Good for what the user has already, not for more.
    pub(super) expired: bool,
}

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
        let nonce = self.new_nonce(now, asked.from.client.ip());
        let realm = self.config.users.realm().to_owned();
        self.answer(now, asked, Class::Error, |mut builder| {
            builder = builder.attribute(&reason(code));
            if let (Ok(nonce), Ok(realm)) = (Nonce::new(&nonce), Realm::new(&realm)) {
                builder = builder.attribute(&nonce).attribute(&realm);
            }
            builder.attribute(&PasswordAlgorithms::BOTH)
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
            let finished = match (&asked.access, asked.fingerprint) {
                (None, false) => builder.finish(),
                (None, true) => builder.fingerprint().finish(),
                (Some(access), print) if access.sha256 => {
                    let signed = builder.integrity_sha256(&access.key);
                    if print { signed.fingerprint().finish() } else { signed.finish() }
                }
                (Some(access), print) => {
                    let signed = builder.integrity(&access.key);
                    if print { signed.fingerprint().finish() } else { signed.finish() }
                }
            };
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

/// The code with the RFC's name for it.
fn reason(code: ErrorCode) -> ErrorReason<'static> {
    let text = match code {
        ErrorCode::TRY_ALTERNATE => "Try Alternate",
        ErrorCode::BAD_REQUEST => "Bad Request",
        ErrorCode::UNAUTHENTICATED => "Unauthenticated",
        ErrorCode::FORBIDDEN => "Forbidden",
        ErrorCode::MOBILITY_FORBIDDEN => "Mobility Forbidden",
        ErrorCode::UNKNOWN_ATTRIBUTE => "Unknown Attribute",
        ErrorCode::ALLOCATION_MISMATCH => "Allocation Mismatch",
        ErrorCode::STALE_NONCE => "Stale Nonce",
        ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED => "Address Family not Supported",
        ErrorCode::WRONG_CREDENTIALS => "Wrong Credentials",
        ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL => "Unsupported Transport Protocol",
        ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH => "Peer Address Family Mismatch",
        ErrorCode::CONNECTION_ALREADY_EXISTS => "Connection Already Exists",
        ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE => "Connection Timeout or Failure",
        ErrorCode::ALLOCATION_QUOTA_REACHED => "Allocation Quota Reached",
        ErrorCode::INSUFFICIENT_CAPACITY => "Insufficient Capacity",
        _ => "",
    };
    ErrorReason::new(code, text).unwrap_or_else(|_| ErrorReason::bare(code))
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
