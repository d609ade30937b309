//! Gets an address on a TURN server, relays through it in every way that it offers, and measures.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use nomagic_examples::options::{parse, resolve};
use nomagic_examples::turn_client::Session;
use nomagic_examples::turn_load::{Load, run};
use nomagic_stun::ErrorCode;
use nomagic_stun::attribute::AddressFamily;
use nomagic_stun::turn::{Allocated, ClientConfig, ClientEvent, LongTermCredential, Port, Transport, Wanted};

/// Gets an address on a TURN server, sends data through it to a socket of its own and back, and gives it back.
///
/// Exits with 0 if everything came as it was sent. The server must be willing to relay to --peer.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The server: a name or an address, and a port unless it is 3478
    #[arg(long, default_value = "127.0.0.1")]
    server: String,
    /// What carries the messages there
    #[arg(long, value_enum, default_value_t = Carrier::Udp)]
    transport: Carrier,
    /// Who asks
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: String,
    /// The address to ask for
    #[arg(long, value_enum, default_value_t = Kind::Ipv4)]
    kind: Kind,
    /// Where the socket at the other end is; may be repeated, for both families [default: the loopback]
    #[arg(long, value_name = "IP")]
    peer: Vec<IpAddr>,
    /// Datagrams to send each way, by indication and then by channel
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Octets in a datagram, or in the load's
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(8..=9000))]
    size: u16,
    /// Sends as much as it can for so many seconds, and counts what comes out
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    load: Option<u64>,
    /// Allocations in the load
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Datagrams that each sends in one go in the load
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    burst: u16,
    /// The load goes past the server: what this machine can send and count
    #[arg(long)]
    direct: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An IPv4 address
    Ipv4,
    /// An IPv6 address
    Ipv6,
    /// One of each
    Both,
    /// An even port
    Even,
    /// An even port, and then the one after it
    Pair,
    /// DF can be set
    Whole,
    /// An address that follows us to another port
    Mobile,
    /// An address for TCP; needs --transport tcp
    Tcp,
    /// An IPv6 address for TCP
    Tcp6,
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(45);

fn main() -> ExitCode {
    let options: Options = match parse("turn") {
        Ok(options) => options,
        Err(code) => return code,
    };
    let config = match config(&options) {
        Ok(config) => config,
        Err(message) => {
            eprintln!("turn: {message}");
            return ExitCode::from(2);
        }
    };
    let done = match options.load {
        Some(seconds) => measure(&options, &config, seconds),
        None => relay(&options, config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("turn: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What the options ask for.
fn config(options: &Options) -> Result<ClientConfig, String> {
    let (name, password) =
        options.user.split_once(':').ok_or("--user needs a name, a colon and a password")?;
    let credential = LongTermCredential::new(name, password).map_err(|error| format!("--user: {error}"))?;
    if options.transport == Carrier::Udp && matches!(options.kind, Kind::Tcp | Kind::Tcp6) {
        return Err("an address for TCP needs --transport tcp".to_owned());
    }
    if options.transport == Carrier::Tcp && options.load.is_some() {
        return Err("--load goes over UDP".to_owned());
    }
    let server = resolve(options.server.strip_prefix("turn:").unwrap_or(&options.server), None)?;
    let transport = if options.transport == Carrier::Udp { Transport::Udp } else { Transport::Tcp };
    Ok(wanting(ClientConfig::new(server, transport, credential), options.kind))
}

fn wanting(mut config: ClientConfig, kind: Kind) -> ClientConfig {
    let udp = |family, port| Wanted::Udp { family, port };
    config.wanted = match kind {
        Kind::Ipv4 | Kind::Mobile | Kind::Whole => udp(None, Port::Any),
        Kind::Ipv6 => udp(Some(AddressFamily::Ipv6), Port::Any),
        Kind::Both => Wanted::Both { even: false },
        Kind::Even => udp(None, Port::Even),
        Kind::Pair => udp(None, Port::EvenAndNext),
        Kind::Tcp => Wanted::Tcp { family: None },
        Kind::Tcp6 => Wanted::Tcp { family: Some(AddressFamily::Ipv6) },
    };
    config.mobile = kind == Kind::Mobile;
    config.dont_fragment = kind == Kind::Whole;
    config
}

fn measure(options: &Options, config: &ClientConfig, seconds: u64) -> Result<(), String> {
    let load = Load {
        time: Duration::from_secs(seconds),
        clients: options.clients.into(),
        size: options.size.into(),
        burst: options.burst.into(),
        peer: peer_ip(options, config.server.is_ipv4()),
        direct: options.direct,
    };
    let figures = run(config, &load)?;
    println!("offered {:.0} a second, relayed {:.0} a second", figures.offered, figures.relayed);
    Ok(())
}

fn relay(options: &Options, config: ClientConfig) -> Result<(), String> {
    let (mut session, allocated) = allocate(config.clone())?;
    let addresses = [Some(allocated.relayed), allocated.second];
    if options.kind == Kind::Both && allocated.second.is_none() {
        return Err(format!("only one of two addresses: {}", told(allocated.missing.map(|(_, code)| code))));
    }
    for relayed in addresses.into_iter().flatten() {
        if matches!(options.kind, Kind::Tcp | Kind::Tcp6) {
            relay_streams(options, &mut session, relayed)?;
        } else {
            relay_datagrams(options, &mut session, relayed)?;
        }
    }
    if options.kind == Kind::Pair {
        let token = allocated.token.ok_or("no token for the next port")?;
        let mut second = config;
        second.wanted = Wanted::Reserved(token);
        let (mut session, next) = allocate(second)?;
        if next.relayed.port() != allocated.relayed.port() + 1 {
            return Err(format!("{} is not the port after {}", next.relayed, allocated.relayed));
        }
        relay_datagrams(options, &mut session, next.relayed)?;
        release(&mut session)?;
    }
    if matches!(options.kind, Kind::Even | Kind::Pair) && allocated.relayed.port() % 2 != 0 {
        return Err(format!("{} has no even port", allocated.relayed));
    }
    session.client.refresh(Instant::now());
    release(&mut session)
}

fn allocate(config: ClientConfig) -> Result<(Session, Allocated), String> {
    let server = config.server;
    let mut session = Session::open(config).map_err(|error| format!("{server}: {error}"))?;
    let began = Instant::now();
    session.client.allocate(began).map_err(|error| error.to_string())?;
    let allocated = session.wait_for(PATIENCE, |event| match event {
        ClientEvent::Allocated(allocated) => Some(Ok(*allocated)),
        ClientEvent::Failed(failure) => Some(Err(format!("no allocation: {}", failure.reason))),
        _ => None,
    })??;
    let took = began.elapsed().as_secs_f64() * 1e3;
    let second = allocated.second.map(|second| format!(" and {second}")).unwrap_or_default();
    println!(
        "{}{second} for {} s, seen as {}, in {took:.1} ms",
        allocated.relayed,
        allocated.lifetime.as_secs(),
        allocated.mapped
    );
    Ok((session, allocated))
}

fn told(code: Option<ErrorCode>) -> String {
    code.map_or_else(|| "no answer".to_owned(), |code| format!("refused with {code}"))
}

fn release(session: &mut Session) -> Result<(), String> {
    match session.close() {
        Ok(true) => Ok(()),
        Ok(false) => Err("the allocation was not given back".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn peer_ip(options: &Options, ipv4: bool) -> IpAddr {
    let given = options.peer.iter().copied().find(|ip| ip.is_ipv4() == ipv4);
    let loopback = if ipv4 { IpAddr::from([127, 0, 0, 1]) } else { IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]) };
    given.unwrap_or(loopback)
}

fn relay_datagrams(options: &Options, session: &mut Session, relayed: SocketAddr) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let ip = peer_ip(options, relayed.is_ipv4());
    let socket = UdpSocket::bind((ip, 0)).map_err(|error| format!("--peer {ip}: {error}"))?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).map_err(text)?;
    let peer = socket.local_addr().map_err(text)?;
    session.client.permit(Instant::now(), peer.ip()).map_err(|error| error.to_string())?;
    session.wait_for(PATIENCE, |event| match event {
        ClientEvent::Permitted(_) => Some(Ok(())),
        ClientEvent::NotPermitted { code, .. } => {
            Some(Err(format!("{peer} is not permitted: {}", told(*code))))
        }
        _ => None,
    })??;
    exchange(options, session, &socket, relayed, "indications")?;
    session.client.bind_channel(Instant::now(), peer).map_err(|error| error.to_string())?;
    let channel = session.wait_for(PATIENCE, |event| match event {
        ClientEvent::Bound { channel, .. } => Some(Ok(*channel)),
        ClientEvent::NotBound { code, .. } => Some(Err(format!("no channel: {}", told(*code)))),
        ClientEvent::Lost(loss) => Some(Err(format!("the allocation is lost: {loss}"))),
        _ => None,
    })??;
    exchange(options, session, &socket, relayed, &format!("channel {channel}"))?;
    if options.kind == Kind::Mobile {
        session.move_away().map_err(text)?;
        session.wait_for(PATIENCE, |event| match event {
            ClientEvent::Moved => Some(Ok(())),
            ClientEvent::Lost(loss) => Some(Err(format!("the allocation did not follow: {loss}"))),
            _ => None,
        })??;
        exchange(options, session, &socket, relayed, "another port of ours")?;
    }
    Ok(())
}

/// There and back, and compared.
fn exchange(
    options: &Options,
    session: &mut Session,
    socket: &UdpSocket,
    relayed: SocketAddr,
    way: &str,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let peer = socket.local_addr().map_err(text)?;
    let mut buffer = vec![0; 65_536];
    let mut times = Vec::new();
    for number in 0..options.count {
        let mut data = vec![number.to_le_bytes()[0]; usize::from(options.size)];
        data[..4].copy_from_slice(&number.to_be_bytes());
        let began = Instant::now();
        session.send(peer, &data)?;
        let (len, source) = socket.recv_from(&mut buffer).map_err(|error| format!("by {way}: {error}"))?;
        if source != relayed || buffer[..len] != data {
            return Err(format!(
                "by {way}: {len} octets from {source} instead of {} from {relayed}",
                data.len()
            ));
        }
        socket.send_to(&data, relayed).map_err(text)?;
        let back = session.receive(Duration::from_secs(5)).map_err(text)?;
        if back != Some((peer, data)) {
            return Err(format!("by {way}: datagram {number} did not come back as it was"));
        }
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{} datagrams there and back by {way}, half of them within {:.0} us",
        times.len(),
        times[times.len() / 2]
    );
    Ok(())
}

/// Connects to a peer, and has a peer connect.
fn relay_streams(options: &Options, session: &mut Session, relayed: SocketAddr) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind((peer_ip(options, relayed.is_ipv4()), 0)).map_err(text)?;
    let peer = listener.local_addr().map_err(text)?;
    session.client.permit(Instant::now(), peer.ip()).map_err(|error| error.to_string())?;
    session.wait_for(PATIENCE, |event| matches!(event, ClientEvent::Permitted(_)).then_some(()))?;
    for outward in [true, false] {
        let inner = if outward {
            session.client.connect(Instant::now(), peer).map_err(|error| error.to_string())?;
            let connection = connected(session)?;
            let inner = session.fetch(connection)?;
            (inner, listener.accept().map_err(text)?.0)
        } else {
            let outer = std::net::TcpStream::connect(relayed).map_err(text)?;
            let connection = connected(session)?;
            (session.fetch(connection)?, outer)
        };
        let (mut inner, mut outer) = inner;
        outer.set_read_timeout(Some(Duration::from_secs(5))).map_err(text)?;
        let data: Vec<u8> =
            (0..200_000u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
        let writer = {
            let (mut inner, data) = (inner.try_clone().map_err(text)?, data.clone());
            std::thread::spawn(move || inner.write_all(&data))
        };
        let mut came = vec![0; data.len()];
        outer.read_exact(&mut came).map_err(text)?;
        writer.join().map_err(|_| "a thread has panicked")?.map_err(text)?;
        if came != data {
            return Err("the stream did not come as it was sent".to_owned());
        }
        outer.write_all(&data[..1000]).map_err(text)?;
        inner.read_exact(&mut came[..1000]).map_err(text)?;
        if came[..1000] != data[..1000] {
            return Err("the stream did not come back as it was sent".to_owned());
        }
        println!("a stream {} {peer}: {} octets and back", if outward { "to" } else { "from" }, data.len());
    }
    Ok(())
}

fn connected(session: &mut Session) -> Result<nomagic_stun::attribute::ConnectionId, String> {
    session.wait_for(PATIENCE, |event| match event {
        ClientEvent::Connected { connection, .. } => Some(Ok(*connection)),
        ClientEvent::NotConnected { code, .. } => Some(Err(format!("not connected: {}", told(*code)))),
        _ => None,
    })?
}
