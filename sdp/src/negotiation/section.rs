//! One section, from the first time that it is offered until its place goes to another.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Capabilities, Encoding, Endpoint, Kind, RemoteMedia, Track};
use crate::attribute::Direction;

/// One section, as both sides see it by now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// Its number for as long as it exists, whatever its place and name become.
    pub id: u32,
    /// Its name.
    pub mid: String,
    /// What it is about.
    pub kind: Kind,
    /// Which way we want it.
    pub wanted: Direction,
    /// Which way it goes, once agreed on; seen from us.
    pub direction: Direction,
    /// What we send.
    pub track: Option<Track>,
    /// The encodings of it that we would like to send at once; empty for one without a name.
    pub encodings: Vec<Encoding>,
    /// The encodings that were agreed on, ours, in the order in which the other side listed them.
    pub sending: Vec<Encoding>,
    /// Codecs that both can do, under the payload types agreed on; the first is to be sent.
    pub codecs: Vec<Codec>,
    /// Header extensions that both can do, under the ids agreed on.
    pub extensions: Vec<HeaderExtension>,
    /// What the other side said last.
    pub remote: Option<RemoteMedia>,
    /// Refused or ended by either side.
    pub rejected: bool,
    /// The [`id`](Self::id) of the section whose transport it uses, once agreed on: its own where it is not bundled.
    pub transport: Option<u32>,
    /// RTCP shares RTP's port, as agreed on.
    pub rtcp_mux: bool,
    /// The keys in the descriptions that were agreed on: what we send with, and what the other side sends with, both as
    /// values of `a=crypto`.
    pub keys: Option<(String, String)>,
    /// A transport of its own.
    pub(super) endpoint: Option<Endpoint>,
    /// Added here rather than by an offer of the other side's.
    pub(super) local: bool,
    /// Ended here, by [`Negotiator::stop`](super::Negotiator::stop).
    pub(super) stopped: bool,
    /// An exchange has told both sides that it is refused or ended: its place may be used again.
    pub(super) closed: bool,
    /// What had this place before, until an exchange has told the other side.
    pub(super) replaced: Option<Box<Section>>,
    /// What the open offer of ours says, under the numbers that the bundle leaves.
    pub(super) offer: Capabilities,
    /// What we said of the stream last, which stays as long as the section lives; RFC 9429 section 5.2.2.
    pub(super) msid: Option<(String, String)>,
}

impl Section {
    pub(super) fn new(id: u32, mid: String, kind: Kind, wanted: Direction, track: Option<Track>) -> Self {
        Self {
            id,
            mid,
            kind,
            wanted,
            direction: Direction::Inactive,
            track,
            encodings: Vec::new(),
            sending: Vec::new(),
            codecs: Vec::new(),
            extensions: Vec::new(),
            remote: None,
            rejected: false,
            transport: None,
            rtcp_mux: true,
            keys: None,
            endpoint: None,
            local: false,
            stopped: false,
            closed: false,
            replaced: None,
            offer: Capabilities::default(),
            msid: None,
        }
    }

    pub(super) fn stop(&mut self) {
        (self.rejected, self.stopped) = (true, true);
        self.direction = Direction::Inactive;
    }

    /// The exchange has told both sides what this section is.
    pub(super) fn settle(&mut self) {
        self.closed = self.rejected;
        self.replaced = None;
    }

    /// Whether the other side knows of this place.
    pub(super) fn placed(&self) -> bool {
        self.remote.is_some() || self.replaced.is_some()
    }

    /// The direction to write: what we want, without sending where there is nothing to send.
    pub(super) fn offered(&self) -> Direction {
        // Data channels go both ways and know no direction.
        if self.kind == Kind::Data {
            return Direction::SendRecv;
        }
        Direction::new(self.wanted.sends() && self.track.is_some(), self.wanted.receives())
    }

    /// Takes over what the application has said in the meantime.
    pub(super) fn follow(&mut self, now: Self) {
        (self.wanted, self.track, self.encodings) = (now.wanted, now.track, now.encodings);
        self.endpoint = now.endpoint;
        if now.stopped {
            self.stop();
        }
    }
}
