//! One generation: the credentials of both sides, the peer's candidates, the pairs. A restart makes a new one.

use std::time::{Duration, Instant};

use nomagic_stun::IntegrityKey;

use crate::candidate::Candidate;
use crate::check_list::CheckList;
use crate::credentials::Credentials;
use crate::event::FailReason;
use crate::message::Check;
use crate::pair::{Pair, PairId};
use crate::remote::Remotes;
use crate::route::Route;

/// The peer's side of the credentials, and what is made of both sides'.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) credentials: Credentials,
    /// Signs our requests.
    pub(crate) key: IntegrityKey,
    /// USERNAME of our requests.
    pub(crate) username: String,
}

/// A check that came before the peer's credentials were known; RFC 8445 section 7.3.
#[derive(Debug)]
pub(crate) struct EarlyCheck {
    pub(crate) route: Route,
    pub(crate) check: Check,
    pub(crate) peer_ufrag: String,
}

/// One generation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) generation: u32,
    pub(crate) own: Credentials,
    /// Checks the peer's requests and signs our answers.
    pub(crate) key: IntegrityKey,
    pub(crate) peer: Option<Peer>,
    pub(crate) remotes: Remotes,
    /// Candidates that came before the credentials: only those tell which generation is in force.
    pub(crate) waiting: Vec<Candidate>,
    /// The peer has announced the end of its candidates.
    pub(crate) remotes_ended: bool,
    pub(crate) list: CheckList,
    pub(crate) early: Vec<EarlyCheck>,
    /// When checks could begin: both sides' credentials were known.
    pub(crate) started: Option<Instant>,
    pub(crate) first_valid: Option<Instant>,
    /// The pair that we are nominating.
    pub(crate) nominating: Option<PairId>,
    /// A nomination of ours was not answered; RFC 8445 section 7.2.5.3.4.
    pub(crate) nomination_failed: bool,
    pub(crate) selected: Option<PairId>,
    /// The pair on which data goes, and whose consent is kept: the selected one, or the best valid one.
    pub(crate) active: Option<PairId>,
    pub(crate) next_consent: Option<Instant>,
    pub(crate) failed: Option<FailReason>,
}

impl Session {
    pub(crate) fn new(generation: u32, own: Credentials) -> Self {
        let key = IntegrityKey::short_term(own.password());
        Self {
            generation,
            own,
            key,
            peer: None,
            remotes: Remotes::default(),
            waiting: Vec::new(),
            remotes_ended: false,
            list: CheckList::default(),
            early: Vec::new(),
            started: None,
            first_valid: None,
            nominating: None,
            nomination_failed: false,
            selected: None,
            active: None,
            next_consent: None,
            failed: None,
        }
    }

    pub(crate) fn set_peer(&mut self, credentials: Credentials) {
        let username = format!("{}:{}", credentials.ufrag(), self.own.ufrag());
        let key = IntegrityKey::short_term(credentials.password());
        self.peer = Some(Peer { credentials, key, username });
    }

    pub(crate) fn find_mut(&mut self, route: Route) -> Option<&mut Pair> {
        let id = self.list.find(route)?.id;
        self.list.get_mut(id)
    }

    pub(crate) fn active_pair(&self) -> Option<&Pair> {
        self.active.and_then(|id| self.list.get(id))
    }

    /// Checks are made: there is a peer, and neither success nor failure has ended them.
    pub(crate) fn is_checking(&self) -> bool {
        self.peer.is_some() && self.failed.is_none() && self.selected.is_none()
    }

    /// Whether data that came this way is the peer's.
    pub(crate) fn accepts(&self, route: Route) -> bool {
        self.list.find(route).is_some_and(|pair| pair.authenticated)
    }

    /// Until when the agent does not give up, whatever happens; RFC 8863 section 4.
    pub(crate) fn patience_ends(&self, patience: Duration) -> Option<Instant> {
        self.started.and_then(|started| started.checked_add(patience))
    }
}
