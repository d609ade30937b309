//! From message to chunk to retransmission.

pub(crate) mod congestion;
pub(crate) mod outstanding;
pub(crate) mod pacer;
pub(crate) mod queue;
pub(crate) mod recovery;
pub(crate) mod scheduler;
