//! What passes, in words: the lines of the ladder.

use std::time::Instant;

use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::{ContentType, Records};
use nomagic_ice::demux::{self, Class};
use nomagic_rtp::rtcp::Compound;

/// Which protocol a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Checks of ICE.
    Stun,
    /// The handshake.
    Dtls,
    /// Inside DTLS.
    Sctp,
    /// Inside SRTP.
    Rtp,
    /// Inside SRTCP.
    Rtcp,
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When it passed.
    pub time: Instant,
    /// We sent it.
    pub outgoing: bool,
    /// Its protocol.
    pub layer: Layer,
    /// What it is, in one line.
    pub text: String,
}

/// Collects lines while there is room.
#[derive(Debug)]
pub(super) struct Tracer {
    lines: Option<Vec<Trace>>,
    /// Packets of media and of data described so far, each way; a few are enough to show that they flow.
    media: [usize; 2],
    data: [usize; 2],
}

/// Lines that are kept until they are taken.
const LIMIT: usize = 2000;
/// Media packets that are described, each way.
const MEDIA_LINES: usize = 2;
/// Packets with data or acknowledgements that are described, each way; those that set up or end are described always.
const DATA_LINES: usize = 4;

impl Tracer {
    pub(super) fn new(on: bool) -> Self {
        Self { lines: on.then(Vec::new), media: [0; 2], data: [0; 2] }
    }

    pub(super) fn take(&mut self) -> Vec<Trace> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A datagram as it is on the wire: STUN and DTLS describe themselves.
    pub(super) fn datagram(&mut self, time: Instant, outgoing: bool, datagram: &[u8]) {
        if self.lines.is_none() {
            return;
        }
        match demux::classify(datagram) {
            Class::Stun => {
                let text = nomagic_stun::Message::parse(datagram).map(|message| message.to_string());
                self.push(time, outgoing, Layer::Stun, text.unwrap_or_else(|error| error.to_string()));
            }
            Class::Dtls => {
                // What records carry once there are keys is described from within.
                if let Some(text) = describe_records(datagram) {
                    self.push(time, outgoing, Layer::Dtls, text);
                }
            }
            _ => {}
        }
    }

    /// A plain SCTP packet.
    pub(super) fn data(&mut self, time: Instant, outgoing: bool, packet: &[u8]) {
        if self.lines.is_none() {
            return;
        }
        let text = nomagic_sctp::packet::Packet::parse(packet).map(|packet| packet.to_string());
        let text = text.unwrap_or_else(|error| error.to_string());
        if !["INIT", "COOKIE", "SHUTDOWN", "ABORT"].iter().any(|chunk| text.contains(chunk)) {
            let described = &mut self.data[usize::from(outgoing)];
            if *described >= DATA_LINES {
                return;
            }
            *described += 1;
        }
        self.push(time, outgoing, Layer::Sctp, text);
    }

    /// A plain RTP or RTCP packet.
    pub(super) fn media(&mut self, time: Instant, outgoing: bool, packet: &[u8]) {
        if self.lines.is_none() || self.media[usize::from(outgoing)] >= MEDIA_LINES {
            return;
        }
        self.media[usize::from(outgoing)] += 1;
        if nomagic_rtp::is_rtcp(packet) {
            let parts: Vec<String> = Compound::new(packet)
                .map(|part| part.map_or_else(|error| error.to_string(), |part| part.to_string()))
                .collect();
            self.push(time, outgoing, Layer::Rtcp, parts.join(", "));
        } else {
            let text = nomagic_rtp::Packet::parse(packet).map(|packet| packet.to_string());
            self.push(time, outgoing, Layer::Rtp, text.unwrap_or_else(|error| error.to_string()));
        }
    }

    fn push(&mut self, time: Instant, outgoing: bool, layer: Layer, text: String) {
        if let Some(lines) = self.lines.as_mut().filter(|lines| lines.len() < LIMIT) {
            lines.push(Trace { time, outgoing, layer, text });
        }
    }
}

/// The records of a datagram, and the handshake messages in them as long as they can be read.
fn describe_records(datagram: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    for record in Records::new(datagram) {
        match record {
            Ok((header, _)) if header.content_type == ContentType::APPLICATION_DATA => {}
            Ok((header, fragment)) if header.content_type == ContentType::HANDSHAKE && header.epoch == 0 => {
                parts.push(
                    FragmentHeader::parse(fragment)
                        .map_or_else(|error| error.to_string(), |(it, ..)| it.to_string()),
                );
            }
            Ok((header, _)) if header.epoch > 0 => parts.push(format!("{} (encrypted)", header.content_type)),
            Ok((header, _)) => parts.push(header.content_type.to_string()),
            Err(error) => parts.push(error.to_string()),
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
