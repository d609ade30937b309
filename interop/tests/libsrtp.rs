//! libsrtp encrypts and we decrypt, and the reverse: every profile that both know, across roll-overs, with packets lost,
//! late and twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and skips loudly"
)]
#![allow(clippy::disallowed_methods, reason = "where Python is comes from the environment")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nomagic_srtp::{MasterKey, Profile, Receiver, ReceiverConfig, Sender, UnprotectError};

const COMMON: [Profile; 4] = [
    Profile::Aes128CmHmacSha1_80,
    Profile::Aes128CmHmacSha1_32,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// A Python that has pylibsrtp: of the target folder, where `.ci/run` puts it, or the system's.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let found =
        [target.join("venv/bin/python"), root.join("target/venv/bin/python"), PathBuf::from("python3")]
            .into_iter()
            .find(|python| {
                let import =
                    Command::new(python).args(["-c", "import pylibsrtp"]).stderr(Stdio::null()).status();
                import.is_ok_and(|status| status.success())
            });
    if found.is_none() {
        let missing =
            "no Python with pylibsrtp (python3 -m venv target/venv; target/venv/bin/pip install pylibsrtp)";
        assert!(std::env::var("CI").is_err(), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    found
}

struct Setting {
    python: PathBuf,
    profile: Profile,
    key: MasterKey,
    octets: String,
}

impl Setting {
    fn new(python: &Path, profile: Profile) -> Self {
        let key: Vec<u8> = (1..).take(profile.key_len()).collect();
        let salt: Vec<u8> = (101..).take(profile.salt_len()).collect();
        let octets = hex(&[&key[..], &salt].concat());
        Self {
            python: python.to_path_buf(),
            profile,
            key: MasterKey::new(profile, &key, &salt).unwrap(),
            octets,
        }
    }

    /// Has libsrtp protect or unprotect the packets, in one session.
    fn libsrtp(&self, direction: &str, packets: &[(&str, Vec<u8>)]) -> Vec<Option<Vec<u8>>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/libsrtp.py");
        let mut child = Command::new(&self.python)
            .arg(script)
            .args([&self.profile.id().unwrap().to_string(), &self.octets, direction])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: String =
            packets.iter().map(|(kind, packet)| format!("{kind} {}\n", hex(packet))).collect();
        let mut input = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(output.status.success());
        let answers: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(unhex).collect();
        assert_eq!(answers.len(), packets.len());
        answers
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex(line: &str) -> Option<Vec<u8>> {
    if line.starts_with("error") {
        return None;
    }
    Some((0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect())
}

/// A packet of one of three sources, each from another sequence number on, some with contributing sources, extensions and
/// padding.
fn rtp(number: u16) -> Vec<u8> {
    let source = number % 3;
    let sequence = [65_300u16, 7, 32_000][usize::from(source)].wrapping_add(number / 3);
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9, 0, 0, 1]);
    packet.push(u8::try_from(source).unwrap());
    if number.is_multiple_of(5) {
        packet[0] |= 2;
        packet.extend_from_slice(&[5; 8]);
    }
    if number.is_multiple_of(7) {
        packet[0] |= 0x10;
        packet.extend_from_slice(&[0xbe, 0xde, 0, 2, 0x12, 1, 2, 3, 0, 0, 0, 0]);
    }
    packet.resize(packet.len() + usize::from(number % 97), 0x5a);
    packet
}

fn rtcp(number: u8) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7, 0, 0, 1, 0];
    packet.resize(32, number);
    packet
}

/// The stream as sent, 1200 packets across a roll-over, with an RTCP packet after every hundredth.
fn sent() -> Vec<(&'static str, Vec<u8>)> {
    let mut packets = Vec::new();
    for number in 0..1200u16 {
        packets.push(("rtp", rtp(number)));
        if number % 100 == 99 {
            packets.push(("rtcp", rtcp(u8::try_from(number / 100).unwrap())));
        }
    }
    packets
}

/// The order in which the packets arrive: every eleventh is lost, every thirteenth comes forty places late, every
/// seventeenth comes twice.
fn arrival(count: usize) -> Vec<usize> {
    let mut places: Vec<(usize, usize)> = (0..count)
        .filter(|number| number % 11 != 3)
        .map(|number| (if number % 13 == 4 { number + 40 } else { number }, number))
        .collect();
    places.extend(
        (0..count).filter(|number| number % 11 != 3 && number % 17 == 5).map(|number| (number + 50, number)),
    );
    places.sort_unstable();
    places.into_iter().map(|(_, number)| number).collect()
}

#[test]
fn libsrtp_encrypts_and_we_decrypt() {
    let Some(python) = python() else { return };
    for profile in COMMON {
        let setting = Setting::new(&python, profile);
        let plain = sent();
        let protected = setting.libsrtp("protect", &plain);
        let mut receiver = Receiver::new(&setting.key, ReceiverConfig::default());
        let mut seen = vec![false; plain.len()];
        for number in arrival(plain.len()) {
            let mut packet = protected[number].clone().unwrap();
            let opened = match plain[number].0 {
                "rtp" => receiver.unprotect_rtp(&mut packet),
                _ => receiver.unprotect_rtcp(&mut packet),
            };
            let opened = opened.map(|opened| opened.to_vec());
            if std::mem::replace(&mut seen[number], true) {
                assert!(matches!(opened, Err(UnprotectError::Replayed { .. })), "{profile} {number}");
            } else {
                assert_eq!(opened.as_ref(), Ok(&plain[number].1), "{profile} {number}");
            }
        }
        assert_eq!(receiver.stream_count(), 3);
    }
}

#[test]
fn we_encrypt_and_libsrtp_decrypts() {
    let Some(python) = python() else { return };
    for profile in COMMON {
        let setting = Setting::new(&python, profile);
        let plain = sent();
        let mut sender = Sender::new(&setting.key);
        let protected: Vec<_> = plain
            .iter()
            .map(|(kind, packet)| {
                let mut out = packet.clone();
                match *kind {
                    "rtp" => sender.protect_rtp(&mut out, 0).unwrap(),
                    _ => sender.protect_rtcp(&mut out, 0).unwrap(),
                }
                (*kind, out)
            })
            .collect();
        let order = arrival(plain.len());
        let arriving: Vec<_> = order.iter().map(|number| protected[*number].clone()).collect();
        let mut seen = vec![false; plain.len()];
        for (number, opened) in order.into_iter().zip(setting.libsrtp("unprotect", &arriving)) {
            if std::mem::replace(&mut seen[number], true) {
                assert_eq!(opened, None, "{profile} {number}: libsrtp takes no replay");
            } else {
                assert_eq!(opened.as_ref(), Some(&plain[number].1), "{profile} {number}");
            }
        }
    }
}

/// Packet for packet the same octets, whoever makes them.
//= rfc7714#11-2 test
#[test]
fn both_make_the_same_packets() {
    let Some(python) = python() else { return };
    for profile in COMMON {
        let setting = Setting::new(&python, profile);
        let mut sender = Sender::new(&setting.key);
        // libsrtp's first RTCP index is 1.
        sender.set_rtcp_index(0x100, 1).unwrap();
        let plain = sent();
        for ((kind, packet), theirs) in plain.iter().zip(setting.libsrtp("protect", &plain)) {
            let mut ours = packet.clone();
            match *kind {
                "rtp" => sender.protect_rtp(&mut ours, 0).unwrap(),
                _ => sender.protect_rtcp(&mut ours, 0).unwrap(),
            }
            assert_eq!(Some(ours), theirs, "{profile}");
        }
    }
}
