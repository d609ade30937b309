//! Associations that begin in the descriptions (draft-hancke-tsvwg-snap).
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::channel::{ChannelEvent, ChannelOptions, Channels, Message, Role};
use nomagic_sctp::{Association, AssociationState as State, Config, Event, SendOptions, SnapError};
use nomagic_testkit::pair::Pair as AnyPair;
use nomagic_testkit::rng;

#[test]
fn data_goes_out_in_the_first_packet_and_arrives_whatever_is_lost() {
    for seed in 0..20 {
        let mut p = pair(&Config::default(), || link(25).loss(if seed == 0 { 0.0 } else { 0.3 }), seed);
        let inits = [p.a.sctp_init(), p.z.sctp_init()];
        let now = p.now();
        p.a.connect_with(now, &inits[1]).unwrap();
        p.z.connect_with(now, &inits[0]).unwrap();
        assert!(both_up(&p));
        assert_eq!(events(&mut p.a), [Event::Connected]);
        p.a.send(now, 1, pattern(5000, 1), SendOptions::default()).unwrap();
        p.z.send(now, 1, pattern(5000, 2), SendOptions::default()).unwrap();
        let mut got = 0;
        p.must(60 * SECOND, |p| {
            let now = p.now();
            got += drain(&mut p.a, now).len() + drain(&mut p.z, now).len();
            got == 2
        });
        assert!(seed != 0 || p.elapsed() <= 60 * MS, "{:?}", p.elapsed());
        // The end works as ever.
        let now = p.now();
        p.a.shutdown(now);
        p.must(60 * SECOND, |p| p.a.is_closed() && p.z.is_closed());
    }
}

#[test]
fn what_both_offered_holds_as_after_an_init() {
    let mut p = pair(&Config::default(), || link(5), 1);
    let init = p.a.sctp_init();
    assert_eq!(init, p.a.sctp_init(), "always the same");
    let (other, now) = (p.z.sctp_init(), p.now());
    p.a.connect_with(now, &other).unwrap();
    p.z.connect_with(now, &init).unwrap();
    p.a.send(now, 3, pattern(10, 1), SendOptions::default()).unwrap();
    p.a.reset_streams(now, &[3]).unwrap();
    p.must(SECOND, |p| events(&mut p.a).contains(&Event::OutgoingReset { stream: 3, done: true }));
}

#[test]
fn a_peer_that_begins_anew_with_an_init_is_taken_in() {
    let mut p = pair(&Config::default(), || link(5), 1);
    let (init, now) = (p.z.sctp_init(), p.now());
    p.a.connect_with(now, &init).unwrap();
    p.z.0 = Association::new(Config::default(), &mut rng(77));
    p.z.connect(now);
    p.must(5 * SECOND, |p| p.z.state() == State::Established);
    p.run_for(SECOND);
    let now = p.now();
    p.z.send(now, 0, pattern(10, 1), SendOptions::default()).unwrap();
    p.a.send(now, 0, pattern(10, 2), SendOptions::default()).unwrap();
    p.run_for(SECOND);
    let now = p.now();
    assert_eq!(drain(&mut p.a, now).len() + drain(&mut p.z, now).len(), 2);
}

#[test]
fn what_is_no_init_is_refused_and_an_ordinary_beginning_still_possible() {
    let mut end = Association::new(Config::default(), &mut rng(1));
    let now = nomagic_testkit::clock::origin();
    let good = raw(1, 0, &init_value(&[]));
    for bytes in [&[][..], &good[..7], &[1, 0, 0, 3], &[0; 20]] {
        assert!(matches!(end.connect_with(now, bytes), Err(SnapError::Malformed(_))), "{bytes:?}");
    }
    assert_eq!(end.connect_with(now, &raw(2, 0, &init_value(&[]))), Err(SnapError::OtherChunk { found: 2 }));
    let two = [good.clone(), raw(11, 0, &[])].concat();
    assert_eq!(end.connect_with(now, &two), Err(SnapError::OtherChunk { found: 11 }));
    for fields in
        [[0, 9999, 0x0001_0001, 1], [1, 1499, 0x0001_0001, 1], [1, 9999, 1, 1], [1, 9999, 0x0001_0000, 1]]
    {
        assert_eq!(end.connect_with(now, &raw(1, 0, &init_with(fields, &[]))), Err(SnapError::Forbidden));
    }
    assert_eq!(end.state(), State::Closed);
    end.connect(now);
    assert_eq!((end.connect_with(now, &good), end.state()), (Err(SnapError::Begun), State::CookieWait));
}

#[test]
fn channels_open_with_the_first_packet() {
    let mut a = Channels::new(Config::default(), &mut rng(1));
    let mut z = Channels::new(Config::default(), &mut rng(2));
    let now = nomagic_testkit::clock::origin();
    let early = a.open(now, "early", ChannelOptions::default()).unwrap();
    a.connect_with(now, Role::Client, &z.association().sctp_init()).unwrap();
    z.connect_with(now, Role::Server, &a.association().sctp_init()).unwrap();
    assert_eq!(a.connect_with(now, Role::Client, &[]), Err(SnapError::Begun));
    a.send_text(now, early, "hello").unwrap();
    let mut p = AnyPair::new(End(a), End(z), || link(30), 1);
    p.run_for(40 * MS);
    let now = p.now();
    assert_eq!(p.z.receive(now).unwrap().1, Message::text("hello"));
    let opened: Vec<_> = std::iter::from_fn(|| p.z.poll_event()).collect();
    assert!(opened.iter().any(|e| matches!(e, ChannelEvent::Opened { by_peer: true, .. })), "{opened:?}");
}
