//! Any octets as an SCTP packet: chunks describe themselves and write back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;

fuzz_target!(|bytes: &[u8]| {
    let Ok(packet) = Packet::parse(bytes) else { return };
    let _ = packet.to_string();
    for raw in packet.chunks() {
        let Ok(chunk) = Chunk::parse(raw) else { continue };
        let mut out = Vec::new();
        chunk.encode(&mut out);
        assert_eq!(chunk.encoded_len(), out.len());
    }
});
