//! Two connections of ours, datagrams handed over in memory.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use nomagic_dtls::{Backend, Config, Connection, Identity, Input, SrtpProfile, Verifier};
use nomagic_testkit::clock::origin;
use nomagic_testkit::rng;

static IDENTITIES: LazyLock<[Arc<Identity>; 2]> =
    LazyLock::new(|| [1, 2].map(|seed| Arc::new(Identity::generate(&mut rng(seed)))));

/// Both ends.
pub(crate) struct Pair {
    client: Connection,
    server: Connection,
    now: Instant,
}

/// A pair after its handshake.
pub(crate) fn connected(seed: u64, backend: &Backend) -> Pair {
    let [ours, theirs] = &*IDENTITIES;
    let knows = |identity: &Identity| Verifier::fingerprints([identity.fingerprint()]);
    let mut client = Config::client(Arc::clone(ours), knows(theirs));
    let mut server = Config::server(Arc::clone(theirs), knows(ours));
    server.address_validated = true;
    for config in [&mut client, &mut server] {
        config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
        config.backend = backend.clone();
    }
    let mut pair = Pair {
        client: Connection::new(client, &mut rng(seed)),
        server: Connection::new(server, &mut rng(seed + 1)),
        now: origin(),
    };
    let mut out = Vec::with_capacity(2048);
    while pair.client.connected().is_none() || pair.server.connected().is_none() {
        while pair.client.poll_transmit(pair.now, &mut out).is_some() {
            pair.server.handle_input(pair.now, &mut out);
            out.clear();
        }
        while pair.server.poll_transmit(pair.now, &mut out).is_some() {
            pair.client.handle_input(pair.now, &mut out);
            out.clear();
        }
    }
    pair
}

impl Pair {
    /// Takes a payload from the client to the server.
    pub(crate) fn carry(&mut self, payload: &[u8], out: &mut Vec<u8>) -> u8 {
        out.clear();
        let at = self.client.headroom();
        out.resize(at, 0);
        out.extend_from_slice(payload);
        self.client.seal(self.now, out, at).unwrap();
        let Input::Payload(mut payloads) = self.server.handle_input(self.now, out) else { return 0 };
        payloads.next().unwrap()[0]
    }
}
