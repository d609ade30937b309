//! ERROR-CODE; RFC 8489 section 14.8.

use alloc::vec::Vec;

use super::text::{self, TextError};
use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, ErrorCode, TransactionId};

/// Why a request was refused: a code for programs, a reason for people.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Reserved, should be 0         |Class|     Number    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      Reason Phrase (variable)                                ..
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorReason<'a> {
    code: ErrorCode,
    reason: &'a str,
}

impl<'a> ErrorReason<'a> {
    /// Joins a code and a reason of at most 127 characters.
    ///
    /// # Errors
    /// The reason is longer.
    pub fn new(code: ErrorCode, reason: &'a str) -> Result<Self, TextError> {
        text::check_characters(reason).map(|()| Self { code, reason })
    }

    /// A code without a reason.
    pub const fn bare(code: ErrorCode) -> Self {
        Self { code, reason: "" }
    }

    /// 300 to 699.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Text for people, at most 127 characters, when read 763 octets; may be empty.
    pub const fn reason(&self) -> &'a str {
        self.reason
    }
}

impl<'a> Attribute<'a> for ErrorReason<'a> {
    const TYPE: AttributeType = AttributeType::ERROR_CODE;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(4, 4 + text::LONG)?;
        let mut reader = raw.reader();
        // 21 reserved bits are ignored, whatever they hold.
        let [_, _, class, number] = reader.array()?;
        let class = class & 7;
        let code =
            (number < 100).then(|| u16::from(class) * 100 + u16::from(number)).and_then(ErrorCode::new);
        let Some(code) = code else {
            return Err(ParseError { kind: Kind::ErrorCode { class, number }, offset: raw.offset + 2 });
        };
        let reason = core::str::from_utf8(reader.rest())
            .map_err(|_| reader.error(Kind::Utf8(AttributeType::ERROR_CODE)))?;
        Ok(Self { code, reason })
    }

    fn encoded_len(&self) -> usize {
        4 + self.reason.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        let [class, number] =
            [self.code.code() / 100, self.code.code() % 100].map(|part| part.to_be_bytes()[1]);
        out.extend_from_slice(&[0, 0, class, number]);
        out.extend_from_slice(self.reason.as_bytes());
    }
}
