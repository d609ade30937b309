//! Looks into captures: each packet as a tree of the RFC's fields, decrypted where there is a key log.

mod dtls;
mod dump;
mod link;
mod read;
mod rtp;
mod sctp;
mod stream;
mod stun;
mod tree;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_ice::demux::{Class, classify};
use serde_json::{Value as Json, json};

pub use dtls::KeyLog;
pub use dump::read_hex;
pub use read::{Captured, Frame, read};
pub use tree::{Field, Paint, Tree, Value, hex};

use link::Carried;
use stream::{Stream, ends};

/// A packet, and what it says. A frame of TCP can hold several, or none that ends in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// Its frame's place in the capture, from 1.
    pub frame: u64,
    /// Since the capture's first frame.
    pub time: Duration,
    /// From where: address and port, as far as there are any.
    pub source: Option<String>,
    /// Whither.
    pub destination: Option<String>,
    /// `stun`, `turn-channel`, `dtls`, `rtp`, `rtcp`, `sctp` or `unknown`.
    pub protocol: &'static str,
    /// What it says.
    pub tree: Tree,
}

impl Packet {
    /// One object, its fields under the protocol's name.
    pub fn to_json(&self) -> Json {
        json!({
            "frame": self.frame,
            "time": self.time.as_secs_f64(),
            "source": self.source,
            "destination": self.destination,
            "protocol": self.protocol,
            (self.protocol): self.tree.to_json(),
        })
    }

    /// A heading and a line a field, for people.
    pub fn print(&self, paint: Paint) -> String {
        let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "?".to_owned());
        let heading = format!(
            "{} {:.6} s  {} -> {}  {}",
            self.frame,
            self.time.as_secs_f64(),
            end(&self.source),
            end(&self.destination),
            self.protocol,
        );
        let mut out = paint.heading(&heading) + "\n";
        self.tree.print(&mut out, 1, paint);
        out
    }
}

/// What is remembered from packet to packet: connections and streams of the capture.
#[derive(Debug, Default)]
pub struct Dissector {
    keys: KeyLog,
    connections: BTreeMap<(SocketAddr, SocketAddr), dtls::Connection>,
    /// Who talks now where others did when the connection began.
    moved: BTreeMap<(SocketAddr, SocketAddr), (SocketAddr, SocketAddr)>,
    streams: BTreeMap<(SocketAddr, SocketAddr), Stream>,
    began: Option<Duration>,
}

/// Where a packet was found.
#[derive(Clone, Copy)]
struct Place {
    frame: u64,
    time: Duration,
    source: SocketAddr,
    destination: SocketAddr,
}

/// The first octet of DTLS records with a connection id; RFC 9146 section 4.
const TLS12_CID: u8 = 25;

/// Whether a datagram came by itself or in one of TURN's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Outside,
    Relayed,
}

impl Dissector {
    /// With these keys encrypted packets are opened.
    pub fn new(keys: KeyLog) -> Self {
        Self { keys, ..Self::default() }
    }

    /// All packets of a frame.
    pub fn frame(&mut self, frame: &Frame) -> Vec<Packet> {
        let began = *self.began.get_or_insert(frame.time);
        let (number, time) = (frame.number, frame.time.saturating_sub(began));
        let unknown = |ends: Option<(String, String)>, what: String, octets: &[u8]| {
            let (source, destination) = ends.unzip();
            let mut tree = Tree::default();
            tree.add("carries", what);
            tree.add("octets", octets);
            vec![Packet { frame: number, time, source, destination, protocol: "unknown", tree }]
        };
        match link::open(frame.link, &frame.data) {
            Carried::Udp(source, destination, payload) => {
                vec![self.datagram(Place { frame: number, time, source, destination }, payload)]
            }
            Carried::Tcp(source, destination, sequence, segment) => {
                let stream = self.streams.entry((source, destination)).or_default();
                let messages = stream.push(sequence, segment);
                if messages.is_empty() {
                    let ends = (source.to_string(), destination.to_string());
                    return unknown(Some(ends), "TCP".into(), segment);
                }
                let place = Place { frame: number, time, source, destination };
                messages.iter().map(|message| self.datagram(place, message)).collect()
            }
            Carried::Sctp(source, destination, packet) => {
                let (source, destination) = (Some(source.to_string()), Some(destination.to_string()));
                let tree = sctp::packet(packet);
                vec![Packet { frame: number, time, source, destination, protocol: "sctp", tree }]
            }
            Carried::Other(ends, what, octets) => {
                unknown(ends.map(|(from, to)| (from.to_string(), to.to_string())), what, octets)
            }
        }
    }

    /// A datagram without a capture around it.
    pub fn bare(&mut self, number: u64, octets: &[u8]) -> Packet {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let place = Place { frame: number, time: Duration::ZERO, source: nowhere, destination: nowhere };
        Packet { source: None, destination: None, ..self.datagram(place, octets) }
    }

    fn datagram(&mut self, place: Place, octets: &[u8]) -> Packet {
        let (protocol, tree) = self.look(place, octets, Depth::Outside);
        Packet {
            frame: place.frame,
            time: place.time,
            source: Some(place.source.to_string()),
            destination: Some(place.destination.to_string()),
            protocol,
            tree,
        }
    }

    /// Tells the protocols apart by their first octets, as RFC 7983 has it.
    fn look(&mut self, place: Place, octets: &[u8], depth: Depth) -> (&'static str, Tree) {
        match classify(octets) {
            Class::Stun => {
                let mut tree = stun::message(octets);
                if let Some(data) = stun::relayed(octets).filter(|_| depth == Depth::Outside) {
                    self.relayed(&mut tree, place, data);
                }
                ("stun", tree)
            }
            Class::TurnChannel => {
                let (mut tree, data) = stun::channel_data(octets);
                self.relayed(&mut tree, place, data);
                ("turn-channel", tree)
            }
            Class::Dtls => {
                let speakers = self.speakers(place, octets);
                let connection = self.connections.entry(speakers).or_default();
                ("dtls", connection.datagram(place.source, octets, &self.keys))
            }
            Class::Rtp => ("rtp", self.media(place, octets, false)),
            Class::Rtcp => ("rtcp", self.media(place, octets, true)),
            other => {
                let mut tree = Tree::default();
                tree.add("carries", other.to_string());
                tree.add("octets", octets);
                ("unknown", tree)
            }
        }
    }

    /// Whose it is: of those who talk from here to there, unless it carries the id of others, one of whom has moved.
    fn speakers(&mut self, place: Place, octets: &[u8]) -> (SocketAddr, SocketAddr) {
        let here = ends(place.source, place.destination);
        let is_moved = octets.first() == Some(&TLS12_CID)
            && !self.connections.get(&here).is_some_and(|connection| connection.is_named(octets));
        let named = |(_, connection): &(_, &dtls::Connection)| connection.is_named(octets);
        if let Some((key, _)) = self.connections.iter().find(named).filter(|_| is_moved) {
            self.moved.insert(here, *key);
        }
        self.moved.get(&here).copied().unwrap_or(here)
    }

    /// What a relay carries is a datagram like any other, but carries no further one.
    fn relayed(&mut self, tree: &mut Tree, place: Place, data: &[u8]) {
        if matches!(classify(data), Class::Stun | Class::Dtls | Class::Rtp | Class::Rtcp) {
            let (protocol, inner) = self.look(place, data, Depth::Relayed);
            tree.add(protocol, inner);
        }
    }

    fn media(&mut self, place: Place, octets: &[u8], control: bool) -> Tree {
        let connection = self.connections.get_mut(&ends(place.source, place.destination));
        let read = if control { rtp::control } else { rtp::packet };
        let Some(connection) = connection.filter(|connection| connection.srtp.is_some()) else {
            return read(octets, false);
        };
        let mut tree;
        match connection.media(place.source, control, octets) {
            Some(Ok(plain)) => {
                tree = read(&plain, false);
                tree.add("decrypted", true).rfc("RFC 3711 section 3.3");
            }
            Some(Err(fault)) => {
                tree = read(octets, true);
                tree.add("decrypted", false).note(fault).rfc("RFC 3711 section 3.3");
            }
            None => tree = read(octets, true),
        }
        tree
    }
}
