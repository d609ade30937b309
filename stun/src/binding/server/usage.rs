//! What a Binding request asks for, and what its answer says: RFC 8489 section 6.3.1, RFC 5780 section 6.1.

use std::net::SocketAddr;

use super::{Builder, KNOWN, source};
use crate::attribute::{
    ChangeRequest, MappedAddress, OtherAddress, Padding, ResponseOrigin, ResponsePort, UnknownAttributes,
    XorMappedAddress,
};
use crate::five_tuple::FiveTuple;
use crate::kind::{AttributeType, Class, ErrorCode, MessageType, Method};
use crate::message::{HEADER_LEN, Message};

/// Why a request is not granted.
pub(super) enum Fault {
    /// 420.
    Unknown(UnknownAttributes),
    /// 400.
    Bad,
}

/// A request that can be granted.
pub(super) struct Wish {
    /// Whence and whither the answer goes.
    pub(super) to: FiveTuple,
    /// The other address and port; only with one is the discovery of a NAT's behaviour served.
    other: Option<SocketAddr>,
    /// Octets of PADDING.
    padding: Option<usize>,
}

impl Wish {
    /// What `request` asks of a server whose other address is `other`.
    pub(super) fn read(
        request: &Message<'_>,
        from: FiveTuple,
        other: Option<SocketAddr>,
        mtu: u16,
    ) -> Result<Self, Fault> {
        // Over a stream an answer can come from nowhere else, and nothing is fragmented.
        //= rfc5780#6.1-2
        let discovery: &[AttributeType] = match other {
            Some(_) if !from.transport.is_reliable() => {
                &[AttributeType::CHANGE_REQUEST, AttributeType::RESPONSE_PORT, AttributeType::PADDING]
            }
            _ => &[],
        };
        let kinds = request.unknown_required(KNOWN).filter(|kind| !discovery.contains(kind));
        let unknown = UnknownAttributes::new(kinds);
        if unknown.iter().next().is_some() {
            return Err(Fault::Unknown(unknown));
        }
        let Some(other) = other else { return Ok(Self { to: from, other, padding: None }) };
        let change = request.attribute::<ChangeRequest>().map_err(|_| Fault::Bad)?.unwrap_or_default();
        let port = request.attribute::<ResponsePort>().map_err(|_| Fault::Bad)?;
        let padding = request.attribute::<Padding<'_>>().map_err(|_| Fault::Bad)?;
        //= rfc5780#6.1-11
        //= rfc5780#7.5-2
        if (port.is_some() && padding.is_some()) || port == Some(ResponsePort(0)) {
            return Err(Fault::Bad);
        }
        let mut to = FiveTuple { server: source(from.server, other, change), ..from };
        if let Some(ResponsePort(port)) = port {
            to.client.set_port(port);
        }
        let most = usize::from(mtu).next_multiple_of(4);
        let padding = padding.map(|padding| padding.0.len().min(most));
        Ok(Self { to, other: Some(other), padding })
    }

    /// What the answer to a request from `client` says.
    pub(super) fn fill<'o>(&self, builder: Builder<'o>, client: SocketAddr) -> Builder<'o> {
        let builder = builder.attribute(&XorMappedAddress(client));
        let Some(other) = self.other else { return builder };
        let mut builder = builder
            .attribute(&MappedAddress(client))
            .attribute(&ResponseOrigin(self.to.server))
            .attribute(&OtherAddress(other));
        if let Some(padding) = self.padding {
            builder = builder.attribute(&Padding(&vec![0; padding]));
        }
        builder
    }
}

/// The 128-bit id of a Binding request of RFC 3489, which has no magic cookie.
pub(super) fn classic_request(datagram: &[u8]) -> Option<[u8; 16]> {
    let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>()?;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let request = header[..2] == MessageType::BINDING_REQUEST.to_bits().to_be_bytes();
    // With the cookie it is a message of RFC 8489 that is malformed.
    let cookie = header[4..8] == crate::message::MAGIC_COOKIE.to_be_bytes();
    (request && !cookie && len == rest.len()).then(|| header.last_chunk().copied()).flatten()
}

/// 500 in the form of RFC 3489: header, id, ERROR-CODE.
pub(super) fn refuse_classic(id: &[u8; 16], out: &mut Vec<u8>) {
    let kind = MessageType::new(Method::BINDING, Class::Error);
    let [class, number] = [ErrorCode::SERVER_ERROR.code() / 100, ErrorCode::SERVER_ERROR.code() % 100]
        .map(|part| part.to_be_bytes()[1]);
    out.extend_from_slice(&kind.to_bits().to_be_bytes());
    out.extend_from_slice(&[0, 8]);
    out.extend_from_slice(id);
    out.extend_from_slice(&AttributeType::ERROR_CODE.0.to_be_bytes());
    out.extend_from_slice(&[0, 4, 0, 0, class, number]);
}
