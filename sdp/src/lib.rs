#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod attribute;
mod diff;
mod document;
mod explain;
mod fragment;
pub mod negotiation;
mod writer;

pub use diff::Difference;
pub use document::{
    Bandwidth, Connection, Contradiction, Document, Finding, FindingKind, Key, LimitError, Limits, Line,
    Media, Origin, Profile, Repeat, Section, Severity, Shown, Timing, ZoneAdjustments,
};
pub use fragment::{Fragment, FragmentMedia};
pub use negotiation::Negotiator;
pub use writer::{TextError, Writer};
