//! How a server is told what to do: by options, and by a file of options.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use nomagic_stun::turn::{PeerPolicy, Prefix, RelayRange, ServerConfig, Users};

/// A TURN server: relays for those who have a password. UDP and TCP, on one thread.
///
/// A file of options has one on each line, by its name and without the dashes: `user = alice:secret`. Lines that begin
/// with # are comments.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Reads options from a file; those given here come after them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where clients come, by UDP and TCP; may be repeated [default: 127.0.0.1:3478]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<SocketAddr>,
    /// From where is relayed, with the ports if they are not 49152-65535; may be repeated [default: where clients come]
    #[arg(long, value_name = "IP[=FIRST-LAST]", value_parser = relay)]
    pub relay: Vec<RelayRange>,
    /// Within which user names mean something: your domain name
    #[arg(long, default_value = "localhost")]
    pub realm: String,
    /// Who may use the server; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    pub user: Vec<(String, String)>,
    /// A secret shared with a web service that makes passwords for a time
    #[arg(long)]
    pub secret: Option<String>,
    /// Lets a block of addresses be relayed to that is refused else, such as 127.0.0.0/8; may be repeated
    #[arg(long, value_name = "BLOCK")]
    pub allow_peer: Vec<Prefix>,
    /// Refuses a block of addresses; may be repeated
    #[arg(long, value_name = "BLOCK")]
    pub deny_peer: Vec<Prefix>,
    /// Allocations at a time
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub allocations: usize,
    /// Allocations of one user at a time
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub per_user: usize,
    /// Allocations of one client address at a time
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub per_address: usize,
    /// Octets a second that one allocation relays at most
    #[arg(long, value_name = "OCTETS")]
    pub bandwidth: Option<u64>,
    /// The longest that an allocation lasts without a refresh, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(600..=86_400))]
    pub max_lifetime: u64,
    /// No TCP to peers
    #[arg(long)]
    pub no_tcp_relay: bool,
    /// No allocation follows its client to another address
    #[arg(long)]
    pub no_mobility: bool,
    /// Lets clients use the channel numbers of RFC 5766, 0x4000 to 0x7fff
    #[arg(long)]
    pub rfc5766_channels: bool,
    /// Sends every client to this server
    #[arg(long, value_name = "ADDRESS")]
    pub alternate: Option<SocketAddr>,
    /// Prints counters every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub stats: Option<u64>,
}

/// Why a server cannot be made from its options.
#[derive(Debug)]
pub enum OptionsError {
    /// They are wrong, or help was asked for; in clap's words.
    Usage(clap::Error),
    /// In one line.
    Refused(String),
}

impl Options {
    /// Reads the program's arguments and the file that they name.
    ///
    /// # Errors
    /// They are wrong, or the file cannot be read.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let arguments: Vec<String> = arguments.into_iter().collect();
        let given = Self::try_parse_from(&arguments).map_err(OptionsError::Usage)?;
        let Some(file) = &given.config else { return Ok(given) };
        let mut all: Vec<String> = arguments.iter().take(1).cloned().collect();
        all.extend(read_file(file).map_err(OptionsError::Refused)?);
        // What is given on the command line counts where an option can be given once.
        all.extend(arguments.into_iter().skip(1));
        Self::try_parse_from(&all).map_err(OptionsError::Usage)
    }

    /// The addresses at which clients are served.
    pub fn listen(&self) -> Vec<SocketAddr> {
        if self.listen.is_empty() {
            vec![SocketAddr::from(([127, 0, 0, 1], 3478))]
        } else {
            self.listen.clone()
        }
    }

    /// The machine's configuration.
    ///
    /// # Errors
    /// Nobody could use the server, or a name is too long.
    pub fn server(&self) -> Result<ServerConfig, OptionsError> {
        let refused = |text: String| OptionsError::Refused(text);
        let mut users = Users::new(&self.realm).map_err(|error| refused(error.to_string()))?;
        for (name, password) in &self.user {
            users.add(name, password).map_err(|error| refused(error.to_string()))?;
        }
        if let Some(secret) = &self.secret {
            users.set_shared_secret(secret.as_bytes());
        }
        if users.is_empty() {
            return Err(refused("nobody could use this server: give a --user or a --secret".to_owned()));
        }
        let mut config = ServerConfig::new(users);
        config.relays = self.relays();
        if let Some(relay) = config.relays.iter().find(|relay| relay.ip.is_unspecified()) {
            return Err(refused(format!(
                "{} is no address that peers can send to: give a --relay",
                relay.ip
            )));
        }
        let policy = self.allow_peer.iter().fold(PeerPolicy::new(), |policy, block| policy.allow(*block));
        config.peers = self.deny_peer.iter().fold(policy, |policy, block| policy.deny(*block));
        config.allocations = self.allocations;
        config.allocations_per_user = self.per_user;
        config.allocations_per_address = self.per_address;
        config.bandwidth = self.bandwidth;
        config.max_lifetime = Duration::from_secs(self.max_lifetime);
        config.tcp = !self.no_tcp_relay;
        config.mobility = !self.no_mobility;
        config.rfc5766_channels = self.rfc5766_channels;
        config.alternate = self.alternate;
        Ok(config)
    }

    fn relays(&self) -> Vec<RelayRange> {
        if !self.relay.is_empty() {
            return self.relay.clone();
        }
        let mut ips: Vec<IpAddr> = self.listen().iter().map(SocketAddr::ip).collect();
        ips.sort_unstable();
        ips.dedup();
        ips.into_iter().map(RelayRange::from).collect()
    }
}

/// Each line becomes an option.
fn read_file(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines
        .map(|line| match line.split_once('=') {
            Some((name, value)) => format!("--{}={}", name.trim(), value.trim()),
            None => format!("--{line}"),
        })
        .collect())
}

fn user(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok((name.to_owned(), password.to_owned())),
        _ => Err("a name, a colon and a password are needed".to_owned()),
    }
}

fn relay(text: &str) -> Result<RelayRange, String> {
    let (ip, ports) = text.split_once('=').map_or((text, None), |(ip, ports)| (ip, Some(ports)));
    let mut range = RelayRange::from(ip.parse::<IpAddr>().map_err(|error| error.to_string())?);
    if let Some(ports) = ports {
        let (first, last) = ports.split_once('-').ok_or("ports are given as FIRST-LAST")?;
        let port = |text: &str| text.parse::<u16>().map_err(|error| error.to_string());
        range.ports = port(first)?..=port(last)?;
        if range.ports.is_empty() || *range.ports.start() < 1024 {
            return Err("ports from 1024 on, the first not after the last".to_owned());
        }
    }
    Ok(range)
}
