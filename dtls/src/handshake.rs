//! Handshake messages: one file each, and none knows in which order they come.
//!
//! A message is a type, a length, a number and a body. What is sent is a fragment of it, with the place in the message;
//! see [`FragmentHeader`].

mod certificate;
mod certificate_request;
mod certificate_verify;
mod client_hello;
mod finished;
mod hello_verify_request;
mod key_exchange;
mod pre_shared_key;
mod server_hello;

use std::fmt;

pub use certificate::CertificateChain;
pub(crate) use certificate::encode_chain;
pub use certificate_request::{CertificateRequest, ClientCertificateType};
pub use certificate_verify::DigitallySigned;
pub use client_hello::ClientHello;
pub use finished::Finished;
pub use hello_verify_request::HelloVerifyRequest;
pub use key_exchange::{ClientKeyExchange, ServerKeyExchange};
pub use pre_shared_key::{PskClientKeyExchange, PskServerKeyExchange};
pub use server_hello::ServerHello;

use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_u16, put_u24};

/// Octets in front of a fragment of a message.
pub const FRAGMENT_HEADER_LEN: usize = 12;

/// Which message it is; RFC 5246 section 7.4 and RFC 6347 section 4.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// Asks for a new handshake; never followed here.
    pub const HELLO_REQUEST: Self = Self(0);
    /// The client's offer.
    pub const CLIENT_HELLO: Self = Self(1);
    /// The server's choice.
    pub const SERVER_HELLO: Self = Self(2);
    /// The server's request to prove the client's address.
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
    /// A certificate chain.
    pub const CERTIFICATE: Self = Self(11);
    /// The server's signed key share.
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// The server's request for a certificate of the client.
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// The end of the server's flight.
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// The client's proof that it has the key of its certificate.
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// The client's key share.
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// The proof that both saw the same handshake.
    pub const FINISHED: Self = Self(20);
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::HELLO_REQUEST => "HelloRequest",
            Self::CLIENT_HELLO => "ClientHello",
            Self::SERVER_HELLO => "ServerHello",
            Self::HELLO_VERIFY_REQUEST => "HelloVerifyRequest",
            Self::CERTIFICATE => "Certificate",
            Self::SERVER_KEY_EXCHANGE => "ServerKeyExchange",
            Self::CERTIFICATE_REQUEST => "CertificateRequest",
            Self::SERVER_HELLO_DONE => "ServerHelloDone",
            Self::CERTIFICATE_VERIFY => "CertificateVerify",
            Self::CLIENT_KEY_EXCHANGE => "ClientKeyExchange",
            Self::FINISHED => "Finished",
            Self(other) => return write!(f, "message type {other}"),
        })
    }
}

/// The header of a fragment; RFC 6347 section 4.2.2.
///
/// ```text
///  0      1        4          6             9              12
/// +------+--------+----------+-------------+--------------+------
/// | type | length | sequence | frag offset | frag length  | body
/// +------+--------+----------+-------------+--------------+------
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentHeader {
    /// The message's type.
    pub kind: MessageType,
    /// Octets of the whole message's body; 24 bits.
    pub total: u32,
    /// Counts the sender's messages, from 0.
    pub sequence: u16,
    /// Where in the body the fragment begins; 24 bits.
    pub offset: u32,
    /// Octets of the fragment; 24 bits.
    pub length: u32,
}

impl FragmentHeader {
    /// The header of a message in one piece.
    pub const fn whole(kind: MessageType, sequence: u16, total: u32) -> Self {
        Self { kind, total, sequence, offset: 0, length: total }
    }

    /// Whether the fragment is all of its message.
    pub const fn is_whole(&self) -> bool {
        self.length == self.total
    }

    /// Reads one fragment from the start of `bytes`, and returns it with what follows it.
    ///
    /// # Errors
    /// It is cut, or ends behind its message.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), ParseError> {
        let mut reader = Reader::new(bytes);
        let kind = MessageType(reader.u8()?);
        let (total, sequence, offset, length) = (reader.u24()?, reader.u16()?, reader.u24()?, reader.u24()?);
        // Both have 24 bits, so the sum cannot overflow.
        if offset + length > total {
            return Err(ParseError { kind: Kind::FragmentRange { offset, length, total }, offset: 6 });
        }
        let body = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok((Self { kind, total, sequence, offset, length }, body, reader.rest()))
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        FRAGMENT_HEADER_LEN
    }

    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind.0);
        put_u24(out, self.total);
        put_u16(out, self.sequence);
        put_u24(out, self.offset);
        put_u24(out, self.length);
    }
}

impl fmt::Display for FragmentHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, total, sequence, offset, length } = self;
        write!(f, "{kind} msg={sequence} ")?;
        if self.is_whole() {
            write!(f, "len={total}")
        } else {
            write!(f, "fragment={offset}+{length}/{total}")
        }
    }
}

/// Any message, for those who look at a handshake from outside and do not know its suite. Key exchange messages are read as
/// those of ECDHE if they can be, or else as those with a pre-shared key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// HelloRequest; RFC 5246 section 7.4.1.1.
    HelloRequest,
    /// ClientHello.
    ClientHello(ClientHello<'a>),
    /// ServerHello.
    ServerHello(ServerHello<'a>),
    /// HelloVerifyRequest.
    HelloVerifyRequest(HelloVerifyRequest<'a>),
    /// Certificate.
    Certificate(CertificateChain<'a>),
    /// ServerKeyExchange.
    ServerKeyExchange(ServerKeyExchange<'a>),
    /// ServerKeyExchange with a pre-shared key.
    PskServerKeyExchange(PskServerKeyExchange<'a>),
    /// CertificateRequest.
    CertificateRequest(CertificateRequest<'a>),
    /// ServerHelloDone; RFC 5246 section 7.4.5.
    ServerHelloDone,
    /// CertificateVerify.
    CertificateVerify(DigitallySigned<'a>),
    /// ClientKeyExchange.
    ClientKeyExchange(ClientKeyExchange<'a>),
    /// ClientKeyExchange with a pre-shared key.
    PskClientKeyExchange(PskClientKeyExchange<'a>),
    /// Finished.
    Finished(Finished),
    /// A message of another type.
    Unknown(MessageType, &'a [u8]),
}

impl<'a> Message<'a> {
    /// Reads the body of a whole message.
    ///
    /// # Errors
    /// It breaks its format.
    pub fn parse(kind: MessageType, body: &'a [u8]) -> Result<Self, ParseError> {
        let empty = || Reader::new(body).finish();
        Ok(match kind {
            MessageType::HELLO_REQUEST => empty().map(|()| Self::HelloRequest)?,
            MessageType::CLIENT_HELLO => Self::ClientHello(ClientHello::parse(body)?),
            MessageType::SERVER_HELLO => Self::ServerHello(ServerHello::parse(body)?),
            MessageType::HELLO_VERIFY_REQUEST => Self::HelloVerifyRequest(HelloVerifyRequest::parse(body)?),
            MessageType::CERTIFICATE => Self::Certificate(CertificateChain::parse(body)?),
            MessageType::SERVER_KEY_EXCHANGE => server_key_exchange(body)?,
            MessageType::CERTIFICATE_REQUEST => Self::CertificateRequest(CertificateRequest::parse(body)?),
            MessageType::SERVER_HELLO_DONE => empty().map(|()| Self::ServerHelloDone)?,
            MessageType::CERTIFICATE_VERIFY => Self::CertificateVerify(DigitallySigned::parse(body)?),
            MessageType::CLIENT_KEY_EXCHANGE => client_key_exchange(body)?,
            MessageType::FINISHED => Self::Finished(Finished::parse(body)?),
            other => Self::Unknown(other, body),
        })
    }

    /// The message's type.
    pub const fn kind(&self) -> MessageType {
        match self {
            Self::HelloRequest => MessageType::HELLO_REQUEST,
            Self::ClientHello(_) => MessageType::CLIENT_HELLO,
            Self::ServerHello(_) => MessageType::SERVER_HELLO,
            Self::HelloVerifyRequest(_) => MessageType::HELLO_VERIFY_REQUEST,
            Self::Certificate(_) => MessageType::CERTIFICATE,
            Self::ServerKeyExchange(_) | Self::PskServerKeyExchange(_) => MessageType::SERVER_KEY_EXCHANGE,
            Self::CertificateRequest(_) => MessageType::CERTIFICATE_REQUEST,
            Self::ServerHelloDone => MessageType::SERVER_HELLO_DONE,
            Self::CertificateVerify(_) => MessageType::CERTIFICATE_VERIFY,
            Self::ClientKeyExchange(_) | Self::PskClientKeyExchange(_) => MessageType::CLIENT_KEY_EXCHANGE,
            Self::Finished(_) => MessageType::FINISHED,
            Self::Unknown(kind, _) => *kind,
        }
    }

    /// Octets of the encoded body.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::HelloRequest | Self::ServerHelloDone => 0,
            Self::ClientHello(message) => message.encoded_len(),
            Self::ServerHello(message) => message.encoded_len(),
            Self::HelloVerifyRequest(message) => message.encoded_len(),
            Self::Certificate(message) => message.encoded_len(),
            Self::ServerKeyExchange(message) => message.encoded_len(),
            Self::PskServerKeyExchange(message) => message.encoded_len(),
            Self::CertificateRequest(message) => message.encoded_len(),
            Self::CertificateVerify(message) => message.encoded_len(),
            Self::ClientKeyExchange(message) => message.encoded_len(),
            Self::PskClientKeyExchange(message) => message.encoded_len(),
            Self::Finished(message) => message.encoded_len(),
            Self::Unknown(_, body) => body.len(),
        }
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::HelloRequest | Self::ServerHelloDone => {}
            Self::ClientHello(message) => message.encode(out),
            Self::ServerHello(message) => message.encode(out),
            Self::HelloVerifyRequest(message) => message.encode(out),
            Self::Certificate(message) => message.encode(out),
            Self::ServerKeyExchange(message) => message.encode(out),
            Self::PskServerKeyExchange(message) => message.encode(out),
            Self::CertificateRequest(message) => message.encode(out),
            Self::CertificateVerify(message) => message.encode(out),
            Self::ClientKeyExchange(message) => message.encode(out),
            Self::PskClientKeyExchange(message) => message.encode(out),
            Self::Finished(message) => message.encode(out),
            Self::Unknown(_, body) => out.extend_from_slice(body),
        }
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelloRequest | Self::ServerHelloDone => write!(f, "{}", self.kind()),
            Self::ClientHello(message) => message.fmt(f),
            Self::ServerHello(message) => message.fmt(f),
            Self::HelloVerifyRequest(message) => message.fmt(f),
            Self::Certificate(message) => message.fmt(f),
            Self::ServerKeyExchange(message) => message.fmt(f),
            Self::PskServerKeyExchange(message) => message.fmt(f),
            Self::CertificateRequest(message) => message.fmt(f),
            Self::CertificateVerify(message) => write!(f, "CertificateVerify {message}"),
            Self::ClientKeyExchange(message) => message.fmt(f),
            Self::PskClientKeyExchange(message) => message.fmt(f),
            Self::Finished(message) => message.fmt(f),
            Self::Unknown(kind, body) => write!(f, "{kind} len={}", body.len()),
        }
    }
}

/// No message reads as two of them, unless its hint has 768 octets or more: only then does the length of a hint look like the
/// type of a curve.
fn server_key_exchange(body: &[u8]) -> Result<Message<'_>, ParseError> {
    let psk =
        |is_ephemeral| PskServerKeyExchange::parse(body, is_ephemeral).map(Message::PskServerKeyExchange);
    let signed = ServerKeyExchange::parse(body).map(Message::ServerKeyExchange);
    signed.or_else(|fault| psk(false).or_else(|_| psk(true)).map_err(|_| fault))
}

/// No message reads as two of them: their lengths tell.
fn client_key_exchange(body: &[u8]) -> Result<Message<'_>, ParseError> {
    let psk =
        |is_ephemeral| PskClientKeyExchange::parse(body, is_ephemeral).map(Message::PskClientKeyExchange);
    let plain = ClientKeyExchange::parse(body).map(Message::ClientKeyExchange);
    plain.or_else(|fault| psk(false).or_else(|_| psk(true)).map_err(|_| fault))
}

#[cfg(test)]
mod tests;
