//! Send and Data indications, written around data where they lie; RFC 8656 section 11.

use std::net::SocketAddr;

use crate::attribute::{Data, DontFragment, XorPeerAddress};
use crate::build::MessageBuilder;
use crate::kind::{Class, MessageType, Method, TransactionId};

/// Octets that the longest header in front of data takes: that of a Send indication to an IPv6 peer with
/// DONT-FRAGMENT. A ChannelData message takes 4 of them.
pub const HEADROOM: usize = 20 + 4 + 24 + 4;

/// Octets of padding that may follow data.
pub const TAILROOM: usize = 3;

/// The most data that an indication carries, so that the message's length field holds.
const MOST: usize = 0xffff - HEADROOM - TAILROOM;

/// Writes what stands in front of `len` octets of data into `out`, which is cleared. `false` if so much data do not fit.
pub(super) fn header(
    out: &mut Vec<u8>,
    method: Method,
    id: TransactionId,
    peer: SocketAddr,
    dont_fragment: bool,
    len: usize,
) -> bool {
    out.clear();
    let message_type = MessageType::new(method, Class::Indication);
    let mut builder = MessageBuilder::new(out, message_type, id).attribute(&XorPeerAddress(peer));
    if dont_fragment {
        builder = builder.attribute(&DontFragment);
    }
    // DATA comes last and is empty, so that its data may follow; the two lengths are put right below.
    let Ok(header_len) = builder.attribute(&Data(&[])).finish() else { return false };
    let message_len = header_len - 20 + len.next_multiple_of(4);
    let (Ok(data_len), Ok(message_len), true) = (u16::try_from(len), u16::try_from(message_len), len <= MOST)
    else {
        return false;
    };
    out[2..4].copy_from_slice(&message_len.to_be_bytes());
    out[header_len - 2..].copy_from_slice(&data_len.to_be_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn the_message_around_the_data_reads_as_one() {
        for (peer, length) in [("192.0.2.1:9", 36), ("[2001:db8::1]:9", 48)] {
            let peer: SocketAddr = peer.parse().unwrap();
            for len in [0, 1, 2, 3, 4, 1200] {
                let mut out = Vec::new();
                assert!(header(&mut out, Method::SEND, TransactionId([1; 12]), peer, len == 3, len));
                assert_eq!(out.len(), length + if len == 3 { 4 } else { 0 });
                assert!(out.len() <= HEADROOM);
                out.extend(vec![7; len]);
                out.resize(out.len().next_multiple_of(4), 0);
                let message = Message::parse(&out).unwrap();
                assert_eq!(message.attribute::<XorPeerAddress>(), Ok(Some(XorPeerAddress(peer))));
                assert_eq!(message.attribute::<Data<'_>>(), Ok(Some(Data(&vec![7; len]))));
                assert_eq!(message.attribute::<DontFragment>().unwrap().is_some(), len == 3);
            }
            assert!(!header(&mut Vec::new(), Method::SEND, TransactionId([1; 12]), peer, false, 65_530));
        }
    }
}
