//! Second opinions on every description of the collection: where sdp-types, webrtc-sdp or sdp-transform see it otherwise
//! than we do, the golden file says so and which rule decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use nomagic_sdp::attribute::{Fmtp, RtpMap};
use nomagic_sdp::{Document, Limits, Profile, Severity};
use nomagic_testkit::{golden, vectors};
use serde_json::Value;

fn verdict(document: &Document<'_>, profile: Profile) -> Option<String> {
    let findings = document.examine();
    let error = findings.iter().find(|finding| profile.severity(finding.kind) == Severity::Error);
    error.map(ToString::to_string)
}

/// Where one of two parsers accepts what we refuse leniently, or refuses what we accept strictly, a rule is named.
#[test]
fn disagreements_with_two_parsers_are_decided_by_the_rfc() {
    let Some(opinions) = vectors::json("sdp/expected-parsers.json") else { return };
    let mut table = String::from("file | sdp-types | webrtc-sdp | strict | lenient | what decides\n");
    let (mut count, mut agreed) = (0, 0);
    for opinion in opinions.as_array().unwrap() {
        let file = opinion["file"].as_str().unwrap();
        let text = vectors::read(&format!("sdp/{file}")).unwrap();
        let document = Document::parse(&text, &Limits::default()).unwrap();
        let says = |parser: &str| opinion[parser].as_str().unwrap_or_default().starts_with("ok");
        let (types, mozilla) = (says("sdp_types"), says("webrtc_sdp"));
        let (strict, lenient) = (verdict(&document, Profile::Strict), verdict(&document, Profile::Lenient));
        count += 1;
        // Whoever is asked agrees: both accept what is well formed, or both refuse what no profile takes.
        if (types, mozilla, strict.is_none()) == (true, true, true)
            || (types, mozilla, lenient.is_some()) == (false, false, true)
        {
            agreed += 1;
            continue;
        }
        let word = |good: bool| if good { "accepts" } else { "refuses" };
        let decided = match (&strict, &lenient) {
            (None, _) => "it keeps to RFC 8866 section 9; the parser that refuses it knows less".to_owned(),
            (Some(strict), None) => strict.clone(),
            (Some(_), Some(lenient)) => lenient.clone(),
        };
        let decided: String = decided.chars().filter(|c| !c.is_control()).collect();
        writeln!(
            table,
            "{file} | {} | {} | {} | {} | {decided}",
            word(types),
            word(mozilla),
            word(strict.is_none()),
            word(lenient.is_none())
        )
        .unwrap();
    }
    writeln!(table, "\n{count} descriptions, {agreed} on which all agree").unwrap();
    golden!("opinions.txt", table);
}

/// What sdp-transform reads of the lines, we read: origin, media, ports, protocols, formats, maps and parameters.
#[test]
fn values_are_those_that_sdp_transform_reads() {
    let Some(opinions) = vectors::json("sdp/expected-sdp-transform.json") else { return };
    let mut table = String::from("file | what | sdp-transform | ours\n");
    let mut compared = 0;
    for (file, opinion) in opinions.as_object().unwrap() {
        let Some(text) = vectors::read(&format!("sdp/{file}")) else { continue };
        let document = Document::parse(&text, &Limits::default()).unwrap();
        let mut same = |what: String, theirs: String, ours: String| {
            compared += 1;
            if theirs != ours {
                writeln!(table, "{file} | {what} | {theirs} | {ours}").unwrap();
            }
        };
        let show = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some(origin) = document.origin().filter(|_| opinion["origin"].is_object()) {
            same("address of o=".into(), show(&opinion["origin"]["address"]), origin.address.into());
            same("user of o=".into(), show(&opinion["origin"]["username"]), origin.username.into());
        }
        let empty = Vec::new();
        let media = opinion["media"].as_array().unwrap_or(&empty);
        same("media".into(), media.len().to_string(), document.media().count().to_string());
        for (number, (theirs, ours)) in media.iter().zip(document.media()).enumerate() {
            let Some(line) = ours.media() else { continue };
            let what = |field: &str| format!("{field} of m= {number}");
            same(what("type"), show(&theirs["type"]), line.kind.into());
            same(what("port"), show(&theirs["port"]), line.port.to_string());
            same(what("protocol"), show(&theirs["protocol"]), line.protocol.into());
            let formats: Vec<&str> = line.formats().collect();
            same(what("formats"), show(&theirs["payloads"]), formats.join(" "));
            let maps: Vec<RtpMap<'_>> = ours.all().filter_map(Result::ok).collect();
            let list = |name: &str| theirs[name].as_array().cloned().unwrap_or_default();
            let theirs_maps: Vec<String> = list("rtp")
                .iter()
                .filter(|map| map["rate"].is_number())
                .map(|map| format!("{}={}/{}", map["payload"], show(&map["codec"]), map["rate"]))
                .collect();
            let ours_maps: Vec<String> = maps
                .iter()
                .map(|map| format!("{}={}/{}", map.payload_type, map.encoding, map.clock_rate))
                .collect();
            same(what("maps"), theirs_maps.join(" "), ours_maps.join(" "));
            let parameters: Vec<Fmtp<'_>> = ours.all().filter_map(Result::ok).collect();
            let theirs_parameters: Vec<String> = list("fmtp")
                .iter()
                .map(|fmtp| format!("{}={}", fmtp["payload"], show(&fmtp["config"]).trim()))
                .collect();
            let ours_parameters: Vec<String> =
                parameters.iter().map(|fmtp| format!("{}={}", fmtp.format, fmtp.parameters.trim())).collect();
            same(what("parameters"), theirs_parameters.join(" "), ours_parameters.join(" "));
        }
    }
    writeln!(table, "\n{compared} values compared").unwrap();
    assert!(compared > 500, "{compared}");
    golden!("values.txt", table);
}
