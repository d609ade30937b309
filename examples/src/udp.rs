//! Drives a peer with a real socket: the loop that every application has.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_ice::Route;

use crate::peer::Peer;

/// Sees every datagram that passes: when, from where, whither, and its octets.
pub type Tap = Box<dyn FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send>;

/// A peer's socket, and buffers that are used again.
pub struct Driver {
    socket: UdpSocket,
    local: SocketAddr,
    inward: Vec<u8>,
    outward: Vec<u8>,
    tap: Option<Tap>,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams received.
    pub received: u64,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Driver({})", self.local)
    }
}

/// Datagrams that are taken in before something is sent again.
const BATCH: usize = 64;

impl Driver {
    /// Binds a socket at `ip`, on a port of its own if `port` is 0.
    ///
    /// # Errors
    /// The port is in use, or the address is not ours.
    pub fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind((ip, port))?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            local,
            inward: vec![0; 65_536],
            outward: Vec::with_capacity(2048),
            tap: None,
            sent: 0,
            received: 0,
        })
    }

    /// The socket's address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Lets `tap` see every datagram.
    pub fn set_tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// One round: sends what is to be sent, waits for a datagram, a deadline of the peer's, or `wake`, and hands on
    /// what has happened.
    ///
    /// # Errors
    /// The socket is broken. A datagram that cannot be sent, or a port that nobody listens on, is no error: the
    /// network loses datagrams too.
    pub fn turn(&mut self, peer: &mut Peer, wake: Instant) -> io::Result<()> {
        self.send(peer);
        let now = Instant::now();
        let next = peer.poll_timeout().map_or(wake, |due| due.min(wake));
        let wait = next.saturating_duration_since(now);
        if wait.is_zero() {
            self.socket.set_nonblocking(true)?;
        } else {
            self.socket.set_nonblocking(false)?;
            self.socket.set_read_timeout(Some(wait.max(Duration::from_micros(50))))?;
        }
        for _ in 0..BATCH {
            match self.socket.recv_from(&mut self.inward) {
                Ok((len, remote)) => {
                    self.hand_in(peer, remote, len);
                    // At once, not after the batch: the other side's window opens with each acknowledgement.
                    self.send(peer);
                }
                Err(error) if is_passing(error.kind()) => break,
                Err(error) => return Err(error),
            }
            self.socket.set_nonblocking(true)?;
        }
        peer.handle_timeout(Instant::now());
        Ok(())
    }

    fn hand_in(&mut self, peer: &mut Peer, remote: SocketAddr, len: usize) {
        let now = Instant::now();
        self.received += 1;
        if let Some(tap) = &mut self.tap {
            tap(now, remote, self.local, &self.inward[..len]);
        }
        peer.handle_input(now, Route::new(self.local, remote), &mut self.inward[..len]);
    }

    fn send(&mut self, peer: &mut Peer) {
        loop {
            self.outward.clear();
            let now = Instant::now();
            let Some(transmit) = peer.poll_transmit(now, &mut self.outward) else { return };
            self.sent += 1;
            if let Some(tap) = &mut self.tap {
                tap(now, self.local, transmit.destination, &self.outward);
            }
            // What the system refuses counts as lost.
            let _ = self.socket.send_to(&self.outward, transmit.destination);
        }
    }
}

/// Errors that mean "nothing now": no datagram in time, or word that an earlier one found no listener.
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
