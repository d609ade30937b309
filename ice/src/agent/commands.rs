//! What the caller tells the agent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Agent, Server};
use crate::candidate::{Address, Candidate, CandidateKind, Transport};
use crate::config::Role;
use crate::credentials::Credentials;
use crate::error::{AddLocalError, AddRemoteError, AddServerError, RemoteCredentialsError};
use crate::event::Event;
use crate::local::{Base, LocalCandidate, check_address};
use crate::remote::Added;
use crate::route::canonical;
use crate::session::Session;

impl Agent {
    /// Adds the address of a socket of ours. Add the one that is liked best first; RFC 8421 advises to alternate IPv6 and
    /// IPv4. The candidate to signal comes back, and comes as an event as well.
    ///
    /// # Errors
    /// See [`AddLocalError`].
    pub fn add_local_host(&mut self, now: Instant, address: SocketAddr) -> Result<Candidate, AddLocalError> {
        let kind = CandidateKind::Host;
        let candidate =
            LocalCandidate { kind, address, base: address, preference: None, server: None, related: None };
        self.add_local_candidate(now, candidate)
    }

    /// Adds a candidate that the caller has found: a host address with a preference of its own, a mapped address, an
    /// address on a TURN server.
    ///
    /// # Errors
    /// See [`AddLocalError`].
    pub fn add_local_candidate(
        &mut self,
        now: Instant,
        new: LocalCandidate,
    ) -> Result<Candidate, AddLocalError> {
        let now = self.advance(now);
        if self.is_closed() {
            return Err(AddLocalError::Closed);
        }
        let (candidate, base) = self.locals.add(new, &self.config)?;
        let generation = self.session.generation;
        self.events.push(Event::LocalCandidate { candidate: candidate.clone(), generation });
        if let Some(base) = base {
            self.pair_base(&base);
        }
        self.run(now);
        Ok(candidate)
    }

    /// Asks a STUN server which address it sees for a base. What it says becomes a candidate, told by an event.
    ///
    /// # Errors
    /// See [`AddServerError`].
    pub fn add_stun_server(
        &mut self,
        now: Instant,
        server: SocketAddr,
        base: SocketAddr,
    ) -> Result<(), AddServerError> {
        let now = self.advance(now);
        let (server, base) = (canonical(server), canonical(base));
        let fits = |own: &Base| own.kind == CandidateKind::Host && server.is_ipv4() == base.is_ipv4();
        if self.is_closed() {
            return Err(AddServerError::Closed);
        }
        if !self.locals.base(base).is_some_and(fits) {
            return Err(AddServerError::Base);
        }
        if self.servers.len() >= self.config.max_servers {
            return Err(AddServerError::Full { limit: self.config.max_servers });
        }
        self.servers.push(Server::new(server, base));
        self.gathering_complete = false;
        self.run(now);
        Ok(())
    }

    /// The peer's credentials have come; checks begin.
    ///
    /// # Errors
    /// See [`RemoteCredentialsError`]. The same credentials again are no error.
    pub fn set_remote_credentials(
        &mut self,
        now: Instant,
        credentials: Credentials,
    ) -> Result<(), RemoteCredentialsError> {
        let now = self.advance(now);
        if self.is_closed() {
            return Err(RemoteCredentialsError::Closed);
        }
        if credentials.same_as(&self.session.own) {
            return Err(RemoteCredentialsError::OwnEcho);
        }
        if let Some(peer) = &self.session.peer {
            let same = peer.credentials.same_as(&credentials);
            return if same { Ok(()) } else { Err(RemoteCredentialsError::InForce) };
        }
        let ufrag = credentials.ufrag().to_owned();
        self.session.set_peer(credentials);
        self.session.started = Some(now);
        for candidate in std::mem::take(&mut self.session.waiting) {
            // Those of another generation were another session's, and are gone with it.
            let _ = self.take_remote(&candidate, &ufrag);
        }
        for early in std::mem::take(&mut self.session.early) {
            if early.peer_ufrag == ufrag {
                self.learn_from_check(now, early.route, early.check);
            }
        }
        self.run(now);
        Ok(())
    }

    /// A candidate of the peer's has come, before or after the credentials. One that is known already is no error.
    ///
    /// # Errors
    /// See [`AddRemoteError`]; each means that the candidate is ignored.
    pub fn add_remote_candidate(
        &mut self,
        now: Instant,
        candidate: &Candidate,
    ) -> Result<(), AddRemoteError> {
        let now = self.advance(now);
        if self.is_closed() {
            return Err(AddRemoteError::Closed);
        }
        check_remote(candidate)?;
        //= rfc8838#14-2
        if self.session.remotes_ended {
            return Err(AddRemoteError::Ended);
        }
        match self.session.peer.as_ref().map(|peer| peer.credentials.ufrag().to_owned()) {
            Some(ufrag) => self.take_remote(candidate, &ufrag)?,
            None if self.session.waiting.len() >= self.config.max_remote => {
                return Err(AddRemoteError::Full { limit: self.config.max_remote });
            }
            None => self.session.waiting.push(candidate.clone()),
        }
        self.run(now);
        Ok(())
    }

    /// The peer has no more candidates in this generation; RFC 8838 section 14. Later ones are refused.
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        let now = self.advance(now);
        self.session.remotes_ended = true;
        self.run(now);
    }

    /// The peer is a lite agent: the role is ours, whatever it was; RFC 8445 section 6.1.1.
    //= rfc8445#6.1.1-2
    pub fn set_remote_lite(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.role == Role::Controlled && !self.is_closed() {
            self.switch_role();
        }
        self.run(now);
    }

    /// The peer's `a=ice-pacing`; `None` where it says nothing, which means 50 ms. RFC 8445 section 14.2: the greater of the
    /// two sides' values counts.
    pub fn set_remote_pacing(&mut self, ta: Option<Duration>) {
        self.remote_ta = ta;
    }

    /// Begins anew with other credentials; RFC 8445 section 9. Signal [`Agent::local_credentials`] and all
    /// [`Agent::local_candidates`] again. Data goes on over the old pair until the new generation has selected one.
    //= rfc8445#9-3
    pub fn restart(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.is_closed() {
            return;
        }
        let next = Session::new(self.session.generation + 1, Credentials::random(&mut self.rng));
        let mut old = std::mem::replace(&mut self.session, next);
        let ended = old.generation;
        if old.failed.is_none() && old.active.is_some() {
            let gone = self.previous.take().map(|session| session.generation);
            self.transactions.remove_checks(|t| {
                Some(t.generation) == gone || t.generation == ended && t.purpose.is_paced()
            });
            old.list.clear_triggered();
            old.nominating = None;
            self.previous = Some(old);
        } else {
            self.transactions.remove_checks(|t| t.generation == ended);
        }
        self.previous_ends = None;
        self.servers.iter_mut().for_each(Server::ask_again);
        self.gathering_complete = false;
        self.run(now);
    }

    /// Takes a candidate of the generation in force and pairs it.
    fn take_remote(&mut self, candidate: &Candidate, ufrag: &str) -> Result<(), AddRemoteError> {
        if candidate.extension("ufrag").is_some_and(|named| named != ufrag) {
            return Err(AddRemoteError::Generation);
        }
        let Some(address) = candidate.socket_address().map(canonical) else {
            return Err(AddRemoteError::Name);
        };
        match self.session.remotes.add(candidate, address, self.config.max_remote) {
            Added::New(index) => self.pair_remote(index),
            Added::Identified(index) => {
                if let Some(remote) = self.session.remotes.entries().get(index) {
                    self.session.list.identify(index, remote, self.role);
                }
                self.pair_remote(index);
            }
            Added::Known => {}
            Added::Full => return Err(AddRemoteError::Full { limit: self.config.max_remote }),
        }
        Ok(())
    }

    fn pair_remote(&mut self, index: usize) {
        for at in 0..self.locals.bases().len() {
            self.pair(at, index);
        }
    }

    fn pair_base(&mut self, base: &Base) {
        let Some(at) = self.locals.bases().iter().position(|own| own.address == base.address) else { return };
        for index in 0..self.session.remotes.entries().len() {
            self.pair(at, index);
        }
    }

    fn pair(&mut self, base: usize, remote: usize) {
        let entries = self.session.remotes.entries();
        let (Some(base), Some(entry)) = (self.locals.bases().get(base), entries.get(remote)) else { return };
        self.next_pair += 1;
        let (id, limit) = (crate::PairId(self.next_pair), self.config.max_pairs);
        self.session.list.insert(id, base, (remote, entry), self.role, limit);
    }
}

fn check_remote(candidate: &Candidate) -> Result<(), AddRemoteError> {
    if *candidate.transport() != Transport::Udp {
        return Err(AddRemoteError::Transport);
    }
    if candidate.component() != 1 {
        return Err(AddRemoteError::Component(candidate.component()));
    }
    if candidate.kind() == CandidateKind::Other {
        return Err(AddRemoteError::Kind);
    }
    match candidate.address() {
        Address::Name(_) => Err(AddRemoteError::Name),
        Address::Ip(ip) => Ok(check_address(SocketAddr::new(*ip, candidate.port()), true)?),
    }
}
