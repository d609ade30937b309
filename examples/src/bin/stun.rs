//! Asks a STUN server for one's own address, finds out how a NAT behaves, or is that server.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use nomagic_examples::options::{parse, resolve};
use nomagic_examples::stun_client::{ask_by_tcp, ask_by_udp, discover, local_towards};
use nomagic_examples::stun_server::Driver;
use nomagic_examples::stun_verdict::{draw, outcome, report_json};
use nomagic_stun::rto::Schedule;
use nomagic_stun::{
    AddressPair, Admission, BindingConfig, BindingOutcome, BindingServerConfig, Credential,
    LongTermCredential, ShortTermCredential, Users,
};
use serde_json::json;

/// Asks a STUN server for one's own address (RFC 8489), or finds out how a NAT behaves (RFC 5780).
///
/// Exits with 0 if the server has helped, with 1 if it has not, with 2 if it could not be asked.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Options {
    #[command(flatten)]
    ask: Option<Ask>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers at two addresses with two ports each, over UDP and TCP
    Serve(Serve),
}

#[derive(Debug, Args)]
struct Ask {
    /// The server: a name or an address, and a port unless it is 3478
    #[arg(value_name = "SERVER")]
    server: String,
    /// Finds out how the NAT on the way maps, filters, hairpins; takes up to a minute
    #[arg(long)]
    nat: bool,
    /// Finds out how long a binding lasts, too, up to so many seconds; takes several times as long
    #[arg(long, value_name = "SECONDS", requires = "nat", value_parser = clap::value_parser!(u64).range(1..=7200))]
    lifetime: Option<u64>,
    /// Asks over TCP
    #[arg(long, conflicts_with = "nat")]
    tcp: bool,
    /// Who asks (long-term, RFC 8489 section 9.2)
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Option<String>,
    /// Who asks (short-term, RFC 8489 section 9.1)
    #[arg(long, value_name = "NAME:PASSWORD", conflicts_with = "user")]
    short_term: Option<String>,
    /// The address of ours to ask from [default: the one that leads there]
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,
    /// How often a request is sent before the server counts as silent
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(2..=10))]
    attempts: u32,
    /// Answers in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Serve {
    /// One address of ours
    #[arg(default_value = "127.0.0.1:3478")]
    first: SocketAddr,
    /// The other, with another IP and another port; four sockets are opened
    #[arg(default_value = "127.0.0.2:3479")]
    second: SocketAddr,
    /// Only the first address, and plain STUN
    #[arg(long)]
    alone: bool,
    /// Answers only to this user; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<String>,
    /// The realm of these users
    #[arg(long, default_value = "nomagic")]
    realm: String,
    /// Prints its counters every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    stats: Option<u64>,
}

fn main() -> ExitCode {
    let options: Options = match parse("stun") {
        Ok(options) => options,
        Err(code) => return code,
    };
    let done = match (options.command, options.ask) {
        (Some(Command::Serve(serve)), _) => be_server(&serve).map(|()| true),
        (None, Some(ask)) if ask.nat => find_out(&ask),
        (None, Some(ask)) => ask_once(&ask),
        (None, None) => Err("a server is needed, or `serve`; --help says more".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("stun: {error}");
            ExitCode::from(2)
        }
    }
}

fn split(text: &str) -> Result<(&str, &str), String> {
    text.split_once(':').ok_or_else(|| "a name, a colon and a password are needed".to_owned())
}

fn credential(ask: &Ask) -> Result<Option<Credential>, String> {
    let credential: Result<Credential, _> = match (&ask.user, &ask.short_term) {
        (Some(user), _) => {
            let (name, password) = split(user)?;
            LongTermCredential::new(name, password).map(Into::into)
        }
        (_, Some(user)) => {
            let (name, password) = split(user)?;
            ShortTermCredential::new(name, password).map(Into::into)
        }
        (None, None) => return Ok(None),
    };
    credential.map(Some).map_err(|error| error.to_string())
}

fn ask_once(ask: &Ask) -> Result<bool, String> {
    let server = resolve(ask.server.strip_prefix("stun:").unwrap_or(&ask.server), ask.from)?;
    let failed = |error: std::io::Error| format!("{server}: {error}");
    let mut config = BindingConfig::default();
    config.credential = credential(ask)?;
    let (local, event) = if ask.tcp {
        config.schedule = Schedule::RELIABLE;
        ask_by_tcp(config, server).map_err(failed)?
    } else {
        config.schedule.attempts = ask.attempts;
        let from = ask.from.map_or_else(|| local_towards(server), Ok).map_err(failed)?;
        ask_by_udp(config, server, from).map_err(failed)?
    };
    let mapped = if let BindingOutcome::Mapped(mapped) = event.outcome { Some(mapped) } else { None };
    if ask.json {
        let round_trip = event.round_trip.map(|time| time.as_secs_f64() * 1000.0);
        let answer = json!({
            "server": event.server.to_string(),
            "transport": if ask.tcp { "tcp" } else { "udp" },
            "local": local.to_string(),
            "mapped": mapped.map(|mapped| mapped.to_string()),
            "outcome": outcome(event.outcome),
            "round_trip_ms": round_trip,
            "other_address": event.answer.and_then(|answer| answer.other).map(|other| other.to_string()),
        });
        println!("{answer}");
    } else if let Some(mapped) = mapped {
        println!("{mapped}");
    } else {
        eprintln!("stun: {}: {}", event.server, outcome(event.outcome));
    }
    Ok(mapped.is_some())
}

fn find_out(ask: &Ask) -> Result<bool, String> {
    let server = resolve(ask.server.strip_prefix("stun:").unwrap_or(&ask.server), ask.from)?;
    let failed = |error: std::io::Error| format!("{server}: {error}");
    let own = credential(ask)?;
    let from = ask.from.map_or_else(|| local_towards(server), Ok).map_err(failed)?;
    let prepare = |config: &mut nomagic_stun::discovery::DiscoveryConfig| {
        config.credential = own;
        config.lifetime = ask.lifetime.map(Duration::from_secs);
        config.schedule.attempts = ask.attempts;
    };
    let (local, report) = discover(server, from, prepare, |_, _| {}).map_err(failed)?;
    if ask.json {
        println!("{}", report_json(local, server, &report));
    } else {
        print!("{}", draw(local, server, &report));
    }
    Ok(report.mapped.is_some())
}

fn be_server(serve: &Serve) -> Result<(), String> {
    let mut config = BindingServerConfig::default();
    let mut alone = Vec::new();
    if serve.alone {
        alone.push(serve.first);
    } else {
        config.pairs.push(AddressPair::new(serve.first, serve.second).map_err(|error| error.to_string())?);
    }
    if !serve.user.is_empty() {
        let mut users = Users::new(&serve.realm).map_err(|error| error.to_string())?;
        for user in &serve.user {
            let (name, password) = split(user)?;
            users.add(name, password).map_err(|error| error.to_string())?;
        }
        config.admission = Admission::LongTerm(users);
    }
    let mut driver = Driver::new(config, &alone).map_err(|error| error.to_string())?;
    for address in driver.addresses() {
        println!("stun: {address} (UDP and TCP)");
    }
    loop {
        let end = serve.stats.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        driver.run_until(end).map_err(|error| error.to_string())?;
        println!("{:?}", driver.server().stats());
    }
}
