//! `peer`'s server: sessions behind HTTP, each a thread with a socket of its own that echoes what it gets.

mod echo;
mod http;
mod session;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use nomagic_dtls::Identity;
use rand::RngExt;

pub use http::serve;
use session::Session;

use crate::udp::RelayConfig;

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where HTTP is served, and at whose address the media sockets are.
    pub address: SocketAddr,
    /// Candidates of any address are tried, not only of the loopback.
    pub any_candidates: bool,
    /// Asked for in `Authorization: Bearer`, where the server is not on the loopback.
    pub token: Option<String>,
    /// A TURN server that relays for each session.
    pub relay: Option<RelayConfig>,
    /// Sessions are reached through the relay only.
    pub relay_only: bool,
    /// The one SRTP profile to agree to; `None` for all that a peer has.
    pub srtp: Option<nomagic_dtls::SrtpProfile>,
}

/// Sessions at once.
const MAX_SESSIONS: usize = 64;

/// All sessions.
#[derive(Debug)]
pub struct Server {
    config: ServeConfig,
    identity: Arc<Identity>,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
}

/// Why a session was not made.
#[derive(Debug)]
enum NewSessionError {
    TooMany,
    Socket(std::io::Error),
}

impl Server {
    /// A server without sessions; its certificate is made here.
    pub fn new(config: ServeConfig) -> Self {
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        Self { config, identity: Arc::new(Identity::generate(&mut rng)), sessions: Mutex::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Session>>> {
        // A thread that panicked while it held the lock has left a map that is still one.
        let mut sessions = self.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sessions.retain(|_, session| !session.is_over());
        sessions
    }

    fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.sessions().get(id).cloned()
    }

    /// Starts a session that offers or answers, and opens a channel of its own if `initiate`.
    fn start(&self, offering: bool, initiate: bool) -> Result<(String, Arc<Session>), NewSessionError> {
        let mut sessions = self.sessions();
        if sessions.len() >= MAX_SESSIONS {
            return Err(NewSessionError::TooMany);
        }
        let ip: IpAddr = self.config.address.ip();
        let session = Session::start(ip, Arc::clone(&self.identity), offering, initiate, &self.config);
        let session = Arc::new(session.map_err(NewSessionError::Socket)?);
        let id = format!("{:032x}", rand::rng().random::<u128>());
        sessions.insert(id.clone(), Arc::clone(&session));
        Ok((id, session))
    }
}
