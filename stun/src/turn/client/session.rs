//! What the server has told us of how to sign; RFC 8489 sections 9.2.3 and 9.2.5.

use super::config::LongTermCredential;
use crate::attribute::{ChosenAlgorithm, Nonce, Opaque, PasswordAlgorithms, Realm, Userhash, Username};
use crate::build::{MessageBuilder, MessageTooLong, Open};
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, PasswordAlgorithm};
use crate::message::Message;

/// Begins a nonce that carries features; RFC 8489 section 9.2.
const COOKIE: &str = "obMatJos2";

/// Realm, nonce and key, once the server has asked for them.
pub(super) struct Session {
    realm: String,
    nonce: String,
    key: IntegrityKey,
    /// The server's list as it came, and our choice from it.
    algorithms: Option<(Vec<u8>, PasswordAlgorithm)>,
    anonymous: bool,
}

/// What a 401 or 438 is good for.
pub(super) enum Challenge {
    /// Sign with this.
    Session(Box<Session>),
    /// Signing cannot help: no realm, no nonce, or no algorithm that we have.
    Useless,
    /// Someone has taken the list of algorithms away.
    BidDown,
}

impl Session {
    /// Reads a 401 or 438. `last` is what the refused request was signed with.
    pub(super) fn from_challenge(
        message: &Message<'_>,
        credential: &LongTermCredential,
        last: Option<&Self>,
    ) -> Challenge {
        let realm = message.attribute::<Realm<'_>>().ok().flatten();
        // RFC 5389 lets a 438 go without a realm.
        let realm =
            realm.map(|realm| realm.as_str().to_owned()).or_else(|| last.map(|last| last.realm.clone()));
        let nonce = message.attribute::<Nonce<'_>>().ok().flatten();
        let (Some(realm), Some(nonce)) = (realm, nonce) else { return Challenge::Useless };
        let features = features(nonce.as_str());
        let Ok(offered) = message.attribute::<PasswordAlgorithms<'_>>() else { return Challenge::Useless };
        let algorithms = match offered {
            None if features & 1 != 0 => return Challenge::BidDown,
            None => None,
            Some(offered) => {
                let known = |own: &ChosenAlgorithm<'_>| {
                    matches!(own.algorithm(), PasswordAlgorithm::MD5 | PasswordAlgorithm::SHA_256)
                };
                //= rfc8656#6-3
                let best = |own: &ChosenAlgorithm<'_>| own.algorithm() == PasswordAlgorithm::SHA_256;
                let chosen = offered.iter().find(best).or_else(|| offered.iter().find(known));
                let Some(chosen) = chosen else { return Challenge::Useless };
                Some((raw_algorithms(message), chosen.algorithm()))
            }
        };
        let algorithm = algorithms.as_ref().map_or(PasswordAlgorithm::MD5, |(_, chosen)| *chosen);
        let key = IntegrityKey::long_term(&credential.username, &realm, &credential.password, algorithm);
        let Some(key) = key else { return Challenge::Useless };
        let (nonce, anonymous) = (nonce.as_str().to_owned(), features & 2 != 0);
        Challenge::Session(Box::new(Self { realm, nonce, key, algorithms, anonymous }))
    }

    /// Whether signing with this is different from signing with `other`, nonces apart.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.realm != other.realm || self.algorithms != other.algorithms || self.anonymous != other.anonymous
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Adds the attributes that say who signs, and signs.
    pub(super) fn sign(
        &self,
        builder: MessageBuilder<'_, Open>,
        username: &str,
    ) -> Result<usize, MessageTooLong> {
        let mut builder = if self.anonymous {
            builder.attribute(&Userhash::new(username, &self.realm))
        } else if let Ok(username) = Username::new(username) {
            builder.attribute(&username)
        } else {
            builder
        };
        if let (Ok(realm), Ok(nonce)) = (Realm::new(&self.realm), Nonce::new(&self.nonce)) {
            builder = builder.attribute(&realm).attribute(&nonce);
        }
        match &self.algorithms {
            Some((offered, chosen)) => {
                let attribute_type = AttributeType::PASSWORD_ALGORITHMS;
                builder
                    .attribute(&Opaque { attribute_type, value: offered })
                    .attribute(&ChosenAlgorithm::new(*chosen))
                    .integrity_sha256(&self.key)
                    .fingerprint()
                    .finish()
            }
            None => builder.integrity(&self.key).fingerprint().finish(),
        }
    }

    /// Whether the server has signed a response as we have signed the request.
    pub(super) fn verifies(&self, message: &Message<'_>) -> bool {
        let strong_enough = self.algorithms.is_none() || message.has_integrity_sha256();
        strong_enough && message.verify(&self.key).is_ok()
    }
}

/// Whether a response, other than a challenge, has lost its list of algorithms on the way; such are ignored.
pub(super) fn is_bid_down(message: &Message<'_>) -> bool {
    let nonce = message.attribute::<Nonce<'_>>().ok().flatten();
    nonce.is_some_and(|nonce| features(nonce.as_str()) & 1 != 0)
        && !message.attributes().any(|raw| raw.attribute_type == AttributeType::PASSWORD_ALGORITHMS)
}

fn raw_algorithms(message: &Message<'_>) -> Vec<u8> {
    let mut own = message.attributes().filter(|raw| raw.attribute_type == AttributeType::PASSWORD_ALGORITHMS);
    own.next().map(|raw| raw.value.to_vec()).unwrap_or_default()
}

/// The feature bits of a nonce, 24 of them in base64; 0 where there is no cookie.
fn features(nonce: &str) -> u32 {
    let digits = nonce.strip_prefix(COOKIE).and_then(|rest| rest.as_bytes().first_chunk::<4>());
    let value = |digit: &u8| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let bits = digits.and_then(|digits| {
        digits.iter().try_fold(0, |bits, digit| value(digit).map(|value| bits << 6 | u32::from(value)))
    });
    bits.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_of_rfc_8489_appendix_b_1_hides_user_names() {
        assert_eq!(features("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"), 2);
        assert_eq!(features("obMatJos2AAAD"), 3);
        assert_eq!(features("obMatJos2AAA"), 0);
        assert_eq!(features("f//499k954d6OL34oL9FSTvy64sA"), 0);
        assert_eq!(features("obMatJos2AA!D"), 0);
    }
}
