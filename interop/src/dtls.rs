//! One of our connections on a socket of the loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_dtls::{CloseReason, Config, Connected, Connection, Event, Input};
use nomagic_testkit::rng;

/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, its socket, and what came of it.
#[derive(Debug)]
pub struct Endpoint {
    /// The connection itself.
    pub connection: Connection,
    /// Payloads in the order of arrival.
    pub received: Vec<Vec<u8>>,
    /// What was agreed on.
    pub connected: Option<Connected>,
    /// Why it ended.
    pub closed: Option<CloseReason>,
    /// Octets of the greatest datagram that came.
    pub greatest: usize,
    socket: UdpSocket,
    remote: Option<SocketAddr>,
}

impl Endpoint {
    /// A client that calls a port of the loopback, where nobody needs to listen yet.
    ///
    /// # Panics
    /// There is no socket to be had.
    pub fn client(config: Config, port: u16) -> Self {
        Self::new(config, Some((Ipv4Addr::LOCALHOST, port).into()))
    }

    /// A server for the first who calls.
    ///
    /// # Panics
    /// There is no socket to be had.
    pub fn server(config: Config) -> Self {
        Self::new(config, None)
    }

    fn new(mut config: Config, remote: Option<SocketAddr>) -> Self {
        // Datagrams to a program that is only starting are lost: soon again.
        config.initial_timeout = Duration::from_millis(100);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // The loopback loses nothing, so every run may draw the same numbers; only the ports tell connections apart.
        let seed = u64::from(socket.local_addr().unwrap().port());
        Self {
            connection: Connection::new(config, &mut rng(seed)),
            received: Vec::new(),
            connected: None,
            closed: None,
            greatest: 0,
            socket,
            remote,
        }
    }

    /// The port of our socket.
    ///
    /// # Panics
    /// The socket has gone.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Drives the connection until `done`.
    ///
    /// # Panics
    /// It does not come to that.
    pub fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.transmit();
            if done(self) {
                return;
            }
            let now = Instant::now();
            assert!(
                now < end,
                "{what}: not within {PATIENCE:?}; {:?}, {:?}",
                self.closed,
                self.connection.stats()
            );
            let wake = self.connection.poll_timeout().map_or(end, |due| due.min(end));
            self.receive(wake.saturating_duration_since(now).max(Duration::from_millis(1)));
        }
    }

    /// Drives the connection until it is connected, and says with what.
    ///
    /// # Panics
    /// It ends instead.
    pub fn connect(&mut self) -> Connected {
        self.run_until("connect", |end| end.connected.is_some() || end.closed.is_some());
        self.connected.unwrap_or_else(|| panic!("{:?}", self.closed))
    }

    /// Drives the connection until it has received `payload`, in one record or several.
    ///
    /// # Panics
    /// It does not come.
    pub fn expect(&mut self, payload: &[u8]) {
        self.run_until("payload", |end| end.received.concat().ends_with(payload));
    }

    /// Sends a payload.
    ///
    /// # Panics
    /// There is no connection.
    pub fn send(&mut self, payload: &[u8]) {
        let at = self.connection.headroom();
        let mut out = vec![0; at];
        out.extend_from_slice(payload);
        self.connection.seal(Instant::now(), &mut out, at).unwrap();
        self.put(&out);
    }

    /// Says farewell.
    pub fn close(&mut self) {
        self.connection.close(Instant::now());
        self.transmit();
    }

    fn transmit(&mut self) {
        let mut out = Vec::new();
        while self.connection.poll_transmit(Instant::now(), &mut out).is_some() {
            self.put(&out);
            out.clear();
        }
        self.note();
    }

    fn put(&self, datagram: &[u8]) {
        if let Some(remote) = self.remote {
            // What the system refuses counts as lost.
            let _ = self.socket.send_to(datagram, remote);
        }
    }

    fn receive(&mut self, wait: Duration) {
        let mut buffer = vec![0; 65_536];
        self.socket.set_read_timeout(Some(wait)).unwrap();
        match self.socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                self.greatest = self.greatest.max(len);
                if *self.remote.get_or_insert(from) == from
                    && let Input::Payload(payloads) =
                        self.connection.handle_input(Instant::now(), &mut buffer[..len])
                {
                    self.received.extend(payloads.map(|payload| payload.to_vec()));
                }
            }
            // No datagram in time, or word that an earlier one found no listener.
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ),
                "{error}"
            ),
        }
        self.connection.handle_timeout(Instant::now());
        self.note();
    }

    fn note(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Connected(connected) => self.connected = Some(connected),
                Event::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
    }
}

/// A UDP port of the loopback that nobody uses at the moment.
///
/// # Panics
/// There is none.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
