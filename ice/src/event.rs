//! State changes, told to the caller.

use std::collections::VecDeque;
use std::fmt;

use crate::candidate::Candidate;
use crate::pair::{PairId, Trouble};
use crate::route::SelectedPair;

/// How far an agent has come; of the generation in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// The peer's credentials are not known yet.
    New,
    /// Checks are made; no pair is valid yet.
    Checking,
    /// A pair is valid, so that data can be sent; none is selected yet.
    Connected,
    /// A pair is selected.
    Completed,
    /// A pair is selected, and the peer has been silent for a while. It comes back, or fails when consent is lost.
    Disconnected,
    /// No pair works, or consent is lost. A restart begins anew.
    Failed,
    /// Closed by the caller.
    Closed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Checking => "checking",
            Self::Connected => "connected",
            Self::Completed => "completed",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Closed => "closed",
        })
    }
}

/// How a pair came to be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionReason {
    /// We nominated it.
    Nominated,
    /// The peer nominated it.
    NominatedByPeer,
    /// The peer nominated it after another, and it has the higher priority or the other one has fallen silent.
    Replaced,
}

/// Why an agent has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailReason {
    /// There was nothing to check: no candidates of ours, or none of the peer's that fit.
    #[error("no pair of candidates to check")]
    NoPairs,
    /// All pairs were checked, and none works.
    #[error("all {pairs} pairs failed")]
    AllPairsFailed {
        /// How many.
        pairs: usize,
    },
    /// The pair that we nominated did not answer any more; RFC 8445 section 7.2.5.3.4.
    #[error("the nomination was not answered")]
    NominationFailed,
    /// The selected pair fell silent, or the peer took its consent back; RFC 7675 section 5.1.
    #[error("consent to send on the selected pair was lost")]
    ConsentLost,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The state has changed.
    StateChanged(State),
    /// A local candidate to signal to the peer.
    LocalCandidate {
        /// The candidate.
        candidate: Candidate,
        /// Counts restarts, from 0; a candidate is signalled with this generation's user fragment.
        generation: u32,
    },
    /// All STUN servers have answered or will not: signal the end of candidates, if no more will be added.
    GatheringComplete,
    /// Data goes on this pair from now on.
    SelectedPair {
        /// The pair.
        pair: SelectedPair,
        /// How it came to be selected.
        reason: SelectionReason,
    },
    /// Nothing may be sent on this pair any more; RFC 7675.
    ConsentLost {
        /// The pair.
        pair: PairId,
        /// Counts restarts, from 0.
        generation: u32,
        /// Silence or revocation.
        reason: Trouble,
    },
    /// The agent has failed.
    Failed {
        /// Why.
        reason: FailReason,
    },
}

impl Event {
    /// Events of one kind replace each other, except candidates, of which each counts.
    fn replaces(&self, older: &Self) -> bool {
        !matches!(self, Self::LocalCandidate { .. })
            && std::mem::discriminant(self) == std::mem::discriminant(older)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateChanged(state) => write!(f, "state is {state}"),
            Self::LocalCandidate { candidate, generation } => {
                write!(f, "local candidate of generation {generation}: {candidate}")
            }
            Self::GatheringComplete => f.write_str("gathering complete"),
            Self::SelectedPair { pair, .. } => write!(f, "selected {pair}"),
            Self::ConsentLost { pair, reason, .. } => write!(f, "{pair} lost: {reason}"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

/// Events that wait to be taken: one of each kind, and the candidates, whose number is limited.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Event>);

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        self.0.retain(|older| !event.replaces(older));
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
