//! How the other side is reached.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::NegotiationError;
use super::super::config::Rules;
use super::Remote;
use crate::attribute::{Candidate, Crypto, Fingerprint, IcePassword, IceUfrag, Rtcp, Setup, TlsId};
use crate::document::{self, Document};

/// How the other side is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteTransport {
    /// The user name's fragment.
    pub ufrag: String,
    /// The password.
    pub password: String,
    /// It does only the lite part of ICE.
    pub ice_lite: bool,
    /// It may send candidates later.
    pub trickle: bool,
    /// The hashes of the certificate that it will show: any of them may be used.
    pub fingerprints: Vec<Fingerprint>,
    /// Who begins the handshake, in its words.
    pub setup: Setup,
    /// Candidates: values of `a=candidate`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
    /// The name of its DTLS association, where it gives one (RFC 8842).
    pub tls_id: Option<String>,
    /// Its default address is not among its candidates: something on the way has changed it; RFC 8839 section 4.2.5.
    pub ice_mismatch: bool,
    /// Its default address, as it stands in `c=`; what counts where it does no ICE.
    pub address: String,
    /// Its default port; what counts where it does no ICE.
    pub port: u16,
    /// Where it takes RTCP, if not on the next port: address and port.
    pub rtcp: Option<(String, u16)>,
    /// Keys in the description: values of `a=crypto` (RFC 4568).
    pub(in crate::negotiation) keys: Vec<String>,
}

impl RemoteTransport {
    /// Whether it does ICE; `ufrag` and `password` are empty where it does not.
    pub fn does_ice(&self) -> bool {
        !self.ufrag.is_empty()
    }

    /// Whether its certificates are said, so that DTLS can be done.
    pub fn does_dtls(&self) -> bool {
        !self.fingerprints.is_empty()
    }
}

/// Keys in the description that are kept, each of 512 octets.
const MAX_KEYS: usize = 16;
/// Octets of one.
const MAX_KEY_LEN: usize = 512;

/// Fingerprints kept for the transport; browsers offer one.
const MAX_FINGERPRINTS: usize = 16;

/// The transport that these sections share: that of the first, else that of the first of their bundle which gives one.
pub(in crate::negotiation) fn transport(
    document: &Document<'_>,
    remote: &Remote,
    carried: &[usize],
    rules: Rules,
) -> Result<Option<RemoteTransport>, NegotiationError> {
    let Some(first) = carried.first() else { return Ok(None) };
    // The section that speaks for a bundle may be one that is not carried.
    let bundle = remote.media.get(*first).and_then(|media| media.group);
    let bundle = bundle.and_then(|group| remote.groups.get(group)).map_or(carried, |group| group);
    let sections: Vec<document::Section<'_>> = document.media().collect();
    let has = |number: &&usize| sections.get(**number).is_some_and(|section| section.has("ice-ufrag"));
    let speaker = core::iter::once(first).chain(bundle).find(has).unwrap_or(first);
    let Some((section, media)) = sections.get(*speaker).zip(remote.media.get(*speaker)) else {
        return Ok(None);
    };
    read_transport(document, *section, media.line, rules).map(Some)
}

fn read_transport(
    document: &Document<'_>,
    section: document::Section<'_>,
    line: usize,
    rules: Rules,
) -> Result<RemoteTransport, NegotiationError> {
    let session = document.session();
    let missing = |what| NegotiationError::Missing { line, what };
    // What is said for the section counts, else what is said for all.
    let ufrag = section.attribute::<IceUfrag<'_>>()?.or(session.attribute()?);
    let password = section.attribute::<IcePassword<'_>>()?.or(session.attribute()?);
    let setup = section.attribute::<Setup>()?.or(session.attribute()?);
    let tls_id = section.attribute::<TlsId<'_>>()?.or(session.attribute()?);
    let fingerprints = fingerprints(section, session);
    if rules == Rules::WebRtc || ufrag.is_some() || password.is_some() {
        ufrag.ok_or(missing("a=ice-ufrag"))?;
        password.ok_or(missing("a=ice-pwd"))?;
    }
    if rules == Rules::WebRtc && fingerprints.is_empty() {
        return Err(missing("an a=fingerprint with SHA-256, SHA-384 or SHA-512"));
    }
    if setup == Some(Setup::HoldConn) {
        let reason = "a=setup:holdconn is not for DTLS";
        return Err(NegotiationError::Mismatch { line, reason });
    }
    let options = [session.value("ice-options"), section.value("ice-options")];
    let option =
        |name: &str| options.into_iter().flatten().any(|list| list.split(' ').any(|option| option == name));
    let candidates: Vec<String> = section
        .attributes()
        .filter(|attribute| attribute.name == "candidate")
        .filter_map(|attribute| attribute.value.map(ToOwned::to_owned))
        .collect();
    let address = section.connection().or(session.connection()).map_or("", |connection| connection.base());
    let port = section.media().map_or(0, |media| media.port);
    let rtcp = section.attribute::<Rtcp<'_>>().ok().flatten();
    Ok(RemoteTransport {
        ufrag: ufrag.map_or(String::new(), |ufrag| ufrag.0.to_owned()),
        password: password.map_or(String::new(), |password| password.0.to_owned()),
        ice_lite: session.has("ice-lite") || section.has("ice-lite"),
        trickle: option("trickle"),
        fingerprints,
        // RFC 8842 section 5.3: an offer says actpass, and whoever says nothing means active.
        setup: setup.unwrap_or(Setup::Active),
        ice_mismatch: section.has("ice-mismatch") || is_mismatch(section, address, port),
        candidates,
        end_of_candidates: section.has("end-of-candidates") || session.has("end-of-candidates"),
        tls_id: tls_id.map(|id| id.0.to_owned()),
        address: address.to_owned(),
        port,
        rtcp: rtcp
            .map(|rtcp| (rtcp.address.map_or(address, |(_, _, address)| address).to_owned(), rtcp.port)),
        keys: section
            .all::<Crypto<'_>>()
            .filter_map(Result::ok)
            .map(|crypto| alloc::format!("{crypto}"))
            .filter(|text| text.len() <= MAX_KEY_LEN)
            .take(MAX_KEYS)
            .collect(),
    })
}

/// Those of the section, else those of the session.
fn fingerprints(section: document::Section<'_>, session: document::Section<'_>) -> Vec<Fingerprint> {
    let all = |section: document::Section<'_>| -> Vec<Fingerprint> {
        section.all::<Fingerprint>().filter_map(Result::ok).take(MAX_FINGERPRINTS).collect()
    };
    let own = all(section);
    if own.is_empty() { all(session) } else { own }
}

/// Whether the default address is none of the candidates; RFC 8839 section 4.2.5. Names, and the address that means that
/// nothing has been gathered yet, prove nothing.
fn is_mismatch(section: document::Section<'_>, address: &str, port: u16) -> bool {
    let mut candidates = section.all::<Candidate<'_>>().filter_map(Result::ok).peekable();
    let nowhere = port == 0 || (port == 9 && matches!(address, "0.0.0.0" | "::"));
    let numeric = address.parse::<core::net::IpAddr>().is_ok();
    let has_any = candidates.peek().is_some();
    numeric
        && !nowhere
        && has_any
        && !candidates.any(|candidate| candidate.address == address && candidate.port == port)
}
