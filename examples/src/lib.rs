//! The pieces that several example programs share: they are short, and meant to be copied.
#![forbid(unsafe_code)]

pub mod capture;
pub mod data;
pub mod dissect;
pub mod dtls_keys;
pub mod dtls_tool;
pub mod ladder;
pub mod media;
pub mod options;
pub mod peer;
pub mod proxy;
pub mod recording;
pub mod script;
pub mod serve;
pub mod stun_client;
pub mod stun_server;
pub mod stun_verdict;
pub mod turn_client;
pub mod turn_load;
pub mod turn_server;
pub mod turn_udp;
pub mod udp;
