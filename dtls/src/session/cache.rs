//! What a server remembers of sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Session;

/// No session is taken up later than this; RFC 5246 section F.1.4.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The sessions of a server that its clients may take up again. Clones are the same cache: it is made once, and given to the
/// [`crate::Config`] of each connection. Only complete handshakes fill it, each with up to 8.5 KB.
#[derive(Clone)]
pub struct SessionCache(Arc<Mutex<Kept>>);

struct Kept {
    capacity: usize,
    lifetime: Duration,
    /// By name: when it was kept, and which it was.
    sessions: BTreeMap<Vec<u8>, (u64, Session)>,
    /// The oldest first, each with the time of its end.
    ages: BTreeMap<u64, (Instant, Vec<u8>)>,
    next: u64,
    now: Option<Instant>,
}

impl SessionCache {
    /// Keeps up to `capacity` sessions, each for `lifetime` after its full handshake, up to a day. Where there is no room
    /// the oldest goes. The secrets of a session are those of all its connections: whoever reads this memory within the
    /// lifetime can read them, so make it short.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            capacity,
            lifetime: lifetime.min(LONGEST),
            sessions: BTreeMap::new(),
            ages: BTreeMap::new(),
            next: 0,
            now: None,
        })))
    }

    /// Sessions that are kept, those included whose time is over, until somebody asks for one or adds one.
    pub fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all sessions.
    pub fn clear(&self) {
        let mut kept = self.lock();
        kept.sessions.clear();
        kept.ages.clear();
    }

    pub(crate) fn keep(&self, now: Instant, session: Session) {
        let mut kept = self.lock();
        let now = kept.advance(now);
        if kept.capacity == 0 {
            return;
        }
        while kept.sessions.len() >= kept.capacity {
            kept.forget_oldest();
        }
        let (number, ends, id) = (kept.next, now + kept.lifetime, session.id().to_vec());
        kept.next += 1;
        kept.ages.insert(number, (ends, id.clone()));
        if let Some((before, _)) = kept.sessions.insert(id, (number, session)) {
            kept.ages.remove(&before);
        }
    }

    pub(crate) fn find(&self, now: Instant, id: &[u8]) -> Option<Session> {
        let mut kept = self.lock();
        kept.advance(now);
        let (number, session) = kept.sessions.get(id).cloned()?;
        if session.is_over() {
            kept.sessions.remove(id);
            kept.ages.remove(&number);
            return None;
        }
        Some(session)
    }

    /// A panic elsewhere leaves the table as it was.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Time never goes back; sessions end with it.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |newest| newest.max(now));
        self.now = Some(now);
        while self.ages.first_key_value().is_some_and(|(_, (ends, _))| *ends <= now) {
            self.forget_oldest();
        }
        now
    }

    fn forget_oldest(&mut self) {
        if let Some((_, (_, id))) = self.ages.pop_first() {
            self.sessions.remove(&id);
        }
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCache({} sessions)", self.len())
    }
}
