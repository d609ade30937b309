//! The whole call over a simulated network: the same peers as in `call`, on a virtual clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nomagic_dtls::Identity;
use nomagic_examples::media::Media;
use nomagic_examples::peer::{Medium, Peer, PeerConfig, PeerEvent};
use nomagic_examples::script::{Part, Side};
use nomagic_ice::Route;
use nomagic_testkit::link::Link;
use nomagic_testkit::net::Network;
use nomagic_testkit::{clock, rng};

const MS: Duration = Duration::from_millis(1);
/// Virtual time within which every call must have ended.
const PATIENCE: Duration = Duration::from_secs(600);

/// Certificates are made once: elliptic curves are slow without optimisation.
fn identity(side: usize) -> Arc<Identity> {
    static IDENTITIES: OnceLock<[Arc<Identity>; 2]> = OnceLock::new();
    let made = IDENTITIES.get_or_init(|| [1, 2].map(|seed| Arc::new(Identity::generate(&mut rng(seed)))));
    Arc::clone(&made[side])
}

fn media() -> (Media, Media) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("media");
    (
        Media::open_ogg(&folder.join("sound.opus")).unwrap(),
        Media::open_ivf(&folder.join("picture.ivf")).unwrap(),
    )
}

/// One side: the peer, its part, its address.
struct End {
    peer: Peer,
    part: Part,
    address: SocketAddr,
}

impl End {
    fn new(side: Side, seed: u64, address: &str, now: Instant) -> Self {
        let offering = side == Side::A;
        let config = PeerConfig::new(identity(usize::from(!offering)), offering);
        let mut peer = Peer::new(config, &mut rng(seed * 2 + u64::from(offering)));
        let address = address.parse().unwrap();
        peer.add_local_address(now, address).unwrap();
        peer.add_media(Medium::Audio);
        peer.add_media(Medium::Video);
        peer.add_data();
        let (audio, video) = media();
        let part = Part::new(side, now, audio, video, &mut peer);
        Self { peer, part, address }
    }

    /// Does everything that is to be done now; returns when there will be more.
    fn go_on(&mut self, now: Instant, network: &mut Network) -> Instant {
        self.peer.handle_timeout(now);
        while let Some(event) = self.peer.poll_event() {
            if let PeerEvent::Channel(event) = event {
                self.part.note(event, &mut self.peer);
            }
        }
        let wake = self.part.go_on(now, &mut self.peer);
        self.send(now, network);
        self.peer.poll_timeout().map_or(wake, |due| due.min(wake))
    }
}

impl End {
    fn send(&mut self, now: Instant, network: &mut Network) {
        let mut out = Vec::new();
        while let Some(transmit) = self.peer.poll_transmit(now, &mut out) {
            network.send(now, transmit.source, transmit.destination, &out);
            out.clear();
        }
    }
}

/// Runs a call to its end over links of this kind, and checks what it must keep whatever the network does.
fn call(seed: u64, addresses: [&str; 2], link: impl Fn() -> Link + 'static, lossless: bool) -> Duration {
    let mut now = clock::origin();
    let [mut a, mut z] =
        [End::new(Side::A, seed, addresses[0], now), End::new(Side::Z, seed, addresses[1], now)];
    let mut network = Network::new(seed).links(link);
    network.add_host(a.address.ip());
    network.add_host(z.address.ip());
    let offer = a.peer.create_offer().unwrap();
    let answer = z.peer.answer_offer(now, &offer).unwrap();
    a.peer.accept_answer(now, &answer).unwrap();
    let mut hung_up = false;
    while !(a.peer.is_closed() && z.peer.is_closed()) {
        assert!(now < clock::origin() + PATIENCE, "seed {seed}: {:?} {:?}", a.part.report(), z.part.report());
        let wakes = [a.go_on(now, &mut network), z.go_on(now, &mut network)];
        let next = wakes.into_iter().chain(network.next_delivery()).min().unwrap();
        now = next.max(now + Duration::from_micros(1));
        while let Some(mut datagram) = network.deliver(now) {
            let end = if datagram.destination == a.address { &mut a } else { &mut z };
            let route = Route::new(datagram.destination, datagram.source);
            end.peer.handle_input(now, route, &mut datagram.bytes);
            end.send(now, &mut network);
        }
        if !hung_up && a.part.is_done(now) && z.part.is_done(now) {
            hung_up = true;
            a.peer.close(now);
            z.peer.close(now);
        }
    }
    for report in [a.part.report(), z.part.report()] {
        assert_eq!((&report.faults[..], report.messages_missing), (&[][..], 0), "seed {seed}");
        assert!(report.frames_received[0] > 0 && report.frames_received[1] > 0, "seed {seed}: {report:?}");
        assert!(!lossless || report.frames_received == report.frames_expected, "seed {seed}: {report:?}");
    }
    now - clock::origin()
}

const IPV4: [&str; 2] = ["192.0.2.1:5000", "192.0.2.2:6000"];
const IPV6: [&str; 2] = ["[2001:db8::1]:5000", "[2001:db8::2]:6000"];

#[test]
fn a_call_on_a_good_network_brings_everything() {
    for seed in 1..4 {
        let took = call(seed, IPV4, || Link::latency(10 * MS), true);
        assert!(took < Duration::from_secs(9), "{took:?}");
    }
    call(9, IPV6, || Link::latency(10 * MS), true);
}

#[test]
fn a_call_that_loses_a_twentieth_brings_all_messages() {
    for seed in 1..4 {
        call(seed, IPV4, || Link::latency(10 * MS).loss(0.05), false);
    }
}

#[test]
fn a_call_that_loses_a_fifth_brings_all_messages() {
    for seed in 1..4 {
        call(seed, IPV4, || Link::latency(5 * MS).loss(0.2), false);
    }
}

#[test]
fn a_call_whose_packets_overtake_each_other_brings_everything() {
    for seed in 1..4 {
        call(seed, IPV6, || Link::latency(20 * MS).reordering(0.02, 10 * MS), true);
    }
}

#[test]
fn a_call_over_300_ms_brings_everything() {
    for seed in 1..3 {
        let took = call(seed, IPV4, || Link::latency(300 * MS), true);
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}
