//! Header extensions: the elements of RFC 8285, and the values that browsers put into them.

mod block;
mod value;

pub use block::{Element, ExtensionWriter, Extensions};
pub use value::{AbsSendTime, AudioLevel, PlayoutDelay, TransportSequence, VideoOrientation, text_value};
