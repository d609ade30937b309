//! Data channels against a peer that is played, message by message (RFC 8831, RFC 8832).
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::time::Instant;

use common::*;
use nomagic_sctp::channel::{ChannelEvent, ChannelOptions, Channels, Message, OpenError, Role};
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Config, Reliability};
use nomagic_testkit::rng;

/// Channels whose peer is this test, all in SCTP messages.
struct Dialogue {
    ours: Channels,
    now: Instant,
    tag: u32,
    tsn: u32,
    /// Our next TSN for the peer.
    next: u32,
    numbers: std::collections::BTreeMap<u16, u16>,
}

/// A message that the channels sent: stream, whether unordered, payload protocol identifier, octets.
type Said = (u16, bool, u32, Vec<u8>);

impl Dialogue {
    fn new(role: Role) -> Self {
        let now = nomagic_testkit::clock::origin();
        let mut ours = Channels::new(Config::default(), &mut rng(3));
        ours.connect(now, role);
        let mut all = Self { ours, now, tag: 0, tsn: 0, next: PEER_TSN, numbers: Default::default() };
        let init = value_of(&all.hear(), 1).unwrap();
        (all.tag, all.tsn) = (be32(&init), be32(&init[12..]));
        let params = [&COOKIE[..], &[0xc0, 0, 0, 4, 0x80, 8, 0, 6, 130, 192, 0, 0]].concat();
        all.tell(&raw(2, 0, &init_value(&params)));
        all.tell(&raw(11, 0, &[]));
        assert!(matches!(all.ours.poll_event(), Some(ChannelEvent::Connected)));
        all
    }

    fn hear(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        loop {
            let mut out = Vec::new();
            if self.ours.poll_transmit(self.now, &mut out).is_none() {
                return packets;
            }
            packets.push(out);
        }
    }

    fn tell(&mut self, chunks: &[u8]) -> Vec<Vec<u8>> {
        self.ours.handle_input(self.now, &mut packet(self.tag, chunks));
        self.hear()
    }

    /// The peer says a whole message, in order.
    fn say(&mut self, stream: u16, ppid: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        let number = self.numbers.entry(stream).or_default();
        let mut chunk = data(self.next, 11, stream, *number, payload);
        chunk[12..16].copy_from_slice(&ppid.to_be_bytes());
        *number += 1;
        self.next += 1;
        self.tell(&chunk)
    }

    /// Messages in these packets, every one acknowledged.
    fn heard(&mut self, packets: &[Vec<u8>]) -> Vec<Said> {
        let mut all: Vec<Said> = Vec::new();
        let mut last = None;
        for packet in packets {
            for chunk in Packet::parse(packet).unwrap().chunks() {
                if let Ok(Chunk::Data(data)) = Chunk::parse(chunk) {
                    assert_eq!(chunk.flags & 3, 3, "whole messages in this test");
                    all.push((data.stream, chunk.flags & 4 != 0, data.ppid, data.payload.to_vec()));
                    last = Some(data.tsn);
                }
            }
        }
        if let Some(last) = last {
            let more = self.tell(&sack(last, 1_000_000, &[]));
            all.extend(self.heard(&more));
        }
        all
    }

    /// Stream numbers that these packets ask to reset.
    fn resets(packets: &[Vec<u8>]) -> Vec<u16> {
        let Some(value) = value_of(packets, 130) else { return Vec::new() };
        assert_eq!(value[..2], [0, 13]);
        let end = usize::from(value[3]);
        value[16..end].chunks(2).map(|s| u16::from_be_bytes([s[0], s[1]])).collect()
    }

    fn events(&mut self) -> Vec<ChannelEvent> {
        std::iter::from_fn(|| self.ours.poll_event()).collect()
    }
}

fn open(kind: u8, reliability: u32, label: &str, protocol: &str) -> Vec<u8> {
    let mut out = vec![3, kind, 1, 0];
    out.extend(reliability.to_be_bytes());
    out.extend((label.len() as u16).to_be_bytes());
    out.extend((protocol.len() as u16).to_be_bytes());
    out.extend([label.as_bytes(), protocol.as_bytes()].concat());
    out
}

//= rfc8832#4-2 test
//= rfc8832#4-3 test
//= rfc8832#5.1-1 test
//= rfc8832#6-1 test
//= rfc8832#6-2 test
//= rfc8832#6-3 test
//= rfc8832#6-5 test
//= rfc8832#6-8 test
//= rfc8832#6-9 test
#[test]
fn an_announcement_is_ordered_on_its_own_stream_and_data_is_until_it_is_answered() {
    for (role, first) in [(Role::Client, 0), (Role::Server, 1)] {
        for by_ack in [true, false] {
            let mut d = Dialogue::new(role);
            let now = d.now;
            let options = ChannelOptions {
                ordered: false,
                reliability: Reliability::MaxRetransmits(0),
                ..ChannelOptions::default()
            };
            let channel = d.ours.open(now, "x", options).unwrap();
            let second = d.ours.open(now, "yz", ChannelOptions::default()).unwrap();
            let packets = d.hear();
            let mut said = d.heard(&packets);
            said.sort();
            assert_eq!(said.len(), 2);
            assert_eq!(said[0], (first, false, 50, open(0x81, 0, "x", "")));
            assert_eq!(said[1], (first + 2, false, 50, open(0, 0, "yz", "")));
            d.ours.send_text(now, channel, "early").unwrap();
            let packets = d.hear();
            assert_eq!(d.heard(&packets), [(first, false, 51, b"early".to_vec())]);
            if by_ack {
                d.say(first, 50, &[2]);
            } else {
                d.say(first, 51, b"any");
                assert_eq!(d.ours.receive(now).unwrap().0, channel);
            }
            d.ours.send_text(now, channel, "late").unwrap();
            let packets = d.hear();
            assert_eq!(d.heard(&packets), [(first, true, 51, b"late".to_vec())]);
            d.say(first + 2, 50, &[2]);
            d.ours.send_text(now, second, "in order").unwrap();
            let packets = d.hear();
            assert_eq!(d.heard(&packets), [(first + 2, false, 51, b"in order".to_vec())]);
        }
    }
}

// An announcement is reliable even on a channel that is not: lost, it comes again.
//= rfc8832#6-1 test
#[test]
fn a_lost_announcement_comes_again() {
    let mut d = Dialogue::new(Role::Client);
    let now = d.now;
    let options = ChannelOptions { reliability: Reliability::MaxRetransmits(0), ..ChannelOptions::default() };
    d.ours.open(now, "x", options).unwrap();
    d.hear();
    let mut again = Vec::new();
    for _ in 0..10 {
        d.now = d.ours.poll_timeout().unwrap();
        let now = d.now;
        d.ours.handle_timeout(now);
        again.extend(d.hear());
    }
    let announced =
        |p: &Vec<u8>| value_of(std::slice::from_ref(p), 0).is_some_and(|v| v[8..12] == [0, 0, 0, 50]);
    assert!(again.iter().filter(|p| announced(p)).count() >= 3);
}

//= rfc8832#5.1-1 test
//= rfc8832#6-4 test
#[test]
fn an_announcement_of_the_peer_is_answered_and_says_how_to_send() {
    for (kind, number, ordered, reliability) in [
        (0, 77, true, Reliability::Reliable),
        (0x80, 0, false, Reliability::Reliable),
        (1, 3, true, Reliability::MaxRetransmits(3)),
        (0x82, 1500, false, Reliability::Lifetime(1500 * MS)),
    ] {
        let mut d = Dialogue::new(Role::Client);
        let packets = d.say(1, 50, &open(kind, number, "größer", "p"));
        assert_eq!(d.heard(&packets), [(1, false, 50, vec![2])]);
        let Some(ChannelEvent::Opened { channel, by_peer: true }) = d.ours.poll_event() else { panic!() };
        let info = d.ours.info(channel).unwrap().clone();
        assert_eq!((info.label.as_str(), info.options.protocol.as_str()), ("größer", "p"));
        assert_eq!((info.options.ordered, info.options.reliability), (ordered, reliability));
        let now = d.now;
        d.ours.send_binary(now, channel, vec![7]).unwrap();
        let packets = d.hear();
        assert_eq!(d.heard(&packets), [(1, !ordered, 53, vec![7])]);
    }
}

//= rfc8832#6-6 test
//= rfc8832#6-10 test
#[test]
fn what_cannot_be_a_channel_is_closed_and_not_acknowledged() {
    // A number of ours; a number in use is left to who has it.
    let mut d = Dialogue::new(Role::Client);
    let packets = d.say(2, 50, &open(0, 0, "x", ""));
    assert_eq!((Dialogue::resets(&packets), d.heard(&packets)), (vec![2], vec![]));
    // Lengths that do not add up, an unknown message, a name that is no text.
    for bad in [&[3, 0, 0, 0][..], &[9], &[], &[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff]] {
        let mut d = Dialogue::new(Role::Client);
        let bad = if bad.is_empty() { &[0][..] } else { bad };
        let packets = d.say(3, 50, bad);
        assert_eq!((Dialogue::resets(&packets), d.heard(&packets)), (vec![3], vec![]), "{bad:?}");
        assert!(d.events().iter().all(|e| !matches!(e, ChannelEvent::Opened { .. })));
    }
    // Words for a channel that there is not.
    let mut d = Dialogue::new(Role::Client);
    d.say(5, 51, b"who is there?");
    let now = d.now;
    assert!(d.ours.receive(now).is_none());
    assert_eq!(Dialogue::resets(&d.hear()), [5]);
}

//= rfc8831#6.1-2 test
//= rfc8831#6.5-1 test
//= rfc8831#6.6-1 test
//= rfc8831#6.6-2 test
//= rfc8831#6.6-3 test
//= rfc8831#6.6-4 test
//= rfc8831#6.6-5 test
#[test]
fn a_message_is_a_message_with_its_own_identifier_and_empty_ones_are_one_octet() {
    let mut d = Dialogue::new(Role::Client);
    let now = d.now;
    let on = |stream| ChannelOptions { negotiated: Some(stream), ..ChannelOptions::default() };
    let channel = d.ours.open(now, "", on(4)).unwrap();
    assert_eq!(d.ours.open(now, "", on(4)), Err(OpenError::IdInUse { stream: 4 }));
    let other = d.ours.open(now, "", on(9)).unwrap();
    for message in [Message::text("a"), Message::binary(vec![1]), Message::text(""), Message::binary(vec![])]
    {
        d.ours.send(now, channel, message).unwrap();
    }
    d.ours.send_text(now, other, "b").unwrap();
    let packets = d.hear();
    let said = d.heard(&packets);
    let expected: [Said; 5] = [
        (4, false, 51, b"a".to_vec()),
        (4, false, 53, vec![1]),
        (4, false, 56, vec![0]),
        (4, false, 57, vec![0]),
        (9, false, 51, b"b".to_vec()),
    ];
    assert!(expected.iter().all(|one| said.contains(one)) && said.len() == 5, "{said:?}");
    // Whatever stands in an empty message: it is empty.
    d.say(4, 56, b"not empty at all");
    d.say(4, 57, &[1, 2, 3]);
    d.say(4, 53, &[1, 2, 3]);
    let got: Vec<_> = std::iter::from_fn(|| d.ours.receive(now)).map(|(_, m)| m).collect();
    assert_eq!(got, [Message::text(""), Message::binary(vec![]), Message::binary(vec![1, 2, 3])]);
    let stats = d.ours.stats(channel).unwrap();
    assert_eq!((stats.messages_sent, stats.bytes_sent), (4, 2));
    assert_eq!((stats.messages_received, stats.bytes_received), (3, 3));
    // Each channel keeps to the reliability it was opened with.
    let brief = ChannelOptions { reliability: Reliability::Lifetime(50 * MS), ..on(6) };
    let brief = d.ours.open(now, "", brief).unwrap();
    d.ours.send_text(now, brief, "gone by then").unwrap();
    d.ours.send_text(now, channel, "stays").unwrap();
    d.now += 60 * MS;
    let packets = d.hear();
    assert_eq!(d.heard(&packets), [(4, false, 51, b"stays".to_vec())]);
}

#[test]
fn a_new_path_is_asked_about_at_once() {
    let mut d = Dialogue::new(Role::Client);
    let now = d.now;
    d.ours.path_changed(now);
    d.ours.handle_timeout(now);
    assert_eq!(kinds(&d.hear()), [4]);
}

//= rfc8831#6.7-1 test
#[test]
fn a_channel_is_closed_by_resets_of_both_sides_and_counted() {
    let mut d = Dialogue::new(Role::Client);
    let packets = d.say(1, 50, &open(0, 0, "x", ""));
    d.heard(&packets);
    let Some(ChannelEvent::Opened { channel, .. }) = d.ours.poll_event() else { panic!() };
    assert_eq!((d.ours.totals().data_channels_opened, d.ours.totals().data_channels_closed), (1, 0));
    let now = d.now;
    d.ours.close_channel(now, channel);
    let packets = d.hear();
    assert_eq!(Dialogue::resets(&packets), [1]);
    let sequence = d.tsn;
    d.tell(&raw(130, 0, &[&[0, 16, 0, 12][..], &sequence.to_be_bytes(), &1u32.to_be_bytes()].concat()));
    assert!(d.ours.info(channel).is_some(), "the peer's half is still open");
    let request = [PEER_TSN, 0, d.next - 1].map(u32::to_be_bytes).concat();
    d.tell(&raw(130, 0, &[&[0, 13, 0, 18][..], &request, &[0, 1]].concat()));
    assert!(d.ours.info(channel).is_none());
    assert!(d.events().contains(&ChannelEvent::Closed { channel }));
    assert_eq!((d.ours.totals().data_channels_opened, d.ours.totals().data_channels_closed), (1, 1));
}
