//! What can be chosen.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::{Fingerprint, Identity, Verifier};
use crate::crypto::provider::Backend;
use crate::crypto::suite::Exchange;
use crate::crypto::{CipherSuite, NamedGroup, SignatureScheme};
use crate::extension::{ConnectionId, SrtpProfile};
use crate::keys::Role;
use crate::pre_shared_key::{PreSharedKey, PreSharedKeys};
use crate::session::{Session, SessionCache};

/// How a [`crate::Connection`] behaves. Made by one of its constructors, then changed field by field.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Which end we are.
    pub(crate) role: Role,
    /// Our certificate and key; `None` where pre-shared keys do without.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Decides about the peer's certificate. Without one the client is not asked for any; clients lack one only if they lack
    /// a certificate too.
    pub(crate) verifier: Option<Verifier>,
    /// Cipher suites, the first choice first; default [`CipherSuite::SUPPORTED`] and then [`CipherSuite::PRE_SHARED`];
    /// [`CipherSuite::CONSTRAINED`] can be added. Those that are not implemented are left out, and so are those for which
    /// there is no certificate or no pre-shared key. A server uses those that go with its certificate's key.
    pub suites: Vec<CipherSuite>,
    /// Groups for the key exchange, the first choice first; default [`NamedGroup::SUPPORTED`].
    pub groups: Vec<NamedGroup>,
    /// What the peer may sign with, the first choice first; default [`SignatureScheme::SUPPORTED`].
    pub signature_schemes: Vec<SignatureScheme>,
    /// What the peer's certificates may be signed with, where that is something else than `signature_schemes`; default
    /// none, which leaves the extension out. A client says so; nothing here checks it.
    pub certificate_schemes: Vec<SignatureScheme>,
    /// Whether a handshake without the extended master secret fails; default yes (RFC 7627 section 5.2). If it may go on,
    /// there is no exporter without it, and so no keys for SRTP (section 5.4).
    pub require_extended_master_secret: bool,
    /// Names of the protocol above, of 1 to 255 octets, the first choice first; none, the default, leaves the extension
    /// out. A server that has some ends the handshake with a client that offers others only. RFC 7301.
    pub application_protocols: Vec<Vec<u8>>,
    /// The DNS name by which a client calls the server; default none. What is no DNS name, such as an address, is not
    /// sent. RFC 6066 section 3.
    pub server_name: Option<String>,
    /// The master key identifier that a client wants SRTP packets to carry, up to 255 octets; empty, the default, for
    /// none. RFC 5764 section 4.1.3.
    pub srtp_mki: Vec<u8>,
    /// Whether a server agrees to the client's master key identifier; default no.
    pub accept_srtp_mki: bool,
    /// SRTP profiles, the first choice first; none, the default, leaves `use_srtp` out. RFC 5764 section 4.1.1.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Time after which a flight is sent again for the first time, 1 ms to 60 s, default 1 s (RFC 6347 section 4.2.4.1).
    /// Doubles with each repetition up to 60 s. Who knows the round trip, as with ICE, takes somewhat more than it, and
    /// 50 ms or more.
    pub initial_timeout: Duration,
    /// Time within which the handshake must be complete, counted from the first datagram sent or received, and anew from
    /// the hello that a server goes along with; 1 ms or more, default 60 s.
    pub handshake_timeout: Duration,
    /// Octets of the greatest datagram that the handshake sends, 256 to 65507, default 1200. Flights that stay without
    /// an answer twice go on in smaller ones. With a connection id of more than 194 octets a Finished is longer than 256.
    pub path_mtu: usize,
    /// Whether the peer's address is proven by other means, as ICE does; default no. A server sends no more than three
    /// times what it received until it is, or until the client has shown keys. Clients do not need it.
    pub address_validated: bool,
    /// Whether a server asks a client whose address is not proven for a cookie before it does any work for it; default
    /// yes (RFC 6347 section 4.2.1). It costs a round trip. A [`crate::CookieGate`] does it without a connection.
    pub cookies: bool,
    /// Records behind the newest that still count, however late they come; 32 to 4096, default 64 (RFC 6347 section
    /// 4.1.2.6). An octet for eight of them, and up to as much again.
    pub replay_window: u16,
    /// The longest plaintext of a protected record that we take; octets, 64 to 16384, default 16384. Peers that know RFC
    /// 8449 keep to it.
    pub record_size_limit: u16,
    /// What the peer shall put into its records, so that they find this connection wherever they come from; RFC 9146. Empty:
    /// nothing, but it may have its own id in ours. `None`, the default: no ids at all.
    pub connection_id: Option<ConnectionId>,
    /// The session that a client asks to take up again, from [`crate::Connection::session`]; default none. It is not asked for
    /// by who has another certificate than then, another server name, or a verifier that does not let the server's
    /// certificates in, and the server may not know it any more: then the handshake is a full one.
    pub session: Option<Session>,
    /// Whether a client keeps what it takes to come back to a server that allows it; default no.
    pub keep_session: bool,
    /// Where a server keeps its sessions, so that clients may take them up again; default nowhere.
    pub session_cache: Option<SessionCache>,
    /// The key that a client has with the server; default none, and then no suite of [`CipherSuite::PRE_SHARED`] is offered or
    /// accepted. With a key, the server may choose such a suite: then it shows no certificate, and whoever has the key
    /// passes in place of who passes the verifier.
    pub pre_shared_key: Option<PreSharedKey>,
    /// The keys that a server has with its clients; default none, and then no suite of [`CipherSuite::PRE_SHARED`] is chosen.
    /// With keys, a client that has one of them passes in place of who passes the verifier.
    pub pre_shared_keys: Option<PreSharedKeys>,
    /// Octets of handshake messages that wait to be complete or to be their turn, default 65536. Bounds the memory
    /// that an unauthenticated peer can make us hold.
    pub max_handshake_buffer: usize,
    /// Who does the cryptography; default what is built in.
    pub backend: Backend,
    /// Gets the secrets, to decrypt captures with; default none.
    pub key_log: Option<KeyLog>,
}

impl Config {
    /// A client that shows `identity` if the server asks, and talks to whom `verifier` lets in.
    pub fn client(identity: Arc<Identity>, verifier: Verifier) -> Self {
        Self::new(Role::Client, Some(identity), Some(verifier))
    }

    /// A client without a certificate that talks to whoever has this key too.
    pub fn client_with_key(key: PreSharedKey) -> Self {
        Self { pre_shared_key: Some(key), ..Self::new(Role::Client, None, None) }
    }

    /// A server that asks the client for a certificate and talks to whom `verifier` lets in. A client without a
    /// certificate is refused.
    pub fn server(identity: Arc<Identity>, verifier: Verifier) -> Self {
        Self::new(Role::Server, Some(identity), Some(verifier))
    }

    /// A server that does not ask who the client is.
    pub fn server_for_anyone(identity: Arc<Identity>) -> Self {
        Self::new(Role::Server, Some(identity), None)
    }

    /// A server without a certificate that talks to whoever has one of these keys.
    pub fn server_with_keys(keys: PreSharedKeys) -> Self {
        Self { pre_shared_keys: Some(keys), ..Self::new(Role::Server, None, None) }
    }

    fn new(role: Role, identity: Option<Arc<Identity>>, verifier: Option<Verifier>) -> Self {
        Self {
            role,
            identity,
            verifier,
            suites: [CipherSuite::SUPPORTED, CipherSuite::PRE_SHARED].concat(),
            groups: NamedGroup::SUPPORTED.to_vec(),
            signature_schemes: SignatureScheme::SUPPORTED.to_vec(),
            certificate_schemes: Vec::new(),
            require_extended_master_secret: true,
            application_protocols: Vec::new(),
            server_name: None,
            srtp_mki: Vec::new(),
            accept_srtp_mki: false,
            srtp_profiles: Vec::new(),
            initial_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(60),
            path_mtu: 1200,
            address_validated: false,
            cookies: true,
            replay_window: 64,
            record_size_limit: 1 << 14,
            connection_id: None,
            session: None,
            keep_session: false,
            session_cache: None,
            pre_shared_key: None,
            pre_shared_keys: None,
            max_handshake_buffer: 1 << 16,
            backend: Backend::default(),
            key_log: None,
        }
    }

    /// Leaves out what is not implemented, and what does not fit.
    pub(crate) fn retain_supported(&mut self) {
        let has_key = match self.role {
            Role::Client => self.pre_shared_key.is_some(),
            Role::Server => self.pre_shared_keys.is_some(),
        };
        let has_certificate = self.identity.is_some();
        self.suites.retain(|suite| {
            suite.suite().is_some_and(|suite| match suite.exchange {
                Exchange::Signed(_) => has_certificate,
                Exchange::EphemeralPreShared | Exchange::PreShared => has_key,
            })
        });
        self.groups.retain(|group| NamedGroup::SUPPORTED.contains(group));
        self.signature_schemes.retain(|scheme| SignatureScheme::SUPPORTED.contains(scheme));
        self.application_protocols.retain(|name| (1..=255).contains(&name.len()));
        self.server_name = self.server_name.take().filter(|name| is_host_name(name));
        if self.srtp_mki.len() > 255 {
            self.srtp_mki.clear();
        }
    }

    /// Whether one of the suites has this.
    pub(crate) fn has_suite(&self, is_so: impl Fn(Exchange) -> bool) -> bool {
        self.suites.iter().filter_map(|suite| suite.suite()).any(|suite| is_so(suite.exchange))
    }

    /// The key of this identity that we have with the peer today.
    pub(crate) fn shared_key(&self, identity: &str) -> Option<PreSharedKey> {
        match self.role {
            Role::Client => self.pre_shared_key.clone().filter(|key| key.identity() == identity),
            Role::Server => self.pre_shared_keys.as_ref()?.get(identity),
        }
    }

    /// Whether what a handshake leaves is kept.
    pub(crate) const fn keeps_sessions(&self) -> bool {
        match self.role {
            Role::Client => self.keep_session,
            Role::Server => self.session_cache.is_some(),
        }
    }

    /// The SHA-256 fingerprint of our certificate, if there is one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.identity.as_ref().map(|identity| identity.fingerprint())
    }

    /// Which end this is for.
    pub const fn role(&self) -> Role {
        self.role
    }
}

/// Letters, digits, hyphens and dots, and not the form of an address.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label) && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// The key log's callback: it gets one line at a time. Never called unless given.
#[derive(Clone)]
pub struct KeyLog(Arc<dyn Fn(&str) + Send + Sync>);

impl KeyLog {
    /// Calls `write` with each line in the format of NSS (`CLIENT_RANDOM ...`), without a line end. Whoever has a line
    /// can read its connection.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(crate) fn write(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}
