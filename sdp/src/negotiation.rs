//! Offer and answer: what two sides agree on; RFC 3264, RFC 9429 (JSEP), RFC 9143 (BUNDLE).

mod answer;
mod codec;
mod error;
mod offer;
mod remote;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

pub use codec::{Codec, HeaderExtension};
pub use error::NegotiationError;
pub use remote::{RemoteMedia, RemoteTransport};

use crate::attribute::{Direction, Fingerprint, Setup};

/// What the sections of a description are about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels.
    Data,
    /// Something that this side does not do; always refused.
    Other(String),
}

impl Kind {
    fn name(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Data => "application",
            Self::Other(name) => name,
        }
    }
}

/// What this side can do with one kind of medium.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Codecs, the one we like best first.
    pub codecs: Vec<Codec>,
    /// Header extensions.
    pub extensions: Vec<HeaderExtension>,
}

/// What this side is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The session's number in `o=`; random, below 2^63. RFC 9429 section 5.2.1.
    pub session_id: u64,
    /// The canonical name of our sources.
    pub cname: String,
    /// What we can do with sound.
    pub audio: Capabilities,
    /// What we can do with pictures.
    pub video: Capabilities,
    /// Octets of the largest message that we take over data channels; `None` if we do no data channels.
    pub max_message_size: Option<u64>,
}

impl Config {
    /// A side that can do nothing yet.
    pub fn new(session_id: u64, cname: impl Into<String>) -> Self {
        Self {
            session_id: session_id & (u64::MAX >> 1),
            cname: cname.into(),
            audio: Capabilities::default(),
            video: Capabilities::default(),
            max_message_size: None,
        }
    }
}

/// How this side is reached, for the description that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTransport {
    /// The user name's fragment.
    pub ufrag: String,
    /// The password.
    pub password: String,
    /// The hash of our certificate.
    pub fingerprint: Fingerprint,
    /// Candidates gathered so far: values of `a=candidate`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
}

/// Something that this side sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The stream's name.
    pub stream: String,
    /// The track's name.
    pub track: String,
    /// Its RTP source.
    pub ssrc: u32,
}

/// One section, as both sides see it by now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
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
    /// Codecs that both can do, under the payload types agreed on; the first is to be sent.
    pub codecs: Vec<Codec>,
    /// Header extensions that both can do, under the ids agreed on.
    pub extensions: Vec<HeaderExtension>,
    /// What the other side said last.
    pub remote: Option<RemoteMedia>,
    /// Refused or ended by either side.
    pub rejected: bool,
}

/// Where the exchange stands; RFC 9429 section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is open.
    Stable,
    /// We have offered and wait for an answer.
    HaveLocalOffer,
    /// We have been offered something and are to answer.
    HaveRemoteOffer,
}

/// Makes offers and answers and reads the other side's: no clock, no sockets, text in and text out.
///
/// All media share one transport (BUNDLE, with RTP and RTCP multiplexed), as browsers do. Sections keep their places;
/// one that has ended is offered with port 0 until another takes its place.
#[derive(Debug, Clone)]
pub struct Negotiator {
    config: Config,
    state: State,
    sections: Vec<Section>,
    remote: Option<RemoteTransport>,
    /// Who begins the handshake, once agreed on.
    role: Option<Setup>,
    version: u64,
    next_mid: u32,
    /// What held before the offer under way, to go back to.
    before: Option<Snapshot>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    sections: Vec<Section>,
    remote: Option<RemoteTransport>,
}

impl Negotiator {
    /// A side without sections.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Stable,
            sections: Vec::new(),
            remote: None,
            role: None,
            version: 0,
            next_mid: 0,
            before: None,
        }
    }

    /// Adds sound or pictures, to be offered next; returns the section's number.
    pub fn add_media(&mut self, kind: Kind, direction: Direction, track: Option<Track>) -> usize {
        let mid = self.fresh_mid();
        self.place(Section::new(mid, kind, direction, track))
    }

    /// Adds data channels, to be offered next, unless they are there already.
    pub fn add_data(&mut self) -> usize {
        match self.sections.iter().position(|section| section.kind == Kind::Data && !section.rejected) {
            Some(number) => number,
            None => self.add_media(Kind::Data, Direction::SendRecv, None),
        }
    }

    /// Says what we send in a section and which way we want it, from the next description on.
    pub fn set_media(&mut self, number: usize, direction: Direction, track: Option<Track>) {
        if let Some(section) = self.sections.get_mut(number) {
            (section.wanted, section.track) = (direction, track);
        }
    }

    /// Ends a section, from the next description on.
    pub fn stop(&mut self, number: usize) {
        if let Some(section) = self.sections.get_mut(number) {
            section.rejected = true;
            section.direction = Direction::Inactive;
        }
    }

    /// Takes back an offer, ours or theirs, that has not been answered; RFC 9429 section 4.1.10.2.
    ///
    /// # Errors
    /// There is none.
    pub fn rollback(&mut self) -> Result<(), NegotiationError> {
        if self.state == State::Stable {
            return Err(NegotiationError::State { state: self.state });
        }
        if let Some(before) = self.before.take() {
            self.sections = before.sections;
            self.remote = before.remote;
        }
        self.state = State::Stable;
        Ok(())
    }

    /// Where the exchange stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The sections in their order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The other side's transport, as it said last.
    pub fn remote_transport(&self) -> Option<&RemoteTransport> {
        self.remote.as_ref()
    }

    /// Our part in the DTLS handshake, once agreed on: [`Setup::Active`] is the client.
    pub fn dtls_role(&self) -> Option<Setup> {
        self.role
    }

    /// The section that is about data channels, unless refused.
    pub fn data(&self) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == Kind::Data && !section.rejected)
    }

    fn capabilities(&self, kind: &Kind) -> Option<&Capabilities> {
        match kind {
            Kind::Audio => Some(&self.config.audio),
            Kind::Video => Some(&self.config.video),
            Kind::Data | Kind::Other(_) => None,
        }
    }

    /// A name that no section has yet.
    fn fresh_mid(&mut self) -> String {
        loop {
            let mid = alloc::format!("{}", self.next_mid);
            self.next_mid += 1;
            if self.sections.iter().all(|section| section.mid != mid) {
                return mid;
            }
        }
    }

    /// Takes the place of a section that both sides have let go; RFC 9429 section 5.2.2.
    fn place(&mut self, section: Section) -> usize {
        let free = |old: &Section| {
            old.rejected
                && old.kind == section.kind
                && old.remote.as_ref().is_some_and(|remote| remote.rejected)
        };
        if let Some(number) = self.sections.iter().position(free) {
            self.sections[number] = section;
            return number;
        }
        self.sections.push(section);
        self.sections.len() - 1
    }

    fn snapshot(&mut self) {
        self.before = Some(Snapshot { sections: self.sections.clone(), remote: self.remote.clone() });
    }

    fn expect(&self, states: &[State]) -> Result<(), NegotiationError> {
        if states.contains(&self.state) { Ok(()) } else { Err(NegotiationError::State { state: self.state }) }
    }
}

impl Section {
    fn new(mid: String, kind: Kind, wanted: Direction, track: Option<Track>) -> Self {
        Self {
            mid,
            kind,
            wanted,
            direction: Direction::Inactive,
            track,
            codecs: Vec::new(),
            extensions: Vec::new(),
            remote: None,
            rejected: false,
        }
    }

    /// The direction to write: what we want, without sending where there is nothing to send.
    fn offered(&self) -> Direction {
        // Data channels go both ways and know no direction.
        if self.kind == Kind::Data {
            return Direction::SendRecv;
        }
        Direction::new(self.wanted.sends() && self.track.is_some(), self.wanted.receives())
    }
}
