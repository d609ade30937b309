//! The shapes that many attributes share: a text, a number, words, parameters, one of some names, or nothing at all.

/// `a=name`: says all by being there.
macro_rules! flag {
    ($($(#[$doc:meta])* $type:ident, $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type;

        impl<'a> $crate::attribute::Attribute<'a> for $type {
            const NAME: &'static str = $name;
            const FORM: $crate::attribute::Form = $crate::attribute::Form::Flag;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                let fields = $crate::attribute::Fields::new(Self::NAME, value);
                if value.is_empty() { Ok(Self) } else { Err(fields.error("no value")) }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                Ok(())
            }
        }
    )*};
}

/// A value that is one text.
macro_rules! text {
    ($($(#[$doc:meta])* $type:ident, $name:literal, $expected:literal, $good:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a>(pub &'a str);

        impl<'a> $crate::attribute::Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                $crate::attribute::Fields::new(Self::NAME, value).expect('\n', $expected, $good).map(Self)
            }
        }

        impl core::fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}

/// A value that is one number.
macro_rules! number {
    ($($(#[$doc:meta])* $type:ident($number:ty), $name:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type(pub $number);

        impl<'a> $crate::attribute::Attribute<'a> for $type {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                $crate::attribute::Fields::new(Self::NAME, value).number('\n', $expected).map(Self)
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

/// Words parted by a separator, at least one; each satisfies a condition.
macro_rules! words {
    ($($(#[$doc:meta])* $type:ident, $name:literal, $separator:literal, $expected:literal, $good:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a>(pub &'a str);

        impl<'a> $type<'a> {
            /// One by one, in their order.
            pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
                self.0.split($separator)
            }

            /// Whether this one is among them.
            pub fn has(&self, word: &str) -> bool {
                self.iter().any(|known| known == word)
            }
        }

        impl<'a> $crate::attribute::Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                let mut fields = $crate::attribute::Fields::new(Self::NAME, value);
                for _ in value.split($separator) {
                    fields.expect($separator, $expected, $good)?;
                }
                Ok(Self(value))
            }
        }

        impl core::fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}

/// `name=value` parted by semicolons.
macro_rules! parameters {
    ($($(#[$doc:meta])* $type:ident, $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a>(pub &'a str);

        impl<'a> $type<'a> {
            /// Names and values in their order; a parameter without a value has an empty one.
            pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
                $crate::attribute::shape::pairs(self.0)
            }

            /// The value of a parameter.
            pub fn parameter(&self, name: &str) -> Option<&'a str> {
                self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
        }

        impl<'a> $crate::attribute::Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                let fields = $crate::attribute::Fields::new(Self::NAME, value);
                let named = |(name, _): (&str, &str)| $crate::document::is_token(name);
                let good = !value.trim().is_empty() && $crate::attribute::shape::pairs(value).all(named);
                if good { Ok(Self(value)) } else { Err(fields.error("name=value, parted by semicolons")) }
            }
        }

        impl core::fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}

/// One of some names.
macro_rules! choice {
    ($($(#[$doc:meta])* $type:ident, $name:literal, $expected:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl<'a> $crate::attribute::Attribute<'a> for $type {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                match value {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::attribute::Fields::new(Self::NAME, value).error($expected)),
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }
    )*};
}

/// A number, and what is said under it.
macro_rules! numbered {
    ($($(#[$doc:meta])* $type:ident, $name:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type<'a> {
            /// By which others refer to it; 1 to 2^31 - 1.
            pub number: u32,
            /// What is said.
            pub value: &'a str,
        }

        impl<'a> $crate::attribute::Attribute<'a> for $type<'a> {
            const NAME: &'static str = $name;

            fn parse(value: &'a str) -> Result<Self, $crate::attribute::Malformed> {
                let mut fields = $crate::attribute::Fields::new(Self::NAME, value);
                let number = fields.number(' ', "number")?;
                if fields.rest.is_empty() { Err(fields.error($expected)) } else { Ok(Self { number, value: fields.rest }) }
            }
        }

        impl core::fmt::Display for $type<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{} {}", self.number, self.value)
            }
        }
    )*};
}

pub(super) use {choice, flag, number, numbered, parameters, text, words};

/// `name=value` parted by semicolons, blanks around them left off.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.trim(), value.trim())
    })
}

/// Anything but nothing.
pub(super) fn is_text(text: &str) -> bool {
    !text.trim_matches(' ').is_empty()
}

/// Anything without blanks.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ')
}

/// Digits, and a point with more digits behind it where wanted.
pub(super) fn is_decimal(text: &str) -> bool {
    let mut parts = text.splitn(2, '.');
    parts.all(crate::document::is_digits)
}

/// A language tag: letters and digits in parts of 1 to 8; RFC 5646 section 2.1.
pub(super) fn is_language(text: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|o| o.is_ascii_alphanumeric());
    text.split('-').all(part)
}

/// Base64 with its padding.
pub(super) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let good = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    !body.is_empty() && text.len() - body.len() <= 2 && text.len().is_multiple_of(4) && body.bytes().all(good)
}

/// An attribute that carries another one's name in front: the name and the value.
pub(super) fn split_name(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}
