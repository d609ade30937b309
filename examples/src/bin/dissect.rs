//! Looks into a capture: every packet as a tree of fields with the sections of the RFCs, or as JSON.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use nomagic_examples::dissect::{Captured, Dissector, KeyLog, Packet, Paint, read, read_hex};

/// Shows what is in a capture of STUN, TURN, DTLS, RTP, RTCP, SCTP and data channels.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// A pcap or pcapng file; `-` reads datagrams from standard input, one a line in hexadecimal digits
    file: PathBuf,
    /// One JSON object a packet
    #[arg(long)]
    json: bool,
    /// Secrets of DTLS connections, in the format of NSS
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
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
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        keys.add(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let hex = options.file.as_os_str() == "-";
    let captured = if hex { Captured::default() } else { open(&options.file)? };
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
    let shown = if hex {
        let datagrams = read_hex(io::stdin().lock())?;
        datagrams.iter().zip(1..).try_for_each(|(octets, number)| show(&dissector.bare(number, octets)))
    } else {
        let frames = captured.frames.iter();
        frames.flat_map(|frame| dissector.frame(frame)).try_for_each(|packet| show(&packet))
    };
    match shown.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.to_string()),
        _ => {}
    }
    if let Some(reason) = captured.cut {
        eprintln!(
            "dissect: {} ends early, behind frame {}: {reason}",
            options.file.display(),
            captured.frames.len()
        );
    }
    Ok(())
}

fn open(path: &PathBuf) -> Result<Captured, String> {
    let file = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read(&file).map_err(|error| format!("{}: {error}", path.display()))
}
