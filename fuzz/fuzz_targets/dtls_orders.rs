//! Messages in any order to a client and to a server, letter by letter, some of them changed on the way: only a whole
//! handshake in its order connects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_interop::orders::{Listener, TO_CLIENT, TO_SERVER, assert_sound};

fuzz_target!(|bytes: &[u8]| {
    let Some((role, commands)) = bytes.split_first() else { return };
    let alphabet = if role & 1 == 0 { &*TO_SERVER } else { &*TO_CLIENT };
    let (mut listener, mut heard) = (Listener::new(alphabet.role), Vec::new());
    for command in commands.chunks(2).take(40) {
        let index = usize::from(command[0]) % alphabet.letters.len();
        match command {
            [_, change] if *change >= 0xc0 => {
                let changed = alphabet.letters[index].changed(usize::from(change & 0x3f) * 3);
                listener.hear(&changed);
            }
            _ => {
                heard.push(index);
                listener.hear(&alphabet.letters[index]);
            }
        }
    }
    assert_sound(&listener, alphabet, &heard);
});
