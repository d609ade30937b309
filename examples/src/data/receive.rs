//! A server's end: files are kept, echoes go back, and what is for the sink is counted.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, remove_file};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nomagic_sctp::channel::{ChannelEvent, ChannelId, Channels, Message};
use sha2::{Digest, Sha256};

use super::send::hex;
use super::{Task, offer, protocol};

/// Echoes that wait to go back; more are dropped, as the other side does not listen.
const MOST_ECHOES: usize = 1024;

/// Takes what comes over one association.
#[derive(Debug)]
pub struct Receive {
    /// Where files go; without one they are refused.
    directory: Option<PathBuf>,
    files: BTreeMap<ChannelId, Receiving>,
    sinks: BTreeMap<ChannelId, u64>,
    waiting: VecDeque<(ChannelId, Message)>,
}

#[derive(Debug)]
struct Receiving {
    path: PathBuf,
    file: File,
    /// Told in the first message.
    octets: Option<u64>,
    written: u64,
    hash: Sha256,
}

impl Receive {
    /// Files go to `directory`, under names that nothing there has.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, files: BTreeMap::new(), sinks: BTreeMap::new(), waiting: VecDeque::new() }
    }

    fn begin(&mut self, channel: ChannelId, label: &str) -> io::Result<bool> {
        let Some(directory) = &self.directory else { return Ok(false) };
        let (path, file) = create(directory, label)?;
        let receiving = Receiving { path, file, octets: None, written: 0, hash: Sha256::new() };
        self.files.insert(channel, receiving);
        Ok(true)
    }
}

/// Whatever the label says, the file is in the directory, and none that was there is touched.
fn create(directory: &Path, label: &str) -> io::Result<(PathBuf, File)> {
    let name = Path::new(label).file_name().map_or("file".into(), |name| name.to_string_lossy());
    for number in 0..1000 {
        let path = match number {
            0 => directory.join(&*name),
            _ => directory.join(format!("{name}.{number}")),
        };
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
            }
        }
    }
    Err(io::Error::other(format!("{}: a thousand files are called {name}", directory.display())))
}

impl Receiving {
    /// A message of the file; the hash when it is whole.
    fn take(&mut self, message: &Message) -> io::Result<Option<String>> {
        if let Some(text) = message.as_text() {
            let octets = text.parse().map_err(|_| io::Error::other(format!("not a length: {text:.40}")))?;
            self.octets = Some(octets);
        } else {
            self.file.write_all(&message.payload)?;
            self.hash.update(&message.payload);
            self.written += message.payload.len() as u64;
        }
        let whole = self.octets == Some(self.written);
        Ok(whole.then(|| hex(&self.hash.clone().finalize())))
    }
}

impl Task for Receive {
    fn note(&mut self, now: Instant, event: &ChannelEvent, channels: &mut Channels) -> io::Result<()> {
        match event {
            ChannelEvent::Opened { channel, by_peer: true } => {
                let Some(info) = channels.info(*channel) else { return Ok(()) };
                let (label, protocol) = (info.label.clone(), info.options.protocol.clone());
                let known = match protocol.as_str() {
                    protocol::FILE => self.begin(*channel, &label)?,
                    protocol::SINK => self.sinks.insert(*channel, 0).is_none(),
                    protocol => protocol == protocol::ECHO,
                };
                if !known {
                    channels.close_channel(now, *channel);
                }
            }
            ChannelEvent::Closed { channel } => {
                self.sinks.remove(channel);
                if let Some(file) = self.files.remove(channel)
                    && file.octets != Some(file.written)
                {
                    // Half a file is no file.
                    let _ = remove_file(&file.path);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn receive(
        &mut self,
        _: Instant,
        channel: ChannelId,
        message: Message,
        _: &mut Channels,
    ) -> io::Result<()> {
        let answer = if let Some(file) = self.files.get_mut(&channel) {
            file.take(&message)?.map(|hash| Message::text(&hash))
        } else if let Some(octets) = self.sinks.get_mut(&channel) {
            *octets += message.payload.len() as u64;
            (message.as_text() == Some("end")).then(|| Message::text(&(*octets - 3).to_string()))
        } else {
            Some(message)
        };
        if self.waiting.len() < MOST_ECHOES {
            self.waiting.extend(answer.map(|answer| (channel, answer)));
        }
        Ok(())
    }

    fn go_on(&mut self, now: Instant, channels: &mut Channels) -> io::Result<bool> {
        while let Some((channel, message)) = self.waiting.front() {
            // An answer that nobody waits for any more is dropped.
            if matches!(offer(now, channels, *channel, message.clone()), Ok(false)) {
                break;
            }
            self.waiting.pop_front();
        }
        Ok(false)
    }
}
