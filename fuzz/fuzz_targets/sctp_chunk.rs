//! Any octets as the value of a chunk of every type: what parses is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::channel::Dcep;
use nomagic_sctp::chunk::{Chunk, ChunkType, RawChunk, Request, Response};
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Association, Config};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let [kind, flags, value @ ..] = bytes else { return };
    if value.len() > 60_000 {
        return;
    }
    let raw = RawChunk { kind: ChunkType(*kind), flags: *flags, value };
    if let Ok(chunk) = Chunk::parse(raw) {
        let _ = chunk.to_string();
        let mut packet = vec![0; 12];
        chunk.encode(&mut packet);
        assert_eq!(packet.len() - 12, chunk.encoded_len());
        let again = Packet::parse(&packet).expect("a chunk that was written has a length");
        let read = Chunk::parse(again.chunks().next().expect("one chunk"));
        let read = read.expect("what was written can be read");
        assert_eq!(read.to_string(), chunk.to_string());
        if let Chunk::Reconfig(reconfig) = chunk {
            for param in reconfig.params.iter() {
                let _ = (Request::parse(param), Response::parse(param));
            }
        }
    }
    if let Ok(message) = Dcep::parse(value) {
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(Dcep::parse(&out), Ok(message));
    }
    // As a description's `a=sctp-init`.
    let _ = Association::new(Config::default(), &mut rng(1)).connect_with(clock::origin(), value);
});
