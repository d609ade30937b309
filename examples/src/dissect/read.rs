//! Captures in, frames out.

use std::io::{BufRead, Cursor};
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};

/// A frame as it was captured.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// Since the epoch, or since whatever the capture counts from.
    pub time: Duration,
    /// What the octets begin with.
    pub link: DataLink,
    /// The octets.
    pub data: Vec<u8>,
}

/// All that a file holds.
#[derive(Debug, Default)]
pub struct Captured {
    /// The frames in their order.
    pub frames: Vec<Frame>,
    /// Key logs that came with them (pcapng's Decryption Secrets Block).
    pub key_log: String,
    /// Why reading ended before the file did.
    pub cut: Option<String>,
}

/// Type of the block that carries secrets, and of secrets that are a TLS key log.
const SECRETS_BLOCK: u32 = 10;
const KEY_LOG: u32 = 0x544c_534b;

/// Reads a pcap or pcapng file.
///
/// # Errors
/// It is neither.
pub fn read(file: &[u8]) -> Result<Captured, String> {
    match file.get(..4) {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => read_pcapng(file),
        _ => read_pcap(file),
    }
}

fn read_pcap(file: &[u8]) -> Result<Captured, String> {
    let mut reader =
        PcapReader::new(Cursor::new(file)).map_err(|error| format!("neither pcap nor pcapng: {error}"))?;
    let link = reader.header().datalink;
    let mut captured = Captured::default();
    while let Some(packet) = reader.next_packet() {
        match packet {
            Ok(packet) => {
                let number = captured.frames.len() as u64 + 1;
                captured.frames.push(Frame {
                    number,
                    time: packet.timestamp,
                    link,
                    data: packet.data.into_owned(),
                });
            }
            Err(error) => {
                captured.cut = Some(error.to_string());
                break;
            }
        }
    }
    Ok(captured)
}

fn read_pcapng(file: &[u8]) -> Result<Captured, String> {
    let mut reader =
        PcapNgReader::new(Cursor::new(file)).map_err(|error| format!("not a pcapng file: {error}"))?;
    let mut captured = Captured::default();
    loop {
        let found = match reader.next_block() {
            None => break,
            Some(Err(error)) => {
                captured.cut = Some(error.to_string());
                break;
            }
            Some(Ok(Block::EnhancedPacket(packet))) => {
                (packet.interface_id as usize, packet.timestamp, packet.data.into_owned())
            }
            Some(Ok(Block::SimplePacket(packet))) => (0, Duration::ZERO, packet.data.into_owned()),
            Some(Ok(Block::Unknown(block))) if block.type_ == SECRETS_BLOCK => {
                captured.key_log.push_str(&secrets(&block.value));
                continue;
            }
            Some(Ok(_)) => continue,
        };
        let (interface, time, data) = found;
        let link =
            reader.interfaces().get(interface).map_or(DataLink::ETHERNET, |interface| interface.linktype);
        captured.frames.push(Frame { number: captured.frames.len() as u64 + 1, time, link, data });
    }
    Ok(captured)
}

/// The key log in a Decryption Secrets Block, in either order of octets; nothing where it holds other secrets.
fn secrets(block: &[u8]) -> String {
    let word = |at: usize, little: bool| {
        let octets = block.get(at..at + 4).and_then(|octets| octets.try_into().ok());
        octets.map(
            |octets: [u8; 4]| if little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) },
        )
    };
    for little in [true, false] {
        if word(0, little) == Some(KEY_LOG) {
            let len = word(4, little).map_or(0, |len| len as usize);
            let text = block.get(8..8 + len).or_else(|| block.get(8..)).unwrap_or_default();
            return String::from_utf8_lossy(text).into_owned() + "\n";
        }
    }
    String::new()
}

/// Reads one datagram a line, as hexadecimal digits; spaces, colons and a leading `0x` are allowed, empty lines and those
/// that begin with `#` are passed over.
///
/// # Errors
/// A line holds something else; its number is named.
pub fn read_hex(input: impl BufRead) -> Result<Vec<Vec<u8>>, String> {
    let mut datagrams = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line = line.map_err(|error| error.to_string())?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let text = text.strip_prefix("0x").unwrap_or(text);
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|digit| !digit.is_whitespace() && *digit != ':')
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let pairs = digits.filter(|digits| digits.len() % 2 == 0);
        let pairs =
            pairs.ok_or_else(|| format!("line {}: expected pairs of hexadecimal digits", number + 1))?;
        datagrams.push(pairs.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    }
    Ok(datagrams)
}
