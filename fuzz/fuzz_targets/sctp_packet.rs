//! Any octets as an SCTP packet, and to machines in every early state with tag and checksum put right: chunks describe
//! themselves, write back what they read, and no machine panics or answers with more than a packet takes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Association, Config};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let mut machine = Association::new(Config::default(), &mut rng(1));
    let now = clock::origin();
    if bytes.first().is_some_and(|first| first & 1 != 0) {
        machine.connect(now);
    }
    let tag = u32::from_be_bytes(machine.sctp_init()[4..8].try_into().unwrap_or_default());
    machine.handle_input(now, &mut bytes.to_vec());
    let mut fixed = bytes.to_vec();
    if fixed.len() >= 12 {
        fixed[..4].copy_from_slice(&[0x13, 0x88, 0x13, 0x88]);
        if fixed[4] & 1 != 0 {
            fixed[4..8].copy_from_slice(&tag.to_be_bytes());
        }
        fixed[8..12].fill(0);
        let crc = crc32c::crc32c(&fixed).to_le_bytes();
        fixed[8..12].copy_from_slice(&crc);
        machine.handle_input(now, &mut fixed);
    }
    let mut out = Vec::new();
    while machine.poll_transmit(now, &mut out).is_some() {
        assert!(out.len() <= 65_600);
        out.clear();
    }
    let Ok(packet) = Packet::parse(bytes) else { return };
    let _ = packet.to_string();
    for raw in packet.chunks() {
        let Ok(chunk) = Chunk::parse(raw) else { continue };
        let mut out = Vec::new();
        chunk.encode(&mut out);
        assert_eq!(chunk.encoded_len(), out.len());
    }
});
