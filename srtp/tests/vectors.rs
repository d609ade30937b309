//! Packets that other implementations made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_srtp::{
    Backend, Cryptex, ExtensionIds, MasterKey, Profile, Receiver, ReceiverConfig, Sender, SenderConfig,
};
use nomagic_testkit::vectors;
use serde_json::Value;

/// Whoever wrote the vectors down writes names as RFC 6188 does.
fn profile(name: &str) -> Option<Profile> {
    let spelt = |profile: &Profile| {
        profile
            .to_string()
            .replace("AES128_CM", "AES_CM_128")
            .replace("AES192_CM", "AES_CM_192")
            .replace("AES256_CM", "AES_CM_256")
    };
    Profile::ALL.into_iter().find(|profile| spelt(profile) == name)
}

fn octets(value: &Value, name: &str) -> Vec<u8> {
    vectors::hex(value[name].as_str().unwrap())
}

fn key(value: &Value) -> Option<MasterKey> {
    let profile = profile(value["suite"].as_str()?)?;
    MasterKey::new(profile, &octets(value, "master_key"), &octets(value, "master_salt")).ok()
}

/// 300 packets across a roll-over, made by libsrtp, in the shuffled order in which they are to be delivered.
//= rfc3711#3.1-11 test
//= rfc3711#3.2.1-7 test
//= rfc3711#3.3-1 test
//= rfc3711#3.3-2 test
//= rfc3711#3.3.1-1 test
//= rfc3711#3.3.1-2 test
//= rfc3711#3.3.1-3 test
//= rfc3711#3.4-1 test
//= rfc3711#3.4-10 test
//= rfc3711#3.4-12 test
//= rfc3711#3.4-13 test
//= rfc3711#4.1.1-4 test
//= rfc3711#4.2-1 test
//= rfc3711#4.2.1-1 test
//= rfc3711#4.2.1-2 test
//= rfc3711#4.2.1-3 test
//= rfc3711#4.3.1-1 test
//= rfc3711#4.3.1-2 test
//= rfc3711#4.3.2-1 test
//= rfc3711#5.1-1 test
//= rfc3711#5.1-2 test
//= rfc3711#5.1-3 test
//= rfc3711#5.2-1 test
//= rfc3711#5.2-2 test
//= rfc3711#5.3-1 test
//= rfc3711#5.3-2 test
//= rfc7714#1-1 test
//= rfc7714#1-2 test
//= rfc7714#8.2-1 test
//= rfc7714#10-7 test
//= rfc7714#11-1 test
#[test]
fn streams_of_libsrtp_across_a_roll_over_open_and_seal() {
    for name in ["stream_aes128cm80_rollover", "stream_aes128gcm_rollover"] {
        let Some(file) = vectors::json(&format!("srtp/{name}.json")) else { return };
        let key = key(&file).unwrap();
        let packets = file["packets"].as_array().unwrap();
        let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key, ReceiverConfig::default()));
        for packet in packets {
            let mut out = octets(packet, "plain");
            sender.protect_rtp(&mut out, 0).unwrap();
            assert_eq!(out, octets(packet, "protected"), "{name} {}", packet["index"]);
        }
        for at in file["delivery_order"].as_array().unwrap() {
            let packet = &packets[usize::try_from(at.as_u64().unwrap()).unwrap()];
            let mut bytes = octets(packet, "protected");
            let plain = receiver.unprotect_rtp(&mut bytes);
            assert_eq!(
                plain.map(|plain| plain.to_vec()),
                Ok(octets(packet, "plain")),
                "{name} {}",
                packet["index"]
            );
        }
        for (number, packet) in file["rtcp"].as_array().unwrap().iter().enumerate() {
            let (mut out, mut bytes) = (octets(packet, "plain"), octets(packet, "protected"));
            let ssrc = u32::from_be_bytes(out[4..8].try_into().unwrap());
            if number == 0 {
                // libsrtp begins at 1.
                sender.set_rtcp_index(ssrc, 1).unwrap();
            }
            sender.protect_rtcp(&mut out, 0).unwrap();
            assert_eq!(out, bytes, "{name} RTCP {number}");
            let plain = receiver.unprotect_rtcp(&mut bytes).map(|plain| plain.to_vec());
            assert_eq!(plain, Ok(octets(packet, "plain")));
        }
        assert_eq!(receiver.stats().received, packets.len() as u64 + 6);
    }
}

/// Every packet of the driver: all profiles, key identifiers, encrypted header extensions; opened and made.
//= rfc3711#4.1.3-1 test
//= rfc3711#5.1-4 test
#[test]
fn reference_packets_of_libsrtp_open_and_seal() {
    let Some(file) = vectors::json("srtp/libsrtp_driver.json") else { return };
    let packets = file["vectors"].as_array().unwrap();
    for vector in packets {
        let name = &vector["name"];
        let salt = octets(vector, "master_salt");
        let profile = profile(vector["suite"].as_str().unwrap()).unwrap();
        // One vector has two octets of salt too many, which are not used.
        let salt = &salt[..profile.salt_len()];
        let mut key = MasterKey::new(profile, &octets(vector, "master_key"), salt).unwrap();
        if let Some(identifier) = vector["mki"].as_str() {
            key = key.with_identifier(&vectors::hex(identifier)).unwrap();
        }
        let ids = vector["encrypted_header_ids"].as_array().into_iter().flatten();
        let ids =
            ids.fold(ExtensionIds::NONE, |ids, id| ids.with(u8::try_from(id.as_u64().unwrap()).unwrap()));
        let mut to = SenderConfig::default();
        to.encrypted_extensions = ids;
        let mut from = ReceiverConfig::default();
        from.encrypted_extensions = ids;
        let mut sender = Sender::with_config(&key, to, Backend::default());
        let mut receiver = Receiver::new(&key, from);
        let (plain, mut protected) = (octets(vector, "plain"), octets(vector, "protected"));
        let mut sealed = plain.clone();
        let is_rtp = vector["kind"] == "srtp";
        if is_rtp {
            sender.protect_rtp(&mut sealed, 0).unwrap();
        } else {
            // libsrtp begins at 1.
            sender.set_rtcp_index(u32::from_be_bytes(plain[4..8].try_into().unwrap()), 1).unwrap();
            sender.protect_rtcp(&mut sealed, 0).unwrap();
        }
        assert_eq!(sealed, protected, "{name}");
        let opened = if is_rtp {
            receiver.unprotect_rtp(&mut protected)
        } else {
            receiver.unprotect_rtcp(&mut protected)
        };
        assert_eq!(opened.map(|opened| opened.to_vec()), Ok(plain), "{name}");
    }
    assert_eq!(packets.len(), 12);
}

/// RFC 9335 appendix A: extensions of both forms, contributing sources with them and without.
#[test]
fn the_packets_of_rfc_9335_open_and_seal() {
    let Some(file) = vectors::json("srtp/rfc9335.json") else { return };
    let mut checked = 0;
    for suite in file["vectors"].as_object().unwrap().values() {
        let profile = profile(suite["crypto_suite"].as_str().unwrap()).unwrap();
        let key =
            MasterKey::new(profile, &octets(suite, "master_key"), &octets(suite, "master_salt")).unwrap();
        for vector in suite["vectors"].as_array().unwrap() {
            let mut to = SenderConfig::default();
            to.cryptex = true;
            let mut from = ReceiverConfig::default();
            from.cryptex = Cryptex::Required;
            let mut sender = Sender::with_config(&key, to, Backend::default());
            let mut receiver = Receiver::new(&key, from);
            let (plain, mut protected) =
                (octets(vector, "rtp_packet"), octets(vector, "encrypted_rtp_packet"));
            let mut sealed = plain.clone();
            sender.protect_rtp(&mut sealed, 0).unwrap();
            assert_eq!(sealed, protected, "{} {}", profile, vector["title"]);
            assert!(sealed.len() <= plain.len() + sender.rtp_tailroom());
            let opened = receiver.unprotect_rtp(&mut protected).unwrap();
            // An empty extension that was added for the sources' sake stays.
            let mut expected = plain.clone();
            if plain[0] & 0x10 == 0 {
                let sources_end = 12 + 4 * usize::from(plain[0] & 15);
                expected[0] |= 0x10;
                expected.splice(sources_end..sources_end, [0xbe, 0xde, 0, 0]);
            }
            assert_eq!(opened, expected, "{} {}", profile, vector["title"]);
            checked += 1;
        }
    }
    assert_eq!(checked, 12);
}

/// RFC 6904 appendix A: the header extension there, in a packet of ours.
//= rfc6904#3.2-1 test
#[test]
fn the_header_extension_of_rfc_6904_is_encrypted() {
    let Some(file) = vectors::json("srtp/rfc6904.json") else { return };
    let key = MasterKey::new(
        Profile::Aes128CmHmacSha1_80,
        &octets(&file, "master_key"),
        &octets(&file, "master_salt"),
    )
    .unwrap();
    let example = &file["A2"];
    let mut config = SenderConfig::default();
    config.encrypted_extensions = ExtensionIds::NONE.with(1).with(3).with(4);
    let mut sender = Sender::with_config(&key, config, Backend::default());
    let mut packet = vectors::hex("900f1234decafbadcafebabebede0006");
    packet.extend(octets(example, "plaintext"));
    packet.extend([0xab; 16]);
    sender.protect_rtp(&mut packet, 0).unwrap();
    assert_eq!(packet[16..40], octets(example, "ciphertext"));
}

#[test]
fn the_fuzz_corpus_of_libsrtp_is_survived() {
    for profile in Profile::ALL {
        let key = MasterKey::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()]).unwrap();
        let mut receiver = Receiver::new(&key, ReceiverConfig::default());
        for (_, bytes) in vectors::corpus("srtp/libsrtp-fuzz.corpus") {
            for skip in [0, 1, 4, 16, 46] {
                let mut bytes = bytes.get(skip..).unwrap_or_default().to_vec();
                let before = bytes.clone();
                assert!(receiver.unprotect_rtp(&mut bytes).is_err());
                assert!(receiver.unprotect_rtcp(&mut bytes).is_err());
                assert_eq!(bytes, before);
            }
        }
        assert_eq!(receiver.stream_count(), 0);
    }
}
