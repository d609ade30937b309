//! Data over SCTP over DTLS over UDP, without a browser or ICE: what the program `sctp` does once its options are read.

mod bench;
mod link;
mod ping;
mod plot;
mod receive;
mod run;
mod send;

use std::io;
use std::time::Instant;

use nomagic_sctp::channel::{ChannelEvent, ChannelId, Channels, Message};

pub use bench::Bench;
pub use link::Link;
pub use ping::Ping;
pub use plot::Plot;
pub use receive::Receive;
pub use run::{Options, call, serve};
pub use send::Send;

/// The subprotocols of the channels (RFC 8832 section 8.2.3): each says what its messages are.
pub mod protocol {
    /// A file: a text with its length, its octets, and back comes a text with their hash.
    pub const FILE: &str = "nomagic-file";
    /// Everything comes back.
    pub const ECHO: &str = "nomagic-echo";
    /// Nothing comes back, but for the text `end`, which is answered with how much came.
    pub const SINK: &str = "nomagic-sink";
}

/// What one end wants of an association.
pub trait Task {
    /// Something happened to a channel.
    ///
    /// # Errors
    /// It cannot go on: why.
    fn note(&mut self, now: Instant, event: &ChannelEvent, channels: &mut Channels) -> io::Result<()>;

    /// A message came.
    ///
    /// # Errors
    /// It cannot go on: why.
    fn receive(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: Message,
        channels: &mut Channels,
    ) -> io::Result<()>;

    /// There is room to send, or time has passed. `true` when all is done.
    ///
    /// # Errors
    /// It cannot go on: why.
    fn go_on(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool>;

    /// When to call [`Task::go_on`] at the latest.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Sends if there is room; says whether there was.
///
/// # Errors
/// The channel is closed, or the message is larger than the other side takes.
fn offer(now: Instant, channels: &mut Channels, channel: ChannelId, message: Message) -> io::Result<bool> {
    use nomagic_sctp::channel::ChannelSendError;
    match channels.send(now, channel, message) {
        Ok(()) => Ok(true),
        Err(ChannelSendError::WouldBlock { .. }) => Ok(false),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// A thing done in `seconds`, in Mbit/s.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn mbit_per_second(octets: u64, seconds: f64) -> f64 {
    octets as f64 * 8.0 / 1e6 / seconds.max(1e-9)
}
