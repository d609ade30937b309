//! Rivals in one process with ours, over a network that loses, delays and reorders by seed.
#![cfg(feature = "peers")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use nomagic_dtls::{
    CipherSuite, CloseReason, Config, NamedGroup, PreSharedKey, PreSharedKeys, SrtpProfile, Verifier,
};
use nomagic_interop::ours::{IDENTITY, Ours};
use nomagic_interop::rivals::{Dimpl, EXPORTED, PRE_SHARED, RtcDtls, fingerprint};
use nomagic_testkit::clock;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

const MS: Duration = Duration::from_millis(1);
const SEEDS: u64 = 20;

fn perfect() -> Link {
    Link::latency(10 * MS)
}

fn bad() -> Link {
    Link::latency(10 * MS).loss(0.1).reordering(0.1, 30 * MS).duplication(0.05)
}

/// What the tests need of a rival besides the harness's verbs.
trait Rival: Machine + Sized {
    fn outcome(&self) -> &nomagic_interop::rivals::Outcome;
    fn say(&mut self, pair_now: std::time::Instant, payload: &[u8]);
}

impl Rival for Dimpl {
    fn outcome(&self) -> &nomagic_interop::rivals::Outcome {
        &self.outcome
    }

    fn say(&mut self, _: std::time::Instant, payload: &[u8]) {
        self.send(payload);
    }
}

impl Rival for RtcDtls {
    fn outcome(&self) -> &nomagic_interop::rivals::Outcome {
        &self.outcome
    }

    fn say(&mut self, now: std::time::Instant, payload: &[u8]) {
        self.send(now, payload);
    }
}

/// Handshake, equal keying material, data both ways, farewell. Returns how many datagrams of the handshake were lost.
fn talk<R: Rival>(we_call: bool, rival: R, link: fn() -> Link, seed: u64) -> u64 {
    talk_with(Ours::new(we_call, fingerprint(), seed), rival, link, seed)
}

fn talk_with<R: Rival>(ours: Ours, rival: R, link: fn() -> Link, seed: u64) -> u64 {
    let mut pair = Pair::new(ours, rival, link, seed);
    let end = Duration::from_secs(60);
    pair.run_until(|pair| {
        let over = pair.a.closed.is_some() || pair.z.outcome().ended.is_some() || pair.elapsed() > end;
        assert!(!over, "seed {seed}: {:?} {:?}\n{}", pair.a.closed, pair.z.outcome().ended, pair.ladder());
        pair.a.connected.is_some() && pair.z.outcome().connected
    });
    let (out, back) = pair.lost();
    assert_eq!(pair.z.outcome().keying_material.as_ref(), Some(&pair.a.keying_material(EXPORTED)));
    pair.set_links(perfect(), perfect());
    pair.run_for(Duration::from_secs(5));
    let now = pair.now();
    pair.a.send(now, b"from us to them");
    pair.z.say(now, b"from them to us");
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.a.received, [b"from them to us"]);
    assert_eq!(pair.z.outcome().received, [b"from us to them"]);
    let now = pair.now();
    pair.z.close(now);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.a.closed, Some(CloseReason::Peer));
    out + back
}

#[test]
fn dimpl_answers_our_client() {
    talk(true, Dimpl::new(false, clock::origin()), perfect, 1);
}

#[test]
fn dimpl_calls_our_server() {
    talk(false, Dimpl::new(true, clock::origin()), perfect, 1);
}

#[test]
fn rtc_dtls_answers_our_client() {
    talk(true, RtcDtls::new(false), perfect, 1);
}

#[test]
fn rtc_dtls_calls_our_server() {
    talk(false, RtcDtls::new(true), perfect, 1);
}

#[test]
fn dimpl_gets_through_a_bad_network_in_both_roles() {
    let (mut calling, mut called) = (0, 0);
    for seed in 0..SEEDS {
        calling += talk(true, Dimpl::new(false, clock::origin()), bad, seed);
        called += talk(false, Dimpl::new(true, clock::origin()), bad, seed);
    }
    assert!(calling > SEEDS / 2 && called > SEEDS / 2, "the network was bad: {calling}, {called}");
}

#[test]
fn rtc_dtls_gets_through_a_bad_network_in_both_roles() {
    let (mut calling, mut called) = (0, 0);
    for seed in 0..SEEDS {
        calling += talk(true, RtcDtls::new(false), bad, seed);
        called += talk(false, RtcDtls::new(true), bad, seed);
    }
    assert!(calling > SEEDS / 2 && called > SEEDS / 2, "the network was bad: {calling}, {called}");
}

/// An end of ours with one suite and one group only.
fn ours_with(we_call: bool, suite: CipherSuite, group: NamedGroup) -> Ours {
    let verifier = Verifier::fingerprints([fingerprint()]);
    let identity = IDENTITY.clone();
    let mut config =
        if we_call { Config::client(identity, verifier) } else { Config::server(identity, verifier) };
    config.address_validated = true;
    config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
    config.suites = vec![suite];
    // A client also names the curve of the rival's certificate.
    config.groups = if we_call { vec![group, NamedGroup::SECP256R1] } else { vec![group] };
    Ours::of(config, 1)
}

#[test]
fn rivals_talk_with_every_suite_and_group_that_they_have() {
    let suites = [
        CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256,
        CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384,
        CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    ];
    for group in NamedGroup::SUPPORTED {
        for suite in suites {
            talk_with(ours_with(true, suite, group), Dimpl::new(false, clock::origin()), perfect, 1);
            talk_with(ours_with(false, suite, group), Dimpl::new(true, clock::origin()), perfect, 1);
        }
        // rtc-dtls has no AES-256-GCM.
        for suite in [suites[0], suites[2]] {
            talk_with(ours_with(true, suite, group), RtcDtls::new(false), perfect, 1);
            talk_with(ours_with(false, suite, group), RtcDtls::new(true), perfect, 1);
        }
    }
}

/// Our end with the key that the rivals have.
fn ours_with_key(is_client: bool, suite: CipherSuite, seed: u64) -> Ours {
    let key = PreSharedKey::new(PRE_SHARED.0, &PRE_SHARED.1).unwrap();
    let mut config = if is_client {
        Config::client_with_key(key)
    } else {
        Config::server_with_keys(PreSharedKeys::new([key]))
    };
    config.suites = vec![suite];
    config.address_validated = true;
    config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM];
    Ours::of(config, seed)
}

/// The one suite with pre-shared keys that `dimpl` has, and two of those that `rtc-dtls` has, in both roles.
#[test]
fn rivals_have_the_same_pre_shared_key() {
    let short = CipherSuite::PSK_AES_128_CCM_8;
    for (link, seeds) in [(perfect as fn() -> Link, 0..1), (bad, 1..SEEDS)] {
        for seed in seeds {
            for we_call in [true, false] {
                talk_with(
                    ours_with_key(we_call, short, seed),
                    Dimpl::with_key(!we_call, clock::origin()),
                    link,
                    seed,
                );
                for suite in [short, CipherSuite::PSK_AES_128_GCM_SHA256] {
                    talk_with(ours_with_key(we_call, suite, seed), RtcDtls::with_key(!we_call), link, seed);
                }
            }
        }
    }
}
