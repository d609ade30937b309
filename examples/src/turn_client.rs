//! Drives a TURN client with real sockets, on the caller's thread: over UDP, or over TCP with a connection for each
//! peer's data where the allocation is for TCP.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_stun::attribute::ConnectionId;
use nomagic_stun::turn::{Client, ClientConfig, ClientEvent, ClientInput, HEADROOM, Transport, next_message};

use crate::turn_udp::Udp;

/// A client with its socket.
#[derive(Debug)]
pub struct Session {
    /// The machine.
    pub client: Client,
    link: Link,
    server: SocketAddr,
    /// Connections that are to carry peers' data, until they do.
    joining: BTreeMap<ConnectionId, Stream>,
    inward: Box<[u8]>,
    outward: Vec<u8>,
    received: Vec<(SocketAddr, Vec<u8>)>,
}

#[derive(Debug)]
enum Link {
    Udp(UdpSocket),
    Tcp(Stream),
}

/// A stream and what has been read from it.
#[derive(Debug)]
struct Stream {
    io: TcpStream,
    inward: Vec<u8>,
}

/// How long one wait of the system's is at most, so that several sockets can be looked at in turn.
const SLICE: Duration = Duration::from_millis(5);

impl Session {
    /// Opens a socket to the server; nothing is asked for yet.
    ///
    /// # Errors
    /// There is no way to the server.
    pub fn open(config: ClientConfig) -> io::Result<Self> {
        let server = config.server;
        let link = match config.transport {
            Transport::Tcp => Link::Tcp(Stream::open(server)?),
            _ => Link::Udp(socket_towards(server)?),
        };
        Ok(Self {
            client: Client::new(config, &mut rand::rng()),
            link,
            server,
            joining: BTreeMap::new(),
            inward: vec![0; 65_536].into(),
            outward: Vec::with_capacity(2048),
            received: Vec::new(),
        })
    }

    /// Our address, as we know it.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn local(&self) -> io::Result<SocketAddr> {
        match &self.link {
            Link::Udp(socket) => socket.local_addr(),
            Link::Tcp(stream) => stream.io.local_addr(),
        }
    }

    /// Takes another port, as if we had come to another network, and has the allocation follow.
    ///
    /// # Errors
    /// There is no other socket to be had, or the allocation cannot follow.
    pub fn move_away(&mut self) -> io::Result<()> {
        self.link = match self.link {
            Link::Udp(_) => Link::Udp(socket_towards(self.server)?),
            Link::Tcp(_) => Link::Tcp(Stream::open(self.server)?),
        };
        if self.client.moved(Instant::now()) { Ok(()) } else { Err(ErrorKind::Unsupported.into()) }
    }

    /// Runs until an event is what `pick` waits for.
    ///
    /// # Errors
    /// It does not come within `limit`, or the socket is broken; in one line.
    pub fn wait_for<T>(
        &mut self,
        limit: Duration,
        mut pick: impl FnMut(&ClientEvent) -> Option<T>,
    ) -> Result<T, String> {
        let end = Instant::now() + limit;
        let mut seen = Vec::new();
        while Instant::now() < end {
            self.round().map_err(|error| error.to_string())?;
            while let Some(event) = self.client.poll_event() {
                if let Some(found) = pick(&event) {
                    return Ok(found);
                }
                seen.push(event);
            }
        }
        Err(format!("nothing came within {limit:?}; what came was {seen:?}"))
    }

    /// Sends to a peer through the server.
    ///
    /// # Errors
    /// The client cannot send to it now, or the socket is broken; in one line.
    pub fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Result<(), String> {
        self.outward.clear();
        self.outward.resize(HEADROOM, 0);
        self.outward.extend_from_slice(data);
        let sealed = self.client.seal(Instant::now(), peer, &mut self.outward, HEADROOM);
        let sealed = sealed.map_err(|error| error.to_string())?;
        self.link.send(&self.outward[sealed.start..], sealed.destination).map_err(|error| error.to_string())
    }

    /// The next datagram from a peer, if one comes in time.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn receive(&mut self, limit: Duration) -> io::Result<Option<(SocketAddr, Vec<u8>)>> {
        let end = Instant::now() + limit;
        while self.received.is_empty() && Instant::now() < end {
            self.round()?;
        }
        Ok(if self.received.is_empty() { None } else { Some(self.received.remove(0)) })
    }

    /// Fetches a peer's connection: connects to the server once more, and has that connection carry the data.
    ///
    /// # Errors
    /// The server does not let it; in one line.
    pub fn fetch(&mut self, connection: ConnectionId) -> Result<TcpStream, String> {
        let stream = Stream::open(self.server).map_err(|error| error.to_string())?;
        self.joining.insert(connection, stream);
        if !self.client.bind_connection(Instant::now(), connection) {
            return Err("the connection is not known".to_owned());
        }
        self.wait_for(Duration::from_secs(10), |event| match event {
            ClientEvent::Joined(joined) if *joined == connection => Some(Ok(())),
            ClientEvent::NotJoined { code, .. } => Some(Err(format!("not joined: {code:?}"))),
            _ => None,
        })??;
        let stream = self.joining.remove(&connection).ok_or("the connection is gone")?;
        stream.io.set_read_timeout(Some(Duration::from_secs(5))).map_err(|error| error.to_string())?;
        Ok(stream.io)
    }

    /// The socket, to be used by somebody faster: datagrams sent with it come from where the server expects them.
    ///
    /// # Errors
    /// The client talks over TCP, or the system does not give the socket twice.
    pub fn take_socket(&self) -> io::Result<Udp> {
        match &self.link {
            Link::Udp(socket) => Udp::from_std(socket.try_clone()?),
            Link::Tcp(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Gives the allocation back. Returns whether that was confirmed, or given up, in time.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn close(&mut self) -> io::Result<bool> {
        self.client.close(Instant::now());
        let end = Instant::now() + Duration::from_secs(5);
        while !self.client.is_closed() && Instant::now() < end {
            self.round()?;
        }
        Ok(self.client.is_closed())
    }

    /// Sends what there is, waits a little for something to come, and hands it on.
    fn round(&mut self) -> io::Result<()> {
        self.flush()?;
        let now = Instant::now();
        let due = self.client.poll_timeout().map_or(SLICE, |due| due.saturating_duration_since(now));
        let wait = due.clamp(Duration::from_micros(100), SLICE);
        match &mut self.link {
            Link::Udp(socket) => {
                socket.set_read_timeout(Some(wait))?;
                match socket.recv_from(&mut self.inward) {
                    Ok((len, source)) => {
                        let input = self.client.handle_input(Instant::now(), source, &mut self.inward[..len]);
                        if let ClientInput::Payload { peer, data } = input {
                            self.received.push((peer, data.to_vec()));
                        }
                    }
                    Err(error) if is_passing(error.kind()) => {}
                    Err(error) => return Err(error),
                }
            }
            Link::Tcp(stream) => {
                stream.fill(wait)?;
                while let Some(mut message) = stream.take()? {
                    let input = self.client.handle_input(Instant::now(), self.server, &mut message);
                    if let ClientInput::Payload { peer, data } = input {
                        self.received.push((peer, data.to_vec()));
                    }
                }
            }
        }
        for (connection, stream) in &mut self.joining {
            stream.fill(Duration::from_millis(1))?;
            // Only the answer: what follows it is the peer's.
            if let Some(mut message) = stream.take()? {
                self.client.handle_connection_input(Instant::now(), *connection, &mut message);
            }
        }
        self.client.handle_timeout(Instant::now());
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            self.outward.clear();
            let Some(transmit) = self.client.poll_transmit(Instant::now(), &mut self.outward) else {
                return Ok(());
            };
            match transmit.connection {
                Some(connection) => {
                    if let Some(stream) = self.joining.get_mut(&connection) {
                        stream.io.write_all(&self.outward)?;
                    }
                }
                None => self.link.send(&self.outward, transmit.destination)?,
            }
        }
    }
}

impl Link {
    fn send(&mut self, message: &[u8], destination: SocketAddr) -> io::Result<()> {
        match self {
            // What the system refuses counts as lost.
            Self::Udp(socket) => {
                let _ = socket.send_to(message, destination);
                Ok(())
            }
            Self::Tcp(stream) => stream.io.write_all(message),
        }
    }
}

impl Stream {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let io = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
        io.set_nodelay(true)?;
        Ok(Self { io, inward: Vec::new() })
    }

    /// Reads what is there, or comes within this time.
    fn fill(&mut self, wait: Duration) -> io::Result<()> {
        let mut chunk = [0; 16_384];
        self.io.set_read_timeout(Some(wait))?;
        match self.io.read(&mut chunk) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                self.inward.extend_from_slice(&chunk[..len]);
                Ok(())
            }
            Err(error) if is_passing(error.kind()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next whole message.
    fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        let len =
            next_message(&self.inward).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(len.filter(|len| *len <= self.inward.len()).map(|len| self.inward.drain(..len).collect()))
    }
}

/// A socket of the server's family, on a port of its own.
fn socket_towards(server: SocketAddr) -> io::Result<UdpSocket> {
    let probe = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    // Connecting sends nothing; it tells which of our addresses leads there.
    probe.connect(server)?;
    UdpSocket::bind((probe.local_addr()?.ip(), 0))
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}
