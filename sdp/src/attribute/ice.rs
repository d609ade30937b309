//! What ICE tells the other side; RFC 8839 section 5.

use core::fmt;

use super::{Attribute, Fields, Malformed};

macro_rules! ice_text {
    ($(#[$doc:meta])* $name:ident, $text:literal, $least:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a>(pub &'a str);

        impl<'a> Attribute<'a> for $name<'a> {
            const NAME: &'static str = $text;

            fn parse(value: &'a str) -> Result<Self, Malformed> {
                let mut fields = Fields::new(Self::NAME, value);
                let good = |text: &str| ($least..=256).contains(&text.len()) && text.bytes().all(is_ice_char);
                fields.expect('\n', $expected, good).map(Self)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}
ice_text!(
    /// `a=ice-ufrag`: the user name's fragment, 4 to 256 characters; RFC 8839 section 5.4.
    IceUfrag, "ice-ufrag", 4, "4 to 256 characters of A-Z a-z 0-9 + /"
);
ice_text!(
    /// `a=ice-pwd`: the password, 22 to 256 characters; RFC 8839 section 5.4.
    IcePassword, "ice-pwd", 22, "22 to 256 characters of A-Z a-z 0-9 + /"
);

fn is_ice_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/')
}
