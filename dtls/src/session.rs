//! Sessions: what a handshake leaves for the next one; RFC 5246 sections 7.3 and F.1.4.
//!
//! Only sessions with the extended master secret exist (RFC 7627 section 5.3), so that none can be taken up without it.
//! What belongs to a connection is negotiated anew each time: randoms, keys, connection ids, record sizes, application
//! protocol, `use_srtp`. What belongs to the peer is judged anew: the certificates are remembered for it.

mod cache;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use crate::certificate::{Fingerprint, HashAlgorithm, admit};
use crate::config::Config;
use crate::context::Keyed;
use crate::crypto::suite::Suite;
use crate::crypto::{CipherSuite, NamedGroup};
use crate::error::{Kind, ParseError};
use crate::handshake::CertificateChain;
use crate::keys::{MasterSecret, Role};
use crate::pre_shared_key::{MAX_IDENTITY, Shared};
use crate::wire::{Reader, put_u16, put_vec};

pub use cache::SessionCache;

/// Octets of a session's name that we give.
pub(crate) const ID_LEN: usize = 32;
/// Octets of the longest chain that is remembered: with it, of all that a session takes.
pub(crate) const MAX_CHAIN: usize = 8192;
/// The first octet of the encoded form.
const FORMAT: u8 = 2;

/// A session that a client can take up again: [`crate::Connection::session`] gives it, [`Config::session`] takes it. Clones
/// are the same session. A fatal alert on any of its connections ends it for all of them (RFC 5246 section 7.2), but not
/// for what [`Session::to_bytes`] gave.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    id: Vec<u8>,
    master: MasterSecret,
    group: Option<NamedGroup>,
    /// The body of the peer's Certificate message; `None` if it was not asked for one.
    peer_chain: Option<Vec<u8>>,
    /// The pre-shared key that both had.
    shared: Option<Shared>,
    /// The fingerprint of our certificate, if the peer has seen it.
    own: Option<Fingerprint>,
    server_name: Option<String>,
    is_over: AtomicBool,
}

impl Session {
    /// What a handshake leaves, if the server has given it a name and both ends have what it takes.
    pub(crate) fn of(keyed: &mut Keyed, config: &Config) -> Option<Self> {
        let id = std::mem::take(&mut keyed.negotiated.session_id);
        let peer_chain = keyed.peer_chain.take();
        // Who was judged by a chain can only come back with it: it may have been too long to be kept.
        let is_unknown = config.verifier.is_some() && peer_chain.is_none();
        //= rfc7627#5.3-1
        if id.is_empty() || !keyed.negotiated.extended || is_unknown {
            return None;
        }
        let server_name = match config.role {
            Role::Client => config.server_name.clone(),
            Role::Server => keyed.negotiated.server_name.clone(),
        };
        Some(Self(Arc::new(Inner {
            id,
            master: keyed.master.clone(),
            group: keyed.group,
            peer_chain,
            shared: keyed.shared.clone(),
            own: config.fingerprint().filter(|_| keyed.showed),
            server_name,
            is_over: AtomicBool::new(false),
        })))
    }

    /// Whether a connection with this configuration and this name may take it up: the suite is still wanted, we are who we
    /// showed ourselves to be, and the verifier lets the peer in that was there, or is not there as it was not. Where a
    /// pre-shared key let the peer in, it is still there, and the same: a verifier has nothing to say about it, and a session
    /// without a key is none for those who have nothing but keys.
    pub(crate) fn fits(&self, config: &Config, server_name: Option<&str>) -> bool {
        let lets_in = match (&self.0.shared, &config.verifier, &self.0.peer_chain) {
            (Some(shared), ..) => {
                config.shared_key(&shared.identity).is_some_and(|key| key.claimed().shared == *shared)
            }
            (None, None, None) => config.role == Role::Server && config.identity.is_some(),
            (None, Some(verifier), Some(chain)) => {
                CertificateChain::parse(chain).is_ok_and(|chain| admit(&chain, verifier).is_ok())
            }
            _ => false,
        };
        lets_in
            && !self.is_over()
            && config.suites.contains(&self.suite().id)
            && (self.0.own.is_none() || self.0.own == config.fingerprint())
            && self.0.server_name.as_deref() == server_name
    }

    /// A fatal alert: it must not be taken up any more.
    //= rfc5246#7.2-1
    //= rfc5246#7.2.2-2
    pub(crate) fn end(&self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether a fatal alert has ended it.
    pub fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Relaxed)
    }

    pub(crate) fn id(&self) -> &[u8] {
        &self.0.id
    }

    pub(crate) fn suite(&self) -> &'static Suite {
        self.0.master.suite()
    }

    pub(crate) fn master(&self) -> &MasterSecret {
        &self.0.master
    }

    pub(crate) fn group(&self) -> Option<NamedGroup> {
        self.0.group
    }

    pub(crate) fn shared(&self) -> Option<&Shared> {
        self.0.shared.as_ref()
    }

    pub(crate) fn peer_fingerprint(&self) -> Option<Fingerprint> {
        let chain = CertificateChain::parse(self.0.peer_chain.as_ref()?).ok()?;
        Some(Fingerprint::of(HashAlgorithm::Sha256, chain.leaf()?))
    }

    /// The session as octets, to be kept elsewhere: whoever has them can read its connections, and pose as either end. They
    /// hold no times; RFC 5246 section F.1.4 suggests to forget a session after a day.
    ///
    /// ```text
    /// 2 | id 1+0..32 | master secret 48 | suite 2 | group 2 | our fingerprint 1+0..32 | server name 1+0..253
    ///   | identity of the pre-shared key 2+0..512 | the key's mark 0 or 32 | chain 0..
    /// ```
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Inner { id, master, group, peer_chain, shared, own, server_name, .. } = &*self.0;
        let chain = peer_chain.as_deref().unwrap_or_default();
        // Long enough at once: a buffer that grows leaves secrets behind.
        let mut out = Zeroizing::new(Vec::with_capacity(512 + MAX_IDENTITY + chain.len()));
        out.push(FORMAT);
        put_vec::<1>(&mut out, |out| out.extend_from_slice(id));
        out.extend_from_slice(master.secret());
        put_u16(&mut out, master.suite().id.0);
        put_u16(&mut out, group.map_or(0, |group| group.0));
        put_vec::<1>(&mut out, |out| out.extend(own.iter().flat_map(Fingerprint::bytes)));
        put_vec::<1>(&mut out, |out| {
            out.extend_from_slice(server_name.as_deref().unwrap_or_default().as_bytes());
        });
        let identity = shared.as_ref().map_or("", |shared| &shared.identity);
        put_vec::<2>(&mut out, |out| out.extend_from_slice(identity.as_bytes()));
        out.extend(shared.iter().flat_map(|shared| shared.mark));
        out.extend_from_slice(chain);
        out
    }

    /// Reads what [`Session::to_bytes`] gave.
    ///
    /// # Errors
    /// It is something else, or of another version of this crate that has another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let fault = reader.error(Kind::Session);
        if reader.u8()? != FORMAT {
            return Err(fault);
        }
        let id = reader.vec8(1)?.rest().to_vec();
        let secret = reader.array()?;
        let master = MasterSecret::from_log(CipherSuite(reader.u16()?), secret).ok_or(fault)?;
        let group = Some(NamedGroup(reader.u16()?)).filter(|group| group.0 != 0);
        let own = match reader.vec8(0)?.rest() {
            [] => None,
            octets => Some(Fingerprint::new(HashAlgorithm::Sha256, octets).map_err(|_| fault)?),
        };
        let name = std::str::from_utf8(reader.vec8(0)?.rest()).map_err(|_| fault)?;
        let identity = std::str::from_utf8(reader.vec16(0)?.rest()).map_err(|_| fault)?;
        let shared = if identity.is_empty() {
            None
        } else {
            Some(Shared { identity: identity.to_owned(), mark: *reader.array()? })
        };
        let chain = reader.rest();
        if master.suite().exchange.is_pre_shared() != shared.is_some() {
            return Err(fault);
        }
        if id.len() > ID_LEN || chain.len() > MAX_CHAIN || identity.len() > MAX_IDENTITY {
            return Err(fault);
        }
        if !chain.is_empty() {
            CertificateChain::parse(chain)?;
        }
        Ok(Self(Arc::new(Inner {
            id,
            master,
            group,
            peer_chain: (!chain.is_empty()).then(|| chain.to_vec()),
            shared,
            own,
            server_name: (!name.is_empty()).then(|| name.to_owned()),
            is_over: AtomicBool::new(false),
        })))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.suite().id)
    }
}

#[cfg(test)]
mod tests;
