//! Writing descriptions line by line, so that no text can end a line but the writer.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::attribute::{Attribute, Form};

/// Text that would break out of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text has {character:?} at octet {offset}, which would end its line")]
pub struct TextError {
    /// CR, LF or NUL.
    pub character: char,
    /// Octets from the start of the value.
    pub offset: usize,
}

/// Fails if `text` could end a line; RFC 8866 section 5 allows neither CR, LF nor NUL in a value.
pub(crate) fn check(text: &str) -> Result<(), TextError> {
    match text.char_indices().find(|(_, character)| matches!(character, '\r' | '\n' | '\0')) {
        Some((offset, character)) => Err(TextError { character, offset }),
        None => Ok(()),
    }
}

/// The same for text in whatever encoding.
pub(crate) fn check_octets(text: &[u8]) -> Result<(), TextError> {
    match text.iter().position(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        Some(offset) => {
            Err(TextError { character: text.get(offset).copied().unwrap_or_default().into(), offset })
        }
        None => Ok(()),
    }
}

/// Collects lines that end in CRLF.
///
/// The first text that could end its line is remembered, and nothing is written from then on.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    out: String,
    error: Option<TextError>,
}

impl Writer {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `kind=value`.
    pub fn line(&mut self, kind: char, value: impl fmt::Display) -> &mut Self {
        if self.error.is_none() {
            let start = self.out.len();
            // Writing to a string does not fail.
            let _ = write!(self.out, "{kind}={value}");
            match check(&self.out[start..]) {
                Ok(()) => self.out.push_str("\r\n"),
                Err(error) => {
                    self.out.truncate(start);
                    self.error = Some(TextError { offset: error.offset.saturating_sub(2), ..error });
                }
            }
        }
        self
    }

    /// Writes `a=name:value`.
    pub fn attribute(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        self.line('a', format_args!("{name}:{value}"))
    }

    /// Writes an attribute that has a type.
    pub fn typed<'a, A: Attribute<'a>>(&mut self, attribute: &A) -> &mut Self {
        match A::FORM {
            Form::Flag => self.flag(A::NAME),
            _ => self.attribute(A::NAME, attribute),
        }
    }

    /// Writes `a=name`.
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.line('a', name)
    }

    /// The description.
    ///
    /// # Errors
    /// Some text would have ended its line.
    pub fn finish(self) -> Result<String, TextError> {
        self.error.map_or(Ok(self.out), Err)
    }
}
