//! Drives a STUN server with real sockets, on one thread: UDP and TCP at each of its addresses.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Token};
use nomagic_stun::turn::next_message;
use nomagic_stun::{AddressPair, BindingServer, BindingServerConfig, FiveTuple, Transport};

/// A server with its sockets.
#[derive(Debug)]
pub struct Driver {
    server: BindingServer,
    poll: Poll,
    doors: Vec<(SocketAddr, UdpSocket, TcpListener)>,
    streams: BTreeMap<usize, Stream>,
    next_stream: usize,
    seeded: Instant,
}

#[derive(Debug)]
struct Stream {
    io: TcpStream,
    from: FiveTuple,
    inward: Vec<u8>,
    since: Instant,
}

/// Streams at a time; whoever comes then has to come again.
const STREAMS: usize = 1024;
/// How long a stream may last: a client needs it for one question.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often the server's generator gets fresh randomness.
const RESEED: Duration = Duration::from_secs(3600);
/// Octets that may wait in a stream for the end of their message.
const MESSAGE: usize = 4096;

impl Driver {
    /// Opens the doors: those of the config's pairs, and `others`.
    ///
    /// # Errors
    /// An address is in use, or not ours.
    pub fn new(config: BindingServerConfig, others: &[SocketAddr]) -> io::Result<Self> {
        let mut addresses: Vec<SocketAddr> = config.pairs.iter().flat_map(AddressPair::sockets).collect();
        addresses.extend(others);
        let poll = Poll::new()?;
        let mut doors = Vec::new();
        for address in addresses {
            let at = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
            let mut udp = UdpSocket::bind(address).map_err(at)?;
            let local = udp.local_addr()?;
            let mut tcp = TcpListener::bind(local).map_err(at)?;
            poll.registry().register(&mut udp, Token(2 * doors.len()), Interest::READABLE)?;
            poll.registry().register(&mut tcp, Token(2 * doors.len() + 1), Interest::READABLE)?;
            doors.push((local, udp, tcp));
        }
        Ok(Self {
            server: BindingServer::new(config, &mut rand::rng()),
            poll,
            next_stream: 2 * doors.len(),
            doors,
            streams: BTreeMap::new(),
            seeded: Instant::now(),
        })
    }

    /// The addresses at which it answers.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.doors.iter().map(|(address, ..)| *address)
    }

    /// The machine, for its counters.
    pub fn server(&self) -> &BindingServer {
        &self.server
    }

    /// Serves until `end`.
    ///
    /// # Errors
    /// The system's waiting is broken.
    pub fn run_until(&mut self, end: Option<Instant>) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut buffer = vec![0; 65_536];
        while end.is_none_or(|end| Instant::now() < end) {
            let wait = end.map_or(PATIENCE, |end| end.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, Some(wait.min(PATIENCE))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                let key = event.token().0;
                match (self.doors.get(key / 2), key % 2) {
                    (Some(_), 0) => self.read_datagrams(key / 2, &mut buffer),
                    (Some(_), _) => self.accept(key / 2),
                    (None, _) => self.read_stream(key, &mut buffer),
                }
            }
            self.tidy();
        }
        Ok(())
    }

    fn read_datagrams(&mut self, door: usize, buffer: &mut [u8]) {
        while let Some((server, udp, _)) = self.doors.get(door) {
            let from = match udp.recv_from(buffer) {
                Ok((len, client)) => {
                    let from = FiveTuple { client, server: *server, transport: Transport::Udp };
                    (len, from)
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) =>
                {
                    continue;
                }
                Err(_) => return,
            };
            self.server.handle_input(Instant::now(), from.1, &mut buffer[..from.0]);
            self.answer();
        }
    }

    fn accept(&mut self, door: usize) {
        while let Some((server, _, tcp)) = self.doors.get(door) {
            let Ok((mut io, client)) = tcp.accept() else { return };
            let from = FiveTuple { client, server: *server, transport: Transport::Tcp };
            let key = self.next_stream;
            if self.streams.len() < STREAMS
                && self.poll.registry().register(&mut io, Token(key), Interest::READABLE).is_ok()
            {
                self.next_stream += 1;
                let since = Instant::now();
                self.streams.insert(key, Stream { io, from, inward: Vec::new(), since });
                // What came with the connection may not be announced again.
                self.read_stream(key, &mut [0; MESSAGE]);
            }
        }
    }

    fn read_stream(&mut self, key: usize, buffer: &mut [u8]) {
        loop {
            let Some(stream) = self.streams.get_mut(&key) else { return };
            match stream.io.read(buffer) {
                Ok(0) => break,
                Ok(len) => stream.inward.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            let from = stream.from;
            while let Some(stream) = self.streams.get_mut(&key) {
                match next_message(&stream.inward) {
                    Ok(Some(len)) if len <= stream.inward.len() => {
                        let mut message: Vec<u8> = stream.inward.drain(..len).collect();
                        self.server.handle_input(Instant::now(), from, &mut message);
                        self.answer();
                    }
                    Ok(_) if stream.inward.len() < MESSAGE => break,
                    // Neither STUN nor short: nothing more is expected of this client.
                    _ => {
                        self.streams.remove(&key);
                        return;
                    }
                }
            }
        }
        self.streams.remove(&key);
    }

    fn answer(&mut self) {
        let mut out = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(Instant::now(), &mut out) {
            let to = transmit.to;
            if to.transport == Transport::Udp {
                let door = self.doors.iter().find(|(address, ..)| *address == to.server);
                // What the system refuses counts as lost, as on any network.
                let _ = door.map(|(_, udp, _)| udp.send_to(&out, to.client));
            } else if let Some((key, stream)) = self.streams.iter_mut().find(|(_, stream)| stream.from == to)
            {
                // An answer fits into the kernel's buffer, unless its client does not read.
                let (key, written) = (*key, stream.io.write_all(&out));
                if written.is_err() {
                    self.streams.remove(&key);
                }
            }
            out.clear();
        }
    }

    fn tidy(&mut self) {
        let now = Instant::now();
        self.streams.retain(|_, stream| now - stream.since < PATIENCE);
        if now - self.seeded > RESEED {
            self.seeded = now;
            self.server.reseed(&mut rand::rng());
        }
    }
}
