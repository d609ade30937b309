//! Frames through packets and bad networks, and back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

use nomagic_rtp::payload::opus::Opus;
use nomagic_rtp::payload::vp8::{Packetizer, Vp8};
use nomagic_rtp::payload::{Assembler, Frame};
use nomagic_rtp::{Packet, PacketBuilder};
use nomagic_testkit::{rng, vectors};
use proptest::prelude::*;
use rand::RngExt;

/// Frames of different lengths, each a different octet, with a frame header that says keyframe or not.
fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|at| [vec![u8::from(at % 10 != 0)], vec![at as u8; 100 + at * 517 % 4000]].concat())
        .collect()
}

fn packets(frames: &[Vec<u8>], first: u16) -> Vec<Vec<u8>> {
    let (mut packetizer, mut sequence) = (Packetizer::new(1200, 5), first);
    let mut packets = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        for piece in packetizer.packetize(frame) {
            let mut out = Vec::new();
            let timestamp = 3000 * at as u32;
            PacketBuilder { marker: piece.last, payload_type: 96, sequence, timestamp, ssrc: 1, csrcs: &[] }
                .encode_parts(&mut out, |_| (), &[&piece.descriptor, piece.media], 0);
            packets.push(out);
            sequence = sequence.wrapping_add(1);
        }
    }
    packets
}

fn assemble(packets: impl IntoIterator<Item = Vec<u8>>, patience: u16) -> Vec<Frame> {
    let mut assembler = Assembler::new(Vp8, patience);
    let mut frames = Vec::new();
    for bytes in packets {
        assembler.push(&Packet::parse(&bytes).unwrap());
        frames.extend(assembler.pop());
    }
    assembler.flush();
    frames.extend(std::iter::from_fn(|| assembler.pop()));
    frames
}

#[test]
fn frames_come_through_in_order_and_across_a_wrap() {
    let sent = frames(60);
    let got = assemble(packets(&sent, 65_500), 64);
    assert_eq!(got.len(), sent.len());
    for (at, (got, sent)) in got.iter().zip(&sent).enumerate() {
        assert_eq!((&got.data[..], got.timestamp, got.after_loss), (&sent[..], 3000 * at as u32, false));
        assert_eq!(got.keyframe, at % 10 == 0);
    }
}

#[test]
fn a_lost_packet_costs_its_frame_and_the_next_one_says_so() {
    let sent = frames(20);
    let mut packets = packets(&sent, 1);
    let lost =
        packets.iter().position(|bytes| Packet::parse(bytes).unwrap().timestamp() == 3000 * 7).unwrap();
    packets.remove(lost);
    let got = assemble(packets, 4);
    assert_eq!(got.len(), 19);
    assert!(got.iter().all(|frame| frame.after_loss == (frame.timestamp == 3000 * 8)));
}

#[test]
fn opus_packets_are_frames_and_come_in_order() {
    let mut assembler = Assembler::new(Opus, 8);
    for sequence in [10u16, 12, 11, 13] {
        let mut out = Vec::new();
        PacketBuilder { payload_type: 111, sequence, timestamp: sequence.into(), ..PacketBuilder::default() }
            .encode(&mut out, |_| (), &sequence.to_be_bytes(), 0);
        assembler.push(&Packet::parse(&out).unwrap());
    }
    let got: Vec<_> = std::iter::from_fn(|| assembler.pop()).map(|frame| frame.timestamp).collect();
    assert_eq!(got, [10, 11, 12, 13]);
}

/// 300 frames that GStreamer's payloader cut.
#[test]
fn packets_of_gstreamer_give_the_frames_that_went_in() {
    let packets = vectors::corpus("rtp/gstreamer/vp8-pid15.rtp.corpus");
    let frames = vectors::corpus("rtp/gstreamer/vp8-pid15.frames.corpus");
    let got = assemble(packets.into_iter().map(|(_, bytes)| bytes), 64);
    assert_eq!(got.len(), frames.len());
    assert!(got.iter().zip(&frames).all(|(got, (_, frame))| got.data == frame[..]));
}

/// The frames of a capture from a browser, against those of GStreamer's depayloader.
#[test]
fn a_captured_stream_gives_the_frames_that_another_depayloader_made() {
    let frames = vectors::corpus("rtp/captures/str0m-vp8.pcap.frames.corpus");
    let packets = vectors::json_lines("rtp/captures/str0m-vp8.pcap.packets.jsonl");
    let payloads = packets.iter().filter_map(|packet| packet["udp_payload"].as_str()).map(vectors::hex);
    let mut assembler = Assembler::new(Vp8, 64);
    let mut got = Vec::new();
    for bytes in payloads {
        let Ok(packet) = Packet::parse(&bytes) else { continue };
        assembler.push(&packet);
        got.extend(std::iter::from_fn(|| assembler.pop()));
    }
    assembler.flush();
    got.extend(std::iter::from_fn(|| assembler.pop()));
    assert_eq!(got.len(), frames.len());
    assert!(got.iter().zip(&frames).all(|(got, (_, frame))| got.data == frame[..]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the network does, what comes out went in, in order, without a hole.
    #[test]
    fn no_frame_with_a_hole_ever_comes_out(seed: u64, loss in 0.0f64..0.4, first: u16) {
        let (sent, mut rng) = (frames(80), rng(seed));
        let mut arriving: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut lost = false;
        for (at, bytes) in packets(&sent, first).into_iter().enumerate() {
            if rng.random_bool(loss) { lost = true; continue }
            let late = if rng.random_bool(0.1) { rng.random_range(0..20) } else { 0 };
            if rng.random_bool(0.05) { arriving.push((at + rng.random_range(0..40), bytes.clone())); }
            arriving.push((at + late, bytes));
        }
        arriving.sort_by_key(|(at, _)| *at);
        let got = assemble(arriving.into_iter().map(|(_, bytes)| bytes), 64);
        let mut last = None;
        for frame in &got {
            let at = frame.timestamp / 3000;
            prop_assert_eq!(&frame.data[..], &sent[at as usize][..]);
            prop_assert!(last.is_none_or(|last| last < at), "order");
            prop_assert!(frame.after_loss || last.is_none_or(|last| last + 1 == at), "a loss is told");
            last = Some(at);
        }
// The stream begins with the packet that happens to come first; from there on nothing is missing.
        let gaps = got.iter().skip(1).filter(|frame| frame.after_loss).count();
        prop_assert!(lost || gaps == 0 && last == Some(sent.len() as u32 - 1), "{gaps} gaps, last {last:?}");
    }
}
