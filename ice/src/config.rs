//! What can be chosen.

use std::fmt;
use std::time::Duration;

/// Which agent nominates; RFC 8445 section 6.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Picks the pair: the side that made the offer, or the only full agent.
    Controlling,
    /// Follows.
    Controlled,
}

impl Role {
    /// The other role.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Controlling => "controlling",
            Self::Controlled => "controlled",
        })
    }
}

/// When a controlling agent nominates. Each pair is validated first and nominated by a second check: regular nomination,
/// RFC 8445 section 8.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nomination {
    /// The first pair that works.
    FirstValid,
    /// The best pair that works: at once when no better one is left to be checked, else after this time from when the
    /// first one worked.
    BestWithin(Duration),
}

/// How an [`crate::Agent`] behaves. Made by [`Config::new`], then changed field by field.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The role to begin with; a conflict can change it.
    pub role: Role,
    /// Time between two new transactions (Ta), 5 ms or more, default 50 ms; RFC 8445 section 14.2. Another value must be
    /// signalled (`a=ice-pacing`), and the greater of the two sides' counts: see [`crate::Agent::set_remote_pacing`].
    pub ta: Duration,
    /// When to nominate, default the best within 200 ms.
    pub nomination: Nomination,
    /// Time from the start of checks before which the agent never fails (PAC timer), default 39.5 s; RFC 8863 section 4.
    pub patience: Duration,
    /// Mean time between consent checks, 5 s or more, default 5 s; each interval is 0.8 to 1.2 times this. RFC 7675
    /// section 5.1.
    pub consent_interval: Duration,
    /// Silence on the selected pair after which the state is [`crate::State::Disconnected`], default 15 s. Consent is lost
    /// after 30 s in any case.
    pub disconnected_after: Duration,
    /// Whether loopback addresses may be candidates, default no (RFC 8445 section 5.1.1.1). Two programs on one machine
    /// need it.
    pub loopback: bool,
    /// DSCP of everything the agent sends, 0 to 63, default 0; should be that of the data, RFC 8445 section 7.2.3.
    pub dscp: u8,
    /// Pairs, 1 or more, default 100; RFC 8445 section 6.1.2.5. The best are kept.
    pub max_pairs: usize,
    /// Local candidates, peer-reflexive ones not counted, default 32.
    pub max_local: usize,
    /// Remote candidates that are signalled, default 64.
    pub max_remote: usize,
    /// Remote candidates learnt from checks, default 32.
    pub max_peer_reflexive: usize,
    /// STUN servers times bases, default 16.
    pub max_servers: usize,
}

impl Config {
    /// The defaults for a role.
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            ta: DEFAULT_TA,
            nomination: Nomination::BestWithin(Duration::from_millis(200)),
            patience: Duration::from_millis(39_500),
            consent_interval: MIN_CONSENT_INTERVAL,
            disconnected_after: Duration::from_secs(15),
            loopback: false,
            dscp: 0,
            max_pairs: 100,
            max_local: 32,
            max_remote: 64,
            max_peer_reflexive: 32,
            max_servers: 16,
        }
    }
}

/// Ta where nothing else is signalled; RFC 8445 section 14.2.
pub(crate) const DEFAULT_TA: Duration = Duration::from_millis(50);
/// The shortest Ta; RFC 8445 section 14.2.
pub(crate) const MIN_TA: Duration = Duration::from_millis(5);
/// With the factor 0.8 it gives the 4 s below which RFC 7675 section 5.1 does not allow intervals.
pub(crate) const MIN_CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Consent ends this long after the last valid answer; RFC 7675 section 5.1.
pub(crate) const CONSENT_EXPIRY: Duration = Duration::from_secs(30);
