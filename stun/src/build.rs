//! Writing a message, in the only legal order: attributes, integrity, fingerprint.

use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::attribute::Attribute;
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, Class, MessageType, TransactionId};
use crate::message::{HEADER_LEN, MAGIC_COOKIE, Message, fingerprint, length_through};
use crate::wire::padding;

/// A message that takes attributes.
#[derive(Debug)]
pub enum Open {}
/// A message that carries MESSAGE-INTEGRITY: only its stronger sister and FINGERPRINT may follow.
#[derive(Debug)]
pub enum Signed {}
/// A message that carries MESSAGE-INTEGRITY-SHA256: only FINGERPRINT may follow.
#[derive(Debug)]
pub enum SignedSha256 {}
/// A message that ends in FINGERPRINT: nothing may follow.
#[derive(Debug)]
pub enum Sealed {}

/// Appends a message to a buffer, attribute by attribute.
///
/// The state in the type lets nothing stand behind an integrity attribute or FINGERPRINT that must not. Nothing is
/// allocated but what the buffer itself needs to grow.
///
/// ```
/// use nomagic_stun::attribute::Priority;
/// use nomagic_stun::{IntegrityKey, Message, MessageBuilder, MessageType, TransactionId};
///
/// let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
/// let mut out = Vec::new();
/// MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId([7; 12]))
///     .attribute(&Priority(0x6e00_01ff))
///     .integrity(&key)
///     .fingerprint()
///     .finish()?;
/// assert!(Message::parse(&out).unwrap().verify(&key).is_ok());
/// # Ok::<(), nomagic_stun::MessageTooLong>(())
/// ```
#[derive(Debug)]
#[must_use = "a message counts once `finish` has said that it fits"]
pub struct MessageBuilder<'o, State = Open> {
    out: &'o mut Vec<u8>,
    start: usize,
    id: TransactionId,
    /// Octets that the message has or would have; more than 65,535 behind the header do not fit.
    wanted: usize,
    state: PhantomData<State>,
}

/// The attributes together are longer than the header's length field can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message would have {wanted} octets, at most {MAX_LEN} fit")]
pub struct MessageTooLong {
    /// Octets that the message would have had, header included.
    pub wanted: usize,
}

/// The longest message: the header and the greatest multiple of four that 16 bits can say.
const MAX_LEN: usize = HEADER_LEN + 0xfffc;

impl<'o> MessageBuilder<'o, Open> {
    /// Appends a header to `out`.
    pub fn new(out: &'o mut Vec<u8>, message_type: MessageType, id: TransactionId) -> Self {
        let start = out.len();
        out.extend_from_slice(&message_type.to_bits().to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        out.extend_from_slice(&id.0);
        Self { out, start, id, wanted: HEADER_LEN, state: PhantomData }
    }

    /// A success response to `request`.
    pub fn success(out: &'o mut Vec<u8>, request: &Message<'_>) -> Self {
        Self::new(out, MessageType::new(request.method(), Class::Success), request.transaction_id())
    }

    /// An error response to `request`; ERROR-CODE is to be added.
    pub fn error(out: &'o mut Vec<u8>, request: &Message<'_>) -> Self {
        Self::new(out, MessageType::new(request.method(), Class::Error), request.transaction_id())
    }

    /// Appends an attribute.
    pub fn attribute<'a>(mut self, attribute: &impl Attribute<'a>) -> Self {
        let (id, len) = (self.id, attribute.encoded_len());
        self.append(attribute.attribute_type(), len, |out| attribute.encode(id, out));
        self
    }

    /// Signs with HMAC-SHA1; RFC 8489 section 14.5.
    pub fn integrity(mut self, key: &IntegrityKey) -> MessageBuilder<'o, Signed> {
        let tag = key.sign_sha1(&self.out[self.start..], self.length_with(20));
        self.append(AttributeType::MESSAGE_INTEGRITY, tag.len(), |out| out.extend_from_slice(&tag));
        self.into_state()
    }
}

/// States in which MESSAGE-INTEGRITY-SHA256 may follow.
pub trait MaySign {}
impl MaySign for Open {}
impl MaySign for Signed {}

/// States in which FINGERPRINT may follow.
pub trait MaySeal {}
impl MaySeal for Open {}
impl MaySeal for Signed {}
impl MaySeal for SignedSha256 {}

impl<'o, State: MaySign> MessageBuilder<'o, State> {
    /// Signs with HMAC-SHA256, untruncated; RFC 8489 section 14.6.
    pub fn integrity_sha256(mut self, key: &IntegrityKey) -> MessageBuilder<'o, SignedSha256> {
        let tag = key.sign_sha256(&self.out[self.start..], self.length_with(32));
        self.append(AttributeType::MESSAGE_INTEGRITY_SHA256, tag.len(), |out| out.extend_from_slice(&tag));
        self.into_state()
    }
}

impl<'o, State: MaySeal> MessageBuilder<'o, State> {
    /// Appends a CRC that tells STUN from other protocols on the same port; RFC 8489 section 14.7.
    pub fn fingerprint(mut self) -> MessageBuilder<'o, Sealed> {
        let length = self.length_with(4);
        self.write_length(length);
        let crc = fingerprint(&self.out[self.start..]);
        self.append(AttributeType::FINGERPRINT, 4, |out| out.extend_from_slice(&crc.to_be_bytes()));
        self.into_state()
    }
}

impl<'o, State> MessageBuilder<'o, State> {
    /// Ends the message and says how long it is, in octets.
    ///
    /// # Errors
    /// The attributes did not fit; the buffer is as it was before.
    pub fn finish(self) -> Result<usize, MessageTooLong> {
        if self.wanted <= MAX_LEN {
            return Ok(self.out.len() - self.start);
        }
        self.out.truncate(self.start);
        Err(MessageTooLong { wanted: self.wanted })
    }

    /// Writes header, value and zero padding, and counts them in the message's length.
    fn append(&mut self, attribute_type: AttributeType, len: usize, value: impl FnOnce(&mut Vec<u8>)) {
        self.wanted += 4 + len + padding(len);
        let Ok(len16) = u16::try_from(len) else {
            // Too long for its own length field, hence for the message's: `finish` will say so.
            self.wanted = self.wanted.max(MAX_LEN + 1);
            return;
        };
        if self.wanted > MAX_LEN {
            return;
        }
        self.out.extend_from_slice(&attribute_type.0.to_be_bytes());
        self.out.extend_from_slice(&len16.to_be_bytes());
        let value_at = self.out.len();
        value(self.out);
        debug_assert_eq!(self.out.len() - value_at, len, "{attribute_type} wrote what it announced");
        self.out.extend_from_slice(&[0; 3][..padding(len)]);
        let length = length_through(self.out.len() - self.start);
        self.write_length(length);
    }

    /// The length field for the message as it is and one more attribute of `value_len` octets.
    fn length_with(&self, value_len: usize) -> u16 {
        length_through(self.out.len() - self.start + 4 + value_len)
    }

    fn write_length(&mut self, length: u16) {
        self.out[self.start + 2..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn into_state<Next>(self) -> MessageBuilder<'o, Next> {
        MessageBuilder {
            out: self.out,
            start: self.start,
            id: self.id,
            wanted: self.wanted,
            state: PhantomData,
        }
    }
}
