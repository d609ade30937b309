//! Any datagrams to a client and to a server, before and during a handshake, with certificates or with pre-shared keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::Records;
use nomagic_dtls::{CipherSuite, Config, Connection, Identity, PreSharedKey, PreSharedKeys, Verifier};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| Arc::new(Identity::generate(&mut rng(1))));
    for (_, fragment) in Records::new(bytes).flatten() {
        let _ = FragmentHeader::parse(fragment);
    }
    let verifier = || Verifier::callback(|_| true);
    let mut client = Config::client(Arc::clone(identity), verifier());
    let mut server = Config::server(Arc::clone(identity), verifier());
    let [way, ..] = *bytes else { return };
    if way & 0x80 != 0 {
        let key = || PreSharedKey::new("lamp", &[way; 32]).expect("it is long enough");
        (client, server) =
            (Config::client_with_key(key()), Config::server_with_keys(PreSharedKeys::new([key()])));
        if way & 0x40 != 0 {
            client.suites = vec![CipherSuite::PSK_AES_128_GCM_SHA256];
        }
    }
    let mut ends = [Connection::new(client, &mut rng(2)), Connection::new(server, &mut rng(3))];
    let mut now = clock::origin();
    for command in bytes.chunks(24) {
        let side = usize::from(command[0] & 1);
        now += Duration::from_millis(u64::from(command[0] >> 4) * 100);
        let mut out = Vec::new();
        match command[0] >> 1 & 3 {
            0 => ends[side].handle_timeout(now),
            1 => {
                let mut datagram = command[1..].to_vec();
                let _ = ends[side].handle_input(now, &mut datagram);
            }
            _ => {
                if ends[side].poll_transmit(now, &mut out).is_some() {
                    if let [_, at, bits, ..] = *command {
                        let at = usize::from(at) * 5 % out.len();
                        out[at] ^= bits & command[0] >> 3;
                    }
                    let _ = ends[1 - side].handle_input(now, &mut out);
                }
            }
        }
        while ends[side].poll_event().is_some() {}
    }
});
