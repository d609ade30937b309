//! Any octets as the body of each handshake message: what can be read is written back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::handshake::{Message, MessageType};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else { return };
    let Ok(message) = Message::parse(MessageType(*kind), body) else { return };
    let mut again = Vec::new();
    message.encode(&mut again);
    assert_eq!(again.len(), message.encoded_len());
    let Ok(second) = Message::parse(MessageType(*kind), &again) else {
        panic!("what was written cannot be read: {message}");
    };
    assert_eq!(message.to_string(), second.to_string());
});
