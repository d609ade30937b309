//! Server-reflexive candidates; RFC 8445 section 5.1.1.2.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_stun::rto::Schedule;
use nomagic_stun::{Class, Message, TransactionId};

use super::Agent;
use crate::candidate::CandidateKind;
use crate::error::AddLocalError;
use crate::event::Event;
use crate::local::LocalCandidate;
use crate::message;
use crate::route::Route;
use crate::transaction::{Purpose, Transaction};

/// A STUN server, asked from one base.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    base: SocketAddr,
    state: ServerState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerState {
    /// To be asked when pacing allows.
    Queued,
    Asking,
    /// Has answered; to be asked again then, so that the NAT keeps the binding.
    Known(Option<Instant>),
    Failed,
}

impl Server {
    pub(super) fn new(address: SocketAddr, base: SocketAddr) -> Self {
        Self { address, base, state: ServerState::Queued }
    }

    /// After a restart: the address may be another by now.
    pub(super) fn ask_again(&mut self) {
        if self.state != ServerState::Asking {
            self.state = ServerState::Queued;
        }
    }
}

impl Agent {
    /// Queues servers whose binding is to be kept alive, until a pair is selected; RFC 8445 section 5.1.1.4.
    //= rfc8445#5.1.1.4-2
    pub(super) fn refresh_servers(&mut self, now: Instant) {
        let needed = self.keeps_servers();
        for server in &mut self.servers {
            if matches!(server.state, ServerState::Known(Some(due)) if due <= now && needed) {
                server.state = ServerState::Queued;
            }
        }
    }

    pub(super) fn next_refresh(&self) -> Option<Instant> {
        let due = self.servers.iter().filter_map(|server| match server.state {
            ServerState::Known(due) => due,
            _ => None,
        });
        due.min().filter(|_| self.keeps_servers())
    }

    pub(super) fn server_is_queued(&self) -> bool {
        self.servers.iter().any(|server| server.state == ServerState::Queued)
    }

    /// Whether a server may still tell of a candidate.
    pub(super) fn is_gathering(&self) -> bool {
        self.servers.iter().any(|server| matches!(server.state, ServerState::Queued | ServerState::Asking))
    }

    /// Asks the next server in the queue; says whether there was one.
    pub(super) fn ask_server(&mut self) -> bool {
        let queued = self.servers.iter().position(|server| server.state == ServerState::Queued);
        let Some(index) = queued else { return false };
        //= rfc8445#14.3-1
        let count = u32::try_from(self.servers.len()).unwrap_or(u32::MAX);
        let rto = Schedule::UDP.rto.max(self.ta().saturating_mul(count));
        let id = TransactionId::random(&mut self.rng);
        let mut request = self.transactions.buffer();
        message::encode_gathering(id, &mut request);
        let server = &mut self.servers[index];
        server.state = ServerState::Asking;
        let route = Route::new(server.base, server.address);
        let generation = self.session.generation;
        let mut transaction = Transaction::new(Purpose::Gather(index), generation, route, self.role);
        transaction.schedule = Schedule::UDP.with_rto(rto);
        transaction.patience = transaction.schedule.total();
        transaction.request = request;
        self.transactions.start(id, transaction);
        true
    }

    /// An answer with the id of a request to a server has come.
    pub(super) fn handle_server(
        &mut self,
        now: Instant,
        index: usize,
        id: TransactionId,
        symmetric: bool,
        response: &Message<'_>,
    ) {
        if !symmetric {
            self.stats.dropped_source += 1;
            return;
        }
        self.transactions.remove(id);
        let mapped = message::mapped_address(response).filter(|_| response.class() == Class::Success);
        let (Some(mapped), Some(server)) = (mapped, self.servers.get_mut(index)) else {
            return self.server_failed(index);
        };
        server.state = ServerState::Known(now.checked_add(KEEPALIVE));
        let reflexive = LocalCandidate {
            kind: CandidateKind::ServerReflexive,
            address: mapped,
            base: server.base,
            preference: None,
            server: Some(server.address.ip()),
            related: None,
        };
        // A redundant or useless address is no candidate, and no fault either.
        match self.locals.add(reflexive, &self.config) {
            Ok((candidate, _)) => {
                let generation = self.session.generation;
                self.events.push(Event::LocalCandidate { candidate, generation });
            }
            Err(AddLocalError::Full { .. }) => self.stats.dropped_limit += 1,
            Err(_) => {}
        }
        self.tell_gathering_complete();
    }

    pub(super) fn server_failed(&mut self, index: usize) {
        if let Some(server) = self.servers.get_mut(index) {
            server.state = ServerState::Failed;
        }
        self.tell_gathering_complete();
    }

    fn tell_gathering_complete(&mut self) {
        if !self.is_gathering() && !self.gathering_complete {
            self.gathering_complete = true;
            self.events.push(Event::GatheringComplete);
        }
    }

    fn keeps_servers(&self) -> bool {
        self.session.selected.is_none() && self.session.failed.is_none()
    }
}

/// How often a server is asked again; Tr of RFC 8445 section 11.
const KEEPALIVE: Duration = Duration::from_secs(15);
