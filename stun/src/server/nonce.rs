//! Nonces that the server need not remember; RFC 8489 sections 9.2 and 9.2.1.
//!
//! A nonce says when it was given and carries a tag that only the server can make, over that time and the client's
//! address. So a flood of requests without credentials leaves nothing behind. The client's port is not part of it: NATs
//! change ports, and a client that has to begin anew for that reason is not safer.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;

use crate::integrity;
use crate::nonce::SecurityFeatures;

const TAG: usize = 16;
/// Octets of the nonce cookie; RFC 8489 section 9.2.
const COOKIE: usize = 13;
/// Octets of a nonce: behind the cookie a moment, a number and the tag, in hexadecimal digits.
const LEN: usize = COOKIE + 2 * (8 + TAG);

/// Makes nonces and knows them again.
pub(crate) struct Nonces {
    /// The key in use, and the one before it, whose nonces are still good.
    keys: [Hmac<Sha256>; 2],
    /// With which every nonce begins.
    cookie: [u8; COOKIE],
    /// Makes no two nonces alike.
    salt: u32,
}

impl Nonces {
    pub(crate) fn new(userhash: bool, rng: &mut impl CryptoRng) -> Self {
        let key = new_key(rng);
        let mut features = SecurityFeatures::PASSWORD_ALGORITHMS;
        if userhash {
            features = features.and(SecurityFeatures::USERNAME_ANONYMITY);
        }
        let mut cookie = [0; COOKIE];
        cookie.iter_mut().zip(features.cookie().bytes()).for_each(|(octet, letter)| *octet = letter);
        Self { keys: [key.clone(), key], cookie, salt: rng.next_u32() }
    }

    /// Takes a new key; nonces made with the last one stay good, those made before it do not.
    pub(crate) fn rotate(&mut self, rng: &mut impl CryptoRng) {
        self.keys.swap(0, 1);
        self.keys[0] = new_key(rng);
    }

    /// A nonce for a client at `ip`, unlike any other; `second` counts from any moment.
    //= rfc8489#9.2.4-5
    pub(crate) fn make(&mut self, second: u32, ip: IpAddr) -> NonceText {
        self.salt = self.salt.wrapping_add(1);
        let [a, b] = [second.to_be_bytes(), self.salt.to_be_bytes()];
        let tag = tag(&self.keys[0], [a, b], ip);
        let mut text = [0; LEN];
        let (cookie, digits) = text.split_at_mut(COOKIE);
        cookie.copy_from_slice(&self.cookie);
        let octets = a.into_iter().chain(b).chain(tag);
        for (pair, octet) in digits.as_chunks_mut::<2>().0.iter_mut().zip(octets) {
            *pair = [hex(octet >> 4), hex(octet & 15)];
        }
        NonceText(text)
    }

    /// When a nonce was made, if it was made here for a client at `ip`.
    pub(crate) fn made_at(&self, nonce: &str, ip: IpAddr) -> Option<u32> {
        let hex = nonce.as_bytes().strip_prefix(&self.cookie)?;
        let mut octets = [0; 8 + TAG];
        let (pairs, rest) = hex.as_chunks::<2>();
        if pairs.len() != octets.len() || !rest.is_empty() {
            return None;
        }
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            *octet = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        let [a, b, ..] = octets.as_chunks::<4>().0 else { return None };
        let known = self.keys.iter().any(|key| integrity::equal(&tag(key, [*a, *b], ip), &octets[8..]));
        known.then(|| u32::from_be_bytes(*a))
    }
}

/// A nonce as it stands in messages, kept without an allocation: a flood asks for many.
pub(crate) struct NonceText([u8; LEN]);

impl NonceText {
    pub(crate) fn as_str(&self) -> &str {
        // Letters and digits all.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

fn tag(key: &Hmac<Sha256>, parts: [[u8; 4]; 2], ip: IpAddr) -> [u8; TAG] {
    let mut mac = key.clone();
    parts.iter().for_each(|part| mac.update(part));
    match ip {
        IpAddr::V4(ip) => mac.update(&ip.octets()),
        IpAddr::V6(ip) => mac.update(&ip.octets()),
    }
    let mut tag = [0; TAG];
    tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
    tag
}

/// A key from the generator.
pub(crate) fn new_key(rng: &mut impl CryptoRng) -> Hmac<Sha256> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(key.as_mut_slice());
    match Hmac::new_from_slice(key.as_slice()) {
        Ok(mac) => mac,
        // HMAC takes keys of any length (RFC 2104 section 2).
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::rng;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    //= rfc8489#9.2.4-5 test
    #[test]
    fn no_two_nonces_are_alike() {
        let mut nonces = Nonces::new(true, &mut rng(1));
        let made: std::collections::BTreeSet<String> =
            (0..1000).map(|_| nonces.make(77, IP).as_str().to_owned()).collect();
        assert_eq!(made.len(), 1000);
    }

    #[test]
    fn a_nonce_is_known_again_and_a_bent_one_is_not() {
        let mut nonces = Nonces::new(true, &mut rng(1));
        let nonce = nonces.make(77, IP).as_str().to_owned();
        assert!(nonce.starts_with("obMatJos2AAAD") && nonce.len() == 61, "{nonce}");
        assert_eq!(nonces.made_at(&nonce, IP), Some(77));
        assert_eq!(nonces.made_at(&nonce, "192.0.2.2".parse().unwrap()), None);
        for at in 0..nonce.len() {
            let mut bent = nonce.clone().into_bytes();
            bent[at] ^= 1;
            assert_eq!(nonces.made_at(std::str::from_utf8(&bent).unwrap(), IP), None, "octet {at}");
            assert_eq!(nonces.made_at(&nonce[..at], IP), None);
        }
        assert_eq!(Nonces::new(true, &mut rng(2)).made_at(&nonce, IP), None, "another server's");
        nonces.rotate(&mut rng(3));
        assert_eq!(nonces.made_at(&nonce, IP), Some(77));
        nonces.rotate(&mut rng(4));
        assert_eq!(nonces.made_at(&nonce, IP), None);
    }
}
