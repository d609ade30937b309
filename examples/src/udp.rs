//! Drives a peer with a real socket: the loop that every application has.

mod relay;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_ice::Route;
use nomagic_stun::turn::{ClientInput, HEADROOM};

use crate::peer::Peer;
use relay::Relay;
pub use relay::RelayConfig;

/// Sees every datagram that passes: when, from where, whither, and its octets.
pub type Tap = Box<dyn FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send>;

/// A peer's socket, and buffers that are used again.
pub struct Driver {
    socket: UdpSocket,
    local: SocketAddr,
    inward: Vec<u8>,
    outward: Vec<u8>,
    tap: Option<Tap>,
    relay: Option<Relay>,
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
            relay: None,
            sent: 0,
            received: 0,
        })
    }

    /// The socket's address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Gets an address on a TURN server, which is asked from this socket; gives it, and ours as the server sees it. Datagrams
    /// that the peer sends from there go through the server.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn open_relay(&mut self, config: &RelayConfig) -> io::Result<(SocketAddr, SocketAddr)> {
        let relay = Relay::open(&self.socket, config)?;
        let addresses = relay.addresses();
        self.relay = Some(relay);
        Ok(addresses)
    }

    /// Gives the relayed address back.
    pub fn close_relay(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            relay.close(&self.socket, &mut self.outward);
        }
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
        let relay = self.relay.as_ref().and_then(Relay::poll_timeout);
        let next = [peer.poll_timeout(), relay].into_iter().flatten().fold(wake, Instant::min);
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
        let (mut route, mut datagram) = (Route::new(self.local, remote), &mut self.inward[..len]);
        if let Some(relay) = &mut self.relay
            && remote == relay.server()
        {
            match relay.handle_input(remote, datagram) {
                ClientInput::Payload { peer, data } => {
                    (route, datagram) = (Route::new(relay.addresses().0, peer), data);
                }
                _ => return,
            }
        }
        if let Some(tap) = &mut self.tap {
            tap(now, route.remote, route.local, datagram);
        }
        peer.handle_input(now, route, datagram);
    }

    fn send(&mut self, peer: &mut Peer) {
        loop {
            // Behind room for what a relay puts in front.
            self.outward.clear();
            self.outward.resize(HEADROOM, 0);
            let now = Instant::now();
            let Some(transmit) = peer.poll_transmit(now, &mut self.outward) else { break };
            self.sent += 1;
            if let Some(tap) = &mut self.tap {
                tap(now, transmit.source, transmit.destination, &self.outward[HEADROOM..]);
            }
            match &mut self.relay {
                Some(relay) if transmit.source == relay.addresses().0 => {
                    relay.send(&self.socket, transmit.destination, &mut self.outward);
                }
                // What the system refuses counts as lost.
                _ => drop(self.socket.send_to(&self.outward[HEADROOM..], transmit.destination)),
            }
        }
        if let Some(relay) = &mut self.relay {
            relay.go_on(&self.socket, &mut self.outward);
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
