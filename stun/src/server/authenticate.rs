//! Who asks? The checks of RFC 8489 section 9.2.4, in its order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::CryptoRng;

use super::nonce::{NonceText, Nonces};
use super::users::{Name, Users};
use crate::attribute::{ChosenAlgorithm, ErrorReason, Nonce, PasswordAlgorithms, Realm, Userhash, Username};
use crate::build::{MessageBuilder, MessageTooLong, Open};
use crate::integrity::IntegrityKey;
use crate::kind::{ErrorCode, PasswordAlgorithm};
use crate::message::Message;

/// Someone who has shown that they know a password.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) user: Arc<str>,
    pub(crate) key: IntegrityKey,
    /// Signed with MESSAGE-INTEGRITY-SHA256.
    pub(crate) sha256: bool,
    /// Good for what the user has already, not for more.
    pub(crate) expired: bool,
}

impl Access {
    /// Signs an answer as its request was signed, or not at all.
    //= rfc8489#9.1.3-5
    //= rfc8489#9.1.3-6
    //= rfc8489#9.2.4-26
    pub(crate) fn sign(
        access: Option<&Self>,
        builder: MessageBuilder<'_, Open>,
        fingerprint: bool,
    ) -> Result<usize, MessageTooLong> {
        match (access, fingerprint) {
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
        }
    }
}

/// Why a request gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Realm, nonce and algorithms help.
    Challenge(ErrorCode),
    Refuse(ErrorCode),
}

/// The server's part in the long-term mechanism. It keeps nothing of those who ask.
pub(crate) struct LongTerm {
    nonces: Nonces,
    nonce_lifetime: Duration,
    /// A key that nobody has: an unknown name costs as much time as a wrong password.
    nobody: IntegrityKey,
    start: Option<Instant>,
    /// A moment and the seconds since 1970 that it was.
    unix: Option<(Instant, u64)>,
}

impl LongTerm {
    pub(crate) fn new(users: &Users, nonce_lifetime: Duration, rng: &mut impl CryptoRng) -> Self {
        Self {
            nonces: Nonces::new(users.can_be_hidden(), rng),
            nonce_lifetime,
            nobody: IntegrityKey::from_octets(&[]),
            start: None,
            unix: None,
        }
    }

    /// Takes a new key for nonces.
    pub(crate) fn rotate(&mut self, rng: &mut impl CryptoRng) {
        self.nonces.rotate(rng);
    }

    pub(crate) fn set_unix_time(&mut self, now: Instant, unix: u64) {
        self.unix = Some((now, unix));
    }

    /// Finds out who has sent `request` from `ip`.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        ip: IpAddr,
        request: &Message<'_>,
        users: &Users,
    ) -> Result<Access, Fault> {
        const UNKNOWN: Fault = Fault::Challenge(ErrorCode::UNAUTHENTICATED);
        const BAD: Fault = Fault::Refuse(ErrorCode::BAD_REQUEST);
        if !request.has_integrity() {
            return Err(UNKNOWN);
        }
        let plain = request.attribute::<Username<'_>>().map_err(|_| BAD)?;
        let hashed = request.attribute::<Userhash>().map_err(|_| BAD)?;
        let realm = request.attribute::<Realm<'_>>().map_err(|_| BAD)?;
        let nonce = request.attribute::<Nonce<'_>>().map_err(|_| BAD)?;
        let name = match (&plain, hashed) {
            (Some(name), _) => Name::Plain(name.as_str()),
            (None, Some(hash)) => Name::Hashed(hash.0),
            (None, None) => return Err(BAD),
        };
        let (Some(realm), Some(nonce)) = (realm, nonce) else { return Err(BAD) };
        let sha256 = algorithm(request).ok_or(BAD)?;
        let unix =
            self.unix.map(|(at, unix)| unix.saturating_add(now.saturating_duration_since(at).as_secs()));
        let found = users.find(name, sha256 == Some(PasswordAlgorithm::SHA_256), unix);
        // Whether a name is known does not show in the time that the answer takes.
        let key = found.as_ref().map_or(&self.nobody, |found| &found.key);
        let right = request.verify(key).is_ok() && realm.as_str() == users.realm();
        let Some(found) = found.filter(|_| right) else { return Err(UNKNOWN) };
        if !self.is_fresh(now, nonce.as_str(), ip) {
            return Err(Fault::Challenge(ErrorCode::STALE_NONCE));
        }
        Ok(Access { user: found.user, key: found.key, sha256: sha256.is_some(), expired: found.expired })
    }

    /// A fresh nonce for a client at `ip`.
    pub(crate) fn nonce(&mut self, now: Instant, ip: IpAddr) -> NonceText {
        let second = self.second(now);
        self.nonces.make(second, ip)
    }

    fn is_fresh(&mut self, now: Instant, nonce: &str, ip: IpAddr) -> bool {
        let (lifetime, second) = (self.nonce_lifetime.as_secs(), self.second(now));
        self.nonces.made_at(nonce, ip).is_some_and(|made| u64::from(second.saturating_sub(made)) < lifetime)
    }

    /// Seconds since the server was first told the time.
    fn second(&mut self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(*self.start.get_or_insert(now)).as_secs();
        u32::try_from(since).unwrap_or(u32::MAX)
    }
}

/// The algorithm that the request names: `Some(None)` for the one of old, `None` if what it says is no answer to what
/// was offered.
#[expect(clippy::option_option, reason = "named twice wrong is not the same as not named")]
fn algorithm(request: &Message<'_>) -> Option<Option<PasswordAlgorithm>> {
    let offered = request.attribute::<PasswordAlgorithms<'_>>().ok()?;
    let chosen = request.attribute::<ChosenAlgorithm<'_>>().ok()?;
    match (offered, chosen) {
        (None, None) => Some(None),
        (Some(offered), Some(chosen)) if offered == PasswordAlgorithms::BOTH => {
            offered.iter().any(|own| own == chosen).then_some(Some(chosen.algorithm()))
        }
        _ => None,
    }
}

/// Adds what a client needs to sign: realm, nonce and algorithms.
//= rfc8489#9.2.4-7
pub(crate) fn challenge<'o>(
    builder: MessageBuilder<'o, Open>,
    code: ErrorCode,
    realm: &str,
    nonce: &str,
) -> MessageBuilder<'o, Open> {
    let builder = builder.attribute(&reason(code));
    match (Nonce::new(nonce), Realm::new(realm)) {
        (Ok(nonce), Ok(realm)) => builder.attribute(&nonce).attribute(&realm),
        _ => builder,
    }
    .attribute(&PasswordAlgorithms::BOTH)
}

/// The code with the RFC's name for it.
pub(crate) fn reason(code: ErrorCode) -> ErrorReason<'static> {
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
        ErrorCode::SERVER_ERROR => "Server Error",
        _ => "",
    };
    ErrorReason::new(code, text).unwrap_or_else(|_| ErrorReason::bare(code))
}
