//! Associations and data channels as machines of the test kit, and short ways to run a pair of them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::channel::Channels;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::param::ParamType;
use nomagic_sctp::{Association, AssociationState, Config, Event, Received};
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// A machine in the test kit's terms.
pub struct End<M>(pub M);

impl<M> Deref for End<M> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M> DerefMut for End<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.0
    }
}

macro_rules! machine {
    ($machine:ty) => {
        impl Machine for End<$machine> {
            fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
                self.0.handle_input(now, datagram);
            }
            fn handle_timeout(&mut self, now: Instant) {
                self.0.handle_timeout(now);
            }
            fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
                let before = out.len();
                let sent = self.0.poll_transmit(now, out);
                assert_eq!(sent.map_or(0, |t| t.length), out.len() - before);
                sent.is_some()
            }
            fn poll_timeout(&self) -> Option<Instant> {
                self.0.poll_timeout()
            }
            fn close(&mut self, now: Instant) {
                self.0.close(now);
            }
            fn is_closed(&self) -> bool {
                self.0.is_closed()
            }
            fn drain_events(&mut self) -> Vec<String> {
                std::iter::from_fn(|| self.0.poll_event()).map(|event| format!("{event:?}")).collect()
            }
            fn describe(datagram: &[u8]) -> String {
                Packet::parse(datagram).map_or_else(|error| error.to_string(), |packet| packet.to_string())
            }
        }
    };
}

machine!(Association);
machine!(Channels);

pub type Pair = nomagic_testkit::pair::Pair<End<Association>, End<Association>>;

/// Runs that end by themselves.
pub trait Run {
    /// Goes on until `done`, at most for `limit`; says whether it was done.
    fn run(&mut self, limit: Duration, done: impl FnMut(&mut Self) -> bool) -> bool;

    #[track_caller]
    fn must(&mut self, limit: Duration, done: impl FnMut(&mut Self) -> bool) {
        assert!(self.run(limit, done), "not done after {limit:?}");
    }
}

impl<A: Machine, Z: Machine> Run for nomagic_testkit::pair::Pair<A, Z> {
    fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now() + limit;
        loop {
            if done(self) {
                return true;
            }
            if self.now() >= end || !self.step() {
                return false;
            }
        }
    }
}

/// A link of this delay that loses what is larger than a packet may be.
pub fn link(delay_ms: u64) -> Link {
    Link::latency(Duration::from_millis(delay_ms)).largest(Config::default().path_mtu)
}

pub fn pair(config: &Config, link: impl Fn() -> Link, seed: u64) -> Pair {
    pair_over(config, link(), link(), seed)
}

pub fn pair_over(config: &Config, out: Link, back: Link, seed: u64) -> Pair {
    let a = Association::new(config.clone(), &mut rng(seed * 2 + 1));
    let z = Association::new(config.clone(), &mut rng(seed * 2 + 2));
    Pair::with_links(End(a), End(z), out, back, seed)
}

pub fn connected(config: &Config, link: impl Fn() -> Link, seed: u64) -> Pair {
    connected_over(config, link(), link(), seed)
}

pub fn connected_over(config: &Config, out: Link, back: Link, seed: u64) -> Pair {
    let mut pair = pair_over(config, out, back, seed);
    let now = pair.now();
    pair.a.connect(now);
    pair.z.connect(now);
    pair.must(60 * SECOND, |p| both_up(p));
    pair
}

pub fn both_up(p: &Pair) -> bool {
    p.a.state() == AssociationState::Established && p.z.state() == AssociationState::Established
}

pub fn events(association: &mut Association) -> Vec<Event> {
    std::iter::from_fn(|| association.poll_event()).collect()
}

pub fn drain(association: &mut Association, now: Instant) -> Vec<Received> {
    std::iter::from_fn(|| association.receive(now)).collect()
}

/// Octets that tell their place.
pub fn pattern(length: usize, seed: u8) -> Bytes {
    (0..length).map(|k| ((k / 251) % 256) as u8 ^ (k % 251) as u8 ^ seed).collect()
}

/// A peer that is played by the test: it can say anything.
pub struct Played {
    pub end: Association,
    pub now: Instant,
    /// The tag that the machine wants to see.
    pub tag: u32,
    /// The next TSN of the machine.
    pub tsn: u32,
}

/// The tag and first TSN of the played peer.
pub const PEER_TAG: u32 = 77;
pub const PEER_TSN: u32 = 1000;

impl Played {
    /// An association that is up.
    pub fn up(config: Config) -> Self {
        Self::up_with(config, &[0xc0, 0, 0, 4, 0x80, 8, 0, 6, 130, 192, 0, 0])
    }

    /// The same with these parameters in the INIT.
    pub fn up_with(config: Config, params: &[u8]) -> Self {
        let mut played = Self {
            end: Association::new(config, &mut rng(1)),
            now: nomagic_testkit::clock::origin(),
            tag: 0,
            tsn: 0,
        };
        let mut init = Vec::new();
        for field in [PEER_TAG, 100_000, 0xffff_ffff, PEER_TSN] {
            init.extend_from_slice(&u32::to_be_bytes(field));
        }
        init.extend_from_slice(params);
        let answer = played.say(0, &raw(1, 0, &init));
        let packet = Packet::parse(&answer[0]).unwrap();
        let chunk = packet.chunks().next().unwrap();
        let Ok(Chunk::InitAck(ack)) = Chunk::parse(chunk) else { panic!("{packet}") };
        (played.tag, played.tsn) = (ack.tag, ack.initial_tsn);
        let cookie = ack.params.find(ParamType::STATE_COOKIE).unwrap().to_vec();
        let answer = played.say(played.tag, &raw(10, 0, &cookie));
        assert!(text(&answer).contains("COOKIE-ACK"), "{}", text(&answer));
        played
    }

    /// Says chunks and returns the answers.
    pub fn say(&mut self, tag: u32, chunks: &[u8]) -> Vec<Vec<u8>> {
        let mut packet = packet(tag, chunks);
        self.end.handle_input(self.now, &mut packet);
        self.hear()
    }

    /// Says chunks with the right tag.
    pub fn tell(&mut self, chunks: &[u8]) -> Vec<Vec<u8>> {
        self.say(self.tag, chunks)
    }

    /// What the machine has to say.
    pub fn hear(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        loop {
            let mut out = Vec::new();
            if self.end.poll_transmit(self.now, &mut out).is_none() {
                return packets;
            }
            packets.push(out);
            assert!(packets.len() < 10_000);
        }
    }

    /// Lets time pass up to the next deadline.
    pub fn wait(&mut self) -> Vec<Vec<u8>> {
        self.now = self.end.poll_timeout().unwrap().max(self.now);
        self.end.handle_timeout(self.now);
        self.hear()
    }
}

/// A packet with a right checksum.
pub fn packet(tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut out = vec![0x13, 0x88, 0x13, 0x88];
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(chunks);
    let crc = crc32c::crc32c(&out).to_le_bytes();
    out[8..12].copy_from_slice(&crc);
    out
}

/// A chunk, padded.
pub fn raw(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap().to_be_bytes();
    let mut out = vec![kind, flags, length[0], length[1]];
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A DATA chunk; flags: 1 end, 2 begin, 4 unordered.
pub fn data(tsn: u32, flags: u8, stream: u16, ssn: u16, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend_from_slice(&stream.to_be_bytes());
    value.extend_from_slice(&ssn.to_be_bytes());
    value.extend_from_slice(&[0, 0, 0, 53]);
    value.extend_from_slice(payload);
    raw(0, flags, &value)
}

pub fn sack(cumulative: u32, a_rwnd: u32, blocks: &[(u16, u16)]) -> Vec<u8> {
    let mut value = cumulative.to_be_bytes().to_vec();
    value.extend_from_slice(&a_rwnd.to_be_bytes());
    value.extend_from_slice(&u16::try_from(blocks.len()).unwrap().to_be_bytes());
    value.extend_from_slice(&[0, 0]);
    for (start, end) in blocks {
        value.extend_from_slice(&start.to_be_bytes());
        value.extend_from_slice(&end.to_be_bytes());
    }
    raw(3, 0, &value)
}

/// Packets in words.
pub fn text(packets: &[Vec<u8>]) -> String {
    let lines: Vec<String> = packets.iter().map(|p| Packet::parse(p).unwrap().to_string()).collect();
    lines.join("\n")
}

/// The fixed part of an INIT of the played peer, and these parameters.
pub fn init_value(params: &[u8]) -> Vec<u8> {
    init_with([PEER_TAG, 100_000, 0xffff_ffff, PEER_TSN], params)
}

/// The same with other fields: tag, window, both stream counts, TSN.
pub fn init_with(fields: [u32; 4], params: &[u8]) -> Vec<u8> {
    let mut value = fields.map(u32::to_be_bytes).concat();
    value.extend_from_slice(params);
    value
}

/// A state cookie parameter of the played peer.
pub const COOKIE: [u8; 8] = [0, 7, 0, 8, 0xc0, 0x0c, 1, 0xe5];

impl Played {
    /// A machine that nothing has happened to.
    pub fn closed(config: Config) -> Self {
        let end = Association::new(config, &mut rng(7));
        Self { end, now: nomagic_testkit::clock::origin(), tag: 0, tsn: 0 }
    }

    /// A machine that has sent its INIT.
    pub fn calling(config: Config) -> Self {
        let mut played = Self::closed(config);
        played.end.connect(played.now);
        let sent = played.hear();
        let init = value_of(&sent, 1).unwrap();
        played.tag = be32(&init);
        played.tsn = be32(&init[12..]);
        played
    }

    /// A machine that has echoed a cookie.
    pub fn echoing(config: Config) -> Self {
        let mut played = Self::calling(config);
        let params = [&COOKIE[..], &[0xc0, 0, 0, 4]].concat();
        let said = played.tell(&raw(2, 0, &init_value(&params)));
        assert_eq!(kinds(&said), [10]);
        played
    }

    /// An association that the machine began.
    pub fn called(config: Config) -> Self {
        let mut played = Self::echoing(config);
        assert!(played.tell(&raw(11, 0, &[])).is_empty());
        played
    }

    /// Tag and cookie of the answer to an INIT.
    pub fn cookie(&mut self, init: &[u8]) -> Option<(u32, Vec<u8>)> {
        let answer = self.say(0, &raw(1, 0, init));
        let value = value_of(&answer, 2)?;
        let params = nomagic_sctp::param::Params::parse(&value[16..]).unwrap();
        Some((be32(&value), params.find(ParamType::STATE_COOKIE)?.to_vec()))
    }
}

pub fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// All chunks in all packets: type, flags, value.
pub fn chunks(packets: &[Vec<u8>]) -> Vec<(u8, u8, Vec<u8>)> {
    let of = |p: &Vec<u8>| -> Vec<_> {
        Packet::parse(p).unwrap().chunks().map(|c| (c.kind.0, c.flags, c.value.to_vec())).collect()
    };
    packets.iter().flat_map(of).collect()
}

/// The types of all chunks.
pub fn kinds(packets: &[Vec<u8>]) -> Vec<u8> {
    chunks(packets).into_iter().map(|c| c.0).collect()
}

/// The value of the first chunk of a type.
pub fn value_of(packets: &[Vec<u8>], kind: u8) -> Option<Vec<u8>> {
    chunks(packets).into_iter().find(|c| c.0 == kind).map(|c| c.2)
}

/// The tag of the first packet.
pub fn tag_of(packets: &[Vec<u8>]) -> u32 {
    Packet::parse(&packets[0]).unwrap().tag()
}

/// Codes of the causes in the first ERROR or ABORT.
pub fn causes(packets: &[Vec<u8>]) -> Vec<u16> {
    let all = chunks(packets);
    let Some(chunk) = all.iter().find(|c| matches!(c.0, 6 | 9)) else { return Vec::new() };
    nomagic_sctp::cause::Causes::parse(&chunk.2).unwrap().iter().map(|c| c.0.0).collect()
}

/// Why the association ended, if it did.
pub fn ended(played: &mut Played) -> Option<nomagic_sctp::CloseReason> {
    events(&mut played.end).into_iter().find_map(|event| match event {
        Event::Closed(reason) => Some(reason),
        _ => None,
    })
}
