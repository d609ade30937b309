//! INIT and INIT ACK (RFC 9260 sections 3.3.2 and 3.3.3): the same fixed part, other parameters.

use std::fmt;

use crate::error::ParseError;
use crate::param::Params;
use crate::wire::Reader;

/// The value of INIT or INIT ACK.
///
/// ```text
/// |                         Initiate Tag                          |
/// |           Advertised Receiver Window Credit (a_rwnd)          |
/// |  Number of Outbound Streams   |  Number of Inbound Streams    |
/// |                          Initial TSN                          |
/// |              Optional/Variable-Length Parameters              |
/// ```
/// Values that the RFC forbids (tag 0, no streams, window below 1500) parse: the answer is the machine's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init<'a> {
    /// The tag that packets to the sender of this chunk shall carry; not 0.
    pub tag: u32,
    /// Receive window of the sender; octets, at least 1500.
    pub a_rwnd: u32,
    /// Streams that the sender wants to send on; at least 1.
    pub outbound: u16,
    /// Streams that the sender can receive; at least 1.
    pub inbound: u16,
    /// The sender's first TSN.
    pub initial_tsn: u32,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Init<'a> {
    /// Octets before the parameters.
    pub const FIXED: usize = 16;

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(value);
        let (tag, a_rwnd) = (r.u32()?, r.u32()?);
        let (outbound, inbound, initial_tsn) = (r.u16()?, r.u16()?, r.u32()?);
        let params = Params::parse(r.rest())
            .map_err(|error| ParseError { offset: error.offset + Self::FIXED, ..error })?;
        Ok(Self { tag, a_rwnd, outbound, inbound, initial_tsn, params })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag.to_be_bytes());
        out.extend_from_slice(&self.a_rwnd.to_be_bytes());
        out.extend_from_slice(&self.outbound.to_be_bytes());
        out.extend_from_slice(&self.inbound.to_be_bytes());
        out.extend_from_slice(&self.initial_tsn.to_be_bytes());
        out.extend_from_slice(self.params.as_bytes());
    }
}

impl fmt::Display for Init<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, a_rwnd, outbound, inbound, initial_tsn, .. } = self;
        write!(f, "tag={tag:08x} tsn={initial_tsn} rwnd={a_rwnd} streams={outbound}/{inbound}")
    }
}
