//! What the discovery of a NAT's behaviour adds to Binding requests; RFC 5780 section 7.

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::ParseError;
use crate::kind::{AttributeType, TransactionId};

/// From where else the server is to answer; RFC 5780 section 7.2.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 A B 0|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeRequest {
    /// A: from the server's other address.
    pub ip: bool,
    /// B: from the server's other port.
    pub port: bool,
}

/// The port of the client to which the answer is to go, in place of the one that asked; RFC 5780 section 7.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponsePort(pub u16);

/// Octets without a meaning, which make a datagram so long that it travels in fragments; RFC 5780 section 7.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding<'a>(pub &'a [u8]);

const CHANGE_IP: u32 = 0b100;
const CHANGE_PORT: u32 = 0b010;

impl<'a> Attribute<'a> for ChangeRequest {
    const TYPE: AttributeType = AttributeType::CHANGE_REQUEST;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(4, 4)?;
        let flags = raw.reader().array().map(u32::from_be_bytes)?;
        Ok(Self { ip: flags & CHANGE_IP != 0, port: flags & CHANGE_PORT != 0 })
    }

    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        let ip = if self.ip { CHANGE_IP } else { 0 };
        let port = if self.port { CHANGE_PORT } else { 0 };
        out.extend_from_slice(&(ip | port).to_be_bytes());
    }
}

impl<'a> Attribute<'a> for ResponsePort {
    const TYPE: AttributeType = AttributeType::RESPONSE_PORT;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        // The two octets behind the port are padding, which some count in the length and some do not.
        raw.expect_len(2, 4)?;
        raw.reader().u16().map(Self)
    }

    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}

impl<'a> Attribute<'a> for Padding<'a> {
    const TYPE: AttributeType = AttributeType::PADDING;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(raw.value))
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}
