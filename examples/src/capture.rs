//! A packet capture that Wireshark opens: each datagram with the IP and UDP headers it would have had.

use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use etherparse::PacketBuilder;
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

/// Writes datagrams to a pcap file.
#[derive(Debug)]
pub struct Capture<W: Write> {
    writer: PcapWriter<W>,
}

impl<W: Write> Capture<W> {
    /// Begins a capture of raw IP packets.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(writer: W) -> std::io::Result<Self> {
        let header = PcapHeader { datalink: DataLink::RAW, ..PcapHeader::default() };
        PcapWriter::with_header(writer, header).map(|writer| Self { writer }).map_err(other)
    }

    /// Adds a datagram. `time` is counted from whatever the caller calls zero.
    ///
    /// # Errors
    /// The record cannot be written, or the two addresses are of different families.
    pub fn datagram(
        &mut self,
        time: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let builder = match (source, destination) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), 64)
            }
            (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), 64)
            }
            _ => return Err(std::io::Error::other("a datagram between IPv4 and IPv6")),
        };
        let mut packet = Vec::with_capacity(payload.len() + 48);
        builder.udp(source.port(), destination.port()).write(&mut packet, payload).map_err(other)?;
        let len = u32::try_from(packet.len()).map_err(other)?;
        let record = PcapPacket { timestamp: time, orig_len: len, data: Cow::Owned(packet) };
        self.writer.write_packet(&record).map(drop).map_err(other)
    }

    /// Hands the writer back, with everything written.
    pub fn into_inner(self) -> W {
        self.writer.into_writer()
    }
}

fn other(fault: impl std::error::Error + Send + Sync + 'static) -> std::io::Error {
    std::io::Error::other(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_stands_behind_its_headers() {
        let mut capture = Capture::new(Vec::new()).unwrap();
        let (a, z) = ("127.0.0.1:1000".parse().unwrap(), "127.0.0.1:2000".parse().unwrap());
        capture.datagram(Duration::from_millis(1500), a, z, b"payload").unwrap();
        let bytes = capture.into_inner();
        assert_eq!(bytes.len(), 24 + 16 + 20 + 8 + 7);
        assert!(bytes.ends_with(b"payload"));
        let mixed = "[::1]:1".parse().unwrap();
        assert!(Capture::new(Vec::new()).unwrap().datagram(Duration::ZERO, a, mixed, b"").is_err());
    }
}
