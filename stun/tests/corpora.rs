//! Every corpus and capture of `../shared/vectors/stun`, with tshark as the second opinion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use nomagic_stun::attribute::{ErrorReason, MappedAddress, Priority, Username, XorMappedAddress};
use nomagic_stun::turn::{ChannelData, next_message};
use nomagic_stun::{AttributeType, ErrorCode, Kind, Message, Method, is_stun};
use nomagic_testkit::vectors;

/// A line of tshark's, by the names of its columns.
type Row = BTreeMap<String, String>;

fn rows(path: &str) -> Vec<Row> {
    let text = vectors::read(path).unwrap_or_default();
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let names: Vec<_> = lines.next().unwrap_or_default().split('\t').map(str::to_owned).collect();
    lines.map(|line| names.iter().cloned().zip(line.split('\t').map(str::to_owned)).collect()).collect()
}

fn number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

/// Reads a message as tshark did; says which check it was that refused it, if one did.
fn agrees(row: &Row, bytes: &[u8], name: &str) -> Option<Kind> {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => {
            if let Kind::Fingerprint { expected, found } = error.kind {
                assert_eq!(row["stun.att.crc32.status"], "0", "{name}");
                assert!(found == number(&row["stun.att.crc32"]) && found != expected, "{name}");
            }
            return Some(error.kind);
        }
    };
    assert_eq!(u32::from(message.message_type().to_bits()), number(&row["stun.type"]), "{name}");
    assert_eq!(bytes.len() - 20, number(&row["stun.length"]) as usize, "{name}");
    assert_eq!(message.transaction_id().to_string(), row["stun.id"], "{name}");
    let types: Vec<_> = row["stun.att.type"].split(',').filter(|text| !text.is_empty()).map(number).collect();
    let hidden = |kind: &u32| matches!(kind, 0x0008 | 0x001c | 0x8028);
    let visible: Vec<_> = types.iter().copied().take_while(|kind| !hidden(kind)).collect();
    // An attribute that it does not know stands in another of its columns.
    let expert = row.get("expert").map_or("", String::as_str);
    let listed = message.attributes().filter(|raw| !expert.contains(&raw.attribute_type.to_string()));
    assert!(listed.map(|raw| u32::from(raw.attribute_type.0)).eq(visible), "{name}: {message}");
    assert_eq!(message.has_fingerprint(), types.contains(&0x8028), "{name}");
    assert_eq!(message.has_integrity(), types.contains(&0x0008) || types.contains(&0x001c), "{name}");
    if let Some(username) = message.attribute::<Username<'_>>().unwrap() {
        assert_eq!(username.as_str(), row["stun.att.username"], "{name}");
    }
    if let Some(priority) = message.attribute::<Priority>().unwrap() {
        assert_eq!(priority.0, number(&row["stun.att.priority"]), "{name}");
    }
    if let Some(error) = message.attribute::<ErrorReason<'_>>().unwrap() {
        assert_eq!(u32::from(error.code().code() % 100), number(&row["stun.att.error"]), "{name}");
    }
    let (plain, masked) = (message.attribute::<MappedAddress>(), message.attribute::<XorMappedAddress>());
    for address in [masked.unwrap().map(|a| a.0), plain.unwrap().map(|a| a.0)].into_iter().flatten() {
        let column = if address.is_ipv4() { "stun.att.ipv4" } else { "stun.att.ipv6" };
        assert!(row[column].split(',').any(|ip| ip.parse() == Ok(address.ip())), "{name}: {address}");
        assert!(
            row["stun.att.port"].split(',').any(|port| number(port) == u32::from(address.port())),
            "{name}"
        );
    }
    None
}

/// The seeds of other implementations' fuzzers: what tshark takes for STUN we read alike, what it does not we refuse.
#[test]
fn seeds_read_as_the_second_opinion_has_it() {
    let mut read = 0;
    for row in rows("stun/expected-tshark-stun.tsv") {
        let name = row["file"].clone();
        let bytes = vectors::read(&format!("stun/{name}")).unwrap();
        let stun = row["protocols"].ends_with(":stun");
        assert_eq!(Message::parse(&bytes).is_ok(), stun, "{name}");
        if stun {
            assert_eq!(agrees(&row, &bytes, &name), None, "{name}");
            read += 1;
        }
    }
    assert!(read == 10 || vectors::folder().is_none(), "{read}");
}

#[test]
fn every_seed_is_read_whole_or_refused() {
    let folders = [
        "aioice",
        "coturn-fuzzstun",
        "coturn-fuzzstunclient",
        "pion-fuzz",
        "pion-turn-fuzz",
        "webrtc-corpus",
    ];
    for (name, mut bytes) in folders.iter().flat_map(|folder| vectors::files(&format!("stun/{folder}"))) {
        if let Ok(message) = Message::parse(&bytes) {
            let walked: usize = message.attributes().map(|raw| 4 + raw.value.len().next_multiple_of(4)).sum();
            assert!(20 + walked <= bytes.len() && !message.to_string().is_empty(), "{name}");
        }
        if let Ok(Some(len)) = next_message(&bytes) {
            assert!(len >= 4 && len.is_multiple_of(4), "{name}");
        }
        let len = bytes.len();
        if let Some(data) = ChannelData::parse(&mut bytes) {
            assert!(data.data.len() + 4 <= len, "{name}");
        }
    }
}

/// Datagrams of browsers, Google Meet and Zoom. Old clients break the RFC, and the wire itself broke some CRCs.
#[test]
fn captured_datagrams_read_as_the_second_opinion_has_it() {
    if vectors::folder().is_none() {
        return;
    }
    // Read; FINGERPRINT wrong; otherwise refused; ChannelData.
    for (capture, expected) in [
        ("stun.pcap", (120, 1, 0, 19)),
        ("stun_dtls_rtp.pcapng", (4, 0, 0, 0)),
        ("stun_google_meet.pcapng", (87, 0, 0, 0)),
        ("stun_zoom.pcapng", (24, 0, 0, 0)),
    ] {
        let packets = vectors::json_lines(&format!("stun/captures/{capture}.packets.jsonl"));
        let packets: BTreeMap<_, _> =
            packets.iter().map(|packet| (packet["frame"].to_string(), packet)).collect();
        let mut found = (0, 0, 0, 0);
        for row in rows(&format!("stun/captures/{capture}.stun.tsv")) {
            let Some(packet) = packets.get(&row["frame.number"]) else { continue };
            // What ICMP quotes is cut.
            if packet["protocols"].as_str().unwrap().contains("icmp") {
                continue;
            }
            let name = format!("{capture} frame {}", row["frame.number"]);
            let mut bytes = vectors::hex(packet["udp_payload"].as_str().unwrap());
            if !row["stun.channel"].is_empty() {
                let data = ChannelData::parse(&mut bytes).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(u32::from(data.channel.number()), number(&row["stun.channel"]), "{name}");
                assert_eq!(data.data.len(), number(&row["stun.length"]) as usize, "{name}");
                found.3 += 1;
                continue;
            }
            match agrees(&row, &bytes, &name) {
                None => found.0 += 1,
                Some(Kind::Fingerprint { .. }) => found.1 += 1,
                Some(_) => found.2 += 1,
            }
        }
        assert_eq!(found, expected, "{capture}");
    }
}

/// The TCP segments of a pcapng file on Ethernet and IPv4: frame number and payload.
fn segments(file: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut rest, mut found, mut frame) = (file, Vec::new(), 0);
    while !rest.is_empty() {
        let (block, tail) = rest.split_at(word(rest, 4));
        rest = tail;
        if word(block, 0) != 6 {
            continue;
        }
        frame += 1;
        let packet = &block[28..28 + word(block, 20)];
        if packet[12..14] != [8, 0] || packet[23] != 6 {
            continue;
        }
        let ip = &packet[14..][..usize::from(u16::from_be_bytes([packet[16], packet[17]]))];
        let tcp = &ip[usize::from(ip[0] & 15) * 4..];
        found.push((frame, tcp[usize::from(tcp[12] >> 4) * 4..].to_vec()));
    }
    found
}

/// T11: messages written back to back into one connection, and a whole TURN session over TCP.
#[test]
fn messages_that_share_a_segment_are_told_apart() {
    for (capture, expected) in
        [("stun_tcp_multiple_msgs_same_pkt.pcap", 6), ("stun.pcap", 21), ("stun_dtls_rtp.pcapng", 39)]
    {
        let Some(pcap) = vectors::read(&format!("stun/captures/{capture}")) else { return };
        let rows = rows(&format!("stun/captures/{capture}.stun.tsv"));
        let mut compared = 0;
        for (frame, segment) in segments(&pcap) {
            let Some(row) = rows.iter().find(|row| row["frame.number"] == frame.to_string()) else {
                continue;
            };
            let (mut rest, mut ids) = (&segment[..], Vec::new());
            while let Ok(Some(len)) = next_message(rest) {
                let (message, tail) = rest.split_at(len);
                if is_stun(message) {
                    let message = Message::parse(message).unwrap();
                    ids.push(message.transaction_id().to_string());
                }
                rest = tail;
            }
            assert!(rest.is_empty());
            assert_eq!(ids.join(","), row["stun.id"], "frame {frame}");
            compared += ids.len();
        }
        assert_eq!(compared, expected, "{capture}");
    }
}

#[test]
fn what_browsers_sent_reads_and_is_well_formed() {
    let Some(csv) = vectors::read("stun/pion/frombrowsers.csv") else { return };
    let csv = String::from_utf8(csv).unwrap();
    let mut read = 0;
    for line in csv.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let bytes = base64(line.split(',').nth(1).unwrap());
        let message = Message::parse(&bytes).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            message.attribute::<Username<'_>>().is_ok() && message.attribute::<XorMappedAddress>().is_ok()
        );
        read += 1;
    }
    assert_eq!(read, 14);
    let chrome = vectors::read("stun/pion/ex1_chrome.stun").unwrap();
    let line = Message::parse(&chrome).unwrap().to_string();
    assert!(line.starts_with("Binding request") && line.contains("0x802f"), "{line}");
}

#[test]
fn what_chrome_said_to_a_turn_server_reads() {
    let lines = |path| String::from_utf8(vectors::read(path).unwrap_or_default()).unwrap();
    for line in lines("stun/pion/01_chromeallocreq.hex").lines() {
        let bytes = vectors::hex(line);
        let message = Message::parse(&bytes).unwrap();
        assert!(message.to_string().starts_with("Allocate"), "{message}");
    }
    for line in lines("stun/pion/02_chandata.hex").lines() {
        let mut bytes = vectors::hex(line);
        let declared = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let data = ChannelData::parse(&mut bytes).unwrap();
        assert_eq!((data.channel.number(), data.data.len()), (0x4000, declared));
    }
}

/// The registry's table: every attribute that an RFC defines has its name here, under its number.
#[test]
fn the_registry_and_our_names_agree() {
    let Some(csv) = vectors::read("stun/pion/stun-parameters-4.csv") else { return };
    let csv = String::from_utf8(csv).unwrap();
    let mut named = 0;
    for line in csv.lines().filter(|line| line.starts_with("0x")) {
        let mut fields = line.split(',');
        let (value, name) = (fields.next().unwrap(), fields.next().unwrap());
        // RFC 5780 has given this one back its old meaning.
        let name = name.strip_prefix("Reserved; was CHANGE-").map_or(name, |_| "CHANGE-REQUEST");
        let name = name.split(' ').next().unwrap();
        if value.contains('-') || !line.contains("[RFC") || name.starts_with("Reserved") {
            continue;
        }
        let kind = AttributeType(u16::try_from(number(value)).unwrap());
        assert_eq!(kind.name(), Some(name.replace('_', "-").as_str()), "{line}");
        named += 1;
    }
    assert!(named >= 39, "{named}");
}

/// The registry's other two tables: methods, which only RFC 7983 reserves further, and error codes.
#[test]
fn the_registrys_methods_and_error_codes_are_ours() {
    let lines = |file: &str| String::from_utf8(vectors::read(file).unwrap_or_default()).unwrap();
    let mut methods = 0;
    for line in lines("stun/pion/stun-parameters-2.csv").lines().filter(|line| line.starts_with("0x")) {
        let mut fields = line.split(',');
        let (value, name) = (fields.next().unwrap(), fields.next().unwrap());
        if value.contains('-') || name.starts_with("Reserved") || name.starts_with("Unassigned") {
            continue;
        }
        let method = Method::new(u16::try_from(number(value)).unwrap());
        assert_eq!(method.to_string(), name, "{line}");
        methods += 1;
    }
    let mut codes = 0;
    for line in lines("stun/pion/stun-parameters-6.csv").lines().filter(|line| line.contains("[RFC")) {
        let code: u16 = line.split(',').next().unwrap().parse().unwrap();
        assert!(ErrorCode::new(code).is_some_and(|known| REGISTERED.contains(&known)), "{line}");
        codes += 1;
    }
    assert!((methods, codes) == (10, REGISTERED.len()) || vectors::folder().is_none(), "{methods} {codes}");
}

/// Every code that has a name here.
const REGISTERED: [ErrorCode; 18] = [
    ErrorCode::TRY_ALTERNATE,
    ErrorCode::BAD_REQUEST,
    ErrorCode::UNAUTHENTICATED,
    ErrorCode::FORBIDDEN,
    ErrorCode::MOBILITY_FORBIDDEN,
    ErrorCode::UNKNOWN_ATTRIBUTE,
    ErrorCode::ALLOCATION_MISMATCH,
    ErrorCode::STALE_NONCE,
    ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
    ErrorCode::WRONG_CREDENTIALS,
    ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL,
    ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH,
    ErrorCode::CONNECTION_ALREADY_EXISTS,
    ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE,
    ErrorCode::ALLOCATION_QUOTA_REACHED,
    ErrorCode::ROLE_CONFLICT,
    ErrorCode::SERVER_ERROR,
    ErrorCode::INSUFFICIENT_CAPACITY,
];

fn base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<_> = text.bytes().filter(|letter| *letter != b'=').map(value).collect();
    let bits = |four: &[u8]| {
        four.iter().fold(0u32, |bits, six| bits << 6 | u32::from(*six)) << (6 * (4 - four.len()))
    };
    letters.chunks(4).flat_map(|four| bits(four).to_be_bytes()[1..four.len()].to_vec()).collect()
}
