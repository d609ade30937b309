//! Data channels from the command line: files, pings and speed over SCTP over DTLS over UDP.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "it is a program")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nomagic_dtls::{Fingerprint, Identity, Verifier};
use nomagic_examples::data::{self, Bench, Ping, Plot, Receive, Send, Task};
use nomagic_sctp::Controller;
use rand::rngs::StdRng;

/// Data channels over UDP, without a browser: sends files, measures round trips and speed.
///
/// Exits with 0 when all is done, with 1 when the other side could not be reached or went away, with 2 if something could
/// not be done at all.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Waits for callers: keeps their files, answers their pings, counts what they send to measure
    Receive {
        /// Where to wait
        #[arg(default_value = "127.0.0.1:5001")]
        listen: SocketAddr,
        /// Where files go; a file that is there already is not touched
        #[arg(long, default_value = ".", value_name = "FOLDER")]
        directory: PathBuf,
        /// End when everybody has gone
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Sends files
    Send {
        /// Where somebody receives, such as 127.0.0.1:5001
        server: String,
        /// What to send
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        path: PathOptions,
    },
    /// Measures round trips with messages of 8 octets
    Ping {
        /// Where somebody receives
        server: String,
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        count: u32,
        /// Milliseconds between two
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000), value_name = "MS")]
        interval: u64,
        /// Beside a bulk transfer of messages of 256 KiB
        #[arg(long)]
        bulk: bool,
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        path: PathOptions,
    },
    /// Measures speed
    Bench {
        /// Where somebody receives
        server: String,
        /// For how long
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
        /// Octets of a message
        #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=1_048_576), value_name = "OCTETS")]
        size: u32,
        /// Messages may overtake each other
        #[arg(long)]
        unordered: bool,
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        path: PathOptions,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Fingerprint of the other side's certificate, such as "sha-256 AB:CD:..."; may be given several times
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Vec<Fingerprint>,
    /// Accept any certificate; a receiver with neither this nor --fingerprint asks for none
    #[arg(long, conflicts_with = "fingerprint")]
    any_peer: bool,
    /// Octets of the largest datagram, without the headers of IP and UDP
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u16).range(512..=65_507))]
    mtu: u16,
    /// Seconds that the handshake may take
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    timeout: u64,
    /// Tell nothing but results and errors
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct PathOptions {
    /// Congestion control
    #[arg(long, value_enum, default_value = "cubic")]
    controller: Control,
    /// Draw window, flight, speed and round trip over time
    #[arg(long, value_name = "FILE.SVG")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Control {
    /// RFC 9260 to the letter
    Newreno,
    /// CUBIC with HyStart++
    Cubic,
    /// A model of the path, which keeps its rate under random loss
    Model,
}

/// What went wrong: something that cannot be done at all, or something that did not come about.
enum Failure {
    Impossible(String),
    Failed(String),
}

fn main() -> ExitCode {
    match start(Options::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => {
            eprintln!("sctp: {message}");
            ExitCode::FAILURE
        }
        Err(Failure::Impossible(message)) => {
            eprintln!("sctp: {message}");
            ExitCode::from(2)
        }
    }
}

fn start(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Receive { listen, directory, once, common } => receive(listen, &directory, once, &common),
        Verb::Send { server, files, common, path } => {
            let mut send =
                Send::new(files, common.quiet).map_err(|error| Failure::Impossible(error.to_string()))?;
            call(&server, &common, &path, &mut send)?;
            println!("{}", send.summary(Instant::now()));
            Ok(())
        }
        Verb::Ping { server, count, interval, bulk, common, path } => {
            let mut ping = Ping::new(count as usize, Duration::from_millis(interval), bulk);
            call(&server, &common, &path, &mut ping)?;
            println!("{}", ping.summary());
            Ok(())
        }
        Verb::Bench { server, seconds, size, unordered, common, path } => {
            let mut bench = Bench::new(Duration::from_secs(seconds), size as usize, unordered);
            call(&server, &common, &path, &mut bench)?;
            println!("{}", bench.summary());
            Ok(())
        }
    }
}

fn receive(listen: SocketAddr, directory: &Path, once: bool, common: &Common) -> Result<(), Failure> {
    if !directory.is_dir() {
        return Err(Failure::Impossible(format!("{}: not a folder", directory.display())));
    }
    let mut rng: StdRng = rand::make_rng();
    let identity = Arc::new(Identity::generate(&mut rng));
    let dtls = match verifier(common) {
        Some(verifier) => nomagic_dtls::Config::server(Arc::clone(&identity), verifier),
        None => nomagic_dtls::Config::server_for_anyone(Arc::clone(&identity)),
    };
    let socket =
        UdpSocket::bind(listen).map_err(|error| Failure::Impossible(format!("{listen}: {error}")))?;
    let options = options(dtls, common, Controller::default());
    println!("our certificate: {}", identity.fingerprint());
    let bound = socket.local_addr().map_err(|error| Failure::Impossible(error.to_string()))?;
    println!("waiting on {bound}");
    let task = || -> Box<dyn Task> { Box::new(Receive::new(Some(directory.to_owned()))) };
    data::serve(&options, &socket, once, task, rng).map_err(|error| Failure::Failed(error.to_string()))
}

fn call(server: &str, common: &Common, path: &PathOptions, task: &mut dyn Task) -> Result<(), Failure> {
    let unknown = |why: String| Failure::Impossible(format!("{server}: {why}"));
    let mut addresses = server.to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    let remote = addresses.next().ok_or_else(|| unknown("no address".to_owned()))?;
    let verifier = verifier(common).ok_or_else(|| {
        Failure::Impossible("who is the other side? give its --fingerprint, or --any-peer".to_owned())
    })?;
    if let Some(plot) = &path.plot {
        writable(plot)?;
    }
    let any: SocketAddr =
        if remote.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).map_err(|error| Failure::Impossible(error.to_string()))?;
    let mut rng: StdRng = rand::make_rng();
    let identity = Arc::new(Identity::generate(&mut rng));
    let controller = match path.controller {
        Control::Newreno => Controller::NewReno,
        Control::Cubic => Controller::Cubic,
        Control::Model => Controller::Model,
    };
    let options = options(nomagic_dtls::Config::client(identity, verifier), common, controller);
    let mut plot = path.plot.as_ref().map(|_| Plot::default());
    let went = data::call(&options, &socket, remote, task, plot.as_mut(), rng);
    if let (Some(plot), Some(file)) = (&plot, &path.plot) {
        plot.draw(file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    }
    went.map_err(|error| Failure::Failed(error.to_string()))
}

/// Asked before the work, not after it.
fn writable(file: &Path) -> Result<(), Failure> {
    let opened = std::fs::File::options().create(true).append(true).open(file);
    opened.map(drop).map_err(|error| Failure::Impossible(format!("{}: {error}", file.display())))
}

fn verifier(common: &Common) -> Option<Verifier> {
    match (common.any_peer, common.fingerprint.is_empty()) {
        (true, _) => Some(Verifier::callback(|_| true)),
        (false, false) => Some(Verifier::fingerprints(common.fingerprint.iter().copied())),
        (false, true) => None,
    }
}

/// Octets of a record of DTLS 1.2 around a packet: header, explicit nonce and tag.
const RECORD: usize = 13 + 8 + 16;

fn options(mut dtls: nomagic_dtls::Config, common: &Common, controller: Controller) -> data::Options {
    dtls.path_mtu = usize::from(common.mtu);
    dtls.handshake_timeout = Duration::from_secs(common.timeout);
    let mut sctp = nomagic_sctp::Config::default();
    sctp.path_mtu = usize::from(common.mtu) - RECORD;
    sctp.controller = controller;
    sctp.receive_window = 32 << 20;
    sctp.send_buffer = 32 << 20;
    data::Options { dtls, sctp, quiet: common.quiet }
}
