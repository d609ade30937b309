//! What is known of each source. Entries appear only when a packet has been authenticated or sealed.

use alloc::vec::Vec;

use crate::index;
use crate::replay::Window;

/// One source: which RTP and RTCP indices it has used.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    ssrc: u32,
    pub(crate) rtp: Window,
    pub(crate) rtcp: Window,
    /// The index before the cycle that [`Stream::set_cycle`] named.
    told: Option<u64>,
}

impl Stream {
    pub(crate) fn new(ssrc: u32, window: usize) -> Self {
        Self { ssrc, rtp: Window::new(window), rtcp: Window::new(window), told: None }
    }

    /// The RTP index that a sequence number most likely means.
    pub(crate) fn estimate(&self, sequence: u16) -> u64 {
        match self.rtp.highest() {
            // Told a cycle and not heard since: the number is one of that cycle.
            _ if self.rtp.highest() == self.told => {
                self.told.map_or(0, |told| told + 1) | u64::from(sequence)
            }
            Some(highest) => index::nearest(highest, sequence),
            None => u64::from(sequence),
        }
    }

    /// Begins at `start`, the first index of a cycle.
    pub(crate) fn set_cycle(&mut self, start: u64) {
        self.rtp.start_at(start);
        self.told = self.rtp.highest();
    }
}

/// All sources, sorted by SSRC, with the one used last found first.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    sorted: Vec<Stream>,
    last: usize,
    limit: usize,
}

impl Streams {
    pub(crate) fn new(limit: usize) -> Self {
        Self { sorted: Vec::new(), last: 0, limit }
    }

    pub(crate) fn find(&mut self, ssrc: u32) -> Option<&mut Stream> {
        if self.sorted.get(self.last).is_none_or(|stream| stream.ssrc != ssrc) {
            self.last = self.sorted.binary_search_by_key(&ssrc, |stream| stream.ssrc).ok()?;
        }
        self.sorted.get_mut(self.last)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.sorted.len() >= self.limit
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Adds a source that is not there yet. The caller has looked at [`Streams::is_full`].
    pub(crate) fn insert(&mut self, stream: Stream) {
        if let Err(at) = self.sorted.binary_search_by_key(&stream.ssrc, |known| known.ssrc) {
            self.sorted.insert(at, stream);
            self.last = at;
        }
    }

    pub(crate) fn remove(&mut self, ssrc: u32) -> bool {
        let found = self.sorted.binary_search_by_key(&ssrc, |stream| stream.ssrc);
        found.map(|at| self.sorted.remove(at)).is_ok()
    }
}
