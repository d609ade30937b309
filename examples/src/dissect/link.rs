//! From a captured frame to what it carries: link, IP and transport headers are read by a library.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::{IpNumber, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_file::DataLink;

/// What a frame carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Carried<'f> {
    /// A UDP datagram.
    Udp(SocketAddr, SocketAddr, &'f [u8]),
    /// A TCP segment with its sequence number.
    Tcp(SocketAddr, SocketAddr, u32, &'f [u8]),
    /// An SCTP packet straight on IP; the ports are its own.
    Sctp(IpAddr, IpAddr, &'f [u8]),
    /// Something else, by name.
    Other(Option<(IpAddr, IpAddr)>, String, &'f [u8]),
}

/// Octets in front of the IP packet, for links that the library does not read.
const SLL2_HEADER: usize = 20;
const NULL_HEADER: usize = 4;

pub(super) fn open(link: DataLink, frame: &[u8]) -> Carried<'_> {
    let sliced = match link {
        DataLink::ETHERNET => LaxSlicedPacket::from_ethernet(frame).ok(),
        DataLink::LINUX_SLL => frame.get(14..16).and_then(|kind| {
            let kind = etherparse::EtherType(u16::from_be_bytes([kind[0], kind[1]]));
            Some(LaxSlicedPacket::from_ether_type(kind, frame.get(16..)?))
        }),
        DataLink::LINUX_SLL2 => frame.get(SLL2_HEADER..).and_then(|rest| LaxSlicedPacket::from_ip(rest).ok()),
        DataLink::NULL | DataLink::LOOP => {
            frame.get(NULL_HEADER..).and_then(|rest| LaxSlicedPacket::from_ip(rest).ok())
        }
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => LaxSlicedPacket::from_ip(frame).ok(),
        _ => return Carried::Other(None, format!("link type {}", u32::from(link)), frame),
    };
    let Some(packet) = sliced else { return Carried::Other(None, "no packet of IP".into(), frame) };
    let (Some(addresses), Some(ip)) =
        (addresses(&packet), packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref))
    else {
        return Carried::Other(None, "not IP".into(), frame);
    };
    let (from, to) = addresses;
    if ip.fragmented {
        return Carried::Other(Some(addresses), "a fragment of an IP packet".into(), ip.payload);
    }
    match &packet.transport {
        Some(TransportSlice::Udp(udp)) => Carried::Udp(
            SocketAddr::new(from, udp.source_port()),
            SocketAddr::new(to, udp.destination_port()),
            udp.payload(),
        ),
        Some(TransportSlice::Tcp(tcp)) => Carried::Tcp(
            SocketAddr::new(from, tcp.source_port()),
            SocketAddr::new(to, tcp.destination_port()),
            tcp.sequence_number(),
            tcp.payload(),
        ),
        _ if ip.ip_number == IpNumber::SCTP => Carried::Sctp(from, to, ip.payload),
        _ => Carried::Other(Some(addresses), format!("IP protocol {}", ip.ip_number.0), ip.payload),
    }
}

fn addresses(packet: &LaxSlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
    match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            Some((Ipv4Addr::from(header.source()).into(), Ipv4Addr::from(header.destination()).into()))
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            Some((Ipv6Addr::from(header.source()).into(), Ipv6Addr::from(header.destination()).into()))
        }
        _ => None,
    }
}
