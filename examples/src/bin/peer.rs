//! A WebRTC endpoint for anyone to call: echoes sound, pictures and messages, and serves a page to call it with.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use nomagic_examples::serve::{ServeConfig, Server, serve};

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
