//! What must hold against a hostile network. The numbers S1 to S20 are those of the survey this crate was built from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_srtp::{
    Backend, Cryptex, ExtensionIds, Forward, MasterKey, Profile, ProtectError, Receiver, ReceiverConfig,
    Sender, SenderConfig, SetIndexError, UnprotectError, WhenFull, is_rtcp,
};
use nomagic_testkit::alloc;
use proptest::prelude::*;

const SSRC: u32 = 0x1234_5678;

fn key(profile: Profile) -> MasterKey {
    let (key, salt): (Vec<u8>, Vec<u8>) =
        ((0..u8::try_from(profile.key_len()).unwrap()).collect(), vec![7; profile.salt_len()]);
    MasterKey::new(profile, &key, &salt).unwrap()
}

fn ends(profile: Profile) -> (Sender, Receiver) {
    (Sender::new(&key(profile)), Receiver::new(&key(profile), ReceiverConfig::default()))
}

fn rtp_of(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(b"some payload");
    packet
}

fn rtp(sequence: u16) -> Vec<u8> {
    rtp_of(SSRC, sequence)
}

fn rtcp() -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&SSRC.to_be_bytes());
    packet.extend_from_slice(b"more");
    packet
}

fn sealed(sender: &mut Sender, sequence: u16) -> Vec<u8> {
    let mut out = rtp(sequence);
    sender.protect_rtp(&mut out, 0).unwrap();
    out
}

fn open(receiver: &mut Receiver, mut packet: Vec<u8>) -> Result<Vec<u8>, UnprotectError> {
    receiver.unprotect_rtp(&mut packet).map(|plain| plain.to_vec())
}

#[test]
fn every_profile_brings_packets_through() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut out = b"headroom".to_vec();
        out.extend(rtp(1));
        sender.protect_rtp(&mut out, 8).unwrap();
        assert_eq!(out.len(), 8 + rtp(1).len() + profile.rtp_tailroom());
        assert_eq!(out[8 + 12..][..12] != rtp(1)[12..], profile.encrypts(), "{profile}");
        assert_eq!(receiver.unprotect_rtp(&mut out[8..]).unwrap(), rtp(1));
        let mut out = rtcp();
        sender.protect_rtcp(&mut out, 0).unwrap();
        assert_eq!(out.len(), rtcp().len() + profile.rtcp_tailroom());
        assert_eq!(receiver.unprotect_rtcp(&mut out).unwrap(), rtcp());
    }
}

/// S1: without encryption the tag counts all the same.
//= rfc3711#3.4-15 test
#[test]
fn s1_forged_rtcp_that_claims_no_encryption_is_refused() {
    for profile in Profile::ALL {
        let (_, mut receiver) = ends(profile);
        let mut forged = rtcp();
        forged.extend(vec![0; profile.rtcp_tailroom()]);
        let before = forged.clone();
        assert_eq!(receiver.unprotect_rtcp(&mut forged), Err(UnprotectError::Authentication));
        assert_eq!((forged, receiver.stream_count()), (before, 0));
    }
}

/// S2 and S3: any cut and any header.
#[test]
fn s2_every_truncation_is_an_error() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut control = rtcp();
        sender.protect_rtcp(&mut control, 0).unwrap();
        let packet = sealed(&mut sender, 1);
        for len in 0..packet.len() {
            assert!(open(&mut receiver, packet[..len].to_vec()).is_err());
        }
        for len in 0..control.len() {
            assert!(receiver.unprotect_rtcp(&mut control.clone()[..len]).is_err());
        }
        assert_eq!(receiver.stream_count(), 0);
        assert!(open(&mut receiver, packet).is_ok());
    }
}

#[test]
fn s3_headers_that_do_not_fit_are_refused() {
    let (mut sender, mut receiver) = ends(Profile::Aes128CmHmacSha1_80);
    let malformed = |mut packet: Vec<u8>, first: u8, sender: &mut Sender, receiver: &mut Receiver| {
        packet[0] = first;
        let len = packet.len();
        assert_eq!(sender.protect_rtp(&mut packet.clone(), 0), Err(ProtectError::Malformed { len }));
        assert_eq!(open(receiver, packet), Err(UnprotectError::Malformed { len }));
    };
    malformed(rtp(1), 0x8f, &mut sender, &mut receiver);
    malformed(rtp(1), 0x40, &mut sender, &mut receiver);
    let mut extended = rtp(1);
    extended.splice(12..12, [0xbe, 0xde, 0xff, 0xff]);
    malformed(extended, 0x90, &mut sender, &mut receiver);
}

/// S4: forgeries leave nothing behind.
#[test]
fn s4_a_million_forged_sources_leave_no_entry() {
    let (mut sender, mut receiver) = ends(Profile::AeadAes128Gcm);
    assert!(open(&mut receiver, sealed(&mut sender, 1)).is_ok());
    let mut forged = rtp(0x9000);
    forged.extend_from_slice(&[0; 16]);
    let counted = alloc::count(|| {
        for ssrc in 0..1_000_000u32 {
            forged[8..12].copy_from_slice(&ssrc.to_be_bytes());
            assert_eq!(receiver.unprotect_rtp(&mut forged), Err(UnprotectError::Authentication));
        }
    });
    assert_eq!((receiver.stream_count(), counted.count), (1, 0));
    assert!(open(&mut receiver, sealed(&mut sender, 2)).is_ok());
}

/// S5: a replay is known across a roll-over, and one just outside the window is too old.
//= rfc3711#3.3-3 test
#[test]
fn s5_replays_are_refused_across_a_roll_over_and_at_the_edge_of_the_window() {
    let (mut sender, mut receiver) = ends(Profile::Aes128CmHmacSha1_80);
    let packets: Vec<_> =
        (0xff00..=0xffff).chain(0..1024).map(|sequence| sealed(&mut sender, sequence)).collect();
    let (edge, rest) = packets.split_at(256);
    for packet in &edge[1..] {
        open(&mut receiver, packet.clone()).unwrap();
    }
    for packet in &rest[..768] {
        open(&mut receiver, packet.clone()).unwrap();
    }
    // The highest index is 0x1_02ff; the window of 1024 begins at 0xff00.
    for packet in &packets[1..1024] {
        assert!(matches!(open(&mut receiver, packet.clone()), Err(UnprotectError::Replayed { .. })));
    }
    open(&mut receiver, packets[0].clone()).unwrap();
    open(&mut receiver, packets[1024].clone()).unwrap();
    assert_eq!(open(&mut receiver, packets[0].clone()), Err(UnprotectError::TooOld { index: 0xff00 }));
}

/// S6: the order on which others stumbled.
//= rfc3711#3.3.1-5 test
#[test]
fn s6_a_late_packet_after_a_roll_over_does_not_turn_the_counter_twice() {
    let (mut sender, mut receiver) = ends(Profile::Aes128CmHmacSha1_80);
    let mut at = |sequence| sealed(&mut sender, sequence);
    let (a, b, c, d, e, f) = (at(65533), at(65534), at(65535), at(0), at(1), at(2));
    for packet in [a, c, d, e, b, f] {
        assert!(open(&mut receiver, packet).is_ok());
    }
}

/// S7: the packets around a roll-over are the first that arrive.
#[test]
fn s7_a_first_packet_from_behind_the_roll_over_is_recovered() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        sealed(&mut sender, 65535);
        let (first, second) = (sealed(&mut sender, 0), sealed(&mut sender, 1));
        assert_eq!(open(&mut receiver, second), Ok(rtp(1)));
        assert_eq!(open(&mut receiver, first), Ok(rtp(0)));
    }
}

/// S8: a gap of up to 2^15 is followed; beyond that a cycle is lost, which only the tag can tell.
#[test]
fn s8_a_burst_of_losses_is_followed_up_to_half_a_cycle() {
    for (gap, followed) in [(32_767u16, true), (32_768, true), (40_000, false)] {
        let (mut sender, mut receiver) = ends(Profile::Aes128CmHmacSha1_80);
        let first = sealed(&mut sender, 40_000);
        for step in 1..=gap {
            let mut skipped = rtp(40_000u16.wrapping_add(step));
            // The sender has sent them all, so that it has turned its counter where the numbers wrapped.
            sender.protect_rtp(&mut skipped, 0).unwrap();
            if step == gap {
                assert!(open(&mut receiver, first.clone()).is_ok());
                assert_eq!(open(&mut receiver, skipped).is_ok(), followed, "{gap}");
            }
        }
    }
}

/// S9: whoever joins late is told the counter.
//= rfc3711#3.3.1-4 test
#[test]
fn s9_a_late_joiner_is_told_the_roll_over_counter() {
    let (mut sender, mut receiver) = ends(Profile::AeadAes256Gcm);
    sender.set_roll_over_counter(SSRC, 7).unwrap();
    let packet = sealed(&mut sender, 0xfff0);
    assert_eq!(open(&mut receiver, packet.clone()), Err(UnprotectError::Authentication));
    receiver.set_roll_over_counter(SSRC, 7).unwrap();
    assert_eq!(open(&mut receiver, packet), Ok(rtp(0xfff0)));
    let back = receiver.set_roll_over_counter(SSRC, 7);
    assert_eq!(back, Err(SetIndexError::Backwards { current: 0x7_fff0 }));
}

/// S10: a key ends, and says so before.
#[test]
fn s10_a_key_that_has_sealed_all_its_packets_seals_no_more() {
    let (mut sender, _) = ends(Profile::Aes128CmHmacSha1_80);
    sender.set_roll_over_counter(SSRC, u32::MAX).unwrap();
    sealed(&mut sender, 0xffff);
    assert!(sender.wants_new_key(SSRC));
    assert_eq!(sender.protect_rtp(&mut rtp(0), 0), Err(ProtectError::KeyExhausted));
    sender.set_rtcp_index(SSRC, 0x7fff_ffff).unwrap();
    sender.protect_rtcp(&mut rtcp(), 0).unwrap();
    assert_eq!(sender.protect_rtcp(&mut rtcp(), 0), Err(ProtectError::KeyExhausted));
    let (mut young, _) = ends(Profile::Aes128CmHmacSha1_80);
    sealed(&mut young, 1);
    assert!(!young.wants_new_key(SSRC));
}

/// S11: the same index is never sealed twice.
//= rfc3711#4.1.1-6 test
//= rfc3711#4.1.1-7 test
//= rfc3711#9.1-1 test
//= rfc3711#9.2-6 test
//= rfc7714#8.4-2 test
#[test]
fn s11_an_index_is_sealed_once() {
    let (mut sender, _) = ends(Profile::AeadAes128Gcm);
    sealed(&mut sender, 5);
    let mut again = rtp(5);
    let refused = sender.protect_rtp(&mut again, 0);
    assert_eq!(refused, Err(ProtectError::IndexUsed { ssrc: SSRC, index: 5 }));
    assert_eq!(again, rtp(5), "the buffer is as it was");
    sealed(&mut sender, 3);
    sealed(&mut sender, 5000);
    assert!(sender.protect_rtp(&mut rtp(6), 0).is_err(), "too old to tell");
}

/// S12: RTCP keeps its 80 bits in the profile with short tags.
//= rfc3711#5.2-3 test
//= rfc3711#9.5-3 test
#[test]
fn s12_rtcp_has_long_tags_in_every_profile() {
    assert_eq!(Profile::Aes128CmHmacSha1_32.rtp_tailroom(), 4);
    assert_eq!(Profile::Aes128CmHmacSha1_32.rtcp_tailroom(), 14);
}

/// S1 and S14: RTCP without encryption, made by a sender so told: the flag is authenticated, then judged.
//= rfc3711#3.4-6 test
//= rfc7714#9-1 test
#[test]
fn s14_rtcp_without_encryption_is_taken_only_where_allowed() {
    let mut plain_config = SenderConfig::default();
    plain_config.encrypt_rtcp = false;
    let mut lenient_config = ReceiverConfig::default();
    lenient_config.accept_unencrypted_rtcp = true;
    for profile in Profile::ALL {
        let mut sender = Sender::with_config(&key(profile), plain_config, Backend::default());
        let (mut encrypting, mut strict) = ends(profile);
        let mut lenient = Receiver::new(&key(profile), lenient_config);
        let mut packet = rtcp();
        sender.protect_rtcp(&mut packet, 0).unwrap();
        assert_eq!(packet[..rtcp().len()], rtcp());
        // Every octet is authenticated, the index with it.
        for at in 0..packet.len() {
            let mut forged = packet.clone();
            forged[at] ^= 0x80;
            assert!(lenient.unprotect_rtcp(&mut forged).is_err(), "{profile} {at}");
        }
        assert_eq!(lenient.stream_count(), 0);
        let judged = strict.unprotect_rtcp(&mut packet.clone()).map(|plain| plain.to_vec());
        let expected = if profile.encrypts() { Err(UnprotectError::NotEncrypted) } else { Ok(rtcp()) };
        assert_eq!(judged, expected, "{profile}");
        assert_eq!(lenient.unprotect_rtcp(&mut packet).unwrap(), rtcp(), "{profile}");
        // A flag turned off breaks the tag.
        let mut encrypted = rtcp();
        encrypting.protect_rtcp(&mut encrypted, 0).unwrap();
        let flag = encrypted.len() - if profile.is_aead() { 4 } else { 14 };
        encrypted[flag] ^= 0x80;
        let turned = lenient.unprotect_rtcp(&mut encrypted).map(|plain| plain.to_vec());
        assert!(matches!(turned, Err(UnprotectError::Authentication | UnprotectError::Replayed { .. })));
    }
}

/// A packet with three sources and, where asked for, an extension of these octets.
fn packet_with(profile: Option<u16>, body: &[u8]) -> Vec<u8> {
    let mut packet = rtp(1);
    packet[0] |= 3;
    packet.splice(12..12, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    if let Some(profile) = profile {
        packet[0] |= 0x10;
        let words = u16::try_from(body.len() / 4).unwrap();
        let head = [profile.to_be_bytes(), words.to_be_bytes()].concat();
        packet.splice(24..24, [&head, body].concat());
    }
    packet
}

/// S16: cryptex required, with a readable header, with lengths that lie, with an extension that it cannot hide.
#[test]
fn s16_cryptex_hides_sources_and_extensions() {
    for profile in Profile::ALL {
        let (mut to, mut from) = (SenderConfig::default(), ReceiverConfig::default());
        to.cryptex = true;
        from.cryptex = Cryptex::Required;
        let mut sender = Sender::with_config(&key(profile), to, Backend::default());
        let mut receiver = Receiver::new(&key(profile), from);
        let one_byte = packet_with(Some(0xbede), &[0x10, 9, 0, 0]);
        let mut hidden = one_byte.clone();
        sender.protect_rtp(&mut hidden, 0).unwrap();
        assert_eq!(hidden[24..28], [0xc0, 0xde, 0, 1]);
        if profile.encrypts() {
            assert_ne!(hidden[12..24], one_byte[12..24]);
            assert_ne!(hidden[28..32], one_byte[28..32]);
        }
        let len = hidden.len();
        let mut long = hidden.clone();
        long[26..28].fill(0xff);
        assert_eq!(open(&mut receiver, long), Err(UnprotectError::Malformed { len }));
        let mut short = hidden.clone();
        short[27] = 0;
        let before = short.clone();
        assert_eq!(receiver.unprotect_rtp(&mut short), Err(UnprotectError::Authentication));
        assert_eq!(short, before, "the octets that moved are back");
        assert_eq!(open(&mut receiver, hidden), Ok(one_byte));
        // Readable headers are refused where they should not be, and taken where they may be.
        let (mut open_sender, mut off) = ends(profile);
        let mut readable = packet_with(Some(0x1000), &[1, 2, 3, 4]);
        readable[3] = 2;
        let expected = readable.clone();
        open_sender.protect_rtp(&mut readable, 0).unwrap();
        assert_eq!(open(&mut receiver, readable.clone()), Err(UnprotectError::ReadableHeader));
        from.cryptex = Cryptex::Accepted;
        let mut either = Receiver::new(&key(profile), from);
        assert_eq!(open(&mut either, readable.clone()), Ok(expected.clone()));
        assert_eq!(open(&mut off, readable), Ok(expected));
        let mut other = packet_with(Some(0x1234), &[1, 2, 3, 4]);
        other[3] = 3;
        let before = other.clone();
        let refused = sender.protect_rtp(&mut other, 0);
        assert_eq!((refused, other), (Err(ProtectError::HeaderExtension { profile: 0x1234 }), before));
        // Without sources and extension there is nothing to hide.
        assert_eq!(open(&mut receiver, sealed(&mut sender, 4)), Ok(rtp(4)));
    }
}

/// S16: sources without an extension get an empty one that announces what is hidden, wherever in the buffer they stand.
#[test]
fn s16_cryptex_hides_sources_alone() {
    for profile in Profile::ALL {
        let (mut to, mut from) = (SenderConfig::default(), ReceiverConfig::default());
        to.cryptex = true;
        from.cryptex = Cryptex::Required;
        let mut sender = Sender::with_config(&key(profile), to, Backend::default());
        let mut receiver = Receiver::new(&key(profile), from);
        let plain = packet_with(None, &[]);
        let mut out = b"headroom".to_vec();
        out.extend_from_slice(&plain);
        sender.protect_rtp(&mut out, 8).unwrap();
        assert_eq!(out.len(), 8 + plain.len() + sender.rtp_tailroom());
        let hidden = &mut out[8..];
        assert_eq!((hidden[0], &hidden[24..28]), (plain[0] | 0x10, &[0xc0, 0xde, 0, 0][..]));
        assert_eq!(hidden[12..24] != plain[12..24], profile.encrypts(), "{profile}");
        let mut expected = plain.clone();
        expected[0] |= 0x10;
        expected.splice(24..24, [0xbe, 0xde, 0, 0]);
        assert_eq!(receiver.unprotect_rtp(hidden).unwrap(), expected, "{profile}");
    }
}

/// S17: elements of one and two octets of header; padding, element headers and elements not chosen stay readable.
//= rfc6904#3-1 test
//= rfc6904#3-2 test
//= rfc6904#3.2-3 test
//= rfc7714#8.3-1 test
//= rfc7714#8.3-2 test
#[test]
fn s17_chosen_header_extension_elements_are_encrypted() {
    let cases: [(u16, &[u8], &[usize]); 6] = [
        (0xbede, &[0x11, 1, 2, 0, 0x20, 3, 0x30, 4], &[1, 2, 7]),
        (0x1000, &[1, 2, 7, 8, 0, 2, 1, 9, 3, 0, 0, 0], &[2, 3]),
        (0x1005, &[3, 1, 9, 0], &[2]),
        // 15 ends the list in the one-byte form.
        (0xbede, &[0xf0, 1, 0x10, 2], &[]),
        // An element that runs out of the extension.
        (0xbede, &[0x10, 1, 0x13, 2], &[1]),
        (0x4321, &[0x10, 1, 0x10, 2], &[]),
    ];
    let ids = ExtensionIds::NONE.with(1).with(3).with(0).with(200);
    assert!(ids.contains(200) && !ids.contains(0) && !ids.contains(2));
    for profile in Profile::ALL {
        let (mut to, mut from) = (SenderConfig::default(), ReceiverConfig::default());
        (to.encrypted_extensions, from.encrypted_extensions) = (ids, ids);
        for (form, body, encrypted) in cases {
            let mut sender = Sender::with_config(&key(profile), to, Backend::default());
            let mut receiver = Receiver::new(&key(profile), from);
            let plain = packet_with(Some(form), body);
            let mut out = plain.clone();
            sender.protect_rtp(&mut out, 0).unwrap();
            for (at, octet) in body.iter().enumerate() {
                let chosen = profile.encrypts() && encrypted.contains(&at);
                // One octet in 256 is its own ciphertext; with this key none of these is.
                assert_eq!(out[28 + at] != *octet, chosen, "{profile} {form:#x} {at}");
            }
            let mut forged = out.clone();
            forged[28] ^= 1;
            let before = forged.clone();
            assert!(receiver.unprotect_rtp(&mut forged).is_err());
            assert_eq!(forged, before);
            assert_eq!(open(&mut receiver, out), Ok(plain));
        }
    }
}

/// S4: a forgery for a source that is known moves neither its window nor its counter.
//= rfc3711#3.3.1-7 test
//= rfc3711#3.3.2-4 test
#[test]
fn s4_a_forgery_for_a_known_source_moves_nothing() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        open(&mut receiver, sealed(&mut sender, 10)).unwrap();
        let genuine = sealed(&mut sender, 11);
        let mut forged = rtp(32_000);
        forged.extend(vec![0; profile.rtp_tailroom()]);
        assert_eq!(open(&mut receiver, forged.clone()), Err(UnprotectError::Authentication));
        forged[2..4].copy_from_slice(&11u16.to_be_bytes());
        assert_eq!(open(&mut receiver, forged), Err(UnprotectError::Authentication));
        assert_eq!(open(&mut receiver, genuine.clone()), Ok(rtp(11)), "neither too old nor a replay");
        let again = open(&mut receiver, genuine);
        assert!(
            matches!(again, Err(UnprotectError::Replayed { .. })),
            "what was authentic is on the list: {again:?}"
        );
        assert_eq!(receiver.roll_over_counter(SSRC), Some(0));
    }
}

/// Sources have indices of their own, and RTP and RTCP of a source, too.
//= rfc3711#3.2.1-9 test
//= rfc3711#3.2.1-10 test
//= rfc3711#3.2.3-1 test
//= rfc3711#3.4-7 test
//= rfc3711#3.4-8 test
#[test]
fn every_source_counts_for_itself_from_zero() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        for number in 0..3u32 {
            for ssrc in [1, 2, SSRC] {
                let mut packet = rtp_of(ssrc, 5 + u16::try_from(number).unwrap());
                sender.protect_rtp(&mut packet, 0).unwrap();
                open(&mut receiver, packet.clone()).unwrap();
                assert!(matches!(open(&mut receiver, packet), Err(UnprotectError::Replayed { .. })));
                let mut control = rtcp();
                control[4..8].copy_from_slice(&ssrc.to_be_bytes());
                sender.protect_rtcp(&mut control, 0).unwrap();
                let end = control.len() - if profile.is_aead() { 0 } else { 10 };
                let word = u32::from_be_bytes(control[end - 4..end].try_into().unwrap());
                assert_eq!(word & 0x7fff_ffff, number, "{profile}");
                receiver.unprotect_rtcp(&mut control.clone()).unwrap();
                let again = receiver.unprotect_rtcp(&mut control).map(|_| ());
                assert_eq!(again, Err(UnprotectError::Replayed { index: number.into() }));
            }
        }
    }
}

/// A packet of more blocks than the cipher can count would use the next packet's key stream.
//= rfc3711#4.1.1-5 test
//= rfc7714#10-5 test
//= rfc7714#10-6 test
#[test]
fn packets_longer_than_the_cipher_counts_are_refused() {
    let (mut sender, mut receiver) = ends(Profile::Aes128CmHmacSha1_80);
    let mut packet = rtp(1);
    packet.resize((1 << 20) + 1, 0);
    assert_eq!(sender.protect_rtp(&mut packet, 0), Err(ProtectError::TooLong { len: (1 << 20) + 1 }));
    assert_eq!(sender.protect_rtcp(&mut packet, 0), Err(ProtectError::TooLong { len: (1 << 20) + 1 }));
    packet.truncate(1 << 20);
    let plain = packet.clone();
    sender.protect_rtp(&mut packet, 0).unwrap();
    assert!(receiver.unprotect_rtp(&mut packet).is_ok_and(|opened| opened == plain));
    let mut long = vec![0x80; 1 << 21];
    assert_eq!(receiver.unprotect_rtp(&mut long), Err(UnprotectError::Malformed { len: 1 << 21 }));
    assert_eq!(receiver.unprotect_rtcp(&mut long), Err(UnprotectError::Malformed { len: 1 << 21 }));
}

/// S18: RTP taken for RTCP and the reverse is refused, and the second octet tells them apart.
//= rfc3711#3.2.1-8 test
#[test]
fn s18_one_kind_of_packet_is_never_the_other() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut control = rtcp();
        sender.protect_rtcp(&mut control, 0).unwrap();
        let packet = sealed(&mut sender, 1);
        assert!(is_rtcp(&control) && !is_rtcp(&packet) && !is_rtcp(&[0x80]));
        assert!(open(&mut receiver, control.clone()).is_err());
        assert!(receiver.unprotect_rtcp(&mut packet.clone()).is_err());
        assert_eq!(receiver.stream_count(), 0);
    }
    // Payload types 64 to 95, with the marker bit, look like RTCP: RFC 5761 has nobody use them.
    assert!((0u8..128).all(|kind| is_rtcp(&[0x80, 0x80 | kind]) == (64..96).contains(&kind)));
}

/// S19: the packet alone, in a longer buffer, and as one of a server's many receivers is the same packet.
#[test]
fn s19_in_place_equals_copied_and_forwarded() {
    for profile in Profile::ALL {
        for len in [0, 1, 16, 100, 1200] {
            let mut plain = rtp(7);
            plain.resize(12 + len, 3);
            let (mut alone, mut headroom) = (plain.clone(), vec![0xee; 40]);
            headroom.extend(&plain);
            ends(profile).0.protect_rtp(&mut alone, 0).unwrap();
            ends(profile).0.protect_rtp(&mut headroom, 40).unwrap();
            assert_eq!(headroom[40..], alone);
            assert_eq!(headroom[..40], [0xee; 40]);
            let other = {
                let mut packet = plain.clone();
                packet[3] = 99;
                packet[8] ^= 0xff;
                packet
            };
            let forward = Forward::new(&other).unwrap();
            assert_ne!((forward.ssrc(), forward.sequence()), (SSRC, 7));
            for _ in 0..3 {
                let mut out = Vec::new();
                ends(profile).0.protect_forward(&forward, SSRC, 7, &mut out).unwrap();
                assert_eq!(out, alone);
            }
            let mut sender = ends(profile).0;
            let mut out = vec![1, 2, 3];
            sender.protect_forward(&forward, SSRC, 7, &mut out).unwrap();
            let len = out.len();
            assert!(sender.protect_forward(&forward, SSRC, 7, &mut out).is_err());
            assert_eq!(out.len(), len, "nothing is left of a packet that was refused");
        }
    }
}

/// S20: a refused packet gives nothing away: not one octet of it changes, whichever octet was wrong.
//= rfc3711#4.2-3 test
//= rfc3711#3.3-4 test
//= rfc7714#5.3-1 test
#[test]
fn s20_a_refused_packet_is_not_decrypted() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let packet = sealed(&mut sender, 1);
        let mut control = rtcp();
        sender.protect_rtcp(&mut control, 0).unwrap();
        for bit in 0..8 * packet.len() {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let before = forged.clone();
            assert!(receiver.unprotect_rtp(&mut forged).is_err(), "{profile} {bit}");
            assert_eq!(forged, before);
        }
        for bit in 0..8 * control.len() {
            let mut forged = control.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let before = forged.clone();
            assert!(receiver.unprotect_rtcp(&mut forged).is_err(), "{profile} {bit}");
            assert_eq!(forged, before);
        }
        assert_eq!((receiver.stream_count(), receiver.stats().received), (0, 0));
        open(&mut receiver, packet).unwrap();
        receiver.unprotect_rtcp(&mut control).unwrap();
    }
}

/// The source heard longest ago makes room, and only for a newcomer that is authentic.
#[test]
fn a_full_receiver_can_be_told_to_evict() {
    let mut config = ReceiverConfig::default();
    (config.stream_limit, config.when_full) = (2, WhenFull::EvictOldest);
    let key = key(Profile::AeadAes128Gcm);
    let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key, config));
    let mut from = |ssrc, sequence| {
        let mut packet = rtp_of(ssrc, sequence);
        sender.protect_rtp(&mut packet, 0).unwrap();
        packet
    };
    let first = from(1, 1);
    open(&mut receiver, first.clone()).unwrap();
    open(&mut receiver, from(2, 1)).unwrap();
    open(&mut receiver, from(1, 2)).unwrap();
    // What is forged counts for nobody, neither a newcomer nor one that is known.
    let (mut forged, mut in_its_name, mut control) = (from(3, 1), from(2, 2), rtcp());
    forged[13] ^= 1;
    in_its_name[13] ^= 1;
    assert!(open(&mut receiver, forged).is_err());
    assert!(matches!(open(&mut receiver, first.clone()), Err(UnprotectError::Replayed { .. })));
    assert!(open(&mut receiver, in_its_name).is_err());
    control[4..8].copy_from_slice(&2u32.to_be_bytes());
    control.extend_from_slice(&[0; 20]);
    assert!(receiver.unprotect_rtcp(&mut control).is_err());
    let newcomer = from(3, 2);
    open(&mut receiver, newcomer).unwrap();
    assert_eq!(receiver.stream_count(), 2);
    assert!(matches!(open(&mut receiver, first), Err(UnprotectError::Replayed { .. })), "2 went, not 1");
    // A source that the application has named stays longer than those heard before.
    receiver.remove_stream(3);
    receiver.set_roll_over_counter(4, 7).unwrap();
    open(&mut receiver, from(5, 1)).unwrap();
    assert_eq!((receiver.roll_over_counter(4), receiver.roll_over_counter(1)), (Some(7), None));
}

/// Every window that can be asked for: a packet at its edge is taken once, the one behind it never.
//= rfc3711#3.3.2-2 test
//= rfc3711#3.3.2-3 test
#[test]
fn s5_windows_of_64_to_8192_have_their_edge_where_they_say() {
    for (asked, real) in
        [(0, 64), (64, 64), (65, 128), (128, 128), (1024, 1024), (8192, 8192), (100_000, 8192)]
    {
        let mut config = ReceiverConfig::default();
        config.replay_window = asked;
        let key = key(Profile::Aes128CmHmacSha1_80);
        let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key, config));
        let (behind, edge) = (sealed(&mut sender, 0), sealed(&mut sender, 1));
        for sequence in 2..real {
            sealed(&mut sender, sequence);
        }
        let newest = sealed(&mut sender, real);
        open(&mut receiver, newest).unwrap();
        assert_eq!(open(&mut receiver, behind), Err(UnprotectError::TooOld { index: 0 }), "{asked}");
        assert_eq!(open(&mut receiver, edge.clone()), Ok(rtp(1)), "{asked}");
        assert_eq!(open(&mut receiver, edge), Err(UnprotectError::Replayed { index: 1 }), "{asked}");
    }
}

#[test]
fn a_source_too_many_is_refused_and_a_removed_one_makes_room() {
    let mut config = ReceiverConfig::default();
    config.stream_limit = 2;
    let key = key(Profile::AeadAes128Gcm);
    let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key, config));
    for (ssrc, expected) in [(1, true), (2, true), (3, false)] {
        let mut packet = rtp_of(ssrc, 1);
        sender.protect_rtp(&mut packet, 0).unwrap();
        assert_eq!(receiver.unprotect_rtp(&mut packet).is_ok(), expected);
    }
    assert!(receiver.remove_stream(1));
    let mut packet = rtp_of(3, 2);
    sender.protect_rtp(&mut packet, 0).unwrap();
    assert!(receiver.unprotect_rtp(&mut packet).is_ok());
    assert_eq!(receiver.stats().too_many_streams, 1);
}

#[test]
fn no_packet_allocates_once_its_source_is_known() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = ends(profile);
        let mut out = Vec::with_capacity(2048);
        out.extend(rtp(0));
        sender.protect_rtp(&mut out, 0).unwrap();
        receiver.unprotect_rtp(&mut out).unwrap();
        alloc::assert_none(|| {
            for sequence in 1..100u16 {
                out.clear();
                out.extend_from_slice(&[0x80, 96, 0, 0, 0, 0, 0, 0]);
                out[2..4].copy_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(&SSRC.to_be_bytes());
                out.extend_from_slice(&[9; 1188]);
                sender.protect_rtp(&mut out, 0).unwrap();
                receiver.unprotect_rtp(&mut out).unwrap();
                out.truncate(28);
                out[1] = 200;
                out[4..8].copy_from_slice(&SSRC.to_be_bytes());
                sender.protect_rtcp(&mut out, 0).unwrap();
                receiver.unprotect_rtcp(&mut out).unwrap();
            }
        });
    }
}

proptest! {
    #[test]
    fn what_is_protected_comes_back_and_any_flipped_bit_is_refused(
        profile in 0usize..10,
        sequence: u16,
        csrcs in 0u8..16,
        extension in proptest::option::of(0u8..8),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        flip: proptest::sample::Index,
    ) {
        let (mut sender, mut receiver) = ends(Profile::ALL[profile]);
        let mut plain = rtp(sequence);
        plain.truncate(12);
        plain[0] |= csrcs;
        plain.extend(vec![3; 4 * usize::from(csrcs)]);
        if let Some(words) = extension {
            plain[0] |= 0x10;
            plain.extend([0xbe, 0xde, 0, words]);
            plain.extend(vec![0; 4 * usize::from(words)]);
        }
        plain.extend(&payload);
        let mut out = plain.clone();
        sender.protect_rtp(&mut out, 0).unwrap();
        let mut broken = out.clone();
        let bit = flip.index(broken.len() * 8);
        broken[bit / 8] ^= 1 << (bit % 8);
        let before = broken.clone();
        prop_assert!(receiver.unprotect_rtp(&mut broken).is_err());
        prop_assert_eq!((broken, receiver.stream_count()), (before, 0));
        prop_assert_eq!(receiver.unprotect_rtp(&mut out).map(|opened| opened.to_vec()), Ok(plain));
    }

    #[test]
    fn noise_is_refused_and_stays_as_it_is(profile in 0usize..10, noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_, mut receiver) = ends(Profile::ALL[profile]);
        let mut bytes = noise.clone();
        prop_assert!(receiver.unprotect_rtp(&mut bytes).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut bytes).is_err());
        prop_assert_eq!(bytes, noise);
    }
}
