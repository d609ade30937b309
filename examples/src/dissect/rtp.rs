//! RTP headers and RTCP; RFC 3550, 8285, 4585.

use nomagic_rtp::Packet;
use nomagic_rtp::extension::Extensions;
use nomagic_rtp::rtcp::{self, Compound, ReportBlock};

use super::tree::{Tree, Value};

/// An RTP packet. Of one that is encrypted the payload tells nothing, and its padding cannot be checked.
pub(super) fn packet(octets: &[u8], encrypted: bool) -> Tree {
    let mut tree = Tree::default();
    let Some(header) = octets.get(..12) else {
        tree.fault(octets.len(), "a header has 12 octets");
        return tree;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let csrcs = usize::from(header[0] & 15);
    tree.add("version", header[0] >> 6).rfc("RFC 3550 section 5.1");
    tree.add("padding", header[0] & 0x20 != 0);
    tree.add("extension", header[0] & 0x10 != 0);
    tree.add("csrc_count", csrcs);
    tree.add("marker", header[1] & 0x80 != 0);
    tree.add("payload_type", header[1] & 0x7f);
    tree.add("sequence_number", word(2));
    tree.add("timestamp", long(4));
    tree.add("ssrc", long(8)).note(format!("0x{:08x}", long(8)));
    let mut at = 12 + 4 * csrcs;
    let Some(sources) = octets.get(12..at) else {
        tree.fault(octets.len(), format!("expected {csrcs} contributing sources"));
        return tree;
    };
    if csrcs > 0 {
        let list = sources.chunks_exact(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]]));
        tree.add("csrc", list.collect::<Value>());
    }
    if header[0] & 0x10 != 0 {
        let Some(found) = extension(&mut tree, octets, at) else { return tree };
        at = found;
    }
    tree.add("payload", &octets[at..]).note(if encrypted { "encrypted" } else { "as it came" });
    if let Err(fault) = Packet::parse(octets)
        && !(encrypted || header[0] & 0x20 != 0)
    {
        tree.fault(fault.offset, fault.kind);
    }
    tree
}

/// The header extension: where it ends, or a fault.
fn extension(tree: &mut Tree, octets: &[u8], at: usize) -> Option<usize> {
    let Some(&[a, b, c, d]) = octets.get(at..at + 4) else {
        tree.fault(octets.len(), "the header of the extension is cut");
        return None;
    };
    let (profile, words) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let mut inner = Tree::default();
    inner.add("profile", profile).note(format!("0x{profile:04x}")).rfc("RFC 3550 section 5.3.1");
    inner.add("length", words).note("words");
    let end = at + 4 + 4 * usize::from(words);
    let Some(data) = octets.get(at + 4..end) else {
        tree.add("header_extension", inner);
        tree.fault(octets.len(), format!("the extension ends at {end}"));
        return None;
    };
    let elements = Extensions::new(profile, data).map(|element| {
        let mut one = Tree::default();
        one.add("id", element.id);
        one.add("data", element.data);
        one
    });
    let elements: Value = elements.collect();
    inner.add("elements", elements).rfc("RFC 8285 section 4");
    tree.add("header_extension", inner);
    Some(end)
}

/// A compound, or one packet of reduced size. Of an encrypted one only the first eight octets are plain.
pub(super) fn control(octets: &[u8], encrypted: bool) -> Tree {
    let mut tree = Tree::default();
    if encrypted {
        let Some(&[first, kind, a, b, c, d, e, f]) = octets.get(..8) else {
            tree.fault(octets.len(), "a header has 8 octets");
            return tree;
        };
        tree.add("version", first >> 6).rfc("RFC 3711 section 3.4");
        tree.add("packet_type", kind);
        tree.add("length", u16::from_be_bytes([a, b]));
        tree.add("ssrc", u32::from_be_bytes([c, d, e, f]));
        tree.add("encrypted", &octets[8..]);
        return tree;
    }
    let mut packets: Vec<Value> = Vec::new();
    for one in Compound::new(octets) {
        match one {
            Ok(packet) => packets.push(report(&packet).into()),
            Err(fault) => {
                tree.add("packets", std::mem::take(&mut packets)).rfc("RFC 3550 section 6.1");
                tree.fault(fault.offset, fault.kind);
                return tree;
            }
        }
    }
    tree.add("packets", packets).rfc("RFC 3550 section 6.1");
    tree
}

fn report(packet: &rtcp::Packet<'_>) -> Tree {
    let mut tree = Tree::default();
    match packet {
        rtcp::Packet::SenderReport(report) => {
            tree.add("packet_type", 200u8).note("sender report").rfc("RFC 3550 section 6.4.1");
            tree.add("ssrc", report.ssrc);
            tree.add("ntp_timestamp", report.info.ntp);
            tree.add("rtp_timestamp", report.info.rtp_timestamp);
            tree.add("packet_count", report.info.packets);
            tree.add("octet_count", report.info.octets);
            tree.add("reports", report.reports.iter().map(block).collect::<Value>());
        }
        rtcp::Packet::ReceiverReport(report) => {
            tree.add("packet_type", 201u8).note("receiver report").rfc("RFC 3550 section 6.4.2");
            tree.add("ssrc", report.ssrc);
            tree.add("reports", report.reports.iter().map(block).collect::<Value>());
        }
        rtcp::Packet::SourceDescription(description) => {
            tree.add("packet_type", 202u8).note("source description").rfc("RFC 3550 section 6.5");
            let chunks = description.chunks().map(|chunk| {
                let mut one = Tree::default();
                one.add("ssrc", chunk.ssrc);
                one.add(
                    "items",
                    chunk.items().map(|item| format!("{} {}", item.kind.0, item.text)).collect::<Value>(),
                );
                one
            });
            tree.add("chunks", chunks.collect::<Value>());
        }
        rtcp::Packet::Goodbye(bye) => {
            tree.add("packet_type", 203u8).note("goodbye").rfc("RFC 3550 section 6.6");
            tree.add("ssrcs", bye.ssrcs().collect::<Value>());
            tree.add("reason", String::from_utf8_lossy(bye.reason).into_owned());
        }
        rtcp::Packet::Nack(nack) => {
            tree.add("packet_type", 205u8).note("negative acknowledgement").rfc("RFC 4585 section 6.2.1");
            tree.add("sender_ssrc", nack.feedback.sender_ssrc);
            tree.add("media_ssrc", nack.feedback.media_ssrc);
            tree.add("sequences", nack.sequences().collect::<Value>());
        }
        rtcp::Packet::TransportFeedback(feedback) => {
            tree.add("packet_type", 205u8)
                .note("transport-wide feedback")
                .rfc("draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1");
            tree.add("base_sequence", feedback.base_sequence);
            tree.add("status_count", feedback.status_count);
            tree.add("reference_time", feedback.reference_time);
            tree.add("feedback_count", feedback.feedback_count);
        }
        rtcp::Packet::PictureLoss(loss) => {
            tree.add("packet_type", 206u8).note("picture loss indication").rfc("RFC 4585 section 6.3.1");
            tree.add("sender_ssrc", loss.0.sender_ssrc);
            tree.add("media_ssrc", loss.0.media_ssrc);
        }
        rtcp::Packet::FullIntraRequest(request) => {
            tree.add("packet_type", 206u8).note("full intra request").rfc("RFC 5104 section 4.3.1");
            tree.add("sender_ssrc", request.feedback.sender_ssrc);
            tree.add("ssrcs", request.requests().map(|one| one.ssrc).collect::<Value>());
        }
        rtcp::Packet::MaximumBitrate(bitrate) => {
            tree.add("packet_type", 206u8)
                .note("receiver's estimate of the maximum bitrate")
                .rfc("draft-alvestrand-rmcat-remb-03 section 2.2");
            tree.add("bitrate", bitrate.bitrate);
            tree.add("ssrcs", bitrate.ssrcs().collect::<Value>());
        }
        rtcp::Packet::Application(application) => {
            tree.add("packet_type", 204u8).note("application-defined").rfc("RFC 3550 section 6.7");
            tree.add("subtype", application.subtype);
            tree.add("ssrc", application.ssrc);
            tree.add("name", String::from_utf8_lossy(&application.name).into_owned());
            tree.add("data", application.data);
        }
        rtcp::Packet::Unknown(unknown) => {
            tree.add("packet_type", unknown.packet_type);
            tree.add("count", unknown.count);
            if let (205 | 206, Some(&[a, b, c, d, e, f, g, h])) = (unknown.packet_type, unknown.body.get(..8))
            {
                tree.add("sender_ssrc", u32::from_be_bytes([a, b, c, d])).rfc("RFC 4585 section 6.1");
                tree.add("media_ssrc", u32::from_be_bytes([e, f, g, h]));
            }
            if let (207, Some(&[a, b, c, d])) = (unknown.packet_type, unknown.body.get(..4)) {
                tree.add("ssrc", u32::from_be_bytes([a, b, c, d])).rfc("RFC 3611 section 2");
            }
            tree.add("body", unknown.body);
        }
        other => drop(tree.add("summary", other.to_string())),
    }
    tree
}

fn block(block: ReportBlock) -> Tree {
    let mut tree = Tree::default();
    tree.add("ssrc", block.ssrc);
    tree.add("fraction_lost", block.fraction_lost);
    tree.add("cumulative_lost", block.cumulative_lost);
    tree.add("highest_sequence", block.highest_sequence);
    tree.add("jitter", block.jitter);
    tree.add("last_sr", block.last_sender_report);
    tree.add("delay_since_last_sr", block.delay_since_last);
    tree
}
