//! Data channels: opening, messages, closing and using numbers again.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use std::time::Duration;

use common::*;
use nomagic_sctp::channel::{
    ChannelEvent, ChannelId, ChannelOptions, ChannelSendError, ChannelState, Channels, Message, OpenError,
    Role,
};
use nomagic_sctp::{Config, Reliability};
use nomagic_testkit::link::Link;
use nomagic_testkit::rng;

type Pair = nomagic_testkit::pair::Pair<End<Channels>, End<Channels>>;

fn channels(link: impl Fn() -> Link, seed: u64) -> Pair {
    let [a, z] = [1, 2].map(|k| End(Channels::new(Config::default(), &mut rng(seed * 2 + k))));
    let mut p = Pair::new(a, z, link, seed);
    let now = p.now();
    p.a.connect(now, Role::Client);
    p.z.connect(now, Role::Server);
    p.must(60 * SECOND, |p| up(&mut p.a) && up(&mut p.z));
    p
}

fn up(end: &mut Channels) -> bool {
    end.association().state() == nomagic_sctp::AssociationState::Established
}

fn events(end: &mut Channels) -> Vec<ChannelEvent> {
    std::iter::from_fn(|| end.poll_event()).collect()
}

fn opened(end: &mut Channels) -> Vec<(ChannelId, bool)> {
    let opened = |event| match event {
        ChannelEvent::Opened { channel, by_peer } => Some((channel, by_peer)),
        _ => None,
    };
    events(end).into_iter().filter_map(opened).collect()
}

fn open_one(p: &mut Pair, options: ChannelOptions) -> (ChannelId, ChannelId) {
    let now = p.now();
    let a = p.a.open(now, "label", options).unwrap();
    events(&mut p.a);
    events(&mut p.z);
    let mut z = None;
    p.must(10 * SECOND, |p| {
        z = z.or(opened(&mut p.z).first().map(|c| c.0));
        z.is_some()
    });
    (a, z.unwrap())
}

#[test]
fn a_channel_is_announced_with_all_its_properties() {
    let mut p = channels(|| link(10), 1);
    for (ordered, reliability) in [
        (true, Reliability::Reliable),
        (false, Reliability::MaxRetransmits(3)),
        (true, Reliability::Lifetime(Duration::from_millis(1500))),
    ] {
        let options =
            ChannelOptions { ordered, reliability, protocol: "näh".into(), negotiated: None, priority: 512 };
        let (a, z) = open_one(&mut p, options.clone());
        let info = p.z.info(z).unwrap().clone();
        assert_eq!((info.label.as_str(), &info.options), ("label", &options));
        assert_eq!((info.state, info.stream), (ChannelState::Open, p.a.info(a).unwrap().stream));
        assert_eq!(info.stream.unwrap() % 2, 0, "the DTLS client's numbers are even");
    }
    let now = p.now();
    let odd = p.z.open(now, "", ChannelOptions::default()).unwrap();
    assert_eq!(p.z.info(odd).unwrap().stream.unwrap() % 2, 1);
}

#[test]
fn text_octets_and_empty_messages_arrive_as_what_they_were() {
    for loss in [0.0, 0.2] {
        let mut p = channels(|| link(10).loss(loss), 1);
        let (a, z) = open_one(&mut p, ChannelOptions::default());
        let sent = [
            Message::text("grüße"),
            Message::text(""),
            Message::binary(&b""[..]),
            Message::binary(pattern(1 << 20, 3)),
            Message::binary(&[0][..]),
        ];
        let now = p.now();
        sent.iter().for_each(|m| p.a.send(now, a, m.clone()).unwrap());
        let mut got = Vec::new();
        p.must(120 * SECOND, |p| {
            let now = p.now();
            got.extend(std::iter::from_fn(|| p.z.receive(now)));
            got.len() == sent.len()
        });
        assert!(got.iter().all(|(id, _)| *id == z));
        assert!(got.into_iter().map(|(_, m)| m).eq(sent));
    }
}

#[test]
fn channels_opened_before_the_connection_open_with_it() {
    let mut a = Channels::new(Config::default(), &mut rng(1));
    let z = Channels::new(Config::default(), &mut rng(2));
    let now = nomagic_testkit::clock::origin();
    let id = a.open(now, "early", ChannelOptions::default()).unwrap();
    assert_eq!(a.info(id).unwrap().stream, None);
    assert_eq!(a.send_text(now, id, "x"), Err(ChannelSendError::NotOpen));
    let mut p = Pair::new(End(a), End(z), || link(10), 1);
    p.a.connect(now, Role::Server);
    p.z.connect(now, Role::Client);
    p.run_for(SECOND);
    assert_eq!(opened(&mut p.a), [(id, false)]);
    assert_eq!(p.a.info(id).unwrap().stream, Some(1));
    let theirs = opened(&mut p.z);
    assert!(theirs.len() == 1 && theirs[0].1);
}

/// A channel beyond the streams that both ends agreed on is closed as soon as that is known, not when it is used.
#[test]
fn channels_beyond_the_streams_agreed_on_are_closed() {
    let mut few = Config::default();
    few.inbound_streams = 10;
    let [a, z] =
        [(Config::default(), 1), (few, 2)].map(|(config, k)| End(Channels::new(config, &mut rng(k))));
    let mut p = Pair::new(a, z, || link(10), 1);
    let now = p.now();
    let on = |stream| ChannelOptions { negotiated: Some(stream), ..ChannelOptions::default() };
    let [there, beyond] = [9, 10].map(|stream| p.a.open(now, "early", on(stream)).unwrap());
    p.a.connect(now, Role::Client);
    p.z.connect(now, Role::Server);
    p.must(60 * SECOND, |p| up(&mut p.a) && up(&mut p.z));
    let told = events(&mut p.a);
    assert!(told.contains(&ChannelEvent::Opened { channel: there, by_peer: false }), "{told:?}");
    assert!(told.contains(&ChannelEvent::Closed { channel: beyond }), "{told:?}");
    assert!(!told.contains(&ChannelEvent::Opened { channel: beyond, by_peer: false }), "{told:?}");
    let now = p.now();
    assert_eq!(p.a.open(now, "late", on(4000)), Err(OpenError::NoStreamLeft));
    // In-band: 0, 2, 4, 6, 8, and then no more.
    for stream in [0, 2, 4, 6, 8] {
        let id = p.a.open(now, "x", ChannelOptions::default()).unwrap();
        assert_eq!(p.a.info(id).unwrap().stream, Some(stream));
    }
    assert_eq!(p.a.open(now, "x", ChannelOptions::default()), Err(OpenError::NoStreamLeft));
}

#[test]
fn negotiated_channels_need_no_announcement() {
    let mut p = channels(|| link(10), 1);
    let options = ChannelOptions { negotiated: Some(7), ordered: false, ..ChannelOptions::default() };
    let now = p.now();
    let a = p.a.open(now, "ours", options.clone()).unwrap();
    let z = p.z.open(now, "theirs", options.clone()).unwrap();
    assert_eq!(p.a.open(now, "again", options), Err(OpenError::IdInUse { stream: 7 }));
    p.a.send_text(now, a, "hello").unwrap();
    p.run_for(SECOND);
    let now = p.now();
    assert_eq!(p.z.receive(now), Some((z, Message::text("hello"))));
}

// DCEP pitfall: unordered data must not overtake OPEN.
#[test]
fn data_stays_in_order_until_the_peer_knows_the_channel() {
    for seed in 0..30 {
        let mut p = channels(|| link(10).loss(0.3), seed);
        let now = p.now();
        events(&mut p.z);
        let options = ChannelOptions { ordered: false, ..ChannelOptions::default() };
        let a = p.a.open(now, "", options).unwrap();
        for k in 0..10 {
            p.a.send_binary(now, a, vec![k]).unwrap();
        }
        let mut got = 0;
        p.must(60 * SECOND, |p| {
            let now = p.now();
            got += std::iter::from_fn(|| p.z.receive(now)).count();
            got == 10
        });
    }
}

// Cases 33 and 34.
#[test]
fn closing_delivers_what_was_sent_closes_both_sides_and_frees_the_number() {
    for (seed, loss) in [(1, 0.0), (2, 0.0), (3, 0.2), (4, 0.2), (5, 0.2), (6, 0.2)] {
        let mut p = channels(|| link(10).loss(loss), seed);
        let (mut stream, mut previous) = (None, None);
        for round in 0..20u8 {
            let (a, z) = open_one(&mut p, ChannelOptions::default());
            assert_ne!(previous.replace(z), Some(z));
            let number = p.a.info(a).unwrap().stream;
            assert_eq!(*stream.get_or_insert(number), number, "the number is used again");
            let now = p.now();
            p.a.send_binary(now, a, pattern(5000, round)).unwrap();
            p.a.send_text(now, a, "last").unwrap();
            p.a.close_channel(now, a);
            assert_eq!(p.a.send_text(now, a, "late"), Err(ChannelSendError::NotOpen));
            let (mut closed, mut got) = ([false; 2], Vec::new());
            p.must(60 * SECOND, |p| {
                let now = p.now();
                got.extend(std::iter::from_fn(|| p.z.receive(now)));
                closed[0] |= events(&mut p.a).contains(&ChannelEvent::Closed { channel: a });
                closed[1] |= events(&mut p.z).contains(&ChannelEvent::Closed { channel: z });
                closed == [true; 2]
            });
            let want = [(z, Message::binary(pattern(5000, round))), (z, Message::text("last"))];
            assert!(got == want, "round {round}");
            assert!(p.a.info(a).is_none() && p.z.info(z).is_none());
        }
    }
}

// Case 34: the answer to a reset does not wait for a timer.
#[test]
fn a_close_takes_two_round_trips_at_most() {
    let mut p = channels(|| link(50), 1);
    let (a, _) = open_one(&mut p, ChannelOptions::default());
    p.run_for(SECOND);
    let (now, before) = (p.now(), p.elapsed());
    p.a.close_channel(now, a);
    p.must(SECOND, |p| p.a.info(a).is_none());
    assert!(p.elapsed() - before <= 200 * MS);
}

#[test]
fn messages_pulled_late_still_name_their_channel() {
    let mut p = channels(|| link(10), 1);
    let mut want = Vec::new();
    for round in 0..5 {
        let (a, z) = open_one(&mut p, ChannelOptions::default());
        let now = p.now();
        p.a.send_binary(now, a, vec![round; 10]).unwrap();
        p.a.close_channel(now, a);
        p.must(5 * SECOND, |p| p.a.info(a).is_none());
        want.push((z, Message::binary(vec![round; 10])));
    }
    let now = p.now();
    let got: Vec<_> = std::iter::from_fn(|| p.z.receive(now)).collect();
    assert!(got == want);
}

// Case 36.
#[test]
fn opening_and_closing_without_end_keeps_memory_flat() {
    let mut p = channels(|| link(1), 1).ladder_lines(0);
    let mut round = || {
        let (a, _) = open_one(&mut p, ChannelOptions::default());
        let now = p.now();
        p.a.send_binary(now, a, pattern(20_000, 1)).unwrap();
        p.a.close_channel(now, a);
        p.must(5 * SECOND, |p| {
            let now = p.now();
            while p.z.receive(now).is_some() {}
            p.a.info(a).is_none()
        });
    };
    (0..50).for_each(|_| round());
    let first = nomagic_testkit::alloc::count(|| (0..50).for_each(|_| round())).peak;
    let later = nomagic_testkit::alloc::count(|| (0..500).for_each(|_| round())).peak;
    assert!(later < first + first / 2 + 10_000, "{first} then {later}");
}

#[test]
fn a_peer_that_opens_a_number_of_ours_is_refused() {
    let mut p = channels(|| link(10), 1);
    let now = p.now();
    // Both believe that they are the client.
    let a = Channels::new(Config::default(), &mut rng(11));
    let z = Channels::new(Config::default(), &mut rng(12));
    p.a.0 = a;
    p.z.0 = z;
    p.a.connect(now, Role::Client);
    p.z.connect(now, Role::Client);
    p.run_for(SECOND);
    let now = p.now();
    let id = p.a.open(now, "x", ChannelOptions::default()).unwrap();
    p.run_for(SECOND);
    assert!(p.z.iter().next().is_none());
    assert!(p.a.info(id).is_none_or(|info| info.state == ChannelState::Closing));
}

#[test]
fn the_buffered_amount_is_what_was_not_sent_and_its_low_mark_is_told() {
    let mut p = channels(|| link(50), 1);
    let (a, _) = open_one(&mut p, ChannelOptions::default());
    p.a.set_buffered_amount_low_threshold(a, 10_000);
    let now = p.now();
    assert_eq!(p.a.buffered_amount(a), 0, "the announcement does not count");
    p.a.send_binary(now, a, pattern(100_000, 1)).unwrap();
    assert_eq!(p.a.buffered_amount(a), 100_000);
    assert!(events(&mut p.a).is_empty());
    p.must(5 * SECOND, |p| p.a.buffered_amount(a) <= 10_000);
    assert_eq!(events(&mut p.a), [ChannelEvent::BufferedAmountLow { channel: a }]);
    p.must(5 * SECOND, |p| p.a.buffered_amount(a) == 0);
    assert!(events(&mut p.a).is_empty());
}

// Case 18 of the complaints: a new channel does not wait behind bulk data.
#[test]
fn an_announcement_overtakes_bulk_data_of_other_channels() {
    let mut p = channels(|| link(10).rate(2_000_000, 30_000), 1);
    let (bulk, _) = open_one(&mut p, ChannelOptions::default());
    let now = p.now();
    for _ in 0..60 {
        p.a.send_binary(now, bulk, pattern(16_384, 1)).unwrap();
    }
    p.run_for(SECOND);
    let before = p.elapsed();
    open_one(&mut p, ChannelOptions::default());
    assert!(p.elapsed() - before < 500 * MS, "{:?}", p.elapsed() - before);
}

#[test]
fn the_end_of_the_association_closes_all_channels() {
    let mut p = channels(|| link(10), 1);
    let (a, z) = open_one(&mut p, ChannelOptions::default());
    let now = p.now();
    p.a.0.close(now);
    p.must(10 * SECOND, |p| p.a.0.is_closed() && p.z.0.is_closed());
    assert!(events(&mut p.a).contains(&ChannelEvent::Closed { channel: a }));
    assert!(
        matches!(events(&mut p.z)[..], [.., ChannelEvent::Closed { channel }, ChannelEvent::Ended(_)] if channel == z)
    );
    let now = p.now();
    assert_eq!(p.a.open(now, "", ChannelOptions::default()), Err(OpenError::Closed));
}

// Everything at once: bad links, every reliability, channels that come and go.
#[test]
fn a_busy_life_on_a_bad_link_loses_nothing_that_is_reliable() {
    for seed in 0..150 {
        let bad = || link(15).loss(0.1).duplication(0.05).reordering(0.1, 20 * MS);
        let mut p = channels(bad, seed);
        let mut rng = rng(seed + 1000);
        let mut dice = move |n: u32| rand::Rng::next_u32(&mut rng) % n;
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for _ in 0..12 {
            let reliability = match dice(4) {
                0 => Reliability::MaxRetransmits(0),
                1 => Reliability::Lifetime(50 * MS),
                _ => Reliability::Reliable,
            };
            let options = ChannelOptions { ordered: dice(2) == 0, reliability, ..ChannelOptions::default() };
            let now = p.now();
            let from_a = dice(2) == 0;
            let end = if from_a { &mut p.a } else { &mut p.z };
            let id = end.open(now, "x", options).unwrap();
            for _ in 0..dice(10) {
                let size = if dice(3) == 0 { dice(30_000) } else { dice(300) };
                let body = pattern(size as usize, dice(256) as u8);
                end.send_binary(now, id, body.clone()).unwrap();
                if reliability == Reliability::Reliable {
                    sent.push(body);
                }
            }
            if dice(2) == 0 {
                end.close_channel(now, id);
            }
            p.run_for(MS * dice(100));
            let now = p.now();
            got.extend(
                std::iter::from_fn(|| p.a.receive(now)).chain(std::iter::from_fn(|| p.z.receive(now))),
            );
        }
        let done = p.run(60 * SECOND, |p| {
            let now = p.now();
            got.extend(
                std::iter::from_fn(|| p.a.receive(now)).chain(std::iter::from_fn(|| p.z.receive(now))),
            );
            let quiet = |end: &Channels| {
                end.association().buffered_amount_total() == 0
                    && end.association().stats().outstanding == 0
                    && end.iter().all(|(_, info)| info.state == ChannelState::Open)
            };
            quiet(&p.a) && quiet(&p.z) && p.a.iter().count() == p.z.iter().count()
        });
        let show = |end: &Channels| {
            end.iter().map(|(id, i)| format!("{id:?} {:?} {:?}", i.stream, i.state)).collect::<Vec<_>>()
        };
        assert!(done, "seed {seed}: {:?} {:?}", show(&p.a), show(&p.z));
        let mut left: Vec<_> = got.iter().map(|(_, m)| m.payload.clone()).collect();
        for body in &sent {
            let at = left.iter().position(|m| m == body);
            left.swap_remove(at.unwrap_or_else(|| panic!("seed {seed}: {} octets are missing", body.len())));
        }
    }
}

// DTLS and the peer's INIT may come in one go, before the application says what its role is.
#[test]
fn channels_opened_before_a_late_connect_open_too_and_the_peers_wait_for_nothing() {
    let [a, z] = [1, 2].map(|k| End(Channels::new(Config::default(), &mut rng(k))));
    let mut p = Pair::new(a, z, || link(5), 1);
    let now = p.now();
    let ours = p.z.open(now, "ours", ChannelOptions::default()).unwrap();
    let agreed = ChannelOptions { negotiated: Some(8), ..ChannelOptions::default() };
    p.z.open(now, "agreed", agreed.clone()).unwrap();
    p.a.open(now, "agreed", agreed).unwrap();
    p.a.open(now, "theirs", ChannelOptions::default()).unwrap();
    p.a.connect(now, Role::Client);
    p.must(SECOND, |p| up(&mut p.a) && up(&mut p.z));
    p.run_for(SECOND);
    let now = p.now();
    let late = p.z.open(now, "late", ChannelOptions::default()).unwrap();
    let taken = std::mem::replace(&mut p.z.0, Channels::new(Config::default(), &mut rng(3)));
    let (back, refusal) = taken.into_snapshot(now).unwrap_err();
    assert_eq!(refusal, nomagic_sctp::SnapshotRefusal::NotConnected);
    p.z.0 = *back;
    p.z.connect(now, Role::Server);
    p.run_for(SECOND);
    let mut names: Vec<_> = p.a.iter().map(|(_, info)| (info.label.clone(), info.state)).collect();
    names.sort_by(|x, y| x.0.cmp(&y.0));
    let open = |name: &str| (name.to_owned(), ChannelState::Open);
    assert_eq!(names, [open("agreed"), open("late"), open("ours"), open("theirs")]);
    assert!(p.z.iter().all(|(_, info)| info.state == ChannelState::Open) && p.z.iter().count() == 4);
    let now = p.now();
    for id in [ours, late] {
        assert_eq!(p.z.info(id).unwrap().stream.unwrap() % 2, 1);
        p.z.send_text(now, id, "x").unwrap();
    }
    p.run_for(SECOND);
    let now = p.now();
    assert_eq!(std::iter::from_fn(|| p.a.receive(now)).count(), 2);
}

// A channel that was never given out is never reported.
#[test]
fn a_channel_that_is_refused_leaves_no_event() {
    let mut config = Config::default();
    config.outbound_streams = 2;
    let [a, z] = [1, 2].map(|k| End(Channels::new(config.clone(), &mut rng(k))));
    let mut p = Pair::new(a, z, || link(5), 1);
    let now = p.now();
    p.a.connect(now, Role::Client);
    p.z.connect(now, Role::Server);
    p.must(SECOND, |p| up(&mut p.a) && up(&mut p.z));
    let now = p.now();
    p.a.open(now, "fits", ChannelOptions::default()).unwrap();
    events(&mut p.a);
    let totals = p.a.totals();
    assert_eq!(p.a.open(now, "x", ChannelOptions::default()), Err(OpenError::NoStreamLeft));
    assert!(events(&mut p.a).is_empty());
    assert_eq!(p.a.totals(), totals);
}
