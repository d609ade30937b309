//! The peer's candidates of one generation.

use std::net::SocketAddr;

use crate::candidate::{Candidate, CandidateKind};
use crate::priority;

/// A candidate of the peer's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote {
    pub(crate) address: SocketAddr,
    pub(crate) kind: CandidateKind,
    pub(crate) priority: u32,
    /// Stands for the foundation; each peer-reflexive candidate has one of its own.
    pub(crate) foundation: u16,
}

/// What adding a candidate has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is new: pair it.
    New(usize),
    /// It tells who a peer-reflexive candidate is: pairs stay as they are, with another priority and foundation.
    Identified(usize),
    /// Known already.
    Known,
    /// There are too many.
    Full,
}

/// All of them; none is ever removed, so that an index stays valid.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    entries: Vec<Remote>,
    /// The foundations that were signalled, and the numbers they have here.
    foundations: Vec<(String, u16)>,
    next_foundation: u16,
}

impl Remotes {
    pub(crate) fn entries(&self) -> &[Remote] {
        &self.entries
    }

    /// A signalled candidate.
    pub(crate) fn add(&mut self, candidate: &Candidate, address: SocketAddr, limit: usize) -> Added {
        let reflexive = |entry: &Remote| entry.kind == CandidateKind::PeerReflexive;
        let known = self.entries.iter().position(|entry| entry.address == address);
        let known = match known {
            Some(index) if !reflexive(&self.entries[index]) => return Added::Known,
            Some(index) => Some(index),
            None if self.entries.iter().filter(|entry| !reflexive(entry)).count() >= limit => {
                return Added::Full;
            }
            None => None,
        };
        let foundation = self.foundation(candidate.foundation());
        let entry = Remote { address, kind: candidate.kind(), priority: candidate.priority(), foundation };
        match known {
            Some(index) => {
                self.entries[index] = entry;
                Added::Identified(index)
            }
            None => {
                self.entries.push(entry);
                Added::New(self.entries.len() - 1)
            }
        }
    }

    /// The candidate from which an authenticated check came, learnt from it where it is new; RFC 8445 section 7.3.1.3.
    pub(crate) fn learn(&mut self, address: SocketAddr, priority: u32, limit: usize) -> Option<usize> {
        if let Some(index) = self.entries.iter().position(|entry| entry.address == address) {
            return Some(index);
        }
        let learnt = self.entries.iter().filter(|entry| entry.kind == CandidateKind::PeerReflexive).count();
        if learnt >= limit {
            return None;
        }
        let foundation = self.fresh_foundation();
        let priority = priority.clamp(1, priority::MAX);
        self.entries.push(Remote { address, kind: CandidateKind::PeerReflexive, priority, foundation });
        Some(self.entries.len() - 1)
    }

    fn foundation(&mut self, text: &str) -> u16 {
        if let Some((_, number)) = self.foundations.iter().find(|(known, _)| known == text) {
            return *number;
        }
        let number = self.fresh_foundation();
        self.foundations.push((text.to_owned(), number));
        number
    }

    fn fresh_foundation(&mut self) -> u16 {
        self.next_foundation = self.next_foundation.saturating_add(1);
        self.next_foundation
    }
}
