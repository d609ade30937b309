//! What each line says, in a sentence with its RFC.

use alloc::format;
use alloc::string::String;

use crate::attribute::registry;
use crate::document::{Connection, Document, Line, Media};

impl Document<'_> {
    /// Every line with a sentence that says what it is and where that is defined; lines that mean nothing say so.
    pub fn explain(&self) -> impl Iterator<Item = (Line<'_>, String)> {
        self.lines().map(|line| {
            let sentence = explain(&line);
            (line, sentence)
        })
    }
}

fn explain(line: &Line<'_>) -> String {
    let text = line.text().unwrap_or_default();
    let plain = |what: &str, section: &str| format!("{what} (RFC 8866 section {section})");
    match line.kind {
        'v' => plain("the version of SDP", "5.1"),
        'o' => plain("who made the description, its number and version, and the maker's address", "5.2"),
        's' => plain("the session's name", "5.3"),
        'i' => plain("a description for people", "5.4"),
        'u' => plain("where more is said about the session", "5.5"),
        'e' => plain("whom to write to", "5.6"),
        'p' => plain("whom to call", "5.6"),
        'c' => connection(text),
        'b' => plain("how much the media may take", "5.8"),
        't' if text == "0 0" => plain("the session takes place at any time", "5.9"),
        't' => plain("when the session starts and stops", "5.9"),
        'r' => plain("how often the session is repeated", "5.10"),
        'z' => plain("clocks that are put forward or back meanwhile", "5.11"),
        'k' => plain("a key, in a way that is obsolete: discarded", "5.12"),
        'm' => media(text),
        'a' => attribute(text),
        '\0' if line.value.is_empty() => plain("an empty line, which should not be here", "9"),
        '\0' => plain("no line of SDP", "9"),
        _ => plain("a letter that no RFC gives a meaning", "5"),
    }
}

fn connection(text: &str) -> String {
    let what = match Connection::parse(text.trim_end_matches(' ')) {
        Some(connection) if matches!(connection.base(), "0.0.0.0" | "::") => {
            "no address yet, or nowhere to send to"
        }
        Some(_) => "where media are received",
        None => "an address that cannot be read",
    };
    format!("{what} (RFC 8866 section 5.7)")
}

fn media(text: &str) -> String {
    let reference = "RFC 8866 section 5.14";
    match Media::parse(text.trim_end_matches(' ')) {
        Some(media) => {
            let state = if media.port == 0 { ", refused, ended or only in a bundle" } else { "" };
            let (kind, protocol) = (media.kind, media.protocol);
            format!("{kind} over {protocol} in {} formats{state} ({reference})", media.formats().count())
        }
        None => format!("a media description that cannot be read ({reference})"),
    }
}

fn attribute(text: &str) -> String {
    let name = text.split(':').next().unwrap_or_default();
    match registry::find(name) {
        Some(entry) if entry.about.is_empty() => format!("{name}, kept as it is ({})", entry.reference),
        Some(entry) => format!("{} ({})", entry.about, entry.reference),
        None => format!(
            "{name} is not registered, and ignored by whoever does not know it (RFC 8866 section 5.13)"
        ),
    }
}
