//! The client's side of a handshake; RFC 6347 section 4.2.4, figure 1.
//!
//! ```text
//! flight 1   ClientHello                                                     ---->
//! flight 2                              <----                  HelloVerifyRequest
//! flight 3   ClientHello with the cookie                                     ---->
//! flight 4                              <----   ServerHello, Certificate,
//!                           ServerKeyExchange, [CertificateRequest], ServerHelloDone
//! flight 5   [Certificate], ClientKeyExchange, [CertificateVerify],
//!            ChangeCipherSpec, Finished                                      ---->
//! flight 6                              <----          ChangeCipherSpec, Finished
//! ```
//!
//! With a pre-shared key there are no certificates and no signatures; RFC 4279 section 2, RFC 5489 section 2:
//!
//! ```text
//! flight 4                              <----   ServerHello, [ServerKeyExchange], ServerHelloDone
//! flight 5   ClientKeyExchange, ChangeCipherSpec, Finished                   ---->
//! flight 6                              <----          ChangeCipherSpec, Finished
//! ```
//!
//! If the server takes up the session that the hello names, the rest is shorter; RFC 5246 section 7.3, figure 2. The last
//! flight is then the client's:
//!
//! ```text
//! flight 4                              <----   ServerHello, ChangeCipherSpec, Finished
//! flight 5   ChangeCipherSpec, Finished                                      ---->
//! ```

mod pre_shared;

use rand::Rng;

use self::pre_shared::Share;
use crate::certificate::PeerIdentity;
use crate::config::Config;
use crate::context::{
    Context, Keyed, Negotiated, Step, UNCOMPRESSED, check_common, find_srtp, malformed, refused,
    signed_key_exchange,
};
use crate::crypto::key_exchange;
use crate::crypto::suite::{Authentication, Exchange};
use crate::crypto::{NamedGroup, SignatureScheme};
use crate::event::CloseReason;
use crate::extension::{
    self, ApplicationProtocols, ExtensionType, Extensions, ServerName, SrtpProfile, put_protocols,
};
use crate::handshake::{
    CertificateRequest, ClientCertificateType, ClientHello, DigitallySigned, HelloVerifyRequest, MessageType,
    ServerHello, ServerKeyExchange, encode_chain,
};
use crate::keys::{Randoms, Transcript};
use crate::layer::Terms;
use crate::reassembly::Whole;
use crate::record::Version;
use crate::session::Session;
use crate::wire::{Reader, U16List, put_vec};

/// Requests for a cookie that are followed. A server changes its secret once in a while, not all the time.
const MAX_VERIFY_REQUESTS: u8 = 4;

/// What the client waits for.
pub(crate) enum State {
    ServerHello {
        offer: Offer,
        verify_requests: u8,
    },
    Certificate(Negotiated),
    ServerKeyExchange(Negotiated, PeerIdentity),
    RequestOrDone(Served),
    Done(Served, CertificateWanted),
    /// With a pre-shared key and ephemeral ones.
    PreSharedExchange(Negotiated),
    /// With a pre-shared key and nothing else: there may be a hint.
    PreSharedHint(Negotiated),
    PreSharedDone(Negotiated, Option<Share>),
    Finished(Keyed),
    /// The server goes on with the session.
    Resumed(Keyed),
}

/// Our hello without its cookie: sent again, it says the same.
pub(crate) struct Offer {
    random: [u8; 32],
    extensions: Vec<u8>,
    session_id: Vec<u8>,
}

/// The server's part, verified.
pub(crate) struct Served {
    negotiated: Negotiated,
    peer: PeerIdentity,
    group: NamedGroup,
    public_key: Vec<u8>,
}

/// Whether the server asked for our certificate, and can verify what we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateWanted {
    No,
    Yes(SignatureScheme),
    OfAnotherKind,
}

impl State {
    /// Flight 1.
    pub(crate) fn start(cx: &mut Context) -> Self {
        let extensions = offered_extensions(&cx.config);
        Self::start_with(cx, extensions)
    }

    /// Flight 1 with these extensions.
    pub(crate) fn start_with(cx: &mut Context, extensions: Vec<u8>) -> Self {
        let mut random = [0; 32];
        cx.rng.fill_bytes(&mut random);
        cx.session = cx.config.session.take();
        let name = cx.config.server_name.as_deref();
        cx.session.take_if(|session| !session.fits(&cx.config, name));
        let session_id = cx.session.as_ref().map_or_else(Vec::new, |session| session.id().to_vec());
        let offer = Offer { random, extensions, session_id };
        cx.flight.begin(None);
        offer.send(cx, &[]);
        Self::ServerHello { offer, verify_requests: 0 }
    }

    /// What it waits for, for people.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ServerHello { verify_requests: 0, .. } => "waits for ServerHello",
            Self::ServerHello { .. } => "waits for ServerHello, cookie sent",
            Self::Certificate(..) => "waits for Certificate",
            Self::ServerKeyExchange(..) => "waits for ServerKeyExchange",
            Self::RequestOrDone(..) => "waits for CertificateRequest or ServerHelloDone",
            Self::Done(..) => "waits for ServerHelloDone",
            Self::PreSharedExchange(..) => "waits for ServerKeyExchange, pre-shared key",
            Self::PreSharedHint(..) => "waits for ServerKeyExchange or ServerHelloDone, pre-shared key",
            Self::PreSharedDone(..) => "waits for ServerHelloDone, pre-shared key",
            Self::Finished(..) => "waits for Finished",
            Self::Resumed(..) => "waits for Finished, session resumed",
        }
    }

    pub(crate) fn handle(self, cx: &mut Context, message: &Whole) -> Result<Step<Self>, CloseReason> {
        let next = match (self, message.kind) {
            (Self::ServerHello { offer, verify_requests }, MessageType::HELLO_VERIFY_REQUEST)
                if verify_requests < MAX_VERIFY_REQUESTS =>
            {
                repeat_hello(offer, verify_requests, cx, message)?
            }
            (Self::ServerHello { offer, .. }, MessageType::SERVER_HELLO) => {
                let negotiated = server_hello(&offer, cx, message)?;
                match cx.session.take_if(|session| session.id() == negotiated.session_id) {
                    Some(session) => Self::Resumed(resume(session, negotiated, cx)?),
                    None => {
                        cx.session = None;
                        match negotiated.suite.exchange {
                            Exchange::Signed(_) => Self::Certificate(negotiated),
                            Exchange::EphemeralPreShared => Self::PreSharedExchange(negotiated),
                            Exchange::PreShared => Self::PreSharedHint(negotiated),
                        }
                    }
                }
            }
            (Self::Certificate(negotiated), MessageType::CERTIFICATE) => {
                let peer = cx.admit(message)?;
                //= rfc5246#7.4.2-8
                if negotiated.suite.exchange != Exchange::Signed(peer.key.authentication()) {
                    return Err(CloseReason::UnsupportedCertificate);
                }
                cx.add(message);
                Self::ServerKeyExchange(negotiated, peer)
            }
            (Self::ServerKeyExchange(negotiated, peer), MessageType::SERVER_KEY_EXCHANGE) => {
                Self::RequestOrDone(server_key_exchange(negotiated, peer, cx, message)?)
            }
            (Self::RequestOrDone(served), MessageType::CERTIFICATE_REQUEST) => {
                let wanted = certificate_request(cx, message)?;
                cx.add(message);
                Self::Done(served, wanted)
            }
            (Self::RequestOrDone(served), MessageType::SERVER_HELLO_DONE) => {
                Self::Finished(answer(served, CertificateWanted::No, cx, message)?)
            }
            (Self::Done(served, wanted), MessageType::SERVER_HELLO_DONE) => {
                Self::Finished(answer(served, wanted, cx, message)?)
            }
            (
                Self::PreSharedExchange(negotiated) | Self::PreSharedHint(negotiated),
                MessageType::SERVER_KEY_EXCHANGE,
            ) => {
                let share = pre_shared::server_key_exchange(&negotiated, cx, message)?;
                Self::PreSharedDone(negotiated, share)
            }
            (Self::PreSharedHint(negotiated), MessageType::SERVER_HELLO_DONE) => {
                Self::Finished(pre_shared::answer(negotiated, None, cx, message)?)
            }
            (Self::PreSharedDone(negotiated, share), MessageType::SERVER_HELLO_DONE) => {
                Self::Finished(pre_shared::answer(negotiated, share, cx, message)?)
            }
            (Self::Finished(keyed), MessageType::FINISHED) => {
                cx.check_finished(message, &keyed.master)?;
                return Ok(Step::Done(Box::new(keyed)));
            }
            (Self::Resumed(keyed), MessageType::FINISHED) => {
                cx.answer_finished(message, &keyed.master)?;
                return Ok(Step::Done(Box::new(keyed)));
            }
            (_, unexpected) => return Err(CloseReason::UnexpectedMessage(unexpected)),
        };
        Ok(Step::Next(next))
    }
}

impl Offer {
    fn send(&self, cx: &mut Context, cookie: &[u8]) {
        let suites: Vec<_> = cx.config.suites.iter().map(|suite| suite.0.to_be_bytes()).collect();
        let (Ok(suites), Ok(extensions)) =
            (U16List::new(suites.as_flattened()), Extensions::new(&self.extensions))
        else {
            return;
        };
        let hello = ClientHello {
            version: Version::DTLS_1_2,
            random: &self.random,
            session_id: &self.session_id,
            cookie,
            suites,
            compression: &[0],
            extensions,
        };
        cx.send(MessageType::CLIENT_HELLO, |out| hello.encode(out));
    }
}

pub(crate) fn offered_extensions(config: &Config) -> Vec<u8> {
    let mut out = Vec::new();
    extension::put(&mut out, ExtensionType::EXTENDED_MASTER_SECRET, |_| ());
    extension::put(&mut out, ExtensionType::RENEGOTIATION_INFO, |out| out.push(0));
    if config.has_suite(Exchange::is_ephemeral) {
        extension::put(&mut out, ExtensionType::SUPPORTED_GROUPS, |out| {
            extension::put_u16_list(out, config.groups.iter().map(|group| group.0));
        });
        extension::put(&mut out, ExtensionType::EC_POINT_FORMATS, |out| out.extend([1, UNCOMPRESSED]));
    }
    let is_signed = config.has_suite(|exchange| matches!(exchange, Exchange::Signed(_)));
    if is_signed {
        extension::put(&mut out, ExtensionType::SIGNATURE_ALGORITHMS, |out| {
            extension::put_u16_list(out, config.signature_schemes.iter().map(|scheme| scheme.0));
        });
    }
    if is_signed && !config.certificate_schemes.is_empty() {
        extension::put(&mut out, ExtensionType::SIGNATURE_ALGORITHMS_CERT, |out| {
            extension::put_u16_list(out, config.certificate_schemes.iter().map(|scheme| scheme.0));
        });
    }
    if let Some(name) = &config.server_name {
        extension::put(&mut out, ExtensionType::SERVER_NAME, |out| {
            ServerName { host_name: Some(name) }.encode(out);
        });
    }
    if !config.application_protocols.is_empty() {
        extension::put(&mut out, ExtensionType::APPLICATION_PROTOCOLS, |out| {
            put_protocols(out, config.application_protocols.iter().map(Vec::as_slice));
        });
    }
    if !config.srtp_profiles.is_empty() {
        extension::put(&mut out, ExtensionType::USE_SRTP, |out| {
            extension::put_u16_list(out, config.srtp_profiles.iter().map(|profile| profile.0));
            put_vec::<1>(out, |out| out.extend_from_slice(&config.srtp_mki));
        });
    }
    Terms::put(config, None, &mut out);
    out
}

/// Flight 3: the same hello with the cookie. The first exchange is in no transcript.
//= rfc6347#4.2.1-6
fn repeat_hello(
    offer: Offer,
    verify_requests: u8,
    cx: &mut Context,
    message: &Whole,
) -> Result<State, CloseReason> {
    let request = HelloVerifyRequest::parse(&message.body).map_err(malformed(message.kind))?;
    cx.transcript = Transcript::default();
    cx.flight.begin(Some(message.sequence));
    offer.send(cx, request.cookie);
    Ok(State::ServerHello { offer, verify_requests: verify_requests + 1 })
}

fn server_hello(offer: &Offer, cx: &mut Context, message: &Whole) -> Result<Negotiated, CloseReason> {
    let kind = message.kind;
    let hello = ServerHello::parse(&message.body).map_err(malformed(kind))?;
    if hello.version != Version::DTLS_1_2 {
        return Err(CloseReason::Version);
    }
    let offered = cx.config.suites.contains(&hello.suite).then(|| hello.suite.suite()).flatten();
    let suite = offered.ok_or(CloseReason::IllegalParameter("a suite that was not offered"))?;
    if hello.compression != 0 {
        return Err(CloseReason::IllegalParameter("compression that was not offered"));
    }
    let offered = Extensions::new(&offer.extensions).unwrap_or(Extensions::NONE);
    let unoffered = hello.extensions.iter().find(|(extension, _)| offered.find(*extension).is_none());
    if let Some((extension, _)) = unoffered {
        return Err(CloseReason::UnofferedExtension(extension));
    }
    let extended = check_common(&hello.extensions, &cx.config, kind)?;
    let (srtp_profile, mki) = chosen_srtp(&hello.extensions, &cx.config, extended)?;
    let protocol = chosen_protocol(&hello.extensions, &cx.config)?;
    cx.layer.agree(Terms::settle(&cx.config, &hello.extensions, kind)?);
    cx.transcript.choose(suite.hash);
    cx.add(message);
    let randoms = Randoms { client: offer.random, server: *hello.random };
    let session_id = hello.session_id.to_vec();
    Ok(Negotiated { randoms, suite, extended, srtp_profile, mki, protocol, server_name: None, session_id })
}

/// The server goes on with the session: it is what it was.
fn resume(session: Session, negotiated: Negotiated, cx: &mut Context) -> Result<Keyed, CloseReason> {
    //= rfc7627#5.3-10
    if !negotiated.extended {
        session.end();
        return Err(CloseReason::NoExtendedMasterSecret);
    }
    if negotiated.suite.id != session.suite().id {
        session.end();
        return Err(CloseReason::IllegalParameter("not the suite of the session"));
    }
    Ok(cx.resume(session, negotiated))
}

/// The server's profile and identifier: one profile of ours, and our identifier or none.
fn chosen_srtp(
    extensions: &Extensions<'_>,
    config: &Config,
    extended: bool,
) -> Result<(Option<SrtpProfile>, Vec<u8>), CloseReason> {
    let Some(answer) = find_srtp(extensions, MessageType::SERVER_HELLO)? else {
        return Ok((None, Vec::new()));
    };
    let illegal = CloseReason::IllegalParameter("use_srtp is not what was offered");
    let mut profiles = answer.profiles.iter().map(SrtpProfile);
    let (Some(profile), None) = (profiles.next(), profiles.next()) else { return Err(illegal) };
    //= rfc5764#4.1.3-5
    let known = answer.mki.is_empty() || answer.mki == config.srtp_mki;
    if !config.srtp_profiles.contains(&profile) || !known {
        return Err(illegal);
    }
    // Keys for SRTP are exported, which needs it.
    if !extended {
        return Err(CloseReason::NoExtendedMasterSecret);
    }
    Ok((Some(profile), answer.mki.to_vec()))
}

/// The server's application protocol: one of ours.
fn chosen_protocol(extensions: &Extensions<'_>, config: &Config) -> Result<Option<usize>, CloseReason> {
    let Some(content) = extensions.find(ExtensionType::APPLICATION_PROTOCOLS) else { return Ok(None) };
    let answer = ApplicationProtocols::parse(content).and_then(ApplicationProtocols::only);
    let name = answer.map_err(malformed(MessageType::SERVER_HELLO))?;
    let index = config.application_protocols.iter().position(|offered| offered == name);
    index.map(Some).ok_or(CloseReason::IllegalParameter("an application protocol that was not offered"))
}

fn server_key_exchange(
    negotiated: Negotiated,
    peer: PeerIdentity,
    cx: &mut Context,
    message: &Whole,
) -> Result<Served, CloseReason> {
    let exchange = ServerKeyExchange::parse(&message.body).map_err(malformed(message.kind))?;
    if !cx.config.groups.contains(&exchange.group) {
        return Err(CloseReason::IllegalParameter("a group that was not offered"));
    }
    let signed = signed_key_exchange(&negotiated.randoms, exchange.group, exchange.public_key);
    cx.verify(&peer, exchange.signed, &signed).map_err(refused(message.kind))?;
    cx.add(message);
    Ok(Served { negotiated, peer, group: exchange.group, public_key: exchange.public_key.to_vec() })
}

fn certificate_request(cx: &Context, message: &Whole) -> Result<CertificateWanted, CloseReason> {
    let request = CertificateRequest::parse(&message.body).map_err(malformed(message.kind))?;
    let Some(identity) = &cx.config.identity else { return Ok(CertificateWanted::OfAnotherKind) };
    let key = identity.key();
    let kind = match key.authentication() {
        Authentication::Ecdsa => ClientCertificateType::ECDSA_SIGN,
        Authentication::Rsa => ClientCertificateType::RSA_SIGN,
    };
    let scheme = key.schemes().iter().find(|scheme| request.signature_algorithms.contains(scheme.0));
    Ok(match scheme {
        Some(scheme) if request.certificate_types.contains(&kind.0) => CertificateWanted::Yes(*scheme),
        _ => CertificateWanted::OfAnotherKind,
    })
}

/// Flight 5.
fn answer(
    served: Served,
    wanted: CertificateWanted,
    cx: &mut Context,
    message: &Whole,
) -> Result<Keyed, CloseReason> {
    Reader::new(&message.body).finish().map_err(malformed(message.kind))?;
    cx.add(message);
    let Served { negotiated, peer, group, public_key } = served;
    let answered = key_exchange::answer(&cx.config.backend, group, &public_key, &mut cx.rng);
    let (public_key, premaster) = answered.map_err(refused(MessageType::SERVER_KEY_EXCHANGE))?;
    cx.flight.begin(Some(message.sequence));
    match wanted {
        CertificateWanted::No => {}
        CertificateWanted::Yes(_) => cx.send_certificate(),
        CertificateWanted::OfAnotherKind => cx.send(MessageType::CERTIFICATE, |out| encode_chain([], out)),
    }
    cx.send(MessageType::CLIENT_KEY_EXCHANGE, |out| {
        put_vec::<1>(out, |out| out.extend_from_slice(&public_key));
    });
    let master = cx.make_keys(&premaster, &negotiated);
    if let CertificateWanted::Yes(scheme) = wanted {
        let signature = cx.sign_transcript(scheme)?;
        let signed = DigitallySigned { scheme, signature: &signature };
        cx.send(MessageType::CERTIFICATE_VERIFY, |out| signed.encode(out));
    }
    cx.transcript.forget_messages();
    cx.send_finished(&master);
    let (peer_fingerprint, peer_chain) = (Some(peer.fingerprint), peer.chain);
    let showed = matches!(wanted, CertificateWanted::Yes(_));
    Ok(Keyed {
        negotiated,
        group: Some(group),
        master,
        peer_fingerprint,
        peer_chain,
        showed,
        shared: None,
        resumed: false,
    })
}

#[cfg(test)]
mod tests;
