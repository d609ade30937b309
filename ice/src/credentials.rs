//! User fragments and passwords; RFC 8445 section 5.3 and RFC 8839 section 5.4.

use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::error::CredentialsError;

/// A user fragment and a password: one side's credentials for one generation.
///
/// The password shows in no `Debug` output and is wiped when dropped.
#[derive(Clone)]
pub struct Credentials {
    ufrag: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Takes what the peer has signalled.
    ///
    /// # Errors
    /// The user fragment has not 4 to 256 characters, the password not 22 to 256, or one of them is not a letter, a digit,
    /// `+` or `/`; RFC 8839 section 5.4.
    pub fn new(ufrag: &str, password: &str) -> Result<Self, CredentialsError> {
        check_length(ufrag, 4).map_err(CredentialsError::UfragLength)?;
        check_length(password, 22).map_err(CredentialsError::PasswordLength)?;
        if !ufrag.bytes().chain(password.bytes()).all(is_ice_char) {
            return Err(CredentialsError::Character);
        }
        Ok(Self { ufrag: ufrag.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }

    /// Draws new ones: 48 bits of user fragment, 144 bits of password; RFC 8445 section 5.3 asks for 24 and 128.
    //= rfc8445#5.3-6
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self { ufrag: random_text(rng, 8), password: Zeroizing::new(random_text(rng, 24)) }
    }

    /// The user fragment, which is no secret.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password, to be signalled to the peer over a path that others do not see.
    pub fn password(&self) -> &str {
        &self.password
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.ufrag == other.ufrag && *self.password == *other.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, ..)", self.ufrag)
    }
}

/// `ice-char` of RFC 8839 section 5.1.
pub(crate) const fn is_ice_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'+' || octet == b'/'
}

fn check_length(text: &str, minimum: usize) -> Result<(), usize> {
    if (minimum..=256).contains(&text.len()) { Ok(()) } else { Err(text.len()) }
}

/// Six bits a character, so that each is equally likely.
fn random_text(rng: &mut impl CryptoRng, len: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut octets = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(&mut octets[..]);
    octets.iter().take(len).map(|octet| char::from(ALPHABET[usize::from(octet & 63)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8445#5.3-6 test
    #[test]
    fn drawn_credentials_are_long_enough_legal_and_never_the_same() {
        let mut rng = nomagic_testkit::rng(1);
        let drawn: std::collections::BTreeSet<String> =
            (0..1000).map(|_| Credentials::random(&mut rng).password().to_owned()).collect();
        assert_eq!(drawn.len(), 1000);
        let one = Credentials::random(&mut rng);
        assert!(one.password().len() * 6 >= 128 && one.ufrag().len() * 6 >= 24);
        assert!(Credentials::new(one.ufrag(), one.password()).is_ok());
    }

    #[test]
    fn lengths_and_characters_are_checked() {
        let password = "a".repeat(22);
        assert_eq!(Credentials::new("abc", &password).unwrap_err(), CredentialsError::UfragLength(3));
        assert_eq!(Credentials::new("abcd", "short").unwrap_err(), CredentialsError::PasswordLength(5));
        assert_eq!(Credentials::new("ab:d", &password).unwrap_err(), CredentialsError::Character);
        assert!(Credentials::new(&"x".repeat(257), &password).is_err());
        assert!(Credentials::new("ab/+", &password).is_ok());
    }

    #[test]
    fn the_password_does_not_show() {
        let own = Credentials::new("abcd", "secretsecretsecretsecret").unwrap();
        assert_eq!(format!("{own:?}"), "Credentials(abcd, ..)");
    }
}
