//! The fifty cases that this crate promises to survive have numbers, D1 to D50; each stands in the comment above its test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

/// Adds the numbers in the comments of a file.
fn collect(text: &str, numbers: &mut BTreeSet<u32>) {
    let comments = text.lines().map(str::trim_start).filter(|line| line.starts_with("//"));
    for word in comments.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric())) {
        let digits = word.strip_prefix('D').unwrap_or("");
        numbers.extend(digits.parse::<u32>().ok());
    }
}

fn walk(folder: &Path, numbers: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            walk(&entry, numbers);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&entry).unwrap();
            let is_test = text.contains("#[test]");
            if is_test && !entry.ends_with("numbers.rs") {
                collect(&text, numbers);
            }
        }
    }
}

#[test]
fn every_case_of_the_list_has_a_test() {
    let mut numbers = BTreeSet::new();
    for folder in ["src", "tests"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut numbers);
    }
    let missing: Vec<u32> = (1..=50).filter(|number| !numbers.contains(number)).collect();
    assert!(missing.is_empty(), "no test for D{missing:?}");
}
