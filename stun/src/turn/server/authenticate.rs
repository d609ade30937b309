//! Who asks? The checks of RFC 8489 section 9.2.4, in its order.

use std::net::IpAddr;
use std::time::Instant;

use rand::Rng;

use super::Server;
use super::answer::{Access, Asked};
use super::users::Name;
use crate::attribute::{ChosenAlgorithm, Nonce, PasswordAlgorithms, Realm, Userhash, Username};
use crate::integrity::IntegrityKey;
use crate::kind::{ErrorCode, PasswordAlgorithm};
use crate::message::Message;
use crate::turn::FiveTuple;

/// Why a request gets no further.
enum Fault {
    /// Realm, nonce and algorithms help.
    Challenge(ErrorCode),
    Refuse(ErrorCode),
}

impl Server {
    /// Finds out who asks; otherwise answers, and there is nothing more to do.
    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        from: FiveTuple,
        request: &Message<'_>,
    ) -> Option<Asked> {
        let mut asked = Asked::new(from, request);
        match self.check(now, from, request) {
            Ok(access) => {
                self.allowance.settle(from.client.ip(), &self.keyed);
                asked.access = Some(access);
                Some(asked)
            }
            Err(Fault::Challenge(code)) => {
                self.challenge(now, &asked, code);
                None
            }
            Err(Fault::Refuse(code)) => {
                self.refuse(now, &asked, code);
                None
            }
        }
    }

    fn check(&self, now: Instant, from: FiveTuple, request: &Message<'_>) -> Result<Access, Fault> {
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
        let found = self.config.users.find(name, sha256 == Some(PasswordAlgorithm::SHA_256), self.unix(now));
        // Whether a name is known does not show in the time that the answer takes.
        let key = found.as_ref().map_or(&self.nobody, |found| &found.key);
        let right = request.verify(key).is_ok() && realm.as_str() == self.config.users.realm();
        let Some(found) = found.filter(|_| right) else { return Err(UNKNOWN) };
        if !self.is_fresh(now, nonce.as_str(), from.client.ip()) {
            return Err(Fault::Challenge(ErrorCode::STALE_NONCE));
        }
        Ok(Access { user: found.user, key: found.key, sha256: sha256.is_some(), expired: found.expired })
    }

    pub(super) fn new_nonce(&mut self, now: Instant, ip: IpAddr) -> String {
        let (second, salt) = (self.second(now), self.rng.next_u32());
        self.nonces.make(second, salt, ip)
    }

    fn is_fresh(&self, now: Instant, nonce: &str, ip: IpAddr) -> bool {
        let lifetime = self.config.nonce_lifetime.as_secs();
        self.nonces
            .made_at(nonce, ip)
            .is_some_and(|second| u64::from(self.second(now).saturating_sub(second)) < lifetime)
    }

    /// Seconds since the server was first told the time.
    fn second(&self, now: Instant) -> u32 {
        let since = self.start.map_or(0, |start| now.saturating_duration_since(start).as_secs());
        u32::try_from(since).unwrap_or(u32::MAX)
    }

    fn unix(&self, now: Instant) -> Option<u64> {
        self.unix.map(|(at, unix)| unix.saturating_add(now.saturating_duration_since(at).as_secs()))
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

/// A key that nobody has.
pub(super) fn nobody() -> IntegrityKey {
    IntegrityKey::from_octets(&[])
}
