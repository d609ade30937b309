//! Whatever comes: no panic, no hang, bounded memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_dtls::Summary;
use nomagic_testkit::alloc::count;
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::vectors::files;
use proptest::prelude::*;

/// Feeds datagrams to both roles in each stage of a handshake, and times to the timers.
fn feed(datagrams: &[Vec<u8>]) {
    for stage in 0..3 {
        let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
        for _ in 0..stage {
            deliver(&mut server, origin(), &flight(&mut client, origin()));
            deliver(&mut client, origin(), &flight(&mut server, origin()));
        }
        for peer in [&mut client, &mut server] {
            let held = count(|| {
                let mut now = origin();
                for datagram in datagrams {
                    peer.handle_input(now, &mut datagram.clone());
                    peer.drain_events();
                    flight(peer, now);
                    now += Duration::from_millis(300);
                    peer.handle_timeout(now);
                }
            });
            let largest = datagrams.iter().map(Vec::len).max().unwrap_or(0) as u64;
            assert!(held.peak < 200_000 + 4 * largest, "{held:?}");
            peer.close(origin());
            flight(peer, origin());
            assert!(peer.is_closed());
        }
        for datagram in datagrams {
            let _ = Summary(datagram).to_string();
        }
    }
}

/// Settings, then datagrams with three octets of length each.
fn split_boringssl(bytes: &[u8]) -> Vec<Vec<u8>> {
    fn vector<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, behind) = rest.split_first_chunk::<3>()?;
        let length = usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
        let (head, tail) = behind.split_at(length.min(behind.len()));
        *rest = tail;
        Some(head)
    }
    let mut rest = bytes;
    while let Some((tag, behind)) = rest.split_first_chunk::<2>() {
        rest = behind;
        match u16::from_be_bytes(*tag) {
            0 => break,
            1 | 5 => drop(vector(&mut rest)),
            _ => {}
        }
    }
    std::iter::from_fn(|| vector(&mut rest).map(<[u8]>::to_vec)).collect()
}

#[test]
fn transcripts_of_another_fuzzer_are_survived() {
    for folder in ["dtls/boringssl-client", "dtls/boringssl-server"] {
        for (_, bytes) in files(folder) {
            feed(&split_boringssl(&bytes));
        }
    }
}

#[test]
fn records_of_other_fuzzers_are_survived() {
    for folder in ["dtls/openssl-client", "dtls/openssl-server", "dtls/pion-recordlayer-fuzz"] {
        for (_, bytes) in files(folder) {
            feed(std::slice::from_ref(&bytes));
            feed(&bytes.chunks(1200).map(<[u8]>::to_vec).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Records with a right header and anything inside.
    #[test]
    fn any_records_are_survived(
        records in proptest::collection::vec((20u8..24, 0u16..2, proptest::collection::vec(any::<u8>(), 0..80)), 1..20),
    ) {
        let datagrams: Vec<Vec<u8>> = records.iter().map(|(kind, epoch, content)| {
            let [low] = u8::try_from(content.len()).unwrap().to_be_bytes();
            let mut datagram = vec![*kind, 0xfe, 0xfd, 0, u8::try_from(*epoch).unwrap(), 0, 0, 0, 0, 0, 1, 0, low];
            datagram.extend(content);
            datagram
        }).collect();
        feed(&datagrams);
    }

    /// Handshake fragments with a right header and anything inside.
    #[test]
    fn any_fragments_are_survived(
        fragments in proptest::collection::vec(
            (0u8..24, 0u8..10, 0u8..40, 0u8..40, proptest::collection::vec(any::<u8>(), 0..40)), 1..30,
        ),
    ) {
        let datagrams: Vec<Vec<u8>> = fragments.iter().map(|(kind, sequence, total, offset, body)| {
            let length = u8::try_from(body.len()).unwrap();
            let mut datagram = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, length + 12];
            datagram.extend([*kind, 0, 0, (*total).max(offset + length), 0, *sequence, 0, 0, *offset, 0, 0, length]);
            datagram.extend(body);
            datagram
        }).collect();
        feed(&datagrams);
    }
}
