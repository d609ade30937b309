//! Twice encrypted packets, RFC 8723: end to end through a server that changes headers and hears nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_srtp::double::{
    Changes, DoubleKey, DoubleProfile, DoubleReceiver, DoubleSender, DoubleUnprotectError, OriginalHeader,
    RewriteError, TAILROOM,
};
use nomagic_srtp::{
    MasterKey, ProtectError, Receiver, ReceiverConfig, Sender, UnprotectError, split_keying_material,
};
use nomagic_testkit::alloc;
use proptest::prelude::*;

const SSRC: u32 = 0x1234_5678;

/// The inner half is the same for all who speak; each hop has its own outer half.
fn key(profile: DoubleProfile, hop: u8) -> DoubleKey {
    let half = profile.key_len() / 2;
    let key = [vec![1; half], vec![hop; half]].concat();
    let salt = [[2; 12], [hop; 12]].concat();
    DoubleKey::new(profile, &key, &salt).unwrap()
}

/// With two sources and a header extension of one element.
fn rtp(sequence: u16, extension: bool) -> Vec<u8> {
    let mut packet = vec![if extension { 0x92 } else { 0x82 }, 0x80 | 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9]);
    packet.extend_from_slice(&SSRC.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
    if extension {
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
    }
    packet.extend_from_slice(b"some payload");
    packet
}

/// What a server does with a packet of one hop to send it over another.
fn relay(packet: &[u8], from: &mut Receiver, to: &mut Sender, changes: Changes) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let mut plain = from.unprotect_rtp(&mut packet).unwrap().to_vec();
    OriginalHeader::rewrite(&mut plain, 0, changes).unwrap();
    to.protect_rtp(&mut plain, 0).unwrap();
    plain
}

#[test]
fn keys_are_halves_and_profiles_have_numbers() {
    for profile in DoubleProfile::ALL {
        assert_eq!(DoubleProfile::from_id(profile.id()), Some(profile));
        let (half, salt) = (profile.half().key_len(), profile.half().salt_len());
        assert_eq!((profile.key_len(), profile.salt_len()), (2 * half, 2 * salt));
        assert!(DoubleKey::new(profile, &vec![0; half], &vec![0; 2 * salt]).is_err());
        assert!(DoubleKey::new(profile, &vec![0; 2 * half], &vec![0; salt]).is_err());
        // The exporter's octets: two keys of two halves, two salts of two halves; the same as two exports interleaved.
        let material: Vec<u8> =
            (0..2 * (profile.key_len() + profile.salt_len())).map(|at| (at % 251).to_le_bytes()[0]).collect();
        let (client, server) = DoubleKey::split_keying_material(profile, &material).unwrap();
        assert!(DoubleKey::split_keying_material(profile, &material[1..]).is_err());
        let part = |at: usize, len: usize| &material[at..at + len];
        let of = |keys: [usize; 2], salts: [usize; 2]| {
            let keys = keys.map(|at| part(at * half, half)).concat();
            let salts = salts.map(|at| part(4 * half + at * salt, salt)).concat();
            split_keying_material(profile.half(), &[keys, salts].concat()).unwrap()
        };
        let (inner, outer) = (of([0, 2], [0, 2]), of([1, 3], [1, 3]));
        for (double, inner, outer) in [(client, inner.0, outer.0), (server, inner.1, outer.1)] {
            // Keys are not shown: the same octets come out.
            let sealed = |key: &MasterKey| {
                let mut packet = rtp(1, false);
                Sender::new(key).protect_rtp(&mut packet, 0).unwrap();
                packet
            };
            assert_eq!((sealed(&double.inner), sealed(&double.outer)), (sealed(&inner), sealed(&outer)));
        }
    }
    assert_eq!(DoubleProfile::from_id(7), None);
    assert_eq!(DoubleProfile::Aes128Gcm.to_string(), "DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM");
}

/// Step by step with single encryption: RFC 8723 section 5.1.
#[test]
fn a_packet_is_what_the_steps_make_of_it() {
    for profile in DoubleProfile::ALL {
        let key = key(profile, 3);
        let mut packet = vec![9; 5];
        packet.extend_from_slice(&rtp(7, true));
        let plain = rtp(7, true);
        DoubleSender::new(&key).protect_rtp(&mut packet, 5).unwrap();
        assert_eq!(packet.len(), 5 + plain.len() + TAILROOM);
        assert_eq!(&packet[..5], &[9; 5]);
        // Steps 3 and 4: without the extension and its bit.
        let mut synthetic = rtp(7, false);
        Sender::new(&key.inner).protect_rtp(&mut synthetic, 0).unwrap();
        // Steps 5 and 6: the header as it was, the empty block, and the outer half.
        let mut expected = [&plain[..28], &synthetic[20..], &[0]].concat();
        Sender::new(&key.outer).protect_rtp(&mut expected, 0).unwrap();
        assert_eq!(packet[5..], expected);
    }
}

#[test]
fn those_who_speak_hear_each_other_through_servers_that_change_headers() {
    for extension in [false, true] {
        let profile = DoubleProfile::Aes128Gcm;
        let (first, second, third) = (key(profile, 3), key(profile, 4), key(profile, 5));
        let mut sender = DoubleSender::new(&first);
        let mut server = (Receiver::new(&first.outer, ReceiverConfig::default()), Sender::new(&second.outer));
        let mut other = (Receiver::new(&second.outer, ReceiverConfig::default()), Sender::new(&third.outer));
        let mut receiver = DoubleReceiver::new(&third, ReceiverConfig::default());
        for sequence in (65_530..=u16::MAX).chain(0..5) {
            let plain = rtp(sequence, extension);
            let mut packet = plain.clone();
            sender.protect_rtp(&mut packet, 0).unwrap();
            let moved = sequence.wrapping_add(1000);
            let changes = Changes { payload_type: Some(111), sequence: Some(moved), marker: Some(false) };
            let packet = relay(&packet, &mut server.0, &mut server.1, changes);
            // Another server takes one change back.
            let changes = Changes { payload_type: Some(96), ..Changes::default() };
            let mut packet = relay(&packet, &mut other.0, &mut other.1, changes);
            let opened = receiver.unprotect_rtp(&mut packet).unwrap();
            let original =
                OriginalHeader { payload_type: None, sequence: Some(sequence), marker: Some(true) };
            assert_eq!(opened.original, original);
            let mut expected = plain;
            expected[2..4].copy_from_slice(&moved.to_be_bytes());
            assert_eq!(opened.packet, expected, "the marker is the sender's");
        }
    }
}

/// A server that changes more than it may is found out, whatever it changes: payload, time, sources, and the original
/// values themselves.
#[test]
fn changes_that_must_not_be_are_noticed_end_to_end() {
    let profile = DoubleProfile::Aes256Gcm;
    let (first, second) = (key(profile, 3), key(profile, 4));
    let tampered = |tamper: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = rtp(7, true);
        DoubleSender::new(&first).protect_rtp(&mut packet, 0).unwrap();
        let mut server = Receiver::new(&first.outer, ReceiverConfig::default());
        let mut plain = server.unprotect_rtp(&mut packet).unwrap().to_vec();
        tamper(&mut plain);
        Sender::new(&second.outer).protect_rtp(&mut plain, 0).unwrap();
        let mut receiver = DoubleReceiver::new(&second, ReceiverConfig::default());
        receiver.unprotect_rtp(&mut plain).map(|opened| opened.packet.to_vec())
    };
    assert_eq!(tampered(&|_| ()).unwrap(), rtp(7, true));
    let forged = Err(DoubleUnprotectError::Inner(UnprotectError::Authentication));
    // Marker and type, number, time, sources; payload and inner tag.
    for at in [1, 3, 7, 15, 28, 40, 55] {
        assert_eq!(tampered(&|plain| plain[at] ^= 1), forged, "octet {at}");
    }
    // Extensions are the servers'.
    assert_eq!(tampered(&|plain| plain[25] = 0xbb).unwrap()[25], 0xbb);
    // A block that lies, and some that are none.
    let block = |octets: &'static [u8]| {
        move |plain: &mut Vec<u8>| {
            plain.pop();
            plain.extend_from_slice(octets);
        }
    };
    assert_eq!(tampered(&block(&[97, 0x02])), forged);
    assert_eq!(tampered(&block(&[0, 9, 0x01])), forged);
    assert_eq!(tampered(&block(&[0x04])), forged);
    for none in [&[0x08][..], &[0x10], &[0x80], &[200, 0x02]] {
        let none: &'static [u8] = none.to_vec().leak();
        assert_eq!(tampered(&block(none)), Err(DoubleUnprotectError::OriginalHeader), "{none:?}");
    }
    assert_eq!(tampered(&|plain| plain.truncate(28)), Err(DoubleUnprotectError::OriginalHeader));
}

/// Each half refuses what came before, by numbers of its own; what the first refuses changes nothing.
#[test]
fn replays_and_forgeries_are_refused() {
    let key = key(DoubleProfile::Aes128Gcm, 3);
    let mut sender = DoubleSender::new(&key);
    let mut receiver = DoubleReceiver::new(&key, ReceiverConfig::default());
    let mut packet = rtp(7, true);
    sender.protect_rtp(&mut packet, 0).unwrap();
    for at in 0..packet.len() {
        let mut forged = packet.clone();
        forged[at] ^= 0x40;
        let before = forged.clone();
        assert!(receiver.unprotect_rtp(&mut forged).is_err(), "octet {at}");
        assert_eq!(forged, before, "octet {at}");
    }
    receiver.unprotect_rtp(&mut packet.clone()).unwrap();
    let again = receiver.unprotect_rtp(&mut packet.clone()).unwrap_err();
    assert!(matches!(again, DoubleUnprotectError::Outer(UnprotectError::Replayed { .. })), "{again}");
    // The server sends it once more under another number: end to end it is the same.
    let mut server = Receiver::new(&key.outer, ReceiverConfig::default());
    let mut plain = server.unprotect_rtp(&mut packet).unwrap().to_vec();
    let changes = Changes { sequence: Some(8), ..Changes::default() };
    OriginalHeader::rewrite(&mut plain, 0, changes).unwrap();
    Sender::new(&key.outer).protect_rtp(&mut plain, 0).unwrap();
    let again = receiver.unprotect_rtp(&mut plain).unwrap_err();
    assert!(matches!(again, DoubleUnprotectError::Inner(UnprotectError::Replayed { .. })), "{again}");
}

/// Retransmissions and RTCP are encrypted once.
/// RFC 8723 section 5.2: a marker that was not set is noted when a server sets it.
#[test]
fn a_marker_set_on_the_way_is_noted() {
    let mut plain = rtp(1, false);
    plain[1] = 96;
    plain.push(0);
    let changes = Changes { marker: Some(true), ..Changes::default() };
    let noted = OriginalHeader { marker: Some(false), ..OriginalHeader::default() };
    assert_eq!(OriginalHeader::rewrite(&mut plain, 0, changes), Ok(noted));
    assert_eq!((plain[1], plain.last()), (0x80 | 96, Some(&0x04)));
    let back = Changes { marker: Some(false), ..Changes::default() };
    assert_eq!(OriginalHeader::rewrite(&mut plain, 0, back), Ok(OriginalHeader::default()));
    assert_eq!((plain[1], plain.last()), (96, Some(&0)));
}

#[test]
fn long_packets_are_protected_twice() {
    for profile in DoubleProfile::ALL {
        let mut sender = DoubleSender::new(&key(profile, 5));
        let mut receiver = DoubleReceiver::new(&key(profile, 5), ReceiverConfig::default());
        let mut packet = rtp(1, true);
        packet.resize(60_000, 3);
        let plain = packet.clone();
        sender.protect_rtp(&mut packet, 0).unwrap();
        assert_eq!(receiver.unprotect_rtp(&mut packet).unwrap().packet, plain);
    }
}

#[test]
fn repair_and_rtcp_go_hop_by_hop() {
    let key = key(DoubleProfile::Aes128Gcm, 3);
    let mut sender = DoubleSender::new(&key);
    let mut receiver = DoubleReceiver::new(&key, ReceiverConfig::default());
    let mut packet = rtp(7, true);
    sender.protect_repair(&mut packet, 0).unwrap();
    let mut single = rtp(7, true);
    Sender::new(&key.outer).protect_rtp(&mut single, 0).unwrap();
    assert_eq!(packet, single);
    assert_eq!(receiver.unprotect_repair(&mut packet).unwrap(), rtp(7, true));
    let report = [0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78];
    let mut packet = report.to_vec();
    sender.protect_rtcp(&mut packet, 0).unwrap();
    let mut server = Receiver::new(&key.outer, ReceiverConfig::default());
    assert_eq!(server.unprotect_rtcp(&mut packet.clone()).unwrap(), report);
    assert_eq!(receiver.unprotect_rtcp(&mut packet).unwrap(), report);
}

/// What cannot be protected is left alone, by both halves: the number can still be used.
#[test]
fn refusals_leave_the_packet_and_the_numbers_as_they_were() {
    let key = key(DoubleProfile::Aes128Gcm, 3);
    let mut sender = DoubleSender::new(&key);
    let mut other = rtp(7, true);
    other[20..22].copy_from_slice(&[0xab, 0xcd]);
    let before = other.clone();
    let refused = sender.protect_rtp(&mut other, 0).unwrap_err();
    assert_eq!((refused, other), (ProtectError::HeaderExtension { profile: 0xabcd }, before));
    assert!(sender.protect_rtp(&mut vec![0x80; 11], 0).is_err());
    // The outer half has sent under this number already.
    sender.protect_repair(&mut rtp(9, false), 0).unwrap();
    let mut packet = rtp(9, true);
    let refused = sender.protect_rtp(&mut packet, 0).unwrap_err();
    assert!(matches!(refused, ProtectError::IndexUsed { .. }), "{refused}");
    assert_eq!(packet, rtp(9, true));
    // So has the inner one, under this.
    sender.inner.protect_rtp(&mut rtp(10, false), 0).unwrap();
    assert!(sender.protect_rtp(&mut packet.clone(), 0).is_err());
    let mut long = rtp(11, true);
    long.resize((1 << 20) - 10, 0);
    let before = long.clone();
    assert!(matches!(sender.protect_rtp(&mut long, 0), Err(ProtectError::TooLong { .. })));
    assert!(long == before);
    sender.protect_rtp(&mut rtp(11, true), 0).unwrap();
    let mut plain = rtp(1, false);
    let refused = OriginalHeader::rewrite(&mut plain, 0, Changes::default());
    assert_eq!(refused, Err(RewriteError::Malformed { len: 32 }), "it ends with a letter");
    plain.push(0);
    let changes = Changes { payload_type: Some(128), ..Changes::default() };
    assert_eq!(
        OriginalHeader::rewrite(&mut plain, 0, changes),
        Err(RewriteError::PayloadType { payload_type: 128 })
    );
}

#[test]
fn nothing_is_allocated() {
    let key = key(DoubleProfile::Aes128Gcm, 3);
    let (mut sender, mut receiver) =
        (DoubleSender::new(&key), DoubleReceiver::new(&key, ReceiverConfig::default()));
    let mut buffer = Vec::with_capacity(200);
    let mut once = |sequence| {
        buffer.clear();
        let plain = [0x80, 96, 0, sequence, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7];
        buffer.extend_from_slice(&plain);
        sender.protect_rtp(&mut buffer, 0).unwrap();
        let opened = receiver.unprotect_rtp(&mut buffer).unwrap();
        assert_eq!(opened.packet, plain);
    };
    once(1);
    alloc::assert_none(|| (2..100).for_each(&mut once));
}

proptest! {
    /// Whatever fields were changed are written as they are read.
    #[test]
    fn blocks_are_read_as_written(payload_type in proptest::option::of(0u8..128), sequence in any::<Option<u16>>(), marker in any::<Option<bool>>(), before in proptest::collection::vec(any::<u8>(), 0..20)) {
        let block = OriginalHeader { payload_type, sequence, marker };
        let mut payload = before.clone();
        block.write(&mut payload);
        prop_assert_eq!(OriginalHeader::parse(&payload), Some((block, payload.len() - before.len())));
    }

    #[test]
    fn whatever_comes_is_opened_or_refused(mut packet in proptest::collection::vec(any::<u8>(), 0..100)) {
        let key = key(DoubleProfile::Aes128Gcm, 3);
        let _ = DoubleReceiver::new(&key, ReceiverConfig::default()).unprotect_rtp(&mut packet);
        let _ = OriginalHeader::parse(&packet);
        let _ = OriginalHeader::rewrite(&mut packet, 0, Changes { sequence: Some(1), ..Changes::default() });
    }
}
