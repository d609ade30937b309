//! Session descriptions: kept, judged, compared, answered, explained, and made fit for logs.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use nomagic_sdp::attribute::{Fingerprint, HashFunction};
use nomagic_sdp::negotiation::{Codec, Config, HeaderExtension, LocalTransport};
use nomagic_sdp::{Document, Limits, Negotiator, Profile, Severity};
use rand::RngExt;
use rand::distr::Distribution;

/// Reads session descriptions (SDP, RFC 8866); FILE may be - for standard input.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads the description and writes it: the same octets
    Cat {
        /// The description
        file: String,
    },
    /// Says what is wrong with it, line by line; exit code 1 if the profile refuses it
    Check {
        /// The description
        file: String,
        /// For whom it is judged
        #[arg(long, value_enum, default_value_t = Judge::Strict)]
        profile: Judge,
        /// Colours, even if the output is no terminal
        #[arg(long)]
        color: bool,
    },
    /// Compares two descriptions by what they mean; exit code 1 if they differ
    Diff {
        /// The first description
        first: String,
        /// The second description
        second: String,
    },
    /// Answers an offer, as a browser with the usual codecs would that only receives
    Answer {
        /// The offer
        file: String,
    },
    /// Says what each line means, and where that is defined
    Explain {
        /// The description
        file: String,
    },
    /// Writes it without addresses, credentials, keys and names
    Redact {
        /// The description
        file: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Judge {
    /// RFC 8866 to the letter
    Strict,
    /// Browsers
    Webrtc,
    /// Telephones
    Sip,
    /// Cameras: whatever can be understood
    Lenient,
}

impl From<Judge> for Profile {
    fn from(judge: Judge) -> Self {
        match judge {
            Judge::Strict => Self::Strict,
            Judge::Webrtc => Self::WebRtc,
            Judge::Sip => Self::Sip,
            Judge::Lenient => Self::Lenient,
        }
    }
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("sdp: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Cat { file } => cat(&file),
        Command::Check { file, profile, color } => check(&file, profile.into(), color),
        Command::Diff { first, second } => diff(&first, &second),
        Command::Answer { file } => answer(&file),
        Command::Explain { file } => explain(&file),
        Command::Redact { file } => {
            let text = read(&file)?;
            put(&parse(&file, &text)?.redacted())
        }
    }
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    // One octet more than is allowed, so that the limit is what complains.
    let most = Limits::default().octets as u64 + 1;
    let read = match file {
        "-" => std::io::stdin().lock().take(most).read_to_end(&mut text),
        _ => std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut text)),
    };
    read.map_err(|error| format!("{file}: {error}"))?;
    Ok(text)
}

fn parse<'t>(file: &str, text: &'t [u8]) -> Result<Document<'t>, String> {
    Document::parse(text, &Limits::default()).map_err(|error| format!("{file}: {error}"))
}

/// Writes and says that all went well; whoever stops reading early is no error.
fn put(octets: &[u8]) -> Result<ExitCode, String> {
    match std::io::stdout().lock().write_all(octets) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn cat(file: &str) -> Result<ExitCode, String> {
    let text = read(file)?;
    put(&parse(file, &text)?.to_vec())
}

fn check(file: &str, profile: Profile, colour: bool) -> Result<ExitCode, String> {
    let text = read(file)?;
    let document = parse(file, &text)?;
    let colour = colour || std::io::stdout().is_terminal();
    let (mut out, mut counts) = (String::new(), [0usize; 3]);
    for finding in document.examine() {
        let severity = profile.severity(finding.kind);
        counts[severity as usize] += 1;
        // Line ends are the same in all lines: the first one is enough.
        if severity != Severity::Note || counts[0] == 1 {
            out += &format!("{}\n\n", document.show(&finding).in_profile(profile, file).coloured(colour));
        }
    }
    let [notes, warnings, errors] = counts;
    out += &format!("{errors} errors, {warnings} warnings, {notes} notes\n");
    put(out.as_bytes())?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn diff(first: &str, second: &str) -> Result<ExitCode, String> {
    let (one, two) = (read(first)?, read(second)?);
    let differences = parse(first, &one)?.differences(&parse(second, &two)?);
    let (mut out, mut section) = (String::new(), String::new());
    for difference in &differences {
        if section != difference.section {
            section.clone_from(&difference.section);
            out += &format!("{section}:\n");
        }
        let line: String = difference.line.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        out += &format!("  {} {line}\n", if difference.first { '-' } else { '+' });
    }
    put(out.as_bytes())?;
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn explain(file: &str) -> Result<ExitCode, String> {
    let text = read(file)?;
    let document = parse(file, &text)?;
    let mut out = String::new();
    for (line, sentence) in document.explain() {
        let value = String::from_utf8_lossy(line.value);
        let shown: String = value.chars().map(|c| if c.is_control() { '·' } else { c }).take(60).collect();
        let shown = if line.kind == '\0' { shown } else { format!("{}={shown}", line.kind) };
        out += &format!("{shown:<64} {sentence}\n");
    }
    put(out.as_bytes())
}

/// What a browser can do, more or less.
fn capabilities(rng: &mut impl rand::Rng) -> Config {
    let mut config = Config::new(rng.random(), format!("{:016x}", rng.random::<u64>()));
    let video = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
    config.audio.codecs = vec![
        Codec::new(111, "opus", 48_000, Some(2))
            .with_parameters("minptime=10;useinbandfec=1")
            .with_feedback(&["transport-cc"]),
        Codec::new(9, "G722", 8_000, None),
        Codec::new(0, "PCMU", 8_000, None),
        Codec::new(8, "PCMA", 8_000, None),
        Codec::new(110, "telephone-event", 48_000, None),
        Codec::new(126, "telephone-event", 8_000, None),
    ];
    config.video.codecs = vec![
        Codec::new(96, "VP8", 90_000, None).with_feedback(&video),
        Codec::new(98, "VP9", 90_000, None).with_parameters("profile-id=0").with_feedback(&video),
        Codec::new(102, "H264", 90_000, None)
            .with_parameters("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
            .with_feedback(&video),
        Codec::new(45, "AV1", 90_000, None)
            .with_parameters("level-idx=5;profile=0;tier=0")
            .with_feedback(&video),
        Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96"),
    ];
    let uris = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ];
    let extensions: Vec<HeaderExtension> =
        (1..).zip(uris).map(|(id, uri)| HeaderExtension { id, uri: uri.into() }).collect();
    (config.audio.extensions, config.video.extensions) = (extensions.clone(), extensions);
    config.max_message_size = Some(262_144);
    config
}

fn answer(file: &str) -> Result<ExitCode, String> {
    let offer = read(file)?;
    let mut rng = rand::rng();
    let mut side = Negotiator::new(capabilities(&mut rng));
    side.accept_offer(&offer).map_err(|error| format!("{file}: {error}"))?;
    let mut word = |len: usize| -> String {
        (0..len).map(|_| char::from(rand::distr::Alphanumeric.sample(&mut rng))).collect()
    };
    let (ufrag, password) = (word(8), word(24));
    let transport = LocalTransport {
        ufrag,
        password,
        // There is no certificate: this answer shows what would be agreed on.
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[0; 32]).ok_or("no fingerprint")?,
        candidates: Vec::new(),
        end_of_candidates: false,
    };
    let text = side.create_answer(&transport).map_err(|error| format!("{file}: {error}"))?;
    put(text.as_bytes())
}
