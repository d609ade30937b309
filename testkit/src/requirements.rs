//! Which sentence of which RFC a test holds us to: the lists in `requirements/`, the tags in the code, and what they say
//! together.
//!
//! A tag is a comment of one line, `//= ` then the RFC, `#`, the requirement's id; followed by ` test` it stands above a
//! test that fails when the code that the requirement asks for is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One requirement of an RFC, as a line of `requirements/rfcNNNN.tsv` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Section and ordinal of the sentence in it: `6.3.3-2`.
    pub id: String,
    /// `MUST`, `SHOULD` or `MAY`; prohibitions and the other words of RFC 2119 count under these.
    pub level: String,
    /// What became of it; `None` while nobody has judged.
    pub verdict: Option<Verdict>,
    /// Why, for every verdict but [`Verdict::Test`].
    pub reason: String,
}

/// What became of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A tagged test fails without it.
    Test,
    /// The types leave no room to break it.
    ByType,
    /// It binds somebody else: the registry, the peer, the application, another role, a text that superseded it.
    NotOurs,
    /// Not done, with the reason.
    Skip,
}

/// One tag in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `rfc9260`.
    pub rfc: String,
    /// `6.3.3-2`.
    pub id: String,
    /// The name of the test below, when the tag promises one.
    pub test: Option<String>,
    /// File and line, `sctp/tests/loss.rs:17`.
    pub place: String,
}

/// The lists by RFC: `rfc9260` to its requirements.
pub type Lists = BTreeMap<String, Vec<Requirement>>;

/// Reads one list.
///
/// # Errors
/// A line without id and level, a verdict that does not exist, or a reason missing where one is due.
pub fn parse_list(text: &str) -> Result<Vec<Requirement>, String> {
    let lines = text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| parse_line(line).map_err(|fault| format!("line {}: {fault}", number + 1)))
        .collect()
}

fn parse_line(line: &str) -> Result<Requirement, String> {
    let mut fields = line.split('\t').map(str::trim);
    let mut next = || fields.next().unwrap_or_default().to_owned();
    let (id, level, verdict, reason) = (next(), next(), next(), next());
    if id.is_empty() || !["MUST", "SHOULD", "MAY"].contains(&level.as_str()) {
        return Err(format!("expected an id and a level, found `{line}`"));
    }
    let verdict = match verdict.as_str() {
        "" => None,
        "test" => Some(Verdict::Test),
        "by-type" => Some(Verdict::ByType),
        "not-ours" => Some(Verdict::NotOurs),
        "skip" => Some(Verdict::Skip),
        other => return Err(format!("unknown verdict `{other}`")),
    };
    if reason.is_empty() && verdict.is_some_and(|verdict| verdict != Verdict::Test) {
        return Err(format!("{id} has no reason for its verdict"));
    }
    Ok(Requirement { id, level, verdict, reason })
}

/// The tags in one source file, and what is wrong with their form.
pub fn tags(file: &str, text: &str) -> (Vec<Tag>, Vec<String>) {
    let (mut tags, mut faults) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(tag) = line.strip_prefix(MARK) else { continue };
        let place = format!("{file}:{}", index + 1);
        match parse_tag(tag, &lines[index + 1..]) {
            Ok((rfc, id, test)) => tags.push(Tag { rfc, id, test, place }),
            Err(fault) => faults.push(format!("{place}: {fault}")),
        }
    }
    (tags, faults)
}

fn parse_tag(tag: &str, below: &[&str]) -> Result<(String, String, Option<String>), String> {
    let mut words = tag.split_whitespace();
    let name = words.next().unwrap_or_default();
    let (rfc, id) =
        name.split_once('#').ok_or("a tag reads `rfcN#section-ordinal`, and `test` where it is one")?;
    let test = match (words.next(), words.next()) {
        (None, _) => None,
        (Some("test"), None) => Some(test_below(below).ok_or("no test stands below this tag")?),
        _ => return Err("after the id only `test` may follow".to_owned()),
    };
    Ok((rfc.to_owned(), id.to_owned(), test))
}

/// The name of the test that a tag stands above: comments and attributes may lie between, empty lines may not.
fn test_below(below: &[&str]) -> Option<String> {
    let lines: Vec<&&str> = below.iter().take_while(|line| !line.is_empty()).collect();
    let function = lines.iter().position(|line| line.starts_with("fn "))?;
    let is_test = lines[..function].iter().any(|line| line.starts_with("#[test]"));
    let name = lines[function].strip_prefix("fn ")?.split(['(', '<']).next()?;
    is_test.then(|| name.to_owned())
}

/// What the tags promise and the lists do not bear out, one sentence each; empty when all is well.
///
/// Ids that no list has always fail. Of the RFCs in `complete` every MUST needs a verdict, and the verdict `test` a test.
pub fn check(lists: &Lists, complete: &[String], tags: &[Tag]) -> Vec<String> {
    let mut faults = Vec::new();
    for tag in tags {
        let known = lists.get(&tag.rfc).is_some_and(|list| list.iter().any(|one| one.id == tag.id));
        if !known {
            faults.push(format!("{}: {}#{} is in no list", tag.place, tag.rfc, tag.id));
        }
    }
    let tested = tested(tags);
    for (rfc, list) in lists {
        for one in list {
            let has_test = tested.contains_key(&(rfc.as_str(), one.id.as_str()));
            let name = format!("{rfc}#{}", one.id);
            match one.verdict {
                Some(Verdict::Test) if !has_test => {
                    faults.push(format!("{name}: verdict test, and no test is tagged"));
                }
                Some(Verdict::Skip) if has_test => {
                    faults.push(format!("{name}: verdict skip, and a test is tagged"));
                }
                None if one.level == "MUST" && complete.contains(rfc) && !has_test => {
                    faults.push(format!("{name}: {rfc} is called complete, and this has no verdict"));
                }
                _ => {}
            }
        }
    }
    faults.extend(
        complete.iter().filter(|rfc| !lists.contains_key(*rfc)).map(|rfc| format!("{rfc} has no list")),
    );
    faults
}

fn tested(tags: &[Tag]) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut tested: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for tag in tags {
        if let Some(test) = &tag.test {
            tested.entry((&tag.rfc, &tag.id)).or_default().insert(test);
        }
    }
    tested
}

/// The two tables of `COMPLIANCE.md`: how each RFC stands, and what is deliberately not done.
pub fn report(lists: &Lists, complete: &[String], tags: &[Tag]) -> String {
    let tested = tested(tags);
    let mut out = String::from(
        "| RFC | MUST in all | tested | by type | not ours | skipped | no verdict yet |\n|---|---|---|---|---|---|---|\n",
    );
    let mut skipped = String::new();
    for (rfc, list) in lists {
        let musts: Vec<&Requirement> = list.iter().filter(|one| one.level == "MUST").collect();
        let is_tested = |one: &&&Requirement| tested.contains_key(&(rfc.as_str(), one.id.as_str()));
        let verdict = |verdict| musts.iter().filter(|one| !is_tested(one) && one.verdict == verdict).count();
        let tests = musts.iter().filter(is_tested).count();
        if tests == 0 && musts.iter().all(|one| one.verdict.is_none()) {
            continue;
        }
        let mark = if complete.contains(rfc) { " (complete)" } else { "" };
        let [by_type, not_ours, skip, none] =
            [Some(Verdict::ByType), Some(Verdict::NotOurs), Some(Verdict::Skip), None].map(verdict);
        let number = rfc.trim_start_matches("rfc");
        let _ = writeln!(
            out,
            "| {number}{mark} | {} | {tests} | {by_type} | {not_ours} | {skip} | {none} |",
            musts.len()
        );
        for one in list.iter().filter(|one| one.verdict == Some(Verdict::Skip)) {
            let _ = writeln!(skipped, "| {number} | {} | {} | {} |", one.id, one.level, one.reason);
        }
    }
    if !skipped.is_empty() {
        let _ = write!(
            out,
            "\n## Deviations\n\n| RFC | requirement | level | why not |\n|---|---|---|---|\n{skipped}"
        );
    }
    out
}

/// How a tag begins. In two parts, so that this line is none.
const MARK: &str = concat!("//", "= ");

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str =
        "id\tlevel\tverdict\treason\n1-1\tMUST\ttest\n1-2\tMUST\n1-3\tMAY\n2-1\tMUST\tskip\tno room\n";

    fn lists() -> Lists {
        Lists::from([("rfc1".to_owned(), parse_list(LIST).unwrap())])
    }

    fn tag(id: &str, test: Option<&str>) -> Tag {
        Tag { rfc: "rfc1".into(), id: id.into(), test: test.map(str::to_owned), place: "a.rs:1".into() }
    }

    #[test]
    fn a_list_is_read_and_its_faults_are_named() {
        assert_eq!(lists()["rfc1"].len(), 4);
        assert_eq!(lists()["rfc1"][3].verdict, Some(Verdict::Skip));
        for (line, fault) in [
            ("1-1\tOUGHT", "line 2: expected an id and a level, found `1-1\tOUGHT`"),
            ("1-1\tMUST\tmaybe", "line 2: unknown verdict `maybe`"),
            ("1-1\tMUST\tskip", "line 2: 1-1 has no reason for its verdict"),
        ] {
            assert_eq!(parse_list(&format!("head\n{line}\n")).unwrap_err(), fault);
        }
    }

    #[test]
    fn tags_are_found_with_the_test_below() {
        let text = format!(
            "{MARK}rfc1#1-1 test\n/// More.\n#[test]\nfn it_works() {{}}\n    {MARK}rfc1#1-2\n\n{MARK}rfc1#1-1 test\nfn no_test() {{}}\n{MARK}rfc1 1-1\n{MARK}rfc1#1-1 tests\n"
        );
        let (tags, faults) = tags("a.rs", &text);
        let found: Vec<_> =
            tags.iter().map(|tag| (tag.place.as_str(), tag.id.as_str(), tag.test.as_deref())).collect();
        assert_eq!(found, [("a.rs:1", "1-1", Some("it_works")), ("a.rs:5", "1-2", None)]);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert_eq!(faults[0], "a.rs:7: no test stands below this tag");
    }

    #[test]
    fn every_broken_promise_is_told() {
        let complete = vec!["rfc1".to_owned(), "rfc2".to_owned()];
        let tags = [tag("9-9", None), tag("2-1", Some("x")), tag("1-2", None)];
        assert_eq!(
            check(&lists(), &complete, &tags),
            [
                "a.rs:1: rfc1#9-9 is in no list",
                "rfc1#1-1: verdict test, and no test is tagged",
                "rfc1#1-2: rfc1 is called complete, and this has no verdict",
                "rfc1#2-1: verdict skip, and a test is tagged",
                "rfc2 has no list",
            ]
        );
        assert!(check(&lists(), &complete[..1], &[tag("1-1", Some("x")), tag("1-2", Some("y"))]).is_empty());
    }

    #[test]
    fn the_report_counts_and_lists_what_is_not_done() {
        let report = report(&lists(), &[], &[tag("1-1", Some("x"))]);
        assert!(report.contains("| 1 | 3 | 1 | 0 | 0 | 1 | 1 |"), "{report}");
        assert!(report.ends_with("| 1 | 2-1 | MUST | no room |\n"), "{report}");
    }
}
