//! Messages in any order to a client and to a server, letter by letter, some of them changed on the way: only a whole
//! handshake in its order connects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_interop::orders::{Listener, PRE_SHARED, TO_CLIENT, TO_SERVER, assert_sound};

fuzz_target!(|bytes: &[u8]| {
    let Some((which, commands)) = bytes.split_first() else { return };
    let alphabet = match which % 6 {
        0 => &*TO_SERVER,
        1 => &*TO_CLIENT,
        which => &PRE_SHARED[usize::from(which) - 2],
    };
    let (mut listener, mut heard) = (Listener::new(alphabet), Vec::new());
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
