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
    let kept = std::fs::read_to_string(&path)
        .unwrap_or_else(|fault| panic!("{name}: {fault}; NOMAGIC_GOLDEN=rewrite writes it"));
    if let Some(difference) = first_difference(&kept, text) {
        panic!("{name} differs; NOMAGIC_GOLDEN=rewrite rewrites it\n{difference}");
    }
}

/// The first line that differs, with the two before it.
fn first_difference(kept: &str, text: &str) -> Option<String> {
    if kept == text {
        return None;
    }
    let (kept, text): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), text.lines().collect());
    let at = (0..).find(|at| kept.get(*at) != text.get(*at)).unwrap_or(0);
    let context = kept[at.saturating_sub(2)..at.min(kept.len())].iter().map(|line| format!("  {line}\n"));
    let line = |lines: &[&str]| lines.get(at).map_or("(end)".to_owned(), |line| (*line).to_owned());
    Some(format!("line {}:\n{}- {}\n+ {}", at + 1, context.collect::<String>(), line(&kept), line(&text)))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "line 2:\n  a\n- b\n+ c");
        assert_eq!(first_difference("a\n", "a\nb\n").unwrap(), "line 2:\n  a\n- (end)\n+ b");
    }
}
