//! User names, realms and passwords in the one form in which both sides hash them; RFC 8489 sections 9.1.1, 9.2.2 and
//! 14.3.

use alloc::borrow::Cow;

/// Prepares and enforces the OpaqueString profile, RFC 8265 section 4.2: spaces of other scripts become U+0020, the text
/// is normalised (NFC), and what is not text is refused. Printable ASCII is returned as it is.
///
/// Without the feature `precis` only printable ASCII is accepted.
///
/// ```
/// use nomagic_stun::{OpaqueStringError, opaque_string};
/// assert_eq!(opaque_string("correct horse"), Ok("correct horse".into()));
/// assert_eq!(opaque_string("cut\0short"), Err(OpaqueStringError::Forbidden('\0')));
/// ```
///
/// # Errors
/// See [`OpaqueStringError`].
pub fn opaque_string(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    if text.is_empty() {
        return Err(OpaqueStringError::Empty);
    }
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Ok(Cow::Borrowed(text));
    }
    match text.chars().find(char::is_ascii_control) {
        Some(control) => Err(OpaqueStringError::Forbidden(control)),
        None => enforce(text),
    }
}

#[cfg(feature = "precis")]
fn enforce(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    use precis_profiles::OpaqueString;
    use precis_profiles::precis_core::Error;
    use precis_profiles::precis_core::profile::Profile;

    OpaqueString::new().enforce(text).map_err(|error| match error {
        Error::BadCodepoint(found) => {
            char::from_u32(found.cp).map_or(OpaqueStringError::Malformed, OpaqueStringError::Forbidden)
        }
        _ => OpaqueStringError::Malformed,
    })
}

#[cfg(not(feature = "precis"))]
fn enforce(text: &str) -> Result<Cow<'_, str>, OpaqueStringError> {
    let other = text.chars().find(|character| !character.is_ascii());
    Err(other.map_or(OpaqueStringError::Malformed, OpaqueStringError::Unprepared))
}

/// Text that cannot be a user name, a realm or a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpaqueStringError {
    /// The profile has no empty strings.
    #[error("the text is empty")]
    Empty,
    /// A character that the FreeformClass (RFC 8264 section 4.3) leaves out: a control, one that does not show, one that
    /// has no meaning yet.
    #[error("{0:?} may not stand in names and passwords")]
    Forbidden(char),
    /// A character stands where its context does not allow it; RFC 8264 section 4.3.
    #[error("a character stands where its context does not allow it")]
    Malformed,
    /// Beyond ASCII, the text needs the feature `precis`.
    #[error("{0:?} needs the feature `precis`")]
    Unprepared(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_is_left_alone_and_controls_are_refused() {
        let text = "printable: !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~";
        assert!(matches!(opaque_string(text), Ok(Cow::Borrowed(same)) if same == text));
        assert_eq!(opaque_string(""), Err(OpaqueStringError::Empty));
        for control in ('\0'..' ').chain(['\x7f']) {
            let text = alloc::format!("a{control}b");
            assert_eq!(opaque_string(&text), Err(OpaqueStringError::Forbidden(control)));
        }
    }

    /// The examples of RFC 8265 section 4.3, and what RFC 8489 appendix B.1 calls unaffected.
    #[cfg(feature = "precis")]
    #[test]
    fn the_examples_of_rfc_8265_come_out_as_printed() {
        for same in ["correct horse battery staple", "πßå", "Jack of ♦s", "マトリックス"] {
            assert_eq!(opaque_string(same).as_deref(), Ok(same));
        }
        assert_eq!(opaque_string("foo\u{1680}bar").as_deref(), Ok("foo bar"));
        assert_eq!(opaque_string("my cat is a \tby"), Err(OpaqueStringError::Forbidden('\t')));
        assert_eq!(opaque_string("e\u{301}t\u{e9}").as_deref(), Ok("\u{e9}t\u{e9}"), "normalised (NFC)");
    }

    /// Appendix B.1 of RFC 8489 says that OpaqueString makes `TheMatrIX` of its password. That is SASLprep, from whose RFC
    /// the example was taken: OpaqueString refuses the soft hyphen and leaves the two others as they are.
    #[cfg(feature = "precis")]
    #[test]
    fn the_password_of_rfc_8489_appendix_b_1_is_no_opaque_string() {
        assert_eq!(opaque_string("The\u{ad}M\u{aa}tr\u{2168}"), Err(OpaqueStringError::Forbidden('\u{ad}')));
        assert_eq!(opaque_string("TheM\u{aa}tr\u{2168}").as_deref(), Ok("TheM\u{aa}tr\u{2168}"));
    }

    #[cfg(not(feature = "precis"))]
    #[test]
    fn without_the_library_other_scripts_are_refused_rather_than_guessed() {
        assert_eq!(opaque_string("πßå"), Err(OpaqueStringError::Unprepared('π')));
    }
}
