//! Any octets to every suite: refused, untouched, and nothing is remembered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig};

fuzz_target!(|bytes: &[u8]| {
    for profile in Profile::ALL {
        let Ok(key) = MasterKey::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()])
        else {
            return;
        };
        let mut receiver = Receiver::new(&key, ReceiverConfig::default());
        let mut packet = bytes.to_vec();
        assert!(receiver.unprotect_rtp(&mut packet).is_err());
        assert!(receiver.unprotect_rtcp(&mut packet).is_err());
        assert_eq!((&packet[..], receiver.stream_count()), (bytes, 0));
    }
});
