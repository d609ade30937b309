//! The master keys of a context and the session keys derived from them.

use alloc::vec::Vec;

use crate::derive::{Label, derive};
use crate::error::AddKeyError;
use crate::key::MasterKey;
use crate::provider::Backend;
use crate::suite::{CounterMode, Suite};

/// Master keys that a context holds at once.
const KEY_LIMIT: usize = 16;

/// One master key at work.
pub(crate) struct Keyed {
    pub(crate) master: MasterKey,
    pub(crate) rtp: Suite,
    pub(crate) rtcp: Suite,
    /// For header extension elements, where some are encrypted.
    pub(crate) header: Option<CounterMode>,
    rtp_period: u64,
    rtcp_period: u64,
    /// Packets protected so far.
    pub(crate) rtp_count: u64,
    pub(crate) rtcp_count: u64,
}

impl Keyed {
    //= rfc3711#4.3.1-2
    //= rfc3711#4.3.2-1
    fn new(master: &MasterKey, backend: &Backend, header: bool) -> Self {
        Self {
            master: master.clone(),
            rtp: Suite::rtp(master, backend, 0),
            rtcp: Suite::rtcp(master, backend, 0),
            header: header.then(|| Suite::header(master, backend, 0)),
            rtp_period: 0,
            rtcp_period: 0,
            rtp_count: 0,
            rtcp_count: 0,
        }
    }

    /// Derives the keys of the period in which an RTP index lies, if they are not the ones at hand.
    //= rfc3711#4.3.1-4
    #[inline]
    pub(crate) fn prepare_rtp(&mut self, backend: &Backend, index: u64) {
        let rate = self.master.derivation_rate();
        if rate != 0 && index / u64::from(rate) != self.rtp_period {
            self.rtp_period = index / u64::from(rate);
            self.rtp = Suite::rtp(&self.master, backend, self.rtp_period);
            if self.header.is_some() {
                self.header = Some(Suite::header(&self.master, backend, self.rtp_period));
            }
        }
    }

    /// The same for an RTCP index.
    pub(crate) fn prepare_rtcp(&mut self, backend: &Backend, index: u64) {
        let rate = self.master.derivation_rate();
        if rate != 0 && index / u64::from(rate) != self.rtcp_period {
            self.rtcp_period = index / u64::from(rate);
            self.rtcp = Suite::rtcp(&self.master, backend, self.rtcp_period);
        }
    }
}

/// All master keys of a context; never empty.
pub(crate) struct Keys {
    all: Vec<Keyed>,
    current: usize,
    pub(crate) backend: Backend,
    header: bool,
}

impl Keys {
    pub(crate) fn new(master: &MasterKey, backend: Backend, header: bool) -> Self {
        Self { all: alloc::vec![Keyed::new(master, &backend, header)], current: 0, backend, header }
    }

    /// Octets of the identifier, the same for all.
    //= rfc3711#3.2.1-2
    #[inline]
    pub(crate) fn identifier_len(&self) -> usize {
        self.all.first().map_or(0, |key| key.master.identifier().len())
    }

    /// The secret of the table of sources.
    pub(crate) fn table_key(master: &MasterKey) -> [u8; 8] {
        *derive(master, Label::Table, 0)
    }

    #[inline]
    pub(crate) fn current(&mut self) -> (&mut Keyed, &Backend) {
        (&mut self.all[self.current], &self.backend)
    }

    pub(crate) fn current_ref(&self) -> &Keyed {
        &self.all[self.current]
    }

    /// The key with this identifier becomes the current one.
    pub(crate) fn choose(&mut self, identifier: &[u8]) -> bool {
        let found = self.position(identifier);
        self.current = found.unwrap_or(self.current);
        found.is_some()
    }

    /// Where the key with this identifier stands.
    #[inline]
    pub(crate) fn position(&self, identifier: &[u8]) -> Option<usize> {
        if self.all[self.current].master.identifier() == identifier {
            return Some(self.current);
        }
        self.all.iter().position(|key| key.master.identifier() == identifier)
    }

    /// The key at a position that [`Keys::position`] gave.
    #[inline]
    pub(crate) fn at(&mut self, position: usize) -> (&mut Keyed, &Backend) {
        (&mut self.all[position], &self.backend)
    }

    /// The key there becomes the current one.
    #[inline]
    pub(crate) fn set_current(&mut self, position: usize) {
        self.current = position;
    }

    #[inline]
    pub(crate) fn current_position(&self) -> usize {
        self.current
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Keyed> {
        self.all.iter()
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Keyed> {
        self.all.last_mut()
    }

    pub(crate) fn add(&mut self, master: &MasterKey) -> Result<(), AddKeyError> {
        self.suits(master)?;
        let (expected, found) = (self.identifier_len(), master.identifier().len());
        if expected == 0 || expected != found {
            return Err(AddKeyError::Identifier { expected, found });
        }
        if self.all.iter().any(|key| key.master.identifier() == master.identifier()) {
            return Err(AddKeyError::IdentifierInUse);
        }
        if self.all.len() >= KEY_LIMIT {
            return Err(AddKeyError::TooManyKeys { limit: KEY_LIMIT });
        }
        self.all.push(Keyed::new(master, &self.backend, self.header));
        Ok(())
    }

    /// Forgets a key that is not the current one.
    pub(crate) fn remove(&mut self, identifier: &[u8]) -> bool {
        match self.all.iter().position(|key| key.master.identifier() == identifier) {
            Some(at) if at != self.current => {
                self.all.remove(at);
                self.current -= usize::from(at < self.current);
                true
            }
            _ => false,
        }
    }

    /// Puts a key in the place of all others.
    pub(crate) fn replace(&mut self, master: &MasterKey) -> Result<(), AddKeyError> {
        self.suits(master)?;
        let (expected, found) = (self.identifier_len(), master.identifier().len());
        if expected != found {
            return Err(AddKeyError::Identifier { expected, found });
        }
        self.all = alloc::vec![Keyed::new(master, &self.backend, self.header)];
        self.current = 0;
        Ok(())
    }

    fn suits(&self, master: &MasterKey) -> Result<(), AddKeyError> {
        let profile = self.current_ref().master.profile();
        if master.profile() != profile {
            return Err(AddKeyError::Profile { expected: profile });
        }
        //= rfc3711#9.2-4
        if self.all.iter().any(|key| key.master.is_same_secret(master)) {
            return Err(AddKeyError::UsedBefore);
        }
        Ok(())
    }
}
