//! Messages in parts: the fragments as they lie, without putting them together, and before all of them are here (partial
//! delivery, RFC 9260 section 6.9).
//!
//! One message at a time is pulled so, and only the one that is next in its order; whole messages that are ready go first.

use bytes::{Bytes, BytesMut};

use super::{Kind, Reassembly, Received, interleaved};

/// Part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Stream it came on.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// Whether the message was sent without order.
    pub unordered: bool,
    /// User data; empty only if the message was abandoned.
    pub payload: Bytes,
    /// The first part of a message.
    pub begins: bool,
    /// The last part of a message.
    pub ends: bool,
    /// The peer gave the message up (RFC 3758) or reset the stream: what was pulled of it is all there will be.
    pub abandoned: bool,
}

/// Where the message stands that may be pulled in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The run that begins with this TSN.
    Run(u64),
    Partial(interleaved::Key),
}

/// The message that may be pulled in parts.
#[derive(Debug)]
pub(super) struct Parting {
    place: Place,
    /// Something of it was pulled.
    begun: bool,
}

impl Reassembly {
    /// A message that is not whole has grown: once it is large enough and next in its order, its parts may be pulled.
    pub(super) fn consider(&mut self, place: Place) {
        if self.point == usize::MAX || self.parting.is_some() {
            return;
        }
        let (tsn, stream, number, unordered, length, ppid) = match place {
            Place::Run(start) => match self.runs.get(&start) {
                Some(run) if run.begins => {
                    (start, run.stream, u32::from(run.ssn), run.unordered, run.length, run.ppid)
                }
                _ => return,
            },
            Place::Partial(key) => match self.partials.get(&key) {
                Some(partial) if key.1 == self.epoch(key.0) => {
                    (0, key.0, key.3, key.2, partial.head.len(), partial.ppid)
                }
                _ => return,
            },
        };
        let is_next = unordered || self.streams.entry(stream).next == number;
        let is_control = self.control_ppid == Some(ppid);
        if length >= self.point && is_next && !is_control && !self.is_held(tsn, stream) {
            self.parting = Some(Box::new(Parting { place, begun: false }));
        }
    }

    /// The next part of what is ready, else of the message that is not whole yet.
    pub(crate) fn pop_part(&mut self) -> Option<Part> {
        let Some(message) = self.ready.pop_front() else { return self.split_part() };
        self.release(message.payload.len());
        Some(message.into_part())
    }

    fn split_part(&mut self) -> Option<Part> {
        let Parting { place, begun } = self.parting.as_deref_mut()?;
        let (place, begins) = (*place, !*begun);
        let (stream, ppid, unordered, payload) = match place {
            Place::Run(start) => {
                let run = self.runs.get_mut(&start)?;
                let payload = match run.head.is_empty() {
                    false => run.head.split(),
                    true => run.pieces.pop_front()?,
                };
                run.handed += payload.len();
                (run.stream, run.ppid, run.unordered, payload)
            }
            Place::Partial(key) => {
                let partial = self.partials.get_mut(&key)?;
                let payload = Some(partial.head.split()).filter(|payload| !payload.is_empty())?;
                partial.handed += payload.len();
                (key.0, partial.ppid, key.2, payload)
            }
        };
        *begun = true;
        self.payload -= payload.len();
        let payload = payload.freeze();
        Some(Part { stream, ppid, unordered, payload, begins, ends: false, abandoned: false })
    }

    /// Whether a part waits of a message that is not whole.
    pub(super) fn has_part(&self) -> bool {
        self.parting.as_deref().is_some_and(|parting| match parting.place {
            Place::Run(start) => {
                self.runs.get(&start).is_some_and(|run| !run.head.is_empty() || !run.pieces.is_empty())
            }
            Place::Partial(key) => self.partials.get(&key).is_some_and(|partial| !partial.head.is_empty()),
        })
    }

    /// A message has become whole: says whether the application has pulled some of it, so that this is the rest.
    pub(super) fn end_parts(&mut self, place: Place) -> bool {
        self.parting.take_if(|parting| parting.place == place).is_some_and(|parting| parting.begun)
    }

    /// The rest of a message of which parts were pulled. It is next in its order, or it would not have been begun.
    pub(super) fn complete_rest(
        &mut self,
        stream: u16,
        number: u32,
        ppid: u32,
        unordered: bool,
        payload: Bytes,
    ) {
        let epoch = self.epoch(stream);
        self.ready.push_back(Received { stream, ppid, unordered, payload, epoch, kind: Kind::Rest });
        if !unordered {
            self.advance(stream, number);
            self.follow(stream);
        }
    }

    /// A message will never be whole: whoever has pulled some of it is told.
    pub(super) fn abandon_parts(&mut self, place: Place, stream: u16, ppid: u32, unordered: bool) {
        if self.end_parts(place) {
            let epoch = self.epoch(stream);
            self.store(0);
            let payload = BytesMut::new().freeze();
            self.ready.push_back(Received { stream, ppid, unordered, payload, epoch, kind: Kind::Abandoned });
        }
    }

    /// A message has been pulled in part.
    pub(crate) fn is_parted(&self) -> bool {
        self.parting.as_deref().is_some_and(|parting| parting.begun)
            || self.ready.iter().any(|message| message.kind != Kind::Whole)
    }
}

impl Received {
    pub(crate) fn into_part(self) -> Part {
        let Self { stream, ppid, unordered, payload, kind, .. } = self;
        let (begins, abandoned) = (kind == Kind::Whole, kind == Kind::Abandoned);
        Part { stream, ppid, unordered, payload, begins, ends: true, abandoned }
    }
}
