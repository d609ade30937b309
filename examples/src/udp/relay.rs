//! A relayed address for a peer: the TURN client shares the peer's socket.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_stun::turn::{
    Client, ClientConfig, ClientEvent, ClientInput, HEADROOM, LongTermCredential, SendError, Transport,
};

/// Which server relays for us, and as whom we come.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// The server; it is asked over UDP.
    pub server: SocketAddr,
    /// User name and password there.
    pub credential: LongTermCredential,
}

/// An address on a TURN server.
#[derive(Debug)]
pub(super) struct Relay {
    client: Client,
    relayed: SocketAddr,
    mapped: SocketAddr,
}

/// How long the server may take to give an address.
const PATIENCE: Duration = Duration::from_secs(5);

impl Relay {
    /// Asks for an address, and waits for it.
    pub(super) fn open(socket: &UdpSocket, config: &RelayConfig) -> io::Result<Self> {
        let configured = ClientConfig::new(config.server, Transport::Udp, config.credential.clone());
        let mut client = Client::new(configured, &mut rand::rng());
        let began = Instant::now();
        client.allocate(began).map_err(io::Error::other)?;
        let mut buffer = vec![0; 2048];
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        while began.elapsed() < PATIENCE {
            flush(&mut client, socket, &mut buffer);
            buffer.resize(2048, 0);
            if let Ok((len, source)) = socket.recv_from(&mut buffer) {
                client.handle_input(Instant::now(), source, &mut buffer[..len]);
            }
            client.handle_timeout(Instant::now());
            match client.poll_event() {
                Some(ClientEvent::Allocated(allocated)) => {
                    return Ok(Self { client, relayed: allocated.relayed, mapped: allocated.mapped });
                }
                Some(ClientEvent::Failed(failure)) => {
                    return Err(io::Error::other(format!("no relayed address: {failure:?}")));
                }
                _ => {}
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the TURN server does not answer"))
    }

    /// The relayed address, and ours as the server sees it.
    pub(super) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.relayed, self.mapped)
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.client.server()
    }

    /// A datagram came in from the server.
    pub(super) fn handle_input<'d>(&mut self, source: SocketAddr, datagram: &'d mut [u8]) -> ClientInput<'d> {
        self.client.handle_input(Instant::now(), source, datagram)
    }

    /// Sends what stands behind the headroom to a peer, by way of the server. A channel is bound on first use; until the
    /// peer is let in its datagrams are lost, and ICE repeats them.
    pub(super) fn send(&mut self, socket: &UdpSocket, peer: SocketAddr, out: &mut Vec<u8>) {
        let now = Instant::now();
        match self.client.seal(now, peer, out, HEADROOM) {
            Ok(sealed) => {
                // What the system refuses counts as lost.
                let _ = socket.send_to(&out[sealed.start..], sealed.destination);
            }
            Err(SendError::NotPermitted(_)) => {
                // With more peers than channels the others stay unheard.
                let _ = self.client.bind_channel(now, peer);
            }
            Err(_) => {}
        }
    }

    /// Sends the client's own messages and takes note of time.
    pub(super) fn go_on(&mut self, socket: &UdpSocket, buffer: &mut Vec<u8>) {
        self.client.handle_timeout(Instant::now());
        flush(&mut self.client, socket, buffer);
        while self.client.poll_event().is_some() {}
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    /// Gives the address back; the answer is not waited for.
    pub(super) fn close(&mut self, socket: &UdpSocket, buffer: &mut Vec<u8>) {
        self.client.close(Instant::now());
        flush(&mut self.client, socket, buffer);
    }
}

fn flush(client: &mut Client, socket: &UdpSocket, buffer: &mut Vec<u8>) {
    buffer.clear();
    while let Some(transmit) = client.poll_transmit(Instant::now(), buffer) {
        let _ = socket.send_to(buffer, transmit.destination);
        buffer.clear();
    }
}
