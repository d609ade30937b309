//! The client's part in both mechanisms: how requests are signed, which answers count, and when to ask again; RFC 8489
//! sections 9.1.4, 9.1.5, 9.2.3 and 9.2.5.

use crate::attribute::{
    ChosenAlgorithm, ErrorReason, Nonce, Opaque, PasswordAlgorithms, Realm, Userhash, Username,
};
use crate::build::{MessageBuilder, MessageTooLong, Open};
use crate::credential::{Integrity, LongTermCredential, ShortTermCredential};
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, Class, ErrorCode, PasswordAlgorithm};
use crate::message::Message;
use crate::nonce::SecurityFeatures;
use crate::opaque::opaque_string;

/// Stale nonces in a row after which a server is not believed.
const STALE: u8 = 3;
/// Changes of realm that one request follows.
const REALMS: u8 = 2;
/// Octets of a list of algorithms that are kept and echoed: there are two algorithms of four octets each.
const LIST: usize = 128;

/// Who asks, and by which usage's rules.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'c> {
    /// Nobody in particular: requests are not signed.
    Anyone,
    Short(&'c ShortTermCredential),
    Long(&'c LongTermCredential, Choice),
}

/// Which algorithm is taken from the server's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The first that we have; RFC 8489 section 9.2.5.
    First,
    /// SHA-256 wherever it stands; RFC 8656 section 6.
    Strongest,
}

/// What one server has told us of how to sign.
#[derive(Default)]
pub(crate) enum Session {
    #[default]
    Nothing,
    /// Which attribute its answers carry.
    Short(Integrity),
    Long(Box<Challenge>),
}

/// What a 401 or 438 has told.
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    key: IntegrityKey,
    /// The server's list as it came, and our choice from it.
    algorithms: Option<(Vec<u8>, PasswordAlgorithm)>,
    /// The user name is sent as a hash.
    anonymous: bool,
}

/// How far one request has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attempt {
    signed: Signed,
    /// Nonces that the server has found stale in a row.
    stale: u8,
    /// Realms that have been tried.
    challenged: u8,
    /// Answers came that were not signed as they must be.
    pub(crate) distrusted: bool,
}

/// How the request on its way is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Signed {
    #[default]
    No,
    Sha1,
    Sha256,
    Both,
}

/// What to make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts: a success, or a refusal with this code.
    Answer(Option<ErrorCode>),
    /// It counts, and is an error without a code.
    Unusable,
    /// The same is to be asked again, signed anew.
    Again,
    /// The server asks for what we do not have, or someone has tampered with its list.
    Algorithms,
    /// As if it had never come.
    Ignored,
    /// Not signed as it must be: over datagrams anybody may have sent it, so it never came; over a stream there will be
    /// no other.
    Distrusted,
}

impl Attempt {
    /// Whether the request on its way is signed, so that an answer to it that counts is signed too.
    pub(crate) fn is_signed(&self) -> bool {
        self.signed != Signed::No
    }
}

impl Session {
    /// Adds the attributes that say who signs, signs and seals.
    pub(crate) fn sign(
        &self,
        who: Who<'_>,
        attempt: &mut Attempt,
        builder: MessageBuilder<'_, Open>,
    ) -> Result<usize, MessageTooLong> {
        attempt.signed = Signed::No;
        match (who, self) {
            (Who::Short(own), _) => {
                let Ok(username) = Username::new(own.username()) else {
                    return builder.fingerprint().finish();
                };
                let builder = builder.attribute(&username);
                let integrity = if let Self::Short(known) = self { *known } else { own.integrity() };
                //= rfc8489#9.1.2-1
                match integrity {
                    Integrity::Unknown => {
                        attempt.signed = Signed::Both;
                        let signed = builder.integrity(own.key()).integrity_sha256(own.key());
                        signed.fingerprint().finish()
                    }
                    Integrity::Sha1 => {
                        attempt.signed = Signed::Sha1;
                        builder.integrity(own.key()).fingerprint().finish()
                    }
                    Integrity::Sha256 => {
                        attempt.signed = Signed::Sha256;
                        builder.integrity_sha256(own.key()).fingerprint().finish()
                    }
                }
            }
            (Who::Long(own, _), Self::Long(challenge)) => {
                attempt.signed = if challenge.algorithms.is_some() { Signed::Sha256 } else { Signed::Sha1 };
                challenge.sign(own.username(), builder)
            }
            //= rfc8489#9.2.3.1-1
            _ => builder.fingerprint().finish(),
        }
    }

    /// Whether and how an answer counts. Nothing changes before it has been found authentic, but for what a challenge
    /// tells, which cannot be signed.
    pub(crate) fn judge(&mut self, who: Who<'_>, attempt: &mut Attempt, answer: &Message<'_>) -> Verdict {
        let verdict = match who {
            Who::Anyone => verdict(answer),
            Who::Short(own) => self.judge_short(own, attempt, answer),
            Who::Long(own, choice) => self.judge_long(own, choice, attempt, answer),
        };
        attempt.distrusted |= verdict == Verdict::Distrusted;
        verdict
    }

    fn judge_short(&mut self, own: &ShortTermCredential, attempt: &Attempt, answer: &Message<'_>) -> Verdict {
        let integrity = if answer.has_integrity_sha256() { Integrity::Sha256 } else { Integrity::Sha1 };
        //= rfc8489#9.1.4-1
        let expected = match attempt.signed {
            Signed::Sha1 => integrity == Integrity::Sha1,
            Signed::Sha256 => integrity == Integrity::Sha256,
            Signed::Both | Signed::No => true,
        };
        if !expected || answer.verify(own.key()).is_err() {
            return Verdict::Distrusted;
        }
        //= rfc8489#9.1.5-1
        *self = Self::Short(integrity);
        verdict(answer)
    }

    fn judge_long(
        &mut self,
        own: &LongTermCredential,
        choice: Choice,
        attempt: &mut Attempt,
        answer: &Message<'_>,
    ) -> Verdict {
        let verdict = verdict(answer);
        let code = if let Verdict::Answer(code) = verdict { code } else { None };
        if let Some(code @ (ErrorCode::UNAUTHENTICATED | ErrorCode::STALE_NONCE)) = code {
            return self.meet(own, choice, attempt, answer, code);
        }
        if attempt.signed == Signed::No {
            return verdict;
        }
        //= rfc8489#9.2.5-14
        if is_bid_down(answer) {
            return Verdict::Ignored;
        }
        //= rfc8489#9.2.5-15
        if code == Some(ErrorCode::BAD_REQUEST) && !answer.has_integrity() {
            return Verdict::Ignored;
        }
        match self {
            Self::Long(challenge) if challenge.verifies(answer) => verdict,
            _ => Verdict::Distrusted,
        }
    }

    /// Whether a request refused with 401 or 438 is worth another try; then the session is right for it.
    fn meet(
        &mut self,
        own: &LongTermCredential,
        choice: Choice,
        attempt: &mut Attempt,
        answer: &Message<'_>,
        code: ErrorCode,
    ) -> Verdict {
        let last = match self {
            Self::Long(challenge) if attempt.signed != Signed::No => Some(&**challenge),
            _ => None,
        };
        let Some(challenge) = Challenge::read(answer, own, choice, last) else { return Verdict::Algorithms };
        let worth = match (code, last) {
            (ErrorCode::STALE_NONCE, Some(last)) => {
                attempt.stale += 1;
                attempt.stale <= STALE && last.nonce != challenge.nonce
            }
            // Signing the same way again would be refused again.
            //= rfc8489#9.2.5-11
            (_, Some(last)) => {
                attempt.challenged += 1;
                let differs = last.realm != challenge.realm || last.anonymous != challenge.anonymous;
                attempt.challenged <= REALMS && differs
            }
            (_, None) => true,
        };
        if !worth {
            return Verdict::Answer(Some(code));
        }
        attempt.distrusted = false;
        *self = Self::Long(Box::new(challenge));
        Verdict::Again
    }
}

impl Challenge {
    /// Reads a 401 or 438. `last` is what the refused request was signed with. `None` if signing cannot help: no realm,
    /// no nonce, no algorithm that we have, or a list of them that someone has taken away.
    fn read(
        message: &Message<'_>,
        own: &LongTermCredential,
        choice: Choice,
        last: Option<&Self>,
    ) -> Option<Self> {
        let realm = message.attribute::<Realm<'_>>().ok().flatten();
        // RFC 5389 lets a 438 go without a realm.
        let realm = match (realm, last) {
            (Some(realm), _) => realm.as_str().to_owned(),
            (None, Some(last)) => last.realm.clone(),
            (None, None) => return None,
        };
        let nonce = message.attribute::<Nonce<'_>>().ok().flatten()?.as_str().to_owned();
        let features = SecurityFeatures::of_nonce(&nonce);
        let algorithms = match message.attribute::<PasswordAlgorithms<'_>>().ok()? {
            //= rfc8489#9.2.5-2
            None if features.contains(SecurityFeatures::PASSWORD_ALGORITHMS) => return None,
            None => None,
            Some(offered) => Some((raw_algorithms(message)?, pick(&offered, choice)?)),
        };
        let algorithm = algorithms.as_ref().map_or(PasswordAlgorithm::MD5, |(_, chosen)| *chosen);
        // The server has prepared its realm, so this changes nothing unless it has not.
        let prepared = opaque_string(&realm).unwrap_or(realm.as_str().into());
        let key = IntegrityKey::long_term(own.username(), &prepared, own.password(), algorithm)?;
        let anonymous = features.contains(SecurityFeatures::USERNAME_ANONYMITY);
        Some(Self { realm, nonce, key, algorithms, anonymous })
    }

    //= rfc8489#9.2.3.2-2
    //= rfc8489#9.2.3.2-3
    fn sign(&self, username: &str, builder: MessageBuilder<'_, Open>) -> Result<usize, MessageTooLong> {
        let mut builder = if self.anonymous {
            builder.attribute(&Userhash::new(username, &self.realm))
        } else if let Ok(username) = Username::new(username) {
            builder.attribute(&username)
        } else {
            builder
        };
        // Copied as they came, even if they are longer than we should write them ourselves.
        //= rfc8489#9.2.5-6
        //= rfc8489#9.2.5-7
        builder = builder
            .attribute(&Opaque { attribute_type: AttributeType::REALM, value: self.realm.as_bytes() })
            .attribute(&Opaque { attribute_type: AttributeType::NONCE, value: self.nonce.as_bytes() });
        match &self.algorithms {
            //= rfc8489#9.2.5-19
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
    fn verifies(&self, message: &Message<'_>) -> bool {
        let strong_enough = self.algorithms.is_none() || message.has_integrity_sha256();
        strong_enough && message.verify(&self.key).is_ok()
    }
}

/// What an answer says, authentic or not.
fn verdict(answer: &Message<'_>) -> Verdict {
    if answer.class() != Class::Error {
        return Verdict::Answer(None);
    }
    match answer.attribute::<ErrorReason<'_>>() {
        Ok(Some(error)) => Verdict::Answer(Some(error.code())),
        _ => Verdict::Unusable,
    }
}

//= rfc8489#9.2.5-9
//= rfc8656#6-3
fn pick(offered: &PasswordAlgorithms<'_>, choice: Choice) -> Option<PasswordAlgorithm> {
    let (md5, sha256) = (PasswordAlgorithm::MD5, PasswordAlgorithm::SHA_256);
    let best =
        offered.iter().map(|own| own.algorithm()).find(|own| choice == Choice::Strongest && *own == sha256);
    best.or_else(|| offered.iter().map(|own| own.algorithm()).find(|own| [md5, sha256].contains(own)))
}

/// Whether a response, other than a challenge, has lost its list of algorithms on the way.
fn is_bid_down(message: &Message<'_>) -> bool {
    let nonce = message.attribute::<Nonce<'_>>().ok().flatten();
    let promised = nonce.is_some_and(|nonce| {
        SecurityFeatures::of_nonce(nonce.as_str()).contains(SecurityFeatures::PASSWORD_ALGORITHMS)
    });
    promised && !message.attributes().any(|raw| raw.attribute_type == AttributeType::PASSWORD_ALGORITHMS)
}

/// The list as it came, to be echoed; `None` if it is absurdly long.
fn raw_algorithms(message: &Message<'_>) -> Option<Vec<u8>> {
    let mut own = message.attributes().filter(|raw| raw.attribute_type == AttributeType::PASSWORD_ALGORITHMS);
    own.next().map(|raw| raw.value).filter(|list| list.len() <= LIST).map(<[u8]>::to_vec)
}
