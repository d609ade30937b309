//! Recordings of RTP: `rtpdump` files of the rtptools, and packet captures.
//!
//! An rtpdump file has a line of text, a header of 16 octets, and records: the length of the record and of the packet, 0
//! for RTCP, in 16 bits each, the milliseconds since the beginning in 32, and the packet.

use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;

use crate::capture::Capture;

/// A packet and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Since the recording's beginning, or since 1970 in a capture.
    pub time: Duration,
    /// Whence and whither; a packet of rtpdump has neither.
    pub route: Option<(SocketAddr, SocketAddr)>,
    /// What rtpdump says of it.
    pub is_rtcp: bool,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// All that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The text and the header of an rtpdump file, to be written back; `None` for a capture.
    head: Option<Vec<u8>>,
    /// The packets, in order.
    pub packets: Vec<Recorded>,
}

const MAGIC: &[u8] = b"#!rtpplay1.0 ";

impl Recording {
    /// Reads either kind of file.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        if file.starts_with(MAGIC) { Self::parse_rtpdump(file) } else { Self::parse_pcap(file) }
    }

    fn parse_rtpdump(file: &[u8]) -> Result<Self, String> {
        let line =
            file.iter().position(|octet| *octet == b'\n').ok_or("the rtpdump file has no second line")?;
        let (head, mut rest) = file.split_at_checked(line + 1 + 16).ok_or("the rtpdump header is cut off")?;
        let mut packets = Vec::new();
        while let Some((record, _)) = rest.split_first_chunk::<8>() {
            let len = usize::from(u16::from_be_bytes([record[0], record[1]]));
            let packet_len = u16::from_be_bytes([record[2], record[3]]);
            let milliseconds = u32::from_be_bytes([record[4], record[5], record[6], record[7]]);
            let payload = rest.get(8..len).ok_or_else(|| format!("record {} is cut off", packets.len()))?;
            packets.push(Recorded {
                time: Duration::from_millis(milliseconds.into()),
                route: None,
                is_rtcp: packet_len == 0,
                payload: payload.to_vec(),
            });
            rest = &rest[len..];
        }
        Ok(Self { head: Some(head.to_vec()), packets })
    }

    fn parse_pcap(file: &[u8]) -> Result<Self, String> {
        let fault = |fault| format!("neither an rtpdump nor a pcap file: {fault}");
        let mut reader = PcapReader::new(Cursor::new(file)).map_err(fault)?;
        let link = reader.header().datalink;
        let mut packets = Vec::new();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.map_err(|fault| format!("packet {}: {fault}", packets.len()))?;
            packets.extend(datagram(link, &packet.data, packet.timestamp));
        }
        Ok(Self { head: None, packets })
    }

    /// Writes the kind of file that was read. A capture's packets come without what was below IP.
    ///
    /// # Errors
    /// A sentence about a packet that has no place in the file.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let Some(head) = &self.head else { return self.encode_pcap() };
        let mut out = head.clone();
        for packet in &self.packets {
            let len =
                u16::try_from(packet.payload.len() + 8).map_err(|_| "a packet is too long for rtpdump")?;
            let milliseconds = u32::try_from(packet.time.as_millis()).unwrap_or(u32::MAX);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(&if packet.is_rtcp { 0 } else { len - 8 }.to_be_bytes());
            out.extend_from_slice(&milliseconds.to_be_bytes());
            out.extend_from_slice(&packet.payload);
        }
        Ok(out)
    }

    fn encode_pcap(&self) -> Result<Vec<u8>, String> {
        let mut capture = Capture::new(Vec::new()).map_err(|fault| fault.to_string())?;
        for packet in &self.packets {
            let (from, to) = packet.route.ok_or("a packet has no addresses")?;
            capture.datagram(packet.time, from, to, &packet.payload).map_err(|fault| fault.to_string())?;
        }
        Ok(capture.into_inner())
    }
}

/// The UDP datagram in a captured frame, if there is one.
fn datagram(link: DataLink, frame: &[u8], time: Duration) -> Option<Recorded> {
    let sliced = match link {
        DataLink::ETHERNET => SlicedPacket::from_ethernet(frame),
        DataLink::LINUX_SLL => SlicedPacket::from_linux_sll(frame),
        // The family of addresses in four octets, which the version in the next one repeats.
        DataLink::NULL | DataLink::LOOP => SlicedPacket::from_ip(frame.get(4..)?),
        _ => SlicedPacket::from_ip(frame),
    }
    .ok()?;
    let Some(TransportSlice::Udp(udp)) = &sliced.transport else { return None };
    let (from, to): (IpAddr, IpAddr) = match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        Some(NetSlice::Ipv6(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        _ => return None,
    };
    let route = (SocketAddr::new(from, udp.source_port()), SocketAddr::new(to, udp.destination_port()));
    let payload = udp.payload().to_vec();
    Some(Recorded { time, route: Some(route), is_rtcp: nomagic_srtp::is_rtcp(&payload), payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rtpdump_file_comes_back_octet_for_octet() {
        for (name, bytes) in nomagic_testkit::vectors::files("rtp/rtpdump") {
            let recording = Recording::parse(&bytes).unwrap();
            assert!(recording.packets.len() > 100, "{name}");
            assert_eq!(recording.encode().unwrap(), bytes, "{name}");
        }
    }

    #[test]
    fn a_capture_comes_back() {
        let route = ("127.0.0.1:1000".parse().unwrap(), "127.0.0.1:2000".parse().unwrap());
        let packet = |number: u8| Recorded {
            time: Duration::from_millis(number.into()),
            route: Some(route),
            is_rtcp: number == 200,
            payload: vec![0x80, number, 1, 2],
        };
        let recording = Recording { head: None, packets: vec![packet(96), packet(200)] };
        let bytes = recording.encode().unwrap();
        assert_eq!(Recording::parse(&bytes).unwrap(), recording);
    }

    #[test]
    fn files_that_are_cut_off_are_told_so() {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(b"127.0.0.1/5000\n");
        assert!(Recording::parse(&file).is_err());
        file.extend_from_slice(&[0; 16]);
        assert_eq!(Recording::parse(&file).unwrap().packets, []);
        file.extend_from_slice(&[0, 12, 0, 4, 0, 0, 0, 0, 1]);
        assert_eq!(Recording::parse(&file).unwrap_err(), "record 0 is cut off");
        // A record shorter than its own header.
        let end = file.len() - 9;
        file.truncate(end);
        file.extend_from_slice(&[0, 3, 0, 4, 0, 0, 0, 0]);
        assert!(Recording::parse(&file).is_err());
        assert!(Recording::parse(b"something else").is_err());
    }
}
