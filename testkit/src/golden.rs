//! Golden files: what a test prints, kept beside it and compared.

use std::path::Path;

/// Compares `text` with `tests/golden/NAME` of the crate under test.
///
/// With the environment variable `NOMAGIC_GOLDEN=rewrite` the file is written instead; the reviewer reads the diff.
#[macro_export]
macro_rules! golden {
    ($name:expr, $text:expr) => {
        $crate::golden::check(env!("CARGO_MANIFEST_DIR"), $name, &$text)
    };
}

/// What [`crate::golden!`] calls.
///
/// # Panics
/// The file differs, or cannot be read or written.
#[expect(
    clippy::disallowed_methods,
    reason = "the reviewer asks for new golden files by an environment variable"
)]
pub fn check(crate_folder: &str, name: &str, text: &str) {
    let path = Path::new(crate_folder).join("tests/golden").join(name);
    if std::env::var("NOMAGIC_GOLDEN").is_ok_and(|value| value == "rewrite") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    if let Err(report) = compare(&path, text) {
        panic!("{name}: {report}\nNOMAGIC_GOLDEN=rewrite writes it anew");
    }
}

fn compare(path: &Path, text: &str) -> Result<(), String> {
    let kept = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    difference(&kept, text).map_or(Ok(()), Err)
}

/// The lines that differ, those that are gone with `-` and those that are new with `+`, with two lines before them.
fn difference(kept: &str, text: &str) -> Option<String> {
    if kept == text {
        return None;
    }
    // Ends of lines are kept, so that a missing last one is seen too.
    let (kept, text): (Vec<&str>, Vec<&str>) =
        (kept.split_inclusive('\n').collect(), text.split_inclusive('\n').collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = kept.iter().zip(&text).take_while(same).count();
    let tail = kept[head..].iter().rev().zip(text[head..].iter().rev()).take_while(same).count();
    let mut out = format!("from line {}:\n", head + 1);
    show(&mut out, "  ", &kept[head.saturating_sub(2)..head]);
    show(&mut out, "- ", &kept[head..kept.len() - tail]);
    show(&mut out, "+ ", &text[head..text.len() - tail]);
    Some(out)
}

fn show(out: &mut String, mark: &str, lines: &[&str]) {
    for line in lines.iter().take(MOST_LINES) {
        let end = if line.ends_with('\n') { "" } else { " (no end of line)" };
        out.push_str(&format!("{mark}{}{end}\n", line.trim_end_matches('\n')));
    }
    if lines.len() > MOST_LINES {
        out.push_str(&format!("{mark}... {} more lines\n", lines.len() - MOST_LINES));
    }
}

/// Lines of each kind that a failure shows.
const MOST_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_differ_are_shown() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n").unwrap(), "from line 2:\n  a\n- b\n+ x\n+ y\n");
        assert_eq!(difference("a\n", "a\nb\n").unwrap(), "from line 2:\n  a\n+ b\n");
        assert_eq!(difference("a\n", "a").unwrap(), "from line 1:\n- a\n+ a (no end of line)\n");
        let long = difference("", &"x\n".repeat(50)).unwrap();
        assert!(long.ends_with("+ ... 30 more lines\n"), "{long}");
    }

    #[test]
    fn a_file_is_compared_and_must_be_there() {
        crate::golden!("example.txt", "one line\n");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        assert!(compare(&folder.join("example.txt"), "another line\n").unwrap_err().contains("- one line"));
        assert!(compare(&folder.join("absent.txt"), "").is_err());
    }
}
