//! Any octets as a stream of STUN and ChannelData messages, in pieces of any size: the cuts are the same as when it comes
//! in one piece, and what is cut out can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_stun::turn::{ChannelData, NotTurn, next_message};
use nomagic_stun::{Message, is_stun};

/// The messages of a stream that comes in pieces, and whether it ended in an error.
fn cut(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<NotTurn>) {
    let (mut waiting, mut messages) = (Vec::new(), Vec::new());
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            match next_message(&waiting) {
                Ok(Some(len)) if len <= waiting.len() => messages.push(waiting.drain(..len).collect()),
                Ok(_) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((sizes, stream)) = bytes.split_at_checked(4) else { return };
    let whole = cut(&[stream]);
    let (mut pieces, mut rest, mut turn) = (Vec::new(), stream, sizes.iter().cycle());
    while let Some(size) = turn.next().filter(|_| !rest.is_empty()) {
        let (piece, tail) = rest.split_at(rest.len().min(usize::from(*size) + 1));
        pieces.push(piece);
        rest = tail;
    }
    assert_eq!(cut(&pieces), whole);
    for mut message in whole.0 {
        assert!(message.len() >= 4 && message.len().is_multiple_of(4));
        if is_stun(&message) {
            let _ = Message::parse(&message).map(|message| message.to_string());
        } else if let Some(data) = ChannelData::parse(&mut message) {
            assert!(data.channel.number() >= 0x4000);
        }
    }
});
