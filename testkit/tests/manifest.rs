//! What the manifests promise.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking, and skip loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const PUBLISHED: [&str; 7] = ["sdp", "ice", "stun", "rtp", "srtp", "sctp", "dtls"];

/// Major and minor, as `rust-version` has them.
type Version = (u32, u32);

#[test]
fn no_normal_dependency_asks_for_a_newer_compiler_than_ours() {
    let Some(metadata) = metadata() else { return };
    let ours = version("1.89").unwrap();
    for (name, asked) in normal_dependencies(&metadata) {
        assert!(asked.is_none_or(|asked| asked <= ours), "{name} asks for {asked:?}, ours is {ours:?}");
    }
}

#[test]
fn our_own_packages_ask_for_the_compiler_that_the_workspace_names() {
    let Some(metadata) = metadata() else { return };
    let found = normal_dependencies(&metadata);
    for name in PUBLISHED {
        assert_eq!(found[&format!("nomagic-{name}")], version("1.89"), "{name}");
    }
}

#[test]
fn a_version_is_read_with_or_without_its_patch() {
    assert_eq!(version("1.89"), Some((1, 89)));
    assert_eq!(version("1.89.3"), Some((1, 89)));
    assert_eq!(version("1"), Some((1, 0)));
    assert_eq!(version("new"), None);
    assert!(version("1.100") > version("1.89"));
}

/// The packages that the seven crates need to be built, themselves included, with the compiler that each asks for.
fn normal_dependencies(metadata: &Value) -> BTreeMap<String, Option<Version>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let needs: BTreeMap<String, Vec<String>> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let normal =
                |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|k| k["kind"].is_null());
            let needs =
                list(&node["deps"]).into_iter().filter(normal).map(|dependency| text(&dependency["pkg"]));
            (text(&node["id"]), needs.collect())
        })
        .collect();
    let ours = |package: &Value| PUBLISHED.iter().any(|name| package["name"] == format!("nomagic-{name}"));
    let mut open: Vec<&String> =
        packages.iter().filter(|(_, package)| ours(package)).map(|(id, _)| id).collect();
    assert_eq!(open.len(), PUBLISHED.len());
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(&needs[id]);
        }
    }
    seen.into_iter()
        .map(|id| (text(&packages[id]["name"]), packages[id]["rust_version"].as_str().and_then(version)))
        .collect()
}

fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next().unwrap_or(Some(0))?))
}

/// What cargo says of the workspace: for all platforms, or for this one where only its packages have been fetched. Where
/// even these are absent, one loud line says that nothing was checked.
fn metadata() -> Option<Value> {
    let host = cargo(&["-vV"]).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let all = ["metadata", "--format-version", "1", "--offline", "--locked"];
    let found = cargo(&all).or_else(|_| cargo(&[&all[..], &["--filter-platform", host]].concat()));
    match found {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(report) => {
            assert!(report.contains("--offline was specified"), "cargo metadata: {report}");
            eprintln!(
                "SKIPPED: `cargo fetch` has not been run, so the compilers of dependencies are not checked"
            );
            None
        }
    }
}

/// What cargo prints, or its complaint.
fn cargo(arguments: &[&str]) -> Result<String, String> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(folder).output().unwrap();
    let [text, report] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    if output.status.success() { Ok(text) } else { Err(report) }
}
