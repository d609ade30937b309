//! Both kinds of packets to every suite, with everything on that a receiver knows. Noise is refused, untouched, and nothing is
//! remembered; what a sender makes of the same octets comes back, and a changed octet of it is noise again.
#![no_main]

use core::num::NonZeroU16;

use libfuzzer_sys::fuzz_target;
use nomagic_srtp::{
    Backend, Cryptex, ExtensionIds, MasterKey, Profile, Receiver, ReceiverConfig, Sender, SenderConfig,
    Snapshot, sframe,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[options, place], bytes)) = bytes.split_first_chunk::<2>() else { return };
    for profile in Profile::ALL {
        let Ok(mut key) = MasterKey::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()])
        else {
            return;
        };
        if options & 1 != 0 {
            let Ok(named) = key.with_identifier(b"id") else { return };
            key = named;
        }
        if options & 2 != 0 {
            let Ok(changing) = key.with_derivation_rate(1 << 10) else { return };
            key = changing;
        }
        let (mut to, mut from) = (SenderConfig::default(), ReceiverConfig::default());
        to.cryptex = options & 4 != 0;
        from.cryptex = if to.cryptex { Cryptex::Accepted } else { Cryptex::Off };
        if options & 8 != 0 {
            to.encrypted_extensions = ExtensionIds::NONE.with(1).with(2).with(14);
            from.encrypted_extensions = to.encrypted_extensions;
        }
        to.encrypt_rtcp = options & 16 == 0;
        from.accept_unencrypted_rtcp = true;
        let (mut sender, mut receiver) =
            (Sender::with_config(&key, to, Backend::default()), Receiver::new(&key, from));
        if options & 32 != 0 {
            let rate = NonZeroU16::MIN.saturating_add(2);
            let _ = (sender.carry_roll_over_counter(rate), receiver.expect_roll_over_counter(rate));
        }
        refused(&mut receiver, bytes);
        for is_rtcp in [false, true] {
            let mut out = bytes.to_vec();
            let sealed =
                if is_rtcp { sender.protect_rtcp(&mut out, 0) } else { sender.protect_rtp(&mut out, 0) };
            if sealed.is_err() {
                assert_eq!(out, bytes);
                continue;
            }
            let tailroom = if is_rtcp { sender.rtcp_tailroom() } else { sender.rtp_tailroom() };
            assert!(out.len() <= bytes.len() + tailroom);
            let mut forged = out.clone();
            let at = usize::from(place) % forged.len();
            forged[at] ^= 1 | options;
            let mut copy = forged.clone();
            let opened =
                if is_rtcp { receiver.unprotect_rtcp(&mut copy) } else { receiver.unprotect_rtp(&mut copy) };
            assert!(opened.is_err());
            assert_eq!(copy, forged);
            let opened =
                if is_rtcp { receiver.unprotect_rtcp(&mut out) } else { receiver.unprotect_rtp(&mut out) };
            let opened = opened.expect("what was sealed opens");
            // Cryptex may have added an empty extension.
            assert!(opened == bytes || to.cryptex && !is_rtcp && opened.len() == bytes.len() + 4);
        }
    }
    let snapshot = Snapshot::from_bytes(bytes);
    let _ = (
        Sender::restore(&snapshot, 1, &Backend::default()),
        Receiver::restore(&snapshot, &Backend::default()),
    );
    for suite in sframe::Suite::ALL {
        let mut frames = sframe::Receiver::new(suite);
        let _ = frames.add_key(u64::from(place), b"base");
        let mut frame = bytes.to_vec();
        assert!(frames.decrypt(&mut frame, b"").is_err());
        assert_eq!(frame, bytes);
    }
});

fn refused(receiver: &mut Receiver, bytes: &[u8]) {
    let mut packet = bytes.to_vec();
    assert!(receiver.unprotect_rtp(&mut packet).is_err());
    assert!(receiver.unprotect_rtcp(&mut packet).is_err());
    assert_eq!((&packet[..], receiver.stream_count()), (bytes, 0));
}
