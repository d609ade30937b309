//! Messages pulled in parts, before they are whole.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use common::*;
use nomagic_sctp::{
    Association, CloseReason, Config, Event, Part, PartEnd, Reliability, SendError, SendOptions,
    SnapshotRefusal,
};

const OPTIONS: SendOptions = SendOptions { ppid: 53, unordered: false, reliability: Reliability::Reliable };
/// RE-CONFIG, FORWARD-TSN, I-DATA, I-FORWARD-TSN.
const ALL: [u8; 12] = [0xc0, 0, 0, 4, 0x80, 8, 0, 8, 130, 192, 64, 194];
const WINDOW: u32 = 100_000;
const BEGIN: u8 = 2;
const MIDDLE: u8 = 0;
const END: u8 = 1;
const WHOLE: u8 = 3;

fn config(point: usize, interleaving: bool) -> Config {
    let mut config = Config::default();
    config.partial_delivery_point = Some(point);
    config.interleaving = interleaving;
    config
}

fn parts(association: &mut Association, now: std::time::Instant) -> Vec<Part> {
    std::iter::from_fn(|| association.receive_part(now)).collect()
}

/// Messages put together again, each with what it came as.
#[derive(Default)]
struct Collector {
    open: BTreeMap<u64, (Part, Vec<u8>)>,
    whole: Vec<(u16, bool, Vec<u8>)>,
    /// Octets of the largest part.
    largest: usize,
    /// Parts that were not all of their message.
    pieces: usize,
}

impl Collector {
    fn take(&mut self, part: &Part) {
        let octets = part.chunks.concat();
        assert!(!octets.is_empty() || part.end == PartEnd::Abandoned);
        self.largest = self.largest.max(octets.len());
        self.pieces += usize::from(!part.begins || part.end != PartEnd::Complete);
        let known = self.open.remove(&part.message);
        assert_eq!(known.is_none(), part.begins, "a message begins once");
        let (first, mut so_far) = known.unwrap_or_else(|| (part.clone(), Vec::new()));
        assert_eq!((first.stream, first.unordered, first.ppid), (part.stream, part.unordered, part.ppid));
        so_far.extend(octets);
        match part.end {
            PartEnd::More => assert!(self.open.insert(part.message, (first, so_far)).is_none()),
            PartEnd::Complete => self.whole.push((part.stream, part.unordered, so_far)),
            end => panic!("{end:?}"),
        }
    }
}

/// Sends `messages` from `a` to `z` and collects the parts.
fn transfer(p: &mut Pair, messages: &[(u16, bool, Bytes)], limit: Duration) -> Collector {
    let (mut got, mut next) = (Collector::default(), 0);
    p.must(limit, |p| {
        let now = p.now();
        while let Some((stream, unordered, payload)) = messages.get(next) {
            let options = SendOptions { unordered: *unordered, ..OPTIONS };
            match p.a.send(now, *stream, payload.clone(), options) {
                Ok(()) => next += 1,
                Err(SendError::WouldBlock { .. }) => break,
                Err(other) => panic!("{other}"),
            }
        }
        parts(&mut p.z, now).iter().for_each(|part| got.take(part));
        got.whole.len() == messages.len()
    });
    got
}

//= rfc9260#6.9-16 test
#[test]
fn parts_make_up_the_messages_that_were_sent_over_every_link() {
    let sizes = [1, 900, 3000, 70_000, 1163, 5000, 250_000, 12, 40_000, 1200];
    let messages: Vec<(u16, bool, Bytes)> =
        (0..30).map(|k| ((k % 3) as u16, k % 4 == 3, pattern(sizes[k % sizes.len()] + k, k as u8))).collect();
    for interleaving in [false, true] {
        for seed in 0..6 {
            let over = || match seed % 3 {
                0 => link(10),
                1 => link(10).loss(0.05),
                _ => link(10).reordering(0.05, 15 * MS),
            };
            let mut p = connected(&config(2000, interleaving), over, seed);
            let got = transfer(&mut p, &messages, 100 * SECOND);
            assert!(got.pieces > 20, "{}", got.pieces);
            let of = |stream: u16, unordered: bool, all: &[(u16, bool, Vec<u8>)]| -> Vec<Vec<u8>> {
                let mut of: Vec<_> =
                    all.iter().filter(|m| (m.0, m.1) == (stream, unordered)).map(|m| m.2.clone()).collect();
                if unordered {
                    of.sort();
                }
                of
            };
            let sent: Vec<_> = messages.iter().map(|m| (m.0, m.1, m.2.to_vec())).collect();
            for (stream, unordered) in [0, 1, 2].into_iter().flat_map(|s| [(s, false), (s, true)]) {
                assert!(
                    of(stream, unordered, &got.whole) == of(stream, unordered, &sent),
                    "{stream} {unordered}"
                );
            }
        }
    }
}

#[test]
fn messages_may_be_larger_than_the_window_and_several_at_once() {
    for (interleaving, loss) in [(false, 0.0), (true, 0.0), (false, 0.02), (true, 0.02)] {
        let mut config = config(16 * 1024, interleaving);
        config.receive_window = 64 * 1024;
        config.max_receive_message = 8 << 20;
        config.max_send_message = 8 << 20;
        config.send_buffer = 32 << 20;
        let mut p = connected(&config, || link(5).loss(loss), 3);
        let messages: Vec<(u16, bool, Bytes)> =
            (0..6u8).map(|k| (u16::from(k % 3), k == 5, pattern(3_000_000, k))).collect();
        let got = transfer(&mut p, &messages, 300 * SECOND);
        // Never more than the window, its reserve and what may come when nothing can be pulled.
        assert!(got.largest <= 3 * 64 * 1024, "{}", got.largest);
        for (stream, unordered, octets) in &got.whole {
            assert!(messages.iter().any(|m| (m.0, m.1) == (*stream, *unordered) && m.2[..] == octets[..]));
        }
    }
}

#[test]
fn what_is_not_pulled_closes_the_window_and_pulling_opens_it() {
    let mut config = config(4096, true);
    config.receive_window = 64 * 1024;
    let mut p = connected(&config, || link(5), 4);
    let now = p.now();
    p.a.send(now, 0, pattern(1 << 20, 9), OPTIONS).unwrap();
    p.run_for(20 * SECOND);
    let held = (1 << 20) - p.a.buffered_amount(0);
    assert!(held < 128 * 1024, "{held} octets have left the sender's queue");
    let got = transfer(&mut p, &[(1, false, pattern(10, 1))], SECOND);
    assert_eq!(got.open.len(), 1, "the large one is under way");
    let mut octets: usize = got.open.values().map(|open| open.1.len()).sum();
    p.must(20 * SECOND, |p| {
        let now = p.now();
        octets += parts(&mut p.z, now).iter().flat_map(|part| &part.chunks).map(Bytes::len).sum::<usize>();
        octets == 1 << 20
    });
}

/// A peer that says these fragments: TSN, flags, stream, number, payload. With I-DATA the fragment numbers follow the TSNs.
struct Teller {
    played: Played,
    interleaved: bool,
    /// The TSN at which each message began.
    began: BTreeMap<(u16, u32), u32>,
}

impl Teller {
    fn new(interleaved: bool) -> Self {
        let mut config = config(4, interleaved);
        config.receive_window = WINDOW;
        let played = if interleaved { Played::up_with(config, &ALL) } else { Played::up(config) };
        Self { played, interleaved, began: BTreeMap::new() }
    }

    fn say(&mut self, after: u32, flags: u8, stream: u16, number: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        let tsn = PEER_TSN + after;
        let chunk = if self.interleaved {
            let began = *self.began.entry((stream, number)).or_insert(tsn);
            let fsn = if flags & BEGIN != 0 { 53 } else { tsn - began };
            let mut value = tsn.to_be_bytes().to_vec();
            value.extend([stream.to_be_bytes(), [0, 0]].concat());
            value.extend([number.to_be_bytes(), fsn.to_be_bytes()].concat());
            value.extend(payload);
            raw(64, flags, &value)
        } else {
            data(tsn, flags, stream, number as u16, payload)
        };
        self.played.tell(&chunk)
    }

    /// Gives up everything up to the TSN, and this message.
    fn skip(&mut self, after: u32, stream: u16, number: u32) {
        let mut value = (PEER_TSN + after).to_be_bytes().to_vec();
        value.extend(stream.to_be_bytes());
        if self.interleaved {
            value.extend([0, 0]);
            value.extend(number.to_be_bytes());
        } else {
            value.extend((number as u16).to_be_bytes());
        }
        self.played.tell(&raw(if self.interleaved { 194 } else { 192 }, 0, &value));
    }

    /// All parts that can be pulled: stream, message, begins, end, octets.
    fn pull(&mut self) -> Vec<(u16, u64, bool, PartEnd, String)> {
        parts(&mut self.played.end, self.played.now)
            .into_iter()
            .map(|p| (p.stream, p.message, p.begins, p.end, String::from_utf8(p.chunks.concat()).unwrap()))
            .collect()
    }
}

fn part(
    stream: u16,
    message: u64,
    begins: bool,
    end: PartEnd,
    text: &str,
) -> (u16, u64, bool, PartEnd, String) {
    (stream, message, begins, end, text.to_owned())
}

#[test]
fn a_part_is_handed_over_from_the_point_on_and_ends_at_the_first_hole() {
    for interleaved in [false, true] {
        let mut peer = Teller::new(interleaved);
        peer.say(0, BEGIN, 1, 0, b"abc");
        assert_eq!(peer.pull(), []);
        peer.say(1, MIDDLE, 1, 0, b"de");
        assert_eq!(events(&mut peer.played.end), [Event::Connected, Event::Readable]);
        assert_eq!(peer.pull(), [part(1, 1, true, PartEnd::More, "abcde")]);
        assert_eq!(peer.pull(), []);
        peer.say(3, MIDDLE, 1, 0, b"h");
        assert_eq!(peer.pull(), []);
        peer.say(2, MIDDLE, 1, 0, b"fg");
        assert_eq!(events(&mut peer.played.end), [Event::Readable]);
        assert_eq!(peer.pull(), [part(1, 1, false, PartEnd::More, "fgh")]);
        peer.say(4, END, 1, 0, b"i");
        assert_eq!(peer.pull(), [part(1, 1, false, PartEnd::Complete, "i")]);
        assert_eq!(peer.played.end.stats().messages_received, 1);
    }
}

#[test]
fn messages_of_a_stream_keep_their_order_and_other_streams_do_not_wait() {
    for interleaved in [false, true] {
        let mut peer = Teller::new(interleaved);
        // The second message of stream 1 is large enough, but the first has not come.
        peer.say(1, BEGIN, 1, 1, b"second");
        assert_eq!(peer.pull(), []);
        peer.say(0, WHOLE, 1, 0, b"first");
        assert_eq!(
            peer.pull(),
            [part(1, 2, true, PartEnd::Complete, "first"), part(1, 1, true, PartEnd::More, "second")]
        );
        // While it is open, another stream's message is delivered, and a later one of its own waits.
        peer.say(3, WHOLE, 1, 2, b"third");
        peer.say(4, WHOLE, 2, 0, b"other");
        assert_eq!(peer.pull(), [part(2, 3, true, PartEnd::Complete, "other")]);
        peer.say(2, END, 1, 1, b"!");
        assert_eq!(
            peer.pull(),
            [part(1, 1, false, PartEnd::Complete, "!"), part(1, 4, true, PartEnd::Complete, "third")]
        );
    }
}

//= rfc3758#3.6-11 test
#[test]
fn a_message_given_up_on_the_way_says_so() {
    for interleaved in [false, true] {
        let mut peer = Teller::new(interleaved);
        peer.say(0, BEGIN, 1, 0, b"abcd");
        assert_eq!(peer.pull(), [part(1, 1, true, PartEnd::More, "abcd")]);
        peer.say(1, MIDDLE, 1, 0, b"more");
        peer.skip(2, 1, 0);
        assert_eq!(peer.pull(), [part(1, 1, false, PartEnd::Abandoned, "")]);
        // One that nobody has seen anything of goes without a word, and the stream goes on.
        peer.say(3, BEGIN, 1, 1, b"never seen");
        peer.skip(4, 1, 1);
        peer.say(5, WHOLE, 1, 2, b"next");
        let [last] = &peer.pull()[..] else { panic!() };
        assert_eq!((&last.4[..], last.2, last.3), ("next", true, PartEnd::Complete));
        assert_eq!(peer.pull(), []);
    }
}

#[test]
fn the_end_of_the_association_is_the_end_of_its_messages() {
    for interleaved in [false, true] {
        let mut peer = Teller::new(interleaved);
        peer.say(0, BEGIN, 1, 0, b"one, ");
        assert_eq!(peer.pull().len(), 1);
        peer.say(1, END, 1, 0, b"whole");
        peer.say(2, BEGIN, 2, 0, b"two, ");
        assert_eq!(peer.pull().len(), 2);
        peer.say(3, MIDDLE, 2, 0, b"not whole");
        peer.say(4, WHOLE, 3, 0, b"three");
        peer.played.tell(&raw(6, 0, &[]));
        assert_eq!(ended(&mut peer.played), Some(CloseReason::PeerAbort { cause: 0 }));
        assert_eq!(
            peer.pull(),
            [
                part(2, 2, false, PartEnd::Abandoned, "not whole"),
                part(3, 3, true, PartEnd::Complete, "three")
            ]
        );
    }
}

#[test]
fn no_snapshot_is_taken_in_the_middle_of_a_message_that_was_pulled() {
    let mut peer = Teller::new(true);
    peer.say(0, BEGIN, 1, 0, b"abcd");
    assert_eq!(peer.pull().len(), 1);
    let now = peer.played.now;
    let Err((back, refusal)) = peer.played.end.into_snapshot(now) else { panic!("taken") };
    assert_eq!(refusal, SnapshotRefusal::PartialDelivery);
    peer.played.end = *back;
    peer.say(1, END, 1, 0, b"ef");
    assert_eq!(peer.pull(), [part(1, 1, false, PartEnd::Complete, "ef")]);
    assert!(peer.played.end.into_snapshot(now).is_ok());
}

/// Whatever comes in whatever order: nothing panics, nothing is counted twice, and the window is whole again when all is pulled.
#[test]
fn the_window_is_whole_again_when_everything_was_pulled() {
    for seed in 0..300 {
        let mut rng = nomagic_testkit::rng(seed);
        let mut dice = |n: u32| rand::Rng::next_u32(&mut rng) % n;
        let mut peer = Teller::new(seed % 2 == 0);
        let (mut all, mut after) = (Vec::new(), 0);
        for (number, stream) in (0..4u32).flat_map(|n| (0..3u16).map(move |s| (n, s))) {
            let count = 1 + dice(5);
            if peer.interleaved {
                peer.began.insert((stream, number), PEER_TSN + after);
            }
            for k in 0..count {
                let flags = if k == 0 { BEGIN } else { 0 } + u8::from(k + 1 == count);
                all.push((after, flags, stream, number, vec![b'a' + k as u8; 1 + dice(9) as usize]));
                after += 1;
            }
        }
        let total: usize = all.iter().map(|piece| piece.4.len()).sum();
        for k in (1..all.len()).rev() {
            all.swap(k, dice(k as u32 + 1) as usize);
        }
        let mut got = Vec::new();
        for (after, flags, stream, number, payload) in all {
            peer.say(after, flags, stream, number, &payload);
            if dice(3) == 0 {
                got.extend(peer.pull());
            }
        }
        got.extend(peer.pull());
        let octets: usize = got.iter().map(|part| part.4.len()).sum();
        let complete = got.iter().filter(|part| part.3 == PartEnd::Complete).count();
        assert_eq!((octets, complete), (total, 12), "seed {seed}");
        // The next SACK offers everything.
        peer.say(after, WHOLE, 9, 0, b"x");
        assert_eq!(peer.pull().len(), 1);
        let said = peer.say(after, WHOLE, 9, 0, b"x");
        let window = value_of(&said, 3).map_or_else(|| panic!("{}", text(&said)), |sack| be32(&sack[4..]));
        assert_eq!(window, WINDOW, "seed {seed}");
    }
}
