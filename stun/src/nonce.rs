//! The nonce cookie: what a server can do, where nobody on the path can take it away unseen; RFC 8489 sections 9.2 and
//! 9.2.1.
//!
//! ```text
//!  obMatJos2 AAAB ...
//!  |         |    the server's own
//!  |         24 bits in base64
//!  nine fixed characters
//! ```
//!
//! Which end bit 0 is at is disputed: the text says the most significant, its own vector in appendix B.1 counts from the
//! least significant, and erratum 6290 sides with the vector. So does this.

use base64ct::{Base64, Encoding};

/// Begins every nonce of a server that follows RFC 8489; section 9.2.
const COOKIE: &str = "obMatJos2";

/// The 24 bits of the STUN Security Features; RFC 8489 section 18.1. Those that have no meaning yet are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecurityFeatures(u32);

impl SecurityFeatures {
    /// None: what a nonce without the cookie says, too.
    pub const NONE: Self = Self(0);
    /// Bit 0: the server's challenge carries PASSWORD-ALGORITHMS.
    pub const PASSWORD_ALGORITHMS: Self = Self(1);
    /// Bit 1: the server finds users by USERHASH.
    pub const USERNAME_ANONYMITY: Self = Self(1 << 1);

    /// The features that a nonce speaks of; none where it does not begin with the cookie.
    pub fn of_nonce(nonce: &str) -> Self {
        let digits = nonce.strip_prefix(COOKIE).and_then(|rest| rest.get(..4));
        let mut octets = [0; 3];
        match digits.map(|digits| Base64::decode(digits, &mut octets)) {
            Some(Ok(_)) => Self(u32::from_be_bytes([0, octets[0], octets[1], octets[2]])),
            _ => Self::NONE,
        }
    }

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The 13 characters with which a nonce begins.
    //= rfc8489#9.2-1
    #[cfg(feature = "std")]
    pub(crate) fn cookie(self) -> String {
        let [_, octets @ ..] = self.0.to_be_bytes();
        let mut digits = [0; 4];
        // Three octets are four digits.
        let digits = Base64::encode(&octets, &mut digits).unwrap_or("AAAA");
        format!("{COOKIE}{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8489#9.2-1 test
    //= rfc8489#9.2-2 test
    #[test]
    fn the_cookie_is_the_thirteen_characters_of_the_rfc() {
        assert_eq!(SecurityFeatures::NONE.cookie(), "obMatJos2AAAA");
        assert_eq!(SecurityFeatures::PASSWORD_ALGORITHMS.cookie(), "obMatJos2AAAB");
        let both = SecurityFeatures::PASSWORD_ALGORITHMS.and(SecurityFeatures::USERNAME_ANONYMITY);
        assert_eq!(both.cookie(), "obMatJos2AAAD");
        assert_eq!(SecurityFeatures::of_nonce(&both.cookie()), both);
    }

    #[test]
    fn the_nonce_of_rfc_8489_appendix_b_1_hides_user_names() {
        let of = |nonce| SecurityFeatures::of_nonce(nonce);
        assert_eq!(of("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"), SecurityFeatures::USERNAME_ANONYMITY);
        let both = of("obMatJos2AAAD");
        assert!(both.contains(SecurityFeatures::PASSWORD_ALGORITHMS));
        for other in ["obMatJos2AAA", "f//499k954d6OL34oL9FSTvy64sA", "obMatJos2AA!D", "obMatJos2AA\u{e9}D"] {
            assert_eq!(of(other), SecurityFeatures::NONE, "{other}");
        }
        assert_eq!(of("obMatJos2//+/"), SecurityFeatures(0x00ff_ffbf), "bits without a meaning are kept");
    }
}
