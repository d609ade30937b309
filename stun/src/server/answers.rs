//! Messages that wait to be sent: one buffer, so that nothing is allocated once it has grown.

use std::collections::VecDeque;

use crate::turn::FiveTuple;

pub(crate) struct Answers {
    bytes: Vec<u8>,
    /// Where the next message begins.
    read: usize,
    waiting: VecDeque<(FiveTuple, usize)>,
    limit: usize,
}

impl Answers {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), read: 0, waiting: VecDeque::new(), limit }
    }

    /// Adds what `write` appends, unless there is no room or `keep` does not want a message so long.
    pub(crate) fn push(
        &mut self,
        to: FiveTuple,
        write: impl FnOnce(&mut Vec<u8>),
        keep: impl FnOnce(usize) -> bool,
    ) -> bool {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let len = self.bytes.len() - start;
        let kept = len > 0 && self.bytes.len() - self.read <= self.limit && keep(len);
        if kept {
            self.waiting.push_back((to, len));
        } else {
            self.bytes.truncate(start);
        }
        kept
    }

    /// Appends the next message to `out`.
    pub(crate) fn pop(&mut self, out: &mut Vec<u8>) -> Option<(FiveTuple, usize)> {
        let (to, len) = self.waiting.pop_front()?;
        out.extend_from_slice(self.bytes.get(self.read..self.read + len)?);
        self.read += len;
        if self.waiting.is_empty() {
            self.bytes.clear();
            self.read = 0;
        } else if self.read > self.limit {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        Some((to, len))
    }

    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.waiting = VecDeque::new();
        self.read = 0;
    }
}
