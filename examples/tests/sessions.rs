//! Two WebRTC sessions that another implementation recorded, followed from the first packet to the last message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use nomagic_dtls::record::Records;
use nomagic_ice::demux::{Class, classify};
use nomagic_rtp::is_rtcp;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sdp::{Document, Limits, Profile as Severity};
use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig};
use nomagic_stun::{IntegrityKey, Message};
use nomagic_testkit::vectors;
use serde_json::Value;
use sha2::{Digest, Sha256};

const SESSIONS: [&str; 2] = ["webrtc/aiortc-data.session.json", "webrtc/aiortc-vp8.session.json"];

fn octets(value: &Value) -> Vec<u8> {
    vectors::hex(value.as_str().unwrap())
}

fn delivered(session: &Value) -> impl Iterator<Item = Vec<u8>> + '_ {
    let datagrams = session["datagrams"].as_array().unwrap().iter();
    datagrams.filter(|datagram| datagram["lost"] != true).map(|datagram| octets(&datagram["hex"]))
}

/// The passwords of both sides, from their descriptions, which must be well formed.
fn passwords(session: &Value) -> Vec<IntegrityKey> {
    let of = |name: &str| {
        let text = session[name].as_str().unwrap();
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(document.check(Severity::WebRtc), Ok(()));
        let password = document.media().next().unwrap().value("ice-pwd").unwrap().to_owned();
        IntegrityKey::short_term(&password)
    };
    vec![of("offer"), of("answer")]
}

#[test]
fn every_datagram_is_what_it_claims_and_every_check_is_signed() {
    for name in SESSIONS {
        let Some(session) = vectors::json(name) else { return };
        let (keys, mut checks) = (passwords(&session), 0);
        for bytes in delivered(&session) {
            match classify(&bytes) {
                Class::Stun => {
                    let message = Message::parse(&bytes).unwrap();
                    assert!(message.has_fingerprint());
                    let signers = keys.iter().filter(|key| message.verify(key).is_ok()).count();
                    assert_eq!(signers, 1, "{name}: {message}");
                    checks += 1;
                }
                Class::Dtls => assert!(Records::new(&bytes).all(|record| record.is_ok()), "{name}"),
                Class::Rtp | Class::Rtcp => {}
                other => panic!("{name}: {other}"),
            }
        }
        assert!(checks >= 4, "{name}: {checks} checks");
    }
}

#[test]
fn protected_media_open_to_the_packets_that_were_sent() {
    for name in SESSIONS {
        let Some(session) = vectors::json(name) else { return };
        let keys = &session["srtp_keys"];
        let profile = match keys["suite"].as_str().unwrap() {
            "AEAD_AES_128_GCM" => Profile::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => Profile::AeadAes256Gcm,
            _ => Profile::Aes128CmHmacSha1_80,
        };
        let receiver = |side: &str| {
            let part = |what: &str| octets(&keys[format!("{side}_master_{what}")]);
            Receiver::new(
                &MasterKey::new(profile, &part("key"), &part("salt")).unwrap(),
                ReceiverConfig::default(),
            )
        };
        let mut receivers = [receiver("client"), receiver("server")];
        let sent = session["rtp_rtcp_plaintext_sent"].as_array().unwrap();
        let mut sent: BTreeMap<Vec<u8>, usize> = sent.iter().fold(BTreeMap::new(), |mut all, packet| {
            *all.entry(octets(&packet["hex"])).or_default() += 1;
            all
        });
        let mut opened = 0;
        for bytes in delivered(&session).filter(|bytes| matches!(classify(bytes), Class::Rtp | Class::Rtcp)) {
            let plain = receivers.iter_mut().find_map(|receiver| {
                let mut bytes = bytes.clone();
                let plain = if is_rtcp(&bytes) {
                    receiver.unprotect_rtcp(&mut bytes)
                } else {
                    receiver.unprotect_rtp(&mut bytes)
                };
                plain.map(|plain| plain.to_vec()).ok()
            });
            let plain = plain.unwrap_or_else(|| panic!("{name}: a packet opens under neither key"));
            let known = sent.get_mut(&plain).unwrap_or_else(|| panic!("{name}: a packet that was not sent"));
            assert!(*known > 0, "{name}: a packet came twice");
            *known -= 1;
            opened += 1;
        }
        assert!(opened > 400 || sent.is_empty(), "{name}: only {opened} packets");
    }
}

/// One direction's fragments, put together as RFC 9260 section 6.9 has it.
#[derive(Default)]
struct Messages {
    fragments: BTreeMap<u32, (u8, u16, u32, Vec<u8>)>,
}

impl Messages {
    fn take(&mut self, packet: &[u8]) {
        let packet = Packet::parse(packet).unwrap();
        assert!(packet.checksum_is_valid());
        for raw in packet.chunks() {
            let chunk = Chunk::parse(raw).unwrap();
            assert!(!chunk.to_string().is_empty());
            if let Chunk::Data(data) = chunk {
                self.fragments
                    .insert(data.tsn, (data.flags.0, data.stream, data.ppid, data.payload.to_vec()));
            }
        }
    }

    /// Length and hash of each whole message for the application.
    fn whole(&self) -> Vec<(u64, String)> {
        let (mut messages, mut open) = (Vec::new(), Vec::new());
        for (flags, _, ppid, payload) in self.fragments.values() {
            if flags & 2 != 0 {
                open.clear();
            }
            open.extend_from_slice(payload);
            if flags & 1 != 0 && *ppid != 50 {
                // Messages without octets are carried by one; RFC 8831 section 6.6.
                let message: &[u8] = if matches!(ppid, 56 | 57) { &[] } else { &open };
                let hash: String =
                    Sha256::digest(message).iter().map(|octet| format!("{octet:02x}")).collect();
                messages.push((message.len() as u64, hash));
            }
        }
        messages
    }
}

#[test]
fn association_packets_reassemble_to_the_messages_that_were_delivered() {
    for name in SESSIONS {
        let Some(session) = vectors::json(name) else { return };
        for side in ["a", "b"] {
            let mut messages = Messages::default();
            for packet in session["sctp_packets_received"].as_array().unwrap() {
                if packet["to"] == side {
                    messages.take(&octets(&packet["hex"]));
                }
            }
            let log = session["messages_delivered"].as_array().unwrap().iter();
            let log: Vec<&Value> = log.filter(|message| message["to"] == side).collect();
            let mut got = messages.whole();
            got.sort();
            // The recording has hashes for one side; for the other it has lengths, those of texts in characters.
            if log.iter().all(|message| message["sha256"].is_string()) {
                let mut got: Vec<String> = got.into_iter().map(|(_, hash)| hash).collect();
                let mut expected: Vec<&str> =
                    log.iter().filter_map(|message| message["sha256"].as_str()).collect();
                got.sort();
                expected.sort_unstable();
                assert_eq!(got, expected, "{name}: to {side}");
                continue;
            }
            for message in log.into_iter().filter(|message| message["type"] == "binary") {
                let length = message["len"].as_u64().unwrap();
                let at = got.iter().position(|(got, _)| *got == length);
                got.remove(at.unwrap_or_else(|| panic!("{name}: no message of {length} octets to {side}")));
            }
        }
    }
}
