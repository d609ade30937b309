//! One chapter of the RFC each. Procedures know wire formats; wire formats know nobody.

pub(crate) mod data;
pub(crate) mod heartbeat;
pub(crate) mod input;
pub(crate) mod pmtud;
pub(crate) mod reconfig;
pub(crate) mod setup;
pub(crate) mod shutdown;
pub(crate) mod snap;
pub(crate) mod transmit;
