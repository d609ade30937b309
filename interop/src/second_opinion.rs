//! What `dissect` says of a capture, beside what tshark says in the same fields.

use std::collections::BTreeMap;

use serde_json::Value;

/// The fields that both name, by protocol, under tshark's names.
pub const FIELDS: [(&str, &[&str]); 5] = [
    (
        "stun",
        &[
            "stun.type",
            "stun.length",
            "stun.id",
            "stun.att.type",
            "stun.att.username",
            "stun.att.priority",
            "stun.att.ipv4",
            "stun.att.ipv6",
            "stun.att.port",
            "stun.att.error",
            "stun.att.crc32",
            "stun.att.crc32.status",
            "stun.channel",
        ],
    ),
    (
        "dtls",
        &[
            "dtls.record.content_type",
            "dtls.record.version",
            "dtls.record.epoch",
            "dtls.record.sequence_number",
            "dtls.record.length",
            "dtls.handshake.type",
            "dtls.handshake.length",
            "dtls.handshake.message_seq",
            "dtls.handshake.fragment_offset",
            "dtls.handshake.fragment_length",
            "dtls.handshake.ciphersuite",
            "dtls.handshake.extension.type",
            "dtls.alert_message.desc",
        ],
    ),
    (
        "rtp",
        &[
            "rtp.version",
            "rtp.padding",
            "rtp.ext",
            "rtp.cc",
            "rtp.marker",
            "rtp.p_type",
            "rtp.seq",
            "rtp.timestamp",
            "rtp.ssrc",
            "rtp.ext.profile",
            "rtp.ext.len",
        ],
    ),
    ("rtcp", &["rtcp.pt", "rtcp.senderssrc"]),
    (
        "sctp",
        &[
            "sctp.srcport",
            "sctp.dstport",
            "sctp.verification_tag",
            "sctp.checksum",
            "sctp.chunk_type",
            "sctp.data_tsn_raw",
            "sctp.data_sid",
            "sctp.data_ssn",
            "sctp.data_payload_proto_id",
            "sctp.init_initiate_tag",
            "sctp.sack_cumulative_tsn_ack_raw",
            "sctp.sack_a_rwnd",
        ],
    ),
];

/// Values by frame and field, in their order within the frame.
pub type Opinion = BTreeMap<(u64, String), Vec<String>>;

/// Reads tshark's table: names in the first line, several values of a field joined by commas.
///
/// # Panics
/// The table does not begin with frame numbers.
pub fn theirs(table: &str) -> Opinion {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    assert_eq!(names.first(), Some(&"frame.number"));
    let mut opinion = Opinion::new();
    for line in lines {
        let values: Vec<&str> = line.split('\t').collect();
        let frame = values[0].parse().unwrap();
        for (name, value) in names.iter().zip(&values).skip(1).filter(|(_, value)| !value.is_empty()) {
            opinion.insert((frame, (*name).to_owned()), value.split(',').map(plain).collect());
        }
    }
    opinion
}

/// Numbers without their base, words as they are.
fn plain(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.map_or_else(|| value.to_owned(), |number| number.to_string())
}

/// Reads what `dissect --json` has printed, in the fields of one protocol.
///
/// # Panics
/// A line is no JSON.
pub fn ours(protocol: &str, lines: &str) -> Opinion {
    let mut opinion = Opinion::new();
    for line in lines.lines() {
        let packet: Value = serde_json::from_str(line).unwrap();
        let frame = packet["frame"].as_u64().unwrap();
        let name = packet["protocol"].as_str().unwrap();
        let tree = &packet[name];
        let mut note = |field: &str, value: &Value| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(flag) => u8::from(*flag).to_string(),
                Value::Null => return,
                other => other.to_string(),
            };
            opinion.entry((frame, field.to_owned())).or_default().push(text);
        };
        match (protocol, name) {
            ("stun", "stun") => stun(tree, &mut note),
            ("stun", "turn-channel") => {
                note("stun.channel", &tree["channel_number"]);
                note("stun.length", &tree["length"]);
            }
            ("dtls", "dtls") => {
                list(tree, "records").iter().for_each(|record| record_fields(record, &mut note));
            }
            ("rtp", "rtp") => rtp(tree, &mut note),
            ("rtcp", "rtcp") => rtcp(tree, &mut note),
            ("sctp", "sctp") => sctp(tree, &mut note),
            _ => {}
        }
    }
    opinion
}

fn list<'v>(tree: &'v Value, name: &str) -> &'v [Value] {
    tree[name].as_array().map_or(&[], Vec::as_slice)
}

fn stun(tree: &Value, note: &mut impl FnMut(&str, &Value)) {
    note("stun.type", &tree["type"]);
    note("stun.length", &tree["length"]);
    note("stun.id", &tree["transaction_id"]);
    for attribute in list(tree, "attributes") {
        note("stun.att.type", &attribute["type"]);
        match attribute["name"].as_str() {
            Some("USERNAME") => note("stun.att.username", &attribute["value"]),
            Some("PRIORITY") => note("stun.att.priority", &attribute["value"]),
            Some("ERROR-CODE") => {
                note("stun.att.error", &(attribute["value"].as_u64().unwrap_or(0) % 100).into());
            }
            Some("FINGERPRINT") => {
                let digits = attribute["value"].as_str().unwrap_or_default();
                let number = u64::from_str_radix(digits, 16).unwrap_or(0);
                note("stun.att.crc32", &number.into());
                note("stun.att.crc32.status", &attribute["valid"]);
            }
            _ => {}
        }
        if let Some(family) = attribute["family"].as_str() {
            note(if family == "IPv4" { "stun.att.ipv4" } else { "stun.att.ipv6" }, &attribute["address"]);
            note("stun.att.port", &attribute["port"]);
        }
    }
}

fn record_fields(record: &Value, note: &mut impl FnMut(&str, &Value)) {
    note("dtls.record.content_type", &record["type"]);
    note("dtls.record.version", &record["version"]);
    note("dtls.record.epoch", &record["epoch"]);
    note("dtls.record.sequence_number", &record["sequence_number"]);
    note("dtls.record.length", &record["length"]);
    if record["decrypted"] == true {
        return;
    }
    note("dtls.alert_message.desc", &record["alert"]["description"]);
    for message in list(record, "handshake") {
        note("dtls.handshake.type", &message["msg_type"]);
        note("dtls.handshake.length", &message["length"]);
        note("dtls.handshake.message_seq", &message["message_seq"]);
        note("dtls.handshake.fragment_offset", &message["fragment_offset"]);
        note("dtls.handshake.fragment_length", &message["fragment_length"]);
        for body in [message, &message["reassembled"]] {
            list(body, "cipher_suites").iter().for_each(|suite| note("dtls.handshake.ciphersuite", suite));
            note("dtls.handshake.ciphersuite", &body["cipher_suite"]);
            for extension in list(body, "extensions") {
                note("dtls.handshake.extension.type", &extension["type"]);
            }
        }
    }
}

fn rtp(tree: &Value, note: &mut impl FnMut(&str, &Value)) {
    for (theirs, ours) in [
        ("rtp.version", "version"),
        ("rtp.padding", "padding"),
        ("rtp.ext", "extension"),
        ("rtp.cc", "csrc_count"),
        ("rtp.marker", "marker"),
        ("rtp.p_type", "payload_type"),
        ("rtp.seq", "sequence_number"),
        ("rtp.timestamp", "timestamp"),
        ("rtp.ssrc", "ssrc"),
    ] {
        note(theirs, &tree[ours]);
    }
    note("rtp.ext.profile", &tree["header_extension"]["profile"]);
    note("rtp.ext.len", &tree["header_extension"]["length"]);
}

fn rtcp(tree: &Value, note: &mut impl FnMut(&str, &Value)) {
    if !tree["encrypted"].is_null() {
        note("rtcp.pt", &tree["packet_type"]);
        note("rtcp.senderssrc", &tree["ssrc"]);
    }
    for packet in list(tree, "packets") {
        note("rtcp.pt", &packet["packet_type"]);
        let ssrc = if packet["sender_ssrc"].is_null() { &packet["ssrc"] } else { &packet["sender_ssrc"] };
        note("rtcp.senderssrc", ssrc);
    }
}

fn sctp(tree: &Value, note: &mut impl FnMut(&str, &Value)) {
    note("sctp.srcport", &tree["source_port"]);
    note("sctp.dstport", &tree["destination_port"]);
    note("sctp.verification_tag", &tree["verification_tag"]);
    note("sctp.checksum", &tree["checksum"]);
    for chunk in list(tree, "chunks") {
        note("sctp.chunk_type", &chunk["type"]);
        if chunk["type"] == 0 {
            note("sctp.data_tsn_raw", &chunk["tsn"]);
            note("sctp.data_sid", &chunk["stream_identifier"]);
            note("sctp.data_ssn", &chunk["stream_sequence_number"]);
            note("sctp.data_payload_proto_id", &chunk["payload_protocol_identifier"]);
        }
        if chunk["type"] == 1 {
            note("sctp.init_initiate_tag", &chunk["initiate_tag"]);
        }
        if chunk["type"] == 3 {
            note("sctp.sack_cumulative_tsn_ack_raw", &chunk["cumulative_tsn_ack"]);
            note("sctp.sack_a_rwnd", &chunk["a_rwnd"]);
        }
    }
}

/// One line for each value of theirs that ours is not, `-` where ours is nothing.
pub fn differences(capture: &str, ours: &Opinion, theirs: &Opinion, fields: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for ((frame, field), value) in theirs.iter().filter(|((_, field), _)| fields.contains(&field.as_str())) {
        let mine = ours.get(&(*frame, field.clone())).map_or_else(|| "-".to_owned(), |mine| mine.join(","));
        let value = value.join(",");
        if mine != value {
            // A zero in a name would make the list a binary file.
            lines.push(format!("{capture}\t{frame}\t{field}\t{mine}\t{value}").replace('\0', "\\0"));
        }
    }
    lines
}
