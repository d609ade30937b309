//! A STUN server: RFC 8489 sections 6.3.1, 9 and 12, and RFC 5780 section 6.

mod config;
mod event;
mod usage;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, Rng, SeedableRng};

pub use config::{AddressPair, Admission, BindingServerConfig, PairError};
pub use event::{BindingServerStats, BindingServerTransmit};

use super::Input;
use crate::attribute::{AlternateDomain, AlternateServer, Attribute, Software, UnknownAttributes, Username};
use crate::build::{MessageBuilder, Open};
use crate::credential::ShortTermCredential;
use crate::five_tuple::{FiveTuple, Transport};
use crate::integrity::IntegrityKey;
use crate::kind::{AttributeType, Class, ErrorCode, MessageType, Method, TransactionId};
use crate::message::Message;
use crate::server::allowance::Allowance;
use crate::server::answers::Answers;
use crate::server::authenticate::{self, Access, Fault, LongTerm, reason};
use crate::server::keyed::Keyed;
use usage::Wish;

/// Tells clients which address it sees: a machine that is told the time and the messages.
///
/// It remembers nothing of those who ask, so that a repeated request gets the same answer and a flood leaves nothing
/// behind.
pub struct BindingServer {
    config: BindingServerConfig,
    rng: ChaCha20Rng,
    now: Option<Instant>,
    /// A key that nobody has: an unknown name costs as much time as a wrong password.
    nobody: IntegrityKey,
    keyed: Keyed,
    long_term: Option<LongTerm>,
    allowance: Allowance,
    answers: Answers,
    stats: BindingServerStats,
    closed: bool,
}

/// What is kept of a request to answer it.
struct Asked {
    from: FiveTuple,
    id: TransactionId,
    /// Octets of the request.
    received: usize,
    fingerprint: bool,
    access: Option<Access>,
}

type Builder<'o> = MessageBuilder<'o, Open>;

impl BindingServer {
    /// A server. `rng` seeds the server's own generator, from which nonces and their keys are drawn.
    pub fn new(config: BindingServerConfig, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let long_term = match &config.admission {
            Admission::LongTerm(users) => Some(LongTerm::new(users, config.nonce_lifetime, &mut rng)),
            Admission::Everybody | Admission::ShortTerm(_) => None,
        };
        Self {
            now: None,
            nobody: IntegrityKey::from_octets(&[]),
            keyed: Keyed::new(&mut rng),
            long_term,
            allowance: Allowance::new(config.unauthenticated),
            answers: Answers::new(config.waiting),
            stats: BindingServerStats::default(),
            closed: false,
            rng,
            config,
        }
    }

    /// Mixes fresh randomness into the generator and takes a new key for nonces; those given out stay good until the
    /// call after the next. A server that runs for long is told so every hour or so.
    pub fn reseed(&mut self, rng: &mut impl CryptoRng) {
        let (mut fresh, mut own) = ([0; 32], [0; 32]);
        rng.fill_bytes(&mut fresh);
        self.rng.fill_bytes(&mut own);
        fresh.iter_mut().zip(own).for_each(|(octet, own)| *octet ^= own);
        self.rng = ChaCha20Rng::from_seed(fresh);
        if let Some(long_term) = &mut self.long_term {
            long_term.rotate(&mut self.rng);
        }
    }

    /// Says what time it is by the calendar, in seconds since 1970: passwords made with a shared secret end by it.
    pub fn set_unix_time(&mut self, now: Instant, unix: u64) {
        let now = self.advance(now);
        if let Some(long_term) = &mut self.long_term {
            long_term.set_unix_time(now, unix);
        }
    }

    /// A message came in: a datagram, or one message of a stream ([`crate::turn::next_message`] finds its end). Only
    /// Binding requests and indications are ours.
    pub fn handle_input(&mut self, now: Instant, from: FiveTuple, datagram: &mut [u8]) -> Input {
        let now = self.advance(now);
        if self.closed {
            return Input::Consumed;
        }
        let Ok(message) = Message::parse(datagram) else {
            return self.classic(now, from, datagram);
        };
        match (message.class(), message.method()) {
            (Class::Request, Method::BINDING) => self.handle_request(now, from, &message),
            // A keep-alive; its receipt is all that matters. RFC 8489 section 6.3.2.
            (Class::Indication, Method::BINDING) => {}
            _ => return Input::NotMine,
        }
        Input::Consumed
    }

    /// Time has passed; nothing ever waits for it.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Appends the next answer to `out`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<BindingServerTransmit> {
        self.advance(now);
        let (to, len) = self.answers.pop(out)?;
        Some(BindingServerTransmit { len, to, ecn: 0, dscp: 0 })
    }

    /// Always `None`: the server has no timers.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Falls silent.
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.closed = true;
        self.answers.clear();
    }

    /// Whether [`BindingServer::close`] has been called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Counters.
    pub fn stats(&self) -> BindingServerStats {
        self.stats
    }

    fn handle_request(&mut self, now: Instant, from: FiveTuple, request: &Message<'_>) {
        let mut asked = Asked {
            from,
            id: request.transaction_id(),
            received: request.as_bytes().len(),
            fingerprint: request.has_fingerprint(),
            access: None,
        };
        match self.admit(now, from, request) {
            Ok(access) => {
                // Who has signed a nonce that was sent to this address is there.
                if self.long_term.is_some() && access.is_some() {
                    self.allowance.settle(from.client.ip().to_canonical(), &self.keyed);
                }
                asked.access = access;
            }
            Err(Fault::Challenge(code)) => return self.challenge(now, &asked, code),
            Err(Fault::Refuse(code)) => return self.refuse(now, &asked, code),
        }
        if self.redirect(now, &asked) {
            return;
        }
        let other = self.config.pairs.iter().find_map(|pair| pair.other(from.server));
        match Wish::read(request, from, other, self.config.mtu) {
            Ok(wish) => self.grant(now, &asked, &wish),
            Err(usage::Fault::Unknown(unknown)) => self.refuse_attributes(now, &asked, &unknown),
            Err(usage::Fault::Bad) => self.refuse(now, &asked, ErrorCode::BAD_REQUEST),
        }
    }

    /// Finds out who asks, where that matters.
    fn admit(
        &mut self,
        now: Instant,
        from: FiveTuple,
        request: &Message<'_>,
    ) -> Result<Option<Access>, Fault> {
        match (&self.config.admission, &mut self.long_term) {
            (Admission::LongTerm(users), Some(long_term)) => {
                long_term.check(now, from.client.ip(), request, users).map(Some)
            }
            (Admission::ShortTerm(known), _) => {
                check_short_term(known, &self.nobody, request).map(Some).map_err(Fault::Refuse)
            }
            _ => Ok(None),
        }
    }

    /// Sends those who are known elsewhere, if there is an elsewhere for their family.
    //= rfc8489#10-1
    //= rfc8489#14.8-6
    fn redirect(&mut self, now: Instant, asked: &Asked) -> bool {
        let of = |ipv4: bool| {
            let mut own = self.config.alternates.iter().copied();
            own.find(|server| server.is_ipv4() == ipv4)
        };
        let ipv4 = asked.from.client.is_ipv4();
        let (Some(same), Some(access)) = (of(ipv4), &asked.access) else { return false };
        let (other, sha256) = (of(!ipv4), access.sha256);
        let named = matches!(asked.from.transport, Transport::Tls | Transport::Dtls) && sha256;
        let domain = self.config.alternate_domain.clone().filter(|_| named);
        self.stats.refused += 1;
        self.answer(now, asked, asked.from, Class::Error, |mut builder| {
            builder = builder.attribute(&reason(ErrorCode::TRY_ALTERNATE)).attribute(&AlternateServer(same));
            if let Some(other) = other {
                builder = builder.attribute(&AlternateServer(other));
            }
            //= rfc8489#10-4
            match domain.as_deref().map(AlternateDomain::new) {
                Some(Ok(domain)) => builder.attribute(&domain),
                _ => builder,
            }
        });
        true
    }

    fn grant(&mut self, now: Instant, asked: &Asked, wish: &Wish) {
        self.stats.answered += 1;
        // Sockets for both families show IPv4 clients in IPv6's clothes.
        let client = asked.from.client;
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        self.answer(now, asked, wish.to, Class::Success, |builder| wish.fill(builder, client));
    }

    fn refuse(&mut self, now: Instant, asked: &Asked, code: ErrorCode) {
        self.stats.refused += 1;
        self.answer(now, asked, asked.from, Class::Error, |builder| builder.attribute(&reason(code)));
    }

    //= rfc8489#6.3.1.1-3
    fn refuse_attributes(&mut self, now: Instant, asked: &Asked, unknown: &UnknownAttributes) {
        self.stats.refused += 1;
        self.answer(now, asked, asked.from, Class::Error, |builder| {
            builder.attribute(&reason(ErrorCode::UNKNOWN_ATTRIBUTE)).attribute(unknown)
        });
    }

    fn challenge(&mut self, now: Instant, asked: &Asked, code: ErrorCode) {
        let (Some(long_term), Admission::LongTerm(users)) = (&mut self.long_term, &self.config.admission)
        else {
            return;
        };
        self.stats.challenged += 1;
        let nonce = long_term.nonce(now, asked.from.client.ip());
        let realm = users.shared_realm();
        self.answer(now, asked, asked.from, Class::Error, |builder| {
            authenticate::challenge(builder, code, &realm, nonce.as_str())
        });
    }

    fn answer(
        &mut self,
        now: Instant,
        asked: &Asked,
        to: FiveTuple,
        class: Class,
        fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>,
    ) {
        let software = Software::new(&self.config.software).ok().filter(|own| own.encoded_len() > 0);
        let write = |out: &mut Vec<u8>| {
            let kind = MessageType::new(Method::BINDING, class);
            let mut builder = fill(MessageBuilder::new(out, kind, asked.id));
            if let Some(software) = &software {
                builder = builder.attribute(software);
            }
            let finished = Access::sign(asked.access.as_ref(), builder, asked.fingerprint);
            debug_assert!(finished.is_ok(), "an answer is shorter than its request and a few addresses");
        };
        let proved = asked.access.is_some() || asked.from.transport != Transport::Udp;
        let (allowance, keyed, ip) =
            (&mut self.allowance, &self.keyed, asked.from.client.ip().to_canonical());
        let keep = |len| proved || allowance.spend(now, ip, keyed, asked.received, len);
        if !self.answers.push(to, write, keep) {
            self.stats.dropped_answers += 1;
        }
    }

    /// What is no message of RFC 8489. Over DTLS a request of RFC 3489 is told so; elsewhere it is somebody else's.
    //= rfc8489#11-2
    fn classic(&mut self, now: Instant, from: FiveTuple, datagram: &[u8]) -> Input {
        let Some(id) = usage::classic_request(datagram) else { return Input::NotMine };
        if from.transport != Transport::Dtls {
            return Input::NotMine;
        }
        self.stats.refused += 1;
        if !self.answers.push(from, |out| usage::refuse_classic(&id, out), |_| true) {
            self.stats.dropped_answers += 1;
        }
        self.advance(now);
        Input::Consumed
    }

    /// Time never goes back: an older `now` counts as the newest one seen.
    fn advance(&mut self, now: Instant) -> Instant {
        let newest = self.now.map_or(now, |seen| seen.max(now));
        self.now = Some(newest);
        newest
    }
}

/// The checks of RFC 8489 section 9.1.3, in its order.
fn check_short_term(
    known: &[ShortTermCredential],
    nobody: &IntegrityKey,
    request: &Message<'_>,
) -> Result<Access, ErrorCode> {
    let Ok(Some(username)) = request.attribute::<Username<'_>>() else { return Err(ErrorCode::BAD_REQUEST) };
    if !request.has_integrity() {
        return Err(ErrorCode::BAD_REQUEST);
    }
    let found = known.iter().find(|own| own.username() == username.as_str());
    // Whether a name is known does not show in the time that the answer takes.
    let key = found.map_or(nobody, ShortTermCredential::key);
    let right = request.verify(key).is_ok();
    match found.filter(|_| right) {
        Some(own) => Ok(Access {
            user: Arc::from(own.username()),
            key: own.key().clone(),
            sha256: request.has_integrity_sha256(),
            expired: false,
        }),
        None => Err(ErrorCode::UNAUTHENTICATED),
    }
}

impl fmt::Debug for BindingServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BindingServer").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// What a Binding server knows, though it may not expect it in a request; everything else that must be understood leads to
/// 420.
const KNOWN: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::USERNAME,
    AttributeType::USERHASH,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::PASSWORD_ALGORITHM,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
];

/// Whence an answer goes out that is to come from another address or port; RFC 5780 section 6.1, table 1.
fn source(local: SocketAddr, other: SocketAddr, change: crate::attribute::ChangeRequest) -> SocketAddr {
    SocketAddr::new(
        if change.ip { other.ip() } else { local.ip() },
        if change.port { other.port() } else { local.port() },
    )
}
