//! Drives a TURN server with real sockets, on one thread: the kernel says which sockets have something, the machine says
//! what becomes of it.

mod options;
mod streams;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use nomagic_stun::attribute::ConnectionId;
use nomagic_stun::turn::{
    FiveTuple, HEADROOM, Protocol, Server, ServerConfig, ServerEvent, ServerInput, TAILROOM, Transport,
};

pub use options::{Options, OptionsError};

use crate::turn_udp::{Batch, Intake, Udp};
use streams::Stream;

/// A server with its sockets.
#[derive(Debug)]
pub struct Driver {
    server: Server,
    poll: Poll,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    /// Sockets that may have more than was taken.
    ready: VecDeque<usize>,
    clients: HashMap<FiveTuple, usize>,
    doors: HashMap<SocketAddr, usize>,
    relayed: HashMap<(Protocol, SocketAddr), usize>,
    connections: BTreeMap<ConnectionId, usize>,
    intake: Intake,
    batch: Batch,
    message: Vec<u8>,
    chunk: Box<[u8]>,
    swept: Instant,
    seeded: Instant,
    streams: usize,
}

/// What a token stands for.
#[derive(Debug)]
enum Socket {
    /// Clients come here with datagrams.
    Clients(Udp),
    /// A relayed address.
    Relayed(Udp),
    /// Clients come here with streams.
    Door(TcpListener, SocketAddr),
    /// Peers come here with streams.
    RelayedDoor(TcpListener, SocketAddr),
    /// A client's or a peer's.
    Stream(Stream),
}

/// Rounds that one socket gets before the others have their turn.
const ROUNDS: usize = 8;
/// Streams at a time, of clients and peers together.
const STREAMS: usize = 8192;
/// Streams of one client address, once half of all are taken: nobody can have them all without a password.
const SHARE: usize = STREAMS / 8;
/// How often stale streams are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How often the server's generator gets fresh randomness.
const RESEED: Duration = Duration::from_secs(3600);

/// Lets the process open as many sockets as the system allows: each allocation takes one.
pub fn raise_socket_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // What is refused leaves fewer allocations.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

impl Driver {
    /// Opens the doors: each address for datagrams and for streams.
    ///
    /// # Errors
    /// An address is in use, or not ours, to listen at or to relay from.
    pub fn new(config: ServerConfig, listen: &[SocketAddr]) -> io::Result<Self> {
        let mut config = config;
        let relays = config.relays.clone();
        // On Linux each socket can be told for a single datagram.
        config.dont_fragment = cfg!(target_os = "linux");
        let now = Instant::now();
        let mut server = Server::new(config, &mut rand::rng());
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        server.set_unix_time(now, unix);
        let mut driver = Self {
            server,
            poll: Poll::new()?,
            sockets: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            clients: HashMap::new(),
            doors: HashMap::new(),
            relayed: HashMap::new(),
            connections: BTreeMap::new(),
            intake: Intake::default(),
            batch: Batch::default(),
            message: Vec::new(),
            chunk: vec![0; 65_536].into(),
            swept: now,
            seeded: now,
            streams: 0,
        };
        for range in relays {
            Udp::bind(SocketAddr::new(range.ip, 0)).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot relay from {}: {error}", range.ip))
            })?;
        }
        for address in listen {
            let at = |error: io::Error| {
                io::Error::new(error.kind(), format!("cannot listen at {address}: {error}"))
            };
            let udp = Udp::bind(*address).map_err(at)?;
            let local = udp.local;
            let key = driver.add(Socket::Clients(udp))?;
            driver.doors.insert(local, key);
            driver.add(Socket::Door(TcpListener::bind(local).map_err(at)?, local))?;
        }
        Ok(driver)
    }

    /// The addresses at which clients are served.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.keys().copied().collect()
    }

    /// The machine, for its counters.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until `end`.
    ///
    /// # Errors
    /// The system's waiting is broken.
    pub fn run_until(&mut self, end: Option<Instant>) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            if end.is_some_and(|end| end <= now) {
                return Ok(());
            }
            self.poll.poll(&mut events, Some(self.wait(now, end))).or_else(ignore_interrupts)?;
            for event in &events {
                let key = event.token().0;
                if event.is_writable() {
                    self.write_stream(key);
                }
                if event.is_readable() || event.is_read_closed() {
                    self.ready.push_back(key);
                }
            }
            for _ in 0..self.ready.len() {
                if let Some(key) = self.ready.pop_front() {
                    self.read(key);
                }
            }
            let now = Instant::now();
            self.server.handle_timeout(now);
            self.serve(now);
            self.housekeeping(now);
        }
    }

    fn wait(&self, now: Instant, end: Option<Instant>) -> Duration {
        if !self.ready.is_empty() {
            return Duration::ZERO;
        }
        let next = self.server.poll_timeout().into_iter().chain(end).min();
        // Rounded up, since the kernel counts milliseconds and rounds down.
        let wait = next.map_or(SWEEP, |next| next.saturating_duration_since(now) + Duration::from_millis(1));
        wait.min(SWEEP)
    }

    fn add(&mut self, mut socket: Socket) -> io::Result<usize> {
        let key = self.free.pop().unwrap_or_else(|| {
            self.sockets.push(None);
            self.sockets.len() - 1
        });
        let (registry, token) = (self.poll.registry(), Token(key));
        let registered = match &mut socket {
            Socket::Clients(udp) | Socket::Relayed(udp) => {
                registry.register(&mut udp.io, token, Interest::READABLE)
            }
            Socket::Door(listener, _) | Socket::RelayedDoor(listener, _) => {
                registry.register(listener, token, Interest::READABLE)
            }
            Socket::Stream(stream) => {
                self.streams += 1;
                registry.register(&mut stream.io, token, Interest::READABLE | Interest::WRITABLE)
            }
        };
        self.sockets[key] = Some(socket);
        if let Err(error) = registered {
            self.remove(key);
            return Err(error);
        }
        Ok(key)
    }

    fn remove(&mut self, key: usize) -> Option<Socket> {
        let socket = self.sockets.get_mut(key)?.take()?;
        if matches!(socket, Socket::Stream(_)) {
            self.streams -= 1;
        }
        self.free.push(key);
        Some(socket)
    }

    /// Takes what waits at a socket, a few rounds of it.
    fn read(&mut self, key: usize) {
        for _ in 0..ROUNDS {
            let more = match self.sockets.get(key).and_then(Option::as_ref) {
                Some(Socket::Clients(_)) => self.read_clients(key),
                Some(Socket::Relayed(_)) => self.read_relayed(key),
                Some(Socket::Door(..)) => self.accept_client(key),
                Some(Socket::RelayedDoor(..)) => self.accept_peer(key),
                Some(Socket::Stream(_)) => self.read_stream(key),
                None => return,
            };
            if !more {
                return;
            }
        }
        self.ready.push_back(key);
    }

    fn read_clients(&mut self, key: usize) -> bool {
        let Self { server, sockets, intake, batch, relayed, .. } = self;
        let find = |key: usize| match sockets.get(key).and_then(Option::as_ref) {
            Some(Socket::Clients(udp) | Socket::Relayed(udp)) => Some(udp),
            _ => None,
        };
        let Some(door) = find(key) else { return false };
        let now = Instant::now();
        let more = intake.receive(door, |client, buffer| {
            let from = FiveTuple { client, server: door.local, transport: Transport::Udp };
            let end = buffer.len() - TAILROOM;
            if let ServerInput::Payload(outward) = server.handle_input(now, from, &mut buffer[HEADROOM..end])
                && let Some(relay) = relayed.get(&(Protocol::Udp, outward.relayed))
            {
                match find(*relay).filter(|_| outward.dont_fragment) {
                    Some(socket) => socket.send_whole(outward.peer, outward.data),
                    None => batch.push(*relay, outward.peer, outward.data, find),
                }
            }
        });
        batch.flush(find);
        self.serve(now);
        more.unwrap_or(false)
    }

    fn read_relayed(&mut self, key: usize) -> bool {
        let Self { server, sockets, intake, batch, doors, clients, .. } = self;
        let find = |key: usize| match sockets.get(key).and_then(Option::as_ref) {
            Some(Socket::Clients(udp) | Socket::Relayed(udp)) => Some(udp),
            _ => None,
        };
        let Some(relay) = find(key) else { return false };
        let now = Instant::now();
        let mut for_streams: Vec<(usize, Vec<u8>)> = Vec::new();
        let more = intake.receive(relay, |peer, buffer| {
            let data = HEADROOM..buffer.len() - TAILROOM;
            let Some(inward) = server.handle_peer_input(now, relay.local, peer, buffer, data) else { return };
            if inward.to.transport == Transport::Udp {
                if let Some(door) = doors.get(&inward.to.server) {
                    batch.push(*door, inward.to.client, inward.message, find);
                }
            } else if let Some(stream) = clients.get(&inward.to) {
                for_streams.push((*stream, inward.message.to_vec()));
            }
        });
        batch.flush(find);
        for (stream, message) in for_streams {
            self.write_data(stream, &message);
        }
        more.unwrap_or(false)
    }

    /// Sends what the machine has to say, and does what it wants done.
    fn serve(&mut self, now: Instant) {
        loop {
            self.message.clear();
            let Some(transmit) = self.server.poll_transmit(now, &mut self.message) else { break };
            match transmit.to.transport {
                Transport::Udp => {
                    let door = self.doors.get(&transmit.to.server).and_then(|key| self.sockets.get(*key));
                    if let Some(Some(Socket::Clients(udp))) = door {
                        let _ = udp.io.send_to(&self.message, transmit.to.client);
                    }
                }
                _ => {
                    if let Some(key) = self.clients.get(&transmit.to).copied() {
                        let message = std::mem::take(&mut self.message);
                        self.write_message(key, &message);
                        self.message = message;
                    }
                }
            }
        }
        while let Some(event) = self.server.poll_event() {
            self.act(now, event);
        }
    }

    fn act(&mut self, now: Instant, event: ServerEvent) {
        match event {
            ServerEvent::Open { relayed, protocol } => {
                let socket = match protocol {
                    Protocol::Udp => Udp::bind(relayed).map(Socket::Relayed),
                    Protocol::Tcp => {
                        streams::listen(relayed).map(|listener| Socket::RelayedDoor(listener, relayed))
                    }
                };
                let key = socket.and_then(|socket| self.add(socket));
                if let Ok(key) = key {
                    self.relayed.insert((protocol, relayed), key);
                }
                self.server.relay_opened(now, relayed, protocol, key.is_ok());
                self.serve(now);
            }
            ServerEvent::Close { relayed, protocol } => {
                if let Some(key) = self.relayed.remove(&(protocol, relayed)) {
                    self.remove(key);
                }
            }
            ServerEvent::Connect { connection, relayed, peer } => {
                self.connect(now, connection, relayed, peer);
            }
            ServerEvent::Join { connection, client } => self.join(connection, client),
            ServerEvent::Disconnect { connection } => {
                if let Some(key) = self.connections.remove(&connection) {
                    self.finish(key);
                }
            }
            ServerEvent::Hangup { client } => {
                if let Some(key) = self.clients.remove(&client) {
                    self.finish(key);
                }
            }
            _ => {}
        }
    }

    fn housekeeping(&mut self, now: Instant) {
        if now - self.swept >= SWEEP {
            self.swept = now;
            self.sweep_streams(now);
        }
        if now - self.seeded >= RESEED {
            self.seeded = now;
            self.server.reseed(&mut rand::rng());
        }
    }
}

fn ignore_interrupts(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
