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

use rand::Rng;

use crate::certificate::PeerIdentity;
use crate::config::Config;
use crate::context::{
    Context, Keyed, Negotiated, Step, UNCOMPRESSED, check_common, find_srtp, malformed, refused,
    signed_key_exchange,
};
use crate::crypto::key_exchange::EphemeralKey;
use crate::crypto::suite::Suite;
use crate::crypto::{CipherSuite, NamedGroup, SignatureScheme};
use crate::event::CloseReason;
use crate::extension::{
    self, ApplicationProtocols, ExtensionType, Extensions, ServerName, SrtpProfile, parse_u16_list,
    put_protocols,
};
use crate::handshake::{
    CertificateRequest, ClientCertificateType, ClientHello, ClientKeyExchange, DigitallySigned, MessageType,
    ServerHello, ServerKeyExchange,
};
use crate::keys::Randoms;
use crate::layer::Terms;
use crate::reassembly::Whole;
use crate::record::Version;
use crate::wire::{U16List, put_vec};

/// What the server waits for.
pub(crate) enum State {
    ClientHello,
    Certificate(Offered),
    ClientKeyExchange(Offered, Option<PeerIdentity>),
    CertificateVerify(Keyed, PeerIdentity),
    Finished(Keyed),
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
            Self::Finished(..) => "waits for Finished",
        }
    }

    pub(crate) fn handle(self, cx: &mut Context, message: &Whole) -> Result<Step<Self>, CloseReason> {
        let next = match (self, message.kind) {
            (Self::ClientHello, MessageType::CLIENT_HELLO) if cx.asks_for_cookie(message)? => {
                Self::ClientHello
            }
            (Self::ClientHello, MessageType::CLIENT_HELLO) => {
                let offered = client_hello(cx, message)?;
                if cx.config.verifier.is_some() {
                    Self::Certificate(offered)
                } else {
                    Self::ClientKeyExchange(offered, None)
                }
            }
            (Self::Certificate(offered), MessageType::CERTIFICATE) => {
                let peer = cx.admit(message)?;
                cx.add(message);
                Self::ClientKeyExchange(offered, Some(peer))
            }
            (Self::ClientKeyExchange(offered, peer), MessageType::CLIENT_KEY_EXCHANGE) => {
                let fingerprint = peer.as_ref().map(|peer| peer.fingerprint);
                let exchange = ClientKeyExchange::parse(&message.body).map_err(malformed(message.kind))?;
                let Offered { negotiated, key } = offered;
                let group = key.group();
                let premaster = key.agree(exchange.public_key).map_err(refused(message.kind))?;
                cx.add(message);
                let master = cx.make_keys(&premaster, &negotiated);
                let keyed = Keyed { negotiated, group, master, peer_fingerprint: fingerprint };
                match peer {
                    Some(peer) => Self::CertificateVerify(keyed, peer),
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
            (Self::Finished(keyed), MessageType::FINISHED) => {
                cx.check_finished(message, &keyed.master)?;
                cx.flight.begin(Some(message.sequence));
                cx.send_finished(&keyed.master);
                cx.flight.is_last();
                return Ok(Step::Done(Box::new(keyed)));
            }
            (_, unexpected) => return Err(CloseReason::UnexpectedMessage(unexpected)),
        };
        Ok(Step::Next(next))
    }
}

/// What is chosen from the client's hello.
struct Choice {
    suite: &'static Suite,
    group: NamedGroup,
    /// What we sign with.
    scheme: SignatureScheme,
    srtp_profile: Option<SrtpProfile>,
    mki: Vec<u8>,
    protocol: Option<usize>,
    server_name: Option<String>,
    /// Which extensions the answer has: only what the client knows.
    extended: bool,
    renegotiation_info: bool,
    point_formats: bool,
}

/// Flight 4.
fn client_hello(cx: &mut Context, message: &Whole) -> Result<Offered, CloseReason> {
    let hello = ClientHello::parse(&message.body).map_err(malformed(message.kind))?;
    let choice = choose(&hello, &cx.config)?;
    let terms = Terms::settle(&cx.config, &hello.extensions, message.kind)?;
    let key = EphemeralKey::generate(&cx.config.backend, choice.group, &mut cx.rng)
        .ok_or(CloseReason::NothingInCommon("group"))?;
    let mut random = [0; 32];
    cx.rng.fill_bytes(&mut random);
    let randoms = Randoms { client: *hello.random, server: random };

    cx.layer.agree(terms);
    cx.transcript.choose(choice.suite.hash);
    cx.add(message);
    cx.flight.begin(Some(message.sequence));
    send_server_hello(cx, &choice, &hello.extensions, &random);
    cx.send_certificate();
    send_key_exchange(cx, &key, choice.scheme, &randoms)?;
    if cx.config.verifier.is_some() {
        send_certificate_request(cx);
    }
    cx.send(MessageType::SERVER_HELLO_DONE, |_| ());
    if cx.config.verifier.is_none() {
        cx.transcript.forget_messages();
    }
    let Choice { suite, extended, srtp_profile, mki, protocol, server_name, .. } = choice;
    let negotiated = Negotiated { randoms, suite, extended, srtp_profile, mki, protocol, server_name };
    Ok(Offered { negotiated, key })
}

/// Chooses by our own preference. Versions, suites, groups and extensions that we do not know are stepped over.
fn choose(hello: &ClientHello<'_>, config: &Config) -> Result<Choice, CloseReason> {
    let kind = MessageType::CLIENT_HELLO;
    if !hello.version.allows_1_2() {
        return Err(CloseReason::Version);
    }
    if !hello.compression.contains(&0) {
        return Err(CloseReason::IllegalParameter("no null compression"));
    }
    let extended = check_common(&hello.extensions, config, kind)?;
    let key = config.identity.key();
    let suite = config.suites.iter().filter(|suite| hello.suites.contains(suite.0));
    let suite =
        suite.filter_map(|suite| suite.suite()).find(|suite| suite.authentication == key.authentication());
    let list =
        |extension| hello.extensions.find(extension).map(parse_u16_list).transpose().map_err(malformed(kind));
    let group = match list(ExtensionType::SUPPORTED_GROUPS)? {
        Some(groups) => {
            //= rfc8422#5.1-6
            if key.curve().is_some_and(|curve| !groups.contains(curve.0)) {
                return Err(CloseReason::NothingInCommon("curve of our certificate"));
            }
            config.groups.iter().find(|group| groups.contains(group.0))
        }
        // Who names none can do any; RFC 8422 section 4. Nobody lacks P-256.
        None => config.groups.iter().find(|group| **group == NamedGroup::SECP256R1).or(config.groups.first()),
    };
    // Who names none means SHA-1, which we do not do; RFC 5246 section 7.4.1.4.1.
    let schemes = list(ExtensionType::SIGNATURE_ALGORITHMS)?;
    let scheme =
        key.schemes().iter().find(|scheme| schemes.is_some_and(|schemes| schemes.contains(scheme.0)));
    let offered = find_srtp(&hello.extensions, kind)?;
    let is_offered = |profile: &&SrtpProfile| offered.is_some_and(|offer| offer.profiles.contains(profile.0));
    // Keys for SRTP are exported, which needs the extended master secret.
    let srtp_profile = config.srtp_profiles.iter().find(is_offered).copied().filter(|_| extended);
    let mki = offered.map(|offer| offer.mki).filter(|_| config.accept_srtp_mki).unwrap_or_default();
    let name = hello.extensions.find(ExtensionType::SERVER_NAME).map(ServerName::parse);
    let name = name.transpose().map_err(malformed(kind))?;
    let has = |extension| hello.extensions.find(extension).is_some();
    Ok(Choice {
        suite: suite.ok_or(CloseReason::NothingInCommon("cipher suite"))?,
        group: *group.ok_or(CloseReason::NothingInCommon("group"))?,
        scheme: *scheme.ok_or(CloseReason::NothingInCommon("signature algorithm"))?,
        srtp_profile,
        mki: if srtp_profile.is_some() { mki.to_vec() } else { Vec::new() },
        protocol: choose_protocol(&hello.extensions, config)?,
        server_name: name.and_then(|name| name.host_name).map(str::to_owned),
        extended,
        renegotiation_info: has(ExtensionType::RENEGOTIATION_INFO)
            || hello.suites.contains(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV.0),
        point_formats: has(ExtensionType::EC_POINT_FORMATS),
    })
}

/// Our first choice among the client's protocols.
fn choose_protocol(extensions: &Extensions<'_>, config: &Config) -> Result<Option<usize>, CloseReason> {
    let offered = extensions.find(ExtensionType::APPLICATION_PROTOCOLS).map(ApplicationProtocols::parse);
    let offered = offered.transpose().map_err(malformed(MessageType::CLIENT_HELLO))?;
    match offered {
        Some(offered) if !config.application_protocols.is_empty() => {
            let index =
                config.application_protocols.iter().position(|ours| offered.iter().any(|name| name == ours));
            index.map(Some).ok_or(CloseReason::NoApplicationProtocol)
        }
        _ => Ok(None),
    }
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
        session_id: &[],
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
