//! Why there is no connection, for people.

use std::fmt;

use crate::config::Role;
use crate::event::State;
use crate::local::Locals;
use crate::pair::PairStats;
use crate::session::Session;

/// What stands between an agent and a connection. `Display` says it in words, one line for the whole and one for each pair.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// How far it has come.
    pub state: State,
    /// The role in force.
    pub role: Role,
    /// Whether the peer's credentials are known.
    pub remote_credentials: bool,
    /// How many candidates of ours there are.
    pub local_candidates: usize,
    /// How many candidates of the peer's there are, learnt ones among them.
    pub remote_candidates: usize,
    /// The failure, where there is one.
    pub failure: Option<crate::FailReason>,
    /// Every pair, with the last thing that went wrong.
    pub pairs: Vec<PairStats>,
}

impl Diagnosis {
    pub(crate) fn new(
        state: State,
        role: Role,
        session: &Session,
        locals: &Locals,
        pairs: impl Iterator<Item = PairStats>,
    ) -> Option<Self> {
        if session.active_pair().is_some() {
            return None;
        }
        Some(Self {
            state,
            role,
            remote_credentials: session.peer.is_some(),
            local_candidates: locals.candidates().count(),
            remote_candidates: session.remotes.entries().len() + session.waiting.len(),
            failure: session.failed,
            pairs: pairs.collect(),
        })
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: ", self.state, self.role)?;
        match self {
            Self { state: State::Closed, .. } => f.write_str("closed by the caller"),
            Self { failure: Some(reason), .. } => write!(f, "{reason}"),
            Self { remote_credentials: false, .. } => f.write_str("the peer's credentials have not been set"),
            Self { local_candidates: 0, .. } => f.write_str("no local candidate has been added"),
            Self { remote_candidates: 0, .. } => f.write_str("no candidate of the peer's has come"),
            Self { pairs, .. } if pairs.is_empty() => {
                f.write_str("no local candidate fits any of the peer's: other address family or scope")
            }
            Self { pairs, .. } => write!(f, "{} pairs, none answered yet", pairs.len()),
        }?;
        self.pairs.iter().try_for_each(|pair| write!(f, "\n  {pair}"))
    }
}
