//! The server's front door: who may have a connection, decided without one; RFC 6347 section 4.2.1.

mod kept;

use std::fmt;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};

use self::kept::KeptHellos;
use crate::cookie::{COOKIE_LEN, CookieSecret, Opening};
use crate::error::Kind;
use crate::handshake::{ClientHello, FRAGMENT_HEADER_LEN, FragmentHeader, HelloVerifyRequest, MessageType};
use crate::reassembly::Partial;
use crate::record::{ContentType, HEADER_LEN, Header, Records, Version};
use crate::wire::to_usize;

/// How a [`CookieGate`] behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GateConfig {
    /// Time for which a secret makes cookies; 1 s to a day, default 60 s. Cookies are taken for as long again.
    pub secret_period: Duration,
    /// Addresses for which fragments of hellos are kept, 0 to 4096, default 0: then nothing is ever kept, and the start
    /// of a hello, up to its extensions, must be in one fragment and come first. Browsers' hellos are like that, hybrid
    /// key shares or not; a fragment that overtakes another costs the client a retransmission. With more than 0, each
    /// takes up to [`GateConfig::max_hello`] octets and an eighth; the oldest makes room for the newest.
    pub kept_hellos: usize,
    /// Octets of the longest hello that is let in, 1 to 65536, default 4096.
    pub max_hello: usize,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { secret_period: Duration::from_secs(60), kept_hellos: 0, max_hello: 4096 }
    }
}

/// What to do with a datagram from a stranger.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing: it is no hello, or not yet enough of one.
    Drop,
    /// Send what was appended to the buffer to where the datagram came from: a HelloVerifyRequest. It is shorter than what
    /// came of the hello.
    Verify,
    /// The client has shown that it is where it says. [`crate::Connection::admitted`] makes its connection, which then
    /// gets this same datagram.
    Accept(Admission),
}

/// What a connection has to know about the hello that it begins with.
pub struct Admission {
    /// The number that the client gives the hello; ours go on from there.
    pub(crate) message_sequence: u16,
    /// Fragments of it that came before.
    pub(crate) partial: Option<Partial>,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admission(message {})", self.message_sequence)
    }
}

/// Counters of a gate, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateStats {
    /// Requests for a cookie sent.
    pub verify_requests: u64,
    /// Hellos with the right cookie.
    pub accepted: u64,
    /// Hellos whose cookie was not the right one, or no longer; they got a new one.
    pub wrong_cookies: u64,
    /// Fragments kept until there are more.
    pub fragments_kept: u64,
    /// Fragments that were not kept: the start of a hello was not among them, or the hello is too long.
    pub dropped_fragment: u64,
    /// Dropped: something else than a hello, or a malformed one.
    pub dropped_malformed: u64,
}

/// Decides who may have a connection: hellos of strangers go through it, and only those get state that have shown, with a
/// cookie, that they receive what is sent to their address. It keeps nothing of anybody, and allocates nothing, unless
/// told to keep fragments.
///
/// One gate serves a whole socket. What comes from an address whose handshake goes on is for that connection alone. What
/// comes from an address that is connected goes to the connection, and through the gate too: the client may have begun
/// anew from the same port. What [`Verdict::Accept`] brings then replaces the old connection once it is connected, and not
/// before (RFC 6347 section 4.2.8).
pub struct CookieGate {
    config: GateConfig,
    /// Makes cookies; and the one before, whose cookies are still taken.
    secrets: [CookieSecret; 2],
    rng: ChaCha20Rng,
    /// When the first secret becomes the second.
    turns_at: Option<Instant>,
    now: Option<Instant>,
    kept: KeptHellos,
    stats: GateStats,
}

/// The first fragment in a datagram, with the number of its record.
struct Found<'a> {
    record_sequence: u64,
    header: FragmentHeader,
    fragment: &'a [u8],
}

/// The number of the last hello that a client comes with: it does not follow requests for ever.
const MAX_MESSAGE_SEQUENCE: u16 = 16;
/// No secret is used for longer.
const LONGEST_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

impl CookieGate {
    /// A gate with secrets of its own. `rng` seeds its generator.
    pub fn new(config: GateConfig, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        Self {
            secrets: [CookieSecret::generate(&mut rng), CookieSecret::generate(&mut rng)],
            kept: KeptHellos::new(config.kept_hellos, CookieSecret::generate(&mut rng)),
            rng,
            turns_at: None,
            now: None,
            stats: GateStats::default(),
            config,
        }
    }

    /// A datagram came from a stranger at `source`, which is whatever tells addresses apart: octets of address and port.
    /// At most [`CookieGate::REQUEST_LEN`] octets are appended to `out`.
    pub fn check(&mut self, now: Instant, source: &[u8], datagram: &[u8], out: &mut Vec<u8>) -> Verdict {
        let now = self.advance(now);
        let Some(found) = Found::new(datagram) else {
            self.stats.dropped_malformed += 1;
            return Verdict::Drop;
        };
        if to_usize(found.header.total) > self.config.max_hello {
            self.stats.dropped_fragment += 1;
            return Verdict::Drop;
        }
        if found.is_start() {
            match Opening::parse(found.fragment) {
                Ok(_) if found.is_whole() && ClientHello::parse(found.fragment).is_err() => {
                    self.stats.dropped_malformed += 1;
                    return Verdict::Drop;
                }
                Ok(opening) => {
                    // What is all there needs nothing of what anybody may have sent before.
                    let partial = self.kept.take(source, &found.header).filter(|_| !found.is_whole());
                    return if self.is_ours(source, &opening) {
                        self.accept(&found, partial)
                    } else {
                        self.request(source, &found, &opening, out)
                    };
                }
                Err(fault) if found.is_whole() || !matches!(fault.kind, Kind::Truncated { .. }) => {
                    self.stats.dropped_malformed += 1;
                    return Verdict::Drop;
                }
                Err(_) => {}
            }
        }
        self.keep(now, source, &found, out)
    }

    /// Octets that [`CookieGate::check`] appends at most.
    pub const REQUEST_LEN: usize = HEADER_LEN + FRAGMENT_HEADER_LEN + 3 + COOKIE_LEN;

    /// The counters.
    pub const fn stats(&self) -> GateStats {
        self.stats
    }

    /// Whether a hello has a cookie of ours, be it of the secret before.
    fn is_ours(&self, source: &[u8], opening: &Opening<'_>) -> bool {
        self.secrets.iter().any(|secret| secret.matches(source, opening))
    }

    fn accept(&mut self, found: &Found<'_>, partial: Option<Partial>) -> Verdict {
        self.stats.accepted += 1;
        Verdict::Accept(Admission { message_sequence: found.header.sequence, partial })
    }

    fn request(
        &mut self,
        source: &[u8],
        found: &Found<'_>,
        opening: &Opening<'_>,
        out: &mut Vec<u8>,
    ) -> Verdict {
        self.stats.wrong_cookies += u64::from(opening.has_cookie());
        self.stats.verify_requests += 1;
        found.put_request(&self.secrets[0].cookie(source, opening), out);
        Verdict::Verify
    }

    /// Keeps a fragment, if that is wanted, until the start of the hello is there.
    fn keep(&mut self, now: Instant, source: &[u8], found: &Found<'_>, out: &mut Vec<u8>) -> Verdict {
        if self.config.kept_hellos == 0 || found.fragment.is_empty() {
            self.stats.dropped_fragment += 1;
            return Verdict::Drop;
        }
        self.stats.fragments_kept += 1;
        let header = &found.header;
        let kept = self.kept.take(source, header);
        let mut partial = kept.unwrap_or_else(|| Partial::new(header.kind, to_usize(header.total)));
        partial.insert(to_usize(header.offset), found.fragment);
        match Opening::parse(partial.start()) {
            Ok(opening) if self.is_ours(source, &opening) => self.accept(found, Some(partial)),
            Ok(opening) => self.request(source, found, &opening, out),
            Err(fault) if partial.is_whole() || !matches!(fault.kind, Kind::Truncated { .. }) => {
                self.stats.dropped_malformed += 1;
                Verdict::Drop
            }
            Err(_) => {
                self.kept.put(now, source, header.sequence, partial);
                Verdict::Drop
            }
        }
    }

    /// Time never goes back; secrets change with it.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |newest| newest.max(now));
        self.now = Some(now);
        let period = self.config.secret_period.clamp(Duration::from_secs(1), LONGEST_PERIOD);
        let turns_at = *self.turns_at.get_or_insert_with(|| now + period);
        if now >= turns_at {
            self.secrets.swap(0, 1);
            self.secrets[0] = CookieSecret::generate(&mut self.rng);
            // Nobody came for long: the secret before is too old as well.
            if now >= turns_at + period {
                self.secrets[1] = CookieSecret::generate(&mut self.rng);
            }
            self.turns_at = Some(now + period);
        }
        now
    }
}

impl<'a> Found<'a> {
    /// The first record, if it is a plaintext one with a fragment of a hello.
    fn new(datagram: &'a [u8]) -> Option<Self> {
        let (record, content) = Records::new(datagram).next()?.ok()?;
        let (header, fragment, _) = FragmentHeader::parse(content).ok()?;
        let is_hello = (record.content_type, record.epoch, header.kind)
            == (ContentType::HANDSHAKE, 0, MessageType::CLIENT_HELLO);
        (is_hello && header.sequence <= MAX_MESSAGE_SEQUENCE).then_some(Self {
            record_sequence: record.sequence,
            header,
            fragment,
        })
    }

    const fn is_start(&self) -> bool {
        self.header.offset == 0
    }

    const fn is_whole(&self) -> bool {
        self.header.is_whole()
    }

    /// Appends a request that carries this cookie, with the numbers of what it answers: nothing is counted here.
    //= rfc6347#4.2.1-3
    //= rfc6347#4.2.1-10
    fn put_request(&self, cookie: &[u8], out: &mut Vec<u8>) {
        let request = HelloVerifyRequest { version: Version::DTLS_1_0, cookie };
        let total = u16::try_from(request.encoded_len()).unwrap_or(u16::MAX);
        let message =
            FragmentHeader::whole(MessageType::HELLO_VERIFY_REQUEST, self.header.sequence, total.into());
        let record = Header {
            content_type: ContentType::HANDSHAKE,
            version: Version::DTLS_1_0,
            epoch: 0,
            sequence: self.record_sequence,
            length: u16::try_from(FRAGMENT_HEADER_LEN).unwrap_or(u16::MAX).saturating_add(total),
        };
        record.encode(out);
        message.encode(out);
        request.encode(out);
    }
}

impl fmt::Debug for CookieGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieGate({:?})", self.stats)
    }
}
