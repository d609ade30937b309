//! Encrypts and decrypts recordings of RTP, with a key given or with the keys of a DTLS key log.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use nomagic_examples::dtls_keys::{sessions, unhex};
use nomagic_examples::recording::Recording;
use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig, Sender, is_rtcp};

/// Encrypts and decrypts SRTP and SRTCP in rtpdump and pcap files.
///
/// What is not RTP or RTCP in a capture, DTLS and STUN for instance, stays as it is. The exit code is 1 when a packet was
/// refused, and such packets are left out.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "EXAMPLES:
  srtp unprotect call.pcap plain.pcap --keylog keys.txt
  srtp protect in.rtp out.rtp --profile gcm128 --key 000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab"
)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// RTP in, SRTP out
    Protect {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        key: Key,
    },
    /// SRTP in, RTP out
    Unprotect {
        #[command(flatten)]
        files: Files,
        /// The key log of the DTLS handshakes in the capture
        #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "key", "identifier"], required_unless_present = "key")]
        keylog: Option<PathBuf>,
        #[command(flatten)]
        key: OptionalKey,
    },
}

#[derive(Debug, Args)]
struct Files {
    /// An rtpdump or pcap file
    input: PathBuf,
    /// Where the result goes, in the same format
    output: PathBuf,
    /// The roll-over counter of all sources at the beginning
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    roll_over_counter: u32,
}

#[derive(Debug, Args)]
struct Key {
    /// How packets are protected
    #[arg(long)]
    profile: Protection,
    /// Master key and salt, in hexadecimal
    #[arg(long, value_name = "HEX")]
    key: String,
    /// The master key identifier that packets carry, in hexadecimal
    #[arg(long, value_name = "HEX")]
    identifier: Option<String>,
}

#[derive(Debug, Args)]
struct OptionalKey {
    /// How packets are protected
    #[arg(long, requires = "key")]
    profile: Option<Protection>,
    /// Master key and salt, in hexadecimal
    #[arg(long, value_name = "HEX", requires = "profile")]
    key: Option<String>,
    /// The master key identifier that packets carry, in hexadecimal
    #[arg(long, value_name = "HEX")]
    identifier: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protection {
    /// AES-128 in counter mode, tags of 80 bits
    Cm,
    /// The same, tags of 32 bits
    Cm32,
    /// AES-192 in counter mode, tags of 80 bits
    Cm192,
    /// AES-256 in counter mode, tags of 80 bits
    Cm256,
    /// AES-128-GCM
    Gcm128,
    /// AES-256-GCM
    Gcm256,
    /// No encryption, tags of 80 bits
    Null,
}

impl From<Protection> for Profile {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Cm => Self::Aes128CmHmacSha1_80,
            Protection::Cm32 => Self::Aes128CmHmacSha1_32,
            Protection::Cm192 => Self::Aes192CmHmacSha1_80,
            Protection::Cm256 => Self::Aes256CmHmacSha1_80,
            Protection::Gcm128 => Self::AeadAes128Gcm,
            Protection::Gcm256 => Self::AeadAes256Gcm,
            Protection::Null => Self::NullHmacSha1_80,
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse().command) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("srtp: {message}");
            ExitCode::from(2)
        }
    }
}

/// Does the work and says how many packets were refused.
fn run(command: &Command) -> Result<usize, String> {
    match command {
        Command::Protect { files, key } => {
            let master = master(key.profile, &key.key, key.identifier.as_deref())?;
            let mut protector = Protector { sender: Sender::new(&master), counter: files.roll_over_counter };
            convert(files, "protected", |packet, is_rtcp| protector.protect(packet, is_rtcp))
        }
        Command::Unprotect { files, keylog, key } => {
            let masters = match (keylog, key.profile, &key.key) {
                (Some(path), ..) => logged(files, path)?,
                (None, Some(profile), Some(octets)) => {
                    vec![master(profile, octets, key.identifier.as_deref())?]
                }
                (None, ..) => return Err("a key or a key log is needed".into()),
            };
            let mut config = ReceiverConfig::default();
            config.accept_unencrypted_rtcp = true;
            let receivers = masters.iter().map(|master| Receiver::new(master, config)).collect();
            let mut unprotector = Unprotector { receivers, counter: files.roll_over_counter };
            convert(files, "unprotected", |packet, is_rtcp| unprotector.unprotect(packet, is_rtcp))
        }
    }
}

fn master(profile: Protection, octets: &str, identifier: Option<&str>) -> Result<MasterKey, String> {
    let profile = Profile::from(profile);
    let octets = unhex(octets).ok_or("--key is not hexadecimal")?;
    let expected = profile.key_len() + profile.salt_len();
    if octets.len() != expected {
        let (key, salt) = (profile.key_len(), profile.salt_len());
        return Err(format!(
            "--key has {} octets; {profile} takes {key} of key and {salt} of salt",
            octets.len()
        ));
    }
    let (key, salt) = octets.split_at(profile.key_len());
    let master = MasterKey::new(profile, key, salt).map_err(|fault| fault.to_string())?;
    match identifier {
        None => Ok(master),
        Some(text) => {
            let identifier = unhex(text).ok_or("--identifier is not hexadecimal")?;
            master.with_identifier(&identifier).map_err(|fault| fault.to_string())
        }
    }
}

/// The keys of all handshakes in the capture that the key log knows.
fn logged(files: &Files, path: &PathBuf) -> Result<Vec<MasterKey>, String> {
    let log = std::fs::read_to_string(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let found = sessions(&read(files)?.packets, &log);
    if found.is_empty() {
        return Err(format!("{}: no handshake of the capture is in it", path.display()));
    }
    Ok(found.into_iter().flat_map(|session| [session.client, session.server]).collect())
}

fn read(files: &Files) -> Result<Recording, String> {
    let path = files.input.display();
    let octets = std::fs::read(&files.input).map_err(|fault| format!("{path}: {fault}"))?;
    Recording::parse(&octets).map_err(|fault| format!("{path}: {fault}"))
}

/// Puts each packet of RTP and RTCP through `work`, and leaves out the ones that it refuses.
fn convert(
    files: &Files,
    done: &str,
    mut work: impl FnMut(&mut Vec<u8>, bool) -> Result<(), String>,
) -> Result<usize, String> {
    let mut recording = read(files)?;
    let (mut converted, mut others, mut refused) = (0, 0, 0);
    let mut number = 0;
    recording.packets.retain_mut(|packet| {
        number += 1;
        // RFC 7983: 128 to 191 is RTP and RTCP.
        if !packet.payload.first().is_some_and(|octet| (128..192).contains(octet)) {
            others += 1;
            return true;
        }
        let control = packet.is_rtcp || is_rtcp(&packet.payload);
        match work(&mut packet.payload, control) {
            Ok(()) => converted += 1,
            Err(fault) => {
                refused += 1;
                eprintln!("packet {number}: {fault}");
                return false;
            }
        }
        true
    });
    let path = files.output.display();
    std::fs::write(&files.output, recording.encode()?).map_err(|fault| format!("{path}: {fault}"))?;
    println!("{converted} {done}, {refused} refused, {others} other packets");
    Ok(refused)
}

struct Protector {
    sender: Sender,
    counter: u32,
}

impl Protector {
    fn protect(&mut self, packet: &mut Vec<u8>, is_rtcp: bool) -> Result<(), String> {
        let protected = if is_rtcp {
            self.sender.protect_rtcp(packet, 0)
        } else {
            if let Some(ssrc) = new_source(self.counter, packet, |ssrc| self.sender.roll_over_counter(ssrc)) {
                self.sender.set_roll_over_counter(ssrc, self.counter).map_err(|fault| fault.to_string())?;
            }
            self.sender.protect_rtp(packet, 0)
        };
        protected.map_err(|fault| fault.to_string())
    }
}

struct Unprotector {
    receivers: Vec<Receiver>,
    counter: u32,
}

impl Unprotector {
    /// Tries the keys one after the other: a packet that a receiver refuses stays as it is.
    fn unprotect(&mut self, packet: &mut Vec<u8>, is_rtcp: bool) -> Result<(), String> {
        let mut fault = String::from("no key");
        for receiver in &mut self.receivers {
            let opened = if is_rtcp {
                receiver.unprotect_rtcp(packet)
            } else {
                if let Some(ssrc) = new_source(self.counter, packet, |ssrc| receiver.roll_over_counter(ssrc))
                {
                    receiver.set_roll_over_counter(ssrc, self.counter).map_err(|fault| fault.to_string())?;
                }
                receiver.unprotect_rtp(packet)
            };
            match opened.map(|plain| plain.len()) {
                Ok(len) => {
                    packet.truncate(len);
                    return Ok(());
                }
                Err(other) => fault = other.to_string(),
            }
        }
        Err(fault)
    }
}

/// The packet's source, if a counter was given and the source is not known yet.
fn new_source(counter: u32, packet: &[u8], mut known: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
    let ssrc = u32::from_be_bytes(*packet.get(8..)?.first_chunk()?);
    (counter != 0 && known(ssrc).is_none()).then_some(ssrc)
}
