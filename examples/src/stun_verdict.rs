//! What a discovery has found, drawn for people and as JSON for programs.

use std::fmt::Write as _;
use std::net::SocketAddr;

use nomagic_stun::BindingOutcome;
use nomagic_stun::discovery::{Finding, NatFiltering, NatMapping, NatReport};
use serde_json::{Value, json};

/// How a request ended, in a few words.
pub fn outcome(outcome: BindingOutcome) -> String {
    match outcome {
        BindingOutcome::Mapped(mapped) => format!("seen as {mapped}"),
        BindingOutcome::Refused { code, alternate: Some(other) } => {
            format!("refused with {code}; {other} is said to answer")
        }
        BindingOutcome::Refused { code, .. } => format!("refused with {code}"),
        BindingOutcome::TimedOut => "no answer".to_owned(),
        BindingOutcome::Distrusted => "answers that are not signed with our password".to_owned(),
        BindingOutcome::Algorithms => "a challenge that cannot be met".to_owned(),
        _ => "an answer that makes no sense".to_owned(),
    }
}

/// Draws what goes out and what comes in, and says what follows from it.
///
/// ```text
///   10.0.0.1:5000 ─┤NAT├─ 203.0.113.1:20001 ──▶ 192.0.2.7:3478
///                 ─┤NAT├─ the same address ───▶ 192.0.2.8:3478
///                  ┤NAT├╳────────────────────── 192.0.2.8:3479   to whom nothing was sent
///                 ◀┤NAT├─────────────────────── 192.0.2.7:3479   another port of one that something was sent to
/// ```
pub fn draw(local: SocketAddr, server: SocketAddr, report: &NatReport) -> String {
    let Some(mapped) = report.mapped else {
        let what = report.contact.map_or_else(|| "not asked".to_owned(), outcome);
        return format!("  {local} ──╳ {server}   {what}\n\nverdict: no UDP to this server\n");
    };
    let mut out = String::new();
    // Writing to a string cannot fail.
    for line in lines(local, server, mapped, report) {
        let _ = writeln!(out, "  {line}");
    }
    out.push('\n');
    for (name, text) in rows(report) {
        let _ = writeln!(out, "  {name:<12} {text}");
    }
    let _ = writeln!(out, "\nverdict: {}", verdict(report));
    out
}

/// One line for each thing that was sent, or was to come.
fn lines(local: SocketAddr, server: SocketAddr, mapped: SocketAddr, report: &NatReport) -> Vec<String> {
    let filtering = report.filtering.known();
    let open = matches!(filtering, None | Some(NatFiltering::EndpointIndependent));
    let between = match (report.translated, open) {
        (true, _) => "┤NAT├",
        (false, false) => "┤wall├",
        (false, true) => "─────",
    };
    let (own, seen) = (local.to_string(), mapped.to_string());
    let (margin, width) = (" ".repeat(own.chars().count()), seen.chars().count().max(17));
    let outward = |text: &str, to: SocketAddr| {
        let gap = "─".repeat(width.saturating_sub(text.chars().count()));
        format!("{margin} ─{between}─ {text} {gap}──▶ {to}")
    };
    let inward = |passes: bool, from: SocketAddr, who: &str| {
        let (tip, stop) = if passes { ("◀", "─") } else { (" ", "╳") };
        format!("{margin} {tip}{between}{stop}{}── {from}   {who}", "─".repeat(width + 3))
    };
    let mut lines = vec![outward(&seen, server).replacen(&margin, &own, 1)];
    let Some(other) = report.other else { return lines };
    let (other_ip, other_port) =
        (SocketAddr::new(other.ip(), server.port()), SocketAddr::new(server.ip(), other.port()));
    match report.mapping {
        Finding::Known(NatMapping::EndpointIndependent) if report.translated => {
            lines.push(outward("the same address", other_ip));
        }
        Finding::Known(NatMapping::AddressDependent) => {
            lines.push(outward("another address", other_ip));
            lines.push(outward("the same as there", other));
        }
        Finding::Known(NatMapping::AddressAndPortDependent) => {
            lines.push(outward("another address", other_ip));
            lines.push(outward("yet another", other));
        }
        _ => {}
    }
    if let Some(filtering) = filtering {
        lines.push(inward(open, other, "to whom nothing was sent"));
        let passes = filtering != NatFiltering::AddressAndPortDependent;
        lines.push(inward(passes, other_port, "another port of one that something was sent to"));
    }
    lines
}

fn rows(report: &NatReport) -> Vec<(&'static str, String)> {
    let yes_no = |finding: Finding<bool>, yes: &str, no: &str| {
        words(finding, |known| if known { yes.to_owned() } else { no.to_owned() })
    };
    let lifetime = words(report.lifetime, |found| match found.less_than {
        Some(less_than) => {
            format!("between {} and {} s without traffic", found.at_least.as_secs(), less_than.as_secs())
        }
        None => format!("at least {} s without traffic", found.at_least.as_secs()),
    });
    let translation = if report.translated { "yes" } else { "none: the server sees our own address" };
    vec![
        ("translation", translation.to_owned()),
        ("mapping", words(report.mapping, |known| known.to_string())),
        ("filtering", words(report.filtering, |known| known.to_string())),
        ("hairpinning", yes_no(report.hairpinning, "yes", "no")),
        ("fragments", yes_no(report.fragments, "pass", "are lost")),
        ("rewriting", yes_no(report.rewriting, "something changes addresses in payloads", "none")),
        ("lifetime", lifetime),
    ]
}

fn words<T: Copy>(finding: Finding<T>, known: impl FnOnce(T) -> String) -> String {
    match finding {
        Finding::Known(value) => known(value),
        Finding::Untested => "not tested".to_owned(),
        Finding::Unsupported => "the server cannot tell".to_owned(),
        Finding::Unanswered => "the server fell silent".to_owned(),
    }
}

/// What the findings mean for somebody who wants to talk to others.
fn verdict(report: &NatReport) -> &'static str {
    match (report.translated, report.mapping.known(), report.filtering.known()) {
        (_, None, _) => "there is UDP; this server cannot tell more",
        (false, _, Some(NatFiltering::EndpointIndependent)) => "open internet: anybody can reach you",
        (false, _, None) => "no NAT; this server cannot tell whether a firewall is there",
        (false, ..) => "a firewall without NAT: whom you have sent to can reach you",
        (true, Some(NatMapping::EndpointIndependent), Some(NatFiltering::EndpointIndependent)) => {
            "anybody who knows your outer address can reach you (once called full cone)"
        }
        (true, Some(NatMapping::EndpointIndependent), _) => {
            "whom you have sent to can reach you: direct connections work with most peers"
        }
        (true, Some(_), _) => {
            "each peer sees another address of yours: direct connections work with open peers, others need a relay"
        }
    }
}

/// The same for programs.
pub fn report_json(local: SocketAddr, server: SocketAddr, report: &NatReport) -> Value {
    fn value<T: Copy>(finding: Finding<T>, known: impl FnOnce(T) -> Value) -> Value {
        match finding {
            Finding::Known(found) => known(found),
            Finding::Untested => Value::Null,
            Finding::Unsupported => json!("unsupported"),
            Finding::Unanswered => json!("unanswered"),
        }
    }
    json!({
        "server": server.to_string(),
        "other_address": report.other.map(|other| other.to_string()),
        "local": local.to_string(),
        "mapped": report.mapped.map(|mapped| mapped.to_string()),
        "outcome": report.contact.map(outcome),
        "translated": report.translated,
        "mapping": value(report.mapping, |known| json!(known.to_string())),
        "filtering": value(report.filtering, |known| json!(known.to_string())),
        "hairpinning": value(report.hairpinning, |known| json!(known)),
        "fragments": value(report.fragments, |known| json!(known)),
        "rewriting": value(report.rewriting, |known| json!(known)),
        "lifetime": value(report.lifetime, |found| json!({
            "at_least_s": found.at_least.as_secs(),
            "less_than_s": found.less_than.map(|less_than| less_than.as_secs()),
        })),
        "verdict": verdict(report),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(mapping: NatMapping, filtering: NatFiltering) -> NatReport {
        let mut report = NatReport::default();
        report.mapped = Some("203.0.113.1:20001".parse().unwrap());
        report.contact = report.mapped.map(BindingOutcome::Mapped);
        report.translated = true;
        report.other = Some("192.0.2.8:3479".parse().unwrap());
        (report.mapping, report.filtering) = (Finding::Known(mapping), Finding::Known(filtering));
        report
    }

    fn addresses() -> (SocketAddr, SocketAddr) {
        ("10.0.0.1:5000".parse().unwrap(), "192.0.2.7:3478".parse().unwrap())
    }

    #[test]
    fn a_nat_is_drawn_as_on_the_page() {
        let (local, server) = addresses();
        let drawn =
            draw(local, server, &report(NatMapping::EndpointIndependent, NatFiltering::AddressDependent));
        let expected = [
            "  10.0.0.1:5000 ─┤NAT├─ 203.0.113.1:20001 ──▶ 192.0.2.7:3478",
            "                ─┤NAT├─ the same address ───▶ 192.0.2.8:3478",
            "                 ┤NAT├╳────────────────────── 192.0.2.8:3479   to whom nothing was sent",
            "                ◀┤NAT├─────────────────────── 192.0.2.7:3479   another port of one that something was sent to",
            "",
            "  translation  yes",
            "  mapping      endpoint-independent",
        ];
        assert_eq!(drawn.lines().take(7).collect::<Vec<_>>(), expected, "{drawn}");
        assert!(drawn.ends_with("direct connections work with most peers\n"));
    }

    #[test]
    fn each_kind_has_its_verdict_and_its_json() {
        let (local, server) = addresses();
        let cases = [
            (NatMapping::EndpointIndependent, NatFiltering::EndpointIndependent, "full cone"),
            (NatMapping::EndpointIndependent, NatFiltering::AddressAndPortDependent, "most peers"),
            (NatMapping::AddressDependent, NatFiltering::EndpointIndependent, "need a relay"),
            (NatMapping::AddressAndPortDependent, NatFiltering::AddressAndPortDependent, "need a relay"),
        ];
        for (mapping, filtering, expected) in cases {
            let report = report(mapping, filtering);
            let drawn = draw(local, server, &report);
            assert!(drawn.lines().last().unwrap().contains(expected), "{drawn}");
            let json = report_json(local, server, &report);
            assert_eq!(json["mapping"], mapping.to_string());
            assert_eq!(json["filtering"], filtering.to_string());
            assert!(json["hairpinning"].is_null());
        }
        let mut silent = NatReport::default();
        silent.contact = Some(BindingOutcome::TimedOut);
        let drawn = draw(local, server, &silent);
        assert!(drawn.contains("no answer") && drawn.contains("no UDP"), "{drawn}");
    }
}
