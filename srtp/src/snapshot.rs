//! Senders and receivers taken down in one process and set up in another.
//!
//! A snapshot holds the master keys: it is as secret as they are.

use alloc::vec::Vec;
use core::num::NonZeroU16;

use zeroize::Zeroize;

use crate::config::{ReceiverConfig, SenderConfig, WhenFull};
use crate::cryptex::Cryptex;
use crate::extensions::ExtensionIds;
use crate::index::{RTCP_END, RTP_END};
use crate::key::{Lifetime, MasterKey};
use crate::keys::Keys;
use crate::profile::Profile;
use crate::provider::Backend;
use crate::receiver::Receiver;
use crate::replay::Window;
use crate::sender::Sender;
use crate::streams::{Stream, Streams};

/// A sender or a receiver at rest. Wiped when dropped; shown by nothing.
pub struct Snapshot(Vec<u8>);

/// Why a snapshot was not restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It was made by another version of this crate.
    #[error("version {found} is not known, expected {VERSION}")]
    Version {
        /// What it says.
        found: u8,
    },
    /// It is one of a receiver and should be one of a sender, or the reverse.
    #[error("the snapshot is of the other side")]
    OtherSide,
    /// It is cut off or changed.
    #[error("the snapshot is damaged at octet {offset}")]
    Damaged {
        /// How far it made sense.
        offset: usize,
    },
}

const VERSION: u8 = 1;
const SENDER: u8 = 1;
const RECEIVER: u8 = 2;

impl Snapshot {
    /// Takes octets that [`Snapshot::as_bytes`] gave. They are looked at when restored.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The octets, to be stored like a key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl core::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

impl Sender {
    /// Takes the sender down. It can be restored once: two senders with one state would seal the same indices.
    pub fn into_snapshot(self) -> Snapshot {
        let mut out = Writer::new(SENDER);
        let config = self.config;
        out.size(config.window);
        out.size(config.stream_limit);
        out.octet(u8::from(config.encrypt_rtcp));
        out.ids(config.encrypted_extensions);
        out.octet(u8::from(config.cryptex));
        out.contexts(self.counter_rate, &self.keys, &self.streams);
        out.finish()
    }

    /// Sets a sender up again. Each source goes on `skip` indices behind the highest it had used, RTP and RTCP alike:
    /// at least as many as may have been sealed after the snapshot was taken, so that no nonce is used twice.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(snapshot: &Snapshot, skip: u32, backend: &Backend) -> Result<Self, SnapshotError> {
        let mut input = Reader::new(&snapshot.0, SENDER)?;
        let window = input.size()?;
        let stream_limit = input.size()?;
        let encrypt_rtcp = input.octet()? != 0;
        let encrypted_extensions = input.ids()?;
        let cryptex = input.octet()? != 0;
        let config = SenderConfig { window, stream_limit, encrypt_rtcp, encrypted_extensions, cryptex };
        let (counter_rate, keys, mut streams) =
            input.contexts(backend, !encrypted_extensions.is_empty(), stream_limit)?;
        for stream in streams.iter_mut() {
            // A source that was only told its cycle has sealed nothing yet.
            if stream.told.is_none() || stream.told != stream.rtp.highest() {
                stream.rtp.skip(skip.into(), RTP_END);
            }
            stream.rtcp.skip(skip.into(), RTCP_END);
        }
        Ok(Self { config, keys, streams, counter_rate })
    }
}

impl Receiver {
    /// Takes the receiver down. Its counters are not kept.
    pub fn into_snapshot(self) -> Snapshot {
        let mut out = Writer::new(RECEIVER);
        let config = self.config;
        out.size(config.replay_window);
        out.size(config.stream_limit);
        out.octet(u8::from(config.when_full == WhenFull::EvictOldest));
        out.octet(u8::from(config.accept_unencrypted_rtcp));
        out.ids(config.encrypted_extensions);
        out.octet(match config.cryptex {
            Cryptex::Off => 0,
            Cryptex::Accepted => 1,
            Cryptex::Required => 2,
        });
        out.contexts(self.counter_rate, &self.keys, &self.streams);
        out.finish()
    }

    /// Sets a receiver up again; what it received before, it refuses as before.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(snapshot: &Snapshot, backend: &Backend) -> Result<Self, SnapshotError> {
        let mut input = Reader::new(&snapshot.0, RECEIVER)?;
        let replay_window = input.size()?;
        let stream_limit = input.size()?;
        let when_full = if input.octet()? == 0 { WhenFull::Refuse } else { WhenFull::EvictOldest };
        let accept_unencrypted_rtcp = input.octet()? != 0;
        let encrypted_extensions = input.ids()?;
        let cryptex = match input.octet()? {
            0 => Cryptex::Off,
            1 => Cryptex::Accepted,
            2 => Cryptex::Required,
            _ => return Err(input.damaged()),
        };
        let config = ReceiverConfig {
            replay_window,
            stream_limit,
            when_full,
            accept_unencrypted_rtcp,
            encrypted_extensions,
            cryptex,
        };
        let (counter_rate, keys, streams) =
            input.contexts(backend, !encrypted_extensions.is_empty(), stream_limit)?;
        Ok(Self::from_parts(config, keys, streams, counter_rate))
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(side: u8) -> Self {
        Self(alloc::vec![VERSION, side])
    }

    fn octet(&mut self, value: u8) {
        self.octets(&[value]);
    }

    fn word(&mut self, value: u64) {
        self.octets(&value.to_be_bytes());
    }

    fn size(&mut self, value: usize) {
        self.word(u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn ids(&mut self, ids: ExtensionIds) {
        ids.words().into_iter().for_each(|word| self.word(word));
    }

    /// Grows by hand, so that no copy of a key is left behind in memory that was given back.
    fn octets(&mut self, octets: &[u8]) {
        if self.0.capacity() - self.0.len() < octets.len() {
            let mut larger = Vec::with_capacity(2 * (self.0.len() + octets.len()) + 256);
            larger.extend_from_slice(&self.0);
            self.0.as_mut_slice().zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
    }

    fn contexts(&mut self, counter_rate: Option<NonZeroU16>, keys: &Keys, streams: &Streams) {
        self.word(counter_rate.map_or(0, |rate| rate.get().into()));
        self.size(keys.iter().count());
        for key in keys.iter() {
            let master = &key.master;
            let number = Profile::ALL.iter().position(|profile| *profile == master.profile());
            self.size(number.unwrap_or(usize::MAX));
            self.octets(master.key());
            self.octets(&master.salt()[..master.profile().salt_len()]);
            self.size(master.identifier().len());
            self.octets(master.identifier());
            self.word(master.derivation_rate().into());
            let Lifetime { rtp, rtcp } = master.lifetime();
            [rtp, rtcp, key.rtp_count, key.rtcp_count].into_iter().for_each(|word| self.word(word));
        }
        let current = keys.current_ref().master.identifier();
        self.size(keys.iter().position(|key| key.master.identifier() == current).unwrap_or_default());
        self.size(streams.len());
        for stream in streams.iter() {
            self.word(stream.ssrc.into());
            self.word(stream.told.map_or(0, |told| told + 1));
            for window in [&stream.rtp, &stream.rtcp] {
                let (next, bits) = window.state();
                self.word(next);
                self.size(bits.len());
                bits.iter().for_each(|word| self.word(*word));
            }
        }
    }

    fn finish(self) -> Snapshot {
        Snapshot(self.0)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], side: u8) -> Result<Self, SnapshotError> {
        let mut own = Self { bytes, offset: 0 };
        match own.octet()? {
            VERSION => {}
            found => return Err(SnapshotError::Version { found }),
        }
        if own.octet()? == side { Ok(own) } else { Err(SnapshotError::OtherSide) }
    }

    fn damaged(&self) -> SnapshotError {
        SnapshotError::Damaged { offset: self.offset }
    }

    fn octets(&mut self, len: usize) -> Result<&'a [u8], SnapshotError> {
        let octets = self.bytes.get(self.offset..).and_then(|rest| rest.get(..len)).ok_or(self.damaged())?;
        self.offset += len;
        Ok(octets)
    }

    fn octet(&mut self) -> Result<u8, SnapshotError> {
        self.octets(1).map(|octets| octets[0])
    }

    fn word(&mut self) -> Result<u64, SnapshotError> {
        let damaged = self.damaged();
        let octets = self.octets(8)?.first_chunk::<8>().ok_or(damaged)?;
        Ok(u64::from_be_bytes(*octets))
    }

    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, SnapshotError> {
        let damaged = self.damaged();
        T::try_from(self.word()?).map_err(|_| damaged)
    }

    fn size(&mut self) -> Result<usize, SnapshotError> {
        self.number()
    }

    fn ids(&mut self) -> Result<ExtensionIds, SnapshotError> {
        Ok(ExtensionIds::from_words([self.word()?, self.word()?, self.word()?, self.word()?]))
    }

    fn contexts(
        &mut self,
        backend: &Backend,
        header: bool,
        stream_limit: usize,
    ) -> Result<(Option<NonZeroU16>, Keys, Streams), SnapshotError> {
        let counter_rate = NonZeroU16::new(self.number()?);
        let mut keys: Option<Keys> = None;
        let mut identifiers = Vec::new();
        for _ in 0..self.size()? {
            let (master, counts) = self.key()?;
            let own = match &mut keys {
                None => keys.insert(Keys::new(&master, backend.clone(), header)),
                Some(own) => {
                    own.add(&master).map_err(|_| self.damaged())?;
                    own
                }
            };
            if let Some(key) = own.last_mut() {
                (key.rtp_count, key.rtcp_count) = counts;
            }
            identifiers.push(master);
        }
        let (Some(mut keys), current) = (keys, self.size()?) else { return Err(self.damaged()) };
        let chosen = identifiers.get(current).is_some_and(|master| keys.choose(master.identifier()));
        let table_key = identifiers.first().map(Keys::table_key);
        let (true, Some(table_key)) = (chosen, table_key) else { return Err(self.damaged()) };
        let mut streams = Streams::new(stream_limit, table_key);
        for _ in 0..self.size()? {
            let ssrc = self.number()?;
            let told = self.word()?.checked_sub(1);
            let (rtp, rtcp) = (self.window(RTP_END)?, self.window(RTCP_END)?);
            if streams.is_full() {
                return Err(self.damaged());
            }
            streams.insert(Stream::restore(ssrc, rtp, rtcp, told));
        }
        if self.offset == self.bytes.len() { Ok((counter_rate, keys, streams)) } else { Err(self.damaged()) }
    }

    fn key(&mut self) -> Result<(MasterKey, (u64, u64)), SnapshotError> {
        let number = self.size()?;
        let profile = *Profile::ALL.get(number).ok_or(self.damaged())?;
        let key = self.octets(profile.key_len())?;
        let salt = self.octets(profile.salt_len())?;
        let mut master = MasterKey::new(profile, key, salt).map_err(|_| self.damaged())?;
        let len = self.size()?;
        if len != 0 {
            master = master.with_identifier(self.octets(len)?).map_err(|_| self.damaged())?;
        }
        master = master.with_derivation_rate(self.number()?).map_err(|_| self.damaged())?;
        master = master.with_lifetime(Lifetime { rtp: self.word()?, rtcp: self.word()? });
        Ok((master, (self.word()?, self.word()?)))
    }

    fn window(&mut self, end: u64) -> Result<Window, SnapshotError> {
        let next = self.word()?;
        let words = self.size()?;
        if words > 128 {
            return Err(self.damaged());
        }
        let mut bits = [0; 128];
        for word in &mut bits[..words] {
            *word = self.word()?;
        }
        Window::restore(next, &bits[..words], end).ok_or(self.damaged())
    }
}
