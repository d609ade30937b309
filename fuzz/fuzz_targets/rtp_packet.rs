//! Any octets as RTP: accessors stay inside, extensions end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_rtp::Packet;
use nomagic_rtp::payload::Assembler;
use nomagic_rtp::payload::opus::{self, Opus};
use nomagic_rtp::payload::vp8::{Descriptor, Vp8};

fuzz_target!(|bytes: &[u8]| {
    let _ = (opus::duration(bytes), Descriptor::parse(bytes));
    let (mut video, mut audio) = (Assembler::new(Vp8, 8), Assembler::new(Opus, 8));
    // Packets of 40 octets each: enough for header, extension and payload.
    for part in bytes.chunks(40) {
        let Ok(packet) = Packet::parse(part) else { continue };
        let inside = packet.header_len() + packet.payload().len() + packet.padding();
        assert_eq!(inside, part.len());
        assert!(packet.extensions().map(|element| element.data.len()).sum::<usize>() <= part.len());
        let _ = (packet.to_string(), packet.csrcs().count());
        video.push(&packet);
        audio.push(&packet);
        while let Some(frame) = video.pop() {
            assert!(frame.data.len() <= bytes.len());
        }
        while audio.pop().is_some() {}
    }
    video.flush();
    audio.flush();
});
