//! What the hellos settle about records: connection ids (RFC 9146) and how long records may be (RFC 8449).

use crate::config::Config;
use crate::context::malformed;
use crate::event::CloseReason;
use crate::extension::{self, ConnectionId, ExtensionType, Extensions};
use crate::handshake::MessageType;
use crate::record::MAX_PLAINTEXT_LEN;
use crate::wire::{Reader, put_u16, to_usize};

/// The least limit that there is; RFC 8449 section 4.
const LEAST_LIMIT: u16 = 64;

/// The terms of both directions. Without the extensions: no ids, and what the protocol allows.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// What the peer's records carry.
    pub(crate) read_id: ConnectionId,
    /// What ours carry.
    pub(crate) write_id: ConnectionId,
    /// Octets of plaintext that we take.
    pub(crate) read_limit: usize,
    /// Octets of plaintext that the peer takes.
    pub(crate) write_limit: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            read_id: ConnectionId::default(),
            write_id: ConnectionId::default(),
            read_limit: MAX_PLAINTEXT_LEN,
            write_limit: MAX_PLAINTEXT_LEN,
        }
    }
}

impl Terms {
    /// What the other hello makes of what ours says. A server answers what the client has offered, so both sides know the
    /// same.
    pub(crate) fn settle(
        config: &Config,
        theirs: &Extensions<'_>,
        kind: MessageType,
    ) -> Result<Self, CloseReason> {
        let mut terms = Self::default();
        if let Some(content) = theirs.find(ExtensionType::CONNECTION_ID) {
            let write_id = ConnectionId::parse(content).map_err(malformed(kind))?;
            if let Some(read_id) = &config.connection_id {
                (terms.read_id, terms.write_id) = (read_id.clone(), write_id);
            }
        }
        if let Some(content) = theirs.find(ExtensionType::RECORD_SIZE_LIMIT) {
            let limit = parse_limit(content).map_err(malformed(kind))?;
            //= rfc8449#4-9
            if limit < LEAST_LIMIT {
                return Err(CloseReason::IllegalParameter("a record size limit below 64"));
            }
            //= rfc8449#4-3
            terms.write_limit = MAX_PLAINTEXT_LEN.min(to_usize(limit.into()));
            terms.read_limit = to_usize(our_limit(config).into());
        }
        Ok(terms)
    }

    /// Adds our part of the extensions. A server answers only what the client has `offered`.
    pub(crate) fn put(config: &Config, offered: Option<&Extensions<'_>>, out: &mut Vec<u8>) {
        let wanted = |kind| offered.is_none_or(|offered| offered.find(kind).is_some());
        if let Some(id) = &config.connection_id
            && wanted(ExtensionType::CONNECTION_ID)
        {
            extension::put(out, ExtensionType::CONNECTION_ID, |out| id.encode(out));
        }
        if wanted(ExtensionType::RECORD_SIZE_LIMIT) {
            extension::put(out, ExtensionType::RECORD_SIZE_LIMIT, |out| put_u16(out, our_limit(config)));
        }
    }

    /// Octets of content that a record to the peer has at most. With an id the type of the content is part of it.
    pub(crate) fn content_limit(&self) -> usize {
        self.write_limit - usize::from(!self.write_id.is_empty())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is 2^14")]
fn our_limit(config: &Config) -> u16 {
    config.record_size_limit.clamp(LEAST_LIMIT, MAX_PLAINTEXT_LEN as u16)
}

/// The content of `record_size_limit`; RFC 8449 section 4.
fn parse_limit(content: &[u8]) -> Result<u16, crate::error::ParseError> {
    let mut reader = Reader::new(content);
    let limit = reader.u16()?;
    reader.finish()?;
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::certificate::Identity;

    fn config(id: Option<&[u8]>, limit: u16) -> Config {
        let mut config =
            Config::server_for_anyone(Arc::new(Identity::generate(&mut nomagic_testkit::rng(1))));
        config.connection_id = id.map(|id| ConnectionId::new(id).unwrap());
        config.record_size_limit = limit;
        config
    }

    fn settle(config: &Config, theirs: &[u8]) -> Result<Terms, CloseReason> {
        Terms::settle(config, &Extensions::new(theirs).unwrap(), MessageType::CLIENT_HELLO)
    }

    //= rfc8449#4-3 test
    //= rfc8449#4-9 test
    #[test]
    fn a_limit_is_at_least_64_and_no_more_than_the_protocols() {
        let limit = |limit: u16| {
            let mut theirs = vec![0, 28, 0, 2];
            theirs.extend(limit.to_be_bytes());
            settle(&config(None, 1000), &theirs).map(|terms| (terms.write_limit, terms.read_limit))
        };
        assert!(matches!(limit(63), Err(CloseReason::IllegalParameter(_))));
        assert_eq!(limit(64), Ok((64, 1000)));
        assert_eq!(limit(1 << 14), Ok((1 << 14, 1000)));
        assert_eq!(limit((1 << 14) + 1), Ok((1 << 14, 1000)), "as a client of TLS 1.3 offers");
        assert_eq!(limit(u16::MAX), Ok((1 << 14, 1000)));
        assert!(matches!(settle(&config(None, 64), &[0, 28, 0, 1, 9]), Err(CloseReason::Malformed { .. })));
        assert_eq!(settle(&config(None, 64), &[]).unwrap().read_limit, MAX_PLAINTEXT_LEN);
    }

    //= rfc8449#4-2 test
    //= rfc8449#4-7 test
    //= rfc8449#4-8 test
    #[test]
    fn our_own_limit_is_always_said_and_always_allowed() {
        for (asked, said) in [(0, 64), (63, 64), (64, 64), (500, 500), (16_384, 16_384), (u16::MAX, 16_384)] {
            let mut out = Vec::new();
            Terms::put(&config(None, asked), None, &mut out);
            assert_eq!(out, [&[0, 28, 0, 2][..], &u16::to_be_bytes(said)].concat());
        }
    }

    #[test]
    fn a_server_answers_only_what_was_offered() {
        let answer = |id: Option<&[u8]>, offered: &[u8]| {
            let mut out = Vec::new();
            Terms::put(&config(id, 64), Some(&Extensions::new(offered).unwrap()), &mut out);
            out
        };
        assert!(answer(Some(b"id"), &[]).is_empty());
        assert_eq!(answer(Some(b"id"), &[0, 54, 0, 1, 0]), [0, 54, 0, 3, 2, b'i', b'd']);
        assert!(answer(None, &[0, 54, 0, 1, 0]).is_empty());
        assert_eq!(answer(None, &[0, 28, 0, 2, 1, 0]), [0, 28, 0, 2, 0, 64]);
        let unwanted = settle(&config(None, 64), &[0, 54, 0, 2, 1, 9]).unwrap();
        assert!(unwanted.write_id.is_empty() && unwanted.read_id.is_empty());
        assert!(settle(&config(None, 64), &[0, 54, 0, 2, 2, 9]).is_err());
    }
}
