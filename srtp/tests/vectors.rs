//! Packets that other implementations made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig, Sender};
use nomagic_testkit::vectors;
use serde_json::Value;

fn profile(name: &str) -> Option<Profile> {
    match name {
        "AES_CM_128_HMAC_SHA1_80" => Some(Profile::Aes128CmHmacSha1_80),
        "AES_CM_128_HMAC_SHA1_32" => Some(Profile::Aes128CmHmacSha1_32),
        "AEAD_AES_128_GCM" => Some(Profile::AeadAes128Gcm),
        "AEAD_AES_256_GCM" => Some(Profile::AeadAes256Gcm),
        _ => None,
    }
}

fn octets(value: &Value, name: &str) -> Vec<u8> {
    vectors::hex(value[name].as_str().unwrap())
}

fn key(value: &Value) -> Option<MasterKey> {
    let profile = profile(value["suite"].as_str()?)?;
    MasterKey::new(profile, &octets(value, "master_key"), &octets(value, "master_salt")).ok()
}

/// 300 packets across a roll-over, made by libsrtp, in the shuffled order in which they are to be delivered.
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

#[test]
fn reference_packets_of_libsrtp_open() {
    let Some(file) = vectors::json("srtp/libsrtp_driver.json") else { return };
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        // Vectors with a key identifier or encrypted header extensions name further fields.
        let plain_form = vector.get("mki").is_none_or(Value::is_null)
            && !vector["name"].as_str().unwrap().contains("encrypted_ext");
        let Some(key) = key(vector).filter(|_| plain_form) else { continue };
        let (plain, mut protected) = (octets(vector, "plain"), octets(vector, "protected"));
        let mut receiver = Receiver::new(&key, ReceiverConfig::default());
        let opened = match vector["kind"].as_str().unwrap() {
            "srtp" => receiver.unprotect_rtp(&mut protected),
            _ => receiver.unprotect_rtcp(&mut protected),
        };
        assert_eq!(opened.map(|opened| opened.to_vec()), Ok(plain), "{}", vector["name"]);
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} packets were checked");
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
