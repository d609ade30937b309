//! As much as goes through for some time.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::channel::{ChannelEvent, ChannelId, ChannelOptions, Channels, Message};

use super::{Task, mbit_per_second, offer, protocol};

/// Octets that wait in the association at most.
const AHEAD: usize = 4 << 20;

/// Fills the path.
#[derive(Debug)]
pub struct Bench {
    duration: Duration,
    unordered: bool,
    payload: Bytes,
    channel: Option<ChannelId>,
    began: Option<Instant>,
    end_is_said: bool,
    /// Octets that arrived, and after how long all had.
    arrived: Option<(u64, Duration)>,
}

impl Bench {
    /// Messages of `size` octets for so long.
    pub fn new(duration: Duration, size: usize, unordered: bool) -> Self {
        let payload = Bytes::from(vec![7; size]);
        Self { duration, unordered, payload, channel: None, began: None, end_is_said: false, arrived: None }
    }

    /// What was measured, in a few words.
    pub fn summary(&self) -> String {
        let (octets, time) = self.arrived.unwrap_or_default();
        let seconds = time.as_secs_f64();
        format!(
            "{octets} octets in messages of {} in {seconds:.2} s, {:.1} Mbit/s",
            self.payload.len(),
            mbit_per_second(octets, seconds)
        )
    }
}

impl Task for Bench {
    fn note(&mut self, now: Instant, event: &ChannelEvent, channels: &mut Channels) -> io::Result<()> {
        match event {
            ChannelEvent::Connected => {
                let options = ChannelOptions {
                    protocol: protocol::SINK.to_owned(),
                    ordered: !self.unordered,
                    ..ChannelOptions::default()
                };
                self.channel = Some(channels.open(now, "bench", options).map_err(io::Error::other)?);
            }
            ChannelEvent::Opened { channel, .. } if Some(*channel) == self.channel => self.began = Some(now),
            ChannelEvent::Closed { channel } if Some(*channel) == self.channel && self.arrived.is_none() => {
                return Err(io::Error::other("the other side has closed the channel"));
            }
            _ => {}
        }
        Ok(())
    }

    fn receive(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Message,
        _: &mut Channels,
    ) -> io::Result<()> {
        if Some(channel) == self.channel
            && let (Some(began), Some(text)) = (self.began, message.as_text())
        {
            let octets = text.parse().map_err(|_| io::Error::other(format!("not a number: {text:.40}")))?;
            self.arrived = Some((octets, now.duration_since(began)));
        }
        Ok(())
    }

    fn go_on(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool> {
        let (Some(channel), Some(began)) = (self.channel, self.began) else { return Ok(false) };
        if now < began + self.duration {
            while channels.buffered_amount(channel) < AHEAD
                && offer(now, channels, channel, Message::binary(self.payload.clone()))?
            {}
        } else if !self.end_is_said && channels.buffered_amount(channel) == 0 {
            // Sent when all else has been, so that it does not overtake anything by much.
            self.end_is_said = offer(now, channels, channel, Message::text("end"))?;
        }
        Ok(self.arrived.is_some())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.began.map(|began| began + self.duration).filter(|_| !self.end_is_said)
    }
}
