//! Any octets: reading never panics, and what reads describes itself, verifies or not, and gives typed attributes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_stun::attribute::{
    AlternateServer, ErrorReason, MappedAddress, Nonce, PasswordAlgorithms, Realm, UnknownAttributes,
    Username, XorMappedAddress,
};
use nomagic_stun::{IntegrityKey, Message};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = message.to_string();
    let _ = message.verify(&IntegrityKey::short_term("password"));
    let _ = message.attribute::<Username<'_>>();
    let _ = message.attribute::<Realm<'_>>();
    let _ = message.attribute::<Nonce<'_>>();
    let _ = message.attribute::<MappedAddress>();
    let _ = message.attribute::<XorMappedAddress>();
    let _ = message.attribute::<AlternateServer>();
    let _ = message.attribute::<ErrorReason<'_>>();
    let _ = message.attribute::<UnknownAttributes>();
    if let Ok(Some(algorithms)) = message.attribute::<PasswordAlgorithms<'_>>() {
        let _ = algorithms.iter().count();
    }
});
