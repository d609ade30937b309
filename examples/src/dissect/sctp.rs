//! SCTP packets, and the channels in them; RFC 9260, 8831, 8832.

use nomagic_sctp::channel::Dcep;
use nomagic_sctp::chunk::{Chunk, DataFlags, Init};
use nomagic_sctp::packet::Packet;

use super::tree::{Tree, Value};

/// Payload protocol identifiers of data channels; RFC 8831 section 8.
const DCEP: u32 = 50;
const STRING: u32 = 51;
const STRING_EMPTY: u32 = 56;

/// A packet. Inside DTLS its checksum may be zero; RFC 9653.
pub(super) fn packet(octets: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let Some(header) = octets.get(..12) else {
        tree.fault(octets.len(), "a header has 12 octets");
        return tree;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    tree.add("source_port", word(0)).rfc("RFC 9260 section 3.1");
    tree.add("destination_port", word(2));
    tree.add("verification_tag", long(4)).note(format!("0x{:08x}", long(4)));
    let checksum = tree.add("checksum", long(8));
    let parsed = Packet::parse(octets);
    if let Ok(packet) = &parsed {
        checksum.note(match packet.checksum_is_valid() {
            true => "right",
            false if long(8) == 0 => "zero: DTLS protects the packet, RFC 9653",
            false => "wrong",
        });
    }
    match parsed {
        Ok(packet) => drop(tree.add("chunks", chunks(&packet)).rfc("RFC 9260 section 3.2")),
        Err(fault) => {
            // Chunks begin at multiples of four octets: what is in front of the fault is a packet.
            let good = octets.get(..fault.offset & !3).and_then(|octets| Packet::parse(octets).ok());
            if let Some(packet) = good {
                tree.add("chunks", chunks(&packet)).rfc("RFC 9260 section 3.2");
            }
            tree.fault(fault.offset, fault.kind);
        }
    }
    tree
}

fn chunks(packet: &Packet<'_>) -> Value {
    let chunks = packet.chunks().map(|raw| {
        let mut one = Tree::default();
        one.add("type", raw.kind.0).note(raw.kind);
        one.add("flags", raw.flags);
        one.add("length", raw.value.len() + 4);
        match Chunk::parse(raw) {
            Ok(chunk) => fields(&mut one, &chunk),
            Err(fault) => {
                one.add("value", raw.value);
                one.fault(fault.offset, fault.kind);
            }
        }
        one
    });
    chunks.collect()
}

fn fields(tree: &mut Tree, chunk: &Chunk<'_>) {
    match chunk {
        Chunk::Data(data) => {
            tree.add("tsn", data.tsn).rfc("RFC 9260 section 3.3.1");
            tree.add("stream_identifier", data.stream);
            tree.add("stream_sequence_number", data.ssn);
            tree.add("payload_protocol_identifier", data.ppid).note(meaning(data.ppid));
            payload(tree, data.ppid, data.payload);
        }
        Chunk::IData(data) => {
            tree.add("tsn", data.tsn).rfc("RFC 8260 section 2.1");
            tree.add("stream_identifier", data.stream);
            tree.add("message_identifier", data.mid);
            if data.flags.has(DataFlags::BEGIN) {
                tree.add("payload_protocol_identifier", data.ppid_or_fsn).note(meaning(data.ppid_or_fsn));
                payload(tree, data.ppid_or_fsn, data.payload);
            } else {
                tree.add("fragment_sequence_number", data.ppid_or_fsn);
                tree.add("user_data", data.payload);
            }
        }
        Chunk::Init(init) | Chunk::InitAck(init) => begin(tree, init),
        Chunk::Sack(sack) => {
            tree.add("cumulative_tsn_ack", sack.cumulative).rfc("RFC 9260 section 3.3.4");
            tree.add("a_rwnd", sack.a_rwnd);
            let gaps = sack.blocks().map(|gap| format!("{}-{}", gap.start, gap.end));
            tree.add("gap_ack_blocks", gaps.collect::<Value>());
            tree.add("duplicate_tsns", sack.duplicates().collect::<Value>());
        }
        Chunk::Shutdown(cumulative) => drop(tree.add("cumulative_tsn_ack", *cumulative)),
        Chunk::Heartbeat(info) | Chunk::HeartbeatAck(info) => drop(tree.add("heartbeat_info", *info)),
        Chunk::CookieEcho(cookie) => drop(tree.add("cookie", *cookie)),
        Chunk::Pad(padding) => drop(tree.add("padding", padding.len())),
        Chunk::ForwardTsn(forward) => {
            tree.add("new_cumulative_tsn", forward.cumulative).rfc("RFC 3758 section 3.2");
            let streams = forward.streams().map(|(stream, number)| format!("{stream}:{number}"));
            tree.add("streams", streams.collect::<Value>());
        }
        Chunk::IForwardTsn(forward) => {
            tree.add("new_cumulative_tsn", forward.cumulative).rfc("RFC 8260 section 2.3.1");
        }
        other => drop(tree.add("summary", other.to_string())),
    }
}

fn begin(tree: &mut Tree, init: &Init<'_>) {
    tree.add("initiate_tag", init.tag).rfc("RFC 9260 section 3.3.2");
    tree.add("a_rwnd", init.a_rwnd);
    tree.add("outbound_streams", init.outbound);
    tree.add("inbound_streams", init.inbound);
    tree.add("initial_tsn", init.initial_tsn);
    let parameters = init.params.iter().map(|parameter| {
        let mut one = Tree::default();
        one.add("type", parameter.kind.0).note(parameter.kind);
        one.add("value", parameter.value);
        one
    });
    tree.add("parameters", parameters.collect::<Value>());
}

fn payload(tree: &mut Tree, ppid: u32, payload: &[u8]) {
    match ppid {
        DCEP => match Dcep::parse(payload) {
            Ok(Dcep::Open(open)) => {
                let mut inner = Tree::default();
                inner.add("message_type", "DATA_CHANNEL_OPEN").rfc("RFC 8832 section 5.1");
                inner.add("channel_type", open.channel_type.0).note(if open.channel_type.is_ordered() {
                    "ordered"
                } else {
                    "unordered"
                });
                inner.add("priority", open.priority);
                inner.add("reliability_parameter", open.reliability);
                inner.add("label", open.label);
                inner.add("protocol", open.protocol);
                tree.add("dcep", inner);
            }
            Ok(Dcep::Ack) => {
                let mut inner = Tree::default();
                inner.add("message_type", "DATA_CHANNEL_ACK").rfc("RFC 8832 section 5.2");
                tree.add("dcep", inner);
            }
            Ok(other) => drop(tree.add("dcep", other.to_string())),
            Err(fault) => {
                tree.add("user_data", payload);
                tree.fault(fault.offset, fault.kind);
            }
        },
        STRING | STRING_EMPTY => drop(tree.add("user_data", String::from_utf8_lossy(payload).into_owned())),
        _ => drop(tree.add("user_data", payload)),
    }
}

fn meaning(ppid: u32) -> &'static str {
    match ppid {
        DCEP => "DCEP",
        STRING => "string",
        53 => "binary",
        STRING_EMPTY => "empty string",
        57 => "empty binary",
        _ => "not a data channel's",
    }
}
