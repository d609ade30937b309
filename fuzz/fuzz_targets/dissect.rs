//! Any octets as packets of one dissector, which remembers: it never panics, and both its outputs come out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_examples::dissect::{Dissector, Paint, read, read_hex};

fuzz_target!(|bytes: &[u8]| {
    let mut dissector = Dissector::default();
    for (packet, number) in bytes.split(|octet| *octet == b'\n').zip(1..) {
        let packet = dissector.bare(number, packet);
        let _ = packet.to_json().to_string();
        let _ = packet.print(Paint::Plain);
    }
    for packet in read_hex(bytes).unwrap_or_default() {
        let _ = dissector.bare(1, &packet).print(Paint::Colours);
    }
    if let Ok(captured) = read(bytes) {
        for packet in captured.frames.iter().flat_map(|frame| dissector.frame(frame)) {
            let _ = packet.to_json().to_string();
        }
    }
});
