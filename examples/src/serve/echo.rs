//! Everything that comes in goes back: sound, pictures and messages.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use nomagic_sctp::channel::{ChannelEvent, ChannelId, ChannelOptions, Message};
use serde_json::{Value, json};

use crate::peer::{Medium, Peer, PeerEvent, ReceivedFrame};
use crate::udp::Driver;

/// Messages that wait to go back, while the other side takes nothing, and their octets.
const MAX_WAITING: usize = 4096;
const MAX_WAITING_OCTETS: usize = 8 << 20;

/// After this another source of the section may take its place.
const SILENCE: Duration = Duration::from_secs(1);

/// What has come and gone.
#[derive(Debug, Default)]
pub(super) struct Echo {
    /// Open a channel of our own.
    initiate: bool,
    own: Option<ChannelId>,
    waiting: VecDeque<(ChannelId, Message)>,
    waiting_octets: usize,
    frames: [u64; 2],
    messages: u64,
    message_octets: u64,
    round_trip_ms: Option<f64>,
    /// Whose frames go back in each section, and when they were last heard.
    echoed: BTreeMap<u32, (u32, Instant)>,
}

impl Echo {
    pub(super) fn new(initiate: bool) -> Self {
        Self { initiate, ..Self::default() }
    }

    pub(super) fn note(&mut self, now: Instant, event: &PeerEvent, peer: &mut Peer) {
        match event {
            PeerEvent::Channel(ChannelEvent::Connected) if self.initiate => {
                self.own = peer.channels().open(now, "echo", ChannelOptions::default()).ok();
            }
            PeerEvent::Channel(ChannelEvent::Opened { channel, .. }) if Some(*channel) == self.own => {
                for number in 0..10 {
                    let message = Message::text(&format!("test {number}"));
                    self.waiting_octets += message.payload.len();
                    self.waiting.push_back((*channel, message));
                }
            }
            // A receiver of our echo needs a keyframe, and only the source can make one.
            PeerEvent::Rtp(nomagic_rtp::Event::KeyframeRequested(ours)) => {
                let section = peer.section_of(*ours);
                if let Some((ssrc, _)) = section.and_then(|section| self.echoed.get(&section)) {
                    peer.request_keyframe(now, *ssrc);
                }
            }
            PeerEvent::Rtp(nomagic_rtp::Event::RoundTrip { time, .. }) => {
                self.round_trip_ms = Some(time.as_secs_f64() * 1000.0);
            }
            _ => {}
        }
    }

    pub(super) fn go_on(&mut self, now: Instant, peer: &mut Peer) {
        while let Some(received) = peer.receive_frame() {
            self.frames[usize::from(received.medium == Medium::Video)] += 1;
            if !self.is_echoed(now, peer, &received) {
                continue;
            }
            if received.medium == Medium::Video && received.frame.after_loss && !received.frame.keyframe {
                peer.request_keyframe(now, received.ssrc);
            }
            peer.send_frame_in(received.section, &received.frame.data, received.frame.timestamp);
        }
        // What is not taken waits in the association, and its window tells the other side.
        while self.waiting.len() < MAX_WAITING && self.waiting_octets < MAX_WAITING_OCTETS {
            let Some((channel, message)) = peer.channels().receive(now) else { break };
            self.messages += 1;
            self.message_octets += message.payload.len() as u64;
            // Our own test messages, echoed by the other side, have come home.
            let home =
                Some(channel) == self.own && message.as_text().is_some_and(|text| text.starts_with("test "));
            if !home {
                self.waiting_octets += message.payload.len();
                self.waiting.push_back((channel, message));
            }
        }
        while let Some((channel, message)) = self.waiting.front() {
            use nomagic_sctp::channel::ChannelSendError::WouldBlock;
            if let Err(WouldBlock { .. }) = peer.channels().send(now, *channel, message.clone()) {
                break;
            }
            self.waiting_octets -= message.payload.len();
            self.waiting.pop_front();
        }
    }

    /// One source of each section goes back, since the frames of two would make no stream: the first, until it is silent.
    fn is_echoed(&mut self, now: Instant, peer: &Peer, received: &ReceivedFrame) -> bool {
        let sections = peer.negotiator().sections();
        self.echoed.retain(|id, _| sections.iter().any(|section| section.id == *id));
        let current = self.echoed.get(&received.section);
        if current.is_some_and(|(ssrc, heard)| *ssrc != received.ssrc && now < *heard + SILENCE) {
            return false;
        }
        self.echoed.insert(received.section, (received.ssrc, now));
        true
    }

    pub(super) fn status(&self, began: Instant, peer: &Peer, driver: &Driver) -> Value {
        let since = |stage: Option<Instant>| {
            stage.map(|at| at.saturating_duration_since(began).as_secs_f64() * 1000.0)
        };
        let stages = peer.stages();
        let sources: Vec<Value> = peer
            .rtp()
            .sources()
            .map(|source| json!({ "ssrc": source.ssrc, "packets": source.received, "octets": source.octets, "lost": source.lost, "jitter": source.jitter }))
            .collect();
        let streams: Vec<Value> = peer
            .rtp()
            .streams()
            .map(|stream| json!({ "ssrc": stream.ssrc, "packets": stream.packets, "octets": stream.octets }))
            .collect();
        json!({
            "closing": peer.is_closing(),
            "ice": peer.ice().state().to_string(),
            "path": peer.ice().selected_pair().map(|pair| pair.route.to_string()),
            "dtls": peer.dtls().and_then(nomagic_dtls::Connection::connected).map(|connected| connected.to_string()),
            "srtp": peer.srtp_profile().map(|profile| profile.to_string()),
            "stages_ms": {
                "signalled": since(stages.signalled),
                "connected": since(stages.connected),
                "selected": since(stages.selected),
                "secured": since(stages.secured),
                "media": since(stages.media),
                "data": since(stages.data),
            },
            "datagrams": { "sent": driver.sent, "received": driver.received },
            "sources": sources,
            "streams": streams,
            "audio_frames": self.frames[0],
            "video_frames": self.frames[1],
            "messages": self.messages,
            "message_octets": self.message_octets,
            "round_trip_ms": self.round_trip_ms,
            "why_not_connected": peer.ice().why_not_connected().map(|why| why.to_string()),
        })
    }
}
