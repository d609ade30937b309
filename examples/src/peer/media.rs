//! Frames to packets and back, for one audio and one video stream each way.

use std::collections::{BTreeMap, VecDeque};

use nomagic_rtp::payload::opus::Opus;
use nomagic_rtp::payload::vp8::{Packetizer, Vp8};
use nomagic_rtp::payload::{Assembler, Frame};
use nomagic_rtp::{Packet, PacketBuilder, SessionConfig};
use nomagic_sdp::Negotiator;
use rand::RngExt;
use rand::rngs::ChaCha20Rng;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// Opus.
    Audio,
    /// VP8.
    Video,
}

impl Medium {
    /// `audio` or `video`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A frame that has come in whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFrame {
    /// Sound or picture.
    pub medium: Medium,
    /// The source.
    pub ssrc: u32,
    /// The frame.
    pub frame: Frame,
}

/// A stream of ours.
#[derive(Debug)]
struct Outgoing {
    ssrc: u32,
    sequence: u16,
    /// Added to the application's timestamps, so that they start at random; RFC 3550 section 5.1.
    offset: u32,
}

/// The two payload formats.
#[derive(Debug)]
enum Incoming {
    Audio(Assembler<Opus>),
    Video(Assembler<Vp8>),
}

/// Packets that a gap may hold up before its frame is given up.
const PATIENCE: u16 = 48;
/// Sources that are put together at once.
const MAX_SOURCES: usize = 16;
/// Packets that wait to be sent.
const MAX_WAITING: usize = 2048;

/// Everything between frames and plain RTP.
#[derive(Debug)]
pub(super) struct MediaPath {
    audio: Outgoing,
    video: Outgoing,
    packetizer: Packetizer,
    waiting: VecDeque<Vec<u8>>,
    incoming: BTreeMap<u32, Incoming>,
    payload_types: BTreeMap<u8, Medium>,
    frames: VecDeque<ReceivedFrame>,
}

impl MediaPath {
    pub(super) fn new(mtu: usize, rng: &mut ChaCha20Rng) -> Self {
        let mut outgoing = || Outgoing {
            ssrc: rng.random(),
            // Below 2^15, so that nobody has to guess the roll-over counter early; RFC 3711 section 3.3.1.
            sequence: rng.random::<u16>() & 0x7fff,
            offset: rng.random(),
        };
        let (audio, video) = (outgoing(), outgoing());
        Self {
            audio,
            video,
            // IPv6, UDP, RTP with extensions, and the tag come on top of the payload.
            packetizer: Packetizer::new(mtu.saturating_sub(40), rng.random()),
            waiting: VecDeque::new(),
            incoming: BTreeMap::new(),
            payload_types: BTreeMap::new(),
            frames: VecDeque::new(),
        }
    }

    pub(super) fn session_config(&self, cname: &str) -> SessionConfig {
        let mut config = SessionConfig::new(cname, self.audio.ssrc);
        config.minimum_interval = std::time::Duration::from_millis(500);
        config
    }

    pub(super) fn ssrc(&self, medium: Medium) -> u32 {
        match medium {
            Medium::Audio => self.audio.ssrc,
            Medium::Video => self.video.ssrc,
        }
    }

    /// Learns which payload type means which medium.
    pub(super) fn follow(&mut self, negotiator: &Negotiator) {
        for medium in [Medium::Audio, Medium::Video] {
            let sections = negotiator.sections().iter().filter(|section| section.kind == medium.kind());
            for codec in sections.flat_map(|section| &section.codecs) {
                self.payload_types.insert(codec.payload_type, medium);
            }
        }
    }

    /// Cuts a frame into packets, if the medium is to be sent.
    pub(super) fn send(
        &mut self,
        negotiator: &Negotiator,
        medium: Medium,
        frame: &[u8],
        timestamp: u32,
    ) -> bool {
        let section = negotiator
            .sections()
            .iter()
            .find(|section| section.kind == medium.kind() && section.direction.sends() && !section.rejected);
        let Some(codec) = section.and_then(|section| section.codecs.first()) else { return false };
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        let stream = match medium {
            Medium::Audio => &mut self.audio,
            Medium::Video => &mut self.video,
        };
        let mut packet = |marker: bool, parts: &[&[u8]]| {
            let mut out = Vec::with_capacity(1280);
            let (payload_type, ssrc) = (codec.payload_type, stream.ssrc);
            let timestamp = timestamp.wrapping_add(stream.offset);
            PacketBuilder { marker, payload_type, sequence: stream.sequence, timestamp, ssrc, csrcs: &[] }
                .encode_parts(&mut out, |_| (), parts, 0);
            stream.sequence = stream.sequence.wrapping_add(1);
            self.waiting.push_back(out);
        };
        match medium {
            Medium::Audio => packet(false, &[frame]),
            Medium::Video => {
                for piece in self.packetizer.packetize(frame) {
                    packet(piece.last, &[&piece.descriptor, piece.media]);
                }
            }
        }
        true
    }

    /// Appends the next plain packet.
    pub(super) fn poll_packet(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(packet) = self.waiting.pop_front() else { return false };
        out.extend_from_slice(&packet);
        true
    }

    /// Takes a plain packet that has come in.
    pub(super) fn receive(&mut self, packet: &Packet<'_>) {
        let Some(medium) = self.payload_types.get(&packet.payload_type()).copied() else { return };
        let ssrc = packet.ssrc();
        if self.incoming.len() >= MAX_SOURCES && !self.incoming.contains_key(&ssrc) {
            return;
        }
        let incoming = self.incoming.entry(ssrc).or_insert_with(|| match medium {
            Medium::Audio => Incoming::Audio(Assembler::new(Opus, PATIENCE)),
            Medium::Video => Incoming::Video(Assembler::new(Vp8, PATIENCE)),
        });
        match incoming {
            Incoming::Audio(assembler) => assembler.push(packet),
            Incoming::Video(assembler) => assembler.push(packet),
        }
        self.take_frames();
    }

    pub(super) fn flush(&mut self) {
        for incoming in self.incoming.values_mut() {
            match incoming {
                Incoming::Audio(assembler) => assembler.flush(),
                Incoming::Video(assembler) => assembler.flush(),
            }
        }
        self.take_frames();
    }

    pub(super) fn pop(&mut self) -> Option<ReceivedFrame> {
        self.frames.pop_front()
    }

    fn take_frames(&mut self) {
        for (ssrc, incoming) in &mut self.incoming {
            loop {
                let (medium, frame) = match incoming {
                    Incoming::Audio(assembler) => (Medium::Audio, assembler.pop()),
                    Incoming::Video(assembler) => (Medium::Video, assembler.pop()),
                };
                let Some(frame) = frame else { break };
                if self.frames.len() >= 1024 {
                    self.frames.pop_front();
                }
                self.frames.push_back(ReceivedFrame { medium, ssrc: *ssrc, frame });
            }
        }
    }
}
