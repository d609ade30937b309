//! Offer and answer: what two sides agree on; RFC 3264, RFC 9429 (JSEP), RFC 9143 (BUNDLE).

mod answer;
mod codec;
mod error;
mod number;
mod offer;
mod remote;
mod write;

use alloc::boxed::Box;
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
    /// Codecs that both can do, under the payload types agreed on; the first is to be sent.
    pub codecs: Vec<Codec>,
    /// Header extensions that both can do, under the ids agreed on.
    pub extensions: Vec<HeaderExtension>,
    /// What the other side said last.
    pub remote: Option<RemoteMedia>,
    /// Refused or ended by either side.
    pub rejected: bool,
    /// Added here rather than by an offer of the other side's.
    local: bool,
    /// Ended here, by [`Negotiator::stop`].
    stopped: bool,
    /// An exchange has told both sides that it is refused or ended: its place may be used again.
    closed: bool,
    /// What had this place before, until an exchange has told the other side.
    replaced: Option<Box<Section>>,
    /// What we offer here, before anything is agreed on, under the numbers that the bundle leaves.
    offer: Capabilities,
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
    next_id: u32,
    /// How many sections the open offer of ours has; those behind them were added later.
    offered: usize,
    /// The names in the bundle of the other side's open offer; `None` where it has none.
    bundle: Option<Vec<String>>,
    /// The other side's last description lets short and long extension headers be mixed.
    mixed: bool,
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
            next_id: 0,
            offered: 0,
            bundle: None,
            mixed: false,
            before: None,
        }
    }

    /// Adds sound or pictures, to be offered next; returns the section's place.
    ///
    /// The place may change until the section has been offered or answered; [`Section::id`] does not.
    pub fn add_media(&mut self, kind: Kind, direction: Direction, track: Option<Track>) -> usize {
        let mid = self.fresh_mid();
        let mut section = self.new_section(mid, kind, direction, track);
        section.local = true;
        self.place(section)
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
            section.stop();
        }
    }

    /// Takes back an offer, ours or theirs, that has not been answered; RFC 9429 section 4.1.10.2. What was added, set
    /// or stopped here in the meantime stays; sections that only the other side's offer brought are gone.
    ///
    /// # Errors
    /// There is none.
    pub fn rollback(&mut self) -> Result<(), NegotiationError> {
        if self.state == State::Stable {
            return Err(NegotiationError::State { state: self.state });
        }
        if let Some(before) = self.before.take() {
            self.restore(before);
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

    /// Whether the offer that is open, theirs, restarts ICE: the answer then needs new credentials of ours; RFC 8839
    /// section 4.4.1.1.
    pub fn remote_restarts_ice(&self) -> bool {
        let before = self.before.as_ref().and_then(|before| before.remote.as_ref());
        match (self.state, before, &self.remote) {
            (State::HaveRemoteOffer, Some(before), Some(now)) => {
                (&before.ufrag, &before.password) != (&now.ufrag, &now.password)
            }
            _ => false,
        }
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

    fn new_section(&mut self, mid: String, kind: Kind, wanted: Direction, track: Option<Track>) -> Section {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        Section::new(id, mid, kind, wanted, track)
    }

    /// Takes the place of a section that both sides have let go; RFC 9429 section 5.2.2. Not while an offer is open,
    /// whose places are fixed.
    fn place(&mut self, section: Section) -> usize {
        let free = self.sections.iter_mut().enumerate().find(|(_, old)| old.closed);
        if let Some((number, old)) = free.filter(|_| self.state == State::Stable) {
            let old = core::mem::replace(old, section);
            self.sections[number].replaced = Some(Box::new(old));
            return number;
        }
        self.sections.push(section);
        self.sections.len() - 1
    }

    /// Goes back to `before`, but for what was added, set or stopped here since then.
    fn restore(&mut self, before: Snapshot) {
        let mut later = core::mem::replace(&mut self.sections, before.sections);
        self.remote = before.remote;
        for section in &mut self.sections {
            let Some(at) = later.iter().position(|known| known.id == section.id) else { continue };
            let now = later.remove(at);
            (section.wanted, section.track) = (now.wanted, now.track);
            if now.stopped {
                section.stop();
            }
        }
        for added in later.into_iter().filter(|section| section.local && !section.stopped) {
            let Section { id, kind, wanted, track, .. } = added;
            let mid = self.fresh_mid();
            let section = Section { local: true, ..Section::new(id, mid, kind, wanted, track) };
            self.sections.push(section);
        }
    }

    fn snapshot(&mut self) {
        self.before = Some(Snapshot { sections: self.sections.clone(), remote: self.remote.clone() });
    }

    fn expect(&self, states: &[State]) -> Result<(), NegotiationError> {
        if states.contains(&self.state) { Ok(()) } else { Err(NegotiationError::State { state: self.state }) }
    }
}

impl Section {
    fn new(id: u32, mid: String, kind: Kind, wanted: Direction, track: Option<Track>) -> Self {
        Self {
            id,
            mid,
            kind,
            wanted,
            direction: Direction::Inactive,
            track,
            codecs: Vec::new(),
            extensions: Vec::new(),
            remote: None,
            rejected: false,
            local: false,
            stopped: false,
            closed: false,
            replaced: None,
            offer: Capabilities::default(),
        }
    }

    fn stop(&mut self) {
        (self.rejected, self.stopped) = (true, true);
        self.direction = Direction::Inactive;
    }

    /// The exchange has told both sides what this section is.
    fn settle(&mut self) {
        self.closed = self.rejected;
        self.replaced = None;
    }

    /// Whether the other side knows of this place.
    fn placed(&self) -> bool {
        self.remote.is_some() || self.replaced.is_some()
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
