//! Sending files, one channel each, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use nomagic_sctp::channel::{ChannelEvent, ChannelId, ChannelOptions, Channels, Message};
use sha2::{Digest, Sha256};

use super::{Task, mbit_per_second, offer, protocol};

/// Octets of a message.
const PIECE: usize = 65_536;

/// Sends files; each is done when the other side has told the same hash.
pub struct Send {
    waiting: VecDeque<PathBuf>,
    current: Option<Sending>,
    quiet: bool,
    /// Octets sent in all, and since when.
    sent: u64,
    began: Option<Instant>,
}

impl std::fmt::Debug for Send {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Send({} waiting)", self.waiting.len())
    }
}

struct Sending {
    name: String,
    file: File,
    channel: ChannelId,
    octets: u64,
    is_open: bool,
    /// Read, and not yet taken.
    piece: Option<Message>,
    hash: Sha256,
    read: u64,
    bar: ProgressBar,
    is_confirmed: bool,
}

impl Send {
    /// Files that can be read.
    ///
    /// # Errors
    /// One cannot.
    pub fn new(files: Vec<PathBuf>, quiet: bool) -> io::Result<Self> {
        for file in &files {
            open(file)?;
        }
        Ok(Self { waiting: files.into(), current: None, quiet, sent: 0, began: None })
    }

    /// Octets sent, and for how long it has gone on by now; seconds.
    pub fn summary(&self, now: Instant) -> String {
        let seconds = self.began.map_or(0.0, |began| now.duration_since(began).as_secs_f64());
        format!("{} octets in {seconds:.2} s, {:.1} Mbit/s", self.sent, mbit_per_second(self.sent, seconds))
    }

    fn next(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool> {
        let Some(path) = self.waiting.pop_front() else { return Ok(false) };
        let (file, octets) = open(&path)?;
        let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy().into_owned());
        let options = ChannelOptions { protocol: protocol::FILE.to_owned(), ..ChannelOptions::default() };
        let channel = channels.open(now, &name, options).map_err(io::Error::other)?;
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new(octets) };
        let style =
            ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(name.clone());
        self.began.get_or_insert(now);
        let piece = Some(Message::text(&octets.to_string()));
        self.current = Some(Sending {
            name,
            file,
            channel,
            octets,
            is_open: false,
            piece,
            hash: Sha256::new(),
            read: 0,
            bar,
            is_confirmed: false,
        });
        Ok(true)
    }
}

impl Sending {
    /// The next message of the file; `None` at its end.
    fn read(&mut self) -> io::Result<Option<Message>> {
        let mut piece = vec![0; PIECE];
        let len = self.file.read(&mut piece)?;
        if len == 0 {
            return Ok(None);
        }
        piece.truncate(len);
        self.hash.update(&piece);
        self.read += len as u64;
        Ok(Some(Message::binary(piece)))
    }

    /// Sends what is taken. What is read and not taken waits.
    fn send(&mut self, now: Instant, channels: &mut Channels) -> io::Result<()> {
        while self.is_open {
            let message = match self.piece.take() {
                Some(message) => message,
                None => match self.read()? {
                    Some(message) => message,
                    None => break,
                },
            };
            if !offer(now, channels, self.channel, message.clone())? {
                self.piece = Some(message);
                break;
            }
        }
        self.bar.set_position(self.read.saturating_sub(channels.buffered_amount(self.channel) as u64));
        Ok(())
    }
}

impl Task for Send {
    fn note(&mut self, _: Instant, event: &ChannelEvent, _: &mut Channels) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        match event {
            ChannelEvent::Opened { channel, .. } if *channel == current.channel => current.is_open = true,
            ChannelEvent::Closed { channel } if *channel == current.channel && !current.is_confirmed => {
                return Err(io::Error::other(format!("{} was refused", current.name)));
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
        channels: &mut Channels,
    ) -> io::Result<()> {
        let Some(current) = self.current.as_mut().filter(|current| current.channel == channel) else {
            return Ok(());
        };
        let ours = hex(&current.hash.clone().finalize());
        match message.as_text() {
            Some(theirs) if theirs == ours && current.read == current.octets => {
                current.is_confirmed = true;
                current.bar.finish();
                self.sent += current.octets;
                channels.close_channel(now, channel);
                self.current = None;
                Ok(())
            }
            answer => {
                let answer = answer.unwrap_or("something that is no text");
                Err(io::Error::other(format!("{}: expected sha-256 {ours}, got {answer}", current.name)))
            }
        }
    }

    fn go_on(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool> {
        if self.current.is_none() && !self.next(now, channels)? {
            return Ok(true);
        }
        if let Some(current) = &mut self.current {
            current.send(now, channels)?;
        }
        Ok(false)
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let fail = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(fail)?;
    let about = file.metadata().map_err(fail)?;
    if !about.is_file() {
        return Err(fail(io::Error::other("not a file")));
    }
    Ok((file, about.len()))
}

/// A hash as both sides write it.
pub(super) fn hex(hash: &[u8]) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
