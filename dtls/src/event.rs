//! State changes, told to the caller.

use std::fmt;
use std::net::SocketAddr;

use crate::alert::AlertDescription;
use crate::certificate::{Fingerprint, Rejection};
use crate::crypto::{CipherSuite, NamedGroup};
use crate::error::ParseError;
use crate::extension::SrtpProfile;
use crate::handshake::MessageType;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete and the peer verified: data can flow, keys can be exported.
    Connected(Connected),
    /// The newest authentic record came from another address than the ones before: the peer has moved, or somebody has
    /// readdressed its datagrams. RFC 9146 section 6 asks for proof that the peer is there, such as a ping that is answered,
    /// before payload is sent there.
    PeerMoved(SocketAddr),
    /// It is over.
    Closed(CloseReason),
}

/// What a handshake agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The cipher suite.
    pub suite: CipherSuite,
    /// The group of the key exchange; `None` if there was no other key than the pre-shared one.
    pub group: Option<NamedGroup>,
    /// The profile for SRTP, if one was agreed on.
    pub srtp_profile: Option<SrtpProfile>,
    /// The SHA-256 fingerprint of the peer's certificate; `None` if it was not asked for one, or has shown a pre-shared key
    /// instead: see [`crate::Connection::psk_identity`].
    pub peer_fingerprint: Option<Fingerprint>,
    /// An earlier session was taken up: keys are new, the peer is the one that showed its certificate or key then.
    pub resumed: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    #[error("closed here")]
    Local,
    /// The peer closed it: close_notify; RFC 5246 section 7.2.1.
    #[error("closed by the peer")]
    Peer,
    /// The peer gave up with a fatal alert; RFC 5246 section 7.2.2.
    #[error("the peer sent {0}")]
    PeerAlert(AlertDescription),
    /// The handshake was not complete in time.
    #[error("the handshake was not complete in time")]
    Timeout {
        /// A fatal alert that came unprotected when there were keys already. Anybody can have sent it, so it ended
        /// nothing, but it may tell why there was no answer.
        unauthenticated_alert: Option<AlertDescription>,
    },
    /// The handshake with a pre-shared key was not complete in time, and its keys did not prove themselves: what the peer sent
    /// under them could not be opened, or it did not answer what we sent under them. Records that cannot be opened are dropped
    /// in silence (RFC 6347 section 4.1.2.7), and a server does not say that it lacks the key (RFC 4279 section 2), so that
    /// this is all there is to tell that the keys differ.
    #[error("no record under the keys was understood in time: perhaps the pre-shared keys differ")]
    KeysDiffer {
        /// As in [`CloseReason::Timeout`].
        unauthenticated_alert: Option<AlertDescription>,
    },
    /// A message broke its format; RFC 5246 section 7.2.2, decode_error.
    #[error("{message}: {fault}")]
    Malformed {
        /// The message.
        message: MessageType,
        /// What is wrong with it.
        fault: ParseError,
    },
    /// With this message, those of the handshake are longer together than twice
    /// [`crate::Config::max_handshake_buffer`].
    #[error("the handshake is too long with its {0}")]
    TooLong(MessageType),
    /// A message came that does not belong to the state; RFC 5246 section 7.3.
    #[error("{0} does not belong here")]
    UnexpectedMessage(MessageType),
    /// The peer cannot do DTLS 1.2; RFC 6347 section 4.2.1.
    #[error("the peer does not do DTLS 1.2")]
    Version,
    /// No cipher suite, group, signature algorithm or compression method in common; RFC 5246 section 7.4.1.
    #[error("nothing in common: {0}")]
    NothingInCommon(&'static str),
    /// The server chose what was not offered, or a value contradicts another; RFC 5246 section 7.2.2.
    #[error("illegal parameter: {0}")]
    IllegalParameter(&'static str),
    /// The server answered with an extension that was not offered; RFC 5246 section 7.4.1.4.
    #[error("extension {0} was not offered")]
    UnofferedExtension(crate::extension::ExtensionType),
    /// No extended master secret, without which keys are not bound to the handshake; RFC 7627 section 5.
    #[error("the peer does not do the extended master secret")]
    NoExtendedMasterSecret,
    /// The client offers application protocols, and none of ours is among them; RFC 7301 section 3.2.
    #[error("no application protocol in common")]
    NoApplicationProtocol,
    /// The peer speaks of an earlier handshake that there was not; RFC 5746 section 3.
    #[error("the renegotiation info is not empty")]
    Renegotiation,
    /// The peer showed no certificate.
    #[error("the peer has no certificate")]
    NoCertificate,
    /// The peer's certificate cannot be read.
    #[error("the peer's certificate is malformed")]
    BadCertificate,
    /// The peer's certificate has a key that we cannot verify with.
    #[error("the peer's certificate has an unsupported key")]
    UnsupportedCertificate,
    /// The peer's certificate is not the right one.
    #[error("{0}")]
    Rejected(Rejection),
    /// A signature does not verify, so the peer does not have the key of its certificate.
    #[error("the signature in {0} does not verify")]
    BadSignature(MessageType),
    /// The peer's Finished is not that of our handshake: somebody changed it on the way.
    #[error("the handshake was tampered with")]
    BadFinished,
    /// The holder of our private key did not sign; see [`crate::Signer`].
    #[error("our key does not sign")]
    SigningFailed,
    /// The keys have protected, or failed to open, as much as is safe; RFC 6347 section 4.1, RFC 9147 section 4.5.3.
    #[error("the keys are used up")]
    KeysExhausted,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.suite)?;
        self.group.map_or(Ok(()), |group| write!(f, " {group}"))?;
        self.srtp_profile.map_or(Ok(()), |profile| write!(f, " {profile}"))?;
        if self.resumed { f.write_str(" resumed") } else { Ok(()) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(connected) => write!(f, "connected: {connected}"),
            Self::PeerMoved(address) => write!(f, "the peer is at {address}"),
            Self::Closed(reason) => write!(f, "closed: {reason}"),
        }
    }
}

/// Events that wait to be taken: at most one of each kind.
#[derive(Debug, Default)]
pub(crate) struct Events {
    connected: Option<Connected>,
    moved: Option<SocketAddr>,
    closed: Option<CloseReason>,
}

impl Events {
    pub(crate) fn connected(&mut self, connected: Connected) {
        self.connected = Some(connected);
    }

    pub(crate) fn moved(&mut self, address: SocketAddr) {
        self.moved = Some(address);
    }

    pub(crate) fn closed(&mut self, reason: CloseReason) {
        self.closed = Some(reason);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let connected = self.connected.take().map(Event::Connected);
        let moved = |events: &mut Self| events.moved.take().map(Event::PeerMoved);
        connected.or_else(|| moved(self)).or_else(|| self.closed.take().map(Event::Closed))
    }
}
