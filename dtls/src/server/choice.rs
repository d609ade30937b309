//! What the server chooses from the client's hello, by its own preference.

use crate::config::Config;
use crate::context::{Negotiated, check_common, find_srtp, malformed};
use crate::crypto::signing::SigningKey;
use crate::crypto::suite::{Exchange, Suite};
use crate::crypto::{CipherSuite, NamedGroup, SignatureScheme};
use crate::event::CloseReason;
use crate::extension::{
    ApplicationProtocols, ExtensionType, Extensions, ServerName, SrtpProfile, parse_u16_list,
};
use crate::handshake::{ClientHello, MessageType};
use crate::keys::Randoms;
use crate::session::Session;
use crate::wire::U16List;

/// What is chosen from the client's hello.
pub(super) struct Choice {
    pub(super) suite: &'static Suite,
    pub(super) means: Means,
    pub(super) srtp_profile: Option<SrtpProfile>,
    pub(super) mki: Vec<u8>,
    pub(super) protocol: Option<usize>,
    pub(super) server_name: Option<String>,
    /// Which extensions the answer has: only what the client knows.
    pub(super) extended: bool,
    pub(super) renegotiation_info: bool,
    pub(super) point_formats: bool,
    pub(super) session_id: Vec<u8>,
}

/// What a full handshake with the suite takes besides it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Means {
    /// A group, and what we sign our key share with.
    Signed(NamedGroup, SignatureScheme),
    /// A group.
    Ephemeral(NamedGroup),
    /// Nothing; so it is with a session, too.
    Nothing,
}

impl Means {
    pub(super) const fn group(self) -> Option<NamedGroup> {
        match self {
            Self::Signed(group, _) | Self::Ephemeral(group) => Some(group),
            Self::Nothing => None,
        }
    }
}

impl Choice {
    pub(super) fn negotiated(self, hello: &ClientHello<'_>, random: [u8; 32]) -> Negotiated {
        let Self { suite, extended, srtp_profile, mki, protocol, server_name, session_id, .. } = self;
        let randoms = Randoms { client: *hello.random, server: random };
        Negotiated { randoms, suite, extended, srtp_profile, mki, protocol, server_name, session_id }
    }
}

/// Chooses by our own preference, but for the suite of a session. Versions, suites, groups and extensions that we do not
/// know are stepped over.
pub(super) fn choose(
    hello: &ClientHello<'_>,
    config: &Config,
    session: Option<&Session>,
) -> Result<Choice, CloseReason> {
    let kind = MessageType::CLIENT_HELLO;
    if !hello.version.allows_1_2() {
        return Err(CloseReason::Version);
    }
    if !hello.compression.contains(&0) {
        return Err(CloseReason::IllegalParameter("no null compression"));
    }
    let extended = check_common(&hello.extensions, config, kind)?;
    let (suite, means) = match session {
        Some(session) => (session.suite(), Means::Nothing),
        None => choose_suite(hello, config)?,
    };
    let offered = find_srtp(&hello.extensions, kind)?;
    let is_offered = |profile: &&SrtpProfile| offered.is_some_and(|offer| offer.profiles.contains(profile.0));
    // Keys for SRTP are exported, which needs the extended master secret.
    let srtp_profile = config.srtp_profiles.iter().find(is_offered).copied().filter(|_| extended);
    let mki = offered.map(|offer| offer.mki).filter(|_| config.accept_srtp_mki).unwrap_or_default();
    let has = |extension| hello.extensions.find(extension).is_some();
    Ok(Choice {
        suite,
        means,
        srtp_profile,
        mki: if srtp_profile.is_some() { mki.to_vec() } else { Vec::new() },
        protocol: choose_protocol(&hello.extensions, config)?,
        server_name: called(hello)?,
        extended,
        renegotiation_info: has(ExtensionType::RENEGOTIATION_INFO)
            || hello.suites.contains(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV.0),
        point_formats: has(ExtensionType::EC_POINT_FORMATS) && suite.exchange.is_ephemeral(),
        session_id: Vec::new(),
    })
}

/// What the client calls us.
pub(super) fn called(hello: &ClientHello<'_>) -> Result<Option<String>, CloseReason> {
    let name = hello.extensions.find(ExtensionType::SERVER_NAME).map(ServerName::parse);
    let name = name.transpose().map_err(malformed(MessageType::CLIENT_HELLO))?;
    Ok(name.and_then(|name| name.host_name).map(str::to_owned))
}

/// Our first suite that the client has, together with what it takes. If nothing goes, the reason is that of the first.
fn choose_suite(hello: &ClientHello<'_>, config: &Config) -> Result<(&'static Suite, Means), CloseReason> {
    let list = |extension| {
        let content = hello.extensions.find(extension).map(parse_u16_list);
        content.transpose().map_err(malformed(MessageType::CLIENT_HELLO))
    };
    let (groups, schemes) =
        (list(ExtensionType::SUPPORTED_GROUPS)?, list(ExtensionType::SIGNATURE_ALGORITHMS)?);
    let mut fault = None;
    let common = config.suites.iter().filter(|suite| hello.suites.contains(suite.0));
    for suite in common.filter_map(|suite| suite.suite()) {
        let means = match suite.exchange {
            Exchange::PreShared => Ok(Means::Nothing),
            Exchange::EphemeralPreShared => choose_group(groups, config).map(Means::Ephemeral),
            Exchange::Signed(authentication) => {
                let key = config.identity.as_ref().map(|identity| identity.key());
                let Some(key) = key.filter(|key| key.authentication() == authentication) else { continue };
                choose_signed(groups, schemes, key, config)
            }
        };
        match means {
            Ok(means) => return Ok((suite, means)),
            Err(reason) => fault = fault.or(Some(reason)),
        }
    }
    Err(fault.unwrap_or(CloseReason::NothingInCommon("cipher suite")))
}

/// The group of the key exchange, and what we sign it with.
fn choose_signed(
    groups: Option<U16List<'_>>,
    schemes: Option<U16List<'_>>,
    key: &SigningKey,
    config: &Config,
) -> Result<Means, CloseReason> {
    //= rfc8422#5.1-6
    if let (Some(groups), Some(curve)) = (groups, key.curve())
        && !groups.contains(curve.0)
    {
        return Err(CloseReason::NothingInCommon("curve of our certificate"));
    }
    let group = choose_group(groups, config)?;
    // Who names none means SHA-1, which we do not do; RFC 5246 section 7.4.1.4.1.
    let scheme =
        key.schemes().iter().find(|scheme| schemes.is_some_and(|schemes| schemes.contains(scheme.0)));
    let scheme = scheme.ok_or(CloseReason::NothingInCommon("signature algorithm"))?;
    Ok(Means::Signed(group, *scheme))
}

fn choose_group(groups: Option<U16List<'_>>, config: &Config) -> Result<NamedGroup, CloseReason> {
    let group = match groups {
        Some(groups) => config.groups.iter().find(|group| groups.contains(group.0)),
        // Who names none can do any; RFC 8422 section 4. Nobody lacks P-256.
        None => config.groups.iter().find(|group| **group == NamedGroup::SECP256R1).or(config.groups.first()),
    };
    group.copied().ok_or(CloseReason::NothingInCommon("group"))
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
