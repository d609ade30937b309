//! The server's side of a handshake; RFC 6347 section 4.2.4, figure 1. Flights 2 and 3 are there
//! only if the client's address is not proven, and nobody else has asked for a cookie.
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
//! With a pre-shared key there are no certificates and no signatures; RFC 4279 section 2, RFC 5489 section 2. Without ephemeral
//! keys ServerKeyExchange is there only if there is a hint:
//!
//! ```text
//! flight 4                              <----   ServerHello, [ServerKeyExchange], ServerHelloDone
//! flight 5   ClientKeyExchange, ChangeCipherSpec, Finished                   ---->
//! flight 6                              <----          ChangeCipherSpec, Finished
//! ```
//!
//! If we take up the session that the hello names, the rest is shorter; RFC 5246 section 7.3, figure 2. The last flight is
//! then the client's:
//!
//! ```text
//! flight 4                              <----   ServerHello, ChangeCipherSpec, Finished
//! flight 5   ChangeCipherSpec, Finished                                      ---->
//! ```

mod choice;
mod pre_shared;

use rand::Rng;

use self::choice::{Choice, Means, called, choose};
use crate::certificate::PeerIdentity;
use crate::context::{
    Context, Keyed, Negotiated, Step, UNCOMPRESSED, malformed, refused, signed_key_exchange,
};
use crate::crypto::SignatureScheme;
use crate::crypto::key_exchange::EphemeralKey;
use crate::event::CloseReason;
use crate::extension::{self, ExtensionType, Extensions, put_protocols};
use crate::handshake::{
    CertificateRequest, ClientCertificateType, ClientHello, ClientKeyExchange, DigitallySigned, MessageType,
    ServerHello, ServerKeyExchange,
};
use crate::keys::Randoms;
use crate::layer::Terms;
use crate::reassembly::Whole;
use crate::record::Version;
use crate::session::{ID_LEN, Session};
use crate::wire::{U16List, put_vec};

/// What the server waits for.
pub(crate) enum State {
    ClientHello,
    Certificate(Offered),
    ClientKeyExchange(Offered, Option<PeerIdentity>),
    CertificateVerify(Keyed, PeerIdentity),
    /// With a pre-shared key, and perhaps an ephemeral one.
    PreSharedExchange(Negotiated, Option<EphemeralKey>),
    Finished(Keyed),
    /// We go on with a session.
    Resumed(Keyed),
}

/// What our flight 4 said.
pub(crate) struct Offered {
    negotiated: Negotiated,
    key: EphemeralKey,
}

impl State {
    /// What it waits for, for people.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ClientHello => "waits for ClientHello",
            Self::Certificate(..) => "waits for Certificate",
            Self::ClientKeyExchange(..) => "waits for ClientKeyExchange",
            Self::CertificateVerify(..) => "waits for CertificateVerify",
            Self::PreSharedExchange(..) => "waits for ClientKeyExchange, pre-shared key",
            Self::Finished(..) => "waits for Finished",
            Self::Resumed(..) => "waits for Finished, session resumed",
        }
    }

    pub(crate) fn handle(self, cx: &mut Context, message: &Whole) -> Result<Step<Self>, CloseReason> {
        let next = match (self, message.kind) {
            (Self::ClientHello, MessageType::CLIENT_HELLO) if cx.asks_for_cookie(message)? => {
                Self::ClientHello
            }
            (Self::ClientHello, MessageType::CLIENT_HELLO) => client_hello(cx, message)?,
            (Self::Certificate(offered), MessageType::CERTIFICATE) => {
                let peer = cx.admit(message)?;
                cx.add(message);
                Self::ClientKeyExchange(offered, Some(peer))
            }
            (Self::ClientKeyExchange(offered, peer), MessageType::CLIENT_KEY_EXCHANGE) => {
                let exchange = ClientKeyExchange::parse(&message.body).map_err(malformed(message.kind))?;
                let Offered { negotiated, key } = offered;
                let group = key.group();
                let premaster = key.agree(exchange.public_key).map_err(refused(message.kind))?;
                cx.add(message);
                let master = cx.make_keys(&premaster, &negotiated);
                let mut keyed = Keyed {
                    negotiated,
                    group: Some(group),
                    master,
                    peer_fingerprint: None,
                    peer_chain: None,
                    showed: true,
                    shared: None,
                    resumed: false,
                };
                match peer {
                    Some(mut peer) => {
                        keyed.peer_fingerprint = Some(peer.fingerprint);
                        keyed.peer_chain = peer.chain.take();
                        Self::CertificateVerify(keyed, peer)
                    }
                    None => Self::Finished(keyed),
                }
            }
            (Self::CertificateVerify(keyed, peer), MessageType::CERTIFICATE_VERIFY) => {
                let signed = DigitallySigned::parse(&message.body).map_err(malformed(message.kind))?;
                cx.verify(&peer, signed, cx.transcript.messages()).map_err(refused(message.kind))?;
                cx.add(message);
                cx.transcript.forget_messages();
                Self::Finished(keyed)
            }
            (Self::PreSharedExchange(negotiated, key), MessageType::CLIENT_KEY_EXCHANGE) => {
                Self::Finished(pre_shared::client_key_exchange(negotiated, key, cx, message)?)
            }
            (Self::Finished(keyed), MessageType::FINISHED) => {
                cx.answer_finished(message, &keyed.master)?;
                return Ok(Step::Done(Box::new(keyed)));
            }
            (Self::Resumed(keyed), MessageType::FINISHED) => {
                cx.check_finished(message, &keyed.master)?;
                return Ok(Step::Done(Box::new(keyed)));
            }
            (_, unexpected) => return Err(CloseReason::UnexpectedMessage(unexpected)),
        };
        Ok(Step::Next(next))
    }
}

/// Flight 4.
fn client_hello(cx: &mut Context, message: &Whole) -> Result<State, CloseReason> {
    let hello = ClientHello::parse(&message.body).map_err(malformed(message.kind))?;
    let session = asked_session(&hello, cx)?;
    let mut choice = choose(&hello, &cx.config, session.as_ref())?;
    let terms = Terms::settle(&cx.config, &hello.extensions, message.kind)?;
    let mut random = [0; 32];
    cx.rng.fill_bytes(&mut random);
    if let Some(session) = session {
        choice.session_id = session.id().to_vec();
        begin(cx, message, &hello, terms, &choice, &random);
        let negotiated = choice.negotiated(&hello, random);
        let keyed = cx.resume(session, negotiated);
        cx.send_finished(&keyed.master);
        return Ok(State::Resumed(keyed));
    }
    let generate = |group| {
        let key = EphemeralKey::generate(&cx.config.backend, group, &mut cx.rng);
        key.ok_or(CloseReason::NothingInCommon("group"))
    };
    let key = choice.means.group().map(generate).transpose()?;
    if cx.config.keeps_sessions() && choice.extended {
        choice.session_id = vec![0; ID_LEN];
        cx.rng.fill_bytes(&mut choice.session_id);
    }
    begin(cx, message, &hello, terms, &choice, &random);
    let means = choice.means;
    let negotiated = choice.negotiated(&hello, random);
    match (means, key) {
        (Means::Signed(_, scheme), Some(key)) => offer_signed(negotiated, key, scheme, cx),
        (_, key) => Ok(pre_shared::offer(negotiated, key, cx)),
    }
}

/// The rest of flight 4, behind the ServerHello, with our certificate.
fn offer_signed(
    negotiated: Negotiated,
    key: EphemeralKey,
    scheme: SignatureScheme,
    cx: &mut Context,
) -> Result<State, CloseReason> {
    cx.send_certificate();
    send_key_exchange(cx, &key, scheme, &negotiated.randoms)?;
    if cx.config.verifier.is_some() {
        send_certificate_request(cx);
    }
    cx.send(MessageType::SERVER_HELLO_DONE, |_| ());
    if cx.config.verifier.is_none() {
        cx.transcript.forget_messages();
    }
    let offered = Offered { negotiated, key };
    Ok(match cx.config.verifier {
        Some(_) => State::Certificate(offered),
        None => State::ClientKeyExchange(offered, None),
    })
}

/// The start of flight 4, whichever it is.
fn begin(
    cx: &mut Context,
    message: &Whole,
    hello: &ClientHello<'_>,
    terms: Terms,
    choice: &Choice,
    random: &[u8; 32],
) {
    cx.layer.agree(terms);
    cx.transcript.choose(choice.suite.hash);
    cx.add(message);
    cx.flight.begin(Some(message.sequence));
    send_server_hello(cx, choice, &hello.extensions, random);
}

/// The session that the client asks for, if we know it and it may be taken up by this client and by us.
fn asked_session(hello: &ClientHello<'_>, cx: &Context) -> Result<Option<Session>, CloseReason> {
    let (Some(cache), Some(now)) = (&cx.config.session_cache, cx.now) else { return Ok(None) };
    let Some(session) = cache.find(now, hello.session_id) else { return Ok(None) };
    //= rfc7627#5.3-6
    //= rfc7627#5.4-6
    if hello.extensions.find(ExtensionType::EXTENDED_MASTER_SECRET).is_none() {
        return Err(CloseReason::NoExtendedMasterSecret);
    }
    let name = called(hello)?;
    let fits = hello.suites.contains(session.suite().id.0) && session.fits(&cx.config, name.as_deref());
    Ok(fits.then_some(session))
}

fn send_server_hello(cx: &mut Context, choice: &Choice, offered: &Extensions<'_>, random: &[u8; 32]) {
    let mut extensions = Vec::new();
    if choice.extended {
        extension::put(&mut extensions, ExtensionType::EXTENDED_MASTER_SECRET, |_| ());
    }
    if choice.renegotiation_info {
        extension::put(&mut extensions, ExtensionType::RENEGOTIATION_INFO, |out| out.push(0));
    }
    if choice.point_formats {
        extension::put(&mut extensions, ExtensionType::EC_POINT_FORMATS, |out| out.extend([1, UNCOMPRESSED]));
    }
    if let Some(profile) = choice.srtp_profile {
        extension::put(&mut extensions, ExtensionType::USE_SRTP, |out| {
            extension::put_u16_list(out, [profile.0]);
            put_vec::<1>(out, |out| out.extend_from_slice(&choice.mki));
        });
    }
    if let Some(name) = choice.protocol.and_then(|index| cx.config.application_protocols.get(index)) {
        extension::put(&mut extensions, ExtensionType::APPLICATION_PROTOCOLS, |out| {
            put_protocols(out, [name.as_slice()]);
        });
    }
    Terms::put(&cx.config, Some(offered), &mut extensions);
    let hello = ServerHello {
        version: Version::DTLS_1_2,
        random,
        session_id: &choice.session_id,
        suite: choice.suite.id,
        compression: 0,
        extensions: Extensions::new(&extensions).unwrap_or(Extensions::NONE),
    };
    cx.send(MessageType::SERVER_HELLO, |out| hello.encode(out));
}

fn send_key_exchange(
    cx: &mut Context,
    key: &EphemeralKey,
    scheme: SignatureScheme,
    randoms: &Randoms,
) -> Result<(), CloseReason> {
    let mut public_key = Vec::new();
    key.put_public_key(&mut public_key);
    let signed = signed_key_exchange(randoms, key.group(), &public_key);
    let signature = cx.sign(scheme, &signed)?;
    let exchange = ServerKeyExchange {
        group: key.group(),
        public_key: &public_key,
        signed: DigitallySigned { scheme, signature: &signature },
    };
    cx.send(MessageType::SERVER_KEY_EXCHANGE, |out| exchange.encode(out));
    Ok(())
}

fn send_certificate_request(cx: &mut Context) {
    let schemes = &cx.config.signature_schemes;
    let rsa = schemes.iter().filter(|scheme| scheme.is_rsa()).count();
    let certificate_types = match (rsa < schemes.len(), rsa > 0) {
        (true, false) => &[ClientCertificateType::ECDSA_SIGN.0][..],
        (false, true) => &[ClientCertificateType::RSA_SIGN.0],
        _ => &[ClientCertificateType::ECDSA_SIGN.0, ClientCertificateType::RSA_SIGN.0],
    };
    let schemes: Vec<_> = schemes.iter().map(|scheme| scheme.0.to_be_bytes()).collect();
    let Ok(signature_algorithms) = U16List::new(schemes.as_flattened()) else { return };
    let request = CertificateRequest { certificate_types, signature_algorithms, authorities: &[] };
    cx.send(MessageType::CERTIFICATE_REQUEST, |out| request.encode(out));
}
