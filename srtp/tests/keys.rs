//! Master keys: identifiers, changes in mid-stream, lifetimes, derivation rates, snapshots, roll-over counters in packets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::num::NonZeroU16;

use nomagic_srtp::{
    AddKeyError, Backend, Cryptex, KeyError, Lifetime, MasterKey, Profile, ProtectError, Receiver,
    ReceiverConfig, Sender, SetIndexError, Snapshot, SnapshotError, UnprotectError, UnsuitedProfile,
    WhenFull,
};
use proptest::prelude::*;

const SSRC: u32 = 0x0102_0304;

fn key(profile: Profile, secret: u8) -> MasterKey {
    MasterKey::new(profile, &vec![secret; profile.key_len()], &vec![7; profile.salt_len()]).unwrap()
}

fn named(profile: Profile, secret: u8, name: &[u8]) -> MasterKey {
    key(profile, secret).with_identifier(name).unwrap()
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
    packet
}

fn sealed(sender: &mut Sender, sequence: u16) -> Vec<u8> {
    let mut out = rtp(sequence);
    sender.protect_rtp(&mut out, 0).unwrap();
    out
}

fn sealed_rtcp(sender: &mut Sender) -> Vec<u8> {
    let mut out = rtcp();
    sender.protect_rtcp(&mut out, 0).unwrap();
    out
}

fn open(receiver: &mut Receiver, mut packet: Vec<u8>) -> Result<Vec<u8>, UnprotectError> {
    receiver.unprotect_rtp(&mut packet).map(|plain| plain.to_vec())
}

fn open_rtcp(receiver: &mut Receiver, mut packet: Vec<u8>) -> Result<Vec<u8>, UnprotectError> {
    receiver.unprotect_rtcp(&mut packet).map(|plain| plain.to_vec())
}

/// S15: two keys by name; a switch in mid-stream, with packets of the old key arriving after it; the indices go on.
//= rfc3711#3.1-8 test
//= rfc3711#3.2.1-2 test
//= rfc3711#3.3.1-8 test
//= rfc3711#3.4-9 test
#[test]
fn s15_keys_change_in_mid_stream() {
    for profile in Profile::ALL {
        let (first, second) = (named(profile, 1, b"ab"), named(profile, 2, b"cd"));
        let (mut sender, mut receiver) =
            (Sender::new(&first), Receiver::new(&first, ReceiverConfig::default()));
        sender.add_key(&second).unwrap();
        receiver.add_key(&second).unwrap();
        let early: Vec<_> = (0xfffe..=0xffff).map(|sequence| sealed(&mut sender, sequence)).collect();
        assert_eq!(early[0].len(), rtp(0).len() + sender.rtp_tailroom());
        assert_eq!(sender.rtp_tailroom(), profile.rtp_tailroom() + 2);
        let control = sealed_rtcp(&mut sender);
        assert_eq!(control.len(), rtcp().len() + sender.rtcp_tailroom());
        open(&mut receiver, early[0].clone()).unwrap();
        assert!(sender.use_key(b"cd"));
        let late = sealed(&mut sender, 0);
        assert_eq!(open(&mut receiver, late), Ok(rtp(0)), "{profile}: the counter has turned");
        assert_eq!(sender.roll_over_counter(SSRC), Some(1));
        assert_eq!(receiver.roll_over_counter(SSRC), Some(1));
        assert_eq!(
            open(&mut receiver, early[1].clone()),
            Ok(rtp(0xffff)),
            "{profile}: the old key still opens"
        );
        let later = sealed_rtcp(&mut sender);
        assert_eq!(open_rtcp(&mut receiver, later), Ok(rtcp()));
        assert_eq!(open_rtcp(&mut receiver, control), Ok(rtcp()));
        // The index was not reset: a first packet of the new key would have been a replay of the control packet's.
        assert_eq!(receiver.stats().received, 5);
    }
}

/// The key in use cannot be removed; which one that is only an authentic packet says.
#[test]
fn s15_forged_packets_do_not_say_which_key_is_in_use() {
    for profile in Profile::ALL {
        let (first, second) = (named(profile, 1, b"ab"), named(profile, 2, b"cd"));
        let mut receiver = Receiver::new(&first, ReceiverConfig::default());
        receiver.add_key(&second).unwrap();
        let (mut sender, mut impostor) = (Sender::new(&first), Sender::new(&named(profile, 3, b"cd")));
        open(&mut receiver, sealed(&mut sender, 1)).unwrap();
        let forged = sealed(&mut impostor, 2);
        assert_eq!(open(&mut receiver, forged), Err(UnprotectError::Authentication));
        let forged = sealed_rtcp(&mut impostor);
        assert_eq!(open_rtcp(&mut receiver, forged), Err(UnprotectError::Authentication));
        assert!(!receiver.remove_key(b"ab"), "{profile}: in use");
        assert!(receiver.remove_key(b"cd"), "{profile}");
    }
}

/// S15: an identifier that nobody gave, one that is cut off, and one that lies about the key.
//= rfc3711#3.2.3-2 test
#[test]
fn s15_unknown_and_truncated_identifiers_are_refused() {
    for profile in Profile::ALL {
        let mut sender = Sender::new(&named(profile, 1, b"abcd"));
        let mut receiver = Receiver::new(&named(profile, 1, b"abcx"), ReceiverConfig::default());
        let packet = sealed(&mut sender, 1);
        assert_eq!(open(&mut receiver, packet.clone()), Err(UnprotectError::UnknownKey));
        assert_eq!(open_rtcp(&mut receiver, sealed_rtcp(&mut sender)), Err(UnprotectError::UnknownKey));
        for len in 0..packet.len() {
            assert!(open(&mut receiver, packet[..len].to_vec()).is_err());
        }
        assert_eq!(receiver.stream_count(), 0);
        // The right name, and another's key behind it.
        let mut impostor = Receiver::new(&named(profile, 2, b"abcd"), ReceiverConfig::default());
        assert_eq!(open(&mut impostor, packet), Err(UnprotectError::Authentication));
    }
}

#[test]
fn keys_that_do_not_suit_are_refused() {
    let profile = Profile::AeadAes128Gcm;
    let mut sender = Sender::new(&named(profile, 1, b"a"));
    let other = Profile::AeadAes256Gcm;
    assert_eq!(sender.add_key(&named(other, 2, b"b")), Err(AddKeyError::Profile { expected: profile }));
    assert_eq!(
        sender.add_key(&named(profile, 2, b"bc")),
        Err(AddKeyError::Identifier { expected: 1, found: 2 })
    );
    assert_eq!(sender.add_key(&named(profile, 2, b"a")), Err(AddKeyError::IdentifierInUse));
    assert_eq!(sender.add_key(&named(profile, 1, b"b")), Err(AddKeyError::UsedBefore));
    for number in 2..=16 {
        sender.add_key(&named(profile, number, &[number])).unwrap();
    }
    assert_eq!(sender.add_key(&named(profile, 17, b"z")), Err(AddKeyError::TooManyKeys { limit: 16 }));
    assert!(!sender.use_key(b"z"));
    assert!(!sender.remove_key(b"a"), "it is in use");
    assert!(sender.use_key(&[2]) && sender.remove_key(b"a") && !sender.use_key(b"a"));
    // The one in use stays the one in use, wherever it stood among those removed.
    assert!(sender.use_key(&[9]) && sender.remove_key(&[2]) && sender.remove_key(&[16]));
    let expected = sealed(&mut Sender::new(&named(profile, 9, &[9])), 1);
    assert_eq!(sealed(&mut sender, 1), expected);
    let mut nameless = Sender::new(&key(profile, 1));
    assert_eq!(nameless.add_key(&key(profile, 2)), Err(AddKeyError::Identifier { expected: 0, found: 0 }));
    assert_eq!(key(profile, 1).with_identifier(b"").unwrap_err(), KeyError::IdentifierLength { found: 0 });
    let longest =
        |len: usize| key(profile, 1).with_identifier(&vec![1; len]).map(|key| key.identifier().len());
    assert_eq!((longest(128), longest(129)), (Ok(128), Err(KeyError::IdentifierLength { found: 129 })));
    assert_eq!(format!("{:?}", key(profile, 1)), format!("MasterKey({profile}, ..)"));
    assert_eq!(key(profile, 1).with_derivation_rate(3).unwrap_err(), KeyError::DerivationRate { found: 3 });
    assert!(key(profile, 1).with_derivation_rate(1 << 24).is_ok());
    assert!(key(profile, 1).with_derivation_rate(1 << 25).is_err());
}

/// Re-keying where packets carry no identifier: both sides change at an agreed moment, and the counters go on.
//= rfc7714#13.1-6 test
#[test]
fn a_key_can_take_the_place_of_another() {
    for profile in Profile::ALL {
        let (first, second) = (key(profile, 1), key(profile, 2));
        let (mut sender, mut receiver) =
            (Sender::new(&first), Receiver::new(&first, ReceiverConfig::default()));
        sender.set_roll_over_counter(SSRC, 3).unwrap();
        receiver.set_roll_over_counter(SSRC, 3).unwrap();
        open(&mut receiver, sealed(&mut sender, 9)).unwrap();
        assert_eq!(sender.replace_key(&first), Err(AddKeyError::UsedBefore));
        sender.replace_key(&second).unwrap();
        let packet = sealed(&mut sender, 10);
        assert_eq!(open(&mut receiver, packet.clone()), Err(UnprotectError::Authentication));
        receiver.replace_key(&second).unwrap();
        assert_eq!(open(&mut receiver, packet), Ok(rtp(10)));
        let again = sender.protect_rtp(&mut rtp(9), 0);
        assert_eq!(again, Err(ProtectError::IndexUsed { ssrc: SSRC, index: 0x3_0009 }));
    }
}

/// S10: the packets of all sources under a key count, the warning comes before the end, and a new key goes on.
//= rfc3711#8.1-1 test
//= rfc3711#9.2-3 test
//= rfc3711#9.2-4 test
//= rfc3711#8.1.1-3 test
//= rfc7714#10-8 test
//= rfc3711#3.3.1-10 test
#[test]
fn s10_a_key_ends_when_its_lifetime_does() {
    let profile = Profile::Aes128CmHmacSha1_80;
    let short = key(profile, 1).with_lifetime(Lifetime { rtp: 32, rtcp: 16 });
    let mut sender = Sender::new(&short);
    for number in 0..30u16 {
        let mut packet = rtp_of(u32::from(number % 2), number / 2);
        sender.protect_rtp(&mut packet, 0).unwrap();
    }
    assert!(sender.wants_new_key(7), "fifteen sixteenths are used");
    for number in 30..32 {
        let mut packet = rtp_of(number, 0);
        sender.protect_rtp(&mut packet, 0).unwrap();
    }
    let mut packet = rtp(0);
    assert_eq!(sender.protect_rtp(&mut packet, 0), Err(ProtectError::KeyExhausted));
    assert_eq!(packet, rtp(0));
    for _ in 0..16 {
        sealed_rtcp(&mut sender);
    }
    assert_eq!(sender.protect_rtcp(&mut rtcp(), 0), Err(ProtectError::KeyExhausted));
    sender.replace_key(&key(profile, 2)).unwrap();
    assert!(!sender.wants_new_key(7));
    sealed(&mut sender, 0);
    sealed_rtcp(&mut sender);
}

/// A source that has used all its indices begins anew under a new key, and only there.
//= rfc3711#3.3.1-9 test
//= rfc3711#3.4-14 test
//= rfc7714#8.4-1 test
//= rfc7714#9.4-1 test
//= rfc7714#13.1-7 test
//= rfc7714#13.1-8 test
#[test]
fn a_source_at_its_end_needs_a_new_key() {
    for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes256Gcm] {
        let mut sender = Sender::new(&key(profile, 1));
        sender.set_roll_over_counter(SSRC, u32::MAX).unwrap();
        sealed(&mut sender, 0xffff);
        sender.set_rtcp_index(SSRC, 0x7fff_fffe).unwrap();
        sealed_rtcp(&mut sender);
        let back = sender.set_rtcp_index(SSRC, 0x7fff_fffe);
        assert_eq!(back, Err(SetIndexError::Backwards { current: 0x7fff_fffe }));
        sender.set_rtcp_index(SSRC, 0x7fff_ffff).unwrap();
        sealed_rtcp(&mut sender);
        assert!(sender.wants_new_key(SSRC));
        assert_eq!(sender.protect_rtp(&mut rtp(0), 0), Err(ProtectError::KeyExhausted));
        assert_eq!(sender.protect_rtcp(&mut rtcp(), 0), Err(ProtectError::KeyExhausted));
        let fresh = key(profile, 2);
        sender.replace_key(&fresh).unwrap();
        let mut receiver = Receiver::new(&fresh, ReceiverConfig::default());
        assert_eq!(open(&mut receiver, sealed(&mut sender, 0)), Ok(rtp(0)));
        assert_eq!(open_rtcp(&mut receiver, sealed_rtcp(&mut sender)), Ok(rtcp()));
    }
}

/// The same by choice among keys: another one begins anew, the same one does not.
#[test]
fn a_source_at_its_end_goes_on_under_another_key_only() {
    let profile = Profile::AeadAes128Gcm;
    let mut sender = Sender::new(&named(profile, 1, b"a"));
    sender.add_key(&named(profile, 2, b"b")).unwrap();
    sender.set_roll_over_counter(SSRC, u32::MAX).unwrap();
    sealed(&mut sender, 0xffff);
    assert!(sender.use_key(b"a"));
    assert_eq!(sender.protect_rtp(&mut rtp(0), 0), Err(ProtectError::KeyExhausted));
    assert!(sender.use_key(b"b"));
    let expected = sealed(&mut Sender::new(&named(profile, 2, b"b")), 0);
    assert_eq!(sealed(&mut sender, 0), expected);
}

/// Session keys change every `rate` packets: within a period the packets are those of one derivation, and a receiver that
/// never derives again stops understanding where the first period ends.
//= rfc3711#4.3.1-4 test
//= rfc3711#4.3.1-14 test
#[test]
fn session_keys_change_with_the_derivation_rate() {
    for profile in Profile::ALL {
        let constant = key(profile, 1);
        let changing = key(profile, 1).with_derivation_rate(16).unwrap();
        let mut sender = Sender::new(&changing);
        let mut receiver = Receiver::new(&changing, ReceiverConfig::default());
        let mut stubborn = Receiver::new(&constant, ReceiverConfig::default());
        let mut packets: Vec<_> = (0..64).map(|sequence| (sequence, sealed(&mut sender, sequence))).collect();
        for (sequence, packet) in &packets {
            assert_eq!(open(&mut stubborn, packet.clone()).is_ok(), *sequence < 16, "{profile} {sequence}");
        }
        // Out of order, across the periods' borders.
        packets.chunks_mut(3).for_each(<[_]>::reverse);
        for (sequence, packet) in packets {
            assert_eq!(open(&mut receiver, packet), Ok(rtp(sequence)), "{profile}");
        }
        for number in 0..40 {
            let packet = sealed_rtcp(&mut sender);
            assert_eq!(open_rtcp(&mut stubborn, packet.clone()).is_ok(), number < 16, "{profile} {number}");
            assert_eq!(open_rtcp(&mut receiver, packet), Ok(rtcp()), "{profile}");
        }
    }
}

/// RFC 4771: whoever joins late learns the counter from the first packet that carries it, and only if it is authentic.
#[test]
fn the_roll_over_counter_travels_in_packets() {
    for profile in Profile::ALL {
        let rate = NonZeroU16::new(4).unwrap();
        let name = named(profile, 1, b"id");
        let (mut sender, mut receiver) =
            (Sender::new(&name), Receiver::new(&name, ReceiverConfig::default()));
        if profile.rtp_tailroom() == 4 {
            assert_eq!(sender.carry_roll_over_counter(rate), Err(UnsuitedProfile(profile)));
            assert_eq!(receiver.expect_roll_over_counter(rate), Err(UnsuitedProfile(profile)));
            continue;
        }
        sender.carry_roll_over_counter(rate).unwrap();
        receiver.expect_roll_over_counter(rate).unwrap();
        sender.set_roll_over_counter(SSRC, 0x0102_0304).unwrap();
        let packets: Vec<_> = (3..9).map(|sequence| sealed(&mut sender, sequence)).collect();
        assert_eq!(open(&mut receiver, packets[0].clone()), Err(UnprotectError::Authentication));
        // The counter stands first in the tag, and behind it all with GCM.
        let end = packets[1].len() - if profile.is_aead() { 4 } else { 10 };
        assert_eq!(packets[1][end..end + 4], [1, 2, 3, 4]);
        assert!(packets[1].len() <= rtp(0).len() + sender.rtp_tailroom());
        let mut forged = packets[1].clone();
        forged[end] ^= 1;
        assert_eq!(open(&mut receiver, forged), Err(UnprotectError::Authentication));
        assert_eq!(receiver.stream_count(), 0);
        for (packet, sequence) in packets[1..].iter().zip(4..) {
            assert_eq!(open(&mut receiver, packet.clone()), Ok(rtp(sequence)), "{profile} {sequence}");
        }
        assert_eq!(receiver.roll_over_counter(SSRC), Some(0x0102_0304));
        // RTCP carries its whole index anyway.
        assert_eq!(open_rtcp(&mut receiver, sealed_rtcp(&mut sender)), Ok(rtcp()));
    }
}

#[test]
fn a_sender_restored_skips_what_may_have_been_sealed_since() {
    for profile in Profile::ALL {
        let (first, second) = (named(profile, 1, b"ab"), named(profile, 2, b"cd"));
        let (mut sender, mut receiver) =
            (Sender::new(&first), Receiver::new(&first, ReceiverConfig::default()));
        sender.add_key(&second).unwrap();
        receiver.add_key(&second).unwrap();
        sender.use_key(b"cd");
        sender.set_roll_over_counter(9, 5).unwrap();
        open(&mut receiver, sealed(&mut sender, 0xffff)).unwrap();
        open(&mut receiver, sealed(&mut sender, 0)).unwrap();
        let control = sealed_rtcp(&mut sender);
        let snapshot = Snapshot::from_bytes(sender.into_snapshot().as_bytes());
        let mut sender = Sender::restore(&snapshot, 100, &Backend::default()).unwrap();
        for sequence in [0xffff, 0, 1, 100] {
            let refused = sender.protect_rtp(&mut rtp(sequence), 0);
            assert!(matches!(refused, Err(ProtectError::IndexUsed { .. })), "{profile} {sequence}");
        }
        assert_eq!(open(&mut receiver, sealed(&mut sender, 101)), Ok(rtp(101)), "{profile}");
        let later = sealed_rtcp(&mut sender);
        assert_eq!(open_rtcp(&mut receiver, later), Ok(rtcp()));
        assert_eq!(open_rtcp(&mut receiver, control), Ok(rtcp()));
        assert_eq!(sender.roll_over_counter(9), Some(5));
        assert!(format!("{snapshot:?}{sender:?}").len() < 80, "nothing of the keys is shown");
    }
}

/// Where fewer indices are left than are to be skipped, none is left.
#[test]
fn a_sender_restored_at_the_end_of_its_indices_seals_no_more() {
    for profile in Profile::ALL {
        let mut sender = Sender::new(&key(profile, 1));
        sender.set_roll_over_counter(SSRC, u32::MAX).unwrap();
        sealed(&mut sender, 0xfff0);
        sender.set_rtcp_index(SSRC, 0x7fff_fff0).unwrap();
        sealed_rtcp(&mut sender);
        let mut sender = Sender::restore(&sender.into_snapshot(), 100, &Backend::default()).unwrap();
        for sequence in [0, 0x60, 0xfff1, 0xffff] {
            let refused = sender.protect_rtp(&mut rtp(sequence), 0);
            assert_eq!(refused, Err(ProtectError::KeyExhausted), "{profile} {sequence}");
        }
        assert_eq!(sender.protect_rtcp(&mut rtcp(), 0), Err(ProtectError::KeyExhausted));
        sender.replace_key(&key(profile, 2)).unwrap();
        sealed(&mut sender, 0);
        sealed_rtcp(&mut sender);
    }
}

#[test]
fn a_receiver_restored_refuses_what_it_had_received() {
    for profile in Profile::ALL {
        let mut config = ReceiverConfig::default();
        config.when_full = WhenFull::EvictOldest;
        config.cryptex = Cryptex::Accepted;
        let (mut sender, mut receiver) =
            (Sender::new(&key(profile, 1)), Receiver::new(&key(profile, 1), config));
        let packets: Vec<_> =
            (0xff00..=0xffff).chain(0..100).map(|sequence| sealed(&mut sender, sequence)).collect();
        for packet in packets.iter().step_by(2) {
            open(&mut receiver, packet.clone()).unwrap();
        }
        let mut receiver = Receiver::restore(&receiver.into_snapshot(), &Backend::default()).unwrap();
        for (number, packet) in packets.iter().enumerate() {
            assert_eq!(open(&mut receiver, packet.clone()).is_ok(), number % 2 == 1, "{profile} {number}");
        }
    }
}

proptest! {
    /// A snapshot that was cut or changed is refused, or is one of some other state; it is never a panic.
    #[test]
    fn damaged_snapshots_are_refused(cut: proptest::sample::Index, at: proptest::sample::Index, mask: u8) {
        let mut sender = Sender::new(&named(Profile::AeadAes128Gcm, 1, b"ab"));
        sealed(&mut sender, 1);
        let whole = sender.into_snapshot().as_bytes().to_vec();
        let part = Snapshot::from_bytes(&whole[..cut.index(whole.len())]);
        prop_assert!(Sender::restore(&part, 0, &Backend::default()).is_err());
        let mut other = whole.clone();
        other[at.index(whole.len())] ^= mask;
        let _ = Sender::restore(&Snapshot::from_bytes(&other), 0, &Backend::default());
        let side = Receiver::restore(&Snapshot::from_bytes(&whole), &Backend::default());
        prop_assert_eq!(side.err(), Some(SnapshotError::OtherSide));
        other = whole;
        other[0] = 9;
        let version = Sender::restore(&Snapshot::from_bytes(&other), 0, &Backend::default());
        prop_assert_eq!(version.err(), Some(SnapshotError::Version { found: 9 }));
    }
}
