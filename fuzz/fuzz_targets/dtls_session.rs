//! Any octets as a session that was kept; and handshakes that take up a good one, their datagrams lost, repeated and changed.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::{Config, Connection, Identity, Session, SessionCache, Verifier};
use nomagic_testkit::{clock, rng};

static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(1))));

fn client(session: Option<Session>) -> Config {
    let verifier = Verifier::fingerprints([IDENTITY.fingerprint()]);
    let mut config = Config::client(Arc::clone(&IDENTITY), verifier);
    (config.session, config.keep_session) = (session, true);
    config
}

fn server(cache: &SessionCache) -> Config {
    let mut config = Config::server(Arc::clone(&IDENTITY), Verifier::fingerprints([IDENTITY.fingerprint()]));
    (config.session_cache, config.address_validated) = (Some(cache.clone()), true);
    config
}

/// Carries one datagram from `side` to the other, if there is one.
fn carry(
    ends: &mut [Connection; 2],
    side: usize,
    now: Instant,
    change: impl Fn(&mut Vec<u8>) -> usize,
) -> bool {
    let mut datagram = Vec::new();
    let sent = ends[side].poll_transmit(now, &mut datagram).is_some();
    for _ in 0..if sent { change(&mut datagram) } else { 0 } {
        let _ = ends[1 - side].handle_input(now, &mut datagram.clone());
    }
    sent
}

/// Until nobody has anything to say.
fn settle(ends: &mut [Connection; 2], now: Instant) {
    while carry(ends, 0, now, |_| 1) || carry(ends, 1, now, |_| 1) {}
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(session) = Session::parse(bytes) {
        assert_eq!(&**session.to_bytes(), bytes);
        let mut own = Connection::new(client(Some(session)), &mut rng(4));
        assert!(own.poll_transmit(clock::origin(), &mut Vec::new()).is_some());
    }

    let (cache, mut now) = (SessionCache::new(2, Duration::from_secs(3600)), clock::origin());
    let mut ends =
        [(client(None), 5), (server(&cache), 6)].map(|(c, seed)| Connection::new(c, &mut rng(seed)));
    settle(&mut ends, now);
    let session = Session::parse(&ends[0].session().unwrap().to_bytes()).unwrap();

    let mut ends =
        [(client(Some(session)), 7), (server(&cache), 8)].map(|(c, seed)| Connection::new(c, &mut rng(seed)));
    let mut is_changed = false;
    for command in bytes.chunks(3).take(40) {
        let (side, act) = (usize::from(command[0] & 1), command[0] >> 1 & 3);
        match (act, command) {
            (0, [_, at, bits]) if *bits != 0 => {
                is_changed |= carry(&mut ends, side, now, |datagram| {
                    let at = usize::from(*at) % datagram.len();
                    datagram[at] ^= bits;
                    1
                });
            }
            (1, _) => {
                now += Duration::from_millis(u64::from(command[0] >> 3) * 40);
                ends[side].handle_timeout(now);
            }
            // Lost, or once, or twice.
            _ => drop(carry(&mut ends, side, now, |_| usize::from(command[0] >> 3 & 3).min(2))),
        }
    }
    for _ in 0..8 {
        settle(&mut ends, now);
        now = ends.iter().filter_map(Connection::poll_timeout).min().unwrap_or(now);
        ends.iter_mut().for_each(|end| end.handle_timeout(now));
    }
    let exported = ends.each_ref().map(|end| {
        let mut keys = [0; 20];
        end.export("EXPERIMENTAL", None, &mut keys).map(|()| (keys, end.connected().unwrap().resumed))
    });
    if let [Ok(client), Ok(server)] = &exported {
        assert_eq!(client, server);
    }
    if !is_changed {
        assert!(matches!(exported, [Ok((_, true)), Ok((_, true))]), "{ends:?}");
    }
});
