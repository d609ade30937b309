//! Small messages there and back at a steady pace, alone or beside a bulk transfer.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::channel::{ChannelEvent, ChannelId, ChannelOptions, Channels, Message};

use super::{Task, offer, protocol};

/// How long an answer may take after the last question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Octets of a message of the bulk transfer.
const BULK: usize = 256 * 1024;

/// Asks and waits for answers.
#[derive(Debug)]
pub struct Ping {
    count: usize,
    interval: Duration,
    /// A bulk transfer goes on meanwhile.
    bulk: bool,
    channel: Option<ChannelId>,
    bulk_channel: Option<ChannelId>,
    payload: Bytes,
    /// When each question was asked.
    asked: Vec<Instant>,
    due: Option<Instant>,
    times: Vec<Duration>,
}

impl Ping {
    /// So many questions of 8 octets, so far apart.
    pub fn new(count: usize, interval: Duration, bulk: bool) -> Self {
        Self {
            count,
            interval,
            bulk,
            channel: None,
            bulk_channel: None,
            payload: Bytes::from(vec![0; BULK]),
            asked: Vec::new(),
            due: None,
            times: Vec::new(),
        }
    }

    /// What was measured, in a few words.
    pub fn summary(&self) -> String {
        let mut times = self.times.clone();
        times.sort();
        let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
        let ms = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
        format!(
            "{} of {} answered; ms: least {:.2}, median {:.2}, 95 % within {:.2}, most {:.2}",
            times.len(),
            self.asked.len(),
            ms(at(0)),
            ms(at(50)),
            ms(at(95)),
            ms(times.last())
        )
    }
}

impl Task for Ping {
    fn note(&mut self, now: Instant, event: &ChannelEvent, channels: &mut Channels) -> io::Result<()> {
        match event {
            ChannelEvent::Connected => {
                let with = |protocol: &str| ChannelOptions {
                    protocol: protocol.to_owned(),
                    ..ChannelOptions::default()
                };
                // What is urgent is told so; the scheduler does the rest.
                let urgent = ChannelOptions { priority: 1024, ..with(protocol::ECHO) };
                self.channel = Some(channels.open(now, "ping", urgent).map_err(io::Error::other)?);
                if self.bulk {
                    let bulk = ChannelOptions { priority: 128, ..with(protocol::SINK) };
                    self.bulk_channel = Some(channels.open(now, "bulk", bulk).map_err(io::Error::other)?);
                }
                self.due = Some(now);
            }
            ChannelEvent::Closed { channel } if Some(*channel) == self.channel => {
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
            && let Ok(number) = <[u8; 8]>::try_from(&message.payload[..])
            && let Some(asked) =
                self.asked.get(usize::try_from(u64::from_be_bytes(number)).unwrap_or(usize::MAX))
        {
            self.times.push(now.duration_since(*asked));
        }
        Ok(())
    }

    fn go_on(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool> {
        let (Some(channel), Some(due)) = (self.channel, self.due) else { return Ok(false) };
        if let Some(bulk) = self.bulk_channel {
            while channels.buffered_amount(bulk) < 4 * BULK
                && offer(now, channels, bulk, Message::binary(self.payload.clone()))?
            {}
        }
        if self.times.len() == self.count {
            return Ok(true);
        }
        if now < due {
            return Ok(false);
        }
        if self.asked.len() == self.count {
            return Ok(true);
        }
        let number = (self.asked.len() as u64).to_be_bytes();
        if offer(now, channels, channel, Message::binary(number.to_vec()))? {
            self.asked.push(now);
        }
        let last = self.asked.len() == self.count;
        self.due = Some(now + if last { PATIENCE } else { self.interval });
        Ok(false)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}
