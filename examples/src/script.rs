//! What the two sides of `call` send each other, and whether it has arrived.
//!
//! Both sides know the script, so that each can compare what comes in with what was sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::channel::{ChannelEvent, ChannelId, ChannelOptions, Message};

use crate::media::Media;
use crate::peer::{Medium, Peer};

/// Lengths of the messages on an ordered channel, in octets.
const ORDERED: [usize; 8] = [0, 1, 1000, 16_384, 65_536, 262_144, 0, 1_048_576];
/// Lengths of the messages on an unordered channel.
const UNORDERED: [usize; 6] = [5000, 0, 17, 16_385, 100_000, 1];

/// Which side of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Offers.
    A,
    /// Answers.
    Z,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::A => Self::Z,
            Self::Z => Self::A,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::Z => 'z',
        }
    }
}

/// The messages that a side sends on one of its channels.
fn messages(side: Side, ordered: bool) -> Vec<Message> {
    let lengths: &[usize] = if ordered { &ORDERED } else { &UNORDERED };
    let messages = lengths.iter().enumerate().map(|(number, length)| {
        // Octets that differ with side, channel, message and place.
        let seed =
            u32::from(side.letter()) << 16 | u32::from(ordered) << 8 | u32::try_from(number).unwrap_or(0);
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let payload: Vec<u8> = (0..*length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_be_bytes()[0]
            })
            .collect();
        Message { is_text: false, payload: Bytes::from(payload) }
    });
    messages.collect()
}

/// One of our channels, and what is still to be sent on it.
#[derive(Debug)]
struct Outgoing {
    id: ChannelId,
    open: bool,
    messages: VecDeque<Message>,
}

/// One of the other side's channels, and what is still to come.
#[derive(Debug)]
struct Incoming {
    id: Option<ChannelId>,
    label: String,
    ordered: bool,
    expected: VecDeque<Message>,
}

/// A stream of ours: which frame is next, and when.
#[derive(Debug)]
struct Playing {
    medium: Medium,
    next: usize,
    /// Units of the medium's clock from one frame to the next.
    step: u32,
}

/// A stream of the other side's: the frame from which on the next one is looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Watching {
    next: usize,
    received: usize,
}

/// One side's part: plays its media and messages, checks the other's.
#[derive(Debug)]
pub struct Part {
    media: [Media; 2],
    began: Option<Instant>,
    playing: [Playing; 2],
    watching: [Watching; 2],
    outgoing: Vec<Outgoing>,
    incoming: Vec<Incoming>,
    faults: Vec<String>,
    sent_messages: usize,
    received_messages: usize,
    flushed: bool,
}

/// How a part went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Frames sent: audio, video.
    pub frames_sent: [usize; 2],
    /// Frames received, each equal to one that was sent, in order.
    pub frames_received: [usize; 2],
    /// Frames that the other side had to send.
    pub frames_expected: [usize; 2],
    /// Messages sent.
    pub messages_sent: usize,
    /// Messages received, each equal to the one expected.
    pub messages_received: usize,
    /// Messages that are still missing.
    pub messages_missing: usize,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// How long late frames are waited for after the last one has been sent.
const LATE: Duration = Duration::from_millis(700);

impl Part {
    /// A part for one side; both sides play the same media.
    pub fn new(side: Side, now: Instant, audio: Media, video: Media, peer: &mut Peer) -> Self {
        let open = |ordered: bool, peer: &mut Peer| {
            let label = label(side, ordered);
            let options = ChannelOptions { ordered, ..ChannelOptions::default() };
            // Nothing is open yet and the label is short, so this cannot fail.
            let id = peer.channels().open(now, &label, options).ok()?;
            Some(Outgoing { id, open: false, messages: messages(side, ordered).into() })
        };
        let outgoing: Vec<Outgoing> =
            [true, false].into_iter().filter_map(|ordered| open(ordered, peer)).collect();
        let incoming = [true, false].map(|ordered| Incoming {
            id: None,
            label: label(side.other(), ordered),
            ordered,
            expected: messages(side.other(), ordered).into(),
        });
        let step = |media: &Media, rate: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a few thousand units"
            )]
            let units = (media.interval.as_secs_f64() * rate).round() as u32;
            units
        };
        let playing = [
            Playing { medium: Medium::Audio, next: 0, step: step(&audio, 48_000.0) },
            Playing { medium: Medium::Video, next: 0, step: step(&video, 90_000.0) },
        ];
        Self {
            media: [audio, video],
            began: None,
            playing,
            watching: [Watching::default(); 2],
            outgoing,
            incoming: incoming.into(),
            faults: Vec::new(),
            sent_messages: 0,
            received_messages: 0,
            flushed: false,
        }
    }

    /// A channel event of the peer's.
    pub fn note(&mut self, event: ChannelEvent, peer: &mut Peer) {
        let ChannelEvent::Opened { channel: id, .. } = event else { return };
        if let Some(channel) = self.outgoing.iter_mut().find(|channel| channel.id == id) {
            channel.open = true;
        } else {
            let label = peer.channels().info(id).map(|info| info.label.clone()).unwrap_or_default();
            match self.incoming.iter_mut().find(|channel| channel.label == label) {
                Some(channel) => channel.id = Some(id),
                None => self.faults.push(format!("a channel that nobody opened: {label:?}")),
            }
        }
    }

    /// Sends what is due, takes what has come. Returns when to call again.
    pub fn go_on(&mut self, now: Instant, peer: &mut Peer) -> Instant {
        if peer.srtp_profile().is_some() {
            self.began.get_or_insert(now);
        }
        let next = self.play(now, peer);
        self.send_messages(now, peer);
        self.take_messages(now, peer);
        self.take_frames(now, peer);
        next
    }

    fn play(&mut self, now: Instant, peer: &mut Peer) -> Instant {
        let idle = now + Duration::from_millis(20);
        let Some(began) = self.began else { return idle };
        let mut wake = idle;
        for (stream, media) in self.playing.iter_mut().zip(&self.media) {
            while let Some(frame) = media.frames.get(stream.next) {
                let number = u32::try_from(stream.next).unwrap_or(u32::MAX);
                let due = began + media.interval * number;
                if due > now {
                    wake = wake.min(due);
                    break;
                }
                peer.send_frame(stream.medium, frame, stream.step.wrapping_mul(number));
                stream.next += 1;
            }
        }
        wake
    }

    fn send_messages(&mut self, now: Instant, peer: &mut Peer) {
        for channel in self.outgoing.iter_mut().filter(|channel| channel.open) {
            while let Some(message) = channel.messages.front() {
                // Full buffers are not an error: the rest follows when there is room.
                if peer.channels().send(now, channel.id, message.clone()).is_err() {
                    break;
                }
                channel.messages.pop_front();
                self.sent_messages += 1;
            }
        }
    }

    fn take_messages(&mut self, now: Instant, peer: &mut Peer) {
        while let Some((id, message)) = peer.channels().receive(now) {
            let Some(channel) = self.incoming.iter_mut().find(|channel| channel.id == Some(id)) else {
                self.faults.push("a message on a channel of our own".into());
                continue;
            };
            let found = if channel.ordered {
                channel.expected.front().filter(|expected| **expected == message).map(|_| 0)
            } else {
                channel.expected.iter().position(|expected| *expected == message)
            };
            match found {
                Some(at) => {
                    channel.expected.remove(at);
                    self.received_messages += 1;
                }
                None => self.faults.push(format!(
                    "a message of {} octets on {:?} that was not sent, or not in this order",
                    message.payload.len(),
                    channel.label
                )),
            }
        }
    }

    fn take_frames(&mut self, now: Instant, peer: &mut Peer) {
        if !self.flushed && self.media_over(now) {
            peer.flush_media();
            self.flushed = true;
        }
        while let Some(received) = peer.receive_frame() {
            let at = usize::from(received.medium == Medium::Video);
            let (watching, sent) = (&mut self.watching[at], &self.media[at].frames);
            match sent.iter().skip(watching.next).position(|frame| *frame == received.frame.data) {
                Some(skipped) => {
                    watching.next += skipped + 1;
                    watching.received += 1;
                }
                None => self.faults.push(format!(
                    "{} frame of {} octets that was not sent, or not in this order",
                    received.medium.name(),
                    received.frame.data.len()
                )),
            }
        }
    }

    /// Whether all media have been sent, and late ones waited for.
    fn media_over(&self, now: Instant) -> bool {
        let longest = self
            .media
            .iter()
            .map(|media| media.interval * u32::try_from(media.frames.len()).unwrap_or(u32::MAX));
        let whole = self
            .watching
            .iter()
            .zip(&self.media)
            .all(|(watching, media)| watching.received == media.frames.len());
        let sent =
            self.playing.iter().zip(&self.media).all(|(stream, media)| stream.next >= media.frames.len());
        let late = longest.max().zip(self.began).is_some_and(|(longest, began)| now > began + longest + LATE);
        sent && (whole || late)
    }

    /// Whether everything has been sent, and everything that must arrive has arrived.
    pub fn is_done(&self, now: Instant) -> bool {
        self.media_over(now)
            && self.outgoing.iter().all(|channel| channel.messages.is_empty())
            && self.incoming.iter().all(|channel| channel.expected.is_empty())
    }

    /// The share of the media that has been sent, 0 to 1.
    pub fn progress(&self) -> f64 {
        let sent: usize = self.playing.iter().map(|stream| stream.next).sum();
        let all: usize = self.media.iter().map(|media| media.frames.len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred frames")]
        let share = sent as f64 / all.max(1) as f64;
        share
    }

    /// How it went.
    pub fn report(&self) -> Report {
        Report {
            frames_sent: [0, 1].map(|at: usize| self.playing[at].next),
            frames_received: [0, 1].map(|at: usize| self.watching[at].received),
            frames_expected: [0, 1].map(|at: usize| self.media[at].frames.len()),
            messages_sent: self.sent_messages,
            messages_received: self.received_messages,
            messages_missing: self.incoming.iter().map(|channel| channel.expected.len()).sum(),
            faults: self.faults.clone(),
        }
    }
}

fn label(side: Side, ordered: bool) -> String {
    format!("{}-{}", side.letter(), if ordered { "ordered" } else { "unordered" })
}
