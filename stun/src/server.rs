//! What the Binding server and the TURN server have in common: who may ask, how much is answered to those who have
//! proved nothing, and where answers wait.

pub(crate) mod allowance;
pub(crate) mod answers;
pub(crate) mod authenticate;
pub(crate) mod keyed;
pub(crate) mod nonce;
pub(crate) mod users;
