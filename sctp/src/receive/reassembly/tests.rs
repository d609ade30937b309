//! Recorded sessions to the end, and any order of any fragments.

use nomagic_testkit::{rng, vectors};
use rand::Rng;
use sha2::{Digest, Sha256};

use super::*;
use crate::chunk::Chunk;
use crate::packet::Packet;
use crate::receive::tracker::{Arrival, Tracker};

/// A receiver without an association.
struct Receiver {
    tracker: Tracker,
    reassembly: Reassembly,
}

impl Receiver {
    fn new(initial_tsn: u32) -> Self {
        Self {
            tracker: Tracker::new(initial_tsn),
            reassembly: Reassembly::new(&Config::default(), None, false),
        }
    }

    fn data(&mut self, data: &Data<'_>) {
        let tsn = self.tracker.unwrap(data.tsn);
        if self.tracker.classify(tsn) == Arrival::New {
            let (cumulative, highest) = (self.tracker.cumulative(), self.tracker.highest());
            self.reassembly.offer(tsn, data, cumulative, highest).unwrap();
            self.tracker.record(tsn);
        }
    }
}

// vectors: both WebRTC sessions, from the packets to the messages.
#[test]
fn recorded_sessions_give_the_messages_that_were_delivered() {
    for name in ["aiortc-data", "aiortc-vp8"] {
        let Some(json) = vectors::json(&format!("webrtc/{name}.session.json")) else { return };
        // The other end noted only part of what it got.
        let to = "b";
        let mut receiver = None;
        let mut got = Vec::new();
        for packet in json["sctp_packets_received"].as_array().unwrap() {
            if packet["to"] != to {
                continue;
            }
            let bytes = vectors::hex(packet["hex"].as_str().unwrap());
            for raw in Packet::parse(&bytes).unwrap().chunks() {
                match Chunk::parse(raw).unwrap() {
                    Chunk::Init(init) | Chunk::InitAck(init) => {
                        receiver = Some(Receiver::new(init.initial_tsn));
                    }
                    Chunk::Data(data) => receiver.as_mut().unwrap().data(&data),
                    _ => {}
                }
            }
            if let Some(receiver) = &mut receiver {
                got.extend(std::iter::from_fn(|| receiver.reassembly.pop()).filter(|m| m.ppid != 50));
            }
        }
        let delivered = json["messages_delivered"].as_array().unwrap().iter().filter(|m| m["to"] == to);
        let mut want: Vec<String> = delivered.map(|m| m["sha256"].as_str().unwrap().to_owned()).collect();
        let mut got: Vec<String> = got
            .iter()
            .map(|m| if matches!(m.ppid, 56 | 57) { &[][..] } else { &m.payload[..] })
            .map(|octets| Sha256::digest(octets).iter().map(|b| format!("{b:02x}")).collect())
            .collect();
        want.sort();
        got.sort();
        assert_eq!(got, want, "{name}");
    }
}

// Case 17: numbers that wrap; every order of arrival, with duplicates.
#[test]
fn fragments_in_any_order_across_the_wraps_become_the_messages_in_order() {
    for seed in 0..300 {
        let mut rng = rng(seed);
        let initial_tsn = 0u32.wrapping_sub(rng.next_u32() % 8);
        let mut receiver = Receiver::new(initial_tsn);
        for stream in 0..3 {
            *receiver.reassembly.streams.entry(stream) = Stream { next: 65_534, ..Stream::default() };
        }
        let (mut chunks, mut tsn, mut want) = (Vec::new(), initial_tsn, vec![Vec::new(); 3]);
        for id in 0..30u16 {
            let stream = id % 3;
            let fragments = 1 + rng.next_u32() % 4;
            let mut whole = Vec::new();
            for k in 0..fragments {
                let payload = vec![id.to_be_bytes()[1]; 1 + rng.next_u32() as usize % 9];
                whole.extend_from_slice(&payload);
                let flags = DataFlags::default()
                    .with(DataFlags::BEGIN, k == 0)
                    .with(DataFlags::END, k == fragments - 1);
                chunks.push((flags, tsn, stream, 65_534u16.wrapping_add(id / 3), payload));
                tsn = tsn.wrapping_add(1);
            }
            want[usize::from(stream)].push(whole);
        }
        for k in (1..chunks.len()).rev() {
            // Not too far: like a network.
            let other = k.saturating_sub(rng.next_u32() as usize % 12);
            chunks.swap(k, other);
        }
        for (flags, tsn, stream, ssn, payload) in &chunks {
            let data = Data {
                flags: *flags,
                tsn: *tsn,
                stream: *stream,
                ssn: *ssn,
                ppid: 53,
                payload: &payload[..],
            };
            receiver.data(&data);
            receiver.data(&data);
        }
        let mut got = vec![Vec::new(); 3];
        while let Some(message) = receiver.reassembly.pop() {
            got[usize::from(message.stream)].push(message.payload.to_vec());
        }
        assert_eq!(got, want, "seed {seed}");
        let left = &receiver.reassembly;
        assert_eq!((left.payload, left.overhead, left.runs.len(), left.waiting.len()), (0, 0, 0, 0));
    }
}
