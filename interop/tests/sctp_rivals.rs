//! Rivals' SCTP in one process with ours: every pairing and both roles, over networks that lose and reorder by seed.
#![cfg(feature = "peers")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use nomagic_interop::associations::{Dcsctp, LARGEST_MESSAGE, Ours, RtcSctp, SctpProto, Talker};
use nomagic_testkit::clock;
use nomagic_testkit::link::Link;
use nomagic_testkit::pair::Pair;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn perfect() -> Link {
    Link::latency(10 * MS)
}

fn bad() -> Link {
    Link::latency(10 * MS).loss(0.05).reordering(0.05, 15 * MS).duplication(0.02)
}

/// Set up, with the links of the test.
fn connected<A: Talker, Z: Talker>(link: fn() -> Link, seed: u64) -> Pair<A, Z> {
    let now = clock::origin();
    let mut pair = Pair::new(A::new(true, now, seed), Z::new(false, now, seed + 1), link, seed);
    pair.run_until(|pair| {
        assert!(pair.elapsed() < 60 * SECOND, "{} calls {}: {:?} {:?}", A::NAME, Z::NAME, pair.a, pair.z);
        pair.a.outcome().connected && pair.z.outcome().connected
    });
    pair
}

/// Messages of many sizes on three streams, both ways at once, arrive whole and in the order of their stream.
fn exchange<A: Talker, Z: Talker>(link: fn() -> Link, seed: u64, sizes: &[usize]) {
    let mut pair = connected::<A, Z>(link, seed);
    let message = |stream: u16, number: usize| {
        let octet = u8::try_from((number * 7 + usize::from(stream)) % 251).unwrap();
        Bytes::from(vec![octet; sizes[number]])
    };
    let streams = [0, 1, 5];
    // How many each side has sent on each stream.
    let mut sent = [[0; 3]; 2];
    let all = streams.len() * sizes.len();
    pair.run_until(|pair| {
        let now = pair.now();
        for (at, stream) in streams.into_iter().enumerate() {
            let [ours, theirs] = &mut sent;
            while ours[at] < sizes.len() && pair.a.send(now, stream, &message(stream, ours[at]), false) {
                ours[at] += 1;
            }
            while theirs[at] < sizes.len() && pair.z.send(now, stream, &message(stream, theirs[at]), false) {
                theirs[at] += 1;
            }
        }
        let over = pair.elapsed() > 600 * SECOND;
        assert!(!over, "{} and {}, seed {seed}: {:?} {:?}", A::NAME, Z::NAME, pair.a, pair.z);
        pair.a.outcome().received.len() >= all && pair.z.outcome().received.len() >= all
    });
    for (name, received) in [(Z::NAME, &pair.z.outcome().received), (A::NAME, &pair.a.outcome().received)] {
        assert_eq!(received.len(), all, "{name}");
        for stream in streams {
            let of_stream = received.iter().filter(|(on, _)| *on == stream).enumerate();
            for (number, (_, found)) in of_stream {
                assert!(
                    *found == message(stream, number),
                    "{name}, seed {seed}: stream {stream}, message {number}"
                );
            }
        }
    }
}

/// Unordered messages all arrive, in whichever order.
fn scramble<A: Talker, Z: Talker>(seed: u64) {
    const MESSAGES: u16 = 300;
    let mut pair = connected::<A, Z>(bad, seed);
    let mut sent = 0;
    pair.run_until(|pair| {
        let now = pair.now();
        while sent < MESSAGES && pair.a.send(now, 2, &Bytes::from(sent.to_be_bytes().to_vec()), true) {
            sent += 1;
        }
        assert!(pair.elapsed() < 120 * SECOND, "{} and {}", A::NAME, Z::NAME);
        pair.z.outcome().received.len() >= usize::from(MESSAGES)
    });
    let mut numbers: Vec<_> = pair.z.outcome().received.iter().map(|(_, message)| message.clone()).collect();
    numbers.sort();
    assert_eq!(numbers, (0..MESSAGES).map(|number| number.to_be_bytes().to_vec()).collect::<Vec<_>>());
}

/// A channel's life three times on one number: a message, reset by both, and the number is free again.
fn reuse<A: Talker, Z: Talker>(link: fn() -> Link, seed: u64) {
    let mut pair = connected::<A, Z>(link, seed);
    let within = 60 * SECOND;
    for life in 1..=3u8 {
        let begin = pair.elapsed();
        let (mut out, mut back) = (false, false);
        let message = Bytes::from(vec![life; 100]);
        // The number may not be free yet on one side: what is refused is tried again.
        pair.run_until(|pair| {
            let now = pair.now();
            out = out || pair.a.send(now, 4, &message, false);
            back = back || (!pair.z.outcome().received.is_empty() && pair.z.send(now, 4, &message, false));
            assert!(pair.elapsed() - begin < within, "{} and {}, life {life}", A::NAME, Z::NAME);
            !pair.a.outcome().received.is_empty() && !pair.z.outcome().received.is_empty()
        });
        assert_eq!(std::mem::take(&mut pair.a.outcome().received), [(4, message.to_vec())]);
        assert_eq!(std::mem::take(&mut pair.z.outcome().received), [(4, message.to_vec())]);
        pair.run_for(SECOND);
        let now = pair.now();
        pair.a.reset(now, 4);
        pair.run_until(|pair| {
            assert!(pair.elapsed() - begin < within, "{} resets, {}, life {life}", A::NAME, Z::NAME);
            !pair.z.outcome().reset_by_peer.is_empty()
        });
        // Those that do not answer a reset with their own by themselves are told to.
        let now = pair.now();
        if pair.a.outcome().reset_by_peer.is_empty() && [Z::NAME, A::NAME].iter().any(|name| asks(name)) {
            pair.z.reset(now, 4);
        }
        pair.run_until(|pair| {
            assert!(pair.elapsed() - begin < within, "{} resets back, {}, life {life}", Z::NAME, A::NAME);
            !pair.a.outcome().reset_by_peer.is_empty()
        });
        pair.a.outcome().reset_by_peer.clear();
        pair.z.outcome().reset_by_peer.clear();
        pair.run_for(SECOND);
    }
}

/// Whether this implementation leaves the answer to a reset to its user.
fn asks(name: &str) -> bool {
    matches!(name, "ours" | "dcsctp")
}

/// A graceful end from each side is told to the other. `sctp-proto` and `rtc-sctp` do not notice that they have ended what
/// they began to end.
fn farewell<A: Talker, Z: Talker>(the_caller_closes: bool) {
    let mut pair = connected::<A, Z>(perfect, 1);
    let now = pair.now();
    let name = if the_caller_closes {
        pair.a.close(now);
        A::NAME
    } else {
        pair.z.close(now);
        Z::NAME
    };
    pair.run_for(30 * SECOND);
    let forgets = ["sctp-proto", "rtc-sctp"].contains(&name);
    let a = pair.a.outcome().ended.is_some() || (the_caller_closes && forgets);
    let z = pair.z.outcome().ended.is_some() || (!the_caller_closes && forgets);
    assert!(a && z, "{name} closes: {:?} {:?}", pair.a, pair.z);
}

/// Everything, with a rival that calls or is called.
fn everything<A: Talker, Z: Talker>() {
    exchange::<A, Z>(perfect, 1, &[1, 100, 1200, 1201, 16_384, 65_536, LARGEST_MESSAGE]);
    for seed in 0..5 {
        exchange::<A, Z>(bad, seed, &[1, 10_000, 1160, 300, 65_536, 2]);
        scramble::<A, Z>(seed);
        reuse::<A, Z>(bad, seed);
    }
    exchange::<A, Z>(bad, 9, &[LARGEST_MESSAGE]);
    reuse::<A, Z>(perfect, 1);
    farewell::<A, Z>(true);
    farewell::<A, Z>(false);
}

#[test]
fn dcsctp_is_called() {
    everything::<Ours, Dcsctp>();
}

#[test]
fn dcsctp_calls() {
    everything::<Dcsctp, Ours>();
}

#[test]
fn sctp_proto_is_called() {
    everything::<Ours, SctpProto>();
}

#[test]
fn sctp_proto_calls() {
    everything::<SctpProto, Ours>();
}

#[test]
fn rtc_sctp_is_called() {
    everything::<Ours, RtcSctp>();
}

#[test]
fn rtc_sctp_calls() {
    everything::<RtcSctp, Ours>();
}
