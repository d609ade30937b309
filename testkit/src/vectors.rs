//! Test data that lies beside the checkout, in `../shared/vectors`.
//!
//! Where that folder is absent, one loud line says so and the test has nothing to compare with.

use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder, if it is there.
pub fn folder() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    SAID.call_once(|| {
        say("SKIPPED: ../shared/vectors is absent, so nothing is compared with recorded data");
    });
    None
}

/// The octets of one file, such as `stun/rfc_vectors.json`.
///
/// # Panics
/// The folder is there and the file is not, which is a mistake in the test.
pub fn read(path: &str) -> Option<Vec<u8>> {
    let path = folder()?.join(path);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(fault) => panic!("{}: {fault}", path.display()),
    }
}

/// One file as JSON.
///
/// # Panics
/// The file is absent or is not JSON.
pub fn json(path: &str) -> Option<serde_json::Value> {
    let bytes = read(path)?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(fault) => panic!("{path}: {fault}"),
    }
}

/// Each line of a `.jsonl` file as JSON; empty where the folder is absent.
///
/// # Panics
/// The file is absent or a line is not JSON.
pub fn json_lines(path: &str) -> Vec<serde_json::Value> {
    let bytes = read(path).unwrap_or_default();
    let lines = bytes.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(fault) => panic!("{path}: {fault}"),
        })
        .collect()
}

/// The items of a `.corpus` file with their names: `CORPUS1\n`, a count, then name and data with their lengths, all
/// big endian.
///
/// # Panics
/// The file is absent or is not a corpus.
pub fn corpus(path: &str) -> Vec<(String, Vec<u8>)> {
    let Some(bytes) = read(path) else { return Vec::new() };
    match parse_corpus(&bytes) {
        Some(items) => items,
        None => panic!("{path}: not a corpus file"),
    }
}

/// All files of a folder with their names, sorted; empty where `../shared/vectors` is absent.
///
/// # Panics
/// The vectors are there and this folder is not.
pub fn files(path: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder().map(|root| root.join(path)) else { return Vec::new() };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(fault) => panic!("{}: {fault}", folder.display()),
    };
    let mut files: Vec<(String, Vec<u8>)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let bytes = std::fs::read(entry.path()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            (name, bytes)
        })
        .collect();
    files.sort();
    files
}

/// The octets that a run of hexadecimal digits stands for; white space is skipped.
///
/// # Panics
/// A character is no digit, or their number is odd.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => digit,
            None => panic!("{character:?} is no hexadecimal digit"),
        })
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    assert!(rest.is_empty(), "an odd number of hexadecimal digits");
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

fn parse_corpus(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut rest = bytes.strip_prefix(b"CORPUS1\n")?;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count)?;
        rest = tail;
        Some(head)
    };
    let count = u32::from_be_bytes(take(4)?.try_into().ok()?);
    (0..count)
        .map(|_| {
            let name_len = u16::from_be_bytes(take(2)?.try_into().ok()?);
            let name = String::from_utf8_lossy(take(name_len.into())?).into_owned();
            let len = u32::from_be_bytes(take(4)?.try_into().ok()?);
            Some((name, take(usize::try_from(len).ok()?)?.to_vec()))
        })
        .collect()
}

#[expect(clippy::print_stderr, reason = "a skipped comparison must be seen")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_reads_back() {
        let bytes = b"CORPUS1\n\0\0\0\x02\0\x01a\0\0\0\x02xy\0\x01b\0\0\0\0";
        let items = parse_corpus(bytes).unwrap();
        assert_eq!(items, [("a".to_owned(), b"xy".to_vec()), ("b".to_owned(), Vec::new())]);
        assert_eq!(parse_corpus(&bytes[..20]), None);
    }

    #[test]
    fn hexadecimal_digits_become_octets() {
        assert_eq!(hex("00 fF\n10"), [0, 255, 16]);
    }
}
