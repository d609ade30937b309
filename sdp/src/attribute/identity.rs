//! Who the other side is, and how keys and data channels are set up.

use alloc::vec::Vec;
use core::fmt;

use super::{Attribute, Fields, Malformed};

/// Hash functions of fingerprints; RFC 8122 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashFunction {
    /// 32 octets.
    Sha256,
    /// 48 octets.
    Sha384,
    /// 64 octets.
    Sha512,
}

impl HashFunction {
    /// Octets of a hash.
    pub const fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }
}

/// `a=fingerprint`: the hash of the certificate that will be shown; RFC 8122 section 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    hash: HashFunction,
    octets: Vec<u8>,
}

impl Fingerprint {
    /// Joins a function and a hash of its length; `None` for another length.
    pub fn new(hash: HashFunction, octets: &[u8]) -> Option<Self> {
        (octets.len() == hash.octets()).then(|| Self { hash, octets: octets.to_vec() })
    }

    /// The hash function.
    pub fn hash(&self) -> HashFunction {
        self.hash
    }

    /// The hash.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl<'a> Attribute<'a> for Fingerprint {
    const NAME: &'static str = "fingerprint";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        let mut fields = Fields::new(Self::NAME, value);
        let start = fields;
        let hash = HashFunction::from_name(fields.until(' '))
            .ok_or_else(|| start.error("sha-256, sha-384 or sha-512"))?;
        // `from_str_radix` alone would take a sign for a digit.
        let octet = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
        };
        let octets: Option<Vec<u8>> = fields.rest.trim_end().split(':').map(octet).collect();
        octets.and_then(|octets| Self::new(hash, &octets)).ok_or_else(|| {
            fields.error("pairs of hexadecimal digits, parted by colons, of the hash's length")
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.name())?;
        let mut separator = ' ';
        for octet in &self.octets {
            write!(f, "{separator}{octet:02X}")?;
            separator = ':';
        }
        Ok(())
    }
}

/// `a=setup`: who begins the DTLS handshake; RFC 8842 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The writer, as the client.
    Active,
    /// The other side; the writer is the server.
    Passive,
    /// The answerer decides.
    ActPass,
    /// Nobody, for now.
    HoldConn,
}

impl<'a> Attribute<'a> for Setup {
    const NAME: &'static str = "setup";

    fn parse(value: &'a str) -> Result<Self, Malformed> {
        match value {
            "active" => Ok(Self::Active),
            "passive" => Ok(Self::Passive),
            "actpass" => Ok(Self::ActPass),
            "holdconn" => Ok(Self::HoldConn),
            _ => Err(Fields::new(Self::NAME, value).error("active, passive, actpass or holdconn")),
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        })
    }
}
