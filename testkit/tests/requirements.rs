//! The tags in the whole workspace against the lists in `testkit/requirements`, and `COMPLIANCE.md` against both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and skip loudly"
)]
#![expect(clippy::disallowed_methods, reason = "the reviewer asks for a new page by an environment variable")]

use std::path::{Path, PathBuf};

use nomagic_testkit::requirements::{Lists, Tag, check, parse_list, report, tags};

const FOLDERS: [&str; 10] =
    ["sdp", "ice", "stun", "rtp", "srtp", "sctp", "dtls", "examples", "interop", "testkit"];

#[test]
fn every_tag_keeps_its_promise_and_complete_rfcs_are_complete() {
    let (found, mut faults) = all_tags();
    faults.extend(check(&lists(), &complete(), &found));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The lists hold every id of the texts that they were drawn from, with its level.
#[test]
fn the_lists_leave_no_requirement_out() {
    let shared = root().join("../shared/requirements");
    if !shared.exists() {
        eprintln!("SKIPPED: ../shared/requirements is absent: the lists are not compared with it");
        return;
    }
    for (rfc, list) in lists() {
        // What is not there was drawn from the text by hand.
        let Ok(text) = std::fs::read_to_string(shared.join(format!("{rfc}.tsv"))) else { continue };
        let expected: Vec<(&str, &str)> = text
            .lines()
            .skip(1)
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .map(|fields| (fields[0], fields[1]))
            .collect();
        let found: Vec<(&str, &str)> = list.iter().map(|one| (one.id.as_str(), one.level.as_str())).collect();
        assert_eq!(found, expected, "{rfc}");
    }
}

/// `NOMAGIC_GOLDEN=rewrite` writes the page anew.
#[test]
fn the_compliance_page_says_what_the_tags_say() {
    let page = root().join("COMPLIANCE.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let fresh = format!("{head}{BEGIN}\n{}{END}{tail}", report(&lists(), &complete(), &all_tags().0));
    if std::env::var("NOMAGIC_GOLDEN").is_ok_and(|value| value == "rewrite") {
        std::fs::write(&page, &fresh).unwrap();
    } else {
        assert!(text == fresh, "COMPLIANCE.md is stale; NOMAGIC_GOLDEN=rewrite writes it anew");
    }
}

fn lists() -> Lists {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let lists = paths.filter(|path| path.extension().is_some_and(|kind| kind == "tsv"));
    lists
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let list = parse_list(&std::fs::read_to_string(&path).unwrap());
            (name.clone(), list.unwrap_or_else(|fault| panic!("{name}.tsv, {fault}")))
        })
        .collect()
}

fn complete() -> Vec<String> {
    include_str!("../requirements/complete.txt").lines().map(str::to_owned).collect()
}

fn all_tags() -> (Vec<Tag>, Vec<String>) {
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    files.sort();
    assert!(files.len() > 100, "only {} source files found", files.len());
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let (more, wrong) = tags(&name, &std::fs::read_to_string(&file).unwrap());
        found.extend(more);
        faults.extend(wrong);
    }
    (found, faults)
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

const BEGIN: &str = "<!-- written by testkit/tests/requirements.rs -->";
const END: &str = "<!-- end -->";
