//! Reading a message: checked once, then borrowed.

use core::fmt;

use crate::attribute::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::integrity::{self, IntegrityError, IntegrityKey};
use crate::kind::{AttributeType, Class, MessageType, Method, TransactionId};
use crate::wire::padding;

/// Octets of the header; RFC 8489 section 5.
pub const HEADER_LEN: usize = 20;

/// The fixed value that tells STUN from other protocols and from RFC 3489; RFC 8489 section 5.
pub const MAGIC_COOKIE: u32 = 0x2112_a442;

/// What is XORed into the CRC of FINGERPRINT; RFC 8489 section 14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// Whether a datagram is worth parsing as STUN: two zero bits, the magic cookie, a plausible length.
///
/// For ports shared with other protocols; looks at the header only and never fails.
pub fn is_stun(datagram: &[u8]) -> bool {
    let Some(header) = datagram.first_chunk::<HEADER_LEN>() else { return false };
    header[0] & 0xc0 == 0 && header[3] & 3 == 0 && header[4..8] == MAGIC_COOKIE.to_be_bytes()
}

/// A STUN message in the datagram that it came in; RFC 8489 section 5.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0|     STUN Message Type     |         Message Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Magic Cookie                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Transaction ID (96 bits)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Attributes that follow MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 are protected by nothing, so no accessor
/// shows them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    message_type: MessageType,
    /// Where the visible attributes end: at the first integrity attribute, at FINGERPRINT or at the end.
    visible_end: usize,
    sha1: Option<Tag>,
    sha256: Option<Tag>,
    fingerprint: bool,
}

/// Where an integrity attribute stands: the octet of its header, and the length of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag {
    at: usize,
    len: usize,
}

impl<'a> Message<'a> {
    /// Reads a datagram that holds exactly one message.
    ///
    /// FINGERPRINT is checked here, when it is there; integrity is checked by [`Message::verify`], which needs a key;
    /// the value of an attribute is checked when it is asked for, so that one that nobody needs costs nothing.
    ///
    /// # Errors
    /// Anything in [`Kind`] that concerns the header, the attributes' lengths, their order, or FINGERPRINT.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let message_type = parse_header(datagram)?;
        let mut message = Self {
            bytes: datagram,
            message_type,
            visible_end: datagram.len(),
            sha1: None,
            sha256: None,
            fingerprint: false,
        };
        let mut walk = Walk { bytes: datagram, at: HEADER_LEN };
        while let Some(step) = walk.step()? {
            message.note(step)?;
        }
        Ok(message)
    }

    /// Method and class.
    pub fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// What the message asks for.
    pub fn method(&self) -> Method {
        self.message_type.method
    }

    /// The message's part in its transaction.
    pub fn class(&self) -> Class {
        self.message_type.class
    }

    /// The id that ties a response to its request.
    pub fn transaction_id(&self) -> TransactionId {
        self.bytes[8..].first_chunk().map_or(TransactionId([0; 12]), |id| TransactionId(*id))
    }

    /// The whole datagram.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first attribute of type `A`, if it is there and visible.
    ///
    /// Where an attribute stands more than once, the first counts (RFC 8489 section 14).
    ///
    /// # Errors
    /// The value breaks the attribute's format.
    pub fn attribute<A: Attribute<'a>>(&self) -> Result<Option<A>, ParseError> {
        match self.attributes().find(|raw| raw.attribute_type == A::TYPE) {
            Some(raw) => A::parse(&raw, self.transaction_id()).map(Some),
            None => Ok(None),
        }
    }

    /// All visible attributes in the order of the message, without the integrity attributes and FINGERPRINT.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { walk: Walk { bytes: &self.bytes[..self.visible_end], at: HEADER_LEN } }
    }

    /// Whether the message carries FINGERPRINT, which [`Message::parse`] has found to be right.
    pub fn has_fingerprint(&self) -> bool {
        self.fingerprint
    }

    /// Whether the message carries MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256.
    pub fn has_integrity(&self) -> bool {
        self.sha1.is_some() || self.sha256.is_some()
    }

    /// Whether the message carries MESSAGE-INTEGRITY-SHA256.
    pub fn has_integrity_sha256(&self) -> bool {
        self.sha256.is_some()
    }

    /// Checks the strongest integrity attribute against `key`; RFC 8489 sections 14.5 and 14.6.
    ///
    /// # Errors
    /// No integrity attribute is there, or it does not match.
    pub fn verify(&self, key: &IntegrityKey) -> Result<(), IntegrityError> {
        let matches = match (self.sha256, self.sha1) {
            (Some(tag), _) => {
                let (signed, length) = self.signed(tag);
                integrity::equal(&key.sign_sha256(signed, length)[..tag.len], self.value(tag))
            }
            (None, Some(tag)) => {
                let (signed, length) = self.signed(tag);
                integrity::equal(&key.sign_sha1(signed, length), self.value(tag))
            }
            (None, None) => return Err(IntegrityError::Missing),
        };
        if matches { Ok(()) } else { Err(IntegrityError::Mismatch) }
    }

    /// The comprehension-required attributes that `known` does not name: the list for UNKNOWN-ATTRIBUTES (420).
    pub fn unknown_required(
        &self,
        known: &'a [AttributeType],
    ) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.attributes()
            .map(|raw| raw.attribute_type)
            .filter(move |kind| kind.comprehension_required() && !known.contains(kind))
    }

    /// Remembers what an attribute means for the message as a whole.
    fn note(&mut self, step: Step<'a>) -> Result<(), ParseError> {
        let Step { at, raw } = step;
        if self.fingerprint {
            return Err(ParseError { kind: Kind::AfterFingerprint(raw.attribute_type), offset: at });
        }
        let tag = Tag { at, len: raw.value.len() };
        match raw.attribute_type {
            AttributeType::FINGERPRINT => {
                self.fingerprint = true;
                self.visible_end = self.visible_end.min(at);
                check_fingerprint(self.bytes, &raw)?;
            }
            // After MESSAGE-INTEGRITY-SHA256 nothing but FINGERPRINT counts; after MESSAGE-INTEGRITY, nothing but
            // those two. Each counts once.
            AttributeType::MESSAGE_INTEGRITY if self.sha1.is_none() && self.sha256.is_none() => {
                raw.expect_len(20, 20)?;
                self.sha1 = Some(tag);
                self.visible_end = at;
            }
            AttributeType::MESSAGE_INTEGRITY_SHA256 if self.sha256.is_none() => {
                raw.expect_len(16, 32)?;
                raw.expect_len(tag.len & !3, tag.len & !3)?;
                self.sha256 = Some(tag);
                self.visible_end = self.visible_end.min(at);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a tag signs: the message up to it, and the length field as if the tag were the last attribute.
    fn signed(&self, tag: Tag) -> (&'a [u8], u16) {
        (&self.bytes[..tag.at], length_through(tag.at + 4 + tag.len))
    }

    fn value(&self, tag: Tag) -> &'a [u8] {
        &self.bytes[tag.at + 4..tag.at + 4 + tag.len]
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} id={}", self.message_type, self.transaction_id())?;
        for raw in self.attributes() {
            write!(f, " {}", raw.attribute_type)?;
            raw.describe(self.transaction_id(), f)?;
        }
        match (self.sha1.is_some(), self.sha256.is_some()) {
            (false, false) => Ok(()),
            (true, false) => f.write_str(" signed=SHA1"),
            (false, true) => f.write_str(" signed=SHA256"),
            (true, true) => f.write_str(" signed=SHA1+SHA256"),
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({self})")
    }
}

/// The visible attributes of a message, in its order.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        // `Message::parse` has walked the same octets to the end, so there is no error to lose.
        self.walk.step().ok().flatten().map(|step| step.raw)
    }
}

/// One attribute and the octet at which its header stands.
#[derive(Clone, Copy)]
struct Step<'a> {
    at: usize,
    raw: RawAttribute<'a>,
}

/// Goes from attribute to attribute: type, length, value, padding to four octets; RFC 8489 section 14.
#[derive(Debug, Clone)]
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Result<Option<Step<'a>>, ParseError> {
        let at = self.at;
        let rest = &self.bytes[at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let truncated =
            |needed| ParseError { kind: Kind::Truncated { needed, available: rest.len() }, offset: at };
        let (header, rest) = rest.split_first_chunk::<4>().ok_or_else(|| truncated(4))?;
        let attribute_type = AttributeType(u16::from_be_bytes([header[0], header[1]]));
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let needed = len + padding(len);
        let value = rest.get(..needed).ok_or_else(|| truncated(4 + needed))?;
        self.at = at + 4 + needed;
        Ok(Some(Step { at, raw: RawAttribute { attribute_type, value: &value[..len], offset: at + 4 } }))
    }
}

fn parse_header(datagram: &[u8]) -> Result<MessageType, ParseError> {
    let error = |kind, offset| Err(ParseError { kind, offset });
    let Some(header) = datagram.first_chunk::<HEADER_LEN>() else {
        return error(Kind::Truncated { needed: HEADER_LEN, available: datagram.len() }, 0);
    };
    if header[0] & 0xc0 != 0 {
        return error(Kind::FirstOctet(header[0]), 0);
    }
    let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    if cookie != MAGIC_COOKIE {
        return error(Kind::MagicCookie(cookie), 4);
    }
    let length = u16::from_be_bytes([header[2], header[3]]);
    if length % 4 != 0 {
        return error(Kind::LengthAlignment(length), 2);
    }
    let (declared, actual) = (usize::from(length), datagram.len() - HEADER_LEN);
    if declared != actual {
        return error(Kind::LengthMismatch { declared, actual }, 2);
    }
    Ok(MessageType::from_bits(u16::from_be_bytes([header[0], header[1]])))
}

/// The header's length field for a message that ends at octet `end`.
pub(crate) fn length_through(end: usize) -> u16 {
    // A parsed message is no longer than its 16-bit length field says, and the builder stops before that.
    u16::try_from(end - HEADER_LEN).unwrap_or(u16::MAX)
}

/// The value of FINGERPRINT over `bytes`, whose length field already counts the attribute; RFC 8489 section 14.7.
pub(crate) fn fingerprint(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes) ^ FINGERPRINT_XOR
}

fn check_fingerprint(bytes: &[u8], raw: &RawAttribute<'_>) -> Result<(), ParseError> {
    raw.expect_len(4, 4)?;
    let found = raw.reader().array().map(u32::from_be_bytes)?;
    // FINGERPRINT is the last attribute, so the header's length field is the one that the sender hashed.
    let expected = fingerprint(&bytes[..raw.offset - 4]);
    if found == expected {
        Ok(())
    } else {
        Err(ParseError { kind: Kind::Fingerprint { expected, found }, offset: raw.offset })
    }
}
