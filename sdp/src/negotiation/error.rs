//! Why a description was not accepted.

use super::State;
use crate::attribute::AttributeError;
use crate::document::{Finding, LimitError};
use crate::writer::TextError;

/// A step that cannot be taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The step does not belong here: an answer without an offer, or an offer while one is open (glare).
    #[error("not possible in state {state:?}")]
    State {
        /// Where the exchange stands.
        state: State,
    },
    /// The description is too large.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The description is not well formed.
    #[error("{0}")]
    Malformed(Finding),
    /// An attribute is not well formed.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// Something that WebRTC needs is not there.
    #[error("line {line}: {what} is missing from this media description and from the session")]
    Missing {
        /// The line of the media description, from 1.
        line: usize,
        /// What is missing.
        what: &'static str,
    },
    /// An answer does not fit the offer.
    #[error("line {line}: {reason}")]
    Mismatch {
        /// The line, from 1.
        line: usize,
        /// In which way.
        reason: &'static str,
    },
    /// A section has no transport: neither one that all share nor one of its own.
    #[error("section {section} has no transport")]
    Endpoint {
        /// The section's [`id`](super::Section::id).
        section: u32,
    },
    /// Text of ours would break out of its line.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl From<Finding> for NegotiationError {
    fn from(finding: Finding) -> Self {
        Self::Malformed(finding)
    }
}
