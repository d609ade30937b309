//! Where messages end in a stream; RFC 8656 sections 3.1 and 12.5, RFC 8489 section 6.2.2.

use super::{CHANNEL_HEADER_LEN, ChannelNumber};
use crate::message::{HEADER_LEN, is_stun};

/// Octets that the next message of a stream has, padding included: of a STUN message or a ChannelData message. `None`
/// while too little is there to tell; the whole message may still be under way then.
///
/// What looks like ChannelData on a number that no channel has, up to 0x7fff, counts as a message too, so that it can be
/// dropped; RFC 8656 section 12.6.
///
/// # Errors
/// What is there is neither: the two sides have lost each other, and the connection is to be closed.
pub fn next_message(bytes: &[u8]) -> Result<Option<usize>, NotTurn> {
    let Some(header) = bytes.first_chunk::<CHANNEL_HEADER_LEN>() else {
        // The first octet tells soon enough.
        let wrong = bytes.first().is_some_and(|first| *first >= 0x80);
        return if wrong { Err(NotTurn) } else { Ok(None) };
    };
    let (kind, len) =
        (u16::from_be_bytes([header[0], header[1]]), usize::from(u16::from_be_bytes([header[2], header[3]])));
    if ChannelNumber::of_rfc_5766(kind).is_some() {
        return Ok(Some(CHANNEL_HEADER_LEN + len.next_multiple_of(4)));
    }
    match bytes.len() {
        _ if kind >= 0x4000 || !len.is_multiple_of(4) => Err(NotTurn),
        ..HEADER_LEN => Ok(None),
        _ if is_stun(bytes) => Ok(Some(HEADER_LEN + len)),
        _ => Err(NotTurn),
    }
}

/// A stream that does not hold STUN messages and ChannelData.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream holds neither a STUN message nor ChannelData here")]
pub struct NotTurn;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::build::MessageBuilder;
    use crate::kind::{MessageType, TransactionId};
    use crate::turn::ChannelData;

    fn messages(lens: &[u16]) -> Vec<Vec<u8>> {
        let message = |len: &u16| {
            let mut out = Vec::new();
            if len.is_multiple_of(3) {
                let builder =
                    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId([7; 12]));
                builder.attribute(&crate::attribute::Data(&vec![1; usize::from(*len)])).finish().unwrap();
            } else {
                out.extend(ChannelData::header(ChannelNumber::FIRST, *len));
                out.resize(4 + usize::from(*len).next_multiple_of(4), 1);
            }
            out
        };
        lens.iter().map(message).collect()
    }

    /// Found by fuzzing: four octets of what may become STUN were judged otherwise than their first.
    #[test]
    fn what_is_wrong_at_the_start_stays_wrong() {
        for first in 0..=u8::MAX {
            let whole = [first, 0, 0, 0];
            let verdicts: Vec<_> = (1..=4).map(|len| next_message(&whole[..len])).collect();
            assert_eq!(verdicts.contains(&Err(NotTurn)), verdicts[3].is_err(), "{first:#04x}");
            assert_eq!(verdicts[0].is_err(), first >= 0x80);
        }
    }

    proptest! {
        /// T11: whatever the pieces in which a stream arrives, the messages are the same.
        //= rfc8489#6.2.2-1 test
        #[test]
        fn a_stream_cut_anywhere_gives_the_same_messages(
            lens in prop::collection::vec(0..200u16, 1..20), piece in 1..50usize,
        ) {
            let sent = messages(&lens);
            let (mut waiting, mut received) = (Vec::new(), Vec::new());
            for piece in sent.concat().chunks(piece) {
                waiting.extend(piece);
                while let Some(len) = next_message(&waiting).unwrap().filter(|len| *len <= waiting.len()) {
                    received.push(waiting.drain(..len).collect::<Vec<u8>>());
                }
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn anything_else_is_an_error_or_unfinished(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(Some(len)) = next_message(&bytes) {
                prop_assert!(len >= 4 && len % 4 == 0);
            }
            if matches!(bytes.first(), Some(0x80..)) {
                prop_assert_eq!(next_message(&bytes), Err(NotTurn));
            }
        }
    }
}
