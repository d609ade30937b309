//! Any octets as the peer's certificate, in both roles: only the right one goes on, and none connects. And any octets as our own
//! certificate and key, from DER and PEM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::Identity;
use nomagic_interop::orders::{Letter, Listener, TO_CLIENT, TO_SERVER};

fuzz_target!(|bytes: &[u8]| {
    let (certificate, key) = bytes.split_at(bytes.len() / 2);
    let _ = Identity::from_der([certificate], key);
    let _ = Identity::from_der([bytes], bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = Identity::from_pem(&text, &text);
    for alphabet in [&*TO_SERVER, &*TO_CLIENT] {
        let mut listener = Listener::new(alphabet);
        // The first letter is the hello of the other side; a certificate comes next.
        listener.hear(&alphabet.letters[0]);
        listener.hear(&Letter::certificate(bytes));
        for letter in &alphabet.letters[2..6] {
            listener.hear(letter);
        }
        assert!(listener.end.connected.is_none());
    }
});
