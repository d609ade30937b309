//! A WebRTC endpoint for anyone to call: echoes sound, pictures and messages, and serves a page to call it with.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use nomagic_dtls::SrtpProfile;
use nomagic_examples::serve::{ServeConfig, Server, serve};
use nomagic_examples::udp::RelayConfig;
use nomagic_stun::turn::LongTermCredential;

/// A WebRTC endpoint that echoes what it gets; open its address in a browser.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to serve
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Whose candidates are tried
    #[arg(long, value_enum, default_value_t = Candidates::Loopback)]
    remote_candidates: Candidates,
    /// Asked of every request but the page's own, which takes it from behind the # of its address; needed when the
    /// address is not on the loopback
    #[arg(long)]
    token: Option<String>,
    /// A TURN server that relays for each session, asked over UDP
    #[arg(long, value_name = "ADDRESS", requires = "turn_user")]
    turn: Option<SocketAddr>,
    /// Who asks there
    #[arg(long, value_name = "NAME:PASSWORD", requires = "turn", value_parser = credential)]
    turn_user: Option<LongTermCredential>,
    /// Sessions are reached through the TURN server only
    #[arg(long, requires = "turn")]
    relay_only: bool,
    /// The one profile of SRTP to agree to; all, if not given
    #[arg(long, value_enum)]
    srtp: Option<Protection>,
}

fn credential(text: &str) -> Result<LongTermCredential, String> {
    let (name, password) = text.split_once(':').ok_or("a name, a colon and a password are needed")?;
    LongTermCredential::new(name, password).map_err(|error| error.to_string())
}

/// The profiles of SRTP.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protection {
    /// AEAD_AES_128_GCM
    Gcm128,
    /// AEAD_AES_256_GCM
    Gcm256,
    /// AES128_CM_HMAC_SHA1_80
    Cm,
}

impl Protection {
    fn profile(self) -> SrtpProfile {
        match self {
            Self::Gcm128 => SrtpProfile::AEAD_AES_128_GCM,
            Self::Gcm256 => SrtpProfile::AEAD_AES_256_GCM,
            Self::Cm => SrtpProfile::AES128_CM_HMAC_SHA1_80,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Candidates {
    /// Loopback addresses only, so that nobody can aim checks at inner networks
    Loopback,
    /// Any address
    Any,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.listen.ip().is_unspecified() {
        eprintln!(
            "peer: {} names no address: give the one at which others reach this machine",
            options.listen
        );
        return ExitCode::from(2);
    }
    if !options.listen.ip().is_loopback() && options.token.is_none() {
        eprintln!("peer: {} can be reached by others: give a --token", options.listen);
        return ExitCode::from(2);
    }
    let config = ServeConfig {
        address: options.listen,
        any_candidates: options.remote_candidates == Candidates::Any,
        token: options.token,
        relay: options
            .turn
            .zip(options.turn_user)
            .map(|(server, credential)| RelayConfig { server, credential }),
        relay_only: options.relay_only,
        srtp: options.srtp.map(Protection::profile),
    };
    match &config.token {
        Some(token) => println!("http://{}/#{token}", config.address),
        None => println!("http://{}/", config.address),
    }
    match serve(&Arc::new(Server::new(config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("peer: {message}");
            ExitCode::from(2)
        }
    }
}
