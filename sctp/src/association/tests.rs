//! What needs a look inside: numbers that wrap.

use std::time::{Duration, Instant};

use super::*;

/// Hands packets to and fro for `steps` of a millisecond, and loses those that `lost` names.
fn talk(ends: &mut [Association; 2], now: &mut Instant, steps: u32, mut lost: impl FnMut(u32) -> bool) {
    let mut count = 0;
    for _ in 0..steps {
        for way in 0..2 {
            loop {
                let mut out = Vec::new();
                if ends[way].poll_transmit(*now, &mut out).is_none() {
                    break;
                }
                count += 1;
                if !lost(count) {
                    ends[1 - way].handle_input(*now, &mut out);
                }
            }
        }
        *now += Duration::from_millis(1);
        ends.iter_mut().for_each(|end| end.handle_timeout(*now));
    }
}

// Case 17: TSNs, request numbers and stream sequence numbers run across the wrap, and every tenth packet is lost.
//= rfc9260#1.6-1 test
//= rfc9260#1.6-4 test
//= rfc9260#6.5-5 test
//= rfc9260#6.5-6 test
#[test]
fn numbers_go_on_after_the_last_one() {
    let mut now = nomagic_testkit::clock::origin();
    let mut ends = [1, 2].map(|seed| Association::new(Config::default(), &mut nomagic_testkit::rng(seed)));
    ends[0].local.initial_tsn = u32::MAX - 3;
    ends[1].local.initial_tsn = (1 << 31) - 4;
    ends[0].connect(now);
    talk(&mut ends, &mut now, 20, |_| false);
    assert_eq!(ends[0].state(), AssociationState::Established);
    // 65,540 ordered messages: the stream sequence number wraps, and so do both windows of TSNs.
    let (mut sent, mut got, mut turn) = (0u32, [0u32; 2], 0);
    while got != [65_540; 2] {
        for end in &mut ends {
            for k in sent..(sent + 500).min(65_540) {
                let payload = Bytes::copy_from_slice(&k.to_be_bytes());
                end.send(now, 7, payload, SendOptions::default()).unwrap();
            }
        }
        sent = (sent + 500).min(65_540);
        turn += 1;
        assert!(turn < 2_000, "stuck at {got:?}");
        talk(&mut ends, &mut now, 10, |k| turn < 6 && k % 10 == 3);
        for (end, got) in ends.iter_mut().zip(&mut got) {
            while let Some(message) = end.receive(now) {
                assert_eq!(message.payload, got.to_be_bytes().as_slice());
                *got += 1;
            }
        }
    }
}

// Case 17: request numbers begin with the initial TSN (RFC 6525 section 4.1).
//= rfc6525#5.1.2-3 test
#[test]
fn request_numbers_go_on_after_the_last_one() {
    let mut now = nomagic_testkit::clock::origin();
    let mut ends = [1, 2].map(|seed| Association::new(Config::default(), &mut nomagic_testkit::rng(seed)));
    ends[0].local.initial_tsn = u32::MAX - 3;
    ends[0].connect(now);
    talk(&mut ends, &mut now, 20, |_| false);
    for round in 0..10 {
        ends[0].send(now, 1, Bytes::from_static(b"x"), SendOptions::default()).unwrap();
        ends[0].reset_streams(now, &[1]).unwrap();
        talk(&mut ends, &mut now, 3_000, |k| k.wrapping_mul(2_654_435_761) >> 30 == 1);
        let events: Vec<_> = std::iter::from_fn(|| ends[0].poll_event()).collect();
        assert!(
            events.contains(&Event::OutgoingReset { stream: 1, done: true }),
            "round {round}: {events:?}"
        );
        assert_eq!(ends[1].receive(now).unwrap().payload, "x");
    }
}

// However much is allowed: not more TSNs than a SACK can name, nor messages than a stream has numbers for.
//= rfc9260#6.1-27 test
//= rfc9260#6.1-28 test
#[test]
fn the_window_of_numbers_is_never_passed() {
    let now = nomagic_testkit::clock::origin();
    let mut config = Config::default();
    (config.send_buffer, config.initial_window, config.controller) =
        (1 << 26, 1 << 20, crate::Controller::NewReno);
    config.receive_window = u32::MAX;
    let mut ends = [1, 2].map(|seed| Association::new(config.clone(), &mut nomagic_testkit::rng(seed)));
    ends[0].connect(now);
    talk(&mut ends, &mut now.clone(), 5, |_| false);
    for _ in 0..70_000 {
        ends[0].send(now, 0, Bytes::from_static(b"x"), SendOptions::default()).unwrap();
    }
    let mut out = Vec::new();
    while ends[0].poll_transmit(now + Duration::from_millis(10), &mut out).is_some() {}
    let tcb = ends[0].state.tcb().unwrap();
    assert_eq!((tcb.out.len(), tcb.out.next_tsn() - tcb.out.base()), (65_535, 65_535));
}

/// The cookie in the next answer of `end`, opened.
fn answered(end: &mut Association, now: Instant) -> crate::cookie::Cookie {
    let mut out = Vec::new();
    end.poll_transmit(now, &mut out).unwrap();
    let packet = crate::packet::Packet::parse(&out).unwrap();
    let Ok(crate::chunk::Chunk::InitAck(ack)) = crate::chunk::Chunk::parse(packet.chunks().next().unwrap())
    else {
        panic!("{packet}")
    };
    end.cookie_key.open(ack.params.find(crate::param::ParamType::STATE_COOKIE).unwrap()).unwrap()
}

// Tie-Tags: none where there is no association, those of the association where there is one.
//= rfc9260#5.2.1-12 test
//= rfc9260#5.2.2-11 test
#[test]
fn a_cookie_ties_itself_to_the_association_that_was_there() {
    let mut now = nomagic_testkit::clock::origin();
    let mut ends = [1, 2].map(|seed| Association::new(Config::default(), &mut nomagic_testkit::rng(seed)));
    ends[0].connect(now);
    let mut init = Vec::new();
    ends[0].poll_transmit(now, &mut init).unwrap();
    ends[1].handle_input(now, &mut init.clone());
    assert_eq!(answered(&mut ends[1], now).tie, (0, 0));
    // In COOKIE-ECHOED, and once up.
    ends[1].handle_input(now, &mut init.clone());
    let mut ack = Vec::new();
    ends[1].poll_transmit(now, &mut ack).unwrap();
    ends[0].handle_input(now, &mut ack);
    assert_eq!(ends[0].state(), AssociationState::CookieEchoed);
    let mut echo = Vec::new();
    ends[0].poll_transmit(now, &mut echo).unwrap();
    let mut again = ends[1].init_packet();
    ends[0].handle_input(now, &mut again);
    let tie = ends[0].state.tcb().unwrap().tie;
    assert!(tie.0 != 0 && tie.1 != 0);
    assert_eq!(answered(&mut ends[0], now).tie, tie);
    ends[1].handle_input(now, &mut echo);
    talk(&mut ends, &mut now, 5, |_| false);
    assert_eq!(ends[0].state(), AssociationState::Established);
    let mut again = ends[1].init_packet();
    ends[0].handle_input(now, &mut again);
    assert_eq!(answered(&mut ends[0], now).tie, tie);
}

// The first TSN that can be acknowledged is the initial one.
//= rfc9260#5.1-20 test
#[test]
fn the_point_of_acknowledgement_begins_before_the_initial_tsn() {
    let mut now = nomagic_testkit::clock::origin();
    let mut ends = [1, 2].map(|seed| Association::new(Config::default(), &mut nomagic_testkit::rng(seed)));
    ends[0].connect(now);
    talk(&mut ends, &mut now, 5, |_| false);
    for (end, other) in [(0, 1), (1, 0)] {
        let tcb = ends[end].state.tcb().unwrap();
        assert_eq!(crate::serial::wire(tcb.out.base()), ends[end].local.initial_tsn);
        let first = crate::serial::first(ends[other].local.initial_tsn);
        assert_eq!(tcb.tracker.cumulative(), first - 1);
    }
}

impl Association {
    /// An INIT as a packet, as another machine with our tags would send it.
    fn init_packet(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut packet = crate::packet::PacketBuilder::new(&mut out, 5000, 5000, 0, 1163);
        packet.push_encoded(&self.init_chunk());
        packet.finish(true);
        out
    }
}
