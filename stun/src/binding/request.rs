//! What a Binding request says, and how it is written.

use std::net::SocketAddr;

use crate::attribute::{Attribute, ChangeRequest, Padding, ResponsePort, Software};
use crate::build::{MessageBuilder, MessageTooLong};
use crate::kind::{MessageType, TransactionId};
use crate::session::{Attempt, Session, Who};

/// A Binding request; all but the server is for the discovery of a NAT's behaviour, RFC 5780 section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingRequest {
    /// Whom to ask.
    pub server: SocketAddr,
    /// From where else the server is to answer, and the address from which that is; an answer from the server's own
    /// address counts too. Default none.
    pub change: Option<(ChangeRequest, SocketAddr)>,
    /// The port of ours to which the server is to answer; default none, the one that asks.
    pub response_port: Option<u16>,
    /// Octets of PADDING, at most [`BindingRequest::MAX_PADDING`]; default none.
    pub padding: Option<usize>,
}

impl BindingRequest {
    /// The most octets of PADDING that leave the datagram shorter than 64 KiB, whatever else the request says; RFC 5780
    /// section 7.6.
    pub const MAX_PADDING: usize = 60_000;

    /// Asks `server` for our address, and nothing else.
    pub const fn new(server: SocketAddr) -> Self {
        Self { server, change: None, response_port: None, padding: None }
    }

    pub(super) fn encode(
        &self,
        id: TransactionId,
        software: &str,
        session: &Session,
        who: Who<'_>,
        attempt: &mut Attempt,
    ) -> Result<Vec<u8>, MessageTooLong> {
        let mut out = Vec::new();
        let mut builder = MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, id);
        if let Some(software) = Software::new(software).ok().filter(|text| text.encoded_len() > 0) {
            builder = builder.attribute(&software);
        }
        if let Some((change, _)) = &self.change {
            builder = builder.attribute(change);
        }
        if let Some(port) = self.response_port {
            builder = builder.attribute(&ResponsePort(port));
        }
        if let Some(len) = self.padding {
            builder = builder.attribute(&Padding(&vec![0; len]));
        }
        session.sign(who, attempt, builder).map(|_| out)
    }
}
