//! `dissect`: trees of known packets, packets that break, and everything that lies in the vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use nomagic_examples::capture::Capture;
use nomagic_examples::dissect::{Dissector, Frame, KeyLog, Paint, Value, read, read_hex};
use nomagic_testkit::vectors::{files, hex};
use pcap_file::DataLink;
use proptest::prelude::*;

fn print(octets: &[u8]) -> String {
    Dissector::default().bare(1, octets).print(Paint::Plain)
}

/// The request of RFC 5769 section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

#[test]
fn a_stun_request_is_shown_attribute_by_attribute() {
    nomagic_testkit::golden!("dissect-stun.txt", print(&hex(REQUEST)));
}

#[test]
fn a_media_packet_is_shown_with_its_extension() {
    let packet = hex("907800010000000200000003bede00011012340000010203");
    nomagic_testkit::golden!("dissect-rtp.txt", print(&packet));
}

#[test]
fn channel_data_shows_what_it_carries() {
    let packet = hex(&format!("4000006c{REQUEST}"));
    let packet = Dissector::default().bare(1, &packet);
    assert_eq!(packet.protocol, "turn-channel");
    let Some(Value::Tree(inner)) = packet.tree.find("stun") else { panic!("{packet:?}") };
    assert_eq!(inner.find("method"), Some(&Value::Text("Binding".into())));
}

#[test]
fn what_is_malformed_is_shown_up_to_the_fault() {
    let request = hex(REQUEST);
    let json = Dissector::default().bare(1, &request[..50]).to_json();
    assert_eq!(json["stun"]["attributes"][0]["value"], "STUN test client");
    assert_eq!(json["stun"]["attributes"].as_array().unwrap().len(), 2, "the rest is cut: {json}");
    // The length in the header, at octet 2, promises more than there is.
    assert_eq!(json["stun"]["malformed"]["offset"], 2);
    assert!(json["stun"]["malformed"]["reason"].as_str().unwrap().contains("88"), "{json}");

    let mut attribute = request.clone();
    attribute[43] = 2;
    let json = Dissector::default().bare(1, &attribute).to_json();
    let malformed = &json["stun"]["malformed"];
    assert!(malformed["offset"].as_u64().unwrap() > 40, "{json}");

    for (octets, protocol) in [
        ("16fefd0000", "dtls"),
        ("8060", "rtp"),
        ("80c800", "rtcp"),
        ("400000", "turn-channel"),
        ("0001", "stun"),
    ] {
        let json = Dissector::default().bare(1, &hex(octets)).to_json();
        assert_eq!(json["protocol"], protocol);
        assert!(json[protocol]["malformed"]["reason"].is_string(), "{json}");
    }
}

#[test]
fn hexadecimal_digits_are_read_as_people_write_them() {
    let text = "# a comment\n\n00 01\n0x0203\n04:05:06\n";
    assert_eq!(read_hex(text.as_bytes()).unwrap(), [vec![0, 1], vec![2, 3], vec![4, 5, 6]]);
    assert_eq!(read_hex("00\n0g\n".as_bytes()).unwrap_err(), "line 2: expected pairs of hexadecimal digits");
}

#[test]
fn key_logs_that_break_say_where() {
    let mut keys = KeyLog::default();
    assert_eq!(keys.add("SERVER_RANDOM 00\n# note\n"), Ok(()));
    let fault = keys.add("\nCLIENT_RANDOM 00 11\n").unwrap_err();
    assert_eq!(fault, "line 2: expected 32 and 48 octets as hexadecimal digits");
}

/// A capture that is cut in the middle of a record gives the frames before the cut.
#[test]
fn a_cut_capture_is_shown_as_far_as_it_goes() {
    let ends: [SocketAddr; 2] = ["192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap()];
    let mut capture = Capture::new(Vec::new()).unwrap();
    for number in 0..3 {
        capture.datagram(Duration::from_millis(number), ends[0], ends[1], &hex(REQUEST)).unwrap();
    }
    let file = capture.into_inner();
    for cut in 24..file.len() {
        let captured = read(&file[..cut]).unwrap();
        assert!(captured.frames.len() <= 3);
        assert_eq!(captured.cut.is_some(), (cut - 24) % (16 + 28 + 108) != 0, "{cut}");
    }
    let mut dissector = Dissector::default();
    let packets: Vec<_> =
        read(&file).unwrap().frames.iter().flat_map(|frame| dissector.frame(frame)).collect();
    assert_eq!(packets.len(), 3);
    let json = packets[1].to_json();
    assert_eq!((&json["source"], &json["destination"]), (&"192.0.2.1:1".into(), &"192.0.2.2:2".into()));
    assert_eq!((&json["frame"], &json["protocol"]), (&2.into(), &"stun".into()));
    assert!(json["time"].as_f64().unwrap() > 0.0);
    assert!(read(b"GIF89a").is_err());
}

/// Everything that lies in the corpora, packet or not, one dissector a folder.
#[test]
fn no_packet_of_the_corpora_breaks_it() {
    let mut seen = 0;
    for folder in CORPORA {
        let mut dissector = Dissector::default();
        for (name, octets) in files(folder) {
            let packet = dissector.bare(1, &octets);
            assert!(packet.print(Paint::Colours).ends_with('\n'), "{folder}/{name}");
            assert_eq!(packet.to_json()["protocol"], packet.protocol, "{folder}/{name}");
            seen += 1;
        }
    }
    assert!(seen > 600 || seen == 0, "{seen}");
}

const CORPORA: [&str; 16] = [
    "stun/coturn-fuzzstun",
    "stun/coturn-fuzzstunclient",
    "stun/pion-fuzz",
    "stun/pion-turn-fuzz",
    "stun/webrtc-corpus",
    "dtls/boringssl-client",
    "dtls/boringssl-server",
    "dtls/openssl-client",
    "dtls/openssl-server",
    "dtls/pion-handshake-fuzz",
    "dtls/pion-recordlayer-fuzz",
    "rtp/mediasoup-rtcp-corpus",
    "rtp/webrtc-rtcp-corpus",
    "rtp/webrtc-rtp-corpus",
    "sctp/usrsctp-connect",
    "sctp/webrtc-corpus",
];

proptest! {
    /// Any octets in any kind of frame, twice in one dissector, which remembers.
    #[test]
    fn arbitrary_frames_never_break_it(
        frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 0usize..6), 0..20)
    ) {
        let links = [DataLink::ETHERNET, DataLink::RAW, DataLink::LINUX_SLL, DataLink::LINUX_SLL2, DataLink::NULL, DataLink::AX25];
        let mut dissector = Dissector::default();
        for (number, (data, link)) in frames.iter().enumerate() {
            let time = Duration::from_millis(number as u64);
            let frame = Frame { number: number as u64 + 1, time, link: links[*link], data: data.clone() };
            for packet in dissector.frame(&frame) {
                prop_assert!(packet.print(Paint::Plain).starts_with(&frame.number.to_string()));
                prop_assert!(packet.to_json().is_object());
            }
            prop_assert!(dissector.bare(1, data).to_json().is_object());
        }
    }

    #[test]
    fn arbitrary_files_never_break_the_reader(file in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&file);
        let pcap: Vec<u8> = hex("d4c3b2a1020004000000000000000000ffff000065000000").into_iter().chain(file.clone()).collect();
        let _ = read(&pcap);
        let pcapng: Vec<u8> = hex("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000").into_iter().chain(file).collect();
        let _ = read(&pcapng);
    }
}
