//! TCP: clients that come with streams, and connections to peers (RFC 6062).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use nomagic_stun::attribute::ConnectionId;
use nomagic_stun::turn::{FiveTuple, Protocol, ServerInput, Transport, next_message};
use socket2::{Domain, Protocol as Kind, Socket as RawSocket, Type};

use super::{Driver, SHARE, STREAMS, Socket};

/// A connection, and what waits to be written to it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) io: TcpStream,
    role: Role,
    /// Read and not yet taken apart.
    inward: Vec<u8>,
    outward: Vec<u8>,
    /// Closed as soon as everything is written; nothing more is read.
    ending: bool,
    /// When it began, or when its end began.
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    /// A client's messages.
    Client(FiveTuple),
    /// A client's data for a peer.
    Carrier(FiveTuple, usize),
    /// To a peer, not connected yet.
    Connecting(ConnectionId),
    /// To a peer; without a client nothing is read from it.
    Peer(ConnectionId, Option<usize>),
}

/// Octets that wait for a slow reader; beyond, data from peers are dropped and carried data wait.
const WAITING: usize = 1 << 18;
/// Octets of a client without an allocation: of its next message, and of the answers that it does not read. What comes
/// behind them waits with the kernel.
const STRANGER: usize = 4096;
/// How long a client's stream may be without an allocation, and how long a closing one may take to be read.
const IDLE: Duration = Duration::from_secs(30);

/// EINPROGRESS, which the standard library has no name for yet.
const IN_PROGRESS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 115 } else { 36 };

/// A listener at a relayed address, from which connections can be made too.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = shared(address)?;
    socket.listen(128)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn shared(address: SocketAddr) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Kind::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl Stream {
    fn new(io: TcpStream, role: Role) -> Self {
        // Small messages are not to wait for others.
        let _ = io.set_nodelay(true);
        Self { io, role, inward: Vec::new(), outward: Vec::new(), ending: false, since: Instant::now() }
    }

    /// Writes as much as the system takes; `false` when the connection is gone.
    fn write(&mut self) -> bool {
        let mut written = 0;
        while written < self.outward.len() {
            match self.io.write(&self.outward[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.outward.drain(..written);
        true
    }
}

impl Driver {
    pub(super) fn accept_client(&mut self, key: usize) -> bool {
        let Some(Some(Socket::Door(listener, server))) = self.sockets.get(key) else { return false };
        let (server, transport) = (*server, Transport::Tcp);
        let (io, client) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => return is_passing(&error),
        };
        if self.has_room(client.ip()) {
            let from = FiveTuple { client, server, transport };
            if let Ok(key) = self.add(Socket::Stream(Stream::new(io, Role::Client(from)))) {
                self.clients.insert(from, key);
                self.ready.push_back(key);
            }
        }
        true
    }

    fn has_room(&self, client: IpAddr) -> bool {
        let own = || self.clients.keys().filter(|own| own.client.ip() == client).count();
        self.streams < STREAMS / 2 || (self.streams < STREAMS && own() < SHARE)
    }

    pub(super) fn accept_peer(&mut self, key: usize) -> bool {
        let Some(Some(Socket::RelayedDoor(listener, relayed))) = self.sockets.get(key) else { return false };
        let relayed = *relayed;
        let (io, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => return is_passing(&error),
        };
        if self.streams < STREAMS
            && let Some(connection) = self.server.handle_connection(Instant::now(), relayed, peer)
        {
            let stream = Stream::new(io, Role::Peer(connection, None));
            match self.add(Socket::Stream(stream)) {
                Ok(key) => {
                    self.connections.insert(connection, key);
                }
                Err(_) => self.server.handle_peer_disconnect(Instant::now(), connection),
            }
        }
        true
    }

    pub(super) fn connect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        relayed: SocketAddr,
        peer: SocketAddr,
    ) {
        let known = self.relayed.contains_key(&(Protocol::Tcp, relayed));
        let begin = || -> io::Result<TcpStream> {
            let socket = shared(relayed)?;
            match socket.connect(&peer.into()) {
                // Under way: the kernel says when it is writable.
                Err(error)
                    if error.raw_os_error() != Some(IN_PROGRESS) && error.kind() != ErrorKind::WouldBlock =>
                {
                    Err(error)
                }
                _ => Ok(TcpStream::from_std(socket.into())),
            }
        };
        let begun = if known && self.streams < STREAMS { begin().ok() } else { None };
        let key =
            begun.and_then(|io| self.add(Socket::Stream(Stream::new(io, Role::Connecting(connection)))).ok());
        match key {
            Some(key) => {
                self.connections.insert(connection, key);
            }
            None => self.server.connected(now, connection, false),
        }
    }

    /// The client's connection and the peer's become one; what the client has sent behind its request goes first.
    pub(super) fn join(&mut self, connection: ConnectionId, client: FiveTuple) {
        let (Some(peer), Some(carrier)) = (self.connections.get(&connection), self.clients.get(&client))
        else {
            return;
        };
        let (peer, carrier) = (*peer, *carrier);
        if let Some(Socket::Stream(stream)) = self.sockets[peer].as_mut() {
            stream.role = Role::Peer(connection, Some(carrier));
        }
        let mut rest = Vec::new();
        if let Some(Socket::Stream(stream)) = self.sockets[carrier].as_mut() {
            stream.role = Role::Carrier(client, peer);
            rest = std::mem::take(&mut stream.inward);
        }
        self.pass_on(peer, &rest);
        // What has come in so far was left with the kernel.
        self.ready.extend([peer, carrier]);
    }

    /// A connection of ours is to end, after what is written.
    pub(super) fn finish(&mut self, key: usize) {
        let Some(Some(Socket::Stream(stream))) = self.sockets.get_mut(key) else { return };
        (stream.ending, stream.since) = (true, Instant::now());
        if !stream.write() || stream.outward.is_empty() {
            self.remove(key);
        }
    }

    pub(super) fn read_stream(&mut self, key: usize) -> bool {
        let mut chunk = std::mem::take(&mut self.chunk);
        let more = self.read_chunk(key, &mut chunk);
        self.chunk = chunk;
        more
    }

    fn read_chunk(&mut self, key: usize, chunk: &mut [u8]) -> bool {
        let Some(Some(Socket::Stream(stream))) = self.sockets.get(key) else { return false };
        // The partner of one that is ending is gone, and its place may be another's.
        if stream.ending {
            return false;
        }
        let (partner, most) = match stream.role {
            Role::Client(from) => {
                (None, if self.server.has_allocation(from) { chunk.len() } else { STRANGER })
            }
            Role::Carrier(_, partner) | Role::Peer(_, Some(partner)) => (Some(partner), chunk.len()),
            // Nothing is read before there is somebody to read it.
            Role::Connecting(_) | Role::Peer(_, None) => return false,
        };
        if self.is_full(partner.unwrap_or(key)) {
            // Read on when the other side has written, or the client has read its answers.
            return false;
        }
        let Some(Some(Socket::Stream(stream))) = self.sockets.get_mut(key) else { return false };
        match stream.io.read(&mut chunk[..most]) {
            Ok(0) => {
                self.gone(key);
                false
            }
            Ok(count) => {
                match partner {
                    Some(partner) => self.pass_on(partner, &chunk[..count]),
                    None => {
                        stream.inward.extend_from_slice(&chunk[..count]);
                        self.take_apart(key);
                    }
                }
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(_) => {
                self.gone(key);
                false
            }
        }
    }

    /// Whether so much waits to be written to a stream that what leads to more of it is not read.
    fn is_full(&self, key: usize) -> bool {
        let Some(Some(Socket::Stream(stream))) = self.sockets.get(key) else { return false };
        let most = match stream.role {
            Role::Client(from) if !self.server.has_allocation(from) => STRANGER,
            // Answers find room behind the most data.
            Role::Client(_) => 2 * WAITING,
            _ => WAITING,
        };
        stream.outward.len() > most
    }

    /// Hands the messages of a client's stream to the machine, until one makes it a carrier of data.
    fn take_apart(&mut self, key: usize) {
        let now = Instant::now();
        while !self.is_full(key) {
            let Some(Some(Socket::Stream(stream))) = self.sockets.get_mut(key) else { return };
            let Role::Client(from) = stream.role else { return };
            let mut message = match next_message(&stream.inward) {
                Ok(Some(len)) if len <= stream.inward.len() => {
                    stream.inward.drain(..len).collect::<Vec<u8>>()
                }
                Ok(Some(len)) if len <= STRANGER || self.server.has_allocation(from) => return,
                Ok(None) => return,
                // Neither, or a message so long that only a client with an allocation has a use for it.
                Ok(Some(_)) | Err(_) => {
                    self.gone(key);
                    return;
                }
            };
            if let ServerInput::Payload(outward) = self.server.handle_input(now, from, &mut message)
                && let Some(relay) = self.relayed.get(&(Protocol::Udp, outward.relayed))
                && let Some(Some(Socket::Relayed(udp))) = self.sockets.get(*relay)
            {
                if outward.dont_fragment {
                    udp.send_whole(outward.peer, outward.data);
                } else {
                    let _ = udp.io.send_to(outward.data, outward.peer);
                }
            }
            self.serve(now);
        }
    }

    /// A message for a client.
    pub(super) fn write_message(&mut self, key: usize, message: &[u8]) {
        self.pass_on(key, message);
    }

    /// Data for a client; those that find too much waiting are dropped, as on any full network.
    pub(super) fn write_data(&mut self, key: usize, message: &[u8]) {
        if let Some(Some(Socket::Stream(stream))) = self.sockets.get(key)
            && stream.outward.len() <= WAITING
        {
            self.pass_on(key, message);
        }
    }

    fn pass_on(&mut self, key: usize, bytes: &[u8]) {
        let Some(Some(Socket::Stream(stream))) = self.sockets.get_mut(key) else { return };
        stream.outward.extend_from_slice(bytes);
        if !stream.write() {
            self.gone(key);
        }
    }

    /// The system takes more again, or a connection has come about.
    pub(super) fn write_stream(&mut self, key: usize) {
        let Some(Some(Socket::Stream(stream))) = self.sockets.get_mut(key) else { return };
        if let Role::Connecting(connection) = stream.role {
            let failed = !matches!(stream.io.take_error(), Ok(None));
            if !failed && stream.io.peer_addr().is_err() {
                return;
            }
            stream.role = Role::Peer(connection, None);
            if failed {
                self.connections.remove(&connection);
                self.remove(key);
            }
            self.server.connected(Instant::now(), connection, !failed);
            return;
        }
        if !stream.write() {
            self.gone(key);
            return;
        }
        let (ending, empty) = (stream.ending, stream.outward.is_empty());
        match stream.role {
            _ if ending || !empty => {}
            Role::Carrier(_, partner) | Role::Peer(_, Some(partner)) => self.ready.push_back(partner),
            _ => {
                // What was not read while answers waited.
                self.take_apart(key);
                self.ready.push_back(key);
            }
        }
        if ending && empty {
            self.remove(key);
        }
    }

    /// The other end has closed, or the connection is broken.
    fn gone(&mut self, key: usize) {
        let Some(Socket::Stream(stream)) = self.remove(key) else { return };
        let now = Instant::now();
        match stream.role {
            Role::Client(from) | Role::Carrier(from, _) => {
                self.clients.remove(&from);
                self.server.handle_disconnect(now, from);
            }
            Role::Connecting(connection) => {
                self.connections.remove(&connection);
                self.server.connected(now, connection, false);
            }
            Role::Peer(connection, _) => {
                self.connections.remove(&connection);
                self.server.handle_peer_disconnect(now, connection);
            }
        }
        while let Some(event) = self.server.poll_event() {
            self.act(now, event);
        }
    }

    /// Closes streams that clients have opened and not used, and those whose last octets nobody reads; looks for
    /// connections that could not be accepted before.
    pub(super) fn sweep_streams(&mut self, now: Instant) {
        let stale = |socket: &Option<Socket>| match socket {
            Some(Socket::Stream(Stream { ending: true, since, .. })) => now - *since > IDLE,
            Some(Socket::Stream(Stream { role: Role::Client(from), since, .. })) => {
                now - *since > IDLE && !self.server.has_allocation(*from)
            }
            _ => false,
        };
        let sockets = || self.sockets.iter().enumerate();
        let doors = sockets()
            .filter(|(_, socket)| matches!(socket, Some(Socket::Door(..) | Socket::RelayedDoor(..))));
        self.ready.extend(doors.map(|(key, _)| key));
        let keys = sockets().filter(|(_, socket)| stale(socket)).map(|(key, _)| key);
        for key in keys.collect::<Vec<_>>() {
            self.gone(key);
        }
    }
}

/// Whether more may wait behind a connection that could not be accepted. Where the system has no room, the next sweep tries
/// again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
}
