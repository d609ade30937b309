//! Two associations and a link that loses, repeats, reorders and damages, all as the input commands; then the link is
//! good for a while. Ordered reliable messages arrive once each and in order, and nothing is left when all is quiet.
#![no_main]

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::{Association, AssociationState, Config, Controller, PartEnd, Reliability, SendOptions};
use nomagic_testkit::{clock, rng};

struct World {
    ends: [Association; 2],
    /// On their way: to which end, when, what.
    flying: VecDeque<(usize, Instant, Vec<u8>)>,
    now: Instant,
    /// By sender and stream: numbers of messages sent and received.
    sent: BTreeMap<(usize, u16), u32>,
    got: BTreeMap<(usize, u16), u32>,
    /// Somebody ended it, or began anew: messages may be gone.
    excused: bool,
    /// Messages are pulled in parts; by receiver and message, what has come of those not whole.
    in_parts: bool,
    pieces: BTreeMap<(usize, u64), Vec<u8>>,
}

impl World {
    fn send(&mut self, side: usize, stream: u16, length: usize, kind: u8) {
        let reliability = match kind & 3 {
            0 => Reliability::MaxRetransmits(u16::from(kind >> 6)),
            1 => Reliability::Lifetime(Duration::from_millis(u64::from(kind))),
            _ => Reliability::Reliable,
        };
        // Streams from 8 up carry numbered messages, the others anything.
        let reliable = stream >= 8;
        let number = self.sent.get(&(side, stream)).copied().unwrap_or(0);
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(4 + length, 7);
        let options = SendOptions {
            ppid: 53,
            unordered: !reliable && kind & 4 != 0,
            reliability: if reliable { Reliability::Reliable } else { reliability },
        };
        if self.ends[side].send(self.now, stream, payload.into(), options).is_ok() && reliable {
            self.sent.insert((side, stream), number + 1);
        }
    }

    fn transmit(&mut self, side: usize, delay: u64, damage: Option<u8>, lost: bool, twice: bool) {
        let mut out = Vec::new();
        if self.ends[side].poll_transmit(self.now, &mut out).is_none() || lost {
            return;
        }
        if let Some(at) = damage {
            let at = usize::from(at) % out.len();
            // DTLS would not let this through; ports, tag and checksum must.
            if out.get(8..12) != Some(&[0; 4]) {
                out[at] ^= 1;
            }
        }
        let at = self.now + Duration::from_millis(delay);
        if twice {
            self.flying.push_back((1 - side, at, out.clone()));
        }
        self.flying.push_back((1 - side, at, out));
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.now;
        let (due, later): (VecDeque<_>, VecDeque<_>) = self.flying.drain(..).partition(|f| f.1 <= now);
        self.flying = later;
        for (side, _, mut datagram) in due {
            self.ends[side].handle_input(now, &mut datagram);
        }
        for end in &mut self.ends {
            if end.poll_timeout().is_some_and(|at| at <= now) {
                end.handle_timeout(now);
            }
        }
    }

    /// The next whole message: its stream and octets.
    fn pull(&mut self, side: usize) -> Option<(u16, Vec<u8>)> {
        if !self.in_parts {
            return self.ends[side]
                .receive(self.now)
                .map(|message| (message.stream, message.payload.to_vec()));
        }
        loop {
            let part = self.ends[side].receive_part(self.now)?;
            let key = (side, part.message);
            assert_eq!(self.pieces.contains_key(&key), !part.begins, "message {key:?}");
            let pieces = self.pieces.entry(key).or_default();
            pieces.extend(part.chunks.concat());
            match part.end {
                PartEnd::More => {}
                PartEnd::Complete => return self.pieces.remove(&key).map(|whole| (part.stream, whole)),
                _ => {
                    assert!(self.excused || part.stream < 8, "a reliable message was given up");
                    self.pieces.remove(&key);
                }
            }
        }
    }

    fn receive(&mut self, side: usize) {
        while let Some((stream, payload)) = self.pull(side) {
            if stream >= 8 {
                let next = self.got.entry((1 - side, stream)).or_default();
                let number = payload.get(..4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
                assert!(self.excused || number == *next, "stream {stream}: {number} for {next}");
                *next = number + 1;
            }
        }
        while self.ends[side].poll_event().is_some() {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [first, commands @ ..] = bytes else { return };
    let mut config = Config::default();
    config.controller = match first & 3 {
        0 => Controller::NewReno,
        1 => Controller::Model,
        _ => Controller::Cubic,
    };
    if first & 4 != 0 {
        (config.receive_window, config.max_receive_message) = (20_000, 12_000);
    }
    config.partial_delivery_point = (first & 16 != 0).then_some(2000);
    let ends = [1, 2].map(|seed| Association::new(config.clone(), &mut rng(seed)));
    let mut world = World {
        ends,
        flying: VecDeque::new(),
        now: clock::origin(),
        sent: BTreeMap::new(),
        got: BTreeMap::new(),
        excused: false,
        in_parts: first & 16 != 0,
        pieces: BTreeMap::new(),
    };
    for side in 0..=usize::from(first >> 3 & 1) {
        world.ends[side].connect(world.now);
    }
    for command in commands.chunks(3).take(3000) {
        let [what, bend, more] = [0, 1, 2].map(|at| command.get(at).copied().unwrap_or(0));
        let side = usize::from(what & 1);
        match what >> 1 & 15 {
            0 | 1 => world.send(side, u16::from(bend & 15), usize::from(more) * 40, bend),
            2 => world.receive(side),
            3 => world.pass(Duration::from_millis(u64::from(bend) * 8)),
            4 if bend & 7 == 0 => {
                // Numbered streams keep their numbers.
                let _ = world.ends[side].reset_streams(world.now, &[u16::from(more & 7)]);
            }
            5 if bend == 255 => {
                world.excused = true;
                match more & 3 {
                    0 => world.ends[side].shutdown(world.now),
                    1 => world.ends[side].abort(world.now),
                    _ => {
                        world.pieces.retain(|key, _| key.0 != side);
                        world.ends[side] = Association::new(config.clone(), &mut rng(u64::from(more) + 9));
                        world.ends[side].connect(world.now);
                    }
                }
            }
            6 if bend & 31 == 0 => world.ends[side].path_changed(world.now),
            7 if bend & 31 == 0 => world.ends[side].set_path_mtu(800 + usize::from(more)),
            _ => {
                let damage = (bend > 250).then_some(more);
                world.transmit(side, u64::from(more & 31), damage, bend & 7 == 7, bend & 0x38 == 0x38);
                world.pass(Duration::from_millis(u64::from(what >> 5)));
            }
        }
    }
    // A good link from here on.
    for _ in 0..400 {
        let mut quiet = true;
        for side in 0..2 {
            for _ in 0..200 {
                let before = world.flying.len();
                world.transmit(side, 5, None, false, false);
                if world.flying.len() == before {
                    break;
                }
                quiet = false;
            }
            world.receive(side);
        }
        let next = world.ends.iter().filter_map(Association::poll_timeout).min();
        let step = next.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(world.now));
        world.pass(if quiet && world.flying.is_empty() { step } else { Duration::from_millis(1) });
    }
    if !world.excused && world.ends.iter().all(|end| end.state() == AssociationState::Established) {
        for (key, sent) in &world.sent {
            let got = world.got.get(key).copied().unwrap_or(0);
            let busy =
                world.ends[key.0].buffered_amount_total() > 0 || world.ends[key.0].stats().outstanding > 0;
            assert!(got == *sent || busy, "stream {key:?}: {got} of {sent} and nothing on its way");
        }
    }
});
