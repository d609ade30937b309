//! DTLS 1.2 from the command line: a client and a server that echo, or carry standard input and output.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "it is a program")]

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use nomagic_dtls::{
    CipherSuite, Config, Fingerprint, Identity, KeyLog, PreSharedKey, PreSharedKeys, Session, SessionCache,
    SrtpProfile, Verifier,
};
use nomagic_examples::dtls_tool::{Tool, run};
use rand::rngs::StdRng;

/// DTLS 1.2: a client and a server that echo, or carry standard input and output. The flights of the handshake are told
/// on the error output as they go.
///
/// Exits with 0 after a connection that came about, with 1 after one that did not, with 2 if something could not be
/// done at all.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    role: Side,
}

#[derive(Debug, Subcommand)]
enum Side {
    /// Calls a server
    Client {
        /// Where the server is, such as 127.0.0.1:4433
        server: String,
        /// Take up the session in this file, if there is one, and leave the new one there: whoever has the file can pose as us
        #[arg(long, value_name = "FILE")]
        session: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Waits for clients
    Server {
        /// Where to wait
        #[arg(default_value = "127.0.0.1:4433")]
        listen: SocketAddr,
        /// End with the first connection
        #[arg(long)]
        once: bool,
        /// Let clients take up their sessions for ten minutes, without certificates and signatures (RFC 5246 section 7.3)
        #[arg(long)]
        resume: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Fingerprint of the peer's certificate, such as "sha-256 AB:CD:..."; may be given several times
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Vec<Fingerprint>,
    /// Accept any certificate; a server with neither this nor --fingerprint asks for none
    #[arg(long, conflicts_with = "fingerprint")]
    any_peer: bool,
    /// Ask the peer for an id of so many octets in its records, so that it can move; with 0, only put its id into ours
    /// (RFC 9146)
    #[arg(long, value_name = "OCTETS", value_parser = clap::value_parser!(u8).range(0..=32))]
    cid: Option<u8>,
    /// Our certificate as PEM, and those of its authorities behind it; made anew if not given
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The certificate's private key as PEM; without it, looked for in the file of the certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Names of the protocol above, the first choice first (ALPN)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,
    /// A key that both ends have, as IDENTITY:HEXKEY with 16 to 256 octets, in place of certificates: whoever has it too is let
    /// in. A server may be given several, one for each client (RFC 4279). Other programs and users of this computer can see it
    #[arg(long, value_name = "IDENTITY:HEXKEY")]
    psk: Vec<String>,
    /// The suites, the first choice first, by their names in the registry, such as TLS_PSK_WITH_AES_128_CCM_8
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = suite)]
    suites: Vec<CipherSuite>,
    /// Send back what comes instead of writing it out
    #[arg(long)]
    echo: bool,
    /// Profiles for SRTP, the first choice first
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PROFILES")]
    srtp: Vec<Srtp>,
    /// Show keying material made for this label, so many octets (RFC 5705)
    #[arg(long, num_args = 2, value_names = ["LABEL", "LEN"])]
    export: Vec<String>,
    /// Add the secrets to this file, for Wireshark
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
    /// Octets of the greatest datagram of the handshake
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u16).range(256..=65507))]
    mtu: u16,
    /// Milliseconds until a flight is sent again
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    retransmit: u64,
    /// Seconds that the handshake may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Tell nothing but errors
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Srtp {
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits
    Cm80,
    /// AES-128 in counter mode, HMAC-SHA1 of 32 bits
    Cm32,
    /// AES-128-GCM
    Gcm128,
    /// AES-256-GCM
    Gcm256,
}

impl Srtp {
    const fn profile(self) -> SrtpProfile {
        match self {
            Self::Cm80 => SrtpProfile::AES128_CM_HMAC_SHA1_80,
            Self::Cm32 => SrtpProfile::AES128_CM_HMAC_SHA1_32,
            Self::Gcm128 => SrtpProfile::AEAD_AES_128_GCM,
            Self::Gcm256 => SrtpProfile::AEAD_AES_256_GCM,
        }
    }
}

fn main() -> ExitCode {
    match start(Options::parse().role) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("dtls: {message}");
            ExitCode::from(2)
        }
    }
}

fn start(side: Side) -> Result<bool, String> {
    let mut rng: StdRng = rand::make_rng();
    let (mut name, mut session_file, mut session_cache) = (None, None, None);
    let (common, remote, listen, once) = match side {
        Side::Client { server, session, common } => {
            session_file = session;
            let mut addresses = server.to_socket_addrs().map_err(|error| format!("{server}: {error}"))?;
            // The host, if the words are not an address; what is no DNS name is not sent.
            name = server.rsplit_once(':').map(|(host, _)| host.to_owned());
            let remote = addresses.next().ok_or_else(|| format!("{server}: no address"))?;
            let any: SocketAddr = if remote.is_ipv4() {
                (Ipv4Addr::UNSPECIFIED, 0).into()
            } else {
                (Ipv6Addr::UNSPECIFIED, 0).into()
            };
            (common, Some(remote), any, true)
        }
        Side::Server { listen, once, resume, common } => {
            session_cache = resume.then(|| SessionCache::new(MOST_SESSIONS, SESSION_LIFETIME));
            (common, None, listen, once)
        }
    };
    let mut config = config(&common, remote.is_some(), &mut rng)?;
    config.srtp_profiles = common.srtp.iter().map(|srtp| srtp.profile()).collect();
    config.application_protocols = common.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    if let Some(name) = common.alpn.iter().find(|name| !(1..=255).contains(&name.len())) {
        return Err(format!("--alpn {name}: expected 1 to 255 octets"));
    }
    config.server_name = name;
    config.session_cache = session_cache;
    config.keep_session = session_file.is_some();
    config.session = session_file.as_ref().map(read_session).transpose()?.flatten();
    config.path_mtu = usize::from(common.mtu);
    config.initial_timeout = Duration::from_millis(common.retransmit);
    config.handshake_timeout = Duration::from_secs(common.timeout);
    config.key_log = common.keylog.as_ref().map(open_key_log).transpose()?;
    let export = export(&common.export)?;
    let socket = UdpSocket::bind(listen).map_err(|error| format!("{listen}: {error}"))?;
    if !common.suites.is_empty() {
        config.suites.clone_from(&common.suites);
    }
    if !common.quiet {
        if let Some(fingerprint) = config.fingerprint() {
            eprintln!("our certificate: {fingerprint}");
        }
        if remote.is_none() {
            eprintln!("waiting on {}", socket.local_addr().map_err(|error| error.to_string())?);
        }
    }
    let (echo, quiet, connection_id) = (common.echo, common.quiet, common.cid);
    let tool = Tool { config, remote, session_file, echo, once, connection_id, export, quiet };
    run(&tool, socket, rng).map_err(|error| error.to_string())
}

/// Who we are, and who the other is.
fn config(common: &Common, calls: bool, rng: &mut StdRng) -> Result<Config, String> {
    let verifier = match (common.any_peer, common.fingerprint.is_empty()) {
        (true, _) => Some(Verifier::callback(|_| true)),
        (false, false) => Some(Verifier::fingerprints(common.fingerprint.iter().copied())),
        (false, true) => None,
    };
    let known: Vec<PreSharedKey> =
        common.psk.iter().map(|words| pre_shared_key(words)).collect::<Result<_, _>>()?;
    if calls && known.len() > 1 {
        return Err("--psk: a client has one key only".into());
    }
    let key = known.first().cloned();
    let keys = (!known.is_empty()).then(|| PreSharedKeys::new(known));
    // With a key, and nothing said of certificates, there are none.
    if verifier.is_none() && common.cert.is_none() {
        match (&key, &keys) {
            (Some(key), _) if calls => return Ok(Config::client_with_key(key.clone())),
            (_, Some(keys)) => return Ok(Config::server_with_keys(keys.clone())),
            _ => {}
        }
    }
    let identity = Arc::new(match &common.cert {
        Some(certificate) => load(certificate, common.key.as_ref().unwrap_or(certificate))?,
        None => Identity::generate(rng),
    });
    let mut config = match (calls, verifier) {
        (true, Some(verifier)) => Config::client(identity, verifier),
        (true, None) => {
            return Err("who is the server? give its --fingerprint, a --psk, or --any-peer".into());
        }
        (false, Some(verifier)) => Config::server(identity, verifier),
        (false, None) => Config::server_for_anyone(identity),
    };
    if calls {
        config.pre_shared_key = key;
    } else {
        config.pre_shared_keys = keys;
    }
    Ok(config)
}

/// What is wrong is told without the words themselves: the key is a secret.
fn pre_shared_key(words: &str) -> Result<PreSharedKey, String> {
    // An identity may have colons in it, a key has none.
    let (identity, digits) = words.rsplit_once(':').ok_or("--psk: expected IDENTITY:HEXKEY")?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let octet = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let key: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    let key =
        key.filter(|_| rest.is_empty()).ok_or("--psk: the key is not in pairs of hexadecimal digits")?;
    PreSharedKey::new(identity, &key).map_err(|error| format!("--psk: {error}"))
}

fn suite(name: &str) -> Result<CipherSuite, String> {
    let all = [&CipherSuite::SUPPORTED[..], &CipherSuite::PRE_SHARED, &CipherSuite::CONSTRAINED].concat();
    let known = all.iter().find(|suite| suite.to_string() == name).copied();
    known.ok_or_else(|| {
        let names: Vec<String> = all.iter().map(CipherSuite::to_string).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Sessions that a server keeps, and for how long.
const MOST_SESSIONS: usize = 256;
const SESSION_LIFETIME: Duration = Duration::from_secs(600);

/// The session in a file; none if there is no file yet.
fn read_session(path: &PathBuf) -> Result<Option<Session>, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    match std::fs::read(path) {
        Ok(octets) => Session::parse(&octets).map(Some).map_err(|error| fault(&error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(&error)),
    }
}

fn load(certificate: &PathBuf, key: &PathBuf) -> Result<Identity, String> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    Identity::from_pem(&read(certificate)?, &read(key)?)
        .map_err(|error| format!("{}, {}: {error}", certificate.display(), key.display()))
}

/// The greatest piece of keying material that is shown.
const MOST_EXPORTED: usize = 1024;

fn export(words: &[String]) -> Result<Option<(String, usize)>, String> {
    let [label, len] = words else { return Ok(None) };
    match len.parse() {
        Ok(len @ 1..=MOST_EXPORTED) => Ok(Some((label.clone(), len))),
        _ => Err(format!("--export {label} {len}: expected 1 to {MOST_EXPORTED} octets")),
    }
}

fn open_key_log(path: &PathBuf) -> Result<KeyLog, String> {
    let mut options = File::options();
    options.create(true).append(true);
    // Who reads it reads the conversation.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = Mutex::new(options.open(path).map_err(|error| format!("{}: {error}", path.display()))?);
    Ok(KeyLog::new(move |line| {
        // A log that cannot be written must not disturb the connection.
        if let Ok(mut file) = file.lock() {
            let _ = writeln!(file, "{line}");
        }
    }))
}
