//! What the association below reports, and what the peer announces: channels open, close and make room for others.

use std::collections::VecDeque;
use std::time::Instant;

use super::dcep::{Dcep, Open};
use super::options::{ChannelId, ChannelState};
use super::{Channels, MOST_CHANNELS, MOST_NAMES, ppid};
use crate::association::SendOptions;
use crate::event::Event;
use crate::receive::reassembly::Received;

impl Channels {
    /// Follows what happened below.
    pub(super) fn pump(&mut self, now: Instant) {
        self.take_low();
        let mut control: VecDeque<Received> =
            std::iter::from_fn(|| self.association.receive_control()).collect();
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Connected => {
                    self.connected = true;
                    self.up = true;
                    self.announce_all(now);
                }
                Event::Restarted => {
                    self.restarted = true;
                    self.finish_all();
                    self.burned.clear();
                }
                Event::IncomingReset { stream } => {
                    // What the peer said before the reset comes before it, what it said after comes after.
                    let epoch = self.association.incoming_epoch(stream);
                    for _ in 0..control.len() {
                        let Some(received) = control.pop_front() else { break };
                        if received.stream == stream && received.epoch != epoch {
                            self.on_control(now, &received);
                        } else {
                            control.push_back(received);
                        }
                    }
                    self.on_incoming_reset(now, stream);
                }
                Event::OutgoingReset { stream, done } => self.on_outgoing_reset(now, stream, done),
                Event::BufferedAmountLow { stream } => self.low.extend(self.streams.get(&stream)),
                Event::Readable => self.readable = true,
                Event::Closed(reason) => {
                    self.connected = false;
                    self.finish_all();
                    self.ended = Some(reason);
                }
            }
        }
        control.iter().for_each(|received| self.on_control(now, received));
    }

    fn finish_all(&mut self) {
        let all: Vec<ChannelId> = self.channels.keys().copied().collect();
        all.into_iter().for_each(|id| self.finish(id));
    }

    fn on_incoming_reset(&mut self, now: Instant, stream: u16) {
        let Some(&id) = self.streams.get(&stream) else { return };
        let epoch = self.association.incoming_epoch(stream);
        let Some(channel) = self.channels.get_mut(&id).filter(|c| c.epoch != epoch) else { return };
        channel.theirs_reset = true;
        if channel.ours_reset {
            self.finish(id);
        } else if channel.info.state != ChannelState::Closing {
            channel.info.state = ChannelState::Closing;
            self.reset(now, id, stream);
        }
    }

    fn on_outgoing_reset(&mut self, now: Instant, stream: u16, done: bool) {
        let Some(&id) = self.streams.get(&stream) else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if std::mem::take(&mut channel.ack_due) {
            // That was the end of the number's last use; this one may be closing already.
            let closing = channel.info.state == ChannelState::Closing;
            self.acknowledge(now, stream);
            if closing {
                self.reset(now, id, stream);
            }
            return;
        }
        channel.ours_reset = true;
        if !done {
            self.burned.insert(stream);
        }
        if channel.theirs_reset || !done {
            self.finish(id);
        }
    }

    fn on_control(&mut self, now: Instant, received: &Received) {
        let stream = received.stream;
        match Dcep::parse(&received.payload) {
            Ok(Dcep::Ack) => {
                let id = self.streams.get(&stream);
                let channel = id.and_then(|id| self.channels.get_mut(id));
                if let Some(channel) = channel.filter(|c| c.epoch == received.epoch) {
                    channel.acknowledged = true;
                }
            }
            Ok(Dcep::Open(open)) => self.on_open(now, stream, received.epoch, &open),
            Err(_) => {
                // RFC 8832 section 6: what cannot be understood is no channel. One in use is left alone.
                if !self.streams.contains_key(&stream) {
                    self.association.reset_streams(now, &[stream]).unwrap_or_default();
                }
            }
        }
    }

    fn on_open(&mut self, now: Instant, stream: u16, epoch: u32, open: &Open<'_>) {
        let mut ack_due = false;
        if let Some(&id) = self.streams.get(&stream) {
            // A number is used again only after both resets, so the peer has seen ours and its answer is on the way.
            ack_due = self.channels.get(&id).is_some_and(|c| c.theirs_reset && c.epoch != epoch);
            if !ack_due {
                // In use: by a negotiated channel, or the peer was too early. The RFC knows no answer.
                return;
            }
            self.finish(id);
        }
        let names = open.label.len() + open.protocol.len();
        // Without a role of ours any number may be the peer's.
        let theirs = self.role.is_none_or(|role| role.first_stream() != stream % 2);
        let fits = self.channels.len() < MOST_CHANNELS && self.peer_names + names <= MOST_NAMES;
        if !theirs || !fits {
            // RFC 8832 section 6 and our limits: refused by closing it. Where that is not possible, it stays unanswered.
            self.association.reset_streams(now, &[stream]).unwrap_or_default();
            return;
        }
        self.peer_names += names;
        let id = self.insert(open.info(stream), epoch, true);
        self.opened.insert(id, true);
        if let Some(channel) = self.channels.get_mut(&id).filter(|_| ack_due) {
            channel.ack_due = true;
        } else {
            self.acknowledge(now, stream);
        }
    }

    fn acknowledge(&mut self, now: Instant, stream: u16) {
        let mut ack = Vec::new();
        Dcep::Ack.encode(&mut ack);
        let options = SendOptions { ppid: ppid::DCEP, ..SendOptions::default() };
        // Fails only while the association ends, and every channel with it.
        self.association.send_as(now, stream, ack.into(), options, true).unwrap_or_default();
    }
}
