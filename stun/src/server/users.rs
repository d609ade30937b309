//! Who may use a server; RFC 8489 section 9.2, and passwords that a web service hands out for a time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::attribute::Userhash;
use crate::integrity::IntegrityKey;
use crate::kind::PasswordAlgorithm;
use crate::opaque::{OpaqueStringError, opaque_string};

/// A realm and those who are known in it. Passwords are not kept, only the keys made from them.
//= rfc8656#6-2
#[derive(Clone)]
pub struct Users {
    realm: Arc<str>,
    known: BTreeMap<Arc<str>, Keys>,
    hashes: BTreeMap<[u8; 32], Arc<str>>,
    secret: Option<Hmac<Sha1>>,
}

/// A user's keys, one for each way of making them.
#[derive(Clone)]
struct Keys {
    md5: IntegrityKey,
    sha256: IntegrityKey,
}

impl Keys {
    fn new(username: &str, realm: &str, password: &str) -> Option<Self> {
        let key = |algorithm| IntegrityKey::long_term(username, realm, password, algorithm);
        Some(Self { md5: key(PasswordAlgorithm::MD5)?, sha256: key(PasswordAlgorithm::SHA_256)? })
    }

    fn pick(&self, sha256: bool) -> IntegrityKey {
        if sha256 { self.sha256.clone() } else { self.md5.clone() }
    }
}

/// A realm or a user name that the protocol has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsersError {
    /// RFC 8489 section 14.9.
    #[error("the realm has {0} characters, 1 to 127 fit")]
    Realm(usize),
    /// RFC 8489 section 14.3.
    #[error("the user name has {0} octets, 1 to 508 fit")]
    Username(usize),
    /// A realm, user name or password that is no OpaqueString; RFC 8265.
    #[error(transparent)]
    Unprepared(OpaqueStringError),
}

/// What a request says of its sender.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'a> {
    Plain(&'a str),
    Hashed([u8; 32]),
}

/// Someone who is known.
pub(crate) struct Found {
    pub(crate) user: Arc<str>,
    pub(crate) key: IntegrityKey,
    /// The password's time is over: good for what the user has already, not for more.
    pub(crate) expired: bool,
}

impl Users {
    /// Nobody yet. The realm should be the provider's domain name; RFC 8489 section 9.2.4.
    ///
    /// # Errors
    /// The realm is empty, too long, or no text.
    pub fn new(realm: &str) -> Result<Self, UsersError> {
        let characters = realm.chars().count();
        if !matches!(characters, 1..=127) {
            return Err(UsersError::Realm(characters));
        }
        let realm = opaque_string(realm).map_err(UsersError::Unprepared)?;
        let (known, hashes) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { realm: realm.into(), known, hashes, secret: None })
    }

    /// Adds a user, or changes the password of one. Both texts are prepared as OpaqueString (RFC 8265).
    ///
    /// # Errors
    /// The name is empty or too long, or one of the two is no text.
    pub fn add(&mut self, username: &str, password: &str) -> Result<(), UsersError> {
        let wrong = UsersError::Username(username.len());
        if !matches!(username.len(), 1..=508) {
            return Err(wrong);
        }
        let username = opaque_string(username).map_err(UsersError::Unprepared)?;
        let password = opaque_string(password).map_err(UsersError::Unprepared)?;
        let keys = Keys::new(&username, &self.realm, &password).ok_or(wrong)?;
        let name: Arc<str> = username.as_ref().into();
        self.hashes.insert(Userhash::new(&username, &self.realm).0, Arc::clone(&name));
        self.known.insert(name, keys);
        Ok(())
    }

    /// Lets in whoever has a password made with `secret`: the user name is `TIME:NAME`, the seconds since 1970 at which
    /// the password ends and anything; the password is HMAC-SHA1 over the user name, in base64. A web service that
    /// shares the secret hands such passwords out. Needs [`crate::turn::Server::set_unix_time`].
    pub fn set_shared_secret(&mut self, secret: &[u8]) {
        // HMAC takes keys of any length (RFC 2104 section 2).
        self.secret = Hmac::new_from_slice(secret).ok();
    }

    /// Whether nobody can ever get in.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.secret.is_none()
    }

    /// The name under which a user's allocations are counted. With a password made for a time it is the part behind the
    /// time: who gets a new one each minute is still the same user.
    pub(crate) fn account<'n>(&self, username: &'n str) -> &'n str {
        match username.split_once(':') {
            Some((_, name)) if self.secret.is_some() && !self.known.contains_key(username) => name,
            _ => username,
        }
    }

    /// The realm, to be kept while the server changes.
    pub(crate) fn shared_realm(&self) -> Arc<str> {
        Arc::clone(&self.realm)
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Whether user names can be hidden: those that a secret makes cannot be found by their hash.
    pub(crate) fn can_be_hidden(&self) -> bool {
        self.secret.is_none()
    }

    /// Finds a user; `unix` is the time in seconds since 1970, where the caller has said it.
    pub(crate) fn find(&self, name: Name<'_>, sha256: bool, unix: Option<u64>) -> Option<Found> {
        let known = match name {
            Name::Plain(name) => self.known.get_key_value(name),
            Name::Hashed(hash) => self.hashes.get(&hash).and_then(|name| self.known.get_key_value(name)),
        };
        match (known, name) {
            (Some((user, keys)), _) => {
                Some(Found { user: Arc::clone(user), key: keys.pick(sha256), expired: false })
            }
            (None, Name::Plain(name)) => self.made(name, sha256, unix?),
            (None, Name::Hashed(_)) => None,
        }
    }

    fn made(&self, name: &str, sha256: bool, unix: u64) -> Option<Found> {
        let ends: u64 = name.split(':').next()?.parse().ok()?;
        let mut mac = self.secret.clone()?;
        mac.update(name.as_bytes());
        let mut text = Zeroizing::new([0; 28]);
        let password = Base64::encode(&mac.finalize().into_bytes(), text.as_mut_slice()).ok()?;
        let keys = Keys::new(name, &self.realm, password)?;
        Some(Found { user: name.into(), key: keys.pick(sha256), expired: ends < unix })
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (known, secret) = (self.known.len(), self.secret.is_some());
        f.debug_struct("Users")
            .field("realm", &self.realm)
            .field("known", &known)
            .field("secret", &secret)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1900000000:alice' | openssl dgst -sha1 -hmac north -binary | base64`
    #[test]
    fn a_made_password_is_the_one_that_openssl_makes() {
        let mut users = Users::new("example.org").unwrap();
        users.set_shared_secret(b"north");
        let found = users.find(Name::Plain("1900000000:alice"), false, Some(1_800_000_000)).unwrap();
        assert!(!found.expired);
        let expected = IntegrityKey::long_term(
            "1900000000:alice",
            "example.org",
            "SnH0MEKWgnUzXU+ElSVhRG+O/9g=",
            PasswordAlgorithm::MD5,
        );
        let tag = |key: &IntegrityKey| key.sign_sha1(&[0; 20], 0);
        assert_eq!(tag(&found.key), tag(&expected.unwrap()));
        assert!(users.find(Name::Plain("1700000000:alice"), false, Some(1_800_000_000)).unwrap().expired);
        assert!(users.find(Name::Plain("alice"), false, Some(0)).is_none());
        assert!(users.find(Name::Plain("1900000000:alice"), false, None).is_none(), "the time is not known");
    }

    #[test]
    fn names_and_realms_that_do_not_fit_are_refused() {
        assert_eq!(Users::new("").unwrap_err(), UsersError::Realm(0));
        assert_eq!(Users::new(&"a".repeat(128)).unwrap_err(), UsersError::Realm(128));
        let mut users = Users::new("example.org").unwrap();
        assert!(users.is_empty());
        assert_eq!(users.add(&"a".repeat(509), ""), Err(UsersError::Username(509)));
        users.add("alice", "secret").unwrap();
        assert!(!users.is_empty() && !format!("{users:?}").contains("alice"));
        let hash = Userhash::new("alice", "example.org").0;
        assert_eq!(&*users.find(Name::Hashed(hash), true, None).unwrap().user, "alice");
    }
}
