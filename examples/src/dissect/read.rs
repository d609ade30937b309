//! Captures in, frames out.

use std::io::Cursor;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{Endianness, TsResolution};

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

impl Captured {
    fn add(&mut self, time: Duration, link: DataLink, data: Vec<u8>) {
        self.frames.push(Frame { number: self.frames.len() as u64 + 1, time, link, data });
    }
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
    let (link, resolution) = (reader.header().datalink, reader.header().ts_resolution);
    let mut captured = Captured::default();
    // Raw, for the library refuses what a short snap length has sliced.
    while let Some(packet) = reader.next_raw_packet() {
        match packet {
            Ok(packet) => {
                let fraction = match resolution {
                    TsResolution::MicroSecond => Duration::from_micros(packet.ts_frac.into()),
                    TsResolution::NanoSecond => Duration::from_nanos(packet.ts_frac.into()),
                };
                let time = Duration::from_secs(packet.ts_sec.into()) + fraction;
                captured.add(time, link, packet.data.into_owned());
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
            // The library takes ticks of whatever length for nanoseconds.
            Some(Ok(Block::EnhancedPacket(packet))) => {
                let ticks = u64::try_from(packet.timestamp.as_nanos()).unwrap_or(u64::MAX);
                (packet.interface_id as usize, ticks, packet.data.into_owned())
            }
            // The ancestor of the above. Its time is two words, the higher first, in either order of octets.
            Some(Ok(Block::Packet(packet))) => {
                let (id, time, data) = (packet.interface_id, packet.timestamp, packet.data.into_owned());
                let little = reader.section().endianness == Endianness::Little;
                (id.into(), if little { time.rotate_left(32) } else { time }, data)
            }
            Some(Ok(Block::SimplePacket(packet))) => (0, 0, packet.data.into_owned()),
            Some(Ok(Block::Unknown(block))) if block.type_ == SECRETS_BLOCK => {
                captured.key_log.push_str(&secrets(&block.value));
                continue;
            }
            Some(Ok(_)) => continue,
        };
        let (interface, ticks, data) = found;
        let interface = reader.interfaces().get(interface);
        let link = interface.map_or(DataLink::ETHERNET, |interface| interface.linktype);
        captured.add(interface.map_or(Duration::ZERO, |interface| time(interface, ticks)), link, data);
    }
    Ok(captured)
}

/// What an interface's ticks come to: millionths of a second, unless it says another power of 10 or of 2.
fn time(interface: &InterfaceDescriptionBlock<'_>, ticks: u64) -> Duration {
    let (mut second, mut offset) = (Some(1_000_000), 0);
    for option in &interface.options {
        match *option {
            InterfaceDescriptionOption::IfTsResol(power) if power & 0x80 != 0 => {
                second = 2u128.checked_pow((power & 0x7f).into());
            }
            InterfaceDescriptionOption::IfTsResol(power) => second = 10u128.checked_pow(power.into()),
            InterfaceDescriptionOption::IfTsOffset(seconds) => offset = seconds,
            _ => {}
        }
    }
    // Of a length that no number here holds, all the ticks there can be make no nanosecond.
    let Some(second) = second else { return Duration::from_secs(offset) };
    let ticks = u128::from(ticks);
    let seconds = u64::try_from(ticks / second).unwrap_or(u64::MAX);
    let nanoseconds = u64::try_from(ticks % second * 1_000_000_000 / second).unwrap_or(0);
    Duration::from_secs(seconds.saturating_add(offset)).saturating_add(Duration::from_nanos(nanoseconds))
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
