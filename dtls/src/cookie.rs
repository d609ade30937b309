//! Cookies: a client that sends one back has shown that it gets what is sent to its address; RFC 6347 section 4.2.1.
//!
//! A cookie is a MAC over the address and over what both hellos must have in common, so that nothing has to be
//! remembered of the first one.

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::context::{Allowance, Context};
use crate::error::ParseError;
use crate::event::CloseReason;
use crate::handshake::{ClientHello, HelloVerifyRequest, MessageType};
use crate::reassembly::Whole;
use crate::record::Version;
use crate::wire::Reader;

/// Octets of a cookie. A request with it is shorter than the shortest hello.
pub(crate) const COOKIE_LEN: usize = 32;

/// What cookies are made with. As long as a block of SHA-256, and wiped when dropped.
pub(crate) struct CookieSecret(Zeroizing<[u8; 64]>);

impl CookieSecret {
    pub(crate) fn generate(rng: &mut impl Rng) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *key);
        Self(key)
    }

    /// The cookie for a hello from this address.
    //= rfc6347#4.2.1-7
    pub(crate) fn cookie(&self, source: &[u8], opening: &Opening<'_>) -> [u8; COOKIE_LEN] {
        self.mac(&[source, opening.before, opening.behind])
    }

    /// Whether a hello from this address carries our cookie.
    pub(crate) fn matches(&self, source: &[u8], opening: &Opening<'_>) -> bool {
        opening.has_cookie() && self.cookie(source, opening).ct_eq(opening.cookie).into()
    }

    /// A MAC over parts of any length, each with its length in front.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; COOKIE_LEN] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*self.0).into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// What a hello says before its extensions: all that a cookie is about. The first fragment of a hello has it, be the hello
/// ever so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// Version, random and session.
    before: &'a [u8],
    cookie: &'a [u8],
    /// Suites and compression. Extensions may differ.
    behind: &'a [u8],
}

impl<'a> Opening<'a> {
    /// Reads the start of a hello's body, which may be cut anywhere behind it.
    pub(crate) fn parse(start: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(start);
        reader.take(2 + 32)?;
        reader.vec8(0)?;
        let before = &start[..start.len() - reader.rest().len()];
        let cookie = reader.vec8(0)?.rest();
        let list = reader.rest();
        reader.vec16(2)?;
        reader.vec8(1)?;
        Ok(Self { before, cookie, behind: &list[..list.len() - reader.rest().len()] })
    }

    pub(crate) const fn has_cookie(&self) -> bool {
        !self.cookie.is_empty()
    }
}

impl Context {
    /// Asks a client whose address is not proven for a cookie, unless this hello has the right one. Says whether it asked.
    //= rfc6347#4.2.1-19
    pub(crate) fn asks_for_cookie(&mut self, message: &Whole) -> Result<bool, CloseReason> {
        let Some(secret) = &self.cookie_secret else { return Ok(false) };
        // A malformed hello is not worth an answer of another kind.
        ClientHello::parse(&message.body).map_err(crate::context::malformed(message.kind))?;
        let opening = Opening::parse(&message.body).map_err(crate::context::malformed(message.kind))?;
        // There is only one address: that of this connection.
        if secret.matches(&[], &opening) {
            self.cookie_secret = None;
            self.allowance = Allowance::Unlimited;
            return Ok(false);
        }
        let cookie = secret.cookie(&[], &opening);
        let request = HelloVerifyRequest { version: Version::DTLS_1_0, cookie: &cookie };
        self.flight.begin(Some(message.sequence));
        self.flight.push(0, MessageType::HELLO_VERIFY_REQUEST, |out| request.encode(out));
        // It is the client's timer that brings it again.
        self.flight.is_last();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::rng;

    /// A hello's body: version, random, session, cookie, suites, compression, and the start of extensions.
    fn body(cookie: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([7; 32]);
        body.extend([2, 8, 8]);
        body.push(u8::try_from(cookie.len()).unwrap());
        body.extend(cookie);
        body.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, 9, 1]);
        body
    }

    /// D30: bound to the address and to what both hellos must have in common, but not to the extensions.
    //= rfc6347#4.2.1-7 test
    #[test]
    fn a_cookie_is_for_one_hello_from_one_address() {
        let secret = CookieSecret::generate(&mut rng(1));
        let first = body(&[]);
        let opening = Opening::parse(&first).unwrap();
        assert!(!secret.matches(b"here", &opening), "no cookie is not the right one");
        let cookie = secret.cookie(b"here", &opening);
        let second = body(&cookie);
        let matches = |source: &[u8], body: &[u8]| {
            Opening::parse(body).is_ok_and(|opening| secret.matches(source, &opening))
        };
        assert!(matches(b"here", &second));
        assert!(!matches(b"there", &second) && !matches(b"", &second));
        let other = CookieSecret::generate(&mut rng(2));
        assert!(!other.matches(b"here", &Opening::parse(&second).unwrap()));
        let extensions = second.len() - 3;
        for at in 0..second.len() {
            let mut changed = second.clone();
            changed[at] ^= 1;
            assert_eq!(matches(b"here", &changed), at >= extensions, "octet {at}");
        }
        // Cut anywhere in the extensions, or not there at all: it is the same hello.
        for cut in 0..second.len() {
            assert_eq!(matches(b"here", &second[..cut]), cut >= extensions, "cut at {cut}");
        }
    }
}
