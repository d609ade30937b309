//! Packets that others made: they parse, say what others read in them, and encode to the same octets.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::Config;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::{Packet, PacketBuilder};
use nomagic_testkit::vectors;

/// Parses and encodes again.
fn again(bytes: &[u8]) -> Option<Vec<u8>> {
    let packet = Packet::parse(bytes).ok()?;
    let mut out = Vec::new();
    let ports = (packet.source_port(), packet.destination_port());
    let mut builder = PacketBuilder::new(&mut out, ports.0, ports.1, packet.tag(), 65_536);
    for raw in packet.chunks() {
        let chunk = Chunk::parse(raw).ok()?;
        assert_eq!(chunk.kind(), raw.kind);
        assert!(builder.push(&chunk));
    }
    builder.finish(packet.checksum() != 0);
    Some(out)
}

#[test]
fn packets_of_aiortc_encode_to_the_same_octets() {
    for (name, bytes) in vectors::files("sctp/aiortc") {
        let malformed = name.contains("truncated") || name.contains("zero_length");
        assert_eq!(Packet::parse(&bytes).is_err(), malformed, "{name}");
        if !malformed {
            assert!(Packet::parse(&bytes).unwrap().checksum_is_valid(), "{name}");
            assert_eq!(again(&bytes), Some(bytes), "{name}");
        }
    }
}

#[test]
fn packets_of_libwebrtc_parse() {
    for (name, bytes) in vectors::files("sctp/webrtc-corpus") {
        // Its last chunk is cut off.
        let cut = name == "cookie-echo-data-data.bin";
        let packet = match Packet::parse(&bytes) {
            Ok(packet) => packet,
            Err(_) if cut => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        for raw in packet.chunks() {
            Chunk::parse(raw).unwrap_or_else(|error| panic!("{name}: {raw:?}: {error}"));
        }
    }
}

#[test]
fn the_checksum_is_that_of_the_published_examples() {
    let Some(json) = vectors::json("sctp/crc32c.json") else { return };
    for vector in json["vectors"].as_array().unwrap() {
        let octets = vectors::hex(vector["hex"].as_str().unwrap());
        let wire = vectors::hex(vector["crc_bytes_on_wire"].as_str().unwrap());
        assert_eq!(crc32c::crc32c(&octets).to_le_bytes().to_vec(), wire, "{}", vector["name"]);
    }
}

#[test]
fn captured_packets_say_what_wireshark_reads_in_them() {
    let packets = vectors::json_lines("sctp/captures/zeek-sctp.pcap.packets.jsonl");
    let Some(table) = vectors::read("sctp/captures/zeek-sctp.pcap.sctp.tsv") else { return };
    let table = String::from_utf8(table).unwrap();
    for (line, json) in table.lines().skip(1).zip(packets) {
        let fields: Vec<&str> = line.split('\t').collect();
        let bytes = vectors::hex(json["sctp"].as_str().unwrap());
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.source_port().to_string(), fields[1]);
        assert_eq!(packet.destination_port().to_string(), fields[2]);
        assert_eq!(format!("{:#010x}", packet.tag()), fields[3]);
        let kinds: Vec<String> = packet.chunks().map(|c| c.kind.0.to_string()).collect();
        assert_eq!(kinds.join(","), fields[6]);
        for raw in packet.chunks() {
            match Chunk::parse(raw).unwrap() {
                Chunk::Data(data) => assert!(fields[7].split(',').any(|f| f == data.tsn.to_string())),
                Chunk::Sack(sack) => assert!(fields[13].split(',').any(|f| f == sack.a_rwnd.to_string())),
                Chunk::Init(init) => {
                    assert!(fields[11].split(',').any(|f| f == format!("{:#010x}", init.tag)));
                }
                _ => {}
            }
        }
    }
}

// The packets of whole sessions of aiortc.
#[test]
fn packets_of_recorded_sessions_encode_to_the_same_octets() {
    for name in ["aiortc-data", "aiortc-vp8"] {
        let Some(json) = vectors::json(&format!("webrtc/{name}.session.json")) else { return };
        for packet in json["sctp_packets_received"].as_array().unwrap() {
            let bytes = vectors::hex(packet["hex"].as_str().unwrap());
            assert!(Packet::parse(&bytes).unwrap().checksum_is_valid());
            let mut padded = bytes.clone();
            padded.resize(bytes.len().next_multiple_of(4), 0);
            let encoded = again(&bytes).unwrap();
            assert_eq!(encoded, padded, "{}", Packet::parse(&bytes).unwrap());
        }
    }
}

#[test]
fn what_once_broke_others_breaks_nothing_here() {
    let whole = [
        "sctp/webrtc-rs-crashes",
        "sctp/webrtc-rs-param-crashes",
        "sctp/usrsctp-listen",
        "sctp/webrtc-corpus",
    ];
    for (name, mut bytes) in whole.iter().flat_map(|folder| vectors::files(folder)) {
        if let Ok(packet) = Packet::parse(&bytes) {
            println!("{name}: {packet}");
        }
        let mut played = Played::up(Config::default());
        played.end.handle_input(played.now, &mut bytes);
        let mut tagged = bytes.clone();
        if tagged.len() > 12 {
            let tagged = packet(played.tag, &tagged.split_off(12));
            played.end.handle_input(played.now, &mut tagged.clone());
            played.hear();
        }
    }
    for (_, bytes) in ["sctp/usrsctp-connect", "sctp/usrsctp-fragment"].iter().flat_map(|f| vectors::files(f))
    {
        for skip in [0, 1] {
            let Some(chunks) = bytes.get(skip..) else { continue };
            let mut played = Played::up(Config::default());
            played.end.send(played.now, 1, pattern(5000, 1), Default::default()).unwrap();
            played.hear();
            played.tell(chunks);
            // And each chunk in a packet of its own.
            let mut left = chunks;
            while left.len() >= 4 {
                let length = usize::from(u16::from_be_bytes([left[2], left[3]])).max(4).next_multiple_of(4);
                let (chunk, rest) = left.split_at(length.min(left.len()));
                played.tell(chunk);
                left = rest;
            }
            for _ in 0..5 {
                if played.end.poll_timeout().is_some() {
                    played.wait();
                }
            }
        }
    }
}
