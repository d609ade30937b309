//! Frames to packets and back: a stream of ours for each section that we send in, one of the peer's for each source.

use std::collections::{BTreeMap, VecDeque};

use nomagic_rtp::extension::{ExtensionWriter, text_value};
use nomagic_rtp::payload::opus::Opus;
use nomagic_rtp::payload::vp8::{Packetizer, Vp8};
use nomagic_rtp::payload::{Assembler, Frame};
use nomagic_rtp::{Packet, PacketBuilder};
use nomagic_sdp::Negotiator;
use nomagic_sdp::negotiation::Codec;
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

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
    /// The section of the description that it belongs to, by [`nomagic_sdp::negotiation::Section::id`].
    pub section: u32,
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
    medium: Medium,
    ssrc: u32,
    sequence: u16,
    /// Added to the application's timestamps, so that they start at random; RFC 3550 section 5.1.
    offset: u32,
    packetizer: Packetizer,
}

/// A stream of the other side's.
#[derive(Debug)]
struct Incoming {
    section: u32,
    format: Format,
}

/// The two payload formats.
#[derive(Debug)]
enum Format {
    Audio(Assembler<Opus>),
    Video(Assembler<Vp8>),
}

/// The header extension that names a packet's section in a bundle; RFC 9143 section 15.
pub(super) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// Packets that a gap may hold up before its frame is given up.
const PATIENCE: u16 = 48;
/// Sources that are put together at once.
const MAX_SOURCES: usize = 16;
/// Packets that wait to be sent.
const MAX_WAITING: usize = 2048;

/// Everything between frames and plain RTP.
#[derive(Debug)]
pub(super) struct MediaPath {
    rng: ChaCha20Rng,
    mtu: usize,
    outgoing: BTreeMap<u32, Outgoing>,
    waiting: VecDeque<Vec<u8>>,
    incoming: BTreeMap<u32, Incoming>,
    frames: VecDeque<ReceivedFrame>,
}

impl MediaPath {
    pub(super) fn new(mtu: usize, rng: &mut ChaCha20Rng) -> Self {
        Self {
            rng: ChaCha20Rng::from_rng(rng),
            mtu,
            outgoing: BTreeMap::new(),
            waiting: VecDeque::new(),
            incoming: BTreeMap::new(),
            frames: VecDeque::new(),
        }
    }

    /// A name for a stream of ours that is to be.
    pub(super) fn fresh_ssrc(&mut self) -> u32 {
        self.rng.random()
    }

    /// A section in which we send under this SSRC.
    pub(super) fn open(&mut self, section: u32, medium: Medium, ssrc: u32) {
        let stream = Outgoing {
            medium,
            ssrc,
            // Below 2^15, so that nobody has to guess the roll-over counter early; RFC 3711 section 3.3.1.
            sequence: self.rng.random::<u16>() & 0x7fff,
            offset: self.rng.random(),
            // IPv6, UDP, RTP with extensions, and the tag come on top of the payload.
            packetizer: Packetizer::new(self.mtu.saturating_sub(48), self.rng.random()),
        };
        self.outgoing.insert(section, stream);
    }

    /// Streams in sections that are no more end.
    pub(super) fn close_ended(&mut self, negotiator: &Negotiator) {
        self.outgoing.retain(|id, _| negotiator.sections().iter().any(|section| section.id == *id));
    }

    /// The section in which this stream of ours goes.
    pub(super) fn section_of(&self, ssrc: u32) -> Option<u32> {
        self.outgoing.iter().find(|(_, stream)| stream.ssrc == ssrc).map(|(section, _)| *section)
    }

    /// The first section in which a medium is sent.
    pub(super) fn first(&self, medium: Medium) -> Option<u32> {
        self.outgoing.iter().find(|(_, stream)| stream.medium == medium).map(|(section, _)| *section)
    }

    /// Cuts a frame into packets, if its section is one that we send in.
    pub(super) fn send(
        &mut self,
        negotiator: &Negotiator,
        section: u32,
        frame: &[u8],
        timestamp: u32,
    ) -> bool {
        let section = negotiator.sections().iter().find(|one| one.id == section);
        let Some(section) = section.filter(|section| section.direction.sends() && !section.rejected) else {
            return false;
        };
        let (Some(codec), Some(stream)) = (section.codecs.first(), self.outgoing.get_mut(&section.id)) else {
            return false;
        };
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        let Outgoing { medium, ssrc, sequence, offset, packetizer } = stream;
        let (payload_type, ssrc) = (codec.payload_type, *ssrc);
        let timestamp = timestamp.wrapping_add(*offset);
        let mid = section.extensions.iter().find(|extension| extension.uri == MID);
        let mut packet = |marker: bool, parts: &[&[u8]]| {
            let mut out = Vec::with_capacity(1280);
            let builder =
                PacketBuilder { marker, payload_type, sequence: *sequence, timestamp, ssrc, csrcs: &[] };
            let extensions = |writer: &mut ExtensionWriter<'_>| {
                if let Some(mid) = mid {
                    writer.element(mid.id, section.mid.as_bytes());
                }
            };
            builder.encode_parts(&mut out, extensions, parts, 0);
            *sequence = sequence.wrapping_add(1);
            self.waiting.push_back(out);
        };
        match medium {
            Medium::Audio => packet(false, &[frame]),
            Medium::Video => {
                for piece in packetizer.packetize(frame) {
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
    pub(super) fn receive(&mut self, negotiator: &Negotiator, packet: &Packet<'_>) {
        let ssrc = packet.ssrc();
        if !self.incoming.contains_key(&ssrc) {
            let Some(incoming) = Incoming::new(negotiator, packet) else { return };
            if self.incoming.len() >= MAX_SOURCES {
                return;
            }
            self.incoming.insert(ssrc, incoming);
        }
        if let Some(incoming) = self.incoming.get_mut(&ssrc) {
            match &mut incoming.format {
                Format::Audio(assembler) => assembler.push(packet),
                Format::Video(assembler) => assembler.push(packet),
            }
        }
        self.take_frames();
    }

    /// A source has gone.
    pub(super) fn forget(&mut self, ssrc: u32) {
        self.incoming.remove(&ssrc);
    }

    pub(super) fn flush(&mut self) {
        for incoming in self.incoming.values_mut() {
            match &mut incoming.format {
                Format::Audio(assembler) => assembler.flush(),
                Format::Video(assembler) => assembler.flush(),
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
                let (medium, frame) = match &mut incoming.format {
                    Format::Audio(assembler) => (Medium::Audio, assembler.pop()),
                    Format::Video(assembler) => (Medium::Video, assembler.pop()),
                };
                let Some(frame) = frame else { break };
                if self.frames.len() >= 1024 {
                    self.frames.pop_front();
                }
                let section = incoming.section;
                self.frames.push_back(ReceivedFrame { section, medium, ssrc: *ssrc, frame });
            }
        }
    }
}

impl Incoming {
    /// Finds out what a new source is: its first packet names its section, or the description names the source, or the
    /// payload type has to do; RFC 9143 section 9.2. `None` if it is nothing that was agreed on.
    fn new(negotiator: &Negotiator, packet: &Packet<'_>) -> Option<Self> {
        let sections = || {
            let agreed = |codec: &Codec| codec.payload_type == packet.payload_type();
            negotiator.sections().iter().filter(move |section| section.codecs.iter().any(agreed))
        };
        let by_name = sections().find(|section| {
            let mid = section.extensions.iter().find(|extension| extension.uri == MID);
            let named = mid.and_then(|mid| packet.extensions().find(mid.id)).and_then(text_value);
            named == Some(section.mid.as_str())
        });
        let by_source = || {
            sections().find(|section| {
                section.remote.as_ref().is_some_and(|remote| remote.ssrcs.contains(&packet.ssrc()))
            })
        };
        let section = by_name.or_else(by_source).or_else(|| sections().next())?;
        let format = match Medium::of(&section.kind)? {
            Medium::Audio => Format::Audio(Assembler::new(Opus, PATIENCE)),
            Medium::Video => Format::Video(Assembler::new(Vp8, PATIENCE)),
        };
        Some(Self { section: section.id, format })
    }
}
