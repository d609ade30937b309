//! DTLS: handshakes and records beside the cryptography that they cannot do without.
//!
//! `--quick` shows that everything runs. With the feature `peers` the rivals and OpenSSL (through memory, no sockets) take
//! their turns in the same rounds; with `aws-lc-rs` there are rows for that library too. Two bars are judged, both as ratios
//! to raw cryptography of the same library: a handshake at most 1.15, records at most 1.3.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]

mod ours;
#[cfg(feature = "peers")]
mod peers;
mod raw;
#[cfg(feature = "aws-lc-rs")]
mod raw_aws_lc;

use std::path::Path;

use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
use nomagic_dtls::Backend;

/// Octets of a payload: a packet that fills a datagram.
const PAYLOAD: [u8; 1200] = [7; 1200];

/// The bars of handshakes and of records: time divided by that of the cryptography alone.
const BARS: [f64; 2] = [1.15, 1.3];

fn main() {
    let effort = Effort::from_arguments();
    let rows = vec![
        handshake("", &Backend::RustCrypto, raw::Handshake::new(), effort),
        records("", &Backend::RustCrypto, raw::Record::new(), effort),
        #[cfg(feature = "aws-lc-rs")]
        handshake(", aws-lc", &Backend::BuiltIn, raw_aws_lc::Handshake::new(), effort),
        #[cfg(feature = "aws-lc-rs")]
        records(", aws-lc", &Backend::BuiltIn, raw_aws_lc::Record::new(), effort),
    ];
    print_table(&rows);
    memory();
    rows.iter().zip(BARS.iter().cycle()).for_each(|(row, bar)| judge(row, *bar));
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("dtls.json")).unwrap();
}

/// Both sides of a handshake in which both show certificates. X25519, ECDSA on P-256.
fn handshake(library: &str, backend: &Backend, mut floor: impl raw::Floor, effort: Effort) -> Row {
    let mut seed = 0;
    let contenders = vec![
        Contender::new("ours", move || {
            seed += 2;
            ours::connected(seed, backend)
        }),
        #[cfg(feature = "peers")]
        Contender::new("dimpl", peers::dimpl_connected),
        #[cfg(feature = "peers")]
        Contender::new("rtc-dtls (ring)", peers::rtc_connected),
        #[cfg(feature = "peers")]
        Contender::new("OpenSSL", peers::openssl_connected),
        Contender::new("raw", move || floor.run()),
    ];
    measure(&format!("full mutual handshake{library}"), effort, contenders)
}

/// A payload made a record at one end and opened at the other.
fn records(library: &str, backend: &Backend, mut floor: impl raw::Floor, effort: Effort) -> Row {
    let mut pair = ours::connected(1, backend);
    let mut out = Vec::with_capacity(2048);
    #[cfg(feature = "peers")]
    let (mut dimpl, mut rtc, mut openssl) =
        (peers::dimpl_connected(), peers::rtc_connected(), peers::openssl_connected());
    let contenders = vec![
        Contender::new("ours", move || pair.carry(&PAYLOAD, &mut out)),
        #[cfg(feature = "peers")]
        Contender::new("dimpl", move || dimpl.carry(&PAYLOAD)),
        #[cfg(feature = "peers")]
        Contender::new("rtc-dtls (ring)", move || rtc.carry(&PAYLOAD)),
        #[cfg(feature = "peers")]
        Contender::new("OpenSSL", move || openssl.carry(&PAYLOAD)),
        Contender::new("raw", move || floor.run()),
    ];
    let row = measure(&format!("seal and open 1200 B, AES-128-GCM{library}"), effort, contenders);
    assert_eq!(row.measures[0].allocations, 0, "records are made and opened without allocation");
    row
}

/// What an established connection keeps, on the heap and by itself.
#[expect(clippy::print_stdout, reason = "printing is what a bench is for")]
fn memory() {
    println!("\noctets of an established connection (mean of client and server)");
    // Once before, so that what is made for all connections is there.
    let report = |name: &str, octets: u64| println!("{name:<34} {octets:>10}");
    let backend = Backend::RustCrypto;
    drop(ours::connected(1, &backend));
    report("ours", retained(|| ours::connected(1, &backend)));
    #[cfg(feature = "peers")]
    {
        report("dimpl", retained(peers::dimpl_connected));
        report("rtc-dtls", retained(peers::rtc_connected));
    }
}

/// Octets that one of two connections keeps.
fn retained<T>(make: impl FnOnce() -> T) -> u64 {
    let mut kept = None;
    let counted = allocation_counter::measure(|| kept = Some(make()));
    let heap = u64::try_from(counted.bytes_current).unwrap();
    drop(kept);
    (heap + u64::try_from(size_of::<T>()).unwrap()) / 2
}

#[expect(clippy::print_stdout, reason = "printing is what a bench is for")]
fn judge(row: &Row, bar: f64) {
    let ratio = row.measures[0].ratio;
    let verdict = if ratio <= bar { "met" } else { "MISSED" };
    println!("{}: {ratio:.3} of raw cryptography, bar {bar}: {verdict}", row.name);
}
