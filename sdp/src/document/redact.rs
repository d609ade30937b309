//! A description for logs: the same lines, without addresses, credentials, keys, fingerprints and names of people.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Document;

/// Stand-ins, the same one for the same text, so that what belonged together still does.
#[derive(Default)]
struct Redactor {
    known: BTreeMap<String, usize>,
}

impl Document<'_> {
    /// The description with everything replaced that says where or who somebody is, or that opens something: addresses
    /// (by those for documentation, RFC 5737 and RFC 3849), names of hosts, credentials of ICE, fingerprints, keys, names
    /// of users, canonical names, assertions, e-mail, telephone and URI. Equal texts get equal stand-ins, and the result
    /// is as well formed as the original was. What is not UTF-8 is left out.
    pub fn redacted(&self) -> Vec<u8> {
        let mut redactor = Redactor::default();
        let mut out = Vec::with_capacity(self.text.len());
        for entry in &self.lines {
            match self.line_text(entry) {
                Some(text) if entry.kind != 0 => {
                    let kind = char::from(entry.kind);
                    let text = redactor.line(kind, text).unwrap_or_else(|| text.to_string());
                    out.extend_from_slice(format!("{kind}={text}").as_bytes());
                }
                // What is no line may be anything.
                _ => out.extend_from_slice(b"..."),
            }
            out.extend_from_slice(match entry.end {
                0 => b"",
                1 => b"\n",
                _ => b"\r\n",
            });
        }
        out
    }
}

impl Redactor {
    /// The value of a line, where something in it is to be replaced.
    fn line(&mut self, kind: char, value: &str) -> Option<String> {
        match kind {
            'o' => Some(self.words(value, |number, count, _| number == 0 || number + 1 == count)),
            'c' => Some(self.words(value, |number, _, _| number == 2)),
            'e' | 'p' | 'u' | 'i' | 'k' => Some("...".into()),
            's' => Some(if matches!(value, "-" | " ") { value.into() } else { "...".into() }),
            'a' => self.attribute(value),
            _ => None,
        }
    }

    fn attribute(&mut self, text: &str) -> Option<String> {
        let (name, value) = text.split_once(':')?;
        let value = match name {
            "candidate" => {
                let mut after = "";
                self.words(value, |number, _, word| {
                    let address = number == 4 || after == "raddr" || matches!(after, "ufrag");
                    after = match word {
                        "raddr" => "raddr",
                        "ufrag" => "ufrag",
                        _ => "",
                    };
                    address
                })
            }
            "rtcp" => self.words(value, |number, _, _| number == 3),
            "remote-candidates" => self.words(value, |number, _, _| number % 3 == 1),
            "source-filter" => self.words(value.trim_start(), |number, _, _| number >= 3),
            "altc" => self.words(value, |number, _, _| number == 2),
            "ice-ufrag" => format!("ufrag{}", self.number(value)),
            "ice-pwd" => format!("password{:014}", self.number(value)),
            "fingerprint" => self.fingerprint(value),
            "crypto" => self.words(value, |number, _, _| number >= 2),
            "ssrc" if value.contains(" cname:") || value.contains(" msid:") || value.contains(" label:") => {
                self.words(value, |number, _, _| number > 0)
            }
            "key-mgmt" | "identity" | "sctp-init" | "zrtp-hash" | "control" | "path" | "tls-id"
            | "ws-uri" | "wss-uri" | "file-selector" | "file-icon" | "3GPP-Integrity-Key" => {
                self.stand_in(name, value)
            }
            _ => return None,
        };
        Some(format!("{name}:{value}"))
    }

    /// Every octet of the hash becomes the same one.
    fn fingerprint(&mut self, value: &str) -> String {
        let (hash, octets) = value.split_once(' ').unwrap_or((value, ""));
        let number = self.number(octets) % 256;
        let octets: Vec<String> = octets.split(':').map(|_| format!("{number:02X}")).collect();
        format!("{hash} {}", octets.join(":"))
    }

    /// A text that keeps the attribute's format.
    fn stand_in(&mut self, name: &str, value: &str) -> String {
        let number = self.number(value);
        match name {
            "tls-id" => format!("tlsid{number:020}"),
            "sctp-init" => format!("{number:08}"),
            "zrtp-hash" => format!("1.10 {number:064}"),
            "key-mgmt" => format!("redacted {number}"),
            _ => format!("redacted{number}"),
        }
    }

    /// The words of a value, those that `hide` names replaced.
    fn words(&mut self, value: &str, mut hide: impl FnMut(usize, usize, &str) -> bool) -> String {
        let count = value.split(' ').count();
        let words = value.split(' ').enumerate();
        let words: Vec<String> = words
            .map(|(number, word)| if hide(number, count, word) { self.word(word) } else { word.to_string() })
            .collect();
        words.join(" ")
    }

    /// One word: an address, what stands for none, a key, a name.
    fn word(&mut self, word: &str) -> String {
        if matches!(word, "-" | "*" | "" | "0.0.0.0" | "::") {
            return word.to_string();
        }
        if let Some(keys) = word.strip_prefix("inline:") {
            // Of the length of the shortest key and salt.
            return format!("inline:{:040}", self.number(keys) % 100_000);
        }
        if let Some((name, value)) =
            word.split_once(':').filter(|(name, _)| matches!(*name, "cname" | "msid" | "label"))
        {
            return format!("{name}:redacted{}", self.number(value));
        }
        let (address, behind) =
            word.split_once('/').map_or((word, None), |(address, behind)| (address, Some(behind)));
        let plain = address.split('%').next().unwrap_or_default();
        let number = self.number(address);
        let stand_in = match plain.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_multicast() => format!("233.252.0.{}", number % 256),
            Ok(IpAddr::V4(_)) => format!("192.0.2.{}", number % 256),
            Ok(IpAddr::V6(address)) if address.is_multicast() => format!("ff0e::db8:0:{number:x}"),
            Ok(IpAddr::V6(_)) => format!("2001:db8::{number:x}"),
            Err(_) if plain.contains('.') => format!("host{number}.invalid"),
            Err(_) => format!("redacted{number}"),
        };
        match behind {
            Some(behind) => format!("{stand_in}/{behind}"),
            None => stand_in,
        }
    }

    /// The same for the same text, from 1.
    fn number(&mut self, text: &str) -> usize {
        let next = self.known.len() + 1;
        *self.known.entry(text.to_string()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    #[test]
    fn nothing_that_names_a_place_or_opens_a_door_is_left() {
        let text = "v=0\r\no=alice 1 1 IN IP4 198.51.100.7\r\ns=Call with Bob\r\ne=alice@example.org\r\nc=IN IP4 224.2.1.1/127\r\nt=0 0\r\nm=audio 9 RTP/SAVP 0\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=candidate:1 1 udp 1 198.51.100.7 5 typ srflx raddr 10.0.0.3 rport 9 ufrag 8hhY\r\na=fingerprint:sha-1 4A:AD:B9\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r\na=ssrc:1 cname:alice\r\nsecret line\r\n";
        let document =
            Document::parse(text.as_bytes(), &Limits::default()).unwrap_or_else(|_| unreachable!());
        let redacted = String::from_utf8(document.redacted()).unwrap_or_default();
        for secret in ["alice", "Bob", "198.51", "224.2", "10.0", "8hhY", "asd88", "4A:AD", "WVNf", "secret"]
        {
            assert!(!redacted.contains(secret), "{secret} in {redacted}");
        }
        // The two places of one address still are one.
        assert!(
            redacted.contains("o=redacted1 1 1 IN IP4 192.0.2.2\r\n")
                && redacted.contains(" 192.0.2.2 5 typ"),
            "{redacted}"
        );
    }
}
