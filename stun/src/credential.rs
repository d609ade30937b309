//! User names and passwords, prepared once, where they come in; RFC 8489 section 9.

use std::fmt;

use zeroize::Zeroizing;

use crate::attribute::Username;
use crate::integrity::IntegrityKey;
use crate::opaque::{OpaqueStringError, opaque_string};

/// Who asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// Both sides know the password, for as long as a session lasts; RFC 8489 section 9.1.
    ShortTerm(Box<ShortTermCredential>),
    /// The server asks for the password with a realm and a nonce; RFC 8489 section 9.2.
    LongTerm(LongTermCredential),
}

impl From<ShortTermCredential> for Credential {
    fn from(own: ShortTermCredential) -> Self {
        Self::ShortTerm(Box::new(own))
    }
}

impl From<LongTermCredential> for Credential {
    fn from(own: LongTermCredential) -> Self {
        Self::LongTerm(own)
    }
}

/// User name and key of the short-term mechanism; RFC 8489 section 9.1.
#[derive(Debug, Clone)]
pub struct ShortTermCredential {
    username: String,
    key: IntegrityKey,
    integrity: Integrity,
}

/// Which integrity attributes the other side is known to check; RFC 8489 section 9.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Integrity {
    /// Not known: the first request carries both, the ones after its answer the one that the answer had.
    #[default]
    Unknown,
    /// MESSAGE-INTEGRITY, as in ICE.
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256.
    Sha256,
}

impl ShortTermCredential {
    /// Prepares both texts as OpaqueString (RFC 8265).
    ///
    /// # Errors
    /// See [`CredentialError`].
    pub fn new(username: &str, password: &str) -> Result<Self, CredentialError> {
        let username = prepare_username(username)?;
        let password = prepare_password(password)?;
        let (key, integrity) = (IntegrityKey::short_term(&password), Integrity::Unknown);
        Ok(Self { username, key, integrity })
    }

    /// The same with what is known of the other side.
    #[must_use]
    pub fn with_integrity(self, integrity: Integrity) -> Self {
        Self { integrity, ..self }
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn key(&self) -> &IntegrityKey {
        &self.key
    }

    pub(crate) fn integrity(&self) -> Integrity {
        self.integrity
    }
}

/// User name and password of the long-term mechanism; RFC 8489 section 9.2. The password is wiped when dropped.
#[derive(Clone)]
pub struct LongTermCredential {
    username: String,
    password: Zeroizing<String>,
}

impl LongTermCredential {
    /// Prepares both texts as OpaqueString (RFC 8265).
    ///
    /// # Errors
    /// See [`CredentialError`].
    pub fn new(username: &str, password: &str) -> Result<Self, CredentialError> {
        Ok(Self { username: prepare_username(username)?, password: prepare_password(password)? })
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for LongTermCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongTermCredential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A user name or a password that the protocol has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// RFC 8489 section 14.3.
    #[error("the user name has {0} octets, at most 508 fit")]
    TooLong(usize),
    /// The user name is no OpaqueString.
    #[error("the user name: {0}")]
    Username(OpaqueStringError),
    /// The password is no OpaqueString.
    #[error("the password: {0}")]
    Password(OpaqueStringError),
}

//= rfc8489#14.3-1
fn prepare_username(username: &str) -> Result<String, CredentialError> {
    let username = opaque_string(username).map_err(CredentialError::Username)?;
    Username::new(&username).map_err(|_| CredentialError::TooLong(username.len()))?;
    Ok(username.into_owned())
}

fn prepare_password(password: &str) -> Result<Zeroizing<String>, CredentialError> {
    let password = opaque_string(password).map_err(CredentialError::Password)?;
    Ok(Zeroizing::new(password.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8489#14.3-1 test
    #[test]
    fn names_and_passwords_are_prepared_or_refused() {
        let new = |username: &str| LongTermCredential::new(username, "secret").map(|own| own.username);
        assert_eq!(new(&"a".repeat(508)).as_deref(), Ok("a".repeat(508).as_str()));
        assert_eq!(new(&"a".repeat(509)), Err(CredentialError::TooLong(509)));
        assert_eq!(new(""), Err(CredentialError::Username(OpaqueStringError::Empty)));
        let control = CredentialError::Password(OpaqueStringError::Forbidden('\n'));
        assert_eq!(ShortTermCredential::new("a", "b\n").err(), Some(control));
        #[cfg(feature = "precis")]
        assert_eq!(new("a\u{a0}b").as_deref(), Ok("a b"));
    }

    #[test]
    fn nothing_shows_a_password() {
        let own = Credential::from(LongTermCredential::new("alice", "hunter2").unwrap());
        assert!(!format!("{own:?}").contains("hunter2"));
    }
}
