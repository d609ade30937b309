//! A value for every attribute that has a type: it is refused, or it is written so that it is written the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sdp::attribute::{
    AnyAttribute, DataChannelMap, Fmtp, ImageAttributes, RawAttribute, Rid, read, registry,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, value)) = bytes.split_first() else { return };
    let Ok(value) = core::str::from_utf8(value) else { return };
    if value.contains(['\r', '\n', '\0']) {
        return;
    }
    // One name a run by the first octet, so that the fuzzer sees which it is after; the rest with the same value.
    let table = registry::TABLE;
    let names = [&table[usize::from(*choice) % table.len()]]
        .into_iter()
        .chain(table.iter().skip(usize::from(*choice)).step_by(7));
    for entry in names {
        let raw = RawAttribute { name: entry.name, value: Some(value), line: 0 };
        match AnyAttribute::parse(raw) {
            Ok(Some(typed)) => {
                assert!(entry.typed);
                let written = typed.to_string();
                let again = RawAttribute { value: Some(&written), ..raw };
                let again = AnyAttribute::parse(again).map(|again| again.map(|again| again.to_string()));
                assert_eq!(again, Ok(Some(written.clone())), "a={}:{value}", entry.name);
            }
            Ok(None) => assert!(!entry.typed || entry.name == "fingerprint"),
            Err(fault) => assert!(fault.offset <= value.len()),
        }
    }
    if let Ok(image) = read::<ImageAttributes<'_>>(Some(value)) {
        for send in [false, true] {
            for size in image.sizes(send).into_iter().flatten() {
                let _ = (size.allows(640, 480), size.preference(), size.parameters().count());
            }
        }
    }
    let _ = read::<DataChannelMap<'_>>(Some(value)).map(|map| map.options().count());
    let _ = read::<Fmtp<'_>>(Some(value)).map(|fmtp| fmtp.iter().count());
    let _ = read::<Rid<'_>>(Some(value))
        .map(|rid| rid.restrictions().count() + rid.depends().count() + rid.payload_types().count());
});
