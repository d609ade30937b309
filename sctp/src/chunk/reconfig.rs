//! RE-CONFIG (RFC 6525 sections 3.1 and 4): one or two parameters, requests and responses.

use std::fmt;

use crate::error::{ParseError, ParseErrorKind};
use crate::param::{self, Param, ParamType, Params};
use crate::wire::{Reader, be16};

/// The value of RE-CONFIG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconfig<'a> {
    /// Its parameters; [`Request::parse`] and [`Response::parse`] read them.
    pub params: Params<'a>,
}

impl<'a> Reconfig<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let params = Params::parse(value)?;
        let count = params.iter().count();
        if !(1..=2).contains(&count) {
            return Err(ParseError { kind: ParseErrorKind::Length { length: value.len() + 4 }, offset: 0 });
        }
        for param in params.iter() {
            Request::parse(param)?;
            Response::parse(param)?;
        }
        Ok(Self { params })
    }
}

impl fmt::Display for Reconfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, param) in self.params.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            match (Request::parse(param), Response::parse(param)) {
                (Ok(Some(Request::OutgoingReset(reset))), _) => {
                    write!(f, "reset-out seq={} last={} streams=[", reset.sequence, reset.last_tsn)?;
                    for (index, stream) in reset.streams().enumerate() {
                        write!(f, "{}{stream}", if index == 0 { "" } else { " " })?;
                    }
                    f.write_str("]")?;
                }
                (Ok(Some(request)), _) => write!(f, "request-{} seq={}", param.kind.0, request.sequence())?,
                (_, Ok(Some(response))) => write!(f, "{response}")?,
                _ => write!(f, "param-{:#06x}", param.kind.0)?,
            }
        }
        Ok(())
    }
}

/// Outgoing SSN Reset Request, RFC 6525 section 4.1: the sender begins anew with SSN 0 on these streams.
///
/// ```text
/// |     Parameter Type = 13       | Parameter Length = 16 + 2 * N |
/// |           Re-configuration Request Sequence Number            |
/// |           Re-configuration Response Sequence Number           |
/// |                Sender's Last Assigned TSN                     |
/// |  Stream Number 1 (optional)   |    Stream Number 2 (optional) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingReset<'a> {
    /// Sequence number of this request.
    pub sequence: u32,
    /// Sequence number of the request this one answers, else the last one received.
    pub response_sequence: u32,
    /// The last TSN the sender has used.
    pub last_tsn: u32,
    streams: &'a [u8],
}

impl<'a> OutgoingReset<'a> {
    /// The streams; none means all.
    pub fn streams(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.streams.chunks_exact(2).map(be16)
    }
}

/// A request in a RE-CONFIG chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// The sender resets streams it sends on.
    OutgoingReset(OutgoingReset<'a>),
    /// The sender wants the receiver to reset streams that it sends on, RFC 6525 section 4.2.
    IncomingReset {
        /// Sequence number of this request.
        sequence: u32,
        /// Stream numbers, two octets each; none means all.
        streams: &'a [u8],
    },
    /// SSN/TSN Reset Request, RFC 6525 section 4.3.
    SsnTsnReset {
        /// Sequence number of this request.
        sequence: u32,
    },
    /// Add Outgoing or Incoming Streams Request, RFC 6525 sections 4.5 and 4.6.
    AddStreams {
        /// Sequence number of this request.
        sequence: u32,
        /// How many more.
        count: u16,
        /// Whether the receiver of the request shall get more outgoing streams.
        incoming: bool,
    },
}

impl<'a> Request<'a> {
    /// Reads a request; `None` if the parameter is none.
    ///
    /// # Errors
    /// A value whose length does not fit its type.
    pub fn parse(param: Param<'a>) -> Result<Option<Self>, ParseError> {
        let mut r = Reader::new(param.value);
        let request = match param.kind {
            ParamType::OUTGOING_RESET => {
                let (sequence, response_sequence, last_tsn) = (r.u32()?, r.u32()?, r.u32()?);
                let streams = stream_numbers(&mut r)?;
                Self::OutgoingReset(OutgoingReset { sequence, response_sequence, last_tsn, streams })
            }
            ParamType::INCOMING_RESET => {
                Self::IncomingReset { sequence: r.u32()?, streams: stream_numbers(&mut r)? }
            }
            ParamType::SSN_TSN_RESET => Self::SsnTsnReset { sequence: r.u32()? },
            ParamType::ADD_OUTGOING | ParamType::ADD_INCOMING => {
                let (sequence, count, _reserved) = (r.u32()?, r.u16()?, r.u16()?);
                Self::AddStreams { sequence, count, incoming: param.kind == ParamType::ADD_INCOMING }
            }
            _ => return Ok(None),
        };
        r.finish()?;
        Ok(Some(request))
    }

    /// Sequence number of this request.
    pub fn sequence(&self) -> u32 {
        match self {
            Self::OutgoingReset(reset) => reset.sequence,
            Self::IncomingReset { sequence, .. }
            | Self::SsnTsnReset { sequence }
            | Self::AddStreams { sequence, .. } => *sequence,
        }
    }
}

/// What became of a request, RFC 6525 section 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconfigResult(pub u32);

impl ReconfigResult {
    /// Success, nothing to do.
    pub const NOTHING_TO_DO: Self = Self(0);
    /// Success, performed.
    pub const PERFORMED: Self = Self(1);
    /// Denied.
    pub const DENIED: Self = Self(2);
    /// Error, wrong SSN.
    pub const WRONG_SSN: Self = Self(3);
    /// Error, a request is already in progress.
    pub const ALREADY_IN_PROGRESS: Self = Self(4);
    /// Error, bad sequence number.
    pub const BAD_SEQUENCE: Self = Self(5);
    /// In progress: ask again.
    pub const IN_PROGRESS: Self = Self(6);
}

/// Re-configuration Response, RFC 6525 section 4.4.
///
/// ```text
/// |     Parameter Type = 16       | Parameter Length = 12 or 20   |
/// |         Re-configuration Response Sequence Number             |
/// |                            Result                             |
/// |                   Sender's Next TSN (optional)                |
/// |                  Receiver's Next TSN (optional)               |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Sequence number of the request that this answers.
    pub sequence: u32,
    /// What became of it.
    pub result: ReconfigResult,
    /// Next TSN of the sender of this response, and the one it expects; only in answers to an SSN/TSN reset.
    pub next_tsns: Option<(u32, u32)>,
}

impl Response {
    /// Reads a response; `None` if the parameter is none.
    ///
    /// # Errors
    /// A value whose length is neither 8 nor 16.
    pub fn parse(param: Param<'_>) -> Result<Option<Self>, ParseError> {
        if param.kind != ParamType::RECONFIG_RESPONSE {
            return Ok(None);
        }
        let mut r = Reader::new(param.value);
        let (sequence, result) = (r.u32()?, ReconfigResult(r.u32()?));
        let next_tsns = if r.is_empty() { None } else { Some((r.u32()?, r.u32()?)) };
        r.finish()?;
        Ok(Some(Self { sequence, result, next_tsns }))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut value = [self.sequence, self.result.0].map(u32::to_be_bytes).concat();
        if let Some((ours, theirs)) = self.next_tsns {
            value.extend_from_slice(&ours.to_be_bytes());
            value.extend_from_slice(&theirs.to_be_bytes());
        }
        param::write(out, ParamType::RECONFIG_RESPONSE, &value);
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "response seq={} result={}", self.sequence, self.result.0)
    }
}

fn stream_numbers<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], ParseError> {
    let rest = r.rest();
    if !rest.len().is_multiple_of(2) {
        return Err(r.error(ParseErrorKind::Length { length: rest.len() }));
    }
    r.take(rest.len())
}
