//! Which stream sends next. Round robin by message; urgent streams first.
//!
//! With DATA chunks the fragments of a message have consecutive TSNs, so a message once begun is finished before
//! another stream gets its turn (RFC 8260 section 1). Streams are known by number only.

use std::collections::VecDeque;

/// Round robin over the streams that have something to send.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    turns: VecDeque<u16>,
    begun: bool,
}

impl Scheduler {
    /// A stream that had nothing to send has something now. It is not in the list yet.
    pub(crate) fn activate(&mut self, stream: u16, urgent: bool) {
        if urgent {
            let at = usize::from(self.begun).min(self.turns.len());
            self.turns.insert(at, stream);
        } else {
            self.turns.push_back(stream);
        }
    }

    /// The stream whose turn it is.
    pub(crate) fn current(&self) -> Option<u16> {
        self.turns.front().copied()
    }

    /// Part of the current stream's first message was taken.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// The current stream's first message is gone; `more`: it has another one.
    pub(crate) fn finish(&mut self, more: bool) {
        self.begun = false;
        if let Some(stream) = self.turns.pop_front()
            && more
        {
            self.turns.push_back(stream);
        }
    }

    /// The turns as they stand, for a snapshot.
    pub(crate) fn rest(&self) -> (&VecDeque<u16>, bool) {
        (&self.turns, self.begun)
    }

    /// Goes on with the turns of a snapshot.
    pub(crate) fn resume(&mut self, turns: VecDeque<u16>, begun: bool) {
        (self.turns, self.begun) = (turns, begun);
    }

    /// A stream lost all it had to send.
    pub(crate) fn remove(&mut self, stream: u16) {
        if self.current() == Some(stream) {
            self.begun = false;
        }
        self.turns.retain(|&s| s != stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_take_turns_and_an_urgent_one_waits_only_for_the_message_begun() {
        let mut scheduler = Scheduler::default();
        scheduler.activate(1, false);
        scheduler.activate(2, false);
        scheduler.begin();
        scheduler.activate(3, true);
        assert_eq!(scheduler.current(), Some(1));
        scheduler.finish(true);
        assert_eq!(scheduler.current(), Some(3));
        scheduler.finish(false);
        assert_eq!(scheduler.current(), Some(2));
        scheduler.finish(false);
        assert_eq!(scheduler.current(), Some(1));
    }
}
