//! `dissect` with a key log: what other implementations encrypted, and what is encrypted here by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Nonce};
use hmac::{Hmac, KeyInit, Mac};
use nomagic_dtls::{CipherSuite, Config, Connection, PreSharedKey, PreSharedKeys};
use nomagic_examples::capture::Capture;
use nomagic_examples::dissect::{Dissector, KeyLog, Packet, Paint, hex as digits, read};
use nomagic_srtp::{MasterKey, Profile, Sender};
use nomagic_testkit::clock::origin;
use nomagic_testkit::rng;
use nomagic_testkit::vectors::{files, hex};
use serde_json::Value as Json;
use sha2::Sha256;

/// What a client and a server send, `true` for the client, dissected from a capture.
fn dissect(keys: &str, datagrams: &[(bool, Vec<u8>)]) -> Vec<Packet> {
    let ends: [SocketAddr; 2] = ["192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap()];
    let mut capture = Capture::new(Vec::new()).unwrap();
    for (client, octets) in datagrams {
        let (source, destination) = if *client { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        capture.datagram(Duration::ZERO, source, destination, octets).unwrap();
    }
    let mut dissector = dissector(keys);
    let captured = read(&capture.into_inner()).unwrap();
    captured.frames.iter().flat_map(|frame| dissector.frame(frame)).collect()
}

fn dissector(keys: &str) -> Dissector {
    let mut log = KeyLog::default();
    log.add(keys).unwrap();
    Dissector::new(log)
}

fn records(packets: &[Packet]) -> Vec<Json> {
    let trees = packets.iter().map(|packet| packet.to_json()["dtls"]["records"].clone());
    trees.flat_map(|records| records.as_array().cloned().unwrap_or_default()).collect()
}

/// What is not implemented: of the recorded handshakes, the one with CBC.
const CBC: [&str; 4] = ["0xc009", "0xc00a", "0xc013", "0xc014"];

/// Handshakes of OpenSSL and GnuTLS: everything opens, and says what it said there; what has a suite with CBC says so.
#[test]
fn handshakes_of_others_are_opened() {
    let (mut opened, mut refused) = (0, 0);
    for (name, file) in files("dtls/handshakes") {
        let vector: Json = serde_json::from_slice(&file).unwrap();
        let keys = vector["keylog"][0].as_str().unwrap();
        let datagrams = datagrams(&vector);
        let packets = dissect(keys, &datagrams);
        let bare = datagrams.iter().scan(dissector(keys), |bare, (_, octets)| Some(bare.bare(1, octets)));
        let without_addresses = records(&bare.collect::<Vec<_>>());
        let records = records(&packets);
        let encrypted: Vec<&Json> = records.iter().filter(|record| record["epoch"] == 1).collect();
        assert!(encrypted.len() >= 4, "{name}");
        let suite = vector["cipher_suite"].as_str().unwrap();
        if CBC.contains(&suite) {
            for record in encrypted {
                let reason = record["not_decrypted"].as_str().unwrap();
                assert!(reason.contains(suite) && reason.contains("not implemented"), "{name}: {record}");
                assert!(record["decrypted"].is_null() && record["encrypted"].is_string(), "{name}: {record}");
            }
            refused += 1;
            continue;
        }
        assert!(encrypted.iter().all(|record| record["decrypted"] == true), "{name}: {encrypted:?}");
        assert_eq!(records, without_addresses, "{name}: addresses are not needed");
        for end in ["c2s", "s2c"] {
            let data = digits(vector["app_data_decrypted"][end].as_str().unwrap().as_bytes());
            assert!(encrypted.iter().any(|record| record["application_data"] == *data), "{name} {end}");
            let finished = &vector["finished_verify_data"][end];
            let said = |record: &&Json| record["handshake"][0]["verify_data"] == *finished;
            assert!(encrypted.iter().any(said), "{name} {end}: {finished}");
        }
        assert!(encrypted.iter().all(|record| record["sctp"].is_null()), "{name}: nobody spoke SCTP");
        for alert in vector["alerts_decrypted"].as_array().unwrap() {
            let description = u64::from(hex(alert[1].as_str().unwrap())[1]);
            assert!(encrypted.iter().any(|record| record["alert"]["description"] == description), "{name}");
        }
        opened += 1;
    }
    assert!((opened, refused) == (6, 1) || (opened, refused) == (0, 0), "{opened} opened, {refused} refused");
}

/// A handshake of ours with a pre-shared key, and a payload; and its line of the key log.
fn with_pre_shared_key(suite: CipherSuite) -> (String, Vec<(bool, Vec<u8>)>) {
    let key = PreSharedKey::new("lamp \u{e9}", &[7; 32]).unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let mut client = Config::client_with_key(key.clone());
    client.suites = vec![suite];
    client.key_log = Some(nomagic_dtls::KeyLog::new({
        let log = Arc::clone(&log);
        move |line| log.lock().unwrap().push_str(line)
    }));
    let mut server = Config::server_with_keys(PreSharedKeys::new([key]).with_hint("house").unwrap());
    server.suites = vec![suite];
    let mut client = Connection::new(client, &mut rng(1));
    let mut server = Connection::new(server, &mut rng(2));
    let (now, mut said, mut out) = (origin(), Vec::new(), Vec::new());
    while client.connected().is_none() {
        while client.poll_transmit(now, &mut out).is_some() {
            said.push((true, out.clone()));
            server.handle_input(now, &mut out);
            out.clear();
        }
        while server.poll_transmit(now, &mut out).is_some() {
            said.push((false, out.clone()));
            client.handle_input(now, &mut out);
            out.clear();
        }
    }
    let at = client.headroom();
    out.resize(at, 0);
    out.extend_from_slice(b"light");
    client.seal(now, &mut out, at).unwrap();
    said.push((true, out));
    let log = log.lock().unwrap().clone();
    (log, said)
}

/// Identity and hint are shown, and everything opens.
#[test]
fn handshakes_with_pre_shared_keys_are_opened() {
    for suite in [&CipherSuite::PRE_SHARED[..], &CipherSuite::CONSTRAINED[1..]].concat() {
        let (keys, datagrams) = with_pre_shared_key(suite);
        let records = records(&dissect(&keys, &datagrams));
        let messages: Vec<&Json> =
            records.iter().filter_map(|record| record["handshake"].as_array()).flatten().collect();
        let find = |kind: u64| messages.iter().find(|message| message["msg_type"] == kind).unwrap();
        let is_ephemeral = suite.to_string().contains("ECDHE");
        assert_eq!(find(16)["psk_identity"], digits("lamp \u{e9}".as_bytes()), "{suite}");
        assert_eq!(find(12)["psk_identity_hint"], digits(b"house"), "{suite}");
        assert_eq!(
            (find(16)["public"].is_string(), find(12)["public"].is_string()),
            (is_ephemeral, is_ephemeral)
        );
        let encrypted: Vec<&Json> = records.iter().filter(|record| record["epoch"] == 1).collect();
        assert!(
            encrypted.len() == 3 && encrypted.iter().all(|record| record["decrypted"] == true),
            "{suite}"
        );
        assert_eq!(encrypted[2]["application_data"], digits(b"light"), "{suite}");
    }
}

fn datagrams(vector: &Json) -> Vec<(bool, Vec<u8>)> {
    let all = vector["datagrams"].as_array().unwrap();
    all.iter().map(|one| (one["dir"] == "c2s", hex(one["hex"].as_str().unwrap()))).collect()
}

/// The exporter's keys open media of both ends, and what was touched stays closed and says why.
#[test]
fn media_is_opened_with_the_keys_of_the_handshake() {
    for (name, file) in files("dtls/handshakes") {
        let vector: Json = serde_json::from_slice(&file).unwrap();
        if vector["cipher_suite"] != "0xc02b" {
            continue;
        }
        let mut datagrams = datagrams(&vector);
        let handshake = datagrams.len();
        let sealed = |end: &str| {
            let part = |what: &str| {
                hex(vector["srtp_keys_rfc5764"][format!("{end}_master_{what}")].as_str().unwrap())
            };
            let profile = Profile::from_id(1).unwrap();
            let mut sender = Sender::new(&MasterKey::new(profile, &part("key"), &part("salt")).unwrap());
            let mut packet = hex("80600001 00000002 00000003 68656c6c6f");
            sender.protect_rtp(&mut packet, 0).unwrap();
            packet
        };
        for end in ["client", "server"] {
            let packet = sealed(end);
            let mut touched = packet.clone();
            touched[12] ^= 1;
            datagrams.extend([(end == "client", touched), (end == "client", packet)]);
        }
        let media = &dissect(vector["keylog"][0].as_str().unwrap(), &datagrams)[handshake..];
        for pair in media.chunks(2) {
            let [touched, whole] = [&pair[0], &pair[1]].map(|packet| packet.to_json()["rtp"].clone());
            assert_eq!(
                (&whole["decrypted"], &whole["payload"]),
                (&true.into(), &"68656c6c6f".into()),
                "{name}"
            );
            assert_eq!(
                (&touched["decrypted"], &touched["sequence_number"]),
                (&false.into(), &1.into()),
                "{name}"
            );
            assert!(pair[0].print(Paint::Plain).contains("decrypted: false ("), "{name}");
        }
        let without = &dissect("", &datagrams)[handshake..];
        assert!(without.iter().all(|packet| packet.tree.find("decrypted").is_none()), "{name}");
        assert!(without[0].print(Paint::Plain).contains("(encrypted)"), "{name}");
    }
}

/// A client's hello with two suites and three extensions, by hand.
const CLIENT_HELLO: &str = "16fefd 0000 000000000000 004f \
    01 000043 0000 000000 000043 fefd 1111111111111111111111111111111111111111111111111111111111111111 00 00 \
    0004 c02b 00ff 01 00 0015 000a 0004 0002 001d 000e 0005 0002 0001 00 0017 0000";
/// The server's answer: AES-128-GCM, and SRTP in counter mode.
const SERVER_HELLO: &str = "16fefd 0000 000000000000 0041 \
    02 000035 0000 000000 000035 fefd 2222222222222222222222222222222222222222222222222222222222222222 00 \
    c02b 00 000d 000e 0005 0002 0001 00 0017 0000";
/// A packet of aiortc that opens the channel `chat`.
const OPEN: &str = "1388138812d56dcb2832c243000300207a62780a000100000000003203000000000000000004000063686174";

fn key_log() -> String {
    format!("CLIENT_RANDOM {} {}\n", "11".repeat(32), "33".repeat(48))
}

/// A record of epoch 1 from the client, sealed with what the key log holds; RFC 5246 sections 5 and 6.3, RFC 5288.
fn seal(sequence: u64, plaintext: &[u8]) -> Vec<u8> {
    let mac = |parts: &[&[u8]]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[0x33; 48]).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let seed: &[u8] = &[&b"key expansion"[..], &[0x22; 32], &[0x11; 32]].concat();
    let first = mac(&[seed]);
    let second = mac(&[&first]);
    let block = [mac(&[&first, seed]), mac(&[&second, seed])].concat();
    let (key, salt) = (&block[..16], &block[32..36]);
    let position = (1u64 << 48 | sequence).to_be_bytes();
    let len = |more: usize| u16::try_from(plaintext.len() + more).unwrap().to_be_bytes();
    let associated = [&position[..], &[23, 0xfe, 0xfd], &len(0)].concat();
    let nonce = [salt, &position].concat();
    let mut sealed = plaintext.to_vec();
    let cipher = Aes128Gcm::new_from_slice(key).unwrap();
    let nonce = Nonce::try_from(&nonce[..]).unwrap();
    let tag = cipher.encrypt_inout_detached(&nonce, &associated, sealed.as_mut_slice().into()).unwrap();
    [&[23, 0xfe, 0xfd][..], &position, &len(24), &position, &sealed, &tag].concat()
}

fn after_hellos(sealed: &[Vec<u8>]) -> Vec<Packet> {
    let mut datagrams = vec![(true, hex(CLIENT_HELLO)), (false, hex(SERVER_HELLO))];
    datagrams.extend(sealed.iter().map(|record| (true, record.clone())));
    dissect(&key_log(), &datagrams).split_off(2)
}

#[test]
fn a_client_hello_is_shown_extension_by_extension() {
    let hello = Dissector::default().bare(1, &hex(CLIENT_HELLO));
    assert_eq!(hello.tree.find("malformed"), None);
    nomagic_testkit::golden!("dissect-client-hello.txt", hello.print(Paint::Plain));
}

#[test]
fn an_opened_channel_is_shown_inside_dtls() {
    let packets = after_hellos(&[seal(1, &hex(OPEN))]);
    nomagic_testkit::golden!("dissect-channel.txt", packets[0].print(Paint::Plain));
}

/// Application data is SCTP's only where SCTP was seen; from then on what is malformed is shown up to the fault.
#[test]
fn a_malformed_packet_inside_dtls_is_shown_up_to_the_fault() {
    let open = hex(OPEN);
    // Behind the good chunk one that promises more than there is, and one shorter than its own header.
    let cut = [&open[..], &hex("00030020 00000000")].concat();
    let short = [&open[..], &hex("06000003")].concat();
    let packets = after_hellos(&[
        seal(1, b"hello from client"),
        seal(2, &open),
        seal(3, &cut),
        seal(4, &short),
        seal(5, &open[..10]),
        seal(6, &open[..20]),
    ]);
    let sctp: Vec<Json> = records(&packets).iter().map(|record| record["sctp"].clone()).collect();
    assert!(sctp[0].is_null() && sctp[1]["malformed"].is_null());
    for (at, offset) in [(2, open.len()), (3, open.len() + 2)] {
        assert_eq!(sctp[at]["chunks"][0]["dcep"]["label"], "chat", "{}", sctp[at]);
        assert_eq!(sctp[at]["chunks"].as_array().unwrap().len(), 1);
        assert_eq!(sctp[at]["malformed"]["offset"], offset, "{}", sctp[at]);
    }
    assert!(sctp[4]["malformed"]["reason"].is_string() && sctp[5]["malformed"]["offset"] == 12, "{sctp:?}");
}

/// A record that was touched, and one of a connection whose key is not in the log, stay closed.
#[test]
fn what_does_not_open_stays_encrypted() {
    let mut touched = seal(1, &hex(OPEN));
    *touched.last_mut().unwrap() ^= 1;
    let record = &records(&after_hellos(&[touched]))[0];
    assert!(record["decrypted"].is_null() && record["encrypted"].is_string(), "{record}");
    let datagrams = [(true, hex(CLIENT_HELLO)), (false, hex(SERVER_HELLO)), (true, seal(1, &hex(OPEN)))];
    let record = &records(&dissect("", &datagrams))[2];
    assert!(record["decrypted"].is_null() && record["encrypted"].is_string(), "{record}");
}

/// What a client sends through its relay before it has a channel is looked into, one level deep.
#[test]
fn an_indication_shows_what_it_carries() {
    let wrap = |data: &[u8]| {
        let len = |len: usize| u16::try_from(len).unwrap().to_be_bytes();
        let padded = data.len().next_multiple_of(4);
        let header =
            [&hex("0016")[..], &len(4 + padded), &hex("2112a442 000102030405060708090a0b 0013")].concat();
        [&header[..], &len(data.len()), data, &vec![0; padded - data.len()]].concat()
    };
    let inner = wrap(&hex(CLIENT_HELLO));
    let json = Dissector::default().bare(1, &inner).to_json();
    assert_eq!(json["stun"]["dtls"]["records"][0]["handshake"][0]["msg_type"], 1, "{json}");
    let json = Dissector::default().bare(1, &wrap(&inner)).to_json();
    assert_eq!(json["stun"]["stun"]["method"], "Send", "{json}");
    assert!(json["stun"]["stun"]["dtls"].is_null(), "{json}");
    let mut deep = inner;
    while deep.len() < 60_000 {
        deep = wrap(&deep);
    }
    assert_eq!(Dissector::default().bare(1, &deep).protocol, "stun");
}
