//! Laws of the codecs: what parses encodes to what parses to the same; no cut and no noise panics.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use nomagic_sctp::channel::Dcep;
use nomagic_sctp::chunk::{Chunk, ChunkType, RawChunk};
use nomagic_sctp::packet::{Packet, PacketBuilder};
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(vec![0u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 64, 130, 132, 192, 194]),
        1 => any::<u8>(),
    ]
}

/// Octets in which length fields are often small and therefore right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![2 => Just(0u8), 1 => 1..20u8, 1 => any::<u8>()], 0..80)
}

proptest! {
    #[test]
    fn chunks_that_parse_encode_to_what_parses_to_the_same(kind in kinds(), flags in any::<u8>(), value in value()) {
        let raw = RawChunk { kind: ChunkType(kind), flags, value: &value };
        if let Ok(chunk) = Chunk::parse(raw) {
            let mut out = Vec::new();
            chunk.encode(&mut out);
            prop_assert_eq!(out.len(), chunk.encoded_len());
            let length = usize::from(u16::from_be_bytes([out[2], out[3]]));
            let again = RawChunk { kind: ChunkType(out[0]), flags: out[1], value: &out[4..length] };
            prop_assert_eq!(Chunk::parse(again), Ok(chunk));
            prop_assert!(!chunk.to_string().contains('\n'));
        }
    }

    #[test]
    fn packets_of_any_chunks_survive_and_any_cut_is_harmless(
        tag in any::<u32>(),
        chunks in prop::collection::vec((kinds(), any::<u8>(), value()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut out = Vec::new();
        let mut builder = PacketBuilder::new(&mut out, 1, 2, tag, 1000);
        for (kind, flags, value) in &chunks {
            let raw = RawChunk { kind: ChunkType(*kind), flags: *flags, value };
            prop_assert!(builder.push(&Chunk::Unknown(raw)));
        }
        builder.finish(true);
        let packet = Packet::parse(&out).unwrap();
        prop_assert!(packet.checksum_is_valid());
        prop_assert_eq!((packet.tag(), packet.chunks().count()), (tag, chunks.len()));
        let shown = packet.to_string();
        prop_assert!(!shown.contains('\n'));
        let cut = &out[..cut.index(out.len())];
        if let Ok(packet) = Packet::parse(cut) {
            prop_assert!(!packet.checksum_is_valid());
        }
    }

    #[test]
    fn noise_never_panics(bytes in value()) {
        if let Ok(packet) = Packet::parse(&bytes) {
            for raw in packet.chunks() {
                Chunk::parse(raw).ok();
            }
        }
        if let Ok(message) = Dcep::parse(&bytes) {
            let mut out = Vec::new();
            message.encode(&mut out);
            prop_assert_eq!(out.len(), message.encoded_len());
            prop_assert_eq!(&out, &bytes);
        }
    }
}

// RFC 8832 section 5.1, each field explained.
#[test]
fn an_announcement_reads_as_the_rfc_says() {
    let bytes = [
        3,    // DATA_CHANNEL_OPEN
        0x81, // unordered, limited retransmissions
        1, 0, // priority 256
        0, 0, 0, 5, // five retransmissions
        0, 4, 0, 2, // label and protocol length
        b'c', b'h', b'a', b't', b'x', b'y',
    ];
    let Ok(Dcep::Open(open)) = Dcep::parse(&bytes) else { panic!() };
    assert_eq!((open.label, open.protocol, open.priority, open.reliability), ("chat", "xy", 256, 5));
    assert!(!open.channel_type.is_ordered());
    for cut in 0..bytes.len() {
        assert!(Dcep::parse(&bytes[..cut]).is_err());
    }
}
