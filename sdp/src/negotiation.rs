//! Offer and answer: what two sides agree on; RFC 3264, RFC 9429 (JSEP), RFC 9143 (BUNDLE).

mod answer;
mod codec;
mod config;
mod error;
mod format;
mod number;
mod offer;
mod place;
mod remote;
mod sdes;
mod section;
mod simulcast;
mod trickle;
mod write;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use codec::{Codec, HeaderExtension};
pub use config::{
    BundlePolicy, Capabilities, Config, Encoding, Endpoint, Kind, LocalTransport, PlainTransport,
    RtcpMuxPolicy, Rules, SdesKey, Track,
};
pub use error::NegotiationError;
pub use remote::{RemoteMedia, RemoteTransport};
pub use section::Section;
pub use simulcast::SimulcastStream;

use crate::attribute::{Direction, Setup};

/// Where the exchange stands; RFC 9429 section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing is open.
    Stable,
    /// We have offered and wait for an answer.
    HaveLocalOffer,
    /// We have been offered something and are to answer.
    HaveRemoteOffer,
    /// We have answered for the time being and are to answer for good.
    HaveLocalPranswer,
    /// We have offered and have an answer for the time being.
    HaveRemotePranswer,
    /// It is over.
    Closed,
}

/// Makes offers and answers and reads the other side's: no clock, no sockets, text in and text out.
///
/// Sections keep their places; one that has ended is offered with port 0 until another takes its place.
#[derive(Debug, Clone)]
pub struct Negotiator {
    config: Config,
    state: State,
    sections: Vec<Section>,
    /// The transports agreed on, the main one first.
    transports: Vec<Transport>,
    version: u64,
    next_mid: u32,
    next_id: u32,
    /// Where the sections of the open offer of ours got their transports; those behind them were added later.
    offered: Vec<place::Offered>,
    /// The other side's open offer.
    open: place::Open,
    /// The other side's last description lets short and long extension headers be mixed.
    mixed: bool,
    /// Numbers that we have given to codecs of ours, which they keep; RFC 3264 section 8.3.2.
    numbers: number::History,
    /// What held before the offer under way, to go back to.
    before: Option<Snapshot>,
    /// What held before the first answer for the time being; the next answer starts from there.
    base: Option<Box<Snapshot>>,
}

/// A transport that both sides know.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Transport {
    /// The [`Section::id`] of the section that speaks for it.
    tag: u32,
    /// It is a bundle's.
    bundled: bool,
    remote: RemoteTransport,
    /// Our part in the handshake, once agreed on.
    role: Option<Setup>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    sections: Vec<Section>,
    transports: Vec<Transport>,
}

impl Negotiator {
    /// A side without sections.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Stable,
            sections: Vec::new(),
            transports: Vec::new(),
            version: 0,
            next_mid: 0,
            next_id: 0,
            offered: Vec::new(),
            open: place::Open::default(),
            mixed: false,
            numbers: number::History::default(),
            before: None,
            base: None,
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

    /// Says which way we want a section, from the next description on: hold is [`Direction::SendOnly`] or
    /// [`Direction::Inactive`].
    pub fn set_direction(&mut self, number: usize, direction: Direction) {
        if let Some(section) = self.sections.get_mut(number) {
            section.wanted = direction;
        }
    }

    /// Sends several encodings of a section's track at once (RFC 8853), where the other side takes them; from the next
    /// description on. Names that are none, and those that stand twice, are left out.
    pub fn set_encodings(&mut self, number: usize, encodings: Vec<Encoding>) {
        let Some(section) = self.sections.get_mut(number) else { return };
        section.encodings.clear();
        for encoding in encodings {
            let good =
                crate::attribute::read::<crate::attribute::Rid<'_>>(Some(&encoding.line("send"))).is_ok();
            if good && section.encodings.iter().all(|known| known.rid != encoding.rid) {
                section.encodings.push(encoding);
            }
        }
    }

    /// Gives a section a transport of its own, for when it is not bundled; from the next description on.
    pub fn set_endpoint(&mut self, number: usize, endpoint: Endpoint) {
        if let Some(section) = self.sections.get_mut(number) {
            section.endpoint = Some(endpoint);
        }
    }

    /// Changes the name of our DTLS association, which asks for a new one with the next offer (RFC 8842 section 5.5).
    /// That needs new credentials of ICE too.
    pub fn set_tls_id(&mut self, tls_id: impl Into<String>) {
        self.config.tls_id = Some(tls_id.into());
    }

    /// Ends a section, from the next description on.
    pub fn stop(&mut self, number: usize) {
        if let Some(section) = self.sections.get_mut(number) {
            section.stop();
        }
    }

    /// Takes back an offer, ours or theirs, that has not been answered for good; RFC 9429 section 4.1.10.2. What was
    /// added, set or stopped here in the meantime stays; sections that only the other side's offer brought are gone.
    ///
    /// # Errors
    /// There is none.
    pub fn rollback(&mut self) -> Result<(), NegotiationError> {
        if matches!(self.state, State::Stable | State::Closed) {
            return Err(NegotiationError::State { state: self.state });
        }
        if let Some(before) = self.before.take() {
            self.restore(before);
        }
        self.base = None;
        self.state = State::Stable;
        Ok(())
    }

    /// Ends the exchange: no description is made or taken any more.
    pub fn close(&mut self) {
        self.sections.iter_mut().for_each(Section::stop);
        (self.before, self.base) = (None, None);
        self.state = State::Closed;
    }

    /// Where the exchange stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The sections in their order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The other side's transport, as it said last: the one of the first section, where there are several.
    pub fn remote_transport(&self) -> Option<&RemoteTransport> {
        self.current().next().map(|(_, remote)| remote)
    }

    /// The other side's transport of a section, as it said last.
    pub fn remote_transport_of(&self, section: &Section) -> Option<&RemoteTransport> {
        let tag = section.transport?;
        self.current().find(|(known, _)| *known == tag).map(|(_, remote)| remote)
    }

    /// Our part in the DTLS handshake of a section's transport, once agreed on.
    pub fn dtls_role_of(&self, section: &Section) -> Option<Setup> {
        self.transports.iter().find(|transport| Some(transport.tag) == section.transport)?.role
    }

    /// Whether the offer that is open, theirs, restarts ICE on some transport: the answer then needs new credentials of
    /// ours; RFC 8839 section 4.4.1.1.
    pub fn remote_restarts_ice(&self) -> bool {
        let restarts =
            |known: &RemoteTransport, now: &RemoteTransport| known.does_ice() && restarted(known, now);
        self.any_open(restarts)
    }

    /// Whether the offer that is open, theirs, asks for a new DTLS association on some transport: another name of the
    /// association or, without one, other certificates; RFC 8842 section 3.1.
    pub fn remote_restarts_dtls(&self) -> bool {
        self.any_open(renewed)
    }

    /// Whether this is so of a transport that goes on, what we know and what the open offer says.
    fn any_open(&self, what: impl Fn(&RemoteTransport, &RemoteTransport) -> bool) -> bool {
        self.is_answering()
            && self.open.groups.iter().any(|group| {
                let known = self.continued(group.members.iter().copied(), group.bundled);
                known.is_some_and(|known| what(&known.remote, &group.remote))
            })
    }

    /// Our part in the DTLS handshake, once agreed on: [`Setup::Active`] is the client.
    pub fn dtls_role(&self) -> Option<Setup> {
        self.transports.first()?.role
    }

    /// The section that is about data channels, unless refused.
    pub fn data(&self) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == Kind::Data && !section.rejected)
    }

    fn is_answering(&self) -> bool {
        matches!(self.state, State::HaveRemoteOffer | State::HaveLocalPranswer)
    }

    /// The other side's transports: those of its open offer, else those agreed on.
    fn current(&self) -> impl Iterator<Item = (u32, &RemoteTransport)> {
        let answering = self.is_answering();
        let open = self.open.groups.iter().filter(move |_| answering).map(|group| (group.tag, &group.remote));
        let settled = move |_: &&Transport| !answering || self.open.groups.is_empty();
        let agreed =
            self.transports.iter().filter(settled).map(|transport| (transport.tag, &transport.remote));
        open.chain(agreed)
    }

    /// What was agreed on about the transport that a section uses.
    fn agreed(&self, id: u32) -> Option<&Transport> {
        let tag = self.sections.iter().find(|section| section.id == id)?.transport?;
        self.transports.iter().find(|transport| transport.tag == tag)
    }

    /// The transport that goes on under this description, whoever speaks for it now: some of these sections use it
    /// already, or it is the bundle's, all of whose sections may be replaced at once.
    fn continued(&self, sections: impl IntoIterator<Item = u32>, bundled: bool) -> Option<&Transport> {
        let used = sections.into_iter().find_map(|id| self.agreed(id));
        used.or_else(|| self.transports.iter().find(|known| bundled && known.bundled))
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
            let closed = core::mem::replace(old, section);
            old.replaced = Some(Box::new(closed));
            return number;
        }
        self.sections.push(section);
        self.sections.len() - 1
    }

    /// Goes back to `before`, but for what was added, set or stopped here since then.
    fn restore(&mut self, before: Snapshot) {
        let mut later = core::mem::replace(&mut self.sections, before.sections);
        self.transports = before.transports;
        for section in &mut self.sections {
            let Some(at) = later.iter().position(|known| known.id == section.id) else { continue };
            section.follow(later.remove(at));
        }
        // What both sides have let go is over, even where it is out of its place for a while.
        for added in later.into_iter().filter(|section| section.local && !section.stopped && !section.closed)
        {
            let Section { id, kind, wanted, track, encodings, endpoint, .. } = added;
            let mid = self.fresh_mid();
            let section =
                Section { local: true, encodings, endpoint, ..Section::new(id, mid, kind, wanted, track) };
            self.sections.push(section);
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { sections: self.sections.clone(), transports: self.transports.clone() }
    }

    fn expect(&self, states: &[State]) -> Result<(), NegotiationError> {
        if states.contains(&self.state) { Ok(()) } else { Err(NegotiationError::State { state: self.state }) }
    }
}

/// Whether the other side's credentials are new; RFC 8839 section 4.4.1.1.1.
fn restarted(known: &RemoteTransport, now: &RemoteTransport) -> bool {
    (&known.ufrag, &known.password) != (&now.ufrag, &now.password)
}

/// Whether the other side asks for another DTLS association; RFC 8842 section 3.1.
fn renewed(known: &RemoteTransport, now: &RemoteTransport) -> bool {
    match (&known.tls_id, &now.tls_id) {
        (Some(known), Some(now)) => known != now,
        _ => known.does_dtls() && known.fingerprints != now.fingerprints,
    }
}
