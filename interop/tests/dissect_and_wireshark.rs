//! `dissect` over every capture, beside tshark: the tables that lie with the captures, and the tshark of this machine.
//!
//! Where the two differ, `dissect-differences.tsv` says so, a line each with the section that decides; a difference that
//! is not there fails, and so does a line that nothing bears out any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use nomagic_interop::has;
use nomagic_interop::program::example;
use nomagic_interop::second_opinion::{FIELDS, differences, ours, theirs};

/// All captures there are, by their place in `../shared/vectors`.
fn captures() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let mut found = Vec::new();
    for folder in ["stun", "dtls", "rtp", "sctp"] {
        let Ok(files) = std::fs::read_dir(root.join(folder).join("captures")) else { continue };
        for file in files.map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".pcap") || name.ends_with(".pcapng") {
                found.push((format!("{folder}/{name}"), file));
            }
        }
    }
    found.sort();
    if found.is_empty() {
        assert!(
            std::env::var_os("CI").is_none(),
            "../shared/vectors is missing, and in CI nothing is skipped"
        );
        eprintln!("SKIPPED: ../shared/vectors is absent: no capture to look into");
    }
    found
}

fn dissected(program: &Path, capture: &Path) -> String {
    let ended = Command::new(program).arg(capture).arg("--json").output().unwrap();
    assert!(ended.status.success(), "{}: {}", capture.display(), String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

/// The first five columns of the list: capture, frame, field, our value, theirs.
fn listed() -> BTreeSet<String> {
    let lines = include_str!("dissect-differences.tsv").lines().skip(1);
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            assert!(columns.len() == 6 && columns[5].starts_with("RFC"), "{line}: no section decides");
            columns[..5].join("\t")
        })
        .collect()
}

#[test]
fn dissect_and_tshark_differ_only_where_an_rfc_says_who_is_right() {
    let captures = captures();
    if captures.is_empty() {
        return;
    }
    let (program, live) = (example("dissect"), has("tshark"));
    let (mut found, mut compared) = (BTreeSet::new(), 0);
    for (name, capture) in &captures {
        let lines = dissected(&program, capture);
        for (protocol, fields) in FIELDS {
            let ours = ours(protocol, &lines);
            let tables = [kept(capture, protocol), live.then(|| asked(capture, protocol, fields))];
            for theirs in tables.into_iter().flatten().map(|table| theirs(&table)) {
                compared += theirs.len();
                found.extend(differences(name, &ours, &theirs, fields));
            }
        }
    }
    assert!(compared > 10_000, "only {compared} values compared");
    let listed = listed();
    let new: Vec<&String> = found.difference(&listed).collect();
    assert!(new.is_empty(), "{} differences that nobody has judged: {new:#?}", new.len());
    // The tables alone do not show all of them.
    let gone: Vec<&String> = listed.difference(&found).filter(|_| live).collect();
    assert!(gone.is_empty(), "{} differences that there are no more: {gone:#?}", gone.len());
}

/// What tshark 4.0.17 has said, as it lies beside the capture.
fn kept(capture: &Path, protocol: &str) -> Option<String> {
    let name = capture.file_name().unwrap().to_str().unwrap();
    std::fs::read_to_string(capture.with_file_name(format!("{name}.{protocol}.tsv"))).ok()
}

/// What the tshark of this machine says.
fn asked(capture: &Path, protocol: &str, fields: &[&str]) -> String {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture).args(["-n", "-Y", protocol, "-T", "fields", "-E", "header=y"]);
    tshark.args(["--enable-heuristic", "rtp_udp", "--enable-heuristic", "rtcp_udp", "-e", "frame.number"]);
    fields.iter().for_each(|field| drop(tshark.args(["-e", field])));
    let ended = tshark.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}
