//! Looks into a capture: every packet as a tree of fields with the sections of the RFCs, or as JSON.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use nomagic_examples::dissect::{Captured, Dissector, KeyLog, Packet, Paint, read, read_hex};
use nomagic_examples::options::parse;

/// Shows what is in a capture of STUN, TURN, DTLS, RTP, RTCP, SCTP and data channels.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// A pcap or pcapng file; `-` reads packets from standard input, as `--hex` does
    #[arg(required_unless_present = "hex")]
    file: Option<PathBuf>,
    /// Reads hexadecimal digits: one packet a line, or a dump with offsets
    #[arg(long)]
    hex: bool,
    /// One JSON object a packet
    #[arg(long)]
    json: bool,
    /// Secrets of DTLS connections, in the format of NSS
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options: Options = match parse("dissect") {
        Ok(options) => options,
        Err(code) => return code,
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("dissect: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut keys = KeyLog::default();
    if let Some(path) = &options.keylog {
        let text = std::fs::read_to_string(path).map_err(|fault| name(path, fault))?;
        keys.add(&text).map_err(|fault| name(path, fault))?;
    }
    let file = options.file.as_deref().filter(|file| file.as_os_str() != "-");
    let captured = match file {
        Some(file) if !options.hex => open(file)?,
        _ => Captured::default(),
    };
    if let Err(fault) = keys.add(&captured.key_log) {
        eprintln!("dissect: the key log in the capture: {fault}");
    }
    let mut dissector = Dissector::new(keys);
    let mut out = BufWriter::new(io::stdout().lock());
    let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let paint = if colours { Paint::Colours } else { Paint::Plain };
    let mut show = |packet: &Packet| match options.json {
        true => writeln!(out, "{}", packet.to_json()),
        false => writeln!(out, "{}", packet.print(paint)),
    };
    let packets = match file {
        Some(file) if options.hex => read_hex(&*bytes(file)?).map_err(|fault| name(file, fault))?,
        Some(_) => Vec::new(),
        None => read_hex(io::stdin().lock())?,
    };
    let frames = captured.frames.iter();
    let shown =
        frames.flat_map(|frame| dissector.frame(frame)).try_for_each(|packet| show(&packet)).and_then(|()| {
            packets.iter().zip(1..).try_for_each(|(octets, at)| show(&dissector.bare(at, octets)))
        });
    match shown.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.to_string()),
        _ => {}
    }
    if let (Some(file), Some(reason)) = (file, captured.cut) {
        let last = captured.frames.len();
        eprintln!("dissect: {} ends early, behind frame {last}: {reason}", file.display());
    }
    Ok(())
}

fn open(path: &Path) -> Result<Captured, String> {
    read(&bytes(path)?).map_err(|fault| name(path, fault))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|fault| name(path, fault))
}

fn name(path: &Path, fault: impl std::fmt::Display) -> String {
    format!("{}: {fault}", path.display())
}
