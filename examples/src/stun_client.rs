//! Drives STUN clients with real sockets, on the caller's thread: a Binding request over UDP or TCP, and the discovery of
//! a NAT's behaviour with two UDP sockets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use mio::net::UdpSocket as Polled;
use mio::{Events, Interest, Poll, Token};
use nomagic_stun::discovery::{DiscoveryConfig, DiscoveryEvent, NatDiscovery, NatReport, Socket};
use nomagic_stun::turn::next_message;
use nomagic_stun::{BindingClient, BindingConfig, BindingEvent};
use rand::RngExt;

/// Our address on the way to `server`, as the system would choose it.
///
/// # Errors
/// There is no way.
pub fn local_towards(server: SocketAddr) -> io::Result<IpAddr> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    Ok(socket.local_addr()?.ip())
}

/// Asks `server` for our address over UDP. Gives our own address too.
///
/// # Errors
/// The socket is broken, or the system refuses to send.
pub fn ask_by_udp(
    config: BindingConfig,
    server: SocketAddr,
    from: IpAddr,
) -> io::Result<(SocketAddr, BindingEvent)> {
    let socket = UdpSocket::bind((from, 0))?;
    let local = socket.local_addr()?;
    let mut client = BindingClient::new(config, &mut rand::rng());
    client.bind(Instant::now(), server).map_err(io::Error::other)?;
    let (mut out, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        let now = Instant::now();
        client.handle_timeout(now);
        while let Some(transmit) = client.poll_transmit(now, &mut out) {
            socket.send_to(&out, transmit.destination)?;
            out.clear();
        }
        if let Some(event) = client.poll_event() {
            return Ok((local, event));
        }
        let wait = client.poll_timeout().map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        // No wait at all would be one without an end.
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match socket.recv_from(&mut buffer) {
            Ok((len, source)) => {
                client.handle_input(Instant::now(), source, &mut buffer[..len]);
            }
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Asks `server` for our address over TCP. Gives our own address too.
///
/// # Errors
/// There is no connection, or it breaks.
pub fn ask_by_tcp(config: BindingConfig, server: SocketAddr) -> io::Result<(SocketAddr, BindingEvent)> {
    let mut client = BindingClient::new(config, &mut rand::rng());
    client.bind(Instant::now(), server).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(10))?;
    let (local, mut connected) = (stream.local_addr()?, server);
    let (mut out, mut inward, mut chunk) = (Vec::new(), Vec::new(), vec![0; 4096]);
    loop {
        let now = Instant::now();
        client.handle_timeout(now);
        while let Some(transmit) = client.poll_transmit(now, &mut out) {
            if transmit.destination != connected {
                connected = transmit.destination;
                stream = TcpStream::connect_timeout(&connected, Duration::from_secs(10))?;
                inward.clear();
            }
            stream.write_all(&out)?;
            out.clear();
        }
        if let Some(event) = client.poll_event() {
            return Ok((local, event));
        }
        let wait = client.poll_timeout().map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        stream.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => inward.extend_from_slice(&chunk[..len]),
            Err(error) if is_nothing(&error) => continue,
            Err(error) => return Err(error),
        }
        while let Some(len) = next_message(&inward).map_err(io::Error::other)? {
            if len > inward.len() {
                break;
            }
            let mut message: Vec<u8> = inward.drain(..len).collect();
            client.handle_input(Instant::now(), connected, &mut message);
        }
    }
}

/// Two fresh sockets, whose ports the system would not choose soon again; RFC 5780 section 4.1.
fn two_sockets(from: IpAddr) -> io::Result<[UdpSocket; 2]> {
    let open = || {
        let mut last = ErrorKind::AddrInUse.into();
        for _ in 0..50 {
            match UdpSocket::bind((from, rand::rng().random_range(32_768..=65_535))) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    Ok([open()?, open()?])
}

/// Finds out how a NAT behaves; `prepare` completes what the discovery is told, `told` hears what is found, as it is found.
///
/// # Errors
/// A socket is broken.
pub fn discover(
    server: SocketAddr,
    from: IpAddr,
    prepare: impl FnOnce(&mut DiscoveryConfig),
    mut told: impl FnMut(DiscoveryEvent, &NatReport),
) -> io::Result<(SocketAddr, NatReport)> {
    let [first, second] = two_sockets(from)?;
    let mut config = DiscoveryConfig::new(server, first.local_addr()?, second.local_addr()?);
    prepare(&mut config);
    let local = config.first;
    let mut discovery = NatDiscovery::new(config, &mut rand::rng());
    discovery.start(Instant::now());
    let mut poll = Poll::new()?;
    let mut sockets = [(Socket::First, first), (Socket::Second, second)].map(|(name, socket)| {
        let nonblocking = socket.set_nonblocking(true);
        (name, Polled::from_std(socket), nonblocking)
    });
    for (index, (_, socket, nonblocking)) in sockets.iter_mut().enumerate() {
        std::mem::replace(nonblocking, Ok(()))?;
        poll.registry().register(socket, Token(index), Interest::READABLE)?;
    }
    let (mut events, mut out, mut buffer) = (Events::with_capacity(8), Vec::new(), vec![0; 65_536]);
    loop {
        let now = Instant::now();
        discovery.handle_timeout(now);
        for (name, socket, _) in &sockets {
            loop {
                match socket.recv_from(&mut buffer) {
                    Ok((len, source)) => {
                        discovery.handle_input(Instant::now(), *name, source, &mut buffer[..len]);
                    }
                    Err(error) if is_nothing(&error) => break,
                    Err(error) => return Err(error),
                }
            }
        }
        while let Some(transmit) = discovery.poll_transmit(Instant::now(), &mut out) {
            let own = sockets.iter().find(|(name, ..)| *name == transmit.from);
            // What the system refuses counts as lost: not every path takes every datagram.
            let _ = own.map(|(_, socket, _)| socket.send_to(&out, transmit.destination));
            out.clear();
        }
        while let Some(event) = discovery.poll_event() {
            let report = discovery.report();
            told(event, &report);
            if event == DiscoveryEvent::Done {
                return Ok((local, report));
            }
        }
        let wait = discovery.poll_timeout().map(|due| due.saturating_duration_since(Instant::now()));
        match poll.poll(&mut events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
    }
}

/// Whether nothing has come, or only word that an earlier datagram found no listener.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused | ErrorKind::Interrupted
    )
}
