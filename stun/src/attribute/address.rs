//! Transport addresses, plain and XORed; RFC 8489 sections 14.1, 14.2 and 14.15.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, TransactionId};
use crate::message::MAGIC_COOKIE;

/// The address the server saw, as old servers write it; RFC 8489 section 14.1.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0 0 0 0 0 0 0 0|    Family     |           Port                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Address (32 bits or 128 bits)                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedAddress(pub SocketAddr);

/// The address the server saw, hidden from NATs that rewrite addresses in payloads; RFC 8489 section 14.2.
///
/// The layout is that of [`MappedAddress`] with the port XORed with the upper half of the magic cookie and the
/// address with cookie and transaction id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XorMappedAddress(pub SocketAddr);

/// The server to ask instead, with error 300; RFC 8489 section 14.15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlternateServer(pub SocketAddr);

/// The peer that a request or data is about, in the layout of [`XorMappedAddress`]; RFC 8656 section 18.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XorPeerAddress(pub SocketAddr);

/// The address that the server gives, in the layout of [`XorMappedAddress`]; RFC 8656 section 18.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XorRelayedAddress(pub SocketAddr);

/// The address from which the server answers; RFC 5780 section 7.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseOrigin(pub SocketAddr);

/// The server's other address and other port; RFC 5780 section 7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherAddress(pub SocketAddr);

macro_rules! address_attribute {
    ($name:ident, $attribute_type:ident, $mask:expr) => {
        impl<'a> Attribute<'a> for $name {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, id: TransactionId) -> Result<Self, ParseError> {
                parse_address(raw, $mask(id)).map(Self)
            }

            fn encoded_len(&self) -> usize {
                address_len(self.0)
            }

            fn encode(&self, id: TransactionId, out: &mut Vec<u8>) {
                encode_address(self.0, $mask(id), out);
            }
        }
    };
}
address_attribute!(MappedAddress, MAPPED_ADDRESS, |_| [0; 16]);
address_attribute!(ResponseOrigin, RESPONSE_ORIGIN, |_| [0; 16]);
address_attribute!(OtherAddress, OTHER_ADDRESS, |_| [0; 16]);
address_attribute!(AlternateServer, ALTERNATE_SERVER, |_| [0; 16]);
address_attribute!(XorMappedAddress, XOR_MAPPED_ADDRESS, xor_mask);
address_attribute!(XorPeerAddress, XOR_PEER_ADDRESS, xor_mask);
address_attribute!(XorRelayedAddress, XOR_RELAYED_ADDRESS, xor_mask);

const IPV4: u8 = 0x01;
const IPV6: u8 = 0x02;

/// Cookie and transaction id, the octets that hide an address.
fn xor_mask(id: TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&id.0);
    mask
}

fn parse_address(raw: &RawAttribute<'_>, mask: [u8; 16]) -> Result<SocketAddr, ParseError> {
    let mut reader = raw.reader();
    let _reserved = reader.u8()?;
    let family = reader.u8()?;
    let port = reader.u16()? ^ u16::from_be_bytes([mask[0], mask[1]]);
    let ip = match family {
        IPV4 => {
            raw.expect_len(8, 8)?;
            IpAddr::V4(Ipv4Addr::from(xor(reader.array::<4>()?, mask)))
        }
        IPV6 => {
            raw.expect_len(20, 20)?;
            IpAddr::V6(Ipv6Addr::from(xor(reader.array::<16>()?, mask)))
        }
        other => return Err(ParseError { kind: Kind::AddressFamily(other), offset: raw.offset + 1 }),
    };
    Ok(SocketAddr::new(ip, port))
}

fn address_len(address: SocketAddr) -> usize {
    if address.is_ipv4() { 8 } else { 20 }
}

fn encode_address(address: SocketAddr, mask: [u8; 16], out: &mut Vec<u8>) {
    let port = address.port() ^ u16::from_be_bytes([mask[0], mask[1]]);
    out.extend_from_slice(&[0, if address.is_ipv4() { IPV4 } else { IPV6 }]);
    out.extend_from_slice(&port.to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&xor(ip.octets(), mask)),
        IpAddr::V6(ip) => out.extend_from_slice(&xor(ip.octets(), mask)),
    }
}

fn xor<const N: usize>(mut octets: [u8; N], mask: [u8; 16]) -> [u8; N] {
    octets.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    octets
}
