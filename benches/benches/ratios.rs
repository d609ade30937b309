//! Ours beside the raw primitives: what the protocol costs on top of its cryptography.
//!
//! `--quick` shows that everything runs; without it each row takes 30 interleaved rounds. The table goes to the
//! terminal, and as JSON to `ratios.json` in the target folder.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]

use std::path::Path;

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInOut;
use ctr::CtrCore;
use ctr::flavors::Ctr32BE;
use hmac::{Hmac, Mac};
use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
use nomagic_rtp::{Packet, PacketBuilder};
use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig, Sender};
use sha1::Sha1;

const SIZES: [usize; 2] = [160, 1200];

fn main() {
    let effort = Effort::from_arguments();
    let mut rows = Vec::new();
    for size in SIZES {
        rows.push(counter_mode(size, effort));
        rows.push(galois(size, effort));
        rows.push(unprotect(size, effort));
    }
    rows.push(parse_rtp(effort));
    print_table(&rows);
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("ratios.json")).unwrap();
}

fn sender(profile: Profile) -> Sender {
    Sender::new(&MasterKey::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()]).unwrap())
}

/// A plain packet of `size` octets of payload, written into `out` under the next sequence number.
fn next_packet(out: &mut Vec<u8>, sequence: &mut u16, payload: &[u8]) {
    out.clear();
    *sequence = sequence.wrapping_add(1);
    PacketBuilder { payload_type: 96, sequence: *sequence, ssrc: 1, ..PacketBuilder::default() }.encode(
        out,
        |_| (),
        payload,
        0,
    );
}

/// Writing the packet is part of both sides, so that the difference is SRTP's own.
fn counter_mode(size: usize, effort: Effort) -> Row {
    let payload = vec![7; size];
    let (mut own, mut sequence, mut out) =
        (sender(Profile::Aes128CmHmacSha1_80), 0, Vec::with_capacity(2048));
    let cipher = Aes128Enc::new(&[1; 16].into());
    let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&[2; 20]).unwrap();
    let (mut raw_sequence, mut raw_out) = (0, Vec::with_capacity(2048));
    measure(
        &format!("protect CM_SHA1_80, {size} B"),
        effort,
        vec![
            Contender::new("ours", move || {
                next_packet(&mut out, &mut sequence, &payload);
                own.protect_rtp(&mut out, 0).unwrap();
            }),
            Contender::new("raw", {
                let payload = vec![7; size];
                move || {
                    next_packet(&mut raw_out, &mut raw_sequence, &payload);
                    let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(&cipher, &[3; 16].into());
                    StreamCipherCoreWrapper::from_core(blocks).apply_keystream(&mut raw_out[12..]);
                    let mut mac = mac.clone();
                    mac.update(&raw_out);
                    mac.update(&[0; 4]);
                    let tag = mac.finalize().into_bytes();
                    raw_out.extend_from_slice(&tag[..10]);
                }
            }),
        ],
    )
}

fn galois(size: usize, effort: Effort) -> Row {
    let payload = vec![7; size];
    let (mut own, mut sequence, mut out) = (sender(Profile::AeadAes128Gcm), 0, Vec::with_capacity(2048));
    let cipher = Aes128Gcm::new(&[1; 16].into());
    let (mut raw_sequence, mut raw_out) = (0, Vec::with_capacity(2048));
    measure(
        &format!("protect AES_128_GCM, {size} B"),
        effort,
        vec![
            Contender::new("ours", move || {
                next_packet(&mut out, &mut sequence, &payload);
                own.protect_rtp(&mut out, 0).unwrap();
            }),
            Contender::new("raw", {
                let payload = vec![7; size];
                move || {
                    next_packet(&mut raw_out, &mut raw_sequence, &payload);
                    let (header, body) = raw_out.split_at_mut(12);
                    let tag = cipher.encrypt_inout_detached(&[3; 12].into(), header, body.into()).unwrap();
                    raw_out.extend_from_slice(&tag);
                }
            }),
        ],
    )
}

/// A round trip beside two protections: what checking, decrypting and the replay window cost beyond that.
fn unprotect(size: usize, effort: Effort) -> Row {
    let key = MasterKey::new(Profile::Aes128CmHmacSha1_80, &[1; 16], &[2; 14]).unwrap();
    let (mut own, mut receiver) = (Sender::new(&key), Receiver::new(&key, ReceiverConfig::default()));
    let (mut sequence, mut out, payload) = (0, Vec::with_capacity(2048), vec![7; size]);
    let (mut twice, mut other, mut raw_sequence) =
        (Sender::new(&key), sender(Profile::Aes128CmHmacSha1_80), 0);
    let mut raw_out = Vec::with_capacity(2048);
    measure(
        &format!("round trip CM_SHA1_80, {size} B"),
        effort,
        vec![
            Contender::new("ours", move || {
                next_packet(&mut out, &mut sequence, &payload);
                own.protect_rtp(&mut out, 0).unwrap();
                receiver.unprotect_rtp(&mut out).unwrap().len()
            }),
            Contender::new("2 x protect", {
                let payload = vec![7; size];
                move || {
                    next_packet(&mut raw_out, &mut raw_sequence, &payload);
                    twice.protect_rtp(&mut raw_out, 0).unwrap();
                    raw_out.truncate(12 + payload.len());
                    other.protect_rtp(&mut raw_out, 0).unwrap();
                }
            }),
        ],
    )
}

/// Reading a packet with three header extensions beside reading the same octets off a slice by hand.
fn parse_rtp(effort: Effort) -> Row {
    let mut packet = Vec::new();
    PacketBuilder { payload_type: 96, sequence: 7, timestamp: 9, ssrc: 1, marker: true, csrcs: &[] }.encode(
        &mut packet,
        |extensions| {
            extensions.element(1, &[1]).element(3, &[1, 2]).element(4, b"mid");
        },
        &[7; 1188],
        0,
    );
    let by_hand = packet.clone();
    measure(
        "parse RTP, 3 extensions",
        effort,
        vec![
            Contender::new("ours", move || {
                let packet = Packet::parse(std::hint::black_box(&packet)).unwrap();
                let elements: usize = packet.extensions().map(|element| element.data.len()).sum();
                (packet.sequence(), packet.ssrc(), packet.payload().len(), elements)
            }),
            Contender::new("by hand", move || {
                let octets = std::hint::black_box(&by_hand);
                let words = usize::from(u16::from_be_bytes([octets[14], octets[15]]));
                let (mut at, end, mut elements) = (16, 16 + 4 * words, 0);
                while at < end {
                    let len = usize::from(octets[at] & 15) + 1;
                    if octets[at] == 0 {
                        at += 1;
                    } else {
                        at += 1 + len;
                        elements += len;
                    }
                }
                let sequence = u16::from_be_bytes([octets[2], octets[3]]);
                let ssrc = u32::from_be_bytes([octets[8], octets[9], octets[10], octets[11]]);
                (sequence, ssrc, octets.len() - end, elements)
            }),
        ],
    )
}
