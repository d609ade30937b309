//! What the states of a handshake have in common: the means to send, and the hash over what was said.

use std::time::Instant;

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};

use crate::alert::AlertDescription;
use crate::certificate::{CertificateError, Fingerprint, PeerIdentity, Refusal, admit};
use crate::config::Config;
use crate::cookie::CookieSecret;
use crate::crypto::suite::Suite;
use crate::crypto::{CryptoError, NamedGroup, SignatureScheme};
use crate::error::ParseError;
use crate::event::CloseReason;
use crate::extension::{ExtensionType, Extensions, SrtpProfile, UseSrtp, parse_u8_list};
use crate::flight::Flight;
use crate::handshake::{CertificateChain, DigitallySigned, Finished, MessageType, ServerKeyExchange};
use crate::keys::{MasterSecret, Randoms, Role, Transcript};
use crate::layer::RecordLayer;
use crate::pre_shared_key::Shared;
use crate::reassembly::Whole;
use crate::session::{MAX_CHAIN, Session};

/// The parts of a connection that its states work with.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) layer: RecordLayer,
    pub(crate) flight: Flight,
    pub(crate) transcript: Transcript,
    /// The session that the client asks for, or that the connection belongs to.
    pub(crate) session: Option<Session>,
    /// The newest time seen.
    pub(crate) now: Option<Instant>,
    pub(crate) allowance: Allowance,
    /// There while a server asks for cookies: until the client has shown one.
    pub(crate) cookie_secret: Option<CookieSecret>,
}

/// What may be sent to an address that is not proven.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Allowance {
    Unlimited,
    /// Octets that may still be sent: three for each that came.
    Octets(usize),
}

/// What both hellos settled.
#[derive(Debug, Clone)]
pub(crate) struct Negotiated {
    pub(crate) randoms: Randoms,
    pub(crate) suite: &'static Suite,
    /// The master secret is bound to the whole handshake; RFC 7627.
    pub(crate) extended: bool,
    pub(crate) srtp_profile: Option<SrtpProfile>,
    /// The master key identifier that SRTP packets carry; empty for none.
    pub(crate) mki: Vec<u8>,
    /// Which of [`Config::application_protocols`].
    pub(crate) protocol: Option<usize>,
    /// What the client called us.
    pub(crate) server_name: Option<String>,
    /// What the server calls the session; empty if it is not to be taken up.
    pub(crate) session_id: Vec<u8>,
}

/// Keys made, signatures verified: only the peer's Finished is missing.
pub(crate) struct Keyed {
    pub(crate) negotiated: Negotiated,
    /// `None` without ephemeral keys.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) master: MasterSecret,
    pub(crate) peer_fingerprint: Option<Fingerprint>,
    /// The body of the peer's Certificate message, until it is known whether it is remembered.
    pub(crate) peer_chain: Option<Vec<u8>>,
    /// The peer asked for our certificate and got it.
    pub(crate) showed: bool,
    /// The pre-shared key that went into the master secret.
    pub(crate) shared: Option<Shared>,
    /// An earlier session goes on.
    pub(crate) resumed: bool,
}

/// What comes of a message.
pub(crate) enum Step<S> {
    /// The handshake goes on.
    Next(S),
    /// It is complete.
    Done(Box<Keyed>),
}

impl Context {
    /// `rng` seeds our own generator.
    pub(crate) fn new(config: Config, rng: &mut impl CryptoRng) -> Self {
        let mut rng = ChaCha20Rng::from_rng(rng);
        let is_proven = config.role == Role::Client || config.address_validated;
        let asks = !is_proven && config.cookies;
        Self {
            flight: Flight::new(config.initial_timeout, config.path_mtu),
            layer: RecordLayer::default(),
            transcript: Transcript::default(),
            session: None,
            now: None,
            allowance: if is_proven { Allowance::Unlimited } else { Allowance::Octets(0) },
            cookie_secret: asks.then(|| CookieSecret::generate(&mut rng)),
            rng,
            config,
        }
    }

    /// Adds a message to the flight and to the transcript.
    pub(crate) fn send(&mut self, kind: MessageType, body: impl FnOnce(&mut Vec<u8>)) {
        let (sequence, body) = self.flight.push(0, kind, body);
        self.transcript.add(kind, sequence, body);
    }

    pub(crate) fn send_certificate(&mut self) {
        if let Some(identity) = self.config.identity.clone() {
            self.send(MessageType::CERTIFICATE, |out| out.extend_from_slice(identity.message()));
        }
    }

    /// Makes the master secret and the keys. The transcript ends with ClientKeyExchange.
    //= rfc7627#5.1-1
    pub(crate) fn make_keys(&mut self, premaster: &[u8], negotiated: &Negotiated) -> MasterSecret {
        let Negotiated { randoms, suite, extended, .. } = negotiated;
        let master = if *extended {
            MasterSecret::extended(suite, premaster, &self.transcript.hash())
        } else {
            //= rfc7627#5.2-6
            MasterSecret::plain(suite, premaster, randoms)
        };
        self.install_keys(&master, randoms);
        master
    }

    /// Takes up a session: its secret gives new keys, since the randoms are new. Nothing is signed.
    pub(crate) fn resume(&mut self, session: Session, negotiated: Negotiated) -> Keyed {
        let master = session.master().clone();
        self.install_keys(&master, &negotiated.randoms);
        self.transcript.forget_messages();
        let (group, peer_fingerprint) = (session.group(), session.peer_fingerprint());
        let shared = session.shared().cloned();
        self.session = Some(session);
        Keyed {
            negotiated,
            group,
            master,
            peer_fingerprint,
            peer_chain: None,
            showed: false,
            shared,
            resumed: true,
        }
    }

    fn install_keys(&mut self, master: &MasterSecret, randoms: &Randoms) {
        let keys = master.record_ciphers(&self.config.backend, self.config.role, randoms);
        self.layer.install(keys, self.config.replay_window);
        if let Some(log) = &self.config.key_log {
            log.write(&master.key_log_line(&randoms.client));
        }
    }

    /// Changes to the new keys and proves with them that we saw what the peer saw.
    pub(crate) fn send_finished(&mut self, master: &MasterSecret) {
        let verify_data = master.verify_data(self.config.role, &self.transcript.hash());
        self.flight.push_change_cipher_spec();
        let kind = MessageType::FINISHED;
        let (sequence, body) = self.flight.push(1, kind, |out| Finished { verify_data }.encode(out));
        self.transcript.add(kind, sequence, body);
        self.layer.change_write();
    }

    /// Answers the peer's Finished with ours, the last flight: it goes out again if the peer's does.
    pub(crate) fn answer_finished(
        &mut self,
        message: &Whole,
        master: &MasterSecret,
    ) -> Result<(), CloseReason> {
        self.check_finished(message, master)?;
        self.flight.begin(Some(message.sequence));
        self.send_finished(master);
        self.flight.is_last();
        Ok(())
    }

    /// Checks the peer's Finished against all messages before it.
    pub(crate) fn check_finished(
        &mut self,
        message: &Whole,
        master: &MasterSecret,
    ) -> Result<(), CloseReason> {
        use subtle::ConstantTimeEq;
        let finished = Finished::parse(&message.body).map_err(malformed(message.kind))?;
        let expected = master.verify_data(self.config.role.opposite(), &self.transcript.hash());
        if !bool::from(finished.verify_data.ct_eq(&expected)) {
            return Err(CloseReason::BadFinished);
        }
        self.add(message);
        Ok(())
    }

    /// Signs with our certificate's key.
    pub(crate) fn sign(&mut self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CloseReason> {
        let Config { identity, backend, .. } = &self.config;
        let key = identity.as_ref().map(|identity| identity.key());
        let signature = key.and_then(|key| key.sign(backend, scheme, message, &mut self.rng));
        signature.ok_or(CloseReason::SigningFailed)
    }

    /// Signs all messages so far; RFC 5246 section 7.4.8.
    pub(crate) fn sign_transcript(&mut self, scheme: SignatureScheme) -> Result<Vec<u8>, CloseReason> {
        let Config { identity, backend, .. } = &self.config;
        let key = identity.as_ref().map(|identity| identity.key());
        let signature =
            key.and_then(|key| key.sign(backend, scheme, self.transcript.messages(), &mut self.rng));
        signature.ok_or(CloseReason::SigningFailed)
    }

    /// Checks the peer's signature, which must be one that we can verify and said so.
    //= rfc5246#7.4.3-2
    pub(crate) fn verify(
        &self,
        peer: &PeerIdentity,
        signed: DigitallySigned<'_>,
        message: &[u8],
    ) -> Result<(), CryptoError> {
        if !self.config.signature_schemes.contains(&signed.scheme) {
            return Err(CryptoError::Signature);
        }
        let backend = &self.config.backend;
        peer.key.verify_by(backend, &peer.spki, signed.scheme, message, signed.signature)
    }

    /// Adds a message of the peer to the transcript.
    pub(crate) fn add(&mut self, message: &Whole) {
        self.transcript.add(message.kind, message.sequence, &message.body);
    }

    /// The gate: who does not pass the verifier gets no further.
    pub(crate) fn admit(&self, message: &Whole) -> Result<PeerIdentity, CloseReason> {
        let chain = CertificateChain::parse(&message.body).map_err(malformed(message.kind))?;
        let verifier = self.config.verifier.as_ref().ok_or(CloseReason::UnexpectedMessage(message.kind))?;
        let peer = admit(&chain, verifier).map_err(|refusal| match refusal {
            Refusal::Missing => CloseReason::NoCertificate,
            Refusal::Certificate(CertificateError::Malformed) => CloseReason::BadCertificate,
            Refusal::Certificate(CertificateError::UnsupportedKey) => CloseReason::UnsupportedCertificate,
            Refusal::Rejected(rejection) => CloseReason::Rejected(rejection),
        })?;
        let keeps = self.config.keeps_sessions() && message.body.len() <= MAX_CHAIN;
        let chain = keeps.then(|| message.body.clone());
        Ok(PeerIdentity { chain, ..peer })
    }
}

impl Keyed {
    /// After a key exchange with a pre-shared key: nobody has shown a certificate.
    pub(crate) fn by_shared_key(
        negotiated: Negotiated,
        group: Option<NamedGroup>,
        master: MasterSecret,
        shared: Shared,
    ) -> Self {
        Self {
            negotiated,
            group,
            master,
            peer_fingerprint: None,
            peer_chain: None,
            showed: false,
            shared: Some(shared),
            resumed: false,
        }
    }
}

/// What the server signs: both randoms and its key share; RFC 8422 section 5.4.
pub(crate) fn signed_key_exchange(randoms: &Randoms, group: NamedGroup, public_key: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(64 + 4 + public_key.len());
    signed.extend_from_slice(&randoms.client);
    signed.extend_from_slice(&randoms.server);
    ServerKeyExchange::encode_parameters(group, public_key, &mut signed);
    signed
}

/// Checks what both hellos may say about features in which there is no choice: formats of points, renegotiation, and the
/// extended master secret. Says whether the peer has the latter.
pub(crate) fn check_common(
    extensions: &Extensions<'_>,
    config: &Config,
    kind: MessageType,
) -> Result<bool, CloseReason> {
    let extended = extensions.find(ExtensionType::EXTENDED_MASTER_SECRET);
    match extended {
        //= rfc7627#5.2-3
        //= rfc7627#5.2-5
        None if config.require_extended_master_secret => return Err(CloseReason::NoExtendedMasterSecret),
        None | Some([]) => {}
        Some(_) => return Err(CloseReason::IllegalParameter("extended_master_secret is not empty")),
    }
    if let Some(content) = extensions.find(ExtensionType::RENEGOTIATION_INFO)
        && !parse_u8_list(content).map_err(malformed(kind))?.is_empty()
    {
        return Err(CloseReason::Renegotiation);
    }
    if let Some(content) = extensions.find(ExtensionType::EC_POINT_FORMATS)
        && !parse_u8_list(content).map_err(malformed(kind))?.contains(&UNCOMPRESSED)
    {
        return Err(CloseReason::IllegalParameter("no uncompressed points"));
    }
    Ok(extended.is_some())
}

/// The `use_srtp` of a hello, if it has one.
pub(crate) fn find_srtp<'a>(
    extensions: &Extensions<'a>,
    kind: MessageType,
) -> Result<Option<UseSrtp<'a>>, CloseReason> {
    extensions.find(ExtensionType::USE_SRTP).map(UseSrtp::parse).transpose().map_err(malformed(kind))
}

/// The one format of points; RFC 8422 section 5.1.2.
pub(crate) const UNCOMPRESSED: u8 = 0;

/// A message that breaks its format ends the handshake.
pub(crate) fn malformed(message: MessageType) -> impl Fn(ParseError) -> CloseReason {
    move |fault| CloseReason::Malformed { message, fault }
}

/// A public key or signature that is none ends it too.
pub(crate) fn refused(message: MessageType) -> impl Fn(CryptoError) -> CloseReason {
    move |fault| match fault {
        CryptoError::PublicKey => CloseReason::IllegalParameter("not a public key of the group"),
        CryptoError::Signature => CloseReason::BadSignature(message),
    }
}

/// The fatal alert that tells the peer why; `None` where there is nothing to tell.
pub(crate) const fn alert_for(reason: CloseReason) -> Option<AlertDescription> {
    Some(match reason {
        CloseReason::Local
        | CloseReason::Peer
        | CloseReason::PeerAlert(_)
        | CloseReason::Timeout { .. }
        | CloseReason::KeysDiffer { .. }
        | CloseReason::KeysExhausted => return None,
        CloseReason::Malformed { .. } => AlertDescription::DECODE_ERROR,
        CloseReason::UnexpectedMessage(_) => AlertDescription::UNEXPECTED_MESSAGE,
        CloseReason::Version => AlertDescription::PROTOCOL_VERSION,
        CloseReason::NothingInCommon(_)
        | CloseReason::TooLong(_)
        | CloseReason::NoExtendedMasterSecret
        | CloseReason::Renegotiation
        | CloseReason::NoCertificate => AlertDescription::HANDSHAKE_FAILURE,
        CloseReason::SigningFailed => AlertDescription::INTERNAL_ERROR,
        CloseReason::NoApplicationProtocol => AlertDescription::NO_APPLICATION_PROTOCOL,
        CloseReason::IllegalParameter(_) => AlertDescription::ILLEGAL_PARAMETER,
        CloseReason::UnofferedExtension(_) => AlertDescription::UNSUPPORTED_EXTENSION,
        CloseReason::BadCertificate | CloseReason::Rejected(_) => AlertDescription::BAD_CERTIFICATE,
        CloseReason::UnsupportedCertificate => AlertDescription::UNSUPPORTED_CERTIFICATE,
        CloseReason::BadSignature(_) | CloseReason::BadFinished => AlertDescription::DECRYPT_ERROR,
    })
}

#[cfg(test)]
mod tests;
