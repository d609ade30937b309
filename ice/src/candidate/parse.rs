//! Reading the candidate attribute.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{Address, Candidate, CandidateKind, TcpType, Transport};
use crate::credentials::is_ice_char;
use crate::error::{Kind, ParseError};
use crate::priority;

/// Octets of the longest line that is read; bounds what a candidate can take up.
const MAX_LEN: usize = 1024;

impl Candidate {
    /// Reads a candidate: the attribute's value, or with `candidate:` or `a=candidate:` in front, as trickled ones
    /// often have it. Words it does not know are kept; a last extension without a value is dropped.
    ///
    /// # Errors
    /// Anything in [`Kind`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_LEN {
            let kind = Kind::TooLong { found: text.len(), maximum: MAX_LEN };
            return Err(ParseError { kind, offset: MAX_LEN });
        }
        let value = text.strip_prefix("a=").unwrap_or(text);
        let value = value.strip_prefix("candidate:").unwrap_or(value);
        let start = text.len() - value.len();
        let mut words = Words { text: value.trim_end_matches(['\r', '\n']), start, at: 0 };

        let foundation = words.next("foundation")?;
        if foundation.text.len() > 32 || !foundation.text.bytes().all(is_ice_char) {
            return Err(foundation.error(Kind::Foundation));
        }
        let component = words.next("component")?.number(Kind::Component, &(1..=256))?;
        let transport = words.next("transport")?.text;
        let priority = words.next("priority")?.number(Kind::Priority, &(1..=priority::MAX))?;
        let address = words.next("address")?.text;
        let port = words.next("port")?.number(Kind::Port, &(0..=u16::MAX))?;
        let typ = words.next("typ")?;
        if typ.text != "typ" {
            return Err(typ.error(Kind::Typ));
        }
        let kind_text = words.next("type")?.text;
        let kind = CandidateKind::ALL.iter().find(|(_, text)| *text == kind_text).map(|(kind, _)| *kind);
        let mut candidate = Self {
            foundation: foundation.text.to_owned(),
            component,
            transport: parse_transport(transport),
            priority,
            address: parse_address(address),
            port,
            kind: kind.unwrap_or(CandidateKind::Other),
            kind_text: kind.is_none().then(|| kind_text.to_owned()),
            related_address: None,
            related_port: None,
            tcp_type: None,
            extensions: Vec::new(),
        };
        while let Some(name) = words.step()? {
            let Some(value) = words.step()? else { break };
            candidate.extend(name, value)?;
        }
        Ok(candidate)
    }

    fn extend(&mut self, name: Word<'_>, value: Word<'_>) -> Result<(), ParseError> {
        let tcp_type = TcpType::ALL.iter().find(|(_, text)| *text == value.text).map(|(kind, _)| *kind);
        match (name.text, tcp_type) {
            ("raddr", _) if self.related_address.is_none() => {
                self.related_address = Some(parse_address(value.text));
            }
            ("rport", _) if self.related_port.is_none() => {
                self.related_port = Some(value.number(Kind::Port, &(0..=u16::MAX))?);
            }
            ("tcptype", Some(_)) if self.tcp_type.is_none() => self.tcp_type = tcp_type,
            _ => self.extensions.push((name.text.to_owned(), value.text.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for Candidate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// Whether the grammar has a place for the text: at least one character, neither white space nor control.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn parse_transport(text: &str) -> Transport {
    if text.eq_ignore_ascii_case("udp") {
        Transport::Udp
    } else if text.eq_ignore_ascii_case("tcp") {
        Transport::Tcp
    } else {
        Transport::Other(text.to_owned())
    }
}

fn parse_address(text: &str) -> Address {
    text.parse().map_or_else(|_| Address::Name(text.to_owned()), Address::Ip)
}

/// A word and where it stands.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    offset: usize,
}

impl Word<'_> {
    fn error(self, kind: Kind) -> ParseError {
        ParseError { kind, offset: self.offset }
    }

    /// Digits only, within bounds.
    fn number<T: TryFrom<u64> + PartialOrd>(
        self,
        kind: Kind,
        range: &RangeInclusive<T>,
    ) -> Result<T, ParseError> {
        let digits = (1..=10).contains(&self.text.len()) && self.text.bytes().all(|c| c.is_ascii_digit());
        let number = self.text.parse::<u64>().ok().filter(|_| digits).and_then(|n| T::try_from(n).ok());
        number.filter(|n| range.contains(n)).ok_or_else(|| self.error(kind))
    }
}

/// Words between spaces. One space is the rule; more are forgiven.
struct Words<'a> {
    text: &'a str,
    /// Where `text` begins in what the caller gave.
    start: usize,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self, field: &'static str) -> Result<Word<'a>, ParseError> {
        let end = ParseError { kind: Kind::Missing(field), offset: self.start + self.text.len() };
        self.step()?.ok_or(end)
    }

    fn step(&mut self) -> Result<Option<Word<'a>>, ParseError> {
        let rest = &self.text[self.at..];
        let begin = self.at + (rest.len() - rest.trim_start_matches(' ').len());
        let word = self.text[begin..].split(' ').next().unwrap_or("");
        self.at = begin + word.len();
        let word = Word { text: word, offset: self.start + begin };
        match word.text.is_empty() {
            true => Ok(None),
            false if is_word(word.text) => Ok(Some(word)),
            false => Err(word.error(Kind::Control)),
        }
    }
}

#[cfg(test)]
mod tests;
